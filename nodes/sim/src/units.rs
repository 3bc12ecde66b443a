//! Where the physics engine's units and its single-precision maths meet ours.
//!
//! The engine counts in centimetres. Its search for the nearest points of two solids takes triangles for degenerate whose
//! edges' cross product is below about 1e-3 square units: at one unit a metre that is most of what a hand can hold, and
//! polyhedra are touched at points inside them, along directions that are tens of degrees off, and slip out of any grasp.

use nalgebra::{Isometry3, Matrix3, Quaternion, Translation3, UnitQuaternion, Vector3};
use rapier3d::math::{Matrix, Pose, Rotation, Vector};
use rapier3d::pipeline::PhysicsWorld;

/// The engine's units of length in a metre.
pub const UNITS_PER_M: f64 = 100.0;

/// A physics world without anything in it, with gravity and with tolerances in the engine's units.
pub(crate) fn empty_world() -> PhysicsWorld {
    let mut physics = PhysicsWorld::new();
    physics.gravity = vector_to_physics(&Vector3::new(0.0, 0.0, -9.81));
    physics.integration_parameters.length_unit = UNITS_PER_M as f32;
    physics
}

/// A length (m), or what has it once in its dimension: m/s, m/s^2, N.
#[must_use]
pub fn length_to_physics(metres: f64) -> f32 {
    (metres * UNITS_PER_M) as f32
}

/// A length in metres, or what has it once in its dimension.
#[must_use]
pub fn length_from_physics(units: f32) -> f64 {
    f64::from(units) / UNITS_PER_M
}

/// A torque (N m), or what else has the length twice in its dimension: an inertia (kg m^2), a stiffness (N m/rad).
#[must_use]
pub fn torque_to_physics(newton_metres: f64) -> f32 {
    (newton_metres * UNITS_PER_M * UNITS_PER_M) as f32
}

/// A tensor of inertia, kg m^2.
#[must_use]
pub fn inertia_to_physics(inertia: &Matrix3<f64>) -> Matrix {
    let columns = [0, 1, 2].map(|column| {
        let [x, y, z] = [0, 1, 2].map(|row| torque_to_physics(inertia[(row, column)]));
        Vector::new(x, y, z)
    });
    Matrix::from_cols(columns[0], columns[1], columns[2])
}

/// A density, kg/m^3.
#[must_use]
pub fn density_to_physics(density: f64) -> f32 {
    (density / UNITS_PER_M.powi(3)) as f32
}

/// A vector of lengths (m), or of what has the length once in its dimension.
#[must_use]
pub fn vector_to_physics(v: &Vector3<f64>) -> Vector {
    Vector::new(
        length_to_physics(v.x),
        length_to_physics(v.y),
        length_to_physics(v.z),
    )
}

/// A vector of lengths in metres, or of what has the length once in its dimension.
#[must_use]
pub fn vector_from_physics(v: Vector) -> Vector3<f64> {
    Vector3::new(v.x, v.y, v.z).map(length_from_physics)
}

/// An angular velocity, rad/s.
#[must_use]
pub fn turning_from_physics(w: Vector) -> Vector3<f64> {
    Vector3::new(f64::from(w.x), f64::from(w.y), f64::from(w.z))
}

/// A pose, with its translation in metres.
#[must_use]
pub fn pose_to_physics(pose: &Isometry3<f64>) -> Pose {
    let q = pose.rotation.coords.cast::<f32>();
    Pose::from_parts(
        vector_to_physics(&pose.translation.vector),
        Rotation::from_xyzw(q.x, q.y, q.z, q.w),
    )
}

/// A pose, with its translation in metres.
#[must_use]
pub fn pose_from_physics(pose: &Pose) -> Isometry3<f64> {
    let r = pose.rotation;
    let quaternion = Quaternion::new(
        f64::from(r.w),
        f64::from(r.x),
        f64::from(r.y),
        f64::from(r.z),
    );
    Isometry3::from_parts(
        Translation3::from(vector_from_physics(pose.translation)),
        UnitQuaternion::from_quaternion(quaternion),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poses_survive_the_round_trip() {
        let pose = Isometry3::new(Vector3::new(0.1, -0.2, 0.3), Vector3::new(0.3, -1.0, 2.0));
        let back = pose_from_physics(&pose_to_physics(&pose));
        assert!((back.translation.vector - pose.translation.vector).norm() < 1e-7);
        assert!(back.rotation.angle_to(&pose.rotation) < 1e-6);
    }
}
