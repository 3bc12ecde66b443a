//! What can go wrong in segmentation.

use std::path::PathBuf;

use inference::InferenceError;

/// Why something could not be segmented, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentationError {
    /// A model did not load or run.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The manifest cannot be read.
    #[error(
        "cannot read the segmenter's manifest {path}: {source}; give the path of a manifest.yaml (models/segmenter/manifest.yaml)"
    )]
    ReadManifest {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manifest does not parse.
    #[error("{path} is no segmenter manifest: {reason}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and field where known.
        reason: String,
    },
    /// The pixels do not make an image of the announced size.
    #[error("the {what} image of {width}x{height} should have {expected} values and has {actual}")]
    Size {
        /// `colour` or `depth`.
        what: &'static str,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Values that this size needs.
        expected: usize,
        /// Values that came.
        actual: usize,
    },
    /// Colour image of an encoding that is not understood.
    #[error("the {what} image has the encoding {encoding:?}; supported: {supported}")]
    Encoding {
        /// `colour` or `depth`.
        what: &'static str,
        /// What it said.
        encoding: String,
        /// What is understood.
        supported: &'static str,
    },
    /// Depth and colour image differ in size.
    #[error(
        "the depth image is {depth:?} and the colour image {colour:?}; use depth aligned to colour"
    )]
    Unaligned {
        /// Size of the depth image in pixels.
        depth: (u32, u32),
        /// Size of the colour image in pixels.
        colour: (u32, u32),
    },
    /// A prompt before any frame.
    #[error("no frame has been encoded yet")]
    NoFrame,
    /// A prompt that says nothing.
    #[error("the prompt is empty: give a point on the object, a box, a mask or a memory")]
    EmptyPrompt,
    /// A prompt with more points than the decoder takes.
    #[error("the prompt has {given} points, the model takes {most} (a box counts as two)")]
    TooManyPoints {
        /// Points given.
        given: usize,
        /// Points that fit.
        most: usize,
    },
    /// A point that is not on the image.
    #[error("the point ({x:.0}, {y:.0}) is outside the image of {width}x{height} pixels")]
    OutsideImage {
        /// Column of the point in pixels.
        x: f64,
        /// Row of the point in pixels.
        y: f64,
        /// Width of the image in pixels.
        width: u32,
        /// Height of the image in pixels.
        height: u32,
    },
}
