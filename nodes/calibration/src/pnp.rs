//! Where a board is, from the corners that a camera sees of it.
//!
//! The homography between board and undistorted image gives a first pose, which the reprojection error then refines. A
//! small board far away has a second pose that explains it nearly as well, tilted the other way: both are tried.

use camera::Intrinsics;
use nalgebra::{
    DMatrix, DVector, Isometry3, Matrix3, Matrix6, Point2, Point3, SMatrix, UnitQuaternion,
    Vector2, Vector3, Vector6,
};

use crate::{
    bundle::{Bundle, ViewTerms, minimize},
    pose,
    projection::project,
};

/// The place of a board, and how well its corners agree with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoardPose {
    /// Transform from the board's frame to the camera's optical frame.
    pub camera_from_board: Isometry3<f64>,
    /// Root of the mean squared distance between seen and predicted corners, pixels.
    pub rms_px: f64,
}

/// The pose of a planar board (z = 0) from at least four corners; `None` when they do not determine one.
#[must_use]
pub fn board_pose(camera: &Intrinsics, points: &[(Point3<f64>, Point2<f64>)]) -> Option<BoardPose> {
    let homography = homography(camera, points)?;
    let first = refined(camera, points, pose_of(&homography)?)?;
    let second = refined(
        camera,
        points,
        tilted_back(&first.camera_from_board, points),
    );
    Some(match second {
        Some(second) if second.rms_px < first.rms_px => second,
        _ => first,
    })
}

/// The homography from the board's plane (metres) to normalised image coordinates.
fn homography(camera: &Intrinsics, points: &[(Point3<f64>, Point2<f64>)]) -> Option<Matrix3<f64>> {
    let pairs: Vec<(Vector2<f64>, Vector2<f64>)> = points
        .iter()
        .map(|(point, pixel)| Some((point.xy().coords, camera.ray(pixel).ok()?)))
        .collect::<Option<_>>()?;
    plane_homography(&pairs)
}

/// The homography that takes the first of each pair to the second (direct linear transformation, normalised).
pub(crate) fn plane_homography(pairs: &[(Vector2<f64>, Vector2<f64>)]) -> Option<Matrix3<f64>> {
    if pairs.len() < 4 {
        return None;
    }
    let from = normalization(pairs.iter().map(|(from, _)| *from))?;
    let to = normalization(pairs.iter().map(|(_, to)| *to))?;
    let mut equations = SMatrix::<f64, 9, 9>::zeros();
    for (a, b) in pairs {
        let a = from * a.push(1.0);
        let b = to * b.push(1.0);
        for row in [
            [0.0, 0.0, 0.0, -a.x, -a.y, -1.0, b.y * a.x, b.y * a.y, b.y],
            [a.x, a.y, 1.0, 0.0, 0.0, 0.0, -b.x * a.x, -b.x * a.y, -b.x],
        ] {
            let row = SMatrix::<f64, 9, 1>::from_row_slice(&row);
            equations += row * row.transpose();
        }
    }
    let eigen = equations.symmetric_eigen();
    let mut order: Vec<usize> = (0..9).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*a].total_cmp(&eigen.eigenvalues[*b]));
    // Two directions without information: the points lie on a line.
    if eigen.eigenvalues[order[1]] < 1e-9 * eigen.eigenvalues[order[8]] {
        return None;
    }
    let solution = eigen.eigenvectors.column(order[0]);
    let matrix = Matrix3::from_row_slice(solution.as_slice());
    Some(to.try_inverse()? * matrix * from)
}

/// Moves points to their mean and scales them to a mean distance of the root of two.
fn normalization(points: impl Iterator<Item = Vector2<f64>> + Clone) -> Option<Matrix3<f64>> {
    let count = points.clone().count() as f64;
    let mean = points.clone().sum::<Vector2<f64>>() / count;
    let spread = points.map(|point| (point - mean).norm()).sum::<f64>() / count;
    let scale = std::f64::consts::SQRT_2 / spread;
    scale.is_finite().then(|| {
        Matrix3::new(
            scale,
            0.0,
            -scale * mean.x, //
            0.0,
            scale,
            -scale * mean.y, //
            0.0,
            0.0,
            1.0,
        )
    })
}

/// The pose whose first two axes and origin are the columns of a homography.
pub(crate) fn pose_of(homography: &Matrix3<f64>) -> Option<Isometry3<f64>> {
    let (x, y, t) = (
        homography.column(0),
        homography.column(1),
        homography.column(2),
    );
    let mut scale = 2.0 / (x.norm() + y.norm());
    if t.z < 0.0 {
        scale = -scale; // the board is in front of the camera
    }
    let (x, y, t): (Vector3<f64>, Vector3<f64>, Vector3<f64>) = (x * scale, y * scale, t * scale);
    let rotation = pose::nearest_rotation(&Matrix3::from_columns(&[x, y, x.cross(&y)]))?;
    Some(Isometry3::from_parts(t.into(), rotation))
}

/// The other pose that a distant board may have: tilted against the line of sight by as much the other way.
fn tilted_back(pose: &Isometry3<f64>, points: &[(Point3<f64>, Point2<f64>)]) -> Isometry3<f64> {
    let sum: Vector3<f64> = points.iter().map(|(point, _)| point.coords).sum();
    let middle = Point3::from(sum / points.len() as f64);
    let seen = pose * middle;
    let sight = seen.coords.normalize();
    let normal = pose.rotation * Vector3::z();
    let Some(turn) = UnitQuaternion::rotation_between(&normal, &sight) else {
        return *pose;
    };
    let rotation = turn * turn * pose.rotation;
    Isometry3::from_parts((seen.coords - rotation * middle.coords).into(), rotation)
}

fn refined(
    camera: &Intrinsics,
    points: &[(Point3<f64>, Point2<f64>)],
    start: Isometry3<f64>,
) -> Option<BoardPose> {
    let minimum = minimize(&OneBoard { camera, points }, start).ok()?;
    Some(BoardPose {
        camera_from_board: minimum.state,
        rms_px: (2.0 * minimum.cost / points.len() as f64).sqrt(),
    })
}

/// Normal equations of a board's pose for corners of one pixel's deviation; a step is in the board's frame.
pub(crate) fn pose_terms(
    camera: &Intrinsics,
    points: &[(Point3<f64>, Point2<f64>)],
    camera_from_board: &Isometry3<f64>,
) -> Option<(f64, Matrix6<f64>, Vector6<f64>)> {
    let rotation = camera_from_board.rotation.to_rotation_matrix();
    let mut cost = 0.0;
    let mut information = Matrix6::zeros();
    let mut gradient = Vector6::zeros();
    for (point, pixel) in points {
        let seen = project(camera, &(camera_from_board * point))?;
        let residual = seen.pixel - pixel;
        let by_shift = seen.by_point * rotation.matrix();
        let mut by_step = SMatrix::<f64, 2, 6>::zeros();
        by_step.fixed_view_mut::<2, 3>(0, 0).copy_from(&by_shift);
        by_step
            .fixed_view_mut::<2, 3>(0, 3)
            .copy_from(&(-by_shift * point.coords.cross_matrix()));
        cost += 0.5 * residual.norm_squared();
        information += by_step.transpose() * by_step;
        gradient += by_step.transpose() * residual;
    }
    Some((cost, information, gradient))
}

struct OneBoard<'a> {
    camera: &'a Intrinsics,
    points: &'a [(Point3<f64>, Point2<f64>)],
}

impl Bundle for OneBoard<'_> {
    type State = Isometry3<f64>;

    fn shared(&self) -> usize {
        6
    }

    fn views(&self) -> usize {
        1
    }

    fn linearize(&self, state: &Isometry3<f64>, _view: usize) -> Option<ViewTerms> {
        let (cost, information, gradient) = pose_terms(self.camera, self.points, state)?;
        Some(ViewTerms {
            cost,
            shared: DMatrix::from_column_slice(6, 6, information.as_slice()),
            shared_gradient: DVector::from_column_slice(gradient.as_slice()),
            own: None,
        })
    }

    fn stepped(
        &self,
        state: &Isometry3<f64>,
        shared: &DVector<f64>,
        _own: &[Vector6<f64>],
    ) -> Isometry3<f64> {
        pose::moved(state, &Vector6::from_column_slice(shared.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::board::Board;

    fn camera() -> Intrinsics {
        let distortion = camera::Distortion::from([-0.055, 0.06, -0.001, -0.0008, -0.016]);
        Intrinsics::new(848, 480, (447.0, 447.5), (424.0, 239.0), distortion).unwrap()
    }

    fn seen(board: &Board, pose: &Isometry3<f64>) -> Vec<(Point3<f64>, Point2<f64>)> {
        board
            .corners()
            .into_values()
            .map(|point| (point, camera().project(&(pose * point)).unwrap()))
            .collect()
    }

    proptest! {
        #[test]
        fn a_board_is_found_where_it_is(
            x in -0.15..0.15_f64, y in -0.1..0.1_f64, z in 0.35..0.8_f64,
            tilt_x in -0.9..0.9_f64, tilt_y in -0.9..0.9_f64, roll in -3.0..3.0_f64, single in any::<bool>(),
        ) {
            let board = if single {
                Board::Marker { dictionary: String::new(), id: 0, marker_m: 0.08 }
            } else {
                Board::MarkerGrid { dictionary: String::new(), columns: 4, rows: 3, marker_m: 0.04, gap_m: 0.01, first_id: 0 }
            };
            let turn = UnitQuaternion::from_euler_angles(tilt_x, tilt_y, 0.0)
                * UnitQuaternion::from_euler_angles(0.0, 0.0, roll);
            let truth = Isometry3::from_parts(Vector3::new(x, y, z).into(), turn);
            let found = board_pose(&camera(), &seen(&board, &truth)).unwrap();
            let (shift, angle) = pose::distance(&found.camera_from_board, &truth);
            prop_assert!(shift < 1e-5 && angle < 1e-4, "{shift} m, {angle} rad, {} px", found.rms_px);
        }
    }

    #[test]
    fn points_on_a_line_determine_nothing() {
        let line: Vec<_> = (0..6)
            .map(|i| {
                let point = Point3::new(0.02 * f64::from(i), 0.0, 0.0);
                (
                    point,
                    camera()
                        .project(&(point + Vector3::new(0.0, 0.0, 0.5)))
                        .unwrap(),
                )
            })
            .collect();
        assert_eq!(board_pose(&camera(), &line), None);
        assert_eq!(board_pose(&camera(), &line[..3]), None);
    }
}
