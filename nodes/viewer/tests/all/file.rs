//! The file for rerun beside a recording.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use bus::{Graph, GraphConfig, Node, NodeSpec, Qos};
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};
use msgs::sensor_msgs::Image;
use msgs::std_msgs::Header;
use re_sdk::external::re_log_encoding::DecoderApp;
use re_sdk::log::{Chunk, LogMsg};

use crate::running::add_viewer;

/// Stands in for the recorder, and for a camera.
async fn record(node: Node, file: String) -> bus::Result<()> {
    let status = node.publisher("recorder/status", Qos::latched())?;
    let pictures = node.publisher("camera/color/image_raw", Qos::sensor_data())?;
    for (message, file) in [("idle", ""), ("recording", file.as_str()), ("idle", "")] {
        status.publish(DiagnosticStatus {
            message: message.to_owned(),
            values: vec![KeyValue::new("file", file)],
            ..DiagnosticStatus::default()
        });
        for _ in 0..10 {
            pictures.publish(Image {
                header: Header::new(node.now(), "camera"),
                width: 8,
                height: 8,
                step: 24,
                encoding: "rgb8".to_owned(),
                data: vec![99; 192],
                ..Image::default()
            });
            node.clock().sleep(Duration::from_millis(60)).await;
        }
    }
    Ok(())
}

/// What a file tells of, and whether it has a layout.
fn entities(file: &Path) -> (BTreeSet<String>, bool) {
    let reader = BufReader::new(File::open(file).unwrap());
    let (mut entities, mut has_layout) = (BTreeSet::new(), false);
    for message in DecoderApp::decode_eager(reader).unwrap() {
        match message.unwrap() {
            LogMsg::ArrowMsg(store, message) if store.is_recording() => {
                let chunk = Chunk::from_arrow_msg(&message).unwrap();
                entities.insert(chunk.entity_path().to_string());
            }
            LogMsg::BlueprintActivationCommand(_) => has_layout = true,
            _ => {}
        }
    }
    (entities, has_layout)
}

#[test]
fn what_is_shown_while_something_is_recorded_is_in_a_file_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, parameters) in [("episode_0001", &[][..]), ("other", &[("rrd", "false")])] {
        let recording = folder.path().join(name).with_extension("mcap");
        let told = recording.display().to_string();
        let mut graph = Graph::new(GraphConfig::default());
        add_viewer(&mut graph, parameters);
        let spec = NodeSpec::new("recorder").ends_graph();
        graph.add(spec, move |node| record(node, told)).unwrap();
        let report = graph.run_realtime().unwrap();
        assert!(report.failures.is_empty(), "{:?}", report.failures);
    }
    let (entities, has_layout) = entities(&folder.path().join("episode_0001.rrd"));
    assert!(has_layout);
    for wanted in ["/scene/camera/image", "/scene/table"] {
        assert!(entities.contains(wanted), "{wanted} is not in {entities:?}");
    }
    assert!(!folder.path().join("other.rrd").exists());
}
