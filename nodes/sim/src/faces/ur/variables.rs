//! The variables that RTDE clients can read and write.

use super::controller::Controller;
use super::script::machine::REGISTERS;
use nalgebra::Isometry3;
use ur_driver::mode::{RobotMode, RuntimeState};
use ur_driver::rtde::{DataType, Value};

/// Output torque of a joint per ampere of motor current, roughly, in N m/A: a nominal figure, so
/// that currents have the right sign and order of magnitude.
const TORQUE_PER_AMPERE: f64 = 10.0;
/// What the joint mode variable says of a joint that works, and of one without power.
const JOINT_RUNNING: i32 = 253;
const JOINT_POWER_OFF: i32 = 239;

/// An output variable.
#[derive(Debug, Clone, Copy)]
pub(super) enum Output {
    Computed(fn(&Controller) -> Value),
    Int(usize),
    Double(usize),
}

impl Output {
    /// Finds an output variable by name.
    pub(super) fn find(name: &str) -> Option<Self> {
        if let Some(index) = register(name, "output_int_register_") {
            return Some(Self::Int(index));
        }
        if let Some(index) = register(name, "output_double_register_") {
            return Some(Self::Double(index));
        }
        COMPUTED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, compute)| Self::Computed(*compute))
    }

    pub(super) fn value(self, controller: &Controller) -> Value {
        let registers = &controller.registers;
        match self {
            Self::Computed(compute) => compute(controller),
            Self::Int(index) => {
                Value::Int32(registers.output_int.get(index).copied().unwrap_or_default())
            }
            Self::Double(index) => Value::Double(
                registers
                    .output_double
                    .get(index)
                    .copied()
                    .unwrap_or_default(),
            ),
        }
    }
}

/// A variable's name, and how its value follows from the controller.
type Named = (&'static str, fn(&Controller) -> Value);

const COMPUTED: [Named; 45] = [
    ("timestamp", |c| Value::Double(c.time_s())),
    ("target_q", |c| Value::Vector6D(c.target().q)),
    ("target_qd", |c| Value::Vector6D(c.target().qd)),
    ("target_qdd", |_| Value::Vector6D([0.0; 6])),
    ("target_current", current),
    ("target_moment", |c| Value::Vector6D(c.reading().torque)),
    ("actual_q", |c| Value::Vector6D(c.reading().q)),
    ("actual_qd", |c| Value::Vector6D(c.reading().qd)),
    ("actual_current", current),
    ("joint_control_output", current),
    ("actual_TCP_pose", |c| {
        Value::Vector6D(tcp_pose(&c.reading().q))
    }),
    ("actual_TCP_speed", |_| Value::Vector6D([0.0; 6])),
    ("actual_TCP_force", |c| {
        Value::Vector6D(c.reading().tcp_force)
    }),
    ("target_TCP_pose", |c| {
        Value::Vector6D(tcp_pose(&c.target().q))
    }),
    ("target_TCP_speed", |_| Value::Vector6D([0.0; 6])),
    ("actual_digital_input_bits", |_| Value::UInt64(0)),
    ("actual_digital_output_bits", |_| Value::UInt64(0)),
    ("joint_temperatures", |_| Value::Vector6D([30.0; 6])),
    ("actual_execution_time", |_| Value::Double(1.0)),
    ("robot_mode", |c| Value::Int32(c.robot_mode().number())),
    ("joint_mode", |c| {
        let on = c.robot_mode() == RobotMode::Running;
        Value::Vector6Int32([if on { JOINT_RUNNING } else { JOINT_POWER_OFF }; 6])
    }),
    ("safety_mode", |c| Value::Int32(c.safety_mode().number())),
    ("safety_status", |c| Value::Int32(c.safety_mode().number())),
    ("actual_tool_accelerometer", |_| {
        Value::Vector3D([0.0, 0.0, 9.81])
    }),
    ("speed_scaling", |c| {
        Value::Double(if c.runtime_state() == RuntimeState::Playing {
            c.speed_fraction
        } else {
            0.0
        })
    }),
    ("target_speed_fraction", |c| Value::Double(c.speed_fraction)),
    ("actual_momentum", |_| Value::Double(0.0)),
    ("actual_main_voltage", |_| Value::Double(48.0)),
    ("actual_robot_voltage", |_| Value::Double(48.0)),
    ("actual_robot_current", |_| Value::Double(1.0)),
    ("actual_joint_voltage", |_| Value::Vector6D([48.0; 6])),
    ("runtime_state", |c| {
        Value::UInt32(c.runtime_state().number().unsigned_abs())
    }),
    // The controller is told nothing of the hand's weight: the simulated arm carries no weight.
    ("payload", |_| Value::Double(0.0)),
    ("payload_cog", |_| Value::Vector3D([0.0; 3])),
    ("payload_inertia", |_| Value::Vector6D([0.0; 6])),
    ("elbow_position", |_| Value::Vector3D([0.0; 3])),
    ("elbow_velocity", |_| Value::Vector3D([0.0; 3])),
    ("robot_status_bits", |c| {
        let powered = c.robot_mode() != RobotMode::PowerOff;
        let playing = c.runtime_state() == RuntimeState::Playing;
        Value::UInt32(u32::from(powered) | u32::from(playing) << 1)
    }),
    ("safety_status_bits", |c| {
        Value::UInt32(1 << (c.safety_mode().number() - 1).clamp(0, 31))
    }),
    ("standard_analog_input0", |_| Value::Double(0.0)),
    ("standard_analog_input1", |_| Value::Double(0.0)),
    ("standard_analog_output0", |_| Value::Double(0.0)),
    ("standard_analog_output1", |_| Value::Double(0.0)),
    ("output_bit_registers0_to_31", |_| Value::UInt32(0)),
    ("output_bit_registers32_to_63", |_| Value::UInt32(0)),
];

fn current(controller: &Controller) -> Value {
    Value::Vector6D(
        controller
            .reading()
            .torque
            .map(|torque| torque / TORQUE_PER_AMPERE),
    )
}

/// The tool's pose as the controller gives it: in its own base frame, with a rotation vector.
fn tcp_pose(q: &[f64; 6]) -> [f64; 6] {
    let base_from_tool: Isometry3<f64> =
        robot::ur5::base_link_from_base().inverse() * robot::ur5::forward(q);
    let position = base_from_tool.translation.vector;
    let rotation = base_from_tool.rotation.scaled_axis();
    [
        position.x, position.y, position.z, rotation.x, rotation.y, rotation.z,
    ]
}

/// An input variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Int(usize),
    Double(usize),
    SpeedSliderMask,
    SpeedSliderFraction,
}

impl Input {
    /// Finds an input variable by name.
    pub(super) fn find(name: &str) -> Option<Self> {
        match name {
            "speed_slider_mask" => Some(Self::SpeedSliderMask),
            "speed_slider_fraction" => Some(Self::SpeedSliderFraction),
            _ => register(name, "input_int_register_")
                .map(Self::Int)
                .or_else(|| register(name, "input_double_register_").map(Self::Double)),
        }
    }

    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Int(_) => DataType::Int32,
            Self::Double(_) | Self::SpeedSliderFraction => DataType::Double,
            Self::SpeedSliderMask => DataType::UInt32,
        }
    }

    /// Sets the variable. The slider's mask is taken as set, as every known client sends it.
    pub(super) fn set(self, value: Value, controller: &mut Controller) {
        match (self, value) {
            (Self::Int(index), Value::Int32(value)) => {
                if let Some(register) = controller.registers.input_int.get_mut(index) {
                    *register = value;
                }
            }
            (Self::Double(index), Value::Double(value)) => {
                if let Some(register) = controller.registers.input_double.get_mut(index) {
                    *register = value;
                }
            }
            (Self::SpeedSliderFraction, Value::Double(fraction))
                if (0.01..=1.0).contains(&fraction) =>
            {
                controller.speed_fraction = fraction;
            }
            _ => {}
        }
    }
}

fn register(name: &str, prefix: &str) -> Option<usize> {
    name.strip_prefix(prefix)?
        .parse()
        .ok()
        .filter(|index| *index < REGISTERS)
}
