//! The result of a hand-eye calibration and its verdict.

use camera::Intrinsics;
use nalgebra::{Isometry3, Matrix3x6, Matrix6, Vector3};

use super::problem::Noise;
use crate::{
    closed_form::Method,
    pose::along_parent,
    sample::{Frames, Setup},
};

/// Standard deviations of a pose along and about the axes of the frame that it is given in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviation {
    /// Of the origin along x, y, z, in metres.
    pub translation_m: [f64; 3],
    /// Of the orientation about x, y, z, in rad.
    pub rotation_rad: [f64; 3],
}

impl Deviation {
    pub(crate) fn of(pose: &Isometry3<f64>, covariance: &Matrix6<f64>) -> Self {
        let covariance = along_parent(pose, covariance);
        let deviation = |axis: usize| covariance[(axis, axis)].max(0.0).sqrt();
        Self {
            translation_m: [0, 1, 2].map(deviation),
            rotation_rad: [3, 4, 5].map(deviation),
        }
    }

    /// Root of the summed variances of the three axes, in metres: the expected distance, or a little more.
    #[must_use]
    pub fn position_m(&self) -> f64 {
        Vector3::from(self.translation_m).norm()
    }

    /// The same of the three angles, in rad.
    #[must_use]
    pub fn orientation_rad(&self) -> f64 {
        Vector3::from(self.rotation_rad).norm()
    }
}

/// How far a calibration may be off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// The camera's place, metres.
    pub position_m: f64,
    /// Its orientation, rad.
    pub orientation_rad: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self {
            position_m: 1e-3,
            orientation_rad: 0.1_f64.to_radians(),
        }
    }
}

impl Tolerance {
    /// Twice the deviations over what is tolerated; at most 1 is good.
    #[must_use]
    pub fn share(&self, deviation: &Deviation) -> f64 {
        let position = 2.0 * deviation.position_m() / self.position_m;
        position.max(2.0 * deviation.orientation_rad() / self.orientation_rad)
    }
}

/// What became of a sample.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleOutcome {
    /// It is part of the result.
    Used {
        /// Root mean square of the distance between its corners and where the result predicts them, pixels.
        rms_px: f64,
        /// The same, predicted from all other samples; `None` when that was not asked for.
        left_out_px: Option<f64>,
        /// How far the robot was from where its joints put it, metres.
        robot_m: f64,
        /// The same of its orientation, rad.
        robot_rad: f64,
    },
    /// It is not.
    Rejected {
        /// Why not.
        reason: String,
    },
}

/// Where the camera is, and how well that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct HandEye {
    /// Where camera and board are.
    pub setup: Setup,
    /// Names of the frames.
    pub frames: Frames,
    /// The camera's optical frame in the frame that it is fixed to: the base when it stands still, else the flange.
    pub mount_from_camera: Isometry3<f64>,
    /// Its deviations.
    pub deviation: Deviation,
    /// Deviation of a point that the camera sees at the working distance, metres: what a grasp suffers from.
    pub point_deviation_m: f64,
    /// Mean distance of the board in the samples.
    pub working_distance_m: f64,
    /// The board in the frame that it is fixed to: the flange when the camera stands still, else the base.
    pub carrier_from_board: Isometry3<f64>,
    /// Its deviations.
    pub board_deviation: Deviation,
    /// The camera's intrinsics, refined or as they were.
    pub camera: Intrinsics,
    /// Whether they were refined.
    pub intrinsics_refined: bool,
    /// How uncertain corners and robot turned out to be.
    pub noise: Noise,
    /// What became of each sample, by its name.
    pub samples: Vec<(String, SampleOutcome)>,
    /// What the closed forms make of all samples that are good by themselves.
    pub closed_forms: Vec<(Method, Option<Isometry3<f64>>)>,
    /// What the verdict is measured against.
    pub tolerance: Tolerance,
}

impl HandEye {
    /// Whether the result is within tolerance, with 95 % confidence or so: twice its deviations are.
    #[must_use]
    pub fn is_within_tolerance(&self) -> bool {
        self.tolerance.share(&self.deviation) <= 1.0
    }

    /// How many samples the result rests on.
    #[must_use]
    pub fn used(&self) -> usize {
        self.samples
            .iter()
            .filter(|(_, outcome)| matches!(outcome, SampleOutcome::Used { .. }))
            .count()
    }

    /// Root mean square of the used samples' distances, in pixels.
    #[must_use]
    pub fn rms_px(&self) -> f64 {
        self.root_mean_square(|outcome| match outcome {
            SampleOutcome::Used { rms_px, .. } => Some(*rms_px),
            SampleOutcome::Rejected { .. } => None,
        })
        .unwrap_or(f64::NAN)
    }

    /// The same for samples predicted from all others; `None` when that was not asked for.
    #[must_use]
    pub fn left_out_px(&self) -> Option<f64> {
        self.root_mean_square(|outcome| match outcome {
            SampleOutcome::Used { left_out_px, .. } => *left_out_px,
            SampleOutcome::Rejected { .. } => None,
        })
    }

    fn root_mean_square(&self, figure: impl Fn(&SampleOutcome) -> Option<f64>) -> Option<f64> {
        let squares: Vec<f64> = self
            .samples
            .iter()
            .filter_map(|(_, outcome)| Some(figure(outcome)?.powi(2)))
            .collect();
        (!squares.is_empty()).then(|| (squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
    }
}

/// Deviation of a point of the optical frame when the camera is uncertain by `covariance` in its own axes, metres.
pub(super) fn point_deviation(covariance: &Matrix6<f64>, point: &Vector3<f64>) -> f64 {
    let mut by_step = Matrix3x6::zeros();
    by_step
        .fixed_view_mut::<3, 3>(0, 0)
        .copy_from(&nalgebra::Matrix3::identity());
    by_step
        .fixed_view_mut::<3, 3>(0, 3)
        .copy_from(&-point.cross_matrix());
    (by_step * covariance * by_step.transpose())
        .trace()
        .max(0.0)
        .sqrt()
}
