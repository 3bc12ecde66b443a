//! The text log: what happens, in words.

use bus::{Node, Qos, Subscription, Time};
use msgs::diagnostic_msgs::DiagnosticStatus;
use re_sdk_types::archetypes::TextLog;
use re_sdk_types::components::TextLogLevel;
use tokio::sync::mpsc;

use super::Log;
use crate::status::{Event, Status};

/// Where the journal is in the recording.
const PATH: &str = "journal";

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
    pub(crate) fn listen(&mut self, now: Time, log: &Log, status: &mut Status) {
        let mut pen = Pen { now, log, status };
        let [last_state, last_target, last_drivers @ ..] = &mut self.last;
        while let Ok(words) = self.people.try_recv() {
            pen.write("page", TextLogLevel::INFO, words);
        }
        while let Some(message) = self.supervisor.try_next() {
            pen.status.hear_supervisor(&message);
            let words = told(&pen.status.words, &pen.status.reason);
            pen.write_news("supervisor", level(&message), words, last_state);
        }
        while let Some(message) = self.segmentation.try_next() {
            pen.status.hear_segmentation(&message);
            if message.value("refused").is_some() {
                let refused = pen.status.refused.clone();
                pen.write("segmentation", TextLogLevel::WARN, refused);
                continue;
            }
            // The score changes with each picture: what is new is the state, and what was pointed at.
            let prompt = message.value("prompt").unwrap_or_default();
            let words = told(&message.message, prompt);
            if words != *last_target {
                let reason = message.value("reason").unwrap_or_default();
                pen.write("segmentation", level(&message), told(&words, reason));
                *last_target = words;
            }
        }
        for ((name, subscription), last) in self.drivers.iter().zip(last_drivers) {
            if let Some(message) = subscription.latest() {
                pen.status.hear_driver(name, &message);
                let reason = message.value("reason").unwrap_or_default();
                let words = told(&message.message, reason);
                pen.write_news(name, level(&message), words, last);
            }
        }
    }
}

/// What is written with: into the recording, and for the page.
struct Pen<'a> {
    now: Time,
    log: &'a Log,
    status: &'a mut Status,
}

impl Pen<'_> {
    fn write_news(&mut self, who: &str, level: &'static str, words: String, last: &mut String) {
        if words != *last {
            last.clone_from(&words);
            self.write(who, level, words);
        }
    }

    fn write(&mut self, who: &str, level: &'static str, words: String) {
        let line = TextLog::new(words.as_str()).with_level(level);
        self.log.put(&format!("{PATH}/{who}"), &line);
        self.status.happened(Event {
            time_s: self.now.as_secs_f64(),
            who: who.to_owned(),
            level,
            words,
        });
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
