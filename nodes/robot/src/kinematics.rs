//! Forward kinematics and Jacobians of any [`Model`].

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use nalgebra::{Isometry3, Matrix6xX, Vector3};

use crate::{
    chain::Chain,
    model::{JointKind, Model},
};

/// Where every link of a robot is, for given joint positions.
///
/// Positions are slices in the order of [`Kinematics::joint_names`]: the joints that move on their own, each after
/// those nearer the root. Joints that mimic another follow it.
#[derive(Debug)]
pub struct Kinematics {
    /// Positions are set inside the chain, so that two callers must not use it at once.
    chain: Mutex<Chain>,
    joint_names: Vec<String>,
    joint_index: BTreeMap<String, usize>,
    drives: Vec<Drive>,
    link_index: BTreeMap<String, usize>,
    /// For each link the joint above it.
    joint_above: Vec<Option<usize>>,
    joints: Vec<JointGeometry>,
}

/// Where the position of a joint of the model comes from.
#[derive(Debug, Clone, Copy)]
enum Drive {
    Fixed,
    Position {
        index: usize,
        multiplier: f64,
        offset: f64,
    },
}

#[derive(Debug)]
struct JointGeometry {
    kind: JointKind,
    axis: Vector3<f64>,
    parent_link: usize,
    child_link: usize,
}

/// Why a kinematic question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KinematicsError {
    /// A slice of the wrong length.
    #[error("{found} joint positions given, the robot has {expected} joints that move")]
    Length {
        /// Joints of the robot.
        expected: usize,
        /// Positions given.
        found: usize,
    },
    /// NaN or infinite.
    #[error("the position of joint `{0}` is not a finite number")]
    NotFinite(String),
    /// No joint of that name moves on its own.
    #[error("the robot has no joint `{0}` that moves on its own")]
    UnknownJoint(String),
    /// No link of that name.
    #[error("the robot has no link `{0}`")]
    UnknownLink(String),
}

impl Kinematics {
    /// Prepares a model; cheap enough to do once per user.
    #[must_use]
    pub fn new(model: &Model) -> Self {
        let mut joint_names = Vec::new();
        let mut joint_index = BTreeMap::new();
        for joint in model
            .joints()
            .iter()
            .filter(|joint| joint.is_movable() && joint.mimic.is_none())
        {
            joint_index.insert(joint.name.clone(), joint_names.len());
            joint_names.push(joint.name.clone());
        }
        let drives = model
            .joints()
            .iter()
            .map(|joint| {
                let (leader, multiplier, offset) = match &joint.mimic {
                    Some(mimic) => (&mimic.joint, mimic.multiplier, mimic.offset),
                    None => (&joint.name, 1.0, 0.0),
                };
                match joint_index.get(leader) {
                    Some(&index) if joint.is_movable() => Drive::Position {
                        index,
                        multiplier,
                        offset,
                    },
                    _ => Drive::Fixed,
                }
            })
            .collect();
        let link_index: BTreeMap<String, usize> = model
            .links()
            .iter()
            .enumerate()
            .map(|(index, link)| (link.name.clone(), index))
            .collect();
        let mut joint_above = vec![None; model.links().len()];
        let mut joints = Vec::with_capacity(model.joints().len());
        for (index, joint) in model.joints().iter().enumerate() {
            let (Some(&parent_link), Some(&child_link)) =
                (link_index.get(&joint.parent), link_index.get(&joint.child))
            else {
                continue;
            };
            if let Some(above) = joint_above.get_mut(child_link) {
                *above = Some(index);
            }
            joints.push(JointGeometry {
                kind: joint.kind,
                axis: joint.axis.into_inner(),
                parent_link,
                child_link,
            });
        }
        Self {
            chain: Mutex::new(Chain::new(model)),
            joint_names,
            joint_index,
            drives,
            link_index,
            joint_above,
            joints,
        }
    }

    /// The joints that move on their own, in the order of all position slices.
    #[must_use]
    pub fn joint_names(&self) -> &[String] {
        &self.joint_names
    }

    /// A position slice from names; joints not named are at zero.
    ///
    /// # Errors
    /// When a name is no joint that moves on its own, or a position is not finite.
    pub fn positions<'a>(
        &self,
        named: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Result<Vec<f64>, KinematicsError> {
        let mut positions = vec![0.0; self.joint_names.len()];
        for (name, position) in named {
            let slot = self
                .joint_index
                .get(name)
                .and_then(|&index| positions.get_mut(index));
            let Some(slot) = slot else {
                return Err(KinematicsError::UnknownJoint(name.to_owned()));
            };
            if !position.is_finite() {
                return Err(KinematicsError::NotFinite(name.to_owned()));
            }
            *slot = position;
        }
        Ok(positions)
    }

    /// The poses of all links.
    ///
    /// # Errors
    /// When the slice has the wrong length or holds something that is not finite.
    pub fn forward(&self, positions: &[f64]) -> Result<LinkPoses<'_>, KinematicsError> {
        if positions.len() != self.joint_names.len() {
            return Err(KinematicsError::Length {
                expected: self.joint_names.len(),
                found: positions.len(),
            });
        }
        if let Some((name, _)) = self
            .joint_names
            .iter()
            .zip(positions)
            .find(|(_, position)| !position.is_finite())
        {
            return Err(KinematicsError::NotFinite(name.clone()));
        }
        let joint_positions = self.drives.iter().map(|drive| match *drive {
            Drive::Fixed => 0.0,
            Drive::Position {
                index,
                multiplier,
                offset,
            } => positions
                .get(index)
                .map_or(0.0, |position| multiplier * position + offset),
        });
        // A panic elsewhere cannot leave the chain in a state that matters: all positions are set anew.
        let chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let mut root_from_link = vec![Isometry3::identity(); self.joint_above.len()];
        for (joint, root_from_child) in self.joints.iter().zip(chain.forward(joint_positions)) {
            if let Some(pose) = root_from_link.get_mut(joint.child_link) {
                *pose = root_from_child;
            }
        }
        Ok(LinkPoses {
            kinematics: self,
            root_from_link,
        })
    }

    /// The geometric Jacobian of a link's origin at the given positions, in the root's frame.
    ///
    /// Rows are linear velocity x, y, z (m/s) and angular velocity x, y, z (rad/s); columns are in the order of
    /// [`Kinematics::joint_names`].
    ///
    /// # Errors
    /// As [`Kinematics::forward`], and when there is no such link.
    pub fn jacobian(
        &self,
        positions: &[f64],
        link: &str,
    ) -> Result<Matrix6xX<f64>, KinematicsError> {
        let poses = self.forward(positions)?;
        let tip = poses.root_from(link)?.translation.vector;
        let mut jacobian = Matrix6xX::zeros(self.joint_names.len());
        let mut at = self.link_index.get(link).copied();
        while let Some(joint_index) =
            at.and_then(|link| self.joint_above.get(link).copied().flatten())
        {
            let Some(joint) = self.joints.get(joint_index) else {
                break;
            };
            at = Some(joint.parent_link);
            let Some(&Drive::Position {
                index, multiplier, ..
            }) = self.drives.get(joint_index)
            else {
                continue;
            };
            let Some(root_from_joint) = poses.root_from_link.get(joint.child_link) else {
                continue;
            };
            let axis = root_from_joint.rotation * joint.axis;
            let (linear, angular) = match joint.kind {
                JointKind::Prismatic => (axis, Vector3::zeros()),
                _ => (
                    axis.cross(&(tip - root_from_joint.translation.vector)),
                    axis,
                ),
            };
            let mut column = jacobian.column_mut(index);
            for row in 0..3 {
                column[row] += multiplier * linear[row];
                column[row + 3] += multiplier * angular[row];
            }
        }
        Ok(jacobian)
    }
}

impl Clone for Kinematics {
    fn clone(&self) -> Self {
        let chain = self
            .chain
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .deep_clone();
        Self {
            chain: Mutex::new(chain),
            joint_names: self.joint_names.clone(),
            joint_index: self.joint_index.clone(),
            drives: self.drives.clone(),
            link_index: self.link_index.clone(),
            joint_above: self.joint_above.clone(),
            joints: self
                .joints
                .iter()
                .map(|joint| JointGeometry { ..*joint })
                .collect(),
        }
    }
}

/// The poses of all links at one set of joint positions.
#[derive(Debug, Clone)]
pub struct LinkPoses<'a> {
    kinematics: &'a Kinematics,
    root_from_link: Vec<Isometry3<f64>>,
}

impl LinkPoses<'_> {
    /// The pose of a link in the root.
    ///
    /// # Errors
    /// When there is no such link.
    pub fn root_from(&self, link: &str) -> Result<Isometry3<f64>, KinematicsError> {
        self.kinematics
            .link_index
            .get(link)
            .and_then(|&index| self.root_from_link.get(index).copied())
            .ok_or_else(|| KinematicsError::UnknownLink(link.to_owned()))
    }

    /// The pose of `link` in `reference`: `p_reference = reference_from_link * p_link`.
    ///
    /// # Errors
    /// When one of the two does not exist.
    pub fn relative(&self, reference: &str, link: &str) -> Result<Isometry3<f64>, KinematicsError> {
        Ok(self.root_from(reference)?.inv_mul(&self.root_from(link)?))
    }

    /// The poses in the root of all links, in the order of [`Model::links`].
    #[must_use]
    pub fn all(&self) -> &[Isometry3<f64>] {
        &self.root_from_link
    }
}
