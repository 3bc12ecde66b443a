//! Dynamixel protocol 2.0: packets, instructions and status, and a bus master over any byte stream.
//!
//! A packet is `FF FF FD 00`, an id, a little-endian length, an instruction, parameters and a
//! CRC-16. [`frame`] cuts packets out of a noisy stream, [`packet`] gives them their meaning, and
//! [`bus`] is the master's side: ask, and wait for the answers. The simulated hand uses the first
//! two from the other side.
//!
//! The crate `rustypot` speaks this protocol too. It is not used here because it blocks its thread
//! and owns the serial port, while this stack needs the same driver code over a serial line, a
//! pseudo-terminal and in-memory streams under a simulated clock.
//!
//! ```
//! use sih_driver::dynamixel::packet::Instruction;
//!
//! // The ping of the protocol's documentation.
//! assert_eq!(
//!     Instruction::Ping.to_bytes(1),
//!     [0xff, 0xff, 0xfd, 0x00, 0x01, 0x03, 0x00, 0x01, 0x19, 0x4e]
//! );
//! ```

pub mod bus;
mod crc;
pub mod frame;
pub mod packet;

pub use bus::{BusError, Master};
pub use frame::{Decoder, FrameError, Packet};
pub use packet::{Instruction, Status};

/// The id that every servo listens to.
pub const BROADCAST_ID: u8 = 0xfe;
