//! The node on a lockstep bus.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing test may panic"
)]

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, convert};
use calibration::{
    board::Board,
    hand_eye::{Noise, Options, calibrate},
    result::HandEyeFile,
    sample::Setup,
    synthetic::{Recipe, hand_eye},
};
use nalgebra::Isometry3;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn result(folder: &Path) -> HandEyeFile {
    let made = hand_eye(&Recipe {
        setup: Setup::EyeToHand,
        board: Board::Marker {
            dictionary: "DICT_4X4_50".to_owned(),
            id: 0,
            marker_m: 0.1,
        },
        samples: 15,
        outliers: 0,
        noise: Noise {
            corner_px: 0.1,
            robot_m: 1e-4,
            robot_rad: 1e-4,
        },
        seed: 1,
    });
    let options = Options {
        leave_one_out: false,
        ..Options::default()
    };
    let result = HandEyeFile::from(&calibrate(&made.samples, &options).unwrap());
    result.write(folder.join("camera.yaml"), false).unwrap();
    result
}

/// What another node finds after a second.
fn told(parameters: ParameterOverrides, frame: &'static str) -> Option<Isometry3<f64>> {
    let seen = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&seen);
    let mut graph = Graph::new(GraphConfig::lockstep());
    graph
        .add(
            NodeSpec::new("calibration").parameters(parameters),
            calibration::node::run,
        )
        .unwrap();
    graph
        .add(
            NodeSpec::new("camera").ends_graph(),
            move |node: Node| async move {
                let camera = Isometry3::translation(0.0, 0.01, 0.02);
                let inside = convert::transform_stamped(
                    node.now(),
                    "camera_link",
                    "camera_color_optical_frame",
                    &camera,
                );
                if frame == "camera_link" {
                    node.broadcast_static(inside)?;
                }
                node.clock().sleep(Duration::from_secs(1)).await;
                *sink.lock().unwrap() = node
                    .tf()
                    .lookup_latest("base_link", frame)
                    .ok()
                    .map(|(pose, _)| pose);
                Ok::<(), Failure>(())
            },
        )
        .unwrap();
    graph.run_lockstep(Some(Duration::from_secs(3))).unwrap();
    *seen.lock().unwrap()
}

#[test]
fn the_camera_is_where_the_result_says() {
    let folder = tempfile::tempdir().unwrap();
    let result = result(folder.path());
    let file = folder.path().join("camera.yaml");
    let parameters = ParameterOverrides::new()
        .set("result", file.to_str().unwrap())
        .unwrap();
    let pose = told(parameters.clone(), "camera_color_optical_frame").unwrap();
    assert!(
        pose.inv_mul(&result.parent_from_child())
            .translation
            .vector
            .norm()
            < 1e-9
    );
    let parameters = parameters.set("child_frame", "camera_link").unwrap();
    let pose = told(parameters, "camera_link").unwrap();
    let link_from_optical = Isometry3::translation(0.0, 0.01, 0.02);
    let optical = pose * link_from_optical;
    assert!(
        optical
            .inv_mul(&result.parent_from_child())
            .translation
            .vector
            .norm()
            < 1e-9
    );
}

/// What the node says that does not start with these parameters.
fn refused(parameters: ParameterOverrides) -> String {
    let mut graph = Graph::new(GraphConfig::lockstep());
    graph
        .add(
            NodeSpec::new("calibration").parameters(parameters),
            calibration::node::run,
        )
        .unwrap();
    graph
        .run_lockstep(Some(Duration::from_secs(1)))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_result_beyond_its_tolerance_is_used_on_request_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("camera.yaml");
    let poor = HandEyeFile {
        within_tolerance: false,
        ..result(folder.path())
    };
    poor.write(&file, true).unwrap();
    let parameters = ParameterOverrides::new()
        .set("result", file.to_str().unwrap())
        .unwrap();
    let error = refused(parameters.clone());
    assert!(
        error.contains("camera.yaml") && error.contains("allow_poor"),
        "{error}"
    );
    let parameters = parameters.set("allow_poor", "true").unwrap();
    assert!(told(parameters, "camera_color_optical_frame").is_some());
}

#[test]
fn no_result_is_an_error_that_names_the_file() {
    let parameters = ParameterOverrides::new()
        .set("result", "nowhere.yaml")
        .unwrap();
    let error = refused(parameters);
    assert!(error.contains("nowhere.yaml"), "{error}");
}
