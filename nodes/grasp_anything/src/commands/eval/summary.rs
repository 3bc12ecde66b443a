//! What the episodes come to.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use super::{
    episode::{Record, stage_name},
    masks::MaskFigures,
};
use crate::{
    cli::EvalArgs,
    report::{Align, Quantiles, Table, wilson_95},
};

/// The results of an evaluation, as the JSON file has them.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) scene: &'static str,
    pub(super) objects: &'static str,
    pub(super) policy: String,
    pub(super) seed: u64,
    pub(super) episodes: usize,
    pub(super) successes: usize,
    pub(super) success_rate: f64,
    /// Wilson score interval of the success rate.
    pub(super) ci95: [f64; 2],
    pub(super) per_object: BTreeMap<String, Tally>,
    /// Episodes for each reason of failure.
    pub(super) failures: BTreeMap<String, usize>,
    /// Medians over the episodes of each stage's median; largest 99th percentile of any episode.
    pub(super) latency_ms: BTreeMap<String, Quantiles>,
    pub(super) supervisor: Agreement,
    pub(super) masks: Masks,
    /// Over the trajectories of all episodes: equal for equal runs.
    pub(super) trajectory_hash: String,
    /// Of the whole evaluation.
    pub(super) wall_s: f64,
    pub(super) records: Vec<Record>,
}

/// Successes of one object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Tally {
    pub(super) episodes: usize,
    pub(super) successes: usize,
}

/// Whether the supervisor's verdict at the end is what the simulator knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Agreement {
    /// Share of episodes in which both say the same.
    pub(super) rate: f64,
    /// Said to be held, and lifted.
    rightly_held: usize,
    /// Not said to be held, and not lifted.
    rightly_not_held: usize,
    /// Said to be held, but not lifted.
    pub(super) wrongly_held: usize,
    /// Lifted, but not said to be held, perhaps not yet.
    pub(super) wrongly_not_held: usize,
}

impl Agreement {
    fn of(records: &[Record]) -> Self {
        let count = |said: bool, lifted: bool| {
            records
                .iter()
                .filter(|record| record.said_to_be_held == said && record.lifted == lifted)
                .count()
        };
        let (rightly_held, rightly_not_held) = (count(true, true), count(false, false));
        Self {
            rate: share(rightly_held + rightly_not_held, records.len()),
            rightly_held,
            rightly_not_held,
            wrongly_held: count(true, false),
            wrongly_not_held: count(false, true),
        }
    }
}

/// How good the masks are, against what the simulator drew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Masks {
    /// Clicks: one for each episode in which the object could be seen.
    pub(super) clicks: usize,
    /// Mean intersection over union of the first mask after the click; a click that was refused counts as 0.
    pub(super) one_click_iou: f64,
    /// Frames since the click in which at least a third of the target shows.
    pub(super) frames: usize,
    /// Share of those frames without a mask.
    pub(super) lost: f64,
    /// Share of those frames in which most of the mask is something else.
    pub(super) swapped: f64,
    /// Mean intersection over union over those frames.
    pub(super) tracked_iou: f64,
}

impl Masks {
    fn of(records: &[Record]) -> Self {
        let first: Vec<f64> = records
            .iter()
            .filter_map(|record| record.masks.first_iou)
            .collect();
        let sum = MaskFigures::sum(records.iter().map(|record| &record.masks));
        Self {
            clicks: first.len(),
            one_click_iou: mean(first.iter().sum(), first.len()),
            frames: sum.frames,
            lost: share(sum.lost, sum.frames),
            swapped: share(sum.swapped, sum.frames),
            tracked_iou: mean(sum.iou_sum, sum.frames),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "episodes and frames are far fewer than 2^53"
)]
fn mean(sum: f64, count: usize) -> f64 {
    sum / count.max(1) as f64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "episodes and frames are far fewer than 2^53"
)]
fn share(part: usize, whole: usize) -> f64 {
    mean(part as f64, whole)
}

impl Summary {
    pub(super) fn new(args: &EvalArgs, records: &[Record], wall: Duration) -> Self {
        let successes = records.iter().filter(|record| record.success).count();
        let mut per_object: BTreeMap<String, Tally> = BTreeMap::new();
        let mut failures = BTreeMap::new();
        for record in records {
            let tally = per_object.entry(record.object.clone()).or_default();
            tally.episodes += 1;
            tally.successes += usize::from(record.success);
            if let Some(failure) = &record.failure {
                *failures.entry(without_numbers(failure)).or_default() += 1;
            }
        }
        let trajectories: Vec<_> = records
            .iter()
            .map(|record| record.trajectory_hash.as_str())
            .collect();
        Self {
            scene: args.scene.name(),
            objects: args.objects.name(),
            policy: args.policy.as_deref().map_or_else(
                || "geometric".to_owned(),
                |policy| policy.display().to_string(),
            ),
            seed: args.seed,
            episodes: records.len(),
            successes,
            success_rate: share(successes, records.len()),
            ci95: wilson_95(successes, records.len()),
            per_object,
            failures,
            latency_ms: latencies(records),
            supervisor: Agreement::of(records),
            masks: Masks::of(records),
            trajectory_hash: inference::sha256_hex(trajectories.join("\n").as_bytes()),
            wall_s: wall.as_secs_f64(),
            records: records.to_vec(),
        }
    }
}

/// `text` with every number as N, so that one reason is counted as one.
pub(super) fn without_numbers(text: &str) -> String {
    let mut result = String::new();
    let mut in_number = false;
    for (index, c) in text.char_indices() {
        let digit_follows = || {
            text[index..]
                .chars()
                .nth(1)
                .is_some_and(|next| next.is_ascii_digit())
        };
        let is_number = c.is_ascii_digit() || (in_number && c == '.' && digit_follows());
        if !is_number {
            result.push(c);
        } else if !in_number {
            result.push('N');
        }
        in_number = is_number;
    }
    result
}

/// Each stage over all episodes.
fn latencies(records: &[Record]) -> BTreeMap<String, Quantiles> {
    let mut stages: BTreeMap<String, Vec<Quantiles>> = BTreeMap::new();
    for stage in records.iter().flat_map(|record| &record.stages) {
        stages
            .entry(stage_name(stage))
            .or_default()
            .push(Quantiles::from(stage));
    }
    stages
        .into_iter()
        .filter_map(|(name, episodes)| Some((name, over_episodes(episodes)?)))
        .collect()
}

fn over_episodes(mut episodes: Vec<Quantiles>) -> Option<Quantiles> {
    episodes.sort_by(|a, b| a.p50.total_cmp(&b.p50));
    let p50 = episodes.get(episodes.len() / 2)?.p50;
    let p99 = episodes
        .iter()
        .map(|episode| episode.p99)
        .max_by(f64::total_cmp)?;
    Some(Quantiles {
        p50,
        p99,
        count: episodes.iter().map(|episode| episode.count).sum(),
    })
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, high] = self.ci95.map(|bound| bound * 100.0);
        writeln!(
            f,
            "{} of {} objects at the goal: {:.1} % (95 % interval {low:.1} to {high:.1} %)",
            self.successes,
            self.episodes,
            self.success_rate * 100.0
        )?;
        writeln!(
            f,
            "scene {}, {} objects, policy {}, seeds from {}\n",
            self.scene, self.objects, self.policy, self.seed
        )?;

        let mut objects = Table::new(&[
            ("object", Align::Left),
            ("at the goal", Align::Right),
            ("episodes", Align::Right),
        ]);
        for (object, tally) in &self.per_object {
            objects.row([
                object.clone(),
                tally.successes.to_string(),
                tally.episodes.to_string(),
            ]);
        }
        writeln!(f, "{objects}")?;

        let mut failures = Table::new(&[("why not", Align::Left), ("episodes", Align::Right)]);
        let mut by_count: Vec<_> = self.failures.iter().collect();
        by_count.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in by_count {
            failures.row([reason.clone(), count.to_string()]);
        }
        if !failures.is_empty() {
            writeln!(f, "{failures}")?;
        }

        let Agreement {
            rate,
            wrongly_held,
            wrongly_not_held,
            ..
        } = self.supervisor;
        writeln!(
            f,
            "the supervisor's verdict is right in {:.1} % of the episodes; it says held of {wrongly_held} that are not, and \
             does not of {wrongly_not_held} that are lifted\n",
            rate * 100.0
        )?;

        let masks = self.masks;
        writeln!(
            f,
            "first mask after a click: mean IoU {:.3} over {} clicks; then over {} frames that show the target: lost in {:.1} %, \
             something else in {:.1} %, mean IoU {:.3}\n",
            masks.one_click_iou,
            masks.clicks,
            masks.frames,
            masks.lost * 100.0,
            masks.swapped * 100.0,
            masks.tracked_iou
        )?;

        let mut latencies = Table::new(&[
            ("stage", Align::Left),
            ("p50 ms", Align::Right),
            ("p99 ms", Align::Right),
            ("runs", Align::Right),
        ]);
        for (stage, Quantiles { p50, p99, count }) in &self.latency_ms {
            latencies.row([
                stage.clone(),
                format!("{p50:.2}"),
                format!("{p99:.2}"),
                count.to_string(),
            ]);
        }
        writeln!(f, "{latencies}")?;
        write!(
            f,
            "{:.0} s in all; trajectory {}",
            self.wall_s, self.trajectory_hash
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::{Objects, Scene};

    use super::*;

    fn record(seed: u64, success: bool, said_to_be_held: bool, failure: Option<&str>) -> Record {
        Record {
            seed,
            object: if seed.is_multiple_of(2) {
                "mug"
            } else {
                "bowl"
            }
            .to_owned(),
            success,
            end_m: [0.28, 0.58, 0.4],
            distance_m: 0.1,
            rise_m: 0.2,
            failure: failure.map(str::to_owned),
            lifted: success,
            said_to_be_held,
            trajectory_hash: seed.to_string(),
            masks: MaskFigures {
                first_iou: (seed != 3).then_some(0.9),
                frames: 50,
                lost: 1,
                swapped: 0,
                iou_sum: 40.0,
            },
            stages: vec![bus::StageLatency {
                node: "/policy".to_owned(),
                stage: "policy".to_owned(),
                count: 10,
                p50: Duration::from_millis(seed),
                p99: Duration::from_millis(seed + 5),
                max: Duration::from_millis(100),
            }],
        }
    }

    fn summary() -> Summary {
        let args = EvalArgs {
            scene: Scene::Single,
            objects: Objects::Test,
            episodes: 4,
            seed: 1,
            workers: 1,
            policy: None,
            json: None,
            report: None,
            record: None,
        };
        let records = [
            record(1, true, true, None),
            record(2, true, false, None),
            record(3, false, true, Some("not lifted")),
            record(4, false, false, Some("not lifted")),
        ];
        Summary::new(&args, &records, Duration::from_secs(3))
    }

    #[test]
    fn json_has_the_promised_keys() {
        let json = serde_json::to_value(summary()).unwrap();
        assert_eq!(json["episodes"], 4);
        assert_eq!(json["successes"], 2);
        assert_eq!(json["success_rate"], 0.5);
        assert!(
            (json["ci95"][0].as_f64().unwrap() - 0.150).abs() < 1e-3,
            "{}",
            json["ci95"]
        );
        assert_eq!(
            json["per_object"]["mug"],
            serde_json::json!({"episodes": 2, "successes": 1})
        );
        assert_eq!(json["failures"], serde_json::json!({"not lifted": 2}));
        assert_eq!(
            json["latency_ms"]["policy/policy"],
            serde_json::json!({"p50": 3.0, "p99": 9.0, "count": 40})
        );
        assert_eq!(json["supervisor"]["rate"], 0.5);
        assert_eq!(json["supervisor"]["wrongly_held"], 1);
        let masks = &json["masks"];
        assert_eq!(
            (&masks["clicks"], &masks["frames"]),
            (&3.into(), &200.into())
        );
        assert_eq!(
            (&masks["lost"], &masks["swapped"]),
            (&0.02.into(), &0.0.into())
        );
        for (key, mean) in [("one_click_iou", 0.9), ("tracked_iou", 0.8)] {
            assert!(
                (masks[key].as_f64().unwrap() - mean).abs() < 1e-9,
                "{masks}"
            );
        }
        assert_eq!(json["trajectory_hash"].as_str().unwrap().len(), 64);
    }

    #[test]
    fn reasons_are_counted_whatever_their_figures() {
        assert_eq!(
            without_numbers("19.4 cm wide. Object 12 at 0.5"),
            "N cm wide. Object N at N"
        );
        assert_eq!(without_numbers("not lifted."), "not lifted.");
    }

    #[test]
    fn the_text_says_what_a_person_asks_first() {
        let text = summary().to_string();
        assert!(
            text.starts_with("2 of 4 objects at the goal: 50.0 % (95 % interval 15.0 to 85.0 %)"),
            "{text}"
        );
        assert!(text.contains("not lifted"));
    }
}
