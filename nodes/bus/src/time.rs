//! Points in time of the node clock, and their signed differences.

use msgs::builtin_interfaces;
use std::{
    fmt,
    ops::{Add, AddAssign, Neg, Sub},
    time::Duration,
};

const NANOS_PER_SEC: i64 = 1_000_000_000;

/// A point in time of the node clock, in nanoseconds since its epoch.
///
/// The epoch of the system clock is the UNIX epoch; a simulated clock starts at zero. Arithmetic saturates at the
/// ends of the range, some 292 years from the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

/// A signed difference of two [`Time`]s, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeDelta(i64);

impl Time {
    /// The epoch.
    pub const ZERO: Self = Self(0);
    /// The last point in time.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From seconds since the epoch.
    pub fn from_secs_f64(secs: f64) -> Self {
        Self((secs * NANOS_PER_SEC as f64).round() as i64)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// Time gone by since `earlier`; zero when `earlier` is later.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        (self - earlier).to_duration().unwrap_or_default()
    }
}

impl TimeDelta {
    /// From nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// In nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// In seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// Whether it points into the past.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// As a span of time, when it is not negative.
    pub fn to_duration(self) -> Option<Duration> {
        u64::try_from(self.0).ok().map(Duration::from_nanos)
    }
}

fn saturating_nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Time {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(saturating_nanos(span)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for Time {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(saturating_nanos(span)))
    }
}

impl Add<TimeDelta> for Time {
    type Output = Self;
    fn add(self, delta: TimeDelta) -> Self {
        Self(self.0.saturating_add(delta.0))
    }
}

impl Sub for Time {
    type Output = TimeDelta;
    fn sub(self, earlier: Self) -> TimeDelta {
        TimeDelta(self.0.saturating_sub(earlier.0))
    }
}

impl Neg for TimeDelta {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl From<Duration> for TimeDelta {
    fn from(span: Duration) -> Self {
        Self(saturating_nanos(span))
    }
}

impl From<Time> for builtin_interfaces::Time {
    /// Times that do not fit 32 bits of seconds saturate.
    fn from(time: Time) -> Self {
        let sec = time.0.div_euclid(NANOS_PER_SEC);
        let nanosec = time.0.rem_euclid(NANOS_PER_SEC) as u32;
        match i32::try_from(sec) {
            Ok(sec) => Self { sec, nanosec },
            Err(_) if sec > 0 => Self {
                sec: i32::MAX,
                nanosec: 999_999_999,
            },
            Err(_) => Self {
                sec: i32::MIN,
                nanosec: 0,
            },
        }
    }
}

impl From<builtin_interfaces::Time> for Time {
    fn from(time: builtin_interfaces::Time) -> Self {
        Self(i64::from(time.sec) * NANOS_PER_SEC + i64::from(time.nanosec))
    }
}

impl fmt::Display for Time {
    /// Seconds with microseconds, as in `12.345678 s`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.6} s", self.as_secs_f64())
    }
}

impl fmt::Display for TimeDelta {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.6} s", self.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_before_the_epoch_keep_nanoseconds_positive() {
        let ros = builtin_interfaces::Time::from(Time::from_nanos(-1));
        assert_eq!((ros.sec, ros.nanosec), (-1, 999_999_999));
    }

    #[test]
    fn times_beyond_32_bits_of_seconds_saturate() {
        let ros = builtin_interfaces::Time::from(Time::MAX);
        assert_eq!((ros.sec, ros.nanosec), (i32::MAX, 999_999_999));
    }

    proptest! {
        #[test]
        fn ros_time_round_trips(nanos in -2_000_000_000_i64 * NANOS_PER_SEC..2_000_000_000 * NANOS_PER_SEC) {
            let time = Time::from_nanos(nanos);
            prop_assert_eq!(Time::from(builtin_interfaces::Time::from(time)), time);
        }

        #[test]
        fn difference_undoes_addition(start in any::<i32>(), span in any::<u32>()) {
            let start = Time::from_nanos(i64::from(start));
            let span = Duration::from_nanos(u64::from(span));
            prop_assert_eq!(((start + span) - start).to_duration(), Some(span));
            prop_assert_eq!((start + span) - span, start);
        }
    }
}
