//! Fits frames of any size into the network's frame.

use crate::frame::Frame;
use crate::manifest::{FrameSize, Normalisation};

/// How a frame lies in the network's frame: scaled about the top left corner, the rest filled.
///
/// Pixel coordinates count from the centre of the top left pixel in both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fit {
    /// Frame pixels per network pixel.
    pub(crate) scale: f64,
    pub(crate) frame: (u32, u32),
    pub(crate) network: FrameSize,
}

impl Fit {
    pub(crate) fn new(frame: (u32, u32), network: FrameSize) -> Self {
        let scale = (f64::from(frame.0) / f64::from(network.width))
            .max(f64::from(frame.1) / f64::from(network.height));
        Self {
            scale,
            frame,
            network,
        }
    }

    pub(crate) fn to_network(self, [x, y]: [f64; 2]) -> [f64; 2] {
        [(x + 0.5) / self.scale - 0.5, (y + 0.5) / self.scale - 0.5]
    }

    /// Index of the network's pixel nearest to a pixel of the frame.
    pub(crate) fn network_index(self, pixel: [f64; 2]) -> usize {
        let [x, y] = self.to_network(pixel).map(|v| v.round().max(0.0) as usize);
        let (width, height) = (self.network.width as usize, self.network.height as usize);
        y.min(height.saturating_sub(1)) * width + x.min(width.saturating_sub(1))
    }

    pub(crate) fn to_frame(self, [x, y]: [f64; 2]) -> [f64; 2] {
        [(x + 0.5) * self.scale - 0.5, (y + 0.5) * self.scale - 0.5]
    }

    /// Columns and rows of the network's frame that show the frame.
    pub(crate) fn used(&self) -> (usize, usize) {
        let cover = |n: u32, most: u32| {
            ((f64::from(n) / self.scale).round() as usize).clamp(1, most as usize)
        };
        (
            cover(self.frame.0, self.network.width),
            cover(self.frame.1, self.network.height),
        )
    }
}

/// Writes the normalised planes of a frame: red, green, blue, each of the network's size, padding zero.
pub(crate) fn colour_planes(
    frame: &Frame<'_>,
    fit: &Fit,
    normalisation: &Normalisation,
    planes: &mut Vec<f32>,
) {
    let (width, height) = (fit.network.width as usize, fit.network.height as usize);
    let plane = width * height;
    planes.clear();
    planes.resize(3 * plane, 0.0);
    let (used_width, used_height) = fit.used();
    let gain: [f32; 3] = std::array::from_fn(|c| 1.0 / (255.0 * normalisation.std[c]));
    let offset: [f32; 3] = std::array::from_fn(|c| -normalisation.mean[c] / normalisation.std[c]);
    let stride = fit.frame.0 as usize * 3;
    let rgb = frame.rgb();
    let columns: Vec<(usize, usize)> = (0..used_width)
        .map(|x| span(x, fit.scale, fit.frame.0 as usize))
        .collect();
    for y in 0..used_height {
        let (top, bottom) = span(y, fit.scale, fit.frame.1 as usize);
        for (x, &(left, right)) in columns.iter().enumerate() {
            let mut sum = [0_u32; 3];
            for row in top..bottom {
                let start = row * stride;
                for pixel in rgb[start + left * 3..start + right * 3].chunks_exact(3) {
                    for c in 0..3 {
                        sum[c] += u32::from(pixel[c]);
                    }
                }
            }
            let share = 1.0 / ((bottom - top) * (right - left)) as f32;
            for c in 0..3 {
                planes[c * plane + y * width + x] = sum[c] as f32 * share * gain[c] + offset[c];
            }
        }
    }
}

/// Writes the depth plane in metres, 0 where not measured. Takes single values: averages across an edge
/// would lie on neither side of it.
pub(crate) fn depth_plane(frame: &Frame<'_>, fit: &Fit, plane: &mut Vec<f32>) {
    let (width, height) = (fit.network.width as usize, fit.network.height as usize);
    plane.clear();
    plane.resize(width * height, 0.0);
    let Some(depth) = frame.depth_mm() else {
        return;
    };
    let (used_width, used_height) = fit.used();
    let stride = fit.frame.0 as usize;
    let columns: Vec<usize> = (0..used_width)
        .map(|x| span(x, fit.scale, stride).0)
        .collect();
    for y in 0..used_height {
        let row = span(y, fit.scale, fit.frame.1 as usize).0 * stride;
        for (x, &column) in columns.iter().enumerate() {
            plane[y * width + x] = f32::from(depth[row + column]) * 1e-3;
        }
    }
}

/// The frame's pixels `first..end` that network pixel `index` covers; at least one.
fn span(index: usize, scale: f64, size: usize) -> (usize, usize) {
    let first = ((index as f64 * scale).round() as usize).min(size - 1);
    let end = (((index + 1) as f64 * scale).round() as usize).clamp(first + 1, size);
    (first, end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::DepthUnit;
    use proptest::prelude::*;

    const NETWORK: FrameSize = FrameSize {
        width: 64,
        height: 36,
    };

    fn plain() -> Normalisation {
        Normalisation {
            mean: [0.0; 3],
            std: [1.0; 3],
            depth: DepthUnit::Metres,
        }
    }

    #[test]
    fn halves_an_image_by_averaging_four_pixels() {
        let mut rgb = vec![0_u8; 128 * 72 * 3];
        // The four pixels under network pixel (1, 0).
        for (x, y, value) in [(2, 0, 40), (3, 0, 80), (2, 1, 120), (3, 1, 160)] {
            rgb[(y * 128 + x) * 3 + 1] = value;
        }
        let frame = Frame::new(128, 72, &rgb).unwrap();
        let mut planes = Vec::new();
        colour_planes(&frame, &Fit::new((128, 72), NETWORK), &plain(), &mut planes);
        assert!((planes[64 * 36 + 1] - 100.0 / 255.0).abs() < 1e-6);
        assert_eq!(planes.iter().filter(|v| **v != 0.0).count(), 1);
    }

    #[test]
    fn a_tall_image_fills_the_height_and_pads_the_width() {
        let fit = Fit::new((36, 72), NETWORK);
        assert_eq!(fit.used(), (18, 36));
        let rgb = vec![255_u8; 36 * 72 * 3];
        let mut planes = Vec::new();
        colour_planes(
            &Frame::new(36, 72, &rgb).unwrap(),
            &fit,
            &plain(),
            &mut planes,
        );
        assert_eq!(planes.iter().filter(|v| **v != 0.0).count(), 3 * 18 * 36);
    }

    #[test]
    fn depth_is_taken_not_averaged() {
        let (rgb, mut depth) = (vec![0_u8; 128 * 72 * 3], vec![0_u16; 128 * 72]);
        depth[2] = 900;
        depth[3] = 1500;
        let frame = Frame::new(128, 72, &rgb)
            .unwrap()
            .with_depth(&depth)
            .unwrap();
        let mut plane = Vec::new();
        depth_plane(&frame, &Fit::new((128, 72), NETWORK), &mut plane);
        assert!((plane[1] - 0.9).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn any_size_fits_and_points_come_back(w in 1_u32..300, h in 1_u32..300, x in 0.0..1.0_f64, y in 0.0..1.0_f64) {
            let fit = Fit::new((w, h), NETWORK);
            let rgb = vec![7_u8; (w * h * 3) as usize];
            let depth = vec![7_u16; (w * h) as usize];
            let frame = Frame::new(w, h, &rgb).unwrap().with_depth(&depth).unwrap();
            let (mut planes, mut plane) = (Vec::new(), Vec::new());
            colour_planes(&frame, &fit, &plain(), &mut planes);
            depth_plane(&frame, &fit, &mut plane);
            let point = [x * f64::from(w), y * f64::from(h)];
            let back = fit.to_frame(fit.to_network(point));
            prop_assert!((back[0] - point[0]).abs() < 1e-9 && (back[1] - point[1]).abs() < 1e-9);
        }
    }
}
