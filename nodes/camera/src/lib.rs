//! Cameras: the pinhole model with lens distortion, a source that replays images or video, and RealSense cameras.
//!
//! # The model
//!
//! [`Intrinsics`] turns points in the camera's optical frame (x right, y down, z forward, metres; REP 103) into pixels
//! and pixels with a depth back into points:
//!
//! ```
//! use camera::Intrinsics;
//! use nalgebra::{Point2, Point3};
//!
//! # fn main() -> Result<(), camera::ModelError> {
//! let intrinsics = Intrinsics::from_hfov(1280, 720, 87_f64.to_radians())?;
//! let point = Point3::new(0.1, -0.2, 0.8);
//! let pixel = intrinsics.project(&point)?;
//! let back = intrinsics.deproject(&pixel, point.z)?;
//! assert!((back - point).norm() < 1e-9);
//! # Ok(())
//! # }
//! ```
//!
//! Pixel coordinates count as in ROS and OpenCV: the centre of the top left pixel is (0, 0).
//!
//! # The nodes
//!
//! [`node`] replays a folder of images or a video; [`realsense`] runs a RealSense camera, or plays a recording of one. Both
//! take [calibrated intrinsics](calibrated) in the place of the camera's own.

pub mod calibrated;
pub mod model;
pub mod node;
mod output;
pub mod realsense;

pub use calibrated::{CalibratedError, CalibratedIntrinsics};
pub use model::{Distortion, Intrinsics, ModelError, RayTable};
pub use node::run;
pub use output::Frame;
