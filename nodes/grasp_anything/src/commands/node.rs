//! `grasp_anything node`: runs one node, with the arguments of a ROS 2 executable.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use bus::{Graph, GraphConfig, NodeSpec, ParameterOverrides, Remap};

use crate::{
    cli::NodeArgs,
    commands::launch::run_graph,
    output::print,
    registry,
    report::{Align, Table},
};

/// Runs the node, or lists all nodes.
pub(crate) fn run(args: &NodeArgs) -> Result<ExitCode> {
    let Some(name) = args.name.as_deref().filter(|_| !args.list) else {
        let mut table = Table::new(&[("node", Align::Left), ("what it does", Align::Left)]);
        for entry in registry::NODES {
            table.row([entry.name.to_owned(), entry.about.to_owned()]);
        }
        print(table)?;
        return Ok(ExitCode::SUCCESS);
    };
    let entry = registry::find(name)?;
    let ros = RosArguments::parse(&args.ros_args)?;
    let mut spec = NodeSpec::new(name).parameters(ros.parameters);
    for rule in ros.remaps {
        spec = spec.remap(rule);
    }
    let mut graph = Graph::new(GraphConfig::default());
    entry.add(&mut graph, spec)?;
    run_graph(graph)
}

/// What stands after `--ros-args`.
#[derive(Debug, Default)]
struct RosArguments {
    remaps: Vec<Remap>,
    parameters: ParameterOverrides,
}

impl RosArguments {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut parsed = Self::default();
        let mut rest = arguments.iter().map(String::as_str);
        match rest.next() {
            None => return Ok(parsed),
            Some("--ros-args") => {}
            Some(other) => {
                bail!("`{other}` is not understood; a node's arguments come after --ros-args")
            }
        }
        while let Some(flag) = rest.next() {
            if flag == "--" || flag == "--ros-args" {
                continue;
            }
            if !["-r", "--remap", "-p", "--param", "--params-file"].contains(&flag) {
                bail!(
                    "`{flag}` is not supported after --ros-args; supported are -r, -p and --params-file"
                );
            }
            let value = rest
                .next()
                .with_context(|| format!("`{flag}` needs a value"))?;
            match flag {
                "-r" | "--remap" => parsed.remaps.push(value.parse()?),
                "-p" | "--param" => parsed.parameters = parsed.parameters.assignment(value)?,
                _ => parsed.parameters = parsed.parameters.file(value)?,
            }
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RosArguments> {
        RosArguments::parse(
            &text
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn remaps_and_parameters_are_read() {
        let ros = parse("--ros-args -r a:=b -r __node:=other -p rate:=5.0 --").unwrap();
        assert_eq!(
            ros.remaps,
            ["a:=b".parse().unwrap(), "__node:=other".parse().unwrap()]
        );
        assert!(parse("").unwrap().remaps.is_empty());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (bad, named) in [
            ("-r a:=b", "after --ros-args"),
            ("--ros-args --log-level debug", "--log-level"),
            ("--ros-args -r", "needs a value"),
            ("--ros-args --params-file none.yaml", "none.yaml"),
        ] {
            let refused = format!("{:#}", parse(bad).unwrap_err());
            assert!(refused.contains(named), "{bad}: {refused}");
        }
    }
}
