//! Binary masks.

use crate::regions::Regions;

/// Which pixels of an image belong to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    width: u32,
    height: u32,
    /// 0 or 255, row by row.
    data: Vec<u8>,
}

/// An upright rectangle of pixels; both corners belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelBox {
    /// Leftmost column.
    pub left: u32,
    /// Topmost row.
    pub top: u32,
    /// Rightmost column.
    pub right: u32,
    /// Bottommost row.
    pub bottom: u32,
}

impl Mask {
    /// A mask with no pixels on.
    pub fn empty(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            data: vec![0; width as usize * height as usize],
        }
    }

    /// A mask that is on where `inside(x, y)` says so.
    pub fn from_fn(width: u32, height: u32, mut inside: impl FnMut(u32, u32) -> bool) -> Self {
        let data = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| if inside(x, y) { 255 } else { 0 });
        Self {
            width,
            height,
            data: data.collect(),
        }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// 0 or 255 for each pixel, row by row.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The bytes, for a message.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// Whether a pixel is on; false beyond the image.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        x < self.width
            && y < self.height
            && self.data[y as usize * self.width as usize + x as usize] != 0
    }

    /// Number of pixels that are on.
    pub fn area(&self) -> usize {
        self.data.iter().filter(|v| **v != 0).count()
    }

    /// Intersection over union with a mask of the same size; 1 when both are empty, 0 for other sizes.
    pub fn iou(&self, other: &Self) -> f64 {
        if self.size() != other.size() {
            return 0.0;
        }
        let (mut both, mut any) = (0_usize, 0_usize);
        for (a, b) in self.data.iter().zip(&other.data) {
            both += usize::from(*a != 0 && *b != 0);
            any += usize::from(*a != 0 || *b != 0);
        }
        if any == 0 {
            1.0
        } else {
            both as f64 / any as f64
        }
    }

    /// The smallest box around the mask.
    pub fn bounds(&self) -> Option<PixelBox> {
        let mut bounds: Option<PixelBox> = None;
        for (y, row) in (0..).zip(self.data.chunks_exact(self.width.max(1) as usize)) {
            let (Some(first), Some(last)) = (
                row.iter().position(|v| *v != 0),
                row.iter().rposition(|v| *v != 0),
            ) else {
                continue;
            };
            let (first, last) = (first as u32, last as u32);
            let b = bounds.get_or_insert(PixelBox {
                left: first,
                top: y,
                right: last,
                bottom: y,
            });
            b.left = b.left.min(first);
            b.right = b.right.max(last);
            b.bottom = y;
        }
        bounds
    }

    pub(crate) fn row_mut(&mut self, y: u32) -> &mut [u8] {
        let start = y as usize * self.width as usize;
        &mut self.data[start..start + self.width as usize]
    }
}

/// Removes from `on` (row by row, `width` columns) every connected part smaller than `share` of the
/// largest, and returns the number of pixels left.
pub(crate) fn keep_large_parts(on: &mut [bool], width: usize, share: f64) -> usize {
    let parts = Regions::new(width, on.len(), |i| on[i], |_, _| true);
    let least = (parts.sizes.iter().max().copied().unwrap_or(0) as f64 * share).ceil() as usize;
    let mut left = 0;
    for (pixel, name) in on.iter_mut().zip(&parts.label) {
        *pixel = *pixel && parts.sizes[*name as usize] >= least;
        left += usize::from(*pixel);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bounds_area_and_overlap() {
        let a = Mask::from_fn(20, 10, |x, y| (3..8).contains(&x) && (2..6).contains(&y));
        let b = Mask::from_fn(20, 10, |x, y| (3..8).contains(&x) && (4..8).contains(&y));
        assert_eq!(
            a.bounds(),
            Some(PixelBox {
                left: 3,
                top: 2,
                right: 7,
                bottom: 5
            })
        );
        assert_eq!(a.area(), 20);
        assert!((a.iou(&b) - 10.0 / 30.0).abs() < 1e-12);
        assert_eq!(Mask::empty(4, 4).bounds(), None);
        assert!(!a.contains(25, 3));
    }

    #[test]
    fn specks_go_and_large_parts_stay() {
        // Two parts of 9 and 4 pixels and a speck of one, on a 10 x 5 image.
        let mut on: Vec<bool> = (0..50)
            .map(|i| {
                let (x, y) = (i % 10, i / 10);
                (x < 3 && y < 3)
                    || ((5..7).contains(&x) && (2..4).contains(&y))
                    || (x == 9 && y == 0)
            })
            .collect();
        assert_eq!(keep_large_parts(&mut on, 10, 0.2), 13);
        assert!(!on[9] && on[0] && on[25]);
    }

    proptest! {
        #[test]
        fn parts_are_kept_whole(on in proptest::collection::vec(any::<bool>(), 96)) {
            let mut kept = on.clone();
            let left = keep_large_parts(&mut kept, 12, 0.5);
            prop_assert_eq!(left, kept.iter().filter(|v| **v).count());
            for at in 0..96 {
                prop_assert!(on[at] || !kept[at]);
                // Neighbours that are both on share their fate.
                if at % 12 + 1 < 12 && on[at] && on[at + 1] {
                    prop_assert_eq!(kept[at], kept[at + 1]);
                }
            }
        }
    }
}
