//! Watching a grasp to its end, and what is kept of it.

use std::time::Duration;

use super::{Event, Object, Truth, User, UserError};

/// The rise from which an object counts as lifted, metres.
const LIFTED_M: f64 = 0.05;

/// When watching ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// After this time from the start of the grasp.
    After(Duration),
    /// When the supervisor has held the object for `hold`, or has failed; at the latest after `limit`.
    Outcome { hold: Duration, limit: Duration },
}

/// What is kept of a grasp.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Episode {
    /// The object's name.
    pub(crate) object: String,
    number: usize,
    start: [f64; 3],
    /// Where the object was last, in `base_link`, metres.
    pub(crate) end: [f64; 3],
    /// The highest that it was above its start, metres.
    pub(crate) highest_rise_m: f64,
    /// The supervisor's last state and reason.
    pub(crate) state: String,
    pub(crate) reason: String,
    /// Why there was no grasp, or why the episode broke off.
    pub(crate) trouble: Option<String>,
    /// The state of the world at every picture.
    pub(crate) hashes: Vec<String>,
}

impl Episode {
    pub(super) fn new(number: usize, object: &Object, truth: &Truth) -> Self {
        let mut episode = Self {
            object: object.name.clone(),
            number,
            start: object.position,
            end: object.position,
            highest_rise_m: 0.0,
            state: String::new(),
            reason: String::new(),
            trouble: None,
            hashes: Vec::new(),
        };
        episode.see(truth);
        episode
    }

    /// How far the object is above its start, metres.
    pub(crate) fn rise_m(&self) -> f64 {
        self.end[2] - self.start[2]
    }

    /// Whether the object is lifted now.
    pub(crate) fn is_lifted(&self) -> bool {
        self.rise_m() >= LIFTED_M
    }

    /// Whether the object was lifted at any time.
    pub(crate) fn was_lifted(&self) -> bool {
        self.highest_rise_m >= LIFTED_M
    }

    /// Whether the supervisor says that the object is held.
    pub(crate) fn is_said_to_be_held(&self) -> bool {
        self.state == "holding"
    }

    /// Takes in what the simulator knows.
    pub(super) fn see(&mut self, truth: &Truth) {
        self.hashes.push(truth.state_hash.clone());
        if let Some(object) = truth.objects.get(self.number) {
            self.end = object.position;
            self.highest_rise_m = self.highest_rise_m.max(self.rise_m());
        }
        if let Some(broken) = &truth.broken {
            self.trouble.get_or_insert_with(|| broken.clone());
        }
    }

    /// Takes in what the supervisor says; whether it is news.
    pub(super) fn hear(&mut self, state: &str, reason: &str) -> bool {
        let news = self.state != state || self.reason != reason;
        state.clone_into(&mut self.state);
        reason.clone_into(&mut self.reason);
        news
    }
}

impl User {
    /// Watches the grasp that was asked for.
    pub(super) async fn watch(
        &self,
        until: Until,
        episode: &mut Episode,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), UserError> {
        let start = self.node.now();
        let mut held_since = None;
        loop {
            let truth = self.look().await?;
            episode.see(&truth);
            self.hear(episode, tell);
            let now = self.node.now();
            let elapsed = now.saturating_since(start);
            let over = match until {
                Until::After(time) => elapsed >= time,
                Until::Outcome { hold, limit } => {
                    let since = held_since.get_or_insert(now);
                    if !episode.is_said_to_be_held() {
                        *since = now;
                    }
                    episode.state == "failed"
                        || now.saturating_since(*since) >= hold
                        || elapsed >= limit
                }
            };
            if over || episode.trouble.is_some() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(z: f64) -> Truth {
        let object = Object {
            name: "mug".to_owned(),
            position: [0.0, 0.0, z],
            ..Object::default()
        };
        Truth {
            objects: vec![object],
            state_hash: format!("{z}"),
            broken: None,
        }
    }

    #[test]
    fn an_episode_knows_what_was_lifted_and_dropped() {
        let mut episode = Episode::new(0, &truth(0.04).objects[0], &truth(0.04));
        episode.see(&truth(0.20));
        assert!(episode.is_lifted() && episode.was_lifted());
        episode.see(&truth(0.05));
        assert!(!episode.is_lifted() && episode.was_lifted());
        assert_eq!(episode.hashes, ["0.04", "0.2", "0.05"]);
        episode.see(&Truth {
            broken: Some("object 0 fell".to_owned()),
            ..truth(0.0)
        });
        assert_eq!(episode.trouble.as_deref(), Some("object 0 fell"));
    }

    #[test]
    fn only_changes_are_news() {
        let mut episode = Episode::new(0, &truth(0.0).objects[0], &truth(0.0));
        assert!(episode.hear("approaching", ""));
        assert!(!episode.hear("approaching", ""));
        assert!(episode.hear("failed", "the target is lost"));
    }
}
