//! `grasp_anything replay`: what a recording's camera saw, through segmentation and policy once more, without a robot.

mod comparison;
mod nodes;
mod policy;
mod prompt;

use std::{
    fs::{self, File},
    mem,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};
use bus::{Graph, GraphConfig, Node, NodeSpec, Qos};
use msgs::{diagnostic_msgs::DiagnosticStatus, sensor_msgs::Image};
use recorder::{Recording, player};
use serde::Serialize;

use crate::{cli::ReplayArgs, output::print_line};

use comparison::{Comparison, Masks};
use nodes::Looker;
use policy::{CommandComparison, Course};
use prompt::Prompt;

const COLOUR: &str = "/camera/color/image_raw";
const MASK: &str = "/segmentation/mask";

/// What `--json` writes.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    masks: Comparison,
    /// Absent where no policy ran.
    commands: Option<CommandComparison>,
}

/// Replays the file and says how masks and commands compare.
pub(crate) fn run(args: &ReplayArgs) -> Result<ExitCode> {
    let file = args.file.display();
    let bytes = fs::read(&args.file).with_context(|| format!("cannot read {file}"))?;
    let recording = recorder::read(&bytes).with_context(|| format!("{file} is no recording"))?;
    drop(bytes);
    if let Some(reason) = &recording.broken {
        tracing::warn!("{file} breaks off: {reason}; it is replayed up to there");
    }
    let masks = Masks::recorded(&recording)?;
    if masks.pictures.is_empty() {
        let topics: Vec<_> = player::names(&recording).into_values().collect();
        bail!(
            "{file} has no pictures ({COLOUR}) to replay; it has {}",
            topics.join(", ")
        );
    }
    let course = Course::recorded(&recording)?;
    let recording = Arc::new(recording);
    let prompt = Prompt::missing(&recording, &masks)?;
    if let Some(Prompt {
        pixel: [u, v],
        picture,
    }) = prompt
    {
        tracing::warn!(
            "nobody points at anything in {file} before its first mask, of {picture}; so ({u}, {v}) is pointed at, in the \
             middle of that mask"
        );
    }
    let recomputed = recompute(&recording, &course, prompt, args)?;
    if let Some(folder) = &args.out {
        comparison::draw(&masks, &recomputed.masks, folder)?;
    }
    let has_run = !course.runs().is_empty();
    let told = Told {
        masks: Comparison::new(&masks, &recomputed.masks),
        commands: has_run
            .then(|| CommandComparison::new(&recording, &course, &recomputed.course))
            .transpose()?,
    };
    print_line(format_args!(
        "{}\n\n{}",
        headline(&recording, masks.pictures.len()),
        told.masks
    ))?;
    if let Some(commands) = &told.commands {
        print_line(format_args!("\n{commands}"))?;
    }
    if let Some(json) = &args.json {
        let to = File::create(json).with_context(|| format!("cannot write {}", json.display()))?;
        serde_json::to_writer_pretty(to, &told)
            .with_context(|| format!("cannot write {}", json.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is known of the recording.
fn headline(recording: &Recording, pictures: usize) -> String {
    let fact = |list: &str, key: &str| recording.metadata.get(list)?.get(key).cloned();
    let outcome = match (fact("episode", "outcome"), fact("episode", "reason")) {
        (Some(outcome), Some(reason)) => format!("; its outcome was: {outcome} ({reason})"),
        _ => String::new(),
    };
    format!("{pictures} pictures were replayed{outcome}")
}

/// What the nodes find now.
#[derive(Default)]
struct Recomputed {
    masks: Masks,
    course: Course,
}

fn recompute(
    recording: &Arc<Recording>,
    recorded: &Course,
    prompt: Option<Prompt>,
    args: &ReplayArgs,
) -> Result<Recomputed> {
    let mut graph = Graph::new(GraphConfig {
        start: player::beginning(recording)?,
        ..GraphConfig::lockstep()
    });
    for looker in Looker::ALL {
        let mut parameters = looker.recorded_parameters(recording)?;
        parameters = match (looker, &args.policy) {
            (Looker::Segmentation, _) => {
                parameters.set("model", &nodes::model(args.model.as_deref())?)?
            }
            (Looker::Policy, Some(manifest)) => {
                parameters.set("manifest", &manifest.display().to_string())?
            }
            _ => parameters,
        };
        looker.add(&mut graph, parameters)?;
    }
    let played = Arc::clone(recording);
    let spec = NodeSpec::new("player").ends_graph();
    graph.add(spec, move |node| player::run(node, played))?;
    if let Some(prompt) = prompt {
        graph.add(NodeSpec::new("pointer"), move |node| {
            prompt::point(node, prompt)
        })?;
    }
    let masks = Arc::new(Mutex::new(Masks::default()));
    let collected = Arc::clone(&masks);
    graph.add(NodeSpec::new("collector"), move |node| {
        collect(node, collected)
    })?;
    let course = Arc::new(Mutex::new(Course::default()));
    let heard = Arc::clone(&course);
    graph.add(NodeSpec::new("listener"), move |node| {
        policy::listen(node, heard)
    })?;
    let (runs, refused) = (recorded.runs(), Arc::clone(&course));
    graph.add(NodeSpec::new("operator"), move |node| {
        policy::operate(node, runs, refused)
    })?;
    let report = graph.run_lockstep(None)?;
    if let Some(failure) = report.failures.first() {
        bail!("the replay broke off: {failure:?}");
    }
    Ok(Recomputed {
        masks: mem::take(&mut *masks.lock().unwrap_or_else(PoisonError::into_inner)),
        course: mem::take(&mut *course.lock().unwrap_or_else(PoisonError::into_inner)),
    })
}

async fn collect(node: Node, masks: Arc<Mutex<Masks>>) -> Result<()> {
    let found = node.subscribe::<Image>(
        MASK,
        Qos {
            depth: 100,
            ..Qos::sensor_data()
        },
    )?;
    let status = node.subscribe::<DiagnosticStatus>("/segmentation/status", Qos::reliable(100))?;
    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            Some(mask) = found.next() => {
                let mut masks = masks.lock().unwrap_or_else(PoisonError::into_inner);
                masks.add_mask(&mask)?;
            }
            Some(status) = status.next() => if let Some(prompt) = status.value("refused") {
                tracing::warn!("{prompt} is refused now: {}", status.value("reason").unwrap_or_default());
            }
        }
    }
}
