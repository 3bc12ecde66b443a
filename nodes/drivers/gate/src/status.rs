use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};

use crate::gate::{Condition, Gate};

impl Gate {
    /// The message for `arm/status`: the condition and its reason, what only the driver knows, and how often the limits
    /// stepped in.
    #[must_use]
    pub fn status(&self, hardware_id: &str, of_the_driver: Vec<KeyValue>) -> DiagnosticStatus {
        let condition = self.condition();
        let report = self.report();
        let mut values = vec![KeyValue::new("reason", self.reason())];
        values.extend(of_the_driver);
        values.extend([
            KeyValue::new("limits_clamped", report.clamped()),
            KeyValue::new("is_stale", self.is_stale()),
            KeyValue::new("refused_not_ready", self.refused_not_ready()),
            KeyValue::new("last_refusal", self.last_refusal()),
        ]);
        let entries = report.entries();
        values.extend(
            entries
                .iter()
                .map(|(name, count)| KeyValue::new(*name, count)),
        );
        DiagnosticStatus {
            level: match condition {
                Condition::Ready => DiagnosticStatus::OK,
                Condition::Inactive | Condition::Starting | Condition::Paused => {
                    DiagnosticStatus::WARN
                }
                Condition::Stopped | Condition::Fault | Condition::Disconnected => {
                    DiagnosticStatus::ERROR
                }
            },
            name: "arm".into(),
            message: condition.name().into(),
            hardware_id: hardware_id.into(),
            values,
        }
    }
}
