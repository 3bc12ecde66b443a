//! Intrinsics that a calibration found, as the file that takes the place of what a camera says of itself.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::{Intrinsics, ModelError};

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibratedIntrinsics {
    /// Serial number of the camera; empty where nobody said it.
    #[serde(default)]
    pub serial: String,
    /// What the pictures say.
    pub camera: Intrinsics,
    /// Standard deviations of fx, fy, cx, cy (pixels), k1, k2, p1, p2, k3.
    pub deviation: [f64; 9],
    /// What the camera said of itself.
    pub factory: Intrinsics,
    /// Whether the camera's own figures are worse than these, beyond what is uncertain.
    pub replaces_factory: bool,
    /// Root mean square of the distance between seen and predicted corners, pixels.
    pub rms_px: f64,
    /// The same by the camera's own figures.
    pub rms_factory_px: f64,
    /// Mean distance over the image between what the two have, pixels.
    pub difference_px: f64,
    /// How well the calibrated figures are known, root mean square over the image, pixels.
    pub uncertainty_px: f64,
    /// Share of the image in which there were corners.
    pub coverage: f64,
    /// Pictures that it rests on.
    pub pictures: usize,
}

/// Why calibrated intrinsics cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibratedError {
    /// The file could not be read.
    #[error("{file}: cannot read the camera's intrinsics ({error}); check the path")]
    Io {
        /// The file.
        file: String,
        /// The cause.
        error: std::io::Error,
    },
    /// Not the result of such a calibration.
    #[error("{file}: these are not the intrinsics of a calibration ({error})")]
    Yaml {
        /// The file.
        file: String,
        /// The cause.
        error: serde_yaml::Error,
    },
    /// Figures that no camera has.
    #[error("{file}: {error}; calibrate anew")]
    Model {
        /// The file.
        file: String,
        /// The cause.
        error: ModelError,
    },
    /// Of images of another size.
    #[error(
        "{file} has the intrinsics of images of {}x{} pixels, and the camera's have {}x{}; set the camera to that size, or calibrate at this one",
        calibrated.0, calibrated.1, actual.0, actual.1
    )]
    Size {
        /// The file.
        file: String,
        /// Columns and rows that it is of.
        calibrated: (u32, u32),
        /// Columns and rows of the camera's images.
        actual: (u32, u32),
    },
    /// Of another camera.
    #[error(
        "{file} has the intrinsics of the camera {calibrated}, and this one is {actual}; name the file of this one, or none"
    )]
    Serial {
        /// The file.
        file: String,
        /// Serial number of the camera that it is of.
        calibrated: String,
        /// Serial number of the camera that is there.
        actual: String,
    },
}

impl CalibratedIntrinsics {
    /// Reads a file.
    ///
    /// # Errors
    /// When there is none, or none that can be used.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, CalibratedError> {
        let file = path.as_ref().display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| CalibratedError::Io {
            file: file.clone(),
            error,
        })?;
        let found: Self = serde_yaml::from_str(&text).map_err(|error| CalibratedError::Yaml {
            file: file.clone(),
            error,
        })?;
        for camera in [&found.camera, &found.factory] {
            Intrinsics::new(
                camera.width,
                camera.height,
                (camera.fx, camera.fy),
                (camera.cx, camera.cy),
                camera.distortion,
            )
            .map_err(|error| CalibratedError::Model {
                file: file.clone(),
                error,
            })?;
        }
        Ok(found)
    }

    /// Whether it may be of the camera of this serial number; an empty one says nothing, on either side.
    #[must_use]
    pub fn may_be_of(&self, serial: &str) -> bool {
        self.serial.is_empty() || serial.is_empty() || self.serial == serial
    }
}

/// A file whose figures are used in the place of the camera's own.
#[derive(Debug)]
pub(crate) struct Replacement {
    file: String,
    calibrated: CalibratedIntrinsics,
}

impl Replacement {
    pub(crate) fn read(file: String) -> Result<Self, CalibratedError> {
        let calibrated = CalibratedIntrinsics::read(&file)?;
        tracing::info!(
            "camera_info is by {file}, whose corners are {:.2} px off",
            calibrated.rms_px
        );
        Ok(Self { file, calibrated })
    }

    /// The figures for images of this size, in pixels.
    pub(crate) fn of_size(&self, actual: (u32, u32)) -> Result<&Intrinsics, CalibratedError> {
        let camera = &self.calibrated.camera;
        if (camera.width, camera.height) == actual {
            return Ok(camera);
        }
        Err(CalibratedError::Size {
            file: self.file.clone(),
            calibrated: (camera.width, camera.height),
            actual,
        })
    }

    pub(crate) fn check_serial(&self, actual: &str) -> Result<(), CalibratedError> {
        if self.calibrated.may_be_of(actual) {
            return Ok(());
        }
        Err(CalibratedError::Serial {
            file: self.file.clone(),
            calibrated: self.calibrated.serial.clone(),
            actual: actual.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_calibration_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lens.yaml");
        let told = || CalibratedIntrinsics::read(&path).unwrap_err().to_string();
        assert!(told().contains("check the path"));
        std::fs::write(&path, "dear: diary").unwrap();
        assert!(told().contains("not the intrinsics"));
        let camera = Intrinsics::from_hfov(8, 6, 1.0).unwrap();
        let good = CalibratedIntrinsics {
            serial: "0042".to_owned(),
            camera,
            deviation: [0.1; 9],
            factory: camera,
            replaces_factory: false,
            rms_px: 0.2,
            rms_factory_px: 0.2,
            difference_px: 0.1,
            uncertainty_px: 0.1,
            coverage: 0.9,
            pictures: 15,
        };
        let text = serde_yaml::to_string(&good).unwrap();
        std::fs::write(&path, &text).unwrap();
        assert_eq!(CalibratedIntrinsics::read(&path).unwrap(), good);
        assert!(good.may_be_of("") && good.may_be_of("0042") && !good.may_be_of("0043"));
        let broken = CalibratedIntrinsics {
            camera: Intrinsics { fx: -1.0, ..camera },
            ..good
        };
        std::fs::write(&path, serde_yaml::to_string(&broken).unwrap()).unwrap();
        assert!(told().contains("focal length fx"));
    }
}
