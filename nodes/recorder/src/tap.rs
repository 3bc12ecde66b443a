//! What is recorded: subscriptions of every type behind one face.

use std::sync::Arc;

use bus::{BusError, Node, Qos, Subscription, Time};
use msgs::cdr::{self, CdrError};
use msgs::definition::{self, Field};
use msgs::diagnostic_msgs::{DiagnosticArray, DiagnosticStatus};
use msgs::geometry_msgs::{Point, PointStamped, WrenchStamped};
use msgs::sensor_msgs::{CameraInfo, Image, JointState, PointCloud2};
use msgs::tf2_msgs::TFMessage;
use msgs::trajectory_msgs::JointTrajectory;
use msgs::visualization_msgs::Marker;
use msgs::{Message, std_msgs};

/// Messages of any type that wait to be written.
pub(crate) trait Encode: Send + Sync {
    fn encode(&self) -> Result<Vec<u8>, CdrError>;
}

impl<M: Message> Encode for M {
    fn encode(&self) -> Result<Vec<u8>, CdrError> {
        cdr::to_vec(self)
    }
}

/// A message that was taken from a topic.
#[derive(Clone)]
pub(crate) struct Taken {
    /// Which tap it came out of.
    pub(crate) tap: usize,
    pub(crate) at: Time,
    pub(crate) message: Arc<dyn Encode>,
}

/// A topic that is recorded.
pub(crate) struct Tap {
    /// By the name that our nodes know it by.
    pub(crate) name: &'static str,
    /// By its full name, which is another one where it is remapped.
    pub(crate) topic: String,
    pub(crate) type_name: &'static str,
    pub(crate) definition: String,
    /// How many of its messages late joiners have to know; none where each message stands for itself.
    pub(crate) kept: usize,
    queue: Box<dyn Queue>,
}

impl Tap {
    fn new<M: Message + Field>(
        node: &Node,
        name: &'static str,
        depth: usize,
        kept: usize,
    ) -> Result<Self, BusError> {
        let qos = Qos {
            depth,
            reliable: kept > 0,
            latched: kept > 0,
        };
        let subscription = node.subscribe::<M>(name, qos)?;
        Ok(Self {
            name,
            topic: subscription.topic().to_owned(),
            type_name: M::TYPE_NAME,
            definition: definition::of::<M>(),
            kept,
            queue: Box::new(subscription),
        })
    }

    /// The oldest message that waits.
    pub(crate) fn next(&self) -> Option<Arc<dyn Encode>> {
        self.queue.next()
    }

    /// Messages that came faster than they were taken.
    pub(crate) fn dropped(&self) -> u64 {
        self.queue.lost()
    }
}

trait Queue {
    fn next(&self) -> Option<Arc<dyn Encode>>;
    fn lost(&self) -> u64;
}

impl<M: Message> Queue for Subscription<M> {
    fn next(&self) -> Option<Arc<dyn Encode>> {
        self.try_next().map(|message| message as Arc<dyn Encode>)
    }

    fn lost(&self) -> u64 {
        self.dropped()
    }
}

/// Pictures that wait at most: they are large.
const PICTURES: usize = 16;
/// Other messages that wait at most.
const OTHERS: usize = 400;

/// All that is recorded. Among what comes at the same time, what a picture needs comes before it.
pub(crate) fn all(node: &Node) -> Result<Vec<Tap>, BusError> {
    Ok(vec![
        Tap::new::<std_msgs::String>(node, "robot_description", 1, 1)?,
        Tap::new::<TFMessage>(node, "/tf_static", OTHERS, 32)?,
        Tap::new::<TFMessage>(node, "/tf", OTHERS, 0)?,
        Tap::new::<JointState>(node, "joint_states", OTHERS, 0)?,
        Tap::new::<WrenchStamped>(node, "arm/wrench", OTHERS, 0)?,
        Tap::new::<DiagnosticStatus>(node, "arm/status", OTHERS, 0)?,
        Tap::new::<DiagnosticStatus>(node, "hand/status", OTHERS, 0)?,
        Tap::new::<CameraInfo>(node, "camera/color/camera_info", OTHERS, 0)?,
        Tap::new::<Image>(node, "camera/aligned_depth_to_color/image_raw", PICTURES, 0)?,
        Tap::new::<Image>(node, "camera/color/image_raw", PICTURES, 0)?,
        Tap::new::<PointStamped>(node, "clicked_point", OTHERS, 0)?,
        Tap::new::<PointStamped>(node, "camera/color/image_raw/mouse_click", OTHERS, 0)?,
        Tap::new::<Point>(node, "camera/color/image_raw_mouse_left", OTHERS, 0)?,
        Tap::new::<Image>(node, "segmentation/mask", PICTURES, 0)?,
        Tap::new::<DiagnosticStatus>(node, "segmentation/status", OTHERS, 0)?,
        Tap::new::<PointCloud2>(node, "target/points", PICTURES, 0)?,
        Tap::new::<Marker>(node, "target/box", OTHERS, 0)?,
        Tap::new::<DiagnosticStatus>(node, "policy/status", OTHERS, 0)?,
        Tap::new::<JointTrajectory>(node, "arm/command", OTHERS, 0)?,
        Tap::new::<JointTrajectory>(node, "hand/command", OTHERS, 0)?,
        Tap::new::<DiagnosticStatus>(node, "supervisor/state", OTHERS, 1)?,
        Tap::new::<DiagnosticArray>(node, "/diagnostics", OTHERS, 0)?,
    ])
}
