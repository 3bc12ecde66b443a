//! Training data for segmentation: pairs of rendered frames with exact instance ids.
//!
//! Each pair shows one scene from one camera: random and catalogued objects dropped on the table,
//! the robot doing something among them. Between the two frames the robot moves, and what it holds
//! or knocks moves too, so that a model can learn to carry a mask from one frame to the next. With
//! [`Appearance::Random`], light, materials, surroundings, camera and the cameras' noise differ from
//! pair to pair.
//!
//! A pair depends on the seed and its number only, not on the number of threads or of pairs.
//!
//! # Format
//!
//! Flat files for `numpy.memmap`, cut into shards of N pairs (the last may be shorter), all of
//! height H and width W:
//!
//! | file | type and shape | meaning |
//! |---|---|---|
//! | `rgb_000.bin` | u8 (N, 2, H, W, 3) | colour, sRGB |
//! | `depth_000.bin` | little-endian u16 (N, 2, H, W) | millimetres along the optical axis, 0 = no depth |
//! | `ids_000.bin` | u8 (N, 2, H, W) | 0 background, 1 robot, 2 and above objects |
//! | `meta.json` | | sizes, seed, and for each pair the objects by id and which ids each frame shows |
//!
//! ```no_run
//! use sim::dataset::{self, Appearance, Layout, ObjectSource, Options};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options {
//!     width: 640, height: 360, pairs: 100, first: 0, seed: 1, threads: 2, shard_pairs: 50,
//!     objects: ObjectSource::Mix, layout: Layout::Mix, appearance: Appearance::Mix,
//! };
//! let robot = robot::Model::from_file("urdf/ur5_sih.urdf")?;
//! dataset::generate(&robot, &options, "out".as_ref(), &|done| println!("{done}"))?;
//! # Ok(())
//! # }
//! ```

mod drop;
mod packages;
mod pair;
mod pose;
mod scene;
mod shapes;
mod shards;
#[cfg(test)]
mod tests;
mod view;

use std::path::PathBuf;

pub use shards::generate;

use crate::collider::ColliderError;

/// Which objects lie in the scenes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectSource {
    /// The catalogue's training objects.
    Train,
    /// The catalogue's test objects. The only source that shows any of them.
    Test,
    /// Invented shapes only.
    Random,
    /// Training objects and invented shapes.
    Mix,
}

/// How many objects lie in a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One.
    Single,
    /// Three.
    Clutter3,
    /// Five.
    Clutter5,
    /// One to eight.
    Mix,
}

/// How much of the picture is left to chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Appearance {
    /// The cell as the simulated camera shows it: its room and light, a published mounting, D455 noise.
    Standard,
    /// Camera, light, materials, surroundings and noise at random.
    Random,
    /// One in seven standard, the others random.
    Mix,
}

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Options {
    /// Width of the frames in pixels.
    pub width: u32,
    /// Height of the frames in pixels.
    pub height: u32,
    /// Number of pairs.
    pub pairs: u32,
    /// Number of the first pair; another range of numbers gives further pairs of the same kind.
    pub first: u32,
    /// Seed; another seed gives other pairs.
    pub seed: u64,
    /// Threads to use.
    #[serde(skip)]
    pub threads: usize,
    /// Pairs in a shard.
    pub shard_pairs: u32,
    /// Which objects.
    pub objects: ObjectSource,
    /// How many objects.
    pub layout: Layout,
    /// What the pictures look like.
    pub appearance: Appearance,
}

/// Why a dataset could not be generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The frames have no pixels, or another figure of the camera is unusable.
    #[error("the frames cannot be rendered: {0}")]
    Camera(#[from] camera::ModelError),
    /// The robot description has no `tool0` or `palm`.
    #[error(
        "the robot description has no link `palm` fixed to a link `tool0`; use urdf/ur5_sih.urdf"
    )]
    NoPalm,
    /// The robot cannot be posed.
    #[error("the robot cannot be posed: {0}; use urdf/ur5_sih.urdf")]
    Kinematics(#[from] robot::KinematicsError),
    /// An object has no collision shape.
    #[error("object {name} cannot be dropped: {source}")]
    Object {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: ColliderError,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}; is the disk full?", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
