//! How it stands, as the page shows it: a few facts in plain words.

use std::collections::{BTreeMap, VecDeque};

use msgs::diagnostic_msgs::DiagnosticStatus;
use serde::Serialize;
use supervisor::machine::State;

/// What the page shows beside the pictures.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Status {
    /// The supervisor's state as on its topic; empty while it has not spoken.
    pub(crate) state: String,
    /// The state in plain words.
    pub(crate) words: String,
    /// Why it is in that state.
    pub(crate) reason: String,
    /// Whether the robot may be moving: no click is taken then.
    pub(crate) moving: bool,
    /// Whether the robot waits for a person who says that the mask is right.
    pub(crate) confirm: bool,
    /// `idle`, `tracking`, `occluded` or `lost`; empty while the segmentation has not spoken.
    pub(crate) target: String,
    /// Score of the target's mask, 0 to 1.
    pub(crate) score: f64,
    /// The prompt that the target was pointed at with.
    pub(crate) prompt: String,
    /// The last click that was refused, and why; with the number of refusals so far, so that one more shows.
    pub(crate) refused: String,
    /// Refused clicks so far.
    pub(crate) refusals: u64,
    /// Age of the newest picture in s, in steps of 0.1; absent before the first.
    pub(crate) picture_age_s: Option<f64>,
    /// The last events, newest last.
    pub(crate) events: VecDeque<Event>,
    /// Optical frame of the pictures.
    #[serde(skip)]
    pub(crate) camera_frame: String,
    /// What ails a driver, by its name; empty when all is well.
    pub(crate) trouble: BTreeMap<String, String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Event {
    /// By the node's clock, s.
    pub(crate) time_s: f64,
    /// Who says so.
    pub(crate) who: String,
    /// `INFO`, `WARN` or `ERROR`.
    pub(crate) level: &'static str,
    /// What.
    pub(crate) words: String,
}

/// Events that the page shows.
const EVENTS: usize = 30;

impl Status {
    /// Adds an event.
    pub(crate) fn happened(&mut self, event: Event) {
        self.events.push_back(event);
        while self.events.len() > EVENTS {
            self.events.pop_front();
        }
    }

    /// Takes a message of `supervisor/state`.
    pub(crate) fn hear_supervisor(&mut self, message: &DiagnosticStatus) {
        let state = State::named(&message.message);
        self.state.clone_from(&message.message);
        self.words = match state {
            Some(state) => state.plain().to_owned(),
            None => message.message.clone(),
        };
        self.moving = state.is_some_and(State::is_moving);
        self.confirm = message.value("confirm") == Some("needed");
        message
            .value("reason")
            .unwrap_or_default()
            .clone_into(&mut self.reason);
    }

    /// Takes a message of `segmentation/status`.
    pub(crate) fn hear_segmentation(&mut self, message: &DiagnosticStatus) {
        if let Some(prompt) = message.value("refused") {
            let reason = message.value("reason").unwrap_or_default();
            let reason = reason.strip_prefix("refused: ").unwrap_or(reason);
            self.refused = format!("{prompt}: {reason}");
            self.refusals += 1;
            return;
        }
        let text = |key| message.value(key).unwrap_or_default();
        self.target.clone_from(&message.message);
        self.score = text("score").parse().unwrap_or(0.0);
        text("prompt").clone_into(&mut self.prompt);
    }

    /// Takes the newest status of a driver.
    pub(crate) fn hear_driver(&mut self, name: &str, message: &DiagnosticStatus) {
        if message.message == "ready" {
            self.trouble.remove(name);
        } else {
            let reason = message.value("reason").unwrap_or_default();
            let words = format!("{} {reason}", message.message);
            self.trouble.insert(name.to_owned(), words);
        }
    }
}

#[cfg(test)]
mod tests {
    use msgs::diagnostic_msgs::KeyValue;

    use super::*;

    fn message(text: &str, values: &[(&str, &str)]) -> DiagnosticStatus {
        DiagnosticStatus {
            message: text.to_owned(),
            values: values
                .iter()
                .map(|(key, value)| KeyValue::new(*key, value))
                .collect(),
            ..DiagnosticStatus::default()
        }
    }

    #[test]
    fn states_are_told_in_words() {
        let mut status = Status::default();
        status.hear_supervisor(&message("failed", &[("reason", "the target is lost")]));
        assert_eq!(status.words, "the grasp failed");
        assert_eq!(status.reason, "the target is lost");
        assert!(!status.moving && !status.confirm);
        status.hear_supervisor(&message("targeted", &[("confirm", "needed")]));
        assert!(status.confirm);
        status.hear_supervisor(&message("lifting", &[]));
        assert!(status.moving);
        status.hear_supervisor(&message("a state of tomorrow", &[]));
        assert_eq!(status.words, "a state of tomorrow");
    }

    #[test]
    fn a_refused_click_leaves_the_target() {
        let mut status = Status::default();
        status.hear_segmentation(&message(
            "tracking",
            &[("score", "0.91"), ("prompt", "click (1, 2)")],
        ));
        let refused = message(
            "tracking",
            &[
                ("refused", "click (9, 9)"),
                ("reason", "refused: that is the table"),
                ("score", "0.000"),
            ],
        );
        status.hear_segmentation(&refused);
        status.hear_segmentation(&refused);
        assert_eq!((status.target.as_str(), status.score), ("tracking", 0.91));
        assert_eq!(status.refused, "click (9, 9): that is the table");
        assert_eq!(status.refusals, 2);
    }

    #[test]
    fn only_drivers_that_are_not_ready_are_trouble() {
        let mut status = Status::default();
        let (ready, faulty) = (
            message("ready", &[]),
            message("fault", &[("reason", "protective stop")]),
        );
        status.hear_driver("arm", &faulty);
        status.hear_driver("hand", &ready);
        assert_eq!(status.trouble["arm"], "fault protective stop");
        assert_eq!(status.trouble.len(), 1);
        status.hear_driver("arm", &ready);
        assert!(status.trouble.is_empty());
    }
}
