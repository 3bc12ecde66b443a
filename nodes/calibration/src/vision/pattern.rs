//! What is black on a board.

use super::dictionary::{Dictionary, DictionaryError};
use crate::board::Board;

/// A black rectangle of a board, in metres in the board's frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patch {
    /// Left upper corner.
    pub corner: [f64; 2],
    /// Width and height.
    pub size: [f64; 2],
}

impl Patch {
    /// Whether a point of the board lies in it.
    #[must_use]
    pub fn contains(&self, x: f64, y: f64) -> bool {
        let inside = |at: f64, axis: usize| {
            (self.corner[axis]..self.corner[axis] + self.size[axis]).contains(&at)
        };
        inside(x, 0) && inside(y, 1)
    }
}

/// All black rectangles of a board; they do not overlap.
///
/// # Errors
/// When OpenCV does not know the dictionary, or it has too few markers.
pub fn black_patches(board: &Board) -> Result<Vec<Patch>, DictionaryError> {
    let dictionary = Dictionary::new(board.dictionary())?;
    let mut patches: Vec<Patch> = board
        .black_squares()
        .into_iter()
        .map(|(corner, side)| Patch {
            corner,
            size: [side; 2],
        })
        .collect();
    for marker in board.markers() {
        let cells = dictionary.cells(marker.id)?;
        let side = marker.side / cells.len() as f64;
        for (row, line) in cells.iter().enumerate() {
            // Neighbours in a row become one, so that no printer draws hairlines between them.
            let mut column = 0;
            while column < line.len() {
                let run = line[column..].iter().take_while(|black| **black).count();
                if run > 0 {
                    patches.push(Patch {
                        corner: [
                            marker.corner[0] + column as f64 * side,
                            marker.corner[1] + row as f64 * side,
                        ],
                        size: [run as f64 * side, side],
                    });
                }
                column += run.max(1);
            }
        }
    }
    Ok(patches)
}
