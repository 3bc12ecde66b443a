//! The supervisor's own slow motions: home, and putting an object down. All go through the drivers and their limits.

use nalgebra::{Isometry3, Translation3};
use robot::{
    motion::{Arm, travel},
    ur5,
};

/// Waypoints of a straight line.
const LINE_STEPS: usize = 6;

/// Largest travel of a joint between waypoints of a line, rad: more means that the arm would flip over.
const LINE_JUMP: f64 = 0.6;

/// One part of a motion; the next one begins when it is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The arm goes through these positions, in rad.
    Arm(Vec<Arm>),
    /// The hand opens.
    Open,
}

/// Figures of the motions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The rest pose, rad.
    pub home: Arm,
    /// Greatest joint speed, rad/s.
    pub speed: f64,
    /// Height of the flange below which it goes straight up before it turns away, metres.
    pub safe_height_m: f64,
    /// Height over which the open hand goes up from an object it has put down, metres.
    pub retreat_m: f64,
}

/// Why there is no such motion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MotionError {
    /// The arm cannot go straight that far.
    #[error(
        "the arm cannot move straight {direction} from here; move it by hand, then call supervisor/home"
    )]
    NoLine {
        /// "up" or "down".
        direction: &'static str,
    },
}

/// Opens the hand, goes straight up where the flange is low, then to the rest pose.
pub fn home(now: &Arm, settings: &Settings) -> Result<Vec<Step>, MotionError> {
    let height = ur5::forward(now).translation.z;
    let mut path = vec![*now];
    if height < settings.safe_height_m {
        // Where the arm cannot go straight up all the way, some of it is better than none.
        let rise = settings.safe_height_m - height;
        let up = [1.0, 0.5, 0.25]
            .into_iter()
            .find_map(|part| line(now, part * rise));
        path.extend(up.ok_or(MotionError::NoLine { direction: "up" })?);
    }
    path.push(settings.home);
    Ok(vec![Step::Open, Step::Arm(path)])
}

/// Lowers the flange to a height, opens the hand and goes up again.
pub fn put_down(
    now: &Arm,
    flange_height_m: f64,
    settings: &Settings,
) -> Result<Vec<Step>, MotionError> {
    let height = ur5::forward(now).translation.z;
    let down = line(now, (flange_height_m - height).min(0.0))
        .ok_or(MotionError::NoLine { direction: "down" })?;
    let low = down.last().copied().unwrap_or(*now);
    let up = line(&low, settings.retreat_m).ok_or(MotionError::NoLine { direction: "up" })?;
    let path = |first: Arm, rest: Vec<Arm>| Step::Arm(std::iter::once(first).chain(rest).collect());
    Ok(vec![path(*now, down), Step::Open, path(low, up)])
}

/// Waypoints straight up (or down, when negative); without the start.
fn line(from: &Arm, rise: f64) -> Option<Vec<Arm>> {
    let start: Isometry3<f64> = ur5::forward(from);
    let mut near = *from;
    (1..=LINE_STEPS)
        .map(|step| {
            let part = step as f64 / LINE_STEPS as f64;
            let pose = Translation3::new(0.0, 0.0, part * rise) * start;
            let arm = ur5::inverse_nearest(&pose, &near, &ur5::LIMITS)?;
            if travel(&near, &arm) > LINE_JUMP {
                return None;
            }
            near = arm;
            Some(arm)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Arm = robot::ur5::RESET_POSE;

    fn settings() -> Settings {
        Settings {
            home: HOME,
            speed: 0.5,
            safe_height_m: 0.35,
            retreat_m: 0.12,
        }
    }

    /// Some pose over the table from which the flange can move up and down.
    fn over_table(height: f64) -> Arm {
        let mut pose = ur5::forward(&HOME);
        pose.translation.z = height;
        ur5::inverse_nearest(&pose, &HOME, &ur5::LIMITS).unwrap()
    }

    #[test]
    fn a_low_hand_goes_up_before_it_goes_home() {
        let low = over_table(0.2);
        let steps = home(&low, &settings()).unwrap();
        let [Step::Open, Step::Arm(path)] = steps.as_slice() else {
            panic!("{steps:?}")
        };
        let start = ur5::forward(&low);
        let heights: Vec<f64> = path
            .iter()
            .map(|arm| ur5::forward(arm).translation.z)
            .collect();
        assert!(
            heights[1] > heights[0] && (heights[LINE_STEPS] - 0.35).abs() < 1e-6,
            "{heights:?}"
        );
        for arm in &path[..=LINE_STEPS] {
            let pose = ur5::forward(arm);
            assert!(
                (pose.translation.x - start.translation.x).abs() < 1e-6,
                "straight up"
            );
            assert!(
                pose.rotation.angle_to(&start.rotation) < 1e-6,
                "without turning"
            );
        }
        assert_eq!(path.last(), Some(&HOME));
    }

    #[test]
    fn a_high_hand_goes_home_at_once() {
        let steps = home(&over_table(0.45), &settings()).unwrap();
        assert!(matches!(steps.as_slice(), [Step::Open, Step::Arm(path)] if path.len() == 2));
    }

    #[test]
    fn an_object_is_lowered_before_the_hand_opens() {
        let held = over_table(0.4);
        let steps = put_down(&held, 0.2, &settings()).unwrap();
        let [Step::Arm(down), Step::Open, Step::Arm(up)] = steps.as_slice() else {
            panic!("{steps:?}")
        };
        let height = |arm: &Arm| ur5::forward(arm).translation.z;
        assert!((height(down.last().unwrap()) - 0.2).abs() < 1e-6);
        assert!((height(up.last().unwrap()) - 0.32).abs() < 1e-6);
        // It never goes up to put something down.
        let steps = put_down(&over_table(0.2), 0.3, &settings()).unwrap();
        assert!(
            matches!(&steps[0], Step::Arm(down) if (height(down.last().unwrap()) - 0.2).abs() < 1e-6)
        );
    }
}
