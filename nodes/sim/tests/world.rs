//! The world: arm, hand, read-outs, resets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod common;

use common::{DT_S, arm_at, hand, object, palm_axes, wait, world};
use nalgebra::{Isometry3, Vector3};
use sim::render::{INSTANCE_FIRST_OBJECT, INSTANCE_ROBOT};
use sim::scene::{self, Scene, SceneError, SceneKind, SceneObject};
use sim::shape::{Shape, Split};
use sim::world::{Fallen, World, WorldConfig, WorldError};

#[test]
fn the_robot_stays_where_it_is_put() {
    let mut world = world();
    let config = *world.config();
    wait(&mut world, 1.0);
    for (is, should) in world.arm().q.into_iter().zip(config.arm_reset) {
        assert!((is - should).abs() < 1e-4, "{is} {should}");
    }
    assert!(world.arm_contact_force_n() < 1e-6 && world.hand_contact_load_n() < 1e-6);
}

/// The engine's chain and the kinematics of the description agree on where the palm is.
#[test]
fn link_poses_agree_with_forward_kinematics() {
    let mut world = world();
    world.set_arm_target([0.5, -1.2, 1.5, 0.3, 0.9, 1.0], [0.0; 6]);
    wait(&mut world, 1.5);
    let model = common::model();
    let kinematics = robot::Kinematics::new(&model);
    let (arm, fingers) = (world.arm().q, world.hand().q);
    let named = sim::robot_body::ARM_JOINTS
        .into_iter()
        .zip(arm)
        .chain(sim::robot_body::HAND_JOINTS.into_iter().zip(fingers));
    let positions = kinematics.positions(named).unwrap();
    let poses = kinematics.forward(&positions).unwrap();
    for link in ["tool0", "palm", "th_distal", "if_distal", "lf_distal"] {
        let expected = poses.root_from(link).unwrap();
        let found = world.link_pose(link).unwrap();
        assert!(
            (expected.translation.vector - found.translation.vector).norm() < 1e-5,
            "{link}: {expected} {found}"
        );
        assert!(expected.rotation.angle_to(&found.rotation) < 1e-4, "{link}");
    }
}

#[test]
fn the_arm_tracks_half_a_radian_per_second() {
    let mut world = world();
    let start = world.arm().q;
    let mut worst: f64 = 0.0;
    for step in 1..=500 {
        let time = f64::from(step) * DT_S;
        // Half a second of acceleration, then 0.5 rad/s on all joints.
        let (offset, velocity) = if time < 0.5 {
            (0.5 * time * time, time)
        } else {
            (0.5 * time - 0.125, 0.5)
        };
        let signs = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0];
        let target: [f64; 6] =
            std::array::from_fn(|joint| start[joint] + signs[joint] * offset * 0.5);
        let speed = std::array::from_fn(|joint| signs[joint] * velocity * 0.5);
        world.set_arm_target(target, speed);
        world.step();
        let arm = world.arm();
        worst = (0..6)
            .map(|joint| (arm.q[joint] - target[joint]).abs())
            .fold(worst, f64::max);
    }
    assert!(worst < 0.003, "tracking error {worst} rad");
}

#[test]
fn the_free_hand_follows_its_calibrated_curves() {
    let mut world = world();
    for closure in [0.3, 0.7, 0.0] {
        let mut ticks = hand().pregrasp(closure);
        // An opposed thumb would be in the fingers' way.
        ticks[0] = 0.0;
        world.set_hand_servo_targets(ticks);
        wait(&mut world, 2.5);
        let state = world.hand();
        for (joint, (is, should)) in state.q.into_iter().zip(hand().angles(ticks)).enumerate() {
            assert!(
                (is - should).abs() < 0.03,
                "closure {closure}, joint {joint}: {is} instead of {should}"
            );
        }
        for (is, should) in state.servo_ticks.into_iter().zip(ticks) {
            assert!((is - should).abs() < 1e-6);
        }
    }
}

/// A body at rest on the upturned hand presses with its weight: 5 N.
#[test]
fn contact_forces_read_the_weight_on_the_hand() {
    // Palm up, fingers away from the robot, thumb swung aside.
    let palm = Isometry3::from_parts(
        Vector3::new(0.28, 0.35, 0.4).into(),
        palm_axes(-Vector3::x(), Vector3::z(), Vector3::y()),
    );
    let q = arm_at(&palm, &WorldConfig::default().arm_reset);
    let config = WorldConfig {
        arm_reset: q,
        ..WorldConfig::default()
    };
    let mut world = World::new(&config, &common::model(), &hand()).unwrap();
    let mass = 5.0 / 9.81;
    let slab = object(
        Shape::Box {
            half_extents: [0.05, 0.04, 0.01],
        },
        mass,
    );
    let on_palm = palm
        * Isometry3::translation(0.005, 0.035, 0.09)
        * Isometry3::rotation(Vector3::x() * -std::f64::consts::FRAC_PI_2);
    world.reset_with(vec![(slab, on_palm)]).unwrap();
    let mut ticks = hand().open();
    ticks[0] = 0.0;
    world.set_hand_servo_targets(ticks);
    wait(&mut world, 2.0);
    let force = world.hand_contact_force_n();
    assert!(
        (force - Vector3::new(0.0, 0.0, -5.0)).norm() < 0.05,
        "{force}"
    );
    assert!(world.arm_contact_force_n() < 1e-6);
    // The drives carry the weight too: about the shoulder's horizontal axis it has a lever of at least 0.3 m.
    assert!(
        world.arm().torque[1].abs() > 1.0,
        "{:?}",
        world.arm().torque
    );
}

/// Driven into the table, the arm reports contact; its drives limit how hard it presses.
#[test]
fn an_arm_that_meets_the_table_reports_force() {
    let mut world = world();
    let mut target = world.arm().q;
    let mut most: f64 = 0.0;
    for _ in 0..400 {
        // The elbow goes down on the table.
        target[1] = (target[1] + 0.004).min(0.3);
        world.set_arm_target(target, [0.0; 6]);
        world.step();
        most = most.max(world.arm_contact_force_n() + world.hand_contact_load_n());
        assert!(world.arm().q.iter().all(|q| q.is_finite()));
    }
    assert!(most > 5.0, "{most} N");
    assert!(
        world
            .arm()
            .torque
            .iter()
            .zip([150.0, 150.0, 150.0, 28.0, 28.0, 28.0])
            .all(|(t, max)| t.abs() <= max)
    );
}

#[test]
fn objects_that_leave_the_table_end_the_episode() {
    let mut world = world();
    let ball = || object(Shape::Sphere { radius: 0.03 }, 0.1);
    world
        .reset_with(vec![
            (ball(), Isometry3::translation(0.3, 0.5, 0.03)),
            (ball(), Isometry3::translation(1.2, 0.6, 0.1)),
        ])
        .unwrap();
    wait(&mut world, 0.4);
    assert_eq!(world.fallen(), Some(Fallen::OffTable { index: 1 }));
    world
        .reset_with(vec![(ball(), Isometry3::translation(0.3, 0.5, 0.03))])
        .unwrap();
    wait(&mut world, 0.4);
    assert_eq!(world.fallen(), None);
}

#[test]
fn resets_forget_the_past() {
    let first = scene::generate(SceneKind::Clutter3, Split::Train, 3).unwrap();
    let other = scene::generate(SceneKind::Single, Split::Test, 4).unwrap();
    let run = |world: &mut World| {
        world.reset(&first).unwrap();
        wait(world, 0.5);
        world.state_hash()
    };
    let mut fresh = world();
    let expected = run(&mut fresh);
    let mut used = world();
    used.reset(&other).unwrap();
    used.set_hand_servo_targets([0.0; 5]);
    used.set_arm_target([0.0, -1.5, 1.0, 0.0, 0.0, 0.0], [0.0; 6]);
    wait(&mut used, 0.7);
    assert_ne!(used.state_hash(), expected);
    assert_eq!(run(&mut used), expected);
}

#[test]
fn scenes_of_unknown_objects_or_broken_poses_are_refused() {
    let mut world = world();
    let scene = |object| Scene {
        objects: vec![object],
    };
    let pose = Isometry3::translation(0.3, 0.5, 0.1);
    let unknown = world.reset(&scene(SceneObject::new("024_bowl", &pose)));
    assert!(
        matches!(
            unknown,
            Err(WorldError::Scene(SceneError::UnknownObject { .. }))
        ),
        "{unknown:?}"
    );
    for broken in [[f64::NAN, 0.0, 0.0, 1.0], [0.0; 4]] {
        let mut object = SceneObject::new("013_apple", &pose);
        object.orientation_xyzw = broken;
        let result = world.reset(&scene(object));
        assert!(
            matches!(result, Err(WorldError::Scene(SceneError::BadPose { .. }))),
            "{result:?}"
        );
    }
    assert!(world.objects().is_empty());
}

#[test]
fn visuals_carry_instance_ids_and_follow_the_bodies() {
    let mut world = world();
    let scene = scene::generate(SceneKind::Clutter3, Split::Test, 1).unwrap();
    world.reset(&scene).unwrap();
    let before = world.visuals();
    let ids: std::collections::BTreeSet<u8> = before.iter().map(|v| v.instance).collect();
    let first = INSTANCE_FIRST_OBJECT;
    assert_eq!(
        ids.into_iter().collect::<Vec<_>>(),
        [INSTANCE_ROBOT, first, first + 1, first + 2]
    );
    let mut target = world.arm().q;
    target[0] += 0.2;
    world.set_arm_target(target, [0.0; 6]);
    wait(&mut world, 0.5);
    let after = world.visuals();
    let moved = before.iter().zip(&after).filter(|(b, a)| {
        (b.world_from_mesh.translation.vector - a.world_from_mesh.translation.vector).norm() > 0.01
    });
    assert!(moved.clone().count() > 20 && moved.clone().all(|(b, _)| b.instance == INSTANCE_ROBOT));
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(b, a)| std::sync::Arc::ptr_eq(&b.mesh, &a.mesh))
    );
}

#[test]
fn a_scene_at_rest_stays_at_rest_beside_the_robot() {
    let mut world = world();
    for seed in 0..4 {
        let scene = scene::generate(SceneKind::Clutter5, Split::Train, seed).unwrap();
        world.reset(&scene).unwrap();
        let before: Vec<_> = (0..5).map(|i| world.object_pose(i).unwrap()).collect();
        wait(&mut world, 0.5);
        for (index, before) in before.iter().enumerate() {
            let moved = (world.object_pose(index).unwrap().translation.vector
                - before.translation.vector)
                .norm();
            assert!(
                moved < 0.004,
                "seed {seed}: {} moved by {moved} m",
                scene.objects[index].name
            );
        }
        assert_eq!(world.fallen(), None);
    }
}
