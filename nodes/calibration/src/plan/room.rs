//! Where the arm may be: what its limits allow, clear of the table, of the camera and of itself.
//!
//! Nothing else is known of the cell. What stands on the table or beside the robot is not looked for: clear it away.

use nalgebra::{Isometry3, Point3, Vector3};
use robot::{
    Kinematics, KinematicsError, Model, frames,
    geometry::RobotShapes,
    limits::{LimiterConfig, Workspace, WorkspaceError},
    motion::{Arm, travel},
    ur5,
};

use crate::{board::Board, sample::Setup};

/// The arm stays this far within its limits: rad, metres.
const WITHIN: (f64, f64) = (0.05, 0.02);
/// Height above the table that the origins of all links from the upper arm on keep, metres.
const LINK_HEIGHT_M: f64 = 0.08;
/// Height above the table that what the flange carries keeps, metres.
const CARRIED_HEIGHT_M: f64 = 0.04;
/// Distance of what the flange carries from the arm up to wrist 2, metres.
const ARM_CLEARANCE_M: f64 = 0.015;
/// Distance of anything from a camera that stands still, metres.
const CAMERA_CLEARANCE_M: f64 = 0.15;
/// A camera on the flange is a ball of this radius, metres.
const CAMERA_RADIUS_M: f64 = 0.06;
/// Travel of any joint from where the arm was at the beginning, rad: cables are not wound up, and elbows do not flip.
const MOST_TRAVEL: f64 = 2.0;
/// Postures that are looked at on the way are no further apart than this, rad.
const WAY_STEP: f64 = 0.06;
/// Share of the clearances that is kept on the way: what is known of camera and board changes with every sample, and the arm
/// has to get away from where it is.
const ON_THE_WAY: f64 = 0.6;
/// What is not carried by this link does not turn with the tool.
const FIRST_CARRIED: &str = "wrist_3_link";

/// Why the arm may not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Objection {
    /// Beyond what its joints may do.
    #[error("a joint would be beyond its limits, or more than 115 deg from where it began")]
    Joint,
    /// Beyond what the driver allows.
    #[error("flange or fingertips would be outside the workspace of the arm's limits")]
    Workspace,
    /// Too near to the table.
    #[error("arm, hand or board would come too near to the table")]
    Table,
    /// Too near to itself.
    #[error("hand, board or camera would come too near to the arm")]
    Arm,
    /// Too near to the camera.
    #[error("arm, hand or board would come too near to the camera")]
    Camera,
}

/// What camera and board take up, as far as that is known by now.
#[derive(Debug, Clone)]
pub struct Equipment {
    /// Points of what is fastened to the flange, in its frame, metres.
    pub carried: Vec<Point3<f64>>,
    /// A camera that stands still, in the base frame, metres.
    pub camera: Option<Point3<f64>>,
}

impl Equipment {
    /// White around a print, metres.
    const RIM_M: f64 = 0.02;
    /// Points along each side of the board.
    const POINTS: u32 = 5;

    /// From where camera and board are.
    #[must_use]
    pub fn new(
        setup: Setup,
        board: &Board,
        mount_from_camera: &Isometry3<f64>,
        carrier_from_board: &Isometry3<f64>,
    ) -> Self {
        let camera = Point3::from(mount_from_camera.translation.vector);
        match setup {
            Setup::EyeToHand => {
                let [width, height] = board.size();
                let place = |step: u32, side: f64| {
                    let part = f64::from(step) / f64::from(Self::POINTS - 1);
                    part * (side + 2.0 * Self::RIM_M) - Self::RIM_M
                };
                let grid = (0..Self::POINTS * Self::POINTS)
                    .map(|index| (index % Self::POINTS, index / Self::POINTS));
                let carried = grid.map(|(x, y)| {
                    carrier_from_board * Point3::new(place(x, width), place(y, height), 0.0)
                });
                Self {
                    carried: carried.collect(),
                    camera: Some(camera),
                }
            }
            Setup::EyeInHand => {
                let ends = [1.0, -1.0].into_iter().flat_map(|sign| {
                    [Vector3::x(), Vector3::y(), Vector3::z()]
                        .map(|axis| camera + axis * (sign * CAMERA_RADIUS_M))
                });
                Self {
                    carried: ends.collect(),
                    camera: None,
                }
            }
        }
    }
}

/// What the arm may do; see the [module](self).
#[derive(Debug, Clone)]
pub struct Room {
    kinematics: Kinematics,
    workspace: Workspace,
    arm: RobotShapes,
    /// Links from the upper arm on, and of those the ones that turn with the flange.
    moving: Vec<String>,
    carried: Vec<String>,
    limits: [(f64, f64); 6],
}

/// Why there is no room.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RoomError {
    /// The limits do not fit the robot.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The robot is another one.
    #[error(transparent)]
    Kinematics(#[from] KinematicsError),
    /// The limits are of another robot.
    #[error("the arm's limits speak of other joints than {}", ur5::JOINTS.join(", "))]
    Joints,
}

impl Room {
    /// From the robot's description, with the hand as it is when all its joints are at zero, and the limits of its arm.
    ///
    /// # Errors
    /// When the two do not belong together, or the arm is no UR5.
    pub fn new(model: &Model, limits: &LimiterConfig) -> Result<Self, RoomError> {
        let bounds: Vec<(f64, f64)> = ur5::JOINTS
            .iter()
            .zip(&ur5::LIMITS)
            .filter_map(|(name, (lower, upper))| {
                let bound = limits.joints.iter().find(|bound| bound.name == *name)?;
                Some((
                    lower.max(bound.lower) + WITHIN.0,
                    upper.min(bound.upper) - WITHIN.0,
                ))
            })
            .collect();
        let boxes: Vec<_> = limits
            .workspace
            .iter()
            .cloned()
            .map(|mut area| {
                area.lower = area.lower.map(|edge| edge + WITHIN.1);
                area.upper = area.upper.map(|edge| edge - WITHIN.1);
                area
            })
            .collect();
        let kinematics = Kinematics::new(model);
        let links = |top: &str| {
            let links = model.links().iter().map(|link| link.name.clone());
            links
                .filter(|link| model.is_carried_by(link, top))
                .collect::<Vec<_>>()
        };
        Ok(Self {
            workspace: Workspace::new(&boxes, model, frames::BASE_LINK, &ur5::JOINTS)?,
            kinematics,
            arm: RobotShapes::without(model, FIRST_CARRIED, frames::BASE_LINK),
            // The upper arm's own origin is at the shoulder.
            moving: links("forearm_link"),
            carried: links(frames::TOOL0),
            limits: bounds.try_into().map_err(|_| RoomError::Joints)?,
        })
    }

    /// The joints that take the flange somewhere with the least motion.
    #[must_use]
    pub fn reach(&self, base_from_flange: &Isometry3<f64>, near: &Arm) -> Option<Arm> {
        ur5::inverse_nearest(base_from_flange, near, &self.limits)
    }

    /// What speaks against a posture of an arm that began at `start`, if anything.
    #[must_use]
    pub fn objection(&self, arm: &Arm, start: &Arm, equipment: &Equipment) -> Option<Objection> {
        self.objection_at(1.0, arm, start, equipment)
    }

    /// The same with a share of the clearances.
    fn objection_at(
        &self,
        share: f64,
        arm: &Arm,
        start: &Arm,
        equipment: &Equipment,
    ) -> Option<Objection> {
        let (rad, metres) = ((1.0 - share) * WITHIN.0, (1.0 - share) * WITHIN.1);
        let mut within = arm.iter().zip(&self.limits);
        let is_within =
            within.all(|(joint, (lower, upper))| (lower - rad..=upper + rad).contains(joint));
        if !is_within || travel(start, arm) > MOST_TRAVEL + rad {
            return Some(Objection::Joint);
        }
        if self.workspace.violation_m(arm) > metres {
            return Some(Objection::Workspace);
        }
        // A description that lacks a link was refused at the beginning.
        self.nearness(share, arm, equipment)
            .unwrap_or(Some(Objection::Arm))
    }

    fn nearness(
        &self,
        share: f64,
        arm: &Arm,
        equipment: &Equipment,
    ) -> Result<Option<Objection>, KinematicsError> {
        let joints = ur5::JOINTS.into_iter().zip(arm.iter().copied());
        let poses = self
            .kinematics
            .forward(&self.kinematics.positions(joints)?)?;
        let place = |link: &String| -> Result<Point3<f64>, KinematicsError> {
            let pose = poses.relative(frames::BASE_LINK, link)?;
            Ok(pose.translation.vector.into())
        };
        let moving: Vec<Point3<f64>> = self.moving.iter().map(place).collect::<Result<_, _>>()?;
        let base_from_flange = poses.relative(frames::BASE_LINK, frames::TOOL0)?;
        let tool: Vec<Point3<f64>> = equipment
            .carried
            .iter()
            .map(|point| base_from_flange * point)
            .collect();
        if moving.iter().any(|point| point.z < share * LINK_HEIGHT_M)
            || tool.iter().any(|point| point.z < share * CARRIED_HEIGHT_M)
        {
            return Ok(Some(Objection::Table));
        }
        if let Some(camera) = &equipment.camera {
            let near = |point: &Point3<f64>| (point - camera).norm() < share * CAMERA_CLEARANCE_M;
            if moving.iter().chain(&tool).any(near) {
                return Ok(Some(Objection::Camera));
            }
        }
        let shapes = self.arm.at(&poses)?;
        let hand: Vec<Point3<f64>> = self.carried.iter().map(place).collect::<Result<_, _>>()?;
        // The flange itself sits on wrist 2.
        let hand = hand
            .iter()
            .filter(|point| (base_from_flange.translation.vector - point.coords).norm() > 0.06);
        let touches = hand
            .chain(&tool)
            .any(|point| shapes.is_within(point, share * ARM_CLEARANCE_M));
        Ok(touches.then_some(Objection::Arm))
    }

    /// What speaks against going from one posture straight to another, in the space of the joints.
    #[must_use]
    pub fn objection_on_the_way(
        &self,
        from: &Arm,
        to: &Arm,
        start: &Arm,
        equipment: &Equipment,
    ) -> Option<Objection> {
        let steps = (travel(from, to) / WAY_STEP).ceil().max(1.0) as usize;
        (1..=steps).find_map(|step| {
            let part = step as f64 / steps as f64;
            let arm: Arm =
                std::array::from_fn(|joint| from[joint] + part * (to[joint] - from[joint]));
            self.objection_at(ON_THE_WAY, &arm, start, equipment)
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use robot::ur5::RESET_POSE;

    use super::*;

    fn read() -> (Model, LimiterConfig) {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let model = Model::from_file(format!("{root}/urdf/ur5_sih.urdf")).unwrap();
        let limits = std::fs::read_to_string(format!("{root}/config/arm_limits.yaml")).unwrap();
        (model, serde_yaml::from_str(&limits).unwrap())
    }

    pub(crate) fn room() -> Room {
        let (model, limits) = read();
        Room::new(&model, &limits).unwrap()
    }

    /// With another box for the flange.
    pub(crate) fn room_between(lower: [f64; 3], upper: [f64; 3]) -> Room {
        let (model, mut limits) = read();
        (limits.workspace[0].lower, limits.workspace[0].upper) = (lower, upper);
        Room::new(&model, &limits).unwrap()
    }

    fn nothing() -> Equipment {
        Equipment {
            carried: Vec::new(),
            camera: None,
        }
    }

    #[test]
    fn the_arm_may_be_where_it_works_and_not_in_the_table() {
        let room = room();
        let reset = RESET_POSE;
        assert_eq!(room.objection(&reset, &reset, &nothing()), None);
        let mut low = ur5::forward(&reset);
        low.translation.z = 0.06;
        let low = room.reach(&low, &reset).unwrap();
        assert!(room.objection(&low, &reset, &nothing()).is_some());
        assert!(
            room.objection_on_the_way(&reset, &low, &reset, &nothing())
                .is_some()
        );
        let mut turned = reset;
        turned[0] += 2.1;
        assert_eq!(
            room.objection(&turned, &reset, &nothing()),
            Some(Objection::Joint)
        );
        let mut away = reset;
        away[0] -= 1.95;
        assert_eq!(
            room.objection(&away, &reset, &nothing()),
            Some(Objection::Workspace)
        );
    }

    #[test]
    fn what_is_carried_keeps_clear_of_table_camera_and_arm() {
        let room = room();
        let reset = RESET_POSE;
        let flange = ur5::forward(&reset);
        let with = |point: Point3<f64>| Equipment {
            carried: vec![flange.inverse() * point],
            camera: Some(Point3::new(0.28, 1.05, 0.5)),
        };
        let told = |point| room.objection(&reset, &reset, &with(point));
        assert_eq!(told(Point3::new(0.28, 0.6, 0.3)), None);
        assert_eq!(told(Point3::new(0.28, 0.6, 0.02)), Some(Objection::Table));
        assert_eq!(told(Point3::new(0.28, 1.0, 0.5)), Some(Objection::Camera));
        // In the middle of the forearm.
        let joints = ur5::JOINTS.into_iter().zip(reset);
        let kinematics = &room.kinematics;
        let poses = kinematics
            .forward(&kinematics.positions(joints).unwrap())
            .unwrap();
        let forearm = poses.relative("base_link", "forearm_link").unwrap();
        assert_eq!(
            told(forearm * Point3::new(-0.2, 0.0, 0.0165)),
            Some(Objection::Arm)
        );
    }

    #[test]
    fn limits_of_another_arm_are_refused() {
        let (model, mut limits) = read();
        limits.joints[2].name = "knee_joint".to_owned();
        assert!(matches!(Room::new(&model, &limits), Err(RoomError::Joints)));
    }
}
