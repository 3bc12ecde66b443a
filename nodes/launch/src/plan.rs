//! What a launch file asks for.

use std::path::PathBuf;

use crate::{arguments::DeclaredArgument, error::Location, value::ParamValue};

/// Everything that a launch file asks for, with all substitutions made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LaunchPlan {
    /// The nodes, in the order of the file.
    pub nodes: Vec<NodeLaunch>,
    /// The arguments that were declared on the way, in the order of the files.
    pub arguments: Vec<DeclaredArgument>,
}

/// One node to start.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeLaunch {
    /// The package that the executable is part of.
    pub package: String,
    /// The executable.
    pub executable: String,
    /// The arguments that the executable is given, in front of those of ROS 2.
    pub arguments: Vec<String>,
    /// The node's name, without its namespace. Where the file gives none, it is the executable's.
    pub name: String,
    /// The absolute namespace, `/` or `/a/b`.
    pub namespace: String,
    /// The parameters, in the order in which they apply: a later one wins.
    pub params: Vec<ParamSource>,
    /// The remappings: those set around the node first, then its own.
    pub remaps: Vec<Remap>,
    /// Where the node stands in the launch file.
    pub location: Location,
}

impl NodeLaunch {
    /// The node's name with its namespace, `/a/b/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace.trim_end_matches('/'), self.name)
    }
}

/// Where parameters of a node come from.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamSource {
    /// One parameter, from `<param name= value=/>`. Nested names are joined by dots.
    Inline {
        /// Its name.
        name: String,
        /// Its value.
        value: ParamValue,
        /// Where it stands.
        location: Location,
    },
    /// A ROS 2 parameter file, from `<param from=/>`.
    File {
        /// The file; it exists.
        path: PathBuf,
        /// Where it is named.
        location: Location,
    },
}

/// One remapping of a topic or service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remap {
    /// The name that the node uses.
    pub from: String,
    /// The name that it gets.
    pub to: String,
}
