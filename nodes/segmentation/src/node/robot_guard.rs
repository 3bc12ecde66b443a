//! Knows where the robot is, so that a click on it can be refused.

use bus::{Node, Qos, Subscription, TfBuffer};
use msgs::builtin_interfaces::Time;
use msgs::std_msgs::{Header, String as Text};
use robot::Model;
use robot::geometry::{PosedShapes, RobotShapes};

use super::transform::transform;

/// The robot's shapes.
pub(super) struct RobotGuard {
    base: String,
    descriptions: Subscription<Text>,
    shapes: Option<RobotShapes>,
}

impl RobotGuard {
    pub(super) fn new(node: &Node, base: &str) -> bus::Result<Self> {
        Ok(Self {
            base: base.to_owned(),
            descriptions: node.subscribe("robot_description", Qos::latched())?,
            shapes: None,
        })
    }

    /// Where the robot was, in the base frame; `None` where the robot or the place of one of its links is not known.
    pub(super) fn at(&mut self, tf: &TfBuffer, stamp: Time) -> Option<PosedShapes<'_>> {
        if let Some(text) = self.descriptions.latest() {
            match Model::from_urdf(&text.data, "topic robot_description") {
                Ok(model) => self.shapes = Some(RobotShapes::new(&model, &self.base)),
                Err(error) => tracing::warn!("clicks on the robot cannot be told: {error}"),
            }
        }
        let Self { base, shapes, .. } = self;
        shapes.as_ref()?.placed(|link| {
            let of_link = Header {
                frame_id: link.to_owned(),
                stamp,
            };
            transform(tf, base, &of_link)
        })
    }
}
