//! The robot: description, kinematics, hand, and limits.

pub mod curve;
pub mod hand;
pub mod kinematics;
pub mod limits;
pub mod model;
pub mod ur5;

mod chain;

pub use hand::{Hand, HandError};
pub use kinematics::{Kinematics, KinematicsError, LinkPoses};
pub use model::{Model, ModelError};
