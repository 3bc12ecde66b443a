//! The angle of a hinge from the orientations of two markers that are glued on anyhow.

use std::collections::BTreeMap;

use nalgebra::{Matrix3, UnitQuaternion, Vector3};

use super::curve::FitError;
use crate::pose::nearest_rotation;

/// Samples within this share of a servo's travel from the end where the joint is straight have it straight.
const END: f64 = 0.01;
/// A joint that turns by less (rad) was not moved.
const LEAST_TURN: f64 = 0.2;

/// The angle of each sample about the one axis that all turns of the joint have in common, rad: 0 where the joint is
/// straight, which is where its servo is open or where it is closed, and negative beyond.
///
/// A sample is the servo's position in ticks and the orientation of the phalanx's marker in that of the phalanx before.
///
/// # Errors
/// When the joint was not moved.
pub fn about_one_axis(
    samples: &BTreeMap<usize, (f64, UnitQuaternion<f64>)>,
    straight_when_open: bool,
) -> Result<BTreeMap<usize, f64>, FitError> {
    let ticks = samples.values().map(|(ticks, _)| *ticks);
    let (low, high) = ticks.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), ticks| {
        (low.min(ticks), high.max(ticks))
    });
    let end = if straight_when_open { high } else { low };
    let at_end = samples
        .values()
        .filter(|(ticks, _)| (end - ticks).abs() <= END * (high - low));
    let sum: Matrix3<f64> = at_end
        .map(|(_, turn)| turn.to_rotation_matrix().into_inner())
        .sum();
    let straight = nearest_rotation(&sum).ok_or(FitError::NotMoved { turn: 0.0 })?;
    let turns: BTreeMap<usize, (f64, Vector3<f64>)> = samples
        .iter()
        .map(|(index, (ticks, turn))| (*index, (*ticks, (turn * straight.inverse()).scaled_axis())))
        .collect();
    let moments: Matrix3<f64> = turns
        .values()
        .map(|(_, turn)| turn * turn.transpose())
        .sum();
    let eigen = moments.symmetric_eigen();
    let mut axis: Vector3<f64> = eigen.eigenvectors.column(eigen.eigenvalues.imax()).into();
    // Negative away from the end where the joint is straight.
    let middle = 0.5 * (low + high);
    let rise: f64 = turns
        .values()
        .map(|(ticks, turn)| turn.dot(&axis) * (ticks - middle))
        .sum();
    if (rise < 0.0) == straight_when_open {
        axis = -axis;
    }
    let angles: BTreeMap<usize, f64> = turns
        .iter()
        .map(|(index, (_, turn))| (*index, turn.dot(&axis)))
        .collect();
    let most = angles
        .values()
        .fold(0.0_f64, |most, angle| most.max(angle.abs()));
    if most < LEAST_TURN {
        return Err(FitError::NotMoved { turn: most });
    }
    Ok(angles)
}
