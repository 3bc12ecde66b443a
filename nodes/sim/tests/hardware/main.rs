//! The real drivers against the hardware faces, in lockstep: following, stopping, and every fault
//! that a cell has on a bad day. The robot behind the faces goes exactly where it is told, so that
//! what is measured is the drivers' doing and nobody else's.

mod arm;
mod cell;
mod hand;
