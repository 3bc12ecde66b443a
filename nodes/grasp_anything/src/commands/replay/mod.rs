//! `grasp_anything replay`: the pictures of a recording through the segmentation once more, without a robot.

mod comparison;

use std::{
    fs::{self, File},
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};
use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Qos};
use msgs::{diagnostic_msgs::DiagnosticStatus, sensor_msgs::Image};
use recorder::{Recording, player};

use crate::{cli::ReplayArgs, output::print_line, share};

use comparison::{Comparison, Masks};

const COLOUR: &str = "/camera/color/image_raw";
const MASK: &str = "/segmentation/mask";
/// Settings of the segmentation that belong to the machine, not to the cell.
const OF_THE_MACHINE: [&str; 3] = ["model", "backend", "threads"];

/// Replays the file and says how the masks compare.
pub(crate) fn run(args: &ReplayArgs) -> Result<ExitCode> {
    let file = args.file.display();
    let bytes = fs::read(&args.file).with_context(|| format!("cannot read {file}"))?;
    let recording = recorder::read(&bytes).with_context(|| format!("{file} is no recording"))?;
    drop(bytes);
    if let Some(reason) = &recording.broken {
        tracing::warn!("{file} breaks off: {reason}; it is replayed up to there");
    }
    let recorded = Masks::recorded(&recording)?;
    if recorded.pictures.is_empty() {
        let topics: Vec<_> = player::names(&recording).into_values().collect();
        bail!(
            "{file} has no pictures ({COLOUR}) to replay; it has {}",
            topics.join(", ")
        );
    }
    let recording = Arc::new(recording);
    let recomputed = recompute(&recording, args.model.as_deref())?;
    let comparison = Comparison::new(&recorded, &recomputed);
    if let Some(folder) = &args.out {
        comparison::draw(&recorded, &recomputed, folder)?;
    }
    print_line(format_args!(
        "{}\n\n{comparison}",
        headline(&recording, recorded.pictures.len())
    ))?;
    if let Some(json) = &args.json {
        let to = File::create(json).with_context(|| format!("cannot write {}", json.display()))?;
        serde_json::to_writer_pretty(to, &comparison)
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

/// The masks that the segmentation finds now.
fn recompute(recording: &Arc<Recording>, model: Option<&Path>) -> Result<Masks> {
    let mut graph = Graph::new(GraphConfig {
        start: player::beginning(recording)?,
        ..GraphConfig::lockstep()
    });
    let parameters = segmentation_parameters(recording, model)?;
    let spec = NodeSpec::new("segmentation").parameters(parameters);
    graph.add(spec, segmentation::node::run)?;
    let played = Arc::clone(recording);
    let spec = NodeSpec::new("player").ends_graph();
    graph.add(spec, move |node| player::run(node, played))?;
    let masks = Arc::new(Mutex::new(Masks::default()));
    let collected = Arc::clone(&masks);
    graph.add(NodeSpec::new("collector"), move |node| {
        collect(node, collected)
    })?;
    let report = graph.run_lockstep(None)?;
    if let Some(failure) = report.failures.first() {
        bail!("the replay broke off: {failure:?}");
    }
    let mut masks = masks.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *masks))
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

/// The settings that it was recorded with, and this machine's model.
fn segmentation_parameters(
    recording: &Recording,
    model: Option<&Path>,
) -> Result<ParameterOverrides> {
    let recorded = recording.metadata.get("parameters").into_iter().flatten();
    let mut parameters = ParameterOverrides::new();
    for (name, value) in recorded {
        let own = name.rsplit_once("segmentation/").map(|(_, name)| name);
        if let Some(name) = own.filter(|name| !OF_THE_MACHINE.contains(name)) {
            parameters = parameters.set(name, value)?;
        }
    }
    let model = match model {
        Some(model) => model.to_owned(),
        None => share::find()
            .context("the model is not found; give its manifest with --model")?
            .join("models/segmenter/manifest.yaml"),
    };
    Ok(parameters.set("model", &model.display().to_string())?)
}
