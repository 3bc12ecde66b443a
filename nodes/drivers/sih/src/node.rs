//! The node: the servo bus on one side, topics and services on the other.

use crate::dynamixel::{BusError, Master, Status};
use crate::hand::{Condition, Feedback, HandLogic};
use crate::parameters::Parameters;
use bus::{Call, Node, Publisher, Qos, ServiceServer, Stream, Subscription, Time};
use lifecycle::{Ending, Managed, PrimaryState, Until, manage};
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};
use msgs::sensor_msgs::JointState;
use msgs::std_msgs::{Header, Int32MultiArray};
use msgs::std_srvs::{Trigger, TriggerResponse};
use msgs::trajectory_msgs::JointTrajectory;
use robot::hand::{JOINTS, SERVOS};
use robot::limits::Limiter;
use std::time::Duration;
use thiserror::Error;

/// How long the servos may take to answer. They need a millisecond or two; the rest is for a busy
/// machine and a slow serial adapter.
const ANSWER_TIME: Duration = Duration::from_millis(40);
/// Silent cycles in a row after which the line counts as lost.
const MOST_SILENT_CYCLES: u32 = 5;
/// Between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
/// Between two status messages.
const STATUS_PERIOD: Duration = Duration::from_millis(100);
/// Between two looks at a servo's temperature.
const TEMPERATURE_PERIOD: Duration = Duration::from_secs(1);
/// How long the hand may take to come to rest at shutdown.
const STOP_TIME: Duration = Duration::from_millis(500);

/// Why the node ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SihDriverError {
    /// A topic, service or parameter could not be had.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// The port is wrong.
    #[error(transparent)]
    Network(#[from] bus::NetworkError),
    /// A file cannot be read.
    #[error("cannot read {file}: {source}")]
    File {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The limits are wrong.
    #[error("{file}: {problem}")]
    Limits {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// The limits promise what they cannot hold.
    #[error(transparent)]
    LimiterConfig(#[from] robot::limits::ConfigError),
    /// The register map is wrong.
    #[error(transparent)]
    RegisterMap(#[from] crate::register_map::RegisterMapError),
    /// The hand's calibration is wrong.
    #[error(transparent)]
    Calibration(#[from] robot::HandError),
}

/// Why the line was lost.
#[derive(Debug, Error)]
enum Lost {
    #[error(transparent)]
    Network(#[from] bus::NetworkError),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("the servos do not answer: is the hand powered, is the baud rate right?")]
    Silent,
}

type Line = Master<Box<dyn Stream>>;

/// Runs the driver until the graph shuts down.
///
/// The node keeps trying to open the line, so that it may be started before the hand has power and
/// outlives a pulled adapter.
pub async fn run(node: Node) -> Result<(), SihDriverError> {
    let parameters = Parameters::declare(&node)?;
    let limiter = Limiter::new(parameters.limits.clone())?;
    let mut driver = Driver {
        commands: node.subscribe("hand/command", Qos::reliable(10))?,
        ticks_commands: node.subscribe("sih/ticks_command", Qos::reliable(10))?,
        joint_states: node.publisher("joint_states", Qos::reliable(10))?,
        status: node.publisher("hand/status", Qos::latched())?,
        stop: node.serve("hand/stop")?,
        reset: node.serve("hand/reset")?,
        next_status: node.now(),
        next_temperature: node.now(),
        temperature_of: 0,
        temperatures: [0; 5],
        connections: 0,
        silent_cycles: 0,
        frame_errors: 0,
        last_angles: None,
        cycle_stage: node.stage("cycle"),
        hand: HandLogic::new(parameters.calibration.clone(), limiter),
        parameters,
        node,
    };
    let node = driver.node.clone();
    manage(&node, &mut driver).await?;
    driver.hand.disconnected("the driver has ended");
    driver.publish_status();
    Ok(())
}

struct Driver {
    node: Node,
    parameters: Parameters,
    hand: HandLogic,
    commands: Subscription<JointTrajectory>,
    ticks_commands: Subscription<Int32MultiArray>,
    joint_states: Publisher<JointState>,
    status: Publisher<DiagnosticStatus>,
    stop: ServiceServer<Trigger>,
    reset: ServiceServer<Trigger>,
    next_status: Time,
    next_temperature: Time,
    temperature_of: usize,
    temperatures: [i32; 5],
    connections: u64,
    /// Cycles in which a servo did not answer, in all.
    silent_cycles: u64,
    frame_errors: u64,
    /// The angles of the last cycle and its time, for velocities.
    last_angles: Option<([f64; 11], Time)>,
    cycle_stage: bus::StageTimer,
}

impl Managed for Driver {
    type Error = SihDriverError;

    async fn active(&mut self, until: &Until) -> Result<(), SihDriverError> {
        self.hand.activated();
        self.next_status = self.node.now();
        let mut again = false;
        while !until.is_reached() {
            let lost = match self.wait_for_connection(again, until).await {
                None => break,
                Some(Ok(mut line)) => match self.session(&mut line, until).await {
                    Ok(()) => break,
                    Err(lost) => lost,
                },
                Some(Err(lost)) => lost,
            };
            let lost = lost.to_string();
            if self.hand.reason() != lost {
                tracing::warn!("no connection to the hand: {lost}; trying again");
            }
            self.hand.disconnected(&lost);
            self.publish_status();
            again = true;
        }
        Ok(())
    }

    async fn at_rest(&mut self, state: PrimaryState) {
        let node = self.node.clone();
        let reason = format!("the driver {}", state.refusal());
        self.hand.deactivated(&reason);
        loop {
            tokio::select! {
                biased;
                Some(call) = self.stop.next() => {
                    self.hand.stop("stopped on request");
                    call.respond(TriggerResponse::done(format!("stopped; {reason}")));
                }
                Some(call) = self.reset.next() => call.respond(TriggerResponse::refused(&reason)),
                Some(command) = self.commands.next() => self.hand.command(&command, 0.0),
                Some(command) = self.ticks_commands.next() => self.hand.ticks_command(&command, 0.0),
                () = node.clock().sleep_until(self.next_status) => self.publish_status(),
            }
        }
    }
}

impl Driver {
    /// Opens the line; meanwhile tells that it is closed, and answers to services. `None` when the driver is to be active no
    /// more.
    async fn wait_for_connection(
        &mut self,
        again: bool,
        until: &Until,
    ) -> Option<Result<Line, Lost>> {
        let node = self.node.clone();
        let port = self.parameters.bus.clone();
        let connect = async {
            if again {
                node.clock().sleep(RECONNECT_PAUSE).await;
            }
            Ok(Master::new(node.network().connect(&port).await?))
        };
        let mut connect = std::pin::pin!(connect);
        loop {
            tokio::select! {
                biased;
                () = until.reached() => return None,
                line = &mut connect => return Some(line),
                Some(call) = self.stop.next() => {
                    self.hand.stop("stopped on request");
                    call.respond(TriggerResponse::done("stopped; there is no connection to the hand"));
                }
                Some(call) = self.reset.next() => {
                    call.respond(TriggerResponse::refused(format!("no connection to the hand: {}", self.hand.reason())));
                }
                () = node.clock().sleep_until(self.next_status) => self.publish_status(),
            }
        }
    }

    /// Leads the hand until the line is lost (an error), or the driver is to be active no more and the hand is at rest.
    async fn session(&mut self, line: &mut Line, until: &Until) -> Result<(), Lost> {
        self.connections += 1;
        let feedback = self.feedback(line).await?.ok_or(Lost::Silent)?;
        self.switch_on(line, &feedback).await?;
        self.hand.connected(feedback);
        let node = self.node.clone();
        let mut cycles = node
            .clock()
            .interval(Duration::from_secs_f64(self.parameters.limits.cycle_s));
        let mut silent = 0;
        let mut ending: Option<Ending> = None;
        loop {
            tokio::select! {
                biased;
                () = until.reached(), if ending.is_none() => {
                    ending = Some(Ending {
                        by: node.now() + STOP_TIME,
                        is_stopped: self.hand.condition() != Condition::Ready,
                    });
                    self.hand.stop(Ending::REASON);
                }
                Some(call) = self.stop.next() => {
                    self.hand.stop("stopped on request");
                    if let Some(ending) = &mut ending {
                        ending.is_stopped = true;
                    }
                    call.respond(TriggerResponse::done("stopping"));
                }
                Some(call) = self.reset.next() => match &ending {
                    Some(_) => call.respond(TriggerResponse::refused(Ending::REASON)),
                    None => self.recover(line, call).await?,
                },
                _ = cycles.tick() => {
                    if self.cycle(line).await? {
                        silent = 0;
                    } else {
                        silent += 1;
                        self.silent_cycles += 1;
                    }
                    if silent >= MOST_SILENT_CYCLES {
                        return Err(Lost::Silent);
                    }
                    // One more cycle after the stop, so that the servos know of it.
                    if let Some(Ending { by, is_stopped }) = ending
                        && (self.hand.is_at_rest() || node.now() >= by)
                    {
                        if !is_stopped {
                            self.hand.let_go();
                        }
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Reads, limits, writes. False when the servos did not answer in time.
    async fn cycle(&mut self, line: &mut Line) -> Result<bool, Lost> {
        let Some(feedback) = self.feedback(line).await? else {
            return Ok(false);
        };
        // From here on it is our own time; before, that of the servos.
        let _timed = self.cycle_stage.start();
        let now_s = self.node.now().as_secs_f64();
        while let Some(command) = self.commands.try_next() {
            self.hand.command(&command, now_s);
        }
        while let Some(command) = self.ticks_commands.try_next() {
            self.hand.ticks_command(&command, now_s);
        }
        let goals = self.hand.cycle(feedback, now_s);
        self.write_goals(line, goals).await?;
        self.publish_joints();
        if self.node.now() >= self.next_temperature {
            self.read_temperature(line).await?;
        }
        self.frame_errors = line.frame_errors();
        if self.node.now() >= self.next_status {
            self.publish_status();
        }
        Ok(true)
    }

    /// Tells all servos where to go, in ticks.
    async fn write_goals(&self, line: &mut Line, goals: [f64; SERVOS.len()]) -> Result<(), Lost> {
        let map = &self.parameters.map;
        let goal = map.registers.goal_position;
        let data = map
            .ids()
            .into_iter()
            .zip(goals)
            .map(|(id, goal_ticks)| (id, goal.bytes_of(goal_ticks.round() as i32)));
        let written = line.sync_write(goal.address, goal.length(), data.collect());
        Ok(within(&self.node, written).await.ok_or(Lost::Silent)??)
    }

    /// Positions and loads of all servos; `None` when they do not answer in time.
    async fn feedback(&mut self, line: &mut Line) -> Result<Option<Feedback>, Lost> {
        let map = self.parameters.map.clone();
        let (address, length) = map.feedback_block();
        let answered = within(&self.node, line.sync_read(&map.ids(), address, length)).await;
        let Some(statuses) = answered else {
            return Ok(None);
        };
        let statuses = statuses?;
        let mut feedback = Feedback::default();
        for (index, status) in statuses.iter().enumerate() {
            let position = map
                .registers
                .present_position
                .read_from(&status.data, address);
            let load = map.registers.present_load.read_from(&status.data, address);
            if let (Some(ticks), Some(share)) =
                (feedback.ticks.get_mut(index), feedback.load.get_mut(index))
            {
                *ticks = f64::from(position.unwrap_or_default());
                // Ticks fall as the hand closes.
                *share = -f64::from(load.unwrap_or_default()) / f64::from(map.full_load);
            }
        }
        if self.hand.condition() != Condition::Fault
            && let Some(failed) = statuses.iter().position(|status| status.alert)
        {
            self.explain_alert(line, failed, &statuses).await?;
        }
        Ok(Some(feedback))
    }

    /// Asks a servo that raised its alert what is broken.
    async fn explain_alert(
        &mut self,
        line: &mut Line,
        index: usize,
        statuses: &[Status],
    ) -> Result<(), Lost> {
        let map = &self.parameters.map;
        let register = map.registers.hardware_error;
        let (Some(status), Some(name)) = (statuses.get(index), SERVOS.get(index)) else {
            return Ok(());
        };
        let answer = within(
            &self.node,
            line.read(status.id, register.address, register.length()),
        )
        .await;
        let bits = match answer {
            Some(answer) => register
                .read_from(&answer?.data, register.address)
                .unwrap_or_default(),
            None => 0,
        };
        let what = if bits & (1 << map.overload_bit) != 0 {
            "overload".to_owned()
        } else if bits & (1 << map.overheating_bit) != 0 {
            "overheating".to_owned()
        } else {
            format!("hardware error {bits:#04x}")
        };
        self.hand.fail(&format!(
            "servo {name}: {what}; its torque is off until hand/reset"
        ));
        Ok(())
    }

    /// Switches the torque of every servo on, where it stands: a servo may remember an older goal. One that failed keeps
    /// its torque off and says why.
    async fn switch_on(&mut self, line: &mut Line, feedback: &Feedback) -> Result<(), Lost> {
        self.write_goals(line, feedback.ticks).await?;
        let register = self.parameters.map.registers.torque_enable;
        for id in self.parameters.map.ids() {
            match within(
                &self.node,
                line.write(id, register.address, &register.bytes_of(1)),
            )
            .await
            {
                None => return Err(Lost::Silent),
                Some(Err(BusError::Servo { id, error })) => {
                    self.hand.fail(&format!(
                        "servo {id} does not switch its torque on: {error}; call hand/reset"
                    ));
                }
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(_)) => {}
            }
        }
        Ok(())
    }

    /// Takes back a stop: restarts servos that failed, and starts from where they are.
    async fn recover(&mut self, line: &mut Line, call: Call<Trigger>) -> Result<(), Lost> {
        if self.hand.condition() == Condition::Fault {
            for id in self.parameters.map.ids() {
                match within(&self.node, line.ping(id)).await {
                    Some(Ok(status)) if status.alert => {
                        within(&self.node, line.reboot(id))
                            .await
                            .ok_or(Lost::Silent)??;
                    }
                    Some(answer) => drop(answer?),
                    None => return Err(Lost::Silent),
                }
            }
        }
        let feedback = self.feedback(line).await?.ok_or(Lost::Silent)?;
        self.hand.reset(feedback);
        self.switch_on(line, &feedback).await?;
        call.respond(if self.hand.condition() == Condition::Ready {
            TriggerResponse::done("ready")
        } else {
            TriggerResponse::refused(self.hand.reason())
        });
        Ok(())
    }

    /// Looks at the temperature of one servo, another one each time.
    async fn read_temperature(&mut self, line: &mut Line) -> Result<(), Lost> {
        self.next_temperature = self.node.now() + TEMPERATURE_PERIOD;
        let map = &self.parameters.map;
        let register = map.registers.temperature;
        let index = self.temperature_of;
        self.temperature_of = (index + 1) % SERVOS.len();
        let Some(&id) = map.ids().get(index) else {
            return Ok(());
        };
        let answer = line.read(id, register.address, register.length());
        if let Some(status) = within(&self.node, answer).await {
            let temperature = register.read_from(&status?.data, register.address);
            if let (Some(slot), Some(temperature)) = (self.temperatures.get_mut(index), temperature)
            {
                *slot = temperature;
            }
        }
        Ok(())
    }

    fn publish_joints(&mut self) {
        let now = self.node.now();
        let angles = self.hand.angles();
        let mut velocity = [0.0; 11];
        if let Some((last, at)) = self.last_angles.replace((angles, now)) {
            let dt_s = (now - at).as_secs_f64();
            if dt_s > 0.0 {
                for (velocity, (angle, last)) in velocity.iter_mut().zip(angles.iter().zip(last)) {
                    *velocity = (angle - last) / dt_s;
                }
            }
        }
        self.joint_states.publish(JointState {
            header: Header {
                stamp: now.into(),
                frame_id: String::new(),
            },
            name: JOINTS.map(str::to_owned).to_vec(),
            position: angles.to_vec(),
            velocity: velocity.to_vec(),
            effort: self.hand.efforts().to_vec(),
        });
    }

    fn publish_status(&mut self) {
        self.next_status = self.node.now() + STATUS_PERIOD;
        let condition = self.hand.condition();
        let report = self.hand.report();
        let feedback = self.hand.feedback();
        let list = |numbers: [f64; 5], digits: usize| {
            numbers.map(|number| format!("{number:.digits$}")).join(" ")
        };
        let mut values = vec![
            KeyValue::new("reason", self.hand.reason()),
            KeyValue::new("ticks", list(feedback.ticks, 0)),
            KeyValue::new("load", list(feedback.load, 2)),
            KeyValue::new(
                "temperature_C",
                self.temperatures
                    .map(|temperature| temperature.to_string())
                    .join(" "),
            ),
            KeyValue::new("limits_clamped", report.clamped()),
            KeyValue::new("is_stale", self.hand.is_stale()),
            KeyValue::new("eased_cycles", self.hand.eased()),
            KeyValue::new("refused_not_ready", self.hand.refused_not_ready()),
            KeyValue::new("silent_cycles", self.silent_cycles),
            KeyValue::new("frame_errors", self.frame_errors),
            KeyValue::new("connections", self.connections),
            KeyValue::new("last_refusal", self.hand.last_refusal()),
        ];
        values.extend(
            report
                .entries()
                .map(|(name, count)| KeyValue::new(name, count)),
        );
        self.status.publish(DiagnosticStatus {
            level: match condition {
                Condition::Ready => DiagnosticStatus::OK,
                Condition::Inactive => DiagnosticStatus::WARN,
                Condition::Stopped | Condition::Fault | Condition::Disconnected => {
                    DiagnosticStatus::ERROR
                }
            },
            name: "hand".into(),
            message: condition.name().into(),
            hardware_id: self.parameters.bus.to_string(),
            values,
        });
    }
}

/// What a future gives, unless the servos take too long.
async fn within<F: Future>(node: &Node, future: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = node.clock().sleep(ANSWER_TIME) => None,
    }
}
