//! When a picture was taken, on the node's clock; and which depth belongs to which colour image.

use std::collections::VecDeque;
use std::time::Duration;

use bus::{Time, TimeDelta};

/// Pictures whose transmission is looked back at: the fastest of them tells how the camera's clock lies to the node's.
const WINDOW: usize = 300;
/// A camera's clock that seems to jump by more than this was set anew.
const JUMP: Duration = Duration::from_millis(500);
/// No picture is older than this when it arrives.
const OLDEST: Duration = Duration::from_secs(1);

/// Which clock a time is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// The computer's: milliseconds since the UNIX epoch, of now.
    Computer,
    /// The camera's, or a recording's: milliseconds since some epoch.
    Camera,
}

/// When a picture was taken, as the library has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameTime {
    /// By which clock.
    pub domain: Domain,
    /// Milliseconds since that clock's epoch.
    pub milliseconds: f64,
}

impl FrameTime {
    fn as_time(self) -> Time {
        Time::from_secs_f64(self.milliseconds * 1e-3)
    }
}

/// Turns the times of one camera's pictures into times of the node's clock.
///
/// A time by the computer's clock tells how old the picture is. A camera's own clock only tells spans: there the picture
/// of the last 300 that came fastest counts as having taken no time, so that stamps have the even spacing of the
/// camera's clock, not the uneven one of arrival, and are late by the transmission, some milliseconds.
#[derive(Debug, Default)]
pub struct StampMapper {
    /// Node time minus camera time of the last pictures, on arrival.
    offsets: VecDeque<TimeDelta>,
    last: Option<Time>,
}

impl StampMapper {
    /// The stamp of a picture that was `taken` then and has come in at `arrived` by the node's clock, which was `now` by
    /// the computer's. Never later than `arrived`; each stamp is later than the one before unless the node's clock went
    /// back.
    pub fn stamp(&mut self, taken: FrameTime, arrived: Time, now: Time) -> Time {
        let age = now - taken.as_time();
        let stamp = match (taken.domain, age.to_duration()) {
            (Domain::Computer, Some(age)) if age < OLDEST => arrived - age,
            _ => self.by_offset(taken.as_time(), arrived),
        };
        let stamp = match self.last {
            Some(last) if last < arrived => stamp.max(last + Duration::from_micros(1)),
            _ => stamp,
        };
        let stamp = stamp.min(arrived);
        self.last = Some(stamp);
        stamp
    }

    fn by_offset(&mut self, taken: Time, arrived: Time) -> Time {
        let offset = arrived - taken;
        let jumped = self.offsets.back().is_some_and(|last| {
            (offset.as_nanos().saturating_sub(last.as_nanos())).unsigned_abs() > nanos(JUMP)
        });
        if jumped {
            self.offsets.clear();
        }
        if self.offsets.len() == WINDOW {
            self.offsets.pop_front();
        }
        self.offsets.push_back(offset);
        taken + self.offsets.iter().copied().min().unwrap_or(offset)
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Tells which sets of images to publish: new colour, with depth of the same moment.
///
/// The library hands out a set whenever either stream has something new, the other being the one before.
#[derive(Debug, Default)]
pub struct Pairing {
    last: Option<u64>,
}

impl Pairing {
    /// Whether the set is one to publish, by the number of the colour image, the times of both in milliseconds and the
    /// colour stream's rate in images a second.
    pub fn is_new_pair(&mut self, number: u64, colour_ms: f64, depth_ms: f64, rate: f64) -> bool {
        let is_pair = (colour_ms - depth_ms).abs() <= 500.0 / rate.max(1.0);
        let is_new = self.last != Some(number);
        if is_pair && is_new {
            self.last = Some(number);
        }
        is_pair && is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: f64) -> Time {
        Time::from_secs_f64(milliseconds * 1e-3)
    }

    fn camera(milliseconds: f64) -> FrameTime {
        FrameTime {
            domain: Domain::Camera,
            milliseconds,
        }
    }

    fn computer(milliseconds: f64) -> FrameTime {
        FrameTime {
            domain: Domain::Computer,
            milliseconds,
        }
    }

    #[test]
    fn by_the_computers_clock_the_age_counts_whatever_the_node_s_clock_is() {
        let mut mapper = StampMapper::default();
        // The node's clock may be a simulated one that began at zero.
        let stamp = mapper.stamp(computer(1e12), at(5_000.0), at(1e12 + 40.0));
        assert!((stamp - at(4_960.0)).as_secs_f64().abs() < 1e-6);
    }

    #[test]
    fn a_time_in_the_future_or_far_past_is_not_believed() {
        for wrong in [1e12 + 500.0, 1e12 - 3_600_000.0] {
            let mut mapper = StampMapper::default();
            let stamp = mapper.stamp(computer(wrong), at(5_000.0), at(1e12));
            assert_eq!(stamp, at(5_000.0), "{wrong}");
        }
    }

    #[test]
    fn jitter_of_the_transmission_is_taken_out() {
        let mut mapper = StampMapper::default();
        // Delays that come from a fixed recurrence: 5 to 25 ms.
        let mut delay: f64 = 7.0;
        let mut stamps = Vec::new();
        for i in 0..400 {
            delay = 5.0 + (delay * 7.3 + 3.1) % 20.0;
            let taken = 1_000.0 + 33.333 * f64::from(i);
            let arrived = at(90_000.0 + taken + delay);
            let stamp = mapper.stamp(camera(taken), arrived, arrived);
            assert!(stamp <= arrived);
            stamps.push((stamp - at(90_000.0 + taken)).as_secs_f64() * 1e3);
        }
        for error in &stamps[100..] {
            assert!((5.0..6.0).contains(error), "{error} ms");
        }
    }

    #[test]
    fn drift_of_the_camera_s_clock_is_followed() {
        // 50 ppm fast and slow, over half an hour: 90 ms.
        for drift in [50e-6, -50e-6] {
            let mut mapper = StampMapper::default();
            for i in 0..54_000 {
                let taken = 33.333 * f64::from(i);
                let arrived = at(taken * (1.0 + drift) + 8.0);
                let late = arrived - mapper.stamp(camera(taken), arrived, arrived);
                assert!((0.0..1e-3).contains(&late.as_secs_f64()), "{late:?}");
            }
        }
    }

    #[test]
    fn a_clock_that_was_set_anew_is_taken_up_at_once_and_stamps_go_on() {
        let mut mapper = StampMapper::default();
        let before = mapper.stamp(camera(800_000.0), at(1_000.0), at(1_000.0));
        // Plugged in again, or a recording that begins anew.
        let after = mapper.stamp(camera(30.0), at(1_033.0), at(1_033.0));
        assert!(
            before < after && after == at(1_033.0),
            "{before:?} {after:?}"
        );
        // Two pictures in one burst, and the node's clock set back.
        let burst = mapper.stamp(camera(30.0), at(1_034.0), at(1_034.0));
        assert!(burst > after);
        let back = mapper.stamp(camera(96.0), at(10.0), at(10.0));
        assert_eq!(back, at(10.0));
    }

    #[test]
    fn each_colour_image_is_published_once_and_with_its_own_depth() {
        let mut pairing = Pairing::default();
        let mut accept = |number, colour, depth| pairing.is_new_pair(number, colour, depth, 30.0);
        assert!(accept(1, 1_033.3, 1_033.3));
        assert!(!accept(2, 1_066.6, 1_033.3), "the depth is the one before");
        assert!(accept(2, 1_066.6, 1_070.0));
        assert!(!accept(2, 1_066.6, 1_075.0), "published already");
        assert!(accept(1, 33.3, 33.3), "a recording that begins anew");
    }
}
