//! Ambient occlusion: creases and contacts receive less light from around.
//!
//! Estimated from the depth image at half resolution: each point looks at six others nearby and
//! counts those that rise above its tangent plane.

mod blur;

use std::num::NonZeroUsize;

use super::{
    Camera,
    backdrop::{TILE, Tiles},
    bands,
    visibility::{NONE, Visibility},
};

/// Surfaces beyond this distance cast no such shade, metres.
const REACH_M: f32 = 0.09;
/// Points further away than this are left alone, metres.
const FAR_M: f32 = 1.7;
/// Samples for each point.
const SAMPLES: usize = 6;
/// The sample pattern repeats every so many points in x and y; the blur is as wide.
const PATTERN: usize = 4;
/// Points that are worked on at once; a multiple of [`PATTERN`].
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
    /// Share of the ambient light that arrives: as estimated, averaged along rows, and along columns too.
    gathered: Vec<f32>,
    blurred: Vec<f32>,
    light: Vec<f32>,
    face_normals: Vec<[f32; 3]>,
}

impl Occlusion {
    /// Switches the effect off for the next frame.
    pub(super) fn skip(&mut self) {
        self.width = 0;
        self.height = 0;
        self.gathered.clear();
        self.light.clear();
        self.depth.clear();
    }

    /// Light before and after it is averaged over neighbours, point by point.
    pub(super) fn light(&self) -> [&[f32]; 2] {
        [&self.gathered, &self.light]
    }

    /// How far away, in pixels, something may take ambient light from what a tile shows.
    pub(super) fn reach(&self, camera: &Camera, tile: [usize; 2]) -> usize {
        let fx = 0.5 * camera.intrinsics.fx as f32;
        let reach = self
            .lines(&self.depth, tile, 0)
            .flatten()
            .filter(|&&z| z > 0.0 && z <= FAR_M)
            .map(|&z| radius(fx, z))
            .fold(0.0, f32::max);
        2 * (reach.ceil() as usize)
    }

    /// Whether a tile has the light that it had before.
    pub(super) fn is_as_before(&self, before: &[f32], tile: [usize; 2]) -> bool {
        // The last pixel looks at the point beyond.
        self.lines(&self.light, tile, 1)
            .eq(self.lines(before, tile, 1))
    }

    /// The points of a tile and `margin` more to the right and below, line by line.
    fn lines<'a>(
        &self,
        points: &'a [f32],
        [column, row]: [usize; 2],
        margin: usize,
    ) -> impl Iterator<Item = &'a [f32]> + use<'a> {
        const EDGE: usize = TILE / 2;
        let end = (column * EDGE + EDGE + margin).min(self.width);
        let xs = (column * EDGE).min(end)..end;
        points
            .chunks_exact(self.width.max(1))
            .skip(row * EDGE)
            .take(EDGE + margin)
            .map(move |line| &line[xs.clone()])
    }

    /// Estimates the occlusion of everything visible. Of `before`, the light of another picture before it
    /// was averaged, all stays but the flagged tiles.
    pub(super) fn draw(
        &mut self,
        visibility: &Visibility,
        camera: &Camera,
        before: Option<(&[f32], &Tiles)>,
        threads: NonZeroUsize,
    ) {
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
        self.gathered.clear();
        match before {
            Some((light, _)) => self.gathered.extend_from_slice(light),
            None => self.gathered.resize(points, 1.0),
        }
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
        let mut gathered = std::mem::take(&mut self.gathered);
        let this = &*self;
        bands::for_each(
            gathered.chunks_mut((count * this.width).max(1)).enumerate(),
            |(band, lines)| {
                for (y, line) in (band * count..).zip(lines.chunks_mut(this.width)) {
                    let ids = &visibility.triangle[2 * y * full_width..];
                    for (block, light) in line.chunks_mut(LANES).enumerate() {
                        let x = block * LANES;
                        let is_flagged = |tiles: &Tiles| tiles.row(2 * y)[2 * x / TILE];
                        if before.is_none_or(|(_, tiles)| is_flagged(tiles)) {
                            this.gather(x, y, &ids[2 * x..], &view, light);
                        }
                    }
                }
            },
        );
        self.gathered = gathered;
        self.blur(threads);
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
            radius[k] = self::radius(view.fx, z[k]);
        }
        for [dx, dy] in &view.patterns[y % PATTERN] {
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

    /// Writes the share of the ambient light that reaches the pixels of a row from `first` on; `z` is
    /// their depth.
    pub(super) fn fill_row(&self, y: usize, first: usize, z: &[f32], out: &mut [f32]) {
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
        for (x, (out, &z)) in (first..).zip(out.iter_mut().zip(z)) {
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

/// How far a point at depth `z` looks, in points.
fn radius(fx: f32, z: f32) -> f32 {
    (REACH_M * fx / z).min(40.0)
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
type Patterns = [[[[f32; LANES]; 2]; SAMPLES]; PATTERN];

/// For each place in a tile, offsets that fill a disc of radius 1 evenly, turned from place to place.
fn patterns() -> Patterns {
    // An order of the sixteen turns in which neighbours differ much.
    const ORDER: [[u8; PATTERN]; PATTERN] =
        [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];
    ORDER.map(|turns| {
        std::array::from_fn(|k| {
            let mut offsets = [[0.0; LANES]; 2];
            for lane in 0..LANES {
                let turn = f32::from(turns[lane % PATTERN]);
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
