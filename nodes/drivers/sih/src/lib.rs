//! Driver of the SCHUNK SIH hand.
pub mod dynamixel;
