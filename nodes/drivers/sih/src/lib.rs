//! Driver of the SCHUNK SIH hand: five servos on a Dynamixel protocol 2.0 bus.
//!
//! # How it works
//!
//! Fifty times a second the driver reads position and load of the five servos in one sync read,
//! passes commands through the limiter, and writes the five goals in one sync write. Commands are
//! joint angles of the five joints that the servos lead; the hand's calibration turns them into
//! ticks, and turns the servos' positions into the angles of all eleven joints, because the hand has
//! no joint encoders.
//!
//! ```text
//! hand/command (rad) --> calibration --> limiter (ticks) --> easing --sync write--> servos
//! joint_states       <-- calibration <-------------- ticks, load <----sync read--- servos
//! ```
//!
//! # What it promises
//!
//! * Every goal has passed [`robot::limits::Limiter`] and lies within the servos' travel.
//! * A goal never runs far ahead of a servo that cannot follow, and less so the harder the servo
//!   pushes: a servo at its limit is eased before it switches itself off.
//! * A failed servo (overload, overheating) stops the hand until `hand/reset`, which restarts it.
//! * A pulled adapter is taken up again without a restart, from where the servos then are.
//!
//! # The node
//!
//! | direction | name | type |
//! |---|---|---|
//! | subscribes | `hand/command` | trajectory_msgs/JointTrajectory over thumb_opposition, thumb_flexion, index_finger, middle_finger, ring_finger, rad |
//! | subscribes | `sih/ticks_command` | std_msgs/Int32MultiArray, five goals in ticks |
//! | publishes | `joint_states` | sensor_msgs/JointState of eleven joints, 50 Hz; effort is the servo's load, 0 to 1, positive when it closes the hand |
//! | publishes | `hand/status` | diagnostic_msgs/DiagnosticStatus, 10 Hz: ready, stopped, fault, disconnected or inactive |
//! | serves | `hand/stop`, `hand/reset` | std_srvs/Trigger |
//!
//! It is a [managed node](lifecycle): deactivated, it brings the hand to rest, where the servos hold it, and takes no commands.
//!
//! Ids and registers are configuration, see [`register_map`]; [`dynamixel`] is the protocol.

pub mod dynamixel;
mod hand;
mod node;
mod parameters;
pub mod register_map;

pub use node::{SihDriverError, run};
