//! Reads a cylinder with a sphere of its radius at either end as the capsule that it stands for.
//!
//! URDF had no capsule for long, so descriptions write one as three shapes. As one shape it costs a simulator one
//! contact pair in place of three, and has no inner edges to catch on.

use nalgebra::{Isometry3, Point3};

use super::{Collision, Geometry, Visual};

const TOLERANCE_M: f64 = 1e-6;

/// Something with a shape at a pose.
pub(super) trait Shaped {
    fn geometry(&mut self) -> &mut Geometry;
    fn link_from_shape(&self) -> &Isometry3<f64>;
    fn shape(&self) -> &Geometry;
    /// Whether the two look the same.
    fn is_alike(&self, other: &Self) -> bool;
}

impl Shaped for Visual {
    fn geometry(&mut self) -> &mut Geometry {
        &mut self.geometry
    }
    fn link_from_shape(&self) -> &Isometry3<f64> {
        &self.link_from_shape
    }
    fn shape(&self) -> &Geometry {
        &self.geometry
    }
    fn is_alike(&self, other: &Self) -> bool {
        self.rgba == other.rgba && self.material == other.material
    }
}

impl Shaped for Collision {
    fn geometry(&mut self) -> &mut Geometry {
        &mut self.geometry
    }
    fn link_from_shape(&self) -> &Isometry3<f64> {
        &self.link_from_shape
    }
    fn shape(&self) -> &Geometry {
        &self.geometry
    }
    fn is_alike(&self, _: &Self) -> bool {
        true
    }
}

/// Replaces each cylinder whose two end spheres are present by a capsule.
pub(super) fn merge_capsules<T: Shaped>(mut entries: Vec<T>) -> Vec<T> {
    let mut index = 0;
    while let Some(entry) = entries.get(index) {
        if let Some((radius, length, spheres)) = end_spheres(entry, &entries) {
            if let Some(entry) = entries.get_mut(index) {
                *entry.geometry() = Geometry::Capsule { radius, length };
            }
            for sphere in spheres {
                entries.remove(sphere);
            }
            index -= spheres.iter().filter(|&&sphere| sphere < index).count();
        }
        index += 1;
    }
    entries
}

/// Radius and length of a cylinder and the places of the spheres at its ends, the last first.
fn end_spheres<T: Shaped>(entry: &T, entries: &[T]) -> Option<(f64, f64, [usize; 2])> {
    let &Geometry::Cylinder { radius, length } = entry.shape() else {
        return None;
    };
    let end_sphere = |side: f64| {
        let end = entry.link_from_shape() * Point3::new(0.0, 0.0, side * length);
        entries.iter().position(|other| {
            let Geometry::Sphere {
                radius: other_radius,
            } = *other.shape()
            else {
                return false;
            };
            let apart = other.link_from_shape().translation.vector - end.coords;
            (other_radius - radius).abs() < TOLERANCE_M
                && apart.norm() < TOLERANCE_M
                && other.is_alike(entry)
        })
    };
    let (first, second) = (end_sphere(-0.5)?, end_sphere(0.5)?);
    (first != second).then_some((radius, length, [first.max(second), first.min(second)]))
}
