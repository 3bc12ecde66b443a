//! Where the fingertips go: the pinch between the thumb and the fingers, as a function of the servos.
//!
//! The SIH's fingers flex towards +y of the palm while they point along +z; the opposed thumb stands out along +y beside
//! them. With the palm facing the table and tipped a little (by the *tilt*, towards the fingers pointing down), the
//! fingertips travel almost level while they close on the thumb: a parallel gripper whose fixed jaw is the thumb.
//!
//! So a pinch is described in two coordinates of the palm's y-z plane: *reach*, down along the approach, and *closing*,
//! level, from the thumb towards the fingers. `approach = cos(tilt) y + sin(tilt) z`, `closing = -sin(tilt) y + cos(tilt) z`.

use nalgebra::{Isometry3, Point2, Point3, Rotation3, Translation3, UnitQuaternion, Vector3};
use robot::hand::{FINGERTIPS, JOINTS};
use robot::{Hand, Kinematics, KinematicsError};

/// Angles of the joints that the servos lead, in rad with the URDF's sign, in the order of `robot::hand::LED_JOINTS`.
pub type LedAngles = [f64; 5];

/// Steps of the tables over the travel of fingers and thumb.
const STEPS: usize = 80;

/// Flexion of the fingers in the tables, rad: from straight to the curled finger.
const FINGER_TRAVEL: [f64; 2] = [0.0, -1.5];

/// Flexion of the thumb in the tables, rad.
const THUMB_TRAVEL: [f64; 2] = [0.0, 1.2];

/// The hand's own geometry, tabulated once.
#[derive(Debug, Clone)]
pub struct HandGeometry {
    /// Opposition that puts the thumb in front of the palm, rad.
    opposed: f64,
    /// Flexion (rad) and mean place of the index, middle and ring fingertips in the palm's y-z plane.
    fingers: Vec<(f64, Point2<f64>)>,
    /// Flexion (rad) and place of the thumb's tip in the palm's y-z plane.
    thumb: Vec<(f64, Point2<f64>)>,
    tool0_from_palm: Isometry3<f64>,
}

/// A hand shape ready to close on a width, and where things are then, for one tilt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pinch {
    /// Rotation of the approach from the palm's normal towards its fingers, rad.
    pub tilt: f64,
    /// Hand shape before closing.
    pub preshape: LedAngles,
    /// Hand shape in which both sides touch.
    pub contact: LedAngles,
    /// Closing coordinate of the middle between the touching sides, metres.
    pub middle: f64,
    /// Greatest reach of any tip from preshape to contact, metres.
    pub reach: f64,
}

/// Margins of a pinch, metres and rad.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PinchMargins {
    /// Room between fingers and object before closing.
    pub finger_clearance_m: f64,
    /// Flexion that the thumb still has before it touches: its own room.
    pub thumb_approach: f64,
    /// Radius of the fingertips.
    pub tip_radius_m: f64,
    /// How much lower than its tip's frame a slanted fingertip is.
    pub tip_below_m: f64,
}

impl HandGeometry {
    /// Tabulates the tips; fails when the model is not of this hand.
    pub fn new(kinematics: &Kinematics, hand: &Hand) -> Result<Self, KinematicsError> {
        let opposed = hand.angles(hand.open())[0];
        let mut fingers = Vec::with_capacity(STEPS + 1);
        let mut thumb = Vec::with_capacity(STEPS + 1);
        for step in 0..=STEPS {
            let part = step as f64 / STEPS as f64;
            let finger = FINGER_TRAVEL[0] + part * (FINGER_TRAVEL[1] - FINGER_TRAVEL[0]);
            let flexion = THUMB_TRAVEL[0] + part * (THUMB_TRAVEL[1] - THUMB_TRAVEL[0]);
            let tips = tips(kinematics, hand, &[opposed, flexion, finger, finger, finger])?;
            let [tip, index, middle, ring, _] = tips;
            let mean = (index.coords + middle.coords + ring.coords) / 3.0;
            fingers.push((finger, Point2::new(mean.y, mean.z)));
            thumb.push((flexion, Point2::new(tip.y, tip.z)));
        }
        let rest = kinematics.positions([])?;
        let tool0_from_palm = kinematics.forward(&rest)?.relative("tool0", "palm")?;
        Ok(Self { opposed, fingers, thumb, tool0_from_palm })
    }

    /// Pose of the palm on the arm's flange.
    pub fn tool0_from_palm(&self) -> &Isometry3<f64> {
        &self.tool0_from_palm
    }

    /// The open hand with the thumb in front of the palm.
    pub fn open(&self) -> LedAngles {
        [self.opposed, 0.0, 0.0, 0.0, 0.0]
    }

    /// The hand shape to pinch a width in metres with the given tilt; `None` when the hand cannot open so far.
    pub fn pinch(&self, width: f64, tilt: f64, margins: &PinchMargins) -> Option<Pinch> {
        let reach = |tip: &Point2<f64>| tilt.cos() * tip.x + tilt.sin() * tip.y;
        let closing = |tip: &Point2<f64>| -tilt.sin() * tip.x + tilt.cos() * tip.y;

        let thumb_contact = margins.thumb_approach;
        let thumb_tip = self.thumb.iter().find(|(flexion, _)| *flexion >= thumb_contact)?.1;
        let inner = closing(&thumb_tip) + margins.tip_radius_m;
        let outer = inner + width;
        // From open to closed the fingers come nearer to the thumb, but not before they have left their straight line.
        let curl_for = |coordinate: f64| {
            self.fingers
                .windows(2)
                .rev()
                .find(|pair| pair.iter().any(|(_, tip)| closing(tip) >= coordinate))
                .and_then(|pair| pair.first())
                .map(|(curl, _)| *curl)
        };
        let touch = curl_for(outer + margins.tip_radius_m)?;
        let before = curl_for(outer + margins.tip_radius_m + margins.finger_clearance_m)?;

        let finger_reach = self
            .fingers
            .iter()
            .filter(|(curl, _)| (touch - 0.02..=before + 0.02).contains(curl))
            .map(|(_, tip)| reach(tip));
        let thumb_reach = self
            .thumb
            .iter()
            .filter(|(flexion, _)| *flexion <= thumb_contact)
            .map(|(_, tip)| reach(tip));
        let lowest = finger_reach.chain(thumb_reach).fold(f64::NEG_INFINITY, f64::max);
        Some(Pinch {
            tilt,
            preshape: [self.opposed, 0.0, before, before, before],
            contact: [self.opposed, thumb_contact, touch, touch, touch],
            middle: 0.5 * (inner + outer),
            reach: lowest + margins.tip_below_m,
        })
    }
}

/// The palm's pose that brings a pinch about a point.
///
/// `heading` is the direction of closing in the table plane (rad from base x); `lowest` is the height of the lowest
/// tip; `across` shifts the object along the palm's x axis, towards the index finger when positive.
pub fn base_from_palm(pinch: &Pinch, heading: f64, about: &Point3<f64>, lowest: f64, across: f64) -> Isometry3<f64> {
    let closing = Vector3::new(heading.cos(), heading.sin(), 0.0);
    let down = -Vector3::z();
    let z = closing * pinch.tilt.cos() + down * pinch.tilt.sin();
    let y = down * pinch.tilt.cos() - closing * pinch.tilt.sin();
    let x = y.cross(&z);
    let rotation = Rotation3::from_matrix_unchecked(nalgebra::Matrix3::from_columns(&[x, y, z]));
    let level = about.coords - closing * pinch.middle - x * across;
    Isometry3::from_parts(
        Translation3::new(level.x, level.y, lowest + pinch.reach),
        UnitQuaternion::from_rotation_matrix(&rotation),
    )
}

/// Places of the five fingertips (thumb, index, middle, ring, little) in the palm's frame, in free air.
pub fn tips(kinematics: &Kinematics, hand: &Hand, led: &LedAngles) -> Result<[Point3<f64>; 5], KinematicsError> {
    let angles = hand.angles(hand.ticks(*led));
    let positions = kinematics.positions(JOINTS.into_iter().zip(angles))?;
    let poses = kinematics.forward(&positions)?;
    let mut tips = [Point3::origin(); 5];
    for (tip, frame) in tips.iter_mut().zip(FINGERTIPS) {
        *tip = poses.relative("palm", frame)?.translation.vector.into();
    }
    Ok(tips)
}
