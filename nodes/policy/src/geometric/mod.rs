//! The built-in policy: grasp about the centre, across the smallest width that fits the hand, and lift.
//!
//! It is the common-sense baseline: no learning, only the target's cloud and box, the robot's own geometry and what the
//! hand feels. One call of [`Geometric::step`] a control step; see [`plan`] for how the grasp is chosen and [`hand`] for
//! how the hand closes.

pub mod hand;
pub mod path;
pub mod plan;
pub mod settings;

use robot::{Hand, Kinematics, KinematicsError};

pub use hand::LedAngles;
pub use path::Arm;
pub use plan::{Grasp, Object, PlanError, Planner};
pub use settings::Settings;

use path::Motion;

/// What the policy sees in one control step.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Measured positions of the arm's joints, rad.
    pub arm: &'a Arm,
    /// Measured positions of the hand's led joints, rad.
    pub hand: &'a LedAngles,
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

/// The policy with its state.
#[derive(Debug, Clone)]
pub struct Geometric {
    planner: Planner,
    step_s: f64,
    stage: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    Waiting,
    Approach { grasp: Grasp, motion: Motion, elapsed_s: f64 },
    Grasp { grasp: Grasp, hand: LedAngles, squeezed_s: f64 },
    Lift { hand: LedAngles, motion: Motion, elapsed_s: f64 },
    Hold { arm: Option<Arm>, hand: LedAngles },
}

impl Geometric {
    /// For a robot, with `step_s` seconds a control step.
    pub fn new(
        kinematics: Kinematics,
        hand: &Hand,
        settings: Settings,
        step_s: f64,
    ) -> Result<Self, KinematicsError> {
        let planner = Planner::new(kinematics, hand, settings)?;
        Ok(Self { planner, step_s, stage: Stage::Waiting })
    }

    /// Forgets the last grasp.
    pub fn reset(&mut self) {
        self.stage = Stage::Waiting;
    }

    /// The grasp it follows, once it has chosen one and until the object is in the hand.
    pub fn grasp(&self) -> Option<&Grasp> {
        match &self.stage {
            Stage::Approach { grasp, .. } | Stage::Grasp { grasp, .. } => Some(grasp),
            Stage::Waiting | Stage::Lift { .. } | Stage::Hold { .. } => None,
        }
    }

    /// One control step.
    ///
    /// # Errors
    /// When there is no grasp for what is seen; the robot should stay where it is.
    pub fn step(&mut self, input: &Input<'_>) -> Result<Output, PlanError> {
        if let (Stage::Waiting, Some(object)) = (&self.stage, input.object) {
            let grasp = self.planner.plan(object, input.arm)?;
            let motion = Motion::through(&grasp.approach, &self.planner.settings().pace());
            self.stage = Stage::Approach { grasp, motion, elapsed_s: 0.0 };
        }
        let (step_s, settings) = (self.step_s, self.planner.settings().clone());
        let mut next = None;
        let output = match &mut self.stage {
            Stage::Waiting => Output { arm: None, arm_velocity: [0.0; 6], hand: None, phase: Phase::Waiting },
            Stage::Approach { grasp, motion, elapsed_s } => {
                *elapsed_s += step_s;
                if *elapsed_s >= motion.duration_s() {
                    let (grasp, hand) = (grasp.clone(), grasp.pinch.preshape);
                    next = Some(Stage::Grasp { grasp, hand, squeezed_s: 0.0 });
                }
                Output {
                    arm: motion.at(*elapsed_s),
                    arm_velocity: motion.velocity_at(*elapsed_s),
                    hand: Some(grasp.pinch.preshape),
                    phase: Phase::Approach,
                }
            }
            Stage::Grasp { grasp, hand, squeezed_s } => {
                let goal = closed(grasp, &settings);
                let most = settings.closing_speed * step_s;
                for (joint, goal) in hand.iter_mut().zip(goal) {
                    *joint += (goal - *joint).clamp(-most, most);
                }
                if *hand == goal {
                    *squeezed_s += step_s;
                }
                if *squeezed_s >= settings.squeeze_s {
                    let motion = Motion::through(&grasp.lift, &settings.pace().scaled(settings.lift_pace));
                    next = Some(Stage::Lift { hand: *hand, motion, elapsed_s: 0.0 });
                }
                Output {
                    arm: grasp.approach.last().copied(),
                    arm_velocity: [0.0; 6],
                    hand: Some(*hand),
                    phase: Phase::Grasp,
                }
            }
            Stage::Lift { hand, motion, elapsed_s } => {
                *elapsed_s += step_s;
                let arm = motion.at(*elapsed_s);
                if *elapsed_s >= motion.duration_s() {
                    next = Some(Stage::Hold { arm, hand: *hand });
                }
                Output { arm, arm_velocity: motion.velocity_at(*elapsed_s), hand: Some(*hand), phase: Phase::Lift }
            }
            Stage::Hold { arm, hand } => {
                Output { arm: *arm, arm_velocity: [0.0; 6], hand: Some(*hand), phase: Phase::Hold }
            }
        };
        if let Some(next) = next {
            self.stage = next;
        }
        Ok(output)
    }
}

/// The hand shape that squeezes: beyond touch by what the servos' force limits take up.
fn closed(grasp: &Grasp, settings: &Settings) -> LedAngles {
    let [opposition, thumb, ..] = grasp.pinch.contact;
    let finger = settings.closed_flexion;
    [opposition, thumb + settings.thumb_squeeze, finger, finger, finger]
}
