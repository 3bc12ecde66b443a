//! `grasp_anything calibrate hand`: how the joints answer to the servos.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use calibration::hand::{HandFile, HandSamples, MOST_RMS, calibrate};

use super::args::HandArgs;
use crate::{
    output::print_line,
    report::{Align, Table},
    share,
};

/// Fits, reports, and writes the hand's file where one is asked for and every joint is described well enough.
pub(crate) fn run(args: &HandArgs) -> Result<ExitCode> {
    let samples = HandSamples::read(&args.samples)?;
    let fitted = calibrate(&samples)?;
    if fitted.is_empty() {
        bail!(
            "{}: no marker of a phalanx was seen beside that of the phalanx before it",
            args.samples.display()
        );
    }
    let mut table = Table::new(&[
        ("joint", Align::Left),
        ("off by, deg", Align::Right),
        ("curve known to, deg", Align::Right),
        ("play, ticks", Align::Right),
        ("lag, ms", Align::Right),
        ("tendon, ticks/rad", Align::Right),
    ]);
    for (joint, fit) in &fitted {
        let tendon = if fit.ticks_per_rad == 0.0 {
            String::new()
        } else {
            format!(
                "{:.1} +- {:.1}",
                fit.ticks_per_rad, fit.ticks_per_rad_deviation
            )
        };
        table.row([
            (*joint).to_owned(),
            format!("{:.2}", fit.rms.to_degrees()),
            format!("{:.2}", fit.deviation.to_degrees()),
            format!("{:.1}", fit.play_ticks),
            format!("{:.0}", fit.lag_s * 1e3),
            tendon,
        ]);
    }
    print_line(table)?;
    let beyond: Vec<&str> = fitted
        .iter()
        .filter(|(_, fit)| !fit.is_within_limit())
        .map(|(joint, _)| *joint)
        .collect();
    if !beyond.is_empty() {
        print_line(format_args!(
            "Beyond the limit of {:.1} deg: {}. See whether a marker came loose or was taken for another, and whether ticks and markers are of the same moment.{}",
            MOST_RMS.to_degrees(),
            beyond.join(", "),
            if args.out.is_some() {
                " Nothing was written."
            } else {
                ""
            }
        ))?;
        return Ok(ExitCode::from(2));
    }
    print_line(format_args!(
        "All joints are within the limit of {:.1} deg.",
        MOST_RMS.to_degrees()
    ))?;
    if let Some(out) = &args.out {
        let like = match &args.like {
            Some(like) => like.clone(),
            None => published_hand()?,
        };
        HandFile::read(like)?
            .with(&fitted)
            .write(out, args.replace)?;
        print_line(format_args!("Written to {}.", out.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The file of the hand whose curves were published.
pub(super) fn published_hand() -> Result<PathBuf> {
    let share = share::find()
        .context("calibration/sih_right.yaml is not found; give such a file with --like")?;
    Ok(share.join("calibration/sih_right.yaml"))
}
