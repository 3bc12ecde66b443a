//! Boards in pictures and on paper, by way of OpenCV's dictionaries of markers. Built with the feature `opencv`.

pub mod collect;
pub mod detect;
pub mod drawn;
pub mod pattern;
pub mod picture;
pub mod print;
pub mod reference;

mod dictionary;
#[cfg(test)]
mod tests;

pub use detect::{Detection, DetectionError, Detector};
pub use dictionary::DictionaryError;
