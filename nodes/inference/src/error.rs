//! What can go wrong between a file name and an output.

use std::path::PathBuf;

/// Why a model could not be loaded or run, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// The ONNX file is not there or not readable.
    #[error(
        "cannot read the model {path}: {source}; check the path, or run the training command of its model card"
    )]
    Read {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not the one that the manifest describes.
    #[error(
        "{path}: SHA-256 is {found}, the manifest says {expected}; the file was changed or cut off: \
         restore it, or write its new digest into the manifest"
    )]
    Digest {
        /// The file.
        path: PathBuf,
        /// The digest in the manifest.
        expected: String,
        /// The digest of what is on disk.
        found: String,
    },
    /// The file does not parse as an ONNX model that the back end can run.
    #[error(
        "{path} is no ONNX model that {backend} can run (truncated file or unsupported operator?): {reason}"
    )]
    Parse {
        /// The file.
        path: PathBuf,
        /// The back end that refused it.
        backend: String,
        /// What the back end said.
        reason: String,
    },
    /// The model's inputs or outputs are not those of the contract.
    #[error("{path} does not keep its contract: {problems}")]
    Contract {
        /// The file.
        path: PathBuf,
        /// Every difference, separated by semicolons.
        problems: String,
    },
    /// An input handed to [`crate::Model::run`] does not fit the model.
    #[error("input of {path}: {problem}")]
    Input {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// An output was asked for that does not exist or has another type.
    #[error("output {name:?}: {problem}")]
    Output {
        /// The output asked for.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The back end failed while running.
    #[error("{path}: inference failed: {reason}")]
    Run {
        /// The file.
        path: PathBuf,
        /// What the back end said.
        reason: String,
    },
    /// An explicitly wanted ONNX Runtime could not be loaded.
    #[error(
        "cannot load ONNX Runtime: {reason}; unpack libonnxruntime.so from the PyPI wheel `onnxruntime` (1.24 or newer) \
         into .onnxruntime/, set ORT_DYLIB_PATH, or choose the back end `tract`"
    )]
    Backend {
        /// Where was looked and what happened.
        reason: String,
    },
    /// The process already runs another back end.
    #[error(
        "this process already runs models with {current}; the back end is chosen once, before the first model is loaded"
    )]
    BackendFixed {
        /// The back end in use.
        current: String,
    },
}
