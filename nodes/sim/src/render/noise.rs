//! Cheap repeatable randomness for textures: integer hashes and a tiling value-noise image.

use std::sync::LazyLock;

/// Edge of the tiling noise image in texels; a power of two.
const SIZE: usize = 128;

/// Four octaves of value noise, tiling in both directions, values 0..=1 (about 0.5 +- 0.2).
static NOISE: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let mut image = vec![0.0_f32; SIZE * SIZE];
    let mut weight = 0.5;
    for octave in 0..4 {
        let cells = 16_usize << octave;
        for y in 0..SIZE {
            for x in 0..SIZE {
                let fx = x as f32 * cells as f32 / SIZE as f32;
                let fy = y as f32 * cells as f32 / SIZE as f32;
                let (ix, iy) = (fx as usize, fy as usize);
                let corner = |dx: usize, dy: usize| {
                    unit(hash_cell(
                        ((ix + dx) % cells) as i32,
                        ((iy + dy) % cells) as i32,
                        octave,
                    ))
                };
                let (tx, ty) = (ease(fx.fract()), ease(fy.fract()));
                let low = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * tx;
                let high = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * tx;
                image[y * SIZE + x] += weight * (low + (high - low) * ty);
            }
        }
        weight *= 0.5;
    }
    image
});

fn ease(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

/// A well-mixed hash of a lattice cell.
pub(super) fn hash_cell(x: i32, y: i32, z: i32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x8da6_b343)
        ^ (y as u32).wrapping_mul(0xd816_3841)
        ^ (z as u32).wrapping_mul(0xcb1a_b31f);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2c1b_3c6d);
    h ^= h >> 12;
    h = h.wrapping_mul(0x297a_2d39);
    h ^ (h >> 15)
}

/// The largest integer not above `x`, for |x| < 2^31.
pub(super) fn floor(x: f32) -> i32 {
    let toward_zero = x as i32;
    toward_zero.saturating_sub(i32::from(x < toward_zero as f32))
}

/// A hash as a number in 0..1.
pub(super) fn unit(hash: u32) -> f32 {
    (hash >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Smooth noise in about 0..=1 (mean 0.47) with features of size 1, repeating every 16.
pub(super) fn noise_2d(x: f32, y: f32) -> f32 {
    let (x, y) = (x * (SIZE as f32 / 16.0), y * (SIZE as f32 / 16.0));
    let (fx, fy) = (floor(x), floor(y));
    let (tx, ty) = (x - fx as f32, y - fy as f32);
    let (ix, iy) = (fx as usize % SIZE, fy as usize % SIZE);
    let (jx, jy) = ((ix + 1) % SIZE, (iy + 1) % SIZE);
    let image: &[f32] = &NOISE;
    let at = |x: usize, y: usize| image[y * SIZE + x];
    let low = at(ix, iy) + (at(jx, iy) - at(ix, iy)) * tx;
    let high = at(ix, jy) + (at(jx, jy) - at(ix, jy)) * tx;
    low + (high - low) * ty
}

/// Smooth noise in space: the mean of three slices, enough for clouds on small objects.
pub(super) fn noise_3d(x: f32, y: f32, z: f32) -> f32 {
    let sum = noise_2d(x + 0.31 * z, y)
        + noise_2d(y + 5.2, z + 0.17 * x)
        + noise_2d(z + 9.1, x + 0.23 * y);
    // Averaging narrows the distribution; widen it again about its mean.
    ((sum / 3.0 - 0.47) * 1.7 + 0.5).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_bounded_and_varies() {
        let samples: Vec<f32> = (0..2000)
            .map(|i| noise_2d(i as f32 * 0.37, i as f32 * 0.11 - 50.0))
            .collect();
        let mean = samples.iter().sum::<f32>() / samples.len() as f32;
        assert!(samples.iter().all(|s| (0.0..=1.0).contains(s)));
        assert!((0.4..0.55).contains(&mean), "{mean}");
        assert!(
            samples.iter().any(|s| *s > mean + 0.15) && samples.iter().any(|s| *s < mean - 0.15)
        );
    }

    #[test]
    fn hash_units_are_uniform() {
        let mut bins = [0_u32; 10];
        for x in 0..100 {
            for y in 0..100 {
                bins[(unit(hash_cell(x, y, 3)) * 10.0) as usize] += 1;
            }
        }
        assert!(bins.iter().all(|&b| (850..1150).contains(&b)), "{bins:?}");
    }
}
