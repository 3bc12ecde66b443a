//! The `grasp_anything` program: runs launch files and nodes, takes clicks, segments, evaluates, measures and looks
//! for what is missing. `grasp_anything --help` is the map.
#![deny(missing_docs)]

mod cli;
mod commands;
mod control;
mod demo;
mod graph;
mod invocation;
mod logging;
mod middleware;
mod output;
mod registry;
mod report;
mod ros_arguments;
mod share;
mod target;
mod user;

use std::process::ExitCode;

fn main() -> ExitCode {
    match invocation::Invocation::of_process().and_then(commands::run) {
        Ok(code) => code,
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // One place prints errors: what failed, then why, one cause a line.
            let mut told = error.to_string();
            eprintln!("error: {told}");
            for cause in error.chain().skip(1).map(ToString::to_string) {
                // Many errors repeat their cause already.
                if !told.contains(&cause) {
                    eprintln!("  because: {cause}");
                    told = cause;
                }
            }
            ExitCode::FAILURE
        }
    }
}
