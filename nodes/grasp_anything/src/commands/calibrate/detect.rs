//! `grasp_anything calibrate detect`: corners of a board in the pictures of a folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};
use calibration::{
    board::Board,
    sample::{FILE, Frames, Sample, Samples, Setup},
    vision::Detector,
};
use camera::Intrinsics;

use super::args::DetectArgs;
use crate::output::print_line;

/// Fills in the corners of each picture, and writes the folder's samples.
pub(crate) fn run(args: &DetectArgs) -> Result<ExitCode> {
    let mut samples = if args.folder.join(FILE).exists() {
        Samples::read(&args.folder)?
    } else {
        of_pictures(args)?
    };
    if let Some(board) = &args.board {
        samples.board = Board::from_file(board)?;
    }
    let detector = Detector::new(&samples.board)?;
    let mut found = 0;
    for sample in &mut samples.samples {
        let Some(image) = &sample.image else {
            continue;
        };
        let picture = grey(&args.folder.join(image))?;
        match detector.detect(&picture) {
            Ok(detection) => {
                print_line(format_args!(
                    "{}: {} corners, edges {:.1} px wide",
                    sample.name,
                    detection.corners.len(),
                    detection.edge_px
                ))?;
                sample.corners = detection.corners;
                found += 1;
            }
            Err(error) => {
                sample.corners.clear();
                print_line(format_args!("{}: {error}", sample.name))?;
            }
        }
    }
    samples.write(&args.folder)?;
    print_line(format_args!(
        "The board is in {found} of {} pictures; written to {}.",
        samples.samples.len(),
        args.folder.join(FILE).display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Samples without poses, one for each picture, of a camera of which only the field of view is known.
fn of_pictures(args: &DetectArgs) -> Result<Samples> {
    let Some(board) = &args.board else {
        bail!(
            "{} has no {FILE}; say with --board what is in its pictures",
            args.folder.display()
        );
    };
    let entries = fs::read_dir(&args.folder)
        .with_context(|| format!("cannot read {}", args.folder.display()))?;
    let mut pictures: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            matches!(
                extension.map(str::to_lowercase).as_deref(),
                Some("png" | "jpg" | "jpeg")
            )
        })
        .collect();
    pictures.sort();
    let Some(first) = pictures.first() else {
        bail!(
            "there are no .png or .jpg files in {}",
            args.folder.display()
        );
    };
    let (width, height) = grey(first)?.dimensions();
    let name = |path: &Path| {
        path.file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    Ok(Samples {
        setup: Setup::EyeToHand,
        frames: Frames::default(),
        board: Board::from_file(board)?,
        camera: Intrinsics::from_hfov(width, height, args.hfov.to_radians())?,
        samples: pictures
            .iter()
            .map(|path| Sample {
                name: name(path),
                base_from_flange: None,
                corners: Vec::new(),
                image: Some(name(path)),
            })
            .collect(),
    })
}

fn grey(path: &Path) -> Result<image::GrayImage> {
    let picture = image::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(picture.into_luma8())
}
