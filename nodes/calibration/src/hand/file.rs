//! The result as the file that the hand's driver and the simulator read.

use std::path::Path;

use robot::hand::JOINTS;
use serde::{Deserialize, Serialize};

use super::{Fitted, HandError, led_joint_of, servo_of, yaml};

/// What stands above a file that was written here.
const HEADER: &str = "# Measured by `grasp_anything calibrate hand`; calibration/sih_right.yaml explains the fields.\n";

/// The format of `calibration/sih_right.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandFile {
    hand: String,
    servos: Vec<Servo>,
    joints: Vec<Joint>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Servo {
    name: String,
    closed: f64,
    open: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Joint {
    joint: String,
    servo: String,
    #[serde(default = "one")]
    sign: i8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tendon: Option<Tendon>,
    points: Vec<[f64; 2]>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tendon {
    joint: String,
    ticks_per_rad: f64,
}

fn one() -> i8 {
    1
}

impl HandFile {
    /// Reads the file of another hand, for what is not measured: names, limits and signs.
    ///
    /// # Errors
    /// When it cannot be read or is not that.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, HandError> {
        yaml::read(path.as_ref())
    }

    /// The same hand with the curves of all joints that were fitted. A little finger that was not measured follows the
    /// ring finger.
    #[must_use]
    pub fn with(mut self, fitted: &[(&'static str, Fitted)]) -> Self {
        let find = |name: &str| {
            fitted
                .iter()
                .find(|(joint, _)| *joint == name)
                .map(|(_, fitted)| fitted)
        };
        for name in JOINTS {
            let like = match name {
                "little_finger" => "ring_finger",
                "little_distal" => "ring_distal",
                other => other,
            };
            let (Some(fit), Some(joint)) = (
                find(name).or_else(|| find(like)),
                self.joints.iter_mut().find(|joint| joint.joint == name),
            ) else {
                continue;
            };
            joint.servo = servo_of(name).to_owned();
            joint.points = fit
                .points
                .iter()
                .map(|[u, angle]| [(u * 1e3).round() / 1e3, (angle * 1e6).round() / 1e6])
                .collect();
            joint.tendon = led_joint_of(name).map(|led| Tendon {
                joint: led.to_owned(),
                ticks_per_rad: (fit.ticks_per_rad * 1e3).round() / 1e3,
            });
        }
        self
    }

    /// Writes the file, with a word on where it comes from.
    ///
    /// # Errors
    /// When it is there already and `replace` is not asked for, or cannot be written.
    pub fn write(&self, path: impl AsRef<Path>, replace: bool) -> Result<(), HandError> {
        let path = path.as_ref();
        if !replace && path.exists() {
            let error = std::io::Error::new(
                std::io::ErrorKind::AlreadyExists,
                "it is there already; give --replace or another name",
            );
            return Err(yaml::not_written(path, error));
        }
        yaml::write(path, HEADER, self)
    }
}
