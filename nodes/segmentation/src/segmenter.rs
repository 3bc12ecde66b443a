//! The model: an encoder run once a frame, a decoder run once a prompt.

use std::path::Path;
use std::time::Duration;

use inference::{Backend, Model, ModelOptions, Outputs, Tensor};
use ndarray::{ArrayView, IxDyn};

use crate::fit::{Fit, colour_planes, depth_plane};
use crate::frame::Frame;
use crate::manifest::{FEATURES, Manifest};
use crate::prediction::Prediction;
use crate::prompt::{CoarseMask, Memory, Prompt};
use crate::refine::{Anchor, Relief};
use crate::space::{Scene, Space};
use crate::{SegmentationError, support_plane};

/// The promptable segmenter.
///
/// ```no_run
/// use segmentation::{Frame, Prompt, Segmenter};
///
/// # fn main() -> Result<(), segmentation::SegmentationError> {
/// let mut segmenter = Segmenter::load("models/segmenter/manifest.yaml".as_ref(), &Default::default())?;
/// let rgb = vec![0_u8; 1280 * 720 * 3];
/// segmenter.encode(&Frame::new(1280, 720, &rgb)?)?;
/// let found = segmenter.predict(&Prompt::click(640.0, 360.0))?;
/// println!("{} pixels, score {:.2}", found.mask().area(), found.score());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Segmenter {
    manifest: Manifest,
    encoder: Model,
    decoder: Model,
    image: Vec<f32>,
    depth: Vec<f32>,
    encoded: Option<Encoded>,
}

#[derive(Debug)]
struct Encoded {
    outputs: Outputs,
    fit: Fit,
    has_depth: bool,
    relief: Option<Relief>,
    space: Option<Space>,
}

/// How long the two halves took last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// The encoder, once a frame.
    pub encoder: Duration,
    /// The decoder, once a prompt.
    pub decoder: Duration,
}

impl Segmenter {
    /// Loads the model that a manifest names, checks its digests and contract, and runs it once.
    ///
    /// # Errors
    /// [`SegmentationError`] about the manifest, the files or the back end.
    pub fn load(manifest: &Path, options: &ModelOptions) -> Result<Self, SegmentationError> {
        let path = manifest;
        let manifest = Manifest::load(path)?;
        let folder = Manifest::folder(path);
        let mut encoder = Model::load_described(&folder, &manifest.models.encoder, options)?;
        let mut decoder = Model::load_described(&folder, &manifest.models.decoder, options)?;
        encoder.warm_up()?;
        decoder.warm_up()?;
        Ok(Self {
            manifest,
            encoder,
            decoder,
            image: Vec::new(),
            depth: Vec::new(),
            encoded: None,
        })
    }

    /// What the manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What runs the model.
    pub fn backend(&self) -> &Backend {
        self.encoder.backend()
    }

    /// How long the last frame and the last prompt took.
    pub fn latency(&self) -> Latency {
        Latency {
            encoder: self.encoder.last_latency(),
            decoder: self.decoder.last_latency(),
        }
    }

    /// Size in pixels of the frame that prompts refer to.
    pub fn frame_size(&self) -> Option<(u32, u32)> {
        self.encoded.as_ref().map(|encoded| encoded.fit.frame)
    }

    /// Takes a frame; prompts refer to it until the next.
    ///
    /// # Errors
    /// [`SegmentationError::Inference`] when the encoder fails.
    pub fn encode(&mut self, frame: &Frame<'_>) -> Result<(), SegmentationError> {
        self.encoded = None;
        let fit = Fit::new(frame.size(), self.manifest.frame);
        colour_planes(frame, &fit, &self.manifest.normalisation, &mut self.image);
        depth_plane(frame, &fit, &mut self.depth);
        let plane = support_plane::find(&self.depth, self.manifest.frame.width as usize);
        let size = self.manifest.frame;
        let channels =
            |values, n| tensor(values, &[1, n, size.height as usize, size.width as usize]);
        let outputs = self.encoder.run(&[
            ("image", channels(&self.image, 3)?),
            ("depth", channels(&self.depth, 1)?),
            ("plane", tensor(&plane, &[1, 3])?),
        ])?;
        self.encoded = Some(Encoded {
            outputs,
            fit,
            has_depth: frame.depth_mm().is_some(),
            relief: Relief::new(&self.depth, self.manifest.frame.width as usize, plane),
            space: frame.space(),
        });
        Ok(())
    }

    /// Segments what the prompt means in the encoded frame.
    ///
    /// A first point is asked about twice where there is depth: by itself, and with what stands out from the
    /// support plane around it as a proposal, since a point alone may mean a part (a label, a cap). The answer
    /// with the better score counts.
    ///
    /// # Errors
    /// [`SegmentationError::NoFrame`] before [`Segmenter::encode`], [`SegmentationError::EmptyPrompt`],
    /// [`SegmentationError::OutsideImage`], [`SegmentationError::TooManyPoints`] about the prompt, or
    /// [`SegmentationError::Inference`].
    pub fn predict(&mut self, prompt: &Prompt) -> Result<Prediction, SegmentationError> {
        let Some((width, height)) = self.frame_size() else {
            return Err(SegmentationError::NoFrame);
        };
        if prompt.is_empty() {
            return Err(SegmentationError::EmptyPrompt);
        }
        for [x, y] in prompt.points() {
            let inside = |value: f64, size: u32| value >= -0.5 && value < f64::from(size) - 0.5;
            if !(inside(x, width) && inside(y, height)) {
                return Err(SegmentationError::OutsideImage {
                    x,
                    y,
                    width,
                    height,
                });
            }
        }

        let alone = self.decode(prompt, prompt.mask.as_ref())?;
        let Some(proposal) = self.proposal(prompt) else {
            return Ok(alone);
        };
        let whole = self.decode(prompt, Some(&proposal))?;
        Ok(if whole.score() > alone.score() {
            whole
        } else {
            alone
        })
    }

    /// What stands out from the support plane around the first point of a prompt that names no extent and no looks.
    fn proposal(&self, prompt: &Prompt) -> Option<CoarseMask> {
        // Nor its looks: what is there may be another object, and then its whole is no better than a part of it.
        if prompt.mask.is_some() || prompt.bounding_box.is_some() || prompt.memory.is_some() {
            return None;
        }
        let encoded = self.encoded.as_ref()?;
        let at = encoded.fit.network_index(*prompt.on.first()?);
        let width = encoded.fit.network.width as usize;
        encoded.relief.as_ref()?.region_around(at, width)
    }

    /// Runs the decoder once.
    fn decode(
        &mut self,
        prompt: &Prompt,
        mask: Option<&CoarseMask>,
    ) -> Result<Prediction, SegmentationError> {
        let Some(encoded) = &self.encoded else {
            return Err(SegmentationError::NoFrame);
        };
        let slots = self.manifest.point_slots();
        let (coords, labels) = points(prompt, &encoded.fit, slots)?;
        let (columns, rows) = (
            self.manifest.frame.width as usize / 4,
            self.manifest.frame.height as usize / 4,
        );
        let no_mask = vec![0.0; columns * rows];
        let no_memory = vec![0.0; self.manifest.memory_length()];
        let mask_input = mask.map_or(&no_mask, |mask| &mask.0);
        let memory = prompt
            .memory
            .as_ref()
            .map_or(&no_memory, |memory| &memory.0);
        let (has_mask, has_memory) = ([flag(mask.is_some())], [flag(prompt.memory.is_some())]);

        let anchors: Vec<usize> = prompt
            .on
            .iter()
            .map(|point| encoded.fit.network_index(*point))
            .collect();

        let [features, keys, context] =
            FEATURES.map(|name| (name, Tensor::Of(&encoded.outputs, name)));
        let outputs = self.decoder.run(&[
            features,
            keys,
            context,
            ("point_coords", tensor(&coords, &[1, slots, 2])?),
            ("point_labels", tensor(&labels, &[1, slots])?),
            ("mask_input", tensor(mask_input, &[1, 1, rows, columns])?),
            ("has_mask_input", tensor(&has_mask, &[1, 1])?),
            ("memory", tensor(memory, &[1, memory.len()])?),
            ("has_memory", tensor(&has_memory, &[1, 1])?),
        ])?;
        let logits = outputs.f32("mask_logits")?;
        let embedding = Memory(outputs.f32("embedding")?.iter().copied().collect());
        Ok(Prediction::new(
            logits.iter().copied().collect(),
            encoded.fit,
            outputs.scalar("iou_prediction")?,
            outputs.scalar("present_logit")?,
            embedding,
            match mask {
                _ if !prompt.on.is_empty() => Anchor::Points(&anchors),
                Some(mask) => Anchor::Mask(&mask.0),
                None => Anchor::None,
            },
            encoded.relief.as_ref(),
        ))
    }

    /// Median depth in metres under a prediction of the encoded frame; `None` where nothing is measured.
    pub fn median_depth(&self, prediction: &Prediction) -> Option<f64> {
        let encoded = self.encoded.as_ref().filter(|encoded| encoded.has_depth)?;
        debug_assert_eq!(encoded.fit, prediction.fit);
        let mut under: Vec<f32> = prediction
            .on()
            .iter()
            .zip(&self.depth)
            .filter(|(on, z)| **on && **z > 0.0)
            .map(|(_, z)| *z)
            .collect();
        if under.is_empty() {
            return None;
        }
        let middle = under.len() / 2;
        let (_, median, _) = under.select_nth_unstable_by(middle, f32::total_cmp);
        Some(f64::from(*median))
    }

    /// Depth in metres at a pixel of the encoded frame, where it is measured.
    pub(crate) fn depth_at(&self, pixel: [f64; 2]) -> Option<f64> {
        let encoded = self.encoded.as_ref().filter(|encoded| encoded.has_depth)?;
        let [x, y] = encoded
            .fit
            .to_network(pixel)
            .map(|v| v.round().max(0.0) as usize);
        let network = encoded.fit.network;
        let inside = x < network.width as usize && y < network.height as usize;
        let depth = *self.depth.get(y * network.width as usize + x)?;
        (inside && depth > 0.0).then(|| f64::from(depth))
    }

    /// How the encoded frame lies in the network's.
    pub(crate) fn fit(&self) -> Option<Fit> {
        self.encoded.as_ref().map(|encoded| encoded.fit)
    }

    /// Where camera and hand were in the encoded frame.
    pub(crate) fn space(&self) -> Option<&Space> {
        self.encoded.as_ref()?.space.as_ref()
    }

    /// What is measured around a target in the encoded frame, where depth and the camera's place are known.
    pub(crate) fn scene(&self, target: &Prediction) -> Option<Scene> {
        let encoded = self.encoded.as_ref().filter(|encoded| encoded.has_depth)?;
        Some(Scene::new(
            encoded.space?,
            encoded.fit,
            &self.depth,
            target.on(),
        ))
    }

    /// Whether a prediction shows what was in the scene before, beside its target.
    pub(crate) fn shows_other(&self, scene: &Scene, found: &Prediction) -> bool {
        self.space()
            .is_some_and(|space| scene.has_other(space, &self.depth, found.on()))
    }

    /// Where the encoded frame looks like `memory`: at most `most` places in frame pixels, best first.
    ///
    /// # Errors
    /// [`SegmentationError::NoFrame`] before the first frame.
    pub fn look_alikes(
        &self,
        memory: &Memory,
        most: usize,
    ) -> Result<Vec<[f64; 2]>, SegmentationError> {
        let Some(encoded) = &self.encoded else {
            return Err(SegmentationError::NoFrame);
        };
        let keys = encoded.outputs.f32("keys")?;
        let (Some(&rows), Some(&columns)) = (keys.shape().get(2), keys.shape().get(3)) else {
            return Ok(Vec::new());
        };
        let plane = rows * columns;
        let Some(keys) = keys
            .as_slice()
            .filter(|k| k.len() >= memory.0.len() * plane)
        else {
            return Ok(Vec::new());
        };
        let (mut alike, mut norm) = (vec![0.0_f32; plane], vec![1e-6_f32; plane]);
        for (weight, channel) in memory.0.iter().zip(keys.chunks_exact(plane)) {
            for ((sum, square), value) in alike.iter_mut().zip(&mut norm).zip(channel) {
                *sum += weight * value;
                *square += value * value;
            }
        }
        let (used_columns, used_rows) = encoded.fit.used();
        let mut score: Vec<f32> = alike.iter().zip(&norm).map(|(a, n)| a / n.sqrt()).collect();
        for (i, value) in score.iter_mut().enumerate() {
            if (i % columns) * 4 >= used_columns || (i / columns) * 4 >= used_rows {
                *value = f32::NEG_INFINITY;
            }
        }
        let mut places = Vec::new();
        while places.len() < most {
            let Some((best, value)) = score
                .iter()
                .copied()
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(&b.1))
            else {
                break;
            };
            if value < LEAST_ALIKE {
                break;
            }
            let (x, y) = (best % columns, best / columns);
            places.push(
                encoded
                    .fit
                    .to_frame([x as f64 * 4.0 + 1.5, y as f64 * 4.0 + 1.5]),
            );
            // The next place is another one, not the neighbour of this.
            for row in y.saturating_sub(APART)..(y + APART + 1).min(rows) {
                for column in x.saturating_sub(APART)..(x + APART + 1).min(columns) {
                    score[row * columns + column] = f32::NEG_INFINITY;
                }
            }
        }
        let (width, height) = encoded.fit.frame;
        for [x, y] in &mut places {
            *x = x.clamp(0.0, f64::from(width - 1));
            *y = y.clamp(0.0, f64::from(height - 1));
        }
        Ok(places)
    }
}

/// Cosine similarity from which a pixel may belong to a remembered object.
const LEAST_ALIKE: f32 = 0.5;
/// Distance between two candidate places in quarter-resolution pixels.
const APART: usize = 6;

fn flag(on: bool) -> f32 {
    if on { 1.0 } else { 0.0 }
}

fn tensor<'a>(values: &'a [f32], shape: &[usize]) -> Result<Tensor<'a>, SegmentationError> {
    ArrayView::from_shape(IxDyn(shape), values)
        .map(Tensor::F32)
        .map_err(|_| SegmentationError::Size {
            what: "model input",
            width: shape.last().copied().unwrap_or(0) as u32,
            height: shape.iter().rev().nth(1).copied().unwrap_or(0) as u32,
            expected: shape.iter().product(),
            actual: values.len(),
        })
}

/// Coordinates in network pixels and labels: 1 on, 0 off, 2 and 3 box corners, -1 padding.
fn points(
    prompt: &Prompt,
    fit: &Fit,
    slots: usize,
) -> Result<(Vec<f32>, Vec<f32>), SegmentationError> {
    let labels = std::iter::repeat_n(1.0_f32, prompt.on.len())
        .chain(std::iter::repeat_n(0.0, prompt.off.len()))
        .chain(prompt.bounding_box.iter().flat_map(|_| [2.0, 3.0]));
    let mut labels: Vec<f32> = labels.collect();
    let mut coords: Vec<f32> = prompt
        .points()
        .flat_map(|point| fit.to_network(point))
        .map(|v| v as f32)
        .collect();
    if labels.len() > slots {
        return Err(SegmentationError::TooManyPoints {
            given: labels.len(),
            most: slots,
        });
    }
    labels.resize(slots, -1.0);
    coords.resize(slots * 2, 0.0);
    Ok((coords, labels))
}
