//! Builds an [`ObjectSpec`] part by part, in any convenient frame, and centres it at the end.

use std::f64::consts::TAU;

use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};

use super::split;
use crate::convex::Bounds;
use crate::render::material::{Material, Pattern};
use crate::shape::{Category, ObjectSpec, Part, Shape};

/// Friction of every object, as in the original cell's simulation.
const FRICTION: f64 = 1.0;

/// An object under construction. Metres.
#[derive(Debug)]
pub(super) struct Draft {
    name: &'static str,
    category: Category,
    dimensions_m: [f64; 3],
    mass_kg: f64,
    parts: Vec<Part>,
    materials: Vec<Material>,
}

/// A cross-section of a [`Draft::stack`]: height, half width along x, half width along y.
pub(super) type Level = [f64; 3];

impl Draft {
    /// Starts an object with its published dimensions in millimetres (x, y, z) and mass in grams.
    pub(super) fn new(
        name: &'static str,
        category: Category,
        dimensions_mm: [f64; 3],
        mass_g: f64,
    ) -> Self {
        Self {
            name,
            category,
            dimensions_m: dimensions_mm.map(|d| d / 1000.0),
            mass_kg: mass_g / 1000.0,
            parts: Vec::new(),
            materials: Vec::new(),
        }
    }

    /// The colour and pattern of the parts that follow.
    pub(super) fn paint(mut self, rgb: [f32; 3], roughness: f32, pattern: Pattern) -> Self {
        self.materials.push(Material {
            rgb,
            roughness,
            pattern,
        });
        self
    }

    /// One colour for the parts that follow.
    pub(super) fn plain(self, rgb: [f32; 3], roughness: f32) -> Self {
        self.paint(rgb, roughness, Pattern::Plain)
    }

    /// Adds a shape at a pose.
    pub(super) fn part(mut self, shape: Shape, object_from_part: Isometry3<f64>) -> Self {
        let material = self.materials.len().saturating_sub(1);
        self.parts.push(Part {
            shape,
            object_from_part,
            material,
        });
        self
    }

    /// A cuboid of full side lengths about a centre.
    pub(super) fn cuboid(self, size: [f64; 3], centre: [f64; 3]) -> Self {
        self.part(
            Shape::Box {
                half_extents: size.map(|s| s / 2.0),
            },
            at(centre),
        )
    }

    /// A ball about a centre.
    pub(super) fn ball(self, radius: f64, centre: [f64; 3]) -> Self {
        self.part(Shape::Sphere { radius }, at(centre))
    }

    /// A cylinder whose end faces are centred on two points.
    pub(super) fn rod(self, from: [f64; 3], to: [f64; 3], radius: f64) -> Self {
        let (pose, half_length) = between(from, to);
        self.part(
            Shape::Cylinder {
                radius,
                half_length,
            },
            pose,
        )
    }

    /// A capsule between the centres of its two end caps.
    pub(super) fn capsule(self, from: [f64; 3], to: [f64; 3], radius: f64) -> Self {
        let (pose, half_length) = between(from, to);
        self.part(
            Shape::Capsule {
                radius,
                half_length,
            },
            pose,
        )
    }

    /// A solid of revolution about z through a point.
    pub(super) fn lathe(self, profile: &[[f64; 2]], origin: [f64; 3]) -> Self {
        self.part(
            Shape::Revolution {
                profile: profile.to_vec(),
                wedges: 12,
            },
            at(origin),
        )
    }

    /// A ring of round or square section about z.
    pub(super) fn ring(self, inner: f64, outer: f64, height: f64, centre: [f64; 3]) -> Self {
        let half = height / 2.0;
        self.lathe(
            &[[inner, -half], [outer, -half], [outer, half], [inner, half]],
            centre,
        )
    }

    /// The convex hull of points.
    pub(super) fn hull(self, points: Vec<[f64; 3]>) -> Self {
        self.part(Shape::ConvexHull { points }, at([0.0; 3]))
    }

    /// A flat plate: a convex outline in x, y extruded from one height to another.
    pub(super) fn plate(self, outline: &[[f64; 2]], bottom: f64, top: f64) -> Self {
        let points = outline
            .iter()
            .flat_map(|[x, y]| [[*x, *y, bottom], [*x, *y, top]])
            .collect();
        self.hull(points)
    }

    /// Superelliptic cross-sections stacked upwards, joined by convex hulls.
    ///
    /// `roundness` is 2 for ellipses and grows towards rectangles. Sections that bulge outwards share one hull.
    pub(super) fn stack(mut self, levels: &[Level], roundness: f64) -> Self {
        let mut start = 0;
        while start + 1 < levels.len() {
            let mut end = start + 1;
            while end + 1 < levels.len() && bulges(&levels[start..=end + 1]) {
                end += 1;
            }
            let points = levels[start..=end]
                .iter()
                .flat_map(|level| superellipse(*level, roundness))
                .collect();
            self = self.hull(points);
            start = end;
        }
        self
    }

    /// Centres the parts on their bounding box.
    pub(super) fn finish(mut self) -> ObjectSpec {
        let bounds = self.parts.iter().fold(Bounds::empty(), |bounds, part| {
            bounds.union(Bounds::of(&part.shape, &part.object_from_part))
        });
        let to_centre = Translation3::from(-bounds.centre());
        for part in &mut self.parts {
            part.object_from_part = to_centre * part.object_from_part;
        }
        ObjectSpec {
            name: self.name,
            category: self.category,
            parts: self.parts,
            materials: self.materials,
            mass_kg: self.mass_kg,
            friction: FRICTION,
            dimensions_m: self.dimensions_m,
            split: split::of(self.name),
        }
    }
}

/// The pose at a point, not turned.
pub(super) fn at([x, y, z]: [f64; 3]) -> Isometry3<f64> {
    Isometry3::translation(x, y, z)
}

/// The pose half-way between two points with z towards the second, and half of their distance.
fn between(from: [f64; 3], to: [f64; 3]) -> (Isometry3<f64>, f64) {
    let (from, to) = (Vector3::from(from), Vector3::from(to));
    let along = to - from;
    // Opposite directions have no unique rotation between them: turn about x.
    let rotation = UnitQuaternion::rotation_between(&Vector3::z(), &along).unwrap_or_else(|| {
        UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI)
    });
    (
        Isometry3::from_parts(((from + to) / 2.0).into(), rotation),
        along.norm() / 2.0,
    )
}

fn superellipse([z, half_x, half_y]: Level, roundness: f64) -> Vec<[f64; 3]> {
    const CORNERS: u32 = 28;
    let bend = |v: f64| v.signum() * v.abs().powf(2.0 / roundness);
    (0..CORNERS)
        .map(|k| {
            let (sin, cos) = (TAU * f64::from(k) / f64::from(CORNERS)).sin_cos();
            [half_x * bend(cos), half_y * bend(sin), z]
        })
        .collect()
}

/// Whether the outline of the levels is convex along both axes.
fn bulges(levels: &[Level]) -> bool {
    levels.windows(3).all(|w| {
        [1, 2].into_iter().all(|axis| {
            let slope = |a: Level, b: Level| (b[axis] - a[axis]) / (b[0] - a[0]);
            slope(w[1], w[2]) <= slope(w[0], w[1]) + 1e-9
        })
    })
}
