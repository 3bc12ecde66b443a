//! Timing one thing many times, and another beside it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::report::Quantiles;

/// How long each measurement may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    time: Duration,
}

/// Fewer runs than this say nothing about the tail.
const MIN_RUNS: usize = 20;
/// More runs than this add nothing but memory.
const MAX_RUNS: usize = 20_000;

impl Budget {
    pub(crate) fn new(time: Duration) -> Self {
        Self { time }
    }

    /// How often `work` runs within the budget is how often it is timed; the first runs, which fill caches, are not.
    pub(crate) fn time<T>(&self, mut work: impl FnMut() -> Result<T>) -> Result<Vec<Duration>> {
        for _ in 0..3 {
            std::hint::black_box(work()?);
        }
        let mut runs = Vec::new();
        let end = Instant::now() + self.time;
        while runs.len() < MIN_RUNS || (Instant::now() < end && runs.len() < MAX_RUNS) {
            let start = Instant::now();
            std::hint::black_box(work()?);
            runs.push(start.elapsed());
        }
        Ok(runs)
    }
}

/// What an aim is about.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aim {
    /// The median in milliseconds.
    P50(f64),
    /// The 99th percentile in milliseconds.
    P99(f64),
}

/// One measured thing with its alternatives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Measurement {
    name: String,
    latency_ms: Quantiles,
    #[serde(skip_serializing_if = "Option::is_none")]
    aim: Option<Aim>,
    alternatives: Vec<Alternative>,
}

/// Another way to the same result.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Alternative {
    name: String,
    latency_ms: Quantiles,
}

impl Measurement {
    pub(crate) fn new(name: impl Into<String>, runs: Vec<Duration>) -> Result<Self> {
        Ok(Self::of(name, quantiles(runs)?))
    }

    /// Of what was measured elsewhere.
    pub(crate) fn of(name: impl Into<String>, latency_ms: Quantiles) -> Self {
        Self {
            name: name.into(),
            latency_ms,
            aim: None,
            alternatives: Vec::new(),
        }
    }

    pub(crate) fn aim_p99(mut self, millis: f64) -> Self {
        self.aim = Some(Aim::P99(millis));
        self
    }

    pub(crate) fn aim_p50(mut self, millis: f64) -> Self {
        self.aim = Some(Aim::P50(millis));
        self
    }

    pub(crate) fn beside(mut self, name: impl Into<String>, runs: Vec<Duration>) -> Result<Self> {
        self.alternatives.push(Alternative {
            name: name.into(),
            latency_ms: quantiles(runs)?,
        });
        Ok(self)
    }

    /// The rows of the table: the thing itself, then its alternatives, indented.
    pub(super) fn rows(&self) -> Vec<[String; 5]> {
        let row = |name: String, latency: &Quantiles, aim: String| {
            [
                name,
                format!("{:.3}", latency.p50),
                format!("{:.3}", latency.p99),
                latency.count.to_string(),
                aim,
            ]
        };
        let mut rows = vec![row(self.name.clone(), &self.latency_ms, self.judged())];
        for alternative in &self.alternatives {
            rows.push(row(
                format!("  instead: {}", alternative.name),
                &alternative.latency_ms,
                String::new(),
            ));
        }
        rows
    }

    fn judged(&self) -> String {
        let Some(aim) = self.aim else {
            return String::new();
        };
        let (name, aim, reached) = match aim {
            Aim::P50(aim) => ("p50", aim, self.latency_ms.p50 <= aim),
            Aim::P99(aim) => ("p99", aim, self.latency_ms.p99 <= aim),
        };
        format!(
            "{name} <= {aim} ms: {}",
            if reached { "met" } else { "MISSED" }
        )
    }
}

fn quantiles(runs: Vec<Duration>) -> Result<Quantiles> {
    Quantiles::of(runs).context("nothing was measured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aims_are_judged_and_alternatives_listed() {
        let millis = |n| vec![Duration::from_millis(n); 30];
        let measurement = Measurement::new("a", millis(3))
            .unwrap()
            .aim_p50(2.0)
            .beside("b", millis(9))
            .unwrap();
        let rows = measurement.rows();
        assert_eq!(
            rows[0],
            ["a", "3.000", "3.000", "30", "p50 <= 2 ms: MISSED"]
        );
        assert_eq!(rows[1][0], "  instead: b");
        assert!(Measurement::new("none", Vec::new()).is_err());
    }

    #[test]
    fn work_is_timed_at_least_a_few_times() {
        let budget = Budget::new(Duration::ZERO);
        assert_eq!(budget.time(|| Ok(())).unwrap().len(), MIN_RUNS);
        assert!(
            budget
                .time(|| -> Result<()> { anyhow::bail!("no") })
                .is_err()
        );
    }
}
