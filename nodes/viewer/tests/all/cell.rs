//! The simulated cell with all that a grasp needs, and somebody who knows the truth.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Qos};
use msgs::diagnostic_msgs::DiagnosticStatus;
use msgs::sensor_msgs::{Image, JointState};

use crate::running::{Running, Shared, add_viewer};

/// The first two of the simulator's instance ids are background and robot.
const FIRST_OBJECT: u8 = 2;

/// An object on the table, by the simulator's truth.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object {
    pub(crate) name: String,
    /// A pixel well inside of it, where it can be seen.
    pub(crate) pixel: Option<[f64; 2]>,
    /// Its origin in `base_link`, m.
    pub(crate) place: [f64; 3],
}

/// What the watcher knows.
#[derive(Default)]
pub(crate) struct Truth {
    pub(crate) objects: Vec<Object>,
    /// Which object most of the newest mask shows.
    pub(crate) target: Option<usize>,
    /// The supervisor's state.
    pub(crate) state: String,
    /// Speed of the fastest arm joint, rad/s, and since when none has moved.
    pub(crate) speed: f64,
    pub(crate) at_rest_since: Option<Instant>,
}

/// The running cell.
pub(crate) struct Cell {
    pub(crate) running: Running,
    pub(crate) port: u16,
    pub(crate) truth: Shared<Truth>,
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Starts the nodes of launch/cell.launch, with the viewer.
pub(crate) fn start(seed: u32) -> Cell {
    let mut graph = Graph::new(GraphConfig::default());
    let config = project().join("config/lockstep.yaml");
    let with = |pairs: &[(&str, &str)]| {
        let file = ParameterOverrides::new().file(&config).unwrap();
        pairs
            .iter()
            .fold(file, |all, (name, value)| all.set(name, value).unwrap())
    };
    let seed = seed.to_string();
    let sim = with(&[("scene", "clutter3"), ("seed", &seed)]);
    graph
        .add(NodeSpec::new("sim").parameters(sim), sim::node::run)
        .unwrap();
    let arm = NodeSpec::new("ur_driver").owns_robot();
    graph
        .add(arm.parameters(with(&[])), ur_driver::run)
        .unwrap();
    let hand = NodeSpec::new("sih_driver").owns_robot();
    graph
        .add(hand.parameters(with(&[])), sih_driver::run)
        .unwrap();
    graph
        .add(
            NodeSpec::new("robot_state_publisher"),
            ur_driver::robot_state_publisher::run,
        )
        .unwrap();
    let model = project().join("models/segmenter/manifest.yaml");
    let segmentation = with(&[("model", model.to_str().unwrap())]);
    graph
        .add(
            NodeSpec::new("segmentation").parameters(segmentation),
            segmentation::node::run,
        )
        .unwrap();
    graph
        .add(NodeSpec::new("pointcloud"), pointcloud::run)
        .unwrap();
    graph.add(NodeSpec::new("policy"), policy::run).unwrap();
    graph
        .add(NodeSpec::new("supervisor"), supervisor::run)
        .unwrap();
    let truth = Shared::<Truth>::default();
    let shared = Arc::clone(&truth);
    graph
        .add(NodeSpec::new("watcher"), move |node| watch(node, shared))
        .unwrap();
    let port = add_viewer(&mut graph, &[]);
    Cell {
        running: Running::start(graph),
        port,
        truth,
    }
}

async fn watch(
    node: Node,
    truth: Arc<Mutex<Truth>>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let states = node.subscribe::<DiagnosticStatus>("sim/truth", Qos::reliable(10))?;
    let instances = node.subscribe::<Image>("sim/instances", Qos::reliable(2))?;
    let masks = node.subscribe::<Image>("segmentation/mask", Qos::sensor_data())?;
    let joints = node.subscribe::<JointState>("joint_states", Qos::reliable(100))?;
    let supervisor = node.subscribe::<DiagnosticStatus>("supervisor/state", Qos::latched())?;
    let mut recent: VecDeque<Arc<Image>> = VecDeque::new();
    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            Some(joints) = joints.next() => {
                let arm = joints.name.iter().zip(&joints.velocity).filter(|(name, _)| name.ends_with("_joint"));
                let speeds: Vec<f64> = arm.map(|(_, speed)| speed.abs()).collect();
                if !speeds.is_empty() {
                    let mut truth = truth.lock().unwrap();
                    truth.speed = speeds.into_iter().fold(0.0, f64::max);
                    if truth.speed > 0.01 {
                        truth.at_rest_since = None;
                    } else {
                        truth.at_rest_since.get_or_insert_with(Instant::now);
                    }
                }
            }
            Some(state) = states.next() => truth.lock().unwrap().objects = objects(&state),
            Some(state) = supervisor.next() => truth.lock().unwrap().state.clone_from(&state.message),
            Some(image) = instances.next() => {
                recent.push_front(image);
                recent.truncate(20);
            }
            Some(mask) = masks.next() => {
                let same = recent.iter().find(|image| image.header.stamp == mask.header.stamp);
                if let Some(image) = same {
                    truth.lock().unwrap().target = most_of(&mask, image);
                }
            }
            () = node.clock().sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// The object that more than half of the mask shows.
fn most_of(mask: &Image, instances: &Image) -> Option<usize> {
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    let on = mask
        .data
        .iter()
        .zip(&instances.data)
        .filter(|(mask, _)| **mask != 0);
    on.for_each(|(_, id)| *counts.entry(*id).or_default() += 1);
    let all: usize = counts.values().sum();
    let (id, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let object = id.checked_sub(FIRST_OBJECT)?;
    (2 * count > all).then_some(usize::from(object))
}

fn objects(state: &DiagnosticStatus) -> Vec<Object> {
    let numbers = |key: String| -> Option<Vec<f64>> {
        let text = state.value(&key)?;
        text.split(' ').map(|number| number.parse().ok()).collect()
    };
    let count: usize = state.value("objects").unwrap().parse().unwrap();
    (0..count)
        .map(|index| Object {
            name: state
                .value(&format!("object.{index}.name"))
                .unwrap()
                .to_owned(),
            pixel: numbers(format!("object.{index}.click")).map(|pixel| [pixel[0], pixel[1]]),
            place: numbers(format!("object.{index}.pose"))
                .map_or([f64::NAN; 3], |pose| [pose[0], pose[1], pose[2]]),
        })
        .collect()
}
