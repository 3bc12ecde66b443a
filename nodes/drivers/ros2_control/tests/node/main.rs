//! The node in front of simulated controllers that do as those of ros2_controllers, in lockstep.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails by panicking"
)]

mod cell;
mod life;
mod limits;
mod stops;
mod tracking;
