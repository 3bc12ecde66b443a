//! What the joint states say about the arm.

use bus::Time;
use msgs::builtin_interfaces;
use msgs::sensor_msgs::JointState;
use robot::ur5::JOINTS;

/// Where the arm was measured to be last.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    latest: Option<([f64; 6], Time)>,
    stamp: builtin_interfaces::Time,
    /// What was wrong with the last message that named some of the arm's joints.
    problem: Option<String>,
}

impl Measured {
    /// Reads a message that came at `now`. Joints may come in any order, and among others; a message about other joints only
    /// says nothing, and one with the stamp of the one before says nothing new.
    pub(crate) fn take(&mut self, message: &JointState, now: Time) {
        let place = |joint: &str| message.name.iter().position(|name| name == joint);
        if !JOINTS.iter().any(|joint| place(joint).is_some()) {
            return;
        }
        let stamp = message.header.stamp;
        if stamp != builtin_interfaces::Time::default() && stamp == self.stamp {
            return;
        }
        let mut positions = [0.0; 6];
        for (slot, joint) in positions.iter_mut().zip(JOINTS) {
            let position = place(joint).and_then(|place| message.position.get(place));
            match position {
                Some(position) if position.is_finite() => *slot = *position,
                _ => {
                    self.problem = Some(format!(
                        "the joint states come without a position of {joint}"
                    ));
                    return;
                }
            }
        }
        self.stamp = stamp;
        self.problem = None;
        self.latest = Some((positions, now));
    }

    /// The last positions, unless they are older than `most_s`; then, what is wrong.
    pub(crate) fn fresh(&self, now: Time, most_s: f64) -> Result<[f64; 6], String> {
        let age_s = |at| now.saturating_since(at).as_secs_f64();
        match (self.latest, &self.problem) {
            (Some((positions, at)), _) if age_s(at) <= most_s => Ok(positions),
            (_, Some(problem)) => Err(problem.clone()),
            (Some((_, at)), None) => Err(format!(
                "no joint states of the arm for {:.1} s: does the robot's driver still run?",
                age_s(at)
            )),
            (None, None) => Err(
                "no joint states of the arm yet: is the robot's driver running, with its joint_state_broadcaster?"
                    .into(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: f64) -> Time {
        Time::from_secs_f64(secs)
    }

    fn message(names: &[&str], positions: &[f64], sec: i32) -> JointState {
        let mut message = JointState {
            name: names.iter().map(ToString::to_string).collect(),
            position: positions.to_vec(),
            ..JointState::default()
        };
        message.header.stamp.sec = sec;
        message
    }

    #[test]
    fn joints_come_in_any_order_and_among_others() {
        let mut measured = Measured::default();
        let mut names: Vec<&str> = JOINTS.to_vec();
        names.reverse();
        names.insert(2, "gripper");
        measured.take(
            &message(&names, &[5.0, 4.0, 99.0, 3.0, 2.0, 1.0, 0.0], 1),
            at(1.0),
        );
        let expected = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(measured.fresh(at(1.05), 0.1), Ok(expected));
        let old = measured.fresh(at(1.5), 0.1).unwrap_err();
        assert!(old.contains("for 0.5 s"), "{old}");
    }

    #[test]
    fn other_joints_and_repeated_stamps_say_nothing_new() {
        let mut measured = Measured::default();
        measured.take(&message(&["thumb"], &[1.0], 1), at(1.0));
        assert!(measured.fresh(at(1.0), 0.1).unwrap_err().contains("yet"));
        measured.take(&message(&JOINTS, &[0.0; 6], 1), at(1.0));
        measured.take(&message(&JOINTS, &[0.0; 6], 1), at(2.0));
        assert!(measured.fresh(at(2.0), 0.1).is_err(), "a frozen sender");
        measured.take(&message(&JOINTS, &[0.0; 6], 0), at(2.0));
        measured.take(&message(&JOINTS, &[0.0; 6], 0), at(3.0));
        assert!(
            measured.fresh(at(3.0), 0.1).is_ok(),
            "a sender of no stamps"
        );
    }

    #[test]
    fn a_joint_that_is_missing_or_not_a_number_is_named() {
        let mut measured = Measured::default();
        measured.take(&message(&JOINTS[..5], &[0.0; 5], 1), at(1.0));
        let missing = measured.fresh(at(1.0), 0.1).unwrap_err();
        assert!(missing.contains("wrist_3_joint"), "{missing}");
        let mut positions = [0.0; 6];
        positions[2] = f64::NAN;
        measured.take(&message(&JOINTS, &positions, 2), at(1.0));
        let nan = measured.fresh(at(1.0), 0.1).unwrap_err();
        assert!(nan.contains("elbow_joint"), "{nan}");
        measured.take(&message(&JOINTS, &[0.0; 3], 3), at(1.0));
        assert!(measured.fresh(at(1.0), 0.1).is_err());
    }
}
