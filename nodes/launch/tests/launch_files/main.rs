//! Whole launch files: what they mean, what is refused, and that no input makes the reader panic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;
mod random;
mod refusals;
mod semantics;
