//! A run for the lens: what has been covered, and the verdict at the end.

use std::time::Duration;

use bus::{Node, Publisher, Qos, Time};
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};

use super::{NodeError, parameters::Parameters};
use crate::{intrinsics::Judgement, sample::Samples};

/// What has been seen of the lens, and where it is told.
pub(super) struct Lens {
    status: Publisher<DiagnosticStatus>,
    patience: Duration,
    /// When something new was seen last.
    news: Time,
    samples: usize,
    judgement: Option<Judgement>,
}

impl Lens {
    pub(super) fn new(node: &Node, patience_s: f64) -> Result<Self, NodeError> {
        Ok(Self {
            status: node.publisher("~/status", Qos::latched())?,
            patience: Duration::from_secs_f64(patience_s),
            news: node.now(),
            samples: 0,
            judgement: None,
        })
    }

    /// Takes note of what there is by now, and tells it.
    pub(super) fn covers(&mut self, now: Time, samples: &Samples) {
        let judgement = Judgement::of(&samples.camera, &samples.board, &samples.samples);
        self.news = now;
        self.samples = samples.samples.len();
        match samples.samples.last() {
            Some(newest) => tracing::info!(
                "sample {}: {} corners; {judgement}",
                newest.name,
                newest.corners.len()
            ),
            None => tracing::info!("{judgement}"),
        }
        self.judgement = Some(judgement);
        self.tell("");
    }

    /// Tells what is covered, and why the last picture was of no use.
    pub(super) fn tell(&self, problem: &str) {
        let judgement = self.judgement.as_ref();
        let share = judgement.map_or(0.0, |judgement| judgement.coverage.share());
        self.status.publish(DiagnosticStatus {
            level: if problem.is_empty() {
                DiagnosticStatus::OK
            } else {
                DiagnosticStatus::WARN
            },
            name: "calibrate_intrinsics".to_owned(),
            message: judgement.map_or_else(String::new, ToString::to_string),
            values: vec![
                KeyValue::new("samples", self.samples),
                KeyValue::new("coverage", (share * 100.0).round()),
                KeyValue::new("problem", problem),
            ],
            ..DiagnosticStatus::default()
        });
    }

    /// What is to be thought of the samples by now.
    pub(super) fn judgement(&self) -> Option<&Judgement> {
        self.judgement.as_ref()
    }

    /// Whether nothing is missing, the samples are used up, or nothing new has been seen for too long.
    pub(super) fn is_over(&self, now: Time, most: usize) -> bool {
        let judgement = self.judgement.as_ref();
        let is_enough = judgement.is_some_and(|judgement| judgement.verdict().is_ok());
        is_enough || self.samples >= most || now.saturating_since(self.news) > self.patience
    }

    /// The end of a run: the verdict on what the camera says of itself, and the file. `problem` is why the last picture was of
    /// no use.
    pub(super) fn finish(
        &self,
        parameters: &Parameters,
        samples: Option<&Samples>,
        problem: &str,
    ) -> Result<(), NodeError> {
        let no_result = |text: String| {
            let folder = parameters.folder.display();
            let is_used_up =
                samples.is_some_and(|samples| samples.samples.len() >= parameters.most);
            NodeError::NoResult(format!(
                "{text}. Nothing is written; what was taken is kept in {folder}, and {} goes on with it",
                if is_used_up {
                    "a run with more `poses`"
                } else {
                    "another run"
                }
            ))
        };
        let judged = samples
            .filter(|samples| !samples.samples.is_empty())
            .zip(self.judgement.as_ref());
        let Some((samples, judgement)) = judged else {
            return Err(no_result(format!(
                "the board was never seen{}{problem}",
                if problem.is_empty() {
                    ", nor did a picture come: is the camera running?"
                } else {
                    ": "
                }
            )));
        };
        let found = judgement.verdict().map_err(|missing| {
            no_result(format!(
                "{missing}, after {} samples",
                samples.samples.len()
            ))
        })?;
        for (name, reason) in &found.rejected {
            tracing::warn!("sample {name} was left out: {reason}");
        }
        for sentence in found.sentences() {
            tracing::info!("{sentence}");
        }
        let (was, is) = (&found.before, &found.camera);
        tracing::info!(
            "{} Focal length {:.2}, {:.2} px ({:.2}, {:.2} before), principal point {:.2}, {:.2} px ({:.2}, {:.2} before)",
            found.verdict(),
            is.fx,
            is.fy,
            was.fx,
            was.fy,
            is.cx,
            is.cy,
            was.cx,
            was.cy,
        );
        let folder = parameters.folder.display();
        tracing::info!(
            "`grasp_anything calibrate intrinsics {folder} --report lens.html` shows where corners were seen"
        );
        if !parameters.result.is_empty() {
            found.write(&parameters.result, &parameters.serial, false)?;
            tracing::info!("written to {}", parameters.result);
        }
        Ok(())
    }
}
