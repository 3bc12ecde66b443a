//! The robot calibrates the camera of the simulated cell by itself: driver, physics, pictures and detection in lockstep.
#![cfg(feature = "opencv")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing test may panic"
)]

use std::{path::Path, time::Duration};

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides};
use calibration::{
    collect_node, intrinsics::mean_difference_px, pose::distance, result::HandEyeFile,
    sample::Samples,
};
use camera::CalibratedIntrinsics;
use msgs::std_srvs::{Trigger, TriggerRequest};
use sim::mounting;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn parameters(pairs: &[(&str, &str)]) -> ParameterOverrides {
    pairs
        .iter()
        .fold(ParameterOverrides::new(), |parameters, (name, value)| {
            parameters.set(name, value).unwrap()
        })
}

/// Asks for a stop by this service when so many samples are there.
async fn stop(
    node: Node,
    folder: std::path::PathBuf,
    after: usize,
    service: &str,
) -> Result<(), Failure> {
    let client = node.client::<Trigger>(service)?;
    while Samples::read(&folder).map_or(0, |kept| kept.samples.len()) < after {
        node.clock().sleep(Duration::from_millis(200)).await;
    }
    // In mid motion.
    node.clock().sleep(Duration::from_millis(700)).await;
    client.call(TriggerRequest {}).await?;
    node.shutdown().await;
    Ok(())
}

struct Run<'a> {
    folder: &'a Path,
    poses: usize,
    board_pose: &'a str,
    /// What is to be found.
    find: &'a str,
    /// A result to verify.
    verify: &'a str,
    /// Number of samples after which this service is called.
    stop: Option<(usize, &'static str)>,
}

/// Below the hand, facing the camera.
const BELOW: &str = "[-0.125, 0.105, 0.1, 3.141592653589793, 0.0, -1.5707963267948966]";

fn run(asked: &Run<'_>) -> Result<(), String> {
    let boards = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../calibration/boards");
    let file = |name: &str| boards.join(name).to_str().unwrap().to_owned();
    let mut graph = Graph::new(GraphConfig::lockstep());
    // Pictures take most of the time, and a lens needs no moment of theirs.
    let (rate, settle, pictures) = match asked.find {
        "intrinsics" => ("1.0", "0.1", "1"),
        _ => ("4.0", "0.5", "3"),
    };
    let cell = parameters(&[
        ("scene", "single"),
        ("width", "1280"),
        ("height", "720"),
        ("camera_rate", rate),
        ("oversampling", "2"),
        (
            "lens_distortion",
            "[-0.0557, 0.0603, -0.00098, -0.00085, -0.0161]",
        ),
        ("board_picture", &file("charuco_7x5.png")),
        ("board_width", "0.21"),
        ("board_pose", asked.board_pose),
        ("ur_rtde", "memory://ur/rtde"),
        ("ur_dashboard", "memory://ur/dashboard"),
        ("ur_script", "memory://ur/script"),
        ("sih_bus", "memory://sih"),
    ]);
    let arm = parameters(&[
        ("rtde", "memory://ur/rtde"),
        ("dashboard", "memory://ur/dashboard"),
        ("script", "memory://ur/script"),
    ]);
    let calibration = parameters(&[
        ("board", &file("charuco_7x5.yaml")),
        ("samples", asked.folder.to_str().unwrap()),
        ("result", asked.folder.join("camera.yaml").to_str().unwrap()),
        ("move", "true"),
        ("find", asked.find),
        ("verify", asked.verify),
        ("poses", &asked.poses.to_string()),
        ("speed", "0.6"),
        ("settle", settle),
        ("pictures", pictures),
        ("tolerance_mm", "5.0"),
        ("tolerance_deg", "0.5"),
        // Off by 8 cm and 4 degrees.
        ("camera_at", "[0.25, 1.1, 0.55]"),
        ("camera_looks_at", "[0.3, 0.45, 0.1]"),
    ]);
    graph
        .add(NodeSpec::new("sim").parameters(cell), sim::node::run)
        .unwrap();
    graph
        .add(
            NodeSpec::new("ur_driver").owns_robot().parameters(arm),
            ur_driver::run,
        )
        .unwrap();
    graph
        .add(
            NodeSpec::new("robot_state_publisher"),
            ur_driver::robot_state_publisher::run,
        )
        .unwrap();
    graph
        .add(
            NodeSpec::new("calibrate_hand_eye")
                .parameters(calibration)
                .ends_graph(),
            collect_node::run,
        )
        .unwrap();
    if let Some((after, service)) = asked.stop {
        let folder = asked.folder.to_owned();
        graph
            .add(NodeSpec::new("stopper"), move |node: Node| {
                stop(node, folder, after, service)
            })
            .unwrap();
    }
    graph
        .run_lockstep(Some(Duration::from_secs(300)))
        .map_err(|error| error.to_string())
        .and_then(|report| {
            report
                .failures
                .first()
                .map_or(Ok(()), |failure| Err(failure.to_string()))
        })
}

#[test]
fn a_run_is_stopped_and_gone_on_with_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut asked = Run {
        folder: folder.path(),
        poses: 10,
        board_pose: BELOW,
        find: "hand_eye",
        verify: "",
        stop: Some((3, "calibrate_hand_eye/stop")),
    };
    run(&asked).unwrap();
    let kept = Samples::read(folder.path()).unwrap();
    assert_eq!(kept.samples.len(), 3);
    assert!(!folder.path().join("camera.yaml").exists());

    // The driver is stopped this time.
    asked.stop = Some((5, "arm/stop"));
    let error = run(&asked).unwrap_err();
    assert!(error.contains("driver is stopped"), "{error}");
    let more = Samples::read(folder.path()).unwrap();
    assert_eq!(
        (more.samples.len(), &more.samples[..3]),
        (5, &kept.samples[..])
    );

    asked.stop = None;
    run(&asked).unwrap();
    assert_eq!(Samples::read(folder.path()).unwrap().samples.len(), 10);
    let found = HandEyeFile::read(folder.path().join("camera.yaml")).unwrap();
    let truth = mounting::base_from_camera_link(mounting::DEFAULT_MOUNTING)
        * mounting::camera_link_from_optical();
    let (shift, turn) = distance(&found.parent_from_child.isometry().unwrap(), &truth);
    println!(
        "{:.2} mm, {:.3} deg, stated {:?} m",
        shift * 1e3,
        turn.to_degrees(),
        found.deviation_m
    );
    assert!(shift < 1e-3 && turn < 2e-3, "{shift} m, {turn} rad");

    // At fresh poses the result holds, and that of a camera that was moved does not.
    let result = folder.path().join("camera.yaml");
    let fresh = tempfile::tempdir().unwrap();
    let mut check = Run {
        folder: fresh.path(),
        poses: 5,
        board_pose: BELOW,
        find: "hand_eye",
        verify: result.to_str().unwrap(),
        stop: None,
    };
    run(&check).unwrap();
    let mut moved = found;
    moved.parent_from_child.translation[0] += 0.02;
    moved.write(&result, true).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    check.folder = fresh.path();
    let error = run(&check).unwrap_err();
    assert!(error.contains("across the line of sight"), "{error}");
}

#[test]
fn the_picture_is_covered_and_the_lens_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let asked = Run {
        folder: folder.path(),
        poses: 40,
        board_pose: BELOW,
        find: "intrinsics",
        verify: "",
        stop: None,
    };
    run(&asked).unwrap();
    let found = CalibratedIntrinsics::read(folder.path().join("camera.yaml")).unwrap();
    println!("{found:?}");
    // What the simulator says of its lens is the truth.
    let truth = found.factory;
    assert!(!found.replaces_factory && found.rms_px <= 0.3);
    for (found, truth) in [(found.camera.fx, truth.fx), (found.camera.fy, truth.fy)] {
        assert!((found / truth - 1.0).abs() < 5e-3, "{found}, {truth}");
    }
    assert!(mean_difference_px(&truth, &found.camera) < 1.0);
}

#[test]
fn a_board_that_is_not_seen_is_told_before_anything_moves() {
    let folder = tempfile::tempdir().unwrap();
    let asked = Run {
        folder: folder.path(),
        poses: 10,
        // It faces the robot.
        board_pose: "[-0.125, -0.105, 0.1, 0.0, 0.0, 1.5707963267948966]",
        find: "hand_eye",
        verify: "",
        stop: None,
    };
    let error = run(&asked).unwrap_err();
    assert!(
        error.contains("Move the robot until the whole board"),
        "{error}"
    );
}
