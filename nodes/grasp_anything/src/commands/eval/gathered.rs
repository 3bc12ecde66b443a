//! What the report shows beyond the records: pictures of one episode of each kind, and how long the stages took.

use std::collections::BTreeMap;

use recorder::Provenance;

use super::{
    episode::{Record, Seen},
    film::Shot,
    summary::without_numbers,
};
use crate::report::LatencyHistogram;

/// Kinds of failures of which pictures are kept; more would not be looked at.
const MOST_KINDS: usize = 24;

/// How an episode ended: `None` at the goal, else the reason without its figures.
pub(super) type Kind = Option<String>;

/// Of all episodes so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Of the episode with the least seed of each kind, whatever the order in which they end.
    pub(super) stories: BTreeMap<Kind, Story>,
    /// By stage.
    pub(super) latencies: BTreeMap<String, LatencyHistogram>,
    /// The least seed, and what the nodes were told in its episode.
    pub(super) provenance: Option<(u64, Provenance)>,
}

/// An episode in pictures.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) seed: u64,
    pub(super) shots: Vec<Shot>,
}

impl Gathered {
    /// Takes in what was seen of an episode.
    pub(super) fn add(&mut self, record: &Record, seen: Seen) {
        let seed = record.seed;
        for (stage, runs) in seen.runs {
            self.latencies.entry(stage).or_default().add(&runs);
        }
        if let Some(provenance) = seen.provenance
            && self
                .provenance
                .as_ref()
                .is_none_or(|(first, _)| seed < *first)
        {
            self.provenance = Some((seed, provenance));
        }
        let kind = record.failure.as_deref().map(without_numbers);
        if self
            .stories
            .get(&kind)
            .is_none_or(|story| seed < story.seed)
        {
            let story = Story {
                seed,
                shots: seen.shots,
            };
            self.stories.insert(kind, story);
        }
        if self.stories.keys().flatten().count() > MOST_KINDS {
            let failures = self.stories.iter().filter(|(kind, _)| kind.is_some());
            let latest = failures.max_by_key(|(_, story)| story.seed);
            if let Some(kind) = latest.map(|(kind, _)| kind.clone()) {
                self.stories.remove(&kind);
            }
        }
    }
}
