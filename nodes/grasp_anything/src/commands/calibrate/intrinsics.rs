//! `grasp_anything calibrate intrinsics`: is what the camera says of itself good enough?

use std::process::ExitCode;

use anyhow::Result;
use calibration::{intrinsics::calibrate, sample::Samples};

use super::args::IntrinsicsArgs;
use crate::{
    output::print_line,
    report::{Align, Table},
};

/// Refines the intrinsics and says whether to keep the camera's own.
pub(crate) fn run(args: &IntrinsicsArgs) -> Result<ExitCode> {
    let samples = Samples::read(&args.samples)?;
    let found = calibrate(&samples.camera, &samples.board, &samples.samples)?;
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
    print_line(table)?;
    for (name, reason) in &found.rejected {
        print_line(format_args!("Left out: {name}, {reason}."))?;
    }
    print_line(format_args!(
        "Corners in {} pictures are {:.2} px off by the camera's own figures, {:.2} px by the refined ones (root mean square).",
        found.used.len(),
        found.rms_before_px,
        found.rms_px
    ))?;
    print_line(format_args!(
        "The two are {:.2} px apart over the image; the refined ones are known to {:.2} px. Corners were in {:.0} % of the image.",
        found.difference_px,
        found.uncertainty_px,
        found.coverage * 100.0
    ))?;
    print_line(if found.keeps_factory() {
        "Keep the camera's own figures."
    } else {
        "Replace the camera's own figures by the refined ones."
    })?;
    Ok(ExitCode::SUCCESS)
}
