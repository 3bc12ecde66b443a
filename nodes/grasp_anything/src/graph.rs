//! Makes a graph of nodes out of a launch plan.

use anyhow::{Context as _, Result, bail};
use bus::{Graph, GraphConfig, NodeSpec, ParameterOverrides};
use launch::{LaunchPlan, NodeLaunch, ParamSource, ParamValue};

use crate::{registry, share};

/// The graph that `plan` asks for.
pub(crate) fn build(plan: &LaunchPlan, config: GraphConfig) -> Result<Graph> {
    let mut graph = Graph::new(config);
    for node in &plan.nodes {
        add(&mut graph, node)
            .with_context(|| format!("{}: node {}", node.location, node.full_name()))?;
    }
    Ok(graph)
}

fn add(graph: &mut Graph, node: &NodeLaunch) -> Result<()> {
    if node.package != share::PACKAGE {
        bail!(
            "package `{}` is not part of this program, which runs the nodes of `{}` only; start it with ros2",
            node.package,
            share::PACKAGE
        );
    }
    let mut spec = NodeSpec::new(&node.name)
        .namespace(&node.namespace)
        .parameters(parameters(&node.params)?);
    for remap in &node.remaps {
        spec = spec.remap(format!("{}:={}", remap.from, remap.to).parse()?);
    }
    registry::find(&node.executable)?.add(graph, spec)
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
    fn values_keep_their_type() {
        let text = ParamValue::Str("7: \"x\"".to_owned());
        let back: String = serde_yaml::from_str(&yaml(&text).unwrap()).unwrap();
        assert_eq!(ParamValue::Str(back), text);
        assert_eq!(yaml(&ParamValue::Float(2.0)).unwrap(), "2.0");
        assert_eq!(yaml(&ParamValue::IntList(vec![1, 2])).unwrap(), "[1, 2]");
    }
}
