use std::fmt;

use super::{
    config::{ConfigError, LimiterConfig},
    motion::{Bounds, Motion},
    report::{Halt, LimitReport, LimiterState, Refusal},
    trajectory::{JointTrajectorySampler, TrajectoryCommand},
};

/// How much further out of the workspace a motion may go by rounding alone.
const WORKSPACE_SLACK_M: f64 = 1e-9;
/// Shares of the wanted motion that are tried before braking at the edge of the workspace.
const SLOWER: [f64; 3] = [1.0, 0.5, 0.25];
/// Where on the way to rest the workspace is checked; see `Limiter::stays_inside`.
const CHECKED_SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

/// Turns commands into setpoints that are safe to carry out. See the [module](super).
#[derive(Debug, Clone)]
pub struct Limiter {
    config: LimiterConfig,
    bounds: Vec<Bounds>,
    /// Empty until the device was measured.
    motions: Vec<Motion>,
    trajectory: Option<JointTrajectorySampler>,
    last_step_s: Option<f64>,
    state: LimiterState,
    report: LimitReport,
}

/// How far out of the workspace the robot would be at joint positions, in m.
pub type Violation<'a> = dyn Fn(&[f64]) -> Vec<f64> + 'a;

/// What a driver knows in a cycle.
#[derive(Clone, Copy)]
pub struct Sensed<'a> {
    /// Time in s, on the clock of [`Limiter::command`].
    pub now_s: f64,
    /// Measured positions, in the order of the configured joints.
    pub measured: &'a [f64],
    /// Contact force in N; 0 for a device that feels none.
    pub contact_force_n: f64,
    /// How far out of the workspace the robot would be at given positions, in m; see
    /// [`Workspace::violations_m`](super::Workspace::violations_m).
    pub violation_m: Option<&'a Violation<'a>>,
}

impl fmt::Debug for Sensed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sensed")
            .field("now_s", &self.now_s)
            .field("measured", &self.measured)
            .field("contact_force_n", &self.contact_force_n)
            .finish_non_exhaustive()
    }
}

/// What to send to the device in this cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct Setpoint {
    /// Positions.
    pub positions: Vec<f64>,
    /// Velocities per s that lead there within the cycle.
    pub velocities: Vec<f64>,
    /// What the limiter is doing.
    pub state: LimiterState,
}

/// The device cannot be driven at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimiterError {
    /// The measurement that motion would start from is no use.
    #[error(
        "measured positions are missing or not finite ({found} numbers for {expected} joints); nothing moves"
    )]
    Measured {
        /// Joints.
        expected: usize,
        /// Numbers measured.
        found: usize,
    },
}

impl Limiter {
    /// A limiter that first has to be told where the device is, by [`Limiter::reset`] or the first step.
    ///
    /// # Errors
    /// When the configuration promises what it cannot hold.
    pub fn new(config: LimiterConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let bounds = config
            .joints
            .iter()
            .map(|joint| Bounds {
                lower: joint.lower,
                upper: joint.upper,
                top_speed: config.top_speed(joint),
                acceleration: joint.acceleration,
                cycle_s: config.cycle_s,
            })
            .collect();
        Ok(Self {
            config,
            bounds,
            motions: Vec::new(),
            trajectory: None,
            last_step_s: None,
            state: LimiterState::Idle,
            report: LimitReport::default(),
        })
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &LimiterConfig {
        &self.config
    }

    /// Whether the setpoints stand still.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.motions.iter().all(|motion| motion.velocity == 0.0)
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> LimiterState {
        self.state
    }

    /// How often it had to step in.
    #[must_use]
    pub fn report(&self) -> LimitReport {
        self.report
    }

    /// Starts afresh, at rest at the measured positions; forgets commands and halts.
    ///
    /// To be called when the device was (re)connected, after a pause, and on a user's reset.
    ///
    /// # Errors
    /// When the measurement is no use; then nothing changes.
    pub fn reset(&mut self, measured: &[f64]) -> Result<(), LimiterError> {
        self.anchor(measured)?;
        self.state = LimiterState::Idle;
        self.last_step_s = None;
        Ok(())
    }

    fn anchor(&mut self, measured: &[f64]) -> Result<(), LimiterError> {
        let (expected, found) = (self.bounds.len(), measured.len());
        if found != expected || !measured.iter().all(|position| position.is_finite()) {
            return Err(LimiterError::Measured { expected, found });
        }
        self.motions = measured
            .iter()
            .map(|&position| Motion {
                position,
                velocity: 0.0,
            })
            .collect();
        self.trajectory = None;
        Ok(())
    }

    /// Brakes, and stays halted until reset.
    pub fn halt(&mut self) {
        self.enter_halt(Halt::Requested);
    }

    fn enter_halt(&mut self, halt: Halt) {
        self.trajectory = None;
        if !matches!(self.state, LimiterState::Halted(_)) {
            self.state = LimiterState::Halted(halt);
        }
    }

    /// Replaces the command. The trajectory starts at the present setpoint at `now_s`.
    ///
    /// Positions beyond a joint's limits are moved back to them; a trajectory that is too fast is followed as fast
    /// as the joints may. Since the device rests soon after the last point's time, plan a trajectory within the
    /// limits if it is to be finished.
    ///
    /// # Errors
    /// When the command is refused; then the previous one goes on.
    pub fn command(&mut self, command: &TrajectoryCommand, now_s: f64) -> Result<(), Refusal> {
        let accepted = self.accept(command, now_s);
        match accepted {
            Ok(trajectory) => {
                self.trajectory = Some(trajectory);
                self.state = LimiterState::Tracking;
                Ok(())
            }
            Err(refusal) => {
                self.report.refused += 1;
                Err(refusal)
            }
        }
    }

    fn accept(
        &mut self,
        command: &TrajectoryCommand,
        now_s: f64,
    ) -> Result<JointTrajectorySampler, Refusal> {
        if let LimiterState::Halted(halt) = self.state {
            return Err(Refusal::Halted(halt));
        }
        if self.motions.is_empty() || !now_s.is_finite() {
            return Err(Refusal::NotReady);
        }
        let names: Vec<&str> = self
            .config
            .joints
            .iter()
            .map(|joint| joint.name.as_str())
            .collect();
        let positions: Vec<f64> = self.motions.iter().map(|motion| motion.position).collect();
        let velocities: Vec<f64> = self.motions.iter().map(|motion| motion.velocity).collect();
        let mut trajectory =
            JointTrajectorySampler::start(command, &names, now_s, &positions, &velocities)?;

        let (mut clamped, mut too_fast, mut too_far) = (false, false, false);
        for point in trajectory.points_mut().iter_mut().skip(1) {
            for (velocity, joint) in point.velocities.iter_mut().zip(&self.config.joints) {
                let inside = velocity.clamp(-joint.velocity, joint.velocity);
                too_fast |= inside != *velocity;
                *velocity = inside;
            }
            for (position, bounds) in point.positions.iter_mut().zip(&self.bounds) {
                let inside = position.clamp(bounds.lower, bounds.upper);
                clamped |= inside != *position;
                *position = inside;
            }
        }
        self.report.position += u64::from(clamped);
        for pair in trajectory.points().windows(2) {
            let [from, to] = pair else { continue };
            // A point at time 0 asks for a jump, that is to say for all of it within a cycle.
            let duration_s = (to.time_s - from.time_s).max(self.config.cycle_s);
            for ((start, end), joint) in from
                .positions
                .iter()
                .zip(&to.positions)
                .zip(&self.config.joints)
            {
                let speed = (end - start).abs() / duration_s;
                too_fast |= speed > joint.velocity;
                too_far |= speed * self.config.cycle_s > joint.step;
            }
        }
        self.report.velocity += u64::from(too_fast);
        self.report.step += u64::from(too_far);
        Ok(trajectory)
    }

    /// The setpoint for this cycle.
    ///
    /// A limiter that was not stepped for longer than the stale time-out, or whose clock ran backwards, takes the
    /// device up from its measured position and waits for a new command.
    ///
    /// # Errors
    /// When it has to start from the measured positions and those are no use.
    pub fn step(&mut self, sensed: &Sensed<'_>) -> Result<Setpoint, LimiterError> {
        let continuous = self.last_step_s.is_none_or(|last| {
            let passed_s = sensed.now_s - last;
            (0.0..=self.config.stale_timeout_s).contains(&passed_s)
        });
        if self.motions.is_empty() {
            self.anchor(sensed.measured)?;
        } else if !continuous || !sensed.now_s.is_finite() {
            self.anchor(sensed.measured)?;
            self.report.gap += 1;
            if !matches!(self.state, LimiterState::Halted(_)) {
                self.state = LimiterState::Idle;
            }
        }
        self.last_step_s = sensed.now_s.is_finite().then_some(sensed.now_s);
        self.check_force(sensed.contact_force_n);

        let wanted = self.wanted_velocities(sensed.now_s);
        let velocities = self.keep_inside(wanted, sensed.violation_m);
        for ((motion, bounds), velocity) in
            self.motions.iter_mut().zip(&self.bounds).zip(&velocities)
        {
            *motion = bounds.advance(*motion, *velocity);
        }
        let positions = self.motions.iter().map(|motion| motion.position).collect();
        Ok(Setpoint {
            positions,
            velocities,
            state: self.state,
        })
    }

    /// A force that cannot be read counts as too large.
    fn check_force(&mut self, force_n: f64) {
        let Some(limit_n) = self.config.contact_force_n else {
            return;
        };
        let harmless = force_n.abs() <= limit_n;
        if !harmless && self.state != LimiterState::Halted(Halt::ContactForce) {
            self.report.contact_force += 1;
            self.enter_halt(Halt::ContactForce);
        }
    }

    /// Towards the trajectory, or to rest where there is none or it ran out.
    fn wanted_velocities(&mut self, now_s: f64) -> Vec<f64> {
        let Some(trajectory) = &self.trajectory else {
            return self.braking();
        };
        let sample = trajectory.sample(now_s);
        if let Some(ended_s_ago) = sample.ended_s_ago {
            let left_s = self.config.stale_timeout_s - ended_s_ago;
            let settles = self.settles(&sample.positions, left_s);
            self.note_end(settles, trajectory.ends_in_motion(), left_s);
            if !settles && self.stopping_time_s() + 2.0 * self.config.cycle_s > left_s {
                return self.braking();
            }
        }
        let mut wanted = Vec::with_capacity(self.motions.len());
        let mut smoothed = false;
        let targets = sample.positions.iter().zip(&sample.velocities);
        for ((motion, bounds), (&target, &velocity)) in
            self.motions.iter().zip(&self.bounds).zip(targets)
        {
            wanted.push(bounds.velocity_towards(*motion, target));
            smoothed |= (velocity - motion.velocity).abs() > bounds.acceleration * bounds.cycle_s;
        }
        self.report.acceleration += u64::from(smoothed);
        wanted
    }

    fn stopping_time_s(&self) -> f64 {
        let times_s = self
            .motions
            .iter()
            .zip(&self.bounds)
            .map(|(motion, bounds)| bounds.stopping_time_s(*motion));
        times_s.fold(0.0, f64::max)
    }

    /// Whether all joints, left alone, come to rest at the goal in the time that is left.
    fn settles(&self, goal: &[f64], left_s: f64) -> bool {
        let cycles = (left_s / self.config.cycle_s).max(0.0).floor();
        self.motions
            .iter()
            .zip(&self.bounds)
            .zip(goal)
            .all(|((motion, bounds), &goal)| {
                let mut motion = *motion;
                let mut cycle = 0.0;
                while cycle < cycles && !bounds.rests_at(motion, goal) {
                    motion = bounds.advance(motion, bounds.velocity_towards(motion, goal));
                    cycle += 1.0;
                }
                bounds.rests_at(motion, goal)
            })
    }

    /// Says how a trajectory ended, once for each.
    fn note_end(&mut self, settles: bool, in_motion: bool, left_s: f64) {
        if self.state != LimiterState::Tracking {
            return;
        }
        if left_s <= 0.0 && (in_motion || !settles) {
            self.state = LimiterState::Stale;
            self.report.stale += 1;
        } else if settles && !in_motion && self.motions.iter().all(|motion| motion.velocity == 0.0)
        {
            self.state = LimiterState::Holding;
        }
    }

    fn braking(&self) -> Vec<f64> {
        self.motions
            .iter()
            .zip(&self.bounds)
            .map(|(motion, bounds)| bounds.braking_velocity(*motion))
            .collect()
    }

    /// Slows or stops a motion after which the robot could not stop inside its workspace any more.
    fn keep_inside(&mut self, wanted: Vec<f64>, violation_m: Option<&Violation<'_>>) -> Vec<f64> {
        let Some(violation_m) = violation_m else {
            return wanted;
        };
        let braking = self.braking();
        if wanted == braking {
            return wanted;
        }
        let here: Vec<f64> = self.motions.iter().map(|motion| motion.position).collect();
        // From outside each control point may come back, but go no further out.
        let allowed_m: Vec<f64> = violation_m(&here)
            .iter()
            .map(|outside| outside.max(0.0) + WORKSPACE_SLACK_M)
            .collect();
        if !allowed_m.iter().all(|allowed| allowed.is_finite()) {
            self.report.workspace += 1;
            return braking;
        }
        for share in SLOWER {
            let slower: Vec<f64> = braking
                .iter()
                .zip(&wanted)
                .map(|(braking, wanted)| braking + share * (wanted - braking))
                .collect();
            if self.stays_inside(&slower, violation_m, &allowed_m) {
                self.report.workspace += u64::from(share < 1.0);
                return slower;
            }
        }
        self.report.workspace += 1;
        braking
    }

    /// Whether the robot stays inside after a cycle with these velocities and while it then brakes.
    ///
    /// Between the checked places the path is bent by the joints' different stopping times; over a stopping distance
    /// that is well below a millimetre.
    fn stays_inside(
        &self,
        velocities: &[f64],
        violation_m: &Violation<'_>,
        allowed_m: &[f64],
    ) -> bool {
        CHECKED_SHARES.iter().all(|&share| {
            let positions: Vec<f64> = self
                .motions
                .iter()
                .zip(&self.bounds)
                .zip(velocities)
                .map(|((motion, bounds), velocity)| {
                    bounds.stopping_position(bounds.advance(*motion, *velocity), share)
                })
                .collect();
            let outside_m = violation_m(&positions);
            outside_m.len() == allowed_m.len()
                && outside_m
                    .iter()
                    .zip(allowed_m)
                    .all(|(outside, allowed)| outside <= allowed)
        })
    }
}
