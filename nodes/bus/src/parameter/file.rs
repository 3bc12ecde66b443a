//! Params files in ROS 2's format.
//!
//! ```yaml
//! /**:                      # every node
//!   ros__parameters:
//!     use_gpu: false
//! segmentation:             # the node /segmentation
//!   ros__parameters:
//!     tracking:
//!       lost_after_s: 2.0   # the parameter tracking.lost_after_s
//! cell:                     # the namespace /cell
//!   arm:
//!     ros__parameters: {rate: 125}
//! ```

use super::{Origin, Override, ParameterValue};
use serde_yaml::{Mapping, Value};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

const PARAMETERS_KEY: &str = "ros__parameters";

/// Deeper nesting is a mistake, not a parameter.
const MAX_DEPTH: usize = 32;

/// Why a params file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Not readable.
    #[error("params file {}: {reason}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Not YAML.
    #[error("params file {}: not YAML: {reason}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// YAML, but not of the right shape.
    #[error("params file {}: {key}: {reason}", .path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Where in the file, keys joined by slashes and dots.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Override>, FileError> {
    let root: Value = serde_yaml::from_str(text).map_err(|why| FileError::Syntax {
        path: path.into(),
        reason: why.to_string(),
    })?;
    let mut reader = Reader {
        path,
        origin_path: path.into(),
        values: Vec::new(),
    };
    match &root {
        Value::Null => {}
        Value::Mapping(nodes) => reader.read_nodes("", nodes, 0)?,
        _ => return Err(reader.error("top level", "must map node names to ros__parameters")),
    }
    Ok(reader.values)
}

struct Reader<'a> {
    path: &'a Path,
    origin_path: Arc<Path>,
    values: Vec<Override>,
}

impl Reader<'_> {
    fn error(&self, key: &str, reason: impl Into<String>) -> FileError {
        FileError::Shape {
            path: self.path.into(),
            key: key.into(),
            reason: reason.into(),
        }
    }

    fn read_nodes(
        &mut self,
        namespace: &str,
        nodes: &Mapping,
        depth: usize,
    ) -> Result<(), FileError> {
        if depth > MAX_DEPTH {
            return Err(self.error(namespace, "is nested too deeply"));
        }
        for (key, value) in nodes {
            let Some(key) = key.as_str() else {
                return Err(self.error(namespace, "has a key that is not a text"));
            };
            if key == PARAMETERS_KEY {
                if namespace.is_empty() {
                    return Err(self.error(
                        key,
                        "stands outside of any node; put it under a node's name or /**",
                    ));
                }
                let Value::Mapping(parameters) = value else {
                    return Err(self.error(namespace, "ros__parameters must map names to values"));
                };
                self.read_parameters(namespace, "", parameters, depth + 1)?;
                continue;
            }
            let full = format!("{namespace}/{}", key.trim_matches('/'));
            match value {
                Value::Mapping(inner) => self.read_nodes(&full, inner, depth + 1)?,
                _ => {
                    return Err(
                        self.error(&full, "must hold ros__parameters; is that line missing?")
                    );
                }
            }
        }
        Ok(())
    }

    fn read_parameters(
        &mut self,
        node: &str,
        prefix: &str,
        values: &Mapping,
        depth: usize,
    ) -> Result<(), FileError> {
        if depth > MAX_DEPTH {
            return Err(self.error(node, "is nested too deeply"));
        }
        for (key, value) in values {
            let Some(key) = key.as_str().filter(|key| !key.is_empty()) else {
                return Err(self.error(node, "has a parameter name that is not a text"));
            };
            let name = if prefix.is_empty() {
                key.to_owned()
            } else {
                format!("{prefix}.{key}")
            };
            if let Value::Mapping(inner) = value {
                self.read_parameters(node, &name, inner, depth + 1)?;
                continue;
            }
            let value = ParameterValue::from_yaml(value)
                .map_err(|why| self.error(&format!("{node}: {name}"), why))?;
            let origin = Origin::File {
                path: Arc::clone(&self.origin_path),
                section: node.into(),
            };
            self.values.push(Override {
                pattern: node.into(),
                name,
                value,
                text: None,
                origin,
            });
        }
        Ok(())
    }
}
