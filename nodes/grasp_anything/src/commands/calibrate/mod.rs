//! `grasp_anything calibrate`: where the camera is, and how well that is known.

mod args;
#[cfg(feature = "opencv")]
mod board;
#[cfg(feature = "opencv")]
mod detect;
mod example;
mod hand;
mod intrinsics;
mod page;
mod proof;
mod solve;
mod verify;

use std::process::ExitCode;

use anyhow::Result;

pub(crate) use args::CalibrateCommand;

/// Runs the subcommand of `calibrate`.
pub(crate) fn run(command: &CalibrateCommand) -> Result<ExitCode> {
    match command {
        CalibrateCommand::Solve(args) => solve::run(args),
        CalibrateCommand::Verify(args) => verify::run(args),
        CalibrateCommand::Example(args) => example::run(args),
        CalibrateCommand::Intrinsics(args) => intrinsics::run(args),
        CalibrateCommand::Hand(args) => hand::run(args),
        #[cfg(feature = "opencv")]
        CalibrateCommand::Detect(args) => detect::run(args),
        #[cfg(feature = "opencv")]
        CalibrateCommand::Board(args) => board::run(args),
        CalibrateCommand::Proof(args) => proof::run(args),
    }
}
