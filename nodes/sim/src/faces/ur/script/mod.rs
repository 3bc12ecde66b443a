//! The part of URScript that the driver's control program is written in.
//!
//! The simulated controller does not pretend to run the program: it parses the text that was
//! uploaded and executes it statement by statement, so that a mistake in the program shows in
//! simulation. The part is small: one `def` without parameters; `while`, `if`, `elif`, `else`,
//! `end`; assignments; numbers, truth values, texts and lists of numbers; and the robot's functions
//! that [`machine`] names. Everything else is refused with its line.

pub mod expression;
pub mod machine;
pub mod program;

use thiserror::Error;

pub use machine::{Machine, Motion, Registers};
pub use program::Program;

/// What is wrong with a program.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {message}")]
pub struct ScriptError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl ScriptError {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
        }
    }
}
