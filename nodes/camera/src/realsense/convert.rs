//! The library's images and lenses, as the messages have them.

use crate::model::{Distortion, Intrinsics, ModelError};

/// How an image's bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Red, green, blue.
    Rgb8,
    /// Blue, green, red.
    Bgr8,
    /// Red, green, blue and one byte more.
    Rgba8,
    /// Blue, green, red and one byte more.
    Bgra8,
    /// Depth, little-endian 16 bit.
    Z16,
}

impl Format {
    const fn bytes_per_pixel(self) -> usize {
        match self {
            Self::Z16 => 2,
            Self::Rgb8 | Self::Bgr8 => 3,
            Self::Rgba8 | Self::Bgra8 => 4,
        }
    }
}

/// An image in the library's memory.
#[derive(Debug, Clone, Copy)]
pub struct RawImage<'a> {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// How a pixel is stored.
    pub format: Format,
    /// The rows.
    pub data: &'a [u8],
}

/// Why an image or a lens cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The image is not what its description says.
    #[error(
        "an image of {width}x{height} pixels with rows of {stride} bytes has only {length} bytes"
    )]
    Short {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Bytes from one row to the next.
        stride: usize,
        /// Bytes that there are.
        length: usize,
    },
    /// Depth where colour should be, or the other way round.
    #[error("the format {format:?} is not one of {expected}")]
    Format {
        /// What it is.
        format: Format,
        /// What it should be.
        expected: &'static str,
    },
    /// The unit of depth makes no sense.
    #[error("a depth unit of {unit} m cannot be")]
    Unit {
        /// The unit in metres.
        unit: f32,
    },
    /// How the depth camera lies to the colour camera makes no sense.
    #[error(
        "the camera's figures of how its depth camera lies to its colour camera are no rotation and translation"
    )]
    Extrinsics,
    /// The depth image is not of the colour image's size.
    #[error("a depth image of {depth:?} pixels is not aligned to a colour image of {colour:?}")]
    NotAligned {
        /// Its width and height.
        depth: (usize, usize),
        /// Those of the colour image.
        colour: (usize, usize),
    },
    /// The lens is a fisheye.
    #[error(
        "the colour camera's lens model {model} is not supported; only the pinhole with Brown-Conrady distortion is"
    )]
    Lens {
        /// Name of the model.
        model: &'static str,
    },
    /// The figures of the lens make no camera.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl<'a> RawImage<'a> {
    /// The rows without what fills them up.
    pub(super) fn rows(&self) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>, ConvertError> {
        let short = ConvertError::Short {
            width: self.width,
            height: self.height,
            stride: self.stride,
            length: self.data.len(),
        };
        let row = self.width.checked_mul(self.format.bytes_per_pixel());
        let (Some(row), true) = (row, self.height > 0) else {
            return Err(short);
        };
        // The last row need not be filled up.
        let needed = (self.height - 1)
            .checked_mul(self.stride)
            .and_then(|above| above.checked_add(row));
        if row == 0 || self.stride < row || needed.is_none_or(|needed| needed > self.data.len()) {
            return Err(short);
        }
        Ok(self
            .data
            .chunks(self.stride)
            .take(self.height)
            .filter_map(move |chunk| chunk.get(..row)))
    }

    /// Red, green and blue of each pixel.
    pub fn to_rgb(&self) -> Result<Vec<u8>, ConvertError> {
        let rows = self.rows()?;
        let mut rgb = Vec::with_capacity(self.width * self.height * 3);
        match self.format {
            Format::Rgb8 => rows.for_each(|row| rgb.extend_from_slice(row)),
            Format::Bgr8 => {
                let pixels = rows.flat_map(|row| row.as_chunks::<3>().0);
                rgb.extend(pixels.flat_map(|&[b, g, r]| [r, g, b]));
            }
            Format::Rgba8 => {
                let pixels = rows.flat_map(|row| row.as_chunks::<4>().0);
                rgb.extend(pixels.flat_map(|&[r, g, b, _]| [r, g, b]));
            }
            Format::Bgra8 => {
                let pixels = rows.flat_map(|row| row.as_chunks::<4>().0);
                rgb.extend(pixels.flat_map(|&[b, g, r, _]| [r, g, b]));
            }
            Format::Z16 => {
                return Err(ConvertError::Format {
                    format: self.format,
                    expected: "RGB8, BGR8, RGBA8, BGRA8",
                });
            }
        }
        Ok(rgb)
    }
}

/// Models of lenses that the library knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lens {
    /// A pinhole.
    Pinhole,
    /// Plumb-bob.
    BrownConrady,
    /// Plumb-bob whose tangential part is computed from what the radial part gives. Colour images of the D400 series are
    /// said to be of its inverse, which the library projects and deprojects like this one.
    ModifiedBrownConrady,
    /// A fisheye.
    Fisheye,
}

/// The geometry of an image by the library's figures: focal lengths, principal point and coefficients k1, k2, p1, p2, k3.
///
/// The modified model is taken for plumb-bob, as `CameraInfo` has no other. The two differ by the tangential coefficients
/// times what the radial part changes: some hundredths of a pixel at the edge of a D455's image.
pub fn intrinsics(
    (width, height): (u32, u32),
    focal: (f32, f32),
    principal: (f32, f32),
    lens: Lens,
    coefficients: [f32; 5],
) -> Result<Intrinsics, ConvertError> {
    let distortion = match lens {
        Lens::Pinhole => Distortion::NONE,
        Lens::BrownConrady | Lens::ModifiedBrownConrady => {
            Distortion::from(coefficients.map(f64::from))
        }
        Lens::Fisheye => return Err(ConvertError::Lens { model: "fisheye" }),
    };
    let wide = |(x, y): (f32, f32)| (f64::from(x), f64::from(y));
    Ok(Intrinsics::new(
        width,
        height,
        wide(focal),
        wide(principal),
        distortion,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Point3;
    use proptest::prelude::*;

    fn image(format: Format, width: usize, stride: usize, data: &[u8]) -> RawImage<'_> {
        RawImage {
            width,
            height: 2,
            stride,
            format,
            data,
        }
    }

    #[test]
    fn all_colour_formats_give_the_same_pixels() {
        let expected = [1, 2, 3, 4, 5, 6];
        let padded = [1, 2, 3, 99, 4, 5, 6, 99];
        for (format, stride, data) in [
            (Format::Rgb8, 3, &expected[..]),
            (Format::Rgb8, 4, &padded[..]),
            (Format::Rgb8, 4, &padded[..7]),
            (Format::Bgr8, 3, &[3, 2, 1, 6, 5, 4][..]),
            (Format::Rgba8, 4, &padded[..]),
            (Format::Bgra8, 4, &[3, 2, 1, 0, 6, 5, 4, 0][..]),
        ] {
            assert_eq!(image(format, 1, stride, data).to_rgb().unwrap(), expected);
        }
    }

    #[test]
    fn depth_is_no_colour() {
        let depth = image(Format::Z16, 2, 4, &[0; 12]).to_rgb();
        assert!(matches!(depth, Err(ConvertError::Format { .. })));
    }

    proptest! {
        #[test]
        fn no_description_of_an_image_is_believed_blindly(
            width in prop_oneof![0_usize..6, Just(usize::MAX)],
            height in prop_oneof![0_usize..6, Just(usize::MAX)],
            stride in prop_oneof![0_usize..20, Just(usize::MAX)],
            length in 0_usize..64,
        ) {
            let data = vec![7; length];
            for format in [Format::Rgb8, Format::Bgra8] {
                let image = RawImage { width, height, stride, format, data: &data };
                if let Ok(pixels) = image.to_rgb() {
                    prop_assert_eq!(pixels.len(), width * height * 3);
                }
            }
        }
    }

    /// The library's own projection of the modified model, by its published formula.
    fn modified(figures: &Intrinsics, point: &Point3<f64>) -> (f64, f64) {
        let d = figures.distortion;
        let (x, y) = (point.x / point.z, point.y / point.z);
        let r2 = x * x + y * y;
        let f = 1.0 + d.k1 * r2 + d.k2 * r2 * r2 + d.k3 * r2 * r2 * r2;
        let (x, y) = (x * f, y * f);
        let dx = x + 2.0 * d.p1 * x * y + d.p2 * (r2 + 2.0 * x * x);
        let dy = y + 2.0 * d.p2 * x * y + d.p1 * (r2 + 2.0 * y * y);
        (dx * figures.fx + figures.cx, dy * figures.fy + figures.cy)
    }

    #[test]
    fn plumb_bob_is_the_modified_model_to_a_tenth_of_a_pixel() {
        // Figures of the size that a D455's colour camera has at 1280x720.
        let figures = intrinsics(
            (1280, 720),
            (640.0, 639.0),
            (644.5, 362.1),
            Lens::ModifiedBrownConrady,
            [-0.056, 0.067, 0.000_5, -0.000_4, -0.021],
        )
        .unwrap();
        let mut largest: f64 = 0.0;
        for i in 0..=32 {
            for j in 0..=18 {
                let point = Point3::new(f64::from(i) / 16.0 - 1.0, f64::from(j) / 16.0 - 0.56, 1.0);
                let ours = figures.project(&point).unwrap();
                let theirs = modified(&figures, &point);
                largest = largest.max((ours.x - theirs.0).hypot(ours.y - theirs.1));
            }
        }
        assert!(largest < 0.1, "{largest} px");
    }

    #[test]
    fn lenses_that_are_no_cameras_are_refused() {
        let lens = |lens, focal| intrinsics((4, 3), (focal, 2.0), (2.0, 1.5), lens, [0.0; 5]);
        assert!(lens(Lens::Pinhole, 2.0).is_ok());
        assert!(matches!(
            lens(Lens::Fisheye, 2.0),
            Err(ConvertError::Lens { .. })
        ));
        assert!(matches!(
            lens(Lens::Pinhole, f32::NAN),
            Err(ConvertError::Model(_))
        ));
    }
}
