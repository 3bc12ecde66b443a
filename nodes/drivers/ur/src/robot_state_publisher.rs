//! A node that turns joint states into transforms: `/tf` for the joints that move, `/tf_static` for
//! those that do not, and the latched `robot_description` for viewers.

use crate::node::UrDriverError;
use crate::parameters::text_of;
use bus::{Node, ParameterSpec, Qos, convert};
use msgs::geometry_msgs::TransformStamped;
use msgs::sensor_msgs::JointState;
use msgs::std_msgs::{Header, String as StringMessage};
use robot::{Kinematics, Model};
use std::collections::BTreeMap;
use std::time::Duration;

const URDF: &str = include_str!("../../../../urdf/ur5_sih.urdf");

/// Runs the node until the graph shuts down.
pub async fn run(node: Node) -> Result<(), UrDriverError> {
    let urdf = node.parameter(
        ParameterSpec::<String>::new("urdf", "")
            .describe("robot description; empty: urdf/ur5_sih.urdf as built in"),
    )?;
    let rate = node.parameter(
        ParameterSpec::<f64>::new("rate", 30.0)
            .describe("how often the transforms of moving joints are published, in Hz")
            .range(1.0..=125.0),
    )?;
    let (text, source) = text_of(&urdf.get(), URDF, "urdf/ur5_sih.urdf (built in)")?;
    let model = Model::from_urdf(&text, &source)?;
    let description = node.publisher("robot_description", Qos::latched())?;
    description.publish(StringMessage { data: text });
    let joint_states = node.subscribe::<JointState>("joint_states", Qos::reliable(100))?;

    let kinematics = Kinematics::new(&model);
    let mut positions: BTreeMap<String, f64> = BTreeMap::new();
    let period = Duration::from_secs_f64(1.0 / rate.get());
    let mut fixed_done = false;
    let mut next = node.now();
    while let Some(message) = joint_states.next().await {
        for (name, position) in message.name.iter().zip(&message.position) {
            if position.is_finite() && kinematics.joint_names().contains(name) {
                positions.insert(name.clone(), *position);
            }
        }
        // Until every joint was heard of, a transform would be a guess.
        if positions.len() < kinematics.joint_names().len() || node.now() < next {
            continue;
        }
        next = node.now() + period;
        let slice: Vec<f64> = kinematics
            .joint_names()
            .iter()
            .filter_map(|name| positions.get(name).copied())
            .collect();
        let Ok(poses) = kinematics.forward(&slice) else {
            continue;
        };
        for joint in model.joints() {
            if !joint.is_movable() && fixed_done {
                continue;
            }
            let Ok(parent_from_child) = poses.relative(&joint.parent, &joint.child) else {
                continue;
            };
            let transform = TransformStamped {
                header: Header {
                    stamp: message.header.stamp,
                    frame_id: joint.parent.clone(),
                },
                child_frame_id: joint.child.clone(),
                transform: convert::transform_from_isometry(&parent_from_child),
            };
            if joint.is_movable() {
                node.broadcast(transform)?;
            } else {
                node.broadcast_static(transform)?;
            }
        }
        fixed_done = true;
    }
    Ok(())
}
