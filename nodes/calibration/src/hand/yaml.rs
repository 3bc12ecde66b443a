//! Files of the hand's calibration, which are YAML.

use std::{io, path::Path};

use serde::{Serialize, de::DeserializeOwned};

use super::HandError;

/// Reads a value.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, HandError> {
    let text = std::fs::read_to_string(path).map_err(|error| HandError::Io {
        file: path.display().to_string(),
        verb: "read",
        error,
    })?;
    serde_yaml::from_str(&text).map_err(|error| not_yaml(path, error))
}

/// Writes a value below a comment.
pub(super) fn write(path: &Path, comment: &str, value: &impl Serialize) -> Result<(), HandError> {
    let text = serde_yaml::to_string(value).map_err(|error| not_yaml(path, error))?;
    crate::file::write_whole(path, &format!("{comment}{text}"))
        .map_err(|error| not_written(path, error))
}

/// A file that could not be written.
pub(super) fn not_written(path: &Path, error: io::Error) -> HandError {
    HandError::Io {
        file: path.display().to_string(),
        verb: "write",
        error,
    }
}

fn not_yaml(path: &Path, error: serde_yaml::Error) -> HandError {
    HandError::Yaml {
        file: path.display().to_string(),
        error,
    }
}
