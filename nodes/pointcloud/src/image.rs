//! Borrowed views of mask and depth images, checked once so that reading pixels cannot fail.

/// Why the bytes are not the image that was announced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The rows are shorter than the image is wide.
    #[error("the {what} image is {width} pixels wide, but its rows have only {step} bytes")]
    ShortRows {
        /// "mask" or "depth".
        what: &'static str,
        /// Width in pixels.
        width: u32,
        /// Bytes of a row.
        step: usize,
    },
    /// There are fewer bytes than the rows need.
    #[error("the {what} image needs {expected} bytes and has {actual}: it was truncated")]
    Truncated {
        /// "mask" or "depth".
        what: &'static str,
        /// Bytes that the announced size needs.
        expected: usize,
        /// Bytes there are.
        actual: usize,
    },
}

/// Checks the layout and returns the bytes of the whole image.
fn checked<'a>(
    what: &'static str,
    (width, height): (u32, u32),
    step: usize,
    bytes_per_pixel: usize,
    data: &'a [u8],
) -> Result<&'a [u8], ImageError> {
    if step < width as usize * bytes_per_pixel || step == 0 {
        return Err(ImageError::ShortRows { what, width, step });
    }
    let expected = step.saturating_mul(height as usize);
    data.get(..expected).ok_or(ImageError::Truncated {
        what,
        expected,
        actual: data.len(),
    })
}

/// A mono8 mask; every value but 0 is object.
#[derive(Debug, Clone, Copy)]
pub struct MaskImage<'a> {
    width: u32,
    height: u32,
    step: usize,
    data: &'a [u8],
}

impl<'a> MaskImage<'a> {
    /// A mask of `width` x `height` pixels in rows of `step` bytes.
    pub fn new(width: u32, height: u32, step: usize, data: &'a [u8]) -> Result<Self, ImageError> {
        let data = checked("mask", (width, height), step, 1, data)?;
        Ok(Self {
            width,
            height,
            step,
            data,
        })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The values of one row; empty beyond the image.
    pub fn row(&self, v: u32) -> &'a [u8] {
        let start = v as usize * self.step;
        self.data
            .get(start..start + self.width as usize)
            .unwrap_or(&[])
    }

    /// The smallest rectangle around the object, as inclusive pixel ranges, and the number of its pixels.
    pub fn bounds(&self) -> Option<MaskBounds> {
        let mut bounds: Option<MaskBounds> = None;
        for v in 0..self.height {
            let row = self.row(v);
            // Most rows are empty: look at 64 bytes at a time, which compiles to a few vector instructions.
            if !row
                .chunks(64)
                .any(|chunk| chunk.iter().fold(0, |any, byte| any | byte) != 0)
            {
                continue;
            }
            let first = row.iter().position(|&byte| byte != 0).unwrap_or(0) as u32;
            let last = row.iter().rposition(|&byte| byte != 0).unwrap_or(0) as u32;
            let area = row.iter().filter(|&&byte| byte != 0).count();
            let known = bounds.get_or_insert(MaskBounds {
                rows: (v, v),
                columns: (first, last),
                area: 0,
            });
            known.rows.1 = v;
            known.columns = (known.columns.0.min(first), known.columns.1.max(last));
            known.area += area;
        }
        bounds
    }
}

/// Where the object is in the mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaskBounds {
    /// First and last row.
    pub rows: (u32, u32),
    /// First and last column.
    pub columns: (u32, u32),
    /// Number of object pixels.
    pub area: usize,
}

/// A 16UC1 depth image in millimetres along the optical axis; 0 means no measurement.
#[derive(Debug, Clone, Copy)]
pub struct DepthImage<'a> {
    width: u32,
    height: u32,
    step: usize,
    big_endian: bool,
    data: &'a [u8],
}

impl<'a> DepthImage<'a> {
    /// A depth image of `width` x `height` pixels in rows of `step` bytes.
    pub fn new(
        width: u32,
        height: u32,
        step: usize,
        big_endian: bool,
        data: &'a [u8],
    ) -> Result<Self, ImageError> {
        let data = checked("depth", (width, height), step, 2, data)?;
        Ok(Self {
            width,
            height,
            step,
            big_endian,
            data,
        })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The bytes of one row, two a pixel; empty beyond the image.
    pub fn row(&self, v: u32) -> DepthRow<'a> {
        let start = v as usize * self.step;
        let (pairs, _) = self
            .data
            .get(start..start + 2 * self.width as usize)
            .unwrap_or(&[])
            .as_chunks::<2>();
        DepthRow {
            pairs,
            big_endian: self.big_endian,
        }
    }
}

/// One row of a depth image.
#[derive(Debug, Clone, Copy)]
pub struct DepthRow<'a> {
    pairs: &'a [[u8; 2]],
    big_endian: bool,
}

impl DepthRow<'_> {
    /// Depth in millimetres of column `u`; 0 where there is none.
    pub fn millimetres(&self, u: usize) -> u16 {
        match self.pairs.get(u) {
            Some(&pair) if self.big_endian => u16::from_be_bytes(pair),
            Some(&pair) => u16::from_le_bytes(pair),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_frame_the_object() {
        let mut data = vec![0; 300 * 100];
        data[10 * 300 + 250] = 255;
        data[20 * 300 + 5] = 1;
        let mask = MaskImage::new(300, 100, 300, &data).unwrap();
        assert_eq!(
            mask.bounds(),
            Some(MaskBounds {
                rows: (10, 20),
                columns: (5, 250),
                area: 2
            })
        );
        assert_eq!(MaskImage::new(300, 9, 300, &data).unwrap().bounds(), None);
    }

    #[test]
    fn wrong_layouts_are_refused() {
        assert!(matches!(
            MaskImage::new(10, 10, 9, &[0; 100]),
            Err(ImageError::ShortRows { .. })
        ));
        assert!(matches!(
            MaskImage::new(10, 10, 10, &[0; 99]),
            Err(ImageError::Truncated { .. })
        ));
        assert!(matches!(
            DepthImage::new(10, 10, 10, false, &[0; 200]),
            Err(ImageError::ShortRows { .. })
        ));
    }

    #[test]
    fn both_byte_orders_are_read() {
        let little = DepthImage::new(1, 1, 2, false, &[0xE8, 0x03]).unwrap();
        let big = DepthImage::new(1, 1, 2, true, &[0x03, 0xE8]).unwrap();
        assert_eq!(little.row(0).millimetres(0), 1000);
        assert_eq!(big.row(0).millimetres(0), 1000);
        assert_eq!(big.row(0).millimetres(1), 0);
        assert_eq!(big.row(7).millimetres(0), 0);
    }
}
