//! How far cameras are apart, and how well one is known, in pixels over the image.

use camera::Intrinsics;
use nalgebra::{Matrix2x3, Matrix3, Point2, Point3, SMatrix, UnitQuaternion, Vector3};

use crate::{
    pnp::board_pose,
    projection::{self, INTRINSIC_COUNT, project},
    sample::{Sample, Samples},
};

/// Pixels on a grid over the image, with the rays that the camera has for them.
fn grid(camera: &Intrinsics) -> impl Iterator<Item = Point3<f64>> {
    const STEPS: usize = 12;
    let at = |step: usize, size: u32| (step as f64 + 0.5) / STEPS as f64 * f64::from(size) - 0.5;
    let pixels = (0..STEPS * STEPS).map(move |cell| {
        Point2::new(
            at(cell % STEPS, camera.width),
            at(cell / STEPS, camera.height),
        )
    });
    pixels.filter_map(|pixel| {
        camera
            .ray(&pixel)
            .ok()
            .map(|ray| Point3::new(ray.x, ray.y, 1.0))
    })
}

/// Mean distance over the image of the pixels in which two cameras see the same things, once one of them is turned so
/// that they agree best: how a camera is turned is for its mounting to say, not for its intrinsics.
#[must_use]
pub fn mean_difference_px(first: &Intrinsics, second: &Intrinsics) -> f64 {
    let rays: Vec<_> = grid(first).collect();
    let mut turn = UnitQuaternion::identity();
    let mut mean = f64::INFINITY;
    for _ in 0..6 {
        let mut information = Matrix3::zeros();
        let mut right = Vector3::zeros();
        let mut sum = 0.0;
        let mut count = 0.0_f64;
        for ray in &rays {
            let (Ok(wanted), Some(seen)) = (first.project(ray), project(second, &(turn * ray)))
            else {
                continue;
            };
            let by_turn = by_turn(&seen, &(turn * ray));
            let residual = seen.pixel - wanted;
            information += by_turn.transpose() * by_turn;
            right += by_turn.transpose() * residual;
            sum += residual.norm();
            count += 1.0;
        }
        mean = sum / count.max(1.0);
        let Some(step) = information
            .cholesky()
            .map(|information| information.solve(&right))
        else {
            break;
        };
        turn = UnitQuaternion::from_scaled_axis(-step) * turn;
    }
    mean
}

/// Change of the pixel of a point with a turn of the point about the camera.
fn by_turn(seen: &projection::Projection, point: &Point3<f64>) -> Matrix2x3<f64> {
    -(seen.by_point * point.coords.cross_matrix())
}

/// Root mean square over the image of the deviation of a camera's pixels, but for what a turn of it explains.
pub(super) fn uncertainty_px(
    camera: &Intrinsics,
    covariance: &SMatrix<f64, INTRINSIC_COUNT, INTRINSIC_COUNT>,
) -> f64 {
    let seen: Vec<_> = grid(camera)
        .filter_map(|ray| {
            let seen = project(camera, &ray)?;
            Some((seen.by_intrinsics, by_turn(&seen, &ray)))
        })
        .collect();
    let mut turns = Matrix3::zeros();
    let mut cross = SMatrix::<f64, 3, INTRINSIC_COUNT>::zeros();
    for (by_intrinsics, by_turn) in &seen {
        turns += by_turn.transpose() * by_turn;
        cross += by_turn.transpose() * by_intrinsics;
    }
    let explained = turns.try_inverse().unwrap_or_default() * cross;
    let variances = seen.iter().map(|(by_intrinsics, by_turn)| {
        let left = by_intrinsics - by_turn * explained;
        (left * covariance * left.transpose()).trace()
    });
    (variances.sum::<f64>() / seen.len().max(1) as f64)
        .max(0.0)
        .sqrt()
}

/// How well a camera explains pictures that it was not calibrated on: root mean square over them of the distance between
/// seen and predicted corners, pixels, with the board of each placed as well as may be.
#[must_use]
pub fn fresh_rms_px(camera: &Intrinsics, pictures: &Samples) -> f64 {
    let corners = pictures.board.corners();
    let squares: Vec<f64> = pictures
        .samples
        .iter()
        .filter_map(|sample| {
            let view = sample.view(0, &corners).ok()?;
            Some(board_pose(camera, &view.points)?.rms_px.powi(2))
        })
        .collect();
    (squares.iter().sum::<f64>() / squares.len() as f64).sqrt()
}

/// The corners of each picture by name: where they were seen, and where a camera has them when the board is placed as well
/// as may be, pixels. Pictures that determine no pose of the board are left out.
#[must_use]
pub fn seen_and_predicted(
    camera: &Intrinsics,
    pictures: &Samples,
) -> Vec<(String, Vec<[Point2<f64>; 2]>)> {
    let corners = pictures.board.corners();
    let pairs = |(index, sample): (usize, &Sample)| {
        let view = sample.view(index, &corners).ok()?;
        let pose = board_pose(camera, &view.points)?;
        let pairs = view.points.iter().filter_map(|(point, seen)| {
            let predicted = camera.project(&(pose.camera_from_board * point)).ok()?;
            Some([*seen, predicted])
        });
        Some((sample.name.clone(), pairs.collect()))
    };
    pictures
        .samples
        .iter()
        .enumerate()
        .filter_map(pairs)
        .collect()
}
