//! Pictures that are part of the page.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use image::{RgbImage, codecs::jpeg::JpegEncoder, imageops};

/// Smaller files show blocks around edges, larger ones nothing that could be seen.
const QUALITY: u8 = 80;

/// Why bytes are no picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The bytes are not those of such a picture.
    #[error("{bytes} bytes are no rgb8 picture of {width}x{height} pixels")]
    Size {
        /// How many there are.
        bytes: usize,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// It cannot be compressed.
    #[error("a picture of {width}x{height} pixels cannot be compressed: {error}")]
    Encode {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// The cause.
        error: image::ImageError,
    },
}

/// A compressed picture: some ten kilobytes in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    jpeg: Vec<u8>,
}

impl Picture {
    /// Compresses rgb8 pixels, row by row, to a picture of at most `widest` columns.
    ///
    /// # Errors
    /// When `rgb` is not `3 * width * height` bytes, or when there are no pixels.
    pub fn from_rgb(
        rgb: &[u8],
        width: u32,
        height: u32,
        widest: u32,
    ) -> Result<Self, PictureError> {
        let bytes = 3 * u128::from(width) * u128::from(height);
        let pixels = Some(rgb.to_vec())
            .filter(|rgb| rgb.len() as u128 == bytes && bytes > 0)
            .and_then(|rgb| RgbImage::from_raw(width, height, rgb))
            .ok_or(PictureError::Size {
                bytes: rgb.len(),
                width,
                height,
            })?;
        let pixels = if width > widest.max(1) {
            let rows = u64::from(height) * u64::from(widest.max(1)) / u64::from(width);
            // Not more than the rows that there are.
            let rows = u32::try_from(rows).unwrap_or(height).max(1);
            imageops::thumbnail(&pixels, widest.max(1), rows)
        } else {
            pixels
        };
        let mut jpeg = Vec::new();
        pixels
            .write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, QUALITY))
            .map_err(|error| PictureError::Encode {
                width,
                height,
                error,
            })?;
        Ok(Self {
            width: pixels.width(),
            height: pixels.height(),
            jpeg,
        })
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        [self.width, self.height]
    }

    pub(crate) fn data_uri(&self) -> String {
        format!(
            "data:image/jpeg;base64,{}",
            BASE64_STANDARD.encode(&self.jpeg)
        )
    }
}
