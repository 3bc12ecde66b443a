//! Every check with ONNX Runtime, where a library is found.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod common;

use inference::{BackendChoice, InferenceError, Runtime, find_onnxruntime};

#[test]
fn onnxruntime_keeps_every_promise() {
    let nowhere = BackendChoice::OnnxRuntime(Some("/nowhere/libonnxruntime.so".into()));
    let error = Runtime::get(&nowhere).unwrap_err();
    assert!(
        matches!(error, InferenceError::Backend { .. }) && error.to_string().contains("/nowhere"),
        "{error}"
    );

    let library = find_onnxruntime();
    let Some(first) = library.first() else {
        eprintln!(
            "skipped: no ONNX Runtime on this machine (set-up unpacks one into .onnxruntime/)"
        );
        return;
    };
    common::all(&BackendChoice::OnnxRuntime(Some(first.clone())));
    assert!(matches!(
        Runtime::get(&BackendChoice::Tract),
        Err(InferenceError::BackendFixed { .. })
    ));
}
