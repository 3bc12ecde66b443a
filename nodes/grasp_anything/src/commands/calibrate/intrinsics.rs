//! `grasp_anything calibrate intrinsics`: is what the camera says of itself good enough?

use std::process::ExitCode;

use anyhow::Result;
use calibration::{
    intrinsics::{Calibrated, calibrate, seen_and_predicted},
    sample::{self, Samples},
};
use report_page::{Bar, Headline, Page, Section, Tone};

use super::{args::IntrinsicsArgs, page};
use crate::{
    output::print_line,
    report::{Align, Table},
};

/// Refines the intrinsics and says whether to keep the camera's own.
pub(crate) fn run(args: &IntrinsicsArgs) -> Result<ExitCode> {
    let samples = Samples::read(&args.samples)?;
    let found = calibrate(&samples.camera, &samples.board, &samples.samples)?;
    let table = table(&found);
    print_line(&table)?;
    for (name, reason) in &found.rejected {
        print_line(format_args!("Left out: {name}, {reason}."))?;
    }
    let sentences = found.sentences();
    for sentence in &sentences {
        print_line(sentence)?;
    }
    let verdict = found.verdict();
    print_line(verdict)?;
    if let Some(file) = &args.report {
        let headline = Headline {
            figure: format!("{:.2} px", found.difference_px),
            meaning: format!("between the camera's own figures and the refined ones. {verdict}"),
            tone: if found.keeps_factory() {
                Tone::Good
            } else {
                Tone::Bad
            },
            share: None,
        };
        let figures = sentences
            .iter()
            .fold(Section::new("Figures"), |section, text| section.text(text))
            .table(&table);
        let used = |name: &str| found.used.iter().any(|(used, _)| used == name);
        let corners = seen_and_predicted(&found.camera, &samples);
        let page = Page::new("The camera's intrinsics", headline)
            .section(figures)
            .section(page::left_out(pictures(&found), &found.rejected))
            .section(page::coverage(&samples.camera, &corners, used, "Lines that point the same way over a part of the picture are what the refined figures do not describe."));
        page::write(page, file, &[&args.samples.join(sample::FILE)])?;
    }
    if let Some(file) = &args.out {
        found.write(file, &args.serial, args.replace)?;
        print_line(format_args!("Written to {}.", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How far off the corners of each picture are.
fn pictures(found: &Calibrated) -> Section {
    let most = found.used.iter().map(|(_, px)| *px).fold(1e-9, f64::max);
    let bars: Vec<Bar> = found
        .used
        .iter()
        .map(|(name, px)| Bar::new(name, px / most, format!("{px:.3}")))
        .collect();
    Section::new("Pictures").bars(["picture", "off by, px"], &bars)
}

/// The figures before and after.
fn table(found: &Calibrated) -> Table {
    let figures = |camera: &camera::Intrinsics| {
        let d = camera.distortion;
        [
            camera.fx, camera.fy, camera.cx, camera.cy, d.k1, d.k2, d.p1, d.p2, d.k3,
        ]
    };
    let mut table = Table::new(&[
        ("", Align::Left),
        ("before", Align::Right),
        ("refined", Align::Right),
        ("deviation", Align::Right),
    ]);
    let names = [
        "fx, px", "fy, px", "cx, px", "cy, px", "k1", "k2", "p1", "p2", "k3",
    ];
    let rows = figures(&found.before)
        .into_iter()
        .zip(figures(&found.camera))
        .zip(found.deviation);
    for (name, ((before, refined), deviation)) in names.into_iter().zip(rows) {
        table.row([
            name.to_owned(),
            format!("{before:.4}"),
            format!("{refined:.4}"),
            format!("{deviation:.4}"),
        ]);
    }
    table
}
