//! The `grasp_anything` program: runs launch files and nodes, takes clicks, segments, evaluates, measures and looks
//! for what is missing. `grasp_anything --help` is the map.
#![deny(missing_docs)]

mod cli;
mod commands;
mod control;
mod demo;
mod graph;
mod logging;
mod registry;
mod report;
mod share;
mod user;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => {
            // One place prints errors: what failed, then why, one cause a line.
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}
