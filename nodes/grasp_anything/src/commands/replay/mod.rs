//! `grasp_anything replay`: the pictures of a recording through the segmentation once more, without a robot.

mod comparison;

use std::{
    fs::{self, File},
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};
use bus::{
    BusError, Declared, Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, ParameterValue, Qos,
};
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
    let declared = declared_by_segmentation()?;
    let mut parameters = ParameterOverrides::new();
    for (full_name, value) in recorded {
        let Some(name) = of_segmentation(full_name).filter(|name| !OF_THE_MACHINE.contains(name))
        else {
            continue;
        };
        let Some(known) = declared.iter().find(|known| known.name == name) else {
            tracing::warn!(
                "{full_name} was {value}; there is no such parameter now, it is left out"
            );
            continue;
        };
        parameters = match known.default {
            // Recorded without quotes: what looks like a number or like nothing is a text still.
            ParameterValue::String(_) => parameters.set(name, &serde_json::to_string(value)?)?,
            _ => parameters.set(name, value)?,
        };
    }
    let model = match model {
        Some(model) => model.to_owned(),
        None => share::find()
            .context("the model is not found; give its manifest with --model")?
            .join("models/segmenter/manifest.yaml"),
    };
    Ok(parameters.set("model", &model.display().to_string())?)
}

/// The name of a parameter of the segmentation, in whichever namespace, out of `/namespace/node/parameter`.
fn of_segmentation(full_name: &str) -> Option<&str> {
    let (node, parameter) = full_name.rsplit_once('/')?;
    let (_, node) = node.rsplit_once('/')?;
    (node == "segmentation").then_some(parameter)
}

/// The parameters that the segmentation has now. It declares them before it asks for a model, and there is none.
fn declared_by_segmentation() -> Result<Vec<Declared>> {
    let mut graph = Graph::new(GraphConfig::lockstep());
    let no_model = ParameterOverrides::new().set("model", "")?;
    let spec = NodeSpec::new("segmentation")
        .parameters(no_model)
        .ends_graph();
    let declared = Arc::new(Mutex::new(Vec::new()));
    let found = Arc::clone(&declared);
    graph.add(spec, move |node: Node| async move {
        // That it fails is what ends it.
        segmentation::node::run(node.clone()).await.ok();
        *found.lock().unwrap_or_else(PoisonError::into_inner) = node.declared_parameters();
        Ok::<_, BusError>(())
    })?;
    graph.run_lockstep(None)?;
    let mut declared = declared.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *declared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_of_the_node_of_exactly_this_name() {
        for (full_name, name) in [
            ("/segmentation/least_score", Some("least_score")),
            ("/left/segmentation/least_score", Some("least_score")),
            ("/my_segmentation/least_score", None),
            ("/segmentation/other/least_score", None),
            ("segmentation/least_score", None),
            ("", None),
        ] {
            assert_eq!(of_segmentation(full_name), name, "{full_name}");
        }
        let declared = declared_by_segmentation().unwrap();
        for name in ["least_score", "model"] {
            assert!(declared.iter().any(|known| known.name == name), "{name}");
        }
    }
}
