//! `grasp_anything calibrate board`: a board as a PDF file at true scale.

use std::{fs, process::ExitCode};

use anyhow::{Context as _, Result};
use calibration::{board::Board, vision::print};

use super::args::BoardArgs;
use crate::output::print_line;

/// Writes the file and says what to do with it.
pub(crate) fn run(args: &BoardArgs) -> Result<ExitCode> {
    let board = Board::from_file(&args.board)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.board.with_extension("pdf"));
    fs::write(&out, print::pdf(&board)?)
        .with_context(|| format!("cannot write {}", out.display()))?;
    let [width, height] = board.size();
    print_line(format_args!(
        "{}: a pattern of {:.1} x {:.1} mm. Print it at 100 % (no fitting to the page), measure the line below it, and glue it to something flat and stiff.",
        out.display(),
        width * 1e3,
        height * 1e3
    ))?;
    Ok(ExitCode::SUCCESS)
}
