//! Pictures from messages.

use image::GrayImage;
use msgs::sensor_msgs::Image;

/// Why a message is not a picture.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum PictureError {
    #[error("pictures have the encoding {0}; rgb8, bgr8 and mono8 are known")]
    Encoding(String),
    #[error(
        "a picture of {width}x{height} pixels in rows of {step} bytes has {bytes} bytes, which do not fit; is the camera's driver whole?"
    )]
    Size {
        width: u32,
        height: u32,
        step: u32,
        bytes: usize,
    },
}

/// A colour message in grey.
pub(super) fn grey(image: &Image) -> Result<GrayImage, PictureError> {
    let channels = match image.encoding.as_str() {
        "rgb8" | "bgr8" => 3,
        "mono8" => 1,
        _ => return Err(PictureError::Encoding(image.encoding.clone())),
    };
    let size = || PictureError::Size {
        width: image.width,
        height: image.height,
        step: image.step,
        bytes: image.data.len(),
    };
    let (width, height, step) = (
        image.width as usize,
        image.height as usize,
        image.step as usize,
    );
    let line = width
        .checked_mul(channels)
        .filter(|line| (1..=step).contains(line) && height > 0)
        .ok_or_else(size)?;
    // The last row may lack its padding. Before anything is allocated: the figures are the sender's.
    let bytes = (height - 1)
        .checked_mul(step)
        .and_then(|rows| rows.checked_add(line));
    if bytes.is_none_or(|bytes| bytes > image.data.len()) {
        return Err(size());
    }
    let mut pixels = Vec::with_capacity(width * height);
    for row in image.data.chunks(step).take(height) {
        let line = row.get(..line).ok_or_else(size)?;
        pixels.extend(line.chunks_exact(channels).map(|pixel| match pixel {
            [r, g, b] => {
                let (r, b) = if image.encoding == "bgr8" {
                    (b, r)
                } else {
                    (r, b)
                };
                // ITU-R BT.601, in parts of 256.
                ((77 * u32::from(*r) + 150 * u32::from(*g) + 29 * u32::from(*b)) >> 8) as u8
            }
            _ => pixel[0],
        }));
    }
    GrayImage::from_raw(image.width, image.height, pixels).ok_or_else(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: u32, height: u32, step: u32, bytes: usize) -> Image {
        Image {
            width,
            height,
            step,
            encoding: "rgb8".to_owned(),
            data: vec![100; bytes],
            ..Image::default()
        }
    }

    #[test]
    fn a_picture_has_the_bytes_that_it_speaks_of() {
        // Rows of 6 bytes and 2 of padding, which the last may lack.
        let grey_picture = grey(&image(2, 3, 8, 22)).unwrap();
        assert_eq!(grey_picture.as_raw(), &[100; 6]);
        for (width, height, step, bytes) in [
            (2, 3, 8, 21),
            (2, 3, 5, 24),
            (u32::MAX, u32::MAX, u32::MAX, 12),
            (u32::MAX / 3, u32::MAX, u32::MAX, 12),
            (0, 3, 8, 24),
            (2, 0, 8, 24),
        ] {
            let error = grey(&image(width, height, step, bytes)).unwrap_err();
            assert!(
                error.to_string().contains(&format!("{bytes} bytes")),
                "{error}"
            );
        }
        let mut depth = image(2, 3, 8, 24);
        depth.encoding = "16UC1".to_owned();
        assert!(grey(&depth).unwrap_err().to_string().contains("16UC1"));
    }
}
