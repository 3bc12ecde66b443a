//! `grasp_anything calibrate solve`: hand-eye calibration from samples on disk.

use std::process::ExitCode;

use anyhow::Result;
use calibration::{
    hand_eye::{HandEye, Options, SampleOutcome, Tolerance, calibrate, seen_and_predicted},
    pose::distance,
    result::HandEyeFile,
    sample::{self, Samples},
};
use report_page::{Bar, Headline, Page, Section, Tone};

use super::{args::SolveArgs, page};
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
    print_line(used(&found))?;
    for (name, reason) in rejected(&found) {
        print_line(format_args!("Left out: {name}, {reason}."))?;
    }
    print_line(format_args!("\n{}", pose(&found)))?;
    print_line(closed_forms(&found))?;
    for sentence in noise(&found) {
        print_line(sentence)?;
    }
    print_line(verdict(&found))?;
    let reported = args.report.as_deref().map_or(Ok(()), |file| {
        let inputs = [args.samples.join(sample::FILE)];
        page::write(report(&found, &samples), file, &[&inputs[0]])
    });
    if let Some(out) = &args.out {
        HandEyeFile::from(&found).write(out, args.replace)?;
        print_line(format_args!("Written to {}.", out.display()))?;
    }
    reported?;
    Ok(if found.is_within_tolerance() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

/// How far off corners and robot are.
fn noise(found: &HandEye) -> [String; 2] {
    [
        format!(
            "Corners are {:.2} px off (root mean square){}. Noise, by the samples themselves: corners {:.2} px, robot {:.2} mm and {:.3} deg.",
            found.rms_px(),
            found.left_out_px().map_or_else(String::new, |px| {
                format!(", and {px:.2} px where all other samples predict them")
            }),
            found.noise.corner_px,
            found.noise.robot_m * 1e3,
            found.noise.robot_rad.to_degrees(),
        ),
        format!(
            "A point {:.2} m in front of the camera is known to {:.2} mm (one standard deviation), beside what depth adds.",
            found.working_distance_m,
            found.point_deviation_m * 1e3
        ),
    ]
}

fn verdict(found: &HandEye) -> String {
    let verdict = if found.is_within_tolerance() {
        "within"
    } else {
        "beyond"
    };
    format!(
        "The camera's place is known to {:.2} mm and {:.3} deg: twice that is {verdict} the tolerance of {:.2} mm and {:.2} deg.{}",
        found.deviation.position_m() * 1e3,
        found.deviation.orientation_rad().to_degrees(),
        found.tolerance.position_m * 1e3,
        found.tolerance.orientation_rad.to_degrees(),
        if found.is_within_tolerance() {
            ""
        } else {
            " More samples, a larger board or one nearer to the camera, and larger tilts help."
        }
    )
}

/// The samples that the result rests on.
fn used(found: &HandEye) -> Table {
    let mut table = Table::new(&[
        ("sample", Align::Left),
        ("px", Align::Right),
        ("left out, px", Align::Right),
        ("robot, mm", Align::Right),
        ("deg", Align::Right),
    ]);
    for (name, outcome) in &found.samples {
        if let SampleOutcome::Used {
            rms_px,
            left_out_px,
            robot_m,
            robot_rad,
        } = outcome
        {
            table.row([
                name.clone(),
                format!("{rms_px:.2}"),
                left_out_px.map_or_else(String::new, |px| format!("{px:.2}")),
                format!("{:.2}", robot_m * 1e3),
                format!("{:.3}", robot_rad.to_degrees()),
            ]);
        }
    }
    table
}

/// Those that it does not, each with the reason.
fn rejected(found: &HandEye) -> Vec<(String, String)> {
    let reasons = found
        .samples
        .iter()
        .filter_map(|(name, outcome)| match outcome {
            SampleOutcome::Used { .. } => None,
            SampleOutcome::Rejected { reason } => Some((name.clone(), reason.clone())),
        });
    reasons.collect()
}

fn report(found: &HandEye, samples: &Samples) -> Page {
    let is_within = found.is_within_tolerance();
    let headline = Headline {
        figure: format!("{:.2} mm", found.deviation.position_m() * 1e3),
        meaning: verdict(found),
        tone: if is_within { Tone::Good } else { Tone::Bad },
        share: None,
    };
    let rejected = rejected(found);
    let is_used = |name: &str| !rejected.iter().any(|(bad, _)| bad == name);
    let corners = seen_and_predicted(&HandEyeFile::from(found), samples);
    let place = noise(found).iter().fold(
        Section::new("Where the camera is").table(&pose(found)),
        |section, text| section.text(text),
    );
    Page::new("Where the camera is: hand-eye calibration", headline)
        .section(place)
        .section(page::left_out(residuals(found), &rejected))
        .section(page::coverage(&found.camera, &corners, is_used, page::HAND_EYE_HINT))
        .section(
            Section::new("Solvers")
                .text(
                    "What closed forms make of all samples that are good by themselves, bad ones among them, against the result \
                     above, which minimises the distance between seen and predicted corners and leaves out what disagrees.",
                )
                .table(&closed_forms(found)),
        )
}

/// How far the corners of each sample are off.
fn residuals(found: &HandEye) -> Section {
    let samples = || {
        found
            .samples
            .iter()
            .filter_map(|(name, outcome)| match outcome {
                SampleOutcome::Used {
                    rms_px,
                    left_out_px,
                    robot_m,
                    robot_rad,
                } => Some((name, rms_px, left_out_px, robot_m, robot_rad)),
                SampleOutcome::Rejected { .. } => None,
            })
    };
    let most = samples().map(|(_, px, ..)| *px).fold(1e-9, f64::max);
    let bars: Vec<Bar> = samples()
        .map(|(name, rms_px, left_out_px, robot_m, robot_rad)| {
            Bar::new(name, rms_px / most, format!("{rms_px:.2}"))
                .figure(left_out_px.map_or_else(String::new, |px| format!("{px:.2}")))
                .figure(format!("{:.2}", robot_m * 1e3))
                .figure(format!("{:.3}", robot_rad.to_degrees()))
        })
        .collect();
    Section::new("Samples")
        .text(
            "How far the corners of each sample are from where the result and the robot's joints have them, the same predicted \
             from all other samples, and how far the robot was from where its joints put it.",
        )
        .bars(
            ["sample", "off by, px", "left out, px", "robot, mm", "robot, deg"],
            &bars,
        )
}

fn pose(found: &HandEye) -> Table {
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
    table
}

/// How far each closed form, on all samples that are good by themselves, is from the result.
fn closed_forms(found: &HandEye) -> Table {
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
    table
}
