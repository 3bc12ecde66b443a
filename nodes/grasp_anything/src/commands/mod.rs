//! One module for each subcommand.

mod bench;
pub(crate) mod calibrate;
mod click;
mod completions;
mod doctor;
mod eval;
mod launch;
mod node;
mod record;
mod replay;
mod segment;

use std::process::ExitCode;

use anyhow::Result;

use crate::{cli::Command, control::Request, invocation::Invocation, logging};

/// Runs the subcommand and returns the program's exit status.
pub(crate) fn run(invocation: Invocation) -> Result<ExitCode> {
    let Invocation { cli, ros } = invocation;
    let long_running = matches!(cli.command, Command::Launch(_) | Command::Node(_));
    let filter = cli.log.as_deref().or(ros.log_filter.as_deref());
    if long_running {
        logging::start_in_graph(filter)?;
    } else {
        logging::start(filter)?;
    }
    match cli.command {
        Command::Launch(args) => launch::run(&args, ros),
        Command::Node(args) => node::run(&args, ros),
        Command::Click(args) => click::run(args),
        Command::Call { service } => click::ask(&Request::Call { call: service }),
        Command::Record(args) => record::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Segment(args) => segment::run(args),
        Command::Eval(args) => eval::run(&args),
        Command::Calibrate { what } => calibrate::run(&what),
        Command::Bench(args) => bench::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions { shell } => completions::run(shell),
    }
}
