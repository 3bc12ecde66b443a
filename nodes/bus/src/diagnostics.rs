//! Rates of topics and latencies of stages, measured while the graph runs.

use crate::{lock, time::Time, topic::Topics};
use msgs::{
    diagnostic_msgs::{DiagnosticArray, DiagnosticStatus, KeyValue},
    std_msgs::Header,
};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Latencies kept per stage; the percentiles speak of these last ones.
const WINDOW: usize = 512;

/// The latency of one stage of one node over its last runs, in wall-clock time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageLatency {
    /// Full name of the node.
    pub node: String,
    /// Name of the stage.
    pub stage: String,
    /// Runs since the start.
    pub count: u64,
    /// Half of the last runs took no longer.
    pub p50: Duration,
    /// 99 of 100 of the last runs took no longer.
    pub p99: Duration,
    /// Longest of the last runs.
    pub max: Duration,
}

/// Measurements of a whole graph.
#[derive(Default)]
pub struct Diagnostics {
    stages: Mutex<BTreeMap<(String, String), Arc<Stage>>>,
    topics: Arc<Topics>,
    last_report: Mutex<BTreeMap<String, (Time, u64)>>,
}

#[derive(Default)]
struct Stage {
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    count: u64,
    last: VecDeque<Duration>,
}

impl Diagnostics {
    pub(crate) fn new(topics: Arc<Topics>) -> Self {
        Self {
            topics,
            ..Self::default()
        }
    }

    pub(crate) fn stage(&self, node: &str, stage: &str) -> StageTimer {
        let mut stages = lock(&self.stages);
        StageTimer {
            stage: Arc::clone(stages.entry((node.into(), stage.into())).or_default()),
        }
    }

    /// The latency of every stage that has run, by node and stage.
    pub fn stages(&self) -> Vec<StageLatency> {
        let stages = lock(&self.stages);
        stages
            .iter()
            .filter_map(|((node, stage), timer)| timer.latency(node, stage))
            .collect()
    }

    /// How long each of the last runs of a stage took, oldest first; empty where there is no such stage.
    pub fn last_runs(&self, node: &str, stage: &str) -> Vec<Duration> {
        let stages = lock(&self.stages);
        let Some(timer) = stages.get(&(node.to_owned(), stage.to_owned())) else {
            return Vec::new();
        };
        let window = lock(&timer.window);
        window.last.iter().copied().collect()
    }

    /// Name, message type and totals of every topic, by name.
    pub fn topics(&self) -> Vec<(String, &'static str, crate::TopicCounts)> {
        self.topics.counts()
    }

    /// The state now as a message; rates are since the report before.
    pub(crate) fn report(&self, now: Time) -> DiagnosticArray {
        let mut status = Vec::new();
        for latency in self.stages() {
            status.push(DiagnosticStatus {
                name: format!("{}: {}", latency.node, latency.stage),
                message: "latency".into(),
                values: vec![
                    KeyValue::new("p50_ms", millis(latency.p50)),
                    KeyValue::new("p99_ms", millis(latency.p99)),
                    KeyValue::new("max_ms", millis(latency.max)),
                    KeyValue::new("count", latency.count),
                ],
                ..DiagnosticStatus::default()
            });
        }
        let mut last_report = lock(&self.last_report);
        for (topic, type_name, counts) in self.topics.counts() {
            let (then, published) = last_report
                .insert(topic.clone(), (now, counts.published))
                .unwrap_or((now, counts.published));
            let span = (now - then).as_secs_f64();
            let rate = if span > 0.0 {
                (counts.published - published) as f64 / span
            } else {
                0.0
            };
            status.push(DiagnosticStatus {
                level: DiagnosticStatus::OK,
                name: format!("topic {topic}"),
                message: "rate".into(),
                hardware_id: String::new(),
                values: vec![
                    KeyValue::new("type", type_name),
                    KeyValue::new("rate_hz", format!("{rate:.2}")),
                    KeyValue::new("published", counts.published),
                    KeyValue::new("dropped", counts.dropped),
                    KeyValue::new("publishers", counts.publishers),
                    KeyValue::new("subscriptions", counts.subscriptions),
                ],
            });
        }
        DiagnosticArray {
            header: Header::new(now, ""),
            status,
        }
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Diagnostics")
            .field("stages", &self.stages())
            .finish_non_exhaustive()
    }
}

impl Stage {
    fn record(&self, latency: Duration) {
        let mut window = lock(&self.window);
        window.count += 1;
        if window.last.len() == WINDOW {
            window.last.pop_front();
        }
        window.last.push_back(latency);
    }

    fn latency(&self, node: &str, stage: &str) -> Option<StageLatency> {
        let (count, mut sorted) = {
            let window = lock(&self.window);
            (window.count, Vec::from_iter(window.last.iter().copied()))
        };
        sorted.sort_unstable();
        Some(StageLatency {
            node: node.into(),
            stage: stage.into(),
            count,
            p50: percentile(&sorted, 50)?,
            p99: percentile(&sorted, 99)?,
            max: *sorted.last()?,
        })
    }
}

/// Nearest-rank percentile of sorted values.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn millis(span: Duration) -> String {
    format!("{:.3}", span.as_secs_f64() * 1e3)
}

/// Measures how long a stage of a node takes, in wall-clock time.
#[derive(Clone)]
pub struct StageTimer {
    stage: Arc<Stage>,
}

impl StageTimer {
    /// Begins a run; it ends when the guard is dropped.
    #[must_use = "the run ends when the guard is dropped; bind it to a name such as _run"]
    pub fn start(&self) -> StageRun {
        StageRun {
            stage: Some(Arc::clone(&self.stage)),
            started: Instant::now(),
        }
    }

    /// Records a run that was measured elsewhere.
    pub fn record(&self, latency: Duration) {
        self.stage.record(latency);
    }
}

impl fmt::Debug for StageTimer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StageTimer")
            .field("latency", &self.stage.latency("", ""))
            .finish()
    }
}

/// A run of a stage under way.
pub struct StageRun {
    stage: Option<Arc<Stage>>,
    started: Instant,
}

impl StageRun {
    /// Time since the run began.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Ends the run without counting it, for example when there was nothing to do.
    pub fn discard(mut self) {
        self.stage = None;
    }
}

impl Drop for StageRun {
    fn drop(&mut self) {
        if let Some(stage) = &self.stage {
            stage.record(self.started.elapsed());
        }
    }
}

impl fmt::Debug for StageRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StageRun")
            .field("elapsed", &self.elapsed())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_last_runs_only() {
        let stage = Stage::default();
        stage.record(Duration::from_secs(100));
        for millis in 1..=WINDOW as u64 {
            stage.record(Duration::from_millis(millis));
        }
        let latency = stage.latency("/node", "stage").unwrap();
        assert_eq!(latency.count, WINDOW as u64 + 1);
        assert_eq!(latency.p50, Duration::from_millis(256));
        assert_eq!(latency.p99, Duration::from_millis(507));
        assert_eq!(latency.max, Duration::from_millis(512));
    }

    #[test]
    fn one_run_is_every_percentile() {
        let one = [Duration::from_millis(3)];
        assert_eq!(percentile(&one, 50), Some(one[0]));
        assert_eq!(percentile(&one, 99), Some(one[0]));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn a_discarded_run_does_not_count() {
        let diagnostics = Diagnostics::default();
        let timer = diagnostics.stage("/node", "stage");
        timer.start().discard();
        assert!(diagnostics.stages().is_empty());
        drop(timer.start());
        assert_eq!(diagnostics.stages().len(), 1);
    }

    #[test]
    fn the_last_runs_are_told_in_order() {
        let diagnostics = Diagnostics::default();
        let timer = diagnostics.stage("/node", "stage");
        let runs = [3, 1, 2].map(Duration::from_millis);
        runs.iter().for_each(|run| timer.record(*run));
        assert_eq!(diagnostics.last_runs("/node", "stage"), runs);
        assert_eq!(diagnostics.last_runs("/node", "other"), []);
    }
}
