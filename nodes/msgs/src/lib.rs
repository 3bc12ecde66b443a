//! ROS 2 messages as plain Rust structs, and their encoding on the wire.
//!
//! Field names, field order and constants are those of the ROS 2 interface files, so that a struct encoded with
//! [`cdr::to_vec`] is byte for byte what a ROS 2 process sends, and every ROS tool can read it.
//!
//! ```
//! use msgs::{Message, builtin_interfaces::Time, geometry_msgs::{Point, PointStamped}, std_msgs::Header};
//!
//! let click = PointStamped {
//!     header: Header::new(Time { sec: 12, nanosec: 0 }, "camera_color_optical_frame"),
//!     point: Point { x: 640.0, y: 360.0, z: 0.0 },
//! };
//! let bytes = msgs::cdr::to_vec(&click)?;
//! assert_eq!(&bytes[..4], &[0, 1, 0, 0], "encapsulation header: little-endian plain CDR");
//! let back: PointStamped = msgs::cdr::from_slice(&bytes)?;
//! assert_eq!(back, click);
//! assert_eq!(PointStamped::TYPE_NAME, "geometry_msgs/msg/PointStamped");
//! # Ok::<(), msgs::cdr::CdrError>(())
//! ```
//!
//! Each ROS package is a module. Where a field's name is a Rust keyword, the raw form is used (`Marker::r#type`).

#[macro_use]
mod define;

pub mod builtin_interfaces;
pub mod cdr;
pub mod definition;
pub mod diagnostic_msgs;
pub mod geometry_msgs;
pub mod lifecycle_msgs;
pub mod rcl_interfaces;
pub mod rosgraph_msgs;
pub mod sensor_msgs;
pub mod std_msgs;
pub mod std_srvs;
pub mod tf2_msgs;
pub mod trajectory_msgs;
pub mod visualization_msgs;

use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// A message that can travel on a topic.
pub trait Message: Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static {
    /// Full ROS 2 name, for example `sensor_msgs/msg/Image`.
    const TYPE_NAME: &'static str;
}

/// A request and its response.
pub trait Service: 'static {
    /// What the client sends.
    type Request: Message;
    /// What the server answers.
    type Response: Message;
    /// Full ROS 2 name, for example `std_srvs/srv/Trigger`.
    const TYPE_NAME: &'static str;
}
