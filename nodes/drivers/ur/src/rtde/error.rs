//! What can go wrong with RTDE.

use thiserror::Error;

/// An error of the RTDE codec or of an RTDE session.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RtdeError {
    /// A package header gives a size that no package can have.
    #[error(
        "RTDE package header gives size {size}, below the 3 bytes of a header: the stream is not RTDE or lost its framing; reconnect"
    )]
    BadSize {
        /// The size in the header, in bytes.
        size: u16,
    },
    /// A package type that this side does not expect.
    #[error("RTDE package of unexpected type {kind} ({size} bytes of payload)")]
    UnexpectedType {
        /// The type byte of the package.
        kind: u8,
        /// Length of the payload in bytes.
        size: usize,
    },
    /// A package ends before its fields do.
    #[error("RTDE {what} is too short: {needed} more bytes needed, {left} left")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes needed.
        needed: usize,
        /// Bytes left in the package.
        left: usize,
    },
    /// A package goes on after its fields end.
    #[error("RTDE {what} has {extra} bytes too many")]
    TrailingBytes {
        /// What was being read.
        what: &'static str,
        /// Bytes left over.
        extra: usize,
    },
    /// A text field is not valid UTF-8.
    #[error("RTDE {what} is not valid UTF-8")]
    NotText {
        /// What was being read.
        what: &'static str,
    },
    /// A variable type that this module does not know.
    #[error("unknown RTDE type {name:?}")]
    UnknownType {
        /// The name as sent.
        name: String,
    },
    /// The peer refused protocol version 2.
    #[error("the controller refuses RTDE protocol version 2: it needs software 3.3 or newer")]
    VersionRefused,
    /// The controller does not offer a variable, offers it with another type, or another client has it.
    #[error(
        "RTDE {direction} variable {name}: wanted {wanted}, the controller answers {answer} (NOT_FOUND: software too old; IN_USE: another client writes it)"
    )]
    Variable {
        /// "output" or "input".
        direction: &'static str,
        /// Name of the variable.
        name: String,
        /// The type this driver expects.
        wanted: &'static str,
        /// The controller's answer.
        answer: String,
    },
    /// The controller refused to start or pause the exchange.
    #[error("the controller refuses to {action} the RTDE exchange")]
    Refused {
        /// "start" or "pause".
        action: &'static str,
    },
    /// A data package of a recipe that was never set up.
    #[error("RTDE data package of recipe {got}, but recipe {expected} was set up")]
    WrongRecipe {
        /// The recipe that was agreed on.
        expected: u8,
        /// The recipe id in the package.
        got: u8,
    },
    /// The peer closed the stream.
    #[error("the RTDE connection was closed {}", if *.mid_package { "in the middle of a package" } else { "by the peer" })]
    Closed {
        /// Whether a package was cut in two.
        mid_package: bool,
    },
    /// The stream failed.
    #[error("RTDE stream: {0}")]
    Io(#[from] std::io::Error),
}
