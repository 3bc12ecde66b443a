//! A small, quick physics world in which objects fall onto a table and push each other around.
//!
//! No robot and no care for grasping: only where things come to lie.

use nalgebra::{Isometry3, UnitQuaternion, Vector3};
use rand::{Rng, RngExt as _};
use rapier3d::prelude::*;

use super::shapes::rotation;
use crate::units::{
    density_to_physics, empty_world, length_from_physics, length_to_physics, pose_from_physics,
    pose_to_physics, vector_from_physics, vector_to_physics,
};

/// Time step; coarse, because nothing here has to be exact.
const DT_S: f32 = 1.0 / 100.0;
/// Steps after which objects count as settled even if they still roll.
const MAX_STEPS: usize = 260;
/// Of all objects; how heavy they are hardly matters for how they come to lie.
const DENSITY_KG_M3: f64 = 400.0;
/// Speeds below which an object counts as at rest, m/s and rad/s.
const REST: (f64, f32) = (0.02, 0.3);

/// The collision shape of an object with its mass, which takes a while to compute.
#[derive(Clone)]
pub(super) struct Droppable {
    body_from_shape: Pose,
    shape: SharedShape,
    mass: MassProperties,
}

impl Droppable {
    pub(super) fn new((body_from_shape, shape): (Pose, SharedShape)) -> Self {
        let mass = shape.mass_properties(density_to_physics(DENSITY_KG_M3));
        Self {
            body_from_shape,
            shape,
            mass,
        }
    }
}

/// Objects on (or falling onto) the table plane z = 0.
pub(super) struct DropWorld {
    physics: PhysicsWorld,
    bodies: Vec<RigidBodyHandle>,
}

impl DropWorld {
    pub(super) fn new() -> Self {
        let mut physics = empty_world();
        physics.integration_parameters.dt = DT_S;
        // The table is thick and nothing falls far: no continuous collision detection needed.
        physics.integration_parameters.max_ccd_substeps = 0;
        let [wide, thick] = [1.5, 0.5].map(length_to_physics);
        let table = ColliderBuilder::cuboid(wide, wide, thick).friction(0.9);
        let middle = vector_to_physics(&Vector3::new(0.3, 0.5, -0.5));
        physics.insert(RigidBodyBuilder::fixed().translation(middle), table);
        Self {
            physics,
            bodies: Vec::new(),
        }
    }

    /// Drops an object above the point (x, y), upright or anyhow, once there is room below it.
    pub(super) fn drop(
        &mut self,
        object: &Droppable,
        at: [f64; 2],
        upright: bool,
        rng: &mut impl Rng,
    ) {
        let yaw = UnitQuaternion::from_axis_angle(
            &Vector3::z_axis(),
            rng.random_range(0.0..std::f64::consts::TAU),
        );
        let turn = if upright { yaw } else { rotation(rng) };
        let reach = length_from_physics(object.shape.compute_local_bounding_sphere().radius);
        // Above everything that is on its way down already.
        let top = self
            .bodies
            .iter()
            .map(|&b| length_from_physics(self.physics.bodies[b].translation().z))
            .fold(0.0, f64::max);
        let height = if self.bodies.is_empty() {
            reach + 0.01
        } else {
            (top + reach + 0.06).max(0.1)
        };
        let pose = Isometry3::from_parts(Vector3::new(at[0], at[1], height).into(), turn);
        let body = RigidBodyBuilder::dynamic()
            .pose(pose_to_physics(&pose))
            .linear_damping(0.2)
            .angular_damping(1.0);
        let collider = ColliderBuilder::new(object.shape.clone())
            .position(object.body_from_shape)
            .friction(0.9)
            .mass_properties(object.mass);
        self.bodies.push(self.physics.insert(body, collider).0);
    }

    /// Runs until everything rests, or long enough.
    pub(super) fn settle(&mut self) {
        for step in 0..MAX_STEPS {
            self.physics.step();
            if step > 20 && self.at_rest() {
                break;
            }
        }
    }

    /// Gives an object a knock along the table and lets things move for a while.
    pub(super) fn knock(&mut self, object: usize, velocity: Vector3<f64>, seconds: f64) {
        if let Some(body) = self
            .bodies
            .get(object)
            .and_then(|&b| self.physics.bodies.get_mut(b))
        {
            body.set_linvel(vector_to_physics(&velocity), true);
        }
        for _ in 0..(seconds / f64::from(DT_S)) as usize {
            self.physics.step();
        }
    }

    /// Pose of each object in the world, in the order in which they were dropped.
    pub(super) fn poses(&self) -> Vec<Isometry3<f64>> {
        self.bodies
            .iter()
            .map(|&b| pose_from_physics(self.physics.bodies[b].position()))
            .collect()
    }

    fn at_rest(&self) -> bool {
        self.bodies.iter().all(|&b| {
            let body = &self.physics.bodies[b];
            body.is_sleeping()
                || (vector_from_physics(body.linvel()).norm() < REST.0
                    && body.angvel().length() < REST.1)
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64Mcg;

    use super::*;

    #[test]
    fn objects_come_to_rest_on_the_table_and_on_each_other() {
        let mut rng = Pcg64Mcg::seed_from_u64(4);
        let mut world = DropWorld::new();
        let cube = Droppable::new((Pose::IDENTITY, SharedShape::cuboid(3.0, 3.0, 3.0)));
        for _ in 0..5 {
            world.drop(&cube, [0.3, 0.5], false, &mut rng);
        }
        world.settle();
        let poses = world.poses();
        assert!(
            poses.iter().all(|p| p.translation.z > 0.025),
            "nothing sinks into the table"
        );
        for (i, a) in poses.iter().enumerate() {
            for b in &poses[..i] {
                assert!(
                    (a.translation.vector - b.translation.vector).norm() > 0.05,
                    "objects overlap"
                );
            }
        }
        let before = world.poses();
        world.knock(0, Vector3::new(1.0, 0.0, 0.0), 0.2);
        assert!((world.poses()[0].translation.x - before[0].translation.x).abs() > 0.02);
    }
}
