//! `grasp_anything completions`: a shell's completion script.

use std::{io, process::ExitCode};

use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;

/// Prints the completion script of `shell`.
pub(crate) fn run(shell: Shell) -> Result<ExitCode> {
    clap_complete::generate(
        shell,
        &mut Cli::command(),
        "grasp_anything",
        &mut io::stdout().lock(),
    );
    Ok(ExitCode::SUCCESS)
}
