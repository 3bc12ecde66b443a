//! The text log: what happens, in words.

use bus::{Node, Qos, Subscription};
use msgs::diagnostic_msgs::DiagnosticStatus;
use re_sdk_types::archetypes::TextLog;
use re_sdk_types::components::TextLogLevel;
use tokio::sync::mpsc;

use super::Log;
use crate::status::Status;

/// Where the journal is in the recording.
pub(super) const PATH: &str = "journal";

/// Writes down what supervisor, segmentation, drivers and people say.
pub(crate) struct Journal {
    supervisor: Subscription<DiagnosticStatus>,
    segmentation: Subscription<DiagnosticStatus>,
    drivers: [(&'static str, Subscription<DiagnosticStatus>); 2],
    people: mpsc::UnboundedReceiver<String>,
    /// The last words of each, so that only news are written down.
    last: [String; 4],
}

impl Journal {
    pub(crate) fn new(node: &Node, people: mpsc::UnboundedReceiver<String>) -> bus::Result<Self> {
        Ok(Self {
            supervisor: node.subscribe("supervisor/state", Qos::latched())?,
            segmentation: node.subscribe("segmentation/status", Qos::reliable(10))?,
            drivers: [
                ("arm", node.subscribe("arm/status", Qos::latched())?),
                ("hand", node.subscribe("hand/status", Qos::latched())?),
            ],
            people,
            last: Default::default(),
        })
    }

    /// Takes in what was said since, for the page and for the log.
    pub(crate) fn listen(&mut self, log: &Log, status: &mut Status) {
        let [last_state, last_target, last_drivers @ ..] = &mut self.last;
        while let Ok(words) = self.people.try_recv() {
            write(log, "page", TextLogLevel::INFO, &words);
        }
        while let Some(message) = self.supervisor.try_next() {
            status.hear_supervisor(&message);
            let words = told(&status.words, &status.reason);
            let level = level(&message);
            write_news(log, "supervisor", level, words, last_state);
        }
        while let Some(message) = self.segmentation.try_next() {
            status.hear_segmentation(&message);
            if message.value("refused").is_some() {
                write(log, "segmentation", TextLogLevel::WARN, &status.refused);
                continue;
            }
            // The score changes with each picture: what is new is the state, and what was pointed at.
            let words = told(
                &message.message,
                message.value("prompt").unwrap_or_default(),
            );
            if words != *last_target {
                let reason = message.value("reason").unwrap_or_default();
                let text = told(&words, reason);
                write(log, "segmentation", level(&message), &text);
                *last_target = words;
            }
        }
        for ((name, subscription), last) in self.drivers.iter().zip(last_drivers) {
            if let Some(message) = subscription.latest() {
                status.hear_driver(name, &message);
                let words = told(
                    &message.message,
                    message.value("reason").unwrap_or_default(),
                );
                write_news(log, name, level(&message), words, last);
            }
        }
    }
}

fn told(what: &str, why: &str) -> String {
    if why.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {why}")
    }
}

fn level(message: &DiagnosticStatus) -> &'static str {
    match message.level {
        DiagnosticStatus::OK => TextLogLevel::INFO,
        DiagnosticStatus::WARN => TextLogLevel::WARN,
        _ => TextLogLevel::ERROR,
    }
}

fn write_news(log: &Log, who: &str, level: &str, words: String, last: &mut String) {
    if words != *last {
        write(log, who, level, &words);
        *last = words;
    }
}

fn write(log: &Log, who: &str, level: &str, words: &str) {
    log.put(
        &format!("{PATH}/{who}"),
        &TextLog::new(words).with_level(level),
    );
}
