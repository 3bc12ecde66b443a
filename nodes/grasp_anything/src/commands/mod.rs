//! One module for each subcommand.

mod bench;
mod click;
mod completions;
mod doctor;
mod eval;
mod launch;
mod node;
mod segment;

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    cli::{Cli, Command},
    control::Request,
    logging,
};

/// What is logged of launches. The viewer's recording server invites other viewers, and tells when it forgets.
const LONG_RUNNING: &str = "info,re_grpc_server=warn";

/// Runs the subcommand and returns the program's exit status.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    let long_running = matches!(cli.command, Command::Launch(_) | Command::Node(_));
    logging::start(
        cli.log.as_deref(),
        if long_running { LONG_RUNNING } else { "error" },
    )?;
    match cli.command {
        Command::Launch(args) => launch::run(&args),
        Command::Node(args) => node::run(&args),
        Command::Click(args) => click::run(args),
        Command::Call { service } => click::ask(&Request::Call { call: service }),
        Command::Segment(args) => segment::run(args),
        Command::Eval(args) => eval::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions { shell } => completions::run(shell),
    }
}
