//! The real drivers against the hardware faces, in lockstep: following, stopping, and every fault
//! that a cell has on a bad day. The robot behind the faces goes exactly where it is told, so that
//! what is measured is the drivers' doing and nobody else's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail, its helpers included"
)]

mod arm;
mod cell;
mod hand;
mod lifecycle;
mod sessions;
