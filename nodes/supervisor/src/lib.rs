//! The supervisor: it runs a grasp from the click to the object in the hand, and answers for what moves.
//!
//! The decisions are a pure state machine ([`machine`]); the outcome is judged from what a real cell can see and feel
//! ([`judge`]); its own motions are slow and go through the drivers' limits ([`motion`]); [`run`] puts them on the bus.
//!
//! ```
//! use supervisor::machine::{Action, Event, Machine, Request, Rules, State, Track};
//!
//! let mut machine = Machine::new(Rules { retries: 1, auto_start: false, confirm: false });
//! let refused = machine.handle(Event::Request(Request::Start)).unwrap_err();
//! assert_eq!(refused.to_string(), "start is not possible while idle: point at an object first");
//!
//! machine.handle(Event::Track(Track::Tracking))?;
//! assert_eq!(machine.state(), State::Targeted);
//! assert_eq!(machine.handle(Event::Request(Request::Start))?, [Action::StartPolicy]);
//! # Ok::<(), supervisor::machine::Refused>(())
//! ```
//!
//! | state | leaves it when |
//! |---|---|
//! | `idle` | a target is tracked |
//! | `targeted` | `start` (or at once with `auto_start`), after `confirm` where that is asked for; the target is lost |
//! | `approaching`, `grasping`, `lifting` | the policy goes on, is done (then the outcome is judged) or gives up; trouble |
//! | `holding` | `release`; the object slips |
//! | `releasing`, `homing` | the motion arrives, or does not |
//! | `failed` | `start`, `home`, `release`, `reset` |
//! | `estopped` | `reset`, and nothing else |

//!
//! With the rule `confirm`, nothing starts before a person has looked at the target's mask and asked for `confirm`; it holds
//! for one start, and until somebody points at something again, which ends an attempt that has not lifted anything yet, or
//! the target goes out of sight. Who calls the policy's own `start` goes past all of this.

mod calls;
pub mod judge;
pub mod machine;
pub mod motion;
pub mod node;

pub use node::run;
