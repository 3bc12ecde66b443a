//! The robot and the target at one control step, in the terms of observations and actions.

use nalgebra::{Isometry3, Point3, Vector3, Vector6};
use pointcloud::OrientedBox;
use robot::hand::{FINGERTIPS, JOINTS, LED_JOINTS};
use robot::{Hand, Kinematics, KinematicsError, ur5};

use crate::geometric::{Arm, LedAngles};

/// What was measured and commanded last.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Positions of the arm's joints, rad.
    pub arm: Arm,
    /// Velocities of the arm's joints, rad/s.
    pub arm_velocity: Arm,
    /// Positions of the hand's joints, rad.
    pub hand: [f64; 11],
    /// Velocities of the hand's joints, rad/s.
    pub hand_velocity: [f64; 11],
    /// Loads of the hand's joints.
    pub hand_load: [f64; 11],
}

impl Measured {
    /// Positions of the hand's led joints, rad.
    pub fn led(&self) -> LedAngles {
        led_of(&self.hand)
    }

    /// Loads of the hand's led joints, which are those of its servos.
    pub fn led_load(&self) -> [f64; 5] {
        led_of(&self.hand_load)
    }
}

/// The values of the led joints among those of all joints.
fn led_of(joints: &[f64; 11]) -> [f64; 5] {
    LED_JOINTS.map(|name| {
        JOINTS
            .iter()
            .position(|joint| *joint == name)
            .and_then(|index| joints.get(index))
            .copied()
            .unwrap_or(0.0)
    })
}

/// The target as last seen, base frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its points.
    pub points: Vec<Point3<f32>>,
    /// Its upright box.
    pub bounds: OrientedBox,
}

/// Everything that an observation can be made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// What was measured.
    pub measured: Measured,
    /// Positions last commanded to the arm, rad.
    pub arm_targets: Arm,
    /// Positions last commanded to the hand's led joints, rad.
    pub hand_targets: LedAngles,
    /// The target; learned policies see it as it was when it was last seen.
    pub target: Option<Target>,
    /// Where the target is to go, base frame, metres.
    pub goal: Point3<f64>,
    /// The network's last output.
    pub previous_action: Vec<f32>,
    /// Poses that follow from the measurements.
    pub poses: Poses,
    /// Velocities of palm and fingertips: linear (m/s), then angular (rad/s), base frame.
    pub velocities: Velocities,
}

/// Poses in the base frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Poses {
    /// The flange.
    pub base_from_tool0: Isometry3<f64>,
    /// The palm.
    pub base_from_palm: Isometry3<f64>,
    /// The fingertips: thumb, index, middle, ring, little.
    pub base_from_tips: [Isometry3<f64>; 5],
}

/// Velocities in the base frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Velocities {
    /// Of the palm.
    pub palm: Vector6<f64>,
    /// Of the fingertips.
    pub tips: [Vector6<f64>; 5],
}

impl Poses {
    /// Forward kinematics of arm and hand.
    pub fn of(
        kinematics: &Kinematics,
        arm: &Arm,
        hand: &[f64; 11],
    ) -> Result<Self, KinematicsError> {
        let arm = ur5::JOINTS.into_iter().zip(*arm);
        let positions = kinematics.positions(arm.chain(JOINTS.into_iter().zip(*hand)))?;
        let poses = kinematics.forward(&positions)?;
        let base_from_base_link = poses.root_from("base_link")?;
        let at = |link: &str| -> Result<Isometry3<f64>, KinematicsError> {
            Ok(base_from_base_link.inv_mul(&poses.root_from(link)?))
        };
        let mut base_from_tips = [Isometry3::identity(); 5];
        for (pose, link) in base_from_tips.iter_mut().zip(FINGERTIPS) {
            *pose = at(link)?;
        }
        Ok(Self {
            base_from_tool0: at("tool0")?,
            base_from_palm: at("palm")?,
            base_from_tips,
        })
    }

    /// Velocities from the poses of a control step ago.
    pub fn velocities_since(&self, before: &Self, step_s: f64) -> Velocities {
        let mut velocities = Velocities {
            palm: velocity(&before.base_from_palm, &self.base_from_palm, step_s),
            ..Velocities::default()
        };
        let pairs = before.base_from_tips.iter().zip(&self.base_from_tips);
        for (velocity_of_tip, (before, now)) in velocities.tips.iter_mut().zip(pairs) {
            *velocity_of_tip = velocity(before, now, step_s);
        }
        velocities
    }
}

fn velocity(before: &Isometry3<f64>, now: &Isometry3<f64>, step_s: f64) -> Vector6<f64> {
    let linear: Vector3<f64> = (now.translation.vector - before.translation.vector) / step_s;
    let angular = (now.rotation * before.rotation.inverse()).scaled_axis() / step_s;
    Vector6::new(
        linear.x, linear.y, linear.z, angular.x, angular.y, angular.z,
    )
}

/// Positions of the servos for the hand's measured joints, ticks.
pub(crate) fn servo_positions(hand: &Hand, measured: &Measured) -> [f64; 5] {
    hand.ticks(measured.led())
}
