//! The node's parameters.

use crate::control_program::CYCLE_S;
use crate::node::UrDriverError;
use arm_gate::ArmLimits;
use bus::{Endpoint, Node, ParameterSpec};

/// What the node was told.
#[derive(Debug)]
pub(crate) struct Parameters {
    pub(crate) rtde: Endpoint,
    pub(crate) dashboard: Endpoint,
    pub(crate) script: Endpoint,
    pub(crate) power_on: bool,
    pub(crate) limits: ArmLimits,
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
        let limits = ArmLimits::declare(node)?;
        limits.check_cycle(CYCLE_S, "the controller asks for a set point that often")?;
        Ok(Self {
            rtde,
            dashboard,
            script,
            power_on: power_on.get(),
            limits,
        })
    }
}
