//! Policies: from what the robot sees and feels to where its joints should go.
//!
//! A policy is data: a [`manifest`] says what it observes, what its action means, how many steps a second it takes, and
//! what computes it, an ONNX file or the built-in [`geometric`] grasp. [`run`] is the node that steps it.
//!
//! ```
//! use policy::manifest::{Builtin, Engine, Manifest};
//!
//! # fn main() -> Result<(), policy::manifest::ManifestError> {
//! let manifest = Manifest::from_yaml(
//!     "{name: careful, description: Lifts slowly., rate_hz: 7.5, steps: 75, engine: {builtin: {geometric: {lift_pace: 0.5}}}}",
//!     "careful.yaml",
//! )?;
//! let Engine::Builtin(Builtin::Geometric(settings)) = manifest.engine else { return Ok(()) };
//! assert_eq!(settings.lift_pace, 0.5);
//! # Ok(())
//! # }
//! ```
//!
//! For a learned policy each step is: [`snapshot`] -> [`observation`] -> [`network`] -> [`action`]; [`learned`] puts them
//! together. What the policy gives is checked at each border: the shapes when it is loaded, numbers that are not finite
//! when it runs. Then nothing is commanded, the robot holds, and `policy/status` says why.

pub mod action;
pub mod geometric;
pub mod learned;
pub mod manifest;
pub mod network;
pub mod node;
pub mod observation;
pub mod snapshot;

pub use node::run;
