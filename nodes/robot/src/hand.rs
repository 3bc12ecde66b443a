//! The SCHUNK SIH hand: five servos, eleven joints, and the tendons between them.
//!
//! Servo positions are in ticks, in the order of [`SERVOS`]; joint angles in rad, in the order of [`JOINTS`] and with
//! the sign of the URDF. Five of the joints are *led*: what a servo moves first, in the order of [`LED_JOINTS`]. The
//! distal joints follow through the tendon: `u = ticks - c * angle of the led joint`, so that a distal joint closes
//! further when its led joint is held back by an object.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use crate::curve::{CurveError, MonotoneCurve};

/// The servos in the order of every tick array.
pub const SERVOS: [&str; 5] = [
    "thumb_opposition",
    "thumb_flexion",
    "index",
    "middle",
    "ring",
];

/// The joints in the order of every angle array; the names are the URDF's.
pub const JOINTS: [&str; 11] = [
    "thumb_opposition",
    "thumb_flexion",
    "thumb_distal",
    "index_finger",
    "index_distal",
    "middle_finger",
    "middle_distal",
    "ring_finger",
    "ring_distal",
    "little_finger",
    "little_distal",
];

/// For each servo the joint that it moves directly. The little finger follows the ring finger's servo.
pub const LED_JOINTS: [&str; 5] = [
    "thumb_opposition",
    "thumb_flexion",
    "index_finger",
    "middle_finger",
    "ring_finger",
];

/// The frames at the ends of the five digits: thumb, index, middle, ring, little.
pub const FINGERTIPS: [&str; 5] = ["th_tip", "if_tip", "mf_tip", "rf_tip", "lf_tip"];

/// The calibrated response of one hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Hand {
    servos: [ServoRange; 5],
    joints: Vec<JointResponse>,
}

/// The travel of a servo in ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServoRange {
    /// Position of the closed hand; the least position.
    pub closed: f64,
    /// Position of the open hand; the greatest position.
    pub open: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct JointResponse {
    servo: usize,
    /// URDF angle = sign * measured angle.
    sign: f64,
    curve: MonotoneCurve,
    tendon: Option<Tendon>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Tendon {
    led_joint: usize,
    ticks_per_rad: f64,
}

/// Why a calibration file is not usable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandError {
    /// The file could not be read.
    #[error("{file}: cannot read the hand calibration ({error}); check the path")]
    Unreadable {
        /// The file.
        file: String,
        /// The cause.
        error: std::io::Error,
    },
    /// Not the YAML that it should be; the message names line and column.
    #[error("{file}: {error}")]
    Yaml {
        /// The file.
        file: String,
        /// The cause.
        error: serde_yaml::Error,
    },
    /// The servos or joints are not those of this hand.
    #[error("{file}: {what} should be, in this order, {expected}; found {found}")]
    Names {
        /// The file.
        file: String,
        /// `servos` or `joints`.
        what: &'static str,
        /// The names of this hand.
        expected: String,
        /// The names in the file.
        found: String,
    },
    /// A curve that is none.
    #[error("{file}: joint {joint}: {error}")]
    Curve {
        /// The file.
        file: String,
        /// The joint.
        joint: String,
        /// What is wrong.
        error: CurveError,
    },
    /// A value that makes no sense.
    #[error("{file}: {subject}: {problem}")]
    Value {
        /// The file.
        file: String,
        /// Servo or joint.
        subject: String,
        /// What is wrong.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalibrationFile {
    #[serde(rename = "hand")]
    _hand: String,
    servos: Vec<ServoEntry>,
    joints: Vec<JointEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServoEntry {
    name: String,
    closed: f64,
    open: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JointEntry {
    joint: String,
    servo: String,
    #[serde(default = "positive")]
    sign: i8,
    tendon: Option<TendonEntry>,
    points: Vec<[f64; 2]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TendonEntry {
    joint: String,
    ticks_per_rad: f64,
}

fn positive() -> i8 {
    1
}

impl Hand {
    /// Reads a calibration file such as `calibration/sih_right.yaml`.
    ///
    /// # Errors
    /// When the file cannot be read or is no calibration of this hand; the error names file and entry.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, HandError> {
        let file = path.as_ref().display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_yaml(&text, &file),
            Err(error) => Err(HandError::Unreadable { file, error }),
        }
    }

    /// Reads a calibration from YAML text; `file` names where it came from in errors.
    ///
    /// # Errors
    /// When the text is no calibration of this hand.
    pub fn from_yaml(text: &str, file: &str) -> Result<Self, HandError> {
        let calibration: CalibrationFile =
            serde_yaml::from_str(text).map_err(|error| HandError::Yaml {
                file: file.to_owned(),
                error,
            })?;
        let value_error = |subject: &str, problem: &str| HandError::Value {
            file: file.to_owned(),
            subject: subject.to_owned(),
            problem: problem.to_owned(),
        };
        let servo_names: Vec<&str> = calibration
            .servos
            .iter()
            .map(|servo| servo.name.as_str())
            .collect();
        check_names(file, "servos", &SERVOS, &servo_names)?;
        let joint_names: Vec<&str> = calibration
            .joints
            .iter()
            .map(|entry| entry.joint.as_str())
            .collect();
        check_names(file, "joints", &JOINTS, &joint_names)?;

        let mut servos = [ServoRange {
            closed: 0.0,
            open: 0.0,
        }; 5];
        for (range, entry) in servos.iter_mut().zip(&calibration.servos) {
            let (closed, open) = (entry.closed, entry.open);
            if !(closed.is_finite() && open.is_finite() && closed < open) {
                return Err(value_error(
                    &entry.name,
                    "`closed` should be less than `open`, in ticks",
                ));
            }
            *range = ServoRange { closed, open };
        }
        let positions: BTreeMap<&str, usize> = JOINTS.into_iter().zip(0..).collect();
        let mut joints: Vec<JointResponse> = Vec::with_capacity(JOINTS.len());
        for entry in &calibration.joints {
            let Some(servo) = SERVOS.iter().position(|name| *name == entry.servo) else {
                return Err(value_error(
                    &entry.joint,
                    &format!("unknown servo `{}`", entry.servo),
                ));
            };
            if entry.sign.abs() != 1 {
                return Err(value_error(&entry.joint, "`sign` should be 1 or -1"));
            }
            let curve =
                MonotoneCurve::through(&entry.points).map_err(|error| HandError::Curve {
                    file: file.to_owned(),
                    joint: entry.joint.clone(),
                    error,
                })?;
            let tendon = match &entry.tendon {
                None => None,
                Some(tendon) => {
                    let led = positions.get(tendon.joint.as_str()).copied();
                    let Some(led_joint) =
                        led.filter(|&led| joints.get(led).is_some_and(|led| led.tendon.is_none()))
                    else {
                        let problem = format!(
                            "`tendon` names `{}`, which is no led joint above it",
                            tendon.joint
                        );
                        return Err(value_error(&entry.joint, &problem));
                    };
                    if !tendon.ticks_per_rad.is_finite() {
                        return Err(value_error(
                            &entry.joint,
                            "`ticks_per_rad` should be finite",
                        ));
                    }
                    Some(Tendon {
                        led_joint,
                        ticks_per_rad: tendon.ticks_per_rad,
                    })
                }
            };
            joints.push(JointResponse {
                servo,
                sign: f64::from(entry.sign),
                curve,
                tendon,
            });
        }
        Ok(Self { servos, joints })
    }

    /// The travel of each servo.
    #[must_use]
    pub fn servos(&self) -> &[ServoRange; 5] {
        &self.servos
    }

    /// The open hand with the thumb opposed: every servo at its upper limit.
    #[must_use]
    pub fn open(&self) -> [f64; 5] {
        self.servos.map(|servo| servo.open)
    }

    /// The closed hand: every servo at its lower limit but the thumb's opposition, which stays in front of the palm.
    ///
    /// With the opposition at its own lower limit the thumb would lie beside the palm and press against nothing.
    #[must_use]
    pub fn closed(&self) -> [f64; 5] {
        let mut ticks = self.servos.map(|servo| servo.closed);
        ticks[0] = self.servos[0].open;
        ticks
    }

    /// Between open and closed with the thumb opposed: 0 is [`Hand::open`], 1 is [`Hand::closed`].
    #[must_use]
    pub fn pregrasp(&self, closure: f64) -> [f64; 5] {
        let closure = if closure.is_nan() {
            0.0
        } else {
            closure.clamp(0.0, 1.0)
        };
        let (open, closed) = (self.open(), self.closed());
        std::array::from_fn(|servo| open[servo] + closure * (closed[servo] - open[servo]))
    }

    /// The same ticks within each servo's travel; NaN becomes open.
    #[must_use]
    pub fn clamp(&self, ticks: [f64; 5]) -> [f64; 5] {
        let mut clamped = ticks;
        for (ticks, servo) in clamped.iter_mut().zip(&self.servos) {
            *ticks = if ticks.is_nan() {
                servo.open
            } else {
                ticks.clamp(servo.closed, servo.open)
            };
        }
        clamped
    }

    /// Joint angles of the hand in free air, in rad with the URDF's sign.
    #[must_use]
    pub fn angles(&self, ticks: [f64; 5]) -> [f64; 11] {
        self.angles_with(self.clamp(ticks), |_, free| free)
    }

    /// Joint angles that the tendons pull towards, given where the joints are now.
    ///
    /// Led joints are as in [`Hand::angles`]; each distal joint answers to the *present* angle of its led joint, so
    /// that it goes on closing when that one is blocked. This is what a simulated tendon should aim at.
    #[must_use]
    pub fn angles_under_load(&self, ticks: [f64; 5], present: &[f64; 11]) -> [f64; 11] {
        self.angles_with(self.clamp(ticks), |led, _| {
            present.get(led).copied().unwrap_or(0.0)
        })
    }

    /// `led_angle` turns the place and the free angle of a led joint into the angle its distal joint answers to.
    fn angles_with(&self, ticks: [f64; 5], led_angle: impl Fn(usize, f64) -> f64) -> [f64; 11] {
        let mut angles = [0.0; 11];
        for (index, joint) in self.joints.iter().enumerate() {
            let mut input = ticks.get(joint.servo).copied().unwrap_or(0.0);
            if let Some(tendon) = joint.tendon {
                let free = angles.get(tendon.led_joint).copied().unwrap_or(0.0);
                let led_sign = self
                    .joints
                    .get(tendon.led_joint)
                    .map_or(1.0, |led| led.sign);
                input -= tendon.ticks_per_rad * led_sign * led_angle(tendon.led_joint, free);
            }
            if let Some(angle) = angles.get_mut(index) {
                *angle = joint.sign * joint.curve.value(input);
            }
        }
        angles
    }

    /// Servo positions that bring the led joints (see [`LED_JOINTS`]) to angles in rad with the URDF's sign.
    ///
    /// Angles out of a joint's reach give the nearest that the servo can do; NaN gives the open position.
    #[must_use]
    pub fn ticks(&self, led_angles: [f64; 5]) -> [f64; 5] {
        let mut ticks = self.open();
        for (servo, (ticks, angle)) in ticks.iter_mut().zip(led_angles).enumerate() {
            let led = self
                .joints
                .iter()
                .find(|joint| joint.servo == servo && joint.tendon.is_none());
            let (Some(led), Some(range), false) = (led, self.servos.get(servo), angle.is_nan())
            else {
                continue;
            };
            *ticks = led
                .curve
                .inverse(led.sign * angle, range.closed, range.open);
        }
        ticks
    }
}

fn check_names(
    file: &str,
    what: &'static str,
    expected: &[&str],
    found: &[&str],
) -> Result<(), HandError> {
    if expected == found {
        return Ok(());
    }
    Err(HandError::Names {
        file: file.to_owned(),
        what,
        expected: expected.join(", "),
        found: found.join(", "),
    })
}
