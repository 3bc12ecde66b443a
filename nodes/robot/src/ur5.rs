//! The UR5 arm in closed form: forward kinematics from the published Denavit-Hartenberg figures, and the inverse.
//!
//! Frames: everything is in `base_link` (REP 103: the UR description's base, x forward). The controller's own `base`
//! frame is turned by 180 degrees about z; [`base_link_from_base`] converts. The tip is `tool0`, the controller's
//! tool frame with no tool centre point set.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use nalgebra::{Isometry3, Matrix4, Translation3, UnitQuaternion, Vector3};

/// The six joints in the order of every array of the arm.
pub const JOINTS: [&str; 6] = [
    "shoulder_pan_joint",
    "shoulder_lift_joint",
    "elbow_joint",
    "wrist_1_joint",
    "wrist_2_joint",
    "wrist_3_joint",
];

/// Least and greatest position of each joint in rad, as published.
pub const LIMITS: [(f64, f64); 6] = [
    (-TAU, TAU),
    (-TAU, TAU),
    (-PI, PI),
    (-TAU, TAU),
    (-TAU, TAU),
    (-TAU, TAU),
];

/// The posture from which the original cell starts each grasp, in rad: the hand above the table, palm down.
#[allow(clippy::approx_constant, reason = "published to four decimals")]
pub const RESET_POSE: [f64; 6] = [0.6985, -1.4106, 1.2932, 0.1174, 0.6983, 1.5708];

// Published Denavit-Hartenberg parameters (Universal Robots), in m and rad.
const D1: f64 = 0.089_159;
const A2: f64 = -0.425;
const A3: f64 = -0.392_25;
const D4: f64 = 0.109_15;
const D5: f64 = 0.094_65;
const D6: f64 = 0.0823;

/// Sine of the wrist-2 angle below which wrist 1 and wrist 3 count as parallel.
const WRIST_SINGULAR: f64 = 1e-9;
/// How far beyond 1 a cosine may be by rounding alone; about 1e-5 rad at full stretch.
const COSINE_SLACK: f64 = 1e-10;

/// Turns coordinates of the controller's `base` frame into `base_link`.
#[must_use]
pub fn base_link_from_base() -> Isometry3<f64> {
    Isometry3::from_parts(
        Translation3::identity(),
        UnitQuaternion::from_axis_angle(&Vector3::z_axis(), PI),
    )
}

/// The pose of `tool0` in `base_link` for joint positions in rad.
#[must_use]
pub fn forward(q: &[f64; 6]) -> Isometry3<f64> {
    base_link_from_base()
        * dh(q[0], D1, 0.0, FRAC_PI_2)
        * dh(q[1], 0.0, A2, 0.0)
        * dh(q[2], 0.0, A3, 0.0)
        * dh(q[3], D4, 0.0, FRAC_PI_2)
        * dh(q[4], D5, 0.0, -FRAC_PI_2)
        * dh(q[5], D6, 0.0, 0.0)
}

/// One row of a Denavit-Hartenberg table: turn and move along z, then move and turn along x.
fn dh(theta: f64, d: f64, a: f64, alpha: f64) -> Isometry3<f64> {
    let turn_z = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), theta);
    let turn_x = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), alpha);
    Isometry3::from_parts(
        Translation3::from(turn_z * Vector3::new(a, 0.0, d)),
        turn_z * turn_x,
    )
}

/// Up to eight sets of joint positions that bring `tool0` to a pose, each joint in (-pi, pi].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Solutions {
    found: [[f64; 6]; 8],
    count: usize,
}

impl Solutions {
    /// The solutions.
    #[must_use]
    pub fn as_slice(&self) -> &[[f64; 6]] {
        self.found.get(..self.count).unwrap_or(&[])
    }

    /// Whether the pose is out of reach.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn push(&mut self, q: [f64; 6]) {
        if let Some(slot) = self.found.get_mut(self.count) {
            *slot = q.map(wrap);
            self.count += 1;
        }
    }
}

/// All joint positions that bring `tool0` to a pose in `base_link`.
///
/// Where wrist 1 and wrist 3 are parallel, only the sum of the two is determined; `wrist_3` then says which member
/// of the family is returned. A pose with something that is not finite has no solution.
#[must_use]
pub fn inverse(base_link_from_tool0: &Isometry3<f64>, wrist_3: f64) -> Solutions {
    let mut solutions = Solutions::default();
    let base_from_tool0 = base_link_from_base().inverse() * base_link_from_tool0;
    let target: Matrix4<f64> = base_from_tool0.to_homogeneous();
    if !target.iter().all(|entry| entry.is_finite()) || !wrist_3.is_finite() {
        return solutions;
    }
    // Joint 1: seen from above, the centre of wrist 2 is D4 beside the plane of the arm.
    let wrist_x = target[(0, 3)] - D6 * target[(0, 2)];
    let wrist_y = target[(1, 3)] - D6 * target[(1, 2)];
    let distance = wrist_x.hypot(wrist_y);
    let Some(side) = arc_cosine(D4 / distance) else {
        return solutions;
    };
    for pan in both(side).map(|side| wrist_y.atan2(wrist_x) + side + FRAC_PI_2) {
        let (sin_pan, cos_pan) = pan.sin_cos();
        // The tool's axes, seen along the normal of the plane of the arm.
        let normal = |column: usize| target[(0, column)] * sin_pan - target[(1, column)] * cos_pan;
        let (x_normal, y_normal, z_normal) = (normal(0), normal(1), normal(2));
        let sin_wrist_2 = x_normal.hypot(y_normal);
        for sign in [1.0, -1.0] {
            let wrist_2 = (sign * sin_wrist_2).atan2(z_normal);
            let wrist_3 = if sin_wrist_2 < WRIST_SINGULAR {
                wrist_3
            } else {
                (-sign * y_normal).atan2(sign * x_normal)
            };
            push_planar(&mut solutions, &base_from_tool0, pan, wrist_2, wrist_3);
            if sin_wrist_2 < WRIST_SINGULAR {
                break; // both signs are the same angle here
            }
        }
    }
    solutions
}

/// Joints 2 to 4, a planar arm with two elbows.
fn push_planar(
    solutions: &mut Solutions,
    base_from_tool0: &Isometry3<f64>,
    pan: f64,
    wrist_2: f64,
    wrist_3: f64,
) {
    let base_from_1 = dh(pan, D1, 0.0, FRAC_PI_2);
    let from_4_to_tool = dh(wrist_2, D5, 0.0, -FRAC_PI_2) * dh(wrist_3, D6, 0.0, 0.0);
    let planar = base_from_1.inverse() * base_from_tool0 * from_4_to_tool.inverse();
    let (x, y) = (planar.translation.x, planar.translation.y);
    let Some(bend) = arc_cosine((x * x + y * y - A2 * A2 - A3 * A3) / (2.0 * A2 * A3)) else {
        return;
    };
    let x_axis = planar.rotation * Vector3::x();
    let sum = x_axis.y.atan2(x_axis.x);
    let elbows = both(bend);
    // At full stretch both elbows are one.
    let distinct = if bend == 0.0 {
        &elbows[..1]
    } else {
        &elbows[..]
    };
    for &elbow in distinct {
        let lift = y.atan2(x) - (A3 * elbow.sin()).atan2(A2 + A3 * elbow.cos());
        solutions.push([pan, lift, elbow, sum - lift - elbow, wrist_2, wrist_3]);
    }
}

/// The joint positions within `limits` that bring `tool0` to a pose with the least motion from `seed`.
///
/// Each solution is taken at the turn nearest to the seed that its limits allow; the least greatest joint motion
/// wins. None when the pose is out of reach or beyond the limits.
#[must_use]
pub fn inverse_nearest(
    base_link_from_tool0: &Isometry3<f64>,
    seed: &[f64; 6],
    limits: &[(f64, f64); 6],
) -> Option<[f64; 6]> {
    if !seed.iter().all(|position| position.is_finite()) {
        return None;
    }
    let motion = |q: &[f64; 6]| {
        q.iter()
            .zip(seed)
            .map(|(to, from)| (to - from).abs())
            .fold(0.0, f64::max)
    };
    inverse(base_link_from_tool0, seed[5])
        .as_slice()
        .iter()
        .filter_map(|solution| nearest_turns(solution, seed, limits))
        .min_by(|first, second| motion(first).total_cmp(&motion(second)))
}

fn nearest_turns(
    solution: &[f64; 6],
    seed: &[f64; 6],
    limits: &[(f64, f64); 6],
) -> Option<[f64; 6]> {
    let mut result = *solution;
    for ((position, seed), (lower, upper)) in result.iter_mut().zip(seed).zip(limits) {
        let nearest = *position + TAU * ((seed - *position) / TAU).round();
        *position = [nearest, nearest - TAU, nearest + TAU]
            .into_iter()
            .filter(|turn| (lower..=upper).contains(&turn))
            .min_by(|first, second| (first - seed).abs().total_cmp(&(second - seed).abs()))?;
    }
    Some(result)
}

fn both(angle: f64) -> [f64; 2] {
    [angle, -angle]
}

/// None where no angle has that cosine.
fn arc_cosine(cosine: f64) -> Option<f64> {
    (cosine.abs() <= 1.0 + COSINE_SLACK).then(|| cosine.clamp(-1.0, 1.0).acos())
}

/// The same angle in (-pi, pi].
fn wrap(angle: f64) -> f64 {
    let wrapped = angle - TAU * (angle / TAU).round();
    if wrapped <= -PI {
        wrapped + TAU
    } else {
        wrapped
    }
}
