//! The arm of the shipped description against the published figures, and the closed form against itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::approx_constant,
    clippy::type_complexity,
    clippy::needless_range_loop,
    reason = "tests may fail loudly"
)]

use nalgebra::{Isometry3, Matrix4, UnitQuaternion, Vector3};
use proptest::prelude::*;
use rand::SeedableRng as _;
use robot::{Kinematics, Model, ur5};

fn model() -> Model {
    Model::from_file(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../urdf/ur5_sih.urdf"
    ))
    .unwrap()
}

fn distance(first: &Isometry3<f64>, second: &Isometry3<f64>) -> f64 {
    let apart = first.inv_mul(second);
    apart.translation.vector.norm().max(apart.rotation.angle())
}

fn joint_positions() -> impl Strategy<Value = [f64; 6]> {
    prop::array::uniform6(-3.1..3.1_f64)
}

/// The controller's tool frame by 4x4 matrices from the published table, independent of the crate's code.
fn tool_in_base_by_matrices(q: &[f64; 6]) -> Matrix4<f64> {
    let d = [0.089159, 0.0, 0.0, 0.10915, 0.09465, 0.0823];
    let a = [0.0, -0.425, -0.39225, 0.0, 0.0, 0.0];
    let alpha = [1.0, 0.0, 0.0, 1.0, -1.0, 0.0]
        .map(|quarter_turns| quarter_turns * std::f64::consts::FRAC_PI_2);
    (0..6).fold(Matrix4::identity(), |base_from_joint, i| {
        let ((st, ct), (sa, ca)) = (q[i].sin_cos(), alpha[i].sin_cos());
        #[rustfmt::skip]
        let link = Matrix4::new(
            ct, -st * ca,  st * sa, a[i] * ct,
            st,  ct * ca, -ct * sa, a[i] * st,
            0.0,      sa,       ca,      d[i],
            0.0,     0.0,      0.0,       1.0,
        );
        base_from_joint * link
    })
}

#[test]
fn description_agrees_with_the_published_table() {
    let kinematics = Kinematics::new(&model());
    let mut random = rand_pcg::Pcg64::seed_from_u64(1);
    for _ in 0..1000 {
        let q: [f64; 6] = std::array::from_fn(|_| random.random_range(-6.28..6.28));
        let positions = kinematics
            .positions(ur5::JOINTS.into_iter().zip(q))
            .unwrap();
        let from_urdf = kinematics
            .forward(&positions)
            .unwrap()
            .relative("base", "tool0")
            .unwrap();
        let difference = from_urdf.to_homogeneous() - tool_in_base_by_matrices(&q);
        assert!(difference.amax() < 1e-9, "{q:?} {difference}");
        let in_base_link = kinematics
            .forward(&positions)
            .unwrap()
            .relative("base_link", "tool0")
            .unwrap();
        assert!(distance(&in_base_link, &ur5::forward(&q)) < 1e-9);
    }
}

#[test]
fn stretched_arm_reaches_as_far_as_the_links_are_long() {
    let tool = ur5::forward(&[0.0; 6]);
    // In base_link the stretched arm points along +x; the wrist lies beside it and the tool hangs below.
    let expected = Vector3::new(0.425 + 0.39225, 0.10915 + 0.0823, 0.089159 - 0.09465);
    assert!(
        (tool.translation.vector - expected).norm() < 1e-12,
        "{tool}"
    );
}

proptest! {
    #[test]
    fn inverse_of_forward_holds_the_original(q in joint_positions()) {
        // Away from the singularities, where the solutions are isolated.
        prop_assume!(q[4].sin().abs() > 1e-3 && q[2].sin().abs() > 1e-3);
        let target = ur5::forward(&q);
        let solutions = ur5::inverse(&target, 0.0);
        for solution in solutions.as_slice() {
            prop_assert!(distance(&ur5::forward(solution), &target) < 1e-6);
        }
        let nearest = solutions.as_slice().iter().map(|solution| {
            solution.iter().zip(&q).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        }).fold(f64::INFINITY, f64::min);
        prop_assert!(nearest < 1e-6, "{nearest} {:?}", solutions);
    }

    #[test]
    fn nearest_solution_is_the_seed_itself(q in prop::array::uniform6(-6.2..6.2_f64)) {
        let q = [q[0], q[1], q[2] / 2.0, q[3], q[4], q[5]];
        prop_assume!(q[4].sin().abs() > 1e-3 && q[2].sin().abs() > 1e-3);
        let found = ur5::inverse_nearest(&ur5::forward(&q), &q, &ur5::LIMITS).unwrap();
        for (found, expected) in found.iter().zip(&q) {
            prop_assert!((found - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn singular_wrist_is_solved(q in joint_positions(), flip in any::<bool>()) {
        let q = [q[0], q[1], q[2], q[3], if flip { std::f64::consts::PI } else { 0.0 }, q[5]];
        let target = ur5::forward(&q);
        let found = ur5::inverse_nearest(&target, &q, &ur5::LIMITS).unwrap();
        prop_assert!(distance(&ur5::forward(&found), &target) < 1e-6);
    }

    #[test]
    fn nearly_singular_poses_are_solved(q in joint_positions(), tiny in -1e-7..1e-7_f64, joint in 0_usize..2) {
        let mut q = q;
        q[[4, 2][joint]] = tiny;
        let target = ur5::forward(&q);
        let solutions = ur5::inverse(&target, q[5]);
        prop_assert!(!solutions.is_empty());
        for solution in solutions.as_slice() {
            prop_assert!(distance(&ur5::forward(solution), &target) < 1e-6);
        }
    }

    #[test]
    fn any_pose_is_answered_without_panic(values in prop::array::uniform7(any::<f64>())) {
        let [x, y, z, i, j, k, w] = values;
        let rotation = UnitQuaternion::new_unchecked(nalgebra::Quaternion::new(w, i, j, k));
        let target = Isometry3::from_parts(Vector3::new(x, y, z).into(), rotation);
        let _ = ur5::inverse(&target, x);
        let _ = ur5::inverse_nearest(&target, &[x, y, z, i, j, k], &ur5::LIMITS);
    }

    #[test]
    fn jacobian_is_the_derivative_of_forward(q in joint_positions(), joint in 0_usize..6) {
        let kinematics = Kinematics::new(&model());
        let at = |q: &[f64; 6]| kinematics.positions(ur5::JOINTS.into_iter().zip(*q)).unwrap();
        let jacobian = kinematics.jacobian(&at(&q), "tool0").unwrap();
        let step = 1e-6;
        let mut moved = q;
        moved[joint] += step;
        let pose = |q: &[f64; 6]| kinematics.forward(&at(q)).unwrap().root_from("tool0").unwrap();
        let (before, after) = (pose(&q), pose(&moved));
        let linear = (after.translation.vector - before.translation.vector) / step;
        let angular = (after.rotation * before.rotation.inverse()).scaled_axis() / step;
        let column = kinematics.joint_names().iter().position(|name| name == ur5::JOINTS[joint]).unwrap();
        prop_assert!((jacobian.fixed_view::<3, 1>(0, column) - linear).norm() < 1e-5);
        prop_assert!((jacobian.fixed_view::<3, 1>(3, column) - angular).norm() < 1e-5);
    }
}

#[test]
fn a_pose_out_of_reach_has_no_solution() {
    for x in [1.2, 0.05] {
        let target =
            Isometry3::from_parts(Vector3::new(x, 0.0, 0.0).into(), UnitQuaternion::identity());
        assert!(
            ur5::inverse_nearest(&target, &[0.0; 6], &ur5::LIMITS).is_none(),
            "{x}"
        );
    }
}

#[test]
fn limits_keep_solutions_out() {
    let q = [0.3, -1.2, 1.4, -0.3, 0.8, 0.2];
    let mut limits = ur5::LIMITS;
    limits[0] = (1.0, 1.1);
    assert!(ur5::inverse_nearest(&ur5::forward(&q), &q, &limits).is_none());
}

#[test]
fn clones_of_the_kinematics_are_independent() {
    let kinematics = Kinematics::new(&model());
    let clone = kinematics.clone();
    let zero = vec![0.0; kinematics.joint_names().len()];
    let before = kinematics
        .forward(&zero)
        .unwrap()
        .root_from("tool0")
        .unwrap();
    clone.forward(&vec![0.1; zero.len()]).unwrap();
    assert_eq!(
        before,
        kinematics
            .forward(&zero)
            .unwrap()
            .root_from("tool0")
            .unwrap()
    );
}
