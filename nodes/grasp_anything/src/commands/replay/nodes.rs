//! The nodes that look at a recording again, with the settings that it was made with.

use std::{
    future::Future,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use bus::{
    BusError, Declared, Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, ParameterValue,
};
use recorder::Recording;

use crate::share;

/// A node that looks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looker {
    Segmentation,
    Pointcloud,
    Policy,
}

impl Looker {
    pub(super) const ALL: [Self; 3] = [Self::Segmentation, Self::Pointcloud, Self::Policy];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Segmentation => "segmentation",
            Self::Pointcloud => "pointcloud",
            Self::Policy => "policy",
        }
    }

    /// Its settings that belong to the machine, not to the cell.
    fn of_the_machine(self) -> &'static [&'static str] {
        match self {
            Self::Segmentation => &["model", "backend", "threads"],
            Self::Pointcloud => &[],
            Self::Policy => &["manifest", "urdf", "hand", "threads"],
        }
    }

    /// Adds it to a graph.
    pub(super) fn add(self, graph: &mut Graph, parameters: ParameterOverrides) -> Result<()> {
        let spec = NodeSpec::new(self.name()).parameters(parameters);
        match self {
            Self::Segmentation => graph.add(spec, segmentation::node::run)?,
            Self::Pointcloud => graph.add(spec, pointcloud::node::run)?,
            Self::Policy => graph.add(spec, policy::node::run)?,
        }
        Ok(())
    }

    /// The settings that it was recorded with, but for those of the machine.
    pub(super) fn recorded_parameters(self, recording: &Recording) -> Result<ParameterOverrides> {
        let recorded = recording.metadata.get("parameters").into_iter().flatten();
        let declared = self.declared()?;
        let mut parameters = ParameterOverrides::new();
        for (full_name, value) in recorded {
            let name = parameter_of(self.name(), full_name);
            let Some(name) = name.filter(|name| !self.of_the_machine().contains(name)) else {
                continue;
            };
            let Some(known) = declared.iter().find(|known| known.name == name) else {
                tracing::warn!(
                    "{full_name} was {value}; there is no such parameter now, it is left out"
                );
                continue;
            };
            parameters = match known.default {
                // Recorded without quotes: what looks like a number or like nothing is a text still.
                ParameterValue::String(_) => {
                    parameters.set(name, &serde_json::to_string(value)?)?
                }
                _ => parameters.set(name, value)?,
            };
        }
        Ok(parameters)
    }

    /// The parameters that it has now.
    fn declared(self) -> Result<Vec<Declared>> {
        match self {
            Self::Segmentation => declared_by(segmentation::node::run),
            Self::Pointcloud => declared_by(pointcloud::node::run),
            Self::Policy => declared_by(policy::node::run),
        }
    }
}

/// What a node declares before it waits for something, or fails as it has no model.
fn declared_by<F, E>(run: impl FnOnce(Node) -> F + Send + 'static) -> Result<Vec<Declared>>
where
    F: Future<Output = Result<(), E>>,
{
    let declared = Arc::new(Mutex::new(Vec::new()));
    let found = Arc::clone(&declared);
    let mut graph = Graph::new(GraphConfig::lockstep());
    let spec = NodeSpec::new("asked").ends_graph();
    graph.add(spec, move |node: Node| async move {
        let clock = node.clock().clone();
        tokio::select! {
            biased;
            _ = run(node.clone()) => {}
            // Time passes when the node waits.
            () = clock.sleep(std::time::Duration::from_nanos(1)) => {}
        }
        *found.lock().unwrap_or_else(PoisonError::into_inner) = node.declared_parameters();
        Ok::<_, BusError>(())
    })?;
    graph.run_lockstep(None)?;
    let mut declared = declared.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *declared))
}

/// The model's manifest, or that of the model that ships with this program.
pub(super) fn model(manifest: Option<&Path>) -> Result<String> {
    let manifest = match manifest {
        Some(manifest) => manifest.to_owned(),
        None => share::find()
            .context("the model is not found; give its manifest with --model")?
            .join("models/segmenter/manifest.yaml"),
    };
    Ok(manifest.display().to_string())
}

/// The name of a parameter of a node, in whichever namespace, out of `/namespace/node/parameter`.
fn parameter_of<'a>(node: &str, full_name: &'a str) -> Option<&'a str> {
    let (path, parameter) = full_name.rsplit_once('/')?;
    let (_, name) = path.rsplit_once('/')?;
    (name == node).then_some(parameter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_of_the_node_of_exactly_this_name() {
        for (full_name, name) in [
            ("/segmentation/least_score", Some("least_score")),
            ("/left/segmentation/least_score", Some("least_score")),
            ("/my_segmentation/least_score", None),
            ("/segmentation/other/least_score", None),
            ("segmentation/least_score", None),
            ("", None),
        ] {
            assert_eq!(parameter_of("segmentation", full_name), name, "{full_name}");
        }
    }

    #[test]
    fn nodes_tell_what_they_declare() {
        for (looker, names) in [
            (Looker::Segmentation, ["least_score", "model"]),
            (Looker::Pointcloud, ["points", "base_frame"]),
            (Looker::Policy, ["manifest", "threads"]),
        ] {
            let declared = looker.declared().unwrap();
            for name in names {
                assert!(declared.iter().any(|known| known.name == name), "{name}");
            }
        }
    }
}
