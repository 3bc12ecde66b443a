//! The node: connections to the controller on one side, topics and services on the other.

use crate::arm::{Arm, Wish};
use crate::control_program::{RobotState, SOURCE, SetPoint};
use crate::dashboard::{self, Command, DashboardError};
use crate::mode::{RobotMode, RuntimeState, SafetyMode};
use crate::parameters::Parameters;
use crate::rtde::{Client, Event, RtdeError};
use arm_gate::{Condition, Gate};
use bus::{Call, Endpoint, Node, Publisher, Qos, ServiceServer, Stream, Subscription, Time};
use lifecycle::{Ending, Managed, PrimaryState, Until, manage};
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};
use msgs::geometry_msgs::{Vector3, Wrench, WrenchStamped};
use msgs::sensor_msgs::JointState;
use msgs::std_msgs::Header;
use msgs::std_srvs::{Trigger, TriggerResponse};
use msgs::trajectory_msgs::JointTrajectory;
use std::time::Duration;
use thiserror::Error;
use tokio::io::AsyncWriteExt as _;

/// The controller's rate (CB3).
const RATE_HZ: f64 = 125.0;
/// A connection that is silent for this long is dead.
const SILENCE: Duration = Duration::from_millis(500);
/// How long the controller may take to answer while a connection is set up.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// Between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
/// Between two status messages.
const STATUS_PERIOD: Duration = Duration::from_millis(100);
/// How long a reset may take until the arm is ready.
const RESET_TIME: Duration = Duration::from_secs(10);
/// How long the arm may take to come to rest at shutdown.
const STOP_TIME: Duration = Duration::from_secs(1);

/// Why the node ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UrDriverError {
    /// A topic, service or parameter could not be had.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// An endpoint is wrong.
    #[error(transparent)]
    Network(#[from] bus::NetworkError),
    /// The limits are wrong.
    #[error(transparent)]
    Limits(#[from] arm_gate::LimitsError),
    /// The robot description is wrong.
    #[error(transparent)]
    Model(Box<robot::ModelError>),
    /// A transform could not be published.
    #[error(transparent)]
    Broadcast(Box<bus::BroadcastError>),
}

impl From<robot::ModelError> for UrDriverError {
    fn from(error: robot::ModelError) -> Self {
        Self::Model(Box::new(error))
    }
}

impl From<bus::BroadcastError> for UrDriverError {
    fn from(error: bus::BroadcastError) -> Self {
        Self::Broadcast(Box::new(error))
    }
}

/// Why a connection ended.
#[derive(Debug, Error)]
enum Lost {
    #[error(transparent)]
    Network(#[from] bus::NetworkError),
    #[error(transparent)]
    Rtde(#[from] RtdeError),
    #[error("the controller has been silent for {} ms", SILENCE.as_millis())]
    Silent,
    #[error("the controller does not answer")]
    NoAnswer,
}

/// Runs the driver until the graph shuts down.
///
/// The node keeps trying to reach the controller, so that it may be started before the controller
/// and outlives its restarts.
pub async fn run(node: Node) -> Result<(), UrDriverError> {
    let parameters = Parameters::declare(&node)?;
    let arm = Arm::new(Gate::new(&parameters.limits)?, parameters.power_on);
    let mut driver = Driver {
        commands: node.subscribe("arm/command", Qos::reliable(10))?,
        all_joints: node.subscribe("joint_states", Qos::sensor_data())?,
        joint_states: node.publisher("joint_states", Qos::reliable(10))?,
        wrench: node.publisher("arm/wrench", Qos::reliable(10))?,
        status: node.publisher("arm/status", Qos::latched())?,
        stop: node.serve("arm/stop")?,
        reset: node.serve("arm/reset")?,
        pending_reset: None,
        tried_to_connect: false,
        next_status: node.now(),
        cycle_stage: node.stage("cycle"),
        state: RobotState::default(),
        arm,
        parameters,
        node,
    };
    let node = driver.node.clone();
    manage(&node, &mut driver).await?;
    driver.arm.disconnected("the driver has ended");
    driver.publish_status();
    Ok(())
}

struct Driver {
    node: Node,
    parameters: Parameters,
    arm: Arm,
    state: RobotState,
    commands: Subscription<JointTrajectory>,
    all_joints: Subscription<JointState>,
    joint_states: Publisher<JointState>,
    wrench: Publisher<WrenchStamped>,
    status: Publisher<DiagnosticStatus>,
    stop: ServiceServer<Trigger>,
    reset: ServiceServer<Trigger>,
    /// A reset that waits for the arm to be ready, and until when.
    pending_reset: Option<(Call<Trigger>, Time)>,
    tried_to_connect: bool,
    next_status: Time,
    cycle_stage: bus::StageTimer,
}

type Session = Client<Box<dyn Stream>, RobotState, SetPoint>;

impl Managed for Driver {
    type Error = UrDriverError;

    async fn active(&mut self, until: &Until) -> Result<(), UrDriverError> {
        self.next_status = self.node.now();
        while !until.is_reached() {
            let connected = self.wait_for_connection(until).await;
            let lost = match connected {
                None => break,
                Some(Ok(mut session)) => match self.session(&mut session, until).await {
                    Ok(()) => break,
                    Err(lost) => lost,
                },
                Some(Err(lost)) => lost,
            };
            let lost = lost.to_string();
            if self.arm.gate().reason() != lost {
                tracing::warn!("no connection to the arm: {lost}; trying again");
            }
            self.arm.disconnected(&lost);
            self.refuse_pending_reset("the connection to the controller was lost");
            self.publish_status();
        }
        self.refuse_pending_reset("the driver is no longer active");
        Ok(())
    }

    async fn at_rest(&mut self, state: PrimaryState) {
        let node = self.node.clone();
        let reason = format!("the driver {}", state.refusal());
        loop {
            self.arm.inactive(&reason);
            tokio::select! {
                biased;
                Some(call) = self.stop.next() => {
                    self.arm.stop("stopped on request");
                    call.respond(TriggerResponse::done(format!("stopped; {reason}")));
                }
                Some(call) = self.reset.next() => call.respond(TriggerResponse::refused(&reason)),
                Some(command) = self.commands.next() => self.arm.command(&command, 0.0),
                () = node.clock().sleep_until(self.next_status) => self.publish_status(),
            }
        }
    }
}

impl Driver {
    /// Connects; meanwhile tells that it does not have a connection, and answers to services.
    /// `None` when the driver is to be active no more.
    async fn wait_for_connection(&mut self, until: &Until) -> Option<Result<Session, Lost>> {
        let node = self.node.clone();
        let endpoint = self.parameters.rtde.clone();
        let again = std::mem::replace(&mut self.tried_to_connect, true);
        let connect = async {
            if again {
                node.clock().sleep(RECONNECT_PAUSE).await;
            }
            let stream = node.network().connect(&endpoint).await?;
            within(&node, ANSWER_TIME, Client::start(stream, RATE_HZ))
                .await
                .ok_or(Lost::NoAnswer)?
                .map_err(Lost::from)
        };
        let mut connect = std::pin::pin!(connect);
        loop {
            tokio::select! {
                biased;
                () = until.reached() => return None,
                session = &mut connect => return Some(session),
                Some(call) = self.stop.next() => {
                    self.arm.stop("stopped on request");
                    call.respond(TriggerResponse::done("stopped; there is no connection to the arm"));
                }
                Some(call) = self.reset.next() => {
                    call.respond(TriggerResponse::refused(format!("no connection to the arm: {}", self.arm.gate().reason())));
                }
                () = node.clock().sleep_until(self.next_status) => self.publish_status(),
            }
        }
    }

    /// Leads the arm until the connection is lost (an error), or the driver is to be active no more and the arm is at rest.
    async fn session(&mut self, session: &mut Session, until: &Until) -> Result<(), Lost> {
        let version = session.version();
        tracing::info!(
            "connected to a controller with software {}.{}.{}",
            version.major,
            version.minor,
            version.bugfix
        );
        self.arm.connected();
        let node = self.node.clone();
        let mut ending: Option<Ending> = None;
        loop {
            tokio::select! {
                biased;
                event = within(&node, SILENCE, session.receive()) => match event.ok_or(Lost::Silent)?? {
                    // Only the newest of the packages that wait is worth an answer.
                    Event::Data(_) if session.has_backlog() => {}
                    Event::Data(state) => self.cycle(session, state).await?,
                    Event::Text(text) => tracing::warn!("controller: {}", text.message),
                },
                () = until.reached(), if ending.is_none() => {
                    ending = Some(Ending {
                        by: node.now() + STOP_TIME,
                        is_stopped: self.arm.gate().latched().is_some(),
                    });
                    self.arm.stop(Ending::REASON);
                }
                Some(call) = self.stop.next() => {
                    self.arm.stop("stopped on request");
                    if let Some(ending) = &mut ending {
                        ending.is_stopped = true;
                    }
                    call.respond(TriggerResponse::done("stopping"));
                }
                Some(call) = self.reset.next() => match &ending {
                    Some(_) => call.respond(TriggerResponse::refused(Ending::REASON)),
                    None => self.begin_reset(call).await,
                },
            }
            if let Some(Ending { by, is_stopped }) = ending
                && (self.arm.is_at_rest(&self.state) || node.now() >= by)
            {
                if !is_stopped {
                    self.arm.reset(self.state.timestamp);
                }
                return Ok(());
            }
        }
    }

    async fn cycle(&mut self, session: &mut Session, state: RobotState) -> Result<(), Lost> {
        let _timed = self.cycle_stage.start();
        self.state = state;
        if let Some(joints) = self.all_joints.latest() {
            let pairs = joints
                .name
                .iter()
                .map(String::as_str)
                .zip(joints.position.iter().copied());
            self.arm
                .hand_joints(pairs.filter(|(name, _)| robot::hand::JOINTS.contains(name)));
        }
        while let Some(command) = self.commands.try_next() {
            self.arm.command(&command, state.timestamp);
        }
        let cycle = self.arm.cycle(&state);
        within(&self.node, ANSWER_TIME, session.send(&cycle.set_point))
            .await
            .ok_or(Lost::NoAnswer)??;
        self.publish_joints();
        self.publish_wrench();
        if let Some(wish) = cycle.wish {
            self.fulfil(wish).await;
        }
        self.finish_reset();
        if self.node.now() >= self.next_status {
            self.publish_status();
        }
        Ok(())
    }

    /// Does what only another port can do. A failure shows in the log and is tried again.
    async fn fulfil(&mut self, wish: Wish) {
        let result = match wish {
            Wish::PowerOn => self.order(&[Command::PowerOn]).await,
            Wish::ReleaseBrakes => self.order(&[Command::BrakeRelease]).await,
            Wish::UploadProgram => self.upload().await,
        };
        if let Err(reason) = result {
            tracing::warn!("{wish:?}: {reason}");
        }
    }

    async fn order(&self, commands: &[Command]) -> Result<(), String> {
        let exchange = async {
            let stream = self
                .node
                .network()
                .connect(&self.parameters.dashboard)
                .await
                .map_err(|error| error.to_string())?;
            let mut dashboard = dashboard::Client::start(stream)
                .await
                .map_err(|error| error.to_string())?;
            for command in commands {
                dashboard
                    .order(command)
                    .await
                    .map_err(|error: DashboardError| error.to_string())?;
            }
            Ok(())
        };
        within(&self.node, ANSWER_TIME, exchange)
            .await
            .ok_or("the dashboard does not answer")?
    }

    async fn upload(&self) -> Result<(), String> {
        let upload = async {
            let mut stream = self
                .node
                .network()
                .connect(&self.parameters.script)
                .await
                .map_err(|error| error.to_string())?;
            stream
                .write_all(SOURCE.as_bytes())
                .await
                .map_err(|error| error.to_string())?;
            stream.shutdown().await.map_err(|error| error.to_string())
        };
        within(&self.node, ANSWER_TIME, upload)
            .await
            .ok_or("the script port does not answer")?
    }

    /// Takes back a stop, as far as a program may: an emergency stop button must be turned by hand.
    async fn begin_reset(&mut self, call: Call<Trigger>) {
        let safety = SafetyMode::from(self.state.safety_mode);
        let outcome = match safety {
            SafetyMode::Normal | SafetyMode::Reduced => Ok(()),
            SafetyMode::ProtectiveStop => {
                self.order(&[Command::CloseSafetyPopup, Command::UnlockProtectiveStop])
                    .await
            }
            SafetyMode::Violation | SafetyMode::Fault => {
                self.order(&[Command::RestartSafety]).await
            }
            other => Err(format!(
                "the controller's safety mode is {other}: release the stop at the robot first"
            )),
        };
        match outcome {
            Ok(()) => {
                self.refuse_pending_reset("another reset has come");
                self.arm.reset(self.state.timestamp);
                self.pending_reset = Some((call, self.node.now() + RESET_TIME));
            }
            Err(reason) => call.respond(TriggerResponse::refused(reason)),
        }
    }

    fn refuse_pending_reset(&mut self, reason: &str) {
        if let Some((call, _)) = self.pending_reset.take() {
            call.respond(TriggerResponse::refused(reason));
        }
    }

    fn finish_reset(&mut self) {
        let condition = self.arm.gate().condition();
        let decided = matches!(
            condition,
            Condition::Ready | Condition::Stopped | Condition::Fault
        );
        let now = self.node.now();
        if let Some((call, _)) = self
            .pending_reset
            .take_if(|(_, until)| decided || now >= *until)
        {
            call.respond(if condition == Condition::Ready {
                TriggerResponse::done("ready")
            } else {
                TriggerResponse::refused(format!("not ready: {}", self.arm.gate().reason()))
            });
        }
    }

    fn publish_joints(&self) {
        self.joint_states.publish(JointState {
            header: Header {
                stamp: self.node.now().into(),
                frame_id: String::new(),
            },
            name: robot::ur5::JOINTS.map(str::to_owned).to_vec(),
            position: self.state.actual_q.to_vec(),
            velocity: self.state.actual_qd.to_vec(),
            effort: self.state.target_moment.to_vec(),
        });
    }

    fn publish_wrench(&self) {
        let vector = |[x, y, z]: [f64; 3]| Vector3 { x, y, z };
        let [.., torque_x, torque_y, torque_z] = self.state.actual_TCP_force;
        self.wrench.publish(WrenchStamped {
            header: Header {
                stamp: self.node.now().into(),
                frame_id: "base".into(),
            },
            wrench: Wrench {
                force: vector(self.arm.gate().tool_force_n().into()),
                torque: vector([torque_x, torque_y, torque_z]),
            },
        });
    }

    fn publish_status(&mut self) {
        self.next_status = self.node.now() + STATUS_PERIOD;
        let gate = self.arm.gate();
        let counts = self.arm.counts();
        let runtime = RuntimeState::from(i32::try_from(self.state.runtime_state).unwrap_or(-1));
        let of_the_controller = vec![
            KeyValue::new("mode", RobotMode::from(self.state.robot_mode)),
            KeyValue::new("safety_mode", SafetyMode::from(self.state.safety_mode)),
            KeyValue::new("program", runtime),
            KeyValue::new("force_N", format!("{:.1}", gate.force_n())),
            KeyValue::new("program_halts", counts.program_halts),
            KeyValue::new("missed_cycles", counts.missed_cycles),
            KeyValue::new("connections", counts.connections),
        ];
        let host = endpoint_host(&self.parameters.rtde);
        self.status.publish(gate.status(&host, of_the_controller));
    }
}

fn endpoint_host(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Tcp { host, .. } => host.clone(),
        other => other.to_string(),
    }
}

/// What a future gives, unless it takes longer than a span of node time.
async fn within<F: Future>(node: &Node, span: Duration, future: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = node.clock().sleep(span) => None,
    }
}
