//! Says how the camera is: on `camera/status`, on `/diagnostics` and in the log.

use std::collections::VecDeque;

use bus::{BusError, Node, Publisher, Qos, Time};
use msgs::diagnostic_msgs::{DiagnosticArray, DiagnosticStatus, KeyValue};
use msgs::std_msgs::Header;

use super::camera::Identity;

/// Pictures over which the rate is taken.
const RATE_WINDOW: usize = 60;

/// What is known of the camera, and where it is told.
pub(super) struct Reporter {
    node: Node,
    status: Publisher<DiagnosticStatus>,
    diagnostics: Publisher<DiagnosticArray>,
    identity: Identity,
    /// Why there are no pictures.
    trouble: Option<String>,
    openings: u64,
    pictures: u64,
    stamps: VecDeque<Time>,
}

impl Reporter {
    pub(super) fn new(node: &Node) -> Result<Self, BusError> {
        Ok(Self {
            status: node.publisher("camera/status", Qos::latched())?,
            diagnostics: node.publisher("/diagnostics", Qos::reliable(10))?,
            node: node.clone(),
            identity: Identity::default(),
            trouble: Some("looking for the camera".to_owned()),
            openings: 0,
            pictures: 0,
            stamps: VecDeque::new(),
        })
    }

    pub(super) fn opened(&mut self, identity: Identity) {
        let Identity {
            model, serial, usb, ..
        } = &identity;
        tracing::info!("opened {model} {serial} {usb}");
        self.identity = identity;
        self.trouble = Some("starting".to_owned());
        self.openings += 1;
        self.stamps.clear();
        self.report();
    }

    pub(super) fn captured(&mut self, stamp: Time) {
        self.pictures += 1;
        if self.stamps.len() == RATE_WINDOW {
            self.stamps.pop_front();
        }
        self.stamps.push_back(stamp);
        if self.trouble.take().is_some() {
            self.report();
        }
    }

    pub(super) fn lost(&mut self, reason: String) {
        tracing::warn!("no pictures: {reason}; trying again");
        self.trouble = Some(reason);
        self.stamps.clear();
        self.report();
    }

    /// Nobody wants pictures.
    pub(super) fn rest(&mut self, reason: String) {
        self.trouble = Some(reason);
        self.stamps.clear();
        self.report();
    }

    /// Images a second, by the stamps of the last ones.
    fn rate(&self) -> f64 {
        match (self.stamps.front(), self.stamps.back()) {
            (Some(first), Some(last)) if last > first => {
                (self.stamps.len() - 1) as f64 / (*last - *first).as_secs_f64()
            }
            _ => 0.0,
        }
    }

    pub(super) fn report(&self) {
        let Identity {
            model,
            serial,
            firmware,
            usb,
        } = &self.identity;
        // USB 2 carries less than a full picture with depth; it shows as a low rate or as no pictures.
        let (level, message) = match &self.trouble {
            Some(reason) => (DiagnosticStatus::ERROR, reason.as_str()),
            None if usb.starts_with('2') => (
                DiagnosticStatus::WARN,
                "is connected by USB 2, which is too slow for large pictures; use a USB 3 port and its own cable",
            ),
            None => (DiagnosticStatus::OK, "sends pictures"),
        };
        let status = DiagnosticStatus {
            level,
            name: "camera".to_owned(),
            message: message.to_owned(),
            hardware_id: serial.clone(),
            values: vec![
                KeyValue::new("model", model),
                KeyValue::new("firmware", firmware),
                KeyValue::new("usb", usb),
                KeyValue::new("rate_hz", format!("{:.1}", self.rate())),
                KeyValue::new("pictures", self.pictures),
                KeyValue::new("openings", self.openings),
            ],
        };
        self.diagnostics.publish(DiagnosticArray {
            header: Header::new(self.node.now(), ""),
            status: vec![status.clone()],
        });
        self.status.publish(status);
    }
}
