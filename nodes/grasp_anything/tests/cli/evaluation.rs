//! Whole grasps: the loop runs from end to end, and a seed gives the same episode on every run.

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::program::{command, fails, run};

fn start(runtime: &Path, json: &Path, more: &[&str]) -> Child {
    let json = json.to_str().unwrap();
    let arguments = [
        "eval",
        "--scene",
        "single",
        "--episodes",
        "1",
        "--seed",
        "1",
        "--json",
        json,
    ];
    command(runtime, &[&arguments[..], more].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn result(program: Child, json: &Path) -> Value {
    let output = program.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap()
}

#[test]
fn an_episode_is_bit_identical_from_run_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["first.json", "second.json"].map(|name| folder.path().join(name));
    // Side by side, so that they also disturb each other's timing.
    let programs = files.each_ref().map(|file| start(folder.path(), file, &[]));
    let [first, second] = {
        let [one, other] = programs;
        [result(one, &files[0]), result(other, &files[1])]
    };
    assert_eq!(first["trajectory_hash"], second["trajectory_hash"]);
    assert_eq!(first["records"], second["records"]);

    assert_eq!(first["episodes"], 1);
    let record = &first["records"][0];
    let failure = record["failure"].as_str().unwrap_or_default();
    assert!(
        !failure.starts_with("not segmented") && !failure.starts_with("not started"),
        "{failure}"
    );
    for stage in [
        "segmentation/segment_encode",
        "pointcloud/cloud",
        "policy/policy",
        "ur_driver/cycle",
    ] {
        assert!(
            first["latency_ms"][stage]["count"].as_u64().unwrap() > 50,
            "{stage}: {first}"
        );
    }
}

#[test]
fn report_and_recording_show_an_episode_that_is_the_same_without() {
    let folder = tempfile::tempdir().unwrap();
    let [plain, filmed, page, recordings] =
        ["plain.json", "filmed.json", "page.html", "recordings"]
            .map(|name| folder.path().join(name));
    let report = [
        "--report",
        page.to_str().unwrap(),
        "--record",
        recordings.to_str().unwrap(),
    ];
    let programs = [
        start(folder.path(), &plain, &[]),
        start(folder.path(), &filmed, &report),
    ];
    let [plain, filmed] = {
        let [one, other] = programs;
        [result(one, &plain), result(other, &filmed)]
    };
    assert_eq!(plain["trajectory_hash"], filmed["trajectory_hash"]);
    assert_eq!(plain["records"], filmed["records"]);

    let html = fs::read_to_string(page).unwrap();
    let record = &filmed["records"][0];
    for wanted in [
        "95 % interval",
        record["object"].as_str().unwrap(),
        filmed["trajectory_hash"].as_str().unwrap(),
        "segmentation/segment_encode",
        "--seed 1",
        "git_revision",
        "SHA-256 of /segmentation/model",
    ] {
        assert!(html.contains(wanted), "{wanted} is not in the page");
    }
    assert!(!html.contains("http:") && !html.contains("https:"));
    replays_as_it_was(&recordings.join("seed_1/episode_0001.mcap"));
    // The click, the end, and some between; all of them pictures.
    let pictures: Vec<_> = html.split("data:image/jpeg;base64,").skip(1).collect();
    assert_eq!(pictures.len(), 6);
    for picture in pictures {
        let bytes = BASE64_STANDARD.decode(picture.split('"').next().unwrap());
        let decoded = image::load_from_memory(&bytes.unwrap()).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (424, 240));
    }
}

/// Shown the same once more, segmentation and policy come to the same, but for the few milliseconds by which the recorder
/// heard of things later.
fn replays_as_it_was(recording: &Path) {
    let json = recording.with_extension("json");
    let [file, told] = [recording, &json].map(|path| path.to_str().unwrap());
    let ended = run(&["replay", file, "--json", told]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let told: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let pairs = told["pairs"].as_array().unwrap();
    assert!(pairs.len() > 30, "{}", pairs.len());
    let differ = pairs.iter().filter(|pair| {
        let iou = pair["iou"].as_f64();
        iou.is_some_and(|iou| iou < 0.9)
    });
    assert!(differ.count() <= pairs.len() / 20, "{}", ended.stdout);
    let commands = &told["commands"];
    assert_eq!(commands["refused"], serde_json::json!([]));
    let phases = commands["phases"].as_array().unwrap();
    assert!(phases.len() >= 3, "{phases:?}");
    for phase in phases {
        let [then, now] = ["recorded_s", "recomputed_s"].map(|key| phase[key].as_f64().unwrap());
        assert!((then - now).abs() < 0.3, "{phase}");
    }
    let apart = commands["palm_mm"].as_array().unwrap();
    assert!(apart.len() > 20, "{}", apart.len());
    let close = apart
        .iter()
        .filter(|apart| apart["by"].as_f64().unwrap() < 10.0);
    assert!(10 * close.count() > 9 * apart.len(), "{}", ended.stdout);
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_the_first_episode() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("no/such/folder/page.html");
    let episodes = ["eval", "--episodes", "100000", "--report"];
    fails(
        &[&episodes[..], &[nowhere.to_str().unwrap()]].concat(),
        &["cannot write", "page.html"],
    );
    let same = folder.path().join("same");
    let same = same.to_str().unwrap();
    fails(
        &[&episodes[..], &[same, "--json", same]].concat(),
        &["the same file"],
    );
}
