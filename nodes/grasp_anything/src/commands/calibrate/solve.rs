//! `grasp_anything calibrate solve`: hand-eye calibration from samples on disk.

use std::process::ExitCode;

use anyhow::Result;
use calibration::{
    hand_eye::{HandEye, Options, SampleOutcome, Tolerance, calibrate},
    pose::distance,
    result::HandEyeFile,
    sample::Samples,
};

use super::args::SolveArgs;
use crate::{
    output::print_line,
    report::{Align, Table},
};

/// Solves, reports, and writes the result where one is asked for.
pub(crate) fn run(args: &SolveArgs) -> Result<ExitCode> {
    let samples = Samples::read(&args.samples)?;
    let options = Options {
        tolerance: Tolerance {
            position_m: args.tolerance_mm * 1e-3,
            orientation_rad: args.tolerance_deg.to_radians(),
        },
        refine_intrinsics: args.refine_intrinsics,
        ..Options::default()
    };
    let found = calibrate(&samples, &options)?;
    report(&found)?;
    if let Some(out) = &args.out {
        HandEyeFile::from(&found).write(out, args.replace)?;
        print_line(format_args!("Written to {}.", out.display()))?;
    }
    Ok(if found.is_within_tolerance() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

fn report(found: &HandEye) -> Result<()> {
    print_line(samples(found))?;
    print_line(pose(found))?;
    print_line(closed_forms(found))?;
    let deviation = &found.deviation;
    print_line(format_args!(
        "Corners are {:.2} px off (root mean square){}. Noise, by the samples themselves: corners {:.2} px, robot {:.2} mm and {:.3} deg.",
        found.rms_px(),
        found.left_out_px().map_or_else(String::new, |px| {
            format!(", and {px:.2} px where all other samples predict them")
        }),
        found.noise.corner_px,
        found.noise.robot_m * 1e3,
        found.noise.robot_rad.to_degrees(),
    ))?;
    print_line(format_args!(
        "A point {:.2} m in front of the camera is known to {:.2} mm (one standard deviation), beside what depth adds.",
        found.working_distance_m,
        found.point_deviation_m * 1e3
    ))?;
    let verdict = if found.is_within_tolerance() {
        "within"
    } else {
        "beyond"
    };
    print_line(format_args!(
        "The camera's place is known to {:.2} mm and {:.3} deg: twice that is {verdict} the tolerance of {:.2} mm and {:.2} deg.{}",
        deviation.position_m() * 1e3,
        deviation.orientation_rad().to_degrees(),
        found.tolerance.position_m * 1e3,
        found.tolerance.orientation_rad.to_degrees(),
        if found.is_within_tolerance() {
            ""
        } else {
            " More samples, a larger board or one nearer to the camera, and larger tilts help."
        }
    ))?;
    Ok(())
}

/// What became of each sample.
fn samples(found: &HandEye) -> String {
    let mut table = Table::new(&[
        ("sample", Align::Left),
        ("px", Align::Right),
        ("left out, px", Align::Right),
        ("robot, mm", Align::Right),
        ("deg", Align::Right),
    ]);
    let mut rejected = String::new();
    for (name, outcome) in &found.samples {
        match outcome {
            SampleOutcome::Used {
                rms_px,
                left_out_px,
                robot_m,
                robot_rad,
            } => table.row([
                name.clone(),
                format!("{rms_px:.2}"),
                left_out_px.map_or_else(String::new, |px| format!("{px:.2}")),
                format!("{:.2}", robot_m * 1e3),
                format!("{:.3}", robot_rad.to_degrees()),
            ]),
            SampleOutcome::Rejected { reason } => {
                rejected.push_str(&format!("Left out: {name}, {reason}.\n"));
            }
        }
    }
    format!("{table}\n{rejected}")
}

fn pose(found: &HandEye) -> String {
    let (parent, child) = (found.frames.mount(found.setup), &found.frames.camera);
    let mut table = Table::new(&[
        (&format!("{parent} from {child}"), Align::Left),
        ("x", Align::Right),
        ("y", Align::Right),
        ("z", Align::Right),
    ]);
    let row = |name: &str, figures: [f64; 3], digits: usize| {
        std::iter::once(name.to_owned())
            .chain(figures.map(|figure| format!("{figure:.digits$}")))
            .collect::<Vec<_>>()
    };
    let place = found.mount_from_camera;
    let (roll, pitch, yaw) = place.rotation.euler_angles();
    table.row(row(
        "translation, mm",
        (place.translation.vector * 1e3).into(),
        2,
    ));
    table.row(row(
        "  deviation",
        found.deviation.translation_m.map(|m| m * 1e3),
        3,
    ));
    table.row(row(
        "roll, pitch, yaw, deg",
        [roll, pitch, yaw].map(f64::to_degrees),
        3,
    ));
    table.row(row(
        "  deviation about",
        found.deviation.rotation_rad.map(f64::to_degrees),
        4,
    ));
    table.to_string()
}

/// How far each closed form, on all samples that are good by themselves, is from the result.
fn closed_forms(found: &HandEye) -> String {
    let mut table = Table::new(&[
        ("closed form, on all samples", Align::Left),
        ("off by, mm", Align::Right),
        ("deg", Align::Right),
    ]);
    for (method, place) in &found.closed_forms {
        let cells = match place {
            Some(place) => {
                let (shift, turn) = distance(place, &found.mount_from_camera);
                [
                    format!("{:.2}", shift * 1e3),
                    format!("{:.3}", turn.to_degrees()),
                ]
            }
            None => ["no solution".to_owned(), String::new()],
        };
        table.row(std::iter::once(method.name().to_owned()).chain(cells));
    }
    table.to_string()
}
