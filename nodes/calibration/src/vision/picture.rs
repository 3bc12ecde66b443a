//! Boards as pictures: textures for simulators.

use image::{GrayImage, Luma};

use super::{dictionary::DictionaryError, pattern::black_patches};
use crate::board::Board;

/// Side of a pixel, metres, unless that makes the picture larger than [`MOST_PX`] to a side.
const PIXEL_M: f64 = 1e-4;
/// Pixels to a side, at most.
const MOST_PX: f64 = 4000.0;

/// The pattern of a board without any white around it; pixels are square, and a tenth of a millimetre wide or so.
///
/// # Errors
/// When OpenCV does not know the dictionary, or it has too few markers.
pub fn picture(board: &Board) -> Result<GrayImage, DictionaryError> {
    let patches = black_patches(board)?;
    let [width, height] = board.size();
    let pixel_m = PIXEL_M.max(width.max(height) / MOST_PX);
    let columns = (width / pixel_m).round().max(1.0);
    let pixel_m = width / columns;
    let rows = (height / pixel_m).round().max(1.0);
    let mut picture = GrayImage::from_pixel(columns as u32, rows as u32, Luma([255]));
    for patch in &patches {
        // A pixel is black when its middle is.
        let range = |axis: usize, most: f64| {
            let edge = |metres: f64| (metres / pixel_m).round().clamp(0.0, most) as u32;
            edge(patch.corner[axis])..edge(patch.corner[axis] + patch.size[axis])
        };
        for y in range(1, rows) {
            for x in range(0, columns) {
                picture.put_pixel(x, y, Luma([0]));
            }
        }
    }
    Ok(picture)
}
