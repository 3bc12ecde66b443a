//! Where the camera stands.

use camera::{Intrinsics, ModelError};
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion, Vector3};
use rand::{Rng, RngExt as _};

use crate::render::{Camera, looking_at};

/// Horizontal field of view of the D455's colour camera, degrees.
const D455_HFOV_DEG: f64 = 87.0;

/// The two published mountings of the camera: position in metres, quaternion (w, x, y, z) of the
/// camera's body (x forward, y left, z up) in the robot's base frame.
const MOUNTINGS: [([f64; 3], [f64; 4]); 2] = [
    ([0.253, 1.051, 0.33], [0.695, 0.09, 0.1, -0.707]),
    ([0.28, 1.05, 0.5], [0.674, 0.213, 0.213, -0.674]),
];

/// Pose of the optical frame of a published mounting; `index` beyond the second counts on from the first.
pub(super) fn mounting(index: usize) -> Isometry3<f64> {
    let ([x, y, z], [w, i, j, k]) = MOUNTINGS[index % MOUNTINGS.len()];
    let world_from_body = UnitQuaternion::from_quaternion(Quaternion::new(w, i, j, k));
    let body_from_optical = UnitQuaternion::from_quaternion(Quaternion::new(0.5, -0.5, 0.5, -0.5));
    Isometry3::from_parts(
        Translation3::new(x, y, z),
        world_from_body * body_from_optical,
    )
}

/// A published mounting as it is.
pub(super) fn standard(width: u32, height: u32, index: usize) -> Result<Camera, ModelError> {
    let intrinsics = Intrinsics::from_hfov(width, height, D455_HFOV_DEG.to_radians())?;
    Ok(Camera {
        intrinsics,
        world_from_optical: mounting(index),
    })
}

/// A published mounting, somewhat displaced and turned, or anywhere around the table.
pub(super) fn random(
    width: u32,
    height: u32,
    centre: Vector3<f64>,
    rng: &mut impl Rng,
) -> Result<Camera, ModelError> {
    if rng.random_bool(0.6) {
        let mut camera = standard(width, height, rng.random_range(0..2))?;
        let shift = Vector3::from_fn(|_, _| rng.random_range(-0.1..0.1));
        let turn = Vector3::from_fn(|_, _| rng.random_range(-0.09..0.09));
        let pose = camera.world_from_optical;
        camera.world_from_optical = Isometry3::from_parts(
            Translation3::from(pose.translation.vector + shift),
            pose.rotation * UnitQuaternion::from_scaled_axis(turn),
        );
        let hfov = D455_HFOV_DEG + rng.random_range(-4.0..4.0);
        camera.intrinsics = Intrinsics::from_hfov(width, height, f64::to_radians(hfov))?;
        return Ok(camera);
    }
    let hfov: f64 = rng.random_range(45.0..90.0);
    let azimuth = rng.random_range(0.0..std::f64::consts::TAU);
    let elevation: f64 = rng.random_range(0.15..1.35);
    // A narrower view stands further off, so that things keep their size in the picture.
    let distance = rng.random_range(0.4..0.85) / (0.5 * hfov.to_radians()).tan() * 0.95;
    let direction = Vector3::new(
        azimuth.cos() * elevation.cos(),
        azimuth.sin() * elevation.cos(),
        elevation.sin(),
    );
    let mut eye = centre + direction * distance;
    eye.z = eye.z.max(0.08);
    let aim = centre + Vector3::from_fn(|_, _| rng.random_range(-0.12..0.12));
    let roll = rng.random_range(-0.2..0.2);
    let intrinsics = Intrinsics::from_hfov(width, height, hfov.to_radians())?;
    Ok(Camera {
        intrinsics,
        world_from_optical: looking_at(eye, aim, roll),
    })
}
