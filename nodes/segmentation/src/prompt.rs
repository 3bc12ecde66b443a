//! What a user or a tracker says about the object that is meant.

/// What is known of an object's looks: a unit vector in the space of the model's keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory(pub(crate) Vec<f32>);

impl Memory {
    /// Cosine similarity: 1 for the same looks, about 0 for unrelated ones.
    pub fn similarity(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }

    /// Moves this memory towards another by a share of 0..=1.
    pub(crate) fn blend(&mut self, other: &Self, share: f32) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine += (theirs - *mine) * share;
        }
        let norm = self.0.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6);
        self.0.iter_mut().for_each(|v| *v /= norm);
    }
}

/// A mask at a quarter of the network's resolution, as probabilities: what the decoder takes as prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct CoarseMask(pub(crate) Vec<f32>);

impl CoarseMask {
    /// Means over squares of 4 x 4 of the network's pixels, from their shares; `width` is the network's.
    pub(crate) fn pooled(
        shares: impl IntoIterator<Item = (usize, f32)>,
        width: usize,
        height: usize,
    ) -> Self {
        let (columns, rows) = (width / 4, height / 4);
        let mut coarse = vec![0.0; columns * rows];
        for (at, share) in shares {
            let (x, y) = (at % width / 4, at / width / 4);
            if let Some(cell) = coarse.get_mut(y * columns + x) {
                *cell += share / 16.0;
            }
        }
        Self(coarse)
    }

    /// The mask moved by network pixels, in steps of its own resolution, which has `columns`.
    pub(crate) fn moved(&self, [dx, dy]: [f64; 2], columns: usize) -> Self {
        let (dx, dy) = ((dx / 4.0).round() as isize, (dy / 4.0).round() as isize);
        let mut moved = vec![0.0; self.0.len()];
        for (at, value) in self.0.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            let (x, y) = ((at % columns) as isize + dx, (at / columns) as isize + dy);
            let inside = (0..columns as isize).contains(&x) && y >= 0;
            if inside && let Some(cell) = moved.get_mut((y * columns as isize + x) as usize) {
                *cell = *value;
            }
        }
        Self(moved)
    }
}

/// Which object is meant. Coordinates are pixels of the encoded frame, counted from the centre of its top
/// left pixel.
///
/// ```
/// let prompt = segmentation::Prompt::click(312.0, 200.0).with_off_point(350.0, 210.0);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prompt {
    /// Points on the object.
    pub on: Vec<[f64; 2]>,
    /// Points beside the object.
    pub off: Vec<[f64; 2]>,
    /// Corners (left, top, right, bottom) of a box around the object.
    pub bounding_box: Option<[f64; 4]>,
    /// An earlier mask of the object, from this frame or the one before.
    pub mask: Option<CoarseMask>,
    /// Looks of the object.
    pub memory: Option<Memory>,
}

impl Prompt {
    /// One point on the object.
    pub fn click(x: f64, y: f64) -> Self {
        Self {
            on: vec![[x, y]],
            ..Self::default()
        }
    }

    /// A box around the object, in any order of corners.
    pub fn around([x0, y0, x1, y1]: [f64; 4]) -> Self {
        Self {
            bounding_box: Some([x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)]),
            ..Self::default()
        }
    }

    /// Adds a point on the object.
    #[must_use]
    pub fn with_on_point(mut self, x: f64, y: f64) -> Self {
        self.on.push([x, y]);
        self
    }

    /// Adds a point that is not on the object.
    #[must_use]
    pub fn with_off_point(mut self, x: f64, y: f64) -> Self {
        self.off.push([x, y]);
        self
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.on.is_empty()
            && self.bounding_box.is_none()
            && self.mask.is_none()
            && self.memory.is_none()
    }

    /// Every point of the prompt.
    pub(crate) fn points(&self) -> impl Iterator<Item = [f64; 2]> + '_ {
        let corners = self
            .bounding_box
            .iter()
            .flat_map(|[x0, y0, x1, y1]| [[*x0, *y0], [*x1, *y1]]);
        self.on.iter().chain(&self.off).copied().chain(corners)
    }
}
