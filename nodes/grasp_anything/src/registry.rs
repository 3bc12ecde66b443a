//! The nodes that this program can run, by name.

use anyhow::{Context as _, Result};
use bus::{Graph, Node, NodeSpec};
use futures::future::LocalBoxFuture;

use crate::control;

/// A node that this program can run.
pub(crate) struct Entry {
    /// The name, as `exec=` of a launch file has it.
    pub(crate) name: &'static str,
    /// What it does, in a line.
    pub(crate) about: &'static str,
    /// Whether it moves a robot, and so is stopped before all others.
    owns_robot: bool,
    /// Whether the launch is over when it is done.
    ends_graph: bool,
    run: fn(Node) -> LocalBoxFuture<'static, Result<()>>,
}

impl Entry {
    const fn new(
        name: &'static str,
        about: &'static str,
        run: fn(Node) -> LocalBoxFuture<'static, Result<()>>,
    ) -> Self {
        Self {
            name,
            about,
            owns_robot: false,
            ends_graph: false,
            run,
        }
    }

    const fn owns_robot(mut self) -> Self {
        self.owns_robot = true;
        self
    }

    const fn ends_graph(mut self) -> Self {
        self.ends_graph = true;
        self
    }

    /// Adds the node to `graph`.
    pub(crate) fn add(&self, graph: &mut Graph, spec: NodeSpec) -> Result<()> {
        let spec = if self.owns_robot {
            spec.owns_robot()
        } else {
            spec
        };
        let spec = if self.ends_graph {
            spec.ends_graph()
        } else {
            spec
        };
        Ok(graph.add(spec, self.run)?)
    }
}

/// Makes a table entry's function of a node's `run`, whatever its error.
macro_rules! node {
    ($run:path) => {
        |node| Box::pin(async move { $run(node).await.map_err(Into::into) })
    };
}

/// All nodes, in the order of the data: from the camera to the robot.
pub(crate) const NODES: &[Entry] = &[Entry::new(
    "prompt_server",
    "takes the clicks of `grasp_anything click`",
    node!(control::run_server),
)];

/// The node of this name.
pub(crate) fn find(name: &str) -> Result<&'static Entry> {
    NODES
        .iter()
        .find(|entry| entry.name == name)
        .with_context(|| {
            let names: Vec<_> = NODES.iter().map(|entry| entry.name).collect();
            format!("there is no node `{name}`; there are {}", names.join(", "))
        })
}
