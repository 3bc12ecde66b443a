//! Makes a graph of nodes out of a launch plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::{Context as _, Result, bail};
use bus::{Graph, GraphConfig, NodeSpec, ParameterOverrides};
use launch::{LaunchPlan, NodeLaunch, ParamSource, ParamValue};

use crate::{registry, share};

/// A node that waits for its graph.
pub(crate) struct Prepared {
    entry: &'static registry::Entry,
    spec: NodeSpec,
    /// Where it was asked for, to be told with what is wrong with it.
    place: String,
}

impl Prepared {
    /// A node that stands in no launch file.
    pub(crate) fn new(entry: &'static registry::Entry, spec: NodeSpec) -> Self {
        Self {
            entry,
            spec,
            place: format!("node {}", entry.name),
        }
    }
}

/// The graph that `plan` asks for, on the bus alone.
pub(crate) fn build(plan: &LaunchPlan, config: GraphConfig) -> Result<Graph> {
    assemble(prepare(plan)?, Graph::new(config))
}

/// The nodes that `plan` asks for.
pub(crate) fn prepare(plan: &LaunchPlan) -> Result<Vec<Prepared>> {
    for (file, section) in stray_sections(plan) {
        tracing::warn!(
            "{}: `{section}` is no node of this launch or of this program: nobody takes what it sets",
            file.display()
        );
    }
    plan.nodes
        .iter()
        .map(|node| {
            let place = format!("{}: node {}", node.location, node.full_name());
            prepare_node(node, place.clone()).context(place)
        })
        .collect()
}

/// Puts the nodes into a graph.
pub(crate) fn assemble(nodes: Vec<Prepared>, mut graph: Graph) -> Result<Graph> {
    for Prepared { entry, spec, place } in nodes {
        entry.add(&mut graph, spec).context(place)?;
    }
    Ok(graph)
}

/// Whether one of the nodes is told to follow the time on `/clock`.
pub(crate) fn uses_sim_time(nodes: &[Prepared], config: &GraphConfig) -> Result<bool> {
    for node in nodes {
        if node.spec.uses_sim_time(config)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn prepare_node(node: &NodeLaunch, place: String) -> Result<Prepared> {
    if node.package != share::PACKAGE {
        bail!(
            "package `{}` is not part of this program, which runs the nodes of `{}` only; start it with ros2",
            node.package,
            share::PACKAGE
        );
    }
    if !node.arguments.is_empty() {
        bail!("nodes take no args=; write <param> and <remap> in the node");
    }
    let mut spec = NodeSpec::new(&node.name)
        .namespace(&node.namespace)
        .parameters(parameters(&node.params)?);
    for remap in &node.remaps {
        spec = spec.remap(format!("{}:={}", remap.from, remap.to).parse()?);
    }
    let entry = registry::find(&node.executable)?;
    Ok(Prepared { entry, spec, place })
}

/// Sections of parameter files for nodes that nobody has: a misspelt name leaves a node with its defaults.
fn stray_sections(plan: &LaunchPlan) -> BTreeSet<(PathBuf, String)> {
    let sources = plan.nodes.iter().flat_map(|node| &node.params);
    let files: BTreeSet<&PathBuf> = sources
        .filter_map(|source| match source {
            ParamSource::File { path, .. } => Some(path),
            ParamSource::Inline { .. } => None,
        })
        .collect();
    let is_known = |section: &str| {
        let name = section.trim_start_matches('/');
        section.contains('*')
            || registry::find(name).is_ok()
            || plan
                .nodes
                .iter()
                .any(|node| node.name == name || node.full_name().trim_start_matches('/') == name)
    };
    let mut stray = BTreeSet::new();
    for path in files {
        // A file that cannot be read is told when its node takes it.
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let sections: BTreeMap<String, serde_yaml::Value> =
            serde_yaml::from_str(&text).unwrap_or_default();
        let unknown = sections.into_keys().filter(|section| !is_known(section));
        stray.extend(unknown.map(|section| (path.clone(), section)));
    }
    stray
}

fn parameters(sources: &[ParamSource]) -> Result<ParameterOverrides> {
    sources
        .iter()
        .try_fold(ParameterOverrides::new(), |overrides, source| {
            Ok(match source {
                ParamSource::Inline { name, value, .. } => overrides.set(name, &yaml(value)?)?,
                ParamSource::File { path, .. } => overrides.file(path)?,
            })
        })
}

/// `value` as YAML. JSON is YAML too, and quotes every text.
fn yaml(value: &ParamValue) -> Result<String> {
    Ok(match value {
        ParamValue::Str(text) => serde_json::to_string(text)?,
        ParamValue::StrList(items) => serde_json::to_string(items)?,
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use launch::Location;

    use super::*;

    fn node(package: &str, executable: &str) -> NodeLaunch {
        NodeLaunch {
            package: package.to_owned(),
            executable: executable.to_owned(),
            arguments: Vec::new(),
            name: "n".to_owned(),
            namespace: "/".to_owned(),
            params: Vec::new(),
            remaps: Vec::new(),
            location: Location {
                file: "a.launch".into(),
                line: 7,
            },
        }
    }

    fn refusal(node: NodeLaunch) -> String {
        let plan = LaunchPlan {
            nodes: vec![node],
            arguments: Vec::new(),
        };
        format!("{:#}", build(&plan, GraphConfig::default()).unwrap_err())
    }

    #[test]
    fn nodes_of_others_and_unknown_nodes_are_refused_with_their_place() {
        let refused = refusal(node("rviz2", "rviz2"));
        assert!(
            refused.starts_with("a.launch:7: node /n: package `rviz2`"),
            "{refused}"
        );
        let refused = refusal(node("grasp_anything", "camra"));
        assert!(refused.contains("no node `camra`; there are"), "{refused}");
    }

    #[test]
    fn a_node_that_was_left_out_says_how_to_get_it() {
        for (executable, is_built, remedy) in [
            ("viewer", cfg!(feature = "viewer"), "make build VIEWER=1"),
            (
                "realsense",
                cfg!(feature = "realsense"),
                "make build REALSENSE=1",
            ),
        ] {
            if !is_built {
                let refused = refusal(node("grasp_anything", executable));
                assert!(refused.contains(remedy), "{refused}");
            }
        }
    }

    #[test]
    fn sections_of_nobody_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cell.yaml");
        std::fs::write(
            &path,
            "/ur_drver: {ros__parameters: {power_on: true}}\n\
             /**: {ros__parameters: {a: 1}}\n\
             /sim: {ros__parameters: {seed: 1}}\n\
             n: {ros__parameters: {b: 2}}\n",
        )
        .unwrap();
        let mut one = node("grasp_anything", "camera");
        one.params.push(ParamSource::File {
            path: path.clone(),
            location: one.location.clone(),
        });
        let plan = LaunchPlan {
            nodes: vec![one],
            arguments: Vec::new(),
        };
        let stray: Vec<_> = stray_sections(&plan).into_iter().collect();
        assert_eq!(stray, [(path, "/ur_drver".to_owned())]);
    }

    #[test]
    fn values_keep_their_type() {
        let text = ParamValue::Str("7: \"x\"".to_owned());
        let back: String = serde_yaml::from_str(&yaml(&text).unwrap()).unwrap();
        assert_eq!(ParamValue::Str(back), text);
        assert_eq!(yaml(&ParamValue::Float(2.0)).unwrap(), "2.0");
        assert_eq!(yaml(&ParamValue::IntList(vec![1, 2])).unwrap(), "[1, 2]");
    }
}
