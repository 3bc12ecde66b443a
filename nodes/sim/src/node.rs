//! The simulated cell as a node: world, camera and hardware faces on one clock.
//!
//! Every 8 ms of node time the faces take what the robot measures and say where it is to go, and
//! the world makes two steps of 4 ms. At the camera's rate the cell is rendered and published as a
//! RealSense would publish it. Nobody reads the world's state through topics but evaluations, which
//! have `sim/truth` and `sim/instances`.
//!
//! | direction | name | type |
//! |---|---|---|
//! | publishes | `camera/color/image_raw` | sensor_msgs/Image rgb8 |
//! | publishes | `camera/aligned_depth_to_color/image_raw` | sensor_msgs/Image 16UC1, mm, same stamp |
//! | publishes | `camera/color/camera_info` | sensor_msgs/CameraInfo, same stamp |
//! | publishes | `/tf_static` | world, base_link, camera_link, camera_color_optical_frame |
//! | publishes | `sim/truth` | diagnostic_msgs/DiagnosticStatus, for evaluations only, see [`truth`] |
//! | publishes | `sim/instances` | sensor_msgs/Image mono8, for evaluations only: 0 background, 1 robot, 2 and up the objects |
//! | publishes | `/diagnostics` | whether the simulation keeps up with real time |
//! | serves | `sim/reset` | std_srvs/Trigger: the scene of the next seed |
//! | listens | the endpoints `ur_rtde`, `ur_dashboard`, `ur_script`, `sih_bus` | the hardware's own protocols |
//!
//! With `board_picture` there is a printed board on flange or table ([`crate::board`]), to calibrate the camera by; and the
//! parameters `lens_distortion`, `oversampling`, `blur` and `pixel_noise` say what camera it is.
//!
//! In lockstep everything happens in this node's future, in a fixed order. In real time the camera
//! works on a thread of its own, so that a slow frame does not hold up the robot.

mod d455;
mod parameters;
pub mod truth;

use crate::board::{BoardError, Carrier};
use crate::faces::{sih, ur};
use crate::scene::{self, Scene, SceneError};
use crate::world::{World, WorldConfig, WorldError};
use bus::{Node, Publisher, Qos, ServiceServer, Time};
use d455::{CameraHead, Shutter};
use msgs::diagnostic_msgs::{DiagnosticArray, DiagnosticStatus, KeyValue};
use msgs::std_msgs::Header;
use msgs::std_srvs::{Trigger, TriggerResponse};
use nalgebra::{Isometry3, Vector3};
use parameters::Parameters;
use std::time::Duration;
use thiserror::Error;

/// The robot's cycle: the controller's 125 Hz.
const CYCLE: Duration = Duration::from_millis(8);
/// How far the simulation may fall behind real time before it gives time up.
const MOST_BEHIND: Duration = Duration::from_millis(80);
/// Between two reports on real time.
const REPORT_PERIOD: Duration = Duration::from_secs(1);

/// Why the node ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimError {
    /// A topic, service or parameter could not be had.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// An endpoint of a face could not be had.
    #[error(transparent)]
    Network(#[from] bus::NetworkError),
    /// A transform could not be published.
    #[error(transparent)]
    Broadcast(Box<bus::BroadcastError>),
    /// The robot description is wrong.
    #[error(transparent)]
    Model(Box<robot::ModelError>),
    /// The hand's calibration is wrong.
    #[error(transparent)]
    Hand(#[from] robot::HandError),
    /// The register map of the hand is wrong.
    #[error(transparent)]
    RegisterMap(#[from] sih_driver::register_map::RegisterMapError),
    /// The scene cannot be laid out.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// The world cannot be built.
    #[error(transparent)]
    World(Box<WorldError>),
    /// The camera's figures are wrong.
    #[error(transparent)]
    Camera(#[from] ::camera::ModelError),
    /// There is no such board.
    #[error(transparent)]
    Board(#[from] BoardError),
    /// A parameter is not so many numbers.
    #[error("sim: the parameter {name} should be {count} finite numbers")]
    Numbers {
        /// The parameter.
        name: &'static str,
        /// How many there should be.
        count: usize,
    },
}

impl From<robot::ModelError> for SimError {
    fn from(error: robot::ModelError) -> Self {
        Self::Model(Box::new(error))
    }
}

impl From<bus::BroadcastError> for SimError {
    fn from(error: bus::BroadcastError) -> Self {
        Self::Broadcast(Box::new(error))
    }
}

impl From<WorldError> for SimError {
    fn from(error: WorldError) -> Self {
        Self::World(Box::new(error))
    }
}

/// Runs the simulated cell until the graph shuts down.
pub async fn run(node: Node) -> Result<(), SimError> {
    let parameters = Parameters::declare(&node)?;
    let mut world = World::new(&WorldConfig::default(), &parameters.model, &parameters.hand)?;
    let scene = parameters.scene(parameters.seed)?;
    world.reset(&scene)?;
    let arm_face = ur::UrFace::new(
        parameters.arm.clone(),
        arm_reading(&world, Vector3::zeros()),
    );
    let hand_face = sih::SihFace::new(parameters.register_map.clone(), hand_reading(&world));

    d455::broadcast_frames(&node, parameters.mounting)?;
    let head = CameraHead::new(&node, &parameters)?;
    let cell = Cell {
        truth: node.publisher("sim/truth", Qos::reliable(10))?,
        diagnostics: node.publisher("/diagnostics", Qos::reliable(10))?,
        reset: node.serve("sim/reset")?,
        shutter: if node.clock().is_simulated() {
            Shutter::inline(head)
        } else {
            Shutter::threaded(head)
        },
        step_stage: node.stage("physics"),
        next_frame: node.now(),
        next_report: node.now() + REPORT_PERIOD,
        seed: parameters.seed,
        tool_force_n: Vector3::zeros(),
        world,
        arm_face: &arm_face,
        hand_face: &hand_face,
        parameters: &parameters,
        given_up: Duration::ZERO,
        node: &node,
    };
    let network = node.network();
    // Sessions first: what arrived since the last cycle counts for this one.
    tokio::select! {
        biased;
        () = node.shutdown() => Ok(()),
        result = arm_face.serve(network, &parameters.arm_endpoints) => Ok(result?),
        result = hand_face.serve(network, &parameters.hand_endpoint) => Ok(result?),
        result = cell.run() => result,
    }
}

/// The loop that steps the world.
struct Cell<'a> {
    node: &'a Node,
    parameters: &'a Parameters,
    world: World,
    arm_face: &'a ur::UrFace,
    hand_face: &'a sih::SihFace,
    shutter: Shutter,
    truth: Publisher<DiagnosticStatus>,
    diagnostics: Publisher<DiagnosticArray>,
    reset: ServiceServer<Trigger>,
    step_stage: bus::StageTimer,
    next_frame: Time,
    next_report: Time,
    seed: i64,
    /// Mean over the last cycle of what the arm's controller takes for the force at the tool, N, world frame.
    tool_force_n: Vector3<f64>,
    /// Time that the simulation gave up since the last report, because it could not keep up.
    given_up: Duration,
}

impl Cell<'_> {
    async fn run(mut self) -> Result<(), SimError> {
        let mut next = self.node.now();
        loop {
            self.node.clock().sleep_until(next).await;
            let behind = self.node.now().saturating_since(next);
            if behind > MOST_BEHIND {
                self.given_up += behind;
                next += behind;
            }
            while let Some(call) = self.reset.try_next() {
                call.respond(match self.reset_scene() {
                    Ok(()) => TriggerResponse::done(format!("scene of seed {}", self.seed)),
                    Err(error) => TriggerResponse::refused(error.to_string()),
                });
            }
            if next >= self.next_frame {
                self.next_frame += self.parameters.frame_period;
                self.capture(next);
            }
            self.cycle();
            if next >= self.next_report {
                self.report(next);
            }
            next += CYCLE;
        }
    }

    /// One cycle of the robot and two steps of the world.
    fn cycle(&mut self) {
        let _timed = self.step_stage.start();
        let reading = arm_reading(&self.world, self.tool_force_n);
        let arm = self.arm_face.cycle(reading);
        let servos = self
            .hand_face
            .cycle(hand_reading(&self.world), CYCLE.as_secs_f64());
        self.world.set_arm_target(arm.q, arm.qd);
        self.world.set_hand_servo_targets(servos);
        let steps = (CYCLE.as_secs_f64() / self.world.config().physics.dt_s).round() as u32;
        let mut sum_n = Vector3::zeros();
        for _ in 0..steps {
            self.world.step();
            sum_n += tool_force_n(&self.world);
        }
        self.tool_force_n = sum_n / f64::from(steps.max(1));
    }

    fn capture(&mut self, stamp: Time) {
        let truth = (self.truth.subscriber_count() > 0)
            .then(|| (truth::state(&self.world, self.seed), self.truth.clone()));
        let mut visuals = self.world.visuals();
        if let Some(board) = &self.parameters.board {
            let world_from_carrier = match board.carrier() {
                Carrier::World => Some(Isometry3::identity()),
                Carrier::Flange => self.world.link_pose("tool0"),
            };
            if let Some(world_from_carrier) = world_from_carrier {
                board.place(&world_from_carrier, &mut visuals);
            }
        }
        self.shutter.release(visuals, stamp, truth);
    }

    /// The scene of the next seed, with robot and hand as after power-on.
    fn reset_scene(&mut self) -> Result<(), SimError> {
        let seed = self.seed + 1;
        self.world.reset(&self.parameters.scene(seed)?)?;
        self.seed = seed;
        self.tool_force_n = Vector3::zeros();
        self.arm_face.restart(
            self.parameters.arm.clone(),
            arm_reading(&self.world, Vector3::zeros()),
        );
        self.hand_face.restart(
            self.parameters.register_map.clone(),
            hand_reading(&self.world),
        );
        Ok(())
    }

    /// Says on `/diagnostics` whether the simulation keeps up.
    fn report(&mut self, now: Time) {
        self.next_report = now + REPORT_PERIOD;
        let given_up = std::mem::take(&mut self.given_up);
        let keeps_up = given_up.is_zero();
        self.diagnostics.publish(DiagnosticArray {
            header: Header { stamp: now.into(), frame_id: String::new() },
            status: vec![DiagnosticStatus {
                level: if keeps_up { DiagnosticStatus::OK } else { DiagnosticStatus::WARN },
                name: "sim: time".into(),
                message: if keeps_up {
                    "keeps up".into()
                } else {
                    "too slow for real time: lower the image size, the camera rate or the rate factor".into()
                },
                hardware_id: String::new(),
                values: vec![
                    KeyValue::new("given_up_ms", given_up.as_millis()),
                    KeyValue::new("frames_skipped", self.shutter.skipped()),
                    KeyValue::new("packages_dropped", self.arm_face.dropped()),
                ],
            }],
        });
    }
}

impl Parameters {
    fn scene(&self, seed: i64) -> Result<Scene, SceneError> {
        let seed = seed.unsigned_abs();
        if self.object_names.is_empty() {
            scene::generate(self.kind, self.split, seed)
        } else {
            let names: Vec<&str> = self.object_names.iter().map(String::as_str).collect();
            scene::generate_with(&names, seed)
        }
    }
}

/// What the arm's controller takes for the force at the tool, over the last step of the world, N.
///
/// A real controller has no sensor for contact: it takes what the joints need more than expected for
/// a force at the tool. So contact of the hand shows as its net force, and contact anywhere along
/// the arm adds to it.
fn tool_force_n(world: &World) -> Vector3<f64> {
    let hand_n = world.hand_contact_force_n();
    let direction = hand_n.try_normalize(1e-9).unwrap_or_else(Vector3::z);
    hand_n + direction * world.arm_contact_force_n()
}

/// What the arm's controller measures.
fn arm_reading(world: &World, tool_force_n: Vector3<f64>) -> ur::Reading {
    let arm = world.arm();
    let [x, y, z]: [f64; 3] = tool_force_n.into();
    ur::Reading {
        q: arm.q,
        qd: arm.qd,
        torque: arm.torque,
        tcp_force: [x, y, z, 0.0, 0.0, 0.0],
    }
}

/// What the servos of the hand measure. Their ticks fall as the hand closes.
fn hand_reading(world: &World) -> sih::Reading {
    let hand = world.hand();
    sih::Reading {
        ticks: hand.servo_ticks,
        load: hand.servo_load.map(|load| -load),
    }
}
