//! The node: the target and the joints in, joint trajectories out, one step for each frame of the camera.
//!
//! Subscribes `target/points`, `target/box`, `target/surroundings`, `joint_states` and `arm/wrench`; publishes `arm/command`, `hand/command` and
//! `policy/status`; serves `policy/start` and `policy/stop`. What a policy asks for is only ever sent while it runs, and
//! goes through the drivers' limits; when it gives nonsense, the robot holds and the status says why.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bus::{BusError, Call, Node, ParameterSpec, Publisher, Qos, Subscription, Time};
use inference::ModelOptions;
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};
use msgs::geometry_msgs::WrenchStamped;
use msgs::sensor_msgs::{JointState, PointCloud2};
use msgs::std_msgs::Header;
use msgs::std_srvs::{Trigger, TriggerResponse};
use msgs::trajectory_msgs::{JointTrajectory, JointTrajectoryPoint};
use msgs::visualization_msgs::Marker;
use nalgebra::{Point3, Vector3};
use pointcloud::message;
use robot::hand::{JOINTS as HAND_JOINTS, LED_JOINTS};
use robot::{Hand, HandError, Kinematics, KinematicsError, Model, ModelError, ur5};

use crate::geometric::{Geometric, Input, Object, PlanError};
use crate::learned::{Learned, LearnedError};
use crate::manifest::{Builtin, Engine as EngineManifest, Manifest, ManifestError};
use crate::snapshot::{Measured, Poses, Snapshot, Target, Velocities};

const GEOMETRIC: &str = include_str!("../../../models/policies/geometric.yaml");
const URDF: &str = include_str!("../../../urdf/ur5_sih.urdf");
const HAND: &str = include_str!("../../../calibration/sih_right.yaml");

/// Boxes that are kept until their cloud comes.
const KEPT_BOXES: usize = 4;

/// Age from which a target counts as not seen when a start is asked for.
const TARGET_AGE: Duration = Duration::from_secs(1);

/// Why the node stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The bus refused something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The learned policy cannot be loaded.
    #[error(transparent)]
    Learned(#[from] LearnedError),
    /// The robot's description is wrong.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The hand's calibration is wrong.
    #[error(transparent)]
    Hand(#[from] HandError),
    /// The robot is not the one that policies are for.
    #[error("the robot is not a UR5 with an SIH hand: {0}")]
    Robot(#[from] KinematicsError),
}

/// Runs the node until shutdown.
pub async fn run(node: Node) -> Result<(), NodeError> {
    let mut policy = PolicyNode::new(node)?;
    let mut start = policy.node.serve::<Trigger>("policy/start")?;
    let mut stop = policy.node.serve::<Trigger>("policy/stop")?;
    let points = policy
        .node
        .subscribe::<PointCloud2>("target/points", Qos::reliable(2))?;
    policy.publish_status("idle", "not started");
    loop {
        tokio::select! {
            biased;
            call = stop.next() => {
                let Some(call) = call else { return Ok(()) };
                // A start that came before the stop must not outlive it.
                while let Some(start) = start.try_next() {
                    start.respond(TriggerResponse::refused("stopped before it began"));
                }
                policy.stop("stopped");
                call.respond(TriggerResponse::done("stopped"));
            }
            call = start.next() => {
                let Some(call) = call else { return Ok(()) };
                policy.start(call);
            }
            cloud = points.next() => {
                let Some(cloud) = cloud else { return Ok(()) };
                policy.frame(&cloud);
            }
        }
    }
}

/// What computes the targets.
enum Engine {
    Geometric(Box<Geometric>),
    Learned(Box<Learned>),
}

/// What one step came to.
struct Step {
    arm: Option<([f64; 6], Option<[f64; 6]>)>,
    hand: Option<[f64; 5]>,
    phase: &'static str,
}

/// Why a step gave nothing.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Learned(#[from] LearnedError),
    #[error(transparent)]
    Kinematics(#[from] KinematicsError),
    #[error("the {0} of the robot is not known; is its driver running?")]
    Unknown(&'static str),
    #[error("the policy gave {value} for {joint}; the robot holds")]
    NotFinite { joint: &'static str, value: f64 },
}

struct PolicyNode {
    node: Node,
    manifest: Manifest,
    engine: Engine,
    kinematics: Kinematics,
    goal: Point3<f64>,
    boxes: Subscription<Marker>,
    /// The newest boxes, newest first.
    recent_boxes: VecDeque<Arc<Marker>>,
    around: Subscription<PointCloud2>,
    surroundings: Vec<Point3<f32>>,
    joint_states: Subscription<JointState>,
    wrenches: Subscription<WrenchStamped>,
    /// Force at the tool as last felt, N.
    contact_n: f64,
    arm_command: Publisher<JointTrajectory>,
    hand_command: Publisher<JointTrajectory>,
    status: Publisher<DiagnosticStatus>,
    stage: bus::StageTimer,
    /// Position, velocity and effort of each joint.
    joints: BTreeMap<String, [f64; 3]>,
    target: Option<(Target, Time)>,
    is_seen_now: bool,
    running: Option<Running>,
}

/// State of a run.
struct Running {
    step: u32,
    last_step: Option<Time>,
    arm_targets: [f64; 6],
    hand_targets: [f64; 5],
    poses: Option<Poses>,
}

impl PolicyNode {
    fn new(node: Node) -> Result<Self, NodeError> {
        let manifest_file =
            node.parameter(ParameterSpec::<String>::new("manifest", "").describe(
                "the policy's manifest; empty: models/policies/geometric.yaml as built in",
            ))?;
        let urdf_file = node.parameter(
            ParameterSpec::<String>::new("urdf", "")
                .describe("robot description; empty: urdf/ur5_sih.urdf as built in"),
        )?;
        let hand_file = node
            .parameter(ParameterSpec::<String>::new("hand", "").describe(
                "calibration of the hand; empty: calibration/sih_right.yaml as built in",
            ))?;
        let threads = node.parameter(
            ParameterSpec::<i64>::new("threads", 1)
                .describe("threads that a network may use")
                .range(1..=64),
        )?;
        let manifest_file = PathBuf::from(manifest_file.get());
        let (manifest, folder) = if manifest_file.as_os_str().is_empty() {
            (
                Manifest::from_yaml(GEOMETRIC, "geometric.yaml (built in)")?,
                Path::new(".").to_owned(),
            )
        } else {
            let folder = manifest_file.parent().unwrap_or(Path::new(".")).to_owned();
            (Manifest::from_file(&manifest_file)?, folder)
        };
        let model = match urdf_file.get().as_str() {
            "" => Model::from_urdf(URDF, "urdf/ur5_sih.urdf (built in)")?,
            file => Model::from_file(file)?,
        };
        let hand = match hand_file.get().as_str() {
            "" => Hand::from_yaml(HAND, "calibration/sih_right.yaml (built in)")?,
            file => Hand::from_file(file)?,
        };
        let kinematics = Kinematics::new(&model);
        let step_s = 1.0 / manifest.rate_hz;
        let defaults = crate::geometric::Settings::default();
        let (engine, goal) = match &manifest.engine {
            EngineManifest::Builtin(Builtin::Geometric(settings)) => {
                let geometric = Geometric::new(&model, &hand, (**settings).clone(), step_s)?;
                (Engine::Geometric(Box::new(geometric)), settings.goal_m)
            }
            EngineManifest::Network(_) => {
                let rest = kinematics.positions([])?;
                let tool0_from_palm = kinematics.forward(&rest)?.relative("tool0", "palm")?;
                let threads = usize::try_from(threads.get()).ok();
                let options = ModelOptions {
                    threads,
                    ..ModelOptions::default()
                };
                let learned = Learned::load(&manifest, &folder, &hand, tool0_from_palm, &options)?;
                (Engine::Learned(Box::new(learned)), defaults.goal_m)
            }
        };
        Ok(Self {
            boxes: node.subscribe("target/box", Qos::reliable(KEPT_BOXES))?,
            recent_boxes: VecDeque::new(),
            around: node.subscribe("target/surroundings", Qos::reliable(2))?,
            surroundings: Vec::new(),
            joint_states: node.subscribe("joint_states", Qos::reliable(50))?,
            wrenches: node.subscribe("arm/wrench", Qos::reliable(1))?,
            contact_n: 0.0,
            arm_command: node.publisher("arm/command", Qos::reliable(10))?,
            hand_command: node.publisher("hand/command", Qos::reliable(10))?,
            status: node.publisher("policy/status", Qos::reliable(10))?,
            stage: node.stage("policy"),
            joints: BTreeMap::new(),
            target: None,
            is_seen_now: false,
            running: None,
            goal: goal.into(),
            manifest,
            engine,
            kinematics,
            node,
        })
    }

    fn start(&mut self, call: Call<Trigger>) {
        self.read_joints();
        let now = self.node.now();
        let fresh = self
            .target
            .as_ref()
            .is_some_and(|(_, seen)| now.saturating_since(*seen) <= TARGET_AGE);
        let measured = match self.measured() {
            Ok(measured) if fresh => measured,
            Ok(_) => {
                return call.respond(TriggerResponse::refused(
                    "the target is not seen; point at an object first",
                ));
            }
            Err(error) => return call.respond(TriggerResponse::refused(error.to_string())),
        };
        match &mut self.engine {
            Engine::Geometric(geometric) => geometric.reset(),
            Engine::Learned(learned) => learned.reset(),
        }
        self.running = Some(Running {
            step: 0,
            last_step: None,
            arm_targets: measured.arm,
            hand_targets: measured.led(),
            poses: None,
        });
        self.publish_status("approach", &self.manifest.name);
        call.respond(TriggerResponse::done(format!(
            "{} runs",
            self.manifest.name
        )));
    }

    fn stop(&mut self, reason: &str) {
        if let Some(running) = self.running.take() {
            // What was commanded last may have been in motion: ask for rest there.
            self.command_arm(running.arm_targets, Some([0.0; 6]));
            self.publish_status("idle", reason);
        }
    }

    /// A frame of the camera came through: look, and step if it is time.
    fn frame(&mut self, cloud: &PointCloud2) {
        self.look(cloud);
        self.read_joints();
        let now = self.node.now();
        let period = Duration::from_secs_f64(1.0 / self.manifest.rate_hz);
        let Some(mut running) = self.running.take() else {
            return;
        };
        // Cameras may be faster than the policy; a tenth of a period is jitter.
        let too_early = |last: Time| now.saturating_since(last) < period.mul_f64(0.9);
        if running.last_step.is_some_and(too_early) {
            self.running = Some(running);
            return;
        }
        running.last_step = Some(now);
        let timer = self.stage.start();
        let result = self.step(&mut running);
        drop(timer);
        match result {
            Ok(step) => {
                if let Some((arm, velocity)) = step.arm {
                    running.arm_targets = arm;
                    self.command_arm(arm, velocity);
                }
                if let Some(hand) = step.hand {
                    running.hand_targets = hand;
                    self.hand_command
                        .publish(self.trajectory(&LED_JOINTS, &hand, None));
                }
                running.step += 1;
                let count = format!("step {} of {}", running.step, self.manifest.steps);
                if running.step >= self.manifest.steps {
                    self.command_arm(running.arm_targets, Some([0.0; 6]));
                    self.publish_status("done", &count);
                } else {
                    self.publish_status(step.phase, &count);
                    self.running = Some(running);
                }
            }
            Err(error) => {
                tracing::warn!("the policy stopped: {error}");
                self.command_arm(running.arm_targets, Some([0.0; 6]));
                self.publish_status("failed", &error.to_string());
            }
        }
    }

    fn look(&mut self, cloud: &PointCloud2) {
        // After a step longer than a frame, the newest box may be of a later cloud than this one.
        while let Some(marker) = self.boxes.try_next() {
            self.recent_boxes.push_front(marker);
        }
        self.recent_boxes.truncate(KEPT_BOXES);
        let bounds = self
            .recent_boxes
            .iter()
            .find(|marker| marker.header.stamp == cloud.header.stamp)
            .and_then(|marker| match message::decode_box(marker) {
                Ok(bounds) => bounds,
                Err(error) => {
                    tracing::warn!("target/box: {error}");
                    None
                }
            });
        let points = message::decode_points(cloud).unwrap_or_else(|error| {
            tracing::warn!("target/points: {error}");
            Vec::new()
        });
        if let Some(around) = self.around.latest() {
            self.surroundings = message::decode_points(&around).unwrap_or_else(|error| {
                tracing::warn!("target/surroundings: {error}");
                Vec::new()
            });
        }
        self.is_seen_now = false;
        if let Some(bounds) = bounds.filter(|_| !points.is_empty()) {
            self.target = Some((Target { points, bounds }, self.node.now()));
            self.is_seen_now = true;
        }
    }

    fn read_joints(&mut self) {
        if let Some(felt) = self.wrenches.latest() {
            let force = felt.wrench.force;
            self.contact_n = Vector3::new(force.x, force.y, force.z).norm();
        }
        while let Some(message) = self.joint_states.try_next() {
            for (index, name) in message.name.iter().enumerate() {
                let number =
                    |list: &[f64]| list.get(index).copied().filter(|number| number.is_finite());
                if let Some(position) = number(&message.position) {
                    let rest = [number(&message.velocity), number(&message.effort)]
                        .map(Option::unwrap_or_default);
                    self.joints
                        .insert(name.clone(), [position, rest[0], rest[1]]);
                }
            }
        }
    }

    fn measured(&self) -> Result<Measured, StepError> {
        let find = |name: &str| self.joints.get(name).copied();
        let arm = ur5::JOINTS.map(find);
        let hand = HAND_JOINTS.map(find);
        if arm.iter().any(Option::is_none) {
            return Err(StepError::Unknown("arm"));
        }
        if hand.iter().any(Option::is_none) {
            return Err(StepError::Unknown("hand"));
        }
        let arm = arm.map(Option::unwrap_or_default);
        let hand = hand.map(Option::unwrap_or_default);
        Ok(Measured {
            arm: arm.map(|[position, ..]| position),
            arm_velocity: arm.map(|[_, velocity, _]| velocity),
            hand: hand.map(|[position, ..]| position),
            hand_velocity: hand.map(|[_, velocity, _]| velocity),
            hand_load: hand.map(|[.., load]| load),
        })
    }

    fn step(&mut self, running: &mut Running) -> Result<Step, StepError> {
        let measured = self.measured()?;
        let step = match &mut self.engine {
            Engine::Geometric(geometric) => {
                let object =
                    self.target
                        .as_ref()
                        .filter(|_| self.is_seen_now)
                        .map(|(target, _)| Object {
                            bounds: target.bounds,
                            points: target.points.clone(),
                            surroundings: self.surroundings.clone(),
                        });
                let output = geometric.step(&Input {
                    arm: &measured.arm,
                    load: &measured.led_load(),
                    contact_n: self.contact_n,
                    object: object.as_ref(),
                })?;
                Step {
                    arm: output.arm.map(|arm| (arm, Some(output.arm_velocity))),
                    hand: output.hand,
                    phase: output.phase.name(),
                }
            }
            Engine::Learned(learned) => {
                let poses = Poses::of(&self.kinematics, &measured.arm, &measured.hand)?;
                let velocities = running
                    .poses
                    .as_ref()
                    .map_or_else(Velocities::default, |before| {
                        poses.velocities_since(before, 1.0 / self.manifest.rate_hz)
                    });
                running.poses = Some(poses.clone());
                let targets = learned.step(&Snapshot {
                    measured,
                    arm_targets: running.arm_targets,
                    hand_targets: running.hand_targets,
                    target: self.target.as_ref().map(|(target, _)| target.clone()),
                    goal: self.goal,
                    previous_action: Vec::new(),
                    poses,
                    velocities,
                })?;
                Step {
                    arm: Some((targets.arm, None)),
                    hand: Some(targets.hand),
                    phase: "approach",
                }
            }
        };
        check_finite(&step)?;
        Ok(step)
    }

    fn command_arm(&self, positions: [f64; 6], velocities: Option<[f64; 6]>) {
        self.arm_command.publish(self.trajectory(
            &ur5::JOINTS,
            &positions,
            velocities.as_ref().map(|v| &v[..]),
        ));
    }

    /// One point, a control step ahead.
    fn trajectory(
        &self,
        joints: &[&str],
        positions: &[f64],
        velocities: Option<&[f64]>,
    ) -> JointTrajectory {
        JointTrajectory {
            header: Header::new(self.node.now(), ""),
            joint_names: joints.iter().map(|name| (*name).to_owned()).collect(),
            points: vec![JointTrajectoryPoint {
                positions: positions.to_vec(),
                velocities: velocities.map(<[f64]>::to_vec).unwrap_or_default(),
                time_from_start: Duration::from_secs_f64(1.0 / self.manifest.rate_hz).into(),
                ..JointTrajectoryPoint::default()
            }],
        }
    }

    fn publish_status(&self, message: &str, reason: &str) {
        let failed = message == "failed";
        self.status.publish(DiagnosticStatus {
            level: if failed {
                DiagnosticStatus::ERROR
            } else {
                DiagnosticStatus::OK
            },
            name: "policy".to_owned(),
            message: message.to_owned(),
            values: vec![
                KeyValue::new("reason", reason),
                KeyValue::new("policy", &self.manifest.name),
                KeyValue::new(
                    "step",
                    self.running.as_ref().map_or(0, |running| running.step),
                ),
            ],
            ..DiagnosticStatus::default()
        });
    }
}

/// Whatever computed the targets: nothing but numbers leaves this node.
fn check_finite(step: &Step) -> Result<(), StepError> {
    let arm = step
        .arm
        .iter()
        .flat_map(|(arm, _)| ur5::JOINTS.into_iter().zip(*arm));
    let velocity = step
        .arm
        .iter()
        .flat_map(|(_, velocity)| velocity)
        .flat_map(|v| ur5::JOINTS.into_iter().zip(*v));
    let hand = step
        .hand
        .iter()
        .flat_map(|hand| LED_JOINTS.into_iter().zip(*hand));
    match arm
        .chain(velocity)
        .chain(hand)
        .find(|(_, value)| !value.is_finite())
    {
        Some((joint, value)) => Err(StepError::NotFinite { joint, value }),
        None => Ok(()),
    }
}
