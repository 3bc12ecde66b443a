//! Reads ROS 2 launch files (XML) and says what they ask for: which nodes, with which parameters and remappings.
//!
//! The crate runs nothing. It turns a launch file and `name:=value` arguments into a [`LaunchPlan`], a plain list of
//! nodes, and leaves it to the caller to start them. So it can be used without the rest of the stack, for example
//! to check launch files in a test.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let file = directory.path().join("cell.launch");
//! # std::fs::write(&file, r#"
//! # <launch>
//! #   <arg name="rate" default="7.5" description="Control rate in Hz"/>
//! #   <group>
//! #     <push-ros-namespace namespace="cell"/>
//! #     <node pkg="grasp_anything" exec="policy" name="policy">
//! #       <param name="rate" value="$(var rate)"/>
//! #     </node>
//! #   </group>
//! # </launch>"#)?;
//! use launch::{Launcher, ParamSource, ParamValue, parse_arguments};
//!
//! let launcher = Launcher::new();
//! let plan = launcher.plan(&file, &parse_arguments(&["rate:=10.0"])?)?;
//! let node = &plan.nodes[0];
//! assert_eq!(node.full_name(), "/cell/policy");
//! let ParamSource::Inline { name, value, .. } = &node.params[0] else { panic!() };
//! assert_eq!((name.as_str(), value), ("rate", &ParamValue::Float(10.0)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is understood
//!
//! | element | attributes |
//! |---|---|
//! | `launch` | `version` |
//! | `arg` with `choice` children | `name`, `default`, `description` |
//! | `let` | `name`, `value` |
//! | `node` with `param` and `remap` children | `pkg`, `exec`, `name`, `namespace`, `args`, `output` |
//! | `param` | `name`, `value`, `value-sep`, `type`, nested `param`; or `from` |
//! | `remap` in a node, `set_remap` outside | `from`, `to` |
//! | `group` | `scoped` |
//! | `push-ros-namespace` | `namespace` |
//! | `include` with `arg` or `let` children | `file` |
//!
//! Every element that does something takes `if` or `unless`. Substitutions: `$(var NAME [DEFAULT])`,
//! `$(env NAME [DEFAULT])`, `$(dirname)`, `$(find-pkg-share PACKAGE)`, nested and quoted as in ROS 2.
//!
//! Everything else is refused by name, file and line, with what to write in its place: a launch file that is half
//! understood moves a robot in a way that nobody asked for.
//!
//! # Where it is stricter than `ros2 launch`
//!
//! - An argument on the command line that no file declares is an error, not ignored.
//! - Two nodes of one name are an error.
//! - An `include` outside a group lets the included file change variables of the including file in `ros2 launch`. Here
//!   it does not, and reading such a variable afterwards is an error that says to put the include into a group. So a
//!   file that is accepted here means the same there.
#![deny(missing_docs)]

mod arguments;
mod element;
mod error;
mod interpreter;
mod launcher;
mod plan;
mod scope;
mod substitution;
mod supported;
mod value;

pub use arguments::{DeclaredArgument, describe_arguments, parse_arguments};
pub use error::{LaunchError, Location, Problem};
pub use launcher::Launcher;
pub use plan::{LaunchPlan, NodeLaunch, ParamSource, Remap};
pub use value::ParamValue;
