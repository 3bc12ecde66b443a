//! `grasp_anything calibrate proof`: the calibrations against a known answer, over many seeds.

use std::process::ExitCode;

use anyhow::Result;
use calibration::{
    closed_form::Method,
    hand::{self, HandFile},
    hand_eye::{HandEye, Noise, Options, calibrate},
    intrinsics,
    pose::distance,
    sample::Setup,
    synthetic::{self, Recipe, Synthetic},
};
use nalgebra::Isometry3;
use robot::Hand;

use super::{args::ProofArgs, hand::published_hand};
use crate::{
    output::print_line,
    report::{Align, Table},
};

/// What the calibrations are to reach.
const POSITION_MM: f64 = 1.0;
const ORIENTATION_DEG: f64 = 0.1;
const RATIO: f64 = 1.5;
const INTRINSICS_PX: f64 = 0.3;
const HAND_DEG: f64 = 0.44;

/// Measures, prints, and fails when something is not reached.
pub(crate) fn run(args: &ProofArgs) -> Result<ExitCode> {
    print_line(format_args!(
        "{} seeds of each kind, {} poses, corners {} px, robot {} mm and {} deg, the lens of a D455:",
        args.seeds, args.poses, args.corner_px, args.robot_mm, args.robot_deg
    ))?;
    let mut table = Table::new(&[
        ("hand-eye", Align::Left),
        ("solver", Align::Left),
        ("mm", Align::Right),
        ("deg", Align::Right),
        ("greatest mm", Align::Right),
        ("deg", Align::Right),
        ("actual/stated mm", Align::Right),
        ("deg", Align::Right),
        ("no result", Align::Right),
    ]);
    let mut reached = true;
    for (setup, name) in [
        (Setup::EyeToHand, "eye to hand"),
        (Setup::EyeInHand, "eye in hand"),
    ] {
        for (share, with) in [(0.0, ""), (0.2, ", 20 % gross errors")] {
            reached &= hand_eye(args, setup, share, &format!("{name}{with}"), &mut table);
        }
    }
    print_line(&table)?;

    let (mut sum, mut fresh, mut stated, mut rms) = (0.0, 0.0, 0.0, 0.0);
    let mut done = 0.0;
    for seed in 0..u64::from(args.seeds) {
        let made = synthetic::pictures(args.poses as usize, args.corner_px, seed);
        // A camera that says little of itself: a field of view from its data sheet.
        let guess = camera::Intrinsics::from_hfov(made.camera.width, made.camera.height, 1.5)?;
        let Ok(found) = intrinsics::calibrate(&guess, &made.board, &made.samples) else {
            continue;
        };
        sum += intrinsics::mean_difference_px(&made.camera, &found.camera);
        // True corners, in pictures that the calibration has not seen.
        let others = synthetic::pictures(args.poses as usize, 0.0, !seed);
        fresh += intrinsics::fresh_rms_px(&found.camera, &others);
        stated += found.uncertainty_px;
        rms += found.rms_px;
        done += 1.0;
    }
    print_line(format_args!(
        "Intrinsics from {} pictures: corners {:.3} px from where they are predicted, true corners of fresh pictures {:.3} px; {:.2} px from the true camera over the image, stated {:.2} px; {} without a result.",
        args.poses,
        rms / done,
        fresh / done,
        sum / done,
        stated / done,
        f64::from(args.seeds) - done
    ))?;
    reached &= done == f64::from(args.seeds) && fresh / done <= INTRINSICS_PX;
    let hand_deg = hand(args)?;
    print_line(format_args!(
        "Finger joints, markers turned by 0.5 deg about each axis: {hand_deg:.3} deg off the published curves, mean over joints, travel and seeds."
    ))?;
    reached &= hand_deg <= HAND_DEG;
    print_line(format_args!(
        "Aims: {POSITION_MM} mm and {ORIENTATION_DEG} deg, stated within a factor of {RATIO} of actual, intrinsics {INTRINSICS_PX} px, fingers {HAND_DEG} deg: {}.",
        if reached { "reached" } else { "not reached" }
    ))?;
    Ok(if reached {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Mean error of the fingers' calibration in degrees, on the curves of `calibration/sih_right.yaml`.
fn hand(args: &ProofArgs) -> Result<f64> {
    let file = published_hand()?;
    let truth = Hand::from_file(&file)?;
    let folder = tempfile::tempdir()?;
    let mut sum = 0.0;
    for seed in 0..u64::from(args.seeds) {
        let recipe = hand::synthetic::Recipe {
            marker_rad: 0.5_f64.to_radians(),
            play_ticks: 15.0,
            lag_s: 0.05,
            held_back: true,
            seed,
        };
        let fitted = hand::calibrate(&hand::synthetic::measured(&truth, &recipe))?;
        let result = folder.path().join("hand.yaml");
        HandFile::read(&file)?.with(&fitted).write(&result, true)?;
        let off = hand::synthetic::mean_difference(&truth, &Hand::from_file(&result)?);
        sum += off.iter().sum::<f64>() / off.len() as f64;
    }
    Ok((sum / f64::from(args.seeds)).to_degrees())
}

/// Errors of one way to solve, over all seeds.
#[derive(Default)]
struct Errors {
    all: Vec<(f64, f64)>,
    failures: u32,
}

impl Errors {
    fn add(&mut self, found: Option<&Isometry3<f64>>, truth: &Isometry3<f64>) {
        match found {
            Some(found) => {
                let (shift, turn) = distance(found, truth);
                self.all.push((shift * 1e3, turn.to_degrees()));
            }
            None => self.failures += 1,
        }
    }

    fn mean(&self) -> (f64, f64) {
        let count = self.all.len() as f64;
        let sum = self
            .all
            .iter()
            .fold((0.0, 0.0), |sum, error| (sum.0 + error.0, sum.1 + error.1));
        (sum.0 / count, sum.1 / count)
    }

    fn greatest(&self) -> (f64, f64) {
        self.all.iter().fold((0.0, 0.0), |most, error| {
            (most.0.max(error.0), most.1.max(error.1))
        })
    }

    fn row(&self, table: &mut Table, name: &str, solver: &str, ratios: Option<(f64, f64)>) {
        let (mean, greatest) = (self.mean(), self.greatest());
        let ratio =
            |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        table.row([
            name.to_owned(),
            solver.to_owned(),
            format!("{:.3}", mean.0),
            format!("{:.4}", mean.1),
            format!("{:.3}", greatest.0),
            format!("{:.4}", greatest.1),
            ratio(ratios.map(|ratios| ratios.0)),
            ratio(ratios.map(|ratios| ratios.1)),
            self.failures.to_string(),
        ]);
    }
}

/// Errors of OpenCV's solvers on the same samples.
#[cfg(feature = "opencv")]
#[derive(Default)]
struct OpenCv(Vec<(Method, Errors)>);

#[cfg(feature = "opencv")]
impl OpenCv {
    /// Solves samples by all methods that OpenCV has.
    fn add(&mut self, made: &Synthetic) {
        if self.0.is_empty() {
            let methods = Method::ALL
                .into_iter()
                .filter(|method| !matches!(method, Method::Shah | Method::Li));
            self.0 = methods.map(|method| (method, Errors::default())).collect();
        }
        let stations = calibration::hand_eye::stations(&made.samples).unwrap_or_default();
        for (method, errors) in &mut self.0 {
            let found = calibration::vision::reference::mount_from_camera(*method, &stations);
            errors.add(found.as_ref(), &made.mount_from_camera);
        }
    }

    fn rows(&self, table: &mut Table) {
        for (method, errors) in &self.0 {
            errors.row(table, "", &format!("OpenCV {}", method.name()), None);
        }
    }
}

/// Adds the rows of one kind; whether what is to be reached was.
fn hand_eye(args: &ProofArgs, setup: Setup, share: f64, name: &str, table: &mut Table) -> bool {
    let options = Options {
        leave_one_out: false,
        ..Options::default()
    };
    let mut joint = Errors::default();
    let mut closed: Vec<(&str, Errors)> = Method::ALL
        .iter()
        .map(|method| (method.name(), Errors::default()))
        .collect();
    #[cfg(feature = "opencv")]
    let mut opencv = OpenCv::default();
    let (mut squares, mut count) = ((0.0, 0.0), 0.0_f64);
    for seed in 0..u64::from(args.seeds) {
        let made = made(args, setup, share, seed);
        let found = calibrate(&made.samples, &options);
        #[cfg(feature = "opencv")]
        opencv.add(&made);
        if let Ok(found) = &found {
            let (position, orientation) = squared_ratios(found, &made.mount_from_camera);
            squares = (squares.0 + position, squares.1 + orientation);
            count += 1.0;
            for ((_, errors), (_, place)) in closed.iter_mut().zip(&found.closed_forms) {
                errors.add(place.as_ref(), &made.mount_from_camera);
            }
        }
        joint.add(
            found.ok().map(|found| found.mount_from_camera).as_ref(),
            &made.mount_from_camera,
        );
    }
    let ratios = ((squares.0 / count).sqrt(), (squares.1 / count).sqrt());
    joint.row(table, name, "joint", Some(ratios));
    for (solver, errors) in &closed {
        errors.row(table, "", solver, None);
    }
    #[cfg(feature = "opencv")]
    opencv.rows(table);
    let mean = joint.mean();
    joint.failures == 0
        && mean.0 <= POSITION_MM
        && mean.1 <= ORIENTATION_DEG
        && [ratios.0, ratios.1]
            .iter()
            .all(|ratio| (1.0 / RATIO..=RATIO).contains(ratio))
}

fn made(args: &ProofArgs, setup: Setup, share: f64, seed: u64) -> Synthetic {
    let samples = args.poses as usize;
    let outliers = (share * samples as f64).round() as usize;
    let noise = noise(args.corner_px, args.robot_mm, args.robot_deg);
    synthetic::hand_eye(&recipe(setup, samples, outliers, noise, seed))
}

/// Noise in the units in which people think of it.
pub(super) fn noise(corner_px: f64, robot_mm: f64, robot_deg: f64) -> Noise {
    Noise {
        corner_px,
        robot_m: robot_mm * 1e-3,
        robot_rad: robot_deg.to_radians(),
    }
}

/// Samples of the board in `calibration/boards/charuco_7x5.yaml`.
pub(super) fn recipe(
    setup: Setup,
    samples: usize,
    outliers: usize,
    noise: Noise,
    seed: u64,
) -> Recipe {
    Recipe {
        setup,
        board: synthetic::charuco(),
        samples,
        outliers,
        noise,
        seed,
    }
}

/// Mean over the three axes of the squared error over the stated variance, of position and of orientation.
fn squared_ratios(found: &HandEye, truth: &Isometry3<f64>) -> (f64, f64) {
    let shift = found.mount_from_camera.translation.vector - truth.translation.vector;
    let turn = (found.mount_from_camera.rotation * truth.rotation.inverse()).scaled_axis();
    let mean = |errors: [f64; 3], stated: [f64; 3]| {
        errors
            .iter()
            .zip(stated)
            .map(|(error, stated)| (error / stated).powi(2))
            .sum::<f64>()
            / 3.0
    };
    (
        mean(shift.into(), found.deviation.translation_m),
        mean(turn.into(), found.deviation.rotation_rad),
    )
}
