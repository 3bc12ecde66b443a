//! Renderer: colour, metric depth and instance ids.

pub mod material;
