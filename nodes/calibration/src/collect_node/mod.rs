//! The node `calibrate_hand_eye`: takes samples while somebody moves the robot, and says after each how well the camera's
//! place is known by now. It moves nothing itself.
//!
//! | parameter | |
//! |---|---|
//! | `board` | the board's description, see `calibration/boards` |
//! | `setup` | `eye_to_hand`: the camera stands still and the board is on the robot; `eye_in_hand`: the other way round |
//! | `samples` | the folder that samples and pictures go to; what is there of the same board is gone on with |
//! | `result` | the file that the result goes to when it is within tolerance; a better one is kept |
//! | `base_frame`, `flange_frame` | the robot's frames |
//! | `settle`, `pictures` | how long the robot has to be at rest (s), and how many pictures are averaged |
//! | `tolerance_mm`, `tolerance_deg` | what the verdict is measured against |
//!
//! Reads `camera/color/image_raw`, `camera/color/camera_info` and tf.

use std::{path::PathBuf, time::Duration};

use bus::{BusError, Node, ParameterSpec, Qos, TfError};
use camera::{Intrinsics, ModelError};
use image::GrayImage;
use msgs::sensor_msgs::{CameraInfo, Image};

use crate::{
    board::{Board, BoardError},
    hand_eye::{LEAST_SAMPLES, Options, Tolerance, calibrate},
    result::HandEyeFile,
    sample::{FILE, Frames, Samples, SamplesError, Setup},
    vision::{
        DictionaryError,
        collect::{Collector, Event, Rules},
    },
};

/// How long the robot's pose may come after the picture.
const PATIENCE: Duration = Duration::from_millis(500);

/// Why the node stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The bus refused something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The board's description is not usable.
    #[error("calibrate_hand_eye: {0}")]
    Board(#[from] BoardError),
    /// The board's markers are not known.
    #[error("calibrate_hand_eye: {0}")]
    Dictionary(#[from] DictionaryError),
    /// Samples could not be read or kept.
    #[error("calibrate_hand_eye: {0}")]
    Samples(#[from] SamplesError),
    /// A picture could not be kept.
    #[error("calibrate_hand_eye: cannot write {file}: {error}")]
    Picture {
        /// The file.
        file: PathBuf,
        /// The cause.
        error: image::ImageError,
    },
    /// The camera's description is not usable.
    #[error("calibrate_hand_eye: {0}")]
    Camera(#[from] ModelError),
    /// A parameter makes no sense.
    #[error("calibrate_hand_eye: setup is `{0}`, which should be eye_to_hand or eye_in_hand")]
    Setup(String),
    /// Samples of something else are there.
    #[error(
        "calibrate_hand_eye: {0} has samples of another board, camera (size, focal length), setup or frames; name another folder, or remove it"
    )]
    Others(String),
}

struct Parameters {
    board: Board,
    setup: Setup,
    folder: PathBuf,
    result: String,
    base_frame: String,
    flange_frame: String,
    rules: Rules,
    options: Options,
}

/// Runs the node until shutdown.
///
/// # Errors
/// When a parameter, the board, the camera or the folder cannot be used.
pub async fn run(node: Node) -> Result<(), NodeError> {
    let parameters = parameters(&node)?;
    let images = node.subscribe::<Image>("camera/color/image_raw", Qos::sensor_data())?;
    let infos = node.subscribe::<CameraInfo>("camera/color/camera_info", Qos::sensor_data())?;
    tracing::info!(
        "move the robot by hand, and let it rest wherever the camera sees the board: tilted by 20 to 40 degrees about every axis, near and far, all over the picture"
    );
    let mut collector: Option<Collector> = None;
    let mut told = String::new();
    loop {
        let image = tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            image = images.next() => image,
        };
        let Some(image) = image else {
            return Ok(());
        };
        let Some(info) = infos.latest() else {
            continue;
        };
        let collector = match &mut collector {
            Some(collector) => collector,
            none => none.insert(start(&parameters, &info, &image.header.frame_id)?),
        };
        let picture = match grey(&image) {
            Ok(picture) => picture,
            Err(error) => {
                say(&mut told, error.to_string());
                continue;
            }
        };
        let stamp = image.header.stamp.into();
        let pose = node
            .tf()
            .wait(
                &parameters.base_frame,
                &parameters.flange_frame,
                stamp,
                node.clock(),
                PATIENCE,
            )
            .await;
        let base_from_flange = match pose {
            Ok(pose) => pose,
            Err(error) => {
                let error: TfError = error;
                say(
                    &mut told,
                    format!("where the robot is, nobody says: {error}"),
                );
                continue;
            }
        };
        let time_s = bus::Time::from(image.header.stamp).as_secs_f64();
        match collector.look(time_s, &base_from_flange, &picture) {
            Event::Moving | Event::Known => told.clear(),
            Event::Gathering => {}
            Event::Unseen(error) => say(&mut told, error.to_string()),
            Event::Unsteady { deviation_px } => say(
                &mut told,
                format!(
                    "corners wander by {deviation_px:.1} px though the robot is at rest: is the board fastened?"
                ),
            ),
            Event::Taken => taken(&parameters, collector, &picture)?,
        }
    }
}

/// Warns, but not of the same thing with every picture.
fn say(told: &mut String, text: String) {
    if *told != text {
        tracing::warn!("{text}");
        *told = text;
    }
}

/// Keeps the newest sample with its picture, and says how good the result is by now.
fn taken(
    parameters: &Parameters,
    collector: &Collector,
    picture: &GrayImage,
) -> Result<(), NodeError> {
    let samples = collector.samples();
    let Some(newest) = samples.samples.last() else {
        return Ok(());
    };
    // The folder is made by the first.
    samples.write(&parameters.folder)?;
    if let Some(name) = &newest.image {
        let file = parameters.folder.join(name);
        picture
            .save(&file)
            .map_err(|error| NodeError::Picture { file, error })?;
    }
    let count = samples.samples.len();
    if count < LEAST_SAMPLES {
        tracing::info!("sample {}: {} corners", newest.name, newest.corners.len());
        return Ok(());
    }
    match calibrate(samples, &parameters.options) {
        Ok(found) => {
            tracing::info!(
                "sample {}: {} corners; by {} of {count} samples the camera's place is known to {:.2} mm and {:.3} deg, {} tolerance",
                newest.name,
                newest.corners.len(),
                found.used(),
                found.deviation.position_m() * 1e3,
                found.deviation.orientation_rad().to_degrees(),
                if found.is_within_tolerance() {
                    "within"
                } else {
                    "not yet within"
                },
            );
            if found.is_within_tolerance() && !parameters.result.is_empty() {
                match HandEyeFile::from(&found).write(&parameters.result, false) {
                    Ok(()) => tracing::info!("written to {}", parameters.result),
                    Err(error) => tracing::warn!("{error}"),
                }
            }
        }
        Err(error) => tracing::info!("sample {}: no result yet: {error}", newest.name),
    }
    Ok(())
}

/// Goes on with what is in the folder, if it is of the same board, camera, setup and frames.
fn start(parameters: &Parameters, info: &CameraInfo, frame: &str) -> Result<Collector, NodeError> {
    let camera = Intrinsics::try_from(info)?;
    let mut samples = Samples {
        setup: parameters.setup,
        frames: Frames {
            base: parameters.base_frame.clone(),
            flange: parameters.flange_frame.clone(),
            camera: frame.to_owned(),
        },
        board: parameters.board.clone(),
        camera,
        samples: Vec::new(),
    };
    if parameters.folder.join(FILE).exists() {
        let there = Samples::read(&parameters.folder)?;
        let focal = |camera: &Intrinsics| (camera.width, camera.height, camera.fx, camera.fy);
        let same = there.setup == samples.setup
            && there.frames == samples.frames
            && there.board == samples.board
            && focal(&there.camera) == focal(&camera);
        if !same {
            return Err(NodeError::Others(parameters.folder.display().to_string()));
        }
        tracing::info!(
            "going on with {} samples in {}",
            there.samples.len(),
            parameters.folder.display()
        );
        samples.samples = there.samples;
    }
    Ok(Collector::new(samples, parameters.rules)?)
}

/// Why a message is not a picture.
#[derive(Debug, PartialEq, thiserror::Error)]
enum PictureError {
    #[error("pictures have the encoding {0}; rgb8, bgr8 and mono8 are known")]
    Encoding(String),
    #[error(
        "a picture of {width}x{height} pixels in rows of {step} bytes has {bytes} bytes, which do not fit; is the camera's driver whole?"
    )]
    Size {
        width: u32,
        height: u32,
        step: u32,
        bytes: usize,
    },
}

/// A colour message in grey.
fn grey(image: &Image) -> Result<GrayImage, PictureError> {
    let channels = match image.encoding.as_str() {
        "rgb8" | "bgr8" => 3,
        "mono8" => 1,
        _ => return Err(PictureError::Encoding(image.encoding.clone())),
    };
    let size = || PictureError::Size {
        width: image.width,
        height: image.height,
        step: image.step,
        bytes: image.data.len(),
    };
    let (width, height, step) = (
        image.width as usize,
        image.height as usize,
        image.step as usize,
    );
    let line = width
        .checked_mul(channels)
        .filter(|line| (1..=step).contains(line) && height > 0)
        .ok_or_else(size)?;
    // The last row may lack its padding. Before anything is allocated: the figures are the sender's.
    let bytes = (height - 1)
        .checked_mul(step)
        .and_then(|rows| rows.checked_add(line));
    if bytes.is_none_or(|bytes| bytes > image.data.len()) {
        return Err(size());
    }
    let mut pixels = Vec::with_capacity(width * height);
    for row in image.data.chunks(step).take(height) {
        let line = row.get(..line).ok_or_else(size)?;
        pixels.extend(line.chunks_exact(channels).map(|pixel| match pixel {
            [r, g, b] => {
                let (r, b) = if image.encoding == "bgr8" {
                    (b, r)
                } else {
                    (r, b)
                };
                // ITU-R BT.601, in parts of 256.
                ((77 * u32::from(*r) + 150 * u32::from(*g) + 29 * u32::from(*b)) >> 8) as u8
            }
            _ => pixel[0],
        }));
    }
    GrayImage::from_raw(image.width, image.height, pixels).ok_or_else(size)
}

fn parameters(node: &Node) -> Result<Parameters, NodeError> {
    let text = |name, default: &str, about: &str| {
        node.parameter(ParameterSpec::<String>::new(name, default).describe(about))
            .map(|it| it.get())
    };
    let number = |name, default: f64, range, about: &str| {
        let spec = ParameterSpec::<f64>::new(name, default)
            .describe(about)
            .range(range);
        node.parameter(spec).map(|it| it.get())
    };
    let board = text(
        "board",
        "",
        "the board's description, a YAML file as in calibration/boards",
    )?;
    let setup = text(
        "setup",
        "eye_to_hand",
        "eye_to_hand: the board is on the robot; eye_in_hand: the camera is",
    )?;
    let folder = text(
        "samples",
        "samples",
        "folder for samples and pictures; what is there is gone on with",
    )?;
    let result = text(
        "result",
        "",
        "file for a result within tolerance; empty: none is written",
    )?;
    let base_frame = text("base_frame", "base_link", "the robot's base")?;
    let flange_frame = text(
        "flange_frame",
        "tool0",
        "what board or camera are fastened to",
    )?;
    let settle_s = number(
        "settle",
        1.0,
        0.1..=10.0,
        "how long the robot has to be at rest first, s",
    )?;
    let pictures = node.parameter(
        ParameterSpec::<i64>::new("pictures", 5)
            .describe("pictures that are averaged")
            .range(1..=100),
    )?;
    let tolerance_mm = number(
        "tolerance_mm",
        1.0,
        0.01..=100.0,
        "how far the camera may be off, mm",
    )?;
    let tolerance_deg = number(
        "tolerance_deg",
        0.1,
        0.001..=10.0,
        "how far it may be turned, deg",
    )?;
    let setup = match setup.as_str() {
        "eye_to_hand" => Setup::EyeToHand,
        "eye_in_hand" => Setup::EyeInHand,
        _ => return Err(NodeError::Setup(setup)),
    };
    Ok(Parameters {
        board: Board::from_file(board)?,
        setup,
        folder: PathBuf::from(folder),
        result,
        base_frame,
        flange_frame,
        rules: Rules {
            settle_s,
            pictures: usize::try_from(pictures.get()).unwrap_or(1),
            ..Rules::default()
        },
        options: Options {
            tolerance: Tolerance {
                position_m: tolerance_mm * 1e-3,
                orientation_rad: tolerance_deg.to_radians(),
            },
            leave_one_out: false,
            ..Options::default()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: u32, height: u32, step: u32, bytes: usize) -> Image {
        Image {
            width,
            height,
            step,
            encoding: "rgb8".to_owned(),
            data: vec![100; bytes],
            ..Image::default()
        }
    }

    #[test]
    fn a_picture_has_the_bytes_that_it_speaks_of() {
        // Rows of 6 bytes and 2 of padding, which the last may lack.
        let grey_picture = grey(&image(2, 3, 8, 22)).unwrap();
        assert_eq!(grey_picture.as_raw(), &[100; 6]);
        for (width, height, step, bytes) in [
            (2, 3, 8, 21),
            (2, 3, 5, 24),
            (u32::MAX, u32::MAX, u32::MAX, 12),
            (u32::MAX / 3, u32::MAX, u32::MAX, 12),
            (0, 3, 8, 24),
            (2, 0, 8, 24),
        ] {
            let error = grey(&image(width, height, step, bytes)).unwrap_err();
            assert!(
                error.to_string().contains(&format!("{bytes} bytes")),
                "{error}"
            );
        }
        let mut depth = image(2, 3, 8, 24);
        depth.encoding = "16UC1".to_owned();
        assert!(grey(&depth).unwrap_err().to_string().contains("16UC1"));
    }
}
