//! What is known of camera and board while samples are still being taken, and what one more would tell.
//!
//! The same joint problem that [`calibrate`](super::calibrate) solves, held by a rough first guess of where the camera is:
//! so it has an answer from the first sample on, and says how far to trust it.

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector, Isometry3, Matrix6, Point2, Point3, Vector6};

use super::{
    HandEye, SampleOutcome, look,
    problem::{Extra, Noise, Problem, State, Views, mount_from_carrier},
};
use crate::{
    bundle::{Bundle, ViewTerms, minimize},
    pose::step_between,
    sample::{Samples, View},
};

/// What somebody with a tape measure says of the camera's place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guess {
    /// The camera's optical frame in the frame that it is fixed to.
    pub mount_from_camera: Isometry3<f64>,
    /// Standard deviation of its position along each axis, metres.
    pub position_m: f64,
    /// Standard deviation of its orientation about each axis, rad.
    pub orientation_rad: f64,
}

/// Noise to reckon with before the samples tell: a corner of a good picture, and a robot by its data sheet.
const USUAL: Noise = Noise {
    corner_px: 0.3,
    robot_m: 1e-3,
    robot_rad: 2e-3,
};
/// A few samples may agree by chance; no robot and no camera is better than this.
const LEAST: Noise = Noise {
    corner_px: 0.1,
    robot_m: 1e-4,
    robot_rad: 2e-4,
};

/// What is believed.
#[derive(Debug, Clone)]
pub struct Belief {
    samples: Samples,
    state: State,
    noise: Noise,
    information: DMatrix<f64>,
    covariance: DMatrix<f64>,
}

/// What a sample at some pose would tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Promise {
    /// How much smaller the logarithm of the determinant of the covariance of the camera's pose would be.
    pub gain: f64,
    /// How far corners may be from where they are expected, pixels (root mean square).
    pub uncertainty_px: f64,
}

impl Belief {
    /// From samples, and what [`calibrate`](super::calibrate) makes of them when it makes anything.
    ///
    /// `None` without any sample that shows the board, and where the samples contradict each other altogether.
    #[must_use]
    pub fn new(samples: &Samples, guess: &Guess, found: Option<&HandEye>) -> Option<Self> {
        let board = samples.board.corners();
        let is_rejected = |name: &str| {
            let outcomes = found.map_or(&[][..], |found| &found.samples);
            outcomes.iter().any(|(other, outcome)| {
                other == name && matches!(outcome, SampleOutcome::Rejected { .. })
            })
        };
        let seen: Vec<_> = samples
            .samples
            .iter()
            .enumerate()
            .filter(|(_, sample)| !is_rejected(&sample.name))
            .filter_map(|(index, sample)| look(samples, sample, index, &board).ok())
            .collect();
        let first = seen.first()?;
        let (mount_from_camera, carrier_from_board) = match found {
            Some(found) => (found.mount_from_camera, found.carrier_from_board),
            None => (
                guess.mount_from_camera,
                mount_from_carrier(samples.setup, &first.view.base_from_flange).inverse()
                    * guess.mount_from_camera
                    * first.pose.camera_from_board,
            ),
        };
        let noise = found.map_or(USUAL, |found| Noise {
            corner_px: found.noise.corner_px.max(LEAST.corner_px),
            robot_m: found.noise.robot_m.max(LEAST.robot_m),
            robot_rad: found.noise.robot_rad.max(LEAST.robot_rad),
        });
        let start = State::new(
            samples.camera,
            mount_from_camera,
            carrier_from_board,
            seen.len(),
        );
        let held = Held {
            problem: Problem {
                setup: samples.setup,
                views: seen.iter().map(|seen| &seen.view).collect(),
                noise,
                extra: Extra::Nothing,
                trust: Views::Trusted,
            },
            guess,
        };
        let minimum = minimize(&held, start).ok()?;
        let covariance = minimum.covariance;
        let information = covariance.clone().cholesky()?.inverse();
        let mut state = minimum.state;
        // What a sample would tell is asked with a robot that is where it says.
        state.robot_errors = vec![Isometry3::identity()];
        Some(Self {
            samples: Samples {
                samples: Vec::new(),
                ..samples.clone()
            },
            state,
            noise,
            information,
            covariance,
        })
    }

    /// The camera in the frame that it is fixed to.
    #[must_use]
    pub fn mount_from_camera(&self) -> Isometry3<f64> {
        self.state.mount_from_camera
    }

    /// The board in the frame that it is fixed to.
    #[must_use]
    pub fn carrier_from_board(&self) -> Isometry3<f64> {
        self.state.carrier_from_board
    }

    /// Setup, board, camera and frames, without any samples.
    #[must_use]
    pub fn about(&self) -> &Samples {
        &self.samples
    }

    /// Where the camera would see each corner with the flange there; `None` when one is behind it.
    #[must_use]
    pub fn corners(
        &self,
        base_from_flange: &Isometry3<f64>,
        board: &BTreeMap<u32, Point3<f64>>,
    ) -> Option<Vec<(Point3<f64>, Point2<f64>)>> {
        let camera_from_board = self.camera_from_board(base_from_flange);
        board
            .values()
            .map(|point| {
                let pixel = self.samples.camera.project(&(camera_from_board * point));
                Some((*point, pixel.ok()?))
            })
            .collect()
    }

    /// Where the board would be before the camera with the flange there.
    #[must_use]
    pub fn camera_from_board(&self, base_from_flange: &Isometry3<f64>) -> Isometry3<f64> {
        self.state.mount_from_camera.inverse()
            * mount_from_carrier(self.samples.setup, base_from_flange)
            * self.state.carrier_from_board
    }

    /// What a sample would tell that shows these corners with the flange there.
    #[must_use]
    pub fn promise(
        &self,
        base_from_flange: &Isometry3<f64>,
        corners: &[(Point3<f64>, Point2<f64>)],
    ) -> Option<Promise> {
        let view = View {
            index: 0,
            base_from_flange: *base_from_flange,
            points: corners.to_vec(),
        };
        let problem = Problem {
            setup: self.samples.setup,
            views: vec![&view],
            noise: self.noise,
            extra: Extra::Nothing,
            trust: Views::Trusted,
        };
        let terms = problem.linearize(&self.state, 0)?;
        // The trace sums the variance of every corner along both axes.
        let variance = (&terms.shared * &self.covariance).trace() / corners.len() as f64;
        let after = (&self.information + terms.information()?)
            .cholesky()?
            .inverse();
        Some(Promise {
            gain: log_determinant(&self.covariance)? - log_determinant(&after)?,
            uncertainty_px: self.noise.corner_px * variance.max(0.0).sqrt(),
        })
    }
}

/// Of the part of a covariance that is the camera's.
fn log_determinant(covariance: &DMatrix<f64>) -> Option<f64> {
    let camera: Matrix6<f64> = covariance.fixed_view::<6, 6>(0, 0).into();
    let root = camera.cholesky()?.unpack();
    Some(2.0 * root.diagonal().iter().map(|entry| entry.ln()).sum::<f64>())
}

/// The joint problem with the guess as one view more.
struct Held<'a> {
    problem: Problem<'a>,
    guess: &'a Guess,
}

impl Bundle for Held<'_> {
    type State = State;

    fn shared(&self) -> usize {
        self.problem.shared()
    }

    fn views(&self) -> usize {
        self.problem.views() + 1
    }

    fn linearize(&self, state: &State, view: usize) -> Option<ViewTerms> {
        if view < self.problem.views() {
            return self.problem.linearize(state, view);
        }
        let error = step_between(&self.guess.mount_from_camera, &state.mount_from_camera);
        let precision = [self.guess.position_m, self.guess.orientation_rad]
            .map(|deviation| 1.0 / (deviation * deviation));
        // A step moves the camera along its own axes, the error is along those of the guess.
        let turn = (self.guess.mount_from_camera.rotation.inverse()
            * state.mount_from_camera.rotation)
            .to_rotation_matrix();
        let shift = turn.transpose() * error.fixed_rows::<3>(0);
        let size = self.shared();
        let mut shared = DMatrix::zeros(size, size);
        let mut gradient = DVector::zeros(size);
        for axis in 0..3 {
            shared[(axis, axis)] = precision[0];
            shared[(axis + 3, axis + 3)] = precision[1];
            gradient[axis] = precision[0] * shift[axis];
            gradient[axis + 3] = precision[1] * error[axis + 3];
        }
        let squares = |first: usize| error.fixed_rows::<3>(first).norm_squared();
        Some(ViewTerms {
            cost: 0.5 * (precision[0] * squares(0) + precision[1] * squares(3)),
            shared,
            shared_gradient: gradient,
            own: None,
        })
    }

    fn stepped(&self, state: &State, shared: &DVector<f64>, own: &[Vector6<f64>]) -> State {
        self.problem.stepped(state, shared, own)
    }
}
