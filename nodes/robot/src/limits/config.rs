use serde::{Deserialize, Serialize};

/// What a device may do. Loaded from YAML by its driver.
///
/// Units are those of the joints: rad, or servo ticks, or m.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimiterConfig {
    /// The device's control cycle in s: each setpoint is carried out for that long.
    pub cycle_s: f64,
    /// The device is at rest no later than this, in s, after the last point of a trajectory that nothing followed.
    #[serde(default = "default_stale_timeout_s")]
    pub stale_timeout_s: f64,
    /// Contact force in N above which the device stops until it is reset; absent for a device that feels none.
    #[serde(default)]
    pub contact_force_n: Option<f64>,
    /// One entry for each joint, in the order of all position slices.
    pub joints: Vec<JointBound>,
    /// Boxes that parts of the robot stay in; see [`Workspace`](super::Workspace).
    #[serde(default)]
    pub workspace: Vec<WorkspaceBox>,
}

/// What one joint may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JointBound {
    /// The joint's name in commands.
    pub name: String,
    /// Least position.
    pub lower: f64,
    /// Greatest position.
    pub upper: f64,
    /// Greatest speed, per s.
    pub velocity: f64,
    /// Greatest change of velocity, per s^2, both to gain and to lose speed.
    pub acceleration: f64,
    /// Greatest change of the setpoint from one cycle to the next.
    pub step: f64,
}

/// A box in `base_link` and the links whose origins stay in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceBox {
    /// Names of links, such as `tool0` or `if_tip`.
    pub links: Vec<String>,
    /// Least x, y, z in m.
    pub lower: [f64; 3],
    /// Greatest x, y, z in m.
    pub upper: [f64; 3],
}

/// A configuration that promises what it cannot hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Zero, negative, NaN or infinite.
    #[error("limits: {name} = {value}: should be a positive number")]
    NotPositive {
        /// The field.
        name: String,
        /// Its value.
        value: f64,
    },
    /// Limits the wrong way round.
    #[error("limits: {0}: `lower` should be less than `upper`")]
    Range(String),
    /// Two joints with one name, or none at all.
    #[error("limits: {0}: each joint needs one entry of its own")]
    Joints(String),
    /// A joint that cannot stop in time.
    #[error(
        "limits: joint {joint} needs {stop_s:.3} s to stop from full speed, more than stale_timeout_s allows; \
         lower its velocity or raise its acceleration"
    )]
    CannotStop {
        /// The joint.
        joint: String,
        /// Time to stop from full speed and two cycles, in s.
        stop_s: f64,
    },
}

fn default_stale_timeout_s() -> f64 {
    0.1
}

impl LimiterConfig {
    /// Whether all that it promises can be held.
    ///
    /// # Errors
    /// Names the first field that cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        positive("cycle_s", self.cycle_s)?;
        positive("stale_timeout_s", self.stale_timeout_s)?;
        if let Some(force) = self.contact_force_n {
            positive("contact_force_n", force)?;
        }
        if self.joints.is_empty() {
            return Err(ConfigError::Joints("joints".to_owned()));
        }
        for (index, joint) in self.joints.iter().enumerate() {
            let field = |field: &str| format!("{}.{field}", joint.name);
            positive(&field("velocity"), joint.velocity)?;
            positive(&field("acceleration"), joint.acceleration)?;
            positive(&field("step"), joint.step)?;
            if !(joint.lower.is_finite() && joint.upper.is_finite() && joint.lower < joint.upper) {
                return Err(ConfigError::Range(joint.name.clone()));
            }
            if self
                .joints
                .iter()
                .take(index)
                .any(|earlier| earlier.name == joint.name)
            {
                return Err(ConfigError::Joints(joint.name.clone()));
            }
            let stop_s = self.top_speed(joint) / joint.acceleration + 2.0 * self.cycle_s;
            if stop_s > self.stale_timeout_s {
                return Err(ConfigError::CannotStop {
                    joint: joint.name.clone(),
                    stop_s,
                });
            }
        }
        for area in &self.workspace {
            for ((lower, upper), axis) in area.lower.iter().zip(&area.upper).zip(["x", "y", "z"]) {
                // Infinite sides are welcome: a box may be open.
                if lower.is_nan() || upper.is_nan() || lower >= upper {
                    return Err(ConfigError::Range(format!(
                        "workspace of {} along {axis}",
                        area.links.join(", ")
                    )));
                }
            }
        }
        Ok(())
    }

    /// The lesser of what velocity and step allow.
    pub(super) fn top_speed(&self, joint: &JointBound) -> f64 {
        joint.velocity.min(joint.step / self.cycle_s)
    }
}

fn positive(name: &str, value: f64) -> Result<(), ConfigError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(ConfigError::NotPositive {
        name: name.to_owned(),
        value,
    })
}
