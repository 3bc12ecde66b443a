//! A node that turns joint states into transforms: `/tf` for the joints that move, `/tf_static` for
//! those that do not, and the latched `robot_description` for viewers.

use crate::node::UrDriverError;
use arm_gate::text_of;
use bus::{Node, ParameterSpec, Qos, convert};
use msgs::sensor_msgs::JointState;
use msgs::std_msgs::String as StringMessage;
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
        if node.now() < next {
            continue;
        }
        next = node.now() + period;
        let known = positions
            .iter()
            .map(|(name, position)| (name.as_str(), *position));
        let Ok(slice) = kinematics.positions(known) else {
            continue;
        };
        let Ok(poses) = kinematics.forward(&slice) else {
            continue;
        };
        for joint in model.joints() {
            // Where a joint that nobody reports stands would be a guess.
            let is_known = positions.contains_key(&joint.name);
            if joint.is_movable() && !is_known || !joint.is_movable() && fixed_done {
                continue;
            }
            let Ok(parent_from_child) = poses.relative(&joint.parent, &joint.child) else {
                continue;
            };
            let stamp = message.header.stamp.into();
            let transform =
                convert::transform_stamped(stamp, &joint.parent, &joint.child, &parent_from_child);
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
