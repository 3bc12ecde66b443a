//! Averages the estimated light, which is taken from other places at neighbouring points.

use std::num::NonZeroUsize;

use super::{Occlusion, SAME_SURFACE};
use crate::render::bands;

impl Occlusion {
    /// Averages over one tile of the sample pattern, but not across depth steps.
    pub(super) fn blur(&mut self, threads: NonZeroUsize) {
        let mut blurred = std::mem::take(&mut self.blurred);
        blurred.resize(self.gathered.len(), 1.0);
        self.blur_along(&self.gathered, &mut blurred, threads, Self::blur_across);
        let mut light = std::mem::take(&mut self.light);
        light.resize(self.gathered.len(), 1.0);
        self.blur_along(&blurred, &mut light, threads, Self::blur_down);
        self.light = light;
        self.blurred = blurred;
    }

    /// Makes each row of `target` from `source` with `row`.
    fn blur_along(
        &self,
        source: &[f32],
        target: &mut [f32],
        threads: NonZeroUsize,
        row: impl Fn(&Self, &[f32], usize, &mut [f32]) + Sync,
    ) {
        let count = bands::rows_in_band(self.height, threads);
        bands::for_each(
            target.chunks_mut((count * self.width).max(1)).enumerate(),
            |(band, lines)| {
                for (y, line) in (band * count..).zip(lines.chunks_mut(self.width)) {
                    row(self, source, y, line);
                }
            },
        );
    }

    /// Mean of each point of row `y` and its neighbours, from one to the left to two to the right.
    fn blur_across(&self, source: &[f32], y: usize, out: &mut [f32]) {
        let line = |from: usize, to: usize| {
            let points = y * self.width + from..y * self.width + to;
            (&self.depth[points.clone()], &source[points])
        };
        // All neighbours of the points in between lie in the picture.
        let inner = 1..self.width.saturating_sub(2).max(1);
        if !inner.is_empty() {
            average(
                [0, -1, 1, 2].map(|step: isize| {
                    let shifted = |x: usize| x.saturating_add_signed(step);
                    line(shifted(inner.start), shifted(inner.end))
                }),
                &mut out[inner.clone()],
            );
        }
        for x in (0..1).chain(inner.end..self.width) {
            average(
                neighbours(x, self.width).map(|x| line(x, x + 1)),
                &mut out[x..=x],
            );
        }
    }

    /// Mean of each point of row `y` and its neighbours, from one above to two below.
    fn blur_down(&self, source: &[f32], y: usize, out: &mut [f32]) {
        let rows = neighbours(y, self.height).map(|y| {
            let points = y * self.width..(y + 1) * self.width;
            (&self.depth[points.clone()], &source[points])
        });
        average(rows, out);
    }
}

/// Places on a line of `count`: the place itself, then one before, one after and two after it, or
/// itself where the line ends.
fn neighbours(place: usize, count: usize) -> [usize; 4] {
    let within = |other: Option<usize>| other.filter(|&other| other < count).unwrap_or(place);
    [
        place,
        within(place.checked_sub(1)),
        within(Some(place + 1)),
        within(Some(place + 2)),
    ]
}

/// Mean of the first of four lines (depths, values) and those of the others at the same depth.
fn average(lines: [(&[f32], &[f32]); 4], out: &mut [f32]) {
    let [own, before, after, second] =
        lines.map(|(depths, values)| (&depths[..out.len()], &values[..out.len()]));
    for (x, out) in out.iter_mut().enumerate() {
        let z = own.0[x];
        let tolerance = SAME_SURFACE * z;
        let (mut sum, mut weight) = (own.1[x], 1.0);
        for (depths, values) in [before, after, second] {
            let same = if (depths[x] - z).abs() < tolerance {
                1.0
            } else {
                0.0
            };
            sum += same * values[x];
            weight += same;
        }
        *out = sum / weight;
    }
}
