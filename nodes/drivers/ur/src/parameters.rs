//! The node's parameters.

use crate::control_program::CYCLE_S;
use crate::node::UrDriverError;
use bus::{Endpoint, Node, ParameterSpec};
use robot::limits::{LimiterConfig, Workspace};
use robot::{Model, ur5};

const LIMITS: &str = include_str!("../../../../config/arm_limits.yaml");
const URDF: &str = include_str!("../../../../urdf/ur5_sih.urdf");
/// The frame that the workspace is given in.
const BASE_LINK: &str = "base_link";

/// What the node was told.
#[derive(Debug)]
pub(crate) struct Parameters {
    pub(crate) rtde: Endpoint,
    pub(crate) dashboard: Endpoint,
    pub(crate) script: Endpoint,
    pub(crate) power_on: bool,
    pub(crate) largest_deviation: f64,
    pub(crate) limits: LimiterConfig,
    pub(crate) workspace: Option<Workspace>,
}

impl Parameters {
    pub(crate) fn declare(node: &Node) -> Result<Self, UrDriverError> {
        let host = node.parameter(ParameterSpec::<String>::new("host", "127.0.0.1").describe(
            "name or address of the controller; the three endpoints below are on it unless given",
        ))?;
        let host = host.get();
        let endpoint = |name: &str, port: u16, what: &str| -> Result<Endpoint, UrDriverError> {
            let text = node.parameter(ParameterSpec::<String>::new(name, "").describe(format!(
                "{what}: tcp://HOST:PORT, or memory://NAME with a simulated controller; empty: port {port} of host"
            )))?;
            let text = text.get();
            Ok(if text.is_empty() {
                Endpoint::Tcp {
                    host: host.clone(),
                    port,
                }
            } else {
                Endpoint::parse(&text).map_err(bus::NetworkError::from)?
            })
        };
        let rtde = endpoint("rtde", 30004, "real-time data exchange")?;
        let dashboard = endpoint("dashboard", 29999, "dashboard")?;
        let script = endpoint("script", 30002, "port that the control program is sent to")?;
        let power_on = node.parameter(ParameterSpec::<bool>::new("power_on", false).describe(
            "whether the driver may switch the arm on and release its brakes by itself",
        ))?;
        let largest_deviation = node.parameter(
            ParameterSpec::<f64>::new("largest_deviation", 0.3)
                .describe(
                    "how far a joint may be from its set point before the arm is stopped, in rad",
                )
                .range(0.01..=3.0),
        )?;
        let limits_file = node.parameter(ParameterSpec::<String>::new("limits", "").describe(
            "YAML file of what the arm may do; empty: config/arm_limits.yaml as built in",
        ))?;
        let urdf_file = node.parameter(ParameterSpec::<String>::new("urdf", "").describe(
            "robot description for the workspace limits; empty: urdf/ur5_sih.urdf as built in",
        ))?;
        let (text, source) = text_of(
            &limits_file.get(),
            LIMITS,
            "config/arm_limits.yaml (built in)",
        )?;
        let limits: LimiterConfig =
            serde_yaml::from_str(&text).map_err(|error| UrDriverError::Limits {
                file: source.clone(),
                problem: error.to_string(),
            })?;
        let names: Vec<&str> = limits
            .joints
            .iter()
            .map(|joint| joint.name.as_str())
            .collect();
        if names != ur5::JOINTS {
            return Err(UrDriverError::Limits {
                file: source,
                problem: format!(
                    "joints should be, in this order, {}",
                    ur5::JOINTS.join(", ")
                ),
            });
        }
        if limits.cycle_s != CYCLE_S {
            return Err(UrDriverError::Limits {
                file: source,
                problem: format!(
                    "cycle_s is {} and should be {CYCLE_S}: the controller asks for a set point that often",
                    limits.cycle_s
                ),
            });
        }
        let workspace = if limits.workspace.is_empty() {
            None
        } else {
            let (text, source) = text_of(&urdf_file.get(), URDF, "urdf/ur5_sih.urdf (built in)")?;
            let model = Model::from_urdf(&text, &source)?;
            Some(Workspace::new(
                &limits.workspace,
                &model,
                BASE_LINK,
                &names,
            )?)
        };
        Ok(Self {
            rtde,
            dashboard,
            script,
            power_on: power_on.get(),
            largest_deviation: largest_deviation.get(),
            limits,
            workspace,
        })
    }
}

/// The text of a file and its name, or what is built in.
pub(crate) fn text_of(
    file: &str,
    built_in: &str,
    name: &str,
) -> Result<(String, String), UrDriverError> {
    if file.is_empty() {
        return Ok((built_in.to_owned(), name.to_owned()));
    }
    match std::fs::read_to_string(file) {
        Ok(text) => Ok((text, file.to_owned())),
        Err(source) => Err(UrDriverError::File {
            file: file.to_owned(),
            source,
        }),
    }
}
