//! Calibration boards: what is printed where, and the numbered corners that a camera finds on them.
//!
//! The board's frame lies in its printed face: origin in the left upper corner of the pattern, x to the right, y down,
//! z into the board. So a camera that sees the face sees z point away from it.

use std::{collections::BTreeMap, path::Path};

use nalgebra::Point3;
use serde::{Deserialize, Serialize};

/// A calibration board as a file in `calibration/` describes it; lengths in metres.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Board {
    /// A chessboard with a marker in each white square; its corners are the inner ones of the chessboard.
    Charuco {
        /// The markers' dictionary by OpenCV's name, such as `DICT_5X5_100`.
        dictionary: String,
        /// Squares in a row.
        columns: u32,
        /// Squares in a column.
        rows: u32,
        /// Side of a square.
        square_m: f64,
        /// Side of a marker, black border included.
        marker_m: f64,
        /// Number of the first marker; the others count up from it, row by row.
        #[serde(default)]
        first_id: u32,
    },
    /// A grid of ArUco or AprilTag markers; its corners are the markers'.
    MarkerGrid {
        /// The markers' dictionary by OpenCV's name, such as `DICT_APRILTAG_36h11`.
        dictionary: String,
        /// Markers in a row.
        columns: u32,
        /// Markers in a column.
        rows: u32,
        /// Side of a marker, black border included.
        marker_m: f64,
        /// White between two markers.
        gap_m: f64,
        /// Number of the first marker; the others count up from it, row by row.
        #[serde(default)]
        first_id: u32,
    },
    /// A single ArUco or AprilTag marker.
    Marker {
        /// The marker's dictionary by OpenCV's name.
        dictionary: String,
        /// The marker's number.
        id: u32,
        /// Side of the marker, black border included.
        marker_m: f64,
    },
}

/// One printed marker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Marker {
    /// Its number in the dictionary.
    pub id: u32,
    /// Its left upper corner on the board, metres.
    pub corner: [f64; 2],
    /// Its side, metres.
    pub side: f64,
}

impl Marker {
    /// The four corners as OpenCV has them: left upper, right upper, right lower, left lower.
    #[must_use]
    pub fn corners(&self) -> [Point3<f64>; 4] {
        let ([x, y], s) = (self.corner, self.side);
        [
            Point3::new(x, y, 0.0),
            Point3::new(x + s, y, 0.0),
            Point3::new(x + s, y + s, 0.0),
            Point3::new(x, y + s, 0.0),
        ]
    }
}

/// Why a board's description is not usable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoardError {
    /// The file could not be read.
    #[error("{file}: cannot read the board's description ({error}); check the path")]
    Unreadable {
        /// The file.
        file: String,
        /// The cause.
        error: std::io::Error,
    },
    /// Not the YAML that it should be.
    #[error("{file}: {error}; calibration/ has examples of every kind of board")]
    Yaml {
        /// The file.
        file: String,
        /// The cause.
        error: serde_yaml::Error,
    },
    /// The file says of a board what cannot be.
    #[error("{file}: {error}")]
    In {
        /// The file.
        file: String,
        /// The cause.
        error: Box<BoardError>,
    },
    /// A figure that no board can have.
    #[error("{field} is {value}, which should be {expected}; measure the board anew")]
    Value {
        /// The field.
        field: &'static str,
        /// What it was.
        value: f64,
        /// What it has to be.
        expected: &'static str,
    },
}

/// Sides of a board that a camera can make something of: from a fingertip's marker to a wall.
const LENGTHS: std::ops::RangeInclusive<f64> = 0.001..=2.0;

impl Board {
    /// Reads and checks a description.
    ///
    /// # Errors
    /// When the file is missing, is not that of a board, or has figures that no board can have.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, BoardError> {
        let file = path.as_ref().display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| BoardError::Unreadable {
            file: file.clone(),
            error,
        })?;
        let board: Self = serde_yaml::from_str(&text).map_err(|error| BoardError::Yaml {
            file: file.clone(),
            error,
        })?;
        board.check().map_err(|error| BoardError::In {
            file,
            error: Box::new(error),
        })?;
        Ok(board)
    }

    /// Checks the figures.
    ///
    /// # Errors
    /// Names the field that no board can have.
    pub fn check(&self) -> Result<(), BoardError> {
        let length = |field, value: f64| {
            if LENGTHS.contains(&value) {
                return Ok(());
            }
            Err(BoardError::Value {
                field,
                value,
                expected: "a length in metres, 0.001 to 2",
            })
        };
        let count = |field, value: u32, least: u32| {
            if (least..=100).contains(&value) {
                return Ok(());
            }
            let expected = if least == 1 { "1 to 100" } else { "2 to 100" };
            Err(BoardError::Value {
                field,
                value: f64::from(value),
                expected,
            })
        };
        let numbers = |first_id: u32, cells: u32| {
            if first_id.checked_add(cells).is_some() {
                return Ok(());
            }
            Err(BoardError::Value {
                field: "first_id",
                value: f64::from(first_id),
                expected: "the number of a marker in the dictionary",
            })
        };
        match *self {
            Self::Charuco {
                columns,
                rows,
                square_m,
                marker_m,
                first_id,
                ..
            } => {
                count("columns", columns, 2)?;
                count("rows", rows, 2)?;
                numbers(first_id, columns * rows)?;
                length("square_m", square_m)?;
                length("marker_m", marker_m)?;
                if marker_m >= square_m {
                    return Err(BoardError::Value {
                        field: "marker_m",
                        value: marker_m,
                        expected: "less than square_m",
                    });
                }
                Ok(())
            }
            Self::MarkerGrid {
                columns,
                rows,
                marker_m,
                gap_m,
                first_id,
                ..
            } => {
                count("columns", columns, 1)?;
                count("rows", rows, 1)?;
                numbers(first_id, columns * rows)?;
                length("marker_m", marker_m)?;
                length("gap_m", gap_m)
            }
            Self::Marker { marker_m, .. } => length("marker_m", marker_m),
        }
    }

    /// The dictionary of its markers, by OpenCV's name.
    #[must_use]
    pub fn dictionary(&self) -> &str {
        match self {
            Self::Charuco { dictionary, .. }
            | Self::MarkerGrid { dictionary, .. }
            | Self::Marker { dictionary, .. } => dictionary,
        }
    }

    /// Width and height of the pattern in metres.
    #[must_use]
    pub fn size(&self) -> [f64; 2] {
        match *self {
            Self::Charuco {
                columns,
                rows,
                square_m,
                ..
            } => [columns, rows].map(|squares| f64::from(squares) * square_m),
            Self::MarkerGrid {
                columns,
                rows,
                marker_m,
                gap_m,
                ..
            } => [columns, rows].map(|markers| f64::from(markers) * (marker_m + gap_m) - gap_m),
            Self::Marker { marker_m, .. } => [marker_m; 2],
        }
    }

    /// The printed markers.
    #[must_use]
    pub fn markers(&self) -> Vec<Marker> {
        match *self {
            Self::Charuco {
                columns,
                rows,
                square_m,
                marker_m,
                first_id,
                ..
            } => {
                let margin = 0.5 * (square_m - marker_m);
                cells(columns, rows)
                    .filter(|(column, row)| !is_black(*column, *row))
                    .zip(first_id..=u32::MAX)
                    .map(|((column, row), id)| Marker {
                        id,
                        corner: [column, row].map(|cell| f64::from(cell) * square_m + margin),
                        side: marker_m,
                    })
                    .collect()
            }
            Self::MarkerGrid {
                columns,
                rows,
                marker_m,
                gap_m,
                first_id,
                ..
            } => cells(columns, rows)
                .zip(first_id..=u32::MAX)
                .map(|((column, row), id)| Marker {
                    id,
                    corner: [column, row].map(|cell| f64::from(cell) * (marker_m + gap_m)),
                    side: marker_m,
                })
                .collect(),
            Self::Marker { id, marker_m, .. } => {
                vec![Marker {
                    id,
                    corner: [0.0; 2],
                    side: marker_m,
                }]
            }
        }
    }

    /// The black squares of a chessboard: left upper corner and side in metres; none on other boards.
    #[must_use]
    pub fn black_squares(&self) -> Vec<([f64; 2], f64)> {
        let Self::Charuco {
            columns,
            rows,
            square_m,
            ..
        } = *self
        else {
            return Vec::new();
        };
        cells(columns, rows)
            .filter(|(column, row)| is_black(*column, *row))
            .map(|(column, row)| {
                (
                    [column, row].map(|cell| f64::from(cell) * square_m),
                    square_m,
                )
            })
            .collect()
    }

    /// The corners that calibration works with, by their numbers.
    ///
    /// On a ChArUco board the inner corners of the chessboard, counted from 0 row by row; on others four for each
    /// marker, number `4 * marker + k` with the marker counted from 0 and k clockwise from its left upper corner.
    #[must_use]
    pub fn corners(&self) -> BTreeMap<u32, Point3<f64>> {
        match *self {
            Self::Charuco {
                columns,
                rows,
                square_m,
                ..
            } => (0..)
                .zip(cells(columns.saturating_sub(1), rows.saturating_sub(1)))
                .map(|(id, (column, row))| {
                    let [x, y] = [column, row].map(|cell| f64::from(cell + 1) * square_m);
                    (id, Point3::new(x, y, 0.0))
                })
                .collect(),
            _ => (0..)
                .zip(self.markers().iter().flat_map(Marker::corners))
                .collect(),
        }
    }
}

/// Column and row of each cell, row by row.
fn cells(columns: u32, rows: u32) -> impl Iterator<Item = (u32, u32)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (column, row)))
}

/// The left upper square of a chessboard is black.
fn is_black(column: u32, row: u32) -> bool {
    (column + row).is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charuco() -> Board {
        serde_yaml::from_str(
            "{kind: charuco, dictionary: DICT_5X5_100, columns: 7, rows: 5, square_m: 0.03, marker_m: 0.022}",
        )
        .unwrap()
    }

    #[test]
    fn a_chessboard_has_a_marker_in_each_white_square() {
        let board = charuco();
        assert_eq!(board.markers().len(), 17);
        assert_eq!(board.black_squares().len(), 18);
        assert_eq!(board.corners().len(), 24);
        // The first marker is in the second square of the first row, 4 mm off its sides.
        let [x, y] = board.markers()[0].corner;
        assert!((x - 0.034).abs() < 1e-12 && (y - 0.004).abs() < 1e-12);
        // The corner before last in the last row.
        let corner = board.corners()[&22];
        assert!((corner - Point3::new(0.15, 0.12, 0.0)).norm() < 1e-12);
    }

    #[test]
    fn a_grid_counts_its_markers_row_by_row() {
        let board: Board = serde_yaml::from_str(
            "{kind: marker_grid, dictionary: DICT_APRILTAG_36h11, columns: 3, rows: 2, marker_m: 0.04, gap_m: 0.01, first_id: 10}",
        )
        .unwrap();
        let markers = board.markers();
        assert_eq!(
            markers.iter().map(|marker| marker.id).collect::<Vec<_>>(),
            [10, 11, 12, 13, 14, 15]
        );
        assert!((board.corners()[&(4 * 4 + 2)] - Point3::new(0.09, 0.09, 0.0)).norm() < 1e-12);
        assert!((board.size()[0] - 0.14).abs() < 1e-12);
    }

    #[test]
    fn bad_descriptions_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("board.yaml");
        let error = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Board::from_file(&file).unwrap_err().to_string()
        };
        assert!(error("{kind: charuco, dictionary: D, columns: 7, rows: 5, square_m: 0.03, marker_m: 0.04}")
            .contains("less than square_m"));
        assert!(
            error("{kind: marker, dictionary: D, id: 1, marker_m: .nan}")
                .contains("marker_m is NaN")
        );
        assert!(error("{kind: marker, dictionary: D, id: 1, marker_m: 30}").contains("metres"));
        assert!(error("{kind: marker, dictionary: D, id: 1, marker_mm: 30}").contains("marker_mm"));
        assert!(error("{kind: dots}").contains("dots"));
        let beyond = error(
            "{kind: marker_grid, dictionary: D, columns: 2, rows: 2, marker_m: 0.04, gap_m: 0.01, first_id: 4294967293}",
        );
        assert!(
            beyond.contains("board.yaml") && beyond.contains("first_id"),
            "{beyond}"
        );
        assert!(
            Board::from_file(folder.path().join("none.yaml"))
                .unwrap_err()
                .to_string()
                .contains("check the path")
        );
    }

    #[test]
    fn the_boards_that_ship_are_good() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../calibration/boards");
        let files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "yaml")
            })
            .collect();
        assert!(files.len() >= 3);
        for file in files {
            Board::from_file(file).unwrap();
        }
    }
}
