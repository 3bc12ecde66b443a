//! Balls.

use super::draft::Draft;
use crate::render::material::Pattern;
use crate::shape::{Category, ObjectSpec};

fn ball(
    name: &'static str,
    diameter_mm: f64,
    grams: f64,
    rgb: [f32; 3],
    roughness: f32,
    pattern: Pattern,
) -> ObjectSpec {
    Draft::new(name, Category::Ball, [diameter_mm; 3], grams)
        .paint(rgb, roughness, pattern)
        .ball(diameter_mm / 2000.0, [0.0; 3])
        .finish()
}

/// A thin seam, repeated across the ball.
fn seam(rgb: [f32; 3], period_m: f32) -> Pattern {
    Pattern::Stripes {
        rgb,
        across: [0.6, 0.3, 0.74],
        period_m,
        fill: 0.07,
    }
}

pub(super) fn objects() -> Vec<ObjectSpec> {
    let dimples = Pattern::Speckle {
        rgb: [0.75, 0.75, 0.76],
        scale_m: 0.004,
        density: 0.8,
    };
    vec![
        ball(
            "054_softball",
            96.0,
            191.0,
            [0.85, 0.9, 0.2],
            0.6,
            seam([0.75, 0.1, 0.1], 0.04),
        ),
        ball(
            "055_baseball",
            75.0,
            148.0,
            [0.93, 0.92, 0.88],
            0.6,
            seam([0.8, 0.1, 0.1], 0.032),
        ),
        ball(
            "056_tennis_ball",
            64.7,
            58.0,
            [0.75, 0.88, 0.15],
            0.95,
            seam([0.95, 0.96, 0.92], 0.03),
        ),
        ball(
            "057_racquetball",
            55.3,
            41.0,
            [0.12, 0.25, 0.75],
            0.5,
            Pattern::Plain,
        ),
        ball(
            "058_golf_ball",
            42.7,
            46.0,
            [0.95, 0.95, 0.95],
            0.3,
            dimples,
        ),
    ]
}
