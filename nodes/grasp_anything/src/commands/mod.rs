//! One module for each subcommand.

mod completions;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cli::{Cli, Command};

/// Runs the subcommand and returns the program's exit status.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Completions { shell } => completions::run(shell),
        _ => bail!("this build does not have that command yet"),
    }
}
