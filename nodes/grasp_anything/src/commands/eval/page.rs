//! The results as a page for the browser.

use std::collections::BTreeMap;

use report_page::{Align, Bar, Headline, Page, Plot, Section, Share, Table, Tone};

use super::{
    episode::Record,
    gathered::{Gathered, Kind, Story},
    summary::{Agreement, Summary},
};
use crate::report::{LatencyHistogram, origin, wilson_95};

/// The page with all that is known of an evaluation.
pub(super) fn page(summary: &Summary, gathered: &Gathered) -> Page {
    let title = format!(
        "Grasps in the simulated cell: scene {}, {} objects, policy {}",
        summary.scene, summary.objects, summary.policy
    );
    let [low, high] = summary.ci95.map(|bound| bound * 100.0);
    let headline = Headline {
        figure: format!("{:.1} %", summary.success_rate * 100.0),
        meaning: format!(
            "{} of {} objects at the goal; 95 % interval {low:.1} to {high:.1} %",
            summary.successes, summary.episodes
        ),
        tone: Tone::Accent,
        share: Some(Share {
            value: summary.success_rate,
            interval: Some(summary.ci95),
        }),
    };
    Page::new(title, headline)
        .section(results(summary))
        .section(objects(summary))
        .section(pictures(summary, gathered))
        .section(latencies(summary, &gathered.latencies))
        .section(episodes(&summary.records))
        .section(made_from(summary, gathered))
        .section(parameters(gathered))
}

fn results(summary: &Summary) -> Section {
    let Agreement {
        rate,
        wrongly_held,
        wrongly_not_held,
        ..
    } = summary.supervisor;
    let masks = &summary.masks;
    let facts = [
        ("episodes", summary.episodes.to_string()),
        ("seeds from", summary.seed.to_string()),
        (
            "first mask after a click, mean IoU",
            format!("{:.3} over {} clicks", masks.one_click_iou, masks.clicks),
        ),
        (
            "masks after that, mean IoU",
            format!("{:.3} over {} frames", masks.tracked_iou, masks.frames),
        ),
        (
            "frames without a mask of the visible target",
            format!("{:.1} %", masks.lost * 100.0),
        ),
        (
            "frames with a mask of something else",
            format!("{:.1} %", masks.swapped * 100.0),
        ),
        (
            "supervisor's verdict is right",
            format!("{:.1} % of the episodes", rate * 100.0),
        ),
        ("said to be held, but not lifted", wrongly_held.to_string()),
        (
            "lifted, but not said to be held",
            wrongly_not_held.to_string(),
        ),
    ];
    let section =
        Section::new("Results").facts(facts.iter().map(|(name, value)| (*name, value.as_str())));
    let failures: Vec<Bar> = by_count(summary)
        .into_iter()
        .map(|(reason, count)| {
            Bar::new(reason, share(count, summary.episodes), count.to_string()).tone(Tone::Bad)
        })
        .collect();
    if failures.is_empty() {
        return section.text("Every object was brought to its goal.");
    }
    section
        .heading("Why objects are not at the goal")
        .bars(["reason", "episodes"], &failures)
}

/// Reasons of failure, the most frequent first.
fn by_count(summary: &Summary) -> Vec<(&str, usize)> {
    let mut failures: Vec<(&str, usize)> = summary
        .failures
        .iter()
        .map(|(reason, count)| (reason.as_str(), *count))
        .collect();
    failures.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    failures
}

#[expect(
    clippy::cast_precision_loss,
    reason = "episodes are far fewer than 2^53"
)]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn objects(summary: &Summary) -> Section {
    let bars: Vec<Bar> = summary
        .per_object
        .iter()
        .map(|(object, tally)| {
            let interval = wilson_95(tally.successes, tally.episodes);
            let [low, high] = interval.map(|bound| bound * 100.0);
            Bar::new(
                object,
                share(tally.successes, tally.episodes),
                format!("{} of {}", tally.successes, tally.episodes),
            )
            .figure(format!("{low:.0} to {high:.0} %"))
            .interval(interval)
        })
        .collect();
    Section::new("Objects").bars(["object", "at the goal", "95 % interval (Wilson)"], &bars)
}

/// An episode of each kind, the success first and then by how many there are.
fn pictures(summary: &Summary, gathered: &Gathered) -> Section {
    let mut section = Section::new("Pictures").text(
        "What the camera saw in the first episode of each kind, by seed: the click (red cross), the mask that answers it \
         (green), the end, and moments between. Times are simulated; the words are the supervisor's state.",
    );
    let kinds = std::iter::once((None, summary.successes)).chain(
        by_count(summary)
            .into_iter()
            .map(|(reason, count)| (Some(reason.to_owned()), count)),
    );
    for (kind, count) in kinds {
        let Some(story) = gathered.stories.get(&kind) else {
            if count > 0 {
                let kind = kind.unwrap_or_default();
                section = section.text(&format!("{kind} ({count}): no pictures were kept."));
            }
            continue;
        };
        section = section.heading(&story_heading(&kind, count, story, &summary.records));
        let shots = story.shots.iter();
        let shots: Vec<_> = shots
            .map(|shot| (&shot.picture, shot.caption.as_str()))
            .collect();
        section = if shots.is_empty() {
            section.text("There was no picture.")
        } else {
            section.pictures(&shots)
        };
    }
    section
}

fn story_heading(kind: &Kind, count: usize, story: &Story, records: &[Record]) -> String {
    let record = records.iter().find(|record| record.seed == story.seed);
    let (object, exact) = record.map_or(("", None), |record| {
        (record.object.as_str(), record.failure.as_deref())
    });
    let words = exact.or(kind.as_deref()).unwrap_or("at the goal");
    format!("{words}: {object}, seed {} (1 of {count})", story.seed)
}

fn latencies(summary: &Summary, histograms: &BTreeMap<String, LatencyHistogram>) -> Section {
    let mut table = Table::new(&[
        ("stage", Align::Left),
        ("p50, ms", Align::Right),
        ("p99, ms", Align::Right),
        ("runs", Align::Right),
    ]);
    for (stage, quantiles) in &summary.latency_ms {
        table.row([
            stage.clone(),
            format!("{:.2}", quantiles.p50),
            format!("{:.2}", quantiles.p99),
            quantiles.count.to_string(),
        ]);
    }
    let edges = || histograms.values().flat_map(LatencyHistogram::bins);
    let low = edges().fold(f64::INFINITY, |low, ([from, _], _)| low.min(from));
    let high = edges().fold(0.0, |high: f64, ([_, to], _)| high.max(to));
    let plots: Vec<Plot> = histograms
        .iter()
        .map(|(stage, histogram)| {
            let most = histogram.bins().map(|(_, share)| share).fold(0.0, f64::max);
            let boxes = histogram
                .bins()
                .map(|([from, to], share)| [[from, 0.0], [to, share * 100.0]]);
            Plot::new(stage, ("ms", low..high), ("% of runs", 0.0..most * 105.0))
                .logarithmic_x()
                .boxes(boxes, Tone::Accent)
        })
        .collect();
    Section::new("Latencies")
        .text(
            "How long the stages took on this machine, on the clock on the wall, with all workers at once. The table has the median \
             over the episodes of each one's median, and the greatest 99th percentile of any; the plots have the last runs of each \
             stage in every episode.",
        )
        .table(&table)
        .plots(&plots)
}

fn episodes(records: &[Record]) -> Section {
    let mut table = Table::new(&[
        ("seed", Align::Right),
        ("object", Align::Left),
        ("outcome", Align::Left),
        ("from the goal, cm", Align::Right),
        ("rise, cm", Align::Right),
        ("first mask's IoU", Align::Right),
    ]);
    for record in records {
        table.row([
            record.seed.to_string(),
            record.object.clone(),
            record
                .failure
                .clone()
                .unwrap_or_else(|| "at the goal".to_owned()),
            format!("{:.1}", record.distance_m * 100.0),
            format!("{:.1}", record.rise_m * 100.0),
            record
                .masks
                .first_iou
                .map_or_else(String::new, |iou| format!("{iou:.2}")),
        ]);
    }
    Section::folded(format!("All {} episodes", records.len())).table(&table)
}

fn made_from(summary: &Summary, gathered: &Gathered) -> Section {
    let mut facts = vec![
        ("first seed".to_owned(), summary.seed.to_string()),
        ("trajectory".to_owned(), summary.trajectory_hash.clone()),
        ("in all".to_owned(), format!("{:.0} s", summary.wall_s)),
    ];
    if let Some((_, provenance)) = &gathered.provenance {
        let models = provenance.models.iter();
        facts.extend(models.map(|(name, digest)| (format!("SHA-256 of {name}"), digest.clone())));
    }
    origin(&facts)
}

fn parameters(gathered: &Gathered) -> Section {
    let Some((seed, provenance)) = &gathered.provenance else {
        return Section::folded("Parameters of the nodes").text("No episode got as far as a mask.");
    };
    let mut table = Table::new(&[("parameter", Align::Left), ("value", Align::Left)]);
    for (name, value) in &provenance.parameters {
        table.row([name.clone(), value.clone()]);
    }
    Section::folded(format!(
        "Parameters of the nodes, in the episode of seed {seed}"
    ))
    .table(&table)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use recorder::Provenance;
    use report_page::Picture;

    use super::*;
    use crate::{
        cli::{EvalArgs, Objects, Scene},
        commands::eval::{episode::Seen, film::Shot, masks::MaskFigures},
    };

    fn record(seed: u64, object: &str, failure: Option<&str>) -> Record {
        Record {
            seed,
            object: object.to_owned(),
            success: failure.is_none(),
            end_m: [0.28, 0.58, 0.3],
            distance_m: 0.02,
            rise_m: 0.25,
            failure: failure.map(str::to_owned),
            lifted: failure.is_none(),
            said_to_be_held: true,
            trajectory_hash: seed.to_string(),
            masks: MaskFigures::default(),
            stages: vec![bus::StageLatency {
                node: "/policy".to_owned(),
                stage: "policy".to_owned(),
                count: 2,
                p50: Duration::from_millis(2),
                p99: Duration::from_millis(3),
                max: Duration::from_millis(3),
            }],
        }
    }

    fn seen(seed: u64) -> Seen {
        let picture = Picture::from_rgb(&[80; 8 * 4 * 3], 8, 4, 8).unwrap();
        Seen {
            shots: vec![Shot {
                caption: format!("picture of seed {seed}"),
                picture,
            }],
            runs: vec![(
                "policy/policy".to_owned(),
                [2, 3].map(Duration::from_millis).to_vec(),
            )],
            provenance: Some(Provenance {
                program: Vec::new(),
                parameters: vec![("/sim/seed".to_owned(), seed.to_string())],
                models: vec![("/segmentation/model".to_owned(), "ab12".to_owned())],
            }),
        }
    }

    /// The page of episodes that end in this order.
    fn html(records: &[Record]) -> String {
        let mut gathered = Gathered::default();
        for record in records {
            gathered.add(record, seen(record.seed));
        }
        let args = EvalArgs {
            scene: Scene::Single,
            objects: Objects::Test,
            episodes: 4,
            seed: 1,
            workers: 1,
            policy: Some("<b>policy</b>.yaml".into()),
            json: None,
            report: None,
            record: None,
        };
        let mut sorted = records.to_vec();
        sorted.sort_by_key(|record| record.seed);
        let summary = Summary::new(&args, &sorted, Duration::from_secs(3));
        page(&summary, &gathered).to_html()
    }

    #[test]
    fn every_kind_of_failure_is_there_with_its_first_episode() {
        let records = [
            record(9, "mug", None),
            record(7, "bowl", Some("not lifted; supervisor: 12 cm wide")),
            record(3, "bowl", Some("not lifted; supervisor: 19.4 cm wide")),
            record(5, "spoon", Some("lifted and dropped; at the end failed")),
            record(4, "mug", None),
        ];
        let html = html(&records);
        for wanted in [
            "40.0 %",
            "2 of 5 objects at the goal; 95 % interval 11.8 to 76.9 %",
            "at the goal: mug, seed 4 (1 of 2)",
            "not lifted; supervisor: 19.4 cm wide: bowl, seed 3 (1 of 2)",
            "lifted and dropped; at the end failed: spoon, seed 5 (1 of 1)",
            "SHA-256 of /segmentation/model",
            "in the episode of seed 3",
            "policy/policy",
        ] {
            assert!(html.contains(wanted), "{wanted} is not in {html}");
        }
        let shown: Vec<_> = [3, 4, 5, 7, 9]
            .into_iter()
            .filter(|seed| html.contains(&format!("alt=\"picture of seed {seed}\"")))
            .collect();
        assert_eq!(shown, [3, 4, 5]);
    }

    #[test]
    fn names_are_text_whatever_is_in_them() {
        let hostile = "<script>alert(1)</script>\"'&";
        let html = html(&[record(1, hostile, None), record(2, hostile, Some(hostile))]);
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    }

    #[test]
    fn pictures_are_of_the_first_episodes_whatever_ends_first_and_never_too_many() {
        let records: Vec<_> = (0..200)
            .map(|seed| {
                // Words, as figures make no kind of their own.
                let kind: String = seed
                    .to_string()
                    .chars()
                    .map(|digit| char::from(b'a' + digit as u8 - b'0'))
                    .collect();
                record(seed, "mug", Some(&kind))
            })
            .collect();
        let stories = |records: &mut dyn Iterator<Item = &Record>| {
            let mut gathered = Gathered::default();
            records.for_each(|record| gathered.add(record, seen(record.seed)));
            let mut seeds: Vec<_> = gathered.stories.values().map(|story| story.seed).collect();
            seeds.sort_unstable();
            seeds
        };
        let forwards = stories(&mut records.iter());
        assert_eq!(forwards, (0..24).collect::<Vec<u64>>());
        assert_eq!(forwards, stories(&mut records.iter().rev()));
        assert!(html(&records).contains("no pictures were kept"));
    }

    #[test]
    fn an_evaluation_without_a_failure_has_none_to_show() {
        let html = html(&[record(1, "mug", None)]);
        assert!(html.contains("Every object was brought to its goal."));
        assert!(!html.contains("Why objects are not"));
    }
}
