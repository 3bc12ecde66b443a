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
    /// Part of that speed on the way down to the object.
    pub descent_pace: f64,
    /// Part of that speed with the object in the hand.
    pub lift_pace: f64,
    /// Height above the grasp from which the hand goes straight down, metres.
    pub descent_m: f64,
    /// Force at the tool on the way down from which the hand goes back up, newtons.
    pub touch_n: f64,
    /// Height over which the object goes straight up before it moves to the goal, metres.
    pub ascent_m: f64,
    /// Tilts of the approach that are tried, degrees.
    pub tilts_deg: Vec<f64>,
    /// Rolls of the hand that are tried, the little finger's side down, degrees.
    pub rolls_deg: Vec<f64>,
    /// Servo positions at which the thumb may touch, ticks.
    pub thumb_touch_ticks: Vec<f64>,
    /// Position up to which the thumb usually touches, ticks.
    pub usual_thumb_ticks: f64,
    /// Penalty of each tick that the thumb touches further open.
    pub open_thumb_penalty: f64,
    /// Distance of the lowest fingertip from the table, metres.
    pub table_clearance_m: f64,
    /// Room between palm and the top of the object, metres, counted from the lowest fingertip.
    pub grasp_depth_m: f64,
    /// Height of the pads above the lowest fingertip: where the object's middle should be, metres.
    pub pad_height_m: f64,
    /// Places along an elongated object, from its middle, at which it may be grasped, metres.
    pub offsets_m: Vec<f64>,
    /// The part of the object's length that they may be away from its middle.
    pub offset_part: f64,
    /// Penalty of a place away from the middle, per metre.
    pub offset_penalty: f64,
    /// Height up to which a part of the object is thin, metres.
    pub thin_m: f64,
    /// Penalty of grasping where it is thin, per metre that is missing.
    pub thin_penalty: f64,
    /// Room between object and fingers, and between object and thumb, before closing, metres.
    pub clearance_m: f64,
    /// Lengths of short and of long objects along the palm, metres.
    pub lengths_m: [f64; 2],
    /// Where the middle of short and of long objects belongs along the palm's x axis, metres.
    pub across_m: [f64; 2],
    /// Travel of the thumb beyond its touch of a short and of a long object, ticks.
    pub thumb_squeeze_ticks: [f64; 2],
    /// Travel of a finger beyond its planned touch at most, ticks.
    pub overclosing_ticks: f64,
    /// Load at which a finger has enough of a short and of a long object, 0 to 1; it closes while it has less.
    pub finger_load: [f64; 2],
    /// How far a finger has to be inside the end of an object to be used on it, metres.
    pub finger_inside_m: f64,
    /// Speed of closing, ticks/s.
    pub closing_speed: f64,
    /// How long all fingers have to have enough before the lift, seconds.
    pub squeeze_s: f64,
    /// How long closing may take at most, seconds.
    pub closing_s: f64,
    /// Least height of elbow and wrist above the table, metres.
    pub arm_clearance_m: f64,
    /// Where a static camera stands, base frame, metres: grasps that leave its view free are preferred.
    pub camera_m: [f64; 3],
    /// Distance between the object's middle and where the hand should carry it from which it counts as lost, metres.
    pub lost_m: f64,
    /// Distance of the held object from the goal, as seen, from which the arm corrects it, metres.
    pub off_goal_m: f64,
    /// Further attempts within an episode.
    pub retries: u32,
    /// Penalty of the roll: the usual one, and that for short objects that are high, per rad.
    pub roll_penalty: [f64; 2],
    /// Heights of low and of high objects, metres.
    pub roll_heights_m: [f64; 2],
    /// Room between the open hand and the object on the way down that is enough, metres.
    pub room_m: f64,
    /// The same between the hand and what stands around the object.
    pub neighbour_room_m: f64,
    /// Penalty of what is missing of that room, per metre.
    pub tightness_penalty: f64,
    /// Overlap of hand and object from which a grasp is ruled out, metres: the object is known no better than that.
    pub overlap_m: f64,
    /// How far the palm goes up or down at most to keep the tips level while they close, metres.
    pub levelling_m: f64,
    /// Height of the lowest tip up to which that is done, metres.
    pub level_below_m: f64,
    /// How far the palm goes down further on low things, until their fingertips press on the table, metres.
    pub press_m: f64,
    /// Speed of that, m/s.
    pub press_speed: f64,
    /// Force at the tool that ends it, newtons.
    pub press_n: f64,
    /// Penalty of touching above the middle of low and of high objects, per metre: round fingertips slip over a low one.
    pub high_touch_penalty: [f64; 2],
    /// Penalty of each finger that is left out.
    pub spare_finger_penalty: f64,
    /// Penalty of a grasp that is like one that failed.
    pub failed_penalty: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            goal_m: [0.28, 0.58, 0.30],
            joint_speed: [1.0, 1.0, 1.0, 1.15, 1.15, 1.15],
            joint_acceleration: [4.0; 6],
            descent_pace: 0.2,
            lift_pace: 0.6,
            descent_m: 0.10,
            touch_n: 25.0,
            ascent_m: 0.05,
            tilts_deg: vec![0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0],
            rolls_deg: vec![0.0, 8.0, 16.0, 24.0, 30.0],
            thumb_touch_ticks: vec![
                -250.0, -300.0, -350.0, -400.0, -450.0, -500.0, -550.0, -600.0,
            ],
            usual_thumb_ticks: -350.0,
            open_thumb_penalty: 0.015,
            table_clearance_m: 0.0005,
            grasp_depth_m: 0.085,
            pad_height_m: 0.016,
            offsets_m: vec![0.0, -0.03, 0.03, -0.06, 0.06],
            offset_part: 0.3,
            offset_penalty: 12.0,
            thin_m: 0.02,
            thin_penalty: 60.0,
            clearance_m: 0.015,
            lengths_m: [0.05, 0.11],
            across_m: [-0.032, -0.010],
            thumb_squeeze_ticks: [50.0, 120.0],
            overclosing_ticks: 700.0,
            finger_load: [0.6, 0.6],
            finger_inside_m: 0.004,
            closing_speed: 1500.0,
            squeeze_s: 0.25,
            closing_s: 2.5,
            arm_clearance_m: 0.06,
            camera_m: [0.28, 1.05, 0.5],
            lost_m: 0.10,
            off_goal_m: 0.025,
            retries: 2,
            roll_penalty: [0.3, 2.0],
            roll_heights_m: [0.03, 0.045],
            room_m: 0.003,
            neighbour_room_m: 0.01,
            tightness_penalty: 1000.0,
            overlap_m: 0.012,
            levelling_m: 0.012,
            level_below_m: 0.006,
            press_m: 0.003,
            press_speed: 0.01,
            press_n: 15.0,
            high_touch_penalty: [200.0, 60.0],
            spare_finger_penalty: 0.4,
            failed_penalty: 2.0,
        }
    }
}

impl Settings {
    /// Whether the numbers make sense; else the entry and what is wrong with it.
    pub(crate) fn check(&self) -> Result<(), (String, String)> {
        let one = std::slice::from_ref::<f64>;
        let [speed, acceleration] = [&self.joint_speed, &self.joint_acceleration];
        let entries: [(&str, &[f64], f64, f64); 26] = [
            ("descent_pace", one(&self.descent_pace), 0.01, 1.0),
            ("lift_pace", one(&self.lift_pace), 0.01, 1.0),
            ("descent_m", one(&self.descent_m), 0.0, 0.5),
            ("touch_n", one(&self.touch_n), 1.0, 1000.0),
            ("ascent_m", one(&self.ascent_m), 0.0, 0.5),
            ("table_clearance_m", one(&self.table_clearance_m), 0.0, 0.1),
            ("grasp_depth_m", one(&self.grasp_depth_m), 0.01, 0.2),
            ("clearance_m", one(&self.clearance_m), 0.0, 0.1),
            ("closing_speed", one(&self.closing_speed), 1.0, 10_000.0),
            ("closing_s", one(&self.closing_s), 0.1, 30.0),
            ("squeeze_s", one(&self.squeeze_s), 0.0, 30.0),
            ("levelling_m", one(&self.levelling_m), 0.0, 0.05),
            ("press_m", one(&self.press_m), 0.0, 0.02),
            ("press_speed", one(&self.press_speed), 0.001, 0.05),
            ("press_n", one(&self.press_n), 1.0, 60.0),
            ("arm_clearance_m", one(&self.arm_clearance_m), 0.0, 0.5),
            (
                "overclosing_ticks",
                one(&self.overclosing_ticks),
                0.0,
                4095.0,
            ),
            ("goal_m", &self.goal_m, -1.0, 1.0),
            ("camera_m", &self.camera_m, -10.0, 10.0),
            ("joint_speed", speed, 0.01, 3.2),
            ("joint_acceleration", acceleration, 0.1, 40.0),
            ("tilts_deg", &self.tilts_deg, -90.0, 90.0),
            ("rolls_deg", &self.rolls_deg, -90.0, 90.0),
            (
                "thumb_touch_ticks",
                &self.thumb_touch_ticks,
                -4095.0,
                4095.0,
            ),
            ("offsets_m", &self.offsets_m, -0.5, 0.5),
            ("finger_load", &self.finger_load, 0.0, 1.0),
        ];
        for (name, values, low, high) in entries {
            if values.is_empty() {
                return Err((name.to_owned(), "needs at least one number".to_owned()));
            }
            if let Some(wrong) = values.iter().find(|value| !(low..=high).contains(*value)) {
                let problem = format!("{wrong} should be between {low} and {high}");
                return Err((name.to_owned(), problem));
            }
        }
        if !self.offsets_m.contains(&0.0) {
            let problem = "needs 0: compact objects are grasped nowhere else".to_owned();
            return Err(("offsets_m".to_owned(), problem));
        }
        Ok(())
    }

    /// What the arm's joints may do.
    pub(super) fn pace(&self) -> Pace {
        Pace {
            speed: self.joint_speed,
            acceleration: self.joint_acceleration,
        }
    }

    /// A number for an object's length, between that for short and that for long ones.
    pub(super) fn by_length(&self, length: f64, [short, long]: [f64; 2]) -> f64 {
        let [from, to] = self.lengths_m;
        short + ((length - from) / (to - from)).clamp(0.0, 1.0) * (long - short)
    }

    /// The margins of a pinch.
    pub(super) fn margins(&self) -> PinchMargins {
        PinchMargins {
            clearance_m: self.clearance_m,
        }
    }
}
