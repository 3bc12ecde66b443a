//! The driver's logic without the bus: from what is known in a cycle to what the controller is sent in it.
//!
//! While nothing moves, nothing is sent: the controller holds the arm, and others may move it. So the gate is set anew on
//! the measured position in every such cycle, and motion starts from where the arm is.

use arm_gate::{Condition, Gate};
use bus::Time;
use msgs::trajectory_msgs::JointTrajectory;

use crate::controller::Kind;

/// How far ahead a trajectory controller is told, in s: that long the arm goes on if this program breaks off.
const HORIZON_S: f64 = 0.4;
/// Age from which a trajectory that goes on is continued, in s.
const RENEWAL_S: f64 = 0.2;
/// How far a set point may be from the trajectory that was sent before another is, in rad: more than a cycle that came late.
const OFF_COURSE_RAD: f64 = 0.01;
/// How long the arm is given to come up to a set point that stands, in s.
const SETTLING_S: f64 = 0.2;

/// What is known in a cycle.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Fresh positions of the arm in rad, or why there are none.
    pub(crate) measured: Result<[f64; 6], String>,
    /// What else is missing, such as the wrench.
    pub(crate) missing: Option<String>,
    /// Whether the robot's program runs; `None`: nobody says.
    pub(crate) program_runs: Option<bool>,
}

/// A trajectory that was sent.
#[derive(Debug)]
struct Plan {
    /// When it was sent, s.
    start_s: f64,
    points: Vec<[f64; 6]>,
    /// Whether it was cut off at the horizon.
    goes_on: bool,
}

/// The logic of one arm.
#[derive(Debug)]
pub(crate) struct Arm {
    gate: Gate,
    kind: Kind,
    cycle_s: f64,
    /// Whether set points are being sent.
    is_leading: bool,
    /// Since when the set points stand, s.
    at_rest_since_s: Option<f64>,
    plan: Option<Plan>,
    last_measured: Option<[f64; 6]>,
}

impl Arm {
    pub(crate) fn new(gate: Gate, kind: Kind, cycle_s: f64) -> Self {
        Self {
            gate,
            kind,
            cycle_s,
            is_leading: false,
            at_rest_since_s: None,
            plan: None,
            last_measured: None,
        }
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(crate) fn gate_mut(&mut self) -> &mut Gate {
        &mut self.gate
    }

    /// Whether set points are being sent: the arm moves, or has just come to rest.
    pub(crate) fn is_leading(&self) -> bool {
        self.is_leading
    }

    /// To be called while the driver is not active: a stop is kept, commands are refused.
    pub(crate) fn inactive(&mut self, reason: &str) {
        self.let_go();
        self.gate.set_condition(Condition::Inactive, reason);
    }

    /// Stops the arm until [`Arm::reset`].
    pub(crate) fn stop(&mut self, reason: &str) {
        self.gate.latch(Condition::Stopped, reason);
        self.plan = None;
    }

    /// Takes back a stop, or says why that is not possible yet.
    pub(crate) fn reset(&mut self, known: &Known) -> Result<(), String> {
        if self.is_leading {
            return Err("the arm is still coming to rest; call again".into());
        }
        self.gate.unlatch();
        self.judge(known);
        if self.gate.condition() == Condition::Ready {
            Ok(())
        } else {
            Err(self.gate.reason().to_owned())
        }
    }

    /// Takes a command at `now`.
    pub(crate) fn command(&mut self, command: &JointTrajectory, now: Time) {
        if self.gate.command(command, now.as_secs_f64()) {
            self.is_leading = true;
            self.at_rest_since_s = None;
            self.plan = None;
        }
    }

    /// Looks whether the arm can follow, before the commands of a cycle are taken.
    pub(crate) fn judge(&mut self, known: &Known) {
        if let Ok(measured) = known.measured {
            self.last_measured = Some(measured);
        }
        let trouble = match known {
            // A program that does not run has let go of the arm.
            Known {
                program_runs: Some(false),
                ..
            } => {
                self.let_go();
                Some((
                    Condition::Paused,
                    "the robot's program does not run: press play at the pendant, or call the robot driver's \
                     resend_robot_program"
                        .to_owned(),
                ))
            }
            Known {
                measured: Err(why), ..
            } => Some((Condition::Disconnected, why.clone())),
            Known {
                missing: Some(what),
                ..
            } => Some((Condition::Starting, what.clone())),
            _ => None,
        };
        let is_stopping = self.gate.is_braking() || self.gate.latched().is_some();
        if trouble.is_some() && self.is_leading && !is_stopping {
            self.gate.brake();
            self.plan = None;
        }
        let latched = self.gate.latched();
        let stands = latched.map(|(condition, reason)| (condition, reason.to_owned()));
        if let Some((condition, reason)) = stands.or(trouble) {
            if !self.is_leading {
                self.gate.disengage();
            }
            return self.gate.set_condition(condition, &reason);
        }
        if self.is_leading {
            if self.gate.condition() != Condition::Ready {
                let reason = "coming to rest before it goes on";
                self.gate.set_condition(Condition::Starting, reason);
            }
            return;
        }
        if let Ok(measured) = &known.measured
            && let Err(error) = self.gate.engage(measured)
        {
            self.gate
                .set_condition(Condition::Starting, &error.to_string());
        }
    }

    /// What the controller is to be sent in this cycle, if anything: set points a cycle apart, the first one due a cycle from
    /// now.
    pub(crate) fn cycle(&mut self, now: Time) -> Option<Vec<[f64; 6]>> {
        let measured = self.last_measured.filter(|_| self.is_leading)?;
        let now_s = now.as_secs_f64();
        let Some(set_point) = self.gate.follow(now_s, &measured) else {
            self.let_go();
            return Some(vec![measured]);
        };
        let sent = match self.kind {
            Kind::Position => Some(vec![set_point]),
            Kind::Trajectory => self.planned(now_s, set_point, &measured),
        };
        if self.gate.is_at_rest() {
            let since_s = *self.at_rest_since_s.get_or_insert(now_s);
            if now_s - since_s >= SETTLING_S {
                self.let_go();
            }
        } else {
            self.at_rest_since_s = None;
        }
        sent
    }

    /// A trajectory from `set_point` on, unless the one that was sent still says the same.
    fn planned(
        &mut self,
        now_s: f64,
        set_point: [f64; 6],
        measured: &[f64; 6],
    ) -> Option<Vec<[f64; 6]>> {
        if let Some(plan) = &self.plan {
            let age_s = now_s - plan.start_s;
            let place = (age_s / self.cycle_s).round().max(0.0) as usize;
            let is_due = plan.goes_on && age_s >= RENEWAL_S;
            let point = plan.points.get(place).or(plan.points.last());
            let is_on_course = point.is_some_and(|point| {
                let pairs = point.iter().zip(&set_point);
                pairs
                    .into_iter()
                    .all(|(planned, wanted)| (planned - wanted).abs() <= OFF_COURSE_RAD)
            });
            if is_on_course && !is_due {
                return None;
            }
        }
        let cycles = (HORIZON_S / self.cycle_s).round() as usize;
        let mut points = vec![set_point];
        points.extend(self.gate.outlook(now_s, measured, cycles));
        self.plan = Some(Plan {
            start_s: now_s,
            goes_on: points.len() > cycles,
            points: points.clone(),
        });
        Some(points)
    }

    /// Sends no more; what comes next starts from where the arm is then.
    fn let_go(&mut self) {
        self.is_leading = false;
        self.at_rest_since_s = None;
        self.plan = None;
        self.gate.disengage();
    }
}
