//! The joint least-squares problem: where the camera and the board are, from every corner at once.
//!
//! A robot is not exactly where its joints say. That error is the same for all corners of a view, so that treating
//! corners as independent would promise too much: each view has the robot's error as six unknowns of its own, held by
//! what is known of the robot's repeatability.

use camera::Intrinsics;
use nalgebra::{DMatrix, DVector, Isometry3, Matrix3, Matrix6, Point3, SMatrix, Vector6};

use crate::{
    bundle::{Bundle, OwnTerms, ViewTerms},
    pose::{self, step_between},
    projection::{self, INTRINSIC_COUNT, project},
    robust::corner_loss,
    sample::{Setup, View},
};

/// Square of the deviations of a robot's error (six numbers) from where on it loses its pull (Cauchy): 99 % of all
/// that are normal are nearer.
const VIEW_LIMIT_SQUARED: f64 = 16.8;

/// How uncertain corners and robot are; each figure is the deviation along one axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Of a corner, in pixels.
    pub corner_px: f64,
    /// Of the flange's place against where the joints put it, in metres.
    pub robot_m: f64,
    /// Of the flange's orientation, in rad.
    pub robot_rad: f64,
}

/// What the problem solves for beside the camera's and the board's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extra {
    /// Nothing.
    Nothing,
    /// The camera's intrinsics.
    Intrinsics,
    /// The factor between the board's true and stated size.
    Scale,
    /// How the camera moved before the view of this number.
    Jump(usize),
}

impl Extra {
    /// How many unknowns that is.
    pub(super) fn count(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Intrinsics => INTRINSIC_COUNT,
            Self::Scale => 1,
            Self::Jump(_) => 6,
        }
    }
}

/// Whether a view that disagrees with all others is to be borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Views {
    /// They are all good: the robot's errors are normal.
    Trusted,
    /// Some may be bad: a large error of the robot counts for little.
    Doubted,
}

/// The problem; see the [module](self).
#[derive(Debug, Clone)]
pub(crate) struct Problem<'a> {
    pub(crate) setup: Setup,
    pub(crate) views: Vec<&'a View>,
    pub(crate) noise: Noise,
    pub(crate) extra: Extra,
    pub(crate) trust: Views,
}

/// A value of all unknowns.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) mount_from_camera: Isometry3<f64>,
    pub(crate) carrier_from_board: Isometry3<f64>,
    pub(crate) camera: Intrinsics,
    /// True size of the board over the stated.
    pub(crate) scale: f64,
    /// From where the camera was to where it moved.
    pub(crate) jump: Isometry3<f64>,
    /// For each view the transform from where the flange is to where the joints put it.
    pub(crate) robot_errors: Vec<Isometry3<f64>>,
}

impl State {
    /// With a robot that is where it says.
    pub(crate) fn new(
        camera: Intrinsics,
        mount_from_camera: Isometry3<f64>,
        carrier_from_board: Isometry3<f64>,
        views: usize,
    ) -> Self {
        Self {
            mount_from_camera,
            carrier_from_board,
            camera,
            scale: 1.0,
            jump: Isometry3::identity(),
            robot_errors: vec![Isometry3::identity(); views],
        }
    }

    /// The robot's error in one view, as translation (m) and rotation vector (rad).
    pub(crate) fn robot_error(&self, view: usize) -> Vector6<f64> {
        self.robot_errors
            .get(view)
            .map_or_else(Vector6::zeros, |error| {
                step_between(&Isometry3::identity(), error)
            })
    }

    /// Where the camera sees the board when the robot is where its joints put it.
    pub(crate) fn camera_from_board(&self, setup: Setup, view: &View) -> Isometry3<f64> {
        self.mount_from_camera.inverse()
            * mount_from_carrier(setup, &view.base_from_flange)
            * self.carrier_from_board
    }
}

/// Where the robot puts what it carries, in the frame that the camera is fixed to.
pub(crate) fn mount_from_carrier(
    setup: Setup,
    base_from_flange: &Isometry3<f64>,
) -> Isometry3<f64> {
    match setup {
        Setup::EyeToHand => *base_from_flange,
        Setup::EyeInHand => base_from_flange.inverse(),
    }
}

impl Problem<'_> {
    /// How many deviations, squared and summed, the robot's error in a view is.
    pub(crate) fn oddness(&self, state: &State, view: usize) -> f64 {
        let error = state.robot_error(view);
        let shift = error.fixed_rows::<3>(0).norm_squared() / self.noise.robot_m.powi(2);
        shift + error.fixed_rows::<3>(3).norm_squared() / self.noise.robot_rad.powi(2)
    }

    /// How much of its pull a view keeps.
    pub(crate) fn weight(&self, state: &State, view: usize) -> f64 {
        match self.trust {
            Views::Trusted => 1.0,
            Views::Doubted => 1.0 / (1.0 + self.oddness(state, view) / VIEW_LIMIT_SQUARED),
        }
    }

    /// Root mean square of the distance between seen and predicted corners of a view, in pixels.
    pub(crate) fn rms_px(&self, state: &State, view: usize) -> Option<f64> {
        let seen = self.views.get(view)?;
        let camera_from_board = self.camera_from_board(state, view)?;
        let mut sum = 0.0;
        for (point, pixel) in &seen.points {
            let point = camera_from_board * (point * state.scale);
            sum += (state.camera.project(&point).ok()? - pixel).norm_squared();
        }
        Some((sum / seen.points.len() as f64).sqrt())
    }

    fn camera_from_board(&self, state: &State, view: usize) -> Option<Isometry3<f64>> {
        Some(self.frames(state, view)?.camera_from_board())
    }

    fn frames(&self, state: &State, view: usize) -> Option<Frames> {
        let error = state.robot_errors.get(view)?;
        let base_from_flange = self.views.get(view)?.base_from_flange * error;
        let jump = matches!(self.extra, Extra::Jump(first) if view >= first).then_some(state.jump);
        Some(Frames {
            camera_from_mount: state.mount_from_camera.inverse(),
            mount_from_carrier: mount_from_carrier(self.setup, &base_from_flange),
            carrier_from_board: state.carrier_from_board,
            jump,
        })
    }
}

/// The chain from a point on the board to the camera, for one view.
struct Frames {
    camera_from_mount: Isometry3<f64>,
    mount_from_carrier: Isometry3<f64>,
    carrier_from_board: Isometry3<f64>,
    jump: Option<Isometry3<f64>>,
}

impl Frames {
    fn camera_from_board(&self) -> Isometry3<f64> {
        let before = self.camera_from_mount * self.mount_from_carrier * self.carrier_from_board;
        self.jump.map_or(before, |jump| jump.inverse() * before)
    }
}

/// Change of a point that is seen from a frame, with a step of that frame in itself.
fn by_step_of_viewer(point: &Point3<f64>) -> SMatrix<f64, 3, 6> {
    let mut by_step = SMatrix::<f64, 3, 6>::zeros();
    by_step
        .fixed_view_mut::<3, 3>(0, 0)
        .copy_from(&-Matrix3::identity());
    by_step
        .fixed_view_mut::<3, 3>(0, 3)
        .copy_from(&point.coords.cross_matrix());
    by_step
}

impl Bundle for Problem<'_> {
    type State = State;

    fn shared(&self) -> usize {
        12 + self.extra.count()
    }

    fn views(&self) -> usize {
        self.views.len()
    }

    fn linearize(&self, state: &State, view: usize) -> Option<ViewTerms> {
        let frames = self.frames(state, view)?;
        let camera_from_board = frames.camera_from_board();
        let turn = |pose: &Isometry3<f64>| pose.rotation.to_rotation_matrix().into_inner();
        let unjump = frames
            .jump
            .map_or_else(Matrix3::identity, |jump| turn(&jump.inverse()));
        let from_board = turn(&camera_from_board);
        let camera_from_carrier = frames.camera_from_mount * frames.mount_from_carrier;
        let from_carrier = unjump * turn(&camera_from_carrier);
        let from_mount = unjump * turn(&frames.camera_from_mount);

        let size = self.shared();
        let mut shared = DMatrix::zeros(size, size);
        let mut shared_gradient = DVector::zeros(size);
        let mut cross = DMatrix::zeros(size, 6);
        let mut own = Matrix6::zeros();
        let mut own_gradient = Vector6::zeros();
        let mut cost = 0.0;
        let mut by_shared = SMatrix::<f64, 2, { 12 + INTRINSIC_COUNT }>::zeros();
        for (point, pixel) in &self.views.get(view)?.points {
            let on_board = point * state.scale;
            let on_carrier = frames.carrier_from_board * on_board;
            let in_camera = camera_from_board * on_board;
            let seen = project(&state.camera, &in_camera)?;

            let before_jump = camera_from_carrier * on_carrier;
            let by_camera = seen.by_point * unjump * by_step_of_viewer(&before_jump);
            by_shared.fixed_view_mut::<2, 6>(0, 0).copy_from(&by_camera);
            let by_board = -(seen.by_point * from_board * by_step_of_viewer(&on_board));
            by_shared.fixed_view_mut::<2, 6>(0, 6).copy_from(&by_board);
            match self.extra {
                Extra::Nothing => {}
                Extra::Intrinsics => by_shared
                    .fixed_view_mut::<2, INTRINSIC_COUNT>(0, 12)
                    .copy_from(&seen.by_intrinsics),
                Extra::Scale => by_shared
                    .fixed_view_mut::<2, 1>(0, 12)
                    .copy_from(&(seen.by_point * from_board * point.coords)),
                Extra::Jump(_) if frames.jump.is_some() => by_shared
                    .fixed_view_mut::<2, 6>(0, 12)
                    .copy_from(&(seen.by_point * by_step_of_viewer(&in_camera))),
                Extra::Jump(_) => {}
            }
            let by_own = match self.setup {
                Setup::EyeToHand => {
                    -(seen.by_point * from_carrier * by_step_of_viewer(&on_carrier))
                }
                Setup::EyeInHand => {
                    let on_mount = frames.mount_from_carrier * on_carrier;
                    seen.by_point * from_mount * by_step_of_viewer(&on_mount)
                }
            };

            let residual = (seen.pixel - pixel) / self.noise.corner_px;
            let (loss, weight) = corner_loss(residual.norm());
            cost += loss;
            // The derivatives are per pixel, the residual in deviations.
            let pull = weight / self.noise.corner_px;
            let information = pull / self.noise.corner_px;
            let by_shared = by_shared.columns(0, size);
            let residual = residual * pull;
            shared.gemm_tr(information, &by_shared, &by_shared, 1.0);
            shared_gradient.gemv_tr(1.0, &by_shared, &residual, 1.0);
            cross.gemm_tr(information, &by_shared, &by_own, 1.0);
            own.gemm_tr(information, &by_own, &by_own, 1.0);
            own_gradient.gemv_tr(1.0, &by_own, &residual, 1.0);
        }

        let weight = self.weight(state, view);
        cost += match self.trust {
            Views::Trusted => 0.5 * self.oddness(state, view),
            Views::Doubted => -0.5 * VIEW_LIMIT_SQUARED * weight.ln(),
        };
        let error = state.robot_error(view);
        let precision = [self.noise.robot_m, self.noise.robot_rad]
            .map(|deviation| weight / (deviation * deviation));
        // A step moves the error's origin along its own axes.
        let by_shift = turn(state.robot_errors.get(view)?);
        let pull = by_shift.transpose() * error.fixed_rows::<3>(0) * precision[0];
        for axis in 0..3 {
            own[(axis, axis)] += precision[0];
            own[(axis + 3, axis + 3)] += precision[1];
            own_gradient[axis] += pull[axis];
            own_gradient[axis + 3] += error[axis + 3] * precision[1];
        }
        Some(ViewTerms {
            cost,
            shared,
            shared_gradient,
            own: Some(OwnTerms {
                information: own,
                cross,
                gradient: own_gradient,
            }),
        })
    }

    fn stepped(&self, state: &State, shared: &DVector<f64>, own: &[Vector6<f64>]) -> State {
        let part = |first: usize| Vector6::from_fn(|row, _| shared[first + row]);
        let mut next = state.clone();
        next.mount_from_camera = pose::moved(&state.mount_from_camera, &part(0));
        next.carrier_from_board = pose::moved(&state.carrier_from_board, &part(6));
        match self.extra {
            Extra::Nothing => {}
            Extra::Intrinsics => {
                next.camera =
                    projection::stepped(&state.camera, shared.rows(12, INTRINSIC_COUNT).as_slice());
            }
            Extra::Scale => next.scale += shared[12],
            Extra::Jump(_) => next.jump = pose::moved(&state.jump, &part(12)),
        }
        for (error, step) in next.robot_errors.iter_mut().zip(own) {
            *error = pose::moved(error, step);
            error.rotation.renormalize();
        }
        // Products of many rotations drift off the unit sphere.
        next.mount_from_camera.rotation.renormalize();
        next.carrier_from_board.rotation.renormalize();
        next
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::{Point2, Vector3};

    use super::*;
    use crate::board::Board;

    #[test]
    fn gradients_agree_with_differences() {
        let board = Board::MarkerGrid {
            dictionary: String::new(),
            columns: 2,
            rows: 2,
            marker_m: 0.05,
            gap_m: 0.02,
            first_id: 0,
        };
        let distortion = camera::Distortion::from([-0.05, 0.06, -0.001, 0.002, -0.01]);
        let camera = Intrinsics::new(848, 480, (447.0, 447.0), (424.0, 240.0), distortion).unwrap();
        for setup in [Setup::EyeToHand, Setup::EyeInHand] {
            let mount_from_camera =
                pose::step_isometry(&Vector6::new(0.1, 0.2, 0.3, 0.4, -0.8, 0.2));
            let carrier_from_board =
                pose::step_isometry(&Vector6::new(-0.1, 0.05, 0.1, 0.1, 0.2, -0.4));
            let camera_from_board =
                pose::step_isometry(&Vector6::new(0.03, -0.02, 0.6, 0.3, -0.2, 0.5));
            let chain = mount_from_camera * camera_from_board * carrier_from_board.inverse();
            let base_from_flange = mount_from_carrier(setup, &chain);
            let points = board
                .corners()
                .into_values()
                .map(|point| {
                    (
                        point,
                        camera.project(&(camera_from_board * point)).unwrap()
                            + Vector3::new(0.4, -0.3, 0.0).xy(),
                    )
                })
                .map(|(point, pixel)| (point, Point2::new(pixel.x, pixel.y)))
                .collect();
            let view = View {
                index: 0,
                base_from_flange,
                points,
            };
            for extra in [
                Extra::Nothing,
                Extra::Intrinsics,
                Extra::Scale,
                Extra::Jump(0),
            ] {
                let problem = Problem {
                    setup,
                    views: vec![&view],
                    noise: Noise {
                        corner_px: 0.2,
                        robot_m: 1e-3,
                        robot_rad: 1e-3,
                    },
                    extra,
                    trust: Views::Trusted,
                };
                let mut state = State::new(camera, mount_from_camera, carrier_from_board, 1);
                state.robot_errors[0] =
                    pose::step_isometry(&Vector6::new(1e-4, 2e-4, -1e-4, 1e-4, 3e-4, 1e-4));
                state.jump =
                    pose::step_isometry(&Vector6::new(1e-3, 2e-4, -1e-4, 1e-3, 3e-4, 1e-4));
                let here = problem.linearize(&state, 0).unwrap();
                let size = problem.shared();
                let own = here.own.unwrap();
                for index in 0..size + 6 {
                    let h = 1e-7;
                    let cost = |step: f64| {
                        let mut shared = DVector::zeros(size);
                        let mut own = Vector6::zeros();
                        if index < size {
                            shared[index] = step;
                        } else {
                            own[index - size] = step;
                        }
                        problem
                            .linearize(&problem.stepped(&state, &shared, &[own]), 0)
                            .unwrap()
                            .cost
                    };
                    let slope = (cost(h) - cost(-h)) / (2.0 * h);
                    let told = if index < size {
                        here.shared_gradient[index]
                    } else {
                        own.gradient[index - size]
                    };
                    assert!(
                        (slope - told).abs() < 1e-2 + 1e-3 * told.abs(),
                        "{setup:?} {extra:?} {index}: {slope} {told}"
                    );
                }
            }
        }
    }
}
