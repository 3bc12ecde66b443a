//! Smooth motion of the arm through given joint positions.

/// Positions of the arm's joints in rad.
pub type Arm = [f64; 6];

/// A motion from rest to rest through joint positions: the path is followed at a speed that rises and falls smoothly.
///
/// Along the path's parameter the positions are a Catmull-Rom spline, so that nothing jerks at the points in between;
/// in time the parameter follows a minimum-jerk law, so that speed and acceleration are zero at both ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Motion {
    points: Vec<Arm>,
    /// Path parameter of each point, from 0 to 1, in proportion to the largest joint's travel.
    knots: Vec<f64>,
    duration_s: f64,
}

/// Ratio of the greatest to the mean speed of a minimum-jerk motion.
const PEAK: f64 = 1.875;

impl Motion {
    /// A motion through the points that keeps each joint below `speed` rad/s, in no less than `least_s` seconds.
    pub fn through(points: &[Arm], speed: f64, least_s: f64) -> Self {
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
        Self { points: points.to_vec(), knots, duration_s: (PEAK * total / speed).max(least_s) }
    }

    /// How long it takes, seconds.
    pub fn duration_s(&self) -> f64 {
        self.duration_s
    }

    /// Where the arm is `time_s` seconds after the start; at the ends before and after. `None` without points.
    pub fn at(&self, time_s: f64) -> Option<Arm> {
        let part = if self.duration_s > 0.0 { (time_s / self.duration_s).clamp(0.0, 1.0) } else { 1.0 };
        let progress = part * part * part * (10.0 + part * (6.0 * part - 15.0));
        self.along(progress)
    }

    fn along(&self, progress: f64) -> Option<Arm> {
        let last = self.points.len().checked_sub(1)?;
        let next = self.knots.iter().position(|&knot| knot >= progress).unwrap_or(last);
        let Some(before) = next.checked_sub(1) else { return self.points.first().copied() };
        let (start, end) = (*self.knots.get(before)?, *self.knots.get(next)?);
        let t = if end > start { (progress - start) / (end - start) } else { 1.0 };
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
            Some(std::array::from_fn(|joint| if span > 0.0 { (b[joint] - a[joint]) / span } else { 0.0 }))
        };
        let before = index.checked_sub(1).and_then(|before| side(before, index));
        let after = side(index, index + 1);
        match (before, after) {
            // Where a joint turns back it must stand still, or the spline would overshoot.
            (Some(a), Some(b)) => Some(std::array::from_fn(|joint| {
                if a[joint] * b[joint] <= 0.0 { 0.0 } else { 2.0 * a[joint] * b[joint] / (a[joint] + b[joint]) }
            })),
            (Some(only), None) | (None, Some(only)) => Some(only),
            (None, None) => Some([0.0; 6]),
        }
    }
}

/// Travel of the joint that moves most, rad.
pub fn largest_travel(from: &Arm, to: &Arm) -> f64 {
    from.iter().zip(to).map(|(from, to)| (to - from).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn motions_pass_their_points_within_the_speed(
            points in prop::collection::vec(prop::array::uniform6(-2.0..2.0_f64), 2..6), speed in 0.3..2.0_f64,
        ) {
            let motion = Motion::through(&points, speed, 0.1);
            prop_assert!(largest_travel(&motion.at(0.0).unwrap(), &points[0]) < 1e-9);
            let end = motion.at(motion.duration_s() + 1.0).unwrap();
            prop_assert!(largest_travel(&end, points.last().unwrap()) < 1e-9);
            // No overshoot beyond the hull of the points, joint by joint, and no jump.
            let mut before = points[0];
            for step in 1..=400 {
                let now = motion.at(motion.duration_s() * f64::from(step) / 400.0).unwrap();
                for joint in 0..6 {
                    let low = points.iter().map(|p| p[joint]).fold(f64::INFINITY, f64::min);
                    let high = points.iter().map(|p| p[joint]).fold(f64::NEG_INFINITY, f64::max);
                    prop_assert!(now[joint] > low - 1e-9 && now[joint] < high + 1e-9);
                }
                // The harmonic mean lets a joint run up to three times as fast as its mean between two points.
                prop_assert!(largest_travel(&before, &now) <= 3.0 * speed * motion.duration_s() / 400.0 + 1e-9);
                before = now;
            }
        }
    }

    #[test]
    fn two_points_keep_the_speed_limit() {
        let motion = Motion::through(&[[0.0; 6], [1.0; 6]], 1.0, 0.0);
        assert!((motion.duration_s() - 1.875).abs() < 1e-12);
        let fastest = (0..1000)
            .map(|i| motion.at(0.001_875 * f64::from(i)).unwrap()[0])
            .collect::<Vec<_>>()
            .windows(2)
            .map(|pair| (pair[1] - pair[0]) / 0.001_875)
            .fold(0.0, f64::max);
        assert!(fastest <= 1.0 + 1e-6 && fastest > 0.98, "{fastest}");
    }

    #[test]
    fn standing_still_is_a_motion_too() {
        let motion = Motion::through(&[[0.3; 6], [0.3; 6]], 1.0, 0.5);
        assert_eq!(motion.at(0.2), Some([0.3; 6]));
        assert_eq!(Motion::through(&[], 1.0, 0.0).at(0.0), None);
    }
}
