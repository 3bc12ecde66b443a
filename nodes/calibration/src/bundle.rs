//! Least squares over unknowns that all views share and six more that each view has to itself.
//!
//! Bundle adjustment, hand-eye calibration and the pose of one board are all of this shape. Levenberg-Marquardt steps
//! are taken on the normal equations, from which each view's own six unknowns are eliminated first (Schur complement),
//! so that a step costs no more than the shared unknowns cubed. The same elimination gives the information matrix.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn, Matrix6, Vector6};

/// Steps granted before what was reached counts as the answer.
const MAX_STEPS: usize = 60;
/// A step that lowers the cost by less than this share of it is the last.
const LEAST_GAIN: f64 = 1e-10;
/// Damping beyond which no step is worth trying.
const MAX_DAMPING: f64 = 1e10;

/// A sum of squares over views; see the [module](self).
pub(crate) trait Bundle {
    /// A value of all unknowns.
    type State: Clone;

    /// How many unknowns all views share.
    fn shared(&self) -> usize;

    /// How many views there are.
    fn views(&self) -> usize;

    /// The normal equations of one view; `None` where the state cannot be (a board behind the camera).
    fn linearize(&self, state: &Self::State, view: usize) -> Option<ViewTerms>;

    /// The state after a step.
    fn stepped(
        &self,
        state: &Self::State,
        shared: &DVector<f64>,
        own: &[Vector6<f64>],
    ) -> Self::State;
}

/// One view's part of the normal equations.
#[derive(Debug, Clone)]
pub(crate) struct ViewTerms {
    /// Half the sum of squares, or what a robust loss makes of it.
    pub(crate) cost: f64,
    /// Information on the shared unknowns.
    pub(crate) shared: DMatrix<f64>,
    /// Gradient of the cost along the shared unknowns.
    pub(crate) shared_gradient: DVector<f64>,
    /// The view's own unknowns; `None` when it has none.
    pub(crate) own: Option<OwnTerms>,
}

impl ViewTerms {
    /// Information on the shared unknowns when nothing is known of the view's own but what it tells itself.
    pub(crate) fn information(&self) -> Option<DMatrix<f64>> {
        let Some(own) = &self.own else {
            return Some(self.shared.clone());
        };
        let gain = &own.cross * own.information.cholesky()?.inverse();
        Some(&self.shared - gain * own.cross.transpose())
    }
}

/// The part of the normal equations that speaks of a view's own unknowns.
#[derive(Debug, Clone)]
pub(crate) struct OwnTerms {
    /// Information on them.
    pub(crate) information: Matrix6<f64>,
    /// Between the shared unknowns (rows) and them.
    pub(crate) cross: DMatrix<f64>,
    /// Gradient of the cost along them.
    pub(crate) gradient: Vector6<f64>,
}

/// Where the minimum lies and how well it is known.
#[derive(Debug, Clone)]
pub(crate) struct Minimum<S> {
    /// The unknowns.
    pub(crate) state: S,
    /// The cost there.
    pub(crate) cost: f64,
    /// Covariance of the shared unknowns, for residuals of unit variance.
    pub(crate) covariance: DMatrix<f64>,
    /// Covariance of each view's own unknowns.
    pub(crate) own_covariance: Vec<Matrix6<f64>>,
}

/// No minimum was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoMinimum {
    /// The start is not a possible state.
    BadStart,
    /// Some combination of unknowns does not change the residuals.
    Undetermined,
}

/// Finds the minimum next to `start`.
pub(crate) fn minimize<B: Bundle>(
    bundle: &B,
    start: B::State,
) -> Result<Minimum<B::State>, NoMinimum> {
    let mut state = start;
    let mut system = System::at(bundle, &state).ok_or(NoMinimum::BadStart)?;
    let mut damping = 1e-4;
    for _ in 0..MAX_STEPS {
        let Some((shared, own)) = system.step(damping) else {
            damping *= 10.0;
            if damping > MAX_DAMPING {
                break;
            }
            continue;
        };
        let next = bundle.stepped(&state, &shared, &own);
        match System::at(bundle, &next).filter(|next| next.cost <= system.cost) {
            Some(better) => {
                let done = system.cost - better.cost <= LEAST_GAIN * system.cost;
                (state, system) = (next, better);
                damping = (damping * 0.1).max(1e-12);
                if done {
                    break;
                }
            }
            None => {
                damping *= 10.0;
                if damping > MAX_DAMPING {
                    break;
                }
            }
        }
    }
    let (covariance, own_covariance) = system.covariance().ok_or(NoMinimum::Undetermined)?;
    Ok(Minimum {
        state,
        cost: system.cost,
        covariance,
        own_covariance,
    })
}

/// The normal equations of all views at one state.
struct System {
    cost: f64,
    shared: DMatrix<f64>,
    gradient: DVector<f64>,
    own: Vec<Option<OwnTerms>>,
}

impl System {
    fn at<B: Bundle>(bundle: &B, state: &B::State) -> Option<Self> {
        let size = bundle.shared();
        let mut system = Self {
            cost: 0.0,
            shared: DMatrix::zeros(size, size),
            gradient: DVector::zeros(size),
            own: Vec::with_capacity(bundle.views()),
        };
        for view in 0..bundle.views() {
            let terms = bundle.linearize(state, view)?;
            system.cost += terms.cost;
            system.shared += terms.shared;
            system.gradient += terms.shared_gradient;
            system.own.push(terms.own);
        }
        system.cost.is_finite().then_some(system)
    }

    /// The shared system with the views' own unknowns eliminated, and each of their decompositions.
    #[allow(
        clippy::type_complexity,
        reason = "used in two places next to each other"
    )]
    fn eliminated(
        &self,
        damping: f64,
    ) -> Option<(DMatrix<f64>, DVector<f64>, Vec<Option<Matrix6<f64>>>)> {
        let mut shared = self.shared.clone();
        damp(&mut shared, damping);
        let mut gradient = self.gradient.clone();
        let mut inverses = Vec::with_capacity(self.own.len());
        for own in &self.own {
            let Some(own) = own else {
                inverses.push(None);
                continue;
            };
            let mut information = own.information;
            for index in 0..6 {
                information[(index, index)] *= 1.0 + damping;
            }
            let inverse = information.cholesky()?.inverse();
            let gain = &own.cross * inverse;
            shared -= &gain * own.cross.transpose();
            gradient -= &gain * own.gradient;
            inverses.push(Some(inverse));
        }
        Some((shared, gradient, inverses))
    }

    fn step(&self, damping: f64) -> Option<(DVector<f64>, Vec<Vector6<f64>>)> {
        let (shared, gradient, inverses) = self.eliminated(damping)?;
        let step = -scaled_cholesky(&shared)?.solve(&gradient);
        let own = self.of_each(&inverses, |own, inverse| {
            -(inverse * (own.gradient + own.cross.transpose() * &step))
        });
        step.iter()
            .all(|entry| entry.is_finite())
            .then_some((step, own))
    }

    fn covariance(&self) -> Option<(DMatrix<f64>, Vec<Matrix6<f64>>)> {
        let (shared, _, inverses) = self.eliminated(0.0)?;
        let covariance = scaled_cholesky(&shared)?.inverse();
        let own = self.of_each(&inverses, |own, inverse| {
            let gain = inverse * own.cross.transpose();
            inverse + &gain * &covariance * gain.transpose()
        });
        Some((covariance, own))
    }

    /// Something of each view's own unknowns and the inverse of their information; zero for a view that has none.
    fn of_each<T: Default>(
        &self,
        inverses: &[Option<Matrix6<f64>>],
        of: impl Fn(&OwnTerms, &Matrix6<f64>) -> T,
    ) -> Vec<T> {
        self.own
            .iter()
            .zip(inverses)
            .map(|(own, inverse)| match (own, inverse) {
                (Some(own), Some(inverse)) => of(own, inverse),
                _ => T::default(),
            })
            .collect()
    }
}

/// Marquardt's damping: each diagonal entry by a share of itself, so that units do not matter.
fn damp(matrix: &mut DMatrix<f64>, damping: f64) {
    for index in 0..matrix.nrows() {
        matrix[(index, index)] *= 1.0 + damping;
    }
}

/// A Cholesky decomposition of a matrix whose rows are in different units.
struct ScaledCholesky {
    scale: DVector<f64>,
    inner: Cholesky<f64, Dyn>,
}

/// `None` when some direction carries no information to the precision of the arithmetic.
fn scaled_cholesky(matrix: &DMatrix<f64>) -> Option<ScaledCholesky> {
    let scale = matrix.diagonal().map(|entry| 1.0 / entry.sqrt());
    if !scale.iter().all(|entry| entry.is_finite()) {
        return None;
    }
    let mut scaled = matrix.clone();
    for row in 0..scaled.nrows() {
        for column in 0..scaled.ncols() {
            scaled[(row, column)] *= scale[row] * scale[column];
        }
    }
    let inner = scaled.cholesky()?;
    // What is left of a unit diagonal is the squared sine of the angle to the unknowns before it.
    let least = inner.l_dirty().diagonal().min();
    (least > 1e-6).then_some(ScaledCholesky { scale, inner })
}

impl ScaledCholesky {
    fn solve(&self, right: &DVector<f64>) -> DVector<f64> {
        self.inner
            .solve(&right.component_mul(&self.scale))
            .component_mul(&self.scale)
    }

    fn inverse(&self) -> DMatrix<f64> {
        let mut inverse = self.inner.inverse();
        for row in 0..inverse.nrows() {
            for column in 0..inverse.ncols() {
                inverse[(row, column)] *= self.scale[row] * self.scale[column];
            }
        }
        inverse
    }
}
