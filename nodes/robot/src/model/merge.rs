//! Reads a cylinder with a sphere of its radius at either end as the capsule that it stands for.
//!
//! URDF had no capsule for long, so descriptions write one as three shapes. As one shape it costs a simulator one
//! contact pair in place of three, and has no inner edges to catch on.

use nalgebra::{Isometry3, Point3};

use super::Geometry;

const TOLERANCE_M: f64 = 1e-6;

/// Replaces each cylinder whose two end spheres are present by a capsule; `parts` gives shape and pose of an entry.
pub(super) fn merge_capsules<T>(
    mut entries: Vec<T>,
    parts: impl Fn(&mut T) -> (&mut Geometry, &Isometry3<f64>),
) -> Vec<T> {
    let mut index = 0;
    while index < entries.len() {
        let (geometry, pose) = parts(&mut entries[index]);
        let Geometry::Cylinder { radius, length } = *geometry else {
            index += 1;
            continue;
        };
        let ends = [-0.5, 0.5].map(|side| pose * Point3::new(0.0, 0.0, side * length));
        let spheres = ends.map(|end| find_sphere(&mut entries, &parts, end, radius));
        if let [Some(first), Some(second)] = spheres
            && first != second
        {
            *parts(&mut entries[index]).0 = Geometry::Capsule { radius, length };
            entries.remove(first.max(second));
            entries.remove(first.min(second));
            index -= [first, second].iter().filter(|&&sphere| sphere < index).count();
        }
        index += 1;
    }
    entries
}

fn find_sphere<T>(
    entries: &mut [T],
    parts: &impl Fn(&mut T) -> (&mut Geometry, &Isometry3<f64>),
    centre: Point3<f64>,
    wanted_radius: f64,
) -> Option<usize> {
    entries.iter_mut().position(|entry| match parts(entry) {
        (Geometry::Sphere { radius }, pose) => {
            (*radius - wanted_radius).abs() < TOLERANCE_M
                && (pose.translation.vector - centre.coords).norm() < TOLERANCE_M
        }
        _ => false,
    })
}
