//! The simulated cell as a node, with physics, camera and the real drivers, in lockstep.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail, its helpers included"
)]

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Qos};
use msgs::diagnostic_msgs::DiagnosticStatus;
use msgs::sensor_msgs::{CameraInfo, Image, JointState};
use msgs::std_srvs::{Trigger, TriggerRequest};
use msgs::trajectory_msgs::{JointTrajectory, JointTrajectoryPoint};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Failure = Box<dyn Error + Send + Sync>;

const WIDTH: u32 = 80;
const HEIGHT: u32 = 60;

/// What the watching node saw.
#[derive(Debug, Clone, Default)]
struct Seen {
    color: Vec<Image>,
    depth: Vec<Image>,
    info: Vec<CameraInfo>,
    truth: Vec<DiagnosticStatus>,
    joints: BTreeMap<String, f64>,
    arm: Vec<String>,
    camera_height: f64,
    tool_height: f64,
    reset: Option<String>,
}

impl Seen {
    fn hashes(&self) -> Vec<&str> {
        self.truth
            .iter()
            .filter_map(|truth| truth.value("state_hash"))
            .collect()
    }
}

/// Runs the cell for a while; the arm is told to move, and at `reset_at` the scene is replaced.
fn run(length: Duration, reset_at: Option<Duration>) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut graph = Graph::new(GraphConfig::lockstep());
    let parameters = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .fold(ParameterOverrides::new(), |parameters, (name, value)| {
                parameters.set(name, value).unwrap()
            })
    };
    let sim = parameters(&[
        ("scene", "single"),
        ("seed", "3"),
        ("width", &WIDTH.to_string()),
        ("height", &HEIGHT.to_string()),
        ("ur_rtde", "memory://ur/rtde"),
        ("ur_dashboard", "memory://ur/dashboard"),
        ("ur_script", "memory://ur/script"),
        ("sih_bus", "memory://sih"),
    ]);
    graph
        .add(NodeSpec::new("sim").parameters(sim), sim::node::run)
        .unwrap();
    let arm = parameters(&[
        ("rtde", "memory://ur/rtde"),
        ("dashboard", "memory://ur/dashboard"),
        ("script", "memory://ur/script"),
    ]);
    graph
        .add(
            NodeSpec::new("ur_driver").owns_robot().parameters(arm),
            ur_driver::run,
        )
        .unwrap();
    let hand = parameters(&[("bus", "memory://sih")]);
    graph
        .add(
            NodeSpec::new("sih_driver").owns_robot().parameters(hand),
            sih_driver::run,
        )
        .unwrap();
    graph
        .add(
            NodeSpec::new("robot_state_publisher"),
            ur_driver::robot_state_publisher::run,
        )
        .unwrap();
    let shared = Arc::clone(&seen);
    graph
        .add(NodeSpec::new("watcher"), move |node| {
            watch(node, shared, reset_at)
        })
        .unwrap();
    graph.run_lockstep(Some(length)).unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

async fn watch(
    node: Node,
    seen: Arc<Mutex<Seen>>,
    reset_at: Option<Duration>,
) -> Result<(), Failure> {
    let color = node.subscribe::<Image>("camera/color/image_raw", Qos::reliable(2))?;
    let depth =
        node.subscribe::<Image>("camera/aligned_depth_to_color/image_raw", Qos::reliable(2))?;
    let info = node.subscribe::<CameraInfo>("camera/color/camera_info", Qos::reliable(2))?;
    let truth = node.subscribe::<DiagnosticStatus>("sim/truth", Qos::reliable(2))?;
    let joints = node.subscribe::<JointState>("joint_states", Qos::reliable(100))?;
    let arm = node.subscribe::<DiagnosticStatus>("arm/status", Qos::reliable(10))?;
    let commands = node.publisher::<JointTrajectory>("arm/command", Qos::reliable(10))?;
    let look = async {
        while let Some(image) = color.next().await {
            let stamp = image.header.stamp.into();
            let mut seen = seen.lock().unwrap();
            seen.color.push((*image).clone());
            seen.depth
                .push((*depth.try_next().expect("depth comes with colour")).clone());
            seen.info.push(
                (*info
                    .try_next()
                    .expect("the camera's figures come with colour"))
                .clone(),
            );
            seen.truth
                .extend(truth.try_next().map(|truth| (*truth).clone()));
            while let Some(state) = joints.try_next() {
                seen.joints.extend(
                    state
                        .name
                        .iter()
                        .cloned()
                        .zip(state.position.iter().copied()),
                );
            }
            while let Some(status) = arm.try_next() {
                seen.arm.push(status.message.clone());
            }
            if let Ok(base_from_camera) =
                node.tf()
                    .lookup("base_link", "camera_color_optical_frame", stamp)
            {
                seen.camera_height = base_from_camera.translation.z;
            }
            if let Ok((base_from_tool, _)) = node.tf().lookup_latest("base_link", "tool0") {
                seen.tool_height = base_from_tool.translation.z;
            }
        }
    };
    let command = async {
        node.clock().sleep(Duration::from_secs(1)).await;
        let mut q = robot::ur5::RESET_POSE;
        q[0] += 0.3;
        commands.publish(JointTrajectory {
            joint_names: robot::ur5::JOINTS.map(str::to_owned).to_vec(),
            points: vec![JointTrajectoryPoint {
                positions: q.to_vec(),
                velocities: vec![0.0; 6],
                time_from_start: msgs::builtin_interfaces::Duration { sec: 1, nanosec: 0 },
                ..JointTrajectoryPoint::default()
            }],
            ..JointTrajectory::default()
        });
    };
    let reset = async {
        if let Some(at) = reset_at {
            node.clock().sleep(at).await;
            let answer = node
                .client::<Trigger>("sim/reset")?
                .call(TriggerRequest {})
                .await?;
            seen.lock().unwrap().reset = Some(answer.message);
        }
        Ok::<_, Failure>(())
    };
    let ((), (), reset) = futures::join!(look, command, reset);
    reset
}

#[test]
fn the_camera_publishes_as_a_realsense_does_and_the_drivers_move_the_robot() {
    let seen = run(Duration::from_millis(2500), None);
    // One at the start, before anybody listens, and 18 more.
    assert_eq!(seen.color.len(), 18);
    for ((color, depth), info) in seen.color.iter().zip(&seen.depth).zip(&seen.info) {
        assert_eq!(
            [color.header.stamp, depth.header.stamp],
            [info.header.stamp; 2]
        );
        assert_eq!(
            (color.width, color.height, color.encoding.as_str()),
            (WIDTH, HEIGHT, "rgb8")
        );
        assert_eq!(color.data.len(), (WIDTH * HEIGHT * 3) as usize);
        assert_eq!(
            (depth.width, depth.height, depth.encoding.as_str()),
            (WIDTH, HEIGHT, "16UC1")
        );
        assert_eq!(depth.data.len(), (WIDTH * HEIGHT * 2) as usize);
        assert_eq!((info.width, info.height), (WIDTH, HEIGHT));
    }
    // The table is between 0.3 and 1.5 m away.
    let middle = ((HEIGHT / 2 * WIDTH + WIDTH / 2) * 2) as usize;
    let depth_mm = u16::from_le_bytes([seen.depth[0].data[middle], seen.depth[0].data[middle + 1]]);
    assert!((300..1500).contains(&depth_mm), "{depth_mm} mm");

    let truth = seen.truth.last().unwrap();
    assert_eq!(
        (truth.message.as_str(), truth.value("objects")),
        ("ok", Some("1"))
    );
    let visible: usize = truth.value("object.0.visible_px").unwrap().parse().unwrap();
    assert!(
        visible > 4 && truth.value("object.0.click").is_some(),
        "{truth:?}"
    );

    assert_eq!(seen.arm.last().map(String::as_str), Some("ready"));
    assert_eq!(seen.joints.len(), 17);
    let pan = seen.joints["shoulder_pan_joint"];
    assert!((pan - 0.9985).abs() < 0.01, "the arm is at {pan}");
    assert!((seen.camera_height - 0.5).abs() < 1e-9);
    let expected = robot::ur5::forward(&robot::ur5::JOINTS.map(|joint| seen.joints[joint]))
        .translation
        .z;
    assert!(
        (seen.tool_height - expected).abs() < 1e-3,
        "{} {expected}",
        seen.tool_height
    );
}

#[test]
fn two_runs_of_a_seed_are_equal_bit_for_bit_pictures_included() {
    let [first, second] = [(), ()].map(|()| run(Duration::from_millis(1500), None));
    assert!(first.hashes().len() > 8);
    assert_eq!(first.hashes(), second.hashes());
    assert_eq!(first.color, second.color);
    assert_eq!(first.depth, second.depth);
}

#[test]
fn a_reset_lays_out_the_next_scene_and_the_drivers_come_back() {
    let seen = run(Duration::from_secs(4), Some(Duration::from_secs(2)));
    assert_eq!(seen.reset.as_deref(), Some("scene of seed 4"));
    assert_eq!(seen.truth.last().unwrap().value("seed"), Some("4"));
    assert_eq!(seen.arm.last().map(String::as_str), Some("ready"));
    assert!(
        (seen.joints["shoulder_pan_joint"] - 0.6985).abs() < 0.01,
        "back at the reset pose"
    );
}
