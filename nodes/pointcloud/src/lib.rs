//! From a mask and a depth image to the target's point cloud and its box.
//!
//! The core is a pure function of one frame, [`Extractor::extract`]:
//!
//! 1. take the depth under the mask, away from the mask's edge, where depth cameras mix object and background;
//! 2. deproject it with the camera's precomputed rays and move it into the robot's base frame;
//! 3. keep what lies in the workspace;
//! 4. drop lone points and small islands ([`filter`]);
//! 5. pick exactly N points, spread evenly ([`sample`]);
//! 6. put boxes around them ([`bounds`]).
//!
//! ```
//! use camera::Intrinsics;
//! use nalgebra::{Isometry3, UnitQuaternion, Translation3};
//! use pointcloud::{Config, DepthImage, Extractor, MaskImage};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let intrinsics = Intrinsics::from_hfov(64, 48, 1.0)?;
//! // A camera 1 m above the table, looking down.
//! let base_from_camera = Isometry3::from_parts(
//!     Translation3::new(0.28, 0.58, 1.0),
//!     UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0),
//! );
//! let mut mask = vec![0_u8; 64 * 48];
//! for v in 15..30 {
//!     mask[v * 64 + 20..v * 64 + 40].fill(255);
//! }
//! // Everything is 0.95 m away: a flat thing, 5 cm high.
//! let depth: Vec<u8> = std::iter::repeat_n(950_u16.to_le_bytes(), 64 * 48).flatten().collect();
//!
//! let mut extractor = Extractor::new(Config::default(), &intrinsics)?;
//! let target = extractor.extract(
//!     &MaskImage::new(64, 48, 64, &mask)?,
//!     &DepthImage::new(64, 48, 128, false, &depth)?,
//!     &base_from_camera,
//! )?;
//! assert_eq!(target.points.len(), 512);
//! assert!((target.table_box.size.z - 0.05).abs() < 1e-3);
//! # Ok(())
//! # }
//! ```
//!
//! On the bus, [`run`] is the node: see [`node`] for its topics and parameters.
//!
//! # What one static camera cannot see
//! Only surfaces that face the camera are in the cloud. The far side of an object is missing, so a box around the
//! points is too short along the view where the top is not seen either (a can that is as tall as the camera). Two
//! things help: the box reaches down to the table wherever the object can be taken to rest on it
//! ([`bounds::complete_to_table`]), and round things are completed by the circle that fits their front ([`round`]).

mod behind;
pub mod bounds;
pub mod extract;
pub mod filter;
pub mod image;
pub mod message;
pub mod node;
pub mod round;
pub mod sample;
mod surroundings;

pub use bounds::OrientedBox;
pub use extract::{Config, ConfigError, Extractor, Refusal, Target, Workspace};
pub use image::{DepthImage, ImageError, MaskImage};
pub use node::run;
