//! `grasp_anything segment`: masks for an image, a folder of images or a video.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use segmentation::batch::{self, BatchOptions};

use crate::{cli::SegmentArgs, output::print_line, share};

/// Segments the input and says how it went.
pub(crate) fn run(args: SegmentArgs) -> Result<ExitCode> {
    let manifest = match args.model {
        Some(model) => model,
        None => {
            let share =
                share::find().context("the model is not found; give its manifest with --model")?;
            share.join("models/segmenter/manifest.yaml")
        }
    };
    let out = args.out.display().to_string();
    let options = BatchOptions {
        input: args.input,
        out: args.out,
        manifest,
        clicks: args.click,
        negatives: args.negative,
        bounding_box: args.bounding_box,
        depth: args.depth,
        ..BatchOptions::default()
    };
    let progress = ProgressBar::new_spinner().with_style(ProgressStyle::with_template(
        "{spinner} frame {pos}: {msg}",
    )?);
    let scores = batch::run(&options, |score| {
        progress.inc(1);
        progress.set_message(format!("{} (score {:.2})", score.status, score.score));
    })?;
    progress.finish_and_clear();
    let tracked = scores
        .iter()
        .filter(|score| score.status == "tracking")
        .count();
    print_line(format_args!(
        "{tracked} of {} frames show the object; results are in {out}",
        scores.len()
    ))?;
    if let Some(first) = scores.first().filter(|score| score.status != "tracking") {
        print_line(format_args!("The first frame does not: {}", first.reason))?;
    }
    Ok(ExitCode::SUCCESS)
}
