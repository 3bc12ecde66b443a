//! The physical world: robot, table and the objects of a scene.
//!
//! ```
//! use sim::{scene::{self, SceneKind}, shape::Split, world::{World, WorldConfig}};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
//! let model = robot::Model::from_file(format!("{root}/urdf/ur5_sih.urdf"))?;
//! let hand = robot::Hand::from_file(format!("{root}/calibration/sih_right.yaml"))?;
//! let mut world = World::new(&WorldConfig::default(), &model, &hand)?;
//! world.reset(&scene::generate(SceneKind::Single, Split::Train, 1)?)?;
//! let mut target = world.arm().q;
//! target[5] += 0.01;
//! world.set_arm_target(target, [0.0; 6]);
//! world.step();
//! assert!((world.time_s() - 0.004).abs() < 1e-9);
//! # Ok(())
//! # }
//! ```

use std::f64::consts::FRAC_PI_2;
use std::sync::Arc;

use nalgebra::{Isometry3, Vector3};
use rapier3d::dynamics::RigidBodyHandle;
use rapier3d::pipeline::PhysicsWorld;
use robot::{Hand, Model};

use crate::collider::ColliderError;
use crate::hand_servo::{HandServos, ServoConfig, robot_joint};
use crate::render::model::{ObjectModel, RobotModel};
use crate::render::{INSTANCE_FIRST_OBJECT, Visual};
use crate::robot_body::{
    ARM_JOINTS, Drive, HAND_JOINTS, JOINTS, RobotBody, RobotBodyError, RobotPart,
};
use crate::rolling;
use crate::scene::{Scene, SceneError};
use crate::shape::ObjectSpec;
use crate::state_hash::Fnv;
use crate::table::{self, TABLE};
use crate::units::{pose_from_physics, pose_to_physics, turning_from_physics, vector_from_physics};

/// Settings of the physics engine.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhysicsConfig {
    /// Length of a step in seconds. The default is half a cycle of the UR controller.
    pub dt_s: f64,
    /// Solver iterations a step: substeps of the engine.
    pub solver_iterations: usize,
    /// Inner iterations of each solver iteration.
    pub pgs_iterations: usize,
}

impl Default for PhysicsConfig {
    fn default() -> Self {
        // Two iterations of four creep by up to 0.8 mm in 5 s of holding; four of two by 0.4 mm at 1.6 times the cost.
        Self {
            dt_s: 0.004,
            solver_iterations: 2,
            pgs_iterations: 4,
        }
    }
}

/// Settings of the world.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldConfig {
    /// Physics engine.
    pub physics: PhysicsConfig,
    /// The hand's servos.
    pub servos: ServoConfig,
    /// Largest torque of a finger's proximal joint, in N m.
    pub finger_torque_nm: f64,
    /// Largest torque of the thumb's joints, in N m.
    pub thumb_torque_nm: f64,
    /// Joint positions of the arm after a reset, in rad.
    pub arm_reset: [f64; 6],
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            physics: PhysicsConfig::default(),
            servos: ServoConfig::default(),
            finger_torque_nm: 0.3,
            thumb_torque_nm: 1.2,
            arm_reset: [0.6985, -1.4106, 1.2932, 0.1174, 0.6983, FRAC_PI_2],
        }
    }
}

/// A world that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The robot's description does not fit.
    #[error(transparent)]
    Robot(#[from] RobotBodyError),
    /// The scene does not fit.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// An object's shape does not fit.
    #[error("object `{name}`: {source}")]
    Object {
        /// Name of the object.
        name: String,
        /// What is wrong.
        source: ColliderError,
    },
}

/// The arm's state, joints in the order of [`ARM_JOINTS`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ArmState {
    /// Positions in rad.
    pub q: [f64; 6],
    /// Velocities in rad/s.
    pub qd: [f64; 6],
    /// Torques of the drives in N m, without the share that carries the arm's own weight.
    pub torque: [f64; 6],
}

/// The hand's state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HandState {
    /// Joint positions in rad, in the order of [`HAND_JOINTS`]. A real hand cannot measure them.
    pub q: [f64; 11],
    /// Joint velocities in rad/s.
    pub qd: [f64; 11],
    /// Present positions of the servos in ticks.
    pub servo_ticks: [f64; 5],
    /// Loads of the servos, as shares of their largest.
    pub servo_load: [f64; 5],
}

/// Why an episode cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fallen {
    /// An object left the table.
    #[error("object {index} fell off the table")]
    OffTable {
        /// Its place in the scene.
        index: usize,
    },
    /// An object is faster than anything in the cell can be.
    #[error("object {index} was thrown")]
    Thrown {
        /// Its place in the scene.
        index: usize,
    },
}

/// The simulated cell. World frame: the robot's `base_link`, the table's surface at z = 0.
pub struct World {
    config: WorldConfig,
    model: Arc<Model>,
    hand: Hand,
    physics: PhysicsWorld,
    robot: RobotBody,
    servos: HandServos,
    specs: Vec<ObjectSpec>,
    objects: Vec<RigidBodyHandle>,
    robot_look: Arc<RobotModel>,
    object_looks: Vec<ObjectModel>,
    arm_target: ([f64; 6], [f64; 6]),
    hand_aims: [f64; HAND_JOINTS.len()],
    states: [(f64, f64); JOINTS],
    inertias: [f64; JOINTS],
    steps: u64,
}

impl World {
    /// A world with a robot at its reset pose and an empty table.
    ///
    /// # Errors
    /// When the description is not that of a UR5 with an SIH hand.
    pub fn new(config: &WorldConfig, model: &Model, hand: &Hand) -> Result<Self, WorldError> {
        Self::build(
            *config,
            Arc::new(model.clone()),
            hand.clone(),
            Vec::new(),
            Arc::new(RobotModel::new(model)),
        )
    }

    fn build(
        config: WorldConfig,
        model: Arc<Model>,
        hand: Hand,
        objects: Vec<(ObjectSpec, Isometry3<f64>)>,
        robot_look: Arc<RobotModel>,
    ) -> Result<Self, WorldError> {
        let mut physics = table::physics_with_table(&config.physics);
        let servos = HandServos::new(hand.clone(), config.servos);
        let mut positions = [0.0; JOINTS];
        positions[..ARM_JOINTS.len()].copy_from_slice(&config.arm_reset);
        positions[ARM_JOINTS.len()..].copy_from_slice(&servos.free_angles());
        let robot = RobotBody::insert(&mut physics, &model, &positions, &drives(&config))?;
        let mut specs = Vec::new();
        let mut bodies = Vec::new();
        let mut object_looks = Vec::new();
        for (spec, pose) in objects {
            let body = table::insert_object(&mut physics, &spec, &pose_to_physics(&pose)).map_err(
                |source| WorldError::Object {
                    name: spec.name.to_owned(),
                    source,
                },
            )?;
            bodies.push(body);
            object_looks.push(ObjectModel::new(&spec));
            specs.push(spec);
        }
        let states = robot.joint_states(&physics);
        let inertias = robot.joint_inertias(&mut physics);
        let arm_target = (config.arm_reset, [0.0; 6]);
        let hand_aims = servos.free_angles();
        Ok(Self {
            config,
            model,
            hand,
            physics,
            robot,
            servos,
            specs,
            objects: bodies,
            robot_look,
            object_looks,
            arm_target,
            hand_aims,
            states,
            inertias,
            steps: 0,
        })
    }

    /// Puts the robot to its reset pose, replaces all objects and sets time to zero.
    ///
    /// What follows depends on the scene and the commands only, not on what the world did before.
    ///
    /// # Errors
    /// When the scene names an unknown object or gives a pose that is none.
    pub fn reset(&mut self, scene: &Scene) -> Result<(), WorldError> {
        let objects = scene
            .objects
            .iter()
            .map(|object| Ok((object.spec()?.clone(), object.world_from_object()?)))
            .collect::<Result<Vec<_>, SceneError>>()?;
        self.reset_with(objects)
    }

    /// Like [`World::reset`], with any objects, in the catalog or not.
    ///
    /// # Errors
    /// When an object's shape has no volume.
    pub fn reset_with(
        &mut self,
        objects: Vec<(ObjectSpec, Isometry3<f64>)>,
    ) -> Result<(), WorldError> {
        *self = Self::build(
            self.config,
            Arc::clone(&self.model),
            self.hand.clone(),
            objects,
            Arc::clone(&self.robot_look),
        )?;
        Ok(())
    }

    /// Advances time by one step of [`PhysicsConfig::dt_s`].
    pub fn step(&mut self) {
        /// Effective inertias change slowly; they only serve the torque read-out.
        const INERTIA_EVERY: u64 = 8;
        let (q, qd) = self.arm_target;
        for joint in 0..ARM_JOINTS.len() {
            self.robot
                .drive(&mut self.physics, joint, q[joint], qd[joint]);
        }
        let angles = std::array::from_fn(|joint| self.states[robot_joint(joint)].0);
        let torques = self.hand_torque_shares();
        self.hand_aims = self
            .servos
            .advance(self.config.physics.dt_s, &angles, &torques);
        for (joint, aim) in self.hand_aims.iter_mut().enumerate() {
            let joint = robot_joint(joint);
            let [lower, upper] = self.robot.limits(joint);
            *aim = aim.clamp(lower, upper);
            self.robot.drive(&mut self.physics, joint, *aim, 0.0);
        }
        rolling::resist(&mut self.physics, &self.objects);
        self.physics.step();
        self.states = self.robot.joint_states(&self.physics);
        self.steps += 1;
        if self.steps.is_multiple_of(INERTIA_EVERY) {
            self.inertias = self.robot.joint_inertias(&mut self.physics);
        }
    }

    /// Simulated time since the last reset.
    #[must_use]
    pub fn time_s(&self) -> f64 {
        self.steps as f64 * self.config.physics.dt_s
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// The arm's state.
    #[must_use]
    pub fn arm(&self) -> ArmState {
        let mut state = ArmState::default();
        for joint in 0..ARM_JOINTS.len() {
            (state.q[joint], state.qd[joint]) = self.states[joint];
            let (q, qd) = self.arm_target;
            state.torque[joint] =
                self.drive_torque(joint, q[joint], qd[joint], self.inertias[joint]);
        }
        state
    }

    /// Where the arm's drives shall go: positions in rad and velocities in rad/s, fed forward.
    pub fn set_arm_target(&mut self, q: [f64; 6], qd: [f64; 6]) {
        self.arm_target = (q, qd);
    }

    /// The hand's state.
    #[must_use]
    pub fn hand(&self) -> HandState {
        HandState {
            q: std::array::from_fn(|joint| self.states[robot_joint(joint)].0),
            qd: std::array::from_fn(|joint| self.states[robot_joint(joint)].1),
            servo_ticks: self.servos.present_ticks(),
            servo_load: self.servos.load(),
        }
    }

    /// Where the hand's servos shall go, in ticks. Clamped to their travel; NaN opens.
    pub fn set_hand_servo_targets(&mut self, ticks: [f64; 5]) {
        self.servos.set_goal(ticks);
    }

    /// Torque of each hand joint's drive as a share of its limit.
    fn hand_torque_shares(&self) -> [f64; HAND_JOINTS.len()] {
        std::array::from_fn(|joint| {
            let index = robot_joint(joint);
            self.drive_torque(index, self.hand_aims[joint], 0.0, 1.0)
                / self.robot.drive_of(index).max_torque_nm
        })
    }

    /// The engine does not say what its motors exert: this is the spring and damper that they are.
    fn drive_torque(&self, joint: usize, target: f64, target_velocity: f64, inertia: f64) -> f64 {
        let (position, velocity) = self.states[joint];
        let Drive {
            stiffness,
            damping,
            max_torque_nm,
        } = self.robot.drive_of(joint);
        let torque =
            inertia * (stiffness * (target - position) + damping * (target_velocity - velocity));
        torque.clamp(-max_torque_nm, max_torque_nm)
    }

    /// Sum of the magnitudes of the contact forces on the arm, from base to force-torque sensor, from anything but the
    /// robot itself, in newtons.
    #[must_use]
    pub fn arm_contact_force_n(&self) -> f64 {
        self.contact_forces(RobotPart::Arm)
            .map(|force| force.norm())
            .sum()
    }

    /// Net force of table and objects on palm and fingers, in the world frame, in newtons.
    #[must_use]
    pub fn hand_contact_force_n(&self) -> Vector3<f64> {
        self.contact_forces(RobotPart::Hand).sum()
    }

    /// Sum of the magnitudes of the contact forces on palm and fingers, in newtons.
    #[must_use]
    pub fn hand_contact_load_n(&self) -> f64 {
        self.contact_forces(RobotPart::Hand)
            .map(|force| force.norm())
            .sum()
    }

    /// The force of each contact with something that is not the robot.
    fn contact_forces(&self, part: RobotPart) -> impl Iterator<Item = Vector3<f64>> {
        let dt = self.config.physics.dt_s;
        let own = self
            .robot
            .colliders()
            .iter()
            .filter(move |(_, p)| *p == part);
        own.flat_map(move |(collider, _)| {
            self.physics
                .narrow_phase
                .contact_pairs_with(*collider)
                .filter_map(move |pair| {
                    let first = pair.collider1 == *collider;
                    let other = if first {
                        pair.collider2
                    } else {
                        pair.collider1
                    };
                    // Impulses push the second collider along the normal, the first against it.
                    let sign = if first { -1.0 } else { 1.0 };
                    (!self.robot.owns(other))
                        .then(|| vector_from_physics(pair.total_impulse()) * (sign / dt))
                })
        })
    }

    /// Descriptions of the objects on the table.
    #[must_use]
    pub fn objects(&self) -> &[ObjectSpec] {
        &self.specs
    }

    /// Pose of an object's frame in the world.
    #[must_use]
    pub fn object_pose(&self, index: usize) -> Option<Isometry3<f64>> {
        let body = self.physics.bodies.get(*self.objects.get(index)?)?;
        Some(pose_from_physics(body.position()))
    }

    /// Linear (m/s) and angular (rad/s) velocity of an object in the world frame.
    #[must_use]
    pub fn object_velocity(&self, index: usize) -> Option<(Vector3<f64>, Vector3<f64>)> {
        let body = self.physics.bodies.get(*self.objects.get(index)?)?;
        Some((
            vector_from_physics(body.linvel()),
            turning_from_physics(body.angvel()),
        ))
    }

    /// Pose of a link of the robot's description in the world.
    #[must_use]
    pub fn link_pose(&self, link: &str) -> Option<Isometry3<f64>> {
        self.robot.link_pose(&self.physics, link)
    }

    /// The pose of the world in the robot's base frame: the two are one.
    #[must_use]
    pub fn base_from_world(&self) -> Isometry3<f64> {
        Isometry3::identity()
    }

    /// The first object that left the table or is impossibly fast. An episode ends with it.
    #[must_use]
    pub fn fallen(&self) -> Option<Fallen> {
        const IMPOSSIBLE_M_S: f64 = 10.0;
        const BELOW_M: f64 = -0.02;
        let [[x0, x1], [y0, y1]] = TABLE;
        (0..self.objects.len()).find_map(|index| {
            let position = self.object_pose(index)?.translation.vector;
            let speed = self.object_velocity(index)?.0.norm();
            // Written so that a pose that is not a number counts as fallen.
            let on_table = position.z >= BELOW_M
                && (x0..=x1).contains(&position.x)
                && (y0..=y1).contains(&position.y);
            let plausible = speed <= IMPOSSIBLE_M_S;
            match (plausible, on_table) {
                (false, _) => Some(Fallen::Thrown { index }),
                (_, false) => Some(Fallen::OffTable { index }),
                _ => None,
            }
        })
    }

    /// What moves in front of a camera, at the present poses. Instance ids: 1 robot, from 2 the objects in scene order.
    ///
    /// What stands still, the table included, is a [`Room`](crate::render::room::Room).
    #[must_use]
    pub fn visuals(&self) -> Vec<Visual> {
        let links = self.model.links().iter();
        let link_poses: Vec<_> = links
            .map(|link| {
                self.link_pose(&link.name)
                    .unwrap_or_else(Isometry3::identity)
            })
            .collect();
        let mut visuals = Vec::new();
        self.robot_look.place(&link_poses, &mut visuals);
        for ((index, look), instance) in self
            .object_looks
            .iter()
            .enumerate()
            .zip(INSTANCE_FIRST_OBJECT..)
        {
            if let Some(pose) = self.object_pose(index) {
                look.place(&pose, instance, &mut visuals);
            }
        }
        visuals
    }

    /// A hash over the bits of all poses and velocities. Equal runs have equal hashes.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let mut hash = Fnv::default();
        for handle in self.robot.bodies().iter().chain(&self.objects) {
            if let Some(body) = self.physics.bodies.get(*handle) {
                let pose = body.position();
                let rotation = pose.rotation.to_array();
                let vectors =
                    [pose.translation, body.linvel(), body.angvel()].map(|v| v.to_array());
                rotation
                    .iter()
                    .chain(vectors.as_flattened())
                    .for_each(|value| hash.add(u64::from(value.to_bits())));
            }
        }
        for (position, velocity) in self.states {
            hash.add(position.to_bits());
            hash.add(velocity.to_bits());
        }
        self.servos
            .present_ticks()
            .iter()
            .for_each(|ticks| hash.add(ticks.to_bits()));
        hash.add(self.steps);
        hash.value()
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let objects: Vec<_> = self.specs.iter().map(|spec| spec.name).collect();
        f.debug_struct("World")
            .field("time_s", &self.time_s())
            .field("objects", &objects)
            .finish_non_exhaustive()
    }
}

/// Gains that hold a grasp without creep; found in trials, not published.
fn drives(config: &WorldConfig) -> [Drive; JOINTS] {
    const ARM_TORQUE_NM: [f64; 6] = [150.0, 150.0, 150.0, 28.0, 28.0, 28.0];
    /// How far a finger joint lags behind its aim when its drive is at its limit.
    const FINGER_LAG_RAD: f64 = 0.2;
    let mut drives = [Drive {
        stiffness: 0.0,
        damping: 0.0,
        max_torque_nm: 0.0,
    }; JOINTS];
    for (joint, drive) in drives.iter_mut().enumerate() {
        *drive = match joint.checked_sub(ARM_JOINTS.len()) {
            None => Drive {
                stiffness: 6000.0,
                damping: 160.0,
                max_torque_nm: ARM_TORQUE_NM[joint],
            },
            Some(hand_joint) => {
                let max_torque_nm = if hand_joint < 3 {
                    config.thumb_torque_nm
                } else {
                    config.finger_torque_nm
                };
                let stiffness = max_torque_nm / FINGER_LAG_RAD;
                Drive {
                    stiffness,
                    damping: stiffness * 0.04,
                    max_torque_nm,
                }
            }
        };
    }
    drives
}
