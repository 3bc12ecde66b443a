//! Calibration: where the camera is, what its lens does, and how well that is known. Nothing here knows of
//! messages, nodes or clocks, but for [`node`], which tells a result to everybody, and `collect_node`, which takes samples.
//!
//! # What is needed?
//!
//! A [`Board`](board::Board) that is described to a tenth of a millimetre, and [`Samples`](sample::Samples): for 15 to 20
//! poses of the robot, where its joints put the flange and which corners of the board the camera saw where. Either the
//! camera stands still and the board is on the flange, or the other way round. Transforms are named so that the frames
//! cancel as you read: `p_base = base_from_camera * p_camera`. Lengths are in m, angles in rad, image coordinates in
//! pixels from the centre of the left upper one.
//!
//! # Where is the camera?
//!
//! Samples with a known answer come from [`synthetic`]; here four of 20 are grossly wrong:
//!
//! ```
//! use calibration::hand_eye::{Noise, Options, calibrate};
//! use calibration::synthetic::{Recipe, hand_eye};
//! use calibration::{board::Board, pose::distance, sample::Setup};
//!
//! # let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../calibration/boards/charuco_7x5.yaml");
//! let made = hand_eye(&Recipe {
//!     setup: Setup::EyeToHand,
//!     board: Board::from_file(file)?,
//!     samples: 20,
//!     outliers: 4,
//!     noise: Noise { corner_px: 0.2, robot_m: 1e-4, robot_rad: 2e-4 },
//!     seed: 1,
//! });
//! let found = calibrate(&made.samples, &Options::default())?;
//! assert_eq!(found.used(), 16);
//! assert!(found.is_within_tolerance()); // of 1 mm and 0.1 degrees, unless told otherwise
//! let (shift, turn) = distance(&found.mount_from_camera, &made.mount_from_camera);
//! assert!(shift < 1e-3 && turn < 2e-3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`hand_eye`] says how it goes about it. The result can be kept as a [`HandEyeFile`](result::HandEyeFile), which never
//! takes the place of a better one unless told to.
//!
//! # Where should the robot go next?
//!
//! [`plan`] chooses the pose that tells most, of those that show the board and that the robot may go to, from the first
//! sample on and with a rough guess of where the camera is.
//!
//! # Is what the camera says of itself good enough?
//!
//! ```
//! use calibration::{intrinsics::calibrate, synthetic};
//!
//! let made = synthetic::pictures(20, 0.2, 7);
//! let found = calibrate(&made.camera, &made.board, &made.samples)?;
//! assert!(found.keeps_factory());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod board;
pub mod closed_form;
#[cfg(feature = "opencv")]
pub mod collect_node;
pub mod hand;
pub mod hand_eye;
pub mod intrinsics;
pub mod node;
pub mod plan;
pub mod pnp;
pub mod pose;
pub mod result;
pub mod sample;
pub mod synthetic;
#[cfg(feature = "opencv")]
pub mod vision;

mod bundle;
mod file;
mod projection;
mod robust;
