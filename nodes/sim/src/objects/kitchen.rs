//! Kitchenware: glass, mug, nesting cups, sponge, spatula, spoon.

use std::f64::consts::{FRAC_PI_2, PI};

use super::draft::Draft;
use crate::render::material::Pattern;
use crate::shape::{Category, ObjectSpec};

pub(super) fn objects() -> Vec<ObjectSpec> {
    let mut all = vec![wine_glass(), mug(), sponge(), spoon(), spatula()];
    all.extend(cups());
    all
}

/// The profile of an open vessel: outer foot and rim radii, height, wall thickness.
fn vessel(foot: f64, rim: f64, height: f64, wall: f64) -> [[f64; 2]; 6] {
    [
        [0.0, 0.0],
        [foot, 0.0],
        [rim, height],
        [rim - wall, height],
        [foot - wall, wall],
        [0.0, wall],
    ]
}

fn wine_glass() -> ObjectSpec {
    Draft::new(
        "023_wine_glass",
        Category::Vessel,
        [89.0, 89.0, 137.0],
        133.0,
    )
    .plain([0.75, 0.82, 0.85], 0.1)
    .lathe(
        &[
            [0.0, 0.0],
            [0.037, 0.0],
            [0.037, 0.002],
            [0.006, 0.006],
            [0.0, 0.006],
        ],
        [0.0; 3],
    )
    .rod([0.0, 0.0, 0.005], [0.0, 0.0, 0.052], 0.005)
    .lathe(
        &[
            [0.0, 0.05],
            [0.028, 0.058],
            [0.0445, 0.082],
            [0.04, 0.137],
            [0.037, 0.137],
            [0.0415, 0.083],
            [0.026, 0.061],
            [0.0, 0.054],
        ],
        [0.0; 3],
    )
    .finish()
}

/// The published 80 x 82 mm are the body; the handle reaches 37 mm beyond it.
fn mug() -> ObjectSpec {
    let (radius, height) = (0.04, 0.082);
    let mut draft = Draft::new("025_mug", Category::Vessel, [117.0, 80.0, 82.0], 118.0)
        .plain([0.75, 0.12, 0.12], 0.25)
        .lathe(&vessel(radius, radius, height, 0.0035), [0.0, 0.0, 0.0]);
    // The handle is a half ring of capsules that stands on the wall.
    let thickness = 0.005;
    let (reach, rise) = (0.037 - thickness, 0.026);
    let point = |k: u32| {
        let angle = -FRAC_PI_2 + PI * f64::from(k) / 5.0;
        // The two middle points share the furthest reach, so that the outline is 117 mm exactly.
        let stretch = (angle.cos() / (PI / 10.0).cos()).min(1.0);
        [
            radius - 0.002 + (reach + 0.002) * stretch,
            0.0,
            height / 2.0 + rise * angle.sin(),
        ]
    };
    for k in 0..5 {
        draft = draft.capsule(point(k), point(k + 1), thickness);
    }
    draft.finish()
}

fn sponge() -> ObjectSpec {
    Draft::new("026_sponge", Category::Box, [72.0, 114.0, 14.0], 6.2)
        .paint(
            [0.95, 0.85, 0.3],
            1.0,
            Pattern::Speckle {
                rgb: [0.75, 0.62, 0.15],
                scale_m: 0.004,
                density: 0.5,
            },
        )
        .stack(&[[0.0, 0.036, 0.057], [0.014, 0.036, 0.057]], 8.0)
        .finish()
}

fn spoon() -> ObjectSpec {
    Draft::new("031_spoon", Category::Tool, [195.0, 20.0, 14.0], 30.0)
        .plain([0.72, 0.73, 0.76], 0.2)
        .hull(bowl_of_spoon())
        .hull(bar([-0.02, 0.006, 0.0], [0.02, 0.003, 0.009], 0.002))
        .hull(bar([0.02, 0.003, 0.009], [0.125, 0.0075, 0.002], 0.002))
        .finish()
}

/// The corners of a flat bar between two points (x, half width, z), of a thickness.
fn bar([x0, half0, z0]: [f64; 3], [x1, half1, z1]: [f64; 3], thickness: f64) -> Vec<[f64; 3]> {
    let mut points = Vec::new();
    for [x, half, z] in [[x0, half0, z0], [x1, half1, z1]] {
        for side in [-half, half] {
            points.extend([[x, side, z], [x, side, z + thickness]]);
        }
    }
    points
}

fn bowl_of_spoon() -> Vec<[f64; 3]> {
    let mut points = Vec::new();
    for k in 0..16_u32 {
        let (sin, cos) = (PI * f64::from(k) / 8.0).sin_cos();
        points.push([-0.04 + 0.03 * cos, 0.01 * sin, 0.002]);
        points.push([-0.04 + 0.018 * cos, 0.006 * sin, -0.003]);
    }
    points
}

fn spatula() -> ObjectSpec {
    Draft::new("033_spatula", Category::Tool, [350.0, 83.0, 35.0], 51.5)
        .plain([0.12, 0.12, 0.13], 0.5)
        .hull(bar([-0.175, 0.0415, 0.0], [-0.085, 0.034, 0.004], 0.0025))
        .plain([0.72, 0.73, 0.76], 0.25)
        .hull(bar([-0.087, 0.008, 0.004], [-0.055, 0.006, 0.021], 0.003))
        .hull(bar([-0.056, 0.006, 0.02], [0.045, 0.006, 0.022], 0.003))
        .plain([0.12, 0.12, 0.13], 0.6)
        .capsule([0.045, 0.0, 0.0235], [0.1635, 0.0, 0.0235], 0.0115)
        .finish()
}

/// Nine of the ten nesting cups; the largest is 100 mm wide.
fn cups() -> Vec<ObjectSpec> {
    const CUPS: [(&str, f64, f64, f64, [f32; 3]); 9] = [
        ("065-a_cups", 55.0, 60.0, 13.0, [0.9, 0.75, 0.1]),
        ("065-b_cups", 60.0, 62.0, 14.0, [0.15, 0.5, 0.85]),
        ("065-c_cups", 65.0, 64.0, 17.0, [0.85, 0.3, 0.55]),
        ("065-d_cups", 70.0, 66.0, 19.0, [0.2, 0.65, 0.3]),
        ("065-e_cups", 75.0, 68.0, 21.0, [0.9, 0.45, 0.1]),
        ("065-f_cups", 80.0, 70.0, 26.0, [0.55, 0.3, 0.7]),
        ("065-g_cups", 85.0, 72.0, 28.0, [0.85, 0.15, 0.15]),
        ("065-h_cups", 90.0, 74.0, 31.0, [0.1, 0.65, 0.65]),
        ("065-i_cups", 95.0, 76.0, 35.0, [0.25, 0.3, 0.8]),
    ];
    CUPS.map(|(name, diameter, height, grams, rgb)| {
        let (radius, height) = (diameter / 2000.0, height / 1000.0);
        let band = 0.005;
        // Tapered so that they nest; a band below the rim is the widest part.
        Draft::new(
            name,
            Category::Vessel,
            [diameter, diameter, height * 1000.0],
            grams,
        )
        .plain(rgb, 0.45)
        .lathe(
            &vessel(radius * 0.8, radius - 0.0012, height - band, 0.0022),
            [0.0; 3],
        )
        .ring(
            radius - 0.0034,
            radius,
            band,
            [0.0, 0.0, height - band / 2.0],
        )
        .finish()
    })
    .into()
}
