//! Driver of the SCHUNK SIH hand.
pub mod dynamixel;
pub mod register_map;
