//! Moves the arm through a ros2_control controller, such as those of Universal_Robots_ROS2_Driver, instead of our own driver.
//!
//! # How it works
//!
//! The node takes the place of `ur_driver` in the graph: the same commands, the same status, the same services. Where the
//! arm is, it reads from `joint_states`, which ros2_control's joint_state_broadcaster publishes; where the arm is to be, it
//! tells a controller.
//!
//! ```text
//! arm/command --> gate --> set points --> scaled_joint_trajectory_controller or forward_position_controller --> joints
//!                  ^------ joint_states <-- joint_state_broadcaster <--------------------------------------------'
//! ```
//!
//! # What it promises
//!
//! * Every set point has passed [`arm_gate::Gate`]: position, velocity, acceleration, step, workspace, and contact force where
//!   a wrench is given. What was clamped or refused is counted in `arm/status`.
//! * When commands stop coming in mid motion, the arm is at rest within 100 ms of the last point of the last command. A
//!   controller of trajectories is never told more than 0.4 s and the way to rest, and one of positions no more than one set
//!   point: that far the arm goes if this node falls silent.
//! * When the joint states (or the wrench) are older than `stale_timeout_s` of the limits, the arm is braked and commands are
//!   refused. After that, after a pause of the robot's program, and after every rest, motion starts from the measured position:
//!   no jump. While the arm rests nothing is sent, so that others may move it.
//! * A stop (contact force, a joint that does not follow, `arm/stop`) lasts until somebody calls `arm/reset`.
//!
//! # What it cannot
//!
//! The robot's safety mode and its power are the other driver's affair. A trajectory controller that begins each trajectory at
//! the measured position (the default of joint_trajectory_controller) sets the arm back by its lag at every new one; set its
//! parameter `open_loop_control` (`interpolate_from_desired_state` in newer versions), or take forward_position_controller,
//! which is made for a stream of set points. Keep the speed slider at 100 %: a slowed controller falls behind the set points.
//!
//! # The node
//!
//! | direction | name | type |
//! |---|---|---|
//! | subscribes | `arm/command` | trajectory_msgs/JointTrajectory |
//! | subscribes | `joint_states` | sensor_msgs/JointState, in any order and with more joints than the arm's |
//! | subscribes | `io_and_status_controller/robot_program_running` | std_msgs/Bool, of Universal_Robots_ROS2_Driver |
//! | subscribes | what the parameter `wrench` names | geometry_msgs/WrenchStamped |
//! | publishes | `scaled_joint_trajectory_controller/joint_trajectory` or `joint_trajectory_controller/joint_trajectory` | trajectory_msgs/JointTrajectory |
//! | publishes | `forward_position_controller/commands` | std_msgs/Float64MultiArray |
//! | publishes | `arm/wrench` | geometry_msgs/WrenchStamped in the frame in which it came; the force is the mean over 40 ms |
//! | publishes | `arm/status` | diagnostic_msgs/DiagnosticStatus, 10 Hz: ready, starting, paused, stopped, fault, disconnected or inactive |
//! | serves | `arm/stop`, `arm/reset` | std_srvs/Trigger |
//!
//! It is a [managed node](lifecycle): deactivated, it brings the arm to rest, and takes no commands.

mod arm;
mod controller;
mod measured;
mod node;
mod parameters;

pub use node::{Ros2ControlError, run};
