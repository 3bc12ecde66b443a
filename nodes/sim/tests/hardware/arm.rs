//! The UR driver against the controller's face.

use super::cell::{Event, HOME, Script, arm_command, run, value};
use sim::faces::ur;
use ur_driver::mode::RobotMode;

/// The step limit of config/arm_limits.yaml for the first joint, with room for rounding.
const LARGEST_STEP: f64 = 0.0085 + 1e-9;
/// How soon the arm is to rest after whatever ends its motion, s: 100 ms, and a cycle each for the
/// way to the driver and back.
const STOP_TIME_S: f64 = 0.1 + 2.0 * 0.008;

#[test]
fn it_gets_ready_by_itself_and_follows_a_stream_of_commands() {
    let log = run(Script::default().sweep(1.0, 4.0, 0.4));
    assert_eq!(log.arm_at(0.9).message, "ready");
    assert!(!log.arm_moves(0.0, 1.0), "nothing moves without a command");
    let moved = log.at(4.0).q[0] - HOME[0];
    assert!((moved - 1.2).abs() < 0.06, "{moved}");
    assert!(log.largest_step() <= LARGEST_STEP, "{}", log.largest_step());
    assert_eq!(value(log.arm_at(3.9), "stale"), 0.0);
    assert_eq!(value(log.arm_at(4.9), "missed_cycles"), 0.0);
    assert_eq!(value(log.arm_at(4.9), "program_halts"), 0.0);
}

#[test]
fn two_runs_are_equal_bit_for_bit() {
    let script = Script {
        events: vec![(2.0, Event::DropArmConnections)],
        ..Script::default()
    }
    .sweep(1.0, 4.0, 0.4);
    assert_eq!(run(script.clone()).samples, run(script).samples);
}

#[test]
fn a_commander_that_falls_silent_in_mid_motion_stops_the_arm_within_100_ms() {
    let log = run(Script {
        length_s: 4.0,
        ..Script::default()
    }
    .sweep(1.0, 2.0, 0.7));
    // The last command ends when the next would have come.
    let end_s = 1.0 + 7.0 / 7.5;
    assert!(log.arm_moves(end_s - 0.05, end_s));
    assert!(!log.arm_moves(end_s + STOP_TIME_S, 4.0));
    assert_eq!(value(log.arm_at(3.9), "stale"), 1.0);
}

#[test]
fn a_cut_connection_in_mid_motion_stops_the_arm_and_is_made_again_without_a_jump() {
    let script = Script {
        events: vec![(2.0, Event::DropArmConnections)],
        ..Script::default()
    };
    let log = run(script.sweep(1.0, 4.0, 0.4));
    assert!(log.arm_moves(1.95, 2.0));
    assert!(
        !log.arm_moves(2.0 + STOP_TIME_S, 2.2),
        "stopped by the control program"
    );
    assert!(
        log.arm_moves(2.5, 3.0),
        "goes on after the connection was made again"
    );
    assert!(log.largest_step() <= LARGEST_STEP, "{}", log.largest_step());
    assert_eq!(value(log.arm_at(4.9), "connections"), 2.0);
    assert!(
        log.arm_status
            .iter()
            .any(|(_, status)| status.message == "disconnected")
    );
    assert_eq!(log.arm_at(4.9).message, "ready");
}

#[test]
fn after_a_pause_at_the_pendant_nothing_from_before_is_followed() {
    // One long motion, sent before the pause.
    let mut goal = HOME;
    goal[0] += 2.0;
    let later = arm_command(&[(1.0, HOME, Some([0.0; 6]))]);
    let log = run(Script {
        arm_commands: vec![
            (1.0, arm_command(&[(5.0, goal, Some([0.0; 6]))])),
            (4.0, later),
        ],
        events: vec![(2.0, Event::Pause), (3.0, Event::Play)],
        length_s: 6.0,
        ..Script::default()
    });
    assert!(log.arm_moves(1.9, 2.0));
    assert_eq!(log.arm_at(2.9).message, "paused");
    assert!(
        !log.arm_moves(2.0 + STOP_TIME_S, 4.0),
        "the old motion is not taken up"
    );
    assert_eq!(log.arm_at(3.9).message, "ready");
    assert!(log.arm_moves(4.0, 4.5), "a new command is followed");
    assert!((log.at(5.9).q[0] - HOME[0]).abs() < 1e-3);
    assert!(log.largest_step() <= LARGEST_STEP, "{}", log.largest_step());
}

#[test]
fn contact_force_stops_the_arm_until_it_is_reset() {
    let script = Script {
        events: vec![(2.0, Event::Force(150.0)), (3.0, Event::Force(5.0))],
        calls: vec![(2.5, "arm/reset"), (3.5, "arm/reset")],
        ..Script::default()
    };
    let log = run(script.sweep(1.0, 4.5, 0.3));
    assert!(log.arm_moves(1.9, 2.0));
    assert!(!log.arm_moves(2.0 + STOP_TIME_S, 3.5));
    assert_eq!(log.arm_at(2.4).message, "fault");
    assert!(
        log.arm_at(2.4).value("reason").unwrap().contains("force"),
        "{:?}",
        log.arm_at(2.4)
    );
    assert!(value(log.arm_at(3.4), "refused_not_ready") > 0.0);
    assert_eq!(
        log.arm_at(3.3).message,
        "fault",
        "a reset under force does not last"
    );
    assert!(log.answers[1].1.success, "{:?}", log.answers);
    assert!(log.arm_moves(3.7, 4.4));
    assert!(log.largest_step() <= LARGEST_STEP);
}

#[test]
fn commands_that_are_not_numbers_or_not_for_this_arm_are_refused_and_counted() {
    let mut nan = HOME;
    nan[3] = f64::NAN;
    let mut other = arm_command(&[(1.0, [0.0; 6], None)]);
    other.joint_names[0] = "left_s0".into();
    let empty = arm_command(&[]);
    let log = run(Script {
        arm_commands: vec![
            (1.0, arm_command(&[(1.0, nan, None)])),
            (1.5, other),
            (2.0, empty),
        ],
        length_s: 3.0,
        ..Script::default()
    });
    assert!(!log.arm_moves(0.0, 3.0));
    assert_eq!(value(log.arm_at(2.9), "refused"), 3.0);
    assert_eq!(log.arm_at(2.9).message, "ready");
}

#[test]
fn a_command_that_is_too_fast_is_slowed_down_and_counted() {
    let mut goal = HOME;
    goal[0] += 1.0;
    let log = run(Script {
        arm_commands: vec![(1.0, arm_command(&[(0.1, goal, None)]))],
        length_s: 3.0,
        ..Script::default()
    });
    assert!(log.largest_step() <= LARGEST_STEP, "{}", log.largest_step());
    assert!(value(log.arm_at(2.9), "limits_clamped") >= 1.0);
}

#[test]
fn a_protective_stop_lasts_until_it_may_be_unlocked_and_the_arm_is_reset() {
    let script = Script {
        events: vec![(2.0, Event::Force(300.0)), (2.1, Event::Force(0.0))],
        calls: vec![(3.0, "arm/reset"), (7.5, "arm/reset")],
        length_s: 10.0,
        ..Script::default()
    };
    let log = run(script.sweep(1.0, 9.5, 0.1));
    assert!(!log.arm_moves(2.0 + STOP_TIME_S, 7.5));
    assert!(
        log.arm_at(2.9)
            .value("reason")
            .unwrap()
            .contains("PROTECTIVE_STOP")
    );
    assert!(
        !log.answers[0].1.success && log.answers[0].1.message.contains("5s"),
        "{:?}",
        log.answers[0]
    );
    assert!(log.answers[1].1.success, "{:?}", log.answers[1]);
    assert!(log.arm_moves(8.0, 9.4));
    assert!(log.largest_step() <= LARGEST_STEP);
}

#[test]
fn after_an_emergency_stop_the_arm_needs_a_hand_and_a_reset() {
    let script = Script {
        events: vec![
            (2.0, Event::PressEmergencyStop),
            (4.0, Event::ReleaseEmergencyStop),
        ],
        calls: vec![(3.0, "arm/reset"), (5.0, "arm/reset")],
        power_on: true,
        length_s: 9.0,
        ..Script::default()
    };
    let log = run(script.sweep(1.0, 8.5, 0.1));
    assert!(!log.arm_moves(2.02, 5.0));
    assert!(
        !log.answers[0].1.success && log.answers[0].1.message.contains("release"),
        "{:?}",
        log.answers[0]
    );
    assert!(log.answers[1].1.success, "{:?}", log.answers[1]);
    assert!(log.arm_moves(7.0, 8.4));
}

#[test]
fn the_arm_is_switched_on_only_by_a_driver_that_may() {
    let off = ur::Config {
        start_mode: RobotMode::PowerOff,
        ..ur::Config::default()
    };
    let log = run(Script {
        arm: off.clone(),
        length_s: 3.0,
        ..Script::default()
    });
    assert_eq!(log.arm_at(2.9).message, "starting");
    assert!(
        log.arm_at(2.9)
            .value("reason")
            .unwrap()
            .contains("POWER_OFF")
    );
    let log = run(Script {
        arm: off,
        power_on: true,
        length_s: 3.0,
        ..Script::default()
    });
    assert_eq!(log.arm_at(2.9).message, "ready");
}

#[test]
fn a_stop_on_request_lasts_until_the_reset() {
    let script = Script {
        calls: vec![(2.0, "arm/stop"), (3.0, "arm/reset")],
        ..Script::default()
    };
    let log = run(script.sweep(1.0, 4.5, 0.4));
    assert!(log.arm_moves(1.9, 2.0));
    assert!(!log.arm_moves(2.0 + STOP_TIME_S, 3.0));
    assert_eq!(log.arm_at(2.9).message, "stopped");
    assert!(log.arm_moves(3.2, 4.4));
    assert!(log.largest_step() <= LARGEST_STEP);
}

#[test]
fn shutdown_in_mid_motion_brings_the_arm_to_rest_first() {
    let log = run(Script {
        length_s: 2.0,
        ..Script::default()
    }
    .sweep(1.0, 4.0, 0.6));
    assert!(log.arm_moves(1.9, 2.0));
    let last = log.samples.last().unwrap().time_s;
    assert!(last > 2.0, "the hardware outlives the drivers");
    let end: Vec<f64> = log.steps().map(|(_, step)| step).collect();
    assert!(
        end[end.len() - 1] < 1e-4,
        "still {} rad a cycle",
        end[end.len() - 1]
    );
    assert!(log.largest_step() <= LARGEST_STEP);
}
