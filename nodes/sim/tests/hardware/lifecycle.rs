//! The drivers as managed nodes: at rest before they are inactive, and no jump when they are active again.

use crate::cell::{HOME, OPEN, Script, arm_command, hand_command, run};

const ARM: &str = "/ur_driver";
const HAND: &str = "/sih_driver";

#[test]
fn the_arm_is_at_rest_before_its_driver_is_inactive() {
    let mut goal = HOME;
    goal[1] -= 0.2;
    let mut script = Script {
        transitions: vec![(1.5, ARM, "deactivate"), (3.5, ARM, "activate")],
        length_s: 7.0,
        ..Script::default()
    }
    .sweep(0.5, 3.0, 0.3);
    let rest = Some([0.0; 6]);
    script
        .arm_commands
        .push((4.5, arm_command(&[(1.0, goal, rest)])));
    let log = run(script);
    let [(stopped_s, stopped), (_, started)] = log.taken.as_slice() else {
        panic!("two answers: {:?}", log.taken);
    };
    assert!(*stopped && *started);
    assert!((1.5..1.8).contains(stopped_s), "{stopped_s}");
    assert!(log.arm_moves(1.3, 1.5), "it was in motion");
    assert!(!log.arm_moves(*stopped_s + 0.02, 4.5));
    let inactive = log.arm_at(2.5);
    assert_eq!(inactive.message, "inactive");
    let refusal = inactive.value("last_refusal").unwrap();
    assert!(refusal.contains("the arm is inactive"), "{refusal}");
    assert_eq!(log.arm_at(4.4).message, "ready");
    assert!(log.arm_moves(4.5, 5.0));
    assert!((log.at(6.5).q[1] - goal[1]).abs() < 1e-3);
    assert!(log.largest_step() < 0.0098, "{}", log.largest_step());
}

#[test]
fn a_stop_outlives_deactivation() {
    let log = run(Script {
        calls: vec![
            (1.0, "arm/stop"),
            (1.0, "hand/stop"),
            (1.7, "arm/reset"),
            (1.7, "hand/reset"),
            (3.5, "arm/reset"),
            (3.5, "hand/reset"),
        ],
        transitions: vec![
            (1.5, ARM, "deactivate"),
            (1.5, HAND, "deactivate"),
            (2.0, ARM, "activate"),
            (2.0, HAND, "activate"),
        ],
        length_s: 5.0,
        ..Script::default()
    });
    assert!(log.taken.iter().all(|(_, taken)| *taken) && log.taken.len() == 4);
    let answers: Vec<bool> = log
        .answers
        .iter()
        .map(|(_, answer)| answer.success)
        .collect();
    assert_eq!(
        answers,
        [true, true, false, false, true, true],
        "{:?}",
        log.answers
    );
    assert!(log.answers[2].1.message.contains("activate it"));
    for (time_s, condition) in [(1.9, "inactive"), (3.4, "stopped"), (4.5, "ready")] {
        assert_eq!(log.arm_at(time_s).message, condition, "arm at {time_s}");
        assert_eq!(log.hand_at(time_s).message, condition, "hand at {time_s}");
    }
}

#[test]
fn the_hand_is_at_rest_before_its_driver_is_inactive() {
    let closed = hand_command(2.0, [-0.5; 5]);
    let log = run(Script {
        hand_commands: vec![(1.0, closed.clone()), (2.0, closed.clone()), (4.0, closed)],
        transitions: vec![(1.5, HAND, "deactivate"), (3.0, HAND, "activate")],
        length_s: 6.5,
        ..Script::default()
    });
    let (stopped_s, stopped) = log.taken[0];
    assert!(stopped && stopped_s < 2.1, "{stopped_s}");
    assert!(log.hand_moves(1.2, 1.5), "it was in motion");
    assert!(!log.hand_moves(stopped_s + 0.1, 4.0));
    let inactive = log.hand_at(2.5);
    assert_eq!(inactive.message, "inactive");
    assert!(
        inactive
            .value("last_refusal")
            .unwrap()
            .contains("the hand is inactive")
    );
    assert_eq!(log.hand_at(3.9).message, "ready");
    assert!(log.hand_moves(4.0, 5.0));
    assert_ne!(log.at(3.0).ticks, OPEN);
}
