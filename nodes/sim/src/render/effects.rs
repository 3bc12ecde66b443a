//! What a colour camera does to a picture: white balance, tone, blur and noise.

use rand::{Rng, RngExt as _};

use super::random::NormalStream;

/// Image effects, applied in the order white balance and tone, blur, noise.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageEffects {
    /// Factor on each channel.
    pub white_balance: [f32; 3],
    /// Exponent on values in 0..=1; below 1 brightens.
    pub gamma: f32,
    /// Factor on the distance from middle grey.
    pub contrast: f32,
    /// Weight of each of the two direct neighbours in the blur, 0..=0.33, along rows and columns.
    pub blur: f32,
    /// How many times the picture is blurred so.
    pub blur_passes: u32,
    /// Standard deviation of the noise in black, in levels of 255.
    pub noise: f32,
    /// How much the noise's deviation grows towards white, in levels of 255.
    pub shot_noise: f32,
}

impl ImageEffects {
    /// A good camera in good light: a little softness, a little noise.
    pub fn camera() -> Self {
        Self {
            white_balance: [1.0; 3],
            gamma: 1.0,
            contrast: 1.0,
            blur: 0.12,
            blur_passes: 1,
            noise: 0.8,
            shot_noise: 1.2,
        }
    }

    /// The same with a blur of this standard deviation in pixels.
    #[must_use]
    pub fn with_blur(mut self, deviation_px: f32) -> Self {
        /// Beyond this weight the kernel has a dent in its middle.
        const MOST: f32 = 0.25;
        // Each pass adds twice its weight to the variance.
        let weights = 0.5 * deviation_px * deviation_px;
        self.blur_passes = (weights / MOST).ceil().max(1.0) as u32;
        self.blur = weights / self.blur_passes as f32;
        self
    }

    /// Any camera, for training.
    pub fn randomise(rng: &mut impl Rng) -> Self {
        let cold: f32 = rng.random_range(-0.08..0.08);
        let green: f32 = rng.random_range(-0.03..0.03);
        Self {
            white_balance: [1.0 - cold, 1.0 + green, 1.0 + cold],
            gamma: rng.random_range(0.8..1.25),
            contrast: rng.random_range(0.8..1.2),
            blur: rng.random_range(0.0..0.3),
            blur_passes: 1,
            noise: rng.random_range(0.2..4.0),
            shot_noise: rng.random_range(0.0..5.0),
        }
    }

    /// Applies the effects to an image of interleaved RGB bytes, `width` pixels a row.
    pub fn apply(&self, rgb: &mut [u8], width: usize, rng: &mut impl Rng) {
        let tables = self.white_balance.map(|gain| self.table(gain));
        for pixel in rgb.chunks_exact_mut(3) {
            for (byte, table) in pixel.iter_mut().zip(&tables) {
                *byte = table[usize::from(*byte)];
            }
        }
        for _ in 0..self.blur_passes {
            blur(rgb, width, self.blur);
        }
        let deviation: [f32; 256] =
            std::array::from_fn(|v| self.noise + self.shot_noise * (v as f32 / 255.0).sqrt());
        let mut normal = NormalStream::new(rng);
        for byte in rgb {
            let noisy = f32::from(*byte) + 0.5 + deviation[usize::from(*byte)] * normal.next();
            *byte = (noisy as i32).clamp(0, 255) as u8;
        }
    }

    fn table(&self, gain: f32) -> [u8; 256] {
        std::array::from_fn(|v| {
            let value = (v as f32 / 255.0 * gain).clamp(0.0, 1.0).powf(self.gamma);
            ((value - 0.5) * self.contrast + 0.5).mul_add(255.0, 0.5) as u8
        })
    }
}

/// Blurs with the kernel (w, 1 - 2w, w) along rows, then along columns.
fn blur(rgb: &mut [u8], width: usize, weight: f32) {
    let stride = width * 3;
    let side = (weight.clamp(0.0, 0.33) * 256.0) as u16;
    if side == 0 || stride == 0 || width < 2 || rgb.len() < 2 * stride {
        return;
    }
    let middle = 256 - 2 * side;
    let mixed = |a: u8, b: u8, c: u8| {
        (((u16::from(a) + u16::from(c)) * side + u16::from(b) * middle + 128) >> 8) as u8
    };
    let mut above = vec![0_u8; stride];
    let mut this = vec![0_u8; stride];
    for row in rgb.chunks_exact_mut(stride) {
        this.copy_from_slice(row);
        for (out, (&a, (&b, &c))) in row[3..stride - 3]
            .iter_mut()
            .zip(this.iter().zip(this[3..].iter().zip(&this[6..])))
        {
            *out = mixed(a, b, c);
        }
    }
    above.copy_from_slice(&rgb[..stride]);
    let rows = rgb.len() / stride;
    for y in 0..rows - 1 {
        let (upper, lower) = rgb.split_at_mut((y + 1) * stride);
        let row = &mut upper[y * stride..];
        this.copy_from_slice(row);
        for ((out, (&a, &b)), &c) in row
            .iter_mut()
            .zip(above.iter().zip(&this))
            .zip(lower.iter())
        {
            *out = mixed(a, b, c);
        }
        std::mem::swap(&mut above, &mut this);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64Mcg;

    use super::*;

    const NONE: ImageEffects = ImageEffects {
        white_balance: [1.0; 3],
        gamma: 1.0,
        contrast: 1.0,
        blur: 0.0,
        blur_passes: 1,
        noise: 0.0,
        shot_noise: 0.0,
    };

    fn applied(effects: &ImageEffects, mut rgb: Vec<u8>, width: usize) -> Vec<u8> {
        effects.apply(&mut rgb, width, &mut Pcg64Mcg::seed_from_u64(1));
        rgb
    }

    #[test]
    fn no_effect_changes_nothing() {
        let picture: Vec<u8> = (0..=255).chain(0..=254).collect();
        let picture = picture[..510].to_vec();
        assert_eq!(applied(&NONE, picture.clone(), 10), picture);
    }

    #[test]
    fn noise_has_the_deviation_asked_for() {
        let flat = applied(&ImageEffects { noise: 3.0, ..NONE }, vec![128; 90_000], 100);
        let mean = flat.iter().map(|&v| f64::from(v)).sum::<f64>() / 90_000.0;
        let deviation = (flat
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            / 90_000.0)
            .sqrt();
        assert!(
            (mean - 128.0).abs() < 0.1 && (deviation - 3.0).abs() < 0.1,
            "{mean} {deviation}"
        );
    }

    #[test]
    fn blur_spreads_a_spot_and_keeps_its_light() {
        let mut picture = vec![0; 9 * 9 * 3];
        picture[(4 * 9 + 4) * 3] = 255;
        let blurred = applied(&ImageEffects { blur: 0.25, ..NONE }, picture, 9);
        let at = |x: usize, y: usize| i32::from(blurred[(y * 9 + x) * 3]);
        assert_eq!((at(4, 4), at(3, 4), at(4, 5)), (64, 32, 32));
        let total: i32 = (0..81).map(|i| at(i % 9, i / 9)).sum();
        assert!((total - 255).abs() <= 5, "{total}");
    }

    #[test]
    fn a_blur_has_the_deviation_asked_for() {
        for wanted in [0.49_f32, 1.0, 2.0] {
            let mut picture = vec![0; 41 * 41 * 3];
            for x in 0..3 * 41 {
                picture[20 * 41 * 3 + x] = 255;
            }
            let blurred = applied(&NONE.with_blur(wanted), picture, 41);
            let column = |y: usize| f64::from(blurred[(y * 41 + 20) * 3]);
            let light: f64 = (0..41).map(column).sum();
            let spread: f64 = (0..41).map(|y| column(y) * (y as f64 - 20.0).powi(2)).sum();
            let deviation = (spread / light).sqrt();
            assert!(
                (deviation - f64::from(wanted)).abs() < 0.1,
                "{deviation} for {wanted}"
            );
        }
    }

    #[test]
    fn odd_sizes_do_no_harm() {
        for (length, width) in [(0, 0), (3, 1), (9, 3), (12, 2), (30, 10)] {
            applied(&ImageEffects::camera(), vec![7; length], width);
        }
    }
}
