//! Success rates with their uncertainty, and latencies as quantiles.

use std::time::Duration;

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
}
