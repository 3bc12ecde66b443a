//! Workshop tools.

use super::draft::Draft;
use crate::render::material::Pattern;
use crate::shape::{Category, ObjectSpec};

const STEEL: [f32; 3] = [0.66, 0.67, 0.7];
const BLACK: [f32; 3] = [0.1, 0.1, 0.11];

pub(super) fn objects() -> Vec<ObjectSpec> {
    vec![
        wood_block(),
        scissors(),
        padlock(),
        marker(),
        adjustable_wrench(),
        screwdriver("043_phillips_screwdriver", 97.0, [0.85, 0.12, 0.1]),
        screwdriver("044_flat_screwdriver", 98.4, [0.9, 0.6, 0.1]),
        small_clamp(),
        medium_clamp(),
    ]
}

fn wood_block() -> ObjectSpec {
    Draft::new("036_wood_block", Category::Box, [85.0, 85.0, 200.0], 729.0)
        .paint(
            [0.72, 0.53, 0.33],
            0.8,
            Pattern::Wood {
                rgb: [0.55, 0.37, 0.2],
                ring_m: 0.008,
            },
        )
        .cuboid([0.085, 0.085, 0.2], [0.0; 3])
        .finish()
}

fn scissors() -> ObjectSpec {
    let (blade, grip) = (0.006, 0.014);
    Draft::new("037_scissors", Category::Tool, [200.0, 87.0, 14.0], 82.0)
        .plain(STEEL, 0.25)
        .plate(
            &[
                [0.2, 0.001],
                [0.19, 0.006],
                [0.085, 0.014],
                [0.07, 0.004],
                [0.085, -0.006],
            ],
            0.004,
            0.004 + blade,
        )
        .plate(
            &[
                [0.2, -0.001],
                [0.19, -0.006],
                [0.085, -0.014],
                [0.07, -0.004],
                [0.085, 0.006],
            ],
            0.003,
            0.003 + blade,
        )
        .plain([0.85, 0.3, 0.1], 0.5)
        .plate(
            &[
                [0.09, 0.006],
                [0.084, 0.014],
                [0.038, 0.03],
                [0.036, 0.018],
                [0.075, -0.002],
            ],
            0.001,
            0.013,
        )
        .plate(
            &[
                [0.09, -0.006],
                [0.084, -0.014],
                [0.038, -0.03],
                [0.036, -0.018],
                [0.075, 0.002],
            ],
            0.001,
            0.013,
        )
        .ring(0.014, 0.0215, grip, [0.0215, 0.022, grip / 2.0])
        .ring(0.014, 0.0215, grip, [0.0215, -0.022, grip / 2.0])
        .finish()
}

/// A laminated body with a shackle of capsules.
fn padlock() -> ObjectSpec {
    let mut draft = Draft::new("038_padlock", Category::Tool, [27.0, 24.0, 65.0], 304.0)
        .paint(
            [0.75, 0.6, 0.25],
            0.3,
            Pattern::Stripes {
                rgb: [0.6, 0.47, 0.18],
                across: [0.0, 0.0, 1.0],
                period_m: 0.004,
                fill: 0.25,
            },
        )
        .cuboid([0.027, 0.024, 0.036], [0.0, 0.0, 0.018])
        .plain(STEEL, 0.2);
    let (reach, radius) = (0.0095, 0.003);
    let arch: [[f64; 3]; 6] = [
        [-reach, 0.0, 0.036],
        [-reach, 0.0, 0.054],
        [-0.0055, 0.0, 0.062],
        [0.0055, 0.0, 0.062],
        [reach, 0.0, 0.054],
        [reach, 0.0, 0.036],
    ];
    for (from, to) in arch.iter().zip(&arch[1..]) {
        draft = draft.capsule(*from, *to, radius);
    }
    draft.finish()
}

fn marker() -> ObjectSpec {
    Draft::new(
        "040_large_marker",
        Category::Tool,
        [121.0, 18.0, 18.0],
        15.8,
    )
    .plain([0.92, 0.92, 0.9], 0.4)
    .rod([-0.0605, 0.0, 0.0], [0.02, 0.0, 0.0], 0.0085)
    .plain(BLACK, 0.4)
    .rod([0.02, 0.0, 0.0], [0.0605, 0.0, 0.0], 0.009)
    .finish()
}

/// The published 5 mm are the thickness of the handle; the jaws of this one are as thick.
fn adjustable_wrench() -> ObjectSpec {
    let (bottom, top) = (0.0, 0.005);
    Draft::new(
        "042_adjustable_wrench",
        Category::Tool,
        [205.0, 55.0, 5.0],
        252.0,
    )
    .plain(STEEL, 0.3)
    .plate(
        &[
            [0.0, -0.01],
            [0.012, -0.013],
            [0.15, -0.0085],
            [0.15, 0.0085],
            [0.012, 0.013],
            [0.0, 0.01],
        ],
        bottom,
        top,
    )
    .plate(
        &[
            [0.145, -0.01],
            [0.155, -0.0275],
            [0.178, -0.0275],
            [0.178, 0.02],
            [0.155, 0.0275],
            [0.145, 0.01],
        ],
        bottom,
        top,
    )
    .plate(
        &[
            [0.178, -0.0275],
            [0.205, -0.024],
            [0.203, -0.012],
            [0.178, -0.008],
        ],
        bottom,
        top,
    )
    .plate(
        &[
            [0.17, 0.0275],
            [0.178, 0.0275],
            [0.2, 0.024],
            [0.2, 0.012],
            [0.178, 0.01],
            [0.16, 0.02],
        ],
        bottom,
        top,
    )
    .finish()
}

fn screwdriver(name: &'static str, grams: f64, rgb: [f32; 3]) -> ObjectSpec {
    let along_x = nalgebra::UnitQuaternion::from_axis_angle(
        &nalgebra::Vector3::y_axis(),
        std::f64::consts::FRAC_PI_2,
    );
    let handle = crate::shape::Shape::Revolution {
        profile: vec![
            [0.0, 0.0],
            [0.0115, 0.0],
            [0.0155, 0.008],
            [0.0155, 0.07],
            [0.0105, 0.085],
            [0.0125, 0.1],
            [0.0075, 0.106],
            [0.0, 0.106],
        ],
        wedges: 12,
    };
    Draft::new(name, Category::Tool, [215.0, 31.0, 31.0], grams)
        .paint(
            rgb,
            0.4,
            Pattern::Stripes {
                rgb: BLACK,
                across: [0.0, 0.0, 1.0],
                period_m: 0.05,
                fill: 0.3,
            },
        )
        .part(
            handle,
            nalgebra::Isometry3::from_parts(nalgebra::Translation3::identity(), along_x),
        )
        .plain(STEEL, 0.2)
        .rod([0.104, 0.0, 0.0], [0.215, 0.0, 0.0], 0.0032)
        .finish()
}

/// A spring clamp: two jaws on a pivot, 10 mm thick.
fn small_clamp() -> ObjectSpec {
    spring_clamp(
        "049_small_clamp",
        [85.0, 65.0, 10.0],
        19.2,
        [0.1, 0.1, 0.12],
    )
}

fn medium_clamp() -> ObjectSpec {
    spring_clamp(
        "050_medium_clamp",
        [90.0, 115.0, 27.0],
        59.0,
        [0.85, 0.45, 0.08],
    )
}

fn spring_clamp(name: &'static str, mm: [f64; 3], grams: f64, tip_rgb: [f32; 3]) -> ObjectSpec {
    let [length, spread, thick] = mm.map(|d| d / 1000.0);
    let half = spread / 2.0;
    let bar = 0.012;
    let mut draft = Draft::new(name, Category::Tool, mm, grams).plain([0.15, 0.15, 0.16], 0.5);
    // Handles spread from the pivot, jaws close in front of it.
    for side in [1.0, -1.0] {
        draft = draft
            .plate(
                &[
                    [0.0, side * half],
                    [0.0, side * (half - bar)],
                    [length * 0.5, 0.0],
                    [length * 0.58, side * bar],
                ],
                0.0,
                thick,
            )
            .plate(
                &[
                    [length * 0.5, 0.0],
                    [length * 0.52, side * bar],
                    [length * 0.75, side * bar * 1.5],
                    [length * 0.8, side * bar * 0.7],
                ],
                0.0,
                thick,
            )
            .plate(
                &[
                    [length * 0.75, side * bar * 1.5],
                    [length * 0.78, side * bar * 0.6],
                    [length * 0.96, 0.0],
                    [length * 0.98, side * bar * 0.5],
                ],
                0.0,
                thick,
            );
    }
    draft
        .plain(tip_rgb, 0.6)
        .cuboid(
            [length * 0.06, bar, thick * 0.8],
            [length * 0.97, 0.0, thick / 2.0],
        )
        .plain(STEEL, 0.2)
        .rod(
            [length * 0.52, 0.0, thick * 0.05],
            [length * 0.52, 0.0, thick * 0.95],
            bar * 0.5,
        )
        .finish()
}
