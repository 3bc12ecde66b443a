//! Smooth motion of the arm through given joint positions.

/// Positions of the arm's joints in rad.
pub type Arm = [f64; 6];

/// What each joint may do, rad/s and rad/s^2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Greatest speed of each joint.
    pub speed: Arm,
    /// Greatest acceleration of each joint along the path.
    pub acceleration: Arm,
}

impl Pace {
    /// The same path at a part of the speed.
    #[must_use]
    pub fn scaled(&self, part: f64) -> Self {
        Self {
            speed: self.speed.map(|speed| speed * part),
            acceleration: self.acceleration,
        }
    }
}

/// A motion from rest to rest through joint positions, as fast as the joints may.
///
/// The path is a spline through the points that does not overshoot. Along it the speed is at each place the greatest
/// that the joints' speeds and accelerations allow (a pass forwards from rest, a pass backwards from rest at the end).
#[derive(Debug, Clone, PartialEq)]
pub struct Motion {
    points: Vec<Arm>,
    /// Path parameter of each point, from 0 to 1, in proportion to the largest joint's travel.
    knots: Vec<f64>,
    /// When each of the evenly spaced places along the path is reached, seconds.
    times: Vec<f64>,
}

/// Places along the path at which the speed is worked out.
const PLACES: usize = 200;

impl Motion {
    /// A motion through the points, from rest to rest.
    pub fn through(points: &[Arm], pace: &Pace) -> Self {
        Self::slowing(points, pace, points.len(), 1.0)
    }

    /// The same, at a part of the speed from the point with index `from` on.
    pub fn slowing(points: &[Arm], pace: &Pace, from: usize, part: f64) -> Self {
        let travels: Vec<f64> = points
            .windows(2)
            .map(|pair| match pair {
                [from, to] => largest_travel(from, to),
                _ => 0.0,
            })
            .collect();
        let total: f64 = travels.iter().sum();
        let mut knots = Vec::with_capacity(points.len());
        let mut at = 0.0;
        for travel in std::iter::once(0.0).chain(travels) {
            at += travel;
            knots.push(if total > 0.0 { at / total } else { 0.0 });
        }
        knots.truncate(points.len());
        let mut motion = Self {
            points: points.to_vec(),
            knots,
            times: vec![0.0],
        };
        if total > 0.0 {
            motion.times = motion.schedule(pace, from, part);
        }
        motion
    }

    /// The time-optimal schedule over the places, at a part of the speed from a point on, with the path's curvature left out: the limiter takes that up.
    fn schedule(&self, pace: &Pace, from: usize, part: f64) -> Vec<f64> {
        let step = 1.0 / PLACES as f64;
        let slow_from = self.knots.get(from).copied().unwrap_or(f64::INFINITY);
        let places: Vec<Arm> = (0..=PLACES)
            .filter_map(|place| self.along(place as f64 * step))
            .collect();
        // Between two places: greatest speed and acceleration of the path parameter.
        let limits: Vec<(f64, f64)> = places
            .windows(2)
            .enumerate()
            .map(|(place, pair)| {
                let is_slow = (place + 1) as f64 * step > slow_from;
                let part = if is_slow { part } else { 1.0 };
                let least = |limit: &Arm| match pair {
                    [from, to] => from
                        .iter()
                        .zip(to)
                        .zip(limit)
                        .map(|((from, to), limit)| limit * step / (to - from).abs().max(1e-9))
                        .fold(f64::INFINITY, f64::min),
                    _ => f64::INFINITY,
                };
                (part * least(&pace.speed), least(&pace.acceleration))
            })
            .collect();
        let mut speeds = vec![0.0_f64; limits.len() + 1];
        let mut speed = 0.0_f64;
        for (place, (greatest, acceleration)) in limits.iter().enumerate() {
            speed = (speed * speed + 2.0 * acceleration * step)
                .sqrt()
                .min(*greatest);
            speeds[place + 1] = speed;
        }
        speed = 0.0;
        for (place, (greatest, acceleration)) in limits.iter().enumerate().rev() {
            speeds[place + 1] = speeds[place + 1].min(speed);
            speed = (speed * speed + 2.0 * acceleration * step)
                .sqrt()
                .min(*greatest);
        }
        speeds[0] = 0.0;
        let mut times = Vec::with_capacity(speeds.len());
        let mut time = 0.0;
        times.push(time);
        for pair in speeds.windows(2) {
            time += 2.0 * step / pair.iter().sum::<f64>().max(1e-6);
            times.push(time);
        }
        times
    }

    /// How long it takes, seconds.
    pub fn duration_s(&self) -> f64 {
        self.times.last().copied().unwrap_or(0.0)
    }

    /// Where the arm is `time_s` seconds after the start; at the ends before and after. `None` without points.
    pub fn at(&self, time_s: f64) -> Option<Arm> {
        let next = self.times.partition_point(|&time| time < time_s);
        let (Some(before), Some(&end)) = (next.checked_sub(1), self.times.get(next)) else {
            return if next == 0 {
                self.points.first().copied()
            } else {
                self.points.last().copied()
            };
        };
        let start = self.times.get(before).copied().unwrap_or(end);
        let part = if end > start {
            (time_s - start) / (end - start)
        } else {
            1.0
        };
        self.along((before as f64 + part) / PLACES as f64)
    }

    /// Velocities at that time, rad/s; at rest before the start and after the end.
    pub fn velocity_at(&self, time_s: f64) -> Arm {
        const HALF_S: f64 = 1e-3;
        if time_s <= 0.0 || time_s >= self.duration_s() {
            return [0.0; 6];
        }
        match (self.at(time_s - HALF_S), self.at(time_s + HALF_S)) {
            (Some(before), Some(after)) => {
                std::array::from_fn(|joint| (after[joint] - before[joint]) / (2.0 * HALF_S))
            }
            _ => [0.0; 6],
        }
    }

    fn along(&self, progress: f64) -> Option<Arm> {
        let last = self.points.len().checked_sub(1)?;
        let next = self
            .knots
            .iter()
            .position(|&knot| knot >= progress)
            .unwrap_or(last);
        let Some(before) = next.checked_sub(1) else {
            return self.points.first().copied();
        };
        let (start, end) = (*self.knots.get(before)?, *self.knots.get(next)?);
        let t = if end > start {
            (progress - start) / (end - start)
        } else {
            1.0
        };
        let (p1, p2) = (self.points.get(before)?, self.points.get(next)?);
        let (s1, s2) = (self.slope(before)?, self.slope(next)?);
        let span = end - start;
        let (t2, t3) = (t * t, t * t * t);
        Some(std::array::from_fn(|joint| {
            (2.0 * t3 - 3.0 * t2 + 1.0) * p1[joint]
                + (t3 - 2.0 * t2 + t) * span * s1[joint]
                + (3.0 * t2 - 2.0 * t3) * p2[joint]
                + (t3 - t2) * span * s2[joint]
        }))
    }

    /// Derivative at a point with respect to the path's parameter: the mean of the two sides; at the ends the side's own.
    fn slope(&self, index: usize) -> Option<Arm> {
        let side = |from: usize, to: usize| -> Option<Arm> {
            let (a, b) = (self.points.get(from)?, self.points.get(to)?);
            let span = self.knots.get(to)? - self.knots.get(from)?;
            Some(std::array::from_fn(|joint| {
                if span > 0.0 {
                    (b[joint] - a[joint]) / span
                } else {
                    0.0
                }
            }))
        };
        let before = index.checked_sub(1).and_then(|before| side(before, index));
        let after = side(index, index + 1);
        match (before, after) {
            // Where a joint turns back it must stand still, or the spline would overshoot.
            (Some(a), Some(b)) => Some(std::array::from_fn(|joint| {
                if a[joint] * b[joint] <= 0.0 {
                    0.0
                } else {
                    2.0 * a[joint] * b[joint] / (a[joint] + b[joint])
                }
            })),
            (Some(only), None) | (None, Some(only)) => Some(only),
            (None, None) => Some([0.0; 6]),
        }
    }
}

/// Travel of the joint that moves most, rad.
pub fn largest_travel(from: &Arm, to: &Arm) -> f64 {
    from.iter()
        .zip(to)
        .map(|(from, to)| (to - from).abs())
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pace(speed: f64) -> Pace {
        Pace {
            speed: [speed; 6],
            acceleration: [5.0; 6],
        }
    }

    proptest! {
        #[test]
        fn motions_pass_their_points_within_the_speed(
            points in prop::collection::vec(prop::array::uniform6(-2.0..2.0_f64), 2..6), speed in 0.3..2.0_f64,
        ) {
            let motion = Motion::through(&points, &pace(speed));
            prop_assert!(largest_travel(&motion.at(0.0).unwrap(), &points[0]) < 1e-9);
            let end = motion.at(motion.duration_s() + 1.0).unwrap();
            prop_assert!(largest_travel(&end, points.last().unwrap()) < 1e-9);
            let mut before = points[0];
            for step in 1..=400 {
                let now = motion.at(motion.duration_s() * f64::from(step) / 400.0).unwrap();
                for joint in 0..6 {
                    let low = points.iter().map(|p| p[joint]).fold(f64::INFINITY, f64::min);
                    let high = points.iter().map(|p| p[joint]).fold(f64::NEG_INFINITY, f64::max);
                    prop_assert!(now[joint] > low - 1e-9 && now[joint] < high + 1e-9, "overshoot");
                }
                prop_assert!(largest_travel(&before, &now) <= 1.1 * speed * motion.duration_s() / 400.0 + 1e-6);
                before = now;
            }
        }
    }

    #[test]
    fn a_straight_motion_is_a_trapezoid() {
        // 1 rad at 1 rad/s with 5 rad/s^2: 0.2 s up, 0.2 s down, 0.8 rad between.
        let motion = Motion::through(&[[0.0; 6], [1.0; 6]], &pace(1.0));
        assert!(
            (motion.duration_s() - 1.2).abs() < 0.01,
            "{}",
            motion.duration_s()
        );
    }

    #[test]
    fn standing_still_is_a_motion_too() {
        let motion = Motion::through(&[[0.3; 6], [0.3; 6]], &pace(1.0));
        assert_eq!(motion.at(0.2), Some([0.3; 6]));
        assert_eq!(Motion::through(&[], &pace(1.0)).at(0.0), None);
    }

    #[test]
    fn it_slows_down_where_it_is_to() {
        let pace = Pace {
            speed: [1.0; 6],
            acceleration: [10.0; 6],
        };
        let points = [0.0, 1.0, 2.0].map(|at| [at, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let motion = Motion::slowing(&points, &pace, 1, 0.25);
        let end = motion.duration_s();
        for step in 0..=200 {
            let time = end * f64::from(step) / 200.0;
            let (at, speed) = (motion.at(time).unwrap()[0], motion.velocity_at(time)[0]);
            let most = if at > 1.02 { 0.25 } else { 1.0 };
            assert!(speed <= most * 1.02, "{speed} at {at}");
        }
        // The first half as fast as ever, the second four times slower.
        assert!((end - (1.0 + 4.0)).abs() < 0.3, "{end}");
        assert_eq!(
            Motion::slowing(&points, &pace, 1, 1.0),
            Motion::through(&points, &pace)
        );
    }
}
