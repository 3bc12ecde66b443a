//! Light and exposure of a picture.

use nalgebra::Vector3;
use rand::{Rng, RngExt as _};

/// How a scene is lit: one key light that casts shadows, a fill light that does not, and light
/// from all around that differs between above and below. Light colours are linear; a white matt
/// surface that faces a light of strength 1 at exposure 1 is rendered just white.
#[derive(Clone, Debug, PartialEq)]
pub struct Lighting {
    /// Direction towards the key light in the world frame (need not be a unit vector).
    pub key_direction: Vector3<f32>,
    /// Strength of the key light, linear RGB.
    pub key_rgb: [f32; 3],
    /// Width of the shadows' soft edge, metres.
    pub softness_m: f32,
    /// Direction towards the fill light in the world frame (need not be a unit vector).
    pub fill_direction: Vector3<f32>,
    /// Strength of the fill light, linear RGB.
    pub fill_rgb: [f32; 3],
    /// Ambient light that falls on surfaces facing up, linear RGB.
    pub sky_rgb: [f32; 3],
    /// Ambient light that falls on surfaces facing down, linear RGB.
    pub ground_rgb: [f32; 3],
    /// Factor on everything before it becomes pixels.
    pub exposure: f32,
}

impl Default for Lighting {
    /// An office by day: broad light from ceiling panels, daylight from one side.
    fn default() -> Self {
        Self {
            key_direction: Vector3::new(-0.45, 0.35, 1.0),
            key_rgb: [0.60, 0.575, 0.53],
            softness_m: 0.016,
            fill_direction: Vector3::new(0.7, 0.9, 0.5),
            fill_rgb: [0.15, 0.165, 0.19],
            sky_rgb: [0.36, 0.38, 0.41],
            ground_rgb: [0.23, 0.22, 0.205],
            exposure: 1.0,
        }
    }
}

impl Lighting {
    /// Light of a random place and time: direction, colour temperature, strength, softness and
    /// exposure vary widely, but the picture stays neither black nor white.
    pub fn randomise(rng: &mut impl Rng) -> Self {
        let key = tint(rng.random_range(-1.0..1.0));
        let sky = tint(rng.random_range(-0.7..0.7));
        let ambient: f32 = rng.random_range(0.15..0.55);
        let strength = rng.random_range(0.35..1.0) * (1.1 - ambient);
        let bounce: f32 = rng.random_range(0.3..0.8);
        let fill: f32 = if rng.random_bool(0.6) {
            rng.random_range(0.03..0.3)
        } else {
            0.0
        };
        let azimuth = rng.random_range(0.0..std::f32::consts::TAU);
        let other = azimuth + rng.random_range(1.5..4.8_f32);
        let slope: f32 = rng.random_range(0.05..1.4);
        Self {
            key_direction: Vector3::new(azimuth.cos() * slope, azimuth.sin() * slope, 1.0),
            key_rgb: key.map(|c| c * strength),
            softness_m: rng.random_range(0.004..0.06),
            fill_direction: Vector3::new(other.cos(), other.sin(), rng.random_range(0.1..1.0)),
            fill_rgb: sky.map(|c| c * fill),
            sky_rgb: sky.map(|c| c * ambient),
            ground_rgb: sky.map(|c| c * ambient * bounce),
            exposure: rng.random_range(0.7..1.45),
        }
    }
}

/// White shifted towards warm (-1) or cold (1), of equal brightness.
fn tint(cold: f32) -> [f32; 3] {
    let rgb = [1.0 - 0.22 * cold, 1.0, 1.0 + 0.28 * cold];
    let brightness = 0.25 * rgb[0] + 0.65 * rgb[1] + 0.10 * rgb[2];
    rgb.map(|c| c / brightness)
}
