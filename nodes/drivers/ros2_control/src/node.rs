//! The node: topics of ros2_control on one side, those of an arm driver on the other.

use std::time::Duration;

use arm_gate::{Condition, Gate, LimitsError};
use bus::{Node, Publisher, Qos, ServiceServer, Subscription, Time};
use lifecycle::{Ending, Managed, PrimaryState, Until, manage};
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};
use msgs::geometry_msgs::{Vector3, WrenchStamped};
use msgs::sensor_msgs::JointState;
use msgs::std_msgs::Bool;
use msgs::std_srvs::{Trigger, TriggerResponse};
use msgs::trajectory_msgs::JointTrajectory;
use thiserror::Error;

use crate::arm::{Arm, Known};
use crate::controller::Controller;
use crate::measured::Measured;
use crate::parameters::Parameters;

/// Between two status messages.
const STATUS_PERIOD: Duration = Duration::from_millis(100);
/// How long the arm may take to come to rest at shutdown.
const STOP_TIME: Duration = Duration::from_secs(1);
/// Says whether the robot's program runs, in Universal_Robots_ROS2_Driver.
const PROGRAM_TOPIC: &str = "io_and_status_controller/robot_program_running";

/// Why the node ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Ros2ControlError {
    /// A topic, service or parameter could not be had.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// The limits are wrong.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// There is no such controller.
    #[error("controller {0} is not known; see the parameter's description")]
    Controller(String),
}

/// Runs the node until the graph shuts down.
pub async fn run(node: Node) -> Result<(), Ros2ControlError> {
    let parameters = Parameters::declare(&node)?;
    let controller = Controller::find(&node, &parameters.controller)?
        .ok_or_else(|| Ros2ControlError::Controller(parameters.controller.clone()))?;
    let wrenches = if parameters.wrench.is_empty() {
        None
    } else {
        Some(node.subscribe(&parameters.wrench, Qos::sensor_data())?)
    };
    let cycle_s = parameters.limits.limiter.cycle_s;
    let many = Qos {
        depth: 50,
        ..Qos::sensor_data()
    };
    let mut driver = Driver {
        commands: node.subscribe("arm/command", Qos::reliable(10))?,
        joint_states: node.subscribe("joint_states", many)?,
        program: node.subscribe(PROGRAM_TOPIC, Qos::latched())?,
        wrenches,
        wrench: node.publisher("arm/wrench", Qos::reliable(10))?,
        status: node.publisher("arm/status", Qos::latched())?,
        stop: node.serve("arm/stop")?,
        reset: node.serve("arm/reset")?,
        arm: Arm::new(Gate::new(&parameters.limits)?, controller.kind(), cycle_s),
        measured: Measured::default(),
        felt: None,
        program_runs: None,
        next_status: node.now(),
        cycle_stage: node.stage("cycle"),
        cycle_s,
        controller,
        parameters,
        node,
    };
    let node = driver.node.clone();
    manage(&node, &mut driver).await?;
    let ended = "the driver has ended";
    let gate = driver.arm.gate_mut();
    gate.set_condition(Condition::Disconnected, ended);
    driver.publish_status();
    Ok(())
}

struct Driver {
    node: Node,
    parameters: Parameters,
    controller: Controller,
    arm: Arm,
    commands: Subscription<JointTrajectory>,
    joint_states: Subscription<JointState>,
    program: Subscription<Bool>,
    wrenches: Option<Subscription<WrenchStamped>>,
    wrench: Publisher<WrenchStamped>,
    status: Publisher<DiagnosticStatus>,
    stop: ServiceServer<Trigger>,
    reset: ServiceServer<Trigger>,
    measured: Measured,
    /// The last wrench, and when it came.
    felt: Option<(WrenchStamped, Time)>,
    program_runs: Option<bool>,
    next_status: Time,
    cycle_stage: bus::StageTimer,
    cycle_s: f64,
}

impl Managed for Driver {
    type Error = Ros2ControlError;

    async fn active(&mut self, until: &Until) -> Result<(), Ros2ControlError> {
        let node = self.node.clone();
        let mut cycles = node.clock().interval(Duration::from_secs_f64(self.cycle_s));
        let mut ending: Option<Ending> = None;
        loop {
            tokio::select! {
                biased;
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
                Some(call) = self.reset.next() => {
                    let known = self.known(node.now());
                    let result = match &ending {
                        Some(_) => Err(Ending::REASON.to_owned()),
                        None => self.arm.reset(&known),
                    };
                    call.respond(match result {
                        Ok(()) => TriggerResponse::done("ready"),
                        Err(reason) => TriggerResponse::refused(reason),
                    });
                }
                due = cycles.tick() => self.cycle(due),
            }
            if let Some(Ending { by, is_stopped }) = ending
                && (!self.arm.is_leading() || node.now() >= by)
            {
                if !is_stopped {
                    self.arm.gate_mut().unlatch();
                }
                return Ok(());
            }
        }
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
                Some(command) = self.commands.next() => self.arm.command(&command, node.now()),
                () = node.clock().sleep_until(self.next_status) => self.publish_status(),
            }
        }
    }
}

impl Driver {
    /// One cycle, due at a time: reads, limits, sends.
    fn cycle(&mut self, due: Time) {
        let _timed = self.cycle_stage.start();
        self.listen();
        let known = self.known(self.node.now());
        self.arm.judge(&known);
        while let Some(command) = self.commands.try_next() {
            self.arm.command(&command, due);
        }
        if let Some(set_points) = self.arm.cycle(due) {
            self.controller.send(&set_points, self.cycle_s);
        }
        if self.node.now() >= self.next_status {
            self.publish_status();
        }
    }

    fn listen(&mut self) {
        let now = self.node.now();
        while let Some(joints) = self.joint_states.try_next() {
            self.measured.take(&joints, now);
            let positions = joints.position.iter().copied();
            let pairs = joints.name.iter().map(String::as_str).zip(positions);
            let of_the_hand = pairs.filter(|(name, _)| robot::hand::JOINTS.contains(name));
            self.arm.gate_mut().hand_joints(of_the_hand);
        }
        if let Some(program) = self.program.latest() {
            self.program_runs = Some(program.data);
        }
        let Some(wrenches) = &self.wrenches else {
            return;
        };
        if let Some(felt) = wrenches.latest() {
            self.felt = Some(((*felt).clone(), now));
        }
        let Some((felt, _)) = &mut self.felt else {
            return;
        };
        let Vector3 { x, y, z } = felt.wrench.force;
        let gate = self.arm.gate_mut();
        gate.feel(nalgebra::Vector3::new(x, y, z));
        let mean = gate.tool_force_n();
        let mut message = felt.clone();
        message.wrench.force = Vector3 {
            x: mean.x,
            y: mean.y,
            z: mean.z,
        };
        self.wrench.publish(message);
    }

    fn known(&self, now: Time) -> Known {
        let most_s = self.parameters.limits.limiter.stale_timeout_s;
        let topic = &self.parameters.wrench;
        let is_heard = self.controller.listeners() > 0;
        let deaf = (!is_heard).then(|| {
            let topic = self.controller.topic();
            format!("nobody listens on {topic}: is that controller loaded?")
        });
        let numb = match (&self.wrenches, &self.felt) {
            (None, _) => None,
            (Some(_), None) => Some(format!(
                "no force on {topic} yet: start that broadcaster, or give the parameter wrench as empty to go without"
            )),
            (Some(_), Some((_, at))) => {
                let age_s = now.saturating_since(*at).as_secs_f64();
                (age_s > most_s).then(|| format!("no force on {topic} for {age_s:.1} s"))
            }
        };
        Known {
            measured: self.measured.fresh(now, most_s),
            missing: deaf.or(numb),
            program_runs: self.program_runs,
        }
    }

    fn publish_status(&mut self) {
        self.next_status = self.node.now() + STATUS_PERIOD;
        let gate = self.arm.gate();
        let force = match self.felt {
            Some(_) => format!("{:.1}", gate.force_n()),
            None => "unknown".into(),
        };
        let program = match self.program_runs {
            Some(true) => "running",
            Some(false) => "stopped",
            None => "unknown",
        };
        let of_the_controller = vec![
            KeyValue::new("controller", &self.parameters.controller),
            KeyValue::new("topic", self.controller.topic()),
            KeyValue::new("program", program),
            KeyValue::new("force_N", force),
            KeyValue::new("is_leading", self.arm.is_leading()),
        ];
        let controller = &self.parameters.controller;
        self.status
            .publish(gate.status(controller, of_the_controller));
    }
}
