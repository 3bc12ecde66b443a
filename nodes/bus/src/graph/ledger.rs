//! What becomes of the nodes of a run.

use super::{GraphError, NodeFailure, RunReport, ShutdownReason, supervise::Outcome};
use crate::{Node, ParameterError, Time};

/// The nodes of a run and what has become of them.
pub(super) struct Ledger {
    pub(super) nodes: Vec<Kept>,
    pub(super) failures: Vec<NodeFailure>,
    pub(super) fatal: Option<NodeFailure>,
    pub(super) reason: Option<ShutdownReason>,
}

pub(super) struct Kept {
    pub(super) node: Node,
    pub(super) required: bool,
    pub(super) owns_robot: bool,
    pub(super) ends_graph: bool,
    pub(super) started: bool,
    pub(super) ended: bool,
}

impl Ledger {
    pub(super) fn started(&mut self, index: usize) {
        if let Some(kept) = self.nodes.get_mut(index) {
            kept.started = true;
        }
    }

    /// Takes note of a node's end and asks for the shutdown where that follows.
    pub(super) fn ended(&mut self, index: usize, outcome: Outcome) {
        let Some(kept) = self.nodes.get_mut(index) else {
            return;
        };
        kept.started = true;
        kept.ended = true;
        let name = kept.node.name().to_owned();
        let failure = match outcome {
            Outcome::Done => {
                tracing::debug!(node = name, "node is done");
                if kept.ends_graph {
                    self.reason
                        .get_or_insert(ShutdownReason::NodeDone { node: name });
                }
                return;
            }
            Outcome::Failed(source) => NodeFailure::Error {
                node: name.clone(),
                source,
            },
            Outcome::Panicked(message) => NodeFailure::Panic {
                node: name.clone(),
                message,
            },
        };
        // While shutting down, a node may well stumble over another that is gone: noted, but not
        // why the run ended.
        if kept.required && self.reason.is_none() {
            self.reason = Some(ShutdownReason::NodeFailed { node: name });
            self.fatal = Some(failure);
        } else {
            tracing::error!("{failure}");
            self.failures.push(failure);
        }
    }

    pub(super) fn all_started(&self) -> bool {
        self.nodes.iter().all(|kept| kept.started)
    }

    pub(super) fn all_ended(&self) -> bool {
        self.nodes.iter().all(|kept| kept.ended)
    }

    pub(super) fn robots_ended(&self) -> bool {
        self.nodes
            .iter()
            .filter(|kept| kept.owns_robot)
            .all(|kept| kept.ended)
    }

    /// Names of the nodes that still run.
    pub(super) fn running(&self) -> Vec<String> {
        self.nodes
            .iter()
            .filter(|kept| !kept.ended)
            .map(|kept| kept.node.name().to_owned())
            .collect()
    }

    /// A value given to all nodes that none declares, once all have declared theirs.
    pub(super) fn undeclared(&self) -> Option<ParameterError> {
        let parameters: Vec<_> = self
            .nodes
            .iter()
            .map(|kept| kept.node.parameters())
            .collect();
        crate::parameter::first_undeclared_wildcard(parameters.iter().map(|guard| &**guard))
    }

    pub(super) fn finish(self, end: Time) -> Result<RunReport, GraphError> {
        let unresponsive = self.running();
        for node in &unresponsive {
            tracing::warn!(node, "node did not end in time at shutdown and was dropped");
        }
        match self.fatal {
            Some(failure) => Err(failure.into()),
            None => Ok(RunReport {
                end,
                reason: self.reason.unwrap_or(ShutdownReason::AllDone),
                failures: self.failures,
                unresponsive,
            }),
        }
    }
}
