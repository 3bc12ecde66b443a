//! How a run ended.

use crate::{BusError, ParameterError, Time};
use std::error::Error;

/// Why a run did not come to an orderly end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A name, remap rule or the runner's own topic is at fault.
    #[error(transparent)]
    Bus(Box<BusError>),
    /// Two nodes have the same name.
    #[error("two nodes are called {node}; give one another name or namespace")]
    DuplicateNode {
        /// Full name.
        node: String,
    },
    /// A node that the graph needs failed; all others were shut down in order.
    #[error(transparent)]
    Node(#[from] NodeFailure),
    /// A parameter was given that no node has.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// In lockstep, every node waits for another and none for the clock.
    #[error(
        "deadlock at {time}: nothing can happen any more, because these nodes wait for each other: {}; \
         let one of them wait with a time-out, or end the graph when its work is done", .waiting.join(", ")
    )]
    Deadlock {
        /// Time at which everything stopped.
        time: Time,
        /// Full names of the nodes that wait.
        waiting: Vec<String>,
    },
    /// The clock does not fit the way of running.
    #[error(
        "this graph cannot run {way}: its clock is {clock}; make it with another GraphConfig::clock"
    )]
    WrongClock {
        /// The way of running.
        way: &'static str,
        /// The clock it has.
        clock: &'static str,
    },
    /// One process has one clock.
    #[error(
        "node {node}: use_sim_time must be the same for all nodes of a process, as they share one clock; set it in a \
         section /** of the parameters"
    )]
    MixedClocks {
        /// The node that differs.
        node: String,
    },
    /// The system gave no thread, signal handler or event loop.
    #[error("cannot start the graph: {0}")]
    System(#[from] std::io::Error),
}

impl From<BusError> for GraphError {
    fn from(error: BusError) -> Self {
        Self::Bus(Box::new(error))
    }
}

/// Why one node failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeFailure {
    /// It returned an error.
    #[error("node {node} failed: {}", chain(&**.source))]
    Error {
        /// Full name.
        node: String,
        /// What it returned.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It panicked: a bug.
    #[error("node {node} panicked (a bug, please report it): {message}")]
    Panic {
        /// Full name.
        node: String,
        /// What the panic said.
        message: String,
    },
}

/// An error and its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        // Many errors repeat their cause already.
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// Why the shutdown began.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShutdownReason {
    /// Every node was done.
    AllDone,
    /// A node or a handle asked for it.
    Requested,
    /// SIGINT or SIGTERM came.
    Signal,
    /// The time given to the run was over.
    TimeIsUp,
    /// The node that ends the graph was done.
    NodeDone {
        /// Full name.
        node: String,
    },
    /// A node that the graph needs failed.
    NodeFailed {
        /// Full name.
        node: String,
    },
}

/// An orderly end.
#[derive(Debug)]
pub struct RunReport {
    /// Node time at the end.
    pub end: Time,
    /// Why it ended.
    pub reason: ShutdownReason,
    /// What became of nodes that the graph can do without, or of nodes that failed while shutting down.
    pub failures: Vec<NodeFailure>,
    /// Full names of nodes that did not end when told, and were dropped.
    pub unresponsive: Vec<String>,
}
