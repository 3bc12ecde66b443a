//! `grasp_anything node`: runs one node, with the arguments of a ROS 2 executable.

use std::process::ExitCode;

use anyhow::Result;
use bus::{GraphConfig, NodeSpec};

use crate::{
    cli::NodeArgs,
    commands::launch::run_in_graph,
    graph::Prepared,
    output::print,
    registry,
    report::{Align, Table},
    ros_arguments::RosArguments,
};

/// Runs the node, or lists all nodes.
pub(crate) fn run(args: &NodeArgs, ros: RosArguments) -> Result<ExitCode> {
    let Some(name) = args.name.as_deref().filter(|_| !args.list) else {
        let mut table = Table::new(&[("node", Align::Left), ("what it does", Align::Left)]);
        for entry in registry::NODES {
            table.row([entry.name.to_owned(), entry.about.to_owned()]);
        }
        print(table)?;
        return Ok(ExitCode::SUCCESS);
    };
    let entry = registry::find(name)?;
    ros.check_chains()?;
    let mut spec = NodeSpec::new(name).parameters(ros.parameters);
    for rule in ros.remaps {
        spec = spec.remap(rule);
    }
    run_in_graph(vec![Prepared::new(entry, spec)], GraphConfig::default())
}
