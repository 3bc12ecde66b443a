//! A whole grasp: in real time from the frame on the bus to the command on the bus, and in lockstep as fast as it goes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use bus::{BusError, Graph, GraphConfig, Node, NodeSpec, Qos};
use launch::LaunchPlan;
use msgs::{sensor_msgs::Image, trajectory_msgs::JointTrajectory};

use super::{Budget, Measurement};
use crate::{
    commands::launch::launcher,
    graph,
    report::Quantiles,
    share,
    user::{Choice, Until, User},
};

/// An episode of the paper: 75 control steps of 1/7.5 s.
const EPISODE: Duration = Duration::from_secs(10);
const CONTROL_STEPS: u32 = 75;

type Samples = Arc<Mutex<Vec<Duration>>>;

pub(super) fn run(_: &Budget) -> Result<Vec<Measurement>> {
    let share =
        share::find().context("the project's files are not found; run this inside the checkout")?;
    let config = share.join("config/lockstep.yaml").display().to_string();
    let arguments = [
        ("config".to_owned(), config),
        ("scene".to_owned(), "single".to_owned()),
    ];
    let plan = launcher().plan(&share.join("launch/cell.launch"), &arguments)?;
    let mut measurements = in_real_time(&plan)?;
    measurements.push(in_lockstep(&plan)?);
    Ok(measurements)
}

fn in_real_time(plan: &LaunchPlan) -> Result<Vec<Measurement>> {
    let mut graph = graph::build(plan, GraphConfig::default())?;
    let samples = watched(&mut graph)?;
    let handle = graph.handle();
    graph.run_realtime()?;

    let latency = "frame to command, the simulator running beside";
    let latency = Measurement::new(latency, take(&samples))?.aim_p99(100.0);
    #[cfg(feature = "viewer")]
    let latency = latency.beside(
        "the same, the viewer drawing all that it can show",
        with_viewer(plan)?,
    )?;
    let mut measurements = vec![latency];
    let stages = handle.diagnostics().stages();
    if let Some(policy) = stages.iter().find(|stage| stage.stage == "policy") {
        measurements.push(Measurement::of(
            "observation to command",
            Quantiles::from(policy),
        ));
    }
    Ok(measurements)
}

/// The loop while the viewer writes what it shows into a file, as it does beside a recording, and so draws at its full rate.
#[cfg(feature = "viewer")]
fn with_viewer(plan: &LaunchPlan) -> Result<Vec<Duration>> {
    use bus::ParameterOverrides;
    use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};

    let folder = tempfile::tempdir().context("there is no folder for what the viewer writes")?;
    let file = folder.path().join("episode.mcap").display().to_string();
    let mut graph = graph::build(plan, GraphConfig::default())?;
    let samples = watched(&mut graph)?;
    let parameters = ParameterOverrides::new().set("port", "0")?;
    graph.add(NodeSpec::new("viewer").parameters(parameters), viewer::run)?;
    graph.add(NodeSpec::new("recording"), move |node| async move {
        let status = node.publisher("recorder/status", Qos::latched())?;
        status.publish(DiagnosticStatus {
            message: "recording".to_owned(),
            values: vec![KeyValue::new("file", &file)],
            ..DiagnosticStatus::default()
        });
        node.shutdown().await;
        Ok::<_, BusError>(())
    })?;
    graph.run_realtime()?;
    Ok(take(&samples))
}

/// Adds the person, and what measures.
fn watched(graph: &mut Graph) -> Result<Samples> {
    let samples = Samples::default();
    graph.add(NodeSpec::new("watch"), {
        let samples = Arc::clone(&samples);
        move |node| record(node, samples)
    })?;
    add_user(graph)?;
    Ok(samples)
}

fn take(samples: &Samples) -> Vec<Duration> {
    std::mem::take(&mut *samples.lock().unwrap_or_else(PoisonError::into_inner))
}

fn in_lockstep(plan: &LaunchPlan) -> Result<Measurement> {
    let mut graph = graph::build(plan, GraphConfig::lockstep())?;
    add_user(&mut graph)?;
    let start = Instant::now();
    graph.run_lockstep(Some(EPISODE * 3))?;
    let step = start.elapsed() / CONTROL_STEPS;
    Measurement::new(
        "one control step of the whole loop in lockstep, one core, mean of a grasp",
        vec![step],
    )
}

/// Adds the person who clicks and watches for one episode.
fn add_user(graph: &mut Graph) -> Result<()> {
    graph.add(NodeSpec::new("user").ends_graph(), |node| async move {
        let episode = User::new(node)?
            .grasp(Choice::MostVisible, Until::After(EPISODE), &mut |_| {})
            .await?;
        match episode.trouble {
            Some(trouble) => bail!("{trouble}"),
            None => Ok(()),
        }
    })?;
    Ok(())
}

/// Records the time between the newest frame and each command of the arm.
async fn record(node: Node, samples: Samples) -> Result<(), BusError> {
    let frames = node.subscribe::<Image>("camera/color/image_raw", Qos::sensor_data())?;
    let commands = node.subscribe::<JointTrajectory>("arm/command", Qos::reliable(10))?;
    let mut newest = None;
    loop {
        tokio::select! {
            biased;
            frame = frames.next() => match frame {
                Some(_) => newest = Some(node.now()),
                None => return Ok(()),
            },
            command = commands.next() => match (command, newest.take()) {
                (Some(_), Some(frame)) => {
                    let latency = node.now().saturating_since(frame);
                    samples.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
                }
                // A second command for the same frame is the supervisor's.
                (Some(_), None) => {}
                (None, _) => return Ok(()),
            },
        }
    }
}
