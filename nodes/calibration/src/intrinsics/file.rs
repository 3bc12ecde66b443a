//! Writing the file that cameras read in the place of what they say of themselves.

use std::path::Path;

use camera::{CalibratedError, CalibratedIntrinsics};

use super::Calibrated;
use crate::file::write_whole;

/// Why a result was not written. What was there is as it was then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// It is none that should be used.
    #[error("nothing is written: {0}")]
    Poor(String),
    /// What is there is something else altogether.
    #[error("{0}. It was left alone; give another file")]
    Other(#[from] CalibratedError),
    /// What is there is of another camera.
    #[error(
        "{file} has the intrinsics of another camera ({there}; the new ones are of {new}) and was left alone; give another file, or --replace with `grasp_anything calibrate intrinsics`"
    )]
    OtherCamera {
        /// The file.
        file: String,
        /// What is there.
        there: String,
        /// What was to be written.
        new: String,
    },
    /// What is there is better known.
    #[error(
        "{file} has intrinsics that are known better, to {old_px:.2} px (the new ones to {new_px:.2} px), and was left alone. If the lens has changed since, give --replace with `grasp_anything calibrate intrinsics`"
    )]
    Worse {
        /// The file.
        file: String,
        /// How well those are known that are there, pixels.
        old_px: f64,
        /// How well the new ones are, pixels.
        new_px: f64,
    },
    /// The file could not be written.
    #[error("{file}: cannot write the intrinsics ({problem}); check the path and its permissions")]
    Io {
        /// The file.
        file: String,
        /// The cause.
        problem: String,
    },
}

impl Calibrated {
    /// As a file has it, of the camera of this serial number; an empty one says nothing.
    #[must_use]
    pub fn to_file(&self, serial: &str) -> CalibratedIntrinsics {
        CalibratedIntrinsics {
            serial: serial.to_owned(),
            camera: self.camera,
            deviation: self.deviation,
            factory: self.before,
            replaces_factory: !self.keeps_factory(),
            rms_px: self.rms_px,
            rms_factory_px: self.rms_before_px,
            difference_px: self.difference_px,
            uncertainty_px: self.uncertainty_px,
            coverage: self.coverage,
            pictures: self.used.len(),
        }
    }

    /// Writes the result, unless a better one is there.
    ///
    /// # Errors
    /// When there is an [objection](Self::objection) to it, or it cannot be written; when the file holds a better result,
    /// that of another camera, or something else altogether, and `replace` is not asked for.
    pub fn write(
        &self,
        path: impl AsRef<Path>,
        serial: &str,
        replace: bool,
    ) -> Result<(), WriteError> {
        if let Some(objection) = self.objection() {
            return Err(WriteError::Poor(objection));
        }
        let (path, new) = (path.as_ref(), self.to_file(serial));
        let file = path.display().to_string();
        if !replace && path.exists() {
            let there = CalibratedIntrinsics::read(path)?;
            let size = |of: &CalibratedIntrinsics| (of.camera.width, of.camera.height);
            if size(&there) != size(&new) || !there.may_be_of(serial) {
                return Err(WriteError::OtherCamera {
                    file,
                    there: name(&there),
                    new: name(&new),
                });
            }
            if there.uncertainty_px < new.uncertainty_px {
                return Err(WriteError::Worse {
                    file,
                    old_px: there.uncertainty_px,
                    new_px: new.uncertainty_px,
                });
            }
        }
        let problem = |problem: String| WriteError::Io {
            file: file.clone(),
            problem,
        };
        let text = serde_yaml::to_string(&new).map_err(|error| problem(error.to_string()))?;
        write_whole(path, &text).map_err(|error| problem(error.to_string()))
    }
}

/// Which camera it is of.
fn name(of: &CalibratedIntrinsics) -> String {
    let serial = match of.serial.as_str() {
        "" => "unknown serial number",
        serial => serial,
    };
    format!("{serial}, {}x{}", of.camera.width, of.camera.height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{intrinsics::calibrate, synthetic};

    fn found(pictures: usize, noise_px: f64) -> Calibrated {
        let made = synthetic::pictures(pictures, noise_px, 3);
        calibrate(&made.camera, &made.board, &made.samples).unwrap()
    }

    #[test]
    fn a_better_file_that_of_another_camera_and_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/lens.yaml");
        let (good, less) = (found(25, 0.1), found(25, 0.2));
        let there = || CalibratedIntrinsics::read(&path).unwrap();
        less.write(&path, "0042", false).unwrap();
        good.write(&path, "0042", false).unwrap();
        assert_eq!(there(), good.to_file("0042"));
        let error = less.write(&path, "", false).unwrap_err();
        assert!(matches!(error, WriteError::Worse { .. }), "{error}");
        let error = good.write(&path, "0043", false).unwrap_err();
        assert!(matches!(error, WriteError::OtherCamera { .. }), "{error}");
        assert_eq!(there(), good.to_file("0042"));
        less.write(&path, "0043", true).unwrap();
        assert_eq!(there(), less.to_file("0043"));
        std::fs::write(&path, "dear: diary").unwrap();
        let error = good.write(&path, "0042", false).unwrap_err();
        assert!(matches!(error, WriteError::Other(_)), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "dear: diary");
    }

    #[test]
    fn what_is_known_badly_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lens.yaml");
        for poor in [found(5, 0.8), found(25, 3.0)] {
            let error = poor.write(&path, "", true).unwrap_err();
            assert!(matches!(error, WriteError::Poor(_)), "{error}");
            assert!(!path.exists());
        }
    }
}
