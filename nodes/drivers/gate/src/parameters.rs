use bus::{Node, ParameterSpec};
use robot::limits::{ConfigError, LimiterConfig, Workspace, WorkspaceError};
use robot::{Model, ModelError, frames::BASE_LINK, ur5};
use thiserror::Error;

const LIMITS: &str = include_str!("../../../../config/arm_limits.yaml");
const LIMITS_NAME: &str = "config/arm_limits.yaml (built in)";
const URDF: &str = include_str!("../../../../urdf/ur5_sih.urdf");
/// How far a joint may be from its set point unless it is said, in rad.
const LARGEST_DEVIATION: f64 = 0.3;

/// What an arm may do.
#[derive(Debug, Clone)]
pub struct ArmLimits {
    /// Positions, velocities, accelerations, steps and contact force.
    pub limiter: LimiterConfig,
    /// Where the robot's parts may be, if that is limited.
    pub workspace: Option<Workspace>,
    /// How far a joint may be from its set point before the arm is stopped, in rad.
    pub largest_deviation: f64,
}

/// Why there are no limits, and so no driver.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LimitsError {
    /// A parameter could not be had.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// A file cannot be read.
    #[error("cannot read {file}: {source}")]
    File {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The limits are wrong.
    #[error("{file}: {problem}")]
    Limits {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// The limits promise what they cannot hold.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The workspace does not fit the robot.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The robot description is wrong.
    #[error(transparent)]
    Model(Box<ModelError>),
}

impl From<ModelError> for LimitsError {
    fn from(error: ModelError) -> Self {
        Self::Model(Box::new(error))
    }
}

impl ArmLimits {
    /// Declares the parameters `limits`, `urdf` and `largest_deviation`, and reads the files.
    ///
    /// # Errors
    /// When a file cannot be read, or promises what cannot be held.
    pub fn declare(node: &Node) -> Result<Self, LimitsError> {
        let largest_deviation = node.parameter(
            ParameterSpec::<f64>::new("largest_deviation", LARGEST_DEVIATION)
                .describe(
                    "how far a joint may be from its set point before the arm is stopped, in rad",
                )
                .range(0.01..=3.0),
        )?;
        let limits = node.parameter(ParameterSpec::<String>::new("limits", "").describe(
            "YAML file of what the arm may do; empty: config/arm_limits.yaml as built in",
        ))?;
        let urdf = node.parameter(ParameterSpec::<String>::new("urdf", "").describe(
            "robot description for the workspace limits; empty: urdf/ur5_sih.urdf as built in",
        ))?;
        Self::read(&limits.get(), &urdf.get(), largest_deviation.get())
    }

    /// What the files of this project say.
    ///
    /// # Errors
    /// None, as long as these files are right.
    pub fn built_in() -> Result<Self, LimitsError> {
        Self::read("", "", LARGEST_DEVIATION)
    }

    fn read(limits: &str, urdf: &str, largest_deviation: f64) -> Result<Self, LimitsError> {
        let (text, file) = text_of(limits, LIMITS, LIMITS_NAME)?;
        let wrong = |problem: String| LimitsError::Limits {
            file: file.clone(),
            problem,
        };
        let limiter: LimiterConfig =
            serde_yaml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let names: Vec<&str> = limiter
            .joints
            .iter()
            .map(|joint| joint.name.as_str())
            .collect();
        if names != ur5::JOINTS {
            return Err(wrong(format!(
                "joints should be, in this order, {}",
                ur5::JOINTS.join(", ")
            )));
        }
        let workspace = if limiter.workspace.is_empty() {
            None
        } else {
            let (text, source) = text_of(urdf, URDF, "urdf/ur5_sih.urdf (built in)")?;
            let model = Model::from_urdf(&text, &source)?;
            let boxes = &limiter.workspace;
            Some(Workspace::new(boxes, &model, BASE_LINK, &ur5::JOINTS)?)
        };
        Ok(Self {
            limiter,
            workspace,
            largest_deviation,
        })
    }

    /// Whether the cycle is the one that a driver is bound to, in s.
    ///
    /// # Errors
    /// When it is another.
    pub fn check_cycle(&self, cycle_s: f64, because: &str) -> Result<(), LimitsError> {
        if self.limiter.cycle_s == cycle_s {
            return Ok(());
        }
        Err(LimitsError::Limits {
            file: "the arm's limits".into(),
            problem: format!(
                "cycle_s is {} and should be {cycle_s}: {because}",
                self.limiter.cycle_s
            ),
        })
    }
}

/// The text of a file and its name, or what is built in where no file is named.
///
/// # Errors
/// When the file cannot be read.
pub fn text_of(file: &str, built_in: &str, name: &str) -> Result<(String, String), LimitsError> {
    if file.is_empty() {
        return Ok((built_in.to_owned(), name.to_owned()));
    }
    match std::fs::read_to_string(file) {
        Ok(text) => Ok((text, file.to_owned())),
        Err(source) => Err(LimitsError::File {
            file: file.to_owned(),
            source,
        }),
    }
}
