//! The robot as one multibody in the physics engine: bodies, joints, motors and colliders from a [`robot::Model`].
//!
//! Links that fixed joints connect become one body. Bodies carry the description's masses and feel no gravity (the real arm
//! compensates it). Reduced coordinates keep the chain exact; joints made of impulses would stretch under load.

use std::collections::BTreeMap;

use nalgebra::{Isometry3, Matrix3, Vector3};
use rapier3d::dynamics::{
    CoefficientCombineRule, GenericJointBuilder, JointAxesMask, JointAxis, MassProperties,
    MotorModel, Multibody, MultibodyJointHandle, MultibodyLink, RigidBodyBuilder, RigidBodyHandle,
};
use rapier3d::geometry::{ColliderBuilder, ColliderHandle};
use rapier3d::pipeline::PhysicsWorld;
use robot::model::{Geometry, Inertial, JointKind, Link, Model};

use crate::collider::{ColliderError, convex_solids};
use crate::contact_rules;
pub use crate::contact_rules::RobotPart;
use crate::shape::{Part, Shape};
use crate::units::{
    inertia_to_physics, pose_from_physics, pose_to_physics, torque_to_physics, vector_to_physics,
};

/// The joints of the arm, base first.
pub const ARM_JOINTS: [&str; 6] = robot::ur5::JOINTS;

/// The joints of the hand: thumb, index, middle, ring, little, each from the palm outwards.
pub const HAND_JOINTS: [&str; 11] = robot::hand::JOINTS;

/// All moving joints: [`ARM_JOINTS`], then [`HAND_JOINTS`].
pub const JOINTS: usize = ARM_JOINTS.len() + HAND_JOINTS.len();

/// A robot description that the cell cannot simulate.
#[derive(Debug, thiserror::Error)]
pub enum RobotBodyError {
    /// A joint that the cell drives is missing or does not turn.
    #[error(
        "the robot description has no revolute joint `{joint}`; the cell needs a UR5 with an SIH hand"
    )]
    MissingJoint {
        /// Name of the joint.
        joint: &'static str,
    },
    /// A joint that the cell does not drive.
    #[error(
        "the robot description has a moving joint `{joint}` that the cell does not drive; fix it or remove it"
    )]
    UnknownJoint {
        /// Name of the joint.
        joint: String,
    },
    /// A moving link without mass.
    #[error("link `{link}` moves but has no mass; give it an <inertial>")]
    NoMass {
        /// Name of the link.
        link: String,
    },
    /// Collision shapes from files are not read.
    #[error(
        "link `{link}` has a collision mesh `{uri}`; use boxes, cylinders, spheres or capsules for contact"
    )]
    Mesh {
        /// Name of the link.
        link: String,
        /// The mesh's file.
        uri: String,
    },
    /// A collision shape without volume.
    #[error("link `{link}`: {source}")]
    Shape {
        /// Name of the link.
        link: String,
        /// What is wrong.
        source: ColliderError,
    },
}

/// How a joint is driven. Angles in rad, torques in N m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drive {
    /// Stiffness: torque per angle, or angular acceleration per angle, as the joint's motor model says.
    pub stiffness: f64,
    /// Damping: torque (or acceleration) per angular velocity.
    pub damping: f64,
    /// Largest torque.
    pub max_torque_nm: f64,
}

/// The robot's bodies and joints in a physics world.
#[derive(Debug)]
pub struct RobotBody {
    /// Joint handles in the order of [`ARM_JOINTS`] and [`HAND_JOINTS`].
    joints: Vec<MultibodyJointHandle>,
    limits: Vec<[f64; 2]>,
    drives: Vec<Drive>,
    /// Every link of the description: the body that carries it, and its pose on that body.
    links: BTreeMap<String, (RigidBodyHandle, Isometry3<f64>)>,
    colliders: Vec<(ColliderHandle, RobotPart)>,
    bodies: Vec<RigidBodyHandle>,
}

impl RobotBody {
    /// Adds the robot to a physics world, at joint positions, with a drive for each joint.
    ///
    /// # Errors
    /// When the description is not that of a UR5 with an SIH hand, or lacks what physics needs.
    pub fn insert(
        physics: &mut PhysicsWorld,
        model: &Model,
        positions: &[f64; JOINTS],
        drives: &[Drive; JOINTS],
    ) -> Result<Self, RobotBodyError> {
        let mut builder = Builder {
            physics,
            model,
            robot: Self::empty(drives),
            handles: BTreeMap::new(),
        };
        builder.add_bodies()?;
        builder.order_joints()?;
        let robot = builder.robot;
        for body in &robot.bodies {
            // Without this the masses would count from the first step on only.
            if let Some(body) = physics.bodies.get_mut(*body) {
                body.recompute_mass_properties_from_colliders(&physics.colliders);
            }
        }
        robot.place(physics, positions);
        Ok(robot)
    }

    fn empty(drives: &[Drive; JOINTS]) -> Self {
        Self {
            joints: Vec::new(),
            limits: Vec::new(),
            drives: drives.to_vec(),
            links: BTreeMap::new(),
            colliders: Vec::new(),
            bodies: Vec::new(),
        }
    }

    /// Puts the robot to joint positions at once, at rest, and sets what the engine keeps by degree of freedom.
    fn place(&self, physics: &mut PhysicsWorld, positions: &[f64; JOINTS]) {
        let joints = self.joints.clone();
        let Some((multibody, _)) = joints
            .first()
            .and_then(|j| physics.multibody_joints.get_mut(*j))
        else {
            return;
        };
        // The root gives up its six degrees of freedom only here: nothing may be indexed before.
        multibody.forward_kinematics(&physics.bodies, true);
        let mut displacements = vec![0.0_f32; multibody.ndofs()];
        let offsets: Vec<usize> = {
            let ids: Vec<usize> = joints
                .iter()
                .filter_map(|j| physics.multibody_joints.get(*j))
                .map(|(_, id)| id)
                .collect();
            let Some((multibody, _)) = joints
                .first()
                .and_then(|j| physics.multibody_joints.get(*j))
            else {
                return;
            };
            ids.iter()
                .filter_map(|id| multibody.link(*id))
                .map(MultibodyLink::assembly_id)
                .collect()
        };
        let Some((multibody, _)) = joints
            .first()
            .and_then(|j| physics.multibody_joints.get_mut(*j))
        else {
            return;
        };
        for (joint, (offset, position)) in offsets.iter().zip(positions).enumerate() {
            displacements[*offset] = *position as f32;
            let is_arm = joint < ARM_JOINTS.len();
            // Rotor inertia and friction of gears; the engine's default damping is far too large for fingers.
            let (armature, damping) = if is_arm {
                (ARM_ARMATURE, ARM_DAMPING)
            } else {
                (FINGER_ARMATURE, FINGER_DAMPING)
            };
            multibody.armature_mut()[*offset] = torque_to_physics(armature);
            multibody.damping_mut()[*offset] = torque_to_physics(damping);
        }
        multibody.set_self_contacts_enabled(true);
        multibody.apply_displacements(&displacements);
        multibody.forward_kinematics(&physics.bodies, false);
        multibody.update_rigid_bodies(&mut physics.bodies, true);
        for (joint, position) in positions.iter().enumerate() {
            self.drive(physics, joint, *position, 0.0);
        }
    }

    /// Gives a joint a target position and velocity.
    pub fn drive(&self, physics: &mut PhysicsWorld, joint: usize, position: f64, velocity: f64) {
        let Some((multibody, id)) = self
            .joints
            .get(joint)
            .and_then(|j| physics.multibody_joints.get_mut(*j))
        else {
            return;
        };
        let Some(link) = multibody.link_mut(id) else {
            return;
        };
        let drive = self.drives[joint];
        // An arm's motors give accelerations, which have no length in them; a hand's give torques.
        let [stiffness, damping] = [drive.stiffness, drive.damping].map(|gain| {
            if joint < ARM_JOINTS.len() {
                gain as f32
            } else {
                torque_to_physics(gain)
            }
        });
        link.joint.data.set_motor(
            JointAxis::AngX,
            position as f32,
            velocity as f32,
            stiffness,
            damping,
        );
    }

    /// Position and velocity of every joint.
    #[must_use]
    pub fn joint_states(&self, physics: &PhysicsWorld) -> [(f64, f64); JOINTS] {
        let mut states = [(0.0, 0.0); JOINTS];
        for (state, joint) in states.iter_mut().zip(&self.joints) {
            if let Some((multibody, id)) = physics.multibody_joints.get(*joint) {
                *state = joint_state(multibody, id);
            }
        }
        states
    }

    /// Position limits of a joint, in rad.
    #[must_use]
    pub fn limits(&self, joint: usize) -> [f64; 2] {
        self.limits[joint]
    }

    /// How a joint is driven.
    #[must_use]
    pub fn drive_of(&self, joint: usize) -> Drive {
        self.drives[joint]
    }

    /// Inertia that the motor of each joint feels, in kg m^2, with all other joints free.
    #[must_use]
    pub fn joint_inertias(&self, physics: &mut PhysicsWorld) -> [f64; JOINTS] {
        let mut inertias = [0.0; JOINTS];
        let ids: Vec<usize> = self
            .joints
            .iter()
            .filter_map(|j| physics.multibody_joints.get(*j))
            .map(|(_, id)| id)
            .collect();
        let Some((multibody, _)) = self
            .joints
            .first()
            .and_then(|j| physics.multibody_joints.get_mut(*j))
        else {
            return inertias;
        };
        let inverse = multibody.dof_inverse_inertia(&physics.bodies);
        for (inertia, id) in inertias.iter_mut().zip(ids) {
            if let Some(link) = multibody.link(id) {
                *inertia = 1.0 / f64::from(inverse[link.assembly_id()]).max(1e-9);
            }
        }
        inertias
    }

    /// Pose of a link of the description.
    #[must_use]
    pub fn link_pose(&self, physics: &PhysicsWorld, link: &str) -> Option<Isometry3<f64>> {
        let (body, body_from_link) = self.links.get(link)?;
        Some(pose_from_physics(physics.bodies.get(*body)?.position()) * body_from_link)
    }

    /// The body that carries a link of the description, and the link's pose on it.
    #[must_use]
    pub fn carrier(&self, link: &str) -> Option<(RigidBodyHandle, Isometry3<f64>)> {
        self.links.get(link).copied()
    }

    /// All colliders and the part of the robot that each belongs to.
    #[must_use]
    pub fn colliders(&self) -> &[(ColliderHandle, RobotPart)] {
        &self.colliders
    }

    /// Whether a collider is part of the robot.
    #[must_use]
    pub fn owns(&self, collider: ColliderHandle) -> bool {
        self.colliders.iter().any(|(own, _)| *own == collider)
    }

    /// All bodies, base first.
    #[must_use]
    pub fn bodies(&self) -> &[RigidBodyHandle] {
        &self.bodies
    }
}

/// Reflected inertia of an arm joint's rotor, in kg m^2.
const ARM_ARMATURE: f64 = 0.01;
/// Reflected inertia of a finger joint's rotor, in kg m^2. Links of tens of grams need some to stay stable in a grasp.
const FINGER_ARMATURE: f64 = 2e-4;
/// Passive damping of an arm joint, in N m s/rad.
const ARM_DAMPING: f64 = 0.1;
/// Passive damping of a finger joint, in N m s/rad.
const FINGER_DAMPING: f64 = 0.01;
/// Friction of the hand's rubbery skin and of the arm's housing; a contact has the lower of the two surfaces'.
const HAND_FRICTION: f32 = 1.0;
const ARM_FRICTION: f32 = 0.5;

fn joint_state(multibody: &Multibody, id: usize) -> (f64, f64) {
    let Some(link) = multibody.link(id) else {
        return (0.0, 0.0);
    };
    let velocity = multibody
        .joint_velocity(link)
        .iter()
        .next()
        .copied()
        .unwrap_or(0.0);
    (
        f64::from(link.joint.coords()[JointAxis::AngX as usize]),
        f64::from(velocity),
    )
}

struct Builder<'a> {
    physics: &'a mut PhysicsWorld,
    model: &'a Model,
    robot: RobotBody,
    handles: BTreeMap<String, MultibodyJointHandle>,
}

impl Builder<'_> {
    /// One body for the root and one for each moving joint, parents first.
    fn add_bodies(&mut self) -> Result<(), RobotBodyError> {
        let root = self.physics.insert_body(RigidBodyBuilder::fixed());
        self.robot.bodies.push(root);
        let model = self.model;
        self.add_links(root, &model.root().name, Isometry3::identity())?;
        for joint in model.joints().iter().filter(|j| j.is_movable()) {
            if joint.kind != JointKind::Revolute {
                return Err(RobotBodyError::UnknownJoint {
                    joint: joint.name.clone(),
                });
            }
            let mass = self.mass_of(&joint.child)?;
            let body = self.physics.insert_body(
                RigidBodyBuilder::dynamic()
                    .additional_mass_properties(mass)
                    .gravity_scale(0.0)
                    .can_sleep(false),
            );
            self.robot.bodies.push(body);
            let Some((parent, parent_from_link)) = self.robot.links.get(&joint.parent).copied()
            else {
                continue;
            };
            // The engine's joint turns about x.
            let to_axis = nalgebra::UnitQuaternion::rotation_between(&Vector3::x(), &joint.axis)
                .unwrap_or_else(|| {
                    nalgebra::UnitQuaternion::from_axis_angle(
                        &Vector3::z_axis(),
                        std::f64::consts::PI,
                    )
                });
            let axis_frame = Isometry3::from_parts(nalgebra::Translation3::identity(), to_axis);
            let limits = [joint.limits.lower, joint.limits.upper];
            let is_arm = ARM_JOINTS.contains(&joint.name.as_str());
            let model = if is_arm {
                MotorModel::AccelerationBased
            } else {
                MotorModel::ForceBased
            };
            let data = GenericJointBuilder::new(JointAxesMask::LOCKED_REVOLUTE_AXES)
                .local_frame1(pose_to_physics(
                    &(parent_from_link * joint.parent_from_joint * axis_frame),
                ))
                .local_frame2(pose_to_physics(&axis_frame))
                .limits(JointAxis::AngX, limits.map(|l| l as f32))
                .motor_model(JointAxis::AngX, model)
                .contacts_enabled(false);
            if let Some(handle) = self
                .physics
                .multibody_joints
                .insert(parent, body, data, true)
            {
                self.handles.insert(joint.name.clone(), handle);
            }
            self.add_links(body, &joint.child, Isometry3::identity())?;
        }
        Ok(())
    }

    /// Puts the joint handles in order and sets what each motor can do.
    fn order_joints(&mut self) -> Result<(), RobotBodyError> {
        for (index, name) in ARM_JOINTS.iter().chain(&HAND_JOINTS).enumerate() {
            let (Some(handle), Some(joint)) = (self.handles.remove(*name), self.model.joint(name))
            else {
                return Err(RobotBodyError::MissingJoint { joint: name });
            };
            if let Some((multibody, id)) = self.physics.multibody_joints.get_mut(handle)
                && let Some(link) = multibody.link_mut(id)
            {
                let torque = torque_to_physics(self.robot.drives[index].max_torque_nm);
                link.joint.data.set_motor_max_force(JointAxis::AngX, torque);
            }
            self.robot.joints.push(handle);
            self.robot
                .limits
                .push([joint.limits.lower, joint.limits.upper]);
        }
        match self.handles.keys().next() {
            Some(joint) => Err(RobotBodyError::UnknownJoint {
                joint: joint.clone(),
            }),
            None => Ok(()),
        }
    }

    /// A link and all that fixed joints hang on it: their colliders go on one body.
    fn add_links(
        &mut self,
        body: RigidBodyHandle,
        name: &str,
        body_from_link: Isometry3<f64>,
    ) -> Result<(), RobotBodyError> {
        self.robot
            .links
            .insert(name.to_owned(), (body, body_from_link));
        if let Some(link) = self.model.link(name) {
            self.add_colliders(body, link, &body_from_link)?;
        }
        let model = self.model;
        for joint in model
            .joints()
            .iter()
            .filter(|j| j.parent == name && !j.is_movable())
        {
            self.add_links(body, &joint.child, body_from_link * joint.parent_from_joint)?;
        }
        Ok(())
    }

    fn add_colliders(
        &mut self,
        body: RigidBodyHandle,
        link: &Link,
        body_from_link: &Isometry3<f64>,
    ) -> Result<(), RobotBodyError> {
        let (part, groups) = contact_rules::of_link(&link.name);
        for collision in &link.collisions {
            let shape = shape_of(&collision.geometry).ok_or_else(|| RobotBodyError::Mesh {
                link: link.name.clone(),
                uri: mesh_uri(&collision.geometry),
            })?;
            let solid = Part {
                shape,
                object_from_part: body_from_link * collision.link_from_shape,
                material: 0,
            };
            let solids = convex_solids([&solid]).map_err(|source| RobotBodyError::Shape {
                link: link.name.clone(),
                source,
            })?;
            for (pose, shape) in solids {
                let friction = if part == RobotPart::Hand {
                    HAND_FRICTION
                } else {
                    ARM_FRICTION
                };
                let collider = ColliderBuilder::new(shape)
                    .position(pose)
                    .density(0.0)
                    .friction(friction)
                    .friction_combine_rule(CoefficientCombineRule::Min)
                    .restitution(0.0)
                    .collision_groups(groups);
                self.robot
                    .colliders
                    .push((self.physics.insert_collider(collider, Some(body)), part));
            }
        }
        Ok(())
    }

    /// Mass properties of a link with all that fixed joints hang on it.
    fn mass_of(&self, link: &str) -> Result<MassProperties, RobotBodyError> {
        let mut parts = Vec::new();
        self.collect_masses(link, Isometry3::identity(), &mut parts);
        let mass: f64 = parts.iter().map(|(_, inertial)| inertial.mass_kg).sum();
        if mass <= 0.0 {
            return Err(RobotBodyError::NoMass {
                link: link.to_owned(),
            });
        }
        let centre = parts
            .iter()
            .map(|(pose, i)| pose.translation.vector * i.mass_kg)
            .sum::<Vector3<f64>>()
            / mass;
        let inertia: Matrix3<f64> = parts
            .iter()
            .map(|(pose, i)| inertia_about(pose, i, &centre))
            .sum();
        Ok(MassProperties::with_inertia_matrix(
            vector_to_physics(&centre),
            mass as f32,
            inertia_to_physics(&inertia),
        ))
    }

    fn collect_masses<'m>(
        &'m self,
        name: &str,
        body_from_link: Isometry3<f64>,
        into: &mut Vec<(Isometry3<f64>, &'m Inertial)>,
    ) {
        if let Some(inertial) = self
            .model
            .link(name)
            .and_then(|link| link.inertial.as_ref())
        {
            into.push((body_from_link * inertial.link_from_com, inertial));
        }
        for joint in self
            .model
            .joints()
            .iter()
            .filter(|j| j.parent == name && !j.is_movable())
        {
            self.collect_masses(&joint.child, body_from_link * joint.parent_from_joint, into);
        }
    }
}

/// Inertia of a mass at a pose about a point, by the parallel axis theorem.
fn inertia_about(pose: &Isometry3<f64>, inertial: &Inertial, point: &Vector3<f64>) -> Matrix3<f64> {
    let [ixx, ixy, ixz, iyy, iyz, izz] = inertial.inertia_kg_m2;
    let own = Matrix3::new(ixx, ixy, ixz, ixy, iyy, iyz, ixz, iyz, izz);
    let turn = pose.rotation.to_rotation_matrix().into_inner();
    let offset = pose.translation.vector - point;
    let shift = Matrix3::identity() * offset.norm_squared() - offset * offset.transpose();
    turn * own * turn.transpose() + shift * inertial.mass_kg
}

/// A shape of the description in our terms; `None` for meshes.
pub(crate) fn shape_of(geometry: &Geometry) -> Option<Shape> {
    Some(match geometry {
        Geometry::Box { size } => Shape::Box {
            half_extents: (size / 2.0).into(),
        },
        Geometry::Cylinder { radius, length } => Shape::Cylinder {
            radius: *radius,
            half_length: length / 2.0,
        },
        Geometry::Capsule { radius, length } => Shape::Capsule {
            radius: *radius,
            half_length: length / 2.0,
        },
        Geometry::Sphere { radius } => Shape::Sphere { radius: *radius },
        Geometry::Mesh { .. } => return None,
    })
}

fn mesh_uri(geometry: &Geometry) -> String {
    match geometry {
        Geometry::Mesh { uri, .. } => uri.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::physics_with_table;
    use crate::world::PhysicsConfig;

    const DRIVE: Drive = Drive {
        stiffness: 5.0,
        damping: 0.2,
        max_torque_nm: 0.5,
    };

    fn description() -> String {
        std::fs::read_to_string(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../urdf/ur5_sih.urdf"
        ))
        .unwrap()
    }

    fn insert(urdf: &str) -> Result<(PhysicsWorld, RobotBody), RobotBodyError> {
        let model = Model::from_urdf(urdf, "test").unwrap();
        let mut physics = physics_with_table(&PhysicsConfig::default());
        let mut positions = [0.0; JOINTS];
        positions[..6].copy_from_slice(&[0.7, -1.4, 1.3, 0.1, 0.7, 1.57]);
        let robot = RobotBody::insert(&mut physics, &model, &positions, &[DRIVE; JOINTS])?;
        Ok((physics, robot))
    }

    #[test]
    fn joints_stop_at_their_limits() {
        let (mut physics, robot) = insert(&description()).unwrap();
        let index_finger = ARM_JOINTS.len() + 3;
        robot.drive(&mut physics, index_finger, -3.0, 0.0);
        (0..250).for_each(|_| physics.step());
        let (position, velocity) = robot.joint_states(&physics)[index_finger];
        assert!(
            (position + 1.571).abs() < 0.005 && velocity.abs() < 0.01,
            "{position} {velocity}"
        );
    }

    #[test]
    fn masses_of_fixed_links_add_up() {
        let (physics, robot) = insert(&description()).unwrap();
        let (wrist_3, _) = robot.carrier("wrist_3_link").unwrap();
        assert_eq!(robot.carrier("palm").unwrap().0, wrist_3);
        let mass = f64::from(physics.bodies[wrist_3].mass());
        assert!((mass - (0.1879 + 0.25 + 0.75)).abs() < 1e-4, "{mass}");
    }

    #[test]
    fn descriptions_of_other_robots_are_refused() {
        let renamed = description().replace("\"elbow_joint\"", "\"other_joint\"");
        assert!(matches!(
            insert(&renamed),
            Err(RobotBodyError::MissingJoint {
                joint: "elbow_joint"
            })
        ));
        let weightless = description().replace("<mass value=\"8.393\"/>", "<mass value=\"0\"/>");
        let result = insert(&weightless);
        assert!(
            matches!(&result, Err(RobotBodyError::NoMass { link }) if link == "upper_arm_link"),
            "{:?}",
            result.err()
        );
    }
}
