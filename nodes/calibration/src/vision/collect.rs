//! Taking samples while somebody moves the robot, or the board itself: one wherever it comes to rest at a new pose that shows
//! the board.

use std::collections::BTreeMap;

use image::GrayImage;
use nalgebra::Isometry3;

use super::{DetectionError, Detector};
use crate::{
    pnp::board_pose,
    pose::{Pose, distance},
    sample::{Sample, Samples},
};

/// What counts as rest, as new, and as a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// How long robot or board have to be at rest first, seconds: cells and cameras swing.
    pub settle_s: f64,
    /// How many pictures are averaged.
    pub pictures: usize,
    /// A pose is new when it is at least so far from all others, metres,
    pub new_m: f64,
    /// or turned by so much, rad.
    pub new_rad: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            settle_s: 1.0,
            pictures: 5,
            new_m: 0.03,
            new_rad: 0.1,
        }
    }
}

/// A robot that moves by less between two pictures is at rest: metres and rad.
const REST: (f64, f64) = (3e-4, 5e-4);
/// A board that is held by hand is at rest while its corners are no further from where they were, pixels on average.
const HELD_PX: f64 = 2.0;
/// Corners that wander by more between pictures (standard deviation, pixels) belong to something that moves.
const STEADY_PX: f64 = 0.5;

/// What came of a picture.
#[derive(Debug)]
pub enum Event {
    /// Robot or board moves, or has not been at rest for long enough.
    Moving,
    /// There is a sample of this pose already.
    Known,
    /// The board is not to be seen well enough.
    Unseen(DetectionError),
    /// Pictures are being gathered.
    Gathering,
    /// The board moves though the robot does not.
    Unsteady {
        /// Standard deviation of the corners, pixels.
        deviation_px: f64,
    },
    /// A sample was added.
    Taken,
}

/// Takes samples from a stream of pictures.
#[derive(Debug)]
pub struct Collector {
    detector: Detector,
    rules: Rules,
    samples: Samples,
    rest: Option<Rest>,
}

/// Corners of a picture: number on the board, column and row in pixels.
type Corners = Vec<(u32, f64, f64)>;

/// What stands still.
#[derive(Debug)]
enum Still {
    /// The robot, with its flange there.
    Robot(Isometry3<f64>),
    /// The board, with its corners there at the beginning.
    Board(Corners),
}

/// Something stands still.
#[derive(Debug)]
struct Rest {
    since_s: f64,
    still: Still,
    seen: Vec<Corners>,
    /// Nothing more is to be had of this pose.
    done: bool,
}

impl Rest {
    fn new(since_s: f64, still: Still) -> Self {
        Self {
            since_s,
            still,
            seen: Vec::new(),
            done: false,
        }
    }
}

impl Collector {
    /// Goes on with samples that are there already.
    ///
    /// # Errors
    /// When OpenCV does not know the board's dictionary.
    pub fn new(samples: Samples, rules: Rules) -> Result<Self, super::DictionaryError> {
        let detector = Detector::new(&samples.board)?;
        Ok(Self {
            detector,
            rules,
            samples,
            rest: None,
        })
    }

    /// What there is so far.
    #[must_use]
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Takes a picture of a moment (seconds of any clock) at which the flange was there.
    pub fn look(
        &mut self,
        time_s: f64,
        base_from_flange: &Isometry3<f64>,
        picture: &GrayImage,
    ) -> Event {
        let is_same = |still: &Still| {
            let Still::Robot(there) = still else {
                return false;
            };
            let (shift, turn) = distance(there, base_from_flange);
            shift < REST.0 && turn < REST.1
        };
        let mut rest = self
            .resting(time_s, is_same)
            .unwrap_or_else(|| Rest::new(time_s, Still::Robot(*base_from_flange)));
        let event = if time_s - rest.since_s < self.rules.settle_s {
            Event::Moving
        } else if rest.done || !self.is_new(base_from_flange) {
            Event::Known
        } else {
            match self.detector.detect(picture) {
                Ok(detection) => {
                    let pose = Some(Pose::from(base_from_flange));
                    self.gather(&mut rest, detection.corners, pose)
                }
                Err(error) => {
                    rest.seen.clear();
                    Event::Unseen(error)
                }
            }
        };
        self.rest = Some(rest);
        event
    }

    /// Takes a picture of a moment of a board that somebody moves; where the robot is does not matter, and its samples do not
    /// say.
    pub fn watch(&mut self, time_s: f64, picture: &GrayImage) -> Event {
        let corners = match self.detector.detect(picture) {
            Ok(detection) => detection.corners,
            Err(error) => {
                self.rest = None;
                return Event::Unseen(error);
            }
        };
        let is_same = |still: &Still| match still {
            Still::Robot(_) => false,
            Still::Board(there) => mean_shift_px(there, &corners) < HELD_PX,
        };
        let mut rest = self
            .resting(time_s, is_same)
            .unwrap_or_else(|| Rest::new(time_s, Still::Board(corners.clone())));
        let event = if time_s - rest.since_s < self.rules.settle_s {
            Event::Moving
        } else if rest.done || (rest.seen.is_empty() && !self.is_new_view(&corners)) {
            rest.done = true;
            Event::Known
        } else {
            self.gather(&mut rest, corners, None)
        };
        self.rest = Some(rest);
        event
    }

    /// The rest that goes on, if it is of what stood still before.
    fn resting(&mut self, time_s: f64, is_same: impl Fn(&Still) -> bool) -> Option<Rest> {
        let rest = self.rest.take();
        rest.filter(|rest| is_same(&rest.still) && time_s >= rest.since_s)
    }

    /// Takes in the corners of one more picture, and the sample when there are enough.
    fn gather(
        &mut self,
        rest: &mut Rest,
        corners: Corners,
        base_from_flange: Option<Pose>,
    ) -> Event {
        rest.seen.push(corners);
        if rest.seen.len() < self.rules.pictures {
            return Event::Gathering;
        }
        let (corners, deviation_px) = mean(&rest.seen);
        rest.seen.clear();
        // Hands tremble, and a lens does not mind.
        if base_from_flange.is_some() && deviation_px > STEADY_PX {
            return Event::Unsteady { deviation_px };
        }
        rest.done = true;
        let name = format!("{:03}", next_number(&self.samples.samples));
        self.samples.samples.push(Sample {
            image: Some(format!("{name}.png")),
            name,
            base_from_flange,
            corners,
        });
        Event::Taken
    }

    fn is_new(&self, base_from_flange: &Isometry3<f64>) -> bool {
        let poses = self.samples.samples.iter();
        self.is_far_from(
            base_from_flange,
            poses.filter_map(|sample| sample.base_from_flange?.isometry()),
        )
    }

    /// Whether the board is seen from elsewhere than before. Corners that determine no pose of it are not worth a sample.
    fn is_new_view(&self, corners: &Corners) -> bool {
        let known = self.samples.board.corners();
        let pose = |sample: &Sample| {
            let view = sample.view(0, &known).ok()?;
            Some(board_pose(&self.samples.camera, &view.points)?.camera_from_board)
        };
        let this = Sample {
            name: String::new(),
            base_from_flange: None,
            corners: corners.clone(),
            image: None,
        };
        let others = self.samples.samples.iter().filter_map(pose);
        pose(&this).is_some_and(|pose| self.is_far_from(&pose, others))
    }

    fn is_far_from(
        &self,
        pose: &Isometry3<f64>,
        mut others: impl Iterator<Item = Isometry3<f64>>,
    ) -> bool {
        others.all(|other| {
            let (shift, turn) = distance(&other, pose);
            shift >= self.rules.new_m || turn >= self.rules.new_rad
        })
    }
}

/// How far corners are from where they were, pixels on average; infinite where none is the same.
fn mean_shift_px(before: &Corners, now: &Corners) -> f64 {
    let places: BTreeMap<u32, (f64, f64)> =
        before.iter().map(|(id, u, v)| (*id, (*u, *v))).collect();
    let shifts = now.iter().filter_map(|(id, u, v)| {
        let (u0, v0) = places.get(id)?;
        Some((u - u0).hypot(v - v0))
    });
    let (count, sum) = shifts.fold((0.0, 0.0), |(count, sum), shift| (count + 1.0, sum + shift));
    if count > 0.0 {
        sum / count
    } else {
        f64::INFINITY
    }
}

/// One more than the highest number that a sample or its picture has for a name: samples may have been removed since.
fn next_number(samples: &[Sample]) -> u64 {
    let numbers = samples.iter().flat_map(|sample| {
        let picture = sample.image.as_deref();
        let picture = picture.map(|file| file.split_once('.').map_or(file, |(stem, _)| stem));
        [Some(sample.name.as_str()), picture]
    });
    numbers
        .flatten()
        .filter_map(|name| name.parse::<u64>().ok())
        .max()
        .unwrap_or(0)
        .saturating_add(1)
}

/// The mean place of each corner that all pictures show, and the standard deviation about it along an axis.
fn mean(pictures: &[Corners]) -> (Corners, f64) {
    let mut places: BTreeMap<u32, Vec<(f64, f64)>> = BTreeMap::new();
    for (id, u, v) in pictures.iter().flatten() {
        places.entry(*id).or_default().push((*u, *v));
    }
    let (mut squares, mut free) = (0.0, 0.0);
    let mut corners = Vec::with_capacity(places.len());
    for (id, places) in places
        .into_iter()
        .filter(|(_, places)| places.len() == pictures.len())
    {
        let count = places.len() as f64;
        let u = places.iter().map(|place| place.0).sum::<f64>() / count;
        let v = places.iter().map(|place| place.1).sum::<f64>() / count;
        squares += places
            .iter()
            .map(|place| (place.0 - u).powi(2) + (place.1 - v).powi(2))
            .sum::<f64>();
        free += 2.0 * (count - 1.0);
        corners.push((id, u, v));
    }
    (
        corners,
        if free > 0.0 {
            (squares / free).sqrt()
        } else {
            0.0
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_sample_takes_no_name_that_is_in_use() {
        let sample = |name: &str, image: Option<&str>| Sample {
            name: name.to_owned(),
            base_from_flange: None,
            corners: Vec::new(),
            image: image.map(str::to_owned),
        };
        assert_eq!(next_number(&[]), 1);
        // The second of three was removed by hand.
        let left = [sample("001", Some("001.png")), sample("003", None)];
        assert_eq!(next_number(&left), 4);
        assert_eq!(next_number(&[sample("left", Some("007.png"))]), 8);
        assert_eq!(next_number(&[sample("left", None)]), 1);
    }
}
