//! Where the fingertips go: the pinch between the thumb and the fingers, as a function of the servos.
//!
//! The SIH's fingers flex towards +y of the palm while they point along +z; the opposed thumb stands out along +y beside
//! them. With the palm facing the table and tipped a little (by the *tilt*, towards the fingers pointing down), the
//! fingertips travel almost level while they close on the thumb: a parallel gripper whose fixed jaw is the thumb.
//!
//! So a pinch is described along three axes: *closing*, level, from the thumb towards the fingers; *reach*, down along the
//! approach; and the side. Besides the tilt, the *roll* turns the hand about the closing axis so that the shorter ring and
//! little fingers, which the thumb opposes, reach as deep as the others.
//!
//! Everything is in servo ticks here, not in joint angles: near the closed hand the led joints hardly move while the
//! tendons still curl the fingers.

use nalgebra::{Isometry3, Matrix3, Point3, Rotation3, Translation3, UnitQuaternion, Vector3};
use robot::hand::{FINGERTIPS, JOINTS};
use robot::{Hand, Kinematics, KinematicsError};

/// Positions of the servos in ticks, in the order of `robot::hand::SERVOS`.
pub type Ticks = [f64; 5];

/// The thumb's flexion among the [`Ticks`].
pub(super) const THUMB: usize = 1;
/// Index, middle and ring among the [`Ticks`]; the little finger follows the ring finger's.
pub(super) const FINGERS: [usize; 3] = [2, 3, 4];

/// The round ends of the digits (thumb, index, middle, ring, little): centre in the fingertip's frame and radius, metres.
/// Each fingertip's frame is on the skin at the end of its digit.
const ENDS: [([f64; 3], f64); 5] = [
    ([0.008, 0.0, -0.0052], 0.0095),
    ([0.0, 0.0, -0.0085], 0.0085),
    ([0.0, 0.0, -0.0085], 0.0085),
    ([0.0, 0.0, -0.0085], 0.0085),
    ([0.0, 0.0, -0.008], 0.008),
];

/// Steps of the tables over the travel of a servo.
const STEPS: usize = 120;

/// The way of one digit's round end, from open to closed.
#[derive(Debug, Clone)]
struct Travel {
    /// Servo position (ticks) and place of the end's centre in the palm's frame.
    places: Vec<(f64, Point3<f64>)>,
    /// Radius of the end, metres.
    radius: f64,
}

/// The hand's own geometry, tabulated once.
#[derive(Debug, Clone)]
pub struct HandGeometry {
    open: Ticks,
    closed: Ticks,
    thumb: Travel,
    /// Index, middle, ring.
    fingers: [Travel; 3],
    little: Travel,
    tool0_from_palm: Isometry3<f64>,
}

/// How the hand meets the object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attitude {
    /// Rotation of the approach from the palm's normal towards its fingers, rad.
    pub tilt: f64,
    /// Rotation about the closing axis, the little finger's side down, rad.
    pub roll: f64,
}

/// What a pinch is to span, and with which fingers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Width between thumb and fingers, metres.
    pub width: f64,
    /// Length along the palm's x axis, metres.
    pub length: f64,
    /// Where the object's middle belongs along the palm's x axis, towards the index finger when positive, metres.
    pub across: f64,
    /// Which of index, middle and ring finger close; the others stay straight and out of the way.
    pub used: [bool; 3],
}

/// A hand shape ready to close on a width, and where things are then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pinch {
    /// How the hand meets the object.
    pub attitude: Attitude,
    /// What it spans.
    pub span: Span,
    /// Hand shape before closing.
    pub preshape: Ticks,
    /// Hand shape in which all touch.
    pub contact: Ticks,
    /// Where the middle of the object belongs, in the palm's frame, metres; its depth is that of the tips.
    pub middle: Point3<f64>,
    /// Greatest reach of any tip from preshape to contact, metres.
    pub reach: f64,
    /// How far above the lowest point of the digits, preshape to contact, the highest of them touches, metres.
    pub touch_height: f64,
    /// The same when the palm follows the tips' arcs, so that the lowest stays where it is, metres.
    pub level_touch_height: f64,
}

/// Margins of a pinch, metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PinchMargins {
    /// Room between object and fingers, and between object and thumb, before closing.
    pub clearance_m: f64,
}

impl HandGeometry {
    /// Tabulates the tips; fails when the model is not of this hand.
    pub fn new(kinematics: &Kinematics, hand: &Hand) -> Result<Self, KinematicsError> {
        let (open, closed) = (hand.open(), hand.closed());
        let travel = |servo: usize, digit: usize| -> Result<Travel, KinematicsError> {
            let mut places = Vec::with_capacity(STEPS + 1);
            for step in 0..=STEPS {
                let mut ticks = open;
                ticks[servo] += (closed[servo] - open[servo]) * step as f64 / STEPS as f64;
                let tip = ends(kinematics, hand, &ticks)?[digit];
                places.push((ticks[servo], tip));
            }
            Ok(Travel {
                places,
                radius: ENDS[digit].1,
            })
        };
        let rest = kinematics.positions([])?;
        let tool0_from_palm = kinematics.forward(&rest)?.relative("tool0", "palm")?;
        Ok(Self {
            thumb: travel(THUMB, 0)?,
            fingers: [
                travel(FINGERS[0], 1)?,
                travel(FINGERS[1], 2)?,
                travel(FINGERS[2], 3)?,
            ],
            little: travel(FINGERS[2], 4)?,
            open,
            closed,
            tool0_from_palm,
        })
    }

    /// Pose of the palm on the arm's flange.
    pub fn tool0_from_palm(&self) -> &Isometry3<f64> {
        &self.tool0_from_palm
    }

    /// The open hand with the thumb in front of the palm.
    pub fn open(&self) -> Ticks {
        self.open
    }

    /// The closed hand with the thumb in front of the palm.
    pub fn closed(&self) -> Ticks {
        self.closed
    }

    /// How far the lowest tip reaches along a pinch's approach with the servos at `ticks`, metres.
    pub fn reach(&self, pinch: &Pinch, ticks: &Ticks) -> f64 {
        self.deepest(&Axes::new(pinch.attitude), ticks)
    }

    /// The hand shape for a span, with the thumb touching at `thumb` ticks; `None` when the hand cannot open so far.
    pub fn pinch(
        &self,
        span: &Span,
        attitude: Attitude,
        thumb: f64,
        margins: &PinchMargins,
    ) -> Option<Pinch> {
        let axes = Axes::new(attitude);
        let thumb_tip = self.thumb.at(thumb)?;
        let inner = axes.closing(&thumb_tip) + self.thumb.radius;
        let outer = inner + span.width;

        let mut contact = self.open;
        let mut preshape = self.open;
        contact[THUMB] = thumb;
        // The thumb stays back by its clearance, or as far as it can.
        let back = axes.closing(&thumb_tip) - margins.clearance_m;
        preshape[THUMB] = self
            .thumb
            .last_below(&axes, back)
            .unwrap_or(self.open[THUMB]);
        let mut lowest = self
            .thumb
            .greatest_reach(&axes, [contact[THUMB], preshape[THUMB]]);
        let mut touches = vec![thumb_tip];
        for ((servo, travel), used) in FINGERS.into_iter().zip(&self.fingers).zip(span.used) {
            // The little finger is on the ring finger's servo: the one that touches first decides.
            let digits = if servo == FINGERS[2] {
                vec![travel, &self.little]
            } else {
                vec![travel]
            };
            if used {
                for digit in &digits {
                    contact[servo] = digit
                        .last_beyond(&axes, outer + digit.radius)?
                        .max(contact_so_far(contact[servo], self.open[servo]));
                    // Wide objects leave no room: then the finger is as open as it can be.
                    preshape[servo] = digit
                        .last_beyond(&axes, outer + digit.radius + margins.clearance_m)
                        .unwrap_or(self.open[servo])
                        .max(contact_so_far(preshape[servo], self.open[servo]));
                }
            }
            for digit in digits {
                lowest = lowest.max(digit.greatest_reach(&axes, [contact[servo], preshape[servo]]));
                if used {
                    touches.push(digit.at(contact[servo])?);
                }
            }
        }
        let highest = touches
            .iter()
            .map(|tip| axes.reach(tip))
            .fold(f64::INFINITY, f64::min);
        let depth = touches
            .iter()
            .map(|tip| axes.untwisted_reach(tip))
            .sum::<f64>()
            / touches.len() as f64;
        let lowest_at_contact = self.deepest(&axes, &contact);
        Some(Pinch {
            attitude,
            span: *span,
            preshape,
            contact,
            middle: axes.point(span.across, 0.5 * (inner + outer), depth),
            reach: lowest,
            touch_height: lowest - highest,
            level_touch_height: lowest_at_contact - highest,
        })
    }

    /// How far the deepest digit reaches along the approach, metres.
    fn deepest(&self, axes: &Axes, ticks: &Ticks) -> f64 {
        let [index, middle, ring] = &self.fingers;
        [
            (&self.thumb, THUMB),
            (index, FINGERS[0]),
            (middle, FINGERS[1]),
            (ring, FINGERS[2]),
            (&self.little, FINGERS[2]),
        ]
        .into_iter()
        .filter_map(|(travel, servo)| Some(axes.reach(&travel.at(ticks[servo])?) + travel.radius))
        .fold(f64::NEG_INFINITY, f64::max)
    }
}

/// A servo position that was set already; the open one means that it was not.
fn contact_so_far(ticks: f64, open: f64) -> f64 {
    if ticks == open {
        f64::NEG_INFINITY
    } else {
        ticks
    }
}

/// The axes of a pinch in the palm's frame.
struct Axes {
    closing: Vector3<f64>,
    /// The approach before the roll.
    untwisted: Vector3<f64>,
    approach: Vector3<f64>,
}

impl Axes {
    fn new(Attitude { tilt, roll }: Attitude) -> Self {
        let untwisted = Vector3::new(0.0, tilt.cos(), tilt.sin());
        Self {
            closing: Vector3::new(0.0, -tilt.sin(), tilt.cos()),
            untwisted,
            approach: untwisted * roll.cos() - Vector3::x() * roll.sin(),
        }
    }

    fn reach(&self, tip: &Point3<f64>) -> f64 {
        self.approach.dot(&tip.coords)
    }

    fn untwisted_reach(&self, tip: &Point3<f64>) -> f64 {
        self.untwisted.dot(&tip.coords)
    }

    fn closing(&self, tip: &Point3<f64>) -> f64 {
        self.closing.dot(&tip.coords)
    }

    /// The point at a place across the palm, with a closing coordinate and a depth.
    fn point(&self, across: f64, closing: f64, depth: f64) -> Point3<f64> {
        Point3::from(Vector3::x() * across + self.closing * closing + self.untwisted * depth)
    }

    /// Closing, approach and side as the columns of a rotation.
    fn rotation(closing: &Vector3<f64>, approach: &Vector3<f64>) -> Matrix3<f64> {
        Matrix3::from_columns(&[*closing, *approach, closing.cross(approach)])
    }
}

impl Travel {
    /// The tip at a servo position; `None` beyond the travel.
    fn at(&self, ticks: f64) -> Option<Point3<f64>> {
        // Ticks fall while the hand closes.
        let after = self.places.iter().position(|(at, _)| *at <= ticks)?;
        let (end, to) = *self.places.get(after)?;
        let Some((start, from)) = after
            .checked_sub(1)
            .and_then(|before| self.places.get(before))
        else {
            return Some(to);
        };
        let part = (start - ticks) / (start - end);
        Some(Point3::from(from.coords.lerp(&to.coords, part)))
    }

    /// The most closed position at which the tip is still beyond a closing coordinate.
    fn last_beyond(&self, axes: &Axes, coordinate: f64) -> Option<f64> {
        let last = self
            .places
            .iter()
            .rposition(|(_, tip)| axes.closing(tip) >= coordinate)?;
        Some(self.crossing(axes, coordinate, last))
    }

    /// The most closed position at which the tip is still below a closing coordinate on its first way there.
    fn last_below(&self, axes: &Axes, coordinate: f64) -> Option<f64> {
        let next = self
            .places
            .iter()
            .position(|(_, tip)| axes.closing(tip) > coordinate)?;
        Some(self.crossing(axes, coordinate, next.checked_sub(1)?))
    }

    /// Where the coordinate is crossed between a place and the next.
    fn crossing(&self, axes: &Axes, coordinate: f64, before: usize) -> f64 {
        match (self.places.get(before), self.places.get(before + 1)) {
            (Some((start, from)), Some((end, to))) => {
                let (from, to) = (axes.closing(from), axes.closing(to));
                let part = if from == to {
                    0.0
                } else {
                    ((coordinate - from) / (to - from)).clamp(0.0, 1.0)
                };
                start + part * (end - start)
            }
            (Some((start, _)), None) => *start,
            _ => f64::NAN,
        }
    }

    /// The greatest reach of the skin between two servo positions, `[closed, open]`.
    fn greatest_reach(&self, axes: &Axes, [closed, open]: [f64; 2]) -> f64 {
        let inside = self
            .places
            .iter()
            .filter(|(at, _)| (closed..=open).contains(at))
            .map(|(_, tip)| *tip);
        let ends = [self.at(closed), self.at(open)].into_iter().flatten();
        inside
            .chain(ends)
            .map(|centre| axes.reach(&centre) + self.radius)
            .fold(f64::NEG_INFINITY, f64::max)
    }
}

/// The palm's pose that brings a pinch about a point.
///
/// `heading` is the direction of closing in the table plane (rad from base x); `lowest` is the height of the lowest tip.
pub fn base_from_palm(
    pinch: &Pinch,
    heading: f64,
    about: &Point3<f64>,
    lowest: f64,
) -> Isometry3<f64> {
    let axes = Axes::new(pinch.attitude);
    let closing = Vector3::new(heading.cos(), heading.sin(), 0.0);
    let in_base = Axes::rotation(&closing, &-Vector3::z());
    let in_palm = Axes::rotation(&axes.closing, &axes.approach);
    let rotation = Rotation3::from_matrix_unchecked(in_base * in_palm.transpose());
    let level = about.coords - rotation * pinch.middle.coords;
    Isometry3::from_parts(
        Translation3::new(level.x, level.y, lowest + pinch.reach),
        UnitQuaternion::from_rotation_matrix(&rotation),
    )
}

/// Centres of the round ends of the five digits (thumb, index, middle, ring, little) in the palm's frame, in free air.
pub fn ends(
    kinematics: &Kinematics,
    hand: &Hand,
    ticks: &Ticks,
) -> Result<[Point3<f64>; 5], KinematicsError> {
    let angles = hand.angles(*ticks);
    let positions = kinematics.positions(JOINTS.into_iter().zip(angles))?;
    let poses = kinematics.forward(&positions)?;
    let mut ends = [Point3::origin(); 5];
    for ((end, frame), (centre, _)) in ends.iter_mut().zip(FINGERTIPS).zip(ENDS) {
        *end = poses.relative("palm", frame)? * Point3::from(centre);
    }
    Ok(ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use robot::Model;

    const MARGINS: PinchMargins = PinchMargins { clearance_m: 0.015 };

    fn robot() -> (Kinematics, Hand) {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let model = Model::from_file(format!("{root}/urdf/ur5_sih.urdf")).unwrap();
        (
            Kinematics::new(&model),
            Hand::from_file(format!("{root}/calibration/sih_right.yaml")).unwrap(),
        )
    }

    fn span(width: f64) -> Span {
        Span {
            width,
            length: 0.1,
            across: -0.01,
            used: [true; 3],
        }
    }

    #[test]
    fn all_fingers_touch_the_sides_of_the_object() {
        let (kinematics, hand) = robot();
        let geometry = HandGeometry::new(&kinematics, &hand).unwrap();
        for (width, tilt, roll) in [(0.03, 0.1_f64, 0.0), (0.05, 0.26, 0.2), (0.07, 0.3, 0.3)] {
            let pinch = geometry
                .pinch(&span(width), Attitude { tilt, roll }, -450.0, &MARGINS)
                .unwrap();
            let about = Point3::new(0.3, 0.5, 0.1);
            let palm = base_from_palm(&pinch, 0.0, &about, 0.02);
            let [thumb, fingers @ ..] = ends(&kinematics, &hand, &pinch.contact)
                .unwrap()
                .map(|tip| palm * tip);
            // The side of each tip is on the side of the object; heading 0 closes along x.
            assert!(
                (thumb.x + 0.0095 - (0.3 - width / 2.0)).abs() < 1e-3,
                "thumb at {thumb}"
            );
            let sides = fingers.map(|finger| finger.x - 0.0085 - (0.3 + width / 2.0));
            assert!(
                sides[..2].iter().all(|side| side.abs() < 1.5e-3),
                "index and middle {sides:?}"
            );
            // Ring and little finger share a servo: one touches, the other is no nearer.
            assert!(
                sides[2].min(sides[3]).abs() < 1.5e-3,
                "ring and little {sides:?}"
            );
            // The lowest tip is where it should be, and none is below.
            let heights = fingers.iter().chain([&thumb]).map(|end| end.z);
            let lowest = heights.clone().fold(f64::INFINITY, f64::min);
            let highest = heights.fold(f64::NEG_INFINITY, f64::max);
            assert!(
                lowest >= 0.0275 && highest <= 0.02 + pinch.touch_height + 1e-3,
                "{lowest} {highest}"
            );
        }
    }

    #[test]
    fn a_roll_levels_the_short_fingers() {
        let (kinematics, hand) = robot();
        let geometry = HandGeometry::new(&kinematics, &hand).unwrap();
        let touch_height = |roll| {
            let span = Span {
                used: [false, true, true],
                ..span(0.03)
            };
            geometry
                .pinch(&span, Attitude { tilt: 0.26, roll }, -450.0, &MARGINS)
                .unwrap()
                .touch_height
        };
        assert!(touch_height(0.28) < touch_height(0.0) - 0.005);
    }

    #[test]
    fn nothing_touches_before_closing() {
        let (kinematics, hand) = robot();
        let geometry = HandGeometry::new(&kinematics, &hand).unwrap();
        let attitude = Attitude {
            tilt: 0.2,
            roll: 0.1,
        };
        let pinch = geometry
            .pinch(&span(0.05), attitude, -450.0, &MARGINS)
            .unwrap();
        let palm = base_from_palm(&pinch, 0.0, &Point3::origin(), 0.0);
        let [thumb, fingers @ ..] = ends(&kinematics, &hand, &pinch.preshape)
            .unwrap()
            .map(|tip| palm * tip);
        assert!(thumb.x + 0.0095 < -0.025 - 0.010);
        assert!(
            fingers
                .iter()
                .all(|finger| finger.x - 0.0085 > 0.025 + 0.010)
        );
    }

    #[test]
    fn the_hand_has_a_widest_grasp() {
        let (kinematics, hand) = robot();
        let geometry = HandGeometry::new(&kinematics, &hand).unwrap();
        let attitude = Attitude {
            tilt: 0.26,
            roll: 0.0,
        };
        assert!(
            geometry
                .pinch(&span(0.085), attitude, -350.0, &MARGINS)
                .is_some()
        );
        assert!(
            geometry
                .pinch(&span(0.20), attitude, -300.0, &MARGINS)
                .is_none()
        );
    }
}
