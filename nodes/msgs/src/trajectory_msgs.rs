//! Trajectories in joint space.

use crate::{builtin_interfaces::Duration, std_msgs::Header};

messages! { "trajectory_msgs";
    /// One point of a trajectory. Arrays follow the trajectory's joint names; empty means not given.
    #[derive(Default)]
    pub struct JointTrajectoryPoint {
        /// Absolute positions (rad or m).
        pub positions: Vec<f64>,
        /// Velocities (rad/s or m/s).
        pub velocities: Vec<f64>,
        /// Accelerations (rad/s^2 or m/s^2).
        pub accelerations: Vec<f64>,
        /// Efforts (Nm or N).
        pub effort: Vec<f64>,
        /// When the point is to be reached, from the trajectory's start.
        pub time_from_start: Duration,
    }

    /// A trajectory of named joints.
    #[derive(Default)]
    pub struct JointTrajectory {
        /// Start time; zero means as soon as it arrives.
        pub header: Header,
        /// Joints that the points speak of.
        pub joint_names: Vec<String>,
        /// Points in order of time.
        pub points: Vec<JointTrajectoryPoint>,
    }
}
