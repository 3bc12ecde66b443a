//! Figures over time: latencies, the target, joints and forces.

use std::collections::{BTreeMap, BTreeSet};
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

/// Between two points of a curve.
const PERIOD: Duration = Duration::from_millis(200);

/// Colours that can be told apart on dark ground; a joint and its target share one.
const PALETTE: [[u8; 3]; 6] = [
    [90, 170, 255],
    [255, 170, 40],
    [110, 220, 120],
    [240, 100, 110],
    [190, 140, 255],
    [90, 220, 220],
];

/// Joints that are drawn together.
const GROUPS: [(&str, &[&str]); 2] = [("arm", &ur5::JOINTS), ("hand", &LED_JOINTS)];

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
    /// Stages that have a name in the recording.
    stages: BTreeSet<String>,
    /// The prompt of the target, and the area of its first mask.
    first_mask: (String, f64),
    loop_latency: Option<Duration>,
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
            stages: BTreeSet::new(),
            first_mask: Default::default(),
            loop_latency: None,
            next: Time::ZERO,
        })
    }

    /// The target's cloud is there, so long after its picture was taken.
    pub(crate) fn cloud_came(&mut self, latency: Duration) {
        self.loop_latency = Some(latency);
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
        if now >= self.next {
            self.next = now + PERIOD;
            self.draw_joints(log);
            self.draw_contact(log);
            if let Some(latency) = self.loop_latency.take() {
                put(log, "latency/picture_to_cloud", millis(latency));
            }
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
            if self.stages.insert(stage.to_owned()) {
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

    /// The joints of a group in one entity, which costs much less than one for each.
    fn draw_joints(&self, log: &Log) {
        for (group, joints) in GROUPS {
            for (kind, known) in [("measured", &self.joints), ("target", &self.targets)] {
                let positions: Option<Vec<f64>> = joints
                    .iter()
                    .map(|joint| known.get(*joint).copied())
                    .collect();
                if let Some(positions) = positions {
                    log.put(&format!("{group}/{kind}"), &Scalars::new(positions));
                }
            }
        }
    }

    fn draw_contact(&self, log: &Log) {
        if let Some(force_n) = self.arm.latest().and_then(|arm| figure(&arm, "force_N")) {
            // On one scale with the loads, which are shares.
            put(log, "contact/force", force_n / 10.0);
        }
        let Some(hand) = self.hand.latest() else {
            return;
        };
        let loads = hand.value("load").unwrap_or_default().split_whitespace();
        let loads: Option<Vec<f64>> = loads.map(|load| load.parse().ok()).collect();
        if let Some(loads) = loads {
            log.put("contact/load", &Scalars::new(loads));
        }
    }
}

fn name_series(log: &Log) {
    let lines = |path: &str, names: Vec<String>, colours: &[[u8; 3]], width: f32| {
        let colours = colours.iter().map(|[r, g, b]| Color::from_rgb(*r, *g, *b));
        let series = SeriesLines::new()
            .with_widths(vec![width; names.len()])
            .with_names(names)
            .with_colors(colours);
        log.put_static(path, &series);
    };
    let one = |name: &str| vec![name.to_owned()];
    lines("target/score", one("score"), &[TARGET], 2.0);
    lines("target/visible", one("visible"), &PALETTE[..1], 2.0);
    lines("contact/force", one("force, 10 N"), &[[255; 3]], 2.0);
    lines(
        "latency/picture_to_cloud",
        one("picture to cloud"),
        &[[255; 3]],
        2.0,
    );
    let servos = SERVOS.map(|servo| format!("load {}", servo.replace('_', " ")));
    lines(
        "contact/load",
        servos.to_vec(),
        &PALETTE[..SERVOS.len()],
        1.5,
    );
    for (group, joints) in GROUPS {
        let names = joints
            .iter()
            .map(|joint| joint.trim_end_matches("_joint").replace('_', " "));
        let targets = names.clone().map(|name| format!("{name}, target"));
        let colours = &PALETTE[..joints.len().min(PALETTE.len())];
        let paler: Vec<_> = colours
            .iter()
            .map(|colour| colour.map(|part| part / 2 + 60))
            .collect();
        lines(&format!("{group}/measured"), names.collect(), colours, 2.0);
        lines(&format!("{group}/target"), targets.collect(), &paler, 0.8);
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
