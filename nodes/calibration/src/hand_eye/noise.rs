//! How noisy corners and robot are, from the samples themselves.
//!
//! The deviations are those under which what is left over is as large as it should be: for each kind of error the sum of
//! its squares, over how many of them the samples determine (D. MacKay's effective numbers, 1992). So what is stated of
//! the result does not rest on a data sheet.

use super::problem::{Noise, Problem, State};
use crate::bundle::{Minimum, NoMinimum, minimize};

/// Rounds granted to the estimate; it is near its end after five.
const ROUNDS: usize = 15;
/// The estimate has settled when no figure changes by more than this share.
const SETTLED: f64 = 0.01;
/// No robot and no camera is better than this, nor is what the arithmetic makes of it.
const LEAST: Noise = Noise {
    corner_px: 0.005,
    robot_m: 5e-6,
    robot_rad: 5e-6,
};

/// The minimum under the noise that it implies; the problem's noise is where the estimate starts, and ends.
pub(super) fn minimize_with_noise(
    problem: &mut Problem<'_>,
    start: State,
) -> Result<Minimum<State>, NoMinimum> {
    let mut minimum = minimize(problem, start)?;
    for _ in 0..ROUNDS {
        let Some(noise) = implied(problem, &minimum) else {
            break;
        };
        let changes = [
            noise.corner_px / problem.noise.corner_px,
            noise.robot_m / problem.noise.robot_m,
            noise.robot_rad / problem.noise.robot_rad,
        ];
        problem.noise = noise;
        minimum = minimize(problem, minimum.state)?;
        if changes.iter().all(|change| (change - 1.0).abs() < SETTLED) {
            break;
        }
    }
    Ok(minimum)
}

/// `None` when there are too few corners to say.
fn implied(problem: &Problem<'_>, minimum: &Minimum<State>) -> Option<Noise> {
    let (mut shifts, mut turns, mut corners) = (0.0, 0.0, 0.0);
    let (mut known_shifts, mut known_turns, mut corner_count) = (0.0, 0.0, 0.0);
    for (view, covariance) in minimum.own_covariance.iter().enumerate() {
        let weight = problem.weight(&minimum.state, view);
        let error = minimum.state.robot_error(view);
        shifts += weight * error.fixed_rows::<3>(0).norm_squared();
        turns += weight * error.fixed_rows::<3>(3).norm_squared();
        let left = |first: usize, deviation: f64| {
            let variance: f64 = (first..first + 3)
                .map(|axis| covariance[(axis, axis)])
                .sum();
            (3.0 - variance / (deviation * deviation)).max(0.0)
        };
        known_shifts += weight * left(0, problem.noise.robot_m);
        known_turns += weight * left(3, problem.noise.robot_rad);
        let count = problem.views.get(view)?.points.len() as f64;
        corners += weight * count * problem.rms_px(&minimum.state, view)?.powi(2);
        corner_count += weight * 2.0 * count;
    }
    let shared = (12 + problem.extra.count()) as f64;
    let free = corner_count - shared - known_shifts - known_turns;
    (free >= 1.0).then(|| Noise {
        corner_px: (corners / free).sqrt().max(LEAST.corner_px),
        robot_m: root_mean(shifts, known_shifts, problem.noise.robot_m).max(LEAST.robot_m),
        robot_rad: root_mean(turns, known_turns, problem.noise.robot_rad).max(LEAST.robot_rad),
    })
}

/// What the samples say of a deviation; what it was where they say nothing.
fn root_mean(sum: f64, count: f64, before: f64) -> f64 {
    if count < 0.5 {
        before
    } else {
        (sum / count).sqrt()
    }
}

/// A first guess from how far apart robot and camera put the board, which bad samples in the minority do not spoil.
pub(super) fn first_guess(
    differences: impl Iterator<Item = (f64, f64)>,
    view_rms_px: impl Iterator<Item = f64>,
) -> Noise {
    /// Median of the norm of three normal numbers.
    const MEDIAN_NORM: f64 = 1.538;
    let (shifts, turns): (Vec<f64>, Vec<f64>) = differences.unzip();
    Noise {
        // The mean of two squares, along columns and rows.
        corner_px: (median(view_rms_px.collect()) / std::f64::consts::SQRT_2).max(0.02),
        robot_m: (median(shifts) / MEDIAN_NORM).max(1e-4),
        robot_rad: (median(turns) / MEDIAN_NORM).max(1e-4),
    }
}

/// The middle of some numbers; 0 of none.
pub(super) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}
