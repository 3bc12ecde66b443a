//! Driver of Universal Robots arms: RTDE, dashboard and a control program on the controller.
//!
//! # How it works
//!
//! The driver is a client of three ports of the controller. Over [`rtde`] the controller sends its
//! state 125 times a second (CB3), and each package is answered with a joint set point. Through the
//! script port the driver uploads its [`control_program`], which follows those set points. The
//! [`dashboard`] switches the arm on and leaves protective stops. The loop is paced by the
//! controller's packages and by nothing else.
//!
//! ```text
//! arm/command --> limiter --> set point --RTDE registers--> control program --servoj--> joints
//! joint_states <------------- state <------RTDE 125 Hz----- controller
//! ```
//!
//! # What it promises
//!
//! * Every set point has passed [`arm_gate::Gate`]: position, velocity, acceleration, step,
//!   workspace, contact force. What was clamped or refused is counted in `arm/status`.
//! * When commands stop coming in mid motion, the arm is at rest within 100 ms of the last point of the
//!   last command. When the driver itself falls silent, the control program stops the arm.
//! * After a pause at the pendant, a protective stop or a lost connection, all earlier commands are
//!   forgotten and motion starts from the measured position: no jump.
//! * A lost connection is made again without a restart. A stop (protective, emergency, contact
//!   force, `arm/stop`, or the stop button on the pendant) lasts until somebody calls `arm/reset`.
//!
//! # The node
//!
//! | direction | name | type |
//! |---|---|---|
//! | subscribes | `arm/command` | trajectory_msgs/JointTrajectory |
//! | publishes | `joint_states` | sensor_msgs/JointState, 125 Hz; effort is torque in N m |
//! | publishes | `arm/wrench` | geometry_msgs/WrenchStamped in `base`, 125 Hz; the force is the mean over 40 ms |
//! | publishes | `arm/status` | diagnostic_msgs/DiagnosticStatus, 10 Hz: ready, starting, paused, stopped, fault, disconnected or inactive |
//! | serves | `arm/stop`, `arm/reset` | std_srvs/Trigger |
//!
//! It is a [managed node](lifecycle): deactivated, it brings the arm to rest, lets go of the controller, and takes no commands.
//!
//! [`robot_state_publisher`] is a second, small node: it turns the joint states of arm and hand into
//! transforms.

mod arm;
pub mod control_program;
pub mod dashboard;
pub mod mode;
mod node;
mod parameters;
pub mod robot_state_publisher;
pub mod rtde;

pub use node::{UrDriverError, run};
