//! The node's parameters.

use arm_gate::{ArmLimits, LimitsError};
use bus::{Node, ParameterSpec};

use crate::controller::CONTROLLERS;

/// What the node was told.
#[derive(Debug)]
pub(crate) struct Parameters {
    pub(crate) controller: String,
    pub(crate) wrench: String,
    pub(crate) limits: ArmLimits,
}

impl Parameters {
    pub(crate) fn declare(node: &Node) -> Result<Self, LimitsError> {
        let names = CONTROLLERS.map(|(name, _)| name);
        let [default, ..] = names;
        let controller = node.parameter(
            ParameterSpec::<String>::new("controller", default)
                .describe(
                    "the ros2_control controller that moves the arm; remap its topic for one of another name",
                )
                .one_of(names),
        )?;
        let wrench = node.parameter(
            ParameterSpec::<String>::new("wrench", "").describe(
                "topic of the force at the tool, such as /force_torque_sensor_broadcaster/wrench: without it nothing moves; \
                 empty: contact force is not known and stops nothing",
            ),
        )?;
        Ok(Self {
            controller: controller.get(),
            wrench: wrench.get(),
            limits: ArmLimits::declare(node)?,
        })
    }
}
