//! The face of a UR controller (CB3): RTDE at 125 Hz, the dashboard, and the script port.
//!
//! [`Controller`] is the controller without its sockets: modes, safety, the running program, one
//! [`Controller::cycle`] every 8 ms. [`UrFace`] shares one controller between the sessions of its
//! three ports, which run over any byte stream, and the loop that steps the world.

mod controller;
mod dashboard;
mod ports;
mod rtde;
pub mod script;
mod variables;

pub use controller::{Config, Controller, Reading, Target};
pub use ports::{Endpoints, UrFace};
