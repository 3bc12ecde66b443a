//! From a snapshot to the network's inputs, as the manifest says.

use std::collections::VecDeque;

use nalgebra::{Isometry3, Point3, UnitQuaternion, Vector3, Vector6};
use ndarray::{ArrayD, IxDyn};
use robot::Hand;

use crate::manifest::{Entry, Frame, Input, Normalisation, Orientation, Source};
use crate::snapshot::{Snapshot, servo_positions};

/// Why there is no observation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObservationError {
    /// The target has not been seen yet.
    #[error("the target has not been seen yet")]
    NoTarget,
    /// The robot cannot give it.
    #[error("the policy wants {source_name:?}, but {why}")]
    Unavailable {
        /// Name of the source.
        source_name: Source,
        /// Why not.
        why: &'static str,
    },
    /// The manifest's shape is not what this robot gives.
    #[error(
        "the policy wants {expected} numbers of {source_name:?}, but this robot gives {actual}; it is for another robot"
    )]
    Size {
        /// Name of the source.
        source_name: Source,
        /// Numbers in the manifest.
        expected: usize,
        /// Numbers there are.
        actual: usize,
    },
    /// Something was measured that is not a number.
    #[error("{source_name:?} is not finite; is a sensor broken?")]
    NotFinite {
        /// Name of the source.
        source_name: Source,
    },
}

/// Builds the inputs, step by step.
#[derive(Debug, Clone)]
pub struct Observer {
    inputs: Vec<Input>,
    hand: Hand,
    /// For each entry, in order, its last values, the newest last.
    histories: Vec<VecDeque<Vec<f32>>>,
}

impl Observer {
    /// For a manifest's observations.
    ///
    /// # Errors
    /// When this robot cannot give one of them.
    pub fn new(inputs: Vec<Input>, hand: Hand) -> Result<Self, ObservationError> {
        let entries = || inputs.iter().flat_map(|input| &input.entries);
        if let Some((source_name, why)) =
            entries().find_map(|entry| entry.source.unavailable().map(|why| (entry.source, why)))
        {
            return Err(ObservationError::Unavailable { source_name, why });
        }
        let histories = entries().map(|_| VecDeque::new()).collect();
        Ok(Self {
            inputs,
            hand,
            histories,
        })
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        self.histories.iter_mut().for_each(VecDeque::clear);
    }

    /// The inputs by name, with a batch of one in front.
    pub fn observe(
        &mut self,
        snapshot: &Snapshot,
    ) -> Result<Vec<(String, ArrayD<f32>)>, ObservationError> {
        let mut histories = self.histories.iter_mut();
        let mut built = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let mut numbers = Vec::new();
            for entry in &input.entries {
                let now = values(entry, snapshot, &self.hand)?;
                let Some(history) = histories.next() else {
                    continue;
                };
                // Before there is a past, the present stands for it.
                while history.len() < entry.history {
                    history.push_back(now.clone());
                }
                history.push_back(now);
                while history.len() > entry.history {
                    history.pop_front();
                }
                numbers.extend(history.iter().flatten().copied());
            }
            let shape = input_shape(input);
            let array = ArrayD::from_shape_vec(IxDyn(&shape), numbers);
            // The shape is the sum of what was put in, so that this cannot fail.
            built.push((input.input.clone(), array.unwrap_or_default()));
        }
        Ok(built)
    }
}

/// Shape of an input with its batch of one.
pub fn input_shape(input: &Input) -> Vec<usize> {
    match input.entries.as_slice() {
        [only] if only.history == 1 => std::iter::once(1)
            .chain(only.shape.iter().copied())
            .collect(),
        [only] => [1, only.history]
            .into_iter()
            .chain(only.shape.iter().copied())
            .collect(),
        many => vec![
            1,
            many.iter().map(|entry| entry.size() * entry.history).sum(),
        ],
    }
}

/// The numbers of one entry now, normalised.
fn values(entry: &Entry, snapshot: &Snapshot, hand: &Hand) -> Result<Vec<f32>, ObservationError> {
    let mut numbers = raw(entry, snapshot, hand)?;
    let (expected, actual) = (entry.size(), numbers.len());
    if expected != actual {
        return Err(ObservationError::Size {
            source_name: entry.source,
            expected,
            actual,
        });
    }
    if let Some(normalisation) = &entry.normalisation {
        normalise(&mut numbers, normalisation);
    }
    if !numbers.iter().all(|number| number.is_finite()) {
        return Err(ObservationError::NotFinite {
            source_name: entry.source,
        });
    }
    Ok(numbers)
}

fn normalise(numbers: &mut [f32], normalisation: &Normalisation) {
    let Normalisation { mean, std, clip } = normalisation;
    for (index, number) in numbers.iter_mut().enumerate() {
        if let Some(mean) = mean.get(index % mean.len().max(1)) {
            *number -= mean;
        }
        if let Some(std) = std.get(index % std.len().max(1)) {
            *number /= std;
        }
        if let Some(clip) = clip {
            *number = number.clamp(-clip.abs(), clip.abs());
        }
    }
}

fn raw(entry: &Entry, snapshot: &Snapshot, hand: &Hand) -> Result<Vec<f32>, ObservationError> {
    let measured = &snapshot.measured;
    let poses = &snapshot.poses;
    let view = View::new(entry, &poses.base_from_palm);
    let target = || snapshot.target.as_ref().ok_or(ObservationError::NoTarget);
    Ok(match entry.source {
        Source::ArmJointPositions => floats(&measured.arm),
        Source::ArmJointVelocities => floats(&measured.arm_velocity),
        Source::ArmJointTargets => floats(&snapshot.arm_targets),
        Source::FlangePose => view.pose(&poses.base_from_tool0),
        Source::PalmPose => view.pose(&poses.base_from_palm),
        Source::PalmVelocity => view.twist(&snapshot.velocities.palm),
        Source::HandJointPositions => floats(&measured.hand),
        Source::HandJointVelocities => floats(&measured.hand_velocity),
        Source::HandJointTargets => floats(&snapshot.hand_targets),
        Source::HandServoPositions => floats(&servo_positions(hand, measured)),
        Source::HandLoads => floats(&measured.hand_load),
        Source::FingertipPositions => poses
            .base_from_tips
            .iter()
            .flat_map(|tip| view.point(&tip.translation.vector.into()))
            .collect(),
        Source::FingertipOrientations => poses
            .base_from_tips
            .iter()
            .flat_map(|tip| view.orientation(&tip.rotation))
            .collect(),
        Source::FingertipVelocities => snapshot
            .velocities
            .tips
            .iter()
            .flat_map(|tip| view.twist(tip))
            .collect(),
        Source::TargetPoints => {
            let count = entry.shape.first().copied().unwrap_or(0);
            let points = &target()?.points;
            if points.is_empty() {
                return Err(ObservationError::NoTarget);
            }
            // The cloud is in the order of farthest point sampling: each beginning of it is even.
            points
                .iter()
                .cycle()
                .take(count)
                .flat_map(|point| view.point(&point.cast()))
                .collect()
        }
        Source::TargetBox => {
            let bounds = &target()?.bounds;
            let mut numbers = view.pose(&bounds.base_from_box);
            numbers.extend(bounds.size.iter().map(|side| *side as f32));
            numbers
        }
        Source::TargetPosition => view.point(&target()?.bounds.centre()),
        Source::FingertipsToTarget => {
            let centre = target()?.bounds.centre();
            let tips = poses.base_from_tips.iter();
            tips.flat_map(|tip| view.vector(&(centre.coords - tip.translation.vector)))
                .collect()
        }
        Source::TargetToGoal => view.vector(&(snapshot.goal - target()?.bounds.centre())),
        Source::PreviousAction => snapshot.previous_action.clone(),
        Source::FingertipForces | Source::ObjectPose | Source::ObjectCode => {
            let why = entry.source.unavailable().unwrap_or("it is not known here");
            return Err(ObservationError::Unavailable {
                source_name: entry.source,
                why,
            });
        }
    })
}

fn floats(numbers: &[f64]) -> Vec<f32> {
    numbers.iter().map(|number| *number as f32).collect()
}

/// Geometry as an entry wants it: in its frame, with its way to write orientations.
struct View {
    frame_from_base: Isometry3<f64>,
    orientation: Orientation,
}

impl View {
    fn new(entry: &Entry, base_from_palm: &Isometry3<f64>) -> Self {
        let frame_from_base = match entry.frame {
            Frame::BaseLink => Isometry3::identity(),
            Frame::Palm => base_from_palm.inverse(),
        };
        Self {
            frame_from_base,
            orientation: entry.orientation,
        }
    }

    fn point(&self, point: &Point3<f64>) -> Vec<f32> {
        floats((self.frame_from_base * point).coords.as_slice())
    }

    fn vector(&self, vector: &Vector3<f64>) -> Vec<f32> {
        floats((self.frame_from_base * vector).as_slice())
    }

    fn twist(&self, twist: &Vector6<f64>) -> Vec<f32> {
        let mut numbers = self.vector(&twist.fixed_rows::<3>(0).into_owned());
        numbers.extend(self.vector(&twist.fixed_rows::<3>(3).into_owned()));
        numbers
    }

    fn orientation(&self, rotation: &UnitQuaternion<f64>) -> Vec<f32> {
        let turned = self.frame_from_base.rotation * rotation;
        match self.orientation {
            Orientation::QuaternionXyzw => {
                let sign = if turned.w < 0.0 { -1.0 } else { 1.0 };
                floats(&[turned.i, turned.j, turned.k, turned.w].map(|part| sign * part))
            }
            Orientation::SixD => {
                let matrix = turned.to_rotation_matrix();
                floats(
                    matrix
                        .matrix()
                        .fixed_view::<3, 2>(0, 0)
                        .into_owned()
                        .as_slice(),
                )
            }
        }
    }

    fn pose(&self, pose: &Isometry3<f64>) -> Vec<f32> {
        let mut numbers = self.point(&pose.translation.vector.into());
        numbers.extend(self.orientation(&pose.rotation));
        numbers
    }
}
