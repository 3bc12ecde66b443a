//! Every check with the pure-Rust back end, which is always there.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use inference::{Backend, BackendChoice, InferenceError, Runtime};

#[test]
fn tract_keeps_every_promise() {
    common::all(&BackendChoice::Tract);
    assert_eq!(
        Runtime::get(&BackendChoice::Auto).unwrap().backend(),
        &Backend::Tract
    );
    let other = Runtime::get(&BackendChoice::OnnxRuntime(None)).unwrap_err();
    assert!(
        matches!(other, InferenceError::BackendFixed { .. }),
        "{other}"
    );
}
