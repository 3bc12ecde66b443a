//! The shipped hand calibration against the published points.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::approx_constant,
    clippy::type_complexity,
    clippy::needless_range_loop,
    reason = "tests may fail loudly"
)]

use proptest::prelude::*;
use robot::hand::{Hand, HandError, JOINTS, LED_JOINTS, SERVOS};

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../calibration/sih_right.yaml"
);

fn hand() -> Hand {
    Hand::from_file(FILE).unwrap()
}

fn angle(angles: &[f64; 11], joint: &str) -> f64 {
    angles[JOINTS.iter().position(|name| *name == joint).unwrap()]
}

fn with_servo(servo: &str, ticks: f64) -> [f64; 5] {
    let mut all = hand().open();
    all[SERVOS.iter().position(|name| *name == servo).unwrap()] = ticks;
    all
}

/// Published: servo, joint, sign in the URDF, ticks and measured angle.
const LED_POINTS: [(&str, &[&str], f64, &[(f64, f64)]); 5] = [
    (
        "thumb_opposition",
        &["thumb_opposition"],
        1.0,
        &[(0.0, 0.0), (1337.5, -0.7855)],
    ),
    (
        "thumb_flexion",
        &["thumb_flexion"],
        -1.0,
        &[
            (-1850.0, -1.51),
            (-1175.0, -1.31),
            (-975.0, -1.175),
            (-600.0, -0.6),
            (-225.0, 0.0),
        ],
    ),
    (
        "index",
        &["index_finger"],
        1.0,
        &[
            (-1250.0, -1.53),
            (-250.0, -1.4425),
            (150.0, -1.315),
            (350.0, -1.25),
            (540.0, -1.18),
            (730.0, -1.15),
            (1085.0, -0.6),
            (1400.0, 0.0),
        ],
    ),
    (
        "middle",
        &["middle_finger"],
        1.0,
        // The published first point, at -500, lies beyond the servo's lower limit of -400.
        &[
            (500.0, -1.445),
            (1350.0, -1.055),
            (1625.0, -0.91),
            (1700.0, -0.9),
            (1980.0, -0.48),
            (2240.0, 0.0),
        ],
    ),
    (
        "ring",
        &["ring_finger", "little_finger"],
        1.0,
        &[
            (-1050.0, -1.571),
            (-500.0, -1.45),
            (-250.0, -1.35),
            (0.0, -1.225),
            (370.0, -0.95),
            (500.0, -0.9),
            (700.0, -0.533),
            (940.0, 0.0),
        ],
    ),
];

#[test]
fn led_joints_pass_through_every_published_point() {
    for (servo, joints, sign, points) in LED_POINTS {
        for &(ticks, measured) in points {
            let angles = hand().angles(with_servo(servo, ticks));
            for joint in joints {
                assert!(
                    (angle(&angles, joint) - sign * measured).abs() < 1e-9,
                    "{joint} at {ticks}: {angles:?}"
                );
            }
        }
    }
}

/// Published: servo, led joint, distal joint, sign, ticks per rad, and points (u, measured angle).
const DISTAL_POINTS: [(&str, &str, &str, f64, f64, &[(f64, f64)]); 5] = [
    (
        "thumb_flexion",
        "thumb_flexion",
        "thumb_distal",
        -1.0,
        625.0,
        &[(-1318.125, -1.235), (-906.25, -0.855), (-200.0, 0.0)],
    ),
    (
        "index",
        "index_finger",
        "index_distal",
        1.0,
        582.61,
        &[(-408.606, -1.665), (793.515, -0.735), (1400.0, 0.0)],
    ),
    (
        "middle",
        "middle_finger",
        "middle_distal",
        1.0,
        600.0,
        &[
            (442.6, -1.65),
            (1147.0, -1.125),
            (1750.6, -0.62),
            (2240.0, 0.0),
        ],
    ),
    (
        "ring",
        "ring_finger",
        "ring_distal",
        1.0,
        488.0,
        &[
            (-719.0, -1.64),
            (408.8, -0.69),
            (686.8, -0.425),
            (939.2, 0.0),
        ],
    ),
    (
        "ring",
        "little_finger",
        "little_distal",
        1.0,
        488.0,
        &[
            (-719.0, -1.64),
            (408.8, -0.69),
            (686.8, -0.425),
            (939.2, 0.0),
        ],
    ),
];

#[test]
fn distal_joints_pass_through_every_published_point() {
    for (servo, led, distal, sign, ticks_per_rad, points) in DISTAL_POINTS {
        let range = hand().servos()[SERVOS.iter().position(|name| *name == servo).unwrap()];
        for &(u, measured) in points {
            // Any servo position will do when the led joint is put where u comes out right.
            let ticks = 0.5 * (range.closed + range.open);
            let mut present = [0.0; 11];
            present[JOINTS.iter().position(|name| *name == led).unwrap()] =
                sign * (ticks - u) / ticks_per_rad;
            let angles = hand().angles_under_load(with_servo(servo, ticks), &present);
            assert!(
                (angle(&angles, distal) - sign * measured).abs() < 1e-9,
                "{distal} at u {u}"
            );
        }
    }
}

#[test]
fn open_hand_is_straight_and_closed_hand_is_a_fist() {
    let open = hand().angles(hand().open());
    assert!(
        (open[0] + 1.571 / 2675.0 * 2650.0).abs() < 1e-9,
        "the thumb is opposed"
    );
    assert!(open[1..].iter().all(|angle| angle.abs() < 1e-9), "{open:?}");
    let closed = hand().angles(hand().closed());
    assert_eq!(closed[0], open[0], "the thumb stays opposed");
    assert!(
        closed[1..].iter().all(|angle| angle.abs() > 0.9),
        "{closed:?}"
    );
}

#[test]
fn a_blocked_finger_closes_at_its_tip() {
    let ticks = with_servo("index", 600.0);
    let free = hand().angles(ticks);
    let mut blocked = free;
    blocked[3] = -0.4;
    let loaded = hand().angles_under_load(ticks, &blocked);
    assert!(
        loaded[4] < free[4] - 0.3,
        "free {} loaded {}",
        free[4],
        loaded[4]
    );
}

proptest! {
    #[test]
    fn ticks_undo_angles(share in prop::array::uniform5(0.0..1.0_f64)) {
        let hand = hand();
        let ticks: [f64; 5] = std::array::from_fn(|servo| {
            let range = hand.servos()[servo];
            range.closed + share[servo] * (range.open - range.closed)
        });
        let wanted = hand.angles(ticks);
        let led: [f64; 5] = std::array::from_fn(|servo| angle(&wanted, LED_JOINTS[servo]));
        let again = hand.angles(hand.ticks(led));
        for joint in LED_JOINTS {
            prop_assert!((angle(&again, joint) - angle(&wanted, joint)).abs() < 1e-6);
        }
    }

    #[test]
    fn any_input_stays_within_the_hand(ticks in prop::array::uniform5(any::<f64>()), led in prop::array::uniform5(any::<f64>())) {
        let hand = hand();
        prop_assert!(hand.angles(ticks).iter().all(|angle| angle.abs() <= 1.7));
        for (ticks, range) in hand.ticks(led).into_iter().zip(hand.servos()) {
            prop_assert!((range.closed..=range.open).contains(&ticks));
        }
    }

    #[test]
    fn closing_a_servo_never_opens_a_led_joint(from in 0.0..1.0_f64, to in 0.0..1.0_f64) {
        let hand = hand();
        let (less, more) = (from.min(to), from.max(to));
        let (before, after) = (hand.angles(hand.pregrasp(less)), hand.angles(hand.pregrasp(more)));
        for joint in &LED_JOINTS[1..] {
            prop_assert!(angle(&after, joint).abs() >= angle(&before, joint).abs() - 1e-9);
        }
    }
}

#[test]
fn bad_files_are_refused_with_file_and_entry() {
    let text = std::fs::read_to_string(FILE).unwrap();
    let error = |text: &str| Hand::from_yaml(text, "hand.yaml").unwrap_err();
    assert!(matches!(error(""), HandError::Yaml { .. }));
    assert!(matches!(error("joints: ["), HandError::Yaml { .. }));
    assert!(matches!(
        error(&text.replace("name: ring", "name: rung")),
        HandError::Names { what: "servos", .. }
    ));
    assert!(matches!(
        error(&text.replace("open: 2650", "open: -1")),
        HandError::Value { .. }
    ));
    assert!(matches!(
        error(&text.replace("open: 2650", "open: .nan")),
        HandError::Value { .. }
    ));
    let turned = error(&text.replace("[-600, -0.6]", "[-600, -1.6]"));
    assert_eq!(
        turned.to_string(),
        "hand.yaml: joint thumb_flexion: the curve turns back at point 3; \
         a joint that follows a tendon rises or falls all the way"
    );
}
