//! What of a lens pictures have shown so far, and what is still missing.
//!
//! A lens is known where corners were seen: [`CELLS`] of the picture are counted, and each of nine regions of it has to have
//! corners in most of its cells. Focal length and distance are told apart by boards that are tilted, each way, and by near
//! and far ones.

use std::fmt;

use camera::Intrinsics;
use nalgebra::{Isometry3, Point2, Vector2, Vector3};

use crate::{board::Board, pnp::board_pose, sample::Sample};

/// Cells of the image that coverage is counted in: columns and rows.
pub const CELLS: (usize, usize) = (8, 6);
/// With fewer pictures one that is bad weighs too much.
const LEAST_PICTURES: usize = 10;
/// The regions, row by row, and the first cell of each column and row of them.
const REGIONS: [[&str; 3]; 3] = [
    ["upper left corner", "upper edge", "upper right corner"],
    ["left edge", "middle", "right edge"],
    ["lower left corner", "lower edge", "lower right corner"],
];
const COLUMNS: [usize; 4] = [0, 2, 6, 8];
const ROWS: [usize; 4] = [0, 2, 4, 6];
/// Share of a region's cells in which there are to be corners.
const REGION_SHARE: f64 = 0.75;
/// A board leans one way from this angle between its normal and the optical axis, rad.
const LEAN: f64 = 0.25;
/// Pictures in which it is to lean each way.
const LEANING: usize = 2;
/// The edge of the board that is nearer to the camera, with the direction of its normal that says so.
const EDGES: [(&str, Vector3<f64>); 4] = [
    ("right", Vector3::new(1.0, 0.0, 0.0)),
    ("left", Vector3::new(-1.0, 0.0, 0.0)),
    ("lower", Vector3::new(0.0, 1.0, 0.0)),
    ("upper", Vector3::new(0.0, -1.0, 0.0)),
];
/// How many times as far the furthest board is to be as the nearest.
const DISTANCES: f64 = 1.3;
/// What a tilt or a distance that is missing is worth, in cells.
const MISSING_VIEW: f64 = 4.0;

/// What pictures have shown; see the [module](self).
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    size: (u32, u32),
    /// Pictures with a corner in each cell, row by row.
    cells: Vec<usize>,
    /// Pictures in which the board leans each way, as [`EDGES`] has them.
    leaning: [usize; 4],
    /// Nearest and furthest board, metres.
    distances: Option<(f64, f64)>,
    pictures: usize,
}

/// How many [`CELLS`] of a camera's image have one of these pixels in them.
#[must_use]
pub fn covered(camera: &Intrinsics, pixels: impl IntoIterator<Item = Point2<f64>>) -> usize {
    let size = (camera.width, camera.height);
    cells_of(size, pixels).iter().filter(|cell| **cell).count()
}

fn cells_of(size: (u32, u32), pixels: impl IntoIterator<Item = Point2<f64>>) -> Vec<bool> {
    let (columns, rows) = CELLS;
    let mut cells = vec![false; columns * rows];
    let place = |at: f64, size: u32, count: usize| {
        (((at + 0.5) / f64::from(size) * count as f64).max(0.0) as usize).min(count - 1)
    };
    for pixel in pixels {
        let column = place(pixel.x, size.0, columns);
        cells[place(pixel.y, size.1, rows) * columns + column] = true;
    }
    cells
}

/// Which ways a board leans.
fn leaning(camera_from_board: &Isometry3<f64>) -> [bool; 4] {
    let normal = camera_from_board.rotation * Vector3::z();
    EDGES.map(|(_, direction)| normal.dot(&direction) >= LEAN.sin())
}

impl Coverage {
    /// Of samples of a board, which is placed by what the camera says of itself. Samples that determine no pose of the board
    /// are left out.
    #[must_use]
    pub fn of(camera: &Intrinsics, board: &Board, samples: &[Sample]) -> Self {
        let mut coverage = Self {
            size: (camera.width, camera.height),
            cells: vec![0; CELLS.0 * CELLS.1],
            leaning: [0; 4],
            distances: None,
            pictures: 0,
        };
        let corners = board.corners();
        for (index, sample) in samples.iter().enumerate() {
            let Ok(view) = sample.view(index, &corners) else {
                continue;
            };
            if let Some(pose) = board_pose(camera, &view.points) {
                let pixels = view.points.iter().map(|(_, pixel)| *pixel);
                coverage.add(&pose.camera_from_board, pixels);
            }
        }
        coverage
    }

    fn add(
        &mut self,
        camera_from_board: &Isometry3<f64>,
        pixels: impl Iterator<Item = Point2<f64>>,
    ) {
        for (count, is_seen) in self.cells.iter_mut().zip(cells_of(self.size, pixels)) {
            *count += usize::from(is_seen);
        }
        for (count, leans) in self.leaning.iter_mut().zip(leaning(camera_from_board)) {
            *count += usize::from(leans);
        }
        let distance = camera_from_board.translation.z;
        let (near, far) = self.distances.unwrap_or((distance, distance));
        self.distances = Some((near.min(distance), far.max(distance)));
        self.pictures += 1;
    }

    /// What a picture would add that shows these pixels of a board there, in cells: one that has been seen already counts for
    /// less, the more often the less.
    #[must_use]
    pub fn gain(
        &self,
        camera_from_board: &Isometry3<f64>,
        pixels: impl IntoIterator<Item = Point2<f64>>,
    ) -> f64 {
        let cells = cells_of(self.size, pixels);
        let seen = self.cells.iter().zip(cells).filter(|(_, seen)| *seen);
        let cells: f64 = seen.map(|(count, _)| ((1 + count) as f64).powi(-2)).sum();
        let tilts = leaning(camera_from_board)
            .into_iter()
            .zip(self.leaning)
            .filter(|(leans, count)| *leans && *count < LEANING)
            .count();
        let ratio = self.distances.map_or(1.0, |(near, far)| {
            let distance = camera_from_board.translation.z;
            far.max(distance) / near.min(distance)
        });
        let is_further = self.lacks_distances() && ratio >= DISTANCES;
        cells + MISSING_VIEW * (tilts as f64 + f64::from(u8::from(is_further)))
    }

    /// The cells in which corners were seen least, by their upper left ends, and the size of a cell, pixels.
    pub(crate) fn rarest_cells(&self) -> (Vec<Point2<f64>>, Vector2<f64>) {
        let size = Vector2::new(
            f64::from(self.size.0) / CELLS.0 as f64,
            f64::from(self.size.1) / CELLS.1 as f64,
        );
        let least = self.cells.iter().min().copied().unwrap_or_default();
        let rarest = (0..self.cells.len()).filter(|cell| self.cells[*cell] == least);
        let ends = rarest.map(|cell| {
            let place = Vector2::new((cell % CELLS.0) as f64, (cell / CELLS.0) as f64);
            Point2::from(place.component_mul(&size)) - Vector2::new(0.5, 0.5)
        });
        (ends.collect(), size)
    }

    fn lacks_distances(&self) -> bool {
        self.distances
            .is_none_or(|(near, far)| far < DISTANCES * near)
    }

    /// Share of the image's cells in which there was a corner.
    #[must_use]
    pub fn share(&self) -> f64 {
        let seen = self.cells.iter().filter(|count| **count > 0).count();
        seen as f64 / self.cells.len() as f64
    }

    /// What is missing, in plain words; empty when it is enough.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let regions: Vec<&str> = (0..9)
            .filter(|region| !self.has_region(region % 3, region / 3))
            .map(|region| REGIONS[region / 3][region % 3])
            .collect();
        if regions.len() == 9 {
            missing.push("show the board all over the picture".to_owned());
        } else if !regions.is_empty() {
            missing.push(format!("missing the {}", regions.join(", the ")));
        }
        let edges = EDGES.iter().zip(self.leaning);
        let edges: Vec<&str> = edges
            .filter(|(_, count)| *count < LEANING)
            .map(|((edge, _), _)| *edge)
            .collect();
        if !edges.is_empty() {
            missing.push(format!(
                "tilt the board more, by 20 to 40 degrees, its {} edge nearer",
                edges.join(", then its ")
            ));
        }
        if self.lacks_distances() {
            missing.push("show it nearer and further away".to_owned());
        }
        if missing.is_empty() && self.pictures < LEAST_PICTURES {
            missing.push(format!("{} more pictures", LEAST_PICTURES - self.pictures));
        }
        missing
    }

    fn has_region(&self, column: usize, row: usize) -> bool {
        let (columns, rows) = (
            COLUMNS[column]..COLUMNS[column + 1],
            ROWS[row]..ROWS[row + 1],
        );
        let cells = rows.flat_map(|row| columns.clone().map(move |column| row * CELLS.0 + column));
        let (seen, all) = cells.fold((0, 0), |(seen, all), cell| {
            (seen + usize::from(self.cells[cell] > 0), all + 1)
        });
        f64::from(seen as u32) >= REGION_SHARE * f64::from(all)
    }

    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing().is_empty()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "coverage {:.0} %", self.share() * 100.0)?;
        let missing = self.missing();
        if missing.is_empty() {
            write!(formatter, ": enough")
        } else {
            write!(formatter, ": {}", missing.join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::Point3;

    use super::*;
    use crate::{sample::Samples, synthetic};

    fn coverage(made: &Samples) -> Coverage {
        Coverage::of(&made.camera, &made.board, &made.samples)
    }

    #[test]
    fn good_pictures_are_enough_and_a_board_in_one_place_is_not() {
        let made = synthetic::pictures(25, 0.2, 3);
        let good = coverage(&made);
        assert!(good.share() > 0.8, "{good}");
        let mut same = made.clone();
        same.samples = vec![made.samples[0].clone(); 25];
        let one = coverage(&same).to_string();
        for part in ["missing the", "tilt the board more", "nearer and further"] {
            assert!(one.contains(part), "{part} is not in {one}");
        }
        same.samples.clear();
        let none = coverage(&same).to_string();
        assert!(
            none.contains("coverage 0 %") && none.contains("all over the picture"),
            "{none}"
        );
    }

    #[test]
    fn a_region_without_corners_is_named_and_is_worth_going_to() {
        let mut made = synthetic::pictures(60, 0.0, 3);
        assert!(coverage(&made).is_complete(), "{}", coverage(&made));
        let is_left_upper = |u: f64, v: f64| u < 320.0 && v < 240.0;
        for sample in &mut made.samples {
            sample.corners.retain(|(_, u, v)| !is_left_upper(*u, *v));
        }
        let left = coverage(&made);
        assert_eq!(left.missing(), ["missing the upper left corner"]);
        let facing = Isometry3::translation(0.0, 0.0, 0.5);
        let gain = |u: f64, v: f64| left.gain(&facing, [Point2::new(u, v)]);
        assert!(gain(100.0, 100.0) > 3.0 * gain(900.0, 500.0));
    }

    #[test]
    fn the_edge_that_is_nearer_is_told() {
        let made = synthetic::pictures(60, 0.0, 3);
        let corners = made.board.corners();
        let [width, _] = made.board.size();
        let nearest = |sample: &&Sample| {
            // Of what the sample shows, the sides nearer to the camera are told by their depth.
            let view = sample.view(0, &corners).unwrap();
            let pose = board_pose(&made.camera, &view.points).unwrap();
            let depth = |x: f64| (pose.camera_from_board * Point3::new(x, 0.0, 0.0)).z;
            let right_is_right = (pose.camera_from_board.rotation * Vector3::x()).x > 0.9;
            right_is_right && depth(width) < depth(0.0) - 0.3 * width
        };
        let samples: Vec<_> = made.samples.iter().filter(nearest).cloned().collect();
        assert!(!samples.is_empty());
        let seen = Coverage::of(&made.camera, &made.board, &samples);
        assert_eq!(seen.leaning[0], samples.len(), "right");
        assert_eq!(seen.leaning[1], 0, "left");
    }
}
