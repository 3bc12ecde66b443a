//! What the decoder says about one prompt.

use crate::fit::Fit;
use crate::mask::{Mask, keep_large_parts};
use crate::prompt::{CoarseMask, Memory};
use crate::refine::{Anchor, Relief, refine};

/// The answer to one prompt.
#[derive(Debug, Clone)]
pub struct Prediction {
    logits: Vec<f32>,
    on: Vec<bool>,
    area: usize,
    pub(crate) fit: Fit,
    iou: f32,
    present: f32,
    memory: Memory,
}

/// Parts of a mask below this share of its largest are specks.
const SPECK: f64 = 0.04;
/// Least logit of a pixel that belongs to the mask.
const SURE: f32 = 0.5;

impl Prediction {
    pub(crate) fn new(
        mut logits: Vec<f32>,
        fit: Fit,
        iou: f32,
        present_logit: f32,
        memory: Memory,
        anchor: Anchor<'_>,
        relief: Option<&Relief>,
    ) -> Self {
        let width = fit.network.width as usize;
        let (used_width, used_height) = fit.used();
        let mut on: Vec<bool> = logits
            .iter()
            .enumerate()
            .map(|(i, logit)| *logit > 0.0 && i % width < used_width && i / width < used_height)
            .collect();
        refine(&mut on, width, anchor, relief);
        let area = keep_large_parts(&mut on, width, SPECK);
        // What the refinement added counts as sure where the logits are interpolated.
        for (logit, _) in logits.iter_mut().zip(&on).filter(|(_, on)| **on) {
            *logit = logit.max(SURE);
        }
        let present = 1.0 / (1.0 + (-present_logit).exp());
        Self {
            logits,
            on,
            area,
            fit,
            iou: iou.clamp(0.0, 1.0),
            present,
            memory,
        }
    }

    /// Expected intersection over union with the object that was meant, times the probability that it is
    /// there at all; 0 for an empty mask.
    pub fn score(&self) -> f64 {
        if self.area == 0 {
            0.0
        } else {
            f64::from(self.iou * self.present)
        }
    }

    /// Probability that the object is in the picture and not covered.
    pub fn presence(&self) -> f64 {
        f64::from(self.present)
    }

    /// Looks of what was segmented.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Whether no pixel belongs to the object.
    pub fn is_empty(&self) -> bool {
        self.area == 0
    }

    /// Share of the frame's pixels that belong to the object.
    pub fn coverage(&self) -> f64 {
        let (width, height) = self.fit.used();
        self.area as f64 / (width * height) as f64
    }

    /// The object's pixels at the network's resolution.
    pub(crate) fn on(&self) -> &[bool] {
        &self.on
    }

    /// Number of network pixels.
    pub(crate) fn network_area(&self) -> usize {
        self.area
    }

    /// Centre of the mask in network pixels.
    pub(crate) fn network_centre(&self) -> Option<[f64; 2]> {
        let width = self.fit.network.width as usize;
        let (mut x, mut y) = (0_usize, 0_usize);
        for (i, _) in self.on.iter().enumerate().filter(|(_, on)| **on) {
            x += i % width;
            y += i / width;
        }
        (self.area > 0).then(|| [x as f64 / self.area as f64, y as f64 / self.area as f64])
    }

    /// Share of shared pixels of two predictions of one stream (0 when their sizes differ).
    pub(crate) fn overlap(&self, other: &Self) -> f64 {
        if self.fit != other.fit {
            return 0.0;
        }
        let both = self
            .on
            .iter()
            .zip(&other.on)
            .filter(|(a, b)| **a && **b)
            .count();
        let any = self.area + other.area - both;
        if any == 0 {
            0.0
        } else {
            both as f64 / any as f64
        }
    }

    /// The mask as prompt for the next frame.
    pub fn coarse(&self) -> CoarseMask {
        // Specks were dropped from `on`; what is just below the threshold still says something.
        let said = |logit: f32, on: bool| on || (logit <= 0.0 && logit > -6.0);
        let shares = self.logits.iter().zip(&self.on).enumerate();
        let network = self.fit.network;
        CoarseMask::pooled(
            shares
                .filter(|(_, (logit, on))| said(**logit, **on))
                .map(|(at, (logit, _))| (at, 1.0 / (1.0 + (-logit).exp()))),
            network.width as usize,
            network.height as usize,
        )
    }

    /// The mask at the size of the frame, its edge interpolated between the network's pixels.
    pub fn mask(&self) -> Mask {
        let (frame_width, frame_height) = self.fit.frame;
        let mut mask = Mask::empty(frame_width, frame_height);
        let width = self.fit.network.width as usize;
        let Some(first) = self.on.iter().position(|on| *on) else {
            return mask;
        };
        let last = self.on.iter().rposition(|on| *on).unwrap_or(first);
        let (top, bottom) = (first / width, last / width);
        let columns: Vec<usize> = self
            .on
            .iter()
            .enumerate()
            .filter(|(_, on)| **on)
            .map(|(i, _)| i % width)
            .collect();
        let (Some(&left), Some(&right)) = (columns.iter().min(), columns.iter().max()) else {
            return mask;
        };

        // Frame pixels whose interpolation may reach into the box, one network pixel of margin.
        let range = |low: usize, high: usize, size: u32| {
            let low = ((low as f64 - 0.5) * self.fit.scale - 0.5).floor().max(0.0) as u32;
            let high = ((high as f64 + 1.5) * self.fit.scale - 0.5).ceil().max(0.0) as u32;
            low..high.min(size)
        };
        let (used_width, used_height) = self.fit.used();
        let taps = |range: std::ops::Range<u32>, size: usize| -> Vec<(usize, usize, f32)> {
            range
                .map(|frame| {
                    let at = ((f64::from(frame) + 0.5) / self.fit.scale - 0.5)
                        .clamp(0.0, (size - 1) as f64);
                    let low = at.floor() as usize;
                    (low, (low + 1).min(size - 1), (at - low as f64) as f32)
                })
                .collect()
        };
        let across = range(left, right, frame_width);
        let down = range(top, bottom, frame_height);
        let start = across.start as usize;
        let columns = taps(across, used_width);
        for (y, (upper, lower, below)) in (down.start..).zip(taps(down.clone(), used_height)) {
            let row = mask.row_mut(y);
            let (upper, lower) = (upper * width, lower * width);
            for (pixel, &(a, b, beyond)) in row[start..].iter_mut().zip(&columns) {
                let near = |at: usize| {
                    if self.on[at] {
                        self.logits[at]
                    } else {
                        self.logits[at].min(-0.01)
                    }
                };
                let above = near(upper + a) * (1.0 - beyond) + near(upper + b) * beyond;
                let under = near(lower + a) * (1.0 - beyond) + near(lower + b) * beyond;
                if above * (1.0 - below) + under * below > 0.0 {
                    *pixel = 255;
                }
            }
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::FrameSize;

    /// Logits of a disc on a 64 x 36 network frame.
    fn disc(frame: (u32, u32), centre: [f64; 2], radius: f64) -> Prediction {
        let fit = Fit::new(
            frame,
            FrameSize {
                width: 64,
                height: 36,
            },
        );
        let logits = (0..64 * 36)
            .map(|i| {
                let (x, y) = (f64::from(i % 64) - centre[0], f64::from(i / 64) - centre[1]);
                (radius - x.hypot(y)).clamp(-9.0, 9.0) as f32
            })
            .collect();
        Prediction::new(
            logits,
            fit,
            0.9,
            4.0,
            Memory(vec![1.0, 0.0]),
            Anchor::None,
            None,
        )
    }

    #[test]
    fn a_disc_is_a_disc_at_every_frame_size() {
        for factor in [1_u32, 2, 3, 20] {
            let found = disc((64 * factor, 36 * factor), [30.0, 20.0], 8.0).mask();
            let f = f64::from(factor);
            let centre = [(30.0 + 0.5) * f - 0.5, (20.0 + 0.5) * f - 0.5];
            let expected = Mask::from_fn(64 * factor, 36 * factor, |x, y| {
                (f64::from(x) - centre[0]).hypot(f64::from(y) - centre[1]) < 8.0 * f
            });
            assert!(
                found.iou(&expected) > 0.97,
                "{factor}: {}",
                found.iou(&expected)
            );
        }
    }

    #[test]
    fn nothing_scores_nothing() {
        let none = disc((128, 72), [30.0, 20.0], -1.0);
        assert!(
            none.is_empty()
                && none.score() == 0.0
                && none.mask().area() == 0
                && none.network_centre().is_none()
        );
    }

    #[test]
    fn the_coarse_mask_weighs_as_much_as_the_mask() {
        let found = disc((128, 72), [30.0, 20.0], 8.0);
        let coarse: f32 = found.coarse().0.iter().sum::<f32>() * 16.0;
        assert!(
            (f64::from(coarse) / found.network_area() as f64 - 1.0).abs() < 0.25,
            "{coarse}"
        );
        let centre = found.network_centre().unwrap();
        assert!((centre[0] - 30.0).abs() < 0.1 && (centre[1] - 20.0).abs() < 0.1);
        assert!(
            found.overlap(&found) > 0.999
                && found.overlap(&disc((128, 72), [50.0, 8.0], 4.0)) < 0.01
        );
    }
}
