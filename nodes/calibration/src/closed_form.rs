//! Closed-form solutions of the hand-eye equations, one function for each published method.
//!
//! All of them take, for each view, where the robot puts what it carries (`mount_from_carrier`) and where the camera
//! sees the board (`camera_from_board`), and find `mount_from_camera`. With the camera standing still, the mount is the
//! robot's base and the carrier its flange; with the camera on the robot, the other way round.
//!
//! The older methods solve `A X = X B` over motions between two views, rotation first; Shah's and Li's solve
//! `M C = X T` over the views themselves and find the board's place C on the carrier at the same time.

use nalgebra::{
    DMatrix, DVector, Isometry3, Matrix3, Matrix4, Quaternion, SMatrix, Unit, UnitQuaternion,
    Vector3, Vector4,
};

use crate::pose::nearest_rotation;

/// What the closed forms work with: where the robot and the camera say things are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Station {
    /// Where the robot puts what it carries, in the frame that the camera is fixed to.
    pub mount_from_carrier: Isometry3<f64>,
    /// Where the camera sees the board.
    pub camera_from_board: Isometry3<f64>,
}

/// A published method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// R. Tsai and R. Lenz, 1989: rotation by modified Rodrigues vectors, then translation.
    TsaiLenz,
    /// F. Park and B. Martin, 1994: rotation by the logarithms of the motions, then translation.
    ParkMartin,
    /// R. Horaud and F. Dornaika, 1995: rotation by quaternions, then translation.
    HoraudDornaika,
    /// N. Andreff, R. Horaud and B. Espiau, 1999: rotation by the Kronecker product, then translation.
    Andreff,
    /// K. Daniilidis, 1999: both at once, by dual quaternions.
    Daniilidis,
    /// M. Shah, 2013: robot-world and hand-eye by the Kronecker product, rotation first.
    Shah,
    /// A. Li, L. Wang and D. Wu, 2010: robot-world and hand-eye by the Kronecker product, both at once.
    Li,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 7] = [
        Self::TsaiLenz,
        Self::ParkMartin,
        Self::HoraudDornaika,
        Self::Andreff,
        Self::Daniilidis,
        Self::Shah,
        Self::Li,
    ];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TsaiLenz => "Tsai-Lenz",
            Self::ParkMartin => "Park-Martin",
            Self::HoraudDornaika => "Horaud-Dornaika",
            Self::Andreff => "Andreff",
            Self::Daniilidis => "Daniilidis",
            Self::Shah => "Shah",
            Self::Li => "Li",
        }
    }

    /// The camera's place on its mount; `None` when the stations do not determine it.
    #[must_use]
    pub fn mount_from_camera(self, stations: &[Station]) -> Option<Isometry3<f64>> {
        let found = match self {
            Self::Shah => shah(stations),
            Self::Li => li(stations),
            _ => {
                let motions = motions(stations);
                if motions.len() < 2 {
                    return None;
                }
                match self {
                    Self::Daniilidis => daniilidis(&motions),
                    Self::TsaiLenz => with_translation(&motions, tsai_lenz(&motions)?),
                    Self::ParkMartin => with_translation(&motions, park_martin(&motions)?),
                    Self::HoraudDornaika => with_translation(&motions, horaud(&motions)?),
                    _ => with_translation(&motions, andreff(&motions)?),
                }
            }
        }?;
        found
            .to_homogeneous()
            .iter()
            .all(|entry| entry.is_finite())
            .then_some(found)
    }
}

/// A motion between two views: A of the carrier in the mount, B of the board in the camera; `A X = X B`.
struct Motion {
    a: Isometry3<f64>,
    b: Isometry3<f64>,
}

/// Turns smaller than this say little about axes, and their noise much.
const LEAST_TURN: f64 = 0.05;

/// The motions between all pairs of stations that turn enough.
fn motions(stations: &[Station]) -> Vec<Motion> {
    let mut motions = Vec::new();
    for (index, from) in stations.iter().enumerate() {
        for to in stations.iter().skip(index + 1) {
            let motion = Motion {
                a: to.mount_from_carrier * from.mount_from_carrier.inverse(),
                b: to.camera_from_board * from.camera_from_board.inverse(),
            };
            let turns = [motion.a.rotation.angle(), motion.b.rotation.angle()];
            // Half a turn has no axis to speak of either: its sign is anybody's guess.
            if turns
                .iter()
                .all(|turn| (LEAST_TURN..std::f64::consts::PI - LEAST_TURN).contains(turn))
            {
                motions.push(motion);
            }
        }
    }
    motions
}

/// Translation for a known rotation: `(Ra - 1) t = R tb - ta` over all motions.
fn with_translation(motions: &[Motion], rotation: UnitQuaternion<f64>) -> Option<Isometry3<f64>> {
    let mut information = Matrix3::zeros();
    let mut right = Vector3::zeros();
    for Motion { a, b } in motions {
        let left = a.rotation.to_rotation_matrix().into_inner() - Matrix3::identity();
        information += left.transpose() * left;
        right += left.transpose() * (rotation * b.translation.vector - a.translation.vector);
    }
    let translation = information.cholesky()?.solve(&right);
    Some(Isometry3::from_parts(translation.into(), rotation))
}

fn tsai_lenz(motions: &[Motion]) -> Option<UnitQuaternion<f64>> {
    // Twice the vector part of the quaternion with the positive real part.
    let rodrigues = |turn: &UnitQuaternion<f64>| {
        let turn = turn.scaled_axis();
        let angle = turn.norm();
        turn * (2.0 * (0.5 * angle).sin() / angle)
    };
    let mut information = Matrix3::zeros();
    let mut right = Vector3::zeros();
    for Motion { a, b } in motions {
        let (a, b) = (rodrigues(&a.rotation), rodrigues(&b.rotation));
        let cross = (a + b).cross_matrix();
        information += cross.transpose() * cross;
        right += cross.transpose() * (b - a);
    }
    // The tangent of half the angle, along the axis.
    let half = information.cholesky()?.solve(&right);
    // A is the motion in the mount: the solution takes B's axes to A's.
    Some(UnitQuaternion::from_quaternion(Quaternion::from_parts(
        1.0, half,
    )))
}

fn park_martin(motions: &[Motion]) -> Option<UnitQuaternion<f64>> {
    let mut both = Matrix3::zeros();
    for Motion { a, b } in motions {
        both += a.rotation.scaled_axis() * b.rotation.scaled_axis().transpose();
    }
    nearest_rotation(&both)
}

fn horaud(motions: &[Motion]) -> Option<UnitQuaternion<f64>> {
    let mut sum = Matrix4::zeros();
    for Motion { a, b } in motions {
        let (a, b) = (a.rotation.axis()?, b.rotation.axis()?);
        // a * q - q * b = 0 with a and b as pure quaternions, q as (w, x, y, z).
        let left = left_product(&Quaternion::from_imag(a.into_inner()));
        let right = right_product(&Quaternion::from_imag(b.into_inner()));
        let difference = left - right;
        sum += difference.transpose() * difference;
    }
    let eigen = sum.symmetric_eigen();
    let least = eigen.eigenvalues.imin();
    let q: Vector4<f64> = eigen.eigenvectors.column(least).into();
    Some(UnitQuaternion::from_quaternion(Quaternion::new(
        q[0], q[1], q[2], q[3],
    )))
}

/// The matrix that multiplies a quaternion (w, x, y, z) by `q` from the left.
fn left_product(q: &Quaternion<f64>) -> Matrix4<f64> {
    let (w, x, y, z) = (q.w, q.i, q.j, q.k);
    Matrix4::new(
        w, -x, -y, -z, //
        x, w, -z, y, //
        y, z, w, -x, //
        z, -y, x, w,
    )
}

/// The matrix that multiplies a quaternion (w, x, y, z) by `q` from the right.
fn right_product(q: &Quaternion<f64>) -> Matrix4<f64> {
    let (w, x, y, z) = (q.w, q.i, q.j, q.k);
    Matrix4::new(
        w, -x, -y, -z, //
        x, w, z, -y, //
        y, -z, w, x, //
        z, y, -x, w,
    )
}

fn matrix(turn: &UnitQuaternion<f64>) -> Matrix3<f64> {
    turn.to_rotation_matrix().into_inner()
}

/// The rotation that a 3x3 matrix, written row by row, is a positive or negative multiple of.
fn rotation_of_multiple(rows: &[f64]) -> Option<UnitQuaternion<f64>> {
    let matrix = Matrix3::from_row_slice(rows);
    let determinant = matrix.determinant();
    if determinant == 0.0 {
        return None;
    }
    let scale = determinant.signum() / determinant.abs().cbrt();
    nearest_rotation(&(matrix * scale))
}

fn andreff(motions: &[Motion]) -> Option<UnitQuaternion<f64>> {
    // Written row by row, Ra R Rb' is (Ra kron Rb) R.
    let mut sum = SMatrix::<f64, 9, 9>::zeros();
    for Motion { a, b } in motions {
        let equations =
            SMatrix::<f64, 9, 9>::identity() - matrix(&a.rotation).kronecker(&matrix(&b.rotation));
        sum += equations.transpose() * equations;
    }
    let eigen = sum.symmetric_eigen();
    let least = eigen.eigenvalues.imin();
    rotation_of_multiple(eigen.eigenvectors.column(least).as_slice())
}

fn daniilidis(motions: &[Motion]) -> Option<Isometry3<f64>> {
    // Unknown: the eight numbers of the dual quaternion, real part first, each (w, x, y, z).
    let mut sum = SMatrix::<f64, 8, 8>::zeros();
    for Motion { a, b } in motions {
        let (real_a, dual_a) = dual_quaternion(a);
        let (real_b, dual_b) = dual_quaternion(b);
        let real = left_product(&real_a) - right_product(&real_b);
        let dual = left_product(&dual_a) - right_product(&dual_b);
        let mut equations = SMatrix::<f64, 8, 8>::zeros();
        equations.fixed_view_mut::<4, 4>(0, 0).copy_from(&real);
        equations.fixed_view_mut::<4, 4>(4, 0).copy_from(&dual);
        equations.fixed_view_mut::<4, 4>(4, 4).copy_from(&real);
        // Real and dual scalars of a motion are those of its screw, the same on both sides: no equations.
        equations.row_mut(0).fill(0.0);
        equations.row_mut(4).fill(0.0);
        sum += equations.transpose() * equations;
    }
    let eigen = sum.symmetric_eigen();
    let mut order: Vec<usize> = (0..8).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*a].total_cmp(&eigen.eigenvalues[*b]));
    let first = eigen.eigenvectors.column(order[0]);
    let second = eigen.eigenvectors.column(order[1]);
    let (u1, v1) = (first.fixed_rows::<4>(0), first.fixed_rows::<4>(4));
    let (u2, v2) = (second.fixed_rows::<4>(0), second.fixed_rows::<4>(4));
    // The real part is of unit length and at right angles to the dual part.
    let (a, b, c) = (u1.dot(&v1), u1.dot(&v2) + u2.dot(&v1), u2.dot(&v2));
    let length = |s: f64, t: f64| {
        s * s * u1.norm_squared() + 2.0 * s * t * u1.dot(&u2) + t * t * u2.norm_squared()
    };
    // a s^2 + b s t + c t^2 = 0, without differences of nearly equal numbers.
    let q = -0.5 * (b + b.signum() * (b * b - 4.0 * a * c).max(0.0).sqrt());
    let (s, t) = [(q, a), (c, q), (1.0, 0.0), (0.0, 1.0)]
        .into_iter()
        .filter_map(|(s, t): (f64, f64)| {
            let norm = s.hypot(t);
            (norm > 0.0).then(|| (s / norm, t / norm))
        })
        .take(2)
        .max_by(|x, y| length(x.0, x.1).total_cmp(&length(y.0, y.1)))?;
    let scale = 1.0 / length(s, t).sqrt();
    let real: Vector4<f64> = (u1 * s + u2 * t) * scale;
    let dual: Vector4<f64> = (v1 * s + v2 * t) * scale;
    let real = Quaternion::new(real[0], real[1], real[2], real[3]);
    let dual = Quaternion::new(dual[0], dual[1], dual[2], dual[3]);
    let translation = (dual * real.conjugate()).imag() * 2.0;
    let rotation = UnitQuaternion::from_quaternion(real);
    Some(Isometry3::from_parts(translation.into(), rotation))
}

/// A motion as a dual quaternion whose real part has a positive scalar.
fn dual_quaternion(motion: &Isometry3<f64>) -> (Quaternion<f64>, Quaternion<f64>) {
    let real = motion.rotation.into_inner();
    let real = if real.w < 0.0 { -real } else { real };
    let dual = Quaternion::from_imag(motion.translation.vector) * real * 0.5;
    (real, dual)
}

fn shah(stations: &[Station]) -> Option<Isometry3<f64>> {
    if stations.len() < 3 {
        return None;
    }
    // Rm Rc = Rx Rt, so that Rx = Rm Rc Rt', written row by row (Rm kron Rt) Rc.
    let mut sum = SMatrix::<f64, 9, 9>::zeros();
    for station in stations {
        sum += matrix(&station.mount_from_carrier.rotation)
            .kronecker(&matrix(&station.camera_from_board.rotation));
    }
    let svd = sum.svd(true, false);
    let u = svd.u?;
    let camera: Vec<f64> = u.column(0).iter().copied().collect();
    let mount_from_camera = rotation_of_multiple(&camera)?;
    // Rm tc + tm = Rx tt + tx
    let mut information = SMatrix::<f64, 6, 6>::zeros();
    let mut right = SMatrix::<f64, 6, 1>::zeros();
    for station in stations {
        let mut left = SMatrix::<f64, 3, 6>::zeros();
        left.fixed_view_mut::<3, 3>(0, 0)
            .copy_from(&matrix(&station.mount_from_carrier.rotation));
        left.fixed_view_mut::<3, 3>(0, 3)
            .copy_from(&-Matrix3::identity());
        let constant = mount_from_camera * station.camera_from_board.translation.vector
            - station.mount_from_carrier.translation.vector;
        information += left.transpose() * left;
        right += left.transpose() * constant;
    }
    let translations = information.cholesky()?.solve(&right);
    let translation: Vector3<f64> = translations.fixed_rows::<3>(3).into();
    Some(Isometry3::from_parts(translation.into(), mount_from_camera))
}

fn li(stations: &[Station]) -> Option<Isometry3<f64>> {
    if stations.len() < 3 {
        return None;
    }
    // Unknown: Rc and Rx row by row, tc, tx.
    let mut information = DMatrix::<f64>::zeros(24, 24);
    let mut right = DVector::<f64>::zeros(24);
    let identity = Matrix3::identity();
    for station in stations {
        let mount = matrix(&station.mount_from_carrier.rotation);
        let camera = matrix(&station.camera_from_board.rotation);
        let mut left = SMatrix::<f64, 12, 24>::zeros();
        left.fixed_view_mut::<9, 9>(0, 0)
            .copy_from(&mount.kronecker(&identity));
        left.fixed_view_mut::<9, 9>(0, 9)
            .copy_from(&-identity.kronecker(&camera.transpose()));
        let seen = station.camera_from_board.translation.vector.transpose();
        left.fixed_view_mut::<3, 9>(9, 9)
            .copy_from(&-identity.kronecker(&seen));
        left.fixed_view_mut::<3, 3>(9, 18).copy_from(&mount);
        left.fixed_view_mut::<3, 3>(9, 21).copy_from(&-identity);
        let mut constant = SMatrix::<f64, 12, 1>::zeros();
        constant
            .fixed_rows_mut::<3>(9)
            .copy_from(&-station.mount_from_carrier.translation.vector);
        information += DMatrix::from_column_slice(24, 24, (left.transpose() * left).as_slice());
        right += DVector::from_column_slice((left.transpose() * constant).as_slice());
    }
    let solution = information.cholesky()?.solve(&right);
    let rows: Vec<f64> = solution.rows(9, 9).iter().copied().collect();
    let rotation = nearest_rotation(&Matrix3::from_row_slice(&rows))?;
    let translation = Vector3::new(solution[21], solution[22], solution[23]);
    Some(Isometry3::from_parts(translation.into(), rotation))
}

/// Where the board is on the carrier, given where the camera is: the mean over the stations.
pub(crate) fn carrier_from_board(
    stations: &[Station],
    mount_from_camera: &Isometry3<f64>,
) -> Option<Isometry3<f64>> {
    let places = stations.iter().map(|station| {
        station
            .mount_from_carrier
            .inv_mul(&(mount_from_camera * station.camera_from_board))
    });
    let mut rotation = Matrix3::zeros();
    let mut translation = Vector3::zeros();
    for place in places {
        rotation += matrix(&place.rotation);
        translation += place.translation.vector / stations.len() as f64;
    }
    Some(Isometry3::from_parts(
        translation.into(),
        nearest_rotation(&rotation)?,
    ))
}

/// How far the carrier's turns spread about their second axis, rad (root mean square), and the axis of the most.
///
/// With turns about one axis only, the camera's place along it stays unknown.
pub(crate) fn turn_spread(poses: &[Isometry3<f64>]) -> (f64, Unit<Vector3<f64>>) {
    let mut sum = Matrix3::zeros();
    let mut count = 0.0;
    for (index, from) in poses.iter().enumerate() {
        for to in poses.iter().skip(index + 1) {
            let turn = (to.rotation * from.rotation.inverse()).scaled_axis();
            sum += turn * turn.transpose();
            count += 1.0;
        }
    }
    if count == 0.0 {
        return (0.0, Vector3::z_axis());
    }
    let eigen = (sum / count).symmetric_eigen();
    let most = eigen.eigenvalues.imax();
    let axis = Unit::new_normalize(eigen.eigenvectors.column(most).into());
    let mut sorted = eigen.eigenvalues;
    sorted.as_mut_slice().sort_by(f64::total_cmp);
    (sorted[1].max(0.0).sqrt(), axis)
}

#[cfg(test)]
mod tests {
    use nalgebra::Vector6;
    use proptest::prelude::*;

    use super::*;
    use crate::pose::{distance, step_isometry};

    fn any_pose() -> impl Strategy<Value = Isometry3<f64>> {
        (
            prop::array::uniform3(-1.0..1.0_f64),
            prop::array::uniform3(-1.5..1.5_f64),
        )
            .prop_map(|(t, r)| step_isometry(&Vector6::new(t[0], t[1], t[2], r[0], r[1], r[2])))
    }

    proptest! {
        #[test]
        fn every_method_finds_the_truth_without_noise(
            mount_from_camera in any_pose(), carrier_from_board in any_pose(),
            carriers in prop::collection::vec(any_pose(), 6..12),
        ) {
            let stations: Vec<Station> = carriers
                .iter()
                .map(|mount_from_carrier| Station {
                    mount_from_carrier: *mount_from_carrier,
                    camera_from_board: mount_from_camera.inverse() * mount_from_carrier * carrier_from_board,
                })
                .collect();
            prop_assume!(turn_spread(&carriers).0 > 0.3);
            for method in Method::ALL {
                let found = method.mount_from_camera(&stations).unwrap();
                let (shift, angle) = distance(&found, &mount_from_camera);
                prop_assert!(shift < 1e-6 && angle < 1e-6, "{}: {shift} m, {angle} rad", method.name());
            }
            let board = super::carrier_from_board(&stations, &mount_from_camera).unwrap();
            prop_assert!(distance(&board, &carrier_from_board).0 < 1e-9);
        }
    }

    #[test]
    fn turns_about_one_axis_are_noticed() {
        let turns = |axes: &[[f64; 3]]| {
            let poses: Vec<_> = axes
                .iter()
                .map(|axis| step_isometry(&Vector6::new(0.0, 0.0, 0.0, axis[0], axis[1], axis[2])))
                .collect();
            turn_spread(&poses)
        };
        let (spread, axis) = turns(&[[0.0, 0.0, 0.0], [0.0, 0.0, 0.5], [0.0, 0.0, 1.0]]);
        assert!(spread < 1e-6 && axis.z.abs() > 0.999);
        assert!(turns(&[[0.0, 0.0, 0.0], [0.0, 0.5, 0.0], [0.5, 0.0, 0.0]]).0 > 0.2);
        assert!(
            Method::ALL
                .iter()
                .all(|method| method.mount_from_camera(&[]).is_none())
        );
    }
}
