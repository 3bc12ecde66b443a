//! The driver's logic without its line: from what the servos report in a cycle to the goals they
//! are given in that cycle.

use msgs::std_msgs::Int32MultiArray;
use msgs::trajectory_msgs::JointTrajectory;
use robot::Hand;
use robot::hand::{LED_JOINTS, SERVOS};
use robot::limits::{
    LimitReport, Limiter, LimiterState, Sensed, TrajectoryCommand, TrajectoryPoint,
};

/// Load as a share of full load above which a servo is eased. Beyond full load it would switch
/// itself off after a while and drop what the hand holds.
const EASING_LOAD: f64 = 0.9;
/// A goal leads the present position by at most this, in ticks, ...
const LARGEST_LEAD: f64 = 400.0;
/// ... by this at least, however much a servo is eased, ...
const SMALLEST_LEAD: f64 = 10.0;
/// ... and it shrinks and recovers by these factors a cycle.
const EASE: f64 = 0.8;
const RECOVER: f64 = 1.05;

/// A goal in ticks is given this much more time than the servo needs at full speed.
const TRAVEL_SLACK: f64 = 1.2;

/// What the driver is doing, as told in `hand/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nobody has activated the driver.
    Inactive,
    /// No connection to the servos.
    Disconnected,
    /// Following commands.
    Ready,
    /// Stopped until `hand/reset`.
    Stopped,
    /// A servo failed; until `hand/reset`.
    Fault,
}

impl Condition {
    /// The word in the status message.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Disconnected => "disconnected",
            Self::Ready => "ready",
            Self::Stopped => "stopped",
            Self::Fault => "fault",
        }
    }
}

/// What the servos report.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Feedback {
    /// Positions, ticks.
    pub(crate) ticks: [f64; 5],
    /// Loads as a share of full load, positive when the servo closes the hand.
    pub(crate) load: [f64; 5],
}

/// The logic of one hand.
#[derive(Debug)]
pub(crate) struct HandLogic {
    calibration: Hand,
    limiter: Limiter,
    condition: Condition,
    reason: String,
    /// Why the driver is not active, while it is not.
    inactive: Option<String>,
    /// How far each goal may lead the present position, ticks.
    lead: [f64; 5],
    /// Cycles in which a servo was eased.
    eased: u64,
    refused_not_ready: u64,
    last_refusal: String,
    feedback: Feedback,
}

impl HandLogic {
    pub(crate) fn new(calibration: Hand, limiter: Limiter) -> Self {
        Self {
            calibration,
            limiter,
            condition: Condition::Disconnected,
            reason: "not connected yet".into(),
            inactive: None,
            lead: [LARGEST_LEAD; 5],
            eased: 0,
            refused_not_ready: 0,
            last_refusal: String::new(),
            feedback: Feedback::default(),
        }
    }

    /// To be called when the servos answer and their torque is on. Motion starts from where they are.
    pub(crate) fn connected(&mut self, feedback: Feedback) {
        self.lead = [LARGEST_LEAD; 5];
        self.feedback = feedback;
        match self.limiter.reset(&feedback.ticks) {
            Ok(()) if matches!(self.condition, Condition::Stopped | Condition::Fault) => {
                self.limiter.halt();
            }
            Ok(()) => self.set_condition(Condition::Ready, ""),
            Err(error) => self.fail(&error.to_string()),
        }
    }

    /// To be called when the line is lost. Commands from before are forgotten.
    pub(crate) fn disconnected(&mut self, reason: &str) {
        self.limiter.halt();
        if self.condition == Condition::Ready {
            self.set_condition(Condition::Disconnected, reason);
        } else if self.condition == Condition::Disconnected {
            reason.clone_into(&mut self.reason);
        }
    }

    /// To be called while the driver is not active: a stop is kept, commands are refused.
    pub(crate) fn deactivated(&mut self, reason: &str) {
        self.limiter.halt();
        self.inactive = Some(reason.to_owned());
    }

    /// To be called when the driver is active again.
    pub(crate) fn activated(&mut self) {
        self.inactive = None;
    }

    /// Takes back a stop that was for the end of a session only.
    pub(crate) fn let_go(&mut self) {
        self.limiter.halt();
        self.set_condition(Condition::Disconnected, "not connected");
    }

    /// Stops the hand until [`HandLogic::reset`].
    pub(crate) fn stop(&mut self, reason: &str) {
        self.limiter.halt();
        if self.condition != Condition::Fault {
            self.set_condition(Condition::Stopped, reason);
        }
    }

    /// Stops the hand because something is broken.
    pub(crate) fn fail(&mut self, reason: &str) {
        self.limiter.halt();
        self.set_condition(Condition::Fault, reason);
    }

    /// Forgets why the hand was stopped.
    pub(crate) fn reset(&mut self, feedback: Feedback) {
        self.condition = Condition::Ready;
        self.connected(feedback);
    }

    fn set_condition(&mut self, condition: Condition, reason: &str) {
        if self.condition != condition {
            tracing::info!("hand {}: {reason}", condition.name());
        }
        self.condition = condition;
        reason.clone_into(&mut self.reason);
    }

    /// Takes a command in joint angles (rad, URDF signs) of the five joints that the servos lead.
    pub(crate) fn command(&mut self, trajectory: &JointTrajectory, now_s: f64) {
        match self.in_ticks(trajectory) {
            Ok(command) => self.submit(&command, now_s),
            Err(reason) => self.refuse(reason),
        }
    }

    /// Takes a command in ticks, one for each servo, to be reached as fast as the limits allow.
    pub(crate) fn ticks_command(&mut self, message: &Int32MultiArray, now_s: f64) {
        let Ok(ticks) = <[i32; 5]>::try_from(message.data.as_slice()) else {
            let count = message.data.len();
            self.refuse(format!("sih/ticks_command has {count} values for 5 servos"));
            return;
        };
        let positions = self.calibration.clamp(ticks.map(f64::from));
        // The limiter rests soon after the time of the last point, so there must be time enough:
        // to get up to speed, to travel below full speed, and to slow down.
        let time_s = self
            .limiter
            .config()
            .joints
            .iter()
            .zip(positions.iter().zip(self.feedback.ticks))
            .map(|(joint, (to, from))| {
                TRAVEL_SLACK * (to - from).abs() / joint.velocity
                    + 2.0 * joint.velocity / joint.acceleration
            })
            .fold(0.1, f64::max);
        let command = TrajectoryCommand {
            joint_names: SERVOS.map(str::to_owned).to_vec(),
            points: vec![TrajectoryPoint {
                time_s,
                positions: positions.to_vec(),
                velocities: vec![0.0; 5],
            }],
        };
        self.submit(&command, now_s);
    }

    fn submit(&mut self, command: &TrajectoryCommand, now_s: f64) {
        if self.condition() != Condition::Ready {
            self.refused_not_ready += 1;
            self.last_refusal =
                format!("the hand is {}: {}", self.condition().name(), self.reason());
        } else if let Err(refusal) = self.limiter.command(command, now_s) {
            tracing::warn!("hand command refused: {refusal}");
            self.last_refusal = refusal.to_string();
        }
    }

    fn refuse(&mut self, reason: String) {
        tracing::warn!("hand command refused: {reason}");
        self.refused_not_ready += 1;
        self.last_refusal = reason;
    }

    fn in_ticks(&self, trajectory: &JointTrajectory) -> Result<TrajectoryCommand, String> {
        let names = &trajectory.joint_names;
        let mut places = [0; 5];
        for (place, joint) in places.iter_mut().zip(LED_JOINTS) {
            *place = names.iter().position(|name| name == joint).ok_or_else(|| {
                format!(
                    "the command lacks joint {joint}; it has [{}]",
                    names.join(", ")
                )
            })?;
        }
        if names.len() != LED_JOINTS.len() {
            return Err(format!(
                "the command names {} joints, the hand takes {}",
                names.len(),
                LED_JOINTS.join(", ")
            ));
        }
        let mut points = Vec::with_capacity(trajectory.points.len());
        for (index, point) in trajectory.points.iter().enumerate() {
            let angles =
                places.map(|place| point.positions.get(place).copied().unwrap_or(f64::NAN));
            if !angles.iter().all(|angle| angle.is_finite()) {
                return Err(format!(
                    "point {index} lacks positions or holds something that is not a finite number"
                ));
            }
            let rests = !point.velocities.is_empty()
                && point.velocities.iter().all(|&velocity| velocity == 0.0);
            points.push(TrajectoryPoint {
                time_s: f64::from(point.time_from_start.sec)
                    + f64::from(point.time_from_start.nanosec) * 1e-9,
                positions: self.calibration.ticks(angles).to_vec(),
                // Ticks a second do not follow from angles a second alone; only rest does.
                velocities: if rests { vec![0.0; 5] } else { Vec::new() },
            });
        }
        Ok(TrajectoryCommand {
            joint_names: SERVOS.map(str::to_owned).to_vec(),
            points,
        })
    }

    /// One cycle: the goals of the servos in ticks.
    pub(crate) fn cycle(&mut self, feedback: Feedback, now_s: f64) -> [f64; 5] {
        self.feedback = feedback;
        let sensed = Sensed {
            now_s,
            measured: &feedback.ticks,
            contact_force_n: 0.0,
            violation_m: None,
        };
        let set_point = match self.limiter.step(&sensed) {
            Ok(next) => next.positions,
            Err(error) => {
                self.fail(&error.to_string());
                feedback.ticks.to_vec()
            }
        };
        let mut goals = feedback.ticks;
        let mut eased = false;
        for (index, goal) in goals.iter_mut().enumerate() {
            let (Some(&wanted), Some(&load), Some(lead)) = (
                set_point.get(index),
                feedback.load.get(index),
                self.lead.get_mut(index),
            ) else {
                continue;
            };
            if load.abs() > EASING_LOAD {
                *lead = (*lead * EASE).max(SMALLEST_LEAD);
                eased = true;
            } else {
                *lead = (*lead * RECOVER).min(LARGEST_LEAD);
            }
            *goal += (wanted - *goal).clamp(-*lead, *lead);
        }
        self.eased += u64::from(eased);
        self.calibration.clamp(goals)
    }

    /// The angles of the eleven joints, as the servos' positions tell them, in rad.
    pub(crate) fn angles(&self) -> [f64; 11] {
        self.calibration.angles(self.feedback.ticks)
    }

    /// The load of the servo behind each of the eleven joints, positive when it closes the hand.
    pub(crate) fn efforts(&self) -> [f64; 11] {
        let [opposition, flexion, index, middle, ring] = self.feedback.load;
        [
            opposition, flexion, flexion, index, index, middle, middle, ring, ring, ring, ring,
        ]
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        self.limiter.state() != LimiterState::Tracking
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.limiter.state() == LimiterState::Stale
    }

    pub(crate) fn condition(&self) -> Condition {
        if self.inactive.is_some() {
            Condition::Inactive
        } else {
            self.condition
        }
    }

    pub(crate) fn reason(&self) -> &str {
        self.inactive.as_ref().unwrap_or(&self.reason)
    }

    pub(crate) fn report(&self) -> LimitReport {
        self.limiter.report()
    }

    pub(crate) fn feedback(&self) -> &Feedback {
        &self.feedback
    }

    pub(crate) fn eased(&self) -> u64 {
        self.eased
    }

    pub(crate) fn refused_not_ready(&self) -> u64 {
        self.refused_not_ready
    }

    pub(crate) fn last_refusal(&self) -> &str {
        &self.last_refusal
    }
}
