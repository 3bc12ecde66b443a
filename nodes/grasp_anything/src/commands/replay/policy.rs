//! What the policy commanded, and what it commands now when it is shown the same.
//!
//! The robot went the recorded way, whatever the policy asks for now: from where the two first differ, the policy of now
//! is held against measurements that its own commands would have changed.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use bus::{Node, Qos, Time};
use msgs::{
    diagnostic_msgs::DiagnosticStatus,
    sensor_msgs::PointCloud2,
    std_msgs,
    std_srvs::{Trigger, TriggerRequest},
    trajectory_msgs::JointTrajectory,
};
use nalgebra::Isometry3;
use recorder::{Recording, player};
use robot::{Kinematics, Model, frames};
use serde::Serialize;

use crate::report::{Align, Table};

const STATUS: &str = "/policy/status";
const ARM: &str = "/arm/command";
const HAND: &str = "/hand/command";
const CLOUD: &str = "/target/points";
const DESCRIPTION: &str = "/robot_description";

/// What the policy says while it does nothing.
const AT_REST: [&str; 3] = ["idle", "done", "failed"];

/// What one policy said and commanded, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Course {
    phases: Vec<(Time, String)>,
    /// When the picture was taken whose cloud came last.
    picture: Time,
    /// Commands by the picture that they answer. A policy gives one for each, so that those of then and now belong together
    /// however long it took then.
    arm: BTreeMap<Time, JointTrajectory>,
    hand: BTreeMap<Time, JointTrajectory>,
    /// What it is called.
    name: Option<String>,
    /// Why it did not start or did not go on.
    pub(super) refused: Vec<String>,
}

impl Course {
    /// That of a recording.
    pub(super) fn recorded(recording: &Recording) -> Result<Self> {
        let names = player::names(recording);
        let mut course = Self::default();
        let mut is_running = false;
        for message in &recording.messages {
            match names.get(message.topic.as_str()).map(String::as_str) {
                Some(STATUS) => {
                    course.hear(message.at, &message.decode()?);
                    is_running = course.is_running();
                }
                Some(CLOUD) => course.look(&message.decode()?),
                // Others move the robot when the policy does not.
                Some(ARM) if is_running => {
                    course.arm.insert(course.picture, message.decode()?);
                }
                Some(HAND) if is_running => {
                    course.hand.insert(course.picture, message.decode()?);
                }
                _ => {}
            }
        }
        Ok(course)
    }

    fn hear(&mut self, at: Time, status: &DiagnosticStatus) {
        let phase = &status.message;
        if self.phases.last().is_none_or(|(_, last)| last != phase) {
            self.phases.push((at, phase.clone()));
        }
        if phase == "failed" {
            let reason = status.value("reason").unwrap_or_default();
            self.refused.push(reason.to_owned());
        }
        if let Some(name) = status.value("policy") {
            self.name = Some(name.to_owned());
        }
    }

    fn look(&mut self, cloud: &PointCloud2) {
        self.picture = cloud.header.stamp.into();
    }

    fn is_running(&self) -> bool {
        let last = self.phases.last();
        last.is_some_and(|(_, phase)| !AT_REST.contains(&phase.as_str()))
    }

    /// From when until when it ran.
    pub(super) fn runs(&self) -> Vec<[Time; 2]> {
        let mut runs = Vec::new();
        let mut began = None;
        for (at, phase) in &self.phases {
            if !AT_REST.contains(&phase.as_str()) {
                began.get_or_insert(*at);
            } else if let Some(from) = began.take() {
                runs.push([from, *at]);
            }
        }
        // It was not heard to end.
        runs.extend(began.map(|from| [from, Time::MAX]));
        runs
    }
}

/// Starts and stops the policy when it was started and stopped.
pub(super) async fn operate(
    node: Node,
    runs: Vec<[Time; 2]>,
    course: Arc<Mutex<Course>>,
) -> Result<()> {
    let start = node.client::<Trigger>("policy/start")?;
    let stop = node.client::<Trigger>("policy/stop")?;
    for [from, to] in runs {
        for (at, client) in [(from, &start), (to, &stop)] {
            tokio::select! {
                biased;
                () = node.shutdown() => return Ok(()),
                () = node.clock().sleep_until(at) => {}
            }
            let answer = client.call(TriggerRequest {}).await?;
            if !answer.success {
                let mut course = course.lock().unwrap_or_else(PoisonError::into_inner);
                course.refused.push(answer.message);
            }
        }
    }
    node.shutdown().await;
    Ok(())
}

/// Hears what the policy says and commands now.
pub(super) async fn listen(node: Node, course: Arc<Mutex<Course>>) -> Result<()> {
    let all = Qos::reliable(100);
    let status = node.subscribe::<DiagnosticStatus>(STATUS, all)?;
    let arm = node.subscribe::<JointTrajectory>(ARM, all)?;
    let hand = node.subscribe::<JointTrajectory>(HAND, all)?;
    let clouds = node.subscribe::<PointCloud2>(CLOUD, all)?;
    let known = || course.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            // What the policy answers comes before the answer.
            Some(cloud) = clouds.next() => known().look(&cloud),
            Some(status) = status.next() => known().hear(node.now(), &status),
            Some(command) = arm.next() => {
                let mut course = known();
                let picture = course.picture;
                course.arm.insert(picture, (*command).clone());
            }
            Some(command) = hand.next() => {
                let mut course = known();
                let picture = course.picture;
                course.hand.insert(picture, (*command).clone());
            }
        }
    }
}

/// How far two commands are apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Apart {
    /// When the picture was taken that they answer, since the policy started, s.
    time_s: f64,
    /// For the arm: between the places of the palm, mm. For the hand: of the joint that differs most, degrees.
    by: f64,
}

/// A phase of the policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Phase {
    name: String,
    /// When it began, since the policy started, s.
    recorded_s: Option<f64>,
    recomputed_s: Option<f64>,
}

/// How the commands of a recording compare with those of today.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct CommandComparison {
    recorded_policy: String,
    recomputed_policy: String,
    runs: usize,
    phases: Vec<Phase>,
    palm_mm: Vec<Apart>,
    fingers_deg: Vec<Apart>,
    /// Recorded commands that answer a picture to which there is none now.
    missing: usize,
    refused: Vec<String>,
}

impl CommandComparison {
    pub(super) fn new(
        recording: &Recording,
        recorded: &Course,
        recomputed: &Course,
    ) -> Result<Self> {
        let model = described(recording)?;
        let kinematics = Kinematics::new(&model);
        let runs = recorded.runs();
        let began = runs.first().map_or(Time::ZERO, |[from, _]| *from);
        let since = |at: Time| at.saturating_since(began).as_secs_f64();
        let (mut palm_mm, mut fingers_deg, mut missing) = (Vec::new(), Vec::new(), 0);
        for (at, command) in &recorded.arm {
            let Some(now) = recomputed.arm.get(at) else {
                missing += 1;
                continue;
            };
            let [then, now] = [command, now].map(|command| palm(&kinematics, command));
            let (then, now) = (then?, now?);
            let by = (then.translation.vector - now.translation.vector).norm() * 1e3;
            palm_mm.push(Apart {
                time_s: since(*at),
                by,
            });
        }
        for (at, command) in &recorded.hand {
            if let Some(now) = recomputed.hand.get(at) {
                fingers_deg.push(Apart {
                    time_s: since(*at),
                    by: most_apart(command, now).to_degrees(),
                });
            }
        }
        let mut phases: Vec<Phase> = Vec::new();
        let both = [&recorded.phases, &recomputed.phases];
        for (which, course) in both.into_iter().enumerate() {
            for (at, name) in course {
                if AT_REST.contains(&name.as_str()) {
                    continue;
                }
                let known = phases.iter().position(|phase| phase.name == *name);
                let place = known.unwrap_or_else(|| {
                    phases.push(Phase {
                        name: name.clone(),
                        recorded_s: None,
                        recomputed_s: None,
                    });
                    phases.len() - 1
                });
                if let Some(phase) = phases.get_mut(place) {
                    let times = [&mut phase.recorded_s, &mut phase.recomputed_s];
                    let [recorded, recomputed] = times;
                    let time = if which == 0 { recorded } else { recomputed };
                    time.get_or_insert(since(*at));
                }
            }
        }
        let name = |course: &Course| course.name.clone().unwrap_or_else(|| "none".to_owned());
        Ok(Self {
            recorded_policy: name(recorded),
            recomputed_policy: name(recomputed),
            runs: runs.len(),
            phases,
            palm_mm,
            fingers_deg,
            missing,
            refused: recomputed.refused.clone(),
        })
    }
}

/// The robot of the recording.
fn described(recording: &Recording) -> Result<Model> {
    let names = player::names(recording);
    let description =
        recording.messages.iter().rev().find(|message| {
            names.get(message.topic.as_str()).map(String::as_str) == Some(DESCRIPTION)
        });
    let description: std_msgs::String = description
        .context("the recording has no /robot_description, so its commands cannot be compared")?
        .decode()?;
    Ok(Model::from_urdf(
        &description.data,
        "/robot_description of the recording",
    )?)
}

/// Where a command wants the palm, in the arm's base.
fn palm(kinematics: &Kinematics, command: &JointTrajectory) -> Result<Isometry3<f64>> {
    let positions = kinematics.positions(last(command))?;
    let poses = kinematics.forward(&positions)?;
    Ok(poses.relative(frames::BASE_LINK, frames::PALM)?)
}

/// The positions at the end of a command.
fn last(command: &JointTrajectory) -> impl Iterator<Item = (&str, f64)> {
    let end = command.points.last();
    let positions = end
        .map(|point| point.positions.as_slice())
        .unwrap_or_default();
    let names = command.joint_names.iter().map(String::as_str);
    names.zip(positions.iter().copied())
}

/// How far the joint is off that is off most, rad.
fn most_apart(a: &JointTrajectory, b: &JointTrajectory) -> f64 {
    let other = |name: &str| last(b).find(|(other, _)| *other == name);
    last(a)
        .filter_map(|(name, position)| Some((position - other(name)?.1).abs()))
        .fold(0.0, f64::max)
}

impl fmt::Display for CommandComparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = [
            ("phase", Align::Left),
            ("recorded, s", Align::Right),
            ("recomputed, s", Align::Right),
        ];
        let mut table = Table::new(&columns);
        let seconds = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.2}"));
        for phase in &self.phases {
            table.row([
                phase.name.clone(),
                seconds(phase.recorded_s),
                seconds(phase.recomputed_s),
            ]);
        }
        let runs = if self.runs == 1 { "run" } else { "runs" };
        writeln!(
            formatter,
            "Policy: {} recorded, {} now; {} {runs}\n\n{table}",
            self.recorded_policy, self.recomputed_policy, self.runs
        )?;
        for reason in &self.refused {
            writeln!(formatter, "The policy refuses now: {reason}")?;
        }
        for (what, unit, apart) in [
            ("palm", "mm", &self.palm_mm),
            ("fingers", "degrees", &self.fingers_deg),
        ] {
            let Some(most) = apart.iter().max_by(|a, b| a.by.total_cmp(&b.by)) else {
                writeln!(formatter, "Commands of the {what}: none to compare")?;
                continue;
            };
            let mean = apart.iter().map(|apart| apart.by).sum::<f64>() / apart.len() as f64;
            writeln!(
                formatter,
                "Commands of the {what}: {} compared, {mean:.1} {unit} apart on average and at most {:.1} at {:.2} s",
                apart.len(),
                most.by,
                most.time_s
            )?;
        }
        write!(
            formatter,
            "{} recorded commands have none beside them now",
            self.missing
        )
    }
}

#[cfg(test)]
mod tests {
    use msgs::trajectory_msgs::JointTrajectoryPoint;

    use super::*;

    fn status(phase: &str) -> DiagnosticStatus {
        DiagnosticStatus {
            message: phase.to_owned(),
            ..DiagnosticStatus::default()
        }
    }

    fn command(joints: &[(&str, f64)]) -> JointTrajectory {
        JointTrajectory {
            joint_names: joints.iter().map(|(name, _)| (*name).to_owned()).collect(),
            points: vec![JointTrajectoryPoint {
                positions: joints.iter().map(|(_, position)| *position).collect(),
                ..JointTrajectoryPoint::default()
            }],
            ..JointTrajectory::default()
        }
    }

    #[test]
    fn runs_go_from_the_first_phase_to_rest() {
        let mut course = Course::default();
        let phases = [
            "idle", "approach", "grasp", "grasp", "failed", "idle", "approach",
        ];
        for (second, phase) in phases.into_iter().enumerate() {
            course.hear(Time::from_secs_f64(second as f64), &status(phase));
        }
        let at = |second| Time::from_secs_f64(second);
        assert_eq!(course.runs(), [[at(1.0), at(4.0)], [at(6.0), Time::MAX]]);
        assert_eq!(course.refused.len(), 1);
    }

    #[test]
    fn joints_are_compared_by_name() {
        let (a, b) = (
            command(&[("x", 1.0), ("y", 2.0), ("z", 9.0)]),
            command(&[("y", 2.5), ("x", 0.9)]),
        );
        assert!((most_apart(&a, &b) - 0.5).abs() < 1e-12);
    }
}
