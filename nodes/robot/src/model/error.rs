use std::fmt;

/// Why a description is not a usable robot, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelError {
    /// File or topic that the description came from.
    pub source: String,
    /// Line, where one is to blame.
    pub line: Option<u32>,
    /// What is wrong.
    pub kind: Box<ModelErrorKind>,
}

impl ModelError {
    pub(crate) fn new(source: &str, line: Option<u32>, kind: ModelErrorKind) -> Self {
        Self {
            source: source.to_owned(),
            line,
            kind: Box::new(kind),
        }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.source, self.kind),
            None => write!(f, "{}: {}", self.source, self.kind),
        }
    }
}

impl std::error::Error for ModelError {}

/// What is wrong with a description.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelErrorKind {
    /// The file could not be read.
    #[error("cannot read the robot description ({0}); check the path")]
    Unreadable(String),
    /// Bigger or deeper than any robot.
    #[error("{0}; this is no robot description")]
    Excessive(String),
    /// Not well-formed XML, or a document type definition.
    #[error("not valid XML: {0}")]
    Xml(String),
    /// Well-formed, but not a URDF.
    #[error("not a URDF: {0}")]
    Urdf(String),
    /// A number that is missing, malformed, infinite or out of its range.
    #[error("<{element} {attribute}=\"{value}\">: {expected}")]
    Number {
        /// Element.
        element: String,
        /// Attribute.
        attribute: String,
        /// What stands there.
        value: String,
        /// What should.
        expected: String,
    },
    /// Two links or two joints with one name.
    #[error("the {what} `{name}` is defined twice; give each its own name")]
    Duplicate {
        /// `link` or `joint`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A joint names a link that does not exist.
    #[error(
        "joint `{joint}` names the {role} link `{link}`, which is not defined; add the link or correct the name"
    )]
    MissingLink {
        /// The joint.
        joint: String,
        /// `parent` or `child`.
        role: &'static str,
        /// The missing link.
        link: String,
    },
    /// A link that hangs on two joints.
    #[error(
        "link `{link}` is the child of both `{first}` and `{second}`; a link hangs on one joint"
    )]
    TwoParents {
        /// The link.
        link: String,
        /// One joint.
        first: String,
        /// Another.
        second: String,
    },
    /// Links that hang on one another in a circle.
    #[error("the joints form a cycle through link `{0}`; a robot is a tree")]
    Cycle(String),
    /// No link, or more than one that hangs on no joint.
    #[error("a robot has one root link, here: {0}; join the parts with joints")]
    Roots(String),
    /// A joint this crate does not know how to move.
    #[error(
        "joint `{joint}`: type {kind} is not supported; use revolute, continuous, prismatic or fixed"
    )]
    JointType {
        /// The joint.
        joint: String,
        /// Its type.
        kind: String,
    },
    /// A joint that contradicts itself.
    #[error("joint `{joint}`: {problem}")]
    Joint {
        /// The joint.
        joint: String,
        /// What is wrong.
        problem: String,
    },
}
