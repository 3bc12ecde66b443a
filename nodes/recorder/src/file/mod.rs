//! The files: ROS 2 messages in MCAP.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

use msgs::cdr::CdrError;

pub use reader::{ChunkError, Recorded, Recording, read};
pub use writer::{Channel, Writer};

/// Why a recording cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file.
    #[error("{}", with_causes(.0))]
    File(#[from] mcap::McapError),
    /// A compressed part of the file.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    /// The end of the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A message.
    #[error(transparent)]
    Message(#[from] CdrError),
    /// A message of another type was asked for.
    #[error("{topic} carries {type_name}, not {wanted}")]
    Type {
        /// The topic.
        topic: String,
        /// What it carries.
        type_name: String,
        /// What was asked for.
        wanted: &'static str,
    },
}

/// What an error says, and why.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        cause = error.source();
    }
    words
}
