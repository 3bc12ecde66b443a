//! Figures over time: latencies, the target, joints and forces.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use bus::{Node, Qos, Subscription, Time};
use msgs::diagnostic_msgs::{DiagnosticArray, DiagnosticStatus};
use msgs::sensor_msgs::JointState;
use msgs::trajectory_msgs::JointTrajectory;
use re_sdk_types::archetypes::{Scalars, SeriesLines};
use re_sdk_types::components::Color;
use robot::hand::{LED_JOINTS, SERVOS};
use robot::ur5;

use super::{Log, TARGET};

/// Between two points of a joint's curve.
const PERIOD: Duration = Duration::from_millis(100);

/// Colours that can be told apart on dark ground; a joint and its target share one.
const PALETTE: [[u8; 3]; 6] = [
    [90, 170, 255],
    [255, 170, 40],
    [110, 220, 120],
    [240, 100, 110],
    [190, 140, 255],
    [90, 220, 220],
];

/// Draws the plots.
pub(crate) struct Plots {
    diagnostics: Subscription<DiagnosticArray>,
    segmentation: Subscription<DiagnosticStatus>,
    joint_states: Subscription<JointState>,
    commands: [Subscription<JointTrajectory>; 2],
    arm: Subscription<DiagnosticStatus>,
    hand: Subscription<DiagnosticStatus>,
    joints: BTreeMap<String, f64>,
    targets: BTreeMap<String, f64>,
    latencies: BTreeMap<String, ()>,
    /// The prompt of the target, and the area of its first mask.
    first_mask: (String, f64),
    next: Time,
}

impl Plots {
    pub(crate) fn new(node: &Node, log: &Log) -> bus::Result<Self> {
        name_series(log);
        Ok(Self {
            diagnostics: node.subscribe("/diagnostics", Qos::reliable(10))?,
            segmentation: node.subscribe("segmentation/status", Qos::reliable(10))?,
            joint_states: node.subscribe("joint_states", Qos::reliable(50))?,
            commands: [
                node.subscribe("arm/command", Qos::reliable(10))?,
                node.subscribe("hand/command", Qos::reliable(10))?,
            ],
            arm: node.subscribe("arm/status", Qos::latched())?,
            hand: node.subscribe("hand/status", Qos::latched())?,
            joints: BTreeMap::new(),
            targets: BTreeMap::new(),
            latencies: BTreeMap::new(),
            first_mask: Default::default(),
            next: Time::ZERO,
        })
    }

    /// Draws how long after its picture the target's cloud came.
    pub(crate) fn draw_loop_latency(&self, latency: Duration, log: &Log) {
        put(log, "latency/picture_to_cloud", millis(latency));
    }

    /// Draws what has come since.
    pub(crate) fn draw(&mut self, now: Time, log: &Log) {
        while let Some(report) = self.diagnostics.try_next() {
            self.draw_latencies(&report, log);
        }
        while let Some(status) = self.segmentation.try_next() {
            self.draw_target(&status, log);
        }
        while let Some(state) = self.joint_states.try_next() {
            let positions = state
                .name
                .iter()
                .cloned()
                .zip(state.position.iter().copied());
            self.joints.extend(positions);
        }
        for commands in &self.commands {
            while let Some(command) = commands.try_next() {
                if let Some(last) = command.points.last() {
                    let positions = last.positions.iter().copied();
                    self.targets
                        .extend(command.joint_names.iter().cloned().zip(positions));
                }
            }
        }
        if let Some(force_n) = self.arm.latest().and_then(|arm| figure(&arm, "force_N")) {
            put(log, "contact/arm_force", force_n);
        }
        if let Some(hand) = self.hand.latest() {
            let loads = hand.value("load").unwrap_or_default().split_whitespace();
            for (servo, load) in SERVOS.iter().zip(loads) {
                if let Ok(load) = load.parse::<f64>() {
                    put(log, &format!("load/{servo}"), load);
                }
            }
        }
        if now >= self.next {
            self.next = now + PERIOD;
            self.draw_joints(log);
        }
    }

    /// The median of each stage over its last runs; where it is measured says the name.
    fn draw_latencies(&mut self, report: &DiagnosticArray, log: &Log) {
        let stages = report
            .status
            .iter()
            .filter(|status| status.message == "latency");
        for status in stages {
            let Some(p50_ms) = figure(status, "p50_ms") else {
                continue;
            };
            let stage = status.name.rsplit(' ').next().unwrap_or(&status.name);
            let path = format!("latency/{stage}");
            if let Entry::Vacant(new) = self.latencies.entry(stage.to_owned()) {
                new.insert(());
                log.put_static(&path, &SeriesLines::new().with_names([stage]));
            }
            put(log, &path, p50_ms);
        }
    }

    /// Score and visibility: how much of the mask there was at first is there still.
    fn draw_target(&mut self, status: &DiagnosticStatus, log: &Log) {
        let is_about_frame = status.value("refused").is_none();
        if !is_about_frame || status.message == "idle" {
            return;
        }
        let (Some(score), Some(area)) = (figure(status, "score"), figure(status, "area_px")) else {
            return;
        };
        let prompt = status.value("prompt").unwrap_or_default();
        if self.first_mask.0 != prompt {
            self.first_mask = (prompt.to_owned(), area.max(1.0));
        }
        put(log, "target/score", score);
        put(log, "target/visible", area / self.first_mask.1);
    }

    fn draw_joints(&self, log: &Log) {
        let groups = [("arm", &ur5::JOINTS[..]), ("hand", &LED_JOINTS[..])];
        for (group, joints) in groups {
            for joint in joints {
                for (kind, known) in [("measured", &self.joints), ("target", &self.targets)] {
                    if let Some(position) = known.get(*joint) {
                        put(log, &format!("{group}/{joint}/{kind}"), *position);
                    }
                }
            }
        }
    }
}

fn name_series(log: &Log) {
    let line = |path: &str, name: &str, [red, green, blue]: [u8; 3], width: f32| {
        let series = SeriesLines::new()
            .with_names([name])
            .with_colors([Color::from_rgb(red, green, blue)])
            .with_widths([width]);
        log.put_static(path, &series);
    };
    line("target/score", "score", TARGET, 2.0);
    line("target/visible", "visible", PALETTE[0], 2.0);
    line(
        "contact/arm_force",
        "force at the wrist, N",
        PALETTE[3],
        2.0,
    );
    line(
        "latency/picture_to_cloud",
        "picture to cloud",
        [255, 255, 255],
        2.0,
    );
    for (servo, colour) in SERVOS.iter().zip(PALETTE) {
        line(&format!("load/{servo}"), servo, colour, 1.5);
    }
    let groups = [("arm", &ur5::JOINTS[..]), ("hand", &LED_JOINTS[..])];
    for (group, joints) in groups {
        for (joint, colour) in joints.iter().zip(PALETTE) {
            let name = joint.trim_end_matches("_joint");
            line(&format!("{group}/{joint}/measured"), name, colour, 2.0);
            let paler = colour.map(|part| part / 2 + 60);
            let target = format!("{name} target");
            line(&format!("{group}/{joint}/target"), &target, paler, 0.8);
        }
    }
}

fn figure(status: &DiagnosticStatus, key: &str) -> Option<f64> {
    let figure: f64 = status.value(key)?.parse().ok()?;
    figure.is_finite().then_some(figure)
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn put(log: &Log, path: &str, value: f64) {
    log.put(path, &Scalars::single(value));
}
