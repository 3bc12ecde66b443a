//! Driver of Universal Robots arms.
pub mod control_program;
pub mod dashboard;
pub mod mode;
pub mod rtde;
