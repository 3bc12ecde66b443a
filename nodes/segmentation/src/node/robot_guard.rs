//! Knows where the robot is, so that a click on it can be refused.

use std::collections::BTreeMap;

use bus::{Node, Qos, Subscription};
use msgs::sensor_msgs::JointState;
use msgs::std_msgs::String as Text;
use nalgebra::Point3;
use robot::geometry::RobotShapes;
use robot::{Kinematics, Model};

/// The robot's shapes in its present posture.
pub(super) struct RobotGuard {
    base: String,
    descriptions: Subscription<Text>,
    joint_states: Subscription<JointState>,
    robot: Option<(Kinematics, RobotShapes)>,
    positions: BTreeMap<String, f64>,
}

impl RobotGuard {
    pub(super) fn new(node: &Node, base: &str) -> bus::Result<Self> {
        Ok(Self {
            base: base.to_owned(),
            descriptions: node.subscribe("robot_description", Qos::latched())?,
            joint_states: node.subscribe("joint_states", Qos::reliable(50))?,
            robot: None,
            positions: BTreeMap::new(),
        })
    }

    /// The link that a point in the base frame lies on or within `margin_m` of; `None` too where the robot
    /// or its posture is not known.
    pub(super) fn link_at(&mut self, point: &Point3<f64>, margin_m: f64) -> Option<String> {
        if let Some(text) = self.descriptions.latest() {
            match Model::from_urdf(&text.data, "topic robot_description") {
                Ok(model) => {
                    self.robot = Some((
                        Kinematics::new(&model),
                        RobotShapes::new(&model, &self.base),
                    ));
                }
                Err(error) => tracing::warn!("clicks on the robot cannot be told: {error}"),
            }
        }
        while let Some(state) = self.joint_states.try_next() {
            self.positions.extend(
                state
                    .name
                    .iter()
                    .cloned()
                    .zip(state.position.iter().copied())
                    .filter(|(_, position)| position.is_finite()),
            );
        }
        let (kinematics, shapes) = self.robot.as_ref()?;
        let posture: Option<Vec<f64>> = kinematics
            .joint_names()
            .iter()
            .map(|name| self.positions.get(name).copied())
            .collect();
        let poses = kinematics.forward(&posture?).ok()?;
        let posed = shapes.at(&poses).ok()?;
        let (distance, link) = posed.nearest(point)?;
        (distance < margin_m).then(|| link.to_owned())
    }
}
