//! RealSense cameras: colour with depth aligned to it, from a camera or from a recording of one.
//!
//! The node is `run`, there with the feature `realsense`; its topics are those of [the other cameras](crate::node), all
//! of one picture with one stamp. `camera/status` and `/diagnostics` say in plain words what is wrong when no pictures
//! come.
//!
//! | parameter | |
//! |---|---|
//! | `serial` | serial number of the camera; empty: the only one that is plugged in |
//! | `width`, `height`, `fps` | of the colour image; the camera must offer it |
//! | `depth_width`, `depth_height` | of the depth image before it is aligned |
//! | `decimation` | depth filter: so many pixels by so many become one; 1: off |
//! | `spatial`, `temporal` | depth filters: smooth within an image, smooth over time |
//! | `hole_filling` | depth filter: off, or which neighbour a pixel without depth takes it from: left, farthest, nearest |
//! | `file` | a recording (.bag, .db3) to play as if it happened now; sizes and rate are the recording's |
//! | `loop` | whether a recording begins again at its end |
//! | `frame` | the optical frame in the headers |
//! | `intrinsics` | the file of a [calibration](crate::calibrated) of this camera at this size; empty: what the camera says of itself |
//!
//! Depth is aligned by what the camera says of itself, whatever `intrinsics` say.
//!
//! A camera that is unplugged is looked for until it is back ([`connection`]). What talks to librealsense is one module,
//! `library`, behind the trait [`Camera`]; all else is here in every build:
//!
//! ```
//! use camera::realsense::{StampMapper, FrameTime, Domain};
//! use bus::Time;
//!
//! let mut stamps = StampMapper::default();
//! let taken = FrameTime { domain: Domain::Computer, milliseconds: 1_000.0 };
//! // It comes in 40 ms later, at 7.5 s of a node clock that began at zero.
//! let stamp = stamps.stamp(taken, Time::from_secs_f64(7.5), Time::from_secs_f64(1.04));
//! assert!((stamp.as_secs_f64() - 7.46).abs() < 1e-9);
//! ```

pub mod alignment;
mod camera;
pub mod connection;
pub mod convert;
#[cfg(feature = "realsense")]
mod library;
mod node;
mod parameters;
mod reporter;
mod stamps;
pub mod usb;
mod worker;

pub use camera::{Camera, Capture, Identity, Trouble};
#[cfg(feature = "realsense")]
pub use library::{Library, cameras, run};
pub use node::{RealsenseError, run_with};
pub use parameters::{Filters, HoleFilling, Settings, Source};
pub use stamps::{Domain, FrameTime, Pairing, StampMapper};
