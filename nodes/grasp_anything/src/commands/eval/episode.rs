//! One episode: a whole cell in lockstep, a click, a grasp, and where the object ends up.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use bus::{GraphConfig, NodeSpec, ParameterOverrides, StageLatency};
use recorder::Provenance;
use serde::Serialize;

use super::{
    film::{self, Film, Shot},
    masks::{self, MaskFigures},
};
use crate::{
    cli::EvalArgs,
    commands::launch::launcher,
    graph, share,
    user::{Choice, Episode, Until, User, UserError},
};

/// An episode of the paper: 75 control steps of 1/7.5 s.
const EPISODE: Duration = Duration::from_secs(10);
/// Where the object is to be, in `base_link`, metres, and how close.
const GOAL_M: [f64; 3] = [0.28, 0.58, 0.3];
const GOAL_RADIUS_M: f64 = 0.05;
/// Far longer than any episode takes in simulated time, so that none goes on for ever.
const LIMIT: Duration = Duration::from_secs(120);

/// What is evaluated.
pub(super) struct Cell {
    file: PathBuf,
    arguments: Vec<(String, String)>,
    /// Whether there is a report to take pictures for.
    is_filmed: bool,
    /// Where recordings go, if they are wanted.
    recordings: Option<PathBuf>,
}

/// What a report shows of an episode beyond its record.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) shots: Vec<Shot>,
    /// The last runs of each stage, by `node/stage`.
    pub(super) runs: Vec<(String, Vec<Duration>)>,
    pub(super) provenance: Option<Provenance>,
}

impl Cell {
    pub(super) fn new(args: &EvalArgs) -> Result<Self> {
        let share = share::find()
            .context("the project's files are not found; run this inside the checkout")?;
        let policy = args
            .policy
            .as_deref()
            .map_or_else(String::new, |policy| policy.display().to_string());
        let arguments = [
            ("scene", args.scene.name().to_owned()),
            ("objects", args.objects.name().to_owned()),
            ("policy", policy),
            (
                "config",
                share.join("config/lockstep.yaml").display().to_string(),
            ),
        ];
        let arguments = arguments
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec();
        Ok(Self {
            file: share.join("launch/cell.launch"),
            arguments,
            is_filmed: args.report.is_some(),
            recordings: args.record.clone(),
        })
    }

    /// Runs the episode of this seed. What was seen is there when it is filmed. Neither film nor recording changes the episode.
    pub(super) fn run(&self, seed: u64) -> Result<(Record, Option<Seen>)> {
        let mut arguments = self.arguments.clone();
        arguments.push(("seed".to_owned(), seed.to_string()));
        let plan = launcher().plan(&self.file, &arguments)?;
        let mut graph = graph::build(&plan, GraphConfig::lockstep())?;
        let result = Arc::new(Mutex::new(None));
        graph.add(NodeSpec::new("user").ends_graph(), {
            let result = Arc::clone(&result);
            move |node| async move {
                let choice = Choice::Number(usize::try_from(seed).unwrap_or_default());
                let episode = User::new(node)?
                    .grasp(choice, Until::After(EPISODE), &mut |_| {})
                    .await?;
                *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(episode);
                Ok::<(), UserError>(())
            }
        })?;
        let masks = Arc::new(Mutex::new(MaskFigures::default()));
        graph.add(NodeSpec::new("mask_watch"), {
            let masks = Arc::clone(&masks);
            move |node| masks::watch(node, masks)
        })?;
        let film = Arc::new(Mutex::new(Film::default()));
        if self.is_filmed {
            let film = Arc::clone(&film);
            graph.add(NodeSpec::new("film"), move |node| film::watch(node, film))?;
        }
        if let Some(folder) = &self.recordings {
            let folder = folder.join(format!("seed_{seed}"));
            // Quoted, so that whatever the folder is called is a text.
            let folder = serde_json::to_string(&folder.display().to_string())?;
            let parameters = ParameterOverrides::new().set("directory", &folder)?;
            let spec = NodeSpec::new("recorder").parameters(parameters);
            graph.add(spec, recorder::run)?;
        }
        let handle = graph.handle();
        graph.run_lockstep(Some(LIMIT))?;
        let episode = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        let episode =
            episode.context("the episode did not end within two minutes of simulated time")?;
        let masks = *masks.lock().unwrap_or_else(PoisonError::into_inner);
        let stages = handle.diagnostics().stages();
        let seen = if self.is_filmed {
            let film = std::mem::take(&mut *film.lock().unwrap_or_else(PoisonError::into_inner));
            let (shots, provenance) = film.developed();
            // A figure is worth more than a picture of it.
            let shots = shots.unwrap_or_else(|error| {
                tracing::warn!("there are no pictures of the episode of seed {seed}: {error}");
                Vec::new()
            });
            let runs = stages.iter().map(|stage| {
                let runs = handle.diagnostics().last_runs(&stage.node, &stage.stage);
                (stage_name(stage), runs)
            });
            Some(Seen {
                shots,
                runs: runs.collect(),
                provenance,
            })
        } else {
            None
        };
        Ok((Record::new(seed, &episode, masks, stages), seen))
    }
}

/// A stage as results name it.
pub(super) fn stage_name(stage: &StageLatency) -> String {
    format!("{}/{}", stage.node.trim_start_matches('/'), stage.stage)
}

/// What is kept of an episode.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Record {
    pub(super) seed: u64,
    pub(super) object: String,
    pub(super) success: bool,
    /// Where the object is at the end, in `base_link`, metres.
    pub(super) end_m: [f64; 3],
    /// Distance from the goal at the end, metres.
    pub(super) distance_m: f64,
    /// Height above the start at the end, metres.
    pub(super) rise_m: f64,
    /// Why it is no success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
    /// Whether the object is lifted at the end, by the simulator's truth.
    pub(super) lifted: bool,
    /// Whether the supervisor says at the end that the object is held.
    pub(super) said_to_be_held: bool,
    /// Over the states of the world at every picture.
    pub(super) trajectory_hash: String,
    /// How good the masks were.
    pub(super) masks: MaskFigures,
    #[serde(skip)]
    pub(super) stages: Vec<StageLatency>,
}

impl Record {
    fn new(seed: u64, episode: &Episode, masks: MaskFigures, stages: Vec<StageLatency>) -> Self {
        let squares = episode
            .end
            .iter()
            .zip(GOAL_M)
            .map(|(end, goal)| (end - goal).powi(2));
        let distance_m = squares.sum::<f64>().sqrt();
        let success = episode.trouble.is_none() && distance_m <= GOAL_RADIUS_M;
        Self {
            seed,
            object: episode.object.clone(),
            success,
            end_m: episode.end,
            distance_m,
            rise_m: episode.rise_m(),
            failure: (!success).then(|| failure(episode)),
            lifted: episode.is_lifted(),
            said_to_be_held: episode.is_said_to_be_held(),
            trajectory_hash: inference::sha256_hex(episode.hashes.join("\n").as_bytes()),
            masks,
            stages,
        }
    }
}

/// Why the object is not at the goal: what the simulator saw, then what the supervisor said.
fn failure(episode: &Episode) -> String {
    if let Some(trouble) = &episode.trouble {
        return trouble.clone();
    }
    let seen = if episode.is_lifted() {
        "lifted, but not at the goal in time"
    } else if episode.was_lifted() {
        "lifted and dropped"
    } else {
        "not lifted"
    };
    match (episode.state.as_str(), episode.reason.as_str()) {
        ("failed", reason) => format!("{seen}; supervisor: {reason}"),
        (state, _) => format!("{seen}; at the end {state}"),
    }
}
