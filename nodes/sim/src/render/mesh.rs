//! Triangle meshes and how shapes become meshes.

use std::f64::consts::TAU;

use nalgebra::{Isometry3, Point3, Vector3};
use rapier3d::parry::{math::Vec3, transformation::try_convex_hull};

use crate::shape::Shape;

/// Adjoining faces whose normals differ by less than this look rounded, others meet in an edge.
const CREASE_COS: f64 = 0.64; // 50 degrees

/// A triangle mesh with normals and texture coordinates per vertex, in metres in its own frame.
///
/// Triangles wind counter-clockwise seen from outside; the renderer shows only that side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TriangleMesh {
    /// Vertex positions in metres.
    pub positions: Vec<[f32; 3]>,
    /// Unit vertex normals, one for each position.
    pub normals: Vec<[f32; 3]>,
    /// Texture coordinates, one for each position; see [`super::material::Pattern`].
    pub uvs: Vec<[f32; 2]>,
    /// Vertex indices of each triangle.
    pub triangles: Vec<[u32; 3]>,
}

impl TriangleMesh {
    /// A horizontal rectangle at z = 0 facing up, centred on the origin. Side lengths in metres.
    pub fn rectangle(size_x: f32, size_y: f32) -> Self {
        let (x, y) = (0.5 * size_x, 0.5 * size_y);
        Self {
            positions: vec![[-x, -y, 0.0], [x, -y, 0.0], [x, y, 0.0], [-x, y, 0.0]],
            normals: vec![[0.0, 0.0, 1.0]; 4],
            uvs: vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
            triangles: vec![[0, 1, 2], [0, 2, 3]],
        }
    }

    /// A mesh from bare triangles: normals are smoothed except across sharp edges, texture
    /// coordinates wrap around z.
    ///
    /// Triangles that name a vertex beyond `positions` or have no area are left out.
    pub fn from_triangles(positions: &[[f64; 3]], triangles: &[[u32; 3]]) -> Self {
        let corner = |i: u32| positions.get(i as usize).map(|p| Point3::from(*p));
        let faces: Vec<([u32; 3], Vector3<f64>)> = triangles
            .iter()
            .filter_map(|t| {
                let (a, b, c) = (corner(t[0])?, corner(t[1])?, corner(t[2])?);
                let area_normal = (b - a).cross(&(c - a));
                (area_normal.norm() > 1e-14).then_some((*t, area_normal))
            })
            .collect();
        let mut faces_at = vec![Vec::new(); positions.len()];
        for (index, (triangle, _)) in faces.iter().enumerate() {
            for &v in triangle {
                faces_at[v as usize].push(index);
            }
        }
        let (z_min, z_max) = positions
            .iter()
            .fold((f64::MAX, f64::MIN), |(low, high), p| {
                (low.min(p[2]), high.max(p[2]))
            });
        let mut mesh = Self::default();
        for (triangle, normal) in &faces {
            let unit = normal.normalize();
            let mut corners = [0_u32; 3];
            let us = wrapped_angles(triangle.map(|v| positions[v as usize]));
            for ((slot, &v), u) in corners.iter_mut().zip(triangle).zip(us) {
                let smooth: Vector3<f64> = faces_at[v as usize]
                    .iter()
                    .filter(|&&f| faces[f].1.normalize().dot(&unit) > CREASE_COS)
                    .map(|&f| faces[f].1)
                    .sum();
                let p = positions[v as usize];
                let height = (p[2] - z_min) / (z_max - z_min).max(1e-9);
                *slot = mesh.push(Vector3::from(p), smooth, [u, height]);
            }
            mesh.triangles.push(corners);
        }
        mesh
    }

    /// The mesh moved by a rigid transform.
    #[must_use]
    pub fn transformed(mut self, target_from_mesh: &Isometry3<f32>) -> Self {
        for p in &mut self.positions {
            *p = (target_from_mesh * Point3::from(*p)).coords.into();
        }
        for n in &mut self.normals {
            *n = (target_from_mesh * Vector3::from(*n)).into();
        }
        self
    }

    /// Adds the triangles of another mesh in the same frame.
    pub fn append(&mut self, other: &Self) {
        let offset = self.positions.len() as u32;
        self.positions.extend_from_slice(&other.positions);
        self.normals.extend_from_slice(&other.normals);
        self.uvs.extend_from_slice(&other.uvs);
        self.triangles
            .extend(other.triangles.iter().map(|t| t.map(|v| v + offset)));
    }

    fn push(&mut self, position: Vector3<f64>, normal: Vector3<f64>, uv: [f64; 2]) -> u32 {
        let index = self.positions.len() as u32;
        let normal = normal.try_normalize(1e-18).unwrap_or_else(Vector3::z);
        self.positions.push(position.cast::<f32>().into());
        self.normals.push(normal.cast::<f32>().into());
        self.uvs.push([uv[0] as f32, uv[1] as f32]);
        index
    }
}

impl From<&Shape> for TriangleMesh {
    fn from(shape: &Shape) -> Self {
        match shape {
            Shape::Box { half_extents } => cuboid(*half_extents),
            Shape::Cylinder {
                radius,
                half_length,
            } => cylinder(*radius, *half_length),
            Shape::Sphere { radius } => lathe(&arc(*radius, 0.0, 0.0), false),
            Shape::Capsule {
                radius,
                half_length,
            } => lathe(&arc(*radius, -half_length, *half_length), false),
            Shape::Cone {
                radius,
                half_length,
            } => lathe(
                &[
                    [0.0, -half_length],
                    [*radius, -half_length],
                    [0.0, *half_length],
                ],
                false,
            ),
            Shape::ConvexHull { points } => hull(points),
            Shape::Revolution { profile, .. } => lathe(profile, true),
        }
    }
}

/// Angles about z as a share of a turn, made to vary smoothly over one triangle.
fn wrapped_angles(corners: [[f64; 3]; 3]) -> [f64; 3] {
    let mut us = corners.map(|p| (p[1].atan2(p[0]) / TAU).rem_euclid(1.0));
    if us.iter().fold(f64::MIN, |a, &b| a.max(b)) - us.iter().fold(f64::MAX, |a, &b| a.min(b)) > 0.5
    {
        us = us.map(|u| if u < 0.5 { u + 1.0 } else { u });
    }
    us
}

/// A cuboid whose edges are broken by a narrow strip that catches the light.
fn cuboid(half: [f64; 3]) -> TriangleMesh {
    let bevel = (0.06 * half.iter().fold(f64::MAX, |a, &b| a.min(b))).min(0.0015);
    let mut mesh = TriangleMesh::default();
    // Corner `c` has bit `axis` set where it lies on the positive side; each corner has one vertex
    // for each of the three faces that meet there, pulled in by the bevel along the face.
    let vertex = |corner: usize, axis: usize| (corner * 3 + axis) as u32;
    for corner in 0..8_usize {
        let sign = |axis: usize| if corner >> axis & 1 == 1 { 1.0 } else { -1.0 };
        for axis in 0..3 {
            let position =
                Vector3::from_fn(|k, _| sign(k) * (half[k] - if k == axis { 0.0 } else { bevel }));
            let normal = Vector3::from_fn(|k, _| if k == axis { sign(axis) } else { 0.0 });
            let share = |k: usize| 0.5 + 0.5 * position[k] / half[k].max(1e-9);
            // v is up on the four sides; u runs to the right seen from outside.
            let uv = match axis {
                0 => [
                    if sign(0) > 0.0 {
                        share(1)
                    } else {
                        1.0 - share(1)
                    },
                    share(2),
                ],
                1 => [
                    if sign(1) > 0.0 {
                        1.0 - share(0)
                    } else {
                        share(0)
                    },
                    share(2),
                ],
                _ => [
                    if sign(2) > 0.0 {
                        share(0)
                    } else {
                        1.0 - share(0)
                    },
                    share(1),
                ],
            };
            mesh.push(position, normal, uv);
        }
    }
    let mut polygon = |corners: &[u32]| {
        let centroid_normal = |t: [u32; 3]| {
            let p = t.map(|v| Vector3::from(mesh.positions[v as usize]));
            (p[1] - p[0])
                .cross(&(p[2] - p[0]))
                .dot(&(p[0] + p[1] + p[2]))
        };
        for k in 1..corners.len() - 1 {
            let t = [corners[0], corners[k], corners[k + 1]];
            // The solid contains the origin, so outward means away from it.
            let outward = centroid_normal(t) > 0.0;
            mesh.triangles
                .push(if outward { t } else { [t[0], t[2], t[1]] });
        }
    };
    for axis in 0..3 {
        let (a, b) = (1 << ((axis + 1) % 3), 1 << ((axis + 2) % 3));
        for side in [0, 1 << axis] {
            polygon(&[side, side | a, side | a | b, side | b].map(|c| vertex(c, axis)));
        }
        // The four edges along `axis`, each between the two faces that meet in it.
        let (p, q) = ((axis + 1) % 3, (axis + 2) % 3);
        for base in [0, a, b, a | b] {
            let other = base | 1 << axis;
            polygon(&[
                vertex(base, p),
                vertex(other, p),
                vertex(other, q),
                vertex(base, q),
            ]);
        }
    }
    for corner in 0..8 {
        polygon(&[vertex(corner, 0), vertex(corner, 1), vertex(corner, 2)]);
    }
    mesh
}

fn cylinder(radius: f64, half_length: f64) -> TriangleMesh {
    let bevel = (0.06 * radius.min(half_length)).min(0.001);
    lathe(
        &[
            [0.0, -half_length],
            [radius - bevel, -half_length],
            [radius, -half_length + bevel],
            [radius, half_length - bevel],
            [radius - bevel, half_length],
            [0.0, half_length],
        ],
        false,
    )
}

/// Profile of a half circle from pole to pole, its halves centred on `z_low` and `z_high`.
fn arc(radius: f64, z_low: f64, z_high: f64) -> Vec<[f64; 2]> {
    let steps = segments_around(radius) / 4;
    let quarter = |k: usize| k as f64 / steps as f64 * TAU / 4.0;
    let low = (0..=steps).map(|k| [radius * quarter(k).sin(), z_low - radius * quarter(k).cos()]);
    let high = (0..=steps).rev().map(|k| {
        [
            radius * quarter(k).sin(),
            z_high + radius * quarter(k).cos(),
        ]
    });
    let mut profile: Vec<[f64; 2]> = low.chain(high).collect();
    profile.dedup_by(|a, b| (a[0] - b[0]).abs() + (a[1] - b[1]).abs() < 1e-9);
    profile
}

/// Fine enough that the silhouette's error stays below half a pixel where the camera stands.
fn segments_around(radius: f64) -> usize {
    ((14.0 + radius * 400.0) as usize).clamp(16, 44) / 4 * 4
}

/// Sweeps a profile of (radius, z) about the z axis. An open profile runs from bottom to top with
/// the solid on the side of the axis; a closed one may run either way.
fn lathe(profile: &[[f64; 2]], closed: bool) -> TriangleMesh {
    let count = profile.len();
    if count < 2 {
        return TriangleMesh::default();
    }
    let area: f64 = (0..count)
        .map(|i| {
            let (a, b) = (profile[i], profile[(i + 1) % count]);
            a[0] * b[1] - b[0] * a[1]
        })
        .sum();
    let mut points = profile.to_vec();
    if closed && area < 0.0 {
        points.reverse();
    }
    let radius = points.iter().fold(0.0_f64, |a, p| a.max(p[0]));
    let around = segments_around(radius);
    let (z_min, z_max) = points
        .iter()
        .fold((f64::MAX, f64::MIN), |(l, h), p| (l.min(p[1]), h.max(p[1])));
    let segment_count = if closed { count } else { count - 1 };
    // Normals of the profile's segments, scaled by the segments' lengths: walking counter-clockwise
    // the outside lies to the right.
    let outward: Vec<Vector3<f64>> = (0..segment_count)
        .map(|i| {
            let (a, b) = (points[i], points[(i + 1) % count]);
            Vector3::new(b[1] - a[1], 0.0, a[0] - b[0])
        })
        .collect();
    let joint = |own: usize, neighbour: Option<usize>| -> Vector3<f64> {
        let n = outward[own];
        match neighbour.map(|k| outward[k]) {
            Some(m) if n.dot(&m) > CREASE_COS * n.norm() * m.norm() => n + m,
            _ => n,
        }
    };
    let mut mesh = TriangleMesh::default();
    for i in 0..segment_count {
        let (a, b) = (points[i], points[(i + 1) % count]);
        if outward[i].norm() < 1e-9 || (a[0] < 1e-9 && b[0] < 1e-9) {
            continue;
        }
        let before = if i > 0 {
            Some(i - 1)
        } else {
            closed.then_some(segment_count - 1)
        };
        let after = if i + 1 < segment_count {
            Some(i + 1)
        } else {
            closed.then_some(0)
        };
        let rims = [(a, joint(i, before)), (b, joint(i, after))].map(|(p, mut normal)| {
            // A blunt tip on the axis is smooth too: what faces it lies across the axis.
            if p[0] < 1e-9
                && normal.z.powi(2) - normal.x.powi(2) > CREASE_COS * normal.norm_squared()
            {
                normal.x = 0.0;
            }
            let v = (p[1] - z_min) / (z_max - z_min).max(1e-9);
            let first = mesh.positions.len() as u32;
            for k in 0..=around {
                let u = k as f64 / around as f64;
                let (sin, cos) = (u * TAU).sin_cos();
                let normal = Vector3::new(normal.x * cos, normal.x * sin, normal.z);
                mesh.push(Vector3::new(p[0] * cos, p[0] * sin, p[1]), normal, [u, v]);
            }
            first
        });
        for k in 0..around as u32 {
            let (low, high) = (rims[0] + k, rims[1] + k);
            if a[0] > 1e-9 {
                mesh.triangles.push([low, low + 1, high]);
            }
            if b[0] > 1e-9 {
                mesh.triangles.push([low + 1, high + 1, high]);
            }
        }
    }
    mesh
}

fn hull(points: &[[f64; 3]]) -> TriangleMesh {
    let input: Vec<Vec3> = points
        .iter()
        .map(|p| Vec3::new(p[0] as f32, p[1] as f32, p[2] as f32))
        .collect();
    match try_convex_hull(&input) {
        Ok((vertices, triangles)) => {
            let positions: Vec<[f64; 3]> = vertices
                .iter()
                .map(|p| [f64::from(p.x), f64::from(p.y), f64::from(p.z)])
                .collect();
            TriangleMesh::from_triangles(&positions, &triangles)
        }
        Err(error) => {
            tracing::warn!(
                "a convex hull of {} points has no mesh and stays invisible: {error}",
                points.len()
            );
            TriangleMesh::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn shapes() -> Vec<(Shape, f64)> {
        let pi = std::f64::consts::PI;
        let cube: Vec<[f64; 3]> = (0..8)
            .map(|c| [0, 1, 2].map(|k| if c >> k & 1 == 1 { 0.02 } else { -0.02 }))
            .collect();
        vec![
            (
                Shape::Box {
                    half_extents: [0.05, 0.03, 0.02],
                },
                8.0 * 0.05 * 0.03 * 0.02,
            ),
            (
                Shape::Cylinder {
                    radius: 0.03,
                    half_length: 0.05,
                },
                pi * 0.03 * 0.03 * 0.1,
            ),
            (
                Shape::Sphere { radius: 0.04 },
                4.0 / 3.0 * pi * 0.04_f64.powi(3),
            ),
            (
                Shape::Capsule {
                    radius: 0.02,
                    half_length: 0.03,
                },
                pi * 0.0004 * 0.06 + 4.0 / 3.0 * pi * 8e-6,
            ),
            (
                Shape::Cone {
                    radius: 0.03,
                    half_length: 0.04,
                },
                pi * 0.0009 * 0.08 / 3.0,
            ),
            (Shape::ConvexHull { points: cube }, 0.04_f64.powi(3)),
            (
                Shape::Revolution {
                    profile: vec![[0.02, 0.0], [0.03, 0.0], [0.03, 0.1], [0.02, 0.1]],
                    wedges: 8,
                },
                pi * (0.0009 - 0.0004) * 0.1,
            ),
            (
                Shape::Revolution {
                    profile: vec![[0.0, 0.1], [0.03, 0.1], [0.03, 0.0], [0.0, 0.0]],
                    wedges: 8,
                },
                pi * 0.0009 * 0.1,
            ),
        ]
    }

    /// Volume by the divergence theorem: right only when the surface is closed and faces outward.
    fn volume(mesh: &TriangleMesh) -> f64 {
        mesh.triangles
            .iter()
            .map(|t| {
                let [a, b, c] = t.map(|v| Vector3::from(mesh.positions[v as usize]).cast::<f64>());
                a.dot(&b.cross(&c)) / 6.0
            })
            .sum()
    }

    #[test]
    fn meshes_enclose_the_volume_of_their_shape() {
        for (shape, expected) in shapes() {
            let got = volume(&TriangleMesh::from(&shape));
            assert!(
                (got / expected - 1.0).abs() < 0.03,
                "{shape:?}: {got} instead of {expected}"
            );
        }
    }

    #[test]
    fn every_edge_joins_two_triangles() {
        for (shape, _) in shapes() {
            let mesh = TriangleMesh::from(&shape);
            let key = |v: u32| mesh.positions[v as usize].map(|c| (c * 1e6).round() as i64);
            let mut edges = BTreeMap::new();
            for t in &mesh.triangles {
                for k in 0..3 {
                    let (a, b) = (key(t[k]), key(t[(k + 1) % 3]));
                    *edges.entry((a.min(b), a.max(b))).or_insert(0) += if a < b { 1 } else { -1 };
                }
            }
            assert!(
                edges.values().all(|&sum| sum == 0),
                "{shape:?} has an open edge"
            );
        }
    }

    #[test]
    fn normals_are_unit_and_agree_with_the_winding() {
        for (shape, _) in shapes() {
            let mesh = TriangleMesh::from(&shape);
            assert!(
                mesh.normals
                    .iter()
                    .all(|n| (Vector3::from(*n).norm() - 1.0).abs() < 1e-5)
            );
            for t in &mesh.triangles {
                let [a, b, c] = t.map(|v| Vector3::from(mesh.positions[v as usize]));
                let face = (b - a).cross(&(c - a));
                let mean: Vector3<f32> = t
                    .iter()
                    .map(|&v| Vector3::from(mesh.normals[v as usize]))
                    .sum();
                assert!(face.dot(&mean) > 0.0, "{shape:?}");
            }
        }
    }

    #[test]
    fn a_sphere_has_the_normals_of_a_sphere() {
        let mesh = TriangleMesh::from(&Shape::Sphere { radius: 0.05 });
        for (p, n) in mesh.positions.iter().zip(&mesh.normals) {
            assert!((Vector3::from(*p).normalize() - Vector3::from(*n)).norm() < 0.08);
        }
    }

    #[test]
    fn degenerate_input_gives_an_empty_mesh() {
        for points in [
            vec![],
            vec![[0.0; 3]; 5],
            vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]],
        ] {
            let mesh = TriangleMesh::from(&Shape::ConvexHull { points });
            assert!(mesh.triangles.is_empty());
        }
        assert!(
            TriangleMesh::from_triangles(&[[0.0; 3]; 3], &[[0, 1, 2], [0, 1, 9]])
                .triangles
                .is_empty()
        );
    }
}
