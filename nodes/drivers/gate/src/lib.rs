//! What stands between commands and an arm, whatever drives it: one set of safety rules for all drivers.
//!
//! A driver hands every command to [`Gate::command`], says what it measures and feels, and asks [`Gate::follow`] for the
//! set point of each cycle. The gate keeps the limits of [`robot::limits::Limiter`], stops an arm that is blocked or presses
//! on something, and keeps a stop until it is [taken back](Gate::unlatch). It is *engaged* while the arm follows; whatever
//! takes it out of that state forgets all commands, and when it is engaged again, motion starts from the measured position,
//! so that nothing from before can make the arm jump.
//!
//! ```
//! use arm_gate::{ArmLimits, Condition, Gate};
//! use robot::ur5;
//!
//! let mut gate = Gate::new(&ArmLimits::built_in()?)?;
//! gate.engage(&ur5::RESET_POSE)?; // where the arm was measured to be
//! assert_eq!(gate.condition(), Condition::Ready);
//! let set_point = gate.follow(0.0, &ur5::RESET_POSE);
//! assert_eq!(set_point, Some(ur5::RESET_POSE), "nothing was commanded");
//!
//! gate.latch(Condition::Stopped, "stopped on request");
//! assert_eq!(gate.reason(), "stopped on request");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod gate;
mod parameters;
mod status;

pub use gate::{Condition, Gate};
pub use parameters::{ArmLimits, LimitsError, text_of};
