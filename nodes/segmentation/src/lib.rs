//! Finds the object that a person points at, and follows it.
//!
//! Three layers, each usable without the next:
//!
//! - [`Segmenter`]: the model. An encoder looks at a [`Frame`] once; a decoder answers each [`Prompt`]
//!   (points on and off the object, a box, an earlier mask, the object's looks) with a [`Prediction`]: a
//!   mask, a score that estimates its overlap with the object, and the object's looks.
//! - [`Tracker`]: follows one object from frame to frame and says when it is covered or lost rather than
//!   follow another.
//! - [`node::run`]: the node. Clicks and images in, masks and status out. And [`batch::run`]: the same on
//!   files.
//!
//! ```no_run
//! use segmentation::{Frame, Gates, Prompt, Segmenter, Tracker};
//! use std::time::Duration;
//!
//! # fn frames() -> Vec<Vec<u8>> { Vec::new() }
//! # fn main() -> Result<(), segmentation::SegmentationError> {
//! let mut segmenter = Segmenter::load("models/segmenter/manifest.yaml".as_ref(), &Default::default())?;
//! let mut tracker = None;
//! for rgb in frames() {
//!     segmenter.encode(&Frame::new(1280, 720, &rgb)?)?;
//!     match &mut tracker {
//!         None => {
//!             let found = segmenter.predict(&Prompt::click(640.0, 360.0))?;
//!             tracker = Tracker::start(&segmenter, &found, Gates::default());
//!         }
//!         Some(tracker) => {
//!             let track = tracker.update(&mut segmenter, Duration::from_millis(133))?;
//!             println!("{} {}", track.status.as_str(), track.reason);
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Depth improves the masks where there is any; without it the same model works from colour alone.

pub mod batch;
mod error;
mod fit;
mod frame;
mod manifest;
mod mask;
pub mod node;
pub mod overlay;
mod prediction;
mod prompt;
mod refine;
mod regions;
mod segmenter;
mod space;
mod support_plane;
mod tracker;

pub use error::SegmentationError;
pub use frame::Frame;
pub use manifest::{DepthUnit, FrameSize, Manifest, Models, Normalisation};
pub use mask::{Mask, PixelBox};
pub use prediction::Prediction;
pub use prompt::{CoarseMask, Memory, Prompt};
pub use segmenter::{Latency, Segmenter};
pub use space::Space;
pub use tracker::{Gates, Track, TrackStatus, Tracker};
