//! The hand's five servos: they pull tendons, move at a limited speed, and stall when the fingers are blocked.
//!
//! A servo's position sets what its joints aim at, through the calibrated response of [`robot::Hand`]. A joint that meets
//! resistance lags behind; its drive's torque over its limit is the load that the servo feels. At full load the servo
//! stops closing, so that its position stays short of the goal, as on the real hand.

use robot::Hand;

use crate::robot_body::{ARM_JOINTS, HAND_JOINTS};

/// How the servos move.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServoConfig {
    /// Greatest speed in ticks per second.
    pub speed_ticks_s: f64,
    /// Load, as a share of the largest, at which a servo stops pulling further.
    pub stall_load: f64,
}

impl Default for ServoConfig {
    fn default() -> Self {
        // Closing takes 1.3 s; finger joints then stay below the published 2.1 rad/s on average.
        Self {
            speed_ticks_s: 2000.0,
            stall_load: 0.95,
        }
    }
}

/// The servos of one hand.
#[derive(Clone, Debug)]
pub struct HandServos {
    hand: Hand,
    config: ServoConfig,
    goal_ticks: [f64; 5],
    present_ticks: [f64; 5],
    load: [f64; 5],
}

impl HandServos {
    /// Servos at rest with the hand open.
    #[must_use]
    pub fn new(hand: Hand, config: ServoConfig) -> Self {
        let open = hand.open();
        Self {
            hand,
            config,
            goal_ticks: open,
            present_ticks: open,
            load: [0.0; 5],
        }
    }

    /// Where the servos shall go, in ticks; clamped to their travel.
    pub fn set_goal(&mut self, ticks: [f64; 5]) {
        self.goal_ticks = self.hand.clamp(ticks);
    }

    /// Where the servos are, in ticks.
    #[must_use]
    pub fn present_ticks(&self) -> [f64; 5] {
        self.present_ticks
    }

    /// Where the servos shall go, in ticks.
    #[must_use]
    pub fn goal_ticks(&self) -> [f64; 5] {
        self.goal_ticks
    }

    /// How hard each servo pulls: 0 not at all, 1 with all it has, negative when the fingers are pulled open.
    #[must_use]
    pub fn load(&self) -> [f64; 5] {
        self.load
    }

    /// The joint angles of the servos' present positions in free air.
    #[must_use]
    pub fn free_angles(&self) -> [f64; 11] {
        self.hand.angles(self.present_ticks)
    }

    /// Moves the servos for a time and returns the angles that the joints are to aim at.
    ///
    /// `angles` are the joints' present angles, `torques` what their drives exert, as shares of their limits.
    pub fn advance(&mut self, dt_s: f64, angles: &[f64; 11], torques: &[f64; 11]) -> [f64; 11] {
        let step = self.config.speed_ticks_s * dt_s;
        for servo in 0..self.present_ticks.len() {
            // Closing torque counts as positive; which sign closes depends on the joint's axis.
            let (sum, count) = (0..HAND_JOINTS.len())
                .filter(|joint| servo_of(*joint) == servo)
                .fold((0.0, 0.0), |(sum, count), joint| {
                    (sum + torques[joint] * closing_sign(joint), count + 1.0)
                });
            self.load[servo] = sum / count;
            let wanted = (self.goal_ticks[servo] - self.present_ticks[servo]).clamp(-step, step);
            let closes = wanted < 0.0;
            let stalled = if closes {
                self.load[servo]
            } else {
                -self.load[servo]
            } >= self.config.stall_load;
            if !stalled {
                self.present_ticks[servo] += wanted;
            }
        }
        self.hand.angles_under_load(self.present_ticks, angles)
    }
}

/// Which servo pulls a joint of [`HAND_JOINTS`].
fn servo_of(joint: usize) -> usize {
    match joint {
        0 => 0,
        1 | 2 => 1,
        3 | 4 => 2,
        5 | 6 => 3,
        _ => 4,
    }
}

/// The sign of the joint's motion when its servo moves to smaller ticks.
fn closing_sign(joint: usize) -> f64 {
    match joint {
        // The thumb's joints turn the other way round.
        0..=2 => 1.0,
        _ => -1.0,
    }
}

/// Which joint of the whole robot a joint of the hand is.
#[must_use]
pub(crate) fn robot_joint(hand_joint: usize) -> usize {
    ARM_JOINTS.len() + hand_joint
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servos() -> HandServos {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../calibration/sih_right.yaml"
        );
        HandServos::new(Hand::from_file(path).unwrap(), ServoConfig::default())
    }

    #[test]
    fn servos_move_at_their_speed_and_stop_at_the_goal() {
        let mut servos = servos();
        let mut goal = servos.present_ticks();
        goal[2] -= 100.0;
        servos.set_goal(goal);
        let angles = servos.free_angles();
        servos.advance(0.004, &angles, &[0.0; 11]);
        assert!((servos.present_ticks()[2] - (goal[2] + 92.0)).abs() < 1e-9);
        for _ in 0..20 {
            servos.advance(0.004, &angles, &[0.0; 11]);
        }
        assert!((servos.present_ticks()[2] - goal[2]).abs() < 1e-9);
    }

    #[test]
    fn a_blocked_finger_stalls_its_servo_and_can_open_again() {
        let mut servos = servos();
        servos.set_goal(servos.hand.closed());
        let angles = servos.free_angles();
        // Full closing torque on both joints of the index finger.
        let mut torques = [0.0; 11];
        (torques[3], torques[4]) = (-1.0, -1.0);
        let before = servos.present_ticks();
        servos.advance(0.004, &angles, &torques);
        assert_eq!(servos.present_ticks()[2], before[2]);
        assert!(servos.present_ticks()[3] < before[3]);
        assert!((servos.load()[2] - 1.0).abs() < 1e-9);
        servos.set_goal([2650.0, 250.0, 1450.0, 2300.0, 1000.0]);
        servos.present_ticks[2] = 0.0;
        servos.advance(0.004, &angles, &torques);
        assert!(servos.present_ticks()[2] > 0.0);
    }

    /// A led joint held open lets its distal joint close further than in free air.
    #[test]
    fn a_blocked_proximal_joint_lets_the_distal_one_wrap() {
        let mut servos = servos();
        servos.present_ticks[2] = 600.0;
        servos.goal_ticks[2] = 600.0;
        let free = servos.free_angles();
        let mut held = free;
        held[3] = -0.3;
        let aim = servos.advance(0.004, &held, &[0.0; 11]);
        assert!(
            free[3] < -0.3 && aim[4] < free[4] - 0.3,
            "free {free:?} aim {aim:?}"
        );
    }

    #[test]
    fn goals_beyond_the_travel_are_clamped() {
        let mut servos = servos();
        servos.set_goal([1e9, -1e9, f64::NAN, 0.0, 0.0]);
        assert_eq!(servos.goal_ticks()[..3], [2650.0, -2000.0, 1450.0]);
    }
}
