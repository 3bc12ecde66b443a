//! The SIH driver against the face of the servo bus.

use super::cell::{Event, OPEN, Script, hand_command, run, value};

/// Angles of the led joints of a half closed hand, rad.
const HALF: [f64; 5] = [-1.5, 0.6, -0.8, -0.8, -0.8];

#[test]
fn it_closes_to_the_commanded_angles() {
    let log = run(Script {
        hand_commands: vec![(1.0, hand_command(1.5, HALF))],
        length_s: 4.0,
        ..Script::default()
    });
    assert_eq!(log.hand_at(0.9).message, "ready");
    assert!(!log.hand_moves(0.0, 1.0));
    let calibration = robot::Hand::from_file(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../calibration/sih_right.yaml"
    ));
    let wanted = calibration.unwrap().ticks(HALF);
    for (reached, wanted) in log.at(3.9).ticks.iter().zip(wanted) {
        assert!(
            (reached - wanted).abs() <= 1.0,
            "{:?} instead of {wanted:?}",
            log.at(3.9).ticks
        );
    }
    assert_eq!(value(log.hand_at(3.9), "stale"), 0.0);
}

#[test]
fn a_cut_line_in_mid_motion_is_taken_up_again_from_where_the_servos_are() {
    let log = run(Script {
        hand_commands: vec![
            (1.0, hand_command(2.0, HALF)),
            (4.0, hand_command(1.0, HALF)),
        ],
        events: vec![(2.0, Event::DropHandConnections)],
        length_s: 6.0,
        ..Script::default()
    });
    assert!(log.hand_moves(1.9, 2.0));
    assert!(
        !log.hand_moves(2.05, 4.0),
        "the motion from before is forgotten"
    );
    assert_eq!(log.hand_at(3.9).message, "ready");
    assert_eq!(value(log.hand_at(3.9), "connections"), 2.0);
    assert!(log.hand_moves(4.0, 5.0));
}

#[test]
fn a_servo_that_overheats_stops_the_hand_and_a_reset_restarts_it() {
    let log = run(Script {
        hand_commands: vec![
            (1.0, hand_command(2.0, HALF)),
            (2.5, hand_command(1.0, HALF)),
            (4.0, hand_command(1.0, HALF)),
        ],
        events: vec![(2.0, Event::OverheatServo(2))],
        calls: vec![(3.5, "hand/reset")],
        length_s: 6.0,
        ..Script::default()
    });
    assert_eq!(log.hand_at(2.4).message, "fault");
    assert!(
        log.hand_at(2.4)
            .value("reason")
            .unwrap()
            .contains("index: overheating"),
        "{:?}",
        log.hand_at(2.4)
    );
    assert!(!log.hand_moves(2.15, 4.0));
    assert_eq!(value(log.hand_at(3.4), "refused_not_ready"), 1.0);
    assert!(log.answers[0].1.success, "{:?}", log.answers);
    assert!(log.hand_moves(4.0, 5.0));
}

#[test]
fn a_servo_at_its_limit_is_eased_before_it_switches_itself_off() {
    // Full load on every servo while the hand closes; it would switch off after two seconds.
    let log = run(Script {
        hand_commands: vec![(1.0, hand_command(1.5, HALF))],
        events: vec![(1.5, Event::Load(-0.95)), (3.0, Event::Load(-0.2))],
        length_s: 4.0,
        ..Script::default()
    });
    assert!(value(log.hand_at(2.9), "eased_cycles") > 10.0);
    assert_eq!(log.hand_at(3.9).message, "ready");
    assert!(
        log.hand_at(2.9).value("load").unwrap().starts_with("0.95"),
        "{:?}",
        log.hand_at(2.9)
    );
}

#[test]
fn commands_that_are_not_numbers_or_lack_a_joint_are_refused_and_counted() {
    let mut nan = HALF;
    nan[1] = f64::NAN;
    let mut short = hand_command(1.0, HALF);
    short.joint_names.pop();
    let log = run(Script {
        hand_commands: vec![(1.0, hand_command(1.0, nan)), (1.5, short)],
        length_s: 2.5,
        ..Script::default()
    });
    assert_eq!(log.at(2.4).ticks, OPEN);
    assert_eq!(value(log.hand_at(2.4), "refused_not_ready"), 2.0);
}

#[test]
fn a_stop_on_request_lasts_until_the_reset() {
    let log = run(Script {
        hand_commands: vec![
            (1.0, hand_command(2.0, HALF)),
            (2.5, hand_command(1.0, HALF)),
            (3.5, hand_command(1.0, HALF)),
        ],
        calls: vec![(2.0, "hand/stop"), (3.0, "hand/reset")],
        ..Script::default()
    });
    assert!(log.hand_moves(1.9, 2.0));
    assert!(!log.hand_moves(2.15, 3.5));
    assert_eq!(log.hand_at(2.9).message, "stopped");
    assert!(log.hand_moves(3.5, 4.0));
}

#[test]
fn goals_in_ticks_are_reached_and_clamped_to_the_travel() {
    let log = run(Script {
        ticks_commands: vec![
            (1.0, vec![2650, -500, 0, 900, -5000]),
            (4.0, vec![2650, -500, 0]),
        ],
        ..Script::default()
    });
    assert_eq!(log.at(3.9).ticks, [2650.0, -500.0, 0.0, 900.0, -1350.0]);
    assert_eq!(value(log.hand_at(3.9), "stale"), 0.0);
    assert_eq!(value(log.hand_at(4.9), "refused_not_ready"), 1.0);
}

#[test]
fn a_commander_that_falls_silent_in_mid_motion_stops_the_hand_within_100_ms() {
    // The last point has no velocities, so the hand counts as meant to go on.
    let mut command = hand_command(0.2, HALF);
    command.points[0].velocities.clear();
    let log = run(Script {
        hand_commands: vec![(1.0, command)],
        length_s: 3.0,
        ..Script::default()
    });
    assert!(log.hand_moves(1.1, 1.2));
    // Two cycles of the bus more: to the driver, and from the driver.
    assert!(!log.hand_moves(1.2 + 0.1 + 0.04, 3.0));
    assert_eq!(value(log.hand_at(2.9), "stale"), 1.0);
}
