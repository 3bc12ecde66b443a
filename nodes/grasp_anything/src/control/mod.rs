//! How a person's click, or stop, reaches a running launch: a local socket with one JSON object a line.
//!
//! ```text
//! {"click": [640, 360]}                                 -> {"ok": true, "message": "..."}
//! {"click": [100, 80], "negative": true}
//! {"point": [0.3, 0.5, 0.1], "frame": "base_link", "grasp": true}
//! {"call": "stop"}
//! {"record": "start"}
//! ```
//!
//! Only the user who runs the launch can reach the socket: its folder is theirs alone.

mod client;
mod protocol;
mod server;

pub(crate) use client::send;
pub(crate) use protocol::{Click, Record, Request, Service, Target};
pub(crate) use server::run as run_server;
