//! The driver's logic without its connections: from what the controller reports in a cycle to what
//! it is told in that cycle.
//!
//! The arm is *engaged* when the control program runs and follows us. Whatever takes it out of that
//! state (a pause, a stop, a lost connection) forgets all commands; when it is engaged again, motion
//! starts from the measured position, so that nothing from before can make the arm jump.

use std::collections::VecDeque;

use nalgebra::Vector3;

use crate::control_program::{Mode, RobotState, SetPoint, State, VERSION};
use crate::mode::{RobotMode, RuntimeState, SafetyMode};
use msgs::trajectory_msgs::JointTrajectory;
use robot::limits::{
    LimitReport, Limiter, LimiterState, Sensed, TrajectoryCommand, TrajectoryPoint, Workspace,
};

/// Before a step that the controller does not answer at once is tried again, in s.
const RETRY_S: f64 = 1.0;
/// How long the safety system may take to become normal after a reset, in s.
const SETTLING_S: f64 = 2.0;
/// The contact force is the mean over so many cycles (40 ms): a knock that is over before an arm could stop is no reason to
/// stay stopped.
const FORCE_CYCLES: usize = 5;
/// Cycles longer than this count as missed, in s.
const LATE_CYCLE_S: f64 = 0.012;

/// What the driver is doing, as told in `arm/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// No connection to the controller.
    Disconnected,
    /// On the way to being ready.
    Starting,
    /// Somebody paused the program at the controller.
    Paused,
    /// Following commands.
    Ready,
    /// Stopped until `arm/reset`.
    Stopped,
    /// Stopped by the controller's safety system or by contact, until `arm/reset`.
    Fault,
}

impl Condition {
    /// The word in the status message.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Starting => "starting",
            Self::Paused => "paused",
            Self::Ready => "ready",
            Self::Stopped => "stopped",
            Self::Fault => "fault",
        }
    }
}

/// Why the arm stands until it is reset.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Latch {
    condition: Condition,
    reason: String,
}

/// Something that only another port of the controller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    PowerOn,
    ReleaseBrakes,
    UploadProgram,
}

/// What comes out of a cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cycle {
    pub(crate) set_point: SetPoint,
    pub(crate) wish: Option<Wish>,
}

/// Counts for the status message.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Commands that came while the arm was not ready.
    pub(crate) refused_not_ready: u64,
    /// Times that the program stopped the arm on its own.
    pub(crate) program_halts: u64,
    /// Cycles of the controller that we did not see.
    pub(crate) missed_cycles: u64,
    /// Connections so far.
    pub(crate) connections: u64,
}

/// The logic of one arm.
#[derive(Debug)]
pub(crate) struct Arm {
    limiter: Limiter,
    workspace: Option<Workspace>,
    /// Whether the driver may switch the power on and release the brakes.
    may_power_on: bool,
    /// How far the joints may be from the set point before the arm is stopped, in rad.
    largest_deviation: f64,
    condition: Condition,
    reason: String,
    latch: Option<Latch>,
    engaged: bool,
    /// The program was seen running since the connection or the last reset.
    program_seen: bool,
    sequence: i32,
    /// The first sequence number of this connection.
    first_sequence: Option<i32>,
    last_wish: Option<(Wish, f64)>,
    last_timestamp_s: Option<f64>,
    /// Until when the safety system may take to become normal after a reset.
    settling_until_s: f64,
    last_refusal: String,
    set_point: [f64; 6],
    /// Forces at the tool in the last cycles, N.
    forces_n: VecDeque<Vector3<f64>>,
    counts: Counts,
}

impl Arm {
    pub(crate) fn new(
        limiter: Limiter,
        workspace: Option<Workspace>,
        may_power_on: bool,
        largest_deviation: f64,
    ) -> Self {
        Self {
            limiter,
            workspace,
            may_power_on,
            largest_deviation,
            condition: Condition::Disconnected,
            reason: "not connected yet".into(),
            latch: None,
            engaged: false,
            program_seen: false,
            sequence: 0,
            first_sequence: None,
            last_wish: None,
            last_timestamp_s: None,
            settling_until_s: f64::NEG_INFINITY,
            last_refusal: String::new(),
            set_point: [0.0; 6],
            forces_n: VecDeque::with_capacity(FORCE_CYCLES),
            counts: Counts::default(),
        }
    }

    /// To be called when a connection stands.
    pub(crate) fn connected(&mut self) {
        self.counts.connections += 1;
        self.disengage();
        self.first_sequence = None;
        self.last_timestamp_s = None;
        self.last_wish = None;
        self.program_seen = false;
        // The controller may have started anew, and its clock with it.
        self.settling_until_s = f64::NEG_INFINITY;
        self.set_condition(Condition::Starting, "connected");
    }

    /// To be called when the connection is lost.
    pub(crate) fn disconnected(&mut self, reason: &str) {
        self.disengage();
        self.forces_n.clear();
        self.set_condition(Condition::Disconnected, reason);
    }

    /// Stops the arm until [`Arm::reset`].
    pub(crate) fn stop(&mut self, reason: &str) {
        self.latch(Condition::Stopped, reason);
    }

    /// Forgets why the arm was stopped. It moves again once the controller is ready and a new
    /// command comes.
    pub(crate) fn reset(&mut self, now_s: f64) {
        self.settling_until_s = now_s + SETTLING_S;
        self.latch = None;
        self.disengage();
        self.program_seen = false;
        self.last_wish = None;
    }

    /// Takes a command that arrived at `now_s` on the controller's clock.
    pub(crate) fn command(&mut self, trajectory: &JointTrajectory, now_s: f64) {
        if self.condition != Condition::Ready {
            self.counts.refused_not_ready += 1;
            self.last_refusal = format!("the arm is {}: {}", self.condition.name(), self.reason);
            return;
        }
        if let Err(refusal) = self.limiter.command(&trajectory_command(trajectory), now_s) {
            tracing::warn!("arm command refused: {refusal}");
            self.last_refusal = refusal.to_string();
        }
    }

    /// Tells where the joints of the hand are, for the workspace.
    pub(crate) fn hand_joints<'a>(&mut self, joints: impl IntoIterator<Item = (&'a str, f64)>) {
        if let Some(Err(error)) = self
            .workspace
            .as_mut()
            .map(|workspace| workspace.set_others(joints))
        {
            self.last_refusal = error.to_string();
        }
    }

    /// One cycle of the controller.
    pub(crate) fn cycle(&mut self, state: &RobotState) -> Cycle {
        let now_s = state.timestamp;
        self.count_cycle(now_s);
        let [x, y, z, ..] = state.actual_TCP_force;
        if self.forces_n.len() == FORCE_CYCLES {
            self.forces_n.pop_front();
        }
        self.forces_n.push_back(Vector3::new(x, y, z));
        // Sequence numbers go on where the program saw them last, so that it always sees a change.
        if self.first_sequence.is_none() {
            self.sequence = state.output_int_register_26;
            self.first_sequence = Some(self.sequence.wrapping_add(1));
        }
        self.sequence = self.sequence.wrapping_add(1);

        let wish = self.judge(state);
        let wish = wish.filter(|wish| {
            let fresh = self
                .last_wish
                .is_none_or(|(last, at)| last != *wish || now_s - at >= RETRY_S);
            if fresh {
                self.last_wish = Some((*wish, now_s));
            }
            fresh
        });
        let mode = if self.engaged {
            self.follow(state)
        } else {
            Mode::Idle
        };
        if mode != Mode::Servo {
            self.set_point = state.actual_q;
        }
        Cycle {
            set_point: SetPoint::new(self.sequence, mode, self.set_point),
            wish,
        }
    }

    fn count_cycle(&mut self, now_s: f64) {
        if let Some(last) = self.last_timestamp_s
            && now_s - last > LATE_CYCLE_S
        {
            self.counts.missed_cycles +=
                ((now_s - last) / crate::control_program::CYCLE_S).round() as u64 - 1;
        }
        self.last_timestamp_s = Some(now_s);
    }

    /// Whether the arm can follow us, and what must be done if not.
    fn judge(&mut self, state: &RobotState) -> Option<Wish> {
        let safety = SafetyMode::from(state.safety_mode);
        let mode = RobotMode::from(state.robot_mode);
        if !safety.allows_motion() && state.timestamp < self.settling_until_s {
            self.disengage();
            self.set_condition(
                Condition::Starting,
                &format!("the controller's safety mode is still {safety}"),
            );
            return None;
        }
        if !safety.allows_motion() {
            self.latch(
                Condition::Fault,
                &format!("the controller's safety mode is {safety}"),
            );
        } else if mode != RobotMode::Running && self.engaged {
            self.latch(
                Condition::Fault,
                &format!("the controller went to robot mode {mode}"),
            );
        }
        if let Some(Latch { condition, reason }) = self.latch.clone() {
            // An arm that can still follow is braked by the limiter and then held.
            if !self.can_follow(state) {
                self.disengage();
            }
            self.set_condition(condition, &reason);
            return None;
        }
        if mode != RobotMode::Running {
            return self.power_up(mode);
        }
        match RuntimeState::from(i32::try_from(state.runtime_state).unwrap_or(-1)) {
            RuntimeState::Playing if state.output_int_register_24 == VERSION => {
                self.program_seen = true;
                self.engage(state);
                None
            }
            RuntimeState::Pausing | RuntimeState::Paused | RuntimeState::Resuming => {
                self.disengage();
                self.set_condition(
                    Condition::Paused,
                    "the program is paused at the controller; play goes on",
                );
                None
            }
            RuntimeState::Stopped if self.program_seen => {
                self.latch(
                    Condition::Stopped,
                    "the program was stopped at the controller",
                );
                self.disengage();
                None
            }
            RuntimeState::Stopping => None,
            _ => {
                self.disengage();
                self.set_condition(Condition::Starting, "the control program is being started");
                Some(Wish::UploadProgram)
            }
        }
    }

    fn power_up(&mut self, mode: RobotMode) -> Option<Wish> {
        self.disengage();
        let wish = match mode {
            RobotMode::PowerOff => Wish::PowerOn,
            RobotMode::Idle => Wish::ReleaseBrakes,
            _ => {
                self.set_condition(Condition::Starting, &format!("robot mode {mode}"));
                return None;
            }
        };
        let reason = if self.may_power_on {
            format!("robot mode {mode}, being switched on")
        } else {
            format!(
                "robot mode {mode}: switch the arm on at the pendant, or set the parameter power_on"
            )
        };
        self.set_condition(Condition::Starting, &reason);
        self.may_power_on.then_some(wish)
    }

    /// The program runs: engage once it is idle and has seen that we are.
    fn engage(&mut self, state: &RobotState) {
        let program = State::from_number(state.output_int_register_25);
        let sees_us = self
            .first_sequence
            .is_some_and(|first| state.output_int_register_26.wrapping_sub(first) >= 0);
        if self.engaged {
            if program == Some(State::Halted) {
                self.counts.program_halts += 1;
                self.disengage();
                self.set_condition(
                    Condition::Starting,
                    "the control program stopped the arm and is being led on",
                );
            }
        } else if program == Some(State::Idle) && sees_us {
            match self.limiter.reset(&state.actual_q) {
                Ok(()) => {
                    self.engaged = true;
                    self.set_condition(Condition::Ready, "");
                }
                Err(error) => self.set_condition(Condition::Starting, &error.to_string()),
            }
        } else if self.condition != Condition::Starting {
            self.set_condition(Condition::Starting, "waiting for the control program");
        }
    }

    fn can_follow(&self, state: &RobotState) -> bool {
        self.engaged
            && SafetyMode::from(state.safety_mode).allows_motion()
            && RobotMode::from(state.robot_mode) == RobotMode::Running
            && RuntimeState::from(i32::try_from(state.runtime_state).unwrap_or(-1))
                == RuntimeState::Playing
            && State::from_number(state.output_int_register_25) != Some(State::Halted)
    }

    /// The next set point of an engaged arm.
    fn follow(&mut self, state: &RobotState) -> Mode {
        // A joint that is not measured does not follow either.
        let follows = state
            .actual_q
            .iter()
            .zip(&self.set_point)
            .all(|(actual, wanted)| (actual - wanted).abs() <= self.largest_deviation);
        let was_moved = self.limiter.state() != LimiterState::Idle;
        if was_moved && self.latch.is_none() && !follows {
            self.latch(
                Condition::Fault,
                &format!(
                    "a joint is more than {} rad from its set point: is the arm blocked?",
                    self.largest_deviation
                ),
            );
            return self.stop_where_it_is();
        }
        let workspace = self.workspace.as_ref();
        let violation_m =
            |q: &[f64]| workspace.map_or_else(Vec::new, |workspace| workspace.violations_m(q));
        let sensed = Sensed {
            now_s: state.timestamp,
            measured: &state.actual_q,
            contact_force_n: self.force_n(),
            violation_m: workspace.is_some().then_some(&violation_m),
        };
        match self.limiter.step(&sensed) {
            Ok(next) => {
                if let LimiterState::Halted(halt) = next.state
                    && self.latch.is_none()
                {
                    self.latch(
                        Condition::Fault,
                        &format!("{halt}: {:.0} N", self.force_n()),
                    );
                    return self.stop_where_it_is();
                }
                for (set_point, position) in self.set_point.iter_mut().zip(next.positions) {
                    *set_point = position;
                }
                Mode::Servo
            }
            Err(error) => {
                self.latch(Condition::Fault, &error.to_string());
                self.stop_where_it_is()
            }
        }
    }

    /// An arm that something holds up, or that presses on something, brakes and stays: a set point ahead of it, or
    /// inside of what it touches, would keep it pressing, and it would jump there when the way is free.
    fn stop_where_it_is(&mut self) -> Mode {
        self.disengage();
        Mode::Stop
    }

    fn latch(&mut self, condition: Condition, reason: &str) {
        self.limiter.halt();
        if self.latch.is_none() {
            tracing::warn!("arm stopped until reset: {reason}");
            self.latch = Some(Latch {
                condition,
                reason: reason.to_owned(),
            });
            self.set_condition(condition, reason);
        }
    }

    fn disengage(&mut self) {
        if self.engaged {
            self.engaged = false;
            self.limiter.halt();
        }
    }

    fn set_condition(&mut self, condition: Condition, reason: &str) {
        if self.condition != condition {
            tracing::info!("arm {}: {reason}", condition.name());
        }
        self.condition = condition;
        if self.reason != reason {
            reason.clone_into(&mut self.reason);
        }
    }

    /// Whether the arm is known to be at rest under our control, or out of it. What was measured lags behind what was
    /// commanded.
    pub(crate) fn is_at_rest(&self, state: &RobotState) -> bool {
        let is_commanded = self.engaged && !self.limiter.is_at_rest();
        !is_commanded && state.actual_qd.iter().all(|qd| qd.abs() < 0.01)
    }

    pub(crate) fn condition(&self) -> Condition {
        self.condition
    }

    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    pub(crate) fn report(&self) -> LimitReport {
        self.limiter.report()
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.limiter.state() == LimiterState::Stale
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn last_refusal(&self) -> &str {
        &self.last_refusal
    }

    /// The force at the tool in the base frame, the mean over the last cycles, N.
    pub(crate) fn tool_force_n(&self) -> Vector3<f64> {
        let sum: Vector3<f64> = self.forces_n.iter().sum();
        sum / self.forces_n.len().max(1) as f64
    }

    /// How hard the tool is pressed, N: the mean of the magnitudes, in which forces to and fro do not cancel.
    pub(crate) fn force_n(&self) -> f64 {
        let sum: f64 = self.forces_n.iter().map(Vector3::norm).sum();
        sum / self.forces_n.len().max(1) as f64
    }
}

fn trajectory_command(trajectory: &JointTrajectory) -> TrajectoryCommand {
    TrajectoryCommand {
        joint_names: trajectory.joint_names.clone(),
        points: trajectory
            .points
            .iter()
            .map(|point| TrajectoryPoint {
                time_s: f64::from(point.time_from_start.sec)
                    + f64::from(point.time_from_start.nanosec) * 1e-9,
                positions: point.positions.clone(),
                velocities: point.velocities.clone(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use robot::limits::LimiterConfig;

    const POSE: [f64; 6] = robot::ur5::RESET_POSE;

    fn arm() -> Arm {
        let limits = include_str!("../../../../config/arm_limits.yaml");
        let mut limits: LimiterConfig = serde_yaml::from_str(limits).unwrap();
        limits.workspace.clear();
        let mut arm = Arm::new(Limiter::new(limits).unwrap(), None, false, 0.3);
        arm.connected();
        arm
    }

    /// What a controller reports whose program runs and saw our last set point.
    fn state(cycle: u32, program: State) -> RobotState {
        RobotState {
            timestamp: f64::from(cycle) * 0.008,
            actual_q: POSE,
            robot_mode: RobotMode::Running.number(),
            safety_mode: SafetyMode::Normal.number(),
            runtime_state: RuntimeState::Playing.number() as u32,
            speed_scaling: 1.0,
            output_int_register_24: VERSION,
            output_int_register_25: program as i32,
            output_int_register_26: i32::try_from(cycle).unwrap(),
            ..RobotState::default()
        }
    }

    fn mode(cycle: Cycle) -> i32 {
        cycle.set_point.input_int_register_25
    }

    fn ready() -> Arm {
        let mut arm = arm();
        assert_eq!(mode(arm.cycle(&state(0, State::Idle))), Mode::Idle as i32);
        assert_eq!(mode(arm.cycle(&state(1, State::Idle))), Mode::Servo as i32);
        assert_eq!(arm.condition(), Condition::Ready);
        arm
    }

    fn command() -> JointTrajectory {
        let mut goal = POSE.to_vec();
        goal[0] += 0.5;
        JointTrajectory {
            joint_names: robot::ur5::JOINTS.map(str::to_owned).to_vec(),
            points: vec![msgs::trajectory_msgs::JointTrajectoryPoint {
                positions: goal,
                time_from_start: msgs::builtin_interfaces::Duration { sec: 1, nanosec: 0 },
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn it_servos_only_once_the_program_is_idle_and_has_seen_us() {
        let mut arm = arm();
        // A program that still servos to what an earlier connection told it.
        for cycle in 0..5 {
            assert_eq!(
                mode(arm.cycle(&state(cycle, State::Servo))),
                Mode::Idle as i32
            );
        }
        let mut deaf = state(5, State::Idle);
        deaf.output_int_register_26 = 0;
        assert_eq!(mode(arm.cycle(&deaf)), Mode::Idle as i32);
        assert_eq!(mode(arm.cycle(&state(6, State::Idle))), Mode::Servo as i32);
    }

    #[test]
    fn sequence_numbers_always_change_and_go_on_where_the_program_saw_them_last() {
        let mut arm = arm();
        let mut first = state(0, State::Idle);
        first.output_int_register_26 = i32::MAX;
        let sequences = [
            arm.cycle(&first).set_point.input_int_register_24,
            arm.cycle(&first).set_point.input_int_register_24,
        ];
        assert_eq!(sequences, [i32::MIN, i32::MIN + 1]);
    }

    #[test]
    fn an_arm_that_is_not_where_it_should_be_or_not_measured_is_stopped() {
        for q in [POSE[1] + 0.5, f64::NAN] {
            let mut arm = ready();
            arm.command(&command(), 0.016);
            let mut astray = state(2, State::Servo);
            astray.actual_q[1] = q;
            arm.cycle(&astray);
            assert_eq!(arm.condition(), Condition::Fault, "joint at {q}");
            assert!(arm.reason().contains("set point"), "{}", arm.reason());
        }
    }

    #[test]
    fn a_force_that_is_not_a_number_stops_the_arm() {
        let mut arm = ready();
        let mut numb = state(2, State::Servo);
        numb.actual_TCP_force[2] = f64::NAN;
        arm.cycle(&numb);
        assert_eq!(arm.condition(), Condition::Fault);
    }

    #[test]
    fn a_knock_passes_and_pressing_stops_the_arm() {
        let mut arm = ready();
        let mut pressed = |cycle: u32, force_n: f64| {
            let mut state = state(cycle, State::Servo);
            state.actual_TCP_force[2] = force_n;
            arm.cycle(&state);
            arm.condition()
        };
        let knock = [0.0, 0.0, 0.0, 0.0, 400.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        for (cycle, force_n) in (2..).zip(knock) {
            assert_eq!(pressed(cycle, force_n), Condition::Ready, "cycle {cycle}");
        }
        let stopped = (20..30).find(|cycle| pressed(*cycle, 130.0) == Condition::Fault);
        assert_eq!(stopped, Some(23), "within 40 ms");
    }

    #[test]
    fn a_blow_and_rattling_stop_the_arm() {
        let stops = |forces_n: [f64; 5]| {
            let mut arm = ready();
            (2..).zip(forces_n).any(|(cycle, force_n)| {
                let mut state = state(cycle, State::Servo);
                state.actual_TCP_force[2] = force_n;
                arm.cycle(&state);
                arm.condition() == Condition::Fault
            })
        };
        assert!(stops([0.0, 0.0, 520.0, 0.0, 0.0]), "a blow in one cycle");
        assert!(
            stops([130.0, -130.0, 130.0, -130.0, 130.0]),
            "to and fro, with no mean"
        );
    }

    #[test]
    fn a_program_of_another_version_is_replaced_and_a_stopped_one_is_not() {
        let mut arm = arm();
        let mut old = state(0, State::Idle);
        old.output_int_register_24 = VERSION - 1;
        assert_eq!(arm.cycle(&old).wish, Some(Wish::UploadProgram));
        let mut arm = ready();
        let mut stopped = state(2, State::Idle);
        stopped.runtime_state = RuntimeState::Stopped.number() as u32;
        assert_eq!(arm.cycle(&stopped).wish, None, "somebody pressed stop");
        assert_eq!(arm.condition(), Condition::Stopped);
        arm.reset(0.024);
        assert_eq!(arm.cycle(&stopped).wish, Some(Wish::UploadProgram));
    }

    #[test]
    fn cycles_that_were_missed_are_counted() {
        let mut arm = ready();
        arm.cycle(&state(2, State::Servo));
        arm.cycle(&state(6, State::Servo));
        assert_eq!(arm.counts().missed_cycles, 3);
    }
}
