//! Policies: from what the robot sees and feels to what its joints should do.

pub mod geometric;
