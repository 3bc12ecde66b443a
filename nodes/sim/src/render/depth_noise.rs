//! What a D455 makes of the true depth.
//!
//! A stereo camera measures disparity, with an error that is about the same everywhere; so the error
//! of its depth grows with the square of the distance. Part of the error is common to a patch of
//! pixels, because matching compares patches. For the same reason outlines are ragged and a little
//! too wide, and there is no depth where only one of the two imagers looks: beside the edges of near
//! things and on surfaces seen at a grazing angle. Depth comes in whole millimetres.
//!
//! ```
//! use camera::Intrinsics;
//! use rand::SeedableRng as _;
//! use sim::render::depth_noise::DepthNoise;
//!
//! # fn main() -> Result<(), camera::ModelError> {
//! let camera = Intrinsics::from_hfov(64, 48, 1.5)?;
//! let truth = vec![1.0_f32; 64 * 48];
//! let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(7);
//! let mut depth_mm = Vec::new();
//! DepthNoise::d455().apply(&truth, &camera, &mut rng, &mut depth_mm);
//! assert_eq!(depth_mm.len(), truth.len());
//! # Ok(())
//! # }
//! ```

use camera::Intrinsics;
use rand::{Rng, RngExt as _};

use super::random::{NormalStream, SmoothField};

/// Distance between the D455's imagers, metres.
const D455_BASELINE_M: f32 = 0.095;
/// Width of the picture that [`DepthNoise::subpixel_px`] and the other pixel sizes refer to.
const NATIVE_WIDTH: f32 = 1280.0;
/// Share of the disparity's variance that neighbouring pixels have in common.
const COMMON_SHARE: f32 = 0.6;

/// The noise model; pixel sizes are those of a picture 1280 wide and are scaled to other widths.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthNoise {
    /// Distance between the imagers, metres.
    pub baseline_m: f32,
    /// Standard deviation of the disparity error, pixels.
    pub subpixel_px: f32,
    /// Size of the patches that share part of their error, pixels.
    pub patch_px: f32,
    /// How far outlines are displaced, standard deviation in pixels.
    pub ragged_px: f32,
    /// Nothing nearer than this is measured, metres. It shrinks with the resolution of the stream:
    /// 0.4 m at 1280x720, about half of that at 640x360.
    pub min_range_m: f32,
    /// Nothing further than this is measured, metres.
    pub max_range_m: f32,
    /// Surfaces steeper than this against the line of sight have holes: tangent of the angle.
    pub grazing_tan: f32,
    /// Share of the picture that drops out for no visible reason, in blobs.
    pub dropout: f32,
}

impl DepthNoise {
    /// Figures of a D455: about 1.2 mm deviation at 1 m, 5 mm at 2 m.
    pub fn d455() -> Self {
        Self {
            baseline_m: D455_BASELINE_M,
            subpixel_px: 0.08,
            patch_px: 9.0,
            ragged_px: 1.2,
            min_range_m: 0.4,
            max_range_m: 8.0,
            grazing_tan: 7.0,
            dropout: 0.0015,
        }
    }

    /// A stereo camera of random quality around the D455, for training.
    pub fn randomise(rng: &mut impl Rng) -> Self {
        Self {
            baseline_m: D455_BASELINE_M,
            subpixel_px: rng.random_range(0.02..0.2),
            patch_px: rng.random_range(5.0..16.0),
            ragged_px: rng.random_range(0.2..3.0),
            min_range_m: rng.random_range(0.15..0.42),
            max_range_m: rng.random_range(4.0..10.0),
            grazing_tan: rng.random_range(4.0..14.0),
            dropout: rng.random_range(0.0..0.02),
        }
    }

    /// Standard deviation of the depth of a flat surface at a distance, in metres, for a camera.
    pub fn sigma_m(&self, z_m: f32, intrinsics: &Intrinsics) -> f32 {
        z_m * z_m * self.subpixel_px / (native_focal(intrinsics) * self.baseline_m)
    }

    /// Measures a true depth image (metres, 0 = nothing there): whole millimetres, 0 = no depth.
    ///
    /// `depth_mm` is resized to match. The same `rng` state gives the same image.
    pub fn apply(
        &self,
        truth_m: &[f32],
        intrinsics: &Intrinsics,
        rng: &mut impl Rng,
        depth_mm: &mut Vec<u16>,
    ) {
        let (width, height) = (intrinsics.width as usize, intrinsics.height as usize);
        depth_mm.clear();
        depth_mm.resize(width * height, 0);
        if truth_m.len() < width * height || width < 3 || height < 3 {
            return;
        }
        let scale = width as f32 / NATIVE_WIDTH;
        let focal_baseline = native_focal(intrinsics) * self.baseline_m;
        let mut fields: [SmoothField; 4] = Default::default();
        for (field, spacing) in fields.iter_mut().zip([1.0, 0.55, 0.55, 2.2]) {
            field.draw(
                width,
                height,
                (self.patch_px * scale * spacing).max(1.5),
                rng,
            );
        }
        let mut rows = [0; 4].map(|_| vec![0.0_f32; width]);
        // Interpolation between nodes lowers the deviation to about two thirds.
        let common = self.subpixel_px * COMMON_SHARE.sqrt() * 1.5;
        let own = self.subpixel_px * (1.0 - COMMON_SHARE).sqrt();
        let ragged = self.ragged_px * scale * 1.5;
        let dropout_level = quantile_of_smooth_field(self.dropout);
        // Pixels to the side where the other imager looks behind a near edge.
        let shadow = scale * focal_baseline;
        let grazing = self.grazing_tan / intrinsics.fx as f32;
        let mut normal = NormalStream::new(rng);
        for y in 0..height {
            for (field, row) in fields.iter_mut().zip(&mut rows) {
                field.row(y, row);
            }
            let [common_row, ragged_x, ragged_y, blobs] = &rows;
            let (common_row, blobs) = (&common_row[..width], &blobs[..width]);
            let (ragged_x, ragged_y) = (&ragged_x[..width], &ragged_y[..width]);
            let mut covered_until = 0_usize;
            let mut covered_inverse = 0.0_f32;
            for x in 0..width {
                let noise = normal.next();
                // Casts by way of i32, which processors have an instruction for.
                let sx =
                    ((x as i32 as f32 + ragged_x[x] * ragged) as i32).clamp(1, width as i32 - 2);
                let sy =
                    ((y as i32 as f32 + ragged_y[x] * ragged) as i32).clamp(1, height as i32 - 2);
                let at = sy as usize * width + sx as usize;
                let z = truth_m[at];
                if !(z > self.min_range_m && z < self.max_range_m) {
                    continue;
                }
                let inverse = 1.0 / z;
                // A step down to the right hides what lies beside it from the other imager.
                let left = truth_m[at - 1];
                if left > 0.0 && left < z * 0.96 {
                    let reach = (shadow * (1.0 / left - inverse)).min(40.0 * scale);
                    covered_until = covered_until.max(x + reach as usize);
                    covered_inverse = inverse;
                }
                if x < covered_until && inverse < covered_inverse * 1.02 {
                    continue;
                }
                let slope_x = (truth_m[at + 1] - left).abs();
                let slope_y = (truth_m[at + width] - truth_m[at - width]).abs();
                let steepness = slope_x.max(slope_y) * 0.5 * inverse;
                if steepness > grazing * (1.0 + 0.35 * blobs[x]) || blobs[x] > dropout_level {
                    continue;
                }
                let disparity = focal_baseline * inverse + common * common_row[x] + own * noise;
                let measured = focal_baseline / disparity.max(1e-3);
                depth_mm[y * width + x] = millimetres(measured);
            }
        }
    }
}

/// True depth (metres, 0 = nothing) in whole millimetres: the noise switched off.
pub fn to_millimetres(truth_m: &[f32], depth_mm: &mut Vec<u16>) {
    depth_mm.clear();
    depth_mm.extend(truth_m.iter().map(|&z| millimetres(z)));
}

fn millimetres(z_m: f32) -> u16 {
    // The cast saturates, and takes NaN to 0.
    (z_m * 1000.0 + 0.5) as u16
}

/// Focal length of the same camera at its native width, pixels.
fn native_focal(intrinsics: &Intrinsics) -> f32 {
    intrinsics.fx as f32 * NATIVE_WIDTH / intrinsics.width.max(1) as f32
}

/// Level that a [`SmoothField`] exceeds on about this share of its area (measured, for small shares).
fn quantile_of_smooth_field(share: f32) -> f32 {
    if share <= 0.0 {
        return f32::MAX;
    }
    // The field is nearly normal with deviation 0.67: a rational approximation of the normal tail.
    let t = (-2.0 * share.min(0.5).ln()).sqrt();
    0.67 * (t - (2.307_53 + 0.270_61 * t) / (1.0 + 0.992_29 * t + 0.044_81 * t * t))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64Mcg;

    use super::*;

    fn camera() -> Intrinsics {
        Intrinsics::from_hfov(640, 360, 87_f64.to_radians()).unwrap()
    }

    fn measure(noise: &DepthNoise, truth: &[f32], seed: u64) -> Vec<u16> {
        let mut out = Vec::new();
        noise.apply(
            truth,
            &camera(),
            &mut Pcg64Mcg::seed_from_u64(seed),
            &mut out,
        );
        out
    }

    fn deviation(depth: &[u16]) -> f64 {
        let valid: Vec<f64> = depth
            .iter()
            .filter(|&&d| d > 0)
            .map(|&d| f64::from(d) / 1000.0)
            .collect();
        let mean = valid.iter().sum::<f64>() / valid.len() as f64;
        (valid.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / valid.len() as f64).sqrt()
    }

    #[test]
    fn error_grows_with_the_square_of_the_distance() {
        let noise = DepthNoise {
            dropout: 0.0,
            ..DepthNoise::d455()
        };
        let measured: Vec<(f64, f64)> = [0.7_f32, 1.0, 1.4, 2.0, 2.8, 4.0]
            .map(|z| {
                (
                    f64::from(z).ln(),
                    deviation(&measure(&noise, &vec![z; 640 * 360], 3)).ln(),
                )
            })
            .to_vec();
        let n = measured.len() as f64;
        let (mx, my) = measured
            .iter()
            .fold((0.0, 0.0), |(a, b), (x, y)| (a + x / n, b + y / n));
        let slope = measured
            .iter()
            .map(|(x, y)| (x - mx) * (y - my))
            .sum::<f64>()
            / measured.iter().map(|(x, _)| (x - mx).powi(2)).sum::<f64>();
        assert!((slope - 2.0).abs() < 0.1, "exponent {slope}");
        let at_two = deviation(&measure(&noise, &vec![2.0; 640 * 360], 4));
        let expected = f64::from(noise.sigma_m(2.0, &camera()));
        assert!(
            (at_two / expected - 1.0).abs() < 0.15,
            "{at_two} instead of {expected}"
        );
    }

    #[test]
    fn neighbours_share_part_of_their_error() {
        let depth = measure(
            &DepthNoise {
                dropout: 0.0,
                ..DepthNoise::d455()
            },
            &vec![3.0; 640 * 360],
            9,
        );
        let error: Vec<f64> = depth.iter().map(|&d| f64::from(d) - 3000.0).collect();
        let product: f64 = error.windows(2).map(|w| w[0] * w[1]).sum();
        let square: f64 = error.iter().map(|e| e * e).sum();
        let correlation = product / square;
        assert!((0.3..0.8).contains(&correlation), "{correlation}");
    }

    #[test]
    fn too_near_and_too_far_is_not_measured() {
        let noise = DepthNoise::d455();
        for z in [0.0, 0.39, 9.0, f32::NAN, f32::INFINITY] {
            assert!(
                measure(&noise, &vec![z; 640 * 360], 1)
                    .iter()
                    .all(|&d| d == 0),
                "{z}"
            );
        }
        let seen = measure(&noise, &vec![0.5; 640 * 360], 1)
            .iter()
            .filter(|&&d| d > 0)
            .count();
        assert!(seen > 640 * 360 * 98 / 100, "{seen}");
    }

    #[test]
    fn depth_is_missing_beside_near_edges_and_on_grazing_surfaces() {
        // A near square before a far wall.
        let mut truth = vec![1.5_f32; 640 * 360];
        for y in 120..240 {
            truth[y * 640 + 250..y * 640 + 390].fill(0.6);
        }
        let depth = measure(&DepthNoise::d455(), &truth, 2);
        let holes = |xs: std::ops::Range<usize>| {
            (150..210)
                .map(|y| xs.clone().filter(|x| depth[y * 640 + x] == 0).count())
                .sum::<usize>()
        };
        assert!(
            holes(390..410) > 60 * 10,
            "right of the square: {}",
            holes(390..410)
        );
        assert!(holes(300..340) < 60, "on the square: {}", holes(300..340));
        assert!(holes(500..600) < 300, "on the wall: {}", holes(500..600));
        // A floor that is seen ever more grazingly towards the horizon.
        let floor: Vec<f32> = (0..360)
            .flat_map(|y| std::iter::repeat_n(0.3 * 337.0 / (y as f32 - 100.0).max(0.5), 640))
            .collect();
        let depth = measure(
            &DepthNoise {
                max_range_m: 1e3,
                ..DepthNoise::d455()
            },
            &floor,
            2,
        );
        let row = |y: usize| {
            depth[y * 640..(y + 1) * 640]
                .iter()
                .filter(|&&d| d > 0)
                .count()
        };
        assert!(row(110) < 64 && row(300) > 600, "{} {}", row(110), row(300));
    }

    #[test]
    fn a_seed_repeats_its_image_and_seeds_differ() {
        let truth: Vec<f32> = (0..640 * 360)
            .map(|i| 0.6 + (i % 640) as f32 * 1e-3)
            .collect();
        let noise = DepthNoise::d455();
        assert_eq!(measure(&noise, &truth, 5), measure(&noise, &truth, 5));
        assert_ne!(measure(&noise, &truth, 5), measure(&noise, &truth, 6));
    }

    #[test]
    fn without_noise_depth_is_rounded_to_millimetres() {
        let mut out = Vec::new();
        to_millimetres(&[0.0, 0.5004, 0.5006, 1.25, f32::NAN, 1e9, -1.0], &mut out);
        assert_eq!(out, [0, 500, 501, 1250, 0, u16::MAX, 0]);
    }
}
