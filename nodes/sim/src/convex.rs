//! Convex pieces and bounding boxes of [`Shape`]s.
//!
//! Solids of revolution may be concave. Their profile is cut into convex polygons (ear clipping, then merging across
//! diagonals). A polygon that touches the axis sweeps a convex solid as a whole; one that does not (the wall of a cup) is
//! swept in wedges.

use std::f64::consts::TAU;

use nalgebra::{Isometry3, Point3, Vector3};

use crate::shape::Shape;

/// How many corners stand for the circle of a convex solid of revolution.
const CORNERS_PER_TURN: u32 = 32;
/// Points nearer to the axis than this lie on it. Metres.
const ON_AXIS_M: f64 = 1e-6;

/// Cuts a simple polygon into convex polygons that cover it without overlap.
///
/// The corners may run either way round. A polygon without area gives no pieces.
#[must_use]
pub fn convex_polygons(corners: &[[f64; 2]]) -> Vec<Vec<[f64; 2]>> {
    let mut ring: Vec<usize> = (0..corners.len()).collect();
    if signed_area(corners) < 0.0 {
        ring.reverse();
    }
    let triangles = clip_ears(corners, ring);
    let pieces = merge_convex(corners, triangles);
    pieces
        .into_iter()
        .map(|piece| piece.into_iter().map(|i| corners[i]).collect())
        .collect()
}

fn signed_area(corners: &[[f64; 2]]) -> f64 {
    let next = corners.iter().cycle().skip(1);
    corners
        .iter()
        .zip(next)
        .map(|(a, b)| a[0] * b[1] - b[0] * a[1])
        .sum::<f64>()
        / 2.0
}

/// Twice the signed area of a triangle: positive when `a`, `b`, `c` turn left.
fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

fn clip_ears(corners: &[[f64; 2]], mut ring: Vec<usize>) -> Vec<Vec<usize>> {
    let mut triangles = Vec::new();
    while ring.len() > 2 {
        let count = ring.len();
        let neighbours = |k: usize| {
            [
                ring[(k + count - 1) % count],
                ring[k],
                ring[(k + 1) % count],
            ]
        };
        let is_ear = |k: &usize| {
            let [a, b, c] = neighbours(*k);
            let inside = |p: [f64; 2]| {
                turn(corners[a], corners[b], p) >= 0.0
                    && turn(corners[b], corners[c], p) >= 0.0
                    && turn(corners[c], corners[a], p) >= 0.0
            };
            turn(corners[a], corners[b], corners[c]) > 0.0
                && ring
                    .iter()
                    .all(|i| [a, b, c].contains(i) || !inside(corners[*i]))
        };
        // A corner on a straight line has no area: it is dropped when no proper ear is left.
        let k = (0..count).find(is_ear);
        if let Some(k) = k {
            triangles.push(neighbours(k).to_vec());
        }
        let dropped = k.or_else(|| {
            (0..count).min_by(|i, j| {
                let area = |k: usize| {
                    let [a, b, c] = neighbours(k);
                    turn(corners[a], corners[b], corners[c]).abs()
                };
                area(*i).total_cmp(&area(*j))
            })
        });
        ring.remove(dropped.unwrap_or(0));
    }
    triangles
}

/// Joins neighbouring pieces as long as the result stays convex.
fn merge_convex(corners: &[[f64; 2]], mut pieces: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    'again: loop {
        for i in 0..pieces.len() {
            for j in i + 1..pieces.len() {
                if let Some(joined) = join(corners, &pieces[i], &pieces[j]) {
                    pieces[i] = joined;
                    pieces.remove(j);
                    continue 'again;
                }
            }
        }
        return pieces;
    }
}

/// The union of two counter-clockwise polygons that share an edge, if it is convex.
fn join(corners: &[[f64; 2]], first: &[usize], second: &[usize]) -> Option<Vec<usize>> {
    let (n, m) = (first.len(), second.len());
    for i in 0..n {
        let (a, b) = (first[i], first[(i + 1) % n]);
        let Some(j) = (0..m).find(|j| second[*j] == b && second[(*j + 1) % m] == a) else {
            continue;
        };
        let joined: Vec<usize> = (1..=n)
            .map(|k| first[(i + k) % n])
            .chain((2..m).map(|k| second[(j + k) % m]))
            .collect();
        let count = joined.len();
        let convex = (0..count).all(|k| {
            let [a, b, c] = [joined[k], joined[(k + 1) % count], joined[(k + 2) % count]];
            turn(corners[a], corners[b], corners[c]) >= -1e-12
        });
        return convex.then_some(joined);
    }
    None
}

/// The convex pieces, each as the points of its hull, of a solid of revolution about z.
#[must_use]
pub fn revolution_pieces(profile: &[[f64; 2]], wedges: u32) -> Vec<Vec<[f64; 3]>> {
    let mut pieces = Vec::new();
    for polygon in convex_polygons(profile) {
        let touches_axis = polygon.iter().filter(|p| p[0] < ON_AXIS_M).count() >= 1;
        if touches_axis {
            pieces.push(swept(&polygon, CORNERS_PER_TURN, 0..CORNERS_PER_TURN));
        } else {
            let wedges = wedges.max(3);
            pieces.extend((0..wedges).map(|w| swept(&polygon, wedges, w..w + 2)));
        }
    }
    pieces
}

/// The corners of a (radius, z) polygon turned to some of `steps` equal steps about z.
fn swept(polygon: &[[f64; 2]], steps: u32, turns: std::ops::Range<u32>) -> Vec<[f64; 3]> {
    let mut points = Vec::new();
    for &[radius, z] in polygon {
        if radius < ON_AXIS_M {
            points.push([0.0, 0.0, z]);
            continue;
        }
        for turn in turns.clone() {
            let (sin, cos) = (TAU * f64::from(turn) / f64::from(steps)).sin_cos();
            points.push([radius * cos, radius * sin, z]);
        }
    }
    points
}

/// An axis-aligned box, in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Smallest coordinates.
    pub min: Vector3<f64>,
    /// Largest coordinates.
    pub max: Vector3<f64>,
}

impl Bounds {
    /// The box of nothing, which any box extends.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            min: Vector3::repeat(f64::INFINITY),
            max: Vector3::repeat(f64::NEG_INFINITY),
        }
    }

    /// The exact bounds of a shape at a pose.
    #[must_use]
    pub fn of(shape: &Shape, pose: &Isometry3<f64>) -> Self {
        let axis = pose.rotation * Vector3::z();
        let centre = pose.translation.vector;
        // How far a circle of unit radius about the axis reaches along each coordinate.
        let reach = axis.map(|a| (1.0 - a * a).max(0.0).sqrt());
        let about = |half: Vector3<f64>| Self {
            min: centre - half,
            max: centre + half,
        };
        let disc = |bounds: Self, radius: f64, z: f64| {
            let middle = centre + axis * z;
            bounds
                .including(middle - reach * radius)
                .including(middle + reach * radius)
        };
        match shape {
            Shape::Box { half_extents } => {
                let turned = pose.rotation.to_rotation_matrix().into_inner().abs();
                about(turned * Vector3::from(*half_extents))
            }
            Shape::Cylinder {
                radius,
                half_length,
            } => about(reach * *radius + axis.abs() * *half_length),
            Shape::Sphere { radius } => about(Vector3::repeat(*radius)),
            Shape::Capsule {
                radius,
                half_length,
            } => about(axis.abs() * *half_length + Vector3::repeat(*radius)),
            Shape::Cone {
                radius,
                half_length,
            } => disc(
                disc(Self::empty(), *radius, -half_length),
                0.0,
                *half_length,
            ),
            Shape::ConvexHull { points } => points.iter().fold(Self::empty(), |bounds, p| {
                bounds.including((pose * Point3::from(*p)).coords)
            }),
            Shape::Revolution { profile, .. } => {
                profile.iter().fold(Self::empty(), |bounds, [radius, z]| {
                    disc(bounds, *radius, *z)
                })
            }
        }
    }

    /// The box grown to hold a point.
    #[must_use]
    pub fn including(self, point: Vector3<f64>) -> Self {
        Self {
            min: self.min.inf(&point),
            max: self.max.sup(&point),
        }
    }

    /// The smallest box that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            min: self.min.inf(&other.min),
            max: self.max.sup(&other.max),
        }
    }

    /// The middle.
    #[must_use]
    pub fn centre(&self) -> Vector3<f64> {
        (self.min + self.max) / 2.0
    }

    /// Side lengths.
    #[must_use]
    pub fn size(&self) -> Vector3<f64> {
        self.max - self.min
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::UnitQuaternion;
    use proptest::prelude::*;

    fn area(polygons: &[Vec<[f64; 2]>]) -> f64 {
        polygons.iter().map(|p| signed_area(p)).sum()
    }

    /// The cross-section of a cup: a floor and a leaning wall.
    const CUP: [[f64; 2]; 6] = [
        [0.0, 0.0],
        [0.03, 0.0],
        [0.04, 0.06],
        [0.037, 0.06],
        [0.028, 0.003],
        [0.0, 0.003],
    ];

    #[test]
    fn pieces_cover_the_polygon_and_are_convex() {
        let pieces = convex_polygons(&CUP);
        assert!((area(&pieces) - signed_area(&CUP)).abs() < 1e-12);
        assert!(pieces.len() <= 3, "{} pieces", pieces.len());
        for piece in &pieces {
            let n = piece.len();
            assert!(
                (0..n).all(|i| turn(piece[i], piece[(i + 1) % n], piece[(i + 2) % n]) >= -1e-12)
            );
        }
    }

    #[test]
    fn direction_and_straight_corners_do_not_matter() {
        let mut clockwise = CUP.to_vec();
        clockwise.reverse();
        clockwise.push([0.0, 0.0015]);
        assert!((area(&convex_polygons(&clockwise)) - signed_area(&CUP)).abs() < 1e-12);
    }

    #[test]
    fn walls_are_wedges_and_floors_are_whole() {
        let pieces = revolution_pieces(&CUP, 10);
        let whole = pieces
            .iter()
            .filter(|p| p.iter().any(|q| q[0].hypot(q[1]) < ON_AXIS_M))
            .count();
        assert!((1..=2).contains(&whole));
        assert_eq!((pieces.len() - whole) % 10, 0);
    }

    proptest! {
        /// Bounds found analytically hold, and are touched by, points sampled on the surface.
        #[test]
        fn bounds_are_tight(roll in -3.0..3.0_f64, pitch in -1.5..1.5_f64, radius in 0.01..0.1_f64, half in 0.01..0.1_f64) {
            let pose = Isometry3::from_parts(
                Vector3::new(0.1, -0.2, 0.3).into(),
                UnitQuaternion::from_euler_angles(roll, pitch, 0.4),
            );
            let profile = vec![[0.0, -half], [radius, -half], [radius, half], [0.0, half]];
            let lathe = Bounds::of(&Shape::Revolution { profile: profile.clone(), wedges: 8 }, &pose);
            let cylinder = Bounds::of(&Shape::Cylinder { radius, half_length: half }, &pose);
            prop_assert!((lathe.min - cylinder.min).norm() < 1e-12 && (lathe.max - cylinder.max).norm() < 1e-12);
            let sampled = swept(&profile, 720, 0..720)
                .into_iter()
                .fold(Bounds::empty(), |b, p| b.including((pose * Point3::from(p)).coords));
            prop_assert!((sampled.min - cylinder.min).norm() < 1e-4 && (sampled.max - cylinder.max).norm() < 1e-4);
        }

        /// Star-shaped polygons of any roughness are covered exactly by convex pieces.
        #[test]
        fn rough_polygons_are_covered(radii in prop::collection::vec(0.2..1.0_f64, 4..14)) {
            let n = radii.len() as f64;
            let star: Vec<[f64; 2]> = radii.iter().enumerate()
                .map(|(i, r)| { let (s, c) = (TAU * i as f64 / n).sin_cos(); [r * c, r * s] })
                .collect();
            let pieces = convex_polygons(&star);
            prop_assert!((area(&pieces) - signed_area(&star)).abs() < 1e-9);
        }
    }
}
