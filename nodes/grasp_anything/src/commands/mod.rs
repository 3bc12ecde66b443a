//! One module for each subcommand.

mod click;
mod completions;
mod doctor;
mod launch;
mod node;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::{
    cli::{Cli, Command},
    logging,
};

/// Runs the subcommand and returns the program's exit status.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    let log = cli.log.as_deref();
    match cli.command {
        Command::Launch(args) => {
            logging::start(log, "info")?;
            launch::run(&args)
        }
        Command::Node(args) => {
            logging::start(log, "info")?;
            node::run(&args)
        }
        Command::Click(args) => click::run(args),
        Command::Doctor(args) => {
            logging::start(log, "warn")?;
            doctor::run(&args)
        }
        Command::Completions { shell } => completions::run(shell),
        _ => bail!("this build does not have that command yet"),
    }
}
