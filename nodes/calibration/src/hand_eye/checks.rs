//! Questions that a result has to stand up to.

use nalgebra::{Isometry3, Vector6};

use super::{
    HandEyeError, Seen,
    noise::{median, minimize_with_noise},
    problem::{Extra, Problem, State, mount_from_carrier},
};
use crate::{
    bundle::{Minimum, minimize},
    pose::{distance, step_between, step_isometry},
    sample::Samples,
};

/// Fewer samples than this before or after say nothing of a move between them.
const LEAST_SIDE: usize = 3;
/// Six more unknowns lower the sum of squared deviations by six; by so much only when the camera has moved.
const MOVED: f64 = 45.0;
/// A smaller move is the robot's, or of no account: metres and rad.
const LEAST_MOVE: (f64, f64) = (1e-3, 2e-3);
/// A board is of another size when it is so by this many deviations, and by this share.
const SIZE: (f64, f64) = (5.0, 0.004);

/// Whether the camera stood elsewhere for the first samples than for the last.
pub(super) fn moved(
    samples: &Samples,
    seen: &[Seen],
    problem: &Problem<'_>,
    minimum: &Minimum<State>,
) -> Result<(), HandEyeError> {
    // Where each sample by itself has the camera, as a step from where all of them have it.
    let steps: Vec<_> = seen
        .iter()
        .map(|seen| {
            let mount_from_camera = mount_from_carrier(samples.setup, &seen.view.base_from_flange)
                * minimum.state.carrier_from_board
                * seen.pose.camera_from_board.inverse();
            step_between(&minimum.state.mount_from_camera, &mount_from_camera)
        })
        .collect();
    let middle = |steps: &[Vector6<f64>]| {
        Vector6::from_fn(|axis, _| median(steps.iter().map(|step| step[axis]).collect()))
    };
    // A metre weighs as much as two rad: about what either does to a board half a metre away.
    let spread = |steps: &[Vector6<f64>]| -> f64 {
        let middle = middle(steps);
        steps
            .iter()
            .map(|step| {
                let off = step - middle;
                off.fixed_rows::<3>(0).norm() + 0.5 * off.fixed_rows::<3>(3).norm()
            })
            .sum()
    };
    let split = (LEAST_SIDE..=seen.len().saturating_sub(LEAST_SIDE)).min_by(|a, b| {
        let apart = |at: usize| spread(&steps[..at]) + spread(&steps[at..]);
        apart(*a).total_cmp(&apart(*b))
    });
    let Some(split) = split else {
        return Ok(());
    };
    let (before, after) = (
        step_isometry(&middle(&steps[..split])),
        step_isometry(&middle(&steps[split..])),
    );
    let mut jumping = Problem {
        extra: Extra::Jump(split),
        ..problem.clone()
    };
    let start = State {
        mount_from_camera: minimum.state.mount_from_camera * before,
        jump: before.inv_mul(&after),
        robot_errors: vec![Isometry3::identity(); seen.len()],
        ..minimum.state.clone()
    };
    let Ok(with_jump) = minimize_with_noise(&mut jumping, start) else {
        return Ok(());
    };
    let (shift, turn) = distance(&with_jump.state.jump, &Isometry3::identity());
    if shift < LEAST_MOVE.0 && turn < LEAST_MOVE.1 {
        return Ok(());
    }
    // By the noise that there is if the camera moved.
    let still = Problem {
        extra: Extra::Nothing,
        ..jumping.clone()
    };
    let Ok(without) = minimize(&still, minimum.state.clone()) else {
        return Ok(());
    };
    let agreeing = |problem: &Problem<'_>, state: &State| {
        (0..seen.len())
            .filter(|view| problem.weight(state, *view) > 0.3)
            .count()
    };
    // A few bad samples at the end are bad samples; a move explains each of them.
    let explained =
        agreeing(&jumping, &with_jump.state).saturating_sub(agreeing(&still, &without.state));
    if 2.0 * (without.cost - with_jump.cost) > MOVED && explained >= LEAST_SIDE {
        // Medians find the moment to within a sample or two; the corners know it.
        let nearby =
            split.saturating_sub(2).max(LEAST_SIDE)..=(split + 2).min(seen.len() - LEAST_SIDE);
        let first = nearby
            .filter_map(|first| {
                let problem = Problem {
                    extra: Extra::Jump(first),
                    ..jumping.clone()
                };
                Some((
                    first,
                    minimize(&problem, with_jump.state.clone()).ok()?.cost,
                ))
            })
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(split, |(first, _)| first);
        let sample = samples.samples.get(seen[first].view.index);
        return Err(HandEyeError::Moved {
            sample: sample.map_or_else(String::new, |sample| sample.name.clone()),
            shift,
            turn,
        });
    }
    Ok(())
}

/// Whether the board has the size that its description says.
pub(super) fn size(problem: &Problem<'_>, state: &State) -> Result<(), HandEyeError> {
    let mut scaling = Problem {
        extra: Extra::Scale,
        ..problem.clone()
    };
    let Ok(minimum) = minimize_with_noise(&mut scaling, state.clone()) else {
        return Ok(());
    };
    let scale = minimum.state.scale;
    let deviation = minimum.covariance[(12, 12)].sqrt();
    let off = (scale - 1.0).abs();
    if off > SIZE.0 * deviation && off > SIZE.1 {
        return Err(HandEyeError::WrongSize { scale, deviation });
    }
    Ok(())
}

/// How far a sample's corners are from where all other samples predict them: root mean square, pixels.
pub(super) fn left_out_px(problem: &Problem<'_>, state: &State, place: usize) -> Option<f64> {
    let mut others = problem.clone();
    let left_out = others.views.remove(place);
    let mut start = state.clone();
    start.robot_errors.remove(place);
    let minimum = minimize(&others, start).ok()?;
    let alone = Problem {
        views: vec![left_out],
        ..problem.clone()
    };
    let state = State {
        robot_errors: vec![Isometry3::identity()],
        ..minimum.state
    };
    alone.rms_px(&state, 0)
}
