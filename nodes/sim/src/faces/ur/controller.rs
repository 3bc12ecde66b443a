//! The controller without its sockets.

use super::script::machine::Registers;
use super::script::{Machine, Motion, Program};
use ur_driver::control_program::{self, CYCLE_S};
use ur_driver::mode::{RobotMode, RuntimeState, SafetyMode};
use ur_driver::rtde::message::{Text, TextLevel};

/// How the controller behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// The mode in which it starts: `Running` as an operator left it, or `PowerOff`.
    pub start_mode: RobotMode,
    /// Contact force at the arm in N above which it makes a protective stop.
    pub protective_stop_force_n: f64,
    /// Joint speed in rad/s above which it makes a protective stop (UR5: 180 deg/s).
    pub largest_joint_speed: f64,
    /// How long switching on the power and releasing the brakes take, each, in seconds.
    pub switching_time_s: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            start_mode: RobotMode::Running,
            protective_stop_force_n: 250.0,
            largest_joint_speed: std::f64::consts::PI,
            switching_time_s: 0.5,
        }
    }
}

/// What the controller measures at the arm.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    /// Joint angles, rad.
    pub q: [f64; 6],
    /// Joint velocities, rad/s.
    pub qd: [f64; 6],
    /// Joint torques, N m.
    pub torque: [f64; 6],
    /// Contact force (N) and torque (N m) at the arm.
    pub tcp_force: [f64; 6],
}

/// Where the controller wants the joints.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Target {
    /// Joint angles, rad.
    pub q: [f64; 6],
    /// Joint velocities, rad/s.
    pub qd: [f64; 6],
}

/// A protective stop may be unlocked only after this time, so that somebody looks at its cause.
const UNLOCK_DELAY_S: f64 = 5.0;
/// Deceleration of a protective stop in rad/s^2.
const PROTECTIVE_DECELERATION: f64 = 20.0;
/// Deceleration when a program is paused or stopped, in rad/s^2.
const PAUSE_DECELERATION: f64 = 10.0;

/// The controller without its sockets.
#[derive(Debug)]
pub struct Controller {
    config: Config,
    time_s: f64,
    robot_mode: RobotMode,
    /// The mode that a switch is on its way to, and when it gets there.
    switching_to: Option<(RobotMode, f64)>,
    safety_mode: SafetyMode,
    stopped_at_s: f64,
    runtime_state: RuntimeState,
    program: Option<Machine>,
    pub(super) registers: Registers,
    /// The fraction on the speed slider.
    pub(super) speed_fraction: f64,
    reading: Reading,
    target: Target,
    /// Deceleration of a stop in progress, rad/s^2.
    braking: Option<f64>,
    texts: Vec<Text>,
}

impl Controller {
    /// A controller whose arm stands where `reading` says.
    #[must_use]
    pub fn new(config: Config, reading: Reading) -> Self {
        let registers = Registers {
            actual_q: reading.q,
            ..Registers::default()
        };
        Self {
            time_s: 0.0,
            robot_mode: config.start_mode,
            switching_to: None,
            safety_mode: SafetyMode::Normal,
            stopped_at_s: 0.0,
            runtime_state: RuntimeState::Stopped,
            program: None,
            registers,
            speed_fraction: 1.0,
            target: Target {
                q: reading.q,
                qd: [0.0; 6],
            },
            reading,
            braking: None,
            texts: Vec::new(),
            config,
        }
    }

    /// One cycle of 8 ms: takes what was measured, says where the joints are to go.
    pub fn cycle(&mut self, reading: Reading) -> Target {
        self.time_s += CYCLE_S;
        self.reading = reading;
        self.registers.actual_q = reading.q;
        if let Some((mode, _)) = self.switching_to.take_if(|(_, at)| *at <= self.time_s) {
            self.robot_mode = mode;
        }
        if self.robot_mode != RobotMode::Running {
            // The brakes hold the joints where they are.
            self.target = Target {
                q: reading.q,
                qd: [0.0; 6],
            };
            self.braking = None;
            return self.target;
        }
        let [x, y, z, ..] = reading.tcp_force;
        let force_n = (x * x + y * y + z * z).sqrt();
        if self.safety_mode.allows_motion() && force_n > self.config.protective_stop_force_n {
            self.protective_stop(&format!("C157: collision, contact force {force_n:.0} N"));
        }
        if self.braking.is_none() && self.runtime_state == RuntimeState::Playing {
            self.run_program();
        } else if self.braking.is_none() {
            self.target.qd = [0.0; 6];
        }
        if let Some(deceleration) = self.braking {
            self.brake(deceleration);
        }
        self.target
    }

    fn run_program(&mut self) {
        let Some(program) = &mut self.program else {
            self.runtime_state = RuntimeState::Stopped;
            return;
        };
        let result = program.run(&mut self.registers);
        let name = program.program().name().to_owned();
        for message in std::mem::take(&mut self.registers.log) {
            self.say(TextLevel::Warning, message);
        }
        match result {
            Ok(Some(Motion::Servo(q))) => self.servo(q),
            Ok(Some(Motion::Stop(deceleration))) => self.braking = Some(deceleration),
            Ok(Some(Motion::Wait)) => self.target.qd = [0.0; 6],
            Ok(None) => self.stop_program(),
            Err(error) => {
                self.say(TextLevel::Error, format!("program {name} stopped: {error}"));
                self.stop_program();
            }
        }
    }

    fn servo(&mut self, q: [f64; 6]) {
        let mut qd = [0.0; 6];
        for ((qd, new), old) in qd.iter_mut().zip(q).zip(self.target.q) {
            *qd = (new - old) / CYCLE_S;
        }
        let fastest = qd
            .iter()
            .fold(0.0, |fastest: f64, qd| fastest.max(qd.abs()));
        if qd
            .iter()
            .all(|qd| qd.abs() <= self.config.largest_joint_speed)
        {
            self.target = Target { q, qd };
        } else {
            self.protective_stop(&format!(
                "C204: set point implies a joint speed of {fastest:.1} rad/s"
            ));
        }
    }

    fn brake(&mut self, deceleration: f64) {
        let step = deceleration * CYCLE_S;
        for (q, qd) in self.target.q.iter_mut().zip(&mut self.target.qd) {
            let slower = qd.signum() * (qd.abs() - step).max(0.0);
            *q += 0.5 * (*qd + slower) * CYCLE_S;
            *qd = slower;
        }
        if self.target.qd == [0.0; 6] {
            self.braking = None;
        }
    }

    fn say(&mut self, level: TextLevel, message: String) {
        self.texts.push(Text {
            message,
            source: "controller".into(),
            level,
        });
    }

    /// The lines said since the last call.
    pub(super) fn take_texts(&mut self) -> Vec<Text> {
        std::mem::take(&mut self.texts)
    }

    /// Stops the arm at once and ends the program, as after a collision.
    pub fn protective_stop(&mut self, reason: &str) {
        self.safety_mode = SafetyMode::ProtectiveStop;
        self.stopped_at_s = self.time_s;
        self.say(TextLevel::Error, reason.to_owned());
        self.stop_program();
        self.braking = Some(PROTECTIVE_DECELERATION);
    }

    /// Presses the emergency stop button: the arm loses its power.
    pub fn press_emergency_stop(&mut self) {
        self.safety_mode = SafetyMode::RobotEmergencyStop;
        self.robot_mode = RobotMode::PowerOff;
        self.switching_to = None;
        self.say(TextLevel::Error, "Emergency stop".into());
        self.stop_program();
    }

    /// Turns the emergency stop button back. The arm stays without power.
    pub fn release_emergency_stop(&mut self) {
        if self.safety_mode == SafetyMode::RobotEmergencyStop {
            self.safety_mode = SafetyMode::Normal;
        }
    }

    /// Takes a program from the script port and starts it.
    ///
    /// Only the driver's own control program is accepted, which is more than a real controller
    /// asks for: a simulated one that silently ran half of another program would help nobody.
    pub fn load_script(&mut self, source: &str) -> Result<(), String> {
        let result = self.check_script(source);
        match &result {
            Ok(program) => {
                self.stop_program();
                self.program = Some(Machine::new(program.clone()));
                self.runtime_state = RuntimeState::Playing;
            }
            Err(reason) => self.say(TextLevel::Error, format!("script refused: {reason}")),
        }
        result.map(|_| ())
    }

    fn check_script(&self, source: &str) -> Result<Program, String> {
        match control_program::version_of(source) {
            Some(control_program::VERSION) => {}
            Some(other) => {
                return Err(format!(
                    "control program version {other}, but this face runs version {}",
                    control_program::VERSION
                ));
            }
            None => {
                return Err(
                    "only the driver's control program runs on the simulated controller".into(),
                );
            }
        }
        let program = Program::parse(source).map_err(|error| error.to_string())?;
        if self.robot_mode != RobotMode::Running || !self.safety_mode.allows_motion() {
            return Err(format!(
                "robot mode {}, safety mode {}",
                self.robot_mode, self.safety_mode
            ));
        }
        Ok(program)
    }

    pub(super) fn stop_program(&mut self) {
        self.runtime_state = RuntimeState::Stopped;
        self.program = None;
        self.registers.output_int = [0; super::script::machine::REGISTERS];
        self.brake_if_moving();
    }

    fn brake_if_moving(&mut self) {
        if self.target.qd != [0.0; 6] {
            self.braking = Some(PAUSE_DECELERATION);
        }
    }

    /// Pauses the program; false when none runs.
    pub fn pause(&mut self) -> bool {
        let running = self.runtime_state == RuntimeState::Playing;
        if running {
            self.runtime_state = RuntimeState::Paused;
            self.brake_if_moving();
        }
        running
    }

    /// Goes on with a paused program; false when none is paused.
    pub fn play(&mut self) -> bool {
        let paused = self.runtime_state == RuntimeState::Paused && self.safety_mode.allows_motion();
        if paused {
            self.runtime_state = RuntimeState::Playing;
        }
        paused
    }

    /// Leaves a protective stop; false while it is too fresh.
    pub(super) fn unlock(&mut self) -> bool {
        let old_enough = self.time_s - self.stopped_at_s >= UNLOCK_DELAY_S;
        if old_enough && self.safety_mode == SafetyMode::ProtectiveStop {
            self.safety_mode = SafetyMode::Normal;
        }
        old_enough
    }

    pub(super) fn power(&mut self, on: bool) {
        if !on {
            self.stop_program();
            self.robot_mode = RobotMode::PowerOff;
            self.switching_to = None;
        } else if self.robot_mode == RobotMode::PowerOff {
            self.robot_mode = RobotMode::PowerOn;
            self.switching_to = Some((RobotMode::Idle, self.time_s + self.config.switching_time_s));
        }
    }

    pub(super) fn release_brakes(&mut self) {
        if self.robot_mode == RobotMode::Idle {
            self.switching_to = Some((
                RobotMode::Running,
                self.time_s + self.config.switching_time_s,
            ));
        }
    }

    /// Seconds since the controller started.
    #[must_use]
    pub fn time_s(&self) -> f64 {
        self.time_s
    }

    /// The robot mode.
    #[must_use]
    pub fn robot_mode(&self) -> RobotMode {
        self.robot_mode
    }

    /// The safety mode.
    #[must_use]
    pub fn safety_mode(&self) -> SafetyMode {
        self.safety_mode
    }

    /// What the program is doing.
    #[must_use]
    pub fn runtime_state(&self) -> RuntimeState {
        self.runtime_state
    }

    /// The program that is loaded.
    #[must_use]
    pub fn program_name(&self) -> Option<&str> {
        self.program
            .as_ref()
            .map(|machine| machine.program().name())
    }

    /// What was measured last.
    #[must_use]
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Where the joints are to go.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ur_driver::control_program::{Mode, SOURCE};

    /// A controller with an arm that goes where it is told.
    fn running() -> Controller {
        let mut controller = Controller::new(Config::default(), Reading::default());
        controller.load_script(SOURCE).unwrap();
        cycle(&mut controller);
        controller
    }

    fn cycle(controller: &mut Controller) -> Target {
        let target = *controller.target();
        controller.cycle(Reading {
            q: target.q,
            qd: target.qd,
            ..Reading::default()
        })
    }

    fn servo(controller: &mut Controller, q: f64) -> Target {
        controller.registers.input_int[24] += 1;
        controller.registers.input_int[25] = Mode::Servo as i32;
        controller.registers.input_double[24..30].fill(q);
        cycle(controller)
    }

    #[test]
    fn it_follows_and_brakes_without_a_jump() {
        let mut controller = running();
        for step in 1..=10 {
            let q = 0.008 * f64::from(step);
            assert_eq!(servo(&mut controller, q).q, [q; 6]);
        }
        assert!(controller.pause());
        let mut last = controller.target().q[0];
        for _ in 0..30 {
            let q = cycle(&mut controller).q[0];
            assert!(q >= last && q - last <= 0.008 + 1e-12);
            last = q;
        }
        // v^2 / 2a with 1 rad/s and 10 rad/s^2
        assert!((last - 0.13).abs() < 1e-3, "{last}");
        assert_eq!(controller.target().qd, [0.0; 6]);
    }

    #[test]
    fn an_impossible_set_point_makes_a_protective_stop() {
        let mut controller = running();
        servo(&mut controller, 0.02);
        // Within the program's own limit, but above 180 deg/s.
        servo(&mut controller, 0.055);
        assert_eq!(controller.safety_mode(), SafetyMode::ProtectiveStop);
        assert_eq!(controller.runtime_state(), RuntimeState::Stopped);
        assert!(
            controller
                .take_texts()
                .iter()
                .any(|text| text.message.contains("rad/s"))
        );
        assert!(!controller.unlock());
        for _ in 0..625 {
            cycle(&mut controller);
        }
        assert!(controller.unlock());
        assert_eq!(controller.safety_mode(), SafetyMode::Normal);
    }

    #[test]
    fn a_collision_makes_a_protective_stop() {
        let mut controller = running();
        let mut tcp_force = [0.0; 6];
        tcp_force[2] = -251.0;
        controller.cycle(Reading {
            tcp_force,
            ..Reading::default()
        });
        assert_eq!(controller.safety_mode(), SafetyMode::ProtectiveStop);
    }

    #[test]
    fn only_the_drivers_program_of_this_version_runs() {
        let mut controller = Controller::new(Config::default(), Reading::default());
        for source in [
            "def other():\n  sync()\nend",
            &SOURCE.replace("version 1", "version 2"),
            &SOURCE.replace("servoj(", "movej(")[..40],
        ] {
            assert!(controller.load_script(source).is_err());
            assert_eq!(controller.runtime_state(), RuntimeState::Stopped);
        }
        assert_eq!(controller.take_texts().len(), 3);
    }

    #[test]
    fn an_emergency_stop_takes_the_power() {
        let mut controller = running();
        servo(&mut controller, 0.01);
        controller.press_emergency_stop();
        cycle(&mut controller);
        assert_eq!(controller.target().qd, [0.0; 6]);
        controller.release_emergency_stop();
        assert_eq!(controller.robot_mode(), RobotMode::PowerOff);
        controller.power(true);
        for _ in 0..63 {
            cycle(&mut controller);
        }
        assert_eq!(controller.robot_mode(), RobotMode::Idle);
        controller.release_brakes();
        for _ in 0..63 {
            cycle(&mut controller);
        }
        assert_eq!(controller.robot_mode(), RobotMode::Running);
        assert_eq!(controller.runtime_state(), RuntimeState::Stopped);
    }
}
