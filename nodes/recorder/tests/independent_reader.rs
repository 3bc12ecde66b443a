//! A recording as others see it: read by PyPI's rosbags.
//!
//! Run by `make test ALL=1`. Needs a Python with that package, named by `GRASP_ANYTHING_PYTHON` (`python3` otherwise).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail, its helpers included"
)]

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Qos};
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};
use msgs::geometry_msgs::{Point, PointStamped, Transform, TransformStamped, Vector3};
use msgs::sensor_msgs::{Image, JointState};
use msgs::std_msgs::Header;

async fn talk(node: Node) -> Result<(), Box<dyn Error + Send + Sync>> {
    let supervisor = node.publisher("supervisor/state", Qos::latched())?;
    let images = node.publisher("camera/color/image_raw", Qos::sensor_data())?;
    let clicks = node.publisher("camera/color/image_raw/mouse_click", Qos::reliable(10))?;
    let joints = node.publisher("joint_states", Qos::reliable(10))?;
    let translation = Vector3 {
        x: 1.0,
        y: 2.5,
        z: 3.0,
    };
    node.broadcast_static(TransformStamped {
        header: Header::new(node.now(), "base_link"),
        child_frame_id: "camera".into(),
        transform: Transform {
            translation,
            ..Transform::default()
        },
    })?;
    for state in ["targeted", "approaching", "failed"] {
        supervisor.publish(DiagnosticStatus {
            message: state.into(),
            values: vec![KeyValue::new("reason", "why"), KeyValue::new("attempt", 1)],
            ..DiagnosticStatus::default()
        });
        for _ in 0..10 {
            node.clock().sleep(Duration::from_millis(100)).await;
            images.publish(Image {
                header: Header::new(node.now(), "camera"),
                height: 3,
                width: 5,
                encoding: "mono8".into(),
                step: 5,
                data: (0..15).collect(),
                ..Image::default()
            });
            clicks.publish(PointStamped {
                header: Header::new(node.now(), "camera"),
                point: Point {
                    x: 4.5,
                    y: -2.0,
                    z: 0.0,
                },
            });
            joints.publish(JointState {
                name: vec!["elbow".into(), "wrist".into()],
                position: vec![0.25, -0.5],
                ..JointState::default()
            });
        }
    }
    Ok(())
}

fn record(folder: &Path) {
    let mut graph = Graph::new(GraphConfig::lockstep());
    let parameters = ParameterOverrides::new()
        .set("directory", folder.to_str().unwrap())
        .unwrap();
    let spec = NodeSpec::new("recorder").parameters(parameters);
    graph.add(spec, recorder::run).unwrap();
    graph
        .add(NodeSpec::new("talker").ends_graph(), talk)
        .unwrap();
    let report = graph.run_lockstep(Some(Duration::from_secs(10))).unwrap();
    assert!(report.failures.is_empty(), "{report:?}");
}

#[test]
#[ignore = "needs PyPI rosbags: make test ALL=1"]
fn rosbags_reads_it_by_the_definitions_in_the_file() {
    let python = std::env::var("GRASP_ANYTHING_PYTHON").unwrap_or_else(|_| "python3".into());
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    let root = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(&python)
        .arg(format!("{root}/../../tests/independent/rosbags_reader.py"))
        .arg(folder.path().join("episode_0001.mcap"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["hashes_differ"], serde_json::json!([]));
    assert_eq!(told["image"], serde_json::json!([5, 3, "mono8", 105, 2]));
    assert_eq!(told["click"], serde_json::json!([4.5, -2.0, "camera"]));
    assert_eq!(told["state"], serde_json::json!(["failed", "reason"]));
    assert_eq!(told["transform"], 2.5);
    assert_eq!(
        told["joints"],
        serde_json::json!([["elbow", "wrist"], [0.25, -0.5]])
    );
    let images = &told["topics"]["/camera/color/image_raw"];
    assert_eq!(images["type"], "sensor_msgs/msg/Image");
    assert_eq!(images["count"], 20);
    let marker = &told["topics"]["/target/box"];
    assert_eq!(
        marker["type"], "visualization_msgs/msg/Marker",
        "what nobody published has its type, too"
    );
}
