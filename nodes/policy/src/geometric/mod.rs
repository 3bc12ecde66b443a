//! The built-in policy: grasp about the centre, across the smallest width that fits the hand, and lift.
//!
//! It is the common-sense baseline: no learning, only the target's cloud and box, the robot's own geometry and what the
//! hand feels. One call of [`Geometric::step`] a control step; see [`plan`] for how the grasp is chosen and [`hand`] for
//! how the hand closes.

mod clearance;
mod grip;
pub mod hand;
pub mod path;
pub mod plan;
mod section;
pub mod settings;

use nalgebra::{Point3, Translation3};
use robot::{Hand, KinematicsError, Model, ur5};

pub use hand::Ticks;
pub use path::Arm;
pub use plan::{Grasp, Object, PlanError, Planner};
pub use settings::Settings;

use crate::action::led_angles;
use grip::Grip;
use path::Motion;

/// Angles of the joints that the servos lead, in rad with the URDF's sign, in the order of `robot::hand::LED_JOINTS`.
pub type LedAngles = [f64; 5];

/// What the policy sees in one control step.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Measured positions of the arm's joints, rad.
    pub arm: &'a Arm,
    /// Loads of the hand's servos, from 0 to 1, in the order of [`Ticks`].
    pub load: &'a [f64; 5],
    /// Force at the tool, N; 0 for an arm that feels none.
    pub contact_n: f64,
    /// The target, when it is seen now.
    pub object: Option<&'a Object>,
}

/// What the policy wants at the end of this control step.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Positions of the arm's joints, rad; `None` to stay.
    pub arm: Option<Arm>,
    /// Velocities of the arm's joints there, rad/s.
    pub arm_velocity: Arm,
    /// Positions of the hand's led joints, rad; `None` to stay.
    pub hand: Option<LedAngles>,
    /// Where it is in the grasp.
    pub phase: Phase,
}

/// The stages of a grasp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No target has been seen yet.
    Waiting,
    /// On the way to the object, the hand taking its shape.
    Approach,
    /// The hand closes.
    Grasp,
    /// The object goes up and to the goal.
    Lift,
    /// The object is held at the goal.
    Hold,
}

impl Phase {
    /// The name in `policy/status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "approach",
            Self::Approach => "preshape",
            Self::Grasp => "grasp",
            Self::Lift => "lift",
            Self::Hold => "hold",
        }
    }
}

/// How long the arm rests before what the camera sees of the held object is believed, seconds.
const REST_S: f64 = 0.5;

/// The point of an approach from which it goes straight down.
const PREGRASP: usize = 1;

/// What is seen this far from where it was a step before, in metres, still falls or rolls.
const RESTS_WITHIN_M: f64 = 0.012;

/// The policy with its state.
#[derive(Debug, Clone)]
pub struct Geometric {
    planner: Planner,
    hand: Hand,
    step_s: f64,
    stage: Stage,
    /// Grasps of this episode that did not hold.
    failed: Vec<Grasp>,
    /// The object's centre when it was last seen.
    seen_at: Option<Point3<f64>>,
}

#[derive(Debug, Clone)]
enum Stage {
    Waiting,
    Approach {
        grasp: Grasp,
        motion: Motion,
        elapsed_s: f64,
    },
    /// Back up, after something was in the way down.
    Retreat {
        grasp: Grasp,
        motion: Motion,
        elapsed_s: f64,
        touch_n: f64,
    },
    /// Down onto the table, so that the tips get under something low.
    Press {
        grasp: Grasp,
        /// How far the palm has gone down from the grasp as planned, metres.
        depth_m: f64,
    },
    Grasp {
        grasp: Grasp,
        grip: Grip,
        squeezed_s: f64,
        elapsed_s: f64,
    },
    Lift {
        grasp: Grasp,
        grip: Grip,
        motion: Motion,
        elapsed_s: f64,
    },
    Hold {
        grasp: Grasp,
        grip: Grip,
        arm: Option<Arm>,
        /// Since the arm came to rest.
        still_s: f64,
    },
}

impl Stage {
    fn closing(grasp: Grasp) -> Self {
        Self::Grasp {
            grip: Grip::new(&grasp.pinch),
            grasp,
            squeezed_s: 0.0,
            elapsed_s: 0.0,
        }
    }
}

impl Geometric {
    /// For a robot, with `step_s` seconds a control step.
    pub fn new(
        model: &Model,
        hand: &Hand,
        settings: Settings,
        step_s: f64,
    ) -> Result<Self, KinematicsError> {
        let planner = Planner::new(model, hand, settings)?;
        Ok(Self {
            planner,
            hand: hand.clone(),
            step_s,
            stage: Stage::Waiting,
            failed: Vec::new(),
            seen_at: None,
        })
    }

    /// Forgets the last episode.
    pub fn reset(&mut self) {
        self.stage = Stage::Waiting;
        self.failed.clear();
        self.seen_at = None;
    }

    /// The grasp it follows, once it has chosen one.
    pub fn grasp(&self) -> Option<&Grasp> {
        match &self.stage {
            Stage::Waiting | Stage::Retreat { .. } => None,
            Stage::Approach { grasp, .. }
            | Stage::Press { grasp, .. }
            | Stage::Grasp { grasp, .. }
            | Stage::Lift { grasp, .. }
            | Stage::Hold { grasp, .. } => Some(grasp),
        }
    }

    /// One control step.
    ///
    /// # Errors
    /// When there is no grasp for what is seen; the robot should stay where it is.
    pub fn step(&mut self, input: &Input<'_>) -> Result<Output, PlanError> {
        if self.is_lost(input)
            && let Some(grasp) = self.grasp().cloned()
        {
            self.failed.push(grasp);
            self.stage = Stage::Waiting;
        }
        self.mind_contact(input)?;
        let rests = input.object.is_some_and(|object| {
            let centre = object.bounds.centre();
            let before = self.seen_at.replace(centre);
            before.is_some_and(|before| (centre - before).norm() <= RESTS_WITHIN_M)
        });
        if let (Stage::Waiting, true, Some(object)) = (&self.stage, rests, input.object) {
            let grasp = self.planner.plan(object, input.arm, &self.failed)?;
            tracing::debug!("{grasp}");
            let settings = self.planner.settings();
            let motion = Motion::slowing(
                &grasp.approach,
                &settings.pace(),
                PREGRASP,
                settings.descent_pace,
            );
            self.stage = Stage::Approach {
                grasp,
                motion,
                elapsed_s: 0.0,
            };
        }
        let (output, next) = self.advance(input);
        if let Some(next) = next {
            self.stage = next;
        }
        Ok(output)
    }

    /// Goes back up when the hand touches something on its way straight down, and then takes the grasp for one that failed.
    /// On the way there nobody knows which way is free: the robot stays where it is.
    fn mind_contact(&mut self, input: &Input<'_>) -> Result<(), PlanError> {
        let settings = self.planner.settings();
        match &self.stage {
            Stage::Approach { grasp, .. } if input.contact_n > settings.touch_n => {
                let touch_n = input.contact_n;
                tracing::debug!("something is in the way: {touch_n:.0} N");
                let pregrasp = grasp.approach.get(PREGRASP).unwrap_or(input.arm);
                if !is_below(input.arm, pregrasp) {
                    return Err(PlanError::InTheWay { touch_n });
                }
                let pace = settings.pace().scaled(settings.descent_pace);
                self.stage = Stage::Retreat {
                    grasp: grasp.clone(),
                    motion: Motion::through(&[*input.arm, *pregrasp], &pace),
                    elapsed_s: 0.0,
                    touch_n,
                };
            }
            Stage::Retreat {
                grasp,
                motion,
                elapsed_s,
                touch_n,
            } if *elapsed_s >= motion.duration_s() => {
                if self.failed.len() >= settings.retries as usize {
                    return Err(PlanError::InTheWay { touch_n: *touch_n });
                }
                self.failed.push(grasp.clone());
                self.stage = Stage::Waiting;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the object is seen where the hand should not have left it, and another attempt is allowed.
    fn is_lost(&self, input: &Input<'_>) -> bool {
        let settings = self.planner.settings();
        let (grasp, arm) = match &self.stage {
            Stage::Lift {
                grasp,
                motion,
                elapsed_s,
                ..
            } if *elapsed_s > 0.3 * motion.duration_s() => (grasp, input.arm),
            Stage::Hold { grasp, .. } => (grasp, input.arm),
            _ => return false,
        };
        let Some(object) = input
            .object
            .filter(|_| self.failed.len() < settings.retries as usize)
        else {
            return false;
        };
        // The object should have moved with the palm.
        let base_from_palm = ur5::forward(arm) * self.planner.geometry().tool0_from_palm();
        let carried = base_from_palm * grasp.base_from_palm.inverse_transform_point(&grasp.centre);
        let moved = (carried - grasp.centre).norm();
        moved > settings.lost_m && (object.bounds.centre() - carried).norm() > settings.lost_m
    }

    /// What to do now, and the stage after it when this one is over.
    fn advance(&mut self, input: &Input<'_>) -> (Output, Option<Stage>) {
        let load = input.load;
        let settings = self.planner.settings();
        let step_s = self.step_s;
        let led = |ticks: &Ticks| Some(led_angles(&self.hand, *ticks));
        let still = [0.0; 6];
        match &mut self.stage {
            Stage::Waiting => (
                Output {
                    arm: None,
                    arm_velocity: still,
                    hand: None,
                    phase: Phase::Waiting,
                },
                None,
            ),
            Stage::Approach {
                grasp,
                motion,
                elapsed_s,
            } => {
                *elapsed_s += step_s;
                let ticks = grasp.pinch.preshape;
                let output = Output {
                    arm: motion.at(*elapsed_s),
                    arm_velocity: motion.velocity_at(*elapsed_s),
                    hand: led(&ticks),
                    phase: Phase::Approach,
                };
                let next = (*elapsed_s >= motion.duration_s()).then(|| {
                    if self.planner.is_low(grasp) {
                        Stage::Press {
                            grasp: grasp.clone(),
                            depth_m: 0.0,
                        }
                    } else {
                        Stage::closing(grasp.clone())
                    }
                });
                (output, next)
            }
            Stage::Press { grasp, depth_m } => {
                let deeper = (*depth_m + settings.press_speed * step_s).min(settings.press_m);
                let palm = Translation3::new(0.0, 0.0, -deeper) * grasp.base_from_palm;
                let touches = input.contact_n >= settings.press_n;
                let arm = self
                    .planner
                    .solve(&palm, input.arm)
                    .filter(|_| !touches && deeper > *depth_m);
                let output = Output {
                    arm,
                    arm_velocity: still,
                    hand: led(&grasp.pinch.preshape),
                    phase: Phase::Approach,
                };
                if arm.is_some() {
                    *depth_m = deeper;
                    return (output, None);
                }
                (
                    output,
                    Some(Stage::closing(grasp.clone().lowered(*depth_m))),
                )
            }
            Stage::Retreat {
                grasp,
                motion,
                elapsed_s,
                ..
            } => {
                *elapsed_s += step_s;
                let output = Output {
                    arm: motion.at(*elapsed_s),
                    arm_velocity: motion.velocity_at(*elapsed_s),
                    hand: led(&grasp.pinch.preshape),
                    phase: Phase::Approach,
                };
                (output, None)
            }
            Stage::Grasp {
                grasp,
                grip,
                squeezed_s,
                elapsed_s,
            } => {
                *elapsed_s += step_s;
                if grip.close(load, self.planner.geometry(), settings, step_s) {
                    *squeezed_s += step_s;
                }
                let arm = self.planner.levelled(grasp, &grip.ticks, input.arm);
                let output = Output {
                    arm,
                    arm_velocity: still,
                    hand: led(&grip.ticks),
                    phase: Phase::Grasp,
                };
                let is_closed =
                    *squeezed_s >= settings.squeeze_s || *elapsed_s >= settings.closing_s;
                let pace = settings.pace().scaled(settings.lift_pace);
                let next = is_closed.then(|| {
                    let from = arm
                        .into_iter()
                        .filter(|arm| grasp.lift.first() != Some(arm));
                    let path: Vec<Arm> = from.chain(grasp.lift.iter().copied()).collect();
                    Stage::Lift {
                        grasp: grasp.clone(),
                        grip: grip.clone(),
                        motion: Motion::through(&path, &pace),
                        elapsed_s: 0.0,
                    }
                });
                (output, next)
            }
            Stage::Lift {
                grasp,
                grip,
                motion,
                elapsed_s,
            } => {
                *elapsed_s += step_s;
                grip.close(load, self.planner.geometry(), settings, step_s);
                let arm = motion.at(*elapsed_s);
                let output = Output {
                    arm,
                    arm_velocity: motion.velocity_at(*elapsed_s),
                    hand: led(&grip.ticks),
                    phase: Phase::Lift,
                };
                let next = (*elapsed_s >= motion.duration_s()).then(|| Stage::Hold {
                    grasp: grasp.clone(),
                    grip: grip.clone(),
                    arm,
                    still_s: 0.0,
                });
                (output, next)
            }
            Stage::Hold {
                grasp,
                grip,
                arm,
                still_s,
            } => {
                grip.close(load, self.planner.geometry(), settings, step_s);
                *still_s += step_s;
                let correction = arm.zip(input.object).filter(|_| *still_s > REST_S);
                if let Some(path) =
                    correction.and_then(|(arm, seen)| self.planner.to_goal(grasp, &arm, seen))
                {
                    let pace = settings.pace().scaled(settings.lift_pace);
                    let next = Stage::Lift {
                        grasp: grasp.clone(),
                        grip: grip.clone(),
                        motion: Motion::through(&path, &pace),
                        elapsed_s: 0.0,
                    };
                    let output = Output {
                        arm: *arm,
                        arm_velocity: still,
                        hand: led(&grip.ticks),
                        phase: Phase::Hold,
                    };
                    return (output, Some(next));
                }
                (
                    Output {
                        arm: *arm,
                        arm_velocity: still,
                        hand: led(&grip.ticks),
                        phase: Phase::Hold,
                    },
                    None,
                )
            }
        }
    }
}

/// Whether the flange is on the line straight down from where it is with the other joint positions.
fn is_below(arm: &Arm, other: &Arm) -> bool {
    const BESIDE_M: f64 = 0.015;
    let way = ur5::forward(other).translation.vector - ur5::forward(arm).translation.vector;
    way.xy().norm() < BESIDE_M && way.z > -BESIDE_M
}
