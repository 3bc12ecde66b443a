//! Rigid transforms as files have them, and small changes of them.

use nalgebra::{
    Isometry3, Matrix3, Matrix6, Quaternion, Translation3, UnitQuaternion, Vector3, Vector6,
};
use serde::{Deserialize, Serialize};

/// A rigid transform in a file: translation in metres, rotation as a quaternion (x, y, z, w), as ROS has it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pose {
    /// x, y, z in metres.
    pub translation: [f64; 3],
    /// Quaternion x, y, z, w; its length need not be exactly 1.
    pub rotation_xyzw: [f64; 4],
}

impl From<&Isometry3<f64>> for Pose {
    fn from(pose: &Isometry3<f64>) -> Self {
        Self {
            translation: pose.translation.vector.into(),
            rotation_xyzw: pose.rotation.coords.into(),
        }
    }
}

impl Pose {
    /// The transform; `None` when something is not finite or the quaternion has no direction.
    pub fn isometry(&self) -> Option<Isometry3<f64>> {
        let [x, y, z, w] = self.rotation_xyzw;
        let rotation = Quaternion::new(w, x, y, z);
        // Files round; a quaternion that is far from unit length was never one.
        let usable = (rotation.norm() - 1.0).abs() < 1e-2
            && self.translation.iter().all(|value| value.is_finite());
        usable.then(|| {
            Isometry3::from_parts(
                Translation3::from(Vector3::from(self.translation)),
                UnitQuaternion::new_normalize(rotation),
            )
        })
    }
}

/// `pose` moved in its own frame by a translation (first three, metres) and a rotation vector (last three, rad).
pub(crate) fn moved(pose: &Isometry3<f64>, step: &Vector6<f64>) -> Isometry3<f64> {
    pose * step_isometry(step)
}

/// The step as a transform.
pub(crate) fn step_isometry(step: &Vector6<f64>) -> Isometry3<f64> {
    Isometry3::from_parts(
        Translation3::new(step[0], step[1], step[2]),
        UnitQuaternion::from_scaled_axis(Vector3::new(step[3], step[4], step[5])),
    )
}

/// The step that [`moved`] takes from `from` to `to`.
pub(crate) fn step_between(from: &Isometry3<f64>, to: &Isometry3<f64>) -> Vector6<f64> {
    let between = from.inv_mul(to);
    let turn = between.rotation.scaled_axis();
    let shift = between.translation.vector;
    Vector6::new(shift.x, shift.y, shift.z, turn.x, turn.y, turn.z)
}

/// Distance between the origins in metres and the angle between the axes in rad.
pub fn distance(first: &Isometry3<f64>, second: &Isometry3<f64>) -> (f64, f64) {
    (
        (first.translation.vector - second.translation.vector).norm(),
        first.rotation.angle_to(&second.rotation),
    )
}

/// A covariance of steps in the pose's own frame, told along the axes of the frame that the pose is given in.
pub(crate) fn along_parent(pose: &Isometry3<f64>, covariance: &Matrix6<f64>) -> Matrix6<f64> {
    let turn = pose.rotation.to_rotation_matrix();
    let mut both = Matrix6::zeros();
    both.fixed_view_mut::<3, 3>(0, 0).copy_from(turn.matrix());
    both.fixed_view_mut::<3, 3>(3, 3).copy_from(turn.matrix());
    both * covariance * both.transpose()
}

/// The rotation nearest to a matrix; `None` when there is none (not finite, or of rank below two).
pub(crate) fn nearest_rotation(matrix: &Matrix3<f64>) -> Option<UnitQuaternion<f64>> {
    if !matrix.iter().all(|entry| entry.is_finite()) {
        return None;
    }
    let svd = matrix.svd(true, true);
    let (u, v_t) = (svd.u?, svd.v_t?);
    let mut sorted = svd.singular_values;
    sorted.as_mut_slice().sort_by(f64::total_cmp);
    if sorted[1] <= 1e-12 * sorted[2] || sorted[2] == 0.0 {
        return None;
    }
    // The sign goes to the least singular value, which nalgebra sorts last.
    let sign = Matrix3::from_diagonal(&Vector3::new(1.0, 1.0, (u * v_t).determinant().signum()));
    Some(UnitQuaternion::from_matrix(&(u * sign * v_t)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lead_from_one_pose_to_the_other() {
        let from = step_isometry(&Vector6::new(0.1, -0.2, 0.3, 0.5, -1.0, 0.2));
        let to = step_isometry(&Vector6::new(0.4, 0.2, -0.3, -0.5, 0.1, 0.9));
        let there = moved(&from, &step_between(&from, &to));
        assert!(
            (there.inv_mul(&to).to_homogeneous() - nalgebra::Matrix4::identity()).norm() < 1e-12
        );
    }

    #[test]
    fn files_with_no_rotation_are_refused() {
        let pose = Pose::from(&Isometry3::translation(1.0, 2.0, 3.0));
        assert_eq!(pose.isometry(), Some(Isometry3::translation(1.0, 2.0, 3.0)));
        for rotation_xyzw in [[0.0; 4], [f64::NAN, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 2.0]] {
            assert_eq!(
                Pose {
                    rotation_xyzw,
                    ..pose
                }
                .isometry(),
                None
            );
        }
    }

    #[test]
    fn nearest_rotation_undoes_noise_and_scale() {
        let turn = UnitQuaternion::from_scaled_axis(Vector3::new(0.3, -1.2, 2.0));
        let matrix = turn.to_rotation_matrix().into_inner() * 3.0;
        assert!(nearest_rotation(&matrix).unwrap().angle_to(&turn) < 1e-12);
        assert_eq!(nearest_rotation(&Matrix3::zeros()), None);
    }
}
