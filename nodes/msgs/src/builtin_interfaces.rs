//! Time and duration as ROS messages carry them.

messages! { "builtin_interfaces";
    /// A point in time since the clock's epoch (the UNIX epoch for the system clock).
    #[derive(Copy, Default, Eq, PartialOrd, Ord, Hash)]
    pub struct Time {
        /// Whole seconds.
        pub sec: i32,
        /// Nanoseconds beyond `sec`, always added, below 1e9.
        pub nanosec: u32,
    }

    /// A signed span of time.
    #[derive(Copy, Default, Eq, PartialOrd, Ord, Hash)]
    pub struct Duration {
        /// Whole seconds, rounded towards minus infinity.
        pub sec: i32,
        /// Nanoseconds beyond `sec`, always added, below 1e9.
        pub nanosec: u32,
    }
}

impl From<std::time::Duration> for Duration {
    /// Spans beyond 2^31 s saturate.
    fn from(span: std::time::Duration) -> Self {
        i32::try_from(span.as_secs()).map_or(
            Self {
                sec: i32::MAX,
                nanosec: 999_999_999,
            },
            |sec| Self {
                sec,
                nanosec: span.subsec_nanos(),
            },
        )
    }
}

impl TryFrom<Duration> for std::time::Duration {
    type Error = NegativeDuration;

    fn try_from(span: Duration) -> Result<Self, Self::Error> {
        let sec = u64::try_from(span.sec).map_err(|_| NegativeDuration(span))?;
        Ok(Self::from_secs(sec) + Self::from_nanos(u64::from(span.nanosec)))
    }
}

/// A ROS duration below zero where only a span forward in time makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("duration {} s + {} ns is negative; give one of zero or more", .0.sec, .0.nanosec)]
pub struct NegativeDuration(pub Duration);
