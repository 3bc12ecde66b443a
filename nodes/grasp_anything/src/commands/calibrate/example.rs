//! `grasp_anything calibrate example`: samples with a known answer.

use std::process::ExitCode;

use anyhow::Result;
use calibration::{
    hand,
    sample::{Samples, Setup},
    synthetic,
};
use robot::Hand;

use super::{
    args::ExampleArgs,
    hand::published_hand,
    proof::{noise, recipe},
};
use crate::output::print_line;

/// Writes the folder and says what is in it.
pub(crate) fn run(args: &ExampleArgs) -> Result<ExitCode> {
    let usual = noise(0.2, 0.1, 0.01);
    let made = synthetic::hand_eye(&recipe(Setup::EyeToHand, 30, 3, usual, 1));
    let part = |range: std::ops::Range<usize>| Samples {
        samples: made.samples.samples.get(range).unwrap_or_default().to_vec(),
        ..made.samples.clone()
    };
    part(0..20).write(args.folder.join("hand_eye"))?;
    // The twenty-first is wrong, too.
    part(21..30).write(args.folder.join("fresh"))?;
    synthetic::pictures(20, 0.2, 1).write(args.folder.join("pictures"))?;
    let recipe = hand::synthetic::Recipe {
        marker_rad: 0.5_f64.to_radians(),
        play_ticks: 15.0,
        lag_s: 0.05,
        held_back: true,
        seed: 1,
    };
    let published = Hand::from_file(published_hand()?)?;
    hand::synthetic::measured(&published, &recipe).write(args.folder.join("hand.yaml"))?;
    let place = made.mount_from_camera.translation.vector * 1e3;
    let bad: Vec<&str> = made.outliers.iter().take(2).map(String::as_str).collect();
    print_line(format_args!(
        "Written to {}. The camera is at {:.2}, {:.2}, {:.2} mm; of its samples {} are wrong.",
        args.folder.display(),
        place.x,
        place.y,
        place.z,
        bad.join(", ")
    ))?;
    Ok(ExitCode::SUCCESS)
}
