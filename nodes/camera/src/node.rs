//! The node that replays a folder of images or a video as if a camera saw it now, named like realsense-ros.
//!
//! | parameter | |
//! |---|---|
//! | `source` | a folder of .png and .jpg files, taken in the order of their names, or a video file |
//! | `depth` | a folder of 16-bit .png files in millimetres, one for each colour image, in the same order; may be empty |
//! | `rate` | images a second |
//! | `loop` | whether to begin again at the end |
//! | `hfov_deg` | horizontal field of view, where `intrinsics` says nothing |
//! | `frame` | the optical frame in the headers |
//! | `intrinsics` | the file of a [calibration](crate::calibrated), for images of the same size; empty: by `hfov_deg` |
//!
//! Publishes `camera/color/image_raw` (rgb8), `camera/color/camera_info` and, with depth,
//! `camera/aligned_depth_to_color/image_raw` (16UC1). It is a [managed node](lifecycle): active, it begins with the first
//! image; cleaned up, it lets go of its source. Videos are decoded by the `ffmpeg` program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bus::{BusError, Node, ParameterSpec};
use lifecycle::{Managed, PrimaryState, Until, manage};

use crate::calibrated::CalibratedError;
use crate::model::{Intrinsics, ModelError};
use crate::output::{Frame, Output};

/// Why the node stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The bus refused something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The field of view makes no camera.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The calibrated intrinsics cannot be used.
    #[error("camera: {0}")]
    Calibrated(#[from] CalibratedError),
    /// The source cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Why there are no images.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// No source was named.
    #[error("camera: set the parameter source to a folder of images or a video file")]
    NotGiven,
    /// A file or folder cannot be read.
    #[error("camera: cannot read {path}: {error}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// A file is no image.
    #[error("camera: {path} is not an image that can be read: {error}")]
    Decode {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: image::ImageError,
    },
    /// A folder without images.
    #[error("camera: there are no .png or .jpg files in {path}")]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// Fewer or more depth images than colour images.
    #[error("camera: {depth} depth images for {colour} colour images; each needs one")]
    DepthCount {
        /// Colour images.
        colour: usize,
        /// Depth images.
        depth: usize,
    },
    /// A depth image of another size.
    #[error(
        "camera: the depth image {path} is {actual:?}, its colour image is {expected:?}; align it first"
    )]
    DepthSize {
        /// The file.
        path: PathBuf,
        /// Its width and height.
        actual: (u32, u32),
        /// Width and height of the colour image.
        expected: (u32, u32),
    },
    /// ffmpeg is missing or refused the video.
    #[error(
        "camera: {path} cannot be decoded: {problem}; is ffmpeg installed (apt-get install ffmpeg)?"
    )]
    Video {
        /// The file.
        path: PathBuf,
        /// What ffmpeg said.
        problem: String,
    },
}

/// A list of images that are decoded one at a time.
#[derive(Debug)]
pub struct Frames {
    colour: Vec<PathBuf>,
    depth: Vec<PathBuf>,
    /// Where a video's images were unpacked; removed with this.
    _unpacked: Option<tempfile::TempDir>,
}

impl Frames {
    /// Opens a folder or a video, and a folder of depth images unless that is empty.
    pub fn open(source: &Path, depth: Option<&Path>) -> Result<Self, SourceError> {
        let (colour, unpacked) = if source.is_dir() {
            (images_in(source)?, None)
        } else {
            let folder = unpack(source)?;
            (images_in(folder.path())?, Some(folder))
        };
        let depth = depth.map(images_in).transpose()?.unwrap_or_default();
        if !depth.is_empty() && depth.len() != colour.len() {
            return Err(SourceError::DepthCount {
                colour: colour.len(),
                depth: depth.len(),
            });
        }
        Ok(Self {
            colour,
            depth,
            _unpacked: unpacked,
        })
    }

    /// How many there are; at least one.
    pub fn len(&self) -> usize {
        self.colour.len()
    }

    /// Whether there are none, which [`Frames::open`] does not let happen.
    pub fn is_empty(&self) -> bool {
        self.colour.is_empty()
    }

    /// Decodes one; `None` beyond the last.
    pub fn read(&self, index: usize) -> Result<Option<Frame>, SourceError> {
        let Some(path) = self.colour.get(index) else {
            return Ok(None);
        };
        let colour = decode(path)?.into_rgb8();
        let size = colour.dimensions();
        let depth = match self.depth.get(index) {
            None => None,
            Some(path) => {
                let depth = decode(path)?.into_luma16();
                if depth.dimensions() != size {
                    return Err(SourceError::DepthSize {
                        path: path.clone(),
                        actual: depth.dimensions(),
                        expected: size,
                    });
                }
                Some(
                    depth
                        .into_raw()
                        .into_iter()
                        .flat_map(u16::to_le_bytes)
                        .collect(),
                )
            }
        };
        Ok(Some(Frame {
            size,
            rgb: colour.into_raw(),
            depth,
        }))
    }
}

fn images_in(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let read_error = |error| SourceError::Read {
        path: folder.to_owned(),
        error,
    };
    let mut images = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read_error)? {
        let path = entry.map_err(read_error)?.path();
        let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        if extension.is_some_and(|extension| {
            ["png", "jpg", "jpeg"]
                .iter()
                .any(|known| extension == *known)
        }) {
            images.push(path);
        }
    }
    images.sort();
    if images.is_empty() {
        Err(SourceError::Empty {
            path: folder.to_owned(),
        })
    } else {
        Ok(images)
    }
}

fn decode(path: &Path) -> Result<image::DynamicImage, SourceError> {
    image::open(path).map_err(|error| SourceError::Decode {
        path: path.to_owned(),
        error,
    })
}

/// Unpacks a video's images into a temporary folder.
fn unpack(video: &Path) -> Result<tempfile::TempDir, SourceError> {
    let read_error = |error| SourceError::Read {
        path: video.to_owned(),
        error,
    };
    std::fs::metadata(video).map_err(read_error)?;
    let folder = tempfile::tempdir().map_err(read_error)?;
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-i"])
        .arg(video)
        .arg(folder.path().join("%06d.png"))
        .output()
        .map_err(|error| SourceError::Video {
            path: video.to_owned(),
            problem: error.to_string(),
        })?;
    if !output.status.success() {
        let problem = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(SourceError::Video {
            path: video.to_owned(),
            problem,
        });
    }
    Ok(folder)
}

/// Runs the node until shutdown, or until the last image when it does not loop.
pub async fn run(node: Node) -> Result<(), NodeError> {
    let source = node.parameter(
        ParameterSpec::<String>::new("source", "")
            .describe("folder of images, or video file, that is replayed"),
    )?;
    let depth = node.parameter(
        ParameterSpec::<String>::new("depth", "")
            .describe("folder of 16-bit depth images in mm; empty: none"),
    )?;
    let rate = node.parameter(
        ParameterSpec::<f64>::new("rate", 7.5)
            .describe("images a second")
            .range(0.1..=120.0),
    )?;
    let repeats = node
        .parameter(ParameterSpec::<bool>::new("loop", true).describe("begin again at the end"))?;
    let hfov = node.parameter(
        ParameterSpec::<f64>::new("hfov_deg", 87.0)
            .describe("horizontal field of view of the camera, degrees")
            .range(10.0..=170.0),
    )?;
    let output = Output::declare::<NodeError>(&node)?;
    let mut replay = Replay {
        source: source.get(),
        depth: depth.get(),
        period: Duration::from_secs_f64(1.0 / rate.get()),
        repeats: repeats.get(),
        hfov: hfov.get().to_radians(),
        frames: None,
        output,
        node: node.clone(),
    };
    manage(&node, &mut replay).await
}

/// What is replayed, and how.
struct Replay {
    node: Node,
    source: String,
    depth: String,
    period: Duration,
    repeats: bool,
    /// Horizontal field of view, rad.
    hfov: f64,
    output: Output,
    /// There when it is configured.
    frames: Option<Frames>,
}

impl Managed for Replay {
    type Error = NodeError;

    fn configure(&mut self) -> Result<(), NodeError> {
        if self.source.is_empty() {
            return Err(SourceError::NotGiven.into());
        }
        let depth = (!self.depth.is_empty()).then(|| Path::new(&self.depth));
        self.frames = Some(Frames::open(Path::new(&self.source), depth)?);
        Ok(())
    }

    fn clean_up(&mut self) {
        self.frames = None;
    }

    /// Begins with the first image.
    async fn active(&mut self, until: &Until) -> Result<(), NodeError> {
        let Some(frames) = &self.frames else {
            return Err(SourceError::NotGiven.into());
        };
        let mut ticks = self.node.clock().interval(self.period);
        let mut index = 0;
        loop {
            let now = tokio::select! {
                biased;
                () = until.reached() => return Ok(()),
                now = ticks.tick() => now,
            };
            match frames.read(index)? {
                Some(frame) => {
                    let (width, height) = frame.size;
                    let intrinsics = Intrinsics::from_hfov(width, height, self.hfov)?;
                    self.output.publish(now, &intrinsics, frame)?;
                }
                None if self.repeats => {
                    index = 0;
                    continue;
                }
                None => return Ok(()),
            }
            index += 1;
        }
    }

    async fn at_rest(&mut self, _state: PrimaryState) {}
}
