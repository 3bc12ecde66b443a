//! Marker measurements of a hand whose curves are known.

use std::collections::BTreeMap;

use nalgebra::{Isometry3, UnitQuaternion, Vector3, Vector6};
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, StandardNormal};
use rand_pcg::Pcg64;
use robot::{Hand, hand::JOINTS};

use super::{HandSample, HandSamples, PALM, place};
use crate::pose::{Pose, step_isometry};

/// How the measurements are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// Deviation of a marker's orientation about each axis, rad.
    pub marker_rad: f64,
    /// Half the ticks between closing and opening at the same angle.
    pub play_ticks: f64,
    /// How long the joints are behind their servos, seconds.
    pub lag_s: f64,
    /// Whether proximal phalanges are held back in some samples.
    pub held_back: bool,
    /// What random numbers come from.
    pub seed: u64,
}

/// Velocities at which the fingers are moved, as shares of the travel a second.
const VELOCITIES: [f64; 3] = [0.1, 0.2, 0.4];
/// Pictures of one way, and of the hand at rest at either end.
const PICTURES: usize = 30;

/// Shows the open and the closed hand at rest, closes and opens all fingers at three velocities and in steps, then closes them with the proximal phalanges held at three angles.
#[must_use]
pub fn measured(hand: &Hand, recipe: &Recipe) -> HandSamples {
    let mut random = Pcg64::seed_from_u64(recipe.seed);
    let mut mountings: BTreeMap<&str, UnitQuaternion<f64>> = BTreeMap::new();
    for name in JOINTS.into_iter().chain([PALM]) {
        let turn = Vector3::from_fn(|_, _| random.random_range(-1.5..1.5));
        mountings.insert(name, UnitQuaternion::from_scaled_axis(turn));
    }
    let ranges = hand.servos().map(|servo| (servo.closed, servo.open));
    let ticks_at = |closure: f64| ranges.map(|(closed, open)| open + closure * (closed - open));
    let mut samples = Vec::new();
    let mut take = |closure: f64, velocity: f64, held: Option<f64>| {
        let ticks = ticks_at(closure);
        let ticks_per_s = ranges.map(|(closed, open)| velocity * (closed - open));
        let behind: [f64; 5] = std::array::from_fn(|servo| {
            let direction = if velocity == 0.0 {
                0.0
            } else {
                ticks_per_s[servo].signum()
            };
            ticks[servo] - recipe.lag_s * ticks_per_s[servo] - recipe.play_ticks * direction
        });
        let free = hand.angles(behind);
        let mut present = free;
        if let Some(share) = held {
            for (joint, name) in JOINTS.iter().enumerate() {
                if place(name).led.is_none() && joint != 0 {
                    // The phalanx gets as far as what holds it.
                    let stop = share * hand.angles(ticks_at(1.0))[joint];
                    present[joint] = if free[joint].abs() > stop.abs() {
                        stop
                    } else {
                        free[joint]
                    };
                }
            }
        }
        let mut angles = hand.angles_under_load(behind, &present);
        for (joint, name) in JOINTS.iter().enumerate() {
            if place(name).led.is_none() {
                angles[joint] = present[joint];
            }
        }
        samples.push(HandSample {
            ticks,
            ticks_per_s,
            held_back: held.is_some(),
            markers: markers(&angles, &mountings, recipe.marker_rad, &mut random),
        });
    };
    for velocity in VELOCITIES {
        for direction in [1.0, -1.0] {
            for picture in 0..PICTURES {
                let closure = picture as f64 / (PICTURES - 1) as f64;
                let closure = if direction > 0.0 {
                    closure
                } else {
                    1.0 - closure
                };
                take(closure, direction * velocity, None);
            }
        }
    }
    for picture in 0..PICTURES {
        for closure in [0.0, picture as f64 / (PICTURES - 1) as f64, 1.0] {
            take(closure, 0.0, None);
        }
    }
    if recipe.held_back {
        for share in [0.2, 0.5, 0.8] {
            for picture in 0..PICTURES {
                take(picture as f64 / (PICTURES - 1) as f64, 0.0, Some(share));
            }
        }
    }
    HandSamples { samples }
}

/// Where a camera sees the markers of a hand whose joints are at these angles.
fn markers(
    angles: &[f64; 11],
    mountings: &BTreeMap<&str, UnitQuaternion<f64>>,
    deviation: f64,
    random: &mut impl Rng,
) -> BTreeMap<String, Pose> {
    let camera_from_palm = step_isometry(&Vector6::new(0.05, -0.02, 0.4, 0.3, -0.4, 0.8));
    let mut links: BTreeMap<&str, UnitQuaternion<f64>> =
        BTreeMap::from([(PALM, camera_from_palm.rotation)]);
    for (joint, angle) in JOINTS.into_iter().zip(angles) {
        let axis = match joint {
            "thumb_opposition" => Vector3::z(),
            "thumb_flexion" | "thumb_distal" => Vector3::y(),
            _ => Vector3::x(),
        };
        let before = links.get(place(joint).before).copied().unwrap_or_default();
        links.insert(
            joint,
            before * UnitQuaternion::from_scaled_axis(axis * *angle),
        );
    }
    links
        .into_iter()
        .map(|(name, link)| {
            let noise = Vector3::from_fn(|_, _| {
                let normal: f64 = StandardNormal.sample(random);
                deviation * normal
            });
            let mounting = mountings.get(name).copied().unwrap_or_default();
            let rotation = link * mounting * UnitQuaternion::from_scaled_axis(noise);
            let pose = Isometry3::from_parts(camera_from_palm.translation, rotation);
            (name.to_owned(), Pose::from(&pose))
        })
        .collect()
}

/// Mean over the travel of the servos, joint by joint, of the distance between two hands' angles in rad, free and with
/// the proximal phalanges held half way.
#[must_use]
pub fn mean_difference(first: &Hand, second: &Hand) -> [f64; 11] {
    const STEPS: usize = 100;
    let mut sums = [0.0; 11];
    for step in 0..=STEPS {
        let closure = step as f64 / STEPS as f64;
        let ticks = first
            .servos()
            .map(|servo| servo.open + closure * (servo.closed - servo.open));
        let half = first.angles(
            first
                .servos()
                .map(|servo| 0.5 * (servo.open + servo.closed)),
        );
        let (free_a, free_b) = (first.angles(ticks), second.angles(ticks));
        let (held_a, held_b) = (
            first.angles_under_load(ticks, &half),
            second.angles_under_load(ticks, &half),
        );
        for joint in 0..11 {
            let off = (free_a[joint] - free_b[joint]).abs() + (held_a[joint] - held_b[joint]).abs();
            sums[joint] += 0.5 * off / (STEPS + 1) as f64;
        }
    }
    sums
}
