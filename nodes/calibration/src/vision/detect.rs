//! Boards in pictures: corners to parts of a pixel, and pictures that are too blurred for that.

use std::collections::BTreeMap;

use image::GrayImage;
use nalgebra::{Point2, Vector2, Vector3};
use opencv::{
    core::{Mat, Point2f, Size, TermCriteria, TermCriteria_Type, Vector},
    imgproc,
};

use super::dictionary::{Dictionary, DictionaryError, Found};
use crate::{
    board::{Board, Marker},
    pnp::plane_homography,
};

/// An edge that takes longer than this from a tenth to nine tenths of its height is blurred; in pixels. A Gaussian blur
/// of 1.5 pixels does that.
const BLUR_PX: f64 = 3.9;
/// Half the window in which a corner is sought, pixels.
const WINDOW_PX: (f64, f64) = (2.0, 8.0);

/// What was found of a board.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Number on the board, column and row in pixels.
    pub corners: Vec<(u32, f64, f64)>,
    /// How long edges take from a tenth to nine tenths of their height, pixels.
    pub edge_px: f64,
}

/// Why a picture is not usable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetectionError {
    /// No marker of the board.
    #[error(
        "no marker of the board is in the picture ({others} of other numbers): is it the right board, in view, in focus and well lit?"
    )]
    NotSeen {
        /// Markers of the dictionary that are not on the board.
        others: usize,
    },
    /// Too blurred to measure.
    #[error(
        "the picture is blurred: edges are {edge_px:.1} px wide, and {BLUR_PX} px is the most; let the robot come to rest, focus, or use more light"
    )]
    Blurred {
        /// Width of the edges.
        edge_px: f64,
    },
    /// The dictionary, or OpenCV.
    #[error(transparent)]
    Dictionary(#[from] DictionaryError),
}

impl From<opencv::Error> for DetectionError {
    fn from(error: opencv::Error) -> Self {
        Self::Dictionary(error.into())
    }
}

/// Finds one board in pictures.
#[derive(Debug)]
pub struct Detector {
    board: Board,
    dictionary: Dictionary,
    markers: BTreeMap<i32, (usize, Marker)>,
}

impl Detector {
    /// For a board.
    ///
    /// # Errors
    /// When OpenCV does not know its dictionary.
    pub fn new(board: &Board) -> Result<Self, DictionaryError> {
        let markers = board
            .markers()
            .into_iter()
            .enumerate()
            .filter_map(|(place, marker)| Some((i32::try_from(marker.id).ok()?, (place, marker))))
            .collect();
        Ok(Self {
            board: board.clone(),
            dictionary: Dictionary::new(board.dictionary())?,
            markers,
        })
    }

    /// The board's corners in a picture.
    ///
    /// # Errors
    /// When the board is not there, or the picture is blurred.
    pub fn detect(&self, picture: &GrayImage) -> Result<Detection, DetectionError> {
        let rows = i32::try_from(picture.height()).unwrap_or_default();
        let columns = i32::try_from(picture.width()).unwrap_or_default();
        let grey = Mat::new_rows_cols_with_data(rows, columns, picture.as_raw().as_slice())?
            .clone_pointee();
        let found = self.dictionary.detect(&grey)?;
        let (known, others): (Found, Found) = found
            .into_iter()
            .partition(|(id, _)| self.markers.contains_key(id));
        if known.is_empty() {
            return Err(DetectionError::NotSeen {
                others: others.len(),
            });
        }
        let edge_px = edge_width(picture, &known);
        if edge_px > BLUR_PX {
            return Err(DetectionError::Blurred { edge_px });
        }
        let corners = match &self.board {
            Board::Charuco { square_m, .. } => self.chessboard(&grey, &known, *square_m)?,
            Board::MarkerGrid { .. } | Board::Marker { .. } => self.marker_corners(&known),
        };
        Ok(Detection { corners, edge_px })
    }

    /// The corners of the markers themselves.
    fn marker_corners(&self, found: &Found) -> Vec<(u32, f64, f64)> {
        let mut corners = Vec::new();
        for (id, seen) in found {
            let Some((place, _)) = self.markers.get(id) else {
                continue;
            };
            for (number, corner) in (0_u32..).zip(seen) {
                let place = u32::try_from(*place).unwrap_or(u32::MAX / 4);
                corners.push((4 * place + number, f64::from(corner.x), f64::from(corner.y)));
            }
        }
        corners.sort_by_key(|corner| corner.0);
        corners
    }

    /// The inner corners of a chessboard between two markers that were both found, first where the markers have them,
    /// then where the picture has them.
    fn chessboard(
        &self,
        grey: &Mat,
        found: &Found,
        square_m: f64,
    ) -> Result<Vec<(u32, f64, f64)>, DetectionError> {
        let mut corners = Vec::new();
        for (id, corner) in self.board.corners() {
            let near: Vec<_> = found
                .iter()
                .filter_map(|(id, seen)| Some((self.markers.get(id)?.1, seen)))
                .filter(|(marker, _)| {
                    let middle = Vector2::from(marker.corner).add_scalar(0.5 * marker.side);
                    // A marker's middle is 0.71 squares from its square's corners.
                    (middle - corner.coords.xy()).norm() < 0.8 * square_m
                })
                .collect();
            if near.len() < 2 {
                continue;
            }
            let pairs: Vec<_> = near
                .iter()
                .flat_map(|(marker, seen)| {
                    marker
                        .corners()
                        .into_iter()
                        .zip(seen.iter())
                        .map(|(on_board, seen)| {
                            (
                                on_board.coords.xy(),
                                Vector2::new(f64::from(seen.x), f64::from(seen.y)),
                            )
                        })
                })
                .collect();
            let Some(homography) = plane_homography(&pairs) else {
                continue;
            };
            let seen = homography * Vector3::new(corner.x, corner.y, 1.0);
            let guess = Point2::new(seen.x / seen.z, seen.y / seen.z);
            // The window must not reach the markers.
            let clear = pairs
                .iter()
                .map(|(_, pixel)| (pixel - guess.coords).norm())
                .fold(f64::INFINITY, f64::min);
            let half = (clear / std::f64::consts::SQRT_2 - 1.0)
                .clamp(WINDOW_PX.0, WINDOW_PX.1)
                .floor();
            let mut refined = Vector::<Point2f>::new();
            refined.push(Point2f::new(guess.x as f32, guess.y as f32));
            let criteria = TermCriteria::new(
                TermCriteria_Type::COUNT as i32 | TermCriteria_Type::EPS as i32,
                50,
                1e-3,
            )?;
            imgproc::corner_sub_pix(
                grey,
                &mut refined,
                Size::new(half as i32, half as i32),
                Size::new(-1, -1),
                criteria,
            )?;
            let refined = refined.get(0)?;
            let refined = Point2::new(f64::from(refined.x), f64::from(refined.y));
            // What has moved that far is no corner of this board: a reflection, or something in front of it.
            if (refined - guess).norm() < half {
                corners.push((id, refined.x, refined.y));
            }
        }
        Ok(corners)
    }
}

/// How long the edges of markers take from a tenth to nine tenths of their height: the middle one of all, in pixels.
fn edge_width(picture: &GrayImage, found: &Found) -> f64 {
    let mut widths = Vec::new();
    for (_, corners) in found {
        let corners = corners.map(|corner| Vector2::new(f64::from(corner.x), f64::from(corner.y)));
        let middle = corners.iter().sum::<Vector2<f64>>() / 4.0;
        for side in 0..4 {
            let (from, to) = (corners[side], corners[(side + 1) % 4]);
            let foot = 0.5 * (from + to);
            let Some(inwards) = (middle - foot).try_normalize(1e-9) else {
                continue;
            };
            // The border is one cell wide; there are at most nine to a side, and at least six.
            let reach = (to - from).norm() / 9.0;
            widths.extend(rise(picture, foot, inwards, reach));
        }
    }
    widths.sort_by(f64::total_cmp);
    widths.get(widths.len() / 2).copied().unwrap_or(0.0)
}

/// How far apart the tenth and the nine tenths of an edge are along a line through it.
fn rise(picture: &GrayImage, foot: Vector2<f64>, inwards: Vector2<f64>, reach: f64) -> Option<f64> {
    const STEP: f64 = 0.1;
    let steps = (2.0 * reach / STEP) as usize;
    let profile: Vec<f64> = (0..=steps)
        .map(|step| brightness(picture, foot + inwards * (step as f64 * STEP - reach)))
        .collect::<Option<_>>()?;
    let (bright, dark) = (*profile.first()?, *profile.last()?);
    if bright - dark < 20.0 {
        return None;
    }
    let share = |value: f64| (value - dark) / (bright - dark);
    let last_bright = profile.iter().rposition(|value| share(*value) > 0.9)?;
    let first_dark = profile.iter().position(|value| share(*value) < 0.1)?;
    Some(first_dark.saturating_sub(last_bright) as f64 * STEP)
}

/// Between pixels, by the four nearest.
fn brightness(picture: &GrayImage, at: Vector2<f64>) -> Option<f64> {
    let (x, y) = (at.x.floor(), at.y.floor());
    if x < 0.0 || y < 0.0 {
        return None;
    }
    let (s, t) = (at.x - x, at.y - y);
    let pixel = |dx: u32, dy: u32| {
        picture
            .get_pixel_checked(x as u32 + dx, y as u32 + dy)
            .map(|pixel| f64::from(pixel.0[0]))
    };
    let upper = pixel(0, 0)? * (1.0 - s) + pixel(1, 0)? * s;
    let lower = pixel(0, 1)? * (1.0 - s) + pixel(1, 1)? * s;
    Some(upper * (1.0 - t) + lower * t)
}
