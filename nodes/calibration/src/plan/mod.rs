//! Which pose of the robot tells most about where the camera is, or what its lens does, of those that it can go to.
//!
//! [`Planner::next`] draws poses of the board before the camera: the whole board in the picture, near enough to be read and
//! tilted by no more than it can be. What the robot can reach, may do ([`room`]) and has not done yet is asked what it
//! would tell ([`Belief::promise`]), and the one that tells most is taken. As long as little is known of the camera's place,
//! corners are not certain to be where they are expected, and poses keep so far from the picture's border. Where it is the
//! lens that is to be found, what a pose tells is what it adds to the [`Coverage`] of the picture.

pub mod room;
pub mod routine;

use std::{collections::BTreeMap, ops::Range};

use camera::Intrinsics;
use nalgebra::{Isometry3, Point2, Point3, Translation3, UnitQuaternion, Vector2, Vector3};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use robot::{motion::Arm, ur5};

use self::room::{Equipment, Objection, Room};
use crate::{
    board::Board, hand_eye::Belief, intrinsics::coverage::Coverage, pose::distance, sample::Setup,
};

/// Poses that are drawn, and of those that show the board and can be reached how many are weighed.
const DRAWS: usize = 6000;
const WEIGHED: usize = 150;
/// A camera sees no board that is nearer, metres.
const NEAREST_M: f64 = 0.25;
/// Markers that are smaller in the picture are not read reliably, pixels to a side.
const LEAST_MARKER_PX: f64 = 20.0;
/// Greatest angle between the board's normal and the line of sight, rad.
const MOST_TILT: f64 = 0.75;
/// How far the board turns about its normal from where it was seen last, rad.
const MOST_ROLL: f64 = 1.2;
/// The pattern keeps so far from the picture's border, pixels, and so many times its uncertainty.
const BORDER: (f64, f64) = (12.0, 2.0);
/// Poses that are nearer than this to one that was tried are not tried: metres, and rad.
const TRIED: (f64, f64) = (0.04, 0.15);

/// A pose that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// Where the flange is to be.
    pub base_from_flange: Isometry3<f64>,
    /// Joint positions that take it there, rad.
    pub arm: Arm,
    /// How much the pose tells: [`Promise::gain`](crate::hand_eye::Promise::gain), or of the lens [`Coverage::gain`].
    pub gain: f64,
}

/// Why there is nowhere to go.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Nothing that was drawn will do.
    #[error(
        "no further pose was found: of {drawn} that were drawn {shown} show the whole board, {reached} of these can be reached, and {free} have not been tried and are free{}; let the robot begin elsewhere, or place camera or board otherwise",
        .most.map(|objection| format!(" (most often, {objection})")).unwrap_or_default()
    )]
    Nowhere {
        /// Poses of the board that were drawn.
        drawn: usize,
        /// Of these, how many show the whole board.
        shown: usize,
        /// Of these, how many can be reached.
        reached: usize,
        /// Of these, how many are new and free, but not the way there.
        free: usize,
        /// What speaks against most others.
        most: Option<Objection>,
    },
}

/// Chooses poses; see the [module](self).
#[derive(Debug, Clone)]
pub struct Planner {
    room: Room,
    start: Arm,
    random: Pcg64,
}

impl Planner {
    /// For an arm that begins at `start`; equal seeds draw equal poses.
    #[must_use]
    pub fn new(room: Room, start: Arm, seed: u64) -> Self {
        Self {
            room,
            start,
            random: Pcg64::seed_from_u64(seed),
        }
    }

    /// The pose that tells most, to be reached straight from where the arm is now.
    ///
    /// With the `coverage` of the picture by now it is the one that tells most about the lens. `tried` are the poses of the
    /// flange that need no second visit, the last one first to say how the board hangs.
    ///
    /// # Errors
    /// When no pose will do; the error says what most failed for.
    pub fn next(
        &mut self,
        belief: &Belief,
        coverage: Option<&Coverage>,
        tried: &[Isometry3<f64>],
        now: &Arm,
    ) -> Result<Choice, PlanError> {
        let (mut choices, counts) = self.candidates(belief, coverage, tried, now);
        choices.sort_by(|a, b| b.gain.total_cmp(&a.gain));
        let equipment = equipment(belief);
        choices
            .into_iter()
            .find(|choice| {
                let way = self
                    .room
                    .objection_on_the_way(now, &choice.arm, &self.start, &equipment);
                way.is_none()
            })
            .ok_or(counts)
    }

    /// Poses that the robot may be at, and what became of the others.
    fn candidates(
        &mut self,
        belief: &Belief,
        coverage: Option<&Coverage>,
        tried: &[Isometry3<f64>],
        now: &Arm,
    ) -> (Vec<Choice>, PlanError) {
        let about = belief.about();
        let corners = about.board.corners();
        let outline = outline(&about.board);
        let distances = distances(&about.camera, &about.board);
        let last = tried.last().copied().unwrap_or_else(|| ur5::forward(now));
        let roll = roll(&belief.camera_from_board(&last));
        let equipment = equipment(belief);
        let mut choices = Vec::new();
        let (mut drawn, mut shown, mut reached) = (0, 0, 0);
        let mut objections: BTreeMap<&'static str, (usize, Objection)> = BTreeMap::new();
        while drawn < DRAWS && choices.len() < WEIGHED {
            drawn += 1;
            let Some(mut camera_from_board) =
                self.draw(&about.camera, &about.board, &distances, roll)
            else {
                continue;
            };
            // Every second one goes where the lens has been seen least: few of the others come near the picture's corners.
            if let Some(coverage) = coverage.filter(|_| drawn % 2 == 0) {
                let pixel = self.pixel_in(&coverage.rarest_cells());
                let Some(moved) = moved_to(&about.camera, &corners, &camera_from_board, &pixel)
                else {
                    continue;
                };
                camera_from_board = moved;
            }
            let base_from_flange = flange(belief, &camera_from_board);
            let Some(edge) = belief.corners(&base_from_flange, &outline) else {
                continue;
            };
            if !keeps_off_border(&about.camera, &edge, BORDER.0) {
                continue;
            }
            shown += 1;
            let Some(arm) = self.room.reach(&base_from_flange, &self.start) else {
                continue;
            };
            reached += 1;
            if let Some(objection) = self.room.objection(&arm, &self.start, &equipment) {
                let name = match objection {
                    Objection::Joint => "joint",
                    Objection::Workspace => "workspace",
                    Objection::Table => "table",
                    Objection::Arm => "arm",
                    Objection::Camera => "camera",
                };
                objections.entry(name).or_insert((0, objection)).0 += 1;
                continue;
            }
            let is_near = |pose: &Isometry3<f64>| {
                let (shift, turn) = distance(pose, &base_from_flange);
                shift < TRIED.0 && turn < TRIED.1
            };
            if tried.iter().any(is_near) {
                continue;
            }
            let seen = belief.corners(&base_from_flange, &corners);
            let Some(seen) = seen else {
                continue;
            };
            let Some(promise) = belief.promise(&base_from_flange, &seen) else {
                continue;
            };
            let border = BORDER.0 + BORDER.1 * promise.uncertainty_px;
            if !keeps_off_border(&about.camera, &edge, border) {
                continue;
            }
            choices.push(Choice {
                base_from_flange,
                arm,
                gain: coverage.map_or(promise.gain, |coverage| {
                    coverage.gain(&camera_from_board, seen.iter().map(|(_, pixel)| *pixel))
                }),
            });
        }
        let counts = PlanError::Nowhere {
            drawn,
            shown,
            reached,
            free: choices.len(),
            most: objections
                .into_values()
                .max_by_key(|(count, _)| *count)
                .map(|(_, objection)| objection),
        };
        (choices, counts)
    }

    /// Some pixel in one of these parts of the picture: the upper left ends, and the size of each.
    fn pixel_in(&mut self, cells: &(Vec<Point2<f64>>, Vector2<f64>)) -> Point2<f64> {
        let (ends, size) = cells;
        let end = match ends.len() {
            0 => Point2::origin(),
            count => ends[self.random.random_range(0..count)],
        };
        let mut part = || self.random.random_range(0.0..1.0);
        end + Vector2::new(part(), part()).component_mul(size)
    }

    /// Some pose of the board, its middle anywhere in the picture.
    fn draw(
        &mut self,
        camera: &Intrinsics,
        board: &Board,
        distances: &Range<f64>,
        roll: f64,
    ) -> Option<Isometry3<f64>> {
        let mut within = |range: Range<f64>| self.random.random_range(range);
        let pixel = Point2::new(
            within(0.0..f64::from(camera.width)),
            within(0.0..f64::from(camera.height)),
        );
        let sight = camera.ray(&pixel).ok()?.push(1.0).normalize();
        let place = sight * within(distances.clone());
        let towards = within(0.0..std::f64::consts::TAU);
        let tilt = within(0.0..MOST_TILT);
        let roll = roll + within(-MOST_ROLL..MOST_ROLL);
        // Facing the camera first, then rolled, then tilted.
        let facing = UnitQuaternion::rotation_between(&Vector3::z(), &sight)?;
        let axis = Vector3::new(towards.cos(), towards.sin(), 0.0) * tilt;
        let turn = facing
            * UnitQuaternion::from_scaled_axis(axis)
            * UnitQuaternion::from_axis_angle(&Vector3::z_axis(), roll);
        let [width, height] = board.size();
        let middle = Vector3::new(0.5 * width, 0.5 * height, 0.0);
        Some(Isometry3::from_parts((place - turn * middle).into(), turn))
    }
}

/// The board shifted along the picture until the outermost of its corners towards a pixel is seen there.
fn moved_to(
    camera: &Intrinsics,
    corners: &BTreeMap<u32, Point3<f64>>,
    camera_from_board: &Isometry3<f64>,
    pixel: &Point2<f64>,
) -> Option<Isometry3<f64>> {
    let outwards = pixel - Point2::new(camera.cx, camera.cy);
    let along = |point: &Point3<f64>| point.xy().coords.dot(&outwards);
    let outermost = corners
        .values()
        .map(|corner| camera_from_board * corner)
        .max_by(|a, b| along(a).total_cmp(&along(b)))?;
    let wanted = camera.ray(pixel).ok()?.push(1.0) * outermost.z;
    let shift = Translation3::from(wanted - outermost.coords);
    Some(shift * camera_from_board)
}

fn equipment(belief: &Belief) -> Equipment {
    let about = belief.about();
    Equipment::new(
        about.setup,
        &about.board,
        &belief.mount_from_camera(),
        &belief.carrier_from_board(),
    )
}

/// The corners of the whole pattern.
fn outline(board: &Board) -> BTreeMap<u32, Point3<f64>> {
    let [width, height] = board.size();
    let corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)];
    let corners = corners.map(|(x, y)| Point3::new(x, y, 0.0));
    (0..).zip(corners).collect()
}

/// Where the flange is when the camera sees the board there.
fn flange(belief: &Belief, camera_from_board: &Isometry3<f64>) -> Isometry3<f64> {
    let mount_from_carrier =
        belief.mount_from_camera() * camera_from_board * belief.carrier_from_board().inverse();
    match belief.about().setup {
        Setup::EyeToHand => mount_from_carrier,
        Setup::EyeInHand => mount_from_carrier.inverse(),
    }
}

/// How far the board is turned about its own normal from upright, rad.
fn roll(camera_from_board: &Isometry3<f64>) -> f64 {
    let right = camera_from_board.rotation * Vector3::x();
    right.y.atan2(right.x)
}

/// From where the board is too near to where its markers are too small.
fn distances(camera: &Intrinsics, board: &Board) -> Range<f64> {
    let marker = board.markers().first().map_or(0.0, |marker| marker.side);
    let furthest = camera.fx.min(camera.fy) * marker / LEAST_MARKER_PX;
    NEAREST_M..furthest.max(NEAREST_M * 1.2)
}

fn keeps_off_border(
    camera: &Intrinsics,
    corners: &[(Point3<f64>, Point2<f64>)],
    border_px: f64,
) -> bool {
    let (right, bottom) = (
        f64::from(camera.width) - 1.0 - border_px,
        f64::from(camera.height) - 1.0 - border_px,
    );
    corners.iter().all(|(_, pixel)| {
        (border_px..=right).contains(&pixel.x) && (border_px..=bottom).contains(&pixel.y)
    })
}

#[cfg(test)]
mod tests;
