//! Slow motions of the arm from one rest to another, through any number of points.
//!
//! ```
//! use robot::motion::{Course, Progress, times};
//!
//! let path = [[0.0; 6], [0.5; 6]];
//! assert_eq!(times(&path, 0.25), [0.0, 2.0]);
//! let course = Course::new(&path, 0.25, 10.0).ok_or("no path")?;
//! assert_eq!(course.progress(11.0, &[0.4; 6]), Progress::Underway);
//! assert_eq!(course.progress(12.1, &[0.5; 6]), Progress::Arrived);
//! assert_eq!(course.progress(20.0, &[0.4; 6]), Progress::Late);
//! # Ok::<(), &str>(())
//! ```

/// Positions of the arm's joints in rad.
pub type Arm = [f64; 6];

/// How close each joint has to come to where it goes, rad.
const ARRIVED_RAD: f64 = 0.02;

/// How long a motion may take beyond the planned time, seconds.
const PATIENCE_S: f64 = 3.0;

/// Travel of the joint that moves most, rad.
#[must_use]
pub fn travel(from: &Arm, to: &Arm) -> f64 {
    from.iter()
        .zip(to)
        .map(|(from, to)| (to - from).abs())
        .fold(0.0, f64::max)
}

/// When each point of a path is reached, seconds from its first point, at a joint speed in rad/s.
#[must_use]
pub fn times(path: &[Arm], speed: f64) -> Vec<f64> {
    let mut time = 0.0;
    std::iter::once(0.0)
        .chain(path.windows(2).map(|pair| {
            if let [from, to] = pair {
                // Points that coincide must still come one after the other.
                time += (travel(from, to) / speed).max(0.01);
            }
            time
        }))
        .collect()
}

/// A motion that the driver was told of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Course {
    goal: Arm,
    earliest_s: f64,
    latest_s: f64,
}

/// How a motion stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It goes on.
    Underway,
    /// Its time is over, and the arm is where it was to go.
    Arrived,
    /// The arm should have been there for a while.
    Late,
}

impl Course {
    /// A path that begins at `now_s`; `None` for one without points.
    #[must_use]
    pub fn new(path: &[Arm], speed: f64, now_s: f64) -> Option<Self> {
        let earliest_s = now_s + times(path, speed).last()?;
        Some(Self {
            goal: *path.last()?,
            earliest_s,
            latest_s: earliest_s + PATIENCE_S,
        })
    }

    /// How it stands with the arm where it was measured.
    #[must_use]
    pub fn progress(&self, now_s: f64, measured: &Arm) -> Progress {
        if travel(measured, &self.goal) >= ARRIVED_RAD {
            return if now_s >= self.latest_s {
                Progress::Late
            } else {
                Progress::Underway
            };
        }
        if now_s < self.earliest_s {
            Progress::Underway
        } else {
            Progress::Arrived
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_the_speed() {
        let path = [[0.0; 6], [1.0; 6], [1.0; 6], [0.5; 6]];
        assert_eq!(times(&path, 0.5), [0.0, 2.0, 2.01, 3.01]);
    }
}
