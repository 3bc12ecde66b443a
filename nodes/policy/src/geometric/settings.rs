//! The parameters of the geometric policy, as its manifest gives them.

use serde::Deserialize;

use super::hand::PinchMargins;
use super::path::Pace;

/// All numbers of the policy. The defaults are those of `models/policies/geometric.yaml`, which explains them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the object's centre is brought, base frame, metres.
    pub goal_m: [f64; 3],
    /// Greatest speed of each arm joint, rad/s.
    pub joint_speed: [f64; 6],
    /// Greatest acceleration of each arm joint, rad/s^2.
    pub joint_acceleration: [f64; 6],
    /// Part of that speed with the object in the hand.
    pub lift_pace: f64,
    /// Height above the grasp from which the hand goes straight down, metres.
    pub descent_m: f64,
    /// Height over which the object goes straight up before it moves to the goal, metres.
    pub ascent_m: f64,
    /// Tilts of the approach that are tried, degrees.
    pub tilts_deg: Vec<f64>,
    /// Distance of the lowest fingertip from the table, metres.
    pub table_clearance_m: f64,
    /// Room between palm and the top of the object, metres, counted from the lowest fingertip.
    pub grasp_depth_m: f64,
    /// Room between fingers and object before closing, metres.
    pub finger_clearance_m: f64,
    /// Flexion left for the thumb before it touches, rad.
    pub thumb_approach: f64,
    /// Flexion of the thumb beyond its touch, rad: its squeeze.
    pub thumb_squeeze: f64,
    /// Flexion at which a finger counts as closed, rad.
    pub closed_flexion: f64,
    /// Speed of closing, rad/s.
    pub closing_speed: f64,
    /// Time given to the squeeze after closing, seconds.
    pub squeeze_s: f64,
    /// Radius of the fingertips, metres.
    pub tip_radius_m: f64,
    /// How much lower than its tip's frame a slanted fingertip is, metres.
    pub tip_below_m: f64,
    /// Least height of elbow and wrist above the table, metres.
    pub arm_clearance_m: f64,
    /// Where a static camera stands, base frame, metres: grasps that leave its view free are preferred.
    pub camera_m: [f64; 3],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            goal_m: [0.28, 0.58, 0.30],
            joint_speed: [0.75, 0.75, 0.75, 0.95, 0.95, 0.95],
            joint_acceleration: [4.0; 6],
            lift_pace: 0.8,
            descent_m: 0.10,
            ascent_m: 0.05,
            tilts_deg: vec![15.0, 25.0, 35.0],
            table_clearance_m: 0.003,
            grasp_depth_m: 0.085,
            finger_clearance_m: 0.018,
            thumb_approach: 0.2,
            thumb_squeeze: 0.5,
            closed_flexion: -1.5,
            closing_speed: 1.5,
            squeeze_s: 0.4,
            tip_radius_m: 0.009,
            tip_below_m: 0.002,
            arm_clearance_m: 0.06,
            camera_m: [0.28, 1.05, 0.5],
        }
    }
}

impl Settings {
    /// What the arm's joints may do.
    pub(super) fn pace(&self) -> Pace {
        Pace { speed: self.joint_speed, acceleration: self.joint_acceleration }
    }

    /// The margins of a pinch.
    pub(super) fn margins(&self) -> PinchMargins {
        PinchMargins {
            finger_clearance_m: self.finger_clearance_m,
            thumb_approach: self.thumb_approach,
            tip_radius_m: self.tip_radius_m,
            tip_below_m: self.tip_below_m,
        }
    }
}
