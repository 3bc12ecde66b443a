//! The folder of samples, and what is found by them.

use bus::Node;
use camera::Intrinsics;
use image::GrayImage;
use msgs::sensor_msgs::CameraInfo;

use super::{NodeError, parameters::Parameters};
use crate::{
    hand_eye::{self, HandEye, HandEyeError, LEAST_SAMPLES, Options, SampleOutcome, calibrate},
    pose::distance,
    result::{HandEyeFile, ResultError},
    sample::{FILE, Frames, Samples},
    vision::collect::Collector,
};

/// What the samples give by now.
pub(super) fn solve(parameters: &Parameters, samples: &Samples) -> Result<HandEye, HandEyeError> {
    let options = Options {
        leave_one_out: false,
        ..parameters.options
    };
    calibrate(samples, &options)
}

/// Keeps the newest sample with its picture.
pub(super) fn keep(
    parameters: &Parameters,
    collector: &Collector,
    picture: &GrayImage,
) -> Result<(), NodeError> {
    let samples = collector.samples();
    // The folder is made by the first.
    samples.write(&parameters.folder)?;
    let newest = samples.samples.last();
    if let Some(name) = newest.and_then(|newest| newest.image.as_ref()) {
        let file = parameters.folder.join(name);
        picture
            .save(&file)
            .map_err(|error| NodeError::Picture { file, error })?;
    }
    Ok(())
}

/// Says of the newest sample how good the result is by now.
pub(super) fn taken(parameters: &Parameters, collector: &Collector) -> Option<HandEye> {
    let samples = collector.samples();
    let newest = samples.samples.last()?;
    let count = samples.samples.len();
    if count < LEAST_SAMPLES {
        tracing::info!("sample {}: {} corners", newest.name, newest.corners.len());
        return None;
    }
    match solve(parameters, samples) {
        Ok(found) => {
            tracing::info!(
                "sample {}: {} corners; by {} of {count} samples the camera's place is known to {:.2} mm and {:.3} deg, {} tolerance",
                newest.name,
                newest.corners.len(),
                found.used(),
                found.deviation.position_m() * 1e3,
                found.deviation.orientation_rad().to_degrees(),
                if found.is_within_tolerance() {
                    "within"
                } else {
                    "not yet within"
                },
            );
            // A run that moves by itself writes at its end.
            if parameters.motion.is_none()
                && found.is_within_tolerance()
                && let Err(error) = write(parameters, &found)
            {
                tracing::warn!("{error}");
            }
            Some(found)
        }
        Err(error) => {
            tracing::info!("sample {}: no result yet: {error}", newest.name);
            None
        }
    }
}

fn write(parameters: &Parameters, found: &HandEye) -> Result<(), ResultError> {
    if parameters.result.is_empty() {
        return Ok(());
    }
    HandEyeFile::from(found).write(&parameters.result, false)?;
    tracing::info!("written to {}", parameters.result);
    Ok(())
}

/// The result of a run that moved by itself: said, compared with what tf says, and written.
pub(super) fn finish(
    node: &Node,
    parameters: &Parameters,
    samples: &Samples,
) -> Result<(), NodeError> {
    let no_result = |text: String| {
        let folder = parameters.folder.display();
        NodeError::NoResult(format!(
            "{text}. `grasp_anything calibrate solve {folder}` says more"
        ))
    };
    let found =
        calibrate(samples, &parameters.options).map_err(|error| no_result(error.to_string()))?;
    for (name, outcome) in &found.samples {
        if let SampleOutcome::Rejected { reason } = outcome {
            tracing::warn!("sample {name} was left out: {reason}");
        }
    }
    let mount = found.frames.mount(found.setup);
    let (place, turn) = (
        found.mount_from_camera.translation,
        found.mount_from_camera.rotation,
    );
    tracing::info!(
        "{} in {mount}: x {:.4} y {:.4} z {:.4} m, quaternion x {:.5} y {:.5} z {:.5} w {:.5}",
        found.frames.camera,
        place.x,
        place.y,
        place.z,
        turn.i,
        turn.j,
        turn.k,
        turn.w,
    );
    tracing::info!(
        "by {} of {} samples; corners are {:.2} px off{}; noise: corners {:.2} px, robot {:.2} mm and {:.3} deg",
        found.used(),
        samples.samples.len(),
        found.rms_px(),
        found.left_out_px().map_or_else(String::new, |px| format!(
            ", {px:.2} px where all others predict them"
        )),
        found.noise.corner_px,
        found.noise.robot_m * 1e3,
        found.noise.robot_rad.to_degrees(),
    );
    if let Ok((there, _)) = node.tf().lookup_latest(mount, &found.frames.camera) {
        let (shift, turn) = distance(&there, &found.mount_from_camera);
        tracing::info!(
            "tf has it {:.2} mm and {:.3} deg from there: in the simulator that is the error, elsewhere the change",
            shift * 1e3,
            turn.to_degrees()
        );
    }
    let known = format!(
        "the camera's place is known to {:.2} mm and {:.3} deg: twice that is {} the tolerance of {:.2} mm and {:.2} deg",
        found.deviation.position_m() * 1e3,
        found.deviation.orientation_rad().to_degrees(),
        if found.is_within_tolerance() {
            "within"
        } else {
            "beyond"
        },
        found.tolerance.position_m * 1e3,
        found.tolerance.orientation_rad.to_degrees(),
    );
    if !found.is_within_tolerance() {
        return Err(no_result(known));
    }
    tracing::info!("{known}");
    Ok(write(parameters, &found)?)
}

/// Holds a result against fresh samples.
pub(super) fn verify(result: &HandEyeFile, samples: &Samples) -> Result<(), NodeError> {
    let (mut across_m, mut turn_rad, mut count) = (0.0, 0.0, 0.0);
    for (name, miss) in hand_eye::verify(result, samples)? {
        match miss {
            Ok(miss) => {
                tracing::info!(
                    "sample {name}: {:.2} px, {:.2} mm across the line of sight, {:.2} mm and {:.3} deg in all",
                    miss.rms_px,
                    miss.across_m * 1e3,
                    miss.shift_m * 1e3,
                    miss.turn_rad.to_degrees()
                );
                across_m += miss.across_m;
                turn_rad += miss.turn_rad;
                count += 1.0;
            }
            Err(reason) => tracing::warn!("sample {name} was left out: {reason}"),
        }
    }
    let (across_m, turn_rad) = (across_m / count, turn_rad / count);
    let text = format!(
        "on average the board is {:.2} mm off across the line of sight and turned by {:.3} deg; the tolerance that the result was made for is {:.2} mm",
        across_m * 1e3,
        f64::to_degrees(turn_rad),
        result.tolerance_m * 1e3
    );
    // Not a number without any sample.
    if across_m <= result.tolerance_m {
        tracing::info!("{text}");
        Ok(())
    } else {
        Err(NodeError::NoResult(format!(
            "{text}. If the board is where it was on what carries it, the camera is not: calibrate anew"
        )))
    }
}

/// Goes on with what is in the folder, if it is of the same board, camera, setup and frames.
pub(super) fn start(
    parameters: &Parameters,
    info: &CameraInfo,
    frame: &str,
) -> Result<Collector, NodeError> {
    let camera = Intrinsics::try_from(info)?;
    let mut samples = Samples {
        setup: parameters.setup,
        frames: Frames {
            base: parameters.base_frame.clone(),
            flange: parameters.flange_frame.clone(),
            camera: frame.to_owned(),
        },
        board: parameters.board.clone(),
        camera,
        samples: Vec::new(),
    };
    if parameters.folder.join(FILE).exists() {
        let there = Samples::read(&parameters.folder)?;
        let focal = |camera: &Intrinsics| (camera.width, camera.height, camera.fx, camera.fy);
        let same = there.setup == samples.setup
            && there.frames == samples.frames
            && there.board == samples.board
            && focal(&there.camera) == focal(&camera);
        if !same {
            return Err(NodeError::Others(parameters.folder.display().to_string()));
        }
        tracing::info!(
            "going on with {} samples in {}",
            there.samples.len(),
            parameters.folder.display()
        );
        samples.samples = there.samples;
    }
    Ok(Collector::new(samples, parameters.rules)?)
}
