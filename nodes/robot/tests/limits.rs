//! The limiter's promises, whatever comes in.
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
use robot::{
    Kinematics, Model,
    limits::{
        ConfigError, Halt, JointBound, Limiter, LimiterConfig, LimiterState, Refusal, Sensed,
        Setpoint, TrajectoryCommand, TrajectoryPoint, Workspace, WorkspaceBox,
    },
    ur5::{self, RESET_POSE},
};

const CYCLE_S: f64 = 0.008;
const NO_FORCE: f64 = 0.0;

fn bound(name: &str, half_range: f64) -> JointBound {
    JointBound {
        name: name.to_owned(),
        lower: -half_range,
        upper: half_range,
        velocity: 0.9,
        acceleration: 12.0,
        step: 0.0065,
    }
}

fn config() -> LimiterConfig {
    LimiterConfig {
        cycle_s: CYCLE_S,
        stale_timeout_s: 0.1,
        contact_force_n: Some(50.0),
        joints: vec![bound("a", 1.0), bound("b", 2.0)],
        workspace: Vec::new(),
    }
}

const TOP_SPEED: f64 = 0.0065 / CYCLE_S; // the step binds before the velocity
const HALF_RANGES: [f64; 2] = [1.0, 2.0];

fn command(points: Vec<TrajectoryPoint>) -> TrajectoryCommand {
    TrajectoryCommand {
        joint_names: vec!["a".to_owned(), "b".to_owned()],
        points,
    }
}

fn to(time_s: f64, positions: &[f64]) -> TrajectoryPoint {
    TrajectoryPoint {
        time_s,
        positions: positions.to_vec(),
        velocities: Vec::new(),
    }
}

/// A limiter with a device that goes where it is told.
struct Rig {
    limiter: Limiter,
    now_s: f64,
    measured: Vec<f64>,
    velocities: Vec<f64>,
}

impl Rig {
    fn new(start: [f64; 2]) -> Self {
        let mut limiter = Limiter::new(config()).unwrap();
        limiter.reset(&start).unwrap();
        Self {
            limiter,
            now_s: 5.0,
            measured: start.to_vec(),
            velocities: vec![0.0; 2],
        }
    }

    /// One cycle; checks what holds always.
    fn step(&mut self, passed_s: f64, force_n: f64) -> Setpoint {
        self.now_s += passed_s;
        let gaps = self.limiter.report().gap;
        let sensed = Sensed {
            now_s: self.now_s,
            measured: &self.measured,
            contact_force_n: force_n,
            violation_m: None,
        };
        let setpoint = self.limiter.step(&sensed).unwrap();
        let from_rest = self.limiter.report().gap > gaps;
        for joint in 0..2 {
            let (position, velocity) = (setpoint.positions[joint], setpoint.velocities[joint]);
            let before = if from_rest {
                0.0
            } else {
                self.velocities[joint]
            };
            let moved = (position - self.measured[joint]).abs();
            assert!(position.abs() <= HALF_RANGES[joint], "position {position}");
            assert!(moved <= TOP_SPEED * CYCLE_S + 1e-12, "moved {moved}");
            assert!(
                (velocity - before).abs() <= 12.0 * CYCLE_S + 1e-9,
                "velocity {before} to {velocity}"
            );
            assert!(
                (velocity * CYCLE_S - (position - self.measured[joint])).abs() < 1e-12,
                "velocity is the motion"
            );
        }
        self.measured.clone_from(&setpoint.positions);
        self.velocities.clone_from(&setpoint.velocities);
        setpoint
    }

    fn at_rest(&self) -> bool {
        self.velocities.iter().all(|&velocity| velocity == 0.0)
    }
}

#[derive(Debug, Clone)]
enum Event {
    Command(Vec<TrajectoryPoint>),
    Steps(usize),
    Pause(f64),
    Force(f64),
    Halt,
    /// A driver resets at rest.
    Reset,
}

/// Mostly sensible numbers, and all the others.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![8 => -3.0..3.0_f64, 1 => any::<f64>(), 1 => Just(f64::NAN)]
}

fn point() -> impl Strategy<Value = TrajectoryPoint> {
    let velocities = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(number(), 2), 1 => prop::collection::vec(number(), 0..4)];
    let positions = prop_oneof![9 => prop::collection::vec(number(), 2), 1 => prop::collection::vec(number(), 0..4)];
    let time_s = prop_oneof![8 => 0.0..1.0_f64, 1 => any::<f64>()];
    (time_s, positions, velocities).prop_map(|(time_s, positions, velocities)| TrajectoryPoint {
        time_s,
        positions,
        velocities,
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => prop::collection::vec(point(), 0..3).prop_map(Event::Command),
        6 => (0_usize..40).prop_map(Event::Steps),
        1 => prop_oneof![-1.0..1.0_f64, any::<f64>()].prop_map(Event::Pause),
        1 => prop_oneof![0.0..60.0_f64, any::<f64>()].prop_map(Event::Force),
        1 => Just(Event::Halt),
        2 => Just(Event::Reset),
    ]
}

proptest! {
    #[test]
    fn nothing_beyond_a_limit_comes_out(
        start in (-1.0..1.0_f64, -2.0..2.0_f64), events in prop::collection::vec(event(), 0..30)
    ) {
        let mut rig = Rig::new([start.0, start.1]);
        for event in events {
            match event {
                Event::Command(points) => {
                    let _ = rig.limiter.command(&command(points), rig.now_s);
                }
                Event::Steps(count) => (0..count).for_each(|_| { rig.step(CYCLE_S, NO_FORCE); }),
                Event::Pause(passed_s) => {
                    if !(rig.now_s + passed_s).is_finite() || (rig.now_s + passed_s).abs() > 1e6 {
                        // A broken clock: the limiter stays put and starts anew with the next good time.
                        let sensed = Sensed { now_s: f64::NAN, measured: &rig.measured, contact_force_n: 0.0, violation_m: None };
                        let held = rig.limiter.step(&sensed).unwrap();
                        prop_assert_eq!(&held.positions, &rig.measured);
                        rig.velocities = vec![0.0; 2];
                    } else {
                        rig.step(passed_s, NO_FORCE);
                    }
                }
                Event::Force(force_n) => { rig.step(CYCLE_S, force_n); }
                Event::Halt => rig.limiter.halt(),
                Event::Reset => {
                    while !rig.at_rest() {
                        rig.limiter.halt();
                        rig.step(CYCLE_S, NO_FORCE);
                    }
                    rig.limiter.reset(&rig.measured).unwrap();
                }
            }
        }
    }

    #[test]
    fn a_legal_target_is_reached_and_held(
        start in (-1.0..1.0_f64, -2.0..2.0_f64), goal in (-1.0..1.0_f64, -2.0..2.0_f64)
    ) {
        let mut rig = Rig::new([start.0, start.1]);
        let rest = TrajectoryPoint { time_s: 6.0, positions: vec![goal.0, goal.1], velocities: vec![0.0; 2] };
        rig.limiter.command(&command(vec![rest]), rig.now_s).unwrap();
        let mut last = None;
        for _ in 0..780 {
            last = Some(rig.step(CYCLE_S, NO_FORCE));
        }
        let last = last.unwrap();
        prop_assert_eq!(last.state, LimiterState::Holding);
        prop_assert!((last.positions[0] - goal.0).abs() < 1e-9 && (last.positions[1] - goal.1).abs() < 1e-9);
        prop_assert_eq!(rig.limiter.report().clamped(), 0);
    }

    #[test]
    fn a_silent_commander_stops_the_device_in_time(
        start in -0.9..0.9_f64, goal in -20.0..20.0_f64, horizon_s in 0.0..0.4_f64, then in -20.0..20.0_f64, cycles in 0_usize..60
    ) {
        let mut rig = Rig::new([start, start]);
        rig.limiter.command(&command(vec![to(horizon_s, &[goal, -goal])]), rig.now_s).unwrap();
        (0..cycles).for_each(|_| { rig.step(CYCLE_S, NO_FORCE); });
        // The last word of the commander, in whatever motion the device then is.
        rig.limiter.command(&command(vec![to(horizon_s, &[then, goal])]), rig.now_s).unwrap();
        let silent_from_s = rig.now_s + horizon_s;
        while rig.now_s < silent_from_s + 0.1 {
            rig.step(CYCLE_S, NO_FORCE);
        }
        prop_assert!(rig.at_rest(), "{:?}", rig.velocities);
        let stopped = rig.measured.clone();
        let last = rig.step(CYCLE_S, NO_FORCE);
        prop_assert_eq!(last.state, LimiterState::Stale);
        prop_assert_eq!(stopped, last.positions);
        prop_assert!(rig.limiter.report().stale >= 1);
    }

    #[test]
    fn a_pause_starts_from_the_measured_position(elsewhere in (-1.0..1.0_f64, -2.0..2.0_f64)) {
        let mut rig = Rig::new([0.0, 0.0]);
        rig.limiter.command(&command(vec![to(0.5, &[0.5, 0.5])]), rig.now_s).unwrap();
        (0..20).for_each(|_| { rig.step(CYCLE_S, NO_FORCE); });
        rig.measured = vec![elsewhere.0, elsewhere.1]; // moved by hand while nobody looked
        let first = rig.step(0.3, NO_FORCE);
        prop_assert_eq!(first.positions, vec![elsewhere.0, elsewhere.1]);
        prop_assert_eq!(first.state, LimiterState::Idle);
        prop_assert_eq!(rig.limiter.report().gap, 1);
    }

    #[test]
    fn the_sampled_trajectory_is_followed_closely(goal in 0.2..0.9_f64, duration_s in 1.5..3.0_f64) {
        // Slow enough to be followed: the setpoint may trail by the distance to stop, and no more.
        let mut rig = Rig::new([0.0, 0.0]);
        let start_s = rig.now_s;
        rig.limiter.command(&command(vec![to(duration_s, &[goal, goal])]), rig.now_s).unwrap();
        let speed = goal / duration_s;
        while rig.now_s < start_s + duration_s {
            let setpoint = rig.step(CYCLE_S, NO_FORCE);
            let wanted = (speed * (rig.now_s - start_s)).min(goal);
            prop_assert!((setpoint.positions[0] - wanted).abs() < speed * speed / 24.0 + speed * CYCLE_S + 0.001);
        }
    }
}

#[test]
fn contact_force_latches_until_reset() {
    for force_n in [50.1, -51.0, f64::NAN, f64::INFINITY] {
        let mut rig = Rig::new([0.0, 0.0]);
        rig.limiter
            .command(&command(vec![to(1.0, &[0.8, 0.8])]), rig.now_s)
            .unwrap();
        (0..30).for_each(|_| drop(rig.step(CYCLE_S, 49.9)));
        rig.step(CYCLE_S, force_n);
        (0..12).for_each(|_| drop(rig.step(CYCLE_S, NO_FORCE)));
        assert!(rig.at_rest());
        assert_eq!(
            rig.limiter.state(),
            LimiterState::Halted(Halt::ContactForce)
        );
        assert_eq!(rig.limiter.report().contact_force, 1);
        let refused = rig
            .limiter
            .command(&command(vec![to(1.0, &[0.0, 0.0])]), rig.now_s);
        assert_eq!(refused, Err(Refusal::Halted(Halt::ContactForce)));
        // A pause does not lift it either.
        rig.step(1.0, NO_FORCE);
        assert_eq!(
            rig.limiter.state(),
            LimiterState::Halted(Halt::ContactForce)
        );
        rig.limiter.reset(&rig.measured).unwrap();
        rig.limiter
            .command(&command(vec![to(1.0, &[0.0, 0.0])]), rig.now_s)
            .unwrap();
    }
}

#[test]
fn bad_commands_are_refused_and_the_good_one_goes_on() {
    let mut rig = Rig::new([0.0, 0.0]);
    rig.limiter
        .command(&command(vec![to(2.0, &[0.5, 0.5])]), rig.now_s)
        .unwrap();
    let cases = [
        (
            command(vec![to(1.0, &[f64::NAN, 0.0])]),
            Refusal::NotFinite { point: 0 },
        ),
        (
            command(vec![to(1.0, &[0.0])]),
            Refusal::Length {
                point: 0,
                expected: 2,
                found: 1,
            },
        ),
        (command(vec![]), Refusal::Times { point: 0 }),
        (
            command(vec![to(1.0, &[0.0, 0.0]), to(1.0, &[0.0, 0.0])]),
            Refusal::Times { point: 1 },
        ),
        (
            command(vec![to(-1.0, &[0.0, 0.0])]),
            Refusal::Times { point: 0 },
        ),
        (
            TrajectoryCommand {
                joint_names: vec!["a".to_owned(), "c".to_owned()],
                points: vec![to(1.0, &[0.0, 0.0])],
            },
            Refusal::Joints {
                expected: "a, b".to_owned(),
                found: "a, c".to_owned(),
            },
        ),
        (
            TrajectoryCommand {
                joint_names: vec!["a".to_owned(); 3],
                points: vec![to(1.0, &[0.0; 3])],
            },
            Refusal::Joints {
                expected: "a, b".to_owned(),
                found: "a, a, a".to_owned(),
            },
        ),
    ];
    for (bad, refusal) in &cases {
        assert_eq!(rig.limiter.command(bad, rig.now_s), Err(refusal.clone()));
    }
    assert_eq!(rig.limiter.report().refused, cases.len() as u64);
    (0..30).for_each(|_| drop(rig.step(CYCLE_S, NO_FORCE)));
    assert!(rig.measured[0] > 0.0);
}

#[test]
fn a_trajectory_with_absurd_velocities_is_followed_within_limits() {
    let mut rig = Rig::new([0.0, 0.0]);
    let absurd = TrajectoryPoint {
        time_s: 0.97,
        positions: vec![0.0, 0.0],
        velocities: vec![0.0, 6e307],
    };
    rig.limiter
        .command(&command(vec![absurd]), rig.now_s)
        .unwrap();
    (0..150).for_each(|_| drop(rig.step(CYCLE_S, NO_FORCE)));
    assert_eq!(rig.limiter.report().velocity, 1);
}

#[test]
fn a_device_that_was_never_measured_does_not_move() {
    let mut limiter = Limiter::new(config()).unwrap();
    assert_eq!(
        limiter.command(&command(vec![to(1.0, &[0.0, 0.0])]), 0.0),
        Err(Refusal::NotReady)
    );
    for measured in [&[][..], &[0.0], &[0.0, f64::NAN]] {
        let sensed = Sensed {
            now_s: 0.0,
            measured,
            contact_force_n: 0.0,
            violation_m: None,
        };
        assert!(limiter.step(&sensed).is_err());
        assert!(limiter.reset(measured).is_err());
    }
}

#[test]
fn a_joint_beyond_its_limit_comes_back_slowly() {
    let mut limiter = Limiter::new(config()).unwrap();
    limiter.reset(&[1.2, 0.0]).unwrap();
    let mut now_s = 0.0;
    let mut last = 1.2;
    limiter
        .command(&command(vec![to(2.0, &[3.0, 0.0])]), now_s)
        .unwrap();
    for _ in 0..262 {
        now_s += CYCLE_S;
        let sensed = Sensed {
            now_s,
            measured: &[0.0, 0.0],
            contact_force_n: 0.0,
            violation_m: None,
        };
        let position = limiter.step(&sensed).unwrap().positions[0];
        assert!(position <= last + 1e-12 && last - position <= TOP_SPEED * CYCLE_S + 1e-12);
        last = position;
    }
    assert!((last - 1.0).abs() < 1e-9, "{last}");
}

#[test]
fn configurations_that_cannot_be_held_are_refused() {
    let with = |change: &dyn Fn(&mut LimiterConfig)| {
        let mut config = config();
        change(&mut config);
        Limiter::new(config).unwrap_err()
    };
    assert!(matches!(
        with(&|c| c.cycle_s = 0.0),
        ConfigError::NotPositive { .. }
    ));
    assert!(matches!(
        with(&|c| c.joints.clear()),
        ConfigError::Joints(_)
    ));
    assert!(matches!(
        with(&|c| c.joints[1].name = "a".to_owned()),
        ConfigError::Joints(_)
    ));
    assert!(matches!(
        with(&|c| c.joints[0].lower = f64::NAN),
        ConfigError::Range(_)
    ));
    assert!(matches!(
        with(&|c| c.joints[0].acceleration = 1.0),
        ConfigError::CannotStop { .. }
    ));
    assert!(matches!(
        with(&|c| c.contact_force_n = Some(f64::NAN)),
        ConfigError::NotPositive { .. }
    ));
}

const LINKS: [&str; 7] = [
    "tool0", "palm", "th_tip", "if_tip", "mf_tip", "rf_tip", "lf_tip",
];

fn arm() -> (Limiter, Workspace) {
    let workspace = WorkspaceBox {
        links: LINKS.map(str::to_owned).to_vec(),
        lower: [-0.3, -0.3, 0.01],
        upper: [0.9, 1.0, 1.2],
    };
    let joints = ur5::JOINTS.map(|name| JointBound {
        velocity: 1.0,
        acceleration: 15.0,
        step: 0.008,
        ..bound(name, 3.1)
    });
    let config = LimiterConfig {
        joints: joints.to_vec(),
        workspace: vec![workspace],
        ..config()
    };
    let model = Model::from_file(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../urdf/ur5_sih.urdf"
    ))
    .unwrap();
    let workspace = Workspace::new(&config.workspace, &model, "base_link", &ur5::JOINTS).unwrap();
    (Limiter::new(config).unwrap(), workspace)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn control_points_stay_in_the_workspace(goals in prop::collection::vec(prop::array::uniform6(-1.5..1.5_f64), 1..4)) {
        let (mut limiter, workspace) = arm();
        let violations_m = |positions: &[f64]| workspace.violations_m(positions);
    let violation_m = |positions: &[f64]| workspace.violation_m(positions);
        limiter.reset(&RESET_POSE).unwrap();
        assert_eq!(violation_m(&RESET_POSE), 0.0);
        let mut now_s = 0.0;
        for change in goals {
            let goal: Vec<f64> = RESET_POSE.iter().zip(change).map(|(from, change)| from + change).collect();
            let names = ur5::JOINTS.map(str::to_owned).to_vec();
            let command = TrajectoryCommand { joint_names: names, points: vec![to(0.8, &goal)] };
            limiter.command(&command, now_s).unwrap();
            for _ in 0..100 {
                now_s += CYCLE_S;
                let sensed = Sensed { now_s, measured: &RESET_POSE, contact_force_n: 0.0, violation_m: Some(&violations_m) };
                let setpoint = limiter.step(&sensed).unwrap();
                let out_m = violation_m(&setpoint.positions);
                prop_assert!(out_m < 1e-3, "{out_m} m out at {:?}", setpoint.positions);
            }
        }
    }
}

#[test]
fn the_hand_does_not_go_through_the_table() {
    let (mut limiter, workspace) = arm();
    let violations_m = |positions: &[f64]| workspace.violations_m(positions);
    let violation_m = |positions: &[f64]| workspace.violation_m(positions);
    limiter.reset(&RESET_POSE).unwrap();
    let mut goal = RESET_POSE.to_vec();
    goal[1] += 1.2; // the shoulder leans forward and down
    let names = ur5::JOINTS.map(str::to_owned).to_vec();
    limiter
        .command(
            &TrajectoryCommand {
                joint_names: names,
                points: vec![to(3.0, &goal)],
            },
            0.0,
        )
        .unwrap();
    let mut last = Vec::new();
    for cycle in 1..400 {
        let sensed = Sensed {
            now_s: f64::from(cycle) * CYCLE_S,
            measured: &RESET_POSE,
            contact_force_n: 0.0,
            violation_m: Some(&violations_m),
        };
        last = limiter.step(&sensed).unwrap().positions;
        assert!(violation_m(&last) < 1e-3);
    }
    assert!(limiter.report().workspace > 0);
    assert!(
        last[1] > RESET_POSE[1] + 0.05,
        "it went as far as it may: {last:?}"
    );
    assert_eq!(limiter.report().stale, 1, "the goal was not reached");
}

#[test]
fn one_point_outside_lets_no_other_out() {
    let model = Model::from_file(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../urdf/ur5_sih.urdf"
    ))
    .unwrap();
    let (mut limiter, _) = arm();
    let area = |link: &str, lower: [f64; 3]| WorkspaceBox {
        links: vec![link.to_owned()],
        lower,
        upper: [2.0; 3],
    };
    let kinematics = Kinematics::new(&model);
    let mut q = vec![0.0; kinematics.joint_names().len()];
    q[..6].copy_from_slice(&RESET_POSE);
    let poses = kinematics.forward(&q).unwrap();
    let place = |link: &str| {
        poses
            .relative("base_link", link)
            .unwrap()
            .translation
            .vector
    };
    // The tool is 30 cm below its box; the wrist is inside of its own and may sink by 2 cm.
    let tool = area("tool0", [-2.0, -2.0, place("tool0").z + 0.3]);
    let wrist = area("wrist_1_link", [-2.0, -2.0, place("wrist_1_link").z - 0.02]);
    let workspace =
        Workspace::new(&[tool, wrist.clone()], &model, "base_link", &ur5::JOINTS).unwrap();
    let alone = Workspace::new(&[wrist], &model, "base_link", &ur5::JOINTS).unwrap();
    let violations_m = |positions: &[f64]| workspace.violations_m(positions);
    assert_eq!(workspace.violations_m(&RESET_POSE).len(), 2);
    limiter.reset(&RESET_POSE).unwrap();
    let mut goal = RESET_POSE.to_vec();
    // The shoulder leans down while the wrist turns the tool up: the tool's distance alone would allow it.
    goal[1] += 0.8;
    goal[3] -= 0.8;
    let command = TrajectoryCommand {
        joint_names: ur5::JOINTS.map(str::to_owned).to_vec(),
        points: vec![to(3.0, &goal)],
    };
    limiter.command(&command, 0.0).unwrap();
    for cycle in 1..400 {
        let sensed = Sensed {
            now_s: f64::from(cycle) * CYCLE_S,
            measured: &RESET_POSE,
            contact_force_n: 0.0,
            violation_m: Some(&violations_m),
        };
        let next = limiter.step(&sensed).unwrap().positions;
        assert!(
            alone.violation_m(&next) < 1e-3,
            "the wrist is {} m out",
            alone.violation_m(&next)
        );
    }
    assert!(limiter.report().workspace > 0);
}

#[test]
fn a_workspace_that_does_not_fit_the_robot_is_refused() {
    let model = Model::from_file(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../urdf/ur5_sih.urdf"
    ))
    .unwrap();
    let area = |link: &str| {
        [WorkspaceBox {
            links: vec![link.to_owned()],
            lower: [0.0; 3],
            upper: [1.0; 3],
        }]
    };
    let error = Workspace::new(&area("tool1"), &model, "base_link", &ur5::JOINTS).unwrap_err();
    assert_eq!(
        error.to_string(),
        "limits: workspace: the robot has no link `tool1`"
    );
    assert!(Workspace::new(&area("tool0"), &model, "base", &["elbow"]).is_err());
    assert!(Workspace::new(&area("tool0"), &model, "bass", &ur5::JOINTS).is_err());
    let workspace = Workspace::new(&area("tool0"), &model, "base_link", &ur5::JOINTS).unwrap();
    assert_eq!(workspace.violation_m(&[f64::NAN; 6]), f64::INFINITY);
    assert_eq!(workspace.violation_m(&[0.0; 5]), f64::INFINITY);
}
