//! A result against samples that it does not rest on.

use nalgebra::{Isometry3, Point2};

use super::{Unusable, look, problem::mount_from_carrier};
use crate::{
    pose::distance,
    result::{self, HandEyeFile},
    sample::{Sample, Samples, Setup},
};

/// Why samples say nothing of a result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// They are of another camera or setup.
    #[error(
        "the samples are of another camera or setup ({samples}) than the result ({result}): verify with samples of the same"
    )]
    OtherCamera {
        /// What the samples are of.
        samples: String,
        /// What the result is of.
        result: String,
    },
    /// Their pictures have another size than those that the result rests on.
    #[error(
        "the samples' pictures are {}x{}, those of the result {}x{}: take samples with the same stream", .samples.0, .samples.1, .result.0, .result.1
    )]
    OtherSize {
        /// Width and height of the samples' pictures.
        samples: (u32, u32),
        /// Of the result's.
        result: (u32, u32),
    },
}

/// How far the board of a fresh sample is from where the result and the robot have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Miss {
    /// Root mean square of the distance between seen and predicted corners, pixels.
    pub rms_px: f64,
    /// Those pixels at the board's distance, metres: what the calibration is wrong by across the line of sight.
    pub across_m: f64,
    /// Between the board's middle as it is seen and as it is predicted, metres; with what one picture does not know of
    /// distance.
    pub shift_m: f64,
    /// Between the board's orientations, rad.
    pub turn_rad: f64,
}

/// The misses of all samples by name, or what is wrong with the sample.
///
/// The board has to be where it was when the result was made, on flange or table. Corners are predicted with the result's
/// own intrinsics, since the camera's place was found with those.
///
/// # Errors
/// When the samples are of another setup, camera or size of picture.
#[allow(
    clippy::type_complexity,
    reason = "each part is named by the sentences above"
)]
pub fn verify(
    result: &HandEyeFile,
    samples: &Samples,
) -> Result<Vec<(String, Result<Miss, String>)>, VerifyError> {
    let frames = &samples.frames;
    let theirs = result::place(samples.setup, frames.mount(samples.setup), &frames.camera);
    if theirs != result.place() {
        return Err(VerifyError::OtherCamera {
            samples: theirs,
            result: result.place(),
        });
    }
    let size = |camera: &camera::Intrinsics| (camera.width, camera.height);
    if size(&samples.camera) != size(&result.camera) {
        return Err(VerifyError::OtherSize {
            samples: size(&samples.camera),
            result: size(&result.camera),
        });
    }
    let samples = &Samples {
        camera: result.camera,
        ..samples.clone()
    };
    let board = samples.board.corners();
    let miss = |index: usize, sample: &Sample| -> Result<Miss, String> {
        let seen = look(samples, sample, index, &board).map_err(|unusable| match unusable {
            Unusable::Behind => "it sees the board from behind".to_owned(),
            Unusable::Because(reason) => reason,
        })?;
        let predicted = camera_from_board(result, samples.setup, &seen.view.base_from_flange);
        let mut squares = 0.0;
        let mut middle = nalgebra::Vector3::zeros();
        for (point, pixel) in &seen.view.points {
            let predicted = samples
                .camera
                .project(&(predicted * point))
                .map_err(|error| error.to_string())?;
            squares += (predicted - pixel).norm_squared();
            middle += point.coords / seen.view.points.len() as f64;
        }
        let rms_px = (squares / seen.view.points.len() as f64).sqrt();
        let seen_middle = seen.pose.camera_from_board * nalgebra::Point3::from(middle);
        let shift = seen_middle - predicted * nalgebra::Point3::from(middle);
        Ok(Miss {
            rms_px,
            across_m: rms_px * seen_middle.z / (samples.camera.fx * samples.camera.fy).sqrt(),
            shift_m: shift.norm(),
            turn_rad: distance(&seen.pose.camera_from_board, &predicted).1,
        })
    };
    Ok(samples
        .samples
        .iter()
        .enumerate()
        .map(|(index, sample)| (sample.name.clone(), miss(index, sample)))
        .collect())
}

/// Where result and robot together have the board.
fn camera_from_board(
    result: &HandEyeFile,
    setup: Setup,
    base_from_flange: &Isometry3<f64>,
) -> Isometry3<f64> {
    result.parent_from_child().inverse()
        * mount_from_carrier(setup, base_from_flange)
        * result.carrier_from_board.isometry().unwrap_or_default()
}

/// The corners of each sample by name: where they were seen, and where the result predicts them, pixels. Samples without
/// good numbers are left out, and corners that the result has behind the camera.
#[must_use]
pub fn seen_and_predicted(
    result: &HandEyeFile,
    samples: &Samples,
) -> Vec<(String, Vec<[Point2<f64>; 2]>)> {
    let board = samples.board.corners();
    let corners = |(index, sample): (usize, &Sample)| {
        let view = sample.view(index, &board).ok()?;
        let camera_from_board = camera_from_board(result, samples.setup, &view.base_from_flange);
        let pairs = view.points.iter().filter_map(|(point, seen)| {
            let predicted = result.camera.project(&(camera_from_board * point)).ok()?;
            Some([*seen, predicted])
        });
        Some((sample.name.clone(), pairs.collect()))
    };
    samples
        .samples
        .iter()
        .enumerate()
        .filter_map(corners)
        .collect()
}
