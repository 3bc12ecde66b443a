//! Between `geometry_msgs` and nalgebra.

use msgs::geometry_msgs::{
    Point, Pose, Quaternion, Transform, TransformStamped, Vector3 as Vector3Msg,
};
use msgs::std_msgs::Header;
use nalgebra::{
    Isometry3, Point3, Quaternion as RawQuaternion, Translation3, UnitQuaternion, Vector3,
};

/// How far a quaternion's norm may be from one before it is refused rather than normalised.
const NORM_TOLERANCE: f64 = 1e-2;

/// A pose or transform that is no rigid motion.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryError {
    /// NaN or infinite.
    #[error("has a coordinate that is not finite")]
    NotFinite,
    /// Not a rotation.
    #[error("has a quaternion of norm {norm:.4} instead of 1; an unset rotation is (0, 0, 0, 1)")]
    NotUnit {
        /// Norm found.
        norm: f64,
    },
}

/// Reads a rigid motion.
pub fn isometry(
    translation: [f64; 3],
    rotation: Quaternion,
) -> Result<Isometry3<f64>, GeometryError> {
    let raw = RawQuaternion::new(rotation.w, rotation.x, rotation.y, rotation.z);
    let norm = raw.norm();
    if !(norm.is_finite() && translation.iter().all(|value| value.is_finite())) {
        return Err(GeometryError::NotFinite);
    }
    if (norm - 1.0).abs() > NORM_TOLERANCE {
        return Err(GeometryError::NotUnit { norm });
    }
    let [x, y, z] = translation;
    Ok(Isometry3::from_parts(
        Translation3::new(x, y, z),
        UnitQuaternion::new_normalize(raw),
    ))
}

/// `parent_from_child` of a transform message.
pub fn isometry_from_transform(transform: &Transform) -> Result<Isometry3<f64>, GeometryError> {
    let Vector3Msg { x, y, z } = transform.translation;
    isometry([x, y, z], transform.rotation)
}

/// The pose of a body in the message's frame: `frame_from_body`.
pub fn isometry_from_pose(pose: &Pose) -> Result<Isometry3<f64>, GeometryError> {
    let Point { x, y, z } = pose.position;
    isometry([x, y, z], pose.orientation)
}

/// As a transform message.
pub fn transform_from_isometry(isometry: &Isometry3<f64>) -> Transform {
    Transform {
        translation: vector_msg(&isometry.translation.vector),
        rotation: quaternion_msg(&isometry.rotation),
    }
}

/// As a pose message.
pub fn pose_from_isometry(isometry: &Isometry3<f64>) -> Pose {
    Pose {
        position: point_msg(&isometry.translation.vector.into()),
        orientation: quaternion_msg(&isometry.rotation),
    }
}

/// `parent_from_child` with its frames and time, ready to be broadcast.
pub fn transform_stamped(
    stamp: crate::Time,
    parent: &str,
    child: &str,
    parent_from_child: &Isometry3<f64>,
) -> TransformStamped {
    TransformStamped {
        header: Header::new(stamp, parent),
        child_frame_id: child.into(),
        transform: transform_from_isometry(parent_from_child),
    }
}

/// As a point message.
pub fn point_msg(point: &Point3<f64>) -> Point {
    Point {
        x: point.x,
        y: point.y,
        z: point.z,
    }
}

/// From a point message.
pub fn point(message: &Point) -> Point3<f64> {
    Point3::new(message.x, message.y, message.z)
}

/// As a vector message.
pub fn vector_msg(vector: &Vector3<f64>) -> Vector3Msg {
    Vector3Msg {
        x: vector.x,
        y: vector.y,
        z: vector.z,
    }
}

/// From a vector message.
pub fn vector(message: &Vector3Msg) -> Vector3<f64> {
    Vector3::new(message.x, message.y, message.z)
}

/// As a quaternion message.
pub fn quaternion_msg(rotation: &UnitQuaternion<f64>) -> Quaternion {
    Quaternion {
        x: rotation.i,
        y: rotation.j,
        z: rotation.k,
        w: rotation.w,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_rotation_is_refused() {
        let zero = Quaternion {
            x: 0.0,
            y: 0.0,
            z: 0.0,
            w: 0.0,
        };
        assert_eq!(
            isometry([0.0; 3], zero),
            Err(GeometryError::NotUnit { norm: 0.0 })
        );
        let nan = Quaternion {
            x: f64::NAN,
            ..Quaternion::default()
        };
        assert_eq!(isometry([0.0; 3], nan), Err(GeometryError::NotFinite));
        assert_eq!(
            isometry([0.0, f64::INFINITY, 0.0], Quaternion::default()),
            Err(GeometryError::NotFinite)
        );
    }

    proptest! {
        #[test]
        fn messages_round_trip(t in prop::array::uniform3(-10.0..10.0), r in prop::array::uniform3(-3.0..3.0)) {
            let original = Isometry3::new(t.into(), r.into());
            let transform = isometry_from_transform(&transform_from_isometry(&original)).unwrap();
            let pose = isometry_from_pose(&pose_from_isometry(&original)).unwrap();
            prop_assert!((transform.inverse() * original).translation.vector.norm() < 1e-12);
            prop_assert!((pose.inverse() * original).rotation.angle() < 1e-7);
        }
    }
}
