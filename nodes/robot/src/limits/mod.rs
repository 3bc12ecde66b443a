//! The one gate between commands and hardware.
//!
//! A driver hands every commanded trajectory to [`Limiter::command`] and asks [`Limiter::step`] for the setpoint of
//! each cycle. Whatever comes in, what goes out keeps to the joints' positions, velocities, accelerations and steps,
//! to the workspace, and comes to rest when the command runs out. What had to be changed or refused is counted by
//! name in a [`LimitReport`]. There is no bus and no clock in here: the driver passes the time.
//!
//! ```
//! use robot::limits::{JointBound, Limiter, LimiterConfig, Sensed, TrajectoryCommand, TrajectoryPoint};
//!
//! let config = LimiterConfig {
//!     cycle_s: 0.008,
//!     stale_timeout_s: 0.1,
//!     contact_force_n: Some(60.0),
//!     joints: vec![JointBound {
//!         name: "slide".to_owned(),
//!         lower: -1.0, upper: 1.0, velocity: 0.8, acceleration: 10.0, step: 0.0064,
//!     }],
//!     workspace: Vec::new(),
//! };
//! let mut limiter = Limiter::new(config)?;
//! limiter.reset(&[0.2])?; // where the joint was measured to be
//! limiter.command(
//!     &TrajectoryCommand {
//!         joint_names: vec!["slide".to_owned()],
//!         points: vec![TrajectoryPoint { time_s: 0.5, positions: vec![7.0], velocities: vec![0.0] }],
//!     },
//!     0.0,
//! )?;
//! let setpoint = limiter.step(&Sensed { now_s: 0.008, measured: &[0.2], contact_force_n: 0.0, violation_m: None })?;
//! assert!(setpoint.positions[0] > 0.2 && setpoint.positions[0] < 0.21);
//! assert_eq!(limiter.report().position, 1); // 7.0 was beyond the limit
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod limiter;
mod motion;
mod report;
mod trajectory;
mod workspace;

pub use self::{
    config::{ConfigError, JointBound, LimiterConfig, WorkspaceBox},
    limiter::{Limiter, LimiterError, Sensed, Setpoint, Violation},
    report::{Halt, LimitReport, LimiterState, Refusal},
    trajectory::{JointTrajectorySampler, Sample, TrajectoryCommand, TrajectoryPoint},
    workspace::{Workspace, WorkspaceError},
};
