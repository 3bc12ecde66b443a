//! What was seen at each pose of the robot, in memory and as a folder on disk.
//!
//! A folder of samples holds `samples.yaml` and, if they were kept, the pictures that it names.

use std::{collections::BTreeMap, path::Path};

use camera::Intrinsics;
use nalgebra::{Isometry3, Point2, Point3};
use serde::{Deserialize, Serialize};

use crate::{
    board::{Board, BoardError},
    file::write_whole,
    pose::Pose,
};

/// The file in a folder of samples.
pub const FILE: &str = "samples.yaml";

/// Which of the two hangs on the robot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setup {
    /// The camera stands still, the board is on the robot's flange.
    EyeToHand,
    /// The camera is on the robot's flange, the board stands still.
    EyeInHand,
}

/// Names of the frames in the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frames {
    /// Base of the robot.
    pub base: String,
    /// The frame that the robot's poses are of.
    pub flange: String,
    /// The camera's optical frame (z forward).
    pub camera: String,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            base: "base_link".to_owned(),
            flange: "tool0".to_owned(),
            camera: "camera_color_optical_frame".to_owned(),
        }
    }
}

impl Frames {
    /// The frame that the camera is fixed to.
    #[must_use]
    pub fn mount(&self, setup: Setup) -> &str {
        match setup {
            Setup::EyeToHand => &self.base,
            Setup::EyeInHand => &self.flange,
        }
    }
}

/// All that was recorded for one calibration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// Where camera and board are.
    pub setup: Setup,
    /// Names for the result.
    #[serde(default)]
    pub frames: Frames,
    /// The board.
    pub board: Board,
    /// The camera as it describes itself.
    pub camera: Intrinsics,
    /// In the order in which they were taken.
    pub samples: Vec<Sample>,
}

/// The board seen at one pose of the robot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// What it is called in messages.
    pub name: String,
    /// Where the robot's joints put the flange, in its base frame; not needed for intrinsics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_from_flange: Option<Pose>,
    /// Corners that were found: number on the board, column and row in pixels.
    pub corners: Vec<(u32, f64, f64)>,
    /// The picture, relative to the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// Why samples could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SamplesError {
    /// The file could not be read or written.
    #[error("{file}: cannot {verb} the samples ({error}); check the path and its permissions")]
    Io {
        /// The file.
        file: String,
        /// `read` or `write`.
        verb: &'static str,
        /// The cause.
        error: std::io::Error,
    },
    /// Not the YAML that it should be.
    #[error("{file}: {error}")]
    Yaml {
        /// The file.
        file: String,
        /// The cause.
        error: serde_yaml::Error,
    },
    /// The board in it cannot be.
    #[error("{file}: board: {error}")]
    Board {
        /// The file.
        file: String,
        /// The cause.
        error: BoardError,
    },
    /// The camera in it cannot be.
    #[error("{file}: camera: {error}")]
    Camera {
        /// The file.
        file: String,
        /// The cause.
        error: camera::ModelError,
    },
}

impl Samples {
    /// Reads a folder of samples.
    ///
    /// # Errors
    /// When there is no `samples.yaml` in it, or it says what cannot be of board or camera. Samples with something
    /// wrong in them are read: what becomes of each is for the calibration to say.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self, SamplesError> {
        let path = folder.as_ref().join(FILE);
        let file = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| SamplesError::Io {
            file: file.clone(),
            verb: "read",
            error,
        })?;
        let samples: Self = serde_yaml::from_str(&text).map_err(|error| SamplesError::Yaml {
            file: file.clone(),
            error,
        })?;
        samples.board.check().map_err(|error| SamplesError::Board {
            file: file.clone(),
            error,
        })?;
        let camera = &samples.camera;
        Intrinsics::new(
            camera.width,
            camera.height,
            (camera.fx, camera.fy),
            (camera.cx, camera.cy),
            camera.distortion,
        )
        .map_err(|error| SamplesError::Camera { file, error })?;
        Ok(samples)
    }

    /// Writes `samples.yaml` into a folder, which is made when missing.
    ///
    /// The file is complete at every moment: an interruption leaves the one before.
    ///
    /// # Errors
    /// When the folder or file cannot be written.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<(), SamplesError> {
        let path = folder.as_ref().join(FILE);
        let file = path.display().to_string();
        let io = |error| SamplesError::Io {
            file: file.clone(),
            verb: "write",
            error,
        };
        let text = serde_yaml::to_string(self).map_err(|error| SamplesError::Yaml {
            file: file.clone(),
            error,
        })?;
        write_whole(&path, &text).map_err(io)
    }
}

/// One sample, checked and ready for arithmetic.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// Its place among the samples.
    pub(crate) index: usize,
    /// Where the robot says the flange is; at its base when the sample does not say.
    pub(crate) base_from_flange: Isometry3<f64>,
    /// Points on the board with the pixels that show them.
    pub(crate) points: Vec<(Point3<f64>, Point2<f64>)>,
}

/// Fewer corners than this do not say how the board lies, or not how well.
const LEAST_CORNERS: usize = 4;

impl Sample {
    /// Checks a sample against its board.
    pub(crate) fn view(
        &self,
        index: usize,
        board: &BTreeMap<u32, Point3<f64>>,
    ) -> Result<View, String> {
        let base_from_flange = match &self.base_from_flange {
            None => Isometry3::identity(),
            Some(pose) => pose.isometry().ok_or(
                "its base_from_flange is not a pose: something is not finite, or the quaternion is not of unit length",
            )?,
        };
        let mut points = BTreeMap::new();
        for &(id, u, v) in &self.corners {
            if !(u.is_finite() && v.is_finite()) {
                return Err(format!("its corner {id} is at ({u}, {v})"));
            }
            let Some(point) = board.get(&id) else {
                return Err(format!(
                    "its corner {id} is not on the board, whose corners are 0 to {}: another board was seen",
                    board.len().saturating_sub(1)
                ));
            };
            if points.insert(id, (*point, Point2::new(u, v))).is_some() {
                return Err(format!(
                    "its corner {id} was seen twice: two boards are in view"
                ));
            }
        }
        if points.len() < LEAST_CORNERS {
            return Err(format!(
                "only {} corners were seen; {LEAST_CORNERS} are the least",
                points.len()
            ));
        }
        Ok(View {
            index,
            base_from_flange,
            points: points.into_values().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_round_trips_and_says_what_is_wrong() {
        let samples = Samples {
            setup: Setup::EyeToHand,
            frames: Frames::default(),
            board: Board::Marker {
                dictionary: "DICT_4X4_50".to_owned(),
                id: 3,
                marker_m: 0.08,
            },
            camera: Intrinsics::from_hfov(848, 480, 1.5).unwrap(),
            samples: vec![Sample {
                name: "001".to_owned(),
                base_from_flange: Some(Pose::from(&Isometry3::identity())),
                corners: vec![(0, 1.25, 2.5)],
                image: None,
            }],
        };
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("run");
        assert!(
            Samples::read(&kept)
                .unwrap_err()
                .to_string()
                .contains("check the path")
        );
        samples.write(&kept).unwrap();
        assert_eq!(Samples::read(&kept).unwrap(), samples);
        let text = std::fs::read_to_string(kept.join(FILE)).unwrap();
        for (from, to, told) in [
            ("marker_m: 0.08", "marker_m: -1.0", "board: marker_m is -1"),
            ("width: 848", "width: 0", "camera: "),
            ("eye_to_hand", "eye_to_foot", "eye_to_foot"),
        ] {
            assert!(text.contains(from), "{text}");
            std::fs::write(kept.join(FILE), text.replace(from, to)).unwrap();
            let error = Samples::read(&kept).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn samples_are_checked_against_the_board() {
        let board = Board::Marker {
            dictionary: "D".to_owned(),
            id: 3,
            marker_m: 0.08,
        }
        .corners();
        let sample = |corners: &[(u32, f64, f64)]| Sample {
            name: "x".to_owned(),
            base_from_flange: Some(Pose::from(&Isometry3::identity())),
            corners: corners.to_vec(),
            image: None,
        };
        let four = [(0, 1.0, 1.0), (1, 2.0, 1.0), (2, 2.0, 2.0), (3, 1.0, 2.0)];
        assert_eq!(sample(&four).view(0, &board).unwrap().points.len(), 4);
        let told = |corners: &[(u32, f64, f64)]| sample(corners).view(0, &board).unwrap_err();
        assert!(told(&four[..3]).contains("only 3"));
        assert!(told(&[(0, f64::NAN, 1.0)]).contains("NaN"));
        assert!(told(&[(9, 0.0, 1.0)]).contains("another board"));
        assert!(told(&[(1, 0.0, 1.0), (1, 0.0, 2.0)]).contains("twice"));
    }
}
