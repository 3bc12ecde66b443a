//! The toy model and pictures of coloured squares.

use std::path::{Path, PathBuf};

use segmentation::{Frame, Mask, Segmenter};

pub(crate) const WIDTH: u32 = 128;
pub(crate) const HEIGHT: u32 = 72;
pub(crate) const RED: [u8; 3] = [220, 30, 30];
pub(crate) const GREEN: [u8; 3] = [30, 220, 30];
pub(crate) const BLUE: [u8; 3] = [30, 30, 220];

pub(crate) fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/manifest.yaml")
}

pub(crate) fn segmenter() -> Segmenter {
    Segmenter::load(&manifest(), &inference::ModelOptions::default()).unwrap()
}

/// A square of 20 pixels with its centre at `at`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Square {
    pub(crate) at: [u32; 2],
    pub(crate) colour: [u8; 3],
}

impl Square {
    pub(crate) fn new(x: u32, y: u32, colour: [u8; 3]) -> Self {
        Self { at: [x, y], colour }
    }

    fn covers(&self, x: u32, y: u32) -> bool {
        x.abs_diff(self.at[0]) < 10 && y.abs_diff(self.at[1]) < 10
    }

    pub(crate) fn mask(&self) -> Mask {
        Mask::from_fn(WIDTH, HEIGHT, |x, y| self.covers(x, y))
    }
}

/// Squares on grey.
pub(crate) fn picture(squares: &[Square]) -> Vec<u8> {
    (0..HEIGHT)
        .flat_map(|y| (0..WIDTH).map(move |x| (x, y)))
        .flat_map(|(x, y)| {
            squares
                .iter()
                .find(|s| s.covers(x, y))
                .map_or([127; 3], |s| s.colour)
        })
        .collect()
}

pub(crate) fn encode(segmenter: &mut Segmenter, squares: &[Square]) {
    let rgb = picture(squares);
    segmenter
        .encode(&Frame::new(WIDTH, HEIGHT, &rgb).unwrap())
        .unwrap();
}
