//! What a surface looks like: a base colour, a roughness and a procedural pattern.
//!
//! Patterns are evaluated at the shaded point, in the mesh's own frame (metres) or in its texture
//! coordinates, so that no image files are needed and a texture stays with its object.

use std::sync::Arc;

use rand::{Rng, RngExt as _};

use super::noise::{floor, hash_cell, noise_2d, noise_3d, unit};

/// The look of one surface. Colours are sRGB, each channel in 0..=1.
#[derive(Clone, Debug, PartialEq)]
pub struct Material {
    /// Base colour, sRGB 0..=1.
    pub rgb: [f32; 3],
    /// 0.05 (polished) to 1 (matt); sets the width of highlights.
    pub roughness: f32,
    /// What is printed or grown on the base colour.
    pub pattern: Pattern,
}

impl Material {
    /// A plain, patternless material. `rgb` is sRGB 0..=1.
    pub const fn plain(rgb: [f32; 3], roughness: f32) -> Self {
        Self {
            rgb,
            roughness,
            pattern: Pattern::Plain,
        }
    }

    /// A random material: any colour, roughness and pattern; a share `plain` of them without pattern.
    pub fn randomise(rng: &mut impl Rng, plain: f64) -> Self {
        let rgb = random_rgb(rng);
        let roughness = rng.random_range(0.15..1.0);
        let pattern = if rng.random_bool(plain) {
            Pattern::Plain
        } else {
            Pattern::randomise(rng)
        };
        Self {
            rgb,
            roughness,
            pattern,
        }
    }

    /// The material of a random package: paper, card or tin with large fields of print or a label.
    pub fn randomise_package(rng: &mut impl Rng) -> Self {
        let rgb = random_rgb(rng);
        let roughness = rng.random_range(0.2..0.8);
        let pattern = if rng.random_bool(0.5) {
            Pattern::random_print(rng)
        } else {
            Pattern::random_label(rng)
        };
        Self {
            rgb,
            roughness,
            pattern,
        }
    }

    /// The same material with `pattern` on it.
    #[must_use]
    pub fn with_pattern(mut self, pattern: Pattern) -> Self {
        self.pattern = pattern;
        self
    }
}

/// A procedural texture over a material's base colour. Lengths are metres in the mesh's frame;
/// `u`, `v` are the mesh's texture coordinates: `u` runs once around a body of revolution, `v`
/// from its bottom (0) to its top (1); on a box both run from 0 to 1 over each face.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// The base colour alone.
    Plain,
    /// Planar stripes of a second colour.
    Stripes {
        /// Colour of the stripes, sRGB.
        rgb: [f32; 3],
        /// Direction across the stripes in the mesh frame (need not be a unit vector).
        across: [f32; 3],
        /// Distance from stripe to stripe.
        period_m: f32,
        /// Share of each period that the stripe fills, 0..=1.
        fill: f32,
    },
    /// A three-dimensional checkerboard of the base and a second colour.
    Checker {
        /// Colour of every other cell, sRGB.
        rgb: [f32; 3],
        /// Edge of a cell.
        cell_m: f32,
    },
    /// A paper label around the body: a coloured band with a second band in it and blocks that
    /// look like lines of print.
    Label {
        /// Paper colour, sRGB.
        rgb: [f32; 3],
        /// Colour of the inner band and of the print, sRGB.
        print_rgb: [f32; 3],
        /// Lower edge of the label as a share of the height.
        v_min: f32,
        /// Upper edge of the label as a share of the height.
        v_max: f32,
        /// Chooses the print.
        seed: u32,
    },
    /// A printed package: fields of three colours and lines of print, over `u` and `v`.
    Print {
        /// The further colours, sRGB.
        palette: [[f32; 3]; 3],
        /// Chooses the layout.
        seed: u32,
    },
    /// Cloudy mixture with a second colour.
    Noise {
        /// The colour mixed in, sRGB.
        rgb: [f32; 3],
        /// Size of the clouds.
        scale_m: f32,
    },
    /// Grains of a second colour, as on stone, sponge or an orange.
    Speckle {
        /// Colour of the grains, sRGB.
        rgb: [f32; 3],
        /// Distance between grains.
        scale_m: f32,
        /// Share of the cells that hold a grain, 0..=1.
        density: f32,
    },
    /// Wood grain along the mesh's x axis.
    Wood {
        /// Colour of the late wood, sRGB.
        rgb: [f32; 3],
        /// Width of a year ring.
        ring_m: f32,
    },
    /// Square tiles on the x-y plane with joints between them.
    Tiles {
        /// Colour of the joints, sRGB.
        rgb: [f32; 3],
        /// Edge of a tile.
        tile_m: f32,
        /// Width of a joint.
        joint_m: f32,
    },
    /// A grey picture printed on the x-y plane, from the origin along x and y: the share of the base colour that its
    /// pixels leave. Around it is the base colour.
    Picture {
        /// The picture.
        picture: Arc<Picture>,
        /// Its width and height.
        size_m: [f32; 2],
    },
}

/// A grey picture for [`Pattern::Picture`].
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    width: usize,
    height: usize,
    /// Row by row, linear 0..=1.
    shares: Vec<f32>,
}

/// What the blackest ink throws back.
const INK: f32 = 0.025;

impl Picture {
    /// A picture of sRGB bytes, row by row; `None` unless they fill whole rows.
    #[must_use]
    pub fn new(width: usize, pixels: Vec<u8>) -> Option<Self> {
        let is_whole = width > 0 && !pixels.is_empty() && pixels.len().is_multiple_of(width);
        is_whole.then(|| Self {
            width,
            height: pixels.len() / width,
            shares: pixels
                .into_iter()
                .map(|byte| {
                    let [share, ..] = linear([f32::from(byte) / 255.0; 3]);
                    INK + (1.0 - INK) * share
                })
                .collect(),
        })
    }

    /// The share at a place in 0..1 of its width and height; one beyond.
    fn share(&self, u: f32, v: f32) -> f32 {
        let (x, y) = (u * self.width as f32, v * self.height as f32);
        if x < 0.0 || y < 0.0 || x >= self.width as f32 || y >= self.height as f32 {
            return 1.0;
        }
        self.shares
            .get(y as usize * self.width + x as usize)
            .copied()
            .unwrap_or(1.0)
    }
}

impl Pattern {
    /// A random pattern in random colours, of the size of household things.
    pub fn randomise(rng: &mut impl Rng) -> Self {
        let rgb = random_rgb(rng);
        let size = |rng: &mut _, low: f32, high: f32| log_uniform(rng, low, high);
        match rng.random_range(0..8) {
            0 => Self::Stripes {
                rgb,
                across: std::array::from_fn(|_| rng.random_range(-1.0..1.0)),
                period_m: size(rng, 0.006, 0.12),
                fill: rng.random_range(0.15..0.85),
            },
            1 => Self::Checker {
                rgb,
                cell_m: size(rng, 0.006, 0.1),
            },
            2 => Self::random_label(rng),
            3 => Self::random_print(rng),
            4 => Self::Noise {
                rgb,
                scale_m: size(rng, 0.003, 0.25),
            },
            5 => Self::Speckle {
                rgb,
                scale_m: size(rng, 0.001, 0.02),
                density: rng.random_range(0.05..0.6),
            },
            6 => Self::Wood {
                rgb,
                ring_m: size(rng, 0.008, 0.12),
            },
            _ => Self::Tiles {
                rgb,
                tile_m: size(rng, 0.02, 0.4),
                joint_m: size(rng, 0.001, 0.008),
            },
        }
    }

    fn random_label(rng: &mut impl Rng) -> Self {
        let v_min = rng.random_range(0.0..0.4);
        Self::Label {
            rgb: random_rgb(rng),
            print_rgb: random_rgb(rng),
            v_min,
            v_max: v_min + rng.random_range(0.25..0.6),
            seed: rng.random_range(0..100_000),
        }
    }

    fn random_print(rng: &mut impl Rng) -> Self {
        Self::Print {
            palette: std::array::from_fn(|_| random_rgb(rng)),
            seed: rng.random_range(0..100_000),
        }
    }
}

/// A colour as things have it: often muted, sometimes grey, sometimes vivid. sRGB.
fn random_rgb(rng: &mut impl Rng) -> [f32; 3] {
    let value: f32 = rng.random_range(0.05..0.98);
    let saturation: f32 = match rng.random_range(0..10) {
        0..3 => rng.random_range(0.0..0.08),
        3..7 => rng.random_range(0.0..0.6),
        _ => rng.random_range(0.5..1.0),
    };
    let hue: f32 = rng.random_range(0.0..3.0);
    std::array::from_fn(|k| {
        // Distance of this channel's hue around the circle of three, 0 at the channel to 1.5 opposite.
        let d = (hue - k as f32).rem_euclid(3.0);
        let pure = (2.0 * (d.min(3.0 - d) - 0.25)).clamp(0.0, 1.0);
        (value * (1.0 - saturation * pure)).clamp(0.0, 1.0)
    })
}

fn log_uniform(rng: &mut impl Rng, low: f32, high: f32) -> f32 {
    rng.random_range(low.ln()..high.ln()).exp()
}

/// A material prepared for shading: colours linear instead of sRGB.
#[derive(Clone, Debug)]
pub(super) struct LinearMaterial {
    pub(super) rgb: [f32; 3],
    pub(super) roughness: f32,
    pattern: Pattern,
}

impl LinearMaterial {
    /// Converts the colours once per visual, so that no pixel pays for it.
    pub(super) fn new(material: &Material) -> Self {
        let mut pattern = material.pattern.clone();
        match &mut pattern {
            Pattern::Plain | Pattern::Picture { .. } => {}
            Pattern::Stripes { rgb, across, .. } => {
                *rgb = linear(*rgb);
                let length = across.iter().map(|c| c * c).sum::<f32>().sqrt().max(1e-9);
                across.iter_mut().for_each(|c| *c /= length);
            }
            Pattern::Checker { rgb, .. }
            | Pattern::Noise { rgb, .. }
            | Pattern::Speckle { rgb, .. }
            | Pattern::Wood { rgb, .. }
            | Pattern::Tiles { rgb, .. } => *rgb = linear(*rgb),
            Pattern::Label { rgb, print_rgb, .. } => {
                *rgb = linear(*rgb);
                *print_rgb = linear(*print_rgb);
            }
            Pattern::Print { palette, .. } => palette.iter_mut().for_each(|c| *c = linear(*c)),
        }
        Self {
            rgb: linear(material.rgb),
            roughness: material.roughness.clamp(0.05, 1.0),
            pattern,
        }
    }

    /// Whether the colour is the same everywhere, so that the shader may skip texture coordinates.
    pub(super) fn is_plain(&self) -> bool {
        self.pattern == Pattern::Plain
    }

    /// Linear colour at the mesh-frame point `p` (metres) with texture coordinates `uv`.
    pub(super) fn albedo(&self, p: [f32; 3], uv: [f32; 2]) -> [f32; 3] {
        let base = self.rgb;
        match &self.pattern {
            Pattern::Plain => base,
            Pattern::Stripes {
                rgb,
                across,
                period_m,
                fill,
            } => {
                let s =
                    (p[0] * across[0] + p[1] * across[1] + p[2] * across[2]) / period_m.max(1e-4);
                if s - floor(s) as f32 <= *fill {
                    *rgb
                } else {
                    base
                }
            }
            Pattern::Checker { rgb, cell_m } => {
                // The offset keeps faces that lie on a multiple of the cell from flickering.
                let cell = |c: f32| floor((c + 1.3e-4) / cell_m.max(1e-4));
                if (cell(p[0]) ^ cell(p[1]) ^ cell(p[2])) & 1 == 0 {
                    base
                } else {
                    *rgb
                }
            }
            Pattern::Label {
                rgb,
                print_rgb,
                v_min,
                v_max,
                seed,
            } => {
                if uv[1] < *v_min || uv[1] > *v_max {
                    return base;
                }
                let v = (uv[1] - v_min) / (v_max - v_min).max(1e-4);
                label(*rgb, *print_rgb, base, uv[0], v, *seed)
            }
            Pattern::Print { palette, seed } => print(base, palette, uv, *seed),
            Pattern::Noise { rgb, scale_m } => {
                let s = 1.0 / scale_m.max(1e-4);
                let t = noise_3d(p[0] * s, p[1] * s, p[2] * s);
                mix(base, *rgb, smooth((t - 0.25) * 2.0))
            }
            Pattern::Speckle {
                rgb,
                scale_m,
                density,
            } => {
                let cell = |c: f32| floor(c / scale_m.max(1e-4));
                let h = hash_cell(cell(p[0]), cell(p[1]), cell(p[2]));
                if unit(h) < *density { *rgb } else { base }
            }
            Pattern::Wood { rgb, ring_m } => {
                let s = 1.0 / ring_m.max(1e-4);
                // Rings are planes bent by slow noise along the grain, plus fine streaks.
                let bend = noise_2d(p[0] * 2.5, p[1] * 9.0 + p[2] * 9.0) * 2.2;
                let r = (p[1] + 0.6 * p[2]) * s + bend;
                let ring = r - floor(r) as f32;
                let streak = noise_2d(p[0] * 12.0, (p[1] + p[2]) * 380.0);
                mix(base, *rgb, smooth(ring) * 0.55 + streak * 0.35)
            }
            Pattern::Tiles {
                rgb,
                tile_m,
                joint_m,
            } => {
                let t = tile_m.max(1e-3);
                let inside = |c: f32| c - floor(c / t) as f32 * t > *joint_m;
                if inside(p[0]) && inside(p[1]) {
                    let shade = unit(hash_cell(floor(p[0] / t), floor(p[1] / t), 7));
                    let k = 0.94 + 0.06 * shade;
                    [base[0] * k, base[1] * k, base[2] * k]
                } else {
                    *rgb
                }
            }
            Pattern::Picture { picture, size_m } => {
                let share = picture.share(p[0] / size_m[0], p[1] / size_m[1]);
                base.map(|channel| channel * share)
            }
        }
    }
}

/// The colour inside a label, `v` in 0..=1 over the label's height.
fn label(paper: [f32; 3], ink: [f32; 3], base: [f32; 3], u: f32, v: f32, seed: u32) -> [f32; 3] {
    let s = seed as i32;
    // Two fronts around the body, each with a logo field and lines of print.
    let front = (u * 2.0).fract();
    let band_low = 0.55 + 0.2 * unit(hash_cell(s, 1, 0));
    let band_high = band_low + 0.18 + 0.12 * unit(hash_cell(s, 2, 0));
    if v > band_low && v < band_high {
        let logo = front > 0.25 && front < 0.75;
        let stroke = unit(hash_cell((front * 14.0) as i32, s, 3)) > 0.4;
        let high = (v - band_low) / (band_high - band_low);
        return if logo && stroke && high > 0.2 && high < 0.8 {
            paper
        } else {
            ink
        };
    }
    if !(0.06..=0.94).contains(&v) {
        return mix(paper, base, 0.6);
    }
    if v < band_low - 0.08 && front > 0.12 && front < 0.88 {
        let line = (v * 22.0) as i32;
        let on_line = (v * 22.0).fract() > 0.4;
        let letter = unit(hash_cell((front * 46.0) as i32, line, s)) > 0.35;
        let line_used = unit(hash_cell(line, s, 5)) > 0.25;
        if on_line && letter && line_used {
            return mix(ink, [0.02, 0.02, 0.02], 0.5);
        }
    }
    paper
}

/// The colour of a printed package at `uv`.
fn print(base: [f32; 3], palette: &[[f32; 3]; 3], uv: [f32; 2], seed: u32) -> [f32; 3] {
    let s = seed as i32;
    let r = |k: i32| unit(hash_cell(s, k, 11));
    let [u, v] = uv;
    // A slanted split, a round logo, a headline and a block of small print.
    let split = 0.3 + 0.4 * r(0) + (u - 0.5) * (r(1) - 0.5);
    let ground = if v < split { palette[0] } else { base };
    let (du, dv) = (u - 0.3 - 0.4 * r(2), v - 0.35 - 0.3 * r(3));
    let radius = 0.12 + 0.14 * r(4);
    let d2 = du * du + dv * dv;
    if d2 < radius * radius {
        let ring = d2 > radius * radius * 0.7;
        return if ring { palette[2] } else { palette[1] };
    }
    let headline = 0.78 + 0.08 * r(5);
    if v > headline && v < headline + 0.09 && u > 0.12 && u < 0.88 {
        let letter = (u * 13.0) as i32;
        if unit(hash_cell(letter, s, 13)) > 0.2 && (u * 13.0).fract() > 0.22 {
            return palette[2];
        }
    }
    if v > 0.06 && v < 0.22 && u > 0.1 && u < 0.62 {
        let (column, line) = ((u * 60.0) as i32, (v * 60.0) as i32);
        if line & 1 == 0 && unit(hash_cell(column, line, s)) > 0.4 {
            return mix(ground, palette[1], 0.7);
        }
    }
    ground
}

/// sRGB 0..=1 to linear, per channel.
pub(super) fn linear(rgb: [f32; 3]) -> [f32; 3] {
    rgb.map(|c| {
        let c = c.clamp(0.0, 1.0);
        if c <= 0.040_45 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    })
}

fn mix(a: [f32; 3], b: [f32; 3], t: f32) -> [f32; 3] {
    [
        a[0] + (b[0] - a[0]) * t,
        a[1] + (b[1] - a[1]) * t,
        a[2] + (b[2] - a[2]) * t,
    ]
}

fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
