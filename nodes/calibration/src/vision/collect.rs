//! Taking samples while somebody moves the robot: one wherever it comes to rest at a new pose that shows the board.

use std::collections::BTreeMap;

use image::GrayImage;
use nalgebra::Isometry3;

use super::{DetectionError, Detector};
use crate::{
    pose::{Pose, distance},
    sample::{Sample, Samples},
};

/// What counts as rest, as new, and as a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// How long the robot has to be at rest first, seconds: cells and cameras swing.
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
/// Corners that wander by more between pictures (standard deviation, pixels) belong to something that moves.
const STEADY_PX: f64 = 0.5;

/// What came of a picture.
#[derive(Debug)]
pub enum Event {
    /// The robot moves, or has not been at rest for long enough.
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

/// A robot that stands still.
#[derive(Debug)]
struct Rest {
    since_s: f64,
    base_from_flange: Isometry3<f64>,
    seen: Vec<Vec<(u32, f64, f64)>>,
    /// Nothing more is to be had of this pose.
    done: bool,
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
        let resting = self.rest.take().filter(|rest| {
            let (shift, turn) = distance(&rest.base_from_flange, base_from_flange);
            shift < REST.0 && turn < REST.1 && time_s >= rest.since_s
        });
        let mut rest = resting.unwrap_or_else(|| Rest {
            since_s: time_s,
            base_from_flange: *base_from_flange,
            seen: Vec::new(),
            done: false,
        });
        let event = self.rested(time_s, &mut rest, picture);
        self.rest = Some(rest);
        event
    }

    fn rested(&mut self, time_s: f64, rest: &mut Rest, picture: &GrayImage) -> Event {
        if time_s - rest.since_s < self.rules.settle_s {
            return Event::Moving;
        }
        if rest.done || !self.is_new(&rest.base_from_flange) {
            return Event::Known;
        }
        match self.detector.detect(picture) {
            Ok(detection) => rest.seen.push(detection.corners),
            Err(error) => {
                rest.seen.clear();
                return Event::Unseen(error);
            }
        }
        if rest.seen.len() < self.rules.pictures {
            return Event::Gathering;
        }
        let (corners, deviation_px) = mean(&rest.seen);
        rest.seen.clear();
        if deviation_px > STEADY_PX {
            return Event::Unsteady { deviation_px };
        }
        rest.done = true;
        let name = format!("{:03}", next_number(&self.samples.samples));
        self.samples.samples.push(Sample {
            image: Some(format!("{name}.png")),
            name,
            base_from_flange: Some(Pose::from(&rest.base_from_flange)),
            corners,
        });
        Event::Taken
    }

    fn is_new(&self, base_from_flange: &Isometry3<f64>) -> bool {
        let poses = self
            .samples
            .samples
            .iter()
            .filter_map(|sample| sample.base_from_flange?.isometry());
        poses
            .map(|pose| distance(&pose, base_from_flange))
            .all(|(shift, turn)| shift >= self.rules.new_m || turn >= self.rules.new_rad)
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
fn mean(pictures: &[Vec<(u32, f64, f64)>]) -> (Vec<(u32, f64, f64)>, f64) {
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
