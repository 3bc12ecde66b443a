//! `grasp_anything doctor`: what is there, what is missing, and what to do about it.

mod camera;
mod files;
mod finding;
mod hardware;
mod models;
mod software;

use std::{
    io::{self, IsTerminal as _, stdout},
    process::ExitCode,
};

use anyhow::Result;

use crate::{cli::DoctorArgs, output::print_line, share};

pub(crate) use finding::{Finding, Verdict};

/// Prints a line for each thing looked at. The exit status is 1 where something fails that the simulator needs.
pub(crate) fn run(args: &DoctorArgs) -> Result<ExitCode> {
    let share = share::find();
    let colour = stdout().is_terminal();
    let mut failed = false;
    let mut section = |title: &str, findings: Vec<Finding>| -> io::Result<()> {
        print_line(title)?;
        for finding in findings {
            print_line(finding.render(colour))?;
            failed |= finding.verdict == Verdict::Fail;
        }
        print_line("")
    };
    section("Program", software::look(share.as_deref()))?;
    section("Files", files::look(share.as_deref()))?;
    section("Models", models::look(share.as_deref()))?;
    let mut hardware = hardware::look(share.as_deref(), args.config.as_deref());
    hardware.extend(camera::look());
    section("Robot, hand and camera", hardware)?;
    print_line(if failed {
        "Something is broken: see FAIL above."
    } else {
        "Nothing is broken. WARN lines limit what can be done."
    })?;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
