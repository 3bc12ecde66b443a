//! The robot: its description, kinematics, hand, and limits. This crate knows nothing of messages, nodes or clocks,
//! so that drivers, policies, the simulator and offline tools all share it.
//!
//! # Where is the hand?
//!
//! A [`Model`] is a robot description (URDF) that was read and checked; [`Kinematics`] says where its links are.
//! Transforms are named so that the frames cancel as you read: `p_base_link = base_link_from_palm * p_palm`. All
//! lengths are in m, angles in rad.
//!
//! ```
//! use robot::{Kinematics, Model, frames, hand, ur5};
//!
//! # let urdf = concat!(env!("CARGO_MANIFEST_DIR"), "/../../urdf/ur5_sih.urdf");
//! let model = Model::from_file(urdf)?;
//! let kinematics = Kinematics::new(&model);
//! let positions = kinematics.positions(ur5::JOINTS.into_iter().zip(ur5::RESET_POSE))?; // the hand is straight
//! let poses = kinematics.forward(&positions)?;
//! let base_link_from_palm = poses.relative(frames::BASE_LINK, frames::PALM)?;
//! for fingertip in hand::FINGERTIPS {
//!     let base_link_from_tip = poses.relative(frames::BASE_LINK, fingertip)?;
//!     assert!(base_link_from_tip.translation.z > 0.1, "well above the table");
//! }
//! # assert!(base_link_from_palm.translation.z > 0.1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How does the arm get there?
//!
//! [`ur5`] has the UR5's kinematics in closed form. [`ur5::inverse_nearest`] picks, of up to eight solutions at every
//! full turn, the one with the least motion:
//!
//! ```
//! use nalgebra::Translation3;
//! use robot::ur5;
//!
//! let now = ur5::RESET_POSE;
//! let lower = Translation3::new(0.0, 0.0, -0.05) * ur5::forward(&now);
//! let goal = ur5::inverse_nearest(&lower, &now, &ur5::LIMITS).ok_or("out of reach")?;
//! assert!(goal.iter().zip(&now).all(|(goal, now)| (goal - now).abs() < 0.3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What do the servos of the hand do?
//!
//! [`Hand`] turns the five servos' ticks into the eleven joints' angles and back, from a calibration file:
//!
//! ```
//! use robot::Hand;
//!
//! # let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../calibration/sih_right.yaml");
//! let hand = Hand::from_file(file)?;
//! let half_closed = hand.pregrasp(0.5);
//! let angles = hand.angles(half_closed);
//! let (index_finger, index_distal) = (angles[3], angles[4]);
//! assert!(index_finger < -1.0 && index_distal < -0.5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # May it?
//!
//! Every command passes a [`limits::Limiter`] on its way to the hardware; see [`limits`].
//!
//! # Is that point on the robot?
//!
//! ```
//! use nalgebra::Point3;
//! use robot::{Kinematics, Model, frames, geometry::RobotShapes};
//!
//! # let urdf = concat!(env!("CARGO_MANIFEST_DIR"), "/../../urdf/ur5_sih.urdf");
//! let model = Model::from_file(urdf)?;
//! let kinematics = Kinematics::new(&model);
//! let shapes = RobotShapes::new(&model, frames::BASE_LINK);
//! let poses = kinematics.forward(&vec![0.0; kinematics.joint_names().len()])?;
//! let posed = shapes.at(&poses)?;
//! assert!(posed.is_within(&Point3::new(0.2, 0.14, 0.09), 0.01), "the upper arm lies there");
//! assert!(posed.distance(&Point3::new(0.3, 0.6, 0.05)) > 0.1, "an object on the table");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod curve;
pub mod frames;
pub mod geometry;
pub mod hand;
pub mod kinematics;
pub mod limits;
pub mod model;
pub mod motion;
pub mod ur5;

mod chain;

pub use hand::{Hand, HandError};
pub use kinematics::{Kinematics, KinematicsError, LinkPoses};
pub use model::{Model, ModelError};
