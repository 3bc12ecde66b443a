//! Random packages: cartons, tins and bottles with print on them, so that a model trained on them learns that a
//! panel, a logo or a cap belongs to the thing that carries it.

use std::f64::consts::TAU;

use nalgebra::{Isometry3, Translation3};
use rand::{Rng, RngExt as _};

use crate::{
    render::material::{Material, Pattern},
    shape::{Part, Shape},
};

/// Corners of an oval ring.
const CORNERS: u32 = 20;

/// A random package and its materials.
pub(super) fn package(rng: &mut impl Rng) -> (Vec<Part>, Vec<Material>) {
    let printed = Material::randomise_package(rng);
    match rng.random_range(0..10) {
        0..4 => (vec![part(carton(rng), 0.0, 0)], vec![printed]),
        4..6 => (tin(rng), vec![printed, Material::randomise(rng, 0.9)]),
        _ => {
            let shoulder = if rng.random_bool(0.5) {
                Material::randomise(rng, 0.9)
            } else {
                // The bottle's own colour goes on above the label.
                Material {
                    pattern: Pattern::Plain,
                    ..printed.clone()
                }
            };
            let cap = Material::randomise(rng, 0.9);
            (bottle(rng), vec![printed, shoulder, cap])
        }
    }
}

fn part(shape: Shape, z: f64, material: usize) -> Part {
    Part {
        shape,
        object_from_part: Isometry3::from_parts(
            Translation3::new(0.0, 0.0, z),
            nalgebra::UnitQuaternion::identity(),
        ),
        material,
    }
}

fn carton(rng: &mut impl Rng) -> Shape {
    Shape::Box {
        half_extents: [
            0.5 * rng.random_range(0.02..0.09),
            0.5 * rng.random_range(0.04..0.17),
            0.5 * rng.random_range(0.05..0.24),
        ],
    }
}

/// A cylinder with two rims.
fn tin(rng: &mut impl Rng) -> Vec<Part> {
    let radius = rng.random_range(0.02..0.05);
    let half_length = 0.5 * rng.random_range(0.03..0.25);
    let rim = |z: f64| {
        let shape = Shape::Cylinder {
            radius: radius * 1.03,
            half_length: 0.002,
        };
        part(shape, z, 1)
    };
    let body = Shape::Cylinder {
        radius,
        half_length,
    };
    vec![part(body, 0.0, 0), rim(-half_length), rim(half_length)]
}

/// An oval body, a shoulder and a cap.
fn bottle(rng: &mut impl Rng) -> Vec<Part> {
    let across = rng.random_range(0.02..0.05);
    let through = across * rng.random_range(0.5..1.0);
    let roundness = rng.random_range(2.0..5.0);
    let body = rng.random_range(0.06..0.17);
    let shoulder = rng.random_range(0.01..0.08);
    let cap = rng.random_range(0.01..0.05);
    let neck = through * rng.random_range(0.35..0.9);
    let ring = |a: f64, b: f64, z: f64, n: f64| {
        (0..CORNERS).map(move |k| {
            let (sin, cos) = (TAU * f64::from(k) / f64::from(CORNERS)).sin_cos();
            let power = |value: f64| value.signum() * value.abs().powf(2.0 / n);
            [a * power(cos), b * power(sin), z]
        })
    };
    let hull = |low: [f64; 3], high: [f64; 3], n: f64| Shape::ConvexHull {
        points: ring(low[0], low[1], low[2], n)
            .chain(ring(high[0], high[1], high[2], n))
            .collect(),
    };
    let top = body + shoulder;
    vec![
        part(
            hull([across, through, 0.0], [across, through, body], roundness),
            0.0,
            0,
        ),
        part(
            hull([across, through, body], [neck, neck, top], 2.0),
            0.0,
            1,
        ),
        part(
            Shape::Cylinder {
                radius: neck * rng.random_range(0.7..1.1),
                half_length: 0.5 * cap,
            },
            top + 0.5 * cap,
            2,
        ),
    ]
}
