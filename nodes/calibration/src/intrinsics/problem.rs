//! The least-squares problem: one camera, and a pose of the board for each view.

use camera::Intrinsics;
use nalgebra::{DMatrix, DVector, Isometry3, Matrix6, SMatrix, SVector, Vector6};

use super::IntrinsicsError;
use crate::{
    bundle::{Bundle, OwnTerms, ViewTerms, minimize},
    pose,
    projection::{self, INTRINSIC_COUNT, project},
    robust::corner_loss,
    sample::View,
};

/// The camera, and where it sees the board in each view.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) camera: Intrinsics,
    pub(super) poses: Vec<Isometry3<f64>>,
}

impl State {
    /// Root mean square of the distance between seen and predicted corners of a view, pixels.
    pub(super) fn rms_px(&self, views: &[View], view: usize) -> f64 {
        let (Some(seen), Some(pose)) = (views.get(view), self.poses.get(view)) else {
            return f64::INFINITY;
        };
        let squares = seen.points.iter().map(|(point, pixel)| {
            self.camera
                .project(&(pose * point))
                .map_or(f64::INFINITY, |predicted| {
                    (predicted - pixel).norm_squared()
                })
        });
        (squares.sum::<f64>() / seen.points.len() as f64).sqrt()
    }
}

/// The minimum, and the covariance of the intrinsics there.
pub(super) fn refine(
    start: &State,
    views: &[View],
) -> Result<(State, SMatrix<f64, INTRINSIC_COUNT, INTRINSIC_COUNT>), IntrinsicsError> {
    let mut state = start.clone();
    let mut deviation = 1.0;
    // The robust loss needs to know what is large, which the minimum tells.
    for _ in 0..4 {
        let minimum = minimize(&Problem { views, deviation }, state)?;
        state = minimum.state;
        let corners: usize = views.iter().map(|view| view.points.len()).sum();
        let free = (2 * corners) as f64 - (INTRINSIC_COUNT + 6 * views.len()) as f64;
        let mut squares: Vec<f64> = views
            .iter()
            .enumerate()
            .flat_map(|(place, view)| {
                let (camera, pose) = (state.camera, state.poses.get(place).copied());
                view.points.iter().filter_map(move |(point, pixel)| {
                    Some((camera.project(&(pose? * point)).ok()? - pixel).norm_squared())
                })
            })
            .collect();
        squares.sort_by(f64::total_cmp);
        // The middle of two squared normal numbers' sum is 2 ln 2; what the unknowns took is given back.
        let middle = squares.get(squares.len() / 2).copied().unwrap_or(0.0);
        let given = (2 * corners) as f64 / free.max(1.0);
        deviation = (middle / (2.0 * std::f64::consts::LN_2) * given)
            .sqrt()
            .max(1e-4);
    }
    let minimum = minimize(&Problem { views, deviation }, state)?;
    let covariance = minimum
        .covariance
        .fixed_view::<INTRINSIC_COUNT, INTRINSIC_COUNT>(0, 0)
        .into();
    Ok((minimum.state, covariance))
}

/// Corners of one deviation, the camera shared and a pose for each view.
struct Problem<'a> {
    views: &'a [View],
    deviation: f64,
}

impl Bundle for Problem<'_> {
    type State = State;

    fn shared(&self) -> usize {
        INTRINSIC_COUNT
    }

    fn views(&self) -> usize {
        self.views.len()
    }

    fn linearize(&self, state: &State, view: usize) -> Option<ViewTerms> {
        let pose = state.poses.get(view)?;
        let rotation = pose.rotation.to_rotation_matrix().into_inner();
        let mut shared = SMatrix::<f64, INTRINSIC_COUNT, INTRINSIC_COUNT>::zeros();
        let mut shared_gradient = SVector::<f64, INTRINSIC_COUNT>::zeros();
        let mut cross = SMatrix::<f64, INTRINSIC_COUNT, 6>::zeros();
        let mut own = Matrix6::zeros();
        let mut own_gradient = Vector6::zeros();
        let mut cost = 0.0;
        for (point, pixel) in &self.views.get(view)?.points {
            let seen = project(&state.camera, &(pose * point))?;
            let by_shift = seen.by_point * rotation;
            let mut by_own = SMatrix::<f64, 2, 6>::zeros();
            by_own.fixed_view_mut::<2, 3>(0, 0).copy_from(&by_shift);
            by_own
                .fixed_view_mut::<2, 3>(0, 3)
                .copy_from(&(-by_shift * point.coords.cross_matrix()));
            let residual = (seen.pixel - pixel) / self.deviation;
            let (loss, weight) = corner_loss(residual.norm());
            cost += loss;
            let pull = weight / self.deviation;
            let information = pull / self.deviation;
            shared += seen.by_intrinsics.transpose() * seen.by_intrinsics * information;
            shared_gradient += seen.by_intrinsics.transpose() * residual * pull;
            cross += seen.by_intrinsics.transpose() * by_own * information;
            own += by_own.transpose() * by_own * information;
            own_gradient += by_own.transpose() * residual * pull;
        }
        Some(ViewTerms {
            cost,
            shared: DMatrix::from_column_slice(INTRINSIC_COUNT, INTRINSIC_COUNT, shared.as_slice()),
            shared_gradient: DVector::from_column_slice(shared_gradient.as_slice()),
            own: Some(OwnTerms {
                information: own,
                cross: DMatrix::from_column_slice(INTRINSIC_COUNT, 6, cross.as_slice()),
                gradient: own_gradient,
            }),
        })
    }

    fn stepped(&self, state: &State, shared: &DVector<f64>, own: &[Vector6<f64>]) -> State {
        let poses = state.poses.iter().zip(own).map(|(pose, step)| {
            let mut pose = pose::moved(pose, step);
            pose.rotation.renormalize();
            pose
        });
        State {
            camera: projection::stepped(&state.camera, shared.as_slice()),
            poses: poses.collect(),
        }
    }
}
