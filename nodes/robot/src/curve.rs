//! A smooth curve through measured points that never turns back between them.
//!
//! The published calibration draws a natural cubic spline through its points. That spline overshoots where a flat
//! stretch meets a steep one (the index finger between 540 and 730 ticks): it would have the finger open for a while
//! as its servo closes, and its inverse would not be unique. This is the piecewise cubic Hermite curve of Fritsch and
//! Butland instead: the same points, continuous slope, monotone wherever the points are.

/// A monotone cubic through points with increasing abscissa and ordinates that never fall.
#[derive(Debug, Clone, PartialEq)]
pub struct MonotoneCurve {
    knots: Vec<Knot>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Knot {
    x: f64,
    y: f64,
    slope: f64,
}

/// Why points make no monotone curve; points are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CurveError {
    /// Fewer than two points.
    #[error("{0} points given; a curve needs at least two")]
    TooFew(usize),
    /// NaN or infinite.
    #[error("point {0} is not finite")]
    NotFinite(usize),
    /// Abscissae out of order.
    #[error(
        "point {0} does not lie to the right of the one before; sort the points, one for each abscissa"
    )]
    Unsorted(usize),
    /// Ordinates that change direction.
    #[error(
        "the curve turns back at point {0}; a joint that follows a tendon rises or falls all the way"
    )]
    TurnsBack(usize),
}

impl MonotoneCurve {
    /// The curve through points `[x, y]`.
    ///
    /// # Errors
    /// When there are fewer than two, or they are not finite, sorted and monotone.
    pub fn through(points: &[[f64; 2]]) -> Result<Self, CurveError> {
        if points.len() < 2 {
            return Err(CurveError::TooFew(points.len()));
        }
        if let Some(bad) = points
            .iter()
            .position(|point| !point.iter().all(|number| number.is_finite()))
        {
            return Err(CurveError::NotFinite(bad + 1));
        }
        let mut secants = Vec::with_capacity(points.len() - 1);
        let mut direction = 0.0;
        for (index, pair) in points.windows(2).enumerate() {
            let &[[x0, y0], [x1, y1]] = pair else {
                continue;
            };
            // Also refuses points so close that their secant overflows.
            let secant = (y1 - y0) / (x1 - x0);
            if x1 <= x0 || !secant.is_finite() || !(x1 - x0).is_finite() {
                return Err(CurveError::Unsorted(index + 2));
            }
            if secant * direction < 0.0 {
                return Err(CurveError::TurnsBack(index + 1));
            }
            if secant != 0.0 {
                direction = secant.signum();
            }
            secants.push((x1 - x0, secant));
        }
        let inner = secants.windows(2).map(|pair| match *pair {
            [(h0, d0), (h1, d1)] if d0 * d1 > 0.0 => {
                // Weighted harmonic mean: never more than three times the smaller secant, which keeps the cubic
                // monotone.
                let (w0, w1) = (2.0 * h1 + h0, h1 + 2.0 * h0);
                (w0 + w1) / (w0 / d0 + w1 / d1)
            }
            _ => 0.0,
        });
        let first = secants.first().map_or(0.0, |&(_, secant)| secant);
        let last = secants.last().map_or(0.0, |&(_, secant)| secant);
        let slopes = std::iter::once(first)
            .chain(inner)
            .chain(std::iter::once(last));
        let knots = points
            .iter()
            .zip(slopes)
            .map(|(&[x, y], slope)| Knot { x, y, slope })
            .collect();
        Ok(Self { knots })
    }

    /// The ordinate at `x`; outside the points it stays as at the nearest end.
    #[must_use]
    pub fn value(&self, x: f64) -> f64 {
        let after = self.knots.partition_point(|knot| knot.x <= x);
        let (Some(first), Some(last)) = (self.knots.first(), self.knots.last()) else {
            return f64::NAN;
        };
        match (
            after
                .checked_sub(1)
                .and_then(|before| self.knots.get(before)),
            self.knots.get(after),
        ) {
            (Some(left), Some(right)) => {
                let width = right.x - left.x;
                let t = (x - left.x) / width;
                let s = 1.0 - t;
                let value = s * s * ((1.0 + 2.0 * t) * left.y + t * width * left.slope)
                    + t * t * ((1.0 + 2.0 * s) * right.y - s * width * right.slope);
                // Rounding must not leave the interval.
                value.clamp(left.y.min(right.y), left.y.max(right.y))
            }
            (None, _) => first.y,
            (_, None) => last.y,
        }
    }

    /// The least and the greatest ordinate.
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        match (self.knots.first(), self.knots.last()) {
            (Some(first), Some(last)) => (first.y.min(last.y), first.y.max(last.y)),
            _ => (f64::NAN, f64::NAN),
        }
    }

    /// An abscissa in `[lower, upper]` where the curve comes nearest to `y`, by bisection.
    #[must_use]
    pub fn inverse(&self, y: f64, lower: f64, upper: f64) -> f64 {
        let rising = match (self.knots.first(), self.knots.last()) {
            (Some(first), Some(last)) => first.y <= last.y,
            _ => true,
        };
        let (mut low, mut high) = (lower, upper);
        // Sixty halvings take any interval of ordinary size to the resolution of f64.
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if (self.value(middle) < y) == rising {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rising_points() -> impl Strategy<Value = Vec<[f64; 2]>> {
        prop::collection::vec((0.01..500.0_f64, 0.0..2.0_f64), 2..10).prop_map(|steps| {
            let mut at = [-1000.0, -2.0];
            steps
                .into_iter()
                .map(|(dx, dy)| {
                    at = [at[0] + dx, at[1] + dy];
                    at
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn passes_through_its_points_and_never_turns_back(points in rising_points(), falling in any::<bool>()) {
            let points: Vec<[f64; 2]> =
                points.iter().map(|&[x, y]| [x, if falling { -y } else { y }]).collect();
            let curve = MonotoneCurve::through(&points).unwrap();
            for &[x, y] in &points {
                prop_assert!((curve.value(x) - y).abs() < 1e-12);
            }
            let (start, end) = (points[0][0] - 50.0, points[points.len() - 1][0] + 50.0);
            let values: Vec<f64> =
                (0..=400).map(|i| curve.value(start + (end - start) * f64::from(i) / 400.0)).collect();
            let sign = if falling { -1.0 } else { 1.0 };
            prop_assert!(values.windows(2).all(|pair| sign * (pair[1] - pair[0]) >= -1e-12));
        }

        #[test]
        fn inverse_undoes_value(points in rising_points(), share in 0.0..1.0_f64) {
            let curve = MonotoneCurve::through(&points).unwrap();
            let (low, high) = curve.range();
            let wanted = low + share * (high - low);
            let x = curve.inverse(wanted, points[0][0], points[points.len() - 1][0]);
            prop_assert!((curve.value(x) - wanted).abs() < 1e-6);
        }

        #[test]
        fn any_points_are_answered_without_panic(
            points in prop::collection::vec(prop::array::uniform2(any::<f64>()), 0..5), x in any::<f64>()
        ) {
            if let Ok(curve) = MonotoneCurve::through(&points) {
                let _ = (curve.value(x), curve.inverse(x, -1.0, 1.0));
            }
        }
    }

    #[test]
    fn refuses_what_is_no_curve() {
        assert_eq!(
            MonotoneCurve::through(&[[0.0, 0.0]]),
            Err(CurveError::TooFew(1))
        );
        assert_eq!(
            MonotoneCurve::through(&[[0.0, 0.0], [0.0, 1.0]]),
            Err(CurveError::Unsorted(2))
        );
        assert_eq!(
            MonotoneCurve::through(&[[0.0, 0.0], [1.0, f64::NAN]]),
            Err(CurveError::NotFinite(2))
        );
        assert_eq!(
            MonotoneCurve::through(&[[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]),
            Err(CurveError::TurnsBack(2))
        );
    }
}
