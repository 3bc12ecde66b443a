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
        let (right, bottom) = (self.width as i32 - 1, self.height as i32 - 1);
        for (x, light) in light.iter_mut().enumerate() {
            let z = self.depth[y * self.width + x];
            let id = ids[2 * x];
            if id == NONE || z > FAR_M {
                continue;
            }
            let normal = self.face_normals[id as usize];
            let (px, py) = (x as i32 as f32, y as i32 as f32);
            let at = [
                (px - view.cx) * view.per_fx * z,
                (py - view.cy) * view.per_fy * z,
                z,
            ];
            let radius = (REACH_M * view.fx / z).min(40.0);
            let mut sum = 0.0;
            for [dx, dy] in view.patterns[y % TILE * TILE + x % TILE] {
                // Casts by way of i32, which processors have an instruction for.
                let sx = ((px + dx * radius) as i32).clamp(0, right);
                let sy = ((py + dy * radius) as i32).clamp(0, bottom);
                let other = self.depth[sy as usize * self.width + sx as usize];
                let to = [
                    (sx as f32 - view.cx) * view.per_fx * other - at[0],
                    (sy as f32 - view.cy) * view.per_fy * other - at[1],
                    other - at[2],
                ];
                let squared = dot(to, to) + 1e-8;
                let rise = dot(to, normal) / squared.sqrt();
                let fade = (1.0 - squared * (1.0 / (REACH_M * REACH_M))).max(0.0);
                sum += (rise - 0.08).max(0.0) * fade;
            }
            *light = (1.0 - STRENGTH / SAMPLES as f32 * sum).max(0.2);
        }
    }

    /// Averages over one tile of the sample pattern, but not across depth steps.
    fn blur(&mut self, threads: NonZeroUsize) {
        let mut blurred = std::mem::take(&mut self.blurred);
        blurred.clear();
        blurred.resize(self.light.len(), 1.0);
        self.blur_along(&self.light, &mut blurred, true, threads);
        let mut light = std::mem::take(&mut self.light);
        self.blur_along(&blurred, &mut light, false, threads);
        self.light = light;
        self.blurred = blurred;
    }

    fn blur_along(&self, source: &[f32], target: &mut [f32], rows: bool, threads: NonZeroUsize) {
        let (width, height) = (self.width, self.height);
        let count = bands::rows_in_band(height, threads);
        bands::for_each(
            target.chunks_mut((count * width).max(1)).enumerate(),
            |(band, lines)| {
                for (y, line) in (band * count..).zip(lines.chunks_mut(width)) {
                    for (x, out) in line.iter_mut().enumerate() {
                        let (stride, place, places) = if rows {
                            (1, x, width)
                        } else {
                            (width, y, height)
                        };
                        *out = self.average(source, y * width + x, stride, place, places);
                    }
                }
            },
        );
    }

    /// Mean of four points in a line, from one before to two after index `at`, those at other
    /// depths left out. `place` of `count` is the position on the line and `stride` the step along it.
    #[inline]
    fn average(&self, values: &[f32], at: usize, stride: usize, place: usize, count: usize) -> f32 {
        let z = self.depth[at];
        let tolerance = SAME_SURFACE * z;
        let (mut sum, mut weight) = (values[at], 1.0);
        let before = if place > 0 { at - stride } else { at };
        let after = if place + 1 < count { at + stride } else { at };
        let second = if place + 2 < count {
            at + 2 * stride
        } else {
            at
        };
        for other in [before, after, second] {
            let same = if (self.depth[other] - z).abs() < tolerance {
                1.0
            } else {
                0.0
            };
            sum += same * values[other];
            weight += same;
        }
        sum / weight
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

/// The half-resolution camera and the sample pattern.
#[derive(Debug)]
struct View {
    cx: f32,
    cy: f32,
    fx: f32,
    per_fx: f32,
    per_fy: f32,
    patterns: [[[f32; 2]; SAMPLES]; TILE * TILE],
}

/// For each place in a tile, offsets that fill a disc of radius 1 evenly, turned from place to place.
fn patterns() -> [[[f32; 2]; SAMPLES]; TILE * TILE] {
    // An order of the sixteen turns in which neighbours differ much.
    const ORDER: [u8; TILE * TILE] = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5];
    ORDER.map(|turn| {
        std::array::from_fn(|k| {
            let angle = (f32::from(turn) / 16.0 + k as f32 * 0.381_966) * std::f32::consts::TAU;
            let radius = ((k as f32 + 0.5 + f32::from(turn) / 32.0) / SAMPLES as f32).min(1.0);
            [radius * angle.cos(), radius * angle.sin()]
        })
    })
}

fn difference(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
