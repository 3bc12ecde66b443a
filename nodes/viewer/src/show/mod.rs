//! What is logged into the rerun recording, by subject.

mod beside;
mod blueprint;
mod cell;
mod journal;
mod log;
mod meshes;
mod picture;
mod plots;
mod robot;
mod scene;
mod shapes;

pub(crate) use beside::Beside;
pub(crate) use cell::Cell;
pub(crate) use journal::Journal;
pub(crate) use log::Log;
pub use log::LogError;
pub(crate) use picture::Pictures;
pub(crate) use plots::Plots;
pub(crate) use robot::Robot;
pub(crate) use scene::Scene;

/// The colour of the target, wherever it is drawn.
const TARGET: [u8; 3] = [30, 220, 90];
/// The colour of what was commanded.
const COMMANDED: [u8; 3] = [255, 170, 40];
/// The colour of the camera and of what it measured.
const MEASURED: [u8; 3] = [90, 170, 255];
