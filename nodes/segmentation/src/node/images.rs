//! Image messages as frames.

use msgs::sensor_msgs::Image;

use crate::SegmentationError;

/// The pixels of a colour message as tightly packed rgb8.
///
/// # Errors
/// [`SegmentationError::Encoding`] for an encoding other than rgb8, bgr8 and mono8, [`SegmentationError::Size`] for too few bytes.
pub(super) fn rgb(image: &Image) -> Result<std::borrow::Cow<'_, [u8]>, SegmentationError> {
    let channels = match image.encoding.as_str() {
        "rgb8" | "bgr8" => 3,
        "mono8" => 1,
        _ => {
            return Err(SegmentationError::Encoding {
                what: "colour",
                encoding: image.encoding.clone(),
                supported: "rgb8, bgr8, mono8",
            });
        }
    };
    let rows = rows(image, "colour", channels)?;
    let packed = image.step as usize == image.width as usize * channels;
    if image.encoding == "rgb8" && packed {
        let size = image.width as usize * image.height as usize * 3;
        return Ok(std::borrow::Cow::Borrowed(
            image.data.get(..size).unwrap_or(&image.data),
        ));
    }
    let mut rgb = Vec::with_capacity(image.width as usize * image.height as usize * 3);
    for row in rows {
        match image.encoding.as_str() {
            "bgr8" => rgb.extend(row.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0]])),
            "mono8" => rgb.extend(row.iter().flat_map(|v| [*v; 3])),
            _ => rgb.extend_from_slice(row),
        }
    }
    Ok(std::borrow::Cow::Owned(rgb))
}

/// The values of a 16UC1 depth message in millimetres.
///
/// # Errors
/// [`SegmentationError::Encoding`] for another encoding, [`SegmentationError::Size`] for too few bytes.
pub(super) fn depth_mm(image: &Image) -> Result<Vec<u16>, SegmentationError> {
    if !matches!(image.encoding.as_str(), "16UC1" | "mono16") {
        return Err(SegmentationError::Encoding {
            what: "depth",
            encoding: image.encoding.clone(),
            supported: "16UC1 (millimetres)",
        });
    }
    let mut depth = Vec::with_capacity(image.width as usize * image.height as usize);
    for row in rows(image, "depth", 2)? {
        let pairs = row.chunks_exact(2);
        if image.is_bigendian == 0 {
            depth.extend(pairs.map(|b| u16::from_le_bytes([b[0], b[1]])));
        } else {
            depth.extend(pairs.map(|b| u16::from_be_bytes([b[0], b[1]])));
        }
    }
    Ok(depth)
}

/// The rows of an image, each without padding.
fn rows<'a>(
    image: &'a Image,
    what: &'static str,
    per_pixel: usize,
) -> Result<impl Iterator<Item = &'a [u8]>, SegmentationError> {
    let (width, height, step) = (
        image.width as usize * per_pixel,
        image.height as usize,
        image.step as usize,
    );
    let expected = step.saturating_mul(height);
    if width == 0 || height == 0 || step < width || image.data.len() < expected {
        return Err(SegmentationError::Size {
            what,
            width: image.width,
            height: image.height,
            expected: expected.max(width.saturating_mul(height)),
            actual: image.data.len(),
        });
    }
    Ok(image
        .data
        .chunks_exact(step)
        .take(height)
        .map(move |row| &row[..width]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(encoding: &str, step: u32, data: Vec<u8>) -> Image {
        Image {
            width: 2,
            height: 2,
            encoding: encoding.into(),
            step,
            data,
            ..Image::default()
        }
    }

    #[test]
    fn unpacks_what_cameras_send() {
        let padded = image(
            "bgr8",
            8,
            vec![1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0],
        );
        assert_eq!(
            rgb(&padded).unwrap().as_ref(),
            [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]
        );
        assert_eq!(
            rgb(&image("mono8", 2, vec![1, 2, 3, 4])).unwrap().as_ref(),
            [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
        );
        assert_eq!(
            depth_mm(&image("16UC1", 4, vec![1, 0, 0, 1, 232, 3, 0, 0])).unwrap(),
            [1, 256, 1000, 0]
        );
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        assert!(
            rgb(&image("yuv422", 4, vec![0; 8]))
                .unwrap_err()
                .to_string()
                .contains("yuv422")
        );
        assert!(
            rgb(&image("rgb8", 6, vec![0; 11]))
                .unwrap_err()
                .to_string()
                .contains("12")
        );
        assert!(rgb(&image("rgb8", 3, vec![0; 12])).is_err());
        assert!(depth_mm(&image("32FC1", 8, vec![0; 16])).is_err());
    }
}
