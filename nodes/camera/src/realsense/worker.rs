//! The threads on which the library is called: it blocks, and at times it hangs.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bus::{Clock, Time};
use tokio::sync::mpsc;

use super::camera::Camera;
use super::connection::{Event, Listener, Pace, Stage, follow};
use super::node::RealsenseError;
use super::stamps::StampMapper;

/// Events that may wait for the node. While they do, the library drops pictures, oldest first.
const QUEUE: usize = 2;
/// Between two looks at whether the library hangs.
const LOOK: Duration = Duration::from_millis(100);
/// Threads in which the library hangs that may be left behind; then it takes one of them to come back.
const LEFT_BEHIND: usize = 4;
/// How long the library may take to let go of the camera at shutdown; it is left alone then.
const CLOSE_TIME: Duration = Duration::from_secs(3);

/// What the node hears of its camera.
pub(super) enum Heard {
    /// Something has happened; when, or for a picture its stamp.
    Event(Time, Event),
    /// The library has not returned for too long: what it was doing.
    Hang(String),
    /// The thread has ended without a word.
    Silence,
}

/// The thread that has the camera, and those that were left behind.
pub(super) struct Workers<Make> {
    clock: Clock,
    make: Make,
    events: mpsc::Receiver<(Time, Event)>,
    pulse: Pulse,
    thread: JoinHandle<()>,
    left_behind: Vec<JoinHandle<()>>,
}

impl<C: Camera, Make: Fn() -> C + Clone + Send + 'static> Workers<Make> {
    /// Starts the thread, which makes the camera.
    pub(super) fn start(clock: Clock, make: Make) -> Result<Self, RealsenseError> {
        let (events, pulse, thread) = start(&clock, make.clone())?;
        Ok(Self {
            clock,
            make,
            events,
            pulse,
            thread,
            left_behind: Vec::new(),
        })
    }

    /// Waits for what happens next.
    pub(super) async fn hear(&mut self) -> Heard {
        loop {
            match tokio::time::timeout(LOOK, self.events.recv()).await {
                Ok(Some((stamp, event))) => return Heard::Event(stamp, event),
                Ok(None) => return Heard::Silence,
                Err(_) => {
                    self.left_behind.retain(|thread| !thread.is_finished());
                    if self.left_behind.len() < LEFT_BEHIND
                        && let Some(stage) = self.pulse.hang(Instant::now())
                    {
                        return Heard::Hang(hang(stage));
                    }
                }
            }
        }
    }

    /// Leaves the thread behind, which ends when the library returns, and starts another with a new camera.
    pub(super) fn replace(&mut self) -> Result<(), RealsenseError> {
        let (events, pulse, thread) = start(&self.clock, self.make.clone())?;
        self.events = events;
        self.pulse = pulse;
        self.left_behind
            .push(std::mem::replace(&mut self.thread, thread));
        Ok(())
    }

    /// Has the thread let go of the camera. A library that hangs does not hold this up for long.
    pub(super) async fn end(self) {
        drop(self.events);
        let closing = tokio::time::Instant::now() + CLOSE_TIME;
        while !self.thread.is_finished() && tokio::time::Instant::now() < closing {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if !self.thread.is_finished() {
            tracing::warn!("librealsense does not let go of the camera");
        }
    }
}

type Started = (mpsc::Receiver<(Time, Event)>, Pulse, JoinHandle<()>);

fn start<C: Camera>(
    clock: &Clock,
    make: impl FnOnce() -> C + Send + 'static,
) -> Result<Started, RealsenseError> {
    let (sender, events) = mpsc::channel(QUEUE);
    let pulse = Pulse::new(Instant::now());
    let mut channel = Channel {
        clock: clock.clone(),
        stamps: StampMapper::default(),
        sender,
        pulse: pulse.clone(),
    };
    let thread = thread::Builder::new()
        .name("realsense".into())
        .spawn(move || follow(&mut make(), &mut RealTime(Instant::now()), &mut channel))
        .map_err(RealsenseError::Thread)?;
    Ok((events, pulse, thread))
}

fn hang(stage: Stage) -> String {
    let what = match stage {
        Stage::Idle => "has not answered",
        Stage::Opening => "has not opened the camera",
        Stage::Waiting => "has not returned from waiting for pictures",
        Stage::Closing => "has not let go of the camera",
    };
    let patience = stage.patience().as_secs();
    format!(
        "librealsense {what} for {patience} s and is started anew; if that goes on, plug the camera in again"
    )
}

/// What the library is doing, and since when.
#[derive(Clone)]
struct Pulse(Arc<Mutex<(Stage, Instant)>>);

impl Pulse {
    fn new(now: Instant) -> Self {
        Self(Arc::new(Mutex::new((Stage::Idle, now))))
    }

    fn lock(&self) -> MutexGuard<'_, (Stage, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stage in which the library hangs, if it does.
    fn hang(&self, now: Instant) -> Option<Stage> {
        let (stage, since) = *self.lock();
        (now.saturating_duration_since(since) > stage.patience()).then_some(stage)
    }
}

struct RealTime(Instant);

impl Pace for RealTime {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn pause(&mut self, span: Duration) {
        thread::sleep(span);
    }
}

/// From the camera's thread to the node's. Pictures are stamped here, as soon as they come.
struct Channel {
    clock: Clock,
    stamps: StampMapper,
    sender: mpsc::Sender<(Time, Event)>,
    pulse: Pulse,
}

impl Listener for Channel {
    fn hear(&mut self, event: Event) -> ControlFlow<()> {
        let arrived = self.clock.now();
        let stamp = match &event {
            Event::Captured(capture) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let now = Time::ZERO + now.unwrap_or_default();
                self.stamps.stamp(capture.taken, arrived, now)
            }
            _ => arrived,
        };
        match self.sender.blocking_send((stamp, event)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    fn is_gone(&self) -> bool {
        self.sender.is_closed()
    }

    fn enter(&mut self, stage: Stage) {
        *self.pulse.lock() = (stage, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_hangs_when_it_takes_longer_than_it_should() {
        let start = Instant::now();
        let pulse = Pulse::new(start);
        let after = |millis| pulse.hang(start + Duration::from_millis(millis));
        assert_eq!(after(1_000_000), None, "idle");
        *pulse.lock() = (Stage::Waiting, start);
        assert_eq!((after(900), after(1_100)), (None, Some(Stage::Waiting)));
        *pulse.lock() = (Stage::Opening, start);
        assert_eq!((after(9_000), after(10_100)), (None, Some(Stage::Opening)));
        assert!(hang(Stage::Opening).contains("10 s"));
    }
}
