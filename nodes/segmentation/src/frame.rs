//! One picture as the camera gives it, borrowed.

use crate::{SegmentationError, Space};

/// A colour image with, where there is one, the depth image aligned to it.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    width: u32,
    height: u32,
    rgb: &'a [u8],
    depth_mm: Option<&'a [u16]>,
    space: Option<Space>,
}

impl<'a> Frame<'a> {
    /// A colour image of `width` x `height` pixels, three bytes (red, green, blue) each, row by row.
    ///
    /// # Errors
    /// [`SegmentationError::Size`] when there are too few or too many bytes.
    pub fn new(width: u32, height: u32, rgb: &'a [u8]) -> Result<Self, SegmentationError> {
        check("colour", width, height, 3, rgb.len())?;
        Ok(Self {
            width,
            height,
            rgb,
            depth_mm: None,
            space: None,
        })
    }

    /// Adds depth in millimetres along the optical axis, 0 where not measured, aligned to the colour image.
    ///
    /// # Errors
    /// [`SegmentationError::Size`] when it is not as large as the colour image.
    pub fn with_depth(self, depth_mm: &'a [u16]) -> Result<Self, SegmentationError> {
        check("depth", self.width, self.height, 1, depth_mm.len())?;
        Ok(Self {
            depth_mm: Some(depth_mm),
            ..self
        })
    }

    /// Says where camera and hand were when it was taken.
    #[must_use]
    pub fn with_space(self, space: Option<Space>) -> Self {
        Self { space, ..self }
    }

    /// Where camera and hand were, when that is known.
    pub fn space(&self) -> Option<Space> {
        self.space
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The colour bytes.
    pub fn rgb(&self) -> &'a [u8] {
        self.rgb
    }

    /// The depth values in millimetres, where there are any.
    pub fn depth_mm(&self) -> Option<&'a [u16]> {
        self.depth_mm
    }
}

fn check(
    what: &'static str,
    width: u32,
    height: u32,
    per_pixel: usize,
    actual: usize,
) -> Result<(), SegmentationError> {
    let expected = width as usize * height as usize * per_pixel;
    if expected == actual && expected > 0 {
        Ok(())
    } else {
        Err(SegmentationError::Size {
            what,
            width,
            height,
            expected,
            actual,
        })
    }
}
