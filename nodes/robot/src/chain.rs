//! The kinematic tree in the `k` crate, and the one place where its older nalgebra meets ours.

use k::nalgebra as k_nalgebra;
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion, Vector3};

use crate::model::{JointKind, Model};

/// One `k` node per joint of the model, in the model's order.
pub(crate) struct Chain {
    chain: k::Chain<f64>,
    nodes: Vec<k::Node<f64>>,
    recipe: Vec<Recipe>,
}

/// All that it takes to build a node again; `k` nodes share their state when cloned.
#[derive(Clone)]
struct Recipe {
    name: String,
    kind: k::JointType<f64>,
    origin: k::Isometry3<f64>,
    parent: Option<usize>,
}

impl Chain {
    pub(crate) fn new(model: &Model) -> Self {
        let recipe = model
            .joints()
            .iter()
            .map(|joint| Recipe {
                name: joint.name.clone(),
                kind: match joint.kind {
                    JointKind::Fixed => k::JointType::Fixed,
                    JointKind::Revolute | JointKind::Continuous => k::JointType::Rotational {
                        axis: axis_to_k(&joint.axis),
                    },
                    JointKind::Prismatic => k::JointType::Linear {
                        axis: axis_to_k(&joint.axis),
                    },
                },
                origin: isometry_to_k(&joint.parent_from_joint),
                parent: model
                    .joints()
                    .iter()
                    .position(|above| above.child == joint.parent),
            })
            .collect();
        Self::build(recipe)
    }

    /// A chain of its own, where a plain clone would share joint positions with the original.
    pub(crate) fn deep_clone(&self) -> Self {
        Self::build(self.recipe.clone())
    }

    fn build(recipe: Vec<Recipe>) -> Self {
        let root = k::NodeBuilder::new().name("root").into_node();
        let mut nodes: Vec<k::Node<f64>> = Vec::with_capacity(recipe.len());
        for joint in &recipe {
            let node = k::NodeBuilder::new()
                .name(&joint.name)
                .joint_type(joint.kind)
                .origin(joint.origin)
                .into_node();
            node.set_parent(
                joint
                    .parent
                    .and_then(|parent| nodes.get(parent))
                    .unwrap_or(&root),
            );
            nodes.push(node);
        }
        Self {
            chain: k::Chain::from_root(root),
            nodes,
            recipe,
        }
    }

    /// For each joint of the model the pose of its child link in the root.
    pub(crate) fn forward(
        &self,
        positions: impl IntoIterator<Item = f64>,
    ) -> impl Iterator<Item = Isometry3<f64>> {
        for (node, position) in self.nodes.iter().zip(positions) {
            node.set_joint_position_unchecked(position);
        }
        self.chain.update_transforms();
        self.nodes.iter().map(|node| {
            node.world_transform()
                .map_or_else(Isometry3::identity, |pose| isometry_from_k(&pose))
        })
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain")
            .field("joints", &self.nodes.len())
            .finish_non_exhaustive()
    }
}

fn axis_to_k(axis: &Vector3<f64>) -> k_nalgebra::Unit<k::Vector3<f64>> {
    k_nalgebra::Unit::new_normalize(k::Vector3::new(axis.x, axis.y, axis.z))
}

fn isometry_to_k(pose: &Isometry3<f64>) -> k::Isometry3<f64> {
    let [x, y, z] = pose.translation.vector.into();
    let [i, j, k, w] = pose.rotation.coords.into();
    k::Isometry3::from_parts(
        k::Translation3::new(x, y, z),
        k::UnitQuaternion::new_unchecked(k_nalgebra::Quaternion::new(w, i, j, k)),
    )
}

fn isometry_from_k(pose: &k::Isometry3<f64>) -> Isometry3<f64> {
    let [x, y, z] = pose.translation.vector.into();
    let [i, j, k, w] = pose.rotation.coords.into();
    // Normalised anew: products of many rotations drift off the unit sphere.
    Isometry3::from_parts(
        Translation3::new(x, y, z),
        UnitQuaternion::new_normalize(Quaternion::new(w, i, j, k)),
    )
}
