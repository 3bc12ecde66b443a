//! The robot: description, kinematics, hand, and limits.

pub mod kinematics;
pub mod model;
pub mod ur5;

mod chain;

pub use kinematics::{Kinematics, KinematicsError, LinkPoses};
pub use model::{Model, ModelError};
