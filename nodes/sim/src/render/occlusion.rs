//! Ambient occlusion: creases and contacts receive less light from around.
//!
//! Estimated from the depth image at half resolution: each point looks at six others nearby and
//! counts those that rise above its tangent plane.

use std::num::NonZeroUsize;

use super::{
    Camera, bands,
    visibility::{NONE, Visibility},
};

/// Surfaces beyond this distance cast no such shade, metres.
const REACH_M: f32 = 0.09;
/// Points further away than this are left alone, metres.
const FAR_M: f32 = 1.7;
/// Samples for each point.
const SAMPLES: usize = 6;
/// The sample pattern repeats every so many points in x and y; the blur is as wide.
const TILE: usize = 4;
/// Points that are worked on at once; a multiple of [`TILE`].
const LANES: usize = 8;
/// How dark full occlusion is.
const STRENGTH: f32 = 2.2;
/// Depths that differ by less than this share belong to the same surface.
const SAME_SURFACE: f32 = 0.025;

/// Occlusion of one frame at half resolution; empty when switched off.
#[derive(Debug, Default)]
pub(super) struct Occlusion {
    width: usize,
    height: usize,
    /// Depth of each point in metres, 0 where there is nothing.
    depth: Vec<f32>,
    /// Share of the ambient light that arrives.
    light: Vec<f32>,
    blurred: Vec<f32>,
    face_normals: Vec<[f32; 3]>,
}

impl Occlusion {
    /// Switches the effect off for the next frame.
    pub(super) fn skip(&mut self) {
        self.width = 0;
    }

    /// Estimates the occlusion of everything visible.
    pub(super) fn draw(&mut self, visibility: &Visibility, camera: &Camera, threads: NonZeroUsize) {
        let (full_width, full_height) = (
            camera.intrinsics.width as usize,
            camera.intrinsics.height as usize,
        );
        (self.width, self.height) = (full_width.div_ceil(2), full_height.div_ceil(2));
        let points = self.width * self.height;
        self.depth.clear();
        for row in visibility.inverse_depth.chunks_exact(full_width).step_by(2) {
            self.depth.extend(
                row.iter()
                    .step_by(2)
                    .map(|&inverse| if inverse > 0.0 { 1.0 / inverse } else { 0.0 }),
            );
        }
        self.face_normals.clear();
        self.face_normals.extend(visibility.seen.iter().map(|seen| {
            let [a, b, c] = seen
                .vertices
                .map(|v| visibility.vertices.in_camera[v as usize]);
            let (p, q) = (difference(b, a), difference(c, a));
            let n = [
                p[1] * q[2] - p[2] * q[1],
                p[2] * q[0] - p[0] * q[2],
                p[0] * q[1] - p[1] * q[0],
            ];
            let scale = 1.0 / dot(n, n).max(1e-30).sqrt();
            n.map(|c| c * scale)
        }));
        self.light.clear();
        self.light.resize(points, 1.0);
        // A half-resolution point (x, y) lies on the pixel (2 x, 2 y).
        let (fx, fy) = (
            0.5 * camera.intrinsics.fx as f32,
            0.5 * camera.intrinsics.fy as f32,
        );
        let (cx, cy) = (
            0.5 * camera.intrinsics.cx as f32,
            0.5 * camera.intrinsics.cy as f32,
        );
        let view = View {
            cx,
            cy,
            fx,
            per_fx: 1.0 / fx,
            per_fy: 1.0 / fy,
            patterns: patterns(),
        };
        let count = bands::rows_in_band(self.height, threads);
        let mut light = std::mem::take(&mut self.light);
        let this = &*self;
        bands::for_each(
            light.chunks_mut((count * this.width).max(1)).enumerate(),
            |(band, lines)| {
                for (y, line) in (band * count..).zip(lines.chunks_mut(this.width)) {
                    this.gather_row(y, &visibility.triangle[2 * y * full_width..], &view, line);
                }
            },
        );
        self.light = light;
        self.blur(threads);
    }

    /// Looks around each point of row `y`; `ids` are the triangles of its pixels at full resolution.
    fn gather_row(&self, y: usize, ids: &[u32], view: &View, light: &mut [f32]) {
        for (block, light) in light.chunks_mut(LANES).enumerate() {
            let x = block * LANES;
            self.gather(x, y, &ids[2 * x..], view, light);
        }
    }

    /// Looks around a few points from (x, y) rightwards, in plain loops over as many lanes.
    fn gather(&self, first: usize, y: usize, ids: &[u32], view: &View, light: &mut [f32]) {
        let mut z = [FAR_M; LANES];
        let mut normal = [[0.0; LANES]; 3];
        let mut near = [false; LANES];
        let depths = &self.depth[y * self.width + first..];
        for (lane, (id, depth)) in ids
            .iter()
            .step_by(2)
            .zip(depths)
            .enumerate()
            .take(light.len())
        {
            if *id != NONE && *depth <= FAR_M {
                near[lane] = true;
                z[lane] = *depth;
                for (list, value) in normal.iter_mut().zip(self.face_normals[*id as usize]) {
                    list[lane] = value;
                }
            }
        }
        if !near.contains(&true) {
            return;
        }
        let (mut px, mut at, mut radius, mut sum) =
            ([0.0; LANES], [[0.0; LANES]; 2], [0.0; LANES], [0.0; LANES]);
        let py = y as i32 as f32;
        let (right, bottom) = ((self.width - 1) as f32, (self.height - 1) as f32);
        for k in 0..LANES {
            px[k] = (first + k) as i32 as f32;
            at[0][k] = (px[k] - view.cx) * view.per_fx * z[k];
            at[1][k] = (py - view.cy) * view.per_fy * z[k];
            radius[k] = (REACH_M * view.fx / z[k]).min(40.0);
        }
        for [dx, dy] in &view.patterns[y % TILE] {
            let (mut sx, mut sy, mut other) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
            for k in 0..LANES {
                sx[k] = floor((px[k] + dx[k] * radius[k]).max(0.0).min(right));
                sy[k] = floor((py + dy[k] * radius[k]).max(0.0).min(bottom));
            }
            for k in 0..LANES {
                other[k] = self.depth[index(sy[k]) * self.width + index(sx[k])];
            }
            for k in 0..LANES {
                let to = [
                    (sx[k] - view.cx) * view.per_fx * other[k] - at[0][k],
                    (sy[k] - view.cy) * view.per_fy * other[k] - at[1][k],
                    other[k] - z[k],
                ];
                let squared = dot(to, to) + 1e-8;
                let rise = dot(to, [normal[0][k], normal[1][k], normal[2][k]]) / squared.sqrt();
                let fade = (1.0 - squared * (1.0 / (REACH_M * REACH_M))).max(0.0);
                sum[k] += (rise - 0.08).max(0.0) * fade;
            }
        }
        for ((light, sum), near) in light.iter_mut().zip(sum).zip(near) {
            if near {
                *light = (1.0 - STRENGTH / SAMPLES as f32 * sum).max(0.2);
            }
        }
    }

    /// Averages over one tile of the sample pattern, but not across depth steps.
    fn blur(&mut self, threads: NonZeroUsize) {
        let mut blurred = std::mem::take(&mut self.blurred);
        blurred.resize(self.light.len(), 1.0);
        self.blur_along(&self.light, &mut blurred, threads, Self::blur_across);
        let mut light = std::mem::take(&mut self.light);
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

    /// Writes the share of the ambient light that reaches each pixel of a row; `z` is their depth.
    pub(super) fn fill_row(&self, y: usize, z: &[f32], out: &mut [f32]) {
        if self.width == 0 {
            out.fill(1.0);
            return;
        }
        let upper = (y / 2).min(self.height - 1) * self.width;
        let lower = y.div_ceil(2).min(self.height - 1) * self.width;
        // Two points on a diagonal: for a pixel between two points or on one they coincide with what a
        // bilinear look-up would read.
        let upper = (
            &self.depth[upper..upper + self.width],
            &self.light[upper..upper + self.width],
        );
        let lower = (
            &self.depth[lower..lower + self.width],
            &self.light[lower..lower + self.width],
        );
        for (x, (out, &z)) in out.iter_mut().zip(z).enumerate() {
            let (left, right) = (x / 2, x.div_ceil(2).min(self.width - 1));
            let tolerance = SAME_SURFACE * z;
            let first = if (upper.0[left] - z).abs() < tolerance {
                1.0
            } else {
                1e-5
            };
            let second = if (lower.0[right] - z).abs() < tolerance {
                1.0
            } else {
                1e-5
            };
            *out = (first * upper.1[left] + second * lower.1[right]) / (first + second);
        }
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

/// The half-resolution camera and the sample pattern.
#[derive(Debug)]
struct View {
    cx: f32,
    cy: f32,
    fx: f32,
    per_fx: f32,
    per_fy: f32,
    patterns: Patterns,
}

/// Offsets (x, y) of the samples: for each row of a tile and sample, those of [`LANES`] points.
type Patterns = [[[[f32; LANES]; 2]; SAMPLES]; TILE];

/// For each place in a tile, offsets that fill a disc of radius 1 evenly, turned from place to place.
fn patterns() -> Patterns {
    // An order of the sixteen turns in which neighbours differ much.
    const ORDER: [[u8; TILE]; TILE] =
        [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];
    ORDER.map(|turns| {
        std::array::from_fn(|k| {
            let mut offsets = [[0.0; LANES]; 2];
            for lane in 0..LANES {
                let turn = f32::from(turns[lane % TILE]);
                let angle = (turn / 16.0 + k as f32 * 0.381_966) * std::f32::consts::TAU;
                let radius = ((k as f32 + 0.5 + turn / 32.0) / SAMPLES as f32).min(1.0);
                offsets[0][lane] = radius * angle.cos();
                offsets[1][lane] = radius * angle.sin();
            }
            offsets
        })
    })
}

/// Added to a number from 0 to 2^22, it leaves the rounded number in the low bits.
const SHIFT: f32 = 8_388_608.0;

/// The largest integer not above `x`, for `x` from 0 to 2^22; unlike a cast it vectorises.
fn floor(x: f32) -> f32 {
    let rounded = (x + SHIFT) - SHIFT;
    if rounded > x { rounded - 1.0 } else { rounded }
}

/// A whole number from 0 to 2^22 as an index.
fn index(whole: f32) -> usize {
    ((whole + SHIFT).to_bits() & 0x7f_ffff) as usize
}

fn difference(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
