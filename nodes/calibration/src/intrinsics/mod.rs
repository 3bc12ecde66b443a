//! Camera intrinsics: checking the factory's, or finding them anew.
//!
//! [`calibrate`] starts from the camera's own figures or, where there are none, from the homographies of the views
//! (Z. Zhang, 2000), and refines focal lengths, principal point, distortion and the board's pose in every view on the
//! reprojection error. It says whether what the camera says of itself is good enough to keep.

pub mod coverage;
mod difference;
pub mod file;
mod judgement;
mod problem;

use camera::Intrinsics;
use nalgebra::{Isometry3, SMatrix, SVector, Vector2};

use self::coverage::{CELLS, covered};
pub use self::difference::{fresh_rms_px, mean_difference_px, seen_and_predicted};
pub use self::judgement::Judgement;
use self::{
    difference::uncertainty_px,
    problem::{State, refine},
};
use crate::{
    board::Board,
    bundle::NoMinimum,
    pnp::{board_pose, plane_homography},
    projection::INTRINSIC_COUNT,
    sample::{Sample, View},
};

/// With fewer views the unknowns are not held.
pub const LEAST_VIEWS: usize = 5;
/// A view whose corners are this many times as far off as those of the middle view is left out.
const WORST_VIEW: f64 = 3.0;
/// The camera's own figures are kept when they are nearer than this to the refined ones, on average over the image.
const KEEP_PX: f64 = 0.3;
/// Figures that are less certain than this are not worth using, pixels (root mean square over the image).
const MOST_UNCERTAIN_PX: f64 = 1.5;
/// Corners that are further off than this are not explained by any lens, pixels (root mean square).
const MOST_RMS_PX: f64 = 1.0;

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IntrinsicsError {
    /// Not enough good views.
    #[error(
        "{usable} of {taken} pictures are usable, and {LEAST_VIEWS} are the least (20 are good); take more.{}",
        .rejected.iter().map(|(name, reason)| format!("\n  picture {name}: {reason}")).collect::<String>()
    )]
    TooFew {
        /// Good ones.
        usable: usize,
        /// All.
        taken: usize,
        /// Name and reason of each that is not.
        rejected: Vec<(String, String)>,
    },
    /// The views do not determine the unknowns.
    #[error(
        "the pictures do not determine the camera: show the board tilted by 20 to 45 degrees in several directions, near and far, and in the corners of the image"
    )]
    Undetermined,
}

impl From<NoMinimum> for IntrinsicsError {
    fn from(_: NoMinimum) -> Self {
        Self::Undetermined
    }
}

/// Refined intrinsics, and what is to be thought of those that the camera had.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// What the camera said of itself.
    pub before: Intrinsics,
    /// What the pictures say.
    pub camera: Intrinsics,
    /// Standard deviations of fx, fy, cx, cy (pixels), k1, k2, p1, p2, k3.
    pub deviation: [f64; INTRINSIC_COUNT],
    /// Root mean square of the distance between seen and predicted corners by the camera's own figures, pixels.
    pub rms_before_px: f64,
    /// The same by the refined figures.
    pub rms_px: f64,
    /// How far the two are apart, by [`mean_difference_px`].
    pub difference_px: f64,
    /// Deviation of the refined figures' pixels but for a turn, root mean square over the image.
    pub uncertainty_px: f64,
    /// Share of the image's cells in which there was a corner.
    pub coverage: f64,
    /// Name of each used picture with its root mean square, pixels.
    pub used: Vec<(String, f64)>,
    /// Name of each picture that was left out, with the reason.
    pub rejected: Vec<(String, String)>,
}

impl Calibrated {
    /// Whether the camera's own figures are as good as these: no further from them than they are uncertain, or than
    /// 0.3 pixels.
    #[must_use]
    pub fn keeps_factory(&self) -> bool {
        self.difference_px <= KEEP_PX.max(2.0 * self.uncertainty_px)
    }

    /// What speaks against using these figures, if anything.
    #[must_use]
    pub fn objection(&self) -> Option<String> {
        if self.rms_px > MOST_RMS_PX {
            return Some(format!(
                "corners are {:.2} px off by the refined figures, and {MOST_RMS_PX} px is the most: is the board flat, and is it the one that was described?",
                self.rms_px
            ));
        }
        (self.uncertainty_px > MOST_UNCERTAIN_PX).then(|| {
            format!(
                "the refined figures are known to {:.2} px only, and {MOST_UNCERTAIN_PX} px is the most: take more pictures",
                self.uncertainty_px
            )
        })
    }

    /// How far off corners are, how far the figures are apart, and how well they are known.
    #[must_use]
    pub fn sentences(&self) -> [String; 2] {
        [
            format!(
                "Corners in {} pictures are {:.2} px off by the camera's own figures, {:.2} px by the refined ones (root mean square).",
                self.used.len(),
                self.rms_before_px,
                self.rms_px
            ),
            format!(
                "The two are {:.2} px apart over the image; the refined ones are known to {:.2} px. Corners were in {:.0} % of the image.",
                self.difference_px,
                self.uncertainty_px,
                self.coverage * 100.0
            ),
        ]
    }

    /// Whether to keep the camera's own figures, as a sentence.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        if self.keeps_factory() {
            "Keep the camera's own figures."
        } else {
            "Replace the camera's own figures by the refined ones."
        }
    }
}

/// Refines a camera's intrinsics on pictures of a board; see the [module](self).
///
/// # Errors
/// Says what is wrong with the pictures.
pub fn calibrate(
    before: &Intrinsics,
    board: &Board,
    samples: &[Sample],
) -> Result<Calibrated, IntrinsicsError> {
    let corners = board.corners();
    let mut rejected = Vec::new();
    let mut views = Vec::new();
    for (index, sample) in samples.iter().enumerate() {
        match sample.view(index, &corners) {
            Ok(view) => views.push(view),
            Err(reason) => rejected.push((sample.name.clone(), reason)),
        }
    }
    let too_few = |usable, rejected| IntrinsicsError::TooFew {
        usable,
        taken: samples.len(),
        rejected,
    };
    if views.len() < LEAST_VIEWS {
        return Err(too_few(views.len(), rejected));
    }
    let start = from_homographies(before, &views).unwrap_or(*before);
    loop {
        let (refined, covariance) = refine(&best_start(before, &start, &views), &views)?;
        let rms: Vec<f64> = (0..views.len())
            .map(|view| refined.rms_px(&views, view))
            .collect();
        let mut sorted = rms.clone();
        sorted.sort_by(f64::total_cmp);
        let limit = WORST_VIEW * sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
        let worst = (0..views.len()).max_by(|a, b| rms[*a].total_cmp(&rms[*b]));
        if let Some(worst) = worst.filter(|worst| rms[*worst] > limit) {
            let view = views.remove(worst);
            let name = samples
                .get(view.index)
                .map_or_else(String::new, |sample| sample.name.clone());
            rejected.push((
                name,
                format!(
                    "its corners are {:.1} px off: a blur, a bent or another board",
                    rms[worst]
                ),
            ));
            if views.len() < LEAST_VIEWS {
                return Err(too_few(views.len(), rejected));
            }
            continue;
        }
        return Ok(report(
            before,
            samples,
            &views,
            &refined,
            &covariance,
            rejected,
        ));
    }
}

/// The camera's own figures or those of the homographies, whichever explain the corners better.
fn best_start(before: &Intrinsics, other: &Intrinsics, views: &[View]) -> State {
    let poses = |camera: &Intrinsics| {
        views
            .iter()
            .map(|view| Some(board_pose(camera, &view.points)?.camera_from_board))
            .collect::<Option<Vec<_>>>()
            .map(|poses| State {
                camera: *camera,
                poses,
            })
    };
    let cost =
        |state: &State| -> f64 { (0..views.len()).map(|view| state.rms_px(views, view)).sum() };
    [before, other]
        .into_iter()
        .filter_map(poses)
        .min_by(|a, b| cost(a).total_cmp(&cost(b)))
        .unwrap_or_else(|| State {
            camera: *before,
            poses: vec![Isometry3::translation(0.0, 0.0, 1.0); views.len()],
        })
}

/// Zhang's closed form, without distortion; `None` when the views do not determine it.
fn from_homographies(like: &Intrinsics, views: &[View]) -> Option<Intrinsics> {
    let mut sum = SMatrix::<f64, 6, 6>::zeros();
    // Pixels about the middle of the image and by its size, for the arithmetic's sake.
    let middle = Vector2::new(0.5 * f64::from(like.width), 0.5 * f64::from(like.height));
    let size = middle.norm();
    for view in views {
        let pairs: Vec<_> = view
            .points
            .iter()
            .map(|(point, pixel)| (point.xy().coords, (pixel.coords - middle) / size))
            .collect();
        let h = plane_homography(&pairs)?;
        let row = |i: usize, j: usize| {
            let (a, b) = (h.column(i), h.column(j));
            SVector::<f64, 6>::from_column_slice(&[
                a[0] * b[0],
                a[0] * b[1] + a[1] * b[0],
                a[1] * b[1],
                a[2] * b[0] + a[0] * b[2],
                a[2] * b[1] + a[1] * b[2],
                a[2] * b[2],
            ])
        };
        for equation in [row(0, 1), row(0, 0) - row(1, 1)] {
            let equation = equation / equation.norm().max(f64::MIN_POSITIVE);
            sum += equation * equation.transpose();
        }
    }
    let eigen = sum.symmetric_eigen();
    let b: SVector<f64, 6> = eigen.eigenvectors.column(eigen.eigenvalues.imin()).into();
    let (b11, b12, b22, b13, b23, b33) = (b[0], b[1], b[2], b[3], b[4], b[5]);
    let determinant = b11 * b22 - b12 * b12;
    let cy = (b12 * b13 - b11 * b23) / determinant;
    let scale = b33 - (b13 * b13 + cy * (b12 * b13 - b11 * b23)) / b11;
    let fx = (scale / b11).sqrt();
    let fy = (scale * b11 / determinant).sqrt();
    let cx = -b13 * fx * fx / scale;
    Intrinsics::new(
        like.width,
        like.height,
        (fx * size, fy * size),
        (cx * size + middle.x, cy * size + middle.y),
        camera::Distortion::NONE,
    )
    .ok()
}

fn report(
    before: &Intrinsics,
    samples: &[Sample],
    views: &[View],
    refined: &State,
    covariance: &SMatrix<f64, INTRINSIC_COUNT, INTRINSIC_COUNT>,
    rejected: Vec<(String, String)>,
) -> Calibrated {
    let mean_square = |rms: &dyn Fn(usize) -> f64| {
        let squares: f64 = (0..views.len()).map(|view| rms(view).powi(2)).sum();
        (squares / views.len() as f64).sqrt()
    };
    let rms_before = |view: usize| {
        board_pose(before, &views[view].points).map_or(f64::INFINITY, |pose| pose.rms_px)
    };
    let pixels = views.iter().flat_map(|view| &view.points);
    let covered = covered(before, pixels.map(|(_, pixel)| *pixel));
    Calibrated {
        before: *before,
        camera: refined.camera,
        deviation: std::array::from_fn(|index| covariance[(index, index)].max(0.0).sqrt()),
        rms_before_px: mean_square(&rms_before),
        rms_px: mean_square(&|view| refined.rms_px(views, view)),
        difference_px: mean_difference_px(before, &refined.camera),
        uncertainty_px: uncertainty_px(&refined.camera, covariance),
        coverage: covered as f64 / (CELLS.0 * CELLS.1) as f64,
        used: views
            .iter()
            .enumerate()
            .map(|(place, view)| {
                let name = samples
                    .get(view.index)
                    .map_or_else(String::new, |sample| sample.name.clone());
                (name, refined.rms_px(views, place))
            })
            .collect(),
        rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn a_camera_is_found_from_far_off() {
        let mut ratio = 0.0;
        for seed in 0..10 {
            let made = synthetic::pictures(25, 0.2, seed);
            let truth = made.camera;
            let guess = Intrinsics::from_hfov(truth.width, truth.height, 1.2).unwrap();
            let found = calibrate(&guess, &made.board, &made.samples).unwrap();
            let off = mean_difference_px(&truth, &found.camera);
            assert!(off < 1.5, "{seed}: {off} px");
            let fresh = fresh_rms_px(&found.camera, &synthetic::pictures(10, 0.0, 100 + seed));
            assert!(fresh < 0.1, "{seed}: {fresh} px");
            assert!((0.25..0.31).contains(&found.rms_px), "{}", found.rms_px);
            assert!(!found.keeps_factory() && found.rms_before_px > 1.0);
            ratio += (off / found.uncertainty_px) / 10.0;
        }
        assert!((0.6..1.4).contains(&ratio), "{ratio}");
    }

    #[test]
    fn good_factory_figures_are_kept() {
        let made = synthetic::pictures(25, 0.2, 3);
        let found = calibrate(&made.camera, &made.board, &made.samples).unwrap();
        assert!(found.keeps_factory() && found.coverage > 0.8, "{found:?}");
        // What is drawn is what is measured, but for a board that is placed anew.
        let drawn = seen_and_predicted(&found.camera, &made);
        assert_eq!(drawn.len(), made.samples.len());
        for ((name, pairs), (used, rms)) in drawn.iter().zip(&found.used) {
            let squares = pairs
                .iter()
                .map(|[seen, predicted]| (predicted - seen).norm_squared());
            let drawn = (squares.sum::<f64>() / pairs.len() as f64).sqrt();
            assert!(
                name == used && (drawn - rms).abs() < 0.02,
                "{name}: {drawn}, {rms}"
            );
        }
    }

    #[test]
    fn a_bad_picture_is_named_and_few_are_refused() {
        let mut made = synthetic::pictures(12, 0.2, 1);
        for (id, u, _) in &mut made.samples[4].corners {
            *u += 6.0 * f64::from(*id % 3);
        }
        let found = calibrate(&made.camera, &made.board, &made.samples).unwrap();
        assert_eq!(found.rejected.len(), 1);
        assert_eq!(found.rejected[0].0, made.samples[4].name);
        let error = calibrate(&made.camera, &made.board, &made.samples[..3]).unwrap_err();
        assert!(matches!(error, IntrinsicsError::TooFew { usable: 3, .. }));
    }

    #[test]
    fn one_pose_again_and_again_determines_nothing() {
        let mut made = synthetic::pictures(8, 0.0, 1);
        let corners = made.samples[0].corners.clone();
        for sample in &mut made.samples {
            sample.corners.clone_from(&corners);
        }
        let guess = Intrinsics::from_hfov(1280, 720, 1.2).unwrap();
        let found = calibrate(&guess, &made.board, &made.samples);
        assert!(found.is_err() || found.is_ok_and(|found| found.uncertainty_px > 1.0));
    }
}
