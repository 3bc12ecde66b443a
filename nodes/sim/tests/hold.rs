//! Friction holds what the hand grasps: no creep at rest, no slip on the move.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_range_loop,
    reason = "tests may fail loudly"
)]

mod common;

use common::{Grasp, object, wait};
use nalgebra::{Isometry3, Vector3};
use sim::shape::{ObjectSpec, Shape};
use sim::world::World;

fn slip_m(before: &Isometry3<f64>, after: &Isometry3<f64>) -> f64 {
    (after.translation.vector - before.translation.vector).norm()
}

/// Grasps an upright object, lifts it, holds it for 5 s, carries it and turns the wrist.
fn grasp_lift_hold_carry_turn(spec: ObjectSpec, radius: f64, half_height: f64) {
    let mut grasp = Grasp::around(spec, radius, half_height);
    grasp.close();
    grasp.move_by(Vector3::new(0.0, 0.0, 0.15), 1.5);
    wait(&mut grasp.world, 0.5);
    let lifted = grasp.world.object_pose(0).unwrap().translation.z - half_height;
    assert!(lifted > 0.13, "lifted by {lifted} m only");

    let held = grasp.palm_from_object();
    wait(&mut grasp.world, 5.0);
    let creep = slip_m(&held, &grasp.palm_from_object());
    assert!(creep < 0.001, "creeps by {creep} m in 5 s");

    let before = grasp.palm_from_object();
    grasp.move_by(Vector3::new(-0.2, 0.0, 0.0), 2.0);
    grasp.turn_wrist(0.8, 2.0);
    let slide = slip_m(&before, &grasp.palm_from_object());
    assert!(slide < 0.001, "slides by {slide} m on the move");
    assert_eq!(grasp.world.fallen(), None);
}

#[test]
fn a_box_is_held() {
    grasp_lift_hold_carry_turn(
        object(
            Shape::Box {
                half_extents: [0.025, 0.025, 0.07],
            },
            0.3,
        ),
        0.025,
        0.07,
    );
}

#[test]
fn a_cylinder_is_held() {
    grasp_lift_hold_carry_turn(
        object(
            Shape::Cylinder {
                radius: 0.033,
                half_length: 0.06,
            },
            0.35,
        ),
        0.033,
        0.06,
    );
}

#[test]
fn a_sphere_is_held() {
    grasp_lift_hold_carry_turn(object(Shape::Sphere { radius: 0.037 }, 0.15), 0.037, 0.037);
}

/// The tendons give way at the led joint and wrap the distal one; servos stop short and say how hard they pull.
#[test]
fn blocked_fingers_wrap_and_stall_their_servos() {
    let mut grasp = Grasp::around(
        object(
            Shape::Cylinder {
                radius: 0.033,
                half_length: 0.06,
            },
            0.35,
        ),
        0.033,
        0.06,
    );
    grasp.close();
    let state = grasp.world.hand();
    let closed = common::hand().closed();
    // Where the joints would be in free air with the led joints as they are now.
    let free = common::hand()
        .angles(common::hand().ticks([state.q[0], state.q[1], state.q[3], state.q[5], state.q[7]]));
    for servo in 2..5 {
        assert!(
            state.servo_ticks[servo] > closed[servo] + 100.0,
            "servo {servo} reached its goal: {state:?}"
        );
        assert!(
            state.servo_load[servo] > 0.5,
            "servo {servo} feels nothing: {state:?}"
        );
    }
    for distal in [4, 6, 8] {
        assert!(
            state.q[distal] < free[distal] - 0.3,
            "distal joint {distal} does not wrap: {state:?} {free:?}"
        );
    }
}

/// The same commands give the same states bit for bit, in any thread and whatever the world did before.
#[test]
fn a_grasp_is_bit_identical_when_repeated() {
    fn run() -> u64 {
        let mut grasp = Grasp::around(object(Shape::Sphere { radius: 0.037 }, 0.15), 0.037, 0.037);
        grasp.close();
        grasp.move_by(Vector3::new(0.0, 0.0, 0.05), 0.5);
        World::state_hash(&grasp.world)
    }
    let here = run();
    let there = std::thread::spawn(run).join().unwrap();
    assert_eq!(here, there);
    assert_eq!(here, run());
}
