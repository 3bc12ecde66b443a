//! Calibration.
pub mod board;
pub mod closed_form;
pub mod hand_eye;
pub mod pnp;
pub mod pose;
pub mod sample;

mod bundle;
mod projection;
pub mod synthetic;
