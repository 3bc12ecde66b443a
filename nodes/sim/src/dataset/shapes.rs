//! Objects that exist nowhere: random shapes in random materials, so that a model trained on them
//! learns what an object is and not which objects there are.

use std::f64::consts::{PI, TAU};

use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use rand::{Rng, RngExt as _};

use super::packages::package;
use crate::{
    convex::Bounds,
    render::material::Material,
    shape::{Category, ObjectSpec, Part, Shape, Split},
};

/// Largest side of a random object, metres.
const LARGEST_M: f64 = 0.20;
/// Smallest side of a random object's body, metres.
const SMALLEST_M: f64 = 0.02;
/// Share of the random objects that are packages.
const PACKAGES: f64 = 0.4;

/// A random object: one solid, two to four that overlap, or a package.
pub(super) fn random_object(rng: &mut impl Rng) -> ObjectSpec {
    let (mut parts, materials) = if rng.random_bool(PACKAGES) {
        package(rng)
    } else {
        solids(rng)
    };
    let bounds = parts.iter().fold(Bounds::empty(), |b, part| {
        b.union(Bounds::of(&part.shape, &part.object_from_part))
    });
    let to_centre = Translation3::from(-bounds.centre());
    for part in &mut parts {
        part.object_from_part = to_centre * part.object_from_part;
    }
    ObjectSpec {
        name: "random",
        category: Category::Toy,
        parts,
        materials,
        mass_kg: rng.random_range(0.05..0.5),
        friction: 0.8,
        dimensions_m: bounds.size().into(),
        split: Split::Train,
    }
}

/// A body and up to three solids on it.
fn solids(rng: &mut impl Rng) -> (Vec<Part>, Vec<Material>) {
    let count = if rng.random_bool(0.6) {
        1
    } else {
        rng.random_range(2..=4)
    };
    let mut materials = vec![Material::randomise(rng, 0.35)];
    let body = size(rng);
    let mut parts = vec![Part {
        shape: solid(body, rng),
        object_from_part: Isometry3::identity(),
        material: 0,
    }];
    for _ in 1..count {
        if rng.random_bool(0.5) {
            materials.push(Material::randomise(rng, 0.6));
        }
        let attached = body.map(|s| (s * rng.random_range(0.25..0.9)).max(0.012));
        // Centred near the body's surface, so that the two always overlap.
        let offset = Vector3::from_fn(|k, _| body[k] * rng.random_range(-0.5..0.5));
        let turn = if rng.random_bool(0.6) {
            quarter_turn(rng)
        } else {
            rotation(rng)
        };
        parts.push(Part {
            shape: solid(attached, rng),
            object_from_part: Isometry3::from_parts(Translation3::from(offset), turn),
            material: materials.len() - 1,
        });
    }
    (parts, materials)
}

/// A random rotation, uniform over all.
pub(super) fn rotation(rng: &mut impl Rng) -> UnitQuaternion<f64> {
    // Shoemake's method.
    let (u, v, w): (f64, f64, f64) = (
        rng.random(),
        rng.random::<f64>() * TAU,
        rng.random::<f64>() * TAU,
    );
    let (a, b) = ((1.0 - u).sqrt(), u.sqrt());
    UnitQuaternion::from_quaternion(nalgebra::Quaternion::new(
        b * w.cos(),
        a * v.sin(),
        a * v.cos(),
        b * w.sin(),
    ))
}

/// A rotation that permutes the axes.
fn quarter_turn(rng: &mut impl Rng) -> UnitQuaternion<f64> {
    let axis = [Vector3::x_axis(), Vector3::y_axis(), Vector3::z_axis()][rng.random_range(0..3)];
    UnitQuaternion::from_axis_angle(&axis, 0.5 * PI * f64::from(rng.random_range(0..4)))
}

/// Side lengths: anything between a die and a tall bottle, flat and long ones included.
fn size(rng: &mut impl Rng) -> [f64; 3] {
    let side = |rng: &mut _, low: f64, high: f64| -> f64 { log_uniform(rng, low, high) };
    match rng.random_range(0..5) {
        0 => [side(rng, SMALLEST_M, 0.10); 3],
        1 => {
            let width = side(rng, SMALLEST_M, 0.09);
            [width, width, side(rng, 0.5 * width + 0.01, LARGEST_M)]
        }
        2 => [
            side(rng, 0.03, LARGEST_M),
            side(rng, SMALLEST_M, 0.09),
            side(rng, 0.008, 0.04),
        ],
        _ => [
            side(rng, SMALLEST_M, LARGEST_M),
            side(rng, SMALLEST_M, 0.10),
            side(rng, SMALLEST_M, LARGEST_M),
        ],
    }
}

fn log_uniform(rng: &mut impl Rng, low: f64, high: f64) -> f64 {
    rng.random_range(low.ln()..high.max(low * 1.001).ln()).exp()
}

/// A random solid that about fills a box with these side lengths.
fn solid(size: [f64; 3], rng: &mut impl Rng) -> Shape {
    let half = size.map(|s| 0.5 * s);
    let (radius, half_length) = (half[0].min(half[1]), half[2]);
    match rng.random_range(0..11) {
        0..2 => Shape::Box { half_extents: half },
        2 => Shape::Cylinder {
            radius,
            half_length,
        },
        3 => Shape::Sphere {
            radius: half[0].min(half[1]).min(half[2]).max(0.01),
        },
        4 => Shape::Capsule {
            radius,
            half_length: (half_length - radius).max(0.002),
        },
        5 => {
            let top = radius * rng.random_range(0.05..0.9);
            let profile = vec![
                [0.0, -half_length],
                [radius, -half_length],
                [top, half_length],
                [0.0, half_length],
            ];
            Shape::Revolution {
                profile,
                wedges: 10,
            }
        }
        6..8 => superquadric(half, rng),
        8 => cloud(half, rng),
        9 => vase(radius, half_length, rng),
        _ => prism(half, rng),
    }
}

/// A convex superquadric: between ball, cylinder, box and octahedron.
fn superquadric(half: [f64; 3], rng: &mut impl Rng) -> Shape {
    let (e, n) = (rng.random_range(0.2..1.9), rng.random_range(0.2..1.9));
    let power = |value: f64, exponent: f64| value.signum() * value.abs().powf(exponent);
    let mut points = vec![[0.0, 0.0, -half[2]], [0.0, 0.0, half[2]]];
    for ring in 1..8 {
        let (sin_v, cos_v) = (PI * (f64::from(ring) / 8.0 - 0.5)).sin_cos();
        for step in 0..14 {
            let (sin_u, cos_u) = (TAU * f64::from(step) / 14.0).sin_cos();
            let r = power(cos_v, n);
            points.push([
                half[0] * r * power(cos_u, e),
                half[1] * r * power(sin_u, e),
                half[2] * power(sin_v, n),
            ]);
        }
    }
    Shape::ConvexHull { points }
}

/// The hull of a few random points: a pebble with facets.
fn cloud(half: [f64; 3], rng: &mut impl Rng) -> Shape {
    let count = rng.random_range(8..26);
    let points = (0..count)
        .map(|_| {
            let direction = rotation(rng) * Vector3::z();
            let reach = rng.random_range(0.75..1.0);
            std::array::from_fn(|k| half[k] * direction[k] * reach)
        })
        .collect();
    Shape::ConvexHull { points }
}

/// An upright prism with three to eight corners, tapered towards the top.
fn prism(half: [f64; 3], rng: &mut impl Rng) -> Shape {
    let corners = rng.random_range(3..9);
    let taper = rng.random_range(0.3..1.0);
    let points = (0..corners)
        .flat_map(|k| {
            let (sin, cos) = (TAU * f64::from(k) / f64::from(corners)).sin_cos();
            [
                [half[0] * cos, half[1] * sin, -half[2]],
                [half[0] * cos * taper, half[1] * sin * taper, half[2]],
            ]
        })
        .collect();
    Shape::ConvexHull { points }
}

/// A turned solid with a wavy profile, full or hollow from above.
fn vase(radius: f64, half_length: f64, rng: &mut impl Rng) -> Shape {
    let steps = 7;
    let (waves, phase) = (rng.random_range(0.3..1.6), rng.random_range(0.0..TAU));
    let depth = rng.random_range(0.1..0.45);
    let outer: Vec<[f64; 2]> = (0..=steps)
        .map(|k| {
            let t = f64::from(k) / f64::from(steps);
            let r = radius * (1.0 - depth * (0.5 + 0.5 * (TAU * waves * t + phase).sin()));
            [r, half_length * (2.0 * t - 1.0)]
        })
        .collect();
    let mut profile = vec![[0.0, -half_length]];
    profile.extend(&outer);
    let wall = (0.12 * radius).clamp(0.002, 0.005);
    let narrowest = outer.iter().fold(f64::MAX, |least, p| least.min(p[0]));
    if rng.random_bool(0.5) && narrowest > 3.0 * wall {
        // Hollow: back down inside the wall to a floor.
        profile.extend(
            outer
                .iter()
                .rev()
                .take(outer.len() - 1)
                .map(|p| [p[0] - wall, p[1]]),
        );
        profile.push([0.0, outer[1][1]]);
    } else {
        profile.push([0.0, half_length]);
    }
    Shape::Revolution {
        profile,
        wedges: 10,
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{collider::object_shape, render::model::ObjectModel};

    #[test]
    fn every_random_object_has_a_mesh_and_a_collider() {
        for seed in 0..150 {
            let spec = random_object(&mut Pcg64Mcg::seed_from_u64(seed));
            assert!(
                object_shape(&spec.parts).is_ok(),
                "seed {seed}: {:?}",
                spec.parts
            );
            let mut visuals = Vec::new();
            ObjectModel::new(&spec).place(&Isometry3::identity(), 2, &mut visuals);
            let triangles: usize = visuals.iter().map(|v| v.mesh.triangles.len()).sum();
            assert!(
                (4..8000).contains(&triangles),
                "seed {seed}: {triangles} triangles"
            );
            let largest = spec.dimensions_m.iter().fold(0.0_f64, |a, &b| a.max(b));
            assert!(
                (0.01..0.45).contains(&largest),
                "seed {seed}: {:?}",
                spec.dimensions_m
            );
        }
    }
}
