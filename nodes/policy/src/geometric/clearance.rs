//! How much room the open hand has on its way down to a grasp.

use nalgebra::{Isometry3, Point3};
use robot::geometry::{PosedShapes, RobotShapes};
use robot::hand::JOINTS;
use robot::{Hand, Kinematics, KinematicsError, Model, ur5};

use super::hand::Ticks;
use super::path::Arm;

/// Heights above the grasp at which the hand is looked at, metres: the last part of the way, straight down.
const HEIGHTS_M: [f64; 4] = [0.0, 0.015, 0.04, 0.075];

/// No part of the hand is further from the palm's frame, on its way down, metres.
const HAND_LENGTH_M: f64 = 0.36;

/// Room beyond this is as good as any, metres.
const ENOUGH_M: f64 = 0.02;

/// What is seen this near to the robot is taken for the robot, metres.
const OWN_M: f64 = 0.035;

/// The hand's shapes, in any of its postures.
#[derive(Debug, Clone)]
pub(super) struct HandShapes {
    kinematics: Kinematics,
    hand: Hand,
    shapes: RobotShapes,
    /// Arm and hand, in the base frame.
    robot: RobotShapes,
}

impl HandShapes {
    pub(super) fn new(model: &Model, kinematics: &Kinematics, hand: &Hand) -> Self {
        Self {
            kinematics: kinematics.clone(),
            hand: hand.clone(),
            shapes: RobotShapes::carried_by(model, "palm"),
            robot: RobotShapes::new(model, "base_link"),
        }
    }

    /// The shapes in the palm's frame, with the servos at `ticks`.
    fn at(&self, ticks: &Ticks) -> Result<PosedShapes<'_>, KinematicsError> {
        let angles = self.hand.angles(*ticks);
        let positions = self.kinematics.positions(JOINTS.into_iter().zip(angles))?;
        self.shapes.at(&self.kinematics.forward(&positions)?)
    }

    /// The points that are not of the robot, with its arm at `arm` and its hand open.
    pub(super) fn without_robot(&self, points: &[Point3<f32>], arm: &Arm) -> Vec<Point3<f64>> {
        let angles = JOINTS.into_iter().zip(self.hand.angles(self.hand.open()));
        let joints = ur5::JOINTS.into_iter().zip(*arm).chain(angles);
        let Ok(positions) = self.kinematics.positions(joints) else {
            return Vec::new();
        };
        let Ok(poses) = self.kinematics.forward(&positions) else {
            return Vec::new();
        };
        let Ok(robot) = self.robot.at(&poses) else {
            return Vec::new();
        };
        points
            .iter()
            .map(|point| point.cast::<f64>())
            .filter(|point| !robot.is_within(point, OWN_M))
            .collect()
    }

    /// Least distance between the hand and the obstacles while it comes straight down to `base_from_palm`, metres.
    ///
    /// Negative where they overlap; at most 2 cm, also without obstacles.
    pub(super) fn clearance(
        &self,
        ticks: &Ticks,
        base_from_palm: &Isometry3<f64>,
        obstacles: &[Point3<f64>],
    ) -> f64 {
        let Ok(shapes) = self.at(ticks) else {
            return ENOUGH_M;
        };
        let palm_from_base = base_from_palm.inverse();
        let mut least = ENOUGH_M;
        // Out of reach of the hand wherever it points.
        let near = |obstacle: &&Point3<f64>| {
            (obstacle.coords - base_from_palm.translation.vector).norm() < HAND_LENGTH_M
        };
        let obstacles: Vec<_> = obstacles.iter().filter(near).collect();
        for height in HEIGHTS_M {
            for obstacle in &obstacles {
                // A hand that is higher sees the obstacle lower.
                let lowered = Point3::new(obstacle.x, obstacle.y, obstacle.z - height);
                let in_palm = palm_from_base * lowered;
                if shapes.is_within(&in_palm, least) {
                    least = least.min(shapes.distance(&in_palm));
                }
            }
        }
        least
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::{Translation3, UnitQuaternion};

    use super::*;

    fn shapes() -> (HandShapes, Ticks) {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let model = Model::from_file(format!("{root}/urdf/ur5_sih.urdf")).unwrap();
        let hand = Hand::from_file(format!("{root}/calibration/sih_right.yaml")).unwrap();
        let open = hand.open();
        (
            HandShapes::new(&model, &Kinematics::new(&model), &hand),
            open,
        )
    }

    /// Fingers along base x, the inside of the hand down.
    fn level(height: f64) -> Isometry3<f64> {
        let y_down = UnitQuaternion::from_axis_angle(
            &nalgebra::Vector3::x_axis(),
            -std::f64::consts::FRAC_PI_2,
        );
        Isometry3::from_parts(Translation3::new(0.0, 0.0, height), y_down)
    }

    #[test]
    fn room_is_measured_on_the_whole_way_down() {
        let (shapes, open) = shapes();
        let clearance = |point: Point3<f64>| shapes.clearance(&open, &level(0.3), &[point]);
        // Far below, and far beside: as good as nothing.
        assert_eq!(clearance(Point3::new(0.0, 0.0, 0.0)), ENOUGH_M);
        assert_eq!(clearance(Point3::new(0.0, 0.5, 0.3)), ENOUGH_M);
        // In the palm at the end of the way, and passed by the palm higher up.
        let palm = level(0.3) * Point3::new(0.006, -0.009, 0.08);
        assert!(clearance(palm) < -0.01);
        let above = Point3::new(palm.x, palm.y, palm.z + 0.04);
        assert!(clearance(above) < -0.01);
        assert_eq!(shapes.clearance(&open, &level(0.3), &[]), ENOUGH_M);
    }

    #[test]
    fn the_arm_does_not_count() {
        let (shapes, open) = shapes();
        // With all joints at zero the arm lies along x of its own base, far from where the palm is here.
        let elbow = level(0.0) * Point3::new(0.0, 0.0, -0.2);
        assert_eq!(shapes.clearance(&open, &level(0.0), &[elbow]), ENOUGH_M);
    }
}
