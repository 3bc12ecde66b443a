//! The node as a whole: what its page answers, and what a person does with it in a browser.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail, its helpers included"
)]

mod browser;
mod cell;
mod devtools;
mod file;
mod http;
mod page;
mod running;
