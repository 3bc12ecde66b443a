//! The controller's Real-Time Data Exchange (RTDE), protocol version 2.
//!
//! RTDE is a TCP stream of big-endian packages. A session goes
//!
//! 1. ask for protocol version 2 and the controller's version,
//! 2. name the output variables and their rate; the controller answers with their types,
//! 3. name the input registers that we will write,
//! 4. start; from then on the controller sends one data package a cycle (8 ms on a CB3),
//!    and takes one data package of inputs whenever we send one.
//!
//! The module is split the way the bytes are: [`frame`] cuts the stream into packages,
//! [`message`] gives each package its meaning, [`value`] and [`recipe`] give the fields of a
//! data package their types, [`connection`] moves all of that over any
//! [`AsyncRead`](tokio::io::AsyncRead) + [`AsyncWrite`](tokio::io::AsyncWrite), and [`client`]
//! is the client's side of a session. The simulated controller uses the same modules from the
//! other side.
//!
//! ```
//! use ur_driver::rtde::{frame, message::ClientMessage};
//!
//! let bytes = ClientMessage::RequestProtocolVersion(2).to_bytes();
//! assert_eq!(bytes, [0, 5, b'V', 0, 2]);
//! let (package, length) = frame::parse(&bytes).unwrap().unwrap();
//! assert_eq!(length, 5);
//! assert_eq!(
//!     ClientMessage::from_package(&package).unwrap(),
//!     ClientMessage::RequestProtocolVersion(2)
//! );
//! ```

pub mod client;
pub mod connection;
mod error;
pub mod frame;
pub mod message;
pub mod recipe;
pub mod value;

pub use client::{Client, Event};
pub use connection::Connection;
pub use error::RtdeError;
pub use message::{ClientMessage, ControllerMessage};
pub use recipe::Recipe;
pub use value::{DataType, Value};

/// The protocol version that this module speaks.
pub const PROTOCOL_VERSION: u16 = 2;
