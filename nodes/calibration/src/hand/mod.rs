//! Hand calibration: how the joints of a hand without joint encoders answer to its servos.
//!
//! A marker on the palm and one on each phalanx are watched by a camera while the servos open and close the fingers. What
//! is measured is each phalanx against the one before it ([`angle`]); what is fitted is a monotone curve from servo ticks
//! to joint angle, the play that shows between closing and opening, the lag that shows at speed, and for a distal joint
//! how much of its tendon the joint before it takes up ([`curve`]).
//!
//! In free air the proximal joint follows its servo, so that nothing tells the two influences on the distal joint apart:
//! for that, each proximal phalanx has to be held back in some of the samples.

pub mod angle;
pub mod curve;
mod file;
pub mod synthetic;
#[cfg(test)]
mod tests;
mod yaml;

use std::{collections::BTreeMap, path::Path};

use robot::hand::{JOINTS, SERVOS};
use serde::{Deserialize, Serialize};

pub use self::{
    curve::{Answer, FitError, Fitted},
    file::HandFile,
};
use crate::pose::Pose;

/// Name of the marker on the palm.
pub const PALM: &str = "palm";

/// A led joint that is nearer than this (root mean square, rad) to where its servo alone has it was not held back: play,
/// lag and the markers' noise make as much.
const LEAST_SPREAD: f64 = 0.1;

/// A joint whose measured angles are further off its curve (root mean square, rad) is not described by it: a marker that
/// came loose or was taken for another, ticks of another moment. Orientations of printed markers are good to a degree.
pub const MOST_RMS: f64 = 2.5 * std::f64::consts::PI / 180.0;

/// Where all servos and markers were at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandSample {
    /// Servo positions in ticks, in the order of [`SERVOS`].
    pub ticks: [f64; 5],
    /// Their velocities in ticks/s.
    #[serde(default)]
    pub ticks_per_s: [f64; 5],
    /// Whether something kept the proximal phalanges from following their servos.
    #[serde(default)]
    pub held_back: bool,
    /// The transform from each marker that was seen to the camera, by the joint that moves its phalanx; `palm` on the
    /// palm.
    pub markers: BTreeMap<String, Pose>,
}

/// Samples of a hand on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandSamples {
    /// In the order in which they were taken.
    pub samples: Vec<HandSample>,
}

/// Why a hand cannot be calibrated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandError {
    /// A file could not be read or written.
    #[error("{file}: cannot {verb} it ({error}); check the path and its permissions")]
    Io {
        /// The file.
        file: String,
        /// `read` or `write`.
        verb: &'static str,
        /// The cause.
        error: std::io::Error,
    },
    /// Not the YAML that it should be.
    #[error("{file}: {error}")]
    Yaml {
        /// The file.
        file: String,
        /// The cause.
        error: serde_yaml::Error,
    },
    /// A number in a sample is none.
    #[error("sample {number}: {what} is not {expected}; correct or remove this sample")]
    NotANumber {
        /// Which sample, counted from 1.
        number: usize,
        /// What is wrong in it.
        what: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A joint's curve could not be fitted.
    #[error("{joint}: {error}")]
    Joint {
        /// The joint.
        joint: &'static str,
        /// The cause.
        error: FitError,
    },
}

impl HandSamples {
    /// Reads a file of samples.
    ///
    /// # Errors
    /// When it is missing or is not that.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, HandError> {
        yaml::read(path.as_ref())
    }

    /// Writes a file of samples.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), HandError> {
        yaml::write(path.as_ref(), "", self)
    }
}

impl HandSample {
    fn check(&self, number: usize) -> Result<(), HandError> {
        let fails = |what, expected| HandError::NotANumber {
            number,
            what,
            expected,
        };
        for (field, values) in [("ticks", &self.ticks), ("ticks_per_s", &self.ticks_per_s)] {
            if !values.iter().all(|value| value.is_finite()) {
                return Err(fails(format!("{field} {values:?}"), "five finite numbers"));
            }
        }
        match self
            .markers
            .iter()
            .find(|(_, pose)| pose.isometry().is_none())
        {
            Some((marker, _)) => Err(fails(
                format!("marker {marker}"),
                "a pose of finite numbers with a quaternion of unit length",
            )),
            None => Ok(()),
        }
    }
}

/// Servo, the joint whose phalanx is before, and the led joint of the same tendon if there is one.
struct Place {
    servo: usize,
    before: &'static str,
    led: Option<&'static str>,
    /// Whether the joint is straight where its servo is open, and turns back as it closes. The thumb's opposition is
    /// straight where its servo is closed.
    straight_when_open: bool,
}

fn place(joint: &'static str) -> Place {
    let place = |servo, before, led| Place {
        servo,
        before,
        led,
        straight_when_open: true,
    };
    match joint {
        "thumb_opposition" => Place {
            straight_when_open: false,
            ..place(0, PALM, None)
        },
        "thumb_flexion" => place(1, "thumb_opposition", None),
        "thumb_distal" => place(1, "thumb_flexion", Some("thumb_flexion")),
        "index_finger" => place(2, PALM, None),
        "index_distal" => place(2, "index_finger", Some("index_finger")),
        "middle_finger" => place(3, PALM, None),
        "middle_distal" => place(3, "middle_finger", Some("middle_finger")),
        "ring_finger" => place(4, PALM, None),
        "ring_distal" => place(4, "ring_finger", Some("ring_finger")),
        "little_finger" => place(4, PALM, None),
        _ => place(4, "little_finger", Some("little_finger")),
    }
}

/// Fits the curves of all joints whose markers were seen, in the order of [`JOINTS`]. Whether each is good enough,
/// [`MOST_RMS`] says.
///
/// # Errors
/// Names the sample in which a number is not finite or a marker has no pose; the joint whose samples are too few, do not
/// move it, or do not tell servo and led joint apart.
pub fn calibrate(samples: &HandSamples) -> Result<Vec<(&'static str, Fitted)>, HandError> {
    for (index, sample) in samples.samples.iter().enumerate() {
        sample.check(index + 1)?;
    }
    let mut fitted: Vec<(&'static str, Fitted)> = Vec::new();
    let mut angles: BTreeMap<&str, BTreeMap<usize, f64>> = BTreeMap::new();
    for joint in JOINTS {
        let Place {
            servo,
            before,
            led,
            straight_when_open,
        } = place(joint);
        let turns: BTreeMap<usize, _> = samples
            .samples
            .iter()
            .enumerate()
            .filter_map(|(index, sample)| {
                let pose = |name: &str| sample.markers.get(name)?.isometry();
                let between = pose(before)?.inv_mul(&pose(joint)?).rotation;
                Some((index, (sample.ticks[servo], between)))
            })
            .collect();
        if turns.is_empty() {
            continue;
        }
        let of_joint = |error| HandError::Joint { joint, error };
        let measured = angle::about_one_axis(&turns, straight_when_open).map_err(of_joint)?;
        let rising = if straight_when_open { 1.0 } else { -1.0 };
        let answers: Vec<Answer> = measured
            .iter()
            .filter_map(|(index, angle)| {
                let sample = samples.samples.get(*index)?;
                let led_angle = match led {
                    Some(led) => *angles.get(led)?.get(index)?,
                    // What holds a phalanx says nothing of its servo.
                    None if sample.held_back => return None,
                    None => 0.0,
                };
                Some(Answer {
                    ticks: sample.ticks[servo],
                    ticks_per_s: sample.ticks_per_s[servo],
                    led_angle,
                    angle: rising * angle,
                })
            })
            .collect();
        if let Some(led) = led.and_then(|led| fitted.iter().find(|(name, _)| *name == led)) {
            held_back(&answers, &led.1).map_err(of_joint)?;
        }
        let mut fit = curve::fit(&answers, led.is_some()).map_err(of_joint)?;
        for point in fit.points.iter_mut().chain(&mut fit.measured) {
            point[1] *= rising;
        }
        fitted.push((joint, fit));
        angles.insert(joint, measured);
    }
    Ok(fitted)
}

/// Whether the led joint was often enough elsewhere than its servo alone would have it.
fn held_back(answers: &[Answer], led: &Fitted) -> Result<(), FitError> {
    let squares = answers
        .iter()
        .map(|answer| (answer.led_angle - led.angle(answer.ticks, 0.0)).powi(2));
    let spread = (squares.sum::<f64>() / answers.len().max(1) as f64).sqrt();
    if spread < LEAST_SPREAD {
        Err(FitError::NotHeldBack { spread })
    } else {
        Ok(())
    }
}

/// The servo that moves a joint, by name.
pub(crate) fn servo_of(joint: &'static str) -> &'static str {
    SERVOS.get(place(joint).servo).copied().unwrap_or_default()
}

/// The led joint of a distal joint.
pub(crate) fn led_joint_of(joint: &'static str) -> Option<&'static str> {
    place(joint).led
}
