//! Closing the hand until it feels the object, and keeping hold of it.

use super::hand::{FINGERS, HandGeometry, Pinch, THUMB, Ticks};
use super::settings::Settings;

/// The hand while it closes and holds.
///
/// The thumb goes a little beyond where it should touch and stays: the fixed jaw. Each finger closes while it feels less
/// than enough, and stays when it does; so that soft, slipping or badly seen objects are followed, and hard ones are not
/// squeezed out.
#[derive(Debug, Clone)]
pub(super) struct Grip {
    /// Where the servos are to be.
    pub(super) ticks: Ticks,
    thumb_goal: f64,
    /// Where the fingers touch what was planned.
    contact: Ticks,
    used: [bool; 3],
    length: f64,
}

impl Grip {
    /// Before closing.
    pub(super) fn new(pinch: &Pinch) -> Self {
        Self {
            ticks: pinch.preshape,
            thumb_goal: pinch.contact[THUMB],
            contact: pinch.contact,
            used: pinch.span.used,
            length: pinch.span.length,
        }
    }

    /// One control step; whether every finger has enough, or cannot close further.
    pub(super) fn close(
        &mut self,
        load: &[f64; 5],
        geometry: &HandGeometry,
        settings: &Settings,
        step_s: f64,
    ) -> bool {
        let most = settings.closing_speed * step_s;
        let thumb_goal = (self.thumb_goal
            - settings.by_length(self.length, settings.thumb_squeeze_ticks))
        .max(geometry.closed()[THUMB]);
        let thumb = &mut self.ticks[THUMB];
        *thumb += (thumb_goal - *thumb).clamp(-most, most);
        let enough = settings.by_length(self.length, settings.finger_load);
        let mut all_have = *thumb == thumb_goal;
        for (servo, used) in FINGERS.into_iter().zip(self.used) {
            // A finger that far beyond has missed the object: curled up further it would only push the others away.
            let closed =
                (self.contact[servo] - settings.overclosing_ticks).max(geometry.closed()[servo]);
            if used && load[servo] < enough && self.ticks[servo] > closed {
                self.ticks[servo] = (self.ticks[servo] - most).max(closed);
                all_have = false;
            }
        }
        all_have
    }
}
