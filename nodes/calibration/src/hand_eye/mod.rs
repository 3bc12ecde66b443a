//! Hand-eye calibration: where the camera is, how well that is known, and what was wrong with the samples.
//!
//! [`calibrate`] goes through these stages:
//!
//! 1. Each sample is checked by itself: numbers, corners, the pose of its board.
//! 2. Seven closed forms on all samples and on random sets of three give candidates; the one with which most samples
//!    agree is the start.
//! 3. One least-squares problem over all corners refines camera, board and the robot's error in each sample, while
//!    samples that disagree count for little. What noise there is comes out of the samples, too.
//! 4. Samples that still disagree are named and left out; the rest is refined once more.
//! 5. The result is questioned: a camera that was moved half way, a board of another size, and each sample predicted from
//!    all the others.

mod belief;
mod checks;
mod noise;
mod problem;
mod report;
mod start;
#[cfg(test)]
mod tests;
mod verify;

use nalgebra::{Isometry3, Matrix6, Unit, Vector3};

pub use self::{
    belief::{Belief, Guess, Promise},
    problem::Noise,
    report::{Deviation, HandEye, SampleOutcome, Tolerance},
    verify::{Miss, VerifyError, seen_and_predicted, verify},
};
use self::{
    problem::{Extra, Problem, State, Views},
    start::Start,
};
use crate::{
    bundle::{Minimum, NoMinimum},
    closed_form::{Method, Station, turn_spread},
    pnp::{BoardPose, board_pose},
    sample::{Sample, Samples, Setup, View},
};

/// With fewer samples the noise cannot be told from the result.
pub const LEAST_SAMPLES: usize = 5;
/// Turns about a second axis that are smaller (root mean square, rad) leave the camera's place along the first unknown.
const LEAST_SPREAD: f64 = 0.06;
/// A view whose corners fit no pose of the board to within this many pixels shows something else, or a blur.
const WORST_FIT_PX: f64 = 3.0;
/// Squared deviations (six numbers) beyond which a sample is left out: one in 61,000 good ones (chi-squared).
const OUTLIER: f64 = 32.0;
/// No arm reaches further from its base, metres; a pose in millimetres does.
const FURTHEST_FLANGE: f64 = 5.0;

/// What [`calibrate`] is asked to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// What the verdict is measured against.
    pub tolerance: Tolerance,
    /// Refine the camera's intrinsics, too. Needs samples all over the image.
    pub refine_intrinsics: bool,
    /// Predict each sample from all others.
    pub leave_one_out: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tolerance: Tolerance::default(),
            refine_intrinsics: false,
            leave_one_out: true,
        }
    }
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HandEyeError {
    /// Not enough samples, or not enough good ones.
    #[error(
        "{usable} of {taken} samples are usable, and {LEAST_SAMPLES} are the least (15 to 20 are good); take more.{}",
        listed(.rejected)
    )]
    TooFew {
        /// Good ones.
        usable: usize,
        /// All.
        taken: usize,
        /// Name and reason of each that is not.
        rejected: Vec<(String, String)>,
    },
    /// The robot turned what it carries about one axis only.
    #[error(
        "the robot turned about one axis only ([{:.2}, {:.2}, {:.2}] of the {frame}; {:.1} deg about any other): the camera's place along it stays unknown. Tilt the flange by 20 deg or more about two other axes, too",
        .axis.x, .axis.y, .axis.z, .spread.to_degrees()
    )]
    OneAxis {
        /// The axis.
        axis: Unit<Vector3<f64>>,
        /// Its frame.
        frame: &'static str,
        /// Turns about the next axis, rad.
        spread: f64,
    },
    /// The board was seen from behind.
    #[error(
        "{seen} of {taken} samples see the board from behind: its print is mirrored, or its description is not that of this board"
    )]
    Mirrored {
        /// How many.
        seen: usize,
        /// Of how many.
        taken: usize,
    },
    /// Too few samples agree on anything.
    #[error(
        "only {agreeing} of {usable} samples agree on where the camera is; were robot and board at rest in each, is the board fastened, and are base_from_flange and the corners of the same moment?"
    )]
    NoAgreement {
        /// How many agree.
        agreeing: usize,
        /// How many are good by themselves.
        usable: usize,
    },
    /// The camera was moved.
    #[error(
        "the camera or the board moved by {:.1} mm and {:.2} deg before sample {sample}: fasten both, and take all samples anew", .shift * 1e3, .turn.to_degrees()
    )]
    Moved {
        /// The first sample after it.
        sample: String,
        /// How far, metres.
        shift: f64,
        /// How far, rad.
        turn: f64,
    },
    /// The board has another size.
    #[error(
        "the board is {:.2} % {} than its description says (give or take {:.2} %), if the camera's focal length is right: measure it with a ruler and correct its file, or print it at true scale", (.scale - 1.0).abs() * 100.0, if *.scale > 1.0 { "larger" } else { "smaller" }, .deviation * 100.0
    )]
    WrongSize {
        /// True over stated size.
        scale: f64,
        /// Its deviation.
        deviation: f64,
    },
    /// Some direction is not determined.
    #[error(
        "the samples do not determine where the camera is; take more, from more different poses"
    )]
    Undetermined,
}

fn listed(rejected: &[(String, String)]) -> String {
    rejected
        .iter()
        .map(|(name, reason)| format!("\n  sample {name}: {reason}"))
        .collect()
}

impl From<NoMinimum> for HandEyeError {
    fn from(_: NoMinimum) -> Self {
        Self::Undetermined
    }
}

/// A good view and the pose of its board.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) view: View,
    pub(crate) pose: BoardPose,
}

/// Finds where the camera is; see the [module](self).
///
/// # Errors
/// Says what is wrong with the samples, and what to do about it.
pub fn calibrate(samples: &Samples, options: &Options) -> Result<HandEye, HandEyeError> {
    let (seen, mut rejected) = checked(samples)?;
    let carriers: Vec<Isometry3<f64>> = seen
        .iter()
        .map(|seen| problem::mount_from_carrier(samples.setup, &seen.view.base_from_flange))
        .collect();
    let (spread, axis) = turn_spread(&carriers);
    if spread < LEAST_SPREAD {
        let frame = match samples.setup {
            Setup::EyeToHand => "base",
            Setup::EyeInHand => "flange",
        };
        return Err(HandEyeError::OneAxis {
            axis,
            frame,
            spread,
        });
    }

    let board_size = samples.board.size().into_iter().fold(0.0, f64::hypot);
    let stations = start::stations(samples.setup, &seen);
    let start = start::find(&stations, board_size).ok_or(HandEyeError::Undetermined)?;
    let agreeing = start.agrees.iter().filter(|agrees| **agrees).count();
    let (mut problem, doubted) = doubting(samples, &seen, &start)?;
    checks::moved(samples, &seen, &problem, &doubted)?;
    if 2 * agreeing <= seen.len() || agreeing < LEAST_SAMPLES {
        return Err(HandEyeError::NoAgreement {
            agreeing,
            usable: seen.len(),
        });
    }

    let good = |minimum: &Minimum<State>, problem: &Problem<'_>| -> Vec<bool> {
        (0..seen.len())
            .map(|view| problem.oddness(&minimum.state, view) <= OUTLIER)
            .collect()
    };
    let mut keep = good(&doubted, &problem);
    let mut minimum = doubted;
    // Without the bad ones the noise is less, and more may show.
    for _ in 0..4 {
        let kept: Vec<usize> = (0..seen.len()).filter(|view| keep[*view]).collect();
        if kept.len() < LEAST_SAMPLES {
            for (view, seen) in seen.iter().enumerate().filter(|(view, _)| !keep[*view]) {
                let reason = disagreement(&minimum.state, view);
                rejected.push((seen.view.index, reason));
            }
            return Err(too_few(samples, kept.len(), &rejected));
        }
        let mut state = minimum.state.clone();
        state.robot_errors = kept
            .iter()
            .map(|view| minimum.state.robot_errors[*view])
            .collect();
        let mut trusted = Problem {
            views: kept.iter().map(|view| &seen[*view].view).collect(),
            trust: Views::Trusted,
            ..problem.clone()
        };
        let refined = noise::minimize_with_noise(&mut trusted, state)?;
        let worse: Vec<usize> = kept
            .iter()
            .enumerate()
            .filter(|(place, _)| trusted.oddness(&refined.state, *place) > OUTLIER)
            .map(|(_, view)| *view)
            .collect();
        if worse.is_empty() {
            for (view, seen) in seen.iter().enumerate().filter(|(view, _)| !keep[*view]) {
                rejected.push((seen.view.index, disagreement(&minimum.state, view)));
            }
            return finish(
                samples, options, &seen, &kept, trusted, refined, rejected, &stations,
            );
        }
        for view in worse {
            keep[view] = false;
        }
        problem.noise = trusted.noise;
        minimum.state.mount_from_camera = refined.state.mount_from_camera;
        minimum.state.carrier_from_board = refined.state.carrier_from_board;
        for (place, view) in kept.iter().enumerate() {
            minimum.state.robot_errors[*view] = refined.state.robot_errors[place];
        }
    }
    Err(HandEyeError::NoAgreement {
        agreeing: keep.iter().filter(|keep| **keep).count(),
        usable: seen.len(),
    })
}

/// What the closed forms work with: the stations of all samples that are good by themselves.
///
/// # Errors
/// When there are too few of them.
pub fn stations(samples: &Samples) -> Result<Vec<Station>, HandEyeError> {
    let (seen, _) = checked(samples)?;
    Ok(start::stations(samples.setup, &seen))
}

/// What a sample is left out for whose board is not where robot and camera together put it.
fn disagreement(state: &State, view: usize) -> String {
    let error = state.robot_error(view);
    format!(
        "its board is {:.1} mm and {:.2} deg from where the robot's joints put it: something moved as it was taken, or its corners are wrong",
        error.fixed_rows::<3>(0).norm() * 1e3,
        error.fixed_rows::<3>(3).norm().to_degrees()
    )
}

fn too_few(samples: &Samples, usable: usize, rejected: &[(usize, String)]) -> HandEyeError {
    let name = |index: usize| {
        samples
            .samples
            .get(index)
            .map_or_else(String::new, |sample| sample.name.clone())
    };
    HandEyeError::TooFew {
        usable,
        taken: samples.samples.len(),
        rejected: rejected
            .iter()
            .map(|(index, reason)| (name(*index), reason.clone()))
            .collect(),
    }
}

/// The samples that are good by themselves, and the others with the reason.
#[allow(
    clippy::type_complexity,
    reason = "each half is named by the sentence above"
)]
fn checked(samples: &Samples) -> Result<(Vec<Seen>, Vec<(usize, String)>), HandEyeError> {
    let board = samples.board.corners();
    let mut seen = Vec::new();
    let mut rejected = Vec::new();
    let mut behind = 0;
    for (index, sample) in samples.samples.iter().enumerate() {
        match look(samples, sample, index, &board) {
            Ok(one) => seen.push(one),
            Err(Unusable::Behind) => {
                behind += 1;
                rejected.push((index, "it sees the board from behind".to_owned()));
            }
            Err(Unusable::Because(reason)) => rejected.push((index, reason)),
        }
    }
    if behind > seen.len() {
        return Err(HandEyeError::Mirrored {
            seen: behind,
            taken: samples.samples.len(),
        });
    }
    if seen.len() < LEAST_SAMPLES {
        return Err(too_few(samples, seen.len(), &rejected));
    }
    Ok((seen, rejected))
}

/// A length for a message, however large.
fn metres(length: f64) -> String {
    if length < 1e6 {
        format!("{length:.1}")
    } else {
        format!("{length:.1e}")
    }
}

enum Unusable {
    Behind,
    Because(String),
}

fn look(
    samples: &Samples,
    sample: &Sample,
    index: usize,
    board: &std::collections::BTreeMap<u32, nalgebra::Point3<f64>>,
) -> Result<Seen, Unusable> {
    if sample.base_from_flange.is_none() {
        return Err(Unusable::Because("it has no base_from_flange".to_owned()));
    }
    let view = sample.view(index, board).map_err(Unusable::Because)?;
    // A square of the largest numbers would not be finite.
    let reach = view
        .base_from_flange
        .translation
        .vector
        .iter()
        .copied()
        .fold(0.0, f64::hypot);
    if reach > FURTHEST_FLANGE {
        return Err(Unusable::Because(format!(
            "its flange is {} m from the base: is it in millimetres?",
            metres(reach)
        )));
    }
    let pose = board_pose(&samples.camera, &view.points).ok_or_else(|| {
        Unusable::Because(
            "its corners determine no pose of this board: they lie on a line, or some were taken for others"
                .to_owned(),
        )
    })?;
    if pose.rms_px > WORST_FIT_PX {
        return Err(Unusable::Because(format!(
            "its corners fit no pose of this board: they are {:.1} px off (root mean square), by a blur, a bent or another board",
            pose.rms_px
        )));
    }
    let normal = pose.camera_from_board.rotation * Vector3::z();
    if normal.dot(&pose.camera_from_board.translation.vector) < 0.0 {
        return Err(Unusable::Behind);
    }
    Ok(Seen { view, pose })
}

/// The joint problem with samples that disagree counting for little.
fn doubting<'a>(
    samples: &Samples,
    seen: &'a [Seen],
    start: &Start,
) -> Result<(Problem<'a>, Minimum<State>), HandEyeError> {
    let state = State::new(
        samples.camera,
        start.mount_from_camera,
        start.carrier_from_board,
        seen.len(),
    );
    let differences = seen.iter().map(|seen| {
        let predicted = state.camera_from_board(samples.setup, &seen.view);
        crate::pose::distance(&predicted, &seen.pose.camera_from_board)
    });
    let guess = noise::first_guess(differences, seen.iter().map(|seen| seen.pose.rms_px));
    let mut problem = Problem {
        setup: samples.setup,
        views: seen.iter().map(|seen| &seen.view).collect(),
        noise: guess,
        extra: Extra::Nothing,
        trust: Views::Doubted,
    };
    let minimum = noise::minimize_with_noise(&mut problem, state)?;
    Ok((problem, minimum))
}

#[allow(clippy::too_many_arguments, reason = "the end of one long thought")]
fn finish(
    samples: &Samples,
    options: &Options,
    seen: &[Seen],
    kept: &[usize],
    mut problem: Problem<'_>,
    mut minimum: Minimum<State>,
    rejected: Vec<(usize, String)>,
    stations: &[Station],
) -> Result<HandEye, HandEyeError> {
    checks::size(&problem, &minimum.state)?;
    if options.refine_intrinsics {
        problem.extra = Extra::Intrinsics;
        minimum = noise::minimize_with_noise(&mut problem, minimum.state)?;
    }
    let covariance: Matrix6<f64> = minimum.covariance.fixed_view::<6, 6>(0, 0).into();
    let board_covariance: Matrix6<f64> = minimum.covariance.fixed_view::<6, 6>(6, 6).into();
    let state = &minimum.state;
    let mut outcomes: Vec<Option<SampleOutcome>> = vec![None; samples.samples.len()];
    for (index, reason) in rejected {
        if let Some(outcome) = outcomes.get_mut(index) {
            *outcome = Some(SampleOutcome::Rejected { reason });
        }
    }
    let as_jointed = State {
        robot_errors: vec![Isometry3::identity(); kept.len()],
        ..state.clone()
    };
    for (place, view) in kept.iter().enumerate() {
        let left_out_px = options
            .leave_one_out
            .then(|| checks::left_out_px(&problem, state, place))
            .flatten();
        let error = state.robot_error(place);
        let outcome = SampleOutcome::Used {
            rms_px: problem.rms_px(&as_jointed, place).unwrap_or(f64::INFINITY),
            left_out_px,
            robot_m: error.fixed_rows::<3>(0).norm(),
            robot_rad: error.fixed_rows::<3>(3).norm(),
        };
        if let Some(slot) = outcomes.get_mut(seen[*view].view.index) {
            *slot = Some(outcome);
        }
    }
    let distances = kept
        .iter()
        .map(|view| seen[*view].pose.camera_from_board.translation.vector);
    let mean_place = distances.sum::<Vector3<f64>>() / kept.len() as f64;
    Ok(HandEye {
        setup: samples.setup,
        frames: samples.frames.clone(),
        mount_from_camera: state.mount_from_camera,
        deviation: Deviation::of(&state.mount_from_camera, &covariance),
        point_deviation_m: report::point_deviation(&covariance, &mean_place),
        working_distance_m: mean_place.norm(),
        carrier_from_board: state.carrier_from_board,
        board_deviation: Deviation::of(&state.carrier_from_board, &board_covariance),
        camera: state.camera,
        intrinsics_refined: options.refine_intrinsics,
        noise: problem.noise,
        samples: samples
            .samples
            .iter()
            .zip(outcomes)
            .filter_map(|(sample, outcome)| Some((sample.name.clone(), outcome?)))
            .collect(),
        closed_forms: Method::ALL
            .into_iter()
            .map(|method| (method, method.mount_from_camera(stations)))
            .collect(),
        tolerance: options.tolerance,
    })
}
