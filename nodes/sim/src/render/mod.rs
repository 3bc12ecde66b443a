//! Renderer: colour, metric depth and instance ids.

pub mod material;
pub mod mesh;
mod noise;
