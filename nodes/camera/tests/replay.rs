//! The replaying node on a lockstep bus, and what it says of sources that it cannot use.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing test may panic"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Qos};
use camera::node::{Frames, SourceError};
use camera::{CalibratedIntrinsics, Intrinsics};
use image::{ImageBuffer, Luma, Rgb};
use msgs::lifecycle_msgs::{ChangeState, ChangeStateRequest, Transition};
use msgs::sensor_msgs::{CameraInfo, Image};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn folder(count: u8) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..count {
        let image = ImageBuffer::from_pixel(8, 6, Rgb([i, 10, 20]));
        image
            .save(folder.path().join(format!("{i:03}.png")))
            .unwrap();
    }
    folder
}

fn depth_folder(count: u16, width: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..count {
        let image: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_pixel(width, 6, Luma([700 + i]));
        image
            .save(folder.path().join(format!("{i:03}.png")))
            .unwrap();
    }
    folder
}

#[test]
fn a_folder_is_replayed_at_its_rate() {
    let (colour, depth) = (folder(3), depth_folder(3, 8));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let parameters = ParameterOverrides::new()
        .set("source", colour.path().to_str().unwrap())
        .and_then(|parameters| parameters.set("depth", depth.path().to_str().unwrap()))
        .and_then(|parameters| parameters.set("rate", "10.0"))
        .and_then(|parameters| parameters.set("loop", "false"))
        .unwrap();

    let mut graph = Graph::new(GraphConfig::lockstep());
    graph
        .add(NodeSpec::new("listener"), move |node: Node| async move {
            let images = node.subscribe::<Image>("camera/color/image_raw", Qos::sensor_data())?;
            let depths = node.subscribe::<Image>(
                "camera/aligned_depth_to_color/image_raw",
                Qos::sensor_data(),
            )?;
            let infos =
                node.subscribe::<CameraInfo>("camera/color/camera_info", Qos::sensor_data())?;
            while let Some(image) = images.next().await {
                let (depth, info) = (depths.latest().unwrap(), infos.latest().unwrap());
                assert_eq!(
                    (depth.header.stamp, info.header.stamp),
                    (image.header.stamp, image.header.stamp)
                );
                assert_eq!(
                    (image.encoding.as_str(), depth.encoding.as_str()),
                    ("rgb8", "16UC1")
                );
                let millimetres = u16::from_le_bytes([depth.data[0], depth.data[1]]);
                sink.lock()
                    .unwrap()
                    .push((image.header.stamp.nanosec, image.data[0], millimetres));
            }
            Ok::<(), Failure>(())
        })
        .unwrap();
    graph
        .add(
            NodeSpec::new("camera").parameters(parameters).ends_graph(),
            camera::run,
        )
        .unwrap();
    graph.run_lockstep(Some(Duration::from_secs(2))).unwrap();
    let expected = [(0, 0, 700), (100_000_000, 1, 701), (200_000_000, 2, 702)];
    assert_eq!(*seen.lock().unwrap(), expected);
}

/// The camera_info of a replayed folder of 8x6 pixels with the calibrated intrinsics of this width, or the failure.
fn calibrated(width: u32) -> Result<CameraInfo, String> {
    let colour = folder(2);
    let lens = colour.path().join("lens.yaml");
    let factory = Intrinsics::from_hfov(width, 6, 1.0).unwrap();
    let calibrated = CalibratedIntrinsics {
        serial: "0042".to_owned(),
        camera: Intrinsics { fx: 7.5, ..factory },
        deviation: [0.0; 9],
        factory,
        replaces_factory: true,
        rms_px: 0.2,
        rms_factory_px: 1.0,
        difference_px: 2.0,
        uncertainty_px: 0.1,
        coverage: 0.9,
        pictures: 20,
    };
    std::fs::write(&lens, serde_yaml::to_string(&calibrated).unwrap()).unwrap();
    let parameters = ParameterOverrides::new()
        .set("source", colour.path().to_str().unwrap())
        .and_then(|parameters| parameters.set("intrinsics", lens.to_str().unwrap()))
        .and_then(|parameters| parameters.set("loop", "false"))
        .unwrap();
    let seen = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&seen);
    let mut graph = Graph::new(GraphConfig::lockstep());
    graph
        .add(NodeSpec::new("listener"), move |node: Node| async move {
            let infos =
                node.subscribe::<CameraInfo>("camera/color/camera_info", Qos::sensor_data())?;
            while let Some(info) = infos.next().await {
                *sink.lock().unwrap() = Some((*info).clone());
            }
            Ok::<(), Failure>(())
        })
        .unwrap();
    graph
        .add(
            NodeSpec::new("camera").parameters(parameters).ends_graph(),
            camera::run,
        )
        .unwrap();
    graph
        .run_lockstep(Some(Duration::from_secs(2)))
        .map_err(|error| error.to_string())?;
    let info = seen.lock().unwrap().take();
    info.ok_or_else(|| "no camera_info came".to_owned())
}

#[test]
fn calibrated_intrinsics_are_published_for_images_of_their_size_only() {
    assert_eq!(calibrated(8).unwrap().k[0], 7.5);
    let error = calibrated(16).unwrap_err();
    assert!(
        error.contains("16x6 pixels") && error.contains("8x6"),
        "{error}"
    );
}

#[test]
fn deactivated_it_shows_nothing_and_then_begins_with_the_first_image() {
    let colour = folder(5);
    let parameters = ParameterOverrides::new()
        .set("source", colour.path().to_str().unwrap())
        .and_then(|parameters| parameters.set("rate", "10.0"))
        .and_then(|parameters| parameters.set("autostart", "false"))
        .unwrap();
    let mut graph = Graph::new(GraphConfig::lockstep());
    graph
        .add(NodeSpec::new("camera").parameters(parameters), camera::run)
        .unwrap();
    let script = move |node: Node| async move {
        let qos = Qos::reliable(20);
        let images = node.subscribe::<Image>(
            "camera/color/image_raw",
            Qos {
                reliable: false,
                ..qos
            },
        )?;
        let client = node.client::<ChangeState>("/camera/change_state")?;
        let lead = async |label: &str| {
            let transition = Transition {
                label: label.into(),
                ..Transition::default()
            };
            let answer = client.call(ChangeStateRequest { transition }).await?;
            node.clock().sleep(Duration::from_millis(150)).await;
            let shown = std::iter::from_fn(|| images.try_next());
            let shown: Vec<u8> = shown.map(|image| image.data[0]).collect();
            Ok::<_, Failure>((answer.success, shown))
        };
        node.clock().sleep(Duration::from_millis(500)).await;
        assert_eq!(images.try_next(), None, "nobody has activated it");
        assert_eq!(lead("configure").await?, (true, vec![]));
        assert_eq!(lead("activate").await?, (true, vec![0, 1]));
        assert_eq!(lead("deactivate").await?, (true, vec![]));
        assert_eq!(lead("activate").await?, (true, vec![0, 1]));
        assert_eq!(lead("deactivate").await?, (true, vec![]));
        std::fs::remove_dir_all(colour.path())?;
        assert_eq!(lead("cleanup").await?, (true, vec![]));
        assert_eq!(lead("configure").await?, (false, vec![]), "no folder");
        Ok::<(), Failure>(())
    };
    graph
        .add(NodeSpec::new("script").ends_graph(), script)
        .unwrap();
    graph.run_lockstep(Some(Duration::from_secs(9))).unwrap();
}

#[test]
fn bad_sources_are_named() {
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        Frames::open(empty.path(), None),
        Err(SourceError::Empty { .. })
    ));
    let missing = empty.path().join("no.mp4");
    assert!(matches!(
        Frames::open(&missing, None),
        Err(SourceError::Read { .. })
    ));
    let colour = folder(2);
    let too_few = depth_folder(1, 8);
    assert!(matches!(
        Frames::open(colour.path(), Some(too_few.path())),
        Err(SourceError::DepthCount {
            colour: 2,
            depth: 1
        })
    ));
    let other_size = depth_folder(2, 9);
    let frames = Frames::open(colour.path(), Some(other_size.path())).unwrap();
    assert!(matches!(frames.read(0), Err(SourceError::DepthSize { .. })));
    assert!(frames.read(2).unwrap().is_none());
    std::fs::write(colour.path().join("002.png"), b"no image").unwrap();
    let broken = Frames::open(colour.path(), None).unwrap();
    assert!(matches!(broken.read(2), Err(SourceError::Decode { .. })));
    let no_video = empty.path().join("text.mp4");
    std::fs::write(&no_video, b"no video").unwrap();
    assert!(matches!(
        Frames::open(&no_video, None),
        Err(SourceError::Video { .. })
    ));
}
