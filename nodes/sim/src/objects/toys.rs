//! Blocks, building bricks, the cube, the timer and pieces of the toy aeroplane.

use super::draft::Draft;
use crate::render::material::Pattern;
use crate::shape::{Category, ObjectSpec};

/// Spacing of the studs of a building brick.
const STUD_PITCH_MM: f64 = 15.9;
/// Height of a building brick without studs.
const BRICK_HEIGHT_MM: f64 = 19.2;
/// Height of a stud.
const STUD_HEIGHT_MM: f64 = 4.5;
/// The published mass of the whole set of bricks divided by the studs of its pieces.
const GRAMS_PER_STUD: f64 = 3.6;

pub(super) fn objects() -> Vec<ObjectSpec> {
    vec![
        foam_brick(),
        wood_cube("070-a_colored_wood_blocks", [0.8, 0.15, 0.12]),
        wood_cube("070-b_colored_wood_blocks", [0.15, 0.35, 0.75]),
        aeroplane_body(),
        aeroplane_wing(),
        aeroplane_propeller(),
        brick("073-a_lego_duplo", [2, 2], [0.85, 0.12, 0.1]),
        brick("073-b_lego_duplo", [2, 3], [0.95, 0.8, 0.1]),
        brick("073-c_lego_duplo", [2, 4], [0.1, 0.35, 0.8]),
        brick("073-d_lego_duplo", [2, 4], [0.15, 0.6, 0.25]),
        brick("073-e_lego_duplo", [2, 2], [0.95, 0.5, 0.1]),
        brick("073-f_lego_duplo", [2, 6], [0.9, 0.9, 0.88]),
        brick("073-g_lego_duplo", [3, 4], [0.55, 0.75, 0.2]),
        timer(),
        rubiks_cube(),
    ]
}

fn foam_brick() -> ObjectSpec {
    Draft::new("061_foam_brick", Category::Box, [50.0, 75.0, 50.0], 28.0)
        .paint(
            [0.72, 0.18, 0.15],
            1.0,
            Pattern::Speckle {
                rgb: [0.5, 0.1, 0.08],
                scale_m: 0.003,
                density: 0.4,
            },
        )
        .cuboid([0.05, 0.075, 0.05], [0.0; 3])
        .finish()
}

fn wood_cube(name: &'static str, rgb: [f32; 3]) -> ObjectSpec {
    let grain = rgb.map(|c| c * 0.8);
    Draft::new(name, Category::Toy, [26.0; 3], 10.8)
        .paint(
            rgb,
            0.6,
            Pattern::Wood {
                rgb: grain,
                ring_m: 0.005,
            },
        )
        .cuboid([0.026; 3], [0.0; 3])
        .finish()
}

/// A building brick of so many studs along x and y.
fn brick(name: &'static str, studs: [u32; 2], rgb: [f32; 3]) -> ObjectSpec {
    let [nx, ny] = studs.map(f64::from);
    let mm = [
        nx * STUD_PITCH_MM,
        ny * STUD_PITCH_MM,
        BRICK_HEIGHT_MM + STUD_HEIGHT_MM,
    ];
    let [pitch, height, stud] =
        [STUD_PITCH_MM, BRICK_HEIGHT_MM, STUD_HEIGHT_MM].map(|d| d / 1000.0);
    let mut draft = Draft::new(name, Category::Toy, mm, GRAMS_PER_STUD * nx * ny)
        .plain(rgb, 0.3)
        .cuboid([nx * pitch, ny * pitch, height], [0.0, 0.0, height / 2.0]);
    for i in 0..studs[0] {
        for j in 0..studs[1] {
            let x = (f64::from(i) - (nx - 1.0) / 2.0) * pitch;
            let y = (f64::from(j) - (ny - 1.0) / 2.0) * pitch;
            draft = draft.rod([x, y, height], [x, y, height + stud], 0.0047);
        }
    }
    draft.finish()
}

/// The fuselage; its size and mass are estimates.
fn aeroplane_body() -> ObjectSpec {
    Draft::new(
        "072-a_toy_airplane",
        Category::Toy,
        [210.0, 60.0, 70.0],
        180.0,
    )
    .plain([0.9, 0.75, 0.12], 0.4)
    .hull(tapered([0.0, 0.03, 0.025], [0.11, 0.03, 0.025], 0.025))
    .hull(tapered([0.11, 0.03, 0.025], [0.2, 0.012, 0.01], 0.03))
    .plain([0.2, 0.4, 0.75], 0.4)
    .plate(
        &[
            [0.165, -0.004],
            [0.21, -0.004],
            [0.21, 0.004],
            [0.165, 0.004],
        ],
        0.03,
        0.07,
    )
    .plain([0.15, 0.15, 0.16], 0.2)
    .hull(tapered([0.05, 0.02, 0.012], [0.095, 0.02, 0.006], 0.055))
    .finish()
}

/// The hull between two upright rectangles given as (x, half width, half height) about a height.
fn tapered(from: [f64; 3], to: [f64; 3], z: f64) -> Vec<[f64; 3]> {
    let mut points = Vec::new();
    for [x, half_y, half_z] in [from, to] {
        for (sy, sz) in [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)] {
            points.push([x, sy * half_y, z + sz * half_z]);
        }
    }
    points
}

/// The wing; its size and mass are estimates.
fn aeroplane_wing() -> ObjectSpec {
    Draft::new(
        "072-b_toy_airplane",
        Category::Toy,
        [60.0, 180.0, 16.0],
        70.0,
    )
    .plain([0.2, 0.4, 0.75], 0.4)
    .hull(vec![
        [-0.03, -0.07, 0.0],
        [0.03, -0.07, 0.0],
        [-0.03, 0.07, 0.0],
        [0.03, 0.07, 0.0],
        [-0.02, -0.09, 0.004],
        [0.015, -0.09, 0.004],
        [-0.02, 0.09, 0.004],
        [0.015, 0.09, 0.004],
        [-0.022, -0.07, 0.016],
        [0.005, -0.07, 0.016],
        [-0.022, 0.07, 0.016],
        [0.005, 0.07, 0.016],
    ])
    .finish()
}

/// The nose with the propeller; its size and mass are estimates.
fn aeroplane_propeller() -> ObjectSpec {
    Draft::new(
        "072-c_toy_airplane",
        Category::Toy,
        [90.0, 44.0, 46.0],
        45.0,
    )
    .plain([0.8, 0.15, 0.12], 0.4)
    .lathe(
        &[
            [0.0, 0.0],
            [0.022, 0.0],
            [0.022, 0.024],
            [0.014, 0.04],
            [0.006, 0.046],
            [0.0, 0.046],
        ],
        [0.0; 3],
    )
    .plain([0.93, 0.93, 0.9], 0.4)
    .cuboid([0.09, 0.014, 0.006], [0.0, 0.0, 0.033])
    .finish()
}

fn timer() -> ObjectSpec {
    Draft::new("076_timer", Category::Toy, [85.0, 80.0, 40.0], 102.0)
        .plain([0.93, 0.93, 0.92], 0.4)
        .stack(
            &[
                [0.0, 0.0405, 0.038],
                [0.006, 0.0425, 0.04],
                [0.026, 0.0425, 0.04],
                [0.032, 0.036, 0.034],
            ],
            6.0,
        )
        .plain([0.15, 0.15, 0.17], 0.5)
        .rod([0.0, 0.0, 0.03], [0.0, 0.0, 0.04], 0.024)
        .finish()
}

/// Nine stickers a side, drawn by a chequered body; turned layers are not modelled.
fn rubiks_cube() -> ObjectSpec {
    Draft::new("077_rubiks_cube", Category::Toy, [57.0; 3], 252.0)
        .paint(
            [0.1, 0.1, 0.11],
            0.3,
            Pattern::Checker {
                rgb: [0.85, 0.3, 0.1],
                cell_m: 0.019,
            },
        )
        .cuboid([0.057; 3], [0.0; 3])
        .finish()
}
