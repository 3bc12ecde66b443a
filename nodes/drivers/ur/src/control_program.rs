//! The program that runs on the controller, and the registers through which the driver leads it.
//!
//! The driver never talks to the joints. It uploads [`SOURCE`] through the script port, and that
//! program follows the joint set points of [`SetPoint`] once a cycle. The program is the second
//! line of defence behind the driver's limiter: on its own, it stops the arm when the driver falls
//! silent for more than 100 ms or asks for an impossible step, and it moves again only after the
//! driver has gone through idle.

use crate::recipe;

/// The version in the header line of [`SOURCE`], which the running program reports.
pub const VERSION: i32 = 1;

/// The name of the program, as the controller shows it.
pub const NAME: &str = "grasp_anything_arm_control";

/// The URScript text of the program.
pub const SOURCE: &str = include_str!("control_program.script");

/// The controller's cycle in seconds (CB3: 125 Hz).
pub const CYCLE_S: f64 = 0.008;

/// Cycles without a new sequence number that the program lets pass. The next one is the twelfth,
/// so the arm is being stopped 96 ms after the last set point.
pub const LARGEST_SILENCE: i32 = 11;

/// The largest step between two set points that the program follows, in rad.
pub const LARGEST_STEP_RAD: f64 = 0.04;

/// The deceleration with which the program stops each joint, in rad/s^2.
pub const STOP_DECELERATION: f64 = 10.0;

/// The version that a program text claims in its header line, if the text is this program at all.
#[must_use]
pub fn version_of(source: &str) -> Option<i32> {
    source
        .lines()
        .find_map(|line| {
            line.trim()
                .strip_prefix("# ")?
                .strip_prefix(NAME)?
                .trim()
                .strip_prefix("version ")
        })
        .and_then(|version| version.trim().parse().ok())
}

/// What the driver tells the program to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Hold still, ready to servo.
    Idle = 0,
    /// Follow the set points.
    Servo = 1,
    /// Stop and hold still.
    Stop = 2,
}

/// What the program says that it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Holding still, ready to servo.
    Idle,
    /// Following the set points.
    Servo,
    /// Stopped on its own; waits for [`Mode::Idle`].
    Halted,
}

impl State {
    /// The state with a number of the program's.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            0 => Some(Self::Idle),
            1 => Some(Self::Servo),
            2 => Some(Self::Halted),
            _ => None,
        }
    }
}

recipe! {
    /// What the driver writes once a cycle.
    #[derive(Debug, Clone, Copy, PartialEq, Default)]
    pub struct SetPoint {
        /// Counts up; that it changes shows that the driver lives.
        pub input_int_register_24: i32,
        /// A [`Mode`].
        pub input_int_register_25: i32,
        /// Shoulder pan, rad.
        pub input_double_register_24: f64,
        /// Shoulder lift, rad.
        pub input_double_register_25: f64,
        /// Elbow, rad.
        pub input_double_register_26: f64,
        /// Wrist 1, rad.
        pub input_double_register_27: f64,
        /// Wrist 2, rad.
        pub input_double_register_28: f64,
        /// Wrist 3, rad.
        pub input_double_register_29: f64,
    }
}

impl SetPoint {
    /// A set point of the six joints in rad.
    #[must_use]
    pub fn new(sequence: i32, mode: Mode, q: [f64; 6]) -> Self {
        let [q0, q1, q2, q3, q4, q5] = q;
        Self {
            input_int_register_24: sequence,
            input_int_register_25: mode as i32,
            input_double_register_24: q0,
            input_double_register_25: q1,
            input_double_register_26: q2,
            input_double_register_27: q3,
            input_double_register_28: q4,
            input_double_register_29: q5,
        }
    }
}

recipe! {
    /// What the driver reads once a cycle.
    #[derive(Debug, Clone, Copy, PartialEq, Default)]
    pub struct RobotState {
        /// Seconds since the controller started.
        pub timestamp: f64,
        /// Measured joint angles, rad.
        pub actual_q: [f64; 6],
        /// Measured joint velocities, rad/s.
        pub actual_qd: [f64; 6],
        /// Joint angles that the controller aims at, rad.
        pub target_q: [f64; 6],
        /// Measured joint currents, A.
        pub actual_current: [f64; 6],
        /// Joint torques that the controller aims at, N m.
        pub target_moment: [f64; 6],
        /// Force (N) and torque (N m) at the tool, in the base frame.
        pub actual_TCP_force: [f64; 6],
        /// A [`RobotMode`](crate::mode::RobotMode).
        pub robot_mode: i32,
        /// A [`SafetyMode`](crate::mode::SafetyMode).
        pub safety_mode: i32,
        /// A [`RuntimeState`](crate::mode::RuntimeState).
        pub runtime_state: u32,
        /// Fraction of full speed at which the controller runs trajectories.
        pub speed_scaling: f64,
        /// Version of the running control program.
        pub output_int_register_24: i32,
        /// A [`State`].
        pub output_int_register_25: i32,
        /// The sequence number that the program saw last.
        pub output_int_register_26: i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(name: &str) -> f64 {
        SOURCE
            .lines()
            .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(" = "))
            .unwrap_or_else(|| panic!("{name} is not in the program"))
            .parse()
            .unwrap()
    }

    #[test]
    fn the_header_names_the_version() {
        assert_eq!(version_of(SOURCE), Some(VERSION));
        assert!(SOURCE.contains(&format!("write_output_integer_register(24, {VERSION})")));
        assert!(SOURCE.starts_with(&format!("def {NAME}():")));
        assert_eq!(version_of("def other():\n  # other version 1\nend"), None);
    }

    #[test]
    fn the_constants_are_the_programs() {
        assert_eq!(constant("step_time"), CYCLE_S);
        assert_eq!(constant("largest_silence"), f64::from(LARGEST_SILENCE));
        assert_eq!(constant("largest_step"), LARGEST_STEP_RAD);
        assert_eq!(constant("stop_deceleration"), STOP_DECELERATION);
        assert!(f64::from(LARGEST_SILENCE + 1) * CYCLE_S < 0.1);
    }
}
