//! Trajectories in joint space.

use crate::{
    builtin_interfaces::{Duration, Time},
    std_msgs::Header,
};

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

impl JointTrajectory {
    /// A trajectory that begins at `stamp` and ends at rest; points are times in seconds from then, and positions.
    #[must_use]
    pub fn to_rest<'a>(
        stamp: impl Into<Time>,
        joints: &[&str],
        points: impl IntoIterator<Item = (f64, &'a [f64])>,
    ) -> Self {
        let mut points: Vec<JointTrajectoryPoint> = points
            .into_iter()
            .map(|(seconds, positions)| JointTrajectoryPoint {
                positions: positions.to_vec(),
                time_from_start: std::time::Duration::from_secs_f64(seconds).into(),
                ..JointTrajectoryPoint::default()
            })
            .collect();
        if let Some(last) = points.last_mut() {
            last.velocities = vec![0.0; joints.len()];
        }
        Self {
            header: Header::new(stamp, ""),
            joint_names: joints.iter().map(|name| (*name).to_owned()).collect(),
            points,
        }
    }
}
