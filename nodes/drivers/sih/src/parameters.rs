//! The node's parameters.

use crate::node::SihDriverError;
use crate::register_map::RegisterMap;
use bus::{Endpoint, Node, ParameterSpec};
use robot::Hand;
use robot::hand::SERVOS;
use robot::limits::LimiterConfig;

const LIMITS: &str = include_str!("../../../../config/hand_limits.yaml");
const CALIBRATION: &str = include_str!("../../../../calibration/sih_right.yaml");

/// What the node was told.
#[derive(Debug)]
pub(crate) struct Parameters {
    pub(crate) bus: Endpoint,
    pub(crate) map: RegisterMap,
    pub(crate) calibration: Hand,
    pub(crate) limits: LimiterConfig,
}

impl Parameters {
    pub(crate) fn declare(node: &Node) -> Result<Self, SihDriverError> {
        let bus = node.parameter(
            ParameterSpec::<String>::new("bus", "serial:///dev/ttyUSB0?baud=1000000")
                .describe("the servo bus: serial:///dev/DEVICE?baud=N, or memory://NAME with simulated servos"),
        )?;
        let map = node
            .parameter(ParameterSpec::<String>::new("register_map", "").describe(
                "YAML file of ids and registers; empty: config/sih_bus.yaml as built in",
            ))?;
        let calibration = node.parameter(
            ParameterSpec::<String>::new("calibration", "")
                .describe("YAML file of the hand's response to its servos; empty: calibration/sih_right.yaml as built in"),
        )?;
        let limits = node.parameter(ParameterSpec::<String>::new("limits", "").describe(
            "YAML file of what the servos may do; empty: config/hand_limits.yaml as built in",
        ))?;
        let map = match map.get().as_str() {
            "" => RegisterMap::example()?,
            file => RegisterMap::from_file(file)?,
        };
        let calibration = match calibration.get().as_str() {
            "" => Hand::from_yaml(CALIBRATION, "calibration/sih_right.yaml (built in)")?,
            file => Hand::from_file(file)?,
        };
        let limits = match limits.get().as_str() {
            "" => parse_limits(LIMITS, "config/hand_limits.yaml (built in)")?,
            file => {
                let text =
                    std::fs::read_to_string(file).map_err(|source| SihDriverError::File {
                        file: file.to_owned(),
                        source,
                    })?;
                parse_limits(&text, file)?
            }
        };
        let bus = Endpoint::parse(&bus.get()).map_err(bus::NetworkError::from)?;
        Ok(Self {
            bus,
            map,
            calibration,
            limits,
        })
    }
}

fn parse_limits(text: &str, file: &str) -> Result<LimiterConfig, SihDriverError> {
    let error = |problem: String| SihDriverError::Limits {
        file: file.to_owned(),
        problem,
    };
    let limits: LimiterConfig =
        serde_yaml::from_str(text).map_err(|problem| error(problem.to_string()))?;
    let names: Vec<&str> = limits
        .joints
        .iter()
        .map(|joint| joint.name.as_str())
        .collect();
    if names == SERVOS {
        Ok(limits)
    } else {
        Err(error(format!(
            "joints should be, in this order, {}",
            SERVOS.join(", ")
        )))
    }
}
