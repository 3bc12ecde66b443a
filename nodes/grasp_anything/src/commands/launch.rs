//! `grasp_anything launch`: runs a launch file.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use bus::{ClockSource, GraphConfig, ShutdownReason};
use launch::{LaunchPlan, Launcher, ParamSource, describe_arguments, parse_arguments};

use crate::{
    cli::LaunchArgs,
    graph::{self, Prepared},
    invocation::LAUNCH_LINK,
    middleware::Middleware,
    output::print,
    ros_arguments::RosArguments,
    share,
};

/// How long nodes may take to end, in each phase of the shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Runs the launch file, or says what is in it.
pub(crate) fn run(args: &LaunchArgs, ros: RosArguments) -> Result<ExitCode> {
    ros.check_chains()?;
    let launcher = launcher();
    let file = in_share(&args.file);
    if args.show_args {
        print(describe_arguments(&launcher.arguments(&file)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    let given: Vec<_> = args.arguments.iter().chain(&args.set).collect();
    let arguments = parse_arguments(&given)?;
    let plan = one_process(&launcher, launcher.plan(&file, &arguments)?)?;
    if args.dry_run {
        print(describe(&plan))?;
        return Ok(ExitCode::SUCCESS);
    }
    if plan.nodes.is_empty() {
        bail!("{} launches no node", args.file.display());
    }
    let is_simulated = plan.nodes.iter().any(|node| node.executable == "sim");
    if args.clock_factor != 1.0 && !is_simulated {
        bail!(
            "--clock-factor is for the simulated cell, and {} does not launch it: real robots keep real time",
            args.file.display()
        );
    }
    let config = GraphConfig {
        clock: clock(args.clock_factor)?,
        shutdown_grace: SHUTDOWN_GRACE,
        remaps: ros.remaps,
        parameters: ros.parameters,
        ..GraphConfig::default()
    };
    run_in_graph(graph::prepare(&plan)?, config)
}

/// A launch file of the project can be called by its name alone, wherever one is.
fn in_share(file: &Path) -> PathBuf {
    let is_name = file.components().count() == 1;
    let shared = share::find()
        .filter(|_| is_name && !file.exists())
        .map(|share| share.join("launch").join(file));
    shared
        .filter(|shared| shared.is_file())
        .unwrap_or_else(|| file.to_owned())
}

/// The launcher that knows this project's files.
pub(crate) fn launcher() -> Launcher {
    match share::find() {
        Some(share) => Launcher::new().with_package(share::PACKAGE, share),
        None => Launcher::new(),
    }
}

/// Puts in place of a node that runs this very program, to have several nodes in one process of `ros2 launch`, the nodes
/// that it would run: here all are in one process anyway.
fn one_process(launcher: &Launcher, plan: LaunchPlan) -> Result<LaunchPlan> {
    let mut nodes = Vec::new();
    for node in plan.nodes {
        let [file, arguments @ ..] = node.arguments.as_slice() else {
            nodes.push(node);
            continue;
        };
        if (node.package.as_str(), node.executable.as_str()) != (share::PACKAGE, LAUNCH_LINK) {
            nodes.push(node);
            continue;
        }
        let arguments: Vec<_> = arguments
            .iter()
            .map(|word| word.strip_prefix("--set=").unwrap_or(word))
            .collect();
        let inner = parse_arguments(&arguments)
            .and_then(|arguments| launcher.plan(Path::new(file), &arguments))
            .with_context(|| node.location.to_string())?;
        nodes.extend(inner.nodes);
    }
    Ok(LaunchPlan {
        nodes,
        arguments: plan.arguments,
    })
}

/// Runs nodes in real time to their end.
pub(crate) fn run_in_graph(nodes: Vec<Prepared>, mut config: GraphConfig) -> Result<ExitCode> {
    let middleware = Middleware::join()?;
    if middleware.has_clock() && graph::uses_sim_time(&nodes, &config)? {
        config.clock = ClockSource::Followed;
    }
    let graph = graph::assemble(nodes, middleware.graph(config))?;
    tracing::info!("launching {}", graph.node_names().join(", "));
    let report = graph.run_realtime();
    middleware.leave();
    let report = report?;
    match report.reason {
        ShutdownReason::Signal => tracing::info!("ended as asked; the robot stopped first"),
        reason => tracing::debug!("ended: {reason:?}"),
    }
    // Failures while shutting down were logged when they happened.
    Ok(if report.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn clock(factor: f64) -> Result<ClockSource> {
    if factor == 1.0 {
        Ok(ClockSource::System)
    } else if (0.01..=100.0).contains(&factor) {
        Ok(ClockSource::Scaled { factor })
    } else {
        bail!("the clock's factor must be between 0.01 and 100, not {factor}")
    }
}

/// The nodes of a plan, in a form to read.
fn describe(plan: &LaunchPlan) -> String {
    let mut lines = Vec::new();
    for node in &plan.nodes {
        lines.push(format!(
            "{}  ({} {}, {})",
            node.full_name(),
            node.package,
            node.executable,
            node.location
        ));
        for param in &node.params {
            lines.push(match param {
                ParamSource::Inline { name, value, .. } => format!("    {name}: {value}"),
                ParamSource::File { path, .. } => format!("    parameters of {}", path.display()),
            });
        }
        lines.extend(
            node.remaps
                .iter()
                .map(|remap| format!("    {} -> {}", remap.from, remap.to)),
        );
    }
    lines.push(String::new());
    lines.join("\n")
}
