//! Whole launch files: what they mean, what is refused, and that no input makes the reader panic.

mod common;
mod random;
mod refusals;
mod semantics;
