//! What can be wrong with a launch file, and where.

use std::{fmt, io, path::PathBuf};

/// A place in a launch file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The launch file, as it was named.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A launch file or its arguments are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Something at one place of a launch file.
    #[error("{location}: {problem}")]
    At {
        /// Where.
        location: Location,
        /// What.
        problem: Problem,
    },
    /// The launch file cannot be read.
    #[error("cannot read launch file {}: {source}", file.display())]
    Read {
        /// The launch file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// An argument on the command line is not of the form `name:=value`.
    #[error("`{text}` is not an argument: write name:=value, for example seed:=3")]
    MalformedArgument {
        /// What was given.
        text: String,
    },
    /// An argument on the command line is declared by no launch file.
    #[error("{} has no argument `{name}`; {}", file.display(), declared_list(declared))]
    UnknownArgument {
        /// The launch file.
        file: PathBuf,
        /// The name that was given.
        name: String,
        /// The names that are declared.
        declared: Vec<String>,
    },
}

fn declared_list(declared: &[String]) -> String {
    if declared.is_empty() {
        "it declares none".to_owned()
    } else {
        format!("it declares {}", declared.join(", "))
    }
}

/// What is wrong at one place of a launch file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file is not well-formed XML.
    #[error("not well-formed XML: {0}")]
    Xml(roxmltree::Error),
    /// The file's outermost element is something else.
    #[error("the outermost element is <{0}>, but a launch file starts with <launch>")]
    NotALaunchFile(String),
    /// An element that is not understood.
    #[error("<{tag}> is not supported: {instead}")]
    UnsupportedElement {
        /// The element.
        tag: String,
        /// What to do without it.
        instead: &'static str,
    },
    /// An element that does not belong where it stands.
    #[error("<{tag}> cannot stand in <{parent}>; allowed there: {}", allowed.join(", "))]
    MisplacedElement {
        /// The element.
        tag: String,
        /// The element around it.
        parent: String,
        /// The elements that may stand there.
        allowed: &'static [&'static str],
    },
    /// An attribute that is not understood.
    #[error("<{tag}> attribute `{attribute}` is not supported: {instead}")]
    UnsupportedAttribute {
        /// The element.
        tag: String,
        /// The attribute.
        attribute: String,
        /// What to do without it.
        instead: String,
    },
    /// An attribute's value that is not understood.
    #[error("<{tag}> attribute `{attribute}` cannot be `{value}`: {expected}")]
    UnsupportedValue {
        /// The element.
        tag: String,
        /// The attribute.
        attribute: &'static str,
        /// Its value.
        value: String,
        /// What it can be.
        expected: &'static str,
    },
    /// A required attribute that is not there.
    #[error("<{tag}> lacks the attribute `{attribute}`")]
    MissingAttribute {
        /// The element.
        tag: String,
        /// The attribute.
        attribute: &'static str,
    },
    /// Attributes that exclude each other, or none of which is there.
    #[error("<{tag}> {rule}")]
    Attributes {
        /// The element.
        tag: String,
        /// What the attributes must be.
        rule: &'static str,
    },
    /// Text between elements, which means nothing.
    #[error("<{tag}> contains the text `{text}`, which means nothing in a launch file")]
    StrayText {
        /// The element.
        tag: String,
        /// The text.
        text: String,
    },
    /// A substitution that is not understood.
    #[error("the substitution $({name}) is not supported: {instead}")]
    UnsupportedSubstitution {
        /// Its name.
        name: String,
        /// What to do without it.
        instead: &'static str,
    },
    /// A substitution that cannot be read.
    #[error("cannot read `{text}`: {reason}")]
    MalformedSubstitution {
        /// The text it stands in.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `$(var NAME)` names nothing.
    #[error(
        "there is no argument or variable `{name}` here; {}",
        known_list(known)
    )]
    UnknownVariable {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// `$(var NAME)` means something else in `ros2 launch`.
    #[error(
        "`{name}` was changed by the file included at {include}, and `ros2 launch` would see that change here: put the \
         <include> into a <group>"
    )]
    AmbiguousVariable {
        /// The name.
        name: String,
        /// The include that changed it.
        include: Location,
    },
    /// `$(env NAME)` is not set and has no default.
    #[error(
        "the environment variable {0} is not set: set it, or give a default with $(env {0} value)"
    )]
    UnsetEnvironment(String),
    /// `$(find-pkg-share PACKAGE)` finds nothing.
    #[error(
        "package `{0}` is not found: it is not this project, and no folder of AMENT_PREFIX_PATH has share/{0}"
    )]
    UnknownPackage(String),
    /// An argument without a default that was not given.
    #[error("argument `{name}` is required{}: give {name}:=value", described(description.as_deref()))]
    MissingArgument {
        /// The argument.
        name: String,
        /// What it is for.
        description: Option<String>,
    },
    /// An argument's value that is not among its choices.
    #[error("argument `{name}` cannot be `{value}`; choices: {}", choices.join(", "))]
    NotAChoice {
        /// The argument.
        name: String,
        /// Its value.
        value: String,
        /// What it can be.
        choices: Vec<String>,
    },
    /// The value of `if` or `unless` is no truth value.
    #[error("`{attribute}` is `{value}`, but must be true, false, 1 or 0")]
    NotATruthValue {
        /// `if`, `unless` or another attribute that is true or false.
        attribute: &'static str,
        /// Its value.
        value: String,
    },
    /// A parameter's value does not have the type that its `type` says, or is a list of several types.
    #[error("parameter `{name}` cannot be `{value}`: {reason}")]
    BadParameter {
        /// The parameter.
        name: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that `param from=` or `include` names does not exist.
    #[error("<{tag}> names {}, which is not a file", path.display())]
    NoSuchFile {
        /// The element.
        tag: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A file includes itself, directly or through others.
    #[error("the include goes in a circle: {}", chain(files))]
    IncludeCycle {
        /// The files, from the outermost to the one that closes the circle.
        files: Vec<PathBuf>,
    },
    /// Elements or includes are nested too deeply.
    #[error("nested more than {0} deep")]
    TooDeep(usize),
    /// A name that ROS does not allow.
    #[error("`{name}` is not a ROS name: letters, digits and underscores, not starting with a digit{}", if *namespace { ", joined by /" } else { "" })]
    BadName {
        /// The name.
        name: String,
        /// Whether it is a namespace, which may have several parts.
        namespace: bool,
    },
    /// Two nodes of one name.
    #[error(
        "the node {name} is already launched at {first}: give one of them another name or namespace"
    )]
    DuplicateNode {
        /// The full name.
        name: String,
        /// Where the first one is.
        first: Location,
    },
}

fn known_list(known: &[String]) -> String {
    if known.is_empty() {
        "none is set".to_owned()
    } else {
        format!("there are {}", known.join(", "))
    }
}

fn described(description: Option<&str>) -> String {
    description.map_or_else(String::new, |text| format!(" ({text})"))
}

fn chain(files: &[PathBuf]) -> String {
    let names: Vec<_> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    names.join(" -> ")
}

/// Puts a place to a problem.
pub(crate) trait Locate<T> {
    /// The same result, with the place where its problem is.
    fn at(self, location: impl FnOnce() -> Location) -> Result<T, LaunchError>;
}

impl<T> Locate<T> for Result<T, Problem> {
    fn at(self, location: impl FnOnce() -> Location) -> Result<T, LaunchError> {
        self.map_err(|problem| LaunchError::At {
            location: location(),
            problem,
        })
    }
}
