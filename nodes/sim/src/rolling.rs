//! Rolling resistance of objects, which the engine does not have.
//!
//! Without it a pen on a table never stops, and the solver's small errors even set it going.

use rapier3d::dynamics::RigidBodyHandle;
use rapier3d::geometry::ContactPair;
use rapier3d::math::Vector;
use rapier3d::pipeline::PhysicsWorld;

use crate::units::length_to_physics;

/// How far ahead of its centre a rolling body is supported, metres: the arm of rolling friction, in textbooks 0.5 mm for
/// hardwood on hardwood.
const ARM_M: f64 = 0.0005;

/// Slows the rolling of the objects that touch something, as the torque of their weight on that arm does in one step; what it
/// could turn back comes to rest.
pub(crate) fn resist(physics: &mut PhysicsWorld, objects: &[RigidBodyHandle]) {
    let weight_impulse = physics.gravity.length() * physics.integration_parameters.dt;
    for object in objects {
        let Some(body) = physics.bodies.get_mut(*object) else {
            continue;
        };
        let turning = body.angvel();
        let touches = || {
            body.colliders().iter().any(|collider| {
                let mut pairs = physics.narrow_phase.contact_pairs_with(*collider);
                pairs.any(ContactPair::has_any_active_contact)
            })
        };
        if body.is_sleeping() || turning.length() == 0.0 || !touches() {
            continue;
        }
        let torque_impulse =
            -turning.normalize() * (body.mass() * weight_impulse * length_to_physics(ARM_M));
        let change = body.mass_properties().effective_world_inv_inertia * torque_impulse;
        let left = if change.length() < turning.length() {
            turning + change
        } else {
            Vector::ZERO
        };
        body.set_angvel(left, false);
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::Isometry3;
    use rapier3d::math::Pose;

    use crate::objects;
    use crate::table::{insert_object, physics_with_table};
    use crate::units::{
        length_from_physics, length_to_physics, pose_to_physics, vector_from_physics,
    };
    use crate::world::PhysicsConfig;

    /// How far a golf ball rolls that is set going at a speed (m/s) on the table, metres, in so many seconds.
    fn rolled_m(speed: f64, seconds: u32) -> f64 {
        let config = PhysicsConfig::default();
        let mut physics = physics_with_table(&config);
        let ball = objects::find("058_golf_ball").unwrap();
        let radius = ball.dimensions_m[2] / 2.0;
        let start = Pose::translation(0.0, 0.0, length_to_physics(radius));
        let handle = insert_object(&mut physics, ball, &start).unwrap();
        let body = &mut physics.bodies[handle];
        body.set_linvel([length_to_physics(speed), 0.0, 0.0].into(), true);
        body.set_angvel([0.0, (speed / radius) as f32, 0.0].into(), true);
        for _ in 0..250 * seconds {
            super::resist(&mut physics, &[handle]);
            physics.step();
        }
        length_from_physics(physics.bodies[handle].translation().x)
    }

    #[test]
    fn a_ball_stops_where_its_rolling_friction_says() {
        // v^2 / (2 a) with a = 5/7 g arm / radius for a solid ball; the engine's damping of turning stops it a little sooner.
        let (speed, radius) = (0.1_f64, 0.0214);
        let expected = speed.powi(2) / (2.0 * 5.0 / 7.0 * 9.81 * super::ARM_M / radius);
        let rolled = rolled_m(speed, 3);
        assert!(
            (0.5 * expected..1.05 * expected).contains(&rolled),
            "{rolled} m of {expected} m"
        );
        assert!((rolled_m(speed, 6) - rolled).abs() < 1e-3, "stays there");
    }

    #[test]
    fn a_pen_does_not_set_itself_going() {
        let config = PhysicsConfig::default();
        let marker = objects::find("040_large_marker").unwrap();
        for turn in 0..8_u8 {
            let mut physics = physics_with_table(&config);
            let radius = marker.dimensions_m[2].min(marker.dimensions_m[1]) / 2.0;
            let yaw = Isometry3::rotation(nalgebra::Vector3::z() * f64::from(turn) * 0.4);
            let mut start = pose_to_physics(&yaw);
            start.translation.z = length_to_physics(radius);
            let handle = insert_object(&mut physics, marker, &start).unwrap();
            for _ in 0..8 * 250 {
                super::resist(&mut physics, &[handle]);
                physics.step();
            }
            let end = vector_from_physics(physics.bodies[handle].translation());
            assert!(end.xy().norm() < 0.005, "rolled to {end}");
        }
    }
}
