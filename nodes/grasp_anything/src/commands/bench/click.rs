//! From a click to a mask.

use anyhow::{Context as _, Result};
use inference::{Backend, ModelOptions};
use segmentation::{Frame, Prompt, Segmenter};

use super::{Budget, Measurement, cell};
use crate::share;

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;

pub(super) fn run(budget: &Budget) -> Result<Vec<Measurement>> {
    let share =
        share::find().context("the project's files are not found; run this inside the checkout")?;
    let manifest = share.join("models/segmenter/manifest.yaml");
    let mut segmenter = Segmenter::load(
        &manifest,
        &ModelOptions {
            threads: Some(2),
            ..ModelOptions::default()
        },
    )?;
    let picture = cell::picture(WIDTH, HEIGHT)?;
    let depth: Vec<u16> = picture
        .depth_mm
        .chunks_exact(2)
        .map(|mm| u16::from_le_bytes([mm[0], mm[1]]))
        .collect();
    let frame = Frame::new(WIDTH, HEIGHT, &picture.frame.rgb)?.with_depth(&depth)?;
    let [u, v] = middle(&picture.mask);
    let prompt = Prompt::click(u, v);
    let first = budget.time(|| {
        segmenter.encode(&frame)?;
        Ok(segmenter.predict(&prompt)?.mask())
    })?;
    let further = budget.time(|| Ok(segmenter.predict(&prompt)?.mask()))?;
    let backend = match segmenter.backend() {
        Backend::OnnxRuntime(_) => "ONNX Runtime",
        Backend::Tract => "tract",
    };
    Ok(vec![
        Measurement::new(
            format!("click to first mask, {backend}, 2 threads"),
            first.clone(),
        )?
        .aim_p50(60.0),
        Measurement::new(
            "a further click on the same frame: the decoder alone",
            further,
        )?
        .beside("the encoder again for each click", first)?,
    ])
}

/// The pixel of the mask that is in the middle of its rows' order: it lies on the object, whatever its shape.
fn middle(mask: &[u8]) -> [f64; 2] {
    let inside: Vec<usize> = mask
        .iter()
        .enumerate()
        .filter(|(_, value)| **value != 0)
        .map(|(index, _)| index)
        .collect();
    let index = inside.get(inside.len() / 2).copied().unwrap_or_default();
    let width = WIDTH as usize;
    #[expect(clippy::cast_precision_loss, reason = "pixels are far fewer than 2^53")]
    let pixel = [(index % width) as f64, (index / width) as f64];
    pixel
}
