//! `grasp_anything calibrate hand`: how the joints answer to the servos.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use calibration::hand::{Fitted, HandFile, HandSamples, MOST_RMS, calibrate};
use report_page::{Headline, Page, Plot, Section, Tone};

use super::{args::HandArgs, page};
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
    let table = table(&fitted);
    print_line(&table)?;
    let beyond: Vec<&str> = fitted
        .iter()
        .filter(|(_, fit)| !fit.is_within_limit())
        .map(|(joint, _)| *joint)
        .collect();
    let verdict = verdict(&beyond);
    let reported = args.report.as_deref().map_or(Ok(()), |file| {
        let page = report(&fitted, &table, &beyond, &verdict);
        page::write(page, file, &[&args.samples])
    });
    if !beyond.is_empty() {
        print_line(format_args!(
            "{verdict}{}",
            if args.out.is_some() {
                " Nothing was written."
            } else {
                ""
            }
        ))?;
        return reported.map(|()| ExitCode::from(2));
    }
    print_line(verdict)?;
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
    reported.map(|()| ExitCode::SUCCESS)
}

/// Whether all joints are described well enough, and what to do when not.
fn verdict(beyond: &[&str]) -> String {
    let limit = MOST_RMS.to_degrees();
    if beyond.is_empty() {
        return format!("All joints are within the limit of {limit:.1} deg.");
    }
    format!(
        "Beyond the limit of {limit:.1} deg: {}. See whether a marker came loose or was taken for another, and whether ticks and markers are of the same moment.",
        beyond.join(", ")
    )
}

fn table(fitted: &[(&str, Fitted)]) -> Table {
    let mut table = Table::new(&[
        ("joint", Align::Left),
        ("off by, deg", Align::Right),
        ("curve known to, deg", Align::Right),
        ("play, ticks", Align::Right),
        ("lag, ms", Align::Right),
        ("tendon, ticks/rad", Align::Right),
    ]);
    for (joint, fit) in fitted {
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
    table
}

/// The page: the verdict, the joints, and the measured angles about the fitted curves.
fn report(fitted: &[(&str, Fitted)], table: &Table, beyond: &[&str], verdict: &str) -> Page {
    let worst = fitted.iter().map(|(_, fit)| fit.rms).fold(0.0, f64::max);
    let headline = Headline {
        figure: format!("{:.2} deg", worst.to_degrees()),
        meaning: format!("is the joint that is furthest off its curve. {verdict}"),
        tone: if beyond.is_empty() {
            Tone::Good
        } else {
            Tone::Bad
        },
        share: None,
    };
    let curves: Vec<Plot> = fitted
        .iter()
        .map(|(joint, fit)| curve(joint, fit))
        .collect();
    Page::new("A hand's joints and their servos", headline)
        .section(Section::new("Joints").table(table))
        .section(
            Section::new("Curves")
                .text(
                    "Measured angles (dots) over the servo's ticks, with play, lag and the tendon's share taken off, and the fitted \
                     curve. Red dots are further off it than the limit.",
                )
                .plots(&curves),
        )
}

fn curve(joint: &str, fit: &Fitted) -> Plot {
    let range = |coordinate: usize| {
        let values = fit
            .measured
            .iter()
            .chain(&fit.points)
            .map(|point| point[coordinate]);
        values.fold(f64::INFINITY..f64::NEG_INFINITY, |range, value| {
            range.start.min(value)..range.end.max(value)
        })
    };
    let (ticks, angle) = (range(0), range(1));
    let margin = 0.04 * (angle.end - angle.start);
    let degrees = (angle.start - margin).to_degrees()..(angle.end + margin).to_degrees();
    const STEPS: u32 = 200;
    let line = (0..=STEPS).map(|step| {
        let u = ticks.start + (ticks.end - ticks.start) * f64::from(step) / f64::from(STEPS);
        [u, fit.angle(u, 0.0).to_degrees()]
    });
    let is_far = |[u, angle]: &[f64; 2]| (fit.angle(*u, 0.0) - angle).abs() > MOST_RMS;
    let (far, near): (Vec<[f64; 2]>, Vec<[f64; 2]>) =
        fit.measured.iter().copied().partition(is_far);
    let dots = |points: Vec<[f64; 2]>| points.into_iter().map(|[u, angle]| [u, angle.to_degrees()]);
    Plot::new(joint, ("ticks", ticks.clone()), ("deg", degrees))
        .dots(dots(near), Tone::Accent)
        .dots(dots(far), Tone::Bad)
        .line(line, Tone::Ink)
}

/// The file of the hand whose curves were published.
pub(super) fn published_hand() -> Result<PathBuf> {
    let share = share::find()
        .context("calibration/sih_right.yaml is not found; give such a file with --like")?;
    Ok(share.join("calibration/sih_right.yaml"))
}
