//! The frames of the robot's description that other crates speak of, and the fixed transforms between them.

use nalgebra::Isometry3;

use crate::model::Model;

/// Root of the description; the same as [`BASE_LINK`].
pub const WORLD: &str = "world";
/// Base of the arm, x forward (REP 103); the surface of the table is its plane z = 0.
pub const BASE_LINK: &str = "base_link";
/// The UR controller's own base frame: [`BASE_LINK`] turned by 180 degrees about z.
pub const BASE: &str = "base";
/// Tip of the arm: the UR controller's tool frame without a tool.
pub const TOOL0: &str = "tool0";
/// Palm of the hand, z towards the fingertips, y out of the palm.
pub const PALM: &str = "palm";

/// The description lacks a frame, or something moves between two that should be rigid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the robot description has no rigid connection from `{from}` to `{to}`; check its links and joints"
)]
pub struct FrameError {
    /// The frame nearer to the base.
    pub from: &'static str,
    /// The other.
    pub to: &'static str,
}

/// How the hand is mounted: the pose of the palm in the arm's tool frame.
///
/// # Errors
/// When the description does not say.
pub fn tool0_from_palm(model: &Model) -> Result<Isometry3<f64>, FrameError> {
    rigid(model, TOOL0, PALM)
}

/// The pose of the controller's base frame in `base_link`.
///
/// # Errors
/// When the description does not say.
pub fn base_link_from_base(model: &Model) -> Result<Isometry3<f64>, FrameError> {
    rigid(model, BASE_LINK, BASE)
}

fn rigid(
    model: &Model,
    from: &'static str,
    to: &'static str,
) -> Result<Isometry3<f64>, FrameError> {
    model
        .fixed_transform(from, to)
        .ok_or(FrameError { from, to })
}
