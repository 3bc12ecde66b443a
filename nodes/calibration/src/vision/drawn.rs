//! Pictures of boards as a camera would take them, for tests and examples.

use camera::Intrinsics;
use image::{GrayImage, Luma};
use nalgebra::{Isometry3, Point2, Vector3};
use rand::SeedableRng as _;
use rand_distr::{Distribution as _, StandardNormal};
use rand_pcg::Pcg64;

use super::{dictionary::DictionaryError, pattern::black_patches};
use crate::board::Board;

/// White around the pattern, metres.
const PAPER_M: f64 = 0.025;
/// Brightness of ink, paper and wall, of 255.
const BRIGHTNESS: [f64; 3] = [30.0, 220.0, 110.0];
/// Deviation of a pixel.
const NOISE: f64 = 2.0;

/// A board before a grey wall: the mean of nine rays a pixel through the camera's lens, and noise.
///
/// # Errors
/// When OpenCV does not know the dictionary, or it has too few markers.
pub fn draw(
    board: &Board,
    camera: &Intrinsics,
    camera_from_board: &Isometry3<f64>,
    seed: u64,
) -> Result<GrayImage, DictionaryError> {
    let patches = black_patches(board)?;
    let [width, height] = board.size();
    let [ink, paper, wall] = BRIGHTNESS;
    let board_from_camera = camera_from_board.inverse();
    let origin = board_from_camera.translation.vector;
    let brightness = |u: f64, v: f64| {
        let Ok(ray) = camera.ray(&Point2::new(u, v)) else {
            return wall;
        };
        let ray = board_from_camera.rotation * Vector3::new(ray.x, ray.y, 1.0);
        let hit = origin - ray * (origin.z / ray.z);
        let on_paper = (-PAPER_M..width + PAPER_M).contains(&hit.x)
            && (-PAPER_M..height + PAPER_M).contains(&hit.y);
        if !on_paper {
            wall
        } else if patches.iter().any(|patch| patch.contains(hit.x, hit.y)) {
            ink
        } else {
            paper
        }
    };
    let mut random = Pcg64::seed_from_u64(seed);
    Ok(GrayImage::from_fn(camera.width, camera.height, |u, v| {
        let mut sum = 0.0;
        for sample in 0..9 {
            let (right, down) = (
                f64::from(sample % 3 - 1) / 3.0,
                f64::from(sample / 3 - 1) / 3.0,
            );
            sum += brightness(f64::from(u) + right, f64::from(v) + down);
        }
        let noise: f64 = StandardNormal.sample(&mut random);
        Luma([(sum / 9.0 + NOISE * noise).clamp(0.0, 255.0) as u8])
    }))
}
