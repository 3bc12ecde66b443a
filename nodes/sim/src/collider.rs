//! Shapes as the physics engine takes them.

use nalgebra::{UnitQuaternion, Vector3};
use rapier3d::math::{Pose, Vector};
use rapier3d::parry::shape::SharedShape;

use crate::convex::revolution_pieces;
use crate::shape::{Part, Shape};
use crate::units::{length_to_physics, pose_to_physics, vector_to_physics};

/// A shape that the physics engine cannot take.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ColliderError {
    /// The points of a hull, or the profile of a solid of revolution, span no volume.
    #[error("part {part} spans no volume: give at least four points that do not lie in a plane")]
    NoVolume {
        /// Index of the part.
        part: usize,
    },
}

/// The convex solids that stand for some parts, each with its pose in the frame that the parts are given in.
///
/// # Errors
/// When a part spans no volume.
pub fn convex_solids<'a>(
    parts: impl IntoIterator<Item = &'a Part>,
) -> Result<Vec<(Pose, SharedShape)>, ColliderError> {
    let mut solids = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        let pose = part.object_from_part;
        let no_volume = ColliderError::NoVolume { part: index };
        // Engine cylinders and cones stand along y.
        let upright =
            pose * UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f64::consts::FRAC_PI_2);
        match &part.shape {
            Shape::Box {
                half_extents: [x, y, z],
            } => {
                solids.push((
                    pose_to_physics(&pose),
                    SharedShape::cuboid(
                        length_to_physics(*x),
                        length_to_physics(*y),
                        length_to_physics(*z),
                    ),
                ));
            }
            Shape::Cylinder {
                radius,
                half_length,
            } => {
                solids.push((
                    pose_to_physics(&upright),
                    SharedShape::cylinder(
                        length_to_physics(*half_length),
                        length_to_physics(*radius),
                    ),
                ));
            }
            Shape::Sphere { radius } => {
                solids.push((
                    pose_to_physics(&pose),
                    SharedShape::ball(length_to_physics(*radius)),
                ));
            }
            Shape::Capsule {
                radius,
                half_length,
            } => {
                solids.push((
                    pose_to_physics(&pose),
                    SharedShape::capsule_z(
                        length_to_physics(*half_length),
                        length_to_physics(*radius),
                    ),
                ));
            }
            Shape::Cone {
                radius,
                half_length,
            } => {
                solids.push((
                    pose_to_physics(&upright),
                    SharedShape::cone(length_to_physics(*half_length), length_to_physics(*radius)),
                ));
            }
            Shape::ConvexHull { points } => {
                solids.push((pose_to_physics(&pose), hull(points).ok_or(no_volume)?));
            }
            Shape::Revolution { profile, wedges } => {
                let pieces = revolution_pieces(profile, *wedges);
                if pieces.is_empty() {
                    return Err(no_volume);
                }
                for piece in pieces {
                    let no_volume = ColliderError::NoVolume { part: index };
                    solids.push((pose_to_physics(&pose), hull(&piece).ok_or(no_volume)?));
                }
            }
        }
    }
    Ok(solids)
}

fn hull(points: &[[f64; 3]]) -> Option<SharedShape> {
    let points: Vec<Vector> = points
        .iter()
        .map(|[x, y, z]| vector_to_physics(&Vector3::new(*x, *y, *z)))
        .collect();
    if points.len() < 4 {
        return None;
    }
    SharedShape::convex_hull(&points)
}

/// One shape for a whole object: the solid itself when there is one, else a compound of all.
///
/// # Errors
/// When a part spans no volume, or there are no parts.
pub fn object_shape(parts: &[Part]) -> Result<(Pose, SharedShape), ColliderError> {
    let mut solids = convex_solids(parts)?;
    match solids.len() {
        0 => Err(ColliderError::NoVolume { part: 0 }),
        1 => Ok(solids.remove(0)),
        _ => Ok((Pose::IDENTITY, SharedShape::compound(solids))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::length_from_physics;
    use nalgebra::Isometry3;

    fn part(shape: Shape) -> Part {
        Part {
            shape,
            object_from_part: Isometry3::identity(),
            material: 0,
        }
    }

    #[test]
    fn flat_hulls_are_refused_with_their_index() {
        let flat = Shape::ConvexHull {
            points: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        };
        let parts = [part(Shape::Sphere { radius: 0.1 }), part(flat)];
        assert_eq!(
            object_shape(&parts).err(),
            Some(ColliderError::NoVolume { part: 1 })
        );
    }

    #[test]
    fn cylinders_and_cones_stand_along_z() {
        for (shape, height) in [
            (
                Shape::Cylinder {
                    radius: 0.01,
                    half_length: 0.2,
                },
                0.4,
            ),
            (
                Shape::Cone {
                    radius: 0.01,
                    half_length: 0.1,
                },
                0.2,
            ),
        ] {
            let (pose, solid) = object_shape(&[part(shape)]).unwrap();
            let aabb = solid.compute_aabb(&pose);
            assert!(
                (length_from_physics(aabb.extents().z) - height).abs() < 1e-6,
                "{aabb:?}"
            );
            // The apex of a cone points up: its mass lies below the middle.
            assert!((pose * solid.mass_properties(1.0).local_com).z <= 1e-4);
        }
    }
}
