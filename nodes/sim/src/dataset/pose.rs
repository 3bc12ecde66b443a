//! Where the robot may be while the camera looks: at its reset pose, above, around or holding an
//! object, or on its way.

use std::f64::consts::TAU;

use nalgebra::{Isometry3, Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};
use rand::{Rng, RngExt as _};
use robot::{
    Kinematics, KinematicsError, Model,
    ur5::{self, RESET_POSE},
};

/// Where a grasped object's centre lies in the palm's frame, metres: between thumb and fingers.
const GRASP_IN_PALM: Vector3<f64> = Vector3::new(0.005, 0.045, 0.145);
/// Joint limits used for drawing poses, radians.
const LIMITS: [(f64, f64); 6] = [
    (-3.5, 3.5),
    (-3.1, 0.3),
    (-2.8, 2.8),
    (-TAU, TAU),
    (-TAU, TAU),
    (-TAU, TAU),
];

/// Draws robot poses.
#[derive(Debug)]
pub(super) struct RobotPoser {
    kinematics: Kinematics,
    palm_from_tool0: Isometry3<f64>,
}

/// What the robot is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Activity {
    /// At the reset pose, give or take.
    Reset,
    /// The hand open above a point.
    Above(Vector3<f64>),
    /// The hand around a point, closing.
    Around(Vector3<f64>),
    /// Anywhere over the table.
    Anywhere,
}

/// The robot's links in the world, and the point between its fingers.
#[derive(Debug)]
pub(super) struct Posed {
    pub(super) world_from_link: Vec<Isometry3<f64>>,
    /// Frame at the grasp point, turned as the palm is.
    pub(super) world_from_grasp: Isometry3<f64>,
}

impl RobotPoser {
    pub(super) fn new(model: &Model) -> Option<Self> {
        let palm_from_tool0 = model.fixed_transform("tool0", "palm")?.inverse();
        Some(Self {
            kinematics: Kinematics::new(model),
            palm_from_tool0,
        })
    }

    /// A random pose for an activity. Falls back to the reset pose where the arm cannot reach.
    pub(super) fn draw(
        &self,
        activity: Activity,
        rng: &mut impl Rng,
    ) -> Result<Posed, KinematicsError> {
        let mut arm = RESET_POSE.map(|q| q + rng.random_range(-0.08..0.08));
        for _ in 0..12 {
            let (point, tilt) = match activity {
                Activity::Reset => break,
                Activity::Above(point) => {
                    let lift = Vector3::new(
                        rng.random_range(-0.05..0.05),
                        rng.random_range(-0.05..0.05),
                        rng.random_range(0.1..0.25),
                    );
                    (point + lift, rng.random_range(0.0..1.3))
                }
                Activity::Around(point) => {
                    let offset = Vector3::from_fn(|_, _| rng.random_range(-0.02..0.02));
                    (point + offset, rng.random_range(0.0..1.35))
                }
                Activity::Anywhere => {
                    let point = Vector3::new(
                        rng.random_range(-0.15..0.7),
                        rng.random_range(0.3..0.8),
                        rng.random_range(0.08..0.5),
                    );
                    (point, rng.random_range(-0.3..1.5))
                }
            };
            let palm = palm_rotation(
                rng.random_range(-0.9..0.9),
                tilt,
                rng.random_range(-0.4..0.4),
            );
            let world_from_palm =
                Isometry3::from_parts(Translation3::from(point - palm * GRASP_IN_PALM), palm);
            let tool0 = world_from_palm * self.palm_from_tool0;
            let Some(q) = ur5::inverse_nearest(&tool0, &RESET_POSE, &LIMITS) else {
                continue;
            };
            if self.is_clear_of_the_table(&q)? {
                arm = q;
                break;
            }
        }
        let hand = match activity {
            Activity::Reset | Activity::Above(_) => open_hand(rng),
            Activity::Around(_) => closing_hand(rng.random_range(0.1..0.75), rng),
            Activity::Anywhere => closing_hand(rng.random_range(0.0..1.0), rng),
        };
        self.posed(&arm, &hand)
    }

    fn posed(&self, arm: &[f64; 6], hand: &[(&str, f64)]) -> Result<Posed, KinematicsError> {
        let named = ARM_JOINTS.into_iter().zip(*arm).chain(hand.iter().copied());
        let positions = self.kinematics.positions(named)?;
        let poses = self.kinematics.forward(&positions)?;
        let palm = poses.root_from("palm")?;
        Ok(Posed {
            world_from_link: poses.all().to_vec(),
            world_from_grasp: palm * Translation3::from(GRASP_IN_PALM),
        })
    }

    fn is_clear_of_the_table(&self, arm: &[f64; 6]) -> Result<bool, KinematicsError> {
        let positions = self
            .kinematics
            .positions(ARM_JOINTS.into_iter().zip(*arm))?;
        let poses = self.kinematics.forward(&positions)?;
        let height = |link: &str, margin: f64| Ok(poses.root_from(link)?.translation.z > margin);
        Ok(height("forearm_link", 0.08)?
            && height("wrist_1_link", 0.07)?
            && height("wrist_2_link", 0.06)?
            && height("palm", 0.05)?)
    }
}

const ARM_JOINTS: [&str; 6] = [
    "shoulder_pan_joint",
    "shoulder_lift_joint",
    "elbow_joint",
    "wrist_1_joint",
    "wrist_2_joint",
    "wrist_3_joint",
];

/// Orientation of the palm: fingers along `heading` (0 = away from the robot, along +y) and tilted
/// down by `tilt` from the horizontal, palm facing down or forward, rolled by `roll`. Radians.
fn palm_rotation(heading: f64, tilt: f64, roll: f64) -> UnitQuaternion<f64> {
    let (sin_t, cos_t) = tilt.sin_cos();
    let fingers = Vector3::new(heading.sin() * cos_t, heading.cos() * cos_t, -sin_t);
    // The palm's inner side is its +y: perpendicular to the fingers, as far down as possible.
    let inner = (-Vector3::z() + fingers * fingers.z)
        .try_normalize(1e-3)
        .unwrap_or_else(|| Vector3::new(heading.sin(), heading.cos(), 0.0));
    let across = inner.cross(&fingers);
    let rotation =
        Rotation3::from_matrix_unchecked(Matrix3::from_columns(&[across, inner, fingers]));
    UnitQuaternion::from_rotation_matrix(&rotation)
        * UnitQuaternion::from_axis_angle(&Vector3::z_axis(), roll)
}

const FINGERS: [[&str; 2]; 4] = [
    ["index_finger", "index_distal"],
    ["middle_finger", "middle_distal"],
    ["ring_finger", "ring_distal"],
    ["little_finger", "little_distal"],
];

fn open_hand(rng: &mut impl Rng) -> Vec<(&'static str, f64)> {
    let opposition = if rng.random_bool(0.7) {
        -1.5
    } else {
        rng.random_range(-1.57..0.0)
    };
    hand(
        opposition,
        rng.random_range(0.0..0.3),
        rng.random_range(0.0..0.15),
        rng,
    )
}

fn closing_hand(closure: f64, rng: &mut impl Rng) -> Vec<(&'static str, f64)> {
    let opposition = rng.random_range(-1.57..-0.6);
    hand(
        opposition,
        closure * rng.random_range(0.3..1.1),
        closure,
        rng,
    )
}

/// Hand joints by name for a thumb turned and bent and fingers bent, each a share of full travel.
fn hand(opposition: f64, thumb: f64, fingers: f64, rng: &mut impl Rng) -> Vec<(&'static str, f64)> {
    let travel = |share: f64| 1.5 * share.clamp(0.0, 1.0);
    let mut joints = vec![
        ("thumb_opposition", opposition),
        ("thumb_flexion", travel(thumb)),
        ("thumb_distal", travel(thumb * rng.random_range(0.3..1.0))),
    ];
    for [proximal, distal] in FINGERS {
        let share = fingers + rng.random_range(-0.06..0.06);
        joints.push((proximal, -travel(share)));
        joints.push((distal, -travel(share * rng.random_range(0.3..1.0))));
    }
    joints
}
