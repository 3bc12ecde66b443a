//! Managed nodes: nodes whose life others lead, as `ros2 lifecycle` and launch systems do.
//!
//! A managed node is configured, then activated; deactivated, it is at rest and does nothing until it is activated again.
//! States, transitions, their numbers and names, and the services are those of ROS 2's managed nodes (`rcl_lifecycle`), so
//! that `ros2 lifecycle nodes`, `list`, `get` and `set` work. What a node does in each state it says with [`Managed`], and
//! [`manage`] does the rest:
//!
//! ```
//! use bus::{BusError, Graph, GraphConfig, Node, NodeSpec};
//! use lifecycle::{Managed, PrimaryState, Until, manage};
//! use std::time::Duration;
//!
//! struct Heart(Node);
//!
//! impl Managed for Heart {
//!     type Error = BusError;
//!
//!     async fn active(&mut self, until: &Until) -> Result<(), BusError> {
//!         let mut beats = self.0.clock().interval(Duration::from_secs(1));
//!         loop {
//!             tokio::select! {
//!                 biased;
//!                 () = until.reached() => return Ok(()), // what moves is at rest now
//!                 _ = beats.tick() => {}
//!             }
//!         }
//!     }
//!
//!     async fn at_rest(&mut self, _state: PrimaryState) {}
//! }
//!
//! let mut graph = Graph::new(GraphConfig::lockstep());
//! graph.add(NodeSpec::new("heart"), |node: Node| async move {
//!     manage(&node, &mut Heart(node.clone())).await
//! })?;
//! graph.run_lockstep(Some(Duration::from_secs(5)))?;
//! # Ok::<(), bus::GraphError>(())
//! ```
//!
//! | direction | name | type |
//! |---|---|---|
//! | serves | `~/get_state` | lifecycle_msgs/GetState |
//! | serves | `~/change_state` | lifecycle_msgs/ChangeState |
//! | serves | `~/get_available_states` | lifecycle_msgs/GetAvailableStates |
//! | serves | `~/get_available_transitions`, `~/get_transition_graph` | lifecycle_msgs/GetAvailableTransitions |
//! | publishes | `~/transition_event` | lifecycle_msgs/TransitionEvent |
//!
//! With the parameter `autostart` (the default) a node configures and activates itself, so that a launch works without
//! anybody leading. A node that fails while it is active ends with its error, as every node does: there is no error state to
//! linger in.

mod desk;
mod machine;
mod manage;

pub use machine::{Machine, Outcome, PrimaryState, Request};
pub use manage::{Ending, Managed, Until, manage};
