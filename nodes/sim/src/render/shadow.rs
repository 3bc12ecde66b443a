//! Shadows of the key light: a depth map seen from the light, and soft look-ups in it.

use nalgebra::{Matrix3, Vector3};

use super::{INSTANCE_BACKGROUND, Lighting, Visual, scan::Snapped};

/// Texels along the longer side at most; limits time and memory when the light is hard.
const MAX_TEXELS: f32 = 1024.0;
/// Width of the averaged square in texels; the look-up reads one more in each direction.
const KERNEL: usize = 3;
/// Edge of the blocks whose casters' depths are known, in texels.
const BLOCK: usize = 4;
/// Depth by which a caster must be nearer than the receiver, in metres, against flicker.
const BIAS_M: f32 = 0.0012;

/// The shadow map of one frame; buffers are kept between frames.
#[derive(Debug, Default)]
pub(super) struct ShadowMap {
    /// Rows: right, down and away from the light.
    light_from_world: Matrix3<f32>,
    /// Light-plane coordinates of texel (0, 0).
    corner: [f32; 2],
    texels_per_m: f32,
    width: usize,
    height: usize,
    depth: Vec<f32>,
    /// Nearest and furthest caster of each block and its neighbours; where some texels have none,
    /// the furthest is infinitely far.
    range: Vec<[f32; 2]>,
    blocks_x: usize,
    in_light: Vec<[f32; 3]>,
}

impl ShadowMap {
    /// Draws all visuals that cast shadows.
    pub(super) fn draw(&mut self, visuals: &[Visual], lighting: &Lighting) {
        self.light_from_world = light_basis(lighting.key_direction);
        let casters = || visuals.iter().filter(|v| v.instance != INSTANCE_BACKGROUND);
        self.in_light.clear();
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        for visual in casters() {
            let rotation = self.light_from_world
                * visual
                    .world_from_mesh
                    .rotation
                    .to_rotation_matrix()
                    .matrix();
            let offset = self.light_from_world * visual.world_from_mesh.translation.vector;
            self.in_light
                .extend(visual.mesh.positions.iter().map(|p| -> [f32; 3] {
                    let q: [f32; 3] = (rotation * Vector3::from(*p) + offset).into();
                    for k in 0..2 {
                        low[k] = low[k].min(q[k]);
                        high[k] = high[k].max(q[k]);
                    }
                    q
                }));
        }
        if self.in_light.is_empty() {
            (self.width, self.height) = (0, 0);
            return;
        }
        let extent = (high[0] - low[0]).max(high[1] - low[1]).max(1e-3);
        let texel = (lighting.softness_m / KERNEL as f32)
            .max(extent / MAX_TEXELS)
            .max(1e-4);
        self.texels_per_m = 1.0 / texel;
        let margin = texel * (KERNEL + 2) as f32;
        self.corner = [low[0] - margin, low[1] - margin];
        let size = |k: usize| ((high[k] - low[k] + 2.0 * margin) / texel) as usize + 1;
        (self.width, self.height) = (size(0), size(1));
        self.depth.clear();
        self.depth.resize(self.width * self.height, f32::MAX);
        let mut first = 0_usize;
        for visual in casters() {
            for triangle in &visual.mesh.triangles {
                let corners = triangle.map(|v| self.in_light[first + v as usize]);
                fill(
                    &mut self.depth,
                    self.width,
                    self.height,
                    self.corner,
                    self.texels_per_m,
                    corners,
                );
            }
            first += visual.mesh.positions.len();
        }
        self.find_ranges();
    }

    /// The depths of the casters around each block, so that most look-ups need no more than one read.
    fn find_ranges(&mut self) {
        const EMPTY: [f32; 2] = [f32::MAX, f32::MIN];
        let join = |a: [f32; 2], b: [f32; 2]| [a[0].min(b[0]), a[1].max(b[1])];
        let (bx, by) = (self.width.div_ceil(BLOCK), self.height.div_ceil(BLOCK));
        let mut own = vec![EMPTY; bx * by];
        for (y, row) in self.depth.chunks_exact(self.width).enumerate() {
            let blocks = &mut own[y / BLOCK * bx..][..bx];
            for (block, texels) in blocks.iter_mut().zip(row.chunks(BLOCK)) {
                *block = texels
                    .iter()
                    .fold(*block, |range, &depth| join(range, [depth; 2]));
            }
        }
        self.blocks_x = bx;
        self.range.clear();
        for y in 0..by {
            for x in 0..bx {
                let mut range = EMPTY;
                for ny in y.saturating_sub(1)..(y + 2).min(by) {
                    for nx in x.saturating_sub(1)..(x + 2).min(bx) {
                        range = join(range, own[ny * bx + nx]);
                    }
                }
                self.range.push(range);
            }
        }
    }

    /// Rows right, down and away of the map's frame in the world.
    pub(super) fn light_from_world(&self) -> &Matrix3<f32> {
        &self.light_from_world
    }

    /// Whether [`Self::visibility`] is 1 at every point in a box (lowest and highest corner) of the light's
    /// frame. May say no where it is.
    pub(super) fn spares(&self, [low, high]: &[[f32; 3]; 2]) -> bool {
        let place =
            |k: usize, at: f32| (at - self.corner[k]) * self.texels_per_m - 0.5 * KERNEL as f32;
        let reach = [self.width as f32 - 5.0, self.height as f32 - 5.0];
        let mut blocks = [const { 0..0 }; 2];
        for (k, blocks) in blocks.iter_mut().enumerate() {
            let (from, to) = (place(k, low[k]), place(k, high[k]));
            if !(to >= 0.0 && from < reach[k]) {
                return true;
            }
            let block = |texel: f32| texel.clamp(0.0, reach[k]) as usize / BLOCK;
            *blocks = block(from)..block(to) + 1;
        }
        let [columns, rows] = blocks;
        let depth = high[2] - BIAS_M;
        rows.into_iter().all(|row| {
            let line = &self.range[row * self.blocks_x..][columns.clone()];
            line.iter().all(|[near, _]| *near >= depth)
        })
    }

    /// Share of the key light that reaches a point, 0..=1. `at` is the point in the light's frame;
    /// `slope` tells how depth changes over the receiving surface per metre right and down, and is
    /// asked only where a caster is near.
    #[inline]
    pub(super) fn visibility(&self, at: [f32; 3], slope: impl FnOnce() -> [f32; 2]) -> f32 {
        let x = (at[0] - self.corner[0]) * self.texels_per_m - 0.5 * KERNEL as f32;
        let y = (at[1] - self.corner[1]) * self.texels_per_m - 0.5 * KERNEL as f32;
        let (reach_x, reach_y) = (self.width as f32 - 5.0, self.height as f32 - 5.0);
        // Also false for NaN and for an empty map.
        if !(x >= 0.0 && y >= 0.0 && x < reach_x && y < reach_y) {
            return 1.0;
        }
        let (ix, iy) = (x as i32 as usize, y as i32 as usize);
        let depth = at[2] - BIAS_M;
        let texel = 1.0 / self.texels_per_m;
        let [near, far] = self.range[iy / BLOCK * self.blocks_x + ix / BLOCK];
        if near >= depth {
            return 1.0;
        }
        // A few texels of margin for the slope of the receiver.
        if far + 8.0 * texel < depth {
            return 0.0;
        }
        let (fx, fy) = (x - ix as f32, y - iy as f32);
        let slope = slope().map(|s| s * texel);
        // Expected receiver depth at texel (ix, iy), then stepped texel by texel.
        let base =
            depth - slope[0] * (fx + 0.5 * KERNEL as f32) - slope[1] * (fy + 0.5 * KERNEL as f32);
        let weights = [1.0 - fx, 1.0, 1.0, fx];
        let mut lit = 0.0;
        for row in 0..=KERNEL {
            let start = (iy + row) * self.width + ix;
            let texels = &self.depth[start..start + KERNEL + 1];
            let expected = base + slope[1] * row as f32;
            let mut sum = 0.0;
            for (k, (&caster, weight)) in texels.iter().zip(weights).enumerate() {
                sum += if caster >= expected + slope[0] * k as f32 {
                    weight
                } else {
                    0.0
                };
            }
            lit += sum
                * if row == 0 {
                    1.0 - fy
                } else if row == KERNEL {
                    fy
                } else {
                    1.0
                };
        }
        lit * (1.0 / (KERNEL * KERNEL) as f32)
    }
}

/// Draws the far side of a triangle's solid: faces that look away from the light. Their depth is
/// well behind the lit surface, so that no lit surface shadows itself.
#[inline]
fn fill(
    depth: &mut [f32],
    width: usize,
    height: usize,
    corner: [f32; 2],
    texels_per_m: f32,
    corners: [[f32; 3]; 3],
) {
    let [a, b, c] = corners;
    let order = [a, c, b];
    let screen = order.map(|p| {
        [
            (p[0] - corner[0]) * texels_per_m,
            (p[1] - corner[1]) * texels_per_m,
        ]
    });
    let Some(snapped) = Snapped::front(screen) else {
        return;
    };
    let Some(bounds) = snapped.bounds(width, height) else {
        return;
    };
    let origin = [bounds[0], bounds[2]];
    let [base, dx, dy] = snapped.plane(origin, order.map(|p| p[2]));
    snapped.scan(bounds, |y, from, to| {
        let start =
            base + dy * (y as i32 - origin[1]) as f32 + dx * (from as i32 - origin[0]) as f32;
        for (step, texel) in depth[y * width + from..=y * width + to]
            .iter_mut()
            .enumerate()
        {
            *texel = texel.min(start + dx * step as i32 as f32);
        }
    });
}

/// A right-handed frame whose third axis points away from the light.
fn light_basis(towards_light: Vector3<f32>) -> Matrix3<f32> {
    let away = (-towards_light)
        .try_normalize(1e-6)
        .unwrap_or_else(|| -Vector3::z());
    let helper = if away.x.abs() < 0.9 {
        Vector3::x()
    } else {
        Vector3::y()
    };
    let right = helper.cross(&away).normalize();
    let down = away.cross(&right);
    Matrix3::from_rows(&[right.transpose(), down.transpose(), away.transpose()])
}
