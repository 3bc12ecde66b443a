//! The two kinds of ros2_control controllers, and what they are sent.

use std::time::Duration;

use bus::{BusError, Node, Publisher, Qos};
use msgs::std_msgs::Float64MultiArray;
use msgs::trajectory_msgs::{JointTrajectory, JointTrajectoryPoint};
use robot::ur5::JOINTS;

/// How a controller wants its set points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A trajectory, which the controller follows on its own until another comes.
    Trajectory,
    /// One set point, each cycle.
    Position,
}

/// The names that the parameter `controller` takes, and what is behind them.
pub(crate) const CONTROLLERS: [(&str, Kind); 3] = [
    ("scaled_joint_trajectory_controller", Kind::Trajectory),
    ("joint_trajectory_controller", Kind::Trajectory),
    ("forward_position_controller", Kind::Position),
];

/// The way to one controller.
#[derive(Debug)]
pub(crate) enum Controller {
    Trajectory(Publisher<JointTrajectory>),
    Position(Publisher<Float64MultiArray>),
}

impl Controller {
    /// The topic of the controller of this name; `None` for a name that is none of [`CONTROLLERS`].
    pub(crate) fn find(node: &Node, name: &str) -> Result<Option<Self>, BusError> {
        let kind = CONTROLLERS.iter().find(|(known, _)| *known == name);
        Ok(match kind {
            None => None,
            Some((_, Kind::Trajectory)) => Some(Self::Trajectory(
                node.publisher(&format!("{name}/joint_trajectory"), Qos::reliable(1))?,
            )),
            Some((_, Kind::Position)) => Some(Self::Position(
                node.publisher(&format!("{name}/commands"), Qos::reliable(1))?,
            )),
        })
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Trajectory(_) => Kind::Trajectory,
            Self::Position(_) => Kind::Position,
        }
    }

    pub(crate) fn topic(&self) -> &str {
        match self {
            Self::Trajectory(publisher) => publisher.topic(),
            Self::Position(publisher) => publisher.topic(),
        }
    }

    /// Subscriptions to the topic, those of this process and of others.
    pub(crate) fn listeners(&self) -> usize {
        match self {
            Self::Trajectory(publisher) => publisher.subscriber_count(),
            Self::Position(publisher) => publisher.subscriber_count(),
        }
    }

    /// Sends set points in rad that are due a cycle apart, the first one a cycle from now. A controller of positions gets
    /// the first.
    pub(crate) fn send(&self, set_points: &[[f64; 6]], cycle_s: f64) {
        match self {
            Self::Trajectory(publisher) => publisher.publish(trajectory(set_points, cycle_s)),
            Self::Position(publisher) => {
                if let Some(first) = set_points.first() {
                    publisher.publish(Float64MultiArray {
                        data: first.to_vec(),
                        ..Float64MultiArray::default()
                    });
                }
            }
        }
    }
}

/// Positions only: a controller that takes velocities too would leave the straight way between two of them.
fn trajectory(set_points: &[[f64; 6]], cycle_s: f64) -> JointTrajectory {
    let points = set_points.iter().zip(1_u32..).map(|(set_point, cycle)| {
        let time = Duration::from_secs_f64(cycle_s * f64::from(cycle));
        JointTrajectoryPoint {
            positions: set_point.to_vec(),
            time_from_start: time.into(),
            ..JointTrajectoryPoint::default()
        }
    });
    JointTrajectory {
        joint_names: JOINTS.map(str::to_owned).to_vec(),
        points: points.collect(),
        // No stamp: it begins when it arrives, whatever the other machine's clock says.
        ..JointTrajectory::default()
    }
}
