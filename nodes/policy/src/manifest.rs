//! What a policy says about itself: its observations, its action, its rate and what computes it.
//!
//! A manifest is YAML. A learned policy's names an ONNX file and each of the network's inputs, entry by entry:
//!
//! ```yaml
//! name: reach
//! description: Moves the hand over the target.
//! rate_hz: 7.5
//! steps: 75
//! engine:
//!   network: {file: reach.onnx, sha256: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef, output: action}
//! observations:
//!   - input: state
//!     entries:
//!       - {source: arm_joint_positions, shape: [6]}
//!       - {source: palm_pose, shape: [7], frame: base_link}
//!   - input: points
//!     entries:
//!       - {source: target_points, shape: [128, 3], frame: base_link, normalisation: {mean: [0.28, 0.58, 0.1], std: [0.1]}}
//! action:
//!   clip: 1.0
//!   parts:
//!     - {meaning: end_effector_delta, size: 6, frame: base_link, scale: [0.02, 0.02, 0.02, 0.027, 0.027, 0.027]}
//!     - {meaning: hand_servo_delta, size: 5, scale: [100], smoothing: 0.8}
//! ```
//!
//! The built-in's is shorter: `engine: {builtin: {geometric: {}}}`, with what differs from its settings inside.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A policy's description of itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// What it does, for a person.
    pub description: String,
    /// Control steps a second. The control rate is the policy's, and nobody else's.
    pub rate_hz: f64,
    /// Control steps in an episode; after that it is done.
    pub steps: u32,
    /// What computes it.
    #[serde(with = "serde_yaml::with::singleton_map_recursive")]
    pub engine: Engine,
    /// Inputs of the network, in any order; empty for a built-in.
    #[serde(default)]
    pub observations: Vec<Input>,
    /// Meaning of the network's output; absent for a built-in.
    #[serde(default)]
    pub action: Option<Action>,
    /// Where and on what it was trained, for a person.
    #[serde(default)]
    pub training: Option<String>,
}

/// What computes the action.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Engine {
    /// An ONNX network.
    Network(NetworkFile),
    /// A policy that is part of the program.
    Builtin(Builtin),
}

/// An ONNX file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkFile {
    /// The file, relative to the manifest.
    pub file: PathBuf,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// The output that is the action.
    pub output: String,
}

/// The policies that are part of the program, with their parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Builtin {
    /// See [`crate::geometric`].
    Geometric(Box<crate::geometric::Settings>),
}

/// One input of the network: its entries, one after the other, flattened.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the input in the ONNX file.
    pub input: String,
    /// What it is made of, in order. An input of several entries is a vector; a single entry keeps its shape.
    pub entries: Vec<Entry>,
}

/// One observation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Where it comes from.
    pub source: Source,
    /// Its shape, without the batch and without the history.
    pub shape: Vec<usize>,
    /// Frame of positions and orientations; `base_link` unless said otherwise.
    #[serde(default)]
    pub frame: Frame,
    /// How orientations are written.
    #[serde(default)]
    pub orientation: Orientation,
    /// What is done to the numbers before the network sees them.
    #[serde(default)]
    pub normalisation: Option<Normalisation>,
    /// Control steps that it covers, the oldest first.
    #[serde(default = "one")]
    pub history: usize,
}

fn one() -> usize {
    1
}

/// Where an observation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Measured positions of the arm's joints, rad.
    ArmJointPositions,
    /// Measured velocities of the arm's joints, rad/s.
    ArmJointVelocities,
    /// Positions last commanded to the arm's joints, rad.
    ArmJointTargets,
    /// Pose of the flange (`tool0`).
    FlangePose,
    /// Pose of the palm.
    PalmPose,
    /// Linear and angular velocity of the palm, m/s and rad/s.
    PalmVelocity,
    /// Positions of the hand's joints, rad, as far as its servos tell.
    HandJointPositions,
    /// Velocities of the hand's joints, rad/s.
    HandJointVelocities,
    /// Positions last commanded to the hand's led joints, rad.
    HandJointTargets,
    /// Positions of the hand's servos, ticks.
    HandServoPositions,
    /// Loads of the hand's joints, as shares of their largest.
    HandLoads,
    /// Positions of the fingertips: thumb, index, middle, ring, little.
    FingertipPositions,
    /// Orientations of the fingertips.
    FingertipOrientations,
    /// Linear and angular velocities of the fingertips, m/s and rad/s.
    FingertipVelocities,
    /// Forces and torques on the fingertips. Needs sensors in the fingertips.
    FingertipForces,
    /// The target's points.
    TargetPoints,
    /// The target's oriented box: position, orientation, size.
    TargetBox,
    /// Position of the target: the middle of its box.
    TargetPosition,
    /// Vectors from each fingertip to the target's position.
    FingertipsToTarget,
    /// Vector from the target's position to the goal.
    TargetToGoal,
    /// True pose of the object. Known in simulation only: for teachers.
    ObjectPose,
    /// A learned code of the object's shape. Known in simulation only: for teachers.
    ObjectCode,
    /// The action of the step before, as the network gave it.
    PreviousAction,
}

impl Source {
    /// Why a robot with camera and hand cannot give this; `None` when it can.
    pub fn unavailable(self) -> Option<&'static str> {
        match self {
            Self::FingertipForces => Some("this hand has no force sensors in its fingertips"),
            Self::ObjectPose | Self::ObjectCode => {
                Some("only a simulation knows it: deploy the student policy, not the teacher")
            }
            _ => None,
        }
    }
}

/// A frame of the robot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// The robot's base.
    #[default]
    BaseLink,
    /// The palm as it is now.
    Palm,
}

/// How an orientation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// Quaternion x, y, z, w, with w not negative.
    #[default]
    QuaternionXyzw,
    /// First two columns of the rotation matrix.
    SixD,
}

/// What is done to the numbers: subtract, divide, clip. Lists are repeated to the length of the entry.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// Subtracted.
    #[serde(default)]
    pub mean: Vec<f32>,
    /// Divided by.
    #[serde(default)]
    pub std: Vec<f32>,
    /// Largest absolute value after that.
    #[serde(default)]
    pub clip: Option<f32>,
}

/// Meaning of the output.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Largest absolute value of the raw output; beyond is clipped.
    #[serde(default)]
    pub clip: Option<f32>,
    /// What its numbers mean, in order.
    pub parts: Vec<ActionPart>,
}

/// A run of the output's numbers with one meaning.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionPart {
    /// What the numbers mean.
    pub meaning: Meaning,
    /// How many there are.
    pub size: usize,
    /// Frame of end-effector motions.
    #[serde(default)]
    pub frame: Frame,
    /// Factor of each number (repeated to the size), in the unit of the meaning for each control step.
    #[serde(default)]
    pub scale: Vec<f64>,
    /// Part `s` of the new value in the smoothed one: `a' = s a + (1 - s) a'`. 1 means no smoothing.
    #[serde(default = "unsmoothed")]
    pub smoothing: f64,
}

fn unsmoothed() -> f64 {
    1.0
}

/// What a part of the action moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// Change of the palm's target pose: 3 of position (m), 3 of rotation (rotation vector, rad).
    EndEffectorDelta,
    /// The palm's target pose: position (m) and quaternion x, y, z, w.
    EndEffectorPose,
    /// Force and torque at the wrist, N and N m. Needs a robot that takes forces.
    EndEffectorWrench,
    /// Change of the arm's joint targets, rad.
    ArmJointDelta,
    /// The arm's joint targets, rad.
    ArmJointTargets,
    /// Change of the hand's led joint targets, rad.
    HandJointDelta,
    /// The hand's led joint targets, rad.
    HandJointTargets,
    /// Change of the hand's servo targets, ticks.
    HandServoDelta,
    /// The hand's servo targets, ticks.
    HandServoTargets,
}

impl Meaning {
    /// Numbers that it has on a robot of six arm joints and a hand of five servos; `None` where any count may be.
    fn size(self) -> Option<usize> {
        match self {
            Self::EndEffectorDelta
            | Self::EndEffectorWrench
            | Self::ArmJointDelta
            | Self::ArmJointTargets => Some(6),
            Self::EndEffectorPose => Some(7),
            Self::HandServoDelta | Self::HandServoTargets => Some(5),
            // Hands differ; whether it fits this one shows when the policy is loaded for it.
            Self::HandJointDelta | Self::HandJointTargets => None,
        }
    }

    /// Whether it moves the arm (else the hand).
    pub fn is_arm(self) -> bool {
        !matches!(
            self,
            Self::HandJointDelta
                | Self::HandJointTargets
                | Self::HandServoDelta
                | Self::HandServoTargets
        )
    }

    /// Why this robot cannot do it; `None` when it can.
    pub fn unavailable(self) -> Option<&'static str> {
        (self == Self::EndEffectorWrench).then_some("this arm takes positions, not forces")
    }
}

/// What is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("{file}: cannot read the policy's manifest ({error}); check the path")]
    Read {
        /// The file.
        file: String,
        /// The cause.
        error: std::io::Error,
    },
    /// It is not the YAML it should be.
    #[error("{file}: {error}")]
    Yaml {
        /// The file.
        file: String,
        /// The cause, with line and column.
        error: serde_yaml::Error,
    },
    /// It does not make sense.
    #[error("{file}: {field}: {problem}")]
    Value {
        /// The file.
        file: String,
        /// Where in it.
        field: String,
        /// What is wrong there, and what would be right.
        problem: String,
    },
}

impl Manifest {
    /// Reads and checks a manifest file.
    pub fn from_file(path: &Path) -> Result<Self, ManifestError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ManifestError::Read {
            file: file.clone(),
            error,
        })?;
        Self::from_yaml(&text, &file)
    }

    /// Reads and checks a manifest; `file` names where it came from in errors.
    pub fn from_yaml(text: &str, file: &str) -> Result<Self, ManifestError> {
        let manifest: Self = serde_yaml::from_str(text).map_err(|error| ManifestError::Yaml {
            file: file.to_owned(),
            error,
        })?;
        manifest
            .check()
            .map_err(|(field, problem)| ManifestError::Value {
                file: file.to_owned(),
                field,
                problem,
            })?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), (String, String)> {
        let wrong = |field: String, problem: &str| Err((field, problem.to_owned()));
        if !(0.1..=125.0).contains(&self.rate_hz) {
            return wrong("rate_hz".to_owned(), "must be between 0.1 and 125");
        }
        if self.steps == 0 {
            return wrong("steps".to_owned(), "must be at least 1");
        }
        if let Engine::Builtin(Builtin::Geometric(settings)) = &self.engine {
            settings.check().map_err(|(entry, problem)| {
                (format!("engine.builtin.geometric.{entry}"), problem)
            })?;
        }
        let Engine::Network(network) = &self.engine else {
            return if self.observations.is_empty() && self.action.is_none() {
                Ok(())
            } else {
                wrong(
                    "observations".to_owned(),
                    "a built-in has its own observations and actions; leave them out",
                )
            };
        };
        if network.sha256.len() != 64
            || !network.sha256.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return wrong(
                "engine.network.sha256".to_owned(),
                "must be 64 hexadecimal digits, as sha256sum prints them",
            );
        }
        if self.observations.is_empty() {
            return wrong(
                "observations".to_owned(),
                "a network needs at least one input",
            );
        }
        for input in &self.observations {
            let name = format!("observations.{}", input.input);
            if input.entries.is_empty() {
                return wrong(name, "needs at least one entry");
            }
            if self
                .observations
                .iter()
                .filter(|other| other.input == input.input)
                .count()
                > 1
            {
                return wrong(name, "is given twice");
            }
            for entry in &input.entries {
                entry
                    .check()
                    .map_err(|problem| (format!("{name}.{:?}", entry.source), problem))?;
            }
        }
        let Some(action) = &self.action else {
            return wrong(
                "action".to_owned(),
                "a network needs one: what do its numbers mean?",
            );
        };
        action.check()
    }
}

impl Entry {
    /// Numbers of one control step.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    fn check(&self) -> Result<(), String> {
        if self.shape.is_empty() || self.size() == 0 || self.size() > 1_000_000 {
            return Err(format!(
                "the shape {:?} has no numbers, or too many",
                self.shape
            ));
        }
        if self.source == Source::TargetPoints && !matches!(self.shape.as_slice(), [_, 3]) {
            return Err(format!(
                "points have the shape [N, 3]; got {:?}",
                self.shape
            ));
        }
        if self.history == 0 || self.history > 100 {
            return Err(format!(
                "history must be from 1 to 100; got {}",
                self.history
            ));
        }
        if let Some(normalisation) = &self.normalisation {
            for (name, list) in [("mean", &normalisation.mean), ("std", &normalisation.std)] {
                if !list.is_empty() && !self.size().is_multiple_of(list.len()) {
                    return Err(format!(
                        "{name} has {} numbers, which do not fit {}",
                        list.len(),
                        self.size()
                    ));
                }
                if !list.iter().all(|number| number.is_finite()) {
                    return Err(format!("{name} must be finite"));
                }
            }
            if normalisation.std.iter().any(|number| *number <= 0.0) {
                return Err("std must be positive".to_owned());
            }
        }
        Ok(())
    }
}

impl Action {
    /// Numbers of the whole action.
    pub fn size(&self) -> usize {
        self.parts.iter().map(|part| part.size).sum()
    }

    fn check(&self) -> Result<(), (String, String)> {
        if self.parts.is_empty() {
            return Err((
                "action.parts".to_owned(),
                "needs at least one part".to_owned(),
            ));
        }
        for is_arm in [true, false] {
            if self
                .parts
                .iter()
                .filter(|part| part.meaning.is_arm() == is_arm)
                .count()
                > 1
            {
                let what = if is_arm { "arm" } else { "hand" };
                return Err((
                    "action.parts".to_owned(),
                    format!("two parts move the {what}; leave one"),
                ));
            }
        }
        for part in &self.parts {
            let wrong = |problem: String| Err((format!("action.{:?}", part.meaning), problem));
            if part.size == 0 || part.meaning.size().is_some_and(|size| size != part.size) {
                let expected = part.meaning.size().unwrap_or(1);
                return wrong(format!("has {expected} numbers, not {}", part.size));
            }
            if !part.scale.is_empty() && !part.size.is_multiple_of(part.scale.len()) {
                return wrong(format!(
                    "scale has {} numbers, which do not fit {}",
                    part.scale.len(),
                    part.size
                ));
            }
            if !part.scale.iter().all(|factor| factor.is_finite()) {
                return wrong("scale must be finite".to_owned());
            }
            if !(part.smoothing > 0.0 && part.smoothing <= 1.0) {
                return wrong(format!(
                    "smoothing must be above 0 and at most 1; got {}",
                    part.smoothing
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "
name: reach
description: Test.
rate_hz: 7.5
steps: 75
engine:
  network: {file: a.onnx, sha256: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef, output: action}
observations:
  - {input: state, entries: [{source: arm_joint_positions, shape: [6]}]}
action:
  parts:
    - {meaning: arm_joint_delta, size: 6, scale: [0.1]}
";

    #[test]
    fn the_shipped_manifests_are_good() {
        for name in [
            "geometric.yaml",
            "examples/tapg_teacher.yaml",
            "examples/tapg_student.yaml",
            "examples/resdex_vision.yaml",
            "examples/resdex_state.yaml",
        ] {
            let path = Path::new(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../models/policies"
            ))
            .join(name);
            Manifest::from_file(&path).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    #[test]
    fn the_shipped_geometric_policy_is_the_default() {
        let path = Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../models/policies/geometric.yaml"
        ));
        let manifest = Manifest::from_file(path).unwrap();
        assert_eq!(
            manifest.engine,
            Engine::Builtin(Builtin::Geometric(Box::default()))
        );
    }

    #[test]
    fn mistakes_are_named() {
        Manifest::from_yaml(GOOD, "m.yaml").unwrap();
        for (from, to, expected) in [
            ("rate_hz: 7.5", "rate_hz: 1e-30", "between 0.1 and 125"),
            ("steps: 75", "steps: 0", "steps"),
            ("shape: [6]", "shape: [0]", "observations.state"),
            (
                "shape: [6]",
                "shape: [6], normalisation: {mean: [1, 2, 3, 4]}",
                "mean has 4 numbers",
            ),
            (
                "shape: [6]",
                "shape: [6], normalisation: {std: [0]}",
                "std must be positive",
            ),
            ("shape: [6]", "shape: [6], history: 0", "history"),
            (
                "source: arm_joint_positions",
                "source: arm_joint_position",
                "unknown variant",
            ),
            ("size: 6, scale", "size: 5, scale", "has 6 numbers, not 5"),
            ("scale: [0.1]", "scale: [0.1], smoothing: 0", "smoothing"),
            ("5f70", "", "sha256"),
            ("steps: 75", "steps: 75\nspeed: 1", "unknown field"),
            (
                "scale: [0.1]}",
                "scale: [0.1]}\n    - {meaning: end_effector_delta, size: 6}",
                "two parts move the arm",
            ),
        ] {
            assert!(GOOD.contains(from));
            let error = Manifest::from_yaml(&GOOD.replacen(from, to, 1), "m.yaml")
                .expect_err(to)
                .to_string();
            assert!(error.contains(expected), "{error} should tell {expected}");
        }
    }

    #[test]
    fn settings_of_the_built_in_are_checked() {
        let with = |entry: &str| {
            format!(
                "name: a\ndescription: b\nrate_hz: 7.5\nsteps: 75\nengine: {{builtin: {{geometric: {{{entry}}}}}}}\n"
            )
        };
        assert!(Manifest::from_yaml(&with("descent_m: 0.1"), "m.yaml").is_ok());
        for (entry, name) in [
            ("goal_m: [.nan, 0.5, 0.3]", "goal_m"),
            ("goal_m: [50, 0.5, 0.3]", "goal_m"),
            ("descent_m: .nan", "descent_m"),
            ("descent_pace: -3", "descent_pace"),
            ("tilts_deg: []", "tilts_deg"),
            ("joint_speed: [-1, 1, 1, 1, 1, 1]", "joint_speed"),
            (
                "joint_acceleration: [0, 1, 1, 1, 1, 1]",
                "joint_acceleration",
            ),
            ("closing_speed: .inf", "closing_speed"),
            ("press_m: 0.1", "press_m"),
            ("offsets_m: [-0.03, 0.03]", "offsets_m"),
        ] {
            let error = Manifest::from_yaml(&with(entry), "m.yaml").expect_err(entry);
            let error = error.to_string();
            assert!(error.contains("m.yaml") && error.contains(name), "{error}");
        }
    }
}
