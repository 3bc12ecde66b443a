//! What connects the nodes of a robot: within one process, with no ROS on the machine, or with ROS 2 around it.
//!
//! A node is an `async` function that gets a [`Node`]: its name, clock, topics, services, parameters, transforms and
//! streams to hardware. The same function runs in real time, on a thread of its own, and in lockstep with a
//! simulation, where every run with the same seed is the same to the last bit.
//!
//! # A node
//!
//! ```
//! use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterSpec, Qos};
//! use msgs::std_msgs::{Float64, Header};
//! use msgs::geometry_msgs::PointStamped;
//! use std::time::Duration;
//!
//! type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
//!
//! async fn sensor(node: Node) -> Result {
//!     let rate_hz = node.parameter(
//!         ParameterSpec::new("rate_hz", 10.0).describe("measurements per second").range(1.0..=100.0),
//!     )?;
//!     let points = node.publisher::<PointStamped>("points", Qos::sensor_data())?;
//!     let mut ticks = node.clock().interval(Duration::from_secs_f64(1.0 / rate_hz.get()));
//!     loop {
//!         tokio::select! {
//!             biased;
//!             () = node.shutdown() => return Ok(()),
//!             now = ticks.tick() => points.publish(PointStamped {
//!                 header: Header::new(now, "base_link"),
//!                 ..PointStamped::default()
//!             }),
//!         }
//!     }
//! }
//!
//! async fn counter(node: Node) -> Result {
//!     let points = node.subscribe::<PointStamped>("points", Qos::sensor_data())?;
//!     let counts = node.publisher::<Float64>("~/count", Qos::latched())?;
//!     let mut count = 0.0;
//!     while points.next().await.is_some() {
//!         count += 1.0;
//!         counts.publish(Float64 { data: count });
//!         if count == 5.0 {
//!             node.request_shutdown();
//!         }
//!     }
//!     Ok(())
//! }
//!
//! let mut graph = Graph::new(GraphConfig::lockstep());
//! graph.add(NodeSpec::new("counter"), counter)?;
//! graph.add(NodeSpec::new("sensor"), sensor)?;
//! let report = graph.run_lockstep(Some(Duration::from_secs(60)))?;
//! assert_eq!(report.end.as_secs_f64(), 0.4, "five ticks at 10 Hz, the first at once");
//! # Ok::<(), bus::GraphError>(())
//! ```
//!
//! # The rules of a node
//!
//! - All time comes from [`Node::clock`]. The wall clock is for measuring latency ([`Node::stage`]) only.
//! - Whatever a node waits for ends with the shutdown: [`Subscription::next`] and [`ServiceServer::next`] return
//!   `None`, other waits stand beside [`Node::shutdown`] in a `select!`.
//! - Concurrency within a node is `select!` or `join!`, `biased` so that the order is fixed. No tasks, no threads.
//! - Long computations run inline: in real time the node has its thread, in lockstep time stands still.
//! - Streams come from [`Node::network`], so that a driver can be given a pipe in memory for its robot.
//! - Parameters are declared before the first wait.
//!
//! # Messages
//!
//! [`Publisher::publish`] puts a message on the heap once; every [`Subscription`] gets an `Arc` of the same. A slow
//! reader never holds up a publisher: its queue drops the oldest message and [counts](Subscription::dropped) it.
//! [Latched](Qos::latched) topics keep their last message for late joiners.
//!
//! # Transforms
//!
//! [`Node::broadcast`] says where a frame is, [`TfBuffer::lookup`] tells where it was at a time, interpolated:
//! `base_from_camera = node.tf().lookup("base_link", "camera_color_optical_frame", time)?`. [`convert`] takes messages
//! to nalgebra and back.
//!
//! # The outside
//!
//! A graph made with [`Graph::bridged`] shares its topics, services, parameters, transforms and time with other
//! processes; [`bridge`] says what goes over and when. With the feature `ros` the outside is ROS 2. Nodes do not know.
//!
//! # Shutdown
//!
//! On SIGINT, SIGTERM, [`Node::request_shutdown`] or the failure of a node that is needed, nodes that
//! [own a robot](NodeSpec::owns_robot) are told first, and bring it to rest while everything else still runs; then the
//! rest. Each phase is bounded by [`GraphConfig::shutdown_grace`].

pub mod bridge;
mod clock;
pub mod convert;
mod diagnostics;
mod error;
mod graph;
mod names;
mod node;
mod parameter;
mod qos;
#[cfg(feature = "ros")]
pub mod ros;
mod service;
mod shutdown;
mod tf;
mod time;
mod topic;
mod transport;

pub use clock::{Clock, ClockSource, Interval};
pub use diagnostics::{Diagnostics, StageLatency, StageRun, StageTimer};
pub use error::{BusError, Result, ServiceError};
pub use graph::{
    Graph, GraphConfig, GraphError, GraphHandle, NodeFailure, NodeSpec, RunReport, ShutdownReason,
};
pub use names::{NameError, NodeName, Remap};
pub use node::{BroadcastError, Node};
pub use parameter::{
    Declared, FileError, Origin, Parameter, ParameterDefault, ParameterError, ParameterOverrides,
    ParameterSpec, ParameterType, ParameterValue,
};
pub use qos::Qos;
pub use service::{Call, Client, ServiceServer};
pub use shutdown::ShutdownPhase;
pub use tf::{TfBuffer, TfError};
pub use time::{Time, TimeDelta};
pub use topic::{Publisher, Subscription, TopicCounts};
pub use transport::{Endpoint, EndpointError, Listener, Network, NetworkError, Stream};

/// Locks a mutex. A panic elsewhere while it was held left consistent data: every critical section here is a single
/// change of a container.
fn lock<T: ?Sized>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
