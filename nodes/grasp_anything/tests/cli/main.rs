//! The program as a person meets it: what it prints, and with which status it ends.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod calibration;
mod click;
mod evaluation;
mod files;
mod package;
mod program;
mod replay;
