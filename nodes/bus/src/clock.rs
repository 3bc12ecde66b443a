//! The one source of time of a node: the system's, the system's scaled, or simulated.

use crate::time::Time;
use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime},
};

/// Where a graph's time comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClockSource {
    /// The system's clock; never steps back while the graph runs.
    System,
    /// Runs `factor` times as fast as the system's clock, from its time at start.
    Scaled {
        /// Node seconds per real second, above zero.
        factor: f64,
    },
    /// Starts at zero, or at [`GraphConfig::start`](crate::GraphConfig::start), and stands still until the lockstep runner
    /// moves it.
    Simulated,
    /// Starts at zero and follows what somebody outside of the process says on `/clock`; never steps back.
    Followed,
}

/// A handle on the graph's clock; clones share it.
#[derive(Clone)]
pub struct Clock {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Real {
        factor: f64,
        epoch: Time,
        start: Instant,
    },
    Simulated(Arc<Mutex<Simulated>>),
    Followed(Arc<Mutex<Simulated>>),
}

#[derive(Default)]
struct Simulated {
    now: Time,
    /// Sleepers by deadline, then by the order in which they lay down: the order in which they wake.
    sleepers: BTreeMap<(Time, u64), Waker>,
    next_sleeper: u64,
}

impl Clock {
    /// A clock of this kind, started now.
    pub fn new(source: ClockSource) -> Self {
        let real = |factor| {
            let since_epoch = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            Kind::Real {
                factor,
                epoch: Time::ZERO + since_epoch,
                start: Instant::now(),
            }
        };
        let kind = match source {
            ClockSource::System => real(1.0),
            ClockSource::Scaled { factor } => real(factor),
            ClockSource::Simulated => Kind::Simulated(Arc::default()),
            ClockSource::Followed => Kind::Followed(Arc::default()),
        };
        Self { kind }
    }

    /// The current time.
    pub fn now(&self) -> Time {
        match &self.kind {
            Kind::Real {
                factor,
                epoch,
                start,
            } => *epoch + scale(start.elapsed(), *factor),
            Kind::Simulated(simulated) | Kind::Followed(simulated) => lock(simulated).now,
        }
    }

    /// Whether only the lockstep runner moves this clock.
    pub fn is_simulated(&self) -> bool {
        matches!(self.kind, Kind::Simulated(_))
    }

    /// Whether somebody outside of the process moves this clock.
    pub fn is_followed(&self) -> bool {
        matches!(self.kind, Kind::Followed(_))
    }

    /// Waits for a span of node time.
    pub async fn sleep(&self, span: Duration) {
        self.sleep_until(self.now() + span).await;
    }

    /// Waits until a point in node time; returns at once when it has passed.
    pub async fn sleep_until(&self, deadline: Time) {
        match &self.kind {
            Kind::Real { factor, .. } => {
                let span = deadline.saturating_since(self.now());
                tokio::time::sleep(scale(span, 1.0 / factor)).await;
            }
            Kind::Simulated(simulated) | Kind::Followed(simulated) => {
                Sleep {
                    simulated: Arc::clone(simulated),
                    deadline,
                    key: None,
                }
                .await;
            }
        }
    }

    /// Ticks at a fixed period, the first time at once.
    pub fn interval(&self, period: Duration) -> Interval {
        Interval {
            next: self.now(),
            period: period.max(Duration::from_nanos(1)),
            clock: self.clone(),
        }
    }

    /// When the first sleeper wants to wake. `None` with no sleeper, or when the clock is not simulated.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        match &self.kind {
            Kind::Real { .. } => None,
            Kind::Simulated(simulated) | Kind::Followed(simulated) => lock(simulated)
                .sleepers
                .keys()
                .next()
                .map(|(deadline, _)| *deadline),
        }
    }

    /// Moves simulated time forward and wakes the sleepers that are due, in order of deadline.
    pub(crate) fn advance_to(&self, time: Time) {
        let (Kind::Simulated(simulated) | Kind::Followed(simulated)) = &self.kind else {
            return;
        };
        let due = {
            let mut simulated = lock(simulated);
            simulated.now = simulated.now.max(time);
            let later = simulated
                .sleepers
                .split_off(&(time + Duration::from_nanos(1), 0));
            std::mem::replace(&mut simulated.sleepers, later)
        };
        due.into_values().for_each(Waker::wake);
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Real { .. } => "real",
            Kind::Simulated(_) => "simulated",
            Kind::Followed(_) => "followed",
        };
        formatter
            .debug_struct("Clock")
            .field("kind", &kind)
            .field("now", &self.now())
            .finish()
    }
}

/// Fires at a fixed period of node time. Ticks missed by a slow node are skipped, not made up for.
#[derive(Debug)]
pub struct Interval {
    clock: Clock,
    period: Duration,
    next: Time,
}

impl Interval {
    /// Waits for the next tick and returns the time for which it was due.
    pub async fn tick(&mut self) -> Time {
        let due = self.next;
        self.clock.sleep_until(due).await;
        self.next = due + self.period;
        let now = self.clock.now();
        if self.next < now {
            let behind = now.saturating_since(due).as_nanos();
            let skipped = behind - behind % self.period.as_nanos();
            self.next = due + Duration::from_nanos(u64::try_from(skipped).unwrap_or(u64::MAX));
        }
        due
    }
}

/// Waits on a simulated clock.
struct Sleep {
    simulated: Arc<Mutex<Simulated>>,
    deadline: Time,
    key: Option<(Time, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.simulated);
        let mut simulated = lock(&shared);
        if simulated.now >= self.deadline {
            return Poll::Ready(());
        }
        let key = self.key.unwrap_or_else(|| {
            simulated.next_sleeper += 1;
            (self.deadline, simulated.next_sleeper)
        });
        simulated.sleepers.insert(key, context.waker().clone());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            lock(&self.simulated).sleepers.remove(&key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Multiplies a span; nonsensical factors give the longest span instead of a panic.
fn scale(span: Duration, factor: f64) -> Duration {
    if factor == 1.0 {
        return span;
    }
    Duration::try_from_secs_f64(span.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{executor::LocalPool, task::LocalSpawnExt};
    use std::{cell::RefCell, rc::Rc};

    #[test]
    fn sleepers_wake_in_order_of_deadline_then_of_lying_down() {
        let clock = Clock::new(ClockSource::Simulated);
        let mut pool = LocalPool::new();
        let woken = Rc::new(RefCell::new(Vec::new()));
        for (name, millis) in [("c", 30), ("a", 10), ("b1", 20), ("b2", 20)] {
            let (clock, woken) = (clock.clone(), Rc::clone(&woken));
            pool.spawner()
                .spawn_local(async move {
                    clock.sleep(Duration::from_millis(millis)).await;
                    woken.borrow_mut().push((name, clock.now()));
                })
                .unwrap();
        }
        pool.run_until_stalled();
        while let Some(deadline) = clock.next_deadline() {
            clock.advance_to(deadline);
            pool.run_until_stalled();
        }
        let ms = |millis: i64| Time::from_nanos(millis * 1_000_000);
        assert_eq!(
            *woken.borrow(),
            [("a", ms(10)), ("b1", ms(20)), ("b2", ms(20)), ("c", ms(30))]
        );
    }

    #[test]
    fn a_dropped_sleep_leaves_no_sleeper() {
        let clock = Clock::new(ClockSource::Simulated);
        let mut pool = LocalPool::new();
        let sleeper = clock.clone();
        pool.spawner()
            .spawn_local(async move {
                tokio::select! {
                    biased;
                    () = sleeper.sleep(Duration::from_secs(1)) => {}
                    () = std::future::ready(()) => {}
                }
            })
            .unwrap();
        pool.run_until_stalled();
        assert_eq!(clock.next_deadline(), None);
    }

    #[test]
    fn an_interval_skips_missed_ticks_and_keeps_its_phase() {
        let clock = Clock::new(ClockSource::Simulated);
        let mut interval = clock.interval(Duration::from_millis(10));
        let mut pool = LocalPool::new();
        assert_eq!(pool.run_until(interval.tick()), Time::ZERO);
        clock.advance_to(Time::from_nanos(35_000_000));
        assert_eq!(
            pool.run_until(interval.tick()),
            Time::from_nanos(10_000_000)
        );
        assert_eq!(
            pool.run_until(interval.tick()),
            Time::from_nanos(30_000_000)
        );
        assert_eq!(clock.next_deadline(), None);
    }

    #[test]
    fn a_followed_clock_wakes_sleepers_and_never_steps_back() {
        let clock = Clock::new(ClockSource::Followed);
        let mut interval = clock.interval(Duration::from_millis(1));
        let mut pool = LocalPool::new();
        assert_eq!(pool.run_until(interval.tick()), Time::ZERO);
        // A recording begins at its own time: one tick is late, and the next waits again.
        let begin = Time::from_nanos(1_700_000_000_000_000_500);
        clock.advance_to(begin);
        pool.run_until(interval.tick());
        let next = pool.run_until(interval.tick());
        assert_eq!(begin.saturating_since(next), Duration::from_nanos(500));
        clock.advance_to(Time::ZERO);
        assert_eq!(clock.now(), begin);
    }
}
