//! Segments an image, the images of a folder in the order of their names, or a video, and writes what it
//! found: `<stem>.mask.png` (white on black, the input's size), `<stem>.overlay.png` and a line of
//! `scores.jsonl` for each frame. The prompt says which object is meant in the first frame; a folder and a
//! video are tracked through. Frames of a video are named by their number, from `000000`.

mod error;
mod source;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::BatchError;
use image::{ImageBuffer, Luma, Rgb};
use inference::ModelOptions;
use serde::Serialize;

use crate::batch::source::{Picture, Source};
use crate::{Frame, Gates, Mask, Prediction, Prompt, Segmenter, Tracker, overlay};

/// What to segment and how.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BatchOptions {
    /// Image, folder of images, or video.
    pub input: PathBuf,
    /// Folder for the results; made if it is not there.
    pub out: PathBuf,
    /// The segmenter's manifest.
    pub manifest: PathBuf,
    /// Points on the object in the first frame: column and row in pixels.
    pub clicks: Vec<[f64; 2]>,
    /// Points beside the object.
    pub negatives: Vec<[f64; 2]>,
    /// Two corners of a box around the object: x0, y0, x1, y1 in pixels.
    pub bounding_box: Option<[f64; 4]>,
    /// Folder with `<stem>.png` for each frame: 16-bit depth in millimetres, aligned to the colour image.
    pub depth: Option<PathBuf>,
    /// Back end and threads.
    pub model: ModelOptions,
}

/// One line of `scores.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FrameScore {
    /// Stem of the frame's files.
    pub frame: String,
    /// Expected overlap with the object, 0..=1; 0 where it is not seen.
    pub score: f64,
    /// `tracking`, `occluded` or `lost`.
    pub status: &'static str,
    /// Why it is not seen; left out while all is well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Segments everything; `progress` hears of each frame.
///
/// # Errors
/// [`BatchError`] that says which file, and what to do.
pub fn run(
    options: &BatchOptions,
    mut progress: impl FnMut(&FrameScore),
) -> Result<Vec<FrameScore>, BatchError> {
    let prompt = Prompt {
        on: options.clicks.clone(),
        off: options.negatives.clone(),
        bounding_box: options
            .bounding_box
            .map(|b| Prompt::around(b).bounding_box.unwrap_or(b)),
        ..Prompt::default()
    };
    if prompt.is_empty() {
        return Err(BatchError::NoPrompt);
    }
    let mut source = Source::open(&options.input)?;
    let mut segmenter = Segmenter::load(&options.manifest, &options.model)?;
    let writing = |path: &Path| {
        let path = path.to_path_buf();
        move |source: std::io::Error| BatchError::Write { path, source }
    };
    if is_same_folder(&options.input, &options.out) {
        return Err(BatchError::SameFolder {
            folder: options.out.clone(),
        });
    }
    let scores_path = options.out.join("scores.jsonl");
    // Made with the first result: a wrong prompt leaves earlier results alone.
    let mut scores_file: Option<File> = None;

    let mut tracker: Option<Tracker> = None;
    let mut scores = Vec::new();
    let elapsed = Duration::from_secs_f64(source.seconds_per_frame());
    while let Some(picture) = source.next()? {
        let depth = options
            .depth
            .as_deref()
            .map(|folder| read_depth(folder, &picture))
            .transpose()?;
        let frame = Frame::new(picture.width, picture.height, &picture.rgb)?;
        let frame = match &depth {
            Some(depth) => frame.with_depth(depth)?,
            None => frame,
        };
        segmenter.encode(&frame)?;
        let first = scores.is_empty();
        let (found, score) = if let Some(tracker) = &mut tracker {
            let track = tracker.update(&mut segmenter, elapsed)?;
            let score = line(
                &picture.stem,
                track.score,
                track.status.as_str(),
                track.reason,
            );
            (track.prediction, score)
        } else if first {
            let found = segmenter.predict(&prompt)?;
            tracker = Tracker::start(&segmenter, &found, Gates::default());
            let (status, reason) = if found.is_empty() {
                ("lost", "no object at the prompt")
            } else {
                ("tracking", "")
            };
            let score = line(&picture.stem, found.score(), status, reason.to_owned());
            (Some(found), score)
        } else {
            (
                None,
                line(
                    &picture.stem,
                    0.0,
                    "lost",
                    "no object at the prompt of the first frame".to_owned(),
                ),
            )
        };
        let file = match &mut scores_file {
            Some(file) => file,
            None => {
                std::fs::create_dir_all(&options.out).map_err(writing(&options.out))?;
                let file = File::create(&scores_path).map_err(writing(&scores_path))?;
                scores_file.insert(file)
            }
        };
        let crosses: &[[f64; 2]] = if first { &options.clicks } else { &[] };
        write_pictures(&options.out, &picture, found.as_ref(), crosses)?;
        let text = serde_json::to_string(&score)
            .map_err(std::io::Error::from)
            .map_err(writing(&scores_path))?;
        writeln!(file, "{text}").map_err(writing(&scores_path))?;
        progress(&score);
        scores.push(score);
    }
    if scores.is_empty() {
        return Err(BatchError::NoFrames {
            input: options.input.clone(),
        });
    }
    Ok(scores)
}

/// Whether the results would lie among the frames, and be read as frames the next time.
fn is_same_folder(input: &Path, out: &Path) -> bool {
    match (input.canonicalize(), out.canonicalize()) {
        (Ok(input), Ok(out)) => input.is_dir() && input == out,
        _ => false,
    }
}

fn line(stem: &str, score: f64, status: &'static str, reason: String) -> FrameScore {
    FrameScore {
        frame: stem.to_owned(),
        score: (score * 1e4).round() / 1e4,
        status,
        reason,
    }
}

fn write_pictures(
    out: &Path,
    picture: &Picture,
    found: Option<&Prediction>,
    crosses: &[[f64; 2]],
) -> Result<(), BatchError> {
    let (width, height) = (picture.width, picture.height);
    let mask = found.map_or_else(|| Mask::empty(width, height), Prediction::mask);
    let drawn = overlay::draw(&picture.rgb, &mask, crosses);
    let save = |name: String, write: &dyn Fn(&Path) -> image::ImageResult<()>| {
        let path = out.join(name);
        write(&path).map_err(|source| BatchError::WritePicture { path, source })
    };
    save(format!("{}.mask.png", picture.stem), &|path| {
        image::save_buffer(
            path,
            mask.data(),
            width,
            height,
            image::ExtendedColorType::L8,
        )
    })?;
    save(
        format!("{}.overlay.png", picture.stem),
        &|path| match ImageBuffer::<Rgb<u8>, _>::from_raw(width, height, &drawn[..]) {
            Some(buffer) => buffer.save(path),
            None => Ok(()),
        },
    )
}

fn read_depth(folder: &Path, picture: &Picture) -> Result<Vec<u16>, BatchError> {
    let path = folder.join(format!("{}.png", picture.stem));
    let loaded = image::open(&path).map_err(|source| BatchError::ReadPicture {
        path: path.clone(),
        source,
    })?;
    let image::DynamicImage::ImageLuma16(depth) = loaded else {
        return Err(BatchError::DepthFormat { path });
    };
    let depth: ImageBuffer<Luma<u16>, Vec<u16>> = depth;
    if depth.dimensions() != (picture.width, picture.height) {
        return Err(BatchError::DepthSize {
            path,
            depth: depth.dimensions(),
            colour: (picture.width, picture.height),
        });
    }
    Ok(depth.into_raw())
}
