//! The geometric policy, step by step, with an arm that goes exactly where it is told.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing test may panic"
)]

use std::f64::consts::PI;

use nalgebra::Point3;
use pointcloud::Target;
use policy::geometric::{Arm, Geometric, Input, Object, Phase, PlanError, Settings};
use robot::{Hand, Model, ur5};

const STEP_S: f64 = 1.0 / 7.5;

/// A cell with a block on its table, and what the hand feels.
struct Cell {
    policy: Geometric,
    block: Object,
    arm: Arm,
}

impl Cell {
    fn new() -> Self {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let model = Model::from_file(format!("{root}/urdf/ur5_sih.urdf")).unwrap();
        let hand = Hand::from_file(format!("{root}/calibration/sih_right.yaml")).unwrap();
        Self {
            policy: Geometric::new(&model, &hand, Settings::default(), STEP_S).unwrap(),
            block: block(),
            arm: ur5::RESET_POSE,
        }
    }

    /// One step with a force at the tool; the phase, or why there is no grasp.
    fn step(&mut self, contact_n: f64) -> Result<Phase, PlanError> {
        let output = self.policy.step(&Input {
            arm: &self.arm,
            load: &[0.5; 5],
            contact_n,
            object: Some(&self.block),
        })?;
        self.arm = output.arm.unwrap_or(self.arm);
        Ok(output.phase)
    }

    /// Height of the flange, metres.
    fn height(&self) -> f64 {
        ur5::forward(&self.arm).translation.z
    }

    /// Steps until the hand has come down by `by_m` from where it began to go straight down.
    fn come_down(&mut self, by_m: f64) -> Result<(), PlanError> {
        for _ in 0..60 {
            self.step(0.0)?;
            let above = self.policy.grasp().map(|grasp| grasp.approach[1]);
            let from = above.map(|arm| ur5::forward(&arm).translation.z);
            if from.is_some_and(|from| self.height() < from - by_m) {
                return Ok(());
            }
        }
        panic!("it never came down");
    }
}

/// A block of 4 x 6 x 5 cm, of which top and front are seen.
fn block() -> Object {
    let grid = |n: i32| (0..=n).map(move |i| f64::from(i) / f64::from(n));
    let top = grid(20).flat_map(|u| grid(20).map(move |v| [u, v, 1.0]));
    let front = grid(20).flat_map(|u| grid(20).map(move |w| [u, 1.0, w]));
    let points: Vec<Point3<f32>> = top
        .chain(front)
        .map(|[u, v, w]| Point3::new(0.25 + 0.06 * u, 0.57 + 0.04 * v, 0.05 * w).cast())
        .collect();
    let camera = Point3::new(0.28, 1.05, 0.5);
    let target = Target::from_points(&points, &pointcloud::Config::default(), &camera).unwrap();
    Object {
        bounds: target.table_box,
        points,
        surroundings: Vec::new(),
    }
}

#[test]
fn it_comes_down_closes_and_lifts_to_the_goal() {
    let mut cell = Cell::new();
    let mut phases = vec![];
    let mut lowest = f64::INFINITY;
    for _ in 0..75 {
        let phase = cell.step(0.0).unwrap();
        lowest = lowest.min(cell.height());
        if phases.last() != Some(&phase) {
            phases.push(phase);
        }
        if let Some(grasp) = cell.policy.grasp() {
            // What is held goes with the hand.
            let at = ur5::forward(grasp.approach.last().unwrap());
            let moved = ur5::forward(&cell.arm).translation.vector - at.translation.vector;
            if matches!(phase, Phase::Lift | Phase::Hold) {
                cell.block.bounds = block().bounds;
                cell.block.bounds.base_from_box.translation.vector += moved;
            }
        }
    }
    let expected = [
        Phase::Waiting,
        Phase::Approach,
        Phase::Grasp,
        Phase::Lift,
        Phase::Hold,
    ];
    assert_eq!(phases, expected);
    let up = cell.height() - lowest;
    assert!((up - (0.30 - 0.025)).abs() < 0.03, "lifted by {up:.3} m");
}

#[test]
fn a_touch_on_the_way_down_sends_it_back_up_to_another_grasp() {
    let mut cell = Cell::new();
    cell.come_down(0.05).unwrap();
    let first = cell.policy.grasp().unwrap().clone();
    let touched = cell.height();
    cell.step(40.0).unwrap();
    let mut highest = cell.height();
    assert!(highest >= touched - 1e-9, "never further down");
    loop {
        cell.step(0.0).unwrap();
        if cell.policy.grasp().is_some() {
            break;
        }
        assert!(cell.height() >= highest - 1e-6, "straight up");
        highest = highest.max(cell.height());
    }
    let above = ur5::forward(&first.approach[1]).translation.z;
    assert!((highest - above).abs() < 1e-3, "{highest} m, not {above} m");
    let second = cell.policy.grasp().unwrap();
    let turned = (second.heading - first.heading).rem_euclid(2.0 * PI);
    assert!(turned.min(2.0 * PI - turned) > 0.2, "{turned} rad");
}

#[test]
fn a_touch_on_the_way_there_stops_it() {
    let mut cell = Cell::new();
    while cell.policy.grasp().is_none() {
        cell.step(0.0).unwrap();
    }
    cell.step(0.0).unwrap();
    assert_eq!(cell.step(40.0), Err(PlanError::InTheWay { touch_n: 40.0 }));
}

#[test]
fn it_gives_up_when_something_is_always_in_the_way() {
    let mut cell = Cell::new();
    let mut touches = 0;
    let error = loop {
        match cell.come_down(0.05).and_then(|()| cell.step(40.0)) {
            Ok(_) => touches += 1,
            Err(error) => break error,
        }
        assert!(touches < 10);
    };
    assert_eq!(error, PlanError::InTheWay { touch_n: 40.0 });
    assert_eq!(touches, 1 + Settings::default().retries);
}
