//! OpenCV's own hand-eye solvers, to hold ours against.

use nalgebra::{Isometry3, Matrix3, Vector3};
use opencv::{
    calib3d::{self, HandEyeCalibrationMethod},
    core::{Mat, MatTraitConst as _, MatTraitConstManual as _, Vector},
};

use crate::{
    closed_form::{Method, Station},
    pose::nearest_rotation,
};

/// The camera's place by OpenCV's implementation of a method; `None` for methods that it lacks, and where it finds none.
#[must_use]
pub fn mount_from_camera(method: Method, stations: &[Station]) -> Option<Isometry3<f64>> {
    let method = match method {
        Method::TsaiLenz => HandEyeCalibrationMethod::CALIB_HAND_EYE_TSAI,
        Method::ParkMartin => HandEyeCalibrationMethod::CALIB_HAND_EYE_PARK,
        Method::HoraudDornaika => HandEyeCalibrationMethod::CALIB_HAND_EYE_HORAUD,
        Method::Andreff => HandEyeCalibrationMethod::CALIB_HAND_EYE_ANDREFF,
        Method::Daniilidis => HandEyeCalibrationMethod::CALIB_HAND_EYE_DANIILIDIS,
        Method::Shah | Method::Li => return None,
    };
    solve(method, stations).ok().flatten()
}

fn solve(
    method: HandEyeCalibrationMethod,
    stations: &[Station],
) -> opencv::Result<Option<Isometry3<f64>>> {
    let mut parts: [Vector<Mat>; 4] = std::array::from_fn(|_| Vector::new());
    for station in stations {
        // OpenCV's "gripper" is what carries the camera.
        let carrier_from_mount = station.mount_from_carrier.inverse();
        for (part, pose) in [(0, carrier_from_mount), (2, station.camera_from_board)] {
            let turn = pose.rotation.to_rotation_matrix();
            let rows: Vec<[f64; 3]> = turn
                .matrix()
                .row_iter()
                .map(|row| [row[0], row[1], row[2]])
                .collect();
            parts[part].push(Mat::from_slice_2d(&rows)?);
            let shift: Vec<[f64; 1]> = pose
                .translation
                .vector
                .iter()
                .map(|value| [*value])
                .collect();
            parts[part + 1].push(Mat::from_slice_2d(&shift)?);
        }
    }
    let (mut turn, mut shift) = (Mat::default(), Mat::default());
    calib3d::calibrate_hand_eye(
        &parts[0], &parts[1], &parts[2], &parts[3], &mut turn, &mut shift, method,
    )?;
    if turn.total() != 9 || shift.total() != 3 {
        return Ok(None);
    }
    let rotation = nearest_rotation(&Matrix3::from_row_slice(turn.data_typed::<f64>()?));
    let translation = Vector3::from_column_slice(shift.data_typed::<f64>()?);
    let finite = translation.iter().all(|value| value.is_finite());
    Ok(rotation
        .filter(|_| finite)
        .map(|rotation| Isometry3::from_parts(translation.into(), rotation)))
}
