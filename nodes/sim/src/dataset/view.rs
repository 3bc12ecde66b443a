//! Where the camera stands.

use camera::{Intrinsics, ModelError};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use rand::{Rng, RngExt as _};

use crate::mounting;
use crate::render::{Camera, looking_at};

/// A published mounting, somewhat displaced and turned, or anywhere around the table.
pub(super) fn random(
    width: u32,
    height: u32,
    centre: Vector3<f64>,
    rng: &mut impl Rng,
) -> Result<Camera, ModelError> {
    if rng.random_bool(0.6) {
        let mut camera = mounting::camera(rng.random_range(0..2), width, height)?;
        let shift = Vector3::from_fn(|_, _| rng.random_range(-0.1..0.1));
        let turn = Vector3::from_fn(|_, _| rng.random_range(-0.09..0.09));
        let pose = camera.world_from_optical;
        camera.world_from_optical = Isometry3::from_parts(
            Translation3::from(pose.translation.vector + shift),
            pose.rotation * UnitQuaternion::from_scaled_axis(turn),
        );
        let hfov = mounting::HFOV_RAD.to_degrees() + rng.random_range(-4.0..4.0);
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
