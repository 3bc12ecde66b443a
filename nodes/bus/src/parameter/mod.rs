//! Declared, described, ranged parameters.
//!
//! A node declares each parameter with [`crate::Node::parameter`] before it first waits for anything. A value comes
//! from the last of: the default, the sections of params files for many nodes (`/**`), those for this node, inline
//! `name:=value`. Whatever was given but is declared by nobody is an error at start-up: a misspelt parameter must not
//! silently keep its default.

mod file;
mod overrides;
mod spec;
mod value;

pub use file::FileError;
pub use overrides::{Origin, ParameterOverrides};
pub use spec::{Declared, Parameter, ParameterSpec};
pub use value::{ParameterDefault, ParameterType, ParameterValue};

pub(crate) use overrides::{NodeParameters, Override, first_undeclared_wildcard};
pub(crate) use spec::Allowed;

use crate::error::closest;

/// Why a parameter could not be had.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// A params file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// An inline assignment is malformed.
    #[error("parameter assignment {text:?}: {reason}; write name:=value or node:name:=value")]
    Assignment {
        /// As it was given.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// The value has another type than the node declared.
    #[error("parameter {name} of node {node}: {origin} gives {given}, but it must be a {wanted}")]
    Type {
        /// Declaring node.
        node: String,
        /// Parameter.
        name: String,
        /// Where the value comes from.
        origin: Origin,
        /// The value.
        given: Box<ParameterValue>,
        /// Type that the node declared.
        wanted: &'static str,
    },
    /// The value is outside of what the node allows.
    #[error("parameter {name} of node {node}: {origin} gives {given}, but it must be {allowed}")]
    Range {
        /// Declaring node.
        node: String,
        /// Parameter.
        name: String,
        /// Where the value comes from.
        origin: Origin,
        /// The value.
        given: Box<ParameterValue>,
        /// What is allowed.
        allowed: Box<str>,
    },
    /// A value was given for a name that the node does not declare.
    #[error("node {node} has no parameter {name}, which {origin} sets{}", closest(.similar))]
    Undeclared {
        /// Node it was given to.
        node: String,
        /// Name that was given.
        name: String,
        /// Where it was given.
        origin: Origin,
        /// Declared names like it.
        similar: Vec<String>,
    },
    /// A value was given to all nodes, and none declares it.
    #[error("no node has a parameter {name}, which {origin} sets for all nodes{}", closest(.similar))]
    UndeclaredByAll {
        /// Name that was given.
        name: String,
        /// Where it was given.
        origin: Origin,
        /// Declared names like it.
        similar: Vec<String>,
    },
    /// The node declared the same name twice.
    #[error("node {node} declares parameter {name} twice; keep the first handle instead")]
    DeclaredTwice {
        /// Declaring node.
        node: String,
        /// Parameter.
        name: String,
    },
}
