//! What this node needs of a camera: the face of librealsense that tests can put on too.

use std::time::Duration;

use super::stamps::FrameTime;
use crate::{Frame, Intrinsics};

/// A camera that can be opened, lost and opened again.
pub trait Camera {
    /// Looks for the camera and starts its streams.
    fn open(&mut self) -> Result<Identity, Trouble>;

    /// Waits for the next picture for so long at most. `None`: none has come.
    fn wait(&mut self, limit: Duration) -> Result<Option<Capture>, Trouble>;

    /// Lets go of the camera, if it was open.
    fn close(&mut self);

    /// Whether it is a recording that is over when no more pictures come.
    fn is_finite(&self) -> bool;
}

/// Which camera was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Name of the model.
    pub model: String,
    /// Serial number; empty where a recording has none.
    pub serial: String,
    /// Version of its firmware; empty where a recording has none.
    pub firmware: String,
    /// How it is connected, such as 3.2; empty for a recording.
    pub usb: String,
}

/// A picture with its depth, as the node publishes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Capture {
    /// Colour, and depth aligned to it.
    pub frame: Frame,
    /// The geometry of the colour image.
    pub intrinsics: Intrinsics,
    /// When the colour image was taken.
    pub taken: FrameTime,
}

/// Why there are no pictures, in plain words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It may pass: the camera is not there, or is used by somebody else.
    #[error("{0}")]
    Passing(String),
    /// Trying again does not help: a file is missing, or the library is.
    #[error("{0}")]
    Lasting(String),
}
