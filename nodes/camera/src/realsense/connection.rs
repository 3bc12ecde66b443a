//! Keeps a camera open: notices that it is gone, and opens it again when it is back.
//!
//! A camera that was unplugged gives no pictures any more. After [`STALL`] it counts as lost, and from then on it is
//! looked for every [`RETRY`]. So it is found at most that long after it has come back; what the library and the camera
//! take to start their streams is on top.

use std::ops::ControlFlow;
use std::time::Duration;

use super::camera::{Camera, Capture, Identity, Trouble};

/// How long one wait for a picture takes at most: so long may a shutdown have to wait.
pub const SLICE: Duration = Duration::from_millis(100);
/// A camera without a picture for this long is lost. The slowest stream has a picture every 0.2 s.
pub const STALL: Duration = Duration::from_secs(1);
/// How long the first picture may take.
pub const FIRST: Duration = Duration::from_secs(3);
/// Between two attempts to open the camera.
pub const RETRY: Duration = Duration::from_millis(250);

/// Time as the connection sees it: a span since some start, and the way to wait.
pub trait Pace {
    /// Time since the start.
    fn elapsed(&self) -> Duration;
    /// Waits.
    fn pause(&mut self, span: Duration);
}

/// Who hears what happens to the camera.
pub trait Listener {
    /// Something has happened. `Break`: nobody listens any more.
    fn hear(&mut self, event: Event) -> ControlFlow<()>;
    /// Whether nobody listens any more.
    fn is_gone(&self) -> bool;
    /// The library is about to be called, or has returned.
    fn enter(&mut self, stage: Stage);
}

/// What the library is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing: the call has returned.
    Idle,
    /// It opens the camera.
    Opening,
    /// It waits for a picture.
    Waiting,
    /// It lets go of the camera.
    Closing,
}

impl Stage {
    /// After how long the library counts as hanging. When a camera is unplugged and plugged in again, a wait has been
    /// reported to take 45 s, and closing for ever.
    pub const fn patience(self) -> Duration {
        match self {
            Self::Idle => Duration::MAX,
            Self::Opening => Duration::from_secs(10),
            Self::Waiting | Self::Closing => Duration::from_secs(1),
        }
    }
}

/// What happens to a camera.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It was opened; pictures should follow.
    Opened(Identity),
    /// A picture.
    Captured(Box<Capture>),
    /// It is not there (any more), for this reason. Told once for each reason.
    Lost(String),
    /// The recording is over.
    Ended,
    /// It is of no use to go on.
    Failed(String),
}

/// Opens the camera, tells of its pictures, and opens it again when it was lost, until nobody listens any more, a
/// recording is over or trying again does not help.
pub fn follow(camera: &mut impl Camera, pace: &mut impl Pace, listener: &mut impl Listener) {
    let mut told = String::new();
    while !listener.is_gone() {
        listener.enter(Stage::Opening);
        let opened = camera.open();
        listener.enter(Stage::Idle);
        let outcome = match opened {
            Ok(identity) => {
                told.clear();
                match listener.hear(Event::Opened(identity)) {
                    ControlFlow::Break(()) => Outcome::Unheard,
                    ControlFlow::Continue(()) => watch(camera, pace, listener),
                }
            }
            Err(trouble) => trouble.into(),
        };
        listener.enter(Stage::Closing);
        camera.close();
        listener.enter(Stage::Idle);
        match outcome {
            Outcome::Unheard => return,
            Outcome::Over(event) => {
                let _unheard = listener.hear(event);
                return;
            }
            Outcome::Lost(reason) if reason == told => {}
            Outcome::Lost(reason) => {
                told.clone_from(&reason);
                if listener.hear(Event::Lost(reason)).is_break() {
                    return;
                }
            }
        }
        pace.pause(RETRY);
    }
}

/// How a camera came to be closed.
enum Outcome {
    Unheard,
    Over(Event),
    Lost(String),
}

impl From<Trouble> for Outcome {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Passing(reason) => Self::Lost(reason),
            Trouble::Lasting(reason) => Self::Over(Event::Failed(reason)),
        }
    }
}

/// Tells of the pictures of an open camera until it is lost.
fn watch(camera: &mut impl Camera, pace: &impl Pace, listener: &mut impl Listener) -> Outcome {
    let mut since = pace.elapsed();
    let mut limit = FIRST;
    while !listener.is_gone() {
        listener.enter(Stage::Waiting);
        let waited = camera.wait(SLICE);
        listener.enter(Stage::Idle);
        match waited {
            Ok(Some(capture)) => {
                if listener.hear(Event::Captured(Box::new(capture))).is_break() {
                    return Outcome::Unheard;
                }
                since = pace.elapsed();
                limit = STALL;
            }
            Ok(None) if pace.elapsed().saturating_sub(since) < limit => {}
            Ok(None) if camera.is_finite() && limit == STALL => return Outcome::Over(Event::Ended),
            Ok(None) if camera.is_finite() => {
                return Outcome::Over(Event::Failed(
                    "the recording holds no colour images with depth images of the same time"
                        .to_owned(),
                ));
            }
            Ok(None) => {
                return Outcome::Lost(format!(
                    "it has sent no pictures for {} s; was it unplugged?",
                    limit.as_secs()
                ));
            }
            Err(trouble) => return trouble.into(),
        }
    }
    Outcome::Unheard
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::realsense::stamps::{Domain, FrameTime};
    use crate::{Frame, Intrinsics};

    const PERIOD: Duration = Duration::from_millis(33);

    /// A camera whose plug is in during some spans of simulated time, and that takes a while to start.
    struct Plugged {
        now: Rc<Cell<Duration>>,
        plugged: Vec<(u64, u64)>,
        start_ms: u64,
        /// What a wait without the camera does: the library may stay silent, or complain.
        complains: bool,
        opened: Option<u64>,
        opens: usize,
        finite: bool,
        /// It answers, but shows nothing.
        mute: bool,
    }

    impl Plugged {
        fn session(&self) -> Option<u64> {
            let now = u64::try_from(self.now.get().as_millis()).unwrap();
            let inside = |(from, to): &&(u64, u64)| (*from..*to).contains(&now);
            self.plugged.iter().find(inside).map(|(from, _)| *from)
        }
    }

    impl Camera for Plugged {
        fn open(&mut self) -> Result<Identity, Trouble> {
            assert_eq!(self.opened, None, "opened twice");
            self.now
                .set(self.now.get() + Duration::from_millis(self.start_ms));
            self.opened = self.session();
            self.opened
                .map(|_| {
                    self.opens += 1;
                    Identity::default()
                })
                .ok_or_else(|| Trouble::Passing("not plugged in".into()))
        }

        fn wait(&mut self, limit: Duration) -> Result<Option<Capture>, Trouble> {
            assert!(self.opened.is_some(), "waited for a closed camera");
            // A camera that was unplugged and plugged in again is another one to the library.
            if self.mute || self.session() != self.opened {
                self.now.set(self.now.get() + limit);
                return if self.complains {
                    Err(Trouble::Passing("disconnected".into()))
                } else {
                    Ok(None)
                };
            }
            self.now.set(self.now.get() + PERIOD);
            Ok(Some(Capture {
                frame: Frame {
                    size: (1, 1),
                    rgb: vec![0; 3],
                    depth: None,
                },
                intrinsics: Intrinsics::from_hfov(1, 1, 1.0).unwrap(),
                taken: FrameTime {
                    domain: Domain::Camera,
                    milliseconds: 0.0,
                },
            }))
        }

        fn close(&mut self) {
            self.opened = None;
        }

        fn is_finite(&self) -> bool {
            self.finite
        }
    }

    struct Simulated(Rc<Cell<Duration>>);

    impl Pace for Simulated {
        fn elapsed(&self) -> Duration {
            self.0.get()
        }
        fn pause(&mut self, span: Duration) {
            self.0.set(self.0.get() + span);
        }
    }

    struct Diary {
        now: Rc<Cell<Duration>>,
        until: Duration,
        events: Vec<(u64, Event)>,
        stage: Stage,
    }

    impl Listener for Diary {
        fn hear(&mut self, event: Event) -> ControlFlow<()> {
            let now = u64::try_from(self.now.get().as_millis()).unwrap();
            self.events.push((now, event));
            ControlFlow::Continue(())
        }
        fn is_gone(&self) -> bool {
            self.now.get() >= self.until
        }
        fn enter(&mut self, stage: Stage) {
            let begins = self.stage == Stage::Idle;
            assert_eq!(
                begins,
                stage != Stage::Idle,
                "{:?} then {stage:?}",
                self.stage
            );
            self.stage = stage;
        }
    }

    fn run(plugged: &[(u64, u64)], change: impl FnOnce(&mut Plugged)) -> Vec<(u64, Event)> {
        let (events, opens) = run_counting(plugged, change);
        assert!(opens <= plugged.len(), "opened {opens} times");
        events
    }

    fn run_counting(
        plugged: &[(u64, u64)],
        change: impl FnOnce(&mut Plugged),
    ) -> (Vec<(u64, Event)>, usize) {
        let now = Rc::new(Cell::new(Duration::ZERO));
        let mut camera = Plugged {
            now: Rc::clone(&now),
            plugged: plugged.to_vec(),
            start_ms: 300,
            complains: false,
            opened: None,
            opens: 0,
            finite: false,
            mute: false,
        };
        change(&mut camera);
        let mut diary = Diary {
            now: Rc::clone(&now),
            until: Duration::from_secs(20),
            events: Vec::new(),
            stage: Stage::Idle,
        };
        follow(&mut camera, &mut Simulated(now), &mut diary);
        assert_eq!(camera.opened, None, "left open");
        (diary.events, camera.opens)
    }

    fn pictures(events: &[(u64, Event)]) -> Vec<u64> {
        let captured = |(_, event): &&(u64, Event)| matches!(event, Event::Captured(_));
        events.iter().filter(captured).map(|(at, _)| *at).collect()
    }

    #[test]
    fn pictures_are_back_within_2_s_of_the_plug_whenever_that_is() {
        for complains in [false, true] {
            for back in (5_050..9_000).step_by(70) {
                let events = run(&[(0, 5_000), (back, 60_000)], |camera| {
                    camera.complains = complains;
                });
                let times = pictures(&events);
                let first = times.iter().find(|at| **at > back).unwrap();
                assert!(
                    first - back < 2_000,
                    "plugged in at {back}, picture at {first}"
                );
                assert!(*times.last().unwrap() > 19_000);
            }
        }
    }

    #[test]
    fn each_reason_is_told_once_until_it_changes() {
        let events = run(&[(3_000, 6_000), (12_000, 60_000)], |_| {});
        let told: Vec<_> = events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Lost(reason) => Some(reason.as_str()),
                Event::Opened(_) => Some("opened"),
                _ => None,
            })
            .collect();
        let stalled = "it has sent no pictures for 1 s; was it unplugged?";
        let absent = "not plugged in";
        assert_eq!(told, [absent, "opened", stalled, absent, "opened"]);
    }

    #[test]
    fn a_camera_that_shows_nothing_is_opened_again() {
        let (events, opens) = run_counting(&[(0, 60_000)], |camera| camera.mute = true);
        assert!(pictures(&events).is_empty());
        assert!((5..=6).contains(&opens), "{opens}");
    }

    #[test]
    fn a_recording_ends_and_one_without_pictures_is_an_error() {
        let events = run(&[(0, 2_000)], |camera| camera.finite = true);
        assert!(pictures(&events).len() > 40);
        assert_eq!(events.last().unwrap().1, Event::Ended);
        let events = run(&[(0, 2_000)], |camera| {
            camera.finite = true;
            camera.mute = true;
        });
        let last = &events.last().unwrap().1;
        assert!(matches!(last, Event::Failed(reason) if reason.contains("no colour images")));
    }

    #[test]
    fn what_lasts_is_not_tried_again() {
        struct Missing;
        impl Camera for Missing {
            fn open(&mut self) -> Result<Identity, Trouble> {
                Err(Trouble::Lasting("no such file".into()))
            }
            fn wait(&mut self, _: Duration) -> Result<Option<Capture>, Trouble> {
                Ok(None)
            }
            fn close(&mut self) {}
            fn is_finite(&self) -> bool {
                true
            }
        }
        let now = Rc::new(Cell::new(Duration::ZERO));
        let mut diary = Diary {
            now: Rc::clone(&now),
            until: Duration::from_secs(20),
            events: Vec::new(),
            stage: Stage::Idle,
        };
        follow(&mut Missing, &mut Simulated(Rc::clone(&now)), &mut diary);
        assert_eq!(diary.events, [(0, Event::Failed("no such file".into()))]);
    }
}
