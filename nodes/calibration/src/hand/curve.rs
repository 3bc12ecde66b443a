//! A monotone curve through noisy measurements of one joint, with the play, the lag and the tendon's share.

use nalgebra::{DMatrix, DVector, Vector6};
use robot::curve::MonotoneCurve;

use crate::bundle::{Bundle, ViewTerms, minimize};

/// Knots of a curve: enough for the steepest of the published ones, few enough for noise to average out.
const KNOTS: usize = 17;
/// Fewer samples do not hold the knots.
const LEAST_SAMPLES: usize = 3 * KNOTS;
/// How often knots are placed anew by the curve of the round before.
const ROUNDS: usize = 5;
/// Share of the samples beyond the first knot, and beyond the last: an end that hangs on one sample hangs in the air.
const BEYOND: f64 = 0.02;
/// Measurements further off than this many deviations pull no harder than at that distance (Huber).
const LIMIT: f64 = 3.0;
/// Steps of the numerical derivative, in rad for knots and in the unit of the others.
const STEP: f64 = 1e-5;
/// What one joint did at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// Position of its servo.
    pub ticks: f64,
    /// Velocity of its servo.
    pub ticks_per_s: f64,
    /// Measured angle of the led joint of the same tendon, rad; 0 where there is none.
    pub led_angle: f64,
    /// Measured angle, rad.
    pub angle: f64,
}

/// Why a curve could not be fitted.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Too few samples.
    #[error("{0} samples; {LEAST_SAMPLES} are the least")]
    TooFew(usize),
    /// The joint stood still.
    #[error("it turned by {:.1} deg only; is its marker on the right phalanx, and does the servo move?", .turn.to_degrees())]
    NotMoved {
        /// By how much, rad.
        turn: f64,
    },
    /// The fit did not succeed.
    #[error(
        "its samples do not determine a curve; move its servo through all of its travel, both ways and at several velocities"
    )]
    Undetermined,
    /// Servo and led joint cannot be told apart.
    #[error("its samples do not tell the servo's influence from that of the joint before it (which is within {:.1} deg of where the servo alone has it): hold the proximal phalanx back while the servo closes", .spread.to_degrees())]
    NotHeldBack {
        /// Root mean square of the led joint's distance from where its servo has it in free air, rad.
        spread: f64,
    },
}

/// A fitted joint.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Points `[u, angle in rad]` of the curve, with u in ticks.
    pub points: Vec<[f64; 2]>,
    /// Ticks that a radian of the led joint takes up: `u = ticks - ticks_per_rad * led angle`; 0 where there is none.
    pub ticks_per_rad: f64,
    /// Its standard deviation.
    pub ticks_per_rad_deviation: f64,
    /// Half the ticks between closing and opening at the same angle.
    pub play_ticks: f64,
    /// How long the joint is behind its servo, seconds.
    pub lag_s: f64,
    /// Root mean square of the measured angles against the curve, rad.
    pub rms: f64,
    /// Mean standard deviation of the curve, rad.
    pub deviation: f64,
    /// The measured angles where the curve is to have them, `[u, angle in rad]`: play, lag and the tendon's share are
    /// taken off the ticks.
    pub measured: Vec<[f64; 2]>,
}

impl Fitted {
    /// Whether the measured angles are as near to the curve as [`MOST_RMS`](super::MOST_RMS) asks for.
    #[must_use]
    pub fn is_within_limit(&self) -> bool {
        self.rms <= super::MOST_RMS
    }

    /// The angle at rest, rad, for a servo position and the led joint's angle.
    #[must_use]
    pub fn angle(&self, ticks: f64, led_angle: f64) -> f64 {
        MonotoneCurve::through(&self.points).map_or(f64::NAN, |curve| {
            curve.value(ticks - self.ticks_per_rad * led_angle)
        })
    }
}

/// Fits the curve of one joint; `tendon` when it shares one with a led joint.
///
/// # Errors
/// When the samples do not say enough.
pub fn fit(answers: &[Answer], tendon: bool) -> Result<Fitted, FitError> {
    if answers.len() < LEAST_SAMPLES {
        return Err(FitError::TooFew(answers.len()));
    }
    let mut problem = Problem {
        answers,
        tendon,
        deviation: 0.02,
        knots: [0.0; KNOTS],
    };
    let mut state = problem.start();
    let mut minimum = None;
    for round in 0..ROUNDS {
        problem.place_knots(&mut state, round > 0);
        let found = minimize(&problem, state).map_err(|_| FitError::Undetermined)?;
        state = found.state.clone();
        let mut off: Vec<f64> = answers
            .iter()
            .map(|answer| problem.residual(&state, answer).abs())
            .collect();
        off.sort_by(f64::total_cmp);
        // Half of all normal numbers are nearer than 0.6745 deviations.
        problem.deviation = (off[off.len() / 2] / 0.6745).max(1e-6);
        minimum = Some(found);
    }
    let minimum = minimum.ok_or(FitError::Undetermined)?;
    let share = if tendon {
        minimum.covariance[(problem.shared() - 1, problem.shared() - 1)].sqrt() * TICKS
    } else {
        0.0
    };
    let squares: f64 = answers
        .iter()
        .map(|answer| problem.residual(&state, answer).powi(2))
        .sum();
    let variances: f64 = answers
        .iter()
        .map(|answer| {
            let slope = problem.slope(&state, answer);
            (slope.transpose() * &minimum.covariance * slope)[(0, 0)]
        })
        .sum();
    let count = answers.len() as f64;
    Ok(Fitted {
        points: problem.points(&state),
        ticks_per_rad: state.ticks_per_rad,
        ticks_per_rad_deviation: share,
        play_ticks: state.play_ticks,
        lag_s: state.lag_s,
        rms: (squares / count).sqrt(),
        deviation: (variances / count).max(0.0).sqrt(),
        measured: answers
            .iter()
            .map(|answer| [input(&state, answer), answer.angle])
            .collect(),
    })
}

/// The unknowns: the first knot's angle and the roots of the rises to each next one, so that no step makes it fall.
#[derive(Debug, Clone)]
struct State {
    first: f64,
    rises: [f64; KNOTS - 1],
    play_ticks: f64,
    lag_s: f64,
    ticks_per_rad: f64,
}

struct Problem<'a> {
    answers: &'a [Answer],
    tendon: bool,
    deviation: f64,
    /// Where the knots are, in ticks.
    knots: [f64; KNOTS],
}

impl Problem<'_> {
    fn start(&self) -> State {
        let angles = self.answers.iter().map(|answer| answer.angle);
        let low = angles.clone().fold(f64::INFINITY, f64::min);
        let high = angles.fold(f64::NEG_INFINITY, f64::max);
        let rise = (high - low).max(1e-3) / (KNOTS - 1) as f64;
        State {
            first: low,
            rises: [rise.sqrt(); KNOTS - 1],
            play_ticks: 0.0,
            lag_s: 0.0,
            ticks_per_rad: if self.tendon { 500.0 } else { 0.0 },
        }
    }

    /// Places the knots where the samples are, evenly or, by the curve that there is, more of them where it is steep.
    fn place_knots(&mut self, state: &mut State, by_curve: bool) {
        let mut inputs: Vec<f64> = self
            .answers
            .iter()
            .map(|answer| answer.ticks - state.ticks_per_rad * answer.led_angle)
            .collect();
        inputs.sort_by(f64::total_cmp);
        let outside = (BEYOND * inputs.len() as f64) as usize;
        let (low, high) = (inputs[outside], inputs[inputs.len() - 1 - outside]);
        let even = |part: f64| low + (high - low) * part;
        let part = |knot: usize| knot as f64 / (KNOTS - 1) as f64;
        let curve = MonotoneCurve::through(&self.points(state))
            .ok()
            .filter(|_| by_curve);
        let Some(curve) = curve else {
            self.knots = std::array::from_fn(|knot| even(part(knot)));
            return;
        };
        let (least, most) = (curve.value(low), curve.value(high));
        let rise = (most - least).max(1e-3);
        // Half by ticks, half by angle: the inverse of a rising function.
        let along = |u: f64| 0.5 * (u - low) / (high - low) + 0.5 * (curve.value(u) - least) / rise;
        self.knots = std::array::from_fn(|knot| {
            let (mut left, mut right) = (low, high);
            for _ in 0..50 {
                let middle = 0.5 * (left + right);
                (left, right) = if along(middle) < part(knot) {
                    (middle, right)
                } else {
                    (left, middle)
                };
            }
            0.5 * (left + right)
        });
        state.first = curve.value(self.knots[0]);
        state.rises = std::array::from_fn(|knot| {
            let rise = curve.value(self.knots[knot + 1]) - curve.value(self.knots[knot]);
            // At a root of zero the slope is zero, too, and the rise would stay so.
            rise.max(1e-4).sqrt()
        });
    }

    fn points(&self, state: &State) -> Vec<[f64; 2]> {
        let mut angle = state.first;
        let mut points = vec![[self.knots[0], angle]];
        for (knot, rise) in self.knots.iter().skip(1).zip(&state.rises) {
            angle += rise * rise;
            points.push([*knot, angle]);
        }
        points
    }

    /// Predicted less measured angle, rad.
    fn residual(&self, state: &State, answer: &Answer) -> f64 {
        let Ok(curve) = MonotoneCurve::through(&self.points(state)) else {
            return f64::NAN;
        };
        residual(&curve, state, answer)
    }

    fn moved(state: &State, step: impl Fn(usize) -> f64) -> State {
        State {
            first: state.first + step(0),
            rises: std::array::from_fn(|knot| state.rises[knot] + step(knot + 1)),
            // Ticks and seconds in units in which a step is about as much as a rad.
            play_ticks: state.play_ticks + TICKS * step(KNOTS),
            lag_s: state.lag_s + step(KNOTS + 1),
            ticks_per_rad: state.ticks_per_rad + TICKS * step(KNOTS + 2),
        }
    }

    fn slope(&self, state: &State, answer: &Answer) -> DVector<f64> {
        DVector::from_iterator(
            self.shared(),
            (0..self.shared()).map(|index| {
                let at = |size: f64| {
                    let state = Self::moved(state, |of| if of == index { size } else { 0.0 });
                    self.residual(&state, answer)
                };
                (at(STEP) - at(-STEP)) / (2.0 * STEP)
            }),
        )
    }
}

/// Ticks that count as one in the steps of the fit.
const TICKS: f64 = 1000.0;

fn residual(curve: &MonotoneCurve, state: &State, answer: &Answer) -> f64 {
    curve.value(input(state, answer)) - answer.angle
}

/// Where on the curve a moment is, in ticks.
fn input(state: &State, answer: &Answer) -> f64 {
    let direction = if answer.ticks_per_s == 0.0 {
        0.0
    } else {
        answer.ticks_per_s.signum()
    };
    let behind = state.lag_s * answer.ticks_per_s + state.play_ticks * direction;
    answer.ticks - behind - state.ticks_per_rad * answer.led_angle
}

impl Bundle for Problem<'_> {
    type State = State;

    fn shared(&self) -> usize {
        KNOTS + 2 + usize::from(self.tendon)
    }

    fn views(&self) -> usize {
        1
    }

    fn linearize(&self, state: &State, _view: usize) -> Option<ViewTerms> {
        let size = self.shared();
        let curves: Vec<[(MonotoneCurve, State); 2]> = (0..size)
            .map(|index| {
                let at = |size: f64| {
                    let state = Self::moved(state, |of| if of == index { size } else { 0.0 });
                    Some((MonotoneCurve::through(&self.points(&state)).ok()?, state))
                };
                Some([at(STEP)?, at(-STEP)?])
            })
            .collect::<Option<_>>()?;
        let here = MonotoneCurve::through(&self.points(state)).ok()?;
        let mut shared = DMatrix::zeros(size, size);
        let mut shared_gradient = DVector::zeros(size);
        let mut cost = 0.0;
        let mut slope = DVector::zeros(size);
        for answer in self.answers {
            let off = residual(&here, state, answer) / self.deviation;
            for (slope, [plus, minus]) in slope.iter_mut().zip(&curves) {
                let rise =
                    residual(&plus.0, &plus.1, answer) - residual(&minus.0, &minus.1, answer);
                *slope = rise / (2.0 * STEP * self.deviation);
            }
            let (loss, weight) = if off.abs() <= LIMIT {
                (0.5 * off * off, 1.0)
            } else {
                (LIMIT * (off.abs() - 0.5 * LIMIT), LIMIT / off.abs())
            };
            cost += loss;
            shared.ger(weight, &slope, &slope, 1.0);
            shared_gradient.axpy(weight * off, &slope, 1.0);
        }
        // A flat stretch has no slope along the root of its rise, and nothing to lose by it.
        for index in 0..size {
            shared[(index, index)] += 1e-3;
        }
        Some(ViewTerms {
            cost,
            shared,
            shared_gradient,
            own: None,
        })
    }

    fn stepped(&self, state: &State, shared: &DVector<f64>, _own: &[Vector6<f64>]) -> State {
        Self::moved(state, |index| shared.get(index).copied().unwrap_or(0.0))
    }
}
