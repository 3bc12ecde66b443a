//! A run for the lens on a lockstep bus: somebody shows a drawn board.
#![cfg(feature = "opencv")]
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

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Qos};
use calibration::{board::Board, collect_node, sample::Samples, vision::drawn::draw};
use camera::{CalibratedIntrinsics, Distortion, Intrinsics};
use image::GrayImage;
use msgs::{
    diagnostic_msgs::DiagnosticStatus,
    sensor_msgs::{CameraInfo, Image},
    std_msgs::Header,
};
use nalgebra::{Isometry3, Point2, UnitQuaternion, Vector3};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn board_file() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../calibration/boards");
    let file = file.join("charuco_7x5.yaml");
    file.to_str().unwrap().to_owned()
}

/// The lens as it is.
fn truth() -> Intrinsics {
    let distortion = Distortion {
        k1: -0.05,
        k2: 0.03,
        ..Distortion::NONE
    };
    let ideal = Intrinsics::from_hfov(640, 480, 1.2).unwrap();
    Intrinsics {
        distortion,
        cx: ideal.cx + 4.0,
        ..ideal
    }
}

/// What the camera says of itself: a focal length that is off by 3 %, and no distortion.
fn factory() -> Intrinsics {
    let ideal = Intrinsics::from_hfov(640, 480, 1.2).unwrap();
    Intrinsics {
        fx: 1.03 * ideal.fx,
        fy: 1.03 * ideal.fy,
        ..ideal
    }
}

/// The board with its middle at this pixel, so far away, tilted about the columns' and the rows' axes of the picture.
fn shown(pixel: (f64, f64), distance_m: f64, tilt: (f64, f64)) -> GrayImage {
    let board = Board::from_file(board_file()).unwrap();
    let [width, height] = board.size();
    let turn = UnitQuaternion::from_scaled_axis(Vector3::new(tilt.0, tilt.1, 0.0));
    let sight = truth().ray(&Point2::new(pixel.0, pixel.1)).unwrap();
    let middle = turn * Vector3::new(0.5 * width, 0.5 * height, 0.0);
    let place = sight.push(1.0) * distance_m - middle;
    draw(
        &board,
        &truth(),
        &Isometry3::from_parts(place.into(), turn),
        1,
    )
    .unwrap()
}

/// Shows each picture for most of a second.
async fn show(node: Node, pictures: Vec<GrayImage>, info: Intrinsics) -> Result<(), Failure> {
    let images = node.publisher::<Image>("camera/color/image_raw", Qos::sensor_data())?;
    let infos = node.publisher::<CameraInfo>("camera/color/camera_info", Qos::sensor_data())?;
    for picture in pictures {
        for _ in 0..8 {
            let header = Header::new(node.now(), "camera_color_optical_frame");
            infos.publish(info.to_camera_info(header.clone()));
            images.publish(Image {
                header,
                height: picture.height(),
                width: picture.width(),
                encoding: "mono8".to_owned(),
                step: picture.width(),
                data: picture.as_raw().clone(),
                ..Image::default()
            });
            node.clock().sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// Runs until the node ends; what it told on its status topic, and why it failed.
fn run(
    folder: &Path,
    poses: usize,
    pictures: Vec<GrayImage>,
    info: Intrinsics,
) -> (Vec<DiagnosticStatus>, Result<(), String>) {
    let mut parameters = ParameterOverrides::new();
    for (name, value) in [
        ("find", "intrinsics"),
        ("board", &board_file()),
        ("samples", folder.join("samples").to_str().unwrap()),
        ("result", folder.join("lens.yaml").to_str().unwrap()),
        ("camera_serial", "'0042'"),
        ("poses", &poses.to_string()),
        ("settle", "0.3"),
        ("pictures", "2"),
        ("patience", "3.0"),
    ] {
        parameters = parameters.set(name, value).unwrap();
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let mut graph = Graph::new(GraphConfig::lockstep());
    graph
        .add(NodeSpec::new("listener"), move |node: Node| async move {
            let topic = "calibrate_intrinsics/status";
            let statuses = node.subscribe::<DiagnosticStatus>(topic, Qos::reliable(50))?;
            while let Some(status) = statuses.next().await {
                sink.lock().unwrap().push((*status).clone());
            }
            Ok::<(), Failure>(())
        })
        .unwrap();
    graph
        .add(
            NodeSpec::new("calibrate_intrinsics")
                .parameters(parameters)
                .ends_graph(),
            collect_node::run,
        )
        .unwrap();
    graph
        .add(NodeSpec::new("camera"), move |node: Node| {
            show(node, pictures, info)
        })
        .unwrap();
    let ended = graph.run_lockstep(Some(Duration::from_secs(60)));
    let told = std::mem::take(&mut *told.lock().unwrap());
    (told, ended.map(drop).map_err(|error| error.to_string()))
}

/// The board in every region of the picture, tilted each way, near and far.
fn all_over() -> Vec<GrayImage> {
    const TILT: f64 = 0.35;
    let tilts = [
        (TILT, 0.0),
        (-TILT, 0.0),
        (0.0, TILT),
        (0.0, -TILT),
        (0.0, 0.0),
        (TILT, 0.0),
        (-TILT, 0.0),
        (0.0, TILT),
        (0.0, -TILT),
    ];
    let mut pictures = vec![shown((320.0, 240.0), 0.6, (0.3, 0.3))];
    for (index, tilt) in tilts.into_iter().enumerate() {
        let pixel = (
            [131.0, 320.0, 509.0][index % 3],
            [97.0, 240.0, 383.0][index / 3],
        );
        pictures.push(shown(pixel, 0.42, tilt));
        pictures.push(shown(pixel, 0.6, (tilt.1 - 0.2, tilt.0 + 0.2)));
    }
    pictures
}

#[test]
fn it_ends_by_itself_when_the_picture_is_covered() {
    let folder = tempfile::tempdir().unwrap();
    let (told, ended) = run(folder.path(), 40, all_over(), factory());
    let messages: Vec<_> = told.iter().map(|status| status.message.as_str()).collect();
    println!("{}", messages.join("\n"));
    ended.unwrap();
    assert!(messages.iter().any(|told| told.contains("missing the")));
    assert!(messages.last().unwrap().ends_with("enough"), "{messages:?}");
    let found = CalibratedIntrinsics::read(folder.path().join("lens.yaml")).unwrap();
    println!("{found:?}");
    assert_eq!((found.serial.as_str(), found.factory), ("0042", factory()));
    assert!(found.replaces_factory);
    assert!(found.rms_px <= 0.3 && found.rms_factory_px > found.rms_px);
    let truth = truth();
    for (found, truth) in [(found.camera.fx, truth.fx), (found.camera.fy, truth.fy)] {
        assert!((found / truth - 1.0).abs() < 5e-3, "{found}, {truth}");
    }
}

#[test]
fn a_board_in_one_place_says_what_is_missing_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |u: f64| shown((u, 240.0), 0.5, (0.0, 0.0));
    let pictures: Vec<_> = [240.0, 280.0, 320.0, 360.0, 400.0].map(at).into();
    let (_, ended) = run(folder.path(), 5, pictures, factory());
    let error = ended.unwrap_err();
    for part in [
        "the upper left corner",
        "tilt the board more",
        "nearer and further",
        "more `poses`",
    ] {
        assert!(error.contains(part), "{part} is not in {error}");
    }
    assert!(!folder.path().join("lens.yaml").exists());
    let kept = Samples::read(folder.path().join("samples")).unwrap();
    assert_eq!(kept.samples.len(), 5);
    // Pictures of another size are not gone on with.
    let other = factory().scaled(1280, 960).unwrap();
    let (_, ended) = run(folder.path(), 6, vec![GrayImage::new(1280, 960)], other);
    let error = ended.unwrap_err();
    assert!(error.contains("another board, camera (size"), "{error}");
}

#[test]
fn what_shows_no_board_is_told() {
    let grey = vec![GrayImage::from_pixel(640, 480, image::Luma([90])); 2];
    let cases = [
        (grey.clone(), factory(), "no marker of the board"),
        (grey, factory().scaled(320, 240).unwrap(), "320x240"),
        (Vec::new(), factory(), "is the camera running?"),
    ];
    for (pictures, info, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let (_, ended) = run(folder.path(), 20, pictures, info);
        let error = ended.unwrap_err();
        assert!(
            error.contains("never seen") && error.contains(expected),
            "{error}"
        );
        assert!(!folder.path().join("lens.yaml").exists());
    }
}
