//! The driver's logic without its connections: from what the controller reports in a cycle to what
//! it is told in that cycle.
//!
//! The arm is *engaged* when the control program runs and follows us. Whatever takes it out of that
//! state (a pause, a stop, a lost connection) forgets all commands; when it is engaged again, motion
//! starts from the measured position, so that nothing from before can make the arm jump.

use arm_gate::{Condition, Gate};
use msgs::trajectory_msgs::JointTrajectory;
use nalgebra::Vector3;

use crate::control_program::{Mode, RobotState, SetPoint, State, VERSION};
use crate::mode::{RobotMode, RuntimeState, SafetyMode};

/// Before a step that the controller does not answer at once is tried again, in s.
const RETRY_S: f64 = 1.0;
/// How long the safety system may take to become normal after a reset, in s.
const SETTLING_S: f64 = 2.0;
/// Cycles longer than this count as missed, in s.
const LATE_CYCLE_S: f64 = 0.012;

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
    gate: Gate,
    /// Whether the driver may switch the power on and release the brakes.
    may_power_on: bool,
    /// The program was seen running since the connection or the last reset.
    program_seen: bool,
    sequence: i32,
    /// The first sequence number of this connection.
    first_sequence: Option<i32>,
    last_wish: Option<(Wish, f64)>,
    last_timestamp_s: Option<f64>,
    /// Until when the safety system may take to become normal after a reset.
    settling_until_s: f64,
    counts: Counts,
}

impl Arm {
    pub(crate) fn new(gate: Gate, may_power_on: bool) -> Self {
        Self {
            gate,
            may_power_on,
            program_seen: false,
            sequence: 0,
            first_sequence: None,
            last_wish: None,
            last_timestamp_s: None,
            settling_until_s: f64::NEG_INFINITY,
            counts: Counts::default(),
        }
    }

    /// What stands between commands and the arm.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// To be called when a connection stands.
    pub(crate) fn connected(&mut self) {
        self.counts.connections += 1;
        self.gate.disengage();
        self.first_sequence = None;
        self.last_timestamp_s = None;
        self.last_wish = None;
        self.program_seen = false;
        // The controller may have started anew, and its clock with it.
        self.settling_until_s = f64::NEG_INFINITY;
        self.gate.set_condition(Condition::Starting, "connected");
    }

    /// To be called when the connection is lost.
    pub(crate) fn disconnected(&mut self, reason: &str) {
        self.gate.disengage();
        self.gate.forget_forces();
        self.gate.set_condition(Condition::Disconnected, reason);
    }

    /// To be called while the driver is not active: a stop is kept, commands are refused.
    pub(crate) fn inactive(&mut self, reason: &str) {
        self.gate.disengage();
        self.gate.set_condition(Condition::Inactive, reason);
    }

    /// Stops the arm until [`Arm::reset`].
    pub(crate) fn stop(&mut self, reason: &str) {
        self.gate.latch(Condition::Stopped, reason);
    }

    /// Forgets why the arm was stopped. It moves again once the controller is ready and a new
    /// command comes.
    pub(crate) fn reset(&mut self, now_s: f64) {
        self.settling_until_s = now_s + SETTLING_S;
        self.gate.unlatch();
        self.program_seen = false;
        self.last_wish = None;
    }

    /// Takes a command that arrived at `now_s` on the controller's clock.
    pub(crate) fn command(&mut self, trajectory: &JointTrajectory, now_s: f64) {
        self.gate.command(trajectory, now_s);
    }

    /// Tells where the joints of the hand are, for the workspace.
    pub(crate) fn hand_joints<'a>(&mut self, joints: impl IntoIterator<Item = (&'a str, f64)>) {
        self.gate.hand_joints(joints);
    }

    /// One cycle of the controller.
    pub(crate) fn cycle(&mut self, state: &RobotState) -> Cycle {
        let now_s = state.timestamp;
        self.count_cycle(now_s);
        let [x, y, z, ..] = state.actual_TCP_force;
        self.gate.feel(Vector3::new(x, y, z));
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
        let (mode, set_point) = if self.gate.is_engaged() {
            match self.gate.follow(now_s, &state.actual_q) {
                Some(set_point) => (Mode::Servo, set_point),
                None => (Mode::Stop, state.actual_q),
            }
        } else {
            (Mode::Idle, state.actual_q)
        };
        Cycle {
            set_point: SetPoint::new(self.sequence, mode, set_point),
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
            self.gate.disengage();
            self.gate.set_condition(
                Condition::Starting,
                &format!("the controller's safety mode is still {safety}"),
            );
            return None;
        }
        if !safety.allows_motion() {
            self.gate.latch(
                Condition::Fault,
                &format!("the controller's safety mode is {safety}"),
            );
        } else if mode != RobotMode::Running && self.gate.is_engaged() {
            self.gate.latch(
                Condition::Fault,
                &format!("the controller went to robot mode {mode}"),
            );
        }
        if let Some((condition, reason)) = self.gate.latched() {
            let reason = reason.to_owned();
            // An arm that can still follow is braked by the limiter and then held.
            if !self.can_follow(state) {
                self.gate.disengage();
            }
            self.gate.set_condition(condition, &reason);
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
                self.gate.disengage();
                self.gate.set_condition(
                    Condition::Paused,
                    "the program is paused at the controller; play goes on",
                );
                None
            }
            RuntimeState::Stopped if self.program_seen => {
                self.gate.latch(
                    Condition::Stopped,
                    "the program was stopped at the controller",
                );
                self.gate.disengage();
                None
            }
            RuntimeState::Stopping => None,
            _ => {
                self.gate.disengage();
                self.gate
                    .set_condition(Condition::Starting, "the control program is being started");
                Some(Wish::UploadProgram)
            }
        }
    }

    fn power_up(&mut self, mode: RobotMode) -> Option<Wish> {
        self.gate.disengage();
        let wish = match mode {
            RobotMode::PowerOff => Wish::PowerOn,
            RobotMode::Idle => Wish::ReleaseBrakes,
            _ => {
                self.gate
                    .set_condition(Condition::Starting, &format!("robot mode {mode}"));
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
        self.gate.set_condition(Condition::Starting, &reason);
        self.may_power_on.then_some(wish)
    }

    /// The program runs: engage once it is idle and has seen that we are.
    fn engage(&mut self, state: &RobotState) {
        let program = State::from_number(state.output_int_register_25);
        let sees_us = self
            .first_sequence
            .is_some_and(|first| state.output_int_register_26.wrapping_sub(first) >= 0);
        if self.gate.is_engaged() {
            if program == Some(State::Halted) {
                self.counts.program_halts += 1;
                self.gate.disengage();
                self.gate.set_condition(
                    Condition::Starting,
                    "the control program stopped the arm and is being led on",
                );
            }
        } else if program == Some(State::Idle) && sees_us {
            if let Err(error) = self.gate.engage(&state.actual_q) {
                self.gate
                    .set_condition(Condition::Starting, &error.to_string());
            }
        } else if self.gate.condition() != Condition::Starting {
            self.gate
                .set_condition(Condition::Starting, "waiting for the control program");
        }
    }

    fn can_follow(&self, state: &RobotState) -> bool {
        self.gate.is_engaged()
            && SafetyMode::from(state.safety_mode).allows_motion()
            && RobotMode::from(state.robot_mode) == RobotMode::Running
            && RuntimeState::from(i32::try_from(state.runtime_state).unwrap_or(-1))
                == RuntimeState::Playing
            && State::from_number(state.output_int_register_25) != Some(State::Halted)
    }

    /// Whether the arm is known to be at rest under our control, or out of it. What was measured lags behind what was
    /// commanded.
    pub(crate) fn is_at_rest(&self, state: &RobotState) -> bool {
        !self.gate.is_moving() && state.actual_qd.iter().all(|qd| qd.abs() < 0.01)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arm_gate::ArmLimits;

    const POSE: [f64; 6] = robot::ur5::RESET_POSE;

    fn arm() -> Arm {
        let mut limits = ArmLimits::built_in().unwrap();
        limits.workspace = None;
        let mut arm = Arm::new(Gate::new(&limits).unwrap(), false);
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
        assert_eq!(arm.gate.condition(), Condition::Ready);
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
            assert_eq!(arm.gate.condition(), Condition::Fault, "joint at {q}");
            assert!(
                arm.gate.reason().contains("set point"),
                "{}",
                arm.gate.reason()
            );
        }
    }

    #[test]
    fn a_force_that_is_not_a_number_stops_the_arm() {
        let mut arm = ready();
        let mut numb = state(2, State::Servo);
        numb.actual_TCP_force[2] = f64::NAN;
        arm.cycle(&numb);
        assert_eq!(arm.gate.condition(), Condition::Fault);
    }

    #[test]
    fn a_knock_passes_and_pressing_stops_the_arm() {
        let mut arm = ready();
        let mut pressed = |cycle: u32, force_n: f64| {
            let mut state = state(cycle, State::Servo);
            state.actual_TCP_force[2] = force_n;
            arm.cycle(&state);
            arm.gate.condition()
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
                arm.gate.condition() == Condition::Fault
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
        assert_eq!(arm.gate.condition(), Condition::Stopped);
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
