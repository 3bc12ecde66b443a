//! Recordings by librealsense itself, played by the node: frames, stamps, intrinsics and alignment against what was recorded.
//!
//! Run by `make test ALL=1`. Needs a Python with pyrealsense2, named by `GRASP_ANYTHING_PYTHON` (`python3` otherwise), and
//! one with pyrealsense2 2.56, the last that writes .bag files, by `GRASP_ANYTHING_PYTHON_BAG`.
#![cfg(feature = "realsense")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail, its helpers included"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Qos};
use camera::{Intrinsics, realsense};
use msgs::diagnostic_msgs::DiagnosticStatus;
use msgs::sensor_msgs::{CameraInfo, Image};
use nalgebra::{Matrix3, Point2, Point3, Vector3};
use serde::Deserialize;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Deserialize)]
struct Lens {
    size: (u32, u32),
    focal: (f64, f64),
    principal: (f64, f64),
    coefficients: [f64; 5],
}

impl Lens {
    fn intrinsics(&self) -> Intrinsics {
        Intrinsics::new(
            self.size.0,
            self.size.1,
            self.focal,
            self.principal,
            self.coefficients.into(),
        )
        .unwrap()
    }
}

/// What was recorded.
#[derive(Deserialize)]
struct Recorded {
    count: u32,
    fps: f64,
    depth: Lens,
    colour: Lens,
    rotation_columns: [f64; 9],
    translation: [f64; 3],
    wall_mm: u16,
    #[serde(rename = "box_mm")]
    nearer_mm: u16,
    #[serde(rename = "box")]
    nearer: [u32; 4],
    hole: [u32; 4],
    points: Vec<[f64; 3]>,
    pixels: Vec<[f64; 2]>,
}

fn record(python: &str, file: &Path) -> Recorded {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/independent/realsense_recording.py"
    );
    let python = std::env::var(python).unwrap_or_else(|_| "python3".into());
    let output = Command::new(python).arg(script).arg(file).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One picture as it was published.
struct Seen {
    colour: Arc<Image>,
    depth: Arc<Image>,
    info: Arc<CameraInfo>,
}

/// Plays a recording once, or so many pictures of it over and over.
fn play(
    file: &Path,
    parameters: &[(&str, &str)],
    pictures: Option<usize>,
) -> Result<Vec<Seen>, String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = Qos {
        depth: 100,
        ..Qos::sensor_data()
    };
    let sink = Arc::clone(&seen);
    let repeats = if pictures.is_some() { "true" } else { "false" };
    let parameters = [("file", file.to_str().unwrap()), ("loop", repeats)]
        .iter()
        .chain(parameters)
        .try_fold(ParameterOverrides::new(), |all, (name, value)| {
            all.set(name, value)
        })
        .unwrap();
    let mut graph = Graph::new(GraphConfig::default());
    graph
        .add(NodeSpec::new("listener"), move |node: Node| async move {
            let colours = node.subscribe::<Image>("camera/color/image_raw", all)?;
            let depth_topic = "camera/aligned_depth_to_color/image_raw";
            let depths = node.subscribe::<Image>(depth_topic, all)?;
            let infos = node.subscribe::<CameraInfo>("camera/color/camera_info", all)?;
            while let Some(colour) = colours.next().await {
                let mut seen = sink.lock().unwrap();
                seen.push(Seen {
                    colour,
                    depth: depths.try_next().unwrap(),
                    info: infos.try_next().unwrap(),
                });
                if pictures.is_some_and(|pictures| seen.len() >= pictures) {
                    node.request_shutdown();
                }
            }
            Ok::<(), Failure>(())
        })
        .unwrap();
    graph
        .add(
            NodeSpec::new("camera").parameters(parameters).ends_graph(),
            realsense::run,
        )
        .unwrap();
    graph.run_realtime().map_err(|error| error.to_string())?;
    Ok(std::mem::take(&mut *seen.lock().unwrap()))
}

fn millimetres(image: &Image, x: u32, y: u32) -> u16 {
    let at = (y * image.step + 2 * x) as usize;
    u16::from_le_bytes([image.data[at], image.data[at + 1]])
}

/// Each pixel of the recorded depth with where the colour camera sees it and how far from it, in millimetres, but for
/// those near an edge of what was recorded.
fn expected(recorded: &Recorded) -> Vec<(Point2<f64>, f64)> {
    let (depth, colour) = (recorded.depth.intrinsics(), recorded.colour.intrinsics());
    let rotation = Matrix3::from_column_slice(&recorded.rotation_columns);
    let translation = Vector3::from(recorded.translation);
    // Sides of the box as the colour camera sees them may hide parts of the wall: keep well away from there.
    let clear = |[left, top, right, bottom]: [u32; 4], x: u32, y: u32, margin: u32| {
        x + margin < left || x >= right + margin || y + margin < top || y >= bottom + margin
    };
    let inside = |[left, top, right, bottom]: [u32; 4], x: u32, y: u32| {
        x >= left + 3 && x + 3 < right && y >= top + 3 && y + 3 < bottom
    };
    let mut pixels = Vec::new();
    for y in 2..recorded.depth.size.1 - 2 {
        for x in 2..recorded.depth.size.0 - 2 {
            let raw = if inside(recorded.nearer, x, y) {
                recorded.nearer_mm
            } else if clear(recorded.nearer, x, y, 12) && clear(recorded.hole, x, y, 8) {
                recorded.wall_mm
            } else {
                continue;
            };
            let pixel = Point2::new(f64::from(x), f64::from(y));
            let in_depth = depth.deproject(&pixel, f64::from(raw) * 1e-3).unwrap();
            let in_colour = rotation * in_depth + translation;
            let seen = colour.project(&in_colour).unwrap();
            let bounds = (
                1.0..f64::from(recorded.colour.size.0) - 2.0,
                1.0..f64::from(recorded.colour.size.1) - 2.0,
            );
            if bounds.0.contains(&seen.x) && bounds.1.contains(&seen.y) {
                pixels.push((seen, in_colour.z * 1e3));
            }
        }
    }
    pixels
}

fn check_alignment(recorded: &Recorded, depth: &Image, tolerance_mm: f64) {
    let expected = expected(recorded);
    assert!(expected.len() > 10_000, "{}", expected.len());
    for (pixel, distance) in expected {
        let (x, y) = (pixel.x.round() as u32, pixel.y.round() as u32);
        let found = f64::from(millimetres(depth, x, y));
        assert!(
            (found - distance).abs() <= tolerance_mm,
            "{found} mm at ({x}, {y}), expected {distance:.1}"
        );
    }
}

fn check_pictures(recorded: &Recorded, seen: &[Seen]) {
    // The pipeline takes the first images to start, and drops what this busy machine is too slow for.
    assert!(seen.len() as u32 >= recorded.count / 2, "{}", seen.len());
    let mut before: Option<(f64, u8)> = None;
    for Seen {
        colour,
        depth,
        info,
    } in seen
    {
        assert_eq!(
            (&depth.header, &info.header),
            (&colour.header, &colour.header)
        );
        assert_eq!(colour.header.frame_id, "camera_color_optical_frame");
        assert_eq!((colour.width, colour.height), recorded.colour.size);
        assert_eq!((depth.width, depth.height), recorded.colour.size);
        assert_eq!(
            (colour.encoding.as_str(), depth.encoding.as_str()),
            ("rgb8", "16UC1")
        );
        let number = colour.data[0];
        let (width, height) = recorded.colour.size;
        let pixels: Vec<u8> = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [number, (x & 255) as u8, y as u8]))
            .collect();
        assert!(colour.data == pixels, "image {number} has other pixels");
        let stamp = colour.header.stamp;
        let stamp = f64::from(stamp.sec) + f64::from(stamp.nanosec) * 1e-9;
        if let Some((last, last_number)) = before {
            assert!(number > last_number, "{number} after {last_number}");
            assert!(stamp > last, "{number}");
            // Spaced as taken, once it is known how fast pictures come in: playback begins with a burst.
            let spacing = f64::from(number - last_number) / recorded.fps;
            let error = stamp - last - spacing;
            assert!(
                last_number < 15 || error.abs() < 0.2 * spacing,
                "{error} s at {number}"
            );
        }
        before = Some((stamp, number));
    }
}

fn check_lens(recorded: &Recorded, info: &CameraInfo) {
    let lens = Intrinsics::try_from(info).unwrap();
    assert_eq!(lens, recorded.colour.intrinsics());
    assert_eq!(info.distortion_model, "plumb_bob");
    assert!(recorded.points.len() > 20);
    for (point, pixel) in recorded.points.iter().zip(&recorded.pixels) {
        let ours = lens.project(&Point3::from(*point)).unwrap();
        let error = (ours - Point2::from(*pixel)).norm();
        assert!(error < 0.05, "{error} px from librealsense's at {point:?}");
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}

#[test]
#[ignore = "needs PyPI pyrealsense2: make test ALL=1"]
fn a_recording_is_played_as_it_was_taken() {
    let (_folder, path) = folder();
    for (python, name) in [
        ("GRASP_ANYTHING_PYTHON", "cell.db3"),
        ("GRASP_ANYTHING_PYTHON_BAG", "cell.bag"),
    ] {
        let file = path.join(name);
        let recorded = record(python, &file);
        let seen = play(&file, &[], None).unwrap();
        check_pictures(&recorded, &seen);
        check_lens(&recorded, &seen[0].info);
        check_alignment(&recorded, &seen[0].depth, 1.0);
        let [left, top, right, bottom] = recorded.hole;
        let middle = Point2::new(f64::from(left + right), f64::from(top + bottom)) * 0.5;
        let hole = Lens::intrinsics(&recorded.depth)
            .deproject(&middle, f64::from(recorded.wall_mm) * 1e-3)
            .unwrap();
        let rotation = Matrix3::from_column_slice(&recorded.rotation_columns);
        let hole = rotation * hole + Vector3::from(recorded.translation);
        let pixel = recorded.colour.intrinsics().project(&hole).unwrap();
        let (x, y) = (pixel.x.round() as u32, pixel.y.round() as u32);
        assert_eq!(millimetres(&seen[0].depth, x, y), 0, "the hole stays one");

        let filters = [
            ("decimation", "2"),
            ("spatial", "true"),
            ("temporal", "true"),
            ("hole_filling", "farthest"),
        ];
        let seen = play(&file, &filters, None).unwrap();
        check_pictures(&recorded, &seen);
        let depth = &seen.last().unwrap().depth;
        let filled = i32::from(millimetres(depth, x, y));
        assert!(
            (filled - i32::from(recorded.wall_mm)).abs() < 20,
            "{filled} mm"
        );
        assert!(play(&file, &filters[..1], Some(1)).is_ok());
    }
}

#[test]
#[ignore = "needs PyPI pyrealsense2: make test ALL=1"]
fn a_recording_begins_again_at_its_end() {
    let (_folder, path) = folder();
    let file = path.join("cell.db3");
    let recorded = record("GRASP_ANYTHING_PYTHON", &file);
    let count = 2 * recorded.count as usize;
    let seen = play(&file, &[], Some(count)).unwrap();
    let numbers: Vec<_> = seen.iter().map(|seen| seen.colour.data[0]).collect();
    assert!(
        numbers.windows(2).any(|pair| pair[1] < pair[0]),
        "{numbers:?}"
    );
    let stamps = seen.iter().map(|seen| seen.colour.header.stamp);
    let stamps: Vec<_> = stamps.map(|stamp| (stamp.sec, stamp.nanosec)).collect();
    assert!(
        stamps.is_sorted_by(|a, b| a < b),
        "time goes on: {stamps:?}"
    );
}

#[test]
fn what_is_no_recording_is_told() {
    let (_folder, path) = folder();
    let text = path.join("text.db3");
    std::fs::write(&text, "no recording").unwrap();
    for (file, reason) in [
        (path.join("none.bag"), "No such file"),
        (path.clone(), "not a file"),
        (text, "no recording of librealsense"),
    ] {
        let Err(failure) = play(&file, &[], None) else {
            panic!("{} was played", file.display());
        };
        assert!(
            failure.contains("cannot play") && failure.contains(reason),
            "{failure}"
        );
    }
}

#[test]
fn without_a_camera_the_node_says_so_and_ends_when_asked() {
    let heard = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&heard);
    let mut graph = Graph::new(GraphConfig::default());
    let no_such = ParameterOverrides::new().set("serial", "'000000'").unwrap();
    graph
        .add(NodeSpec::new("listener"), move |node: Node| async move {
            let statuses = node.subscribe::<DiagnosticStatus>("camera/status", Qos::latched())?;
            while let Some(status) = statuses.next().await {
                if status.message != "looking for the camera" {
                    sink.lock().unwrap().clone_from(&status.message);
                    node.request_shutdown();
                }
            }
            Ok::<(), Failure>(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("camera").parameters(no_such), realsense::run)
        .unwrap();
    graph.run_realtime().unwrap();
    let heard = heard.lock().unwrap();
    assert!(heard.contains("plugged in"), "{heard}");
}
