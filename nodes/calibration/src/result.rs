//! The result of a hand-eye calibration as a file that the next launch reads.

use std::path::Path;

use camera::Intrinsics;
use nalgebra::Isometry3;
use serde::{Deserialize, Serialize};

use crate::{
    file::write_whole,
    hand_eye::{Deviation, HandEye, SampleOutcome, Tolerance},
    pose::Pose,
    sample::Setup,
};

/// What a result file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandEyeFile {
    /// Where camera and board were.
    pub setup: Setup,
    /// The frame that the camera is fixed to.
    pub parent_frame: String,
    /// The camera's optical frame.
    pub child_frame: String,
    /// `p_parent = pose * p_child`.
    pub parent_from_child: Pose,
    /// The board on what carried it: the flange when the camera stands still, else the base.
    pub carrier_from_board: Pose,
    /// Standard deviations of the translation along x, y, z of the parent, metres.
    pub deviation_m: [f64; 3],
    /// Standard deviations of the rotation about x, y, z of the parent, degrees.
    pub deviation_deg: [f64; 3],
    /// Standard deviation of a point seen at the working distance, metres.
    pub point_deviation_m: f64,
    /// Mean distance of the board from the camera, metres.
    pub working_distance_m: f64,
    /// What was tolerated of the position, metres.
    pub tolerance_m: f64,
    /// What was tolerated of the orientation, degrees.
    pub tolerance_deg: f64,
    /// Whether twice the deviations are within that.
    pub within_tolerance: bool,
    /// Samples that the result rests on.
    pub samples_used: usize,
    /// Samples that were left out, each with the reason.
    pub samples_rejected: Vec<(String, String)>,
    /// Root mean square of the distance between seen and predicted corners, pixels.
    pub rms_px: f64,
    /// The same with each sample predicted from all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out_px: Option<f64>,
    /// The camera's intrinsics that it was found with.
    pub camera: Intrinsics,
}

/// Why a result could not be read or was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultError {
    /// The file could not be read or written.
    #[error("{file}: cannot {verb} the calibration ({error}); check the path and its permissions")]
    Io {
        /// The file.
        file: String,
        /// `read` or `write`.
        verb: &'static str,
        /// The cause.
        error: std::io::Error,
    },
    /// Not the result of a hand-eye calibration.
    #[error("{file}: this is not the result of a hand-eye calibration ({error})")]
    Yaml {
        /// The file.
        file: String,
        /// The cause.
        error: serde_yaml::Error,
    },
    /// Something in it is not finite.
    #[error("{file}: parent_from_child or carrier_from_board is not a pose; calibrate anew")]
    Pose {
        /// The file.
        file: String,
    },
    /// What is there is of another camera or setup.
    #[error(
        "{file} holds the calibration of another camera or setup ({there}; the new one is {new}) and was left alone; give another file, or --replace"
    )]
    OtherCamera {
        /// The file.
        file: String,
        /// What is there.
        there: String,
        /// What was to be written.
        new: String,
    },
    /// What is there is better.
    #[error(
        "{file} holds a better calibration and was left alone: its deviation is {old_mm:.2} mm and {old_deg:.3} deg, the new one's {new_mm:.2} mm and {new_deg:.3} deg. If the camera has moved since, give --replace"
    )]
    Worse {
        /// The file.
        file: String,
        /// Deviation of the position that is there, mm.
        old_mm: f64,
        /// Of the orientation, degrees.
        old_deg: f64,
        /// Deviation of the new position, mm.
        new_mm: f64,
        /// Of the orientation, degrees.
        new_deg: f64,
    },
}

/// A setup with the frames that its result relates.
pub(crate) fn place(setup: Setup, parent_frame: &str, child_frame: &str) -> String {
    let setup = match setup {
        Setup::EyeToHand => "eye_to_hand",
        Setup::EyeInHand => "eye_in_hand",
    };
    format!("{setup}, {child_frame} in {parent_frame}")
}

impl From<&HandEye> for HandEyeFile {
    fn from(found: &HandEye) -> Self {
        let frames = &found.frames;
        let parent = frames.mount(found.setup);
        Self {
            setup: found.setup,
            parent_frame: parent.to_owned(),
            child_frame: frames.camera.clone(),
            parent_from_child: Pose::from(&found.mount_from_camera),
            carrier_from_board: Pose::from(&found.carrier_from_board),
            deviation_m: found.deviation.translation_m,
            deviation_deg: found.deviation.rotation_rad.map(f64::to_degrees),
            point_deviation_m: found.point_deviation_m,
            working_distance_m: found.working_distance_m,
            tolerance_m: found.tolerance.position_m,
            tolerance_deg: found.tolerance.orientation_rad.to_degrees(),
            within_tolerance: found.is_within_tolerance(),
            samples_used: found.used(),
            samples_rejected: found
                .samples
                .iter()
                .filter_map(|(name, outcome)| match outcome {
                    SampleOutcome::Rejected { reason } => Some((name.clone(), reason.clone())),
                    SampleOutcome::Used { .. } => None,
                })
                .collect(),
            rms_px: found.rms_px(),
            left_out_px: found.left_out_px(),
            camera: found.camera,
        }
    }
}

impl HandEyeFile {
    /// Reads a result.
    ///
    /// # Errors
    /// When there is none, or none that can be used.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ResultError> {
        let file = path.as_ref().display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| ResultError::Io {
            file: file.clone(),
            verb: "read",
            error,
        })?;
        let result: Self = serde_yaml::from_str(&text).map_err(|error| ResultError::Yaml {
            file: file.clone(),
            error,
        })?;
        let poses = [&result.parent_from_child, &result.carrier_from_board];
        if poses.iter().any(|pose| pose.isometry().is_none()) {
            return Err(ResultError::Pose { file });
        }
        Ok(result)
    }

    /// Transform from the camera's optical frame to its parent.
    #[must_use]
    pub fn parent_from_child(&self) -> Isometry3<f64> {
        self.parent_from_child.isometry().unwrap_or_default()
    }

    /// Which camera it is of: setup and frames, as messages have them.
    pub(crate) fn place(&self) -> String {
        place(self.setup, &self.parent_frame, &self.child_frame)
    }

    /// Writes the result, unless a better one is there.
    ///
    /// # Errors
    /// When the file cannot be written; when it holds a better result, that of another camera, or something else
    /// altogether, and `replace` is not asked for. It is left as it was then.
    pub fn write(&self, path: impl AsRef<Path>, replace: bool) -> Result<(), ResultError> {
        let file = path.as_ref().display().to_string();
        if !replace && path.as_ref().exists() {
            let there = Self::read(&path)?;
            if there.place() != self.place() {
                return Err(ResultError::OtherCamera {
                    file,
                    there: there.place(),
                    new: self.place(),
                });
            }
            if there.share() < self.share() {
                let (old, new) = (there.deviation(), self.deviation());
                return Err(ResultError::Worse {
                    file,
                    old_mm: old.position_m() * 1e3,
                    old_deg: old.orientation_rad().to_degrees(),
                    new_mm: new.position_m() * 1e3,
                    new_deg: new.orientation_rad().to_degrees(),
                });
            }
        }
        let text = serde_yaml::to_string(self).map_err(|error| ResultError::Yaml {
            file: file.clone(),
            error,
        })?;
        write_whole(path.as_ref(), &text).map_err(|error| ResultError::Io {
            file,
            verb: "write",
            error,
        })
    }

    /// How well the camera's place is known.
    pub(crate) fn deviation(&self) -> Deviation {
        Deviation {
            translation_m: self.deviation_m,
            rotation_rad: self.deviation_deg.map(f64::to_radians),
        }
    }

    /// Both results by one measure, whatever tolerances they were made with.
    fn share(&self) -> f64 {
        Tolerance::default().share(&self.deviation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        hand_eye::{Noise, Options, calibrate},
        synthetic::{self, Recipe},
    };

    fn result(corner_px: f64) -> HandEyeFile {
        let board = crate::board::Board::MarkerGrid {
            dictionary: "DICT_4X4_50".to_owned(),
            columns: 4,
            rows: 3,
            marker_m: 0.04,
            gap_m: 0.01,
            first_id: 0,
        };
        let noise = Noise {
            corner_px,
            robot_m: 1e-4,
            robot_rad: 2e-4,
        };
        let recipe = Recipe {
            setup: Setup::EyeToHand,
            board,
            samples: 12,
            outliers: 0,
            noise,
            seed: 5,
        };
        let options = Options {
            leave_one_out: false,
            ..Options::default()
        };
        HandEyeFile::from(&calibrate(&synthetic::hand_eye(&recipe).samples, &options).unwrap())
    }

    #[test]
    fn a_better_result_is_never_lost_silently() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/camera.yaml");
        let (good, bad) = (result(0.1), result(1.5));
        bad.write(&path, false).unwrap();
        good.write(&path, false).unwrap();
        assert_eq!(HandEyeFile::read(&path).unwrap(), good);
        let error = bad.write(&path, false).unwrap_err();
        assert!(matches!(error, ResultError::Worse { .. }), "{error}");
        assert_eq!(HandEyeFile::read(&path).unwrap(), good);
        bad.write(&path, true).unwrap();
        assert_eq!(HandEyeFile::read(&path).unwrap(), bad);
    }

    #[test]
    fn the_result_of_another_camera_is_replaced_on_request_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("camera.yaml");
        let (here, better) = (result(0.5), result(0.1));
        here.write(&path, false).unwrap();
        let others: [fn(&mut HandEyeFile); 3] = [
            |other| other.setup = Setup::EyeInHand,
            |other| other.parent_frame = "table".to_owned(),
            |other| other.child_frame = "left_camera".to_owned(),
        ];
        for change in others {
            // Neither a better nor a worse one of another camera says anything of this one.
            for mut other in [better.clone(), result(1.5)] {
                change(&mut other);
                let error = other.write(&path, false).unwrap_err();
                assert!(matches!(error, ResultError::OtherCamera { .. }), "{error}");
                assert_eq!(HandEyeFile::read(&path).unwrap(), here);
                other.write(&path, true).unwrap();
                here.write(&path, true).unwrap();
            }
        }
    }

    #[test]
    fn another_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("diary.yaml");
        std::fs::write(&path, "dear: diary").unwrap();
        assert!(matches!(
            result(0.1).write(&path, false),
            Err(ResultError::Yaml { .. })
        ));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "dear: diary");
    }
}
