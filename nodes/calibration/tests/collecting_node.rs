//! The node that takes samples, on a lockstep bus with a drawn board.
#![cfg(feature = "opencv")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing test may panic"
)]

use std::{path::Path, time::Duration};

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Qos, convert};
use calibration::{board::Board, collect_node, sample::Samples, vision::drawn::draw};
use camera::Intrinsics;
use msgs::{
    sensor_msgs::{CameraInfo, Image},
    std_msgs::Header,
};
use nalgebra::{Isometry3, Translation3, UnitQuaternion};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const OPTICAL: &str = "camera_color_optical_frame";

/// The robot rests at three poses for two seconds each, before a camera of ten pictures a second.
async fn cell(node: Node, board: Board) -> Result<(), Failure> {
    let images = node.publisher::<Image>("camera/color/image_raw", Qos::sensor_data())?;
    let infos = node.publisher::<CameraInfo>("camera/color/camera_info", Qos::sensor_data())?;
    let camera = Intrinsics::from_hfov(640, 480, 1.0)?;
    for pose in 0..3 {
        let turn = UnitQuaternion::from_euler_angles(0.2 * f64::from(pose), 0.3, 0.1);
        let camera_from_board = Isometry3::from_parts(Translation3::new(-0.1, -0.08, 0.5), turn);
        let picture = draw(&board, &camera, &camera_from_board, 1)?;
        let base_from_flange = Isometry3::from_parts(Translation3::new(0.3, 0.5, 0.2), turn);
        for _ in 0..20 {
            let header = Header::new(node.now(), OPTICAL);
            node.broadcast(convert::transform_stamped(
                node.now(),
                "base_link",
                "tool0",
                &base_from_flange,
            ))?;
            infos.publish(camera.to_camera_info(header.clone()));
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

fn run(folder: &Path, board: &str) -> Result<(), String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../calibration/boards")
        .join(board);
    let parameters = ParameterOverrides::new()
        .set("board", file.to_str().unwrap())
        .and_then(|parameters| parameters.set("samples", folder.to_str().unwrap()))
        .unwrap();
    let board = Board::from_file(&file).unwrap();
    let mut graph = Graph::new(GraphConfig::lockstep());
    graph
        .add(
            NodeSpec::new("calibrate_hand_eye").parameters(parameters),
            collect_node::run,
        )
        .unwrap();
    graph
        .add(NodeSpec::new("cell").ends_graph(), move |node: Node| {
            cell(node, board)
        })
        .unwrap();
    graph
        .run_lockstep(Some(Duration::from_secs(20)))
        .map(drop)
        .map_err(|error| error.to_string())
}

#[test]
fn a_sample_is_kept_at_each_pose_and_a_second_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "charuco_7x5.yaml").unwrap();
    let kept = Samples::read(folder.path()).unwrap();
    assert_eq!(kept.samples.len(), 3);
    assert!(kept.samples.iter().all(|sample| sample.corners.len() > 12));
    assert_eq!(kept.frames.camera, OPTICAL);
    assert!(folder.path().join("003.png").exists());
    // The same poses again are known, and what is there stays as it is.
    run(folder.path(), "charuco_7x5.yaml").unwrap();
    assert_eq!(Samples::read(folder.path()).unwrap(), kept);
    let error = run(folder.path(), "aruco_5x4.yaml").unwrap_err();
    assert!(error.contains("another board"), "{error}");
    // Nor is another focal length or another base gone on with.
    let others: [fn(&mut Samples); 2] = [
        |samples| samples.camera.fx *= 1.01,
        |samples| samples.frames.base = "table".to_owned(),
    ];
    for change in others {
        let mut other = kept.clone();
        change(&mut other);
        other.write(folder.path()).unwrap();
        let error = run(folder.path(), "charuco_7x5.yaml").unwrap_err();
        assert!(error.contains("another board"), "{error}");
        assert_eq!(Samples::read(folder.path()).unwrap(), other);
    }
}
