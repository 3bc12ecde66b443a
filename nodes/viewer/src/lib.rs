//! The viewer: a page in the browser that shows what the robot sees and does, and takes clicks.
//!
//! ```sh
//! cargo build --release --package grasp_anything --features viewer
//! target/release/grasp_anything launch launch/sim.launch demo:=false viewer:=true
//! ```
//!
//! The node says where its page is: `http://127.0.0.1:8350`. A click on the camera image, or on a point of the scene,
//! points at an object; the button *Start* has it grasped, and *Stop* (or the space bar) stops the robot at any time.
//!
//! # How it works
//!
//! The pictures are drawn by [rerun](https://rerun.io): the node logs what the topics say into a rerun recording
//! ([`node`]), a server in the same process keeps the last of it, and the page runs rerun's own viewer, which is built
//! into this program. The page around it (`src/page/`) is ours; it asks for what its buttons say and turns what is
//! selected in the viewer into clicks.
//!
//! Nothing here holds up the robot. Topics are read from queues that drop what is too old, at a bounded rate, and
//! pictures are made only while a page is open. The page is served by a thread of its own, so that *Stop* does not
//! wait for a picture.
//!
//! # Who may use it
//!
//! By default the page can be reached from this machine only. Another address needs a token, which the page's address
//! carries the first time. What other web sites send is refused ([`access`]), and the page may talk to this node only:
//! nothing that it shows leaves the machine.
//!
//! ```
//! use viewer::access::{Access, AccessError};
//!
//! let address = "0.0.0.0".parse()?;
//! assert!(matches!(Access::new(address, 8350, ""), Err(AccessError::NoToken { .. })));
//! assert!(Access::new(address, 8350, "correct-horse-battery").is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod access;
pub mod node;
mod show;
mod status;
mod web;

pub use node::run;
