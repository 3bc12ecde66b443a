//! `grasp_anything calibrate board`: a board as a PDF file at true scale, or as a picture for simulators.

use std::{fs, process::ExitCode};

use anyhow::{Context as _, Result};
use calibration::{
    board::Board,
    vision::{picture::picture, print},
};

use super::args::BoardArgs;
use crate::output::print_line;

/// Writes the file and says what to do with it.
pub(crate) fn run(args: &BoardArgs) -> Result<ExitCode> {
    let board = Board::from_file(&args.board)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.board.with_extension("pdf"));
    let [width, height] = board.size();
    if out.extension().is_some_and(|extension| extension == "png") {
        picture(&board)?
            .save(&out)
            .with_context(|| format!("cannot write {}", out.display()))?;
        print_line(format_args!(
            "{}: the pattern alone, {width:.4} x {height:.4} m; `board_picture` and `board_width` of the simulator take it",
            out.display(),
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    fs::write(&out, print::pdf(&board)?)
        .with_context(|| format!("cannot write {}", out.display()))?;
    print_line(format_args!(
        "{}: a pattern of {:.1} x {:.1} mm. Print it at 100 % (no fitting to the page), measure the line below it, and glue it to something flat and stiff.",
        out.display(),
        width * 1e3,
        height * 1e3
    ))?;
    Ok(ExitCode::SUCCESS)
}
