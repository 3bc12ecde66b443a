//! From the network's output to joint targets, as the manifest says.

use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion, Vector3};
use robot::{Hand, ur5};

use crate::geometric::{Arm, LedAngles};
use crate::manifest::{Action, ActionPart, Frame, Meaning};
use crate::snapshot::{Snapshot, servo_positions};

/// Why an output is not an action.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ActionError {
    /// The wrong count of numbers.
    #[error("the policy gave {actual} numbers, but its manifest says {expected}")]
    Size {
        /// Numbers in the manifest.
        expected: usize,
        /// Numbers there are.
        actual: usize,
    },
    /// NaN or infinite.
    #[error(
        "number {index} of the policy's action is {value}, which is not finite; the robot holds"
    )]
    NotFinite {
        /// Place of the number.
        index: usize,
        /// The number.
        value: f32,
    },
    /// This robot cannot do it.
    #[error("the policy's action is {meaning:?}, but {why}")]
    Unavailable {
        /// Meaning of the part.
        meaning: Meaning,
        /// Why not.
        why: &'static str,
    },
    /// The hand has another count of joints.
    #[error(
        "the policy moves {actual} joints of a hand, but this hand has {expected}; it is for another robot"
    )]
    Hand {
        /// Led joints of this hand.
        expected: usize,
        /// Joints in the manifest.
        actual: usize,
    },
    /// A target pose that the arm cannot take.
    #[error("the arm cannot reach the pose that the policy asks for")]
    OutOfReach,
}

/// Joint targets of one control step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Targets {
    /// Of the arm, rad.
    pub arm: Arm,
    /// Of the hand's led joints, rad.
    pub hand: LedAngles,
}

/// Turns outputs into targets, step by step.
#[derive(Debug, Clone)]
pub struct Decoder {
    action: Action,
    hand: Hand,
    tool0_from_palm: Isometry3<f64>,
    smoothed: Vec<f64>,
    /// Integrated targets, from the first step on.
    palm: Option<Isometry3<f64>>,
    ticks: Option<[f64; 5]>,
}

impl Decoder {
    /// For a manifest's action.
    ///
    /// # Errors
    /// When this robot cannot do it.
    pub fn new(
        action: Action,
        hand: Hand,
        tool0_from_palm: Isometry3<f64>,
    ) -> Result<Self, ActionError> {
        for part in &action.parts {
            if let Some(why) = part.meaning.unavailable() {
                return Err(ActionError::Unavailable {
                    meaning: part.meaning,
                    why,
                });
            }
            let is_led = matches!(
                part.meaning,
                Meaning::HandJointDelta | Meaning::HandJointTargets
            );
            if is_led && part.size != robot::hand::LED_JOINTS.len() {
                return Err(ActionError::Hand {
                    expected: robot::hand::LED_JOINTS.len(),
                    actual: part.size,
                });
            }
        }
        let smoothed = vec![0.0; action.size()];
        Ok(Self {
            action,
            hand,
            tool0_from_palm,
            smoothed,
            palm: None,
            ticks: None,
        })
    }

    /// Forgets the past: the next targets start from what is measured then.
    pub fn reset(&mut self) {
        self.smoothed.fill(0.0);
        self.palm = None;
        self.ticks = None;
    }

    /// The targets that the output asks for. Parts of the robot that it says nothing of keep their targets.
    pub fn decode(&mut self, output: &[f32], snapshot: &Snapshot) -> Result<Targets, ActionError> {
        if output.len() != self.action.size() {
            return Err(ActionError::Size {
                expected: self.action.size(),
                actual: output.len(),
            });
        }
        if let Some((index, value)) = output
            .iter()
            .enumerate()
            .find(|(_, value)| !value.is_finite())
        {
            return Err(ActionError::NotFinite {
                index,
                value: *value,
            });
        }
        let mut targets = Targets {
            arm: snapshot.arm_targets,
            hand: snapshot.hand_targets,
        };
        let mut start = 0;
        for part in &self.action.parts.clone() {
            let numbers = self.scaled(part, start, output);
            start += part.size;
            self.apply(part, &numbers, snapshot, &mut targets)?;
        }
        Ok(targets)
    }

    /// Clips, smooths and scales the numbers of one part.
    fn scaled(&mut self, part: &ActionPart, start: usize, output: &[f32]) -> Vec<f64> {
        let range = start..start + part.size;
        let raw = output.get(range.clone()).unwrap_or(&[]);
        let smoothed = self.smoothed.get_mut(range).unwrap_or(&mut []);
        raw.iter()
            .zip(smoothed)
            .enumerate()
            .map(|(index, (raw, smoothed))| {
                let clipped = self
                    .action
                    .clip
                    .map_or(*raw, |clip| raw.clamp(-clip.abs(), clip.abs()));
                *smoothed =
                    part.smoothing * f64::from(clipped) + (1.0 - part.smoothing) * *smoothed;
                *smoothed
                    * part
                        .scale
                        .get(index % part.scale.len().max(1))
                        .unwrap_or(&1.0)
            })
            .collect()
    }

    fn apply(
        &mut self,
        part: &ActionPart,
        numbers: &[f64],
        snapshot: &Snapshot,
        targets: &mut Targets,
    ) -> Result<(), ActionError> {
        match (part.meaning, numbers) {
            (Meaning::EndEffectorDelta, &[x, y, z, rx, ry, rz]) => {
                let palm = self.palm.unwrap_or(snapshot.poses.base_from_palm);
                let (shift, turn) = (
                    Vector3::new(x, y, z),
                    UnitQuaternion::new(Vector3::new(rx, ry, rz)),
                );
                let moved = match part.frame {
                    Frame::BaseLink => Isometry3::from_parts(
                        Translation3::from(palm.translation.vector + shift),
                        turn * palm.rotation,
                    ),
                    Frame::Palm => palm * Isometry3::from_parts(shift.into(), turn),
                };
                targets.arm = self.reach(&moved, &targets.arm)?;
                // Only what the arm can take is integrated, so that it answers at once when the policy turns back.
                self.palm = Some(moved);
            }
            (Meaning::EndEffectorPose, &[x, y, z, qx, qy, qz, qw]) => {
                let rotation = UnitQuaternion::try_new(Quaternion::new(qw, qx, qy, qz), 1e-6)
                    .ok_or(ActionError::OutOfReach)?;
                let pose = Isometry3::from_parts(Translation3::new(x, y, z), rotation);
                let base_from_palm = match part.frame {
                    Frame::BaseLink => pose,
                    Frame::Palm => snapshot.poses.base_from_palm * pose,
                };
                targets.arm = self.reach(&base_from_palm, &targets.arm)?;
            }
            (Meaning::ArmJointDelta, numbers) => add(&mut targets.arm, numbers),
            (Meaning::ArmJointTargets, numbers) => set(&mut targets.arm, numbers),
            (Meaning::HandJointDelta, numbers) => add(&mut targets.hand, numbers),
            (Meaning::HandJointTargets, numbers) => set(&mut targets.hand, numbers),
            (Meaning::HandServoDelta, numbers) => {
                let mut ticks = self
                    .ticks
                    .unwrap_or_else(|| servo_positions(&self.hand, &snapshot.measured));
                add(&mut ticks, numbers);
                targets.hand = self.led(ticks);
            }
            (Meaning::HandServoTargets, numbers) => {
                let mut ticks = self.hand.open();
                set(&mut ticks, numbers);
                targets.hand = self.led(ticks);
            }
            (meaning, _) => {
                return Err(ActionError::Unavailable {
                    meaning,
                    why: meaning.unavailable().unwrap_or("of its size"),
                });
            }
        }
        Ok(())
    }

    fn reach(&self, base_from_palm: &Isometry3<f64>, near: &Arm) -> Result<Arm, ActionError> {
        let base_from_tool0 = base_from_palm * self.tool0_from_palm.inverse();
        ur5::inverse_nearest(&base_from_tool0, near, &ur5::LIMITS).ok_or(ActionError::OutOfReach)
    }

    /// The led joints for servo positions, which are kept within the servos' travel.
    fn led(&mut self, ticks: [f64; 5]) -> LedAngles {
        let ticks = self.hand.clamp(ticks);
        self.ticks = Some(ticks);
        led_angles(&self.hand, ticks)
    }
}

/// Angles of the led joints at servo positions in ticks, rad.
pub fn led_angles(hand: &Hand, ticks: [f64; 5]) -> LedAngles {
    let angles = hand.angles(ticks);
    robot::hand::LED_JOINTS.map(|name| {
        let index = robot::hand::JOINTS.iter().position(|joint| *joint == name);
        index
            .and_then(|index| angles.get(index))
            .copied()
            .unwrap_or(0.0)
    })
}

fn add(targets: &mut [f64], numbers: &[f64]) {
    targets
        .iter_mut()
        .zip(numbers)
        .for_each(|(target, number)| *target += number);
}

fn set(targets: &mut [f64], numbers: &[f64]) {
    targets
        .iter_mut()
        .zip(numbers)
        .for_each(|(target, number)| *target = *number);
}
