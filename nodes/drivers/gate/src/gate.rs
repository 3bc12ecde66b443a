use std::collections::VecDeque;

use msgs::trajectory_msgs::JointTrajectory;
use nalgebra::Vector3;
use robot::limits::{
    LimitReport, Limiter, LimiterError, LimiterState, Sensed, TrajectoryCommand, TrajectoryPoint,
    Workspace,
};

use crate::parameters::{ArmLimits, LimitsError};

/// The contact force is the mean over so many cycles (40 ms): a knock that is over before an arm could stop is no reason to
/// stay stopped.
const FORCE_CYCLES: usize = 5;

/// What the driver is doing, as told in `arm/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Nobody has activated the driver.
    Inactive,
    /// No connection to the arm.
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
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
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

/// The rules in front of one arm. See the [crate](crate).
#[derive(Debug)]
pub struct Gate {
    limiter: Limiter,
    workspace: Option<Workspace>,
    largest_deviation: f64,
    condition: Condition,
    reason: String,
    latch: Option<Latch>,
    engaged: bool,
    /// Coming to rest for a reason that passes.
    braking: bool,
    set_point: [f64; 6],
    /// Forces at the tool in the last cycles, N.
    forces_n: VecDeque<Vector3<f64>>,
    last_refusal: String,
    refused_not_ready: u64,
}

impl Gate {
    /// A gate that has no arm yet.
    ///
    /// # Errors
    /// When the limits promise what they cannot hold.
    pub fn new(limits: &ArmLimits) -> Result<Self, LimitsError> {
        Ok(Self {
            limiter: Limiter::new(limits.limiter.clone())?,
            workspace: limits.workspace.clone(),
            largest_deviation: limits.largest_deviation,
            condition: Condition::Disconnected,
            reason: "not connected yet".into(),
            latch: None,
            engaged: false,
            braking: false,
            set_point: [0.0; 6],
            forces_n: VecDeque::with_capacity(FORCE_CYCLES),
            last_refusal: String::new(),
            refused_not_ready: 0,
        })
    }

    /// Takes a command that arrived at `now_s`, on the clock of [`Gate::follow`]. Whether it is accepted.
    pub fn command(&mut self, trajectory: &JointTrajectory, now_s: f64) -> bool {
        if self.condition != Condition::Ready {
            self.refused_not_ready += 1;
            self.last_refusal = format!("the arm is {}: {}", self.condition.name(), self.reason);
            return false;
        }
        match self.limiter.command(&trajectory_command(trajectory), now_s) {
            Ok(()) => true,
            Err(refusal) => {
                tracing::warn!("arm command refused: {refusal}");
                self.last_refusal = refusal.to_string();
                false
            }
        }
    }

    /// Tells where the joints of the hand are, for the workspace.
    pub fn hand_joints<'a>(&mut self, joints: impl IntoIterator<Item = (&'a str, f64)>) {
        if let Some(Err(error)) = self
            .workspace
            .as_mut()
            .map(|workspace| workspace.set_others(joints))
        {
            self.last_refusal = error.to_string();
        }
    }

    /// The force at the tool in this cycle, N. A gate that is told of none takes it for zero.
    pub fn feel(&mut self, force_n: Vector3<f64>) {
        if self.forces_n.len() == FORCE_CYCLES {
            self.forces_n.pop_front();
        }
        self.forces_n.push_back(force_n);
    }

    /// Forgets what was felt: it was another connection's.
    pub fn forget_forces(&mut self) {
        self.forces_n.clear();
    }

    /// The arm follows from now on, from where it was measured to be.
    ///
    /// # Errors
    /// When the measurement is no use.
    pub fn engage(&mut self, measured: &[f64; 6]) -> Result<(), LimiterError> {
        self.limiter.reset(measured)?;
        self.set_point = *measured;
        self.engaged = true;
        self.braking = false;
        self.set_condition(Condition::Ready, "");
        Ok(())
    }

    /// The arm follows no more; commands are forgotten.
    pub fn disengage(&mut self) {
        if self.engaged {
            self.engaged = false;
            self.limiter.halt();
        }
    }

    /// Brings an engaged arm to rest for a reason that passes by itself, unlike that of [`Gate::latch`]. Then engage it anew.
    pub fn brake(&mut self) {
        self.braking = true;
        self.limiter.halt();
    }

    /// Whether the arm is being, or was, brought to rest by [`Gate::brake`].
    #[must_use]
    pub fn is_braking(&self) -> bool {
        self.braking
    }

    /// Whether the arm follows.
    #[must_use]
    pub fn is_engaged(&self) -> bool {
        self.engaged
    }

    /// The set point of this cycle for an engaged arm; `None` when it is to stay where it is, not where it was to be.
    pub fn follow(&mut self, now_s: f64, measured: &[f64; 6]) -> Option<[f64; 6]> {
        // A joint that is not measured does not follow either.
        let follows = measured
            .iter()
            .zip(&self.set_point)
            .all(|(actual, wanted)| (actual - wanted).abs() <= self.largest_deviation);
        let was_moved = self.limiter.state() != LimiterState::Idle;
        if was_moved && self.latch.is_none() && !follows {
            let deviation = self.largest_deviation;
            self.latch(
                Condition::Fault,
                &format!(
                    "a joint is more than {deviation} rad from its set point: is the arm blocked, or does it not listen?"
                ),
            );
            return self.stay();
        }
        let force_n = self.force_n();
        match step(
            &mut self.limiter,
            self.workspace.as_ref(),
            now_s,
            measured,
            force_n,
        ) {
            Ok((set_point, state)) => {
                if let LimiterState::Halted(halt) = state
                    && self.latch.is_none()
                    && !self.braking
                {
                    self.latch(Condition::Fault, &format!("{halt}: {force_n:.0} N"));
                    return self.stay();
                }
                self.set_point = set_point;
                Some(set_point)
            }
            Err(error) => {
                self.latch(Condition::Fault, &error.to_string());
                self.stay()
            }
        }
    }

    /// The set points to come, a cycle apart, if nothing new happens: up to `cycles` of the command, and then the way to rest.
    ///
    /// Nothing is changed by looking ahead.
    #[must_use]
    pub fn outlook(&self, now_s: f64, measured: &[f64; 6], cycles: usize) -> Vec<[f64; 6]> {
        let mut limiter = self.limiter.clone();
        let cycle_s = limiter.config().cycle_s;
        let force_n = self.force_n();
        let mut points = Vec::new();
        // Whoever moves comes to rest in the time that the limits promise, so this ends.
        let most = cycles + (limiter.config().stale_timeout_s / cycle_s).ceil() as usize;
        while points.len() < most {
            if points.len() == cycles {
                limiter.halt();
            }
            let at_s = now_s + cycle_s * (points.len() + 1) as f64;
            let workspace = self.workspace.as_ref();
            let Ok((set_point, state)) = step(&mut limiter, workspace, at_s, measured, force_n)
            else {
                break;
            };
            points.push(set_point);
            if limiter.is_at_rest() && state != LimiterState::Tracking {
                break;
            }
        }
        points
    }

    /// An arm that something holds up, or that presses on something, brakes and stays: a set point ahead of it, or
    /// inside of what it touches, would keep it pressing, and it would jump there when the way is free.
    fn stay(&mut self) -> Option<[f64; 6]> {
        self.disengage();
        None
    }

    /// Stops the arm until [`Gate::unlatch`]. The first reason counts.
    pub fn latch(&mut self, condition: Condition, reason: &str) {
        self.limiter.halt();
        if self.latch.is_none() {
            self.latch = Some(Latch {
                condition,
                reason: reason.to_owned(),
            });
            self.set_condition(condition, reason);
        }
    }

    /// What the arm is stopped for, if it is.
    #[must_use]
    pub fn latched(&self) -> Option<(Condition, &str)> {
        let latch = self.latch.as_ref()?;
        Some((latch.condition, &latch.reason))
    }

    /// Forgets why the arm was stopped.
    pub fn unlatch(&mut self) {
        self.latch = None;
        self.disengage();
    }

    /// Says what the driver is doing, and why.
    pub fn set_condition(&mut self, condition: Condition, reason: &str) {
        if self.condition != condition {
            match condition {
                Condition::Fault => tracing::warn!("arm stopped until reset: {reason}"),
                _ => tracing::info!("arm {}: {reason}", condition.name()),
            }
        }
        self.condition = condition;
        if self.reason != reason {
            reason.clone_into(&mut self.reason);
        }
    }

    /// What the driver is doing.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.condition
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The last set point, or where the arm was engaged, in rad.
    #[must_use]
    pub fn set_point(&self) -> [f64; 6] {
        self.set_point
    }

    /// Whether the set points stand still and no command is under way.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.limiter.is_at_rest() && self.limiter.state() != LimiterState::Tracking
    }

    /// Whether an engaged arm's set points still move.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.engaged && !self.limiter.is_at_rest()
    }

    /// How often the limits had to step in.
    #[must_use]
    pub fn report(&self) -> LimitReport {
        self.limiter.report()
    }

    /// Whether the arm stopped because commands ceased in mid motion.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.limiter.state() == LimiterState::Stale
    }

    /// Commands that came while the arm was not ready.
    #[must_use]
    pub fn refused_not_ready(&self) -> u64 {
        self.refused_not_ready
    }

    /// Why the last command was refused.
    #[must_use]
    pub fn last_refusal(&self) -> &str {
        &self.last_refusal
    }

    /// The force at the tool, the mean over the last cycles, N.
    #[must_use]
    pub fn tool_force_n(&self) -> Vector3<f64> {
        let sum: Vector3<f64> = self.forces_n.iter().sum();
        sum / self.forces_n.len().max(1) as f64
    }

    /// How hard the tool is pressed, N: the mean of the magnitudes, in which forces to and fro do not cancel.
    #[must_use]
    pub fn force_n(&self) -> f64 {
        let sum: f64 = self.forces_n.iter().map(Vector3::norm).sum();
        sum / self.forces_n.len().max(1) as f64
    }
}

/// One step of a limiter for six joints.
fn step(
    limiter: &mut Limiter,
    workspace: Option<&Workspace>,
    now_s: f64,
    measured: &[f64; 6],
    force_n: f64,
) -> Result<([f64; 6], LimiterState), LimiterError> {
    let violation_m =
        |q: &[f64]| workspace.map_or_else(Vec::new, |workspace| workspace.violations_m(q));
    let next = limiter.step(&Sensed {
        now_s,
        measured,
        contact_force_n: force_n,
        violation_m: workspace.is_some().then_some(&violation_m),
    })?;
    let mut set_point = *measured;
    for (slot, position) in set_point.iter_mut().zip(next.positions) {
        *slot = position;
    }
    Ok((set_point, next.state))
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
