//! The bus as its users see it: through its public interface, in lockstep where time matters.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails by panicking"
)]

mod lockstep;
mod parameters;
mod realtime;
mod services;
mod tf;
mod topics;
mod transport;

use bus::{Graph, GraphConfig, GraphError, Node, NodeSpec, RunReport};
use std::{
    error::Error,
    future::Future,
    sync::{Arc, Mutex},
};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Runs one node in lockstep to its end.
fn run_node<Run>(main: impl FnOnce(Node) -> Run + Send + 'static) -> Result<RunReport, GraphError>
where
    Run: Future<Output = Outcome> + 'static,
{
    let mut graph = Graph::new(GraphConfig::lockstep());
    graph.add(NodeSpec::new("tester"), main)?;
    graph.run_lockstep(None)
}

/// A list that nodes write to and the test reads.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}
