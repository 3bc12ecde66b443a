//! The ONNX path from end to end with a tiny network, and everything that is refused on the way.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing test may panic"
)]

use std::path::{Path, PathBuf};

use inference::{BackendChoice, InferenceError, ModelOptions};
use nalgebra::{Isometry3, Point3, Vector3};
use ndarray::ArrayD;
use pointcloud::OrientedBox;
use policy::action::{ActionError, Decoder, led_angles};
use policy::learned::{Learned, LearnedError};
use policy::manifest::Manifest;
use policy::network::Network;
use policy::observation::{ObservationError, Observer};
use policy::snapshot::{Measured, Poses, Snapshot, Target, Velocities};
use robot::{Hand, Kinematics, Model};

const START: [f64; 6] = [
    0.6985,
    -1.4106,
    1.2932,
    0.1174,
    0.6983,
    std::f64::consts::FRAC_PI_2,
];

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn robot() -> (Kinematics, Hand) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let model = Model::from_file(format!("{root}/urdf/ur5_sih.urdf")).unwrap();
    (
        Kinematics::new(&model),
        Hand::from_file(format!("{root}/calibration/sih_right.yaml")).unwrap(),
    )
}

fn tool0_from_palm(kinematics: &Kinematics) -> Isometry3<f64> {
    let rest = kinematics.positions([]).unwrap();
    kinematics
        .forward(&rest)
        .unwrap()
        .relative("tool0", "palm")
        .unwrap()
}

fn snapshot(kinematics: &Kinematics, hand: &Hand, points: Vec<Point3<f32>>) -> Snapshot {
    let hand_angles = hand.angles(hand.pregrasp(0.4));
    let measured = Measured {
        arm: START,
        arm_velocity: [0.0; 6],
        hand: hand_angles,
        hand_velocity: [0.0; 11],
        hand_load: [0.0; 11],
    };
    let bounds = OrientedBox {
        base_from_box: Isometry3::translation(0.3, 0.5, 0.05),
        size: Vector3::repeat(0.1),
    };
    Snapshot {
        arm_targets: START,
        hand_targets: measured.led(),
        poses: Poses::of(kinematics, &START, &hand_angles).unwrap(),
        measured,
        target: (!points.is_empty()).then_some(Target { points, bounds }),
        goal: Point3::new(0.28, 0.58, 0.3),
        previous_action: vec![0.0; 11],
        velocities: Velocities::default(),
    }
}

fn options() -> ModelOptions {
    ModelOptions {
        backend: BackendChoice::Tract,
        threads: None,
    }
}

fn load(manifest: &Manifest) -> Result<Learned, LearnedError> {
    let (kinematics, hand) = robot();
    Learned::load(
        manifest,
        &data(),
        &hand,
        tool0_from_palm(&kinematics),
        &options(),
    )
}

fn manifest_with(from: &str, to: &str) -> Manifest {
    let text = std::fs::read_to_string(data().join("policy.yaml")).unwrap();
    assert!(text.contains(from), "{from}");
    Manifest::from_yaml(&text.replacen(from, to, 1), "policy.yaml").unwrap()
}

#[test]
fn a_network_moves_hand_and_arm_as_its_manifest_says() {
    let (kinematics, hand) = robot();
    let mut learned = load(&Manifest::from_file(&data().join("policy.yaml")).unwrap()).unwrap();
    // Two points (repeated to four), whose x differ from the mean by 0.1 and -0.1: they cancel.
    let points = vec![Point3::new(0.4, 0.5, 0.0), Point3::new(0.2, 0.5, 0.0)];
    let snapshot = snapshot(&kinematics, &hand, points);
    let targets = learned.step(&snapshot).unwrap();

    let palm = robot::ur5::forward(&targets.arm) * tool0_from_palm(&kinematics);
    let moved = palm.translation.vector - snapshot.poses.base_from_palm.translation.vector;
    assert!(
        (moved - Vector3::new(0.01, 0.0, 0.0)).norm() < 1e-6,
        "0.5 * 0.02 m along x, not {moved}"
    );
    assert!(
        palm.rotation
            .angle_to(&snapshot.poses.base_from_palm.rotation)
            < 1e-6
    );

    // Smoothed: 0.8 of 100 ticks, the thumb's opposition up (to its limit), its flexion down.
    let mut ticks = hand.ticks(snapshot.measured.led());
    ticks[0] += 80.0;
    ticks[1] -= 80.0;
    let expected = led_angles(&hand, hand.clamp(ticks));
    for (angle, expected) in targets.hand.iter().zip(expected) {
        assert!(
            (angle - expected).abs() < 1e-3,
            "{:?} {expected:?}",
            targets.hand
        );
    }
    // The second step adds the smoothed rest of the first: 0.8 + 0.2 * 0.8.
    let second = learned.step(&snapshot).unwrap();
    ticks[1] -= 96.0;
    let expected = led_angles(&hand, hand.clamp(ticks));
    assert!(
        (second.hand[1] - expected[1]).abs() < 1e-3,
        "{:?} {expected:?}",
        second.hand
    );
}

#[test]
fn a_file_with_another_digest_is_refused() {
    let text = std::fs::read_to_string(data().join("policy.yaml")).unwrap();
    let at = text.find("sha256: ").unwrap() + "sha256: ".len();
    let other = if text[at..].starts_with('0') {
        "1"
    } else {
        "0"
    };
    let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
    let manifest = Manifest::from_yaml(&changed, "policy.yaml").unwrap();
    assert!(matches!(
        load(&manifest),
        Err(LearnedError::Network(InferenceError::Digest { .. }))
    ));
}

#[test]
fn what_the_robot_lacks_is_named_before_the_file_is_sought() {
    for example in ["resdex_state.yaml", "tapg_teacher.yaml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../models/policies/examples")
            .join(example);
        let error = load(&Manifest::from_file(&path).unwrap()).unwrap_err();
        assert!(
            matches!(
                error,
                LearnedError::Observation(ObservationError::Unavailable { .. })
            ),
            "{example}: {error}"
        );
    }
    let missing = manifest_with("policy.onnx", "missing.onnx");
    let error = load(&missing).unwrap_err();
    assert!(error.to_string().contains("missing.onnx"), "{error}");
    let other_shape = manifest_with("shape: [4, 3]", "shape: [5, 3]");
    assert!(matches!(
        load(&other_shape),
        Err(LearnedError::Network(InferenceError::Contract { .. }))
    ));
    let other_joints = manifest_with("shape: [6]", "shape: [7]");
    assert!(load(&other_joints).is_err());
}

/// A network that gives what it is told.
struct Fixed(Vec<f32>);

impl Network for Fixed {
    fn run(&mut self, _: &[(String, ArrayD<f32>)]) -> Result<Vec<f32>, InferenceError> {
        Ok(self.0.clone())
    }
}

fn step_with(
    output: Vec<f32>,
    points: Vec<Point3<f32>>,
) -> Result<policy::action::Targets, LearnedError> {
    let (kinematics, hand) = robot();
    let manifest = Manifest::from_file(&data().join("policy.yaml")).unwrap();
    let action = manifest.action.clone().unwrap();
    let observer = Observer::new(manifest.observations.clone(), hand.clone()).unwrap();
    let decoder = Decoder::new(action, hand.clone(), tool0_from_palm(&kinematics)).unwrap();
    let mut learned = Learned::with_network(observer, Box::new(Fixed(output)), decoder, 11);
    learned.step(&snapshot(&kinematics, &hand, points))
}

#[test]
fn nonsense_from_a_network_never_becomes_a_target() {
    let points = vec![Point3::new(0.3, 0.5, 0.1)];
    let nan = step_with(
        [vec![0.0; 4], vec![f32::NAN], vec![0.0; 6]].concat(),
        points.clone(),
    );
    let Err(LearnedError::Action(error @ ActionError::NotFinite { index: 4, .. })) = nan else {
        panic!("{nan:?}")
    };
    assert!(error.to_string().contains("the robot holds"));
    let short = step_with(vec![0.0; 10], points.clone());
    assert!(matches!(
        short,
        Err(LearnedError::Action(ActionError::Size {
            expected: 11,
            actual: 10
        }))
    ));
    // Huge numbers are clipped to one step's worth.
    let huge = step_with(vec![1e9; 11], points).unwrap();
    let travel = huge
        .arm
        .iter()
        .zip(START)
        .map(|(to, from)| (to - from).abs())
        .fold(0.0, f64::max);
    assert!(travel < 0.3, "{travel}");
}

#[test]
fn a_policy_that_needs_the_target_waits_for_it() {
    let result = step_with(vec![0.0; 11], Vec::new());
    assert!(
        matches!(
            result,
            Err(LearnedError::Observation(ObservationError::NoTarget))
        ),
        "{result:?}"
    );
}
