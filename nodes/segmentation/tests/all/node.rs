//! The node on the bus, in lockstep: clicks, refusals, a camera that stops.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Qos, convert};
use camera::Intrinsics;
use msgs::diagnostic_msgs::DiagnosticStatus;
use msgs::geometry_msgs::{Point, PointStamped};
use msgs::sensor_msgs::Image;
use msgs::std_msgs::{Header, String as Text};
use msgs::std_srvs::{Trigger, TriggerRequest};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};

use crate::toy::{GREEN, HEIGHT, RED, Square, WIDTH, manifest, picture};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

const PERIOD: Duration = Duration::from_millis(133);
const RED_AT: [u32; 2] = [30, 30];

/// The camera hangs 1 m above the base, looking down.
fn base_from_camera() -> Isometry3<f64> {
    let down = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI);
    Isometry3::from_parts(Translation3::new(0.0, 0.0, 1.0), down)
}

fn intrinsics() -> Intrinsics {
    Intrinsics::from_hfov(WIDTH, HEIGHT, 1.2).unwrap()
}

/// Publishes `frames` pictures of a red and a green square; with depth, the table lies at 1 m and the
/// middle of the picture shows the foot of the robot at 0.95 m.
async fn camera_node(node: Node, frames: u32, with_depth: bool) -> Outcome {
    let colour = node.publisher("camera/color/image_raw", Qos::sensor_data())?;
    let info = node.publisher("camera/color/camera_info", Qos::sensor_data())?;
    let depth = node.publisher(
        "camera/aligned_depth_to_color/image_raw",
        Qos::sensor_data(),
    )?;
    node.broadcast_static(convert::transform_stamped(
        node.now(),
        "base_link",
        "camera_color_optical_frame",
        &base_from_camera(),
    ))?;
    let urdf = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../urdf/ur5_sih.urdf"
    ))?;
    let model = robot::Model::from_urdf(&urdf, "urdf/ur5_sih.urdf")?;
    let kinematics = robot::Kinematics::new(&model);
    let poses = kinematics.forward(&vec![0.0; kinematics.joint_names().len()])?;
    for link in model.links().iter().filter(|link| link.name != "base_link") {
        node.broadcast_static(convert::transform_stamped(
            node.now(),
            "base_link",
            &link.name,
            &poses.relative("base_link", &link.name)?,
        ))?;
    }
    let description = node.publisher("robot_description", Qos::latched())?;
    description.publish(Text { data: urdf });
    let mut ticks = node.clock().interval(PERIOD);
    for _ in 0..frames {
        let header = Header::new(ticks.tick().await, "camera_color_optical_frame");
        let image = |encoding: &str, per_pixel: u32, data: Vec<u8>| Image {
            header: header.clone(),
            height: HEIGHT,
            width: WIDTH,
            encoding: encoding.into(),
            is_bigendian: 0,
            step: WIDTH * per_pixel,
            data,
        };
        info.publish(intrinsics().to_camera_info(header.clone()));
        colour.publish(image(
            "rgb8",
            3,
            picture(&[
                Square::new(RED_AT[0], RED_AT[1], RED),
                Square::new(95, 20, GREEN),
            ]),
        ));
        if with_depth {
            let metres = |x: u32, y: u32| {
                if x.abs_diff(WIDTH / 2) < 4 && y.abs_diff(HEIGHT / 2) < 4 {
                    950_u16
                } else {
                    1000
                }
            };
            let values =
                (0..HEIGHT).flat_map(|y| (0..WIDTH).flat_map(move |x| metres(x, y).to_le_bytes()));
            depth.publish(image("16UC1", 2, values.collect()));
        }
    }
    node.shutdown().await;
    Ok(())
}

#[derive(Debug, Default)]
struct Seen {
    status: Vec<(f64, DiagnosticStatus)>,
    masks: Vec<(f64, Image)>,
}

impl Seen {
    /// The last status before a time.
    fn at(&self, time: f64) -> (&str, &str) {
        let (_, status) = self.status.iter().rfind(|(t, _)| *t < time).unwrap();
        (&status.message, status.value("reason").unwrap())
    }

    fn reasons(&self) -> String {
        self.status
            .iter()
            .map(|(t, s)| format!("{t:.2} {} {}\n", s.message, s.value("reason").unwrap_or("")))
            .collect()
    }

    fn area(&self, time: f64) -> usize {
        let (_, mask) = self.masks.iter().rfind(|(t, _)| *t < time).unwrap();
        assert_eq!(
            (mask.encoding.as_str(), mask.width, mask.height),
            ("mono8", WIDTH, HEIGHT)
        );
        mask.data.iter().filter(|v| **v != 0).count()
    }
}

async fn recorder(node: Node, seen: Arc<Mutex<Seen>>) -> Outcome {
    let status = node.subscribe::<DiagnosticStatus>("segmentation/status", Qos::reliable(100))?;
    let masks = node.subscribe::<Image>("segmentation/mask", Qos::sensor_data())?;
    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            Some(message) = status.next() => seen.lock().unwrap().status.push((node.now().as_secs_f64(), (*message).clone())),
            Some(message) = masks.next() => seen.lock().unwrap().masks.push((node.now().as_secs_f64(), (*message).clone())),
        }
    }
}

/// What the user does, at times in seconds.
#[derive(Debug, Clone)]
enum Act {
    Click(f64, f64),
    LeftClick(f64, f64),
    OffPoint(f64, f64),
    Point(&'static str, [f64; 3]),
    Reset,
}

async fn user(node: Node, script: Vec<(f64, Act)>, end: f64) -> Outcome {
    let clicks = node.publisher("camera/color/image_raw/mouse_click", Qos::reliable(10))?;
    let left = node.publisher("camera/color/image_raw_mouse_left", Qos::reliable(10))?;
    let points = node.publisher("clicked_point", Qos::reliable(10))?;
    let reset = node.client::<Trigger>("segmentation/reset")?;
    for (time, act) in script {
        node.clock()
            .sleep_until(bus::Time::from_secs_f64(time))
            .await;
        let stamped = |x, y, z| PointStamped {
            point: Point { x, y, z },
            ..PointStamped::default()
        };
        match act {
            Act::Click(x, y) => clicks.publish(stamped(x, y, 0.0)),
            Act::OffPoint(x, y) => clicks.publish(stamped(x, y, 1.0)),
            Act::LeftClick(x, y) => left.publish(Point { x, y, z: 0.0 }),
            Act::Point(frame, [x, y, z]) => points.publish(PointStamped {
                header: Header {
                    frame_id: frame.into(),
                    ..Header::default()
                },
                ..stamped(x, y, z)
            }),
            Act::Reset => assert!(reset.call(TriggerRequest::default()).await?.success),
        }
    }
    node.clock()
        .sleep_until(bus::Time::from_secs_f64(end))
        .await;
    node.request_shutdown();
    Ok(())
}

fn play(frames: u32, with_depth: bool, script: Vec<(f64, Act)>, end: f64) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut graph = Graph::new(GraphConfig::lockstep());
    let model = ParameterOverrides::new()
        .set("model", manifest().to_str().unwrap())
        .unwrap();
    let record = Arc::clone(&seen);
    graph
        .add(NodeSpec::new("recorder"), move |node| {
            recorder(node, record)
        })
        .unwrap();
    graph
        .add(
            NodeSpec::new("segmentation").parameters(model),
            segmentation::node::run,
        )
        .unwrap();
    graph
        .add(NodeSpec::new("camera"), move |node| {
            camera_node(node, frames, with_depth)
        })
        .unwrap();
    graph
        .add(NodeSpec::new("user"), move |node| user(node, script, end))
        .unwrap();
    graph.run_lockstep(Some(Duration::from_secs(60))).unwrap();
    Arc::try_unwrap(seen).unwrap().into_inner().unwrap()
}

#[test]
fn a_click_starts_tracking_and_reset_ends_it() {
    let seen = play(
        20,
        false,
        vec![
            (0.5, Act::Click(30.0, 30.0)),
            (1.5, Act::Reset),
            (1.9, Act::LeftClick(95.0, 20.0)),
        ],
        2.5,
    );
    assert_eq!(seen.at(0.5), ("idle", ""), "{}", seen.reasons());
    assert_eq!(seen.area(0.5), 0);
    // The answer to the click comes before the next frame.
    assert_eq!(seen.at(0.52), ("tracking", ""), "{}", seen.reasons());
    assert!((320..400).contains(&seen.area(0.52)));
    assert_eq!(seen.at(1.5).0, "tracking");
    assert_eq!((seen.at(1.8).0, seen.area(1.8)), ("idle", 0));
    assert_eq!(seen.at(2.4).0, "tracking");
}

#[test]
fn points_in_space_are_projected() {
    let in_camera = intrinsics()
        .deproject(&nalgebra::Point2::new(30.0, 30.0), 1.0)
        .unwrap();
    let in_base = base_from_camera() * in_camera;
    let script = vec![
        (
            0.5,
            Act::Point("base_link", [in_base.x, in_base.y, in_base.z]),
        ),
        (1.0, Act::Reset),
        (1.2, Act::Point("nowhere", [0.0, 0.0, 0.0])),
        (1.5, Act::Point("base_link", [0.0, 0.0, 3.0])),
    ];
    let seen = play(15, true, script, 2.0);
    assert_eq!(seen.at(0.52).0, "tracking", "{}", seen.reasons());
    assert!((320..400).contains(&seen.area(0.52)));
    assert!(
        seen.reasons().contains("no transform from \"nowhere\""),
        "{}",
        seen.reasons()
    );
    assert!(
        seen.reasons().contains("not in front of the camera"),
        "{}",
        seen.reasons()
    );
}

#[test]
fn clicks_on_nothing_are_refused_in_words() {
    let script = vec![
        (0.5, Act::Click(500.0, 10.0)),
        (0.7, Act::Click(60.0, 60.0)),
        (0.9, Act::Click(64.0, 36.0)),
        (1.1, Act::OffPoint(30.0, 30.0)),
        (1.3, Act::Click(f64::NAN, 30.0)),
        (1.5, Act::Click(30.0, 30.0)),
        (1.7, Act::Click(60.0, 60.0)),
    ];
    let seen = play(20, true, script, 2.4);
    let refused: Vec<&str> = seen
        .status
        .iter()
        .filter_map(|(_, s)| s.value("reason"))
        .filter(|reason| reason.starts_with("refused"))
        .collect();
    let expected = [
        "outside the image of 128x72",
        "the table or the background",
        "on the robot",
        "click the object first",
        "not a number",
        "the table",
    ];
    assert_eq!(refused.len(), expected.len(), "{}", seen.reasons());
    for (reason, words) in refused.iter().zip(expected) {
        assert!(reason.contains(words), "{reason} / {words}");
    }
    assert_eq!(
        seen.at(2.3).0,
        "tracking",
        "a refused click leaves the target: {}",
        seen.reasons()
    );
}

#[test]
fn a_click_before_the_first_image_is_refused() {
    let seen = play(0, false, vec![(0.1, Act::Click(30.0, 30.0))], 0.5);
    assert_eq!(
        seen.at(0.4),
        ("idle", "refused: there is no camera image yet")
    );
}

#[test]
fn a_camera_that_stops_is_reported_after_a_second() {
    let seen = play(8, false, vec![(0.5, Act::Click(30.0, 30.0))], 4.0);
    // The last of eight frames comes at 0.93 s.
    assert_eq!(seen.at(1.9).0, "tracking");
    let (status, reason) = seen.at(2.0);
    assert!(
        status == "lost" && reason.contains("the camera has stopped"),
        "{}",
        seen.reasons()
    );
    assert_eq!(
        seen.status
            .iter()
            .filter(|(_, s)| s.message == "lost")
            .count(),
        1,
        "once, not for ever"
    );
}

#[test]
fn a_click_on_the_picture_of_a_stopped_camera_is_refused() {
    let seen = play(8, false, vec![(3.0, Act::Click(30.0, 30.0))], 4.0);
    let (status, reason) = seen.at(4.0);
    assert_eq!(status, "idle");
    assert!(
        reason.contains("refused: the camera has stopped"),
        "{}",
        seen.reasons()
    );
    let (_, last) = seen.status.last().unwrap();
    assert_eq!(last.value("refused"), Some("click (30, 30)"));
}
