//! The cell's camera: a D455 at one of its two published mountings.

use camera::{Intrinsics, ModelError};
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion};

use crate::render::Camera;

/// Horizontal field of view of the D455's colour camera, rad.
pub const HFOV_RAD: f64 = 87.0_f64.to_radians();

/// The mounting from which a cell is seen unless something else is said: the higher one, from which objects hide less.
pub const DEFAULT_MOUNTING: usize = 1;

/// The published mountings: position in m and orientation (w, x, y, z) of `camera_link` (x forward, y left, z up) in
/// `base_link`.
const MOUNTINGS: [([f64; 3], [f64; 4]); 2] = [
    ([0.253, 1.051, 0.33], [0.695, 0.09, 0.1, -0.707]),
    ([0.28, 1.05, 0.5], [0.674, 0.213, 0.213, -0.674]),
];

/// From the body (x forward, y left, z up) to the optical frame (x right, y down, z forward); w, x, y, z (REP 103).
const BODY_FROM_OPTICAL: [f64; 4] = [0.5, -0.5, 0.5, -0.5];

fn rotation([w, x, y, z]: [f64; 4]) -> UnitQuaternion<f64> {
    UnitQuaternion::from_quaternion(Quaternion::new(w, x, y, z))
}

/// Pose of `camera_link` at a mounting; an index beyond the second counts on from the first.
#[must_use]
pub fn base_from_camera_link(mounting: usize) -> Isometry3<f64> {
    let ([x, y, z], orientation) = MOUNTINGS[mounting % MOUNTINGS.len()];
    Isometry3::from_parts(Translation3::new(x, y, z), rotation(orientation))
}

/// Pose of the optical frame on the camera.
#[must_use]
pub fn camera_link_from_optical() -> Isometry3<f64> {
    Isometry3::from_parts(Translation3::identity(), rotation(BODY_FROM_OPTICAL))
}

/// The camera at a mounting, for images of `width` x `height` pixels.
///
/// # Errors
/// When there is no such image.
pub fn camera(mounting: usize, width: u32, height: u32) -> Result<Camera, ModelError> {
    Ok(Camera {
        intrinsics: Intrinsics::from_hfov(width, height, HFOV_RAD)?,
        world_from_optical: base_from_camera_link(mounting) * camera_link_from_optical(),
    })
}
