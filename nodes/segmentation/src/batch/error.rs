//! What can go wrong with files of images and video.

use std::path::PathBuf;

use crate::SegmentationError;

/// Why an input could not be segmented, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The model or the prompt.
    #[error(transparent)]
    Segmentation(#[from] SegmentationError),
    /// No prompt was given.
    #[error(
        "say which object is meant: a click (--click U,V) or a box (--box U0,V0,U1,V1) in the first frame"
    )]
    NoPrompt,
    /// The input is not there.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The input.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The results would lie among the frames.
    #[error("{folder} holds the frames; give another folder for the results (--out)")]
    SameFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The input has no frame.
    #[error("{input} has no frames: give a PNG or JPEG image, a folder of them, or a video")]
    NoFrames {
        /// The input.
        input: PathBuf,
    },
    /// A picture does not decode.
    #[error("cannot read the picture {path}: {source}")]
    ReadPicture {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: image::ImageError,
    },
    /// A depth picture of another kind.
    #[error("{path} is not a 16-bit greyscale PNG (depth in millimetres)")]
    DepthFormat {
        /// The file.
        path: PathBuf,
    },
    /// A depth picture of another size.
    #[error(
        "{path} is {depth:?} pixels and the colour image {colour:?}; use depth aligned to colour"
    )]
    DepthSize {
        /// The file.
        path: PathBuf,
        /// Its width and height.
        depth: (u32, u32),
        /// Width and height of the colour image.
        colour: (u32, u32),
    },
    /// ffmpeg is not installed.
    #[error(
        "videos are read with ffmpeg, which does not start ({source}); install it (apt-get install ffmpeg) or give a folder of images"
    )]
    NoFfmpeg {
        /// What the system said.
        source: std::io::Error,
    },
    /// ffmpeg could not read the video.
    #[error("ffmpeg cannot read {path}: {reason}")]
    Video {
        /// The video.
        path: PathBuf,
        /// What ffmpeg said.
        reason: String,
    },
    /// A result cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A picture cannot be written.
    #[error("cannot write {path}: {source}")]
    WritePicture {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        source: image::ImageError,
    },
}
