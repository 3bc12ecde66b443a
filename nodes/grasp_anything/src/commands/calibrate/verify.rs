//! `grasp_anything calibrate verify`: a result on fresh samples; status 2 when it is beyond its tolerance there.

use std::process::ExitCode;

use anyhow::{Result, bail};
use calibration::{
    hand_eye::{Miss, seen_and_predicted, verify},
    result::HandEyeFile,
    sample::{self, Samples},
};
use report_page::{Headline, Page, Section, Tone};

use super::{args::VerifyArgs, page};
use crate::{
    output::print_line,
    report::{Align, Table},
};

/// Reports each sample and the mean, and says whether that is within the tolerance.
pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode> {
    let result = HandEyeFile::read(&args.result)?;
    let samples = Samples::read(&args.samples)?;
    let (mut misses, mut rejected) = (Vec::new(), Vec::new());
    for (name, miss) in verify(&result, &samples)? {
        match miss {
            Ok(miss) => misses.push((name, miss)),
            Err(reason) => rejected.push((name, reason)),
        }
    }
    for (name, reason) in &rejected {
        print_line(format_args!("Left out: {name}, {reason}."))?;
    }
    if misses.is_empty() {
        bail!("{}: no sample can be used", args.samples.display());
    }
    let mean = |figure: fn(&Miss) -> f64| {
        misses.iter().map(|(_, miss)| figure(miss)).sum::<f64>() / misses.len() as f64
    };
    let across = mean(|miss| miss.across_m);
    let is_within = across <= result.tolerance_m;
    let all = format!(
        "On average the board is {:.2} mm off across the line of sight, {:.2} mm and {:.3} deg in all, with what one picture does not know of distance and tilt.",
        across * 1e3,
        mean(|miss| miss.shift_m) * 1e3,
        mean(|miss| miss.turn_rad).to_degrees()
    );
    let verdict = format!(
        "Across the line of sight that is {} the tolerance of {:.2} mm that the result was made for.{}",
        if is_within { "within" } else { "beyond" },
        result.tolerance_m * 1e3,
        if is_within {
            ""
        } else {
            " If the board is where it was, the camera is not: calibrate anew."
        }
    );
    let table = table(&misses);
    print_line(&table)?;
    print_line(&all)?;
    print_line(&verdict)?;
    if let Some(file) = &args.report {
        let headline = Headline {
            figure: format!("{:.2} mm", across * 1e3),
            meaning: verdict,
            tone: if is_within { Tone::Good } else { Tone::Bad },
            share: None,
        };
        let used = |name: &str| misses.iter().any(|(used, _)| used == name);
        let corners = seen_and_predicted(&result, &samples);
        let each = Section::new("Samples").text(&all).table(&table);
        let page = Page::new("A hand-eye calibration on fresh samples", headline)
            .section(page::left_out(each, &rejected))
            .section(page::coverage(
                &result.camera,
                &corners,
                used,
                page::HAND_EYE_HINT,
            ));
        page::write(
            page,
            file,
            &[&args.result, &args.samples.join(sample::FILE)],
        )?;
    }
    Ok(if is_within {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

fn table(misses: &[(String, Miss)]) -> Table {
    let mut table = Table::new(&[
        ("sample", Align::Left),
        ("px", Align::Right),
        ("across, mm", Align::Right),
        ("in all, mm", Align::Right),
        ("deg", Align::Right),
    ]);
    for (name, miss) in misses {
        table.row([
            name.clone(),
            format!("{:.2}", miss.rms_px),
            format!("{:.2}", miss.across_m * 1e3),
            format!("{:.2}", miss.shift_m * 1e3),
            format!("{:.3}", miss.turn_rad.to_degrees()),
        ]);
    }
    table
}
