//! Shapes as the physics engine takes them. The one place where its single-precision maths and ours meet.

use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion, Vector3};
use rapier3d::math::{Pose, Rotation, Vector};
use rapier3d::parry::shape::SharedShape;

use crate::convex::revolution_pieces;
use crate::shape::{Part, Shape};

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

/// A pose in the physics engine's types.
#[must_use]
pub fn pose_to_physics(pose: &Isometry3<f64>) -> Pose {
    let q = pose.rotation.coords.cast::<f32>();
    Pose::from_parts(
        vector_to_physics(&pose.translation.vector),
        Rotation::from_xyzw(q.x, q.y, q.z, q.w),
    )
}

/// A pose from the physics engine's types.
#[must_use]
pub fn pose_from_physics(pose: &Pose) -> Isometry3<f64> {
    let (t, r) = (pose.translation, pose.rotation);
    let quaternion = Quaternion::new(
        f64::from(r.w),
        f64::from(r.x),
        f64::from(r.y),
        f64::from(r.z),
    );
    Isometry3::from_parts(
        Translation3::new(f64::from(t.x), f64::from(t.y), f64::from(t.z)),
        UnitQuaternion::from_quaternion(quaternion),
    )
}

/// A vector in the physics engine's types.
#[must_use]
pub fn vector_to_physics(v: &Vector3<f64>) -> Vector {
    Vector::new(v.x as f32, v.y as f32, v.z as f32)
}

/// A vector from the physics engine's types.
#[must_use]
pub fn vector_from_physics(v: Vector) -> Vector3<f64> {
    Vector3::new(f64::from(v.x), f64::from(v.y), f64::from(v.z))
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
                    SharedShape::cuboid(*x as f32, *y as f32, *z as f32),
                ));
            }
            Shape::Cylinder {
                radius,
                half_length,
            } => {
                solids.push((
                    pose_to_physics(&upright),
                    SharedShape::cylinder(*half_length as f32, *radius as f32),
                ));
            }
            Shape::Sphere { radius } => {
                solids.push((pose_to_physics(&pose), SharedShape::ball(*radius as f32)));
            }
            Shape::Capsule {
                radius,
                half_length,
            } => {
                solids.push((
                    pose_to_physics(&pose),
                    SharedShape::capsule_z(*half_length as f32, *radius as f32),
                ));
            }
            Shape::Cone {
                radius,
                half_length,
            } => {
                solids.push((
                    pose_to_physics(&upright),
                    SharedShape::cone(*half_length as f32, *radius as f32),
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
        .map(|[x, y, z]| Vector::new(*x as f32, *y as f32, *z as f32))
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
            assert!((aabb.extents().z - height).abs() < 1e-5, "{aabb:?}");
            // The apex of a cone points up: its mass lies below the middle.
            assert!((pose * solid.mass_properties(1.0).local_com).z <= 1e-6);
        }
    }

    #[test]
    fn poses_survive_the_round_trip() {
        let pose = Isometry3::new(Vector3::new(0.1, -0.2, 0.3), Vector3::new(0.3, -1.0, 2.0));
        let back = pose_from_physics(&pose_to_physics(&pose));
        assert!((back.translation.vector - pose.translation.vector).norm() < 1e-7);
        assert!(back.rotation.angle_to(&pose.rotation) < 1e-6);
    }
}
