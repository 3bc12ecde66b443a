//! Success rates with their uncertainty, and latencies as quantiles.

use std::{collections::BTreeMap, time::Duration};

use bus::StageLatency;
use serde::Serialize;

/// The Wilson score interval of a success rate, at 95 %.
///
/// Unlike the usual normal approximation it stays within 0 and 1 and is right for rates close to them.
#[expect(
    clippy::cast_precision_loss,
    reason = "episodes are far fewer than 2^53"
)]
pub(crate) fn wilson_95(successes: usize, trials: usize) -> [f64; 2] {
    const Z: f64 = 1.959_963_984_540_054;
    if trials == 0 {
        return [0.0, 1.0];
    }
    let n = trials as f64;
    let rate = successes as f64 / n;
    let center = rate + Z * Z / (2.0 * n);
    let spread = Z * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    [
        ((center - spread) / scale).max(0.0),
        ((center + spread) / scale).min(1.0),
    ]
}

/// How long something took, over many runs, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Quantiles {
    /// Half of the runs took no longer.
    pub(crate) p50: f64,
    /// 99 of 100 runs took no longer.
    pub(crate) p99: f64,
    /// How many runs there were.
    pub(crate) count: u64,
}

impl Quantiles {
    /// Of all runs; `None` where there are none.
    pub(crate) fn of(mut runs: Vec<Duration>) -> Option<Self> {
        runs.sort_unstable();
        let at = |percent: usize| {
            let rank = (runs.len() * percent).div_ceil(100).max(1);
            runs.get(rank - 1).map(|run| run.as_secs_f64() * 1e3)
        };
        Some(Self {
            p50: at(50)?,
            p99: at(99)?,
            count: runs.len() as u64,
        })
    }
}

impl From<&StageLatency> for Quantiles {
    fn from(stage: &StageLatency) -> Self {
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        Self {
            p50: millis(stage.p50),
            p99: millis(stage.p99),
            count: stage.count,
        }
    }
}

/// How many runs took how long, in bins of equal width in the logarithm: of the same size however many runs there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LatencyHistogram {
    counts: BTreeMap<i32, u64>,
}

impl LatencyHistogram {
    /// A bin is a quarter longer than the one before it.
    const BINS_PER_DECADE: f64 = 10.0;

    pub(crate) fn add(&mut self, runs: &[Duration]) {
        for run in runs {
            // No clock tells less than a nanosecond.
            let millis = run.as_secs_f64().max(1e-9) * 1e3;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the logarithm of a duration is small"
            )]
            let bin = (millis.log10() * Self::BINS_PER_DECADE).floor() as i32;
            *self.counts.entry(bin).or_default() += 1;
        }
    }

    /// Each bin in which there are runs: from and to, in milliseconds, and the share of all runs.
    #[expect(clippy::cast_precision_loss, reason = "runs are far fewer than 2^53")]
    pub(crate) fn bins(&self) -> impl Iterator<Item = ([f64; 2], f64)> {
        let all: u64 = self.counts.values().sum();
        let edge = |bin: i32| 10_f64.powf(f64::from(bin) / Self::BINS_PER_DECADE);
        self.counts.iter().map(move |(bin, count)| {
            (
                [edge(*bin), edge(bin + 1)],
                *count as f64 / all.max(1) as f64,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_agrees_with_published_figures() {
        // Agresti and Coull (1998): 0 of 20 gives 0 to 0.161; 10 of 10 mirrors 0 of 10 with 0.7225.
        let [low, high] = wilson_95(0, 20);
        assert!(
            low.abs() < 1e-12 && (high - 0.1611).abs() < 1e-4,
            "{low} {high}"
        );
        let [low, high] = wilson_95(10, 10);
        assert!(
            (low - 0.7225).abs() < 1e-4 && (high - 1.0).abs() < 1e-12,
            "{low} {high}"
        );
        let [low, high] = wilson_95(48, 60);
        assert!(
            (low - 0.6822).abs() < 1e-3 && (high - 0.8817).abs() < 1e-3,
            "{low} {high}"
        );
        assert_eq!(wilson_95(0, 0), [0.0, 1.0]);
    }

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let runs = (1..=200).rev().map(Duration::from_millis).collect();
        let quantiles = Quantiles::of(runs).unwrap();
        assert_eq!(
            (quantiles.p50, quantiles.p99, quantiles.count),
            (100.0, 198.0, 200)
        );
        assert_eq!(Quantiles::of(Vec::new()), None);
    }

    #[test]
    fn every_run_is_in_the_bin_that_holds_it() {
        let mut histogram = LatencyHistogram::default();
        histogram.add(&[0, 1, 2_000, 2_000, 700_000_000].map(Duration::from_micros));
        let bins: Vec<_> = histogram.bins().collect();
        assert_eq!(bins.len(), 4, "{bins:?}");
        for (([low, high], share), (millis, wanted)) in
            bins.iter()
                .zip([(1e-6, 0.2), (1e-3, 0.2), (2.0, 0.4), (7e5, 0.2)])
        {
            assert!(
                *low <= millis * 1.000_001 && millis < *high,
                "{low} {millis} {high}"
            );
            assert!((share - wanted).abs() < 1e-12);
        }
        assert_eq!(LatencyHistogram::default().bins().count(), 0);
    }
}
