//! The node in a graph in lockstep, with a stand-in for camera and supervisor.

use std::error::Error;
use std::io::{self, Cursor, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, ParameterSpec, Qos};
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};
use msgs::geometry_msgs::{PointStamped, TransformStamped};
use msgs::sensor_msgs::Image;
use msgs::std_msgs::Header;
use msgs::std_srvs::{Trigger, TriggerRequest};

use crate::file::{Recording, read};
use crate::node::run_on;
use crate::recording::{Disk, Open, open};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Camera frames, a click, and these states of the supervisor, 200 ms each.
async fn cell(node: Node, states: &[&str]) -> Outcome {
    node.parameter(ParameterSpec::<i64>::new("seed", 7))?;
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/sim.yaml");
    node.parameter(ParameterSpec::<String>::new("model", manifest))?;
    let images = node.publisher::<Image>("camera/color/image_raw", Qos::sensor_data())?;
    let clicks = node.publisher("camera/color/image_raw/mouse_click", Qos::reliable(10))?;
    let supervisor = node.publisher("supervisor/state", Qos::latched())?;
    node.broadcast_static(TransformStamped {
        header: Header::new(node.now(), "base_link"),
        child_frame_id: "camera".into(),
        ..TransformStamped::default()
    })?;
    // What is long over when the episode begins.
    for _ in 0..40 {
        node.clock().sleep(Duration::from_millis(50)).await;
        images.publish(image(&node));
    }
    clicks.publish(PointStamped::default());
    for state in states {
        supervisor.publish(DiagnosticStatus {
            message: (*state).to_owned(),
            values: vec![
                KeyValue::new("reason", format!("{state} it is")),
                KeyValue::new("attempt", 1),
            ],
            ..DiagnosticStatus::default()
        });
        for _ in 0..4 {
            node.clock().sleep(Duration::from_millis(50)).await;
            images.publish(image(&node));
        }
    }
    Ok(())
}

fn image(node: &Node) -> Image {
    Image {
        header: Header::new(node.now(), "camera"),
        data: (0..20_000_u32)
            .map(|byte| (byte.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect(),
        ..Image::default()
    }
}

const SUCCESS: &[&str] = &[
    "idle",
    "targeted",
    "approaching",
    "grasping",
    "lifting",
    "holding",
    "releasing",
    "idle",
];

/// Runs the stand-in and a recorder into `folder`; every status that the recorder reported.
fn record(folder: &Path, open: Open, states: &'static [&str]) -> Vec<DiagnosticStatus> {
    let mut graph = Graph::new(GraphConfig::lockstep());
    let parameters = ParameterOverrides::new()
        .set("directory", folder.to_str().unwrap())
        .unwrap();
    let spec = NodeSpec::new("recorder").parameters(parameters);
    graph.add(spec, move |node| run_on(node, open)).unwrap();
    let (sender, reports) = std::sync::mpsc::channel();
    graph
        .add(NodeSpec::new("listener"), move |node: Node| async move {
            let status = node.subscribe::<DiagnosticStatus>(
                "recorder/status",
                Qos {
                    depth: 100,
                    ..Qos::latched()
                },
            )?;
            while let Some(status) = status.next().await {
                sender.send((*status).clone())?;
            }
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("cell").ends_graph(), move |node| async move {
            cell(node, states).await
        })
        .unwrap();
    let report = graph.run_lockstep(Some(Duration::from_secs(60))).unwrap();
    assert!(report.failures.is_empty(), "{report:?}");
    reports.into_iter().collect()
}

fn load(folder: &Path, name: &str) -> Recording {
    let recording = read(&std::fs::read(folder.join(name)).unwrap()).unwrap();
    assert_eq!(recording.broken, None);
    recording
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn an_episode_is_a_file_with_its_outcome_and_origin() {
    let folder = tempfile::tempdir().unwrap();
    let reports = record(folder.path(), open, SUCCESS);
    assert_eq!(files(folder.path()), ["episode_0001.mcap"]);
    let told: Vec<_> = reports
        .iter()
        .map(|report| report.message.as_str())
        .collect();
    assert_eq!(told, ["idle", "recording", "idle"]);

    let recording = load(folder.path(), "episode_0001.mcap");
    let facts = |name: &str| &recording.metadata[name];
    assert_eq!(facts("episode")["outcome"], "held");
    assert_eq!(facts("episode")["reason"], "releasing it is");
    assert_eq!(facts("episode")["attempts"], "1");
    assert_eq!(facts("episode")["dropped_messages"], "0");
    assert_eq!(facts("program")["seed"], "7");
    assert!(!facts("program")["git_revision"].is_empty());
    assert_eq!(facts("parameters")["/cell/seed"], "7");
    assert_eq!(facts("parameters")["/recorder/reserve"], "500");
    assert_eq!(facts("models")["/cell/model"].len(), 64);

    let of = |topic: &str| {
        let messages = recording.messages.iter();
        messages
            .filter(|message| message.topic == topic)
            .collect::<Vec<_>>()
    };
    // From one and a half seconds before the target to the end of holding: 1.5 s and 5 states of 0.2 s, and a frame each 50 ms.
    let images = of("/camera/color/image_raw");
    assert!((48..=52).contains(&images.len()), "{}", images.len());
    assert_eq!(
        of("/camera/color/image_raw/mouse_click").len(),
        1,
        "the click is in the file"
    );
    assert_eq!(
        of("/tf_static").len(),
        1,
        "what was said before and holds, too"
    );
    assert_eq!(
        of("/supervisor/state").len(),
        6,
        "the state before, and up to the last"
    );
    assert!(
        recording
            .messages
            .windows(2)
            .all(|pair| pair[0].at <= pair[1].at)
    );
    images[0].decode::<Image>().unwrap();
}

#[test]
fn each_episode_has_its_own_file_and_what_was_not_tried_has_none() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("episode_0004.mcap"), "of yesterday").unwrap();
    let states = &[
        "targeted",
        "approaching",
        "failed",
        "targeted",
        "idle",
        "targeted",
        "approaching",
        "targeted",
        "approaching",
    ];
    record(folder.path(), open, states);
    let names = [
        "episode_0004.mcap",
        "episode_0005.mcap",
        "episode_0006.mcap",
        "episode_0007.mcap",
    ];
    assert_eq!(files(folder.path()), names);
    let outcomes = [
        "episode_0005.mcap",
        "episode_0006.mcap",
        "episode_0007.mcap",
    ]
    .map(|name| load(folder.path(), name).metadata["episode"]["outcome"].clone());
    assert_eq!(
        outcomes,
        ["failed", "stopped", "stopped"],
        "the last by the end of the launch"
    );
}

/// A disk with room for a few pictures.
struct SmallDisk(Cursor<Vec<u8>>);

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.position() + bytes.len() as u64 > 40_000 {
            return Err(ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for SmallDisk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

fn small_disk(_: &Path) -> io::Result<Box<dyn Disk>> {
    Ok(Box::new(SmallDisk(Cursor::default())))
}

fn no_disk(_: &Path) -> io::Result<Box<dyn Disk>> {
    Err(ErrorKind::ReadOnlyFilesystem.into())
}

#[test]
fn a_full_disk_ends_the_recording_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for (open, words) in [(small_disk as Open, "storage"), (no_disk, "read-only")] {
        let reports = record(folder.path(), open, SUCCESS);
        let failed: Vec<_> = reports
            .iter()
            .filter(|report| report.message == "failed")
            .collect();
        assert_eq!(failed.len(), 1, "said once: {reports:?}");
        assert_eq!(failed[0].level, DiagnosticStatus::ERROR);
        let reason = failed[0].value("reason").unwrap().to_lowercase();
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn all_is_recorded_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut graph = Graph::new(GraphConfig::lockstep());
    let parameters = ParameterOverrides::new()
        .set("directory", folder.path().to_str().unwrap())
        .unwrap();
    let spec = NodeSpec::new("recorder").parameters(parameters);
    graph.add(spec, |node| run_on(node, open)).unwrap();
    graph
        .add(NodeSpec::new("person"), |node: Node| async move {
            let start = node.client::<Trigger>("recorder/start")?;
            let stop = node.client::<Trigger>("recorder/stop")?;
            start.wait_for_server().await;
            assert!(!stop.call(TriggerRequest {}).await?.success);
            let begun = start.call(TriggerRequest {}).await?;
            assert!(begun.message.ends_with("recording_0001.mcap"), "{begun:?}");
            assert!(
                !start.call(TriggerRequest {}).await?.success,
                "it runs already"
            );
            node.clock().sleep(Duration::from_secs(3)).await;
            let ended = stop.call(TriggerRequest {}).await?;
            assert!(ended.success, "{ended:?}");
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("cell").ends_graph(), move |node| async move {
            cell(node, SUCCESS).await
        })
        .unwrap();
    let report = graph.run_lockstep(Some(Duration::from_secs(60))).unwrap();
    assert!(report.failures.is_empty(), "{report:?}");
    assert_eq!(
        files(folder.path()),
        ["recording_0001.mcap"],
        "and no episode beside it"
    );
    let recording = load(folder.path(), "recording_0001.mcap");
    let images = recording
        .messages
        .iter()
        .filter(|message| message.topic.ends_with("image_raw"));
    assert!((58..=62).contains(&images.count()));
}

#[test]
fn what_fails_lets_go_of_the_topics() {
    // Where no folder is named, files go into one beside.
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    for (open, begins) in [(small_disk as Open, true), (no_disk, false)] {
        let mut graph = Graph::new(GraphConfig::lockstep());
        let spec = NodeSpec::new("recorder");
        graph.add(spec, move |node| run_on(node, open)).unwrap();
        let spec = NodeSpec::new("camera").ends_graph();
        graph
            .add(spec, move |node: Node| async move {
                let images =
                    node.publisher::<Image>("camera/color/image_raw", Qos::sensor_data())?;
                let start = node.client::<Trigger>("recorder/start")?;
                start.wait_for_server().await;
                let begun = start.call(TriggerRequest {}).await?;
                assert_eq!(begun.success, begins, "{begun:?}");
                assert_eq!(images.subscriber_count(), usize::from(begins));
                for _ in 0..80 {
                    node.clock().sleep(Duration::from_millis(50)).await;
                    images.publish(image(&node));
                }
                assert_eq!(images.subscriber_count(), 0, "the disk is full by now");
                Outcome::Ok(())
            })
            .unwrap();
        let report = graph.run_lockstep(Some(Duration::from_secs(60))).unwrap();
        assert!(report.failures.is_empty(), "{report:?}");
    }
}
