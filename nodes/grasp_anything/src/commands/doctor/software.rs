//! The program itself and what it uses.

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
};

use inference::{Backend, BackendChoice, Runtime};

use super::Finding;

pub(super) fn look(share: Option<&Path>) -> Vec<Finding> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut findings = vec![
        Finding::ok(
            "grasp_anything",
            format!("version {}, {cores} cores", env!("CARGO_PKG_VERSION")),
        ),
        project(share),
        onnx_back_end(),
        ffmpeg(),
    ];
    findings.extend(share.map(robot_description));
    findings
}

fn project(share: Option<&Path>) -> Finding {
    match share {
        Some(share) => Finding::ok("project files", share.display().to_string()),
        None => Finding::fail(
            "project files",
            "launch files, parameters and models are not found",
            "run the program inside its checkout, or install it with its share folder",
        ),
    }
}

fn onnx_back_end() -> Finding {
    match Runtime::get(&BackendChoice::Auto).map(|runtime| runtime.backend().clone()) {
        Ok(backend @ Backend::OnnxRuntime(_)) => Finding::ok("ONNX back end", backend.to_string()),
        Ok(Backend::Tract) => Finding::warn(
            "ONNX back end",
            "tract; no libonnxruntime was found that loads, so models run about three times slower",
            "run scripts/setup, or set ORT_DYLIB_PATH to a libonnxruntime.so (1.24 or newer)",
        ),
        Err(error) => Finding::fail("ONNX back end", error.to_string(), "run scripts/setup"),
    }
}

fn ffmpeg() -> Finding {
    let run = Command::new("ffmpeg")
        .arg("-version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match run {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            Finding::ok("ffmpeg", text.lines().next().unwrap_or_default().to_owned())
        }
        _ => Finding::warn(
            "ffmpeg",
            "not found, so videos cannot be read; images and folders can",
            "install it: apt-get install ffmpeg",
        ),
    }
}

fn robot_description(share: &Path) -> Finding {
    let file = share.join("urdf/ur5_sih.urdf");
    match robot::Model::from_file(&file) {
        Ok(model) => {
            let joints = model
                .joints()
                .iter()
                .filter(|joint| joint.is_movable())
                .count();
            Finding::ok(
                "robot description",
                format!("{}, {joints} joints", model.name()),
            )
        }
        Err(error) => Finding::fail(
            "robot description",
            error.to_string(),
            "restore the file from the project",
        ),
    }
}
