//! `grasp_anything calibrate verify`: a result on fresh samples; status 2 when it is beyond its tolerance there.

use std::process::ExitCode;

use anyhow::{Result, bail};
use calibration::{hand_eye::verify, result::HandEyeFile, sample::Samples};

use super::args::VerifyArgs;
use crate::{
    output::print_line,
    report::{Align, Table},
};

/// Reports each sample and the mean, and says whether that is within the tolerance.
pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode> {
    let result = HandEyeFile::read(&args.result)?;
    let samples = Samples::read(&args.samples)?;
    let mut table = Table::new(&[
        ("sample", Align::Left),
        ("px", Align::Right),
        ("across, mm", Align::Right),
        ("in all, mm", Align::Right),
        ("deg", Align::Right),
    ]);
    let (mut across, mut shift, mut turn, mut count) = (0.0, 0.0, 0.0, 0.0);
    for (name, miss) in verify(&result, &samples)? {
        match miss {
            Ok(miss) => {
                table.row([
                    name,
                    format!("{:.2}", miss.rms_px),
                    format!("{:.2}", miss.across_m * 1e3),
                    format!("{:.2}", miss.shift_m * 1e3),
                    format!("{:.3}", miss.turn_rad.to_degrees()),
                ]);
                across += miss.across_m;
                shift += miss.shift_m;
                turn += miss.turn_rad;
                count += 1.0;
            }
            Err(reason) => print_line(format_args!("Left out: {name}, {reason}."))?,
        }
    }
    if table.is_empty() {
        bail!("{}: no sample can be used", args.samples.display());
    }
    print_line(table)?;
    print_line(format_args!(
        "On average the board is {:.2} mm off across the line of sight, {:.2} mm and {:.3} deg in all, with what one picture does not know of distance and tilt.",
        across / count * 1e3,
        shift / count * 1e3,
        f64::to_degrees(turn / count)
    ))?;
    let across = across / count;
    let is_within = across <= result.tolerance_m;
    print_line(format_args!(
        "Across the line of sight that is {} the tolerance of {:.2} mm that the result was made for.{}",
        if is_within { "within" } else { "beyond" },
        result.tolerance_m * 1e3,
        if is_within {
            ""
        } else {
            " If the board is where it was, the camera is not: calibrate anew."
        }
    ))?;
    Ok(if is_within {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}
