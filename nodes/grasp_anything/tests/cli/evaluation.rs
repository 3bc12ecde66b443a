//! Whole grasps: the loop runs from end to end, and a seed gives the same episode on every run.

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::program::{command, fails};

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
fn the_report_shows_an_episode_that_is_the_same_without() {
    let folder = tempfile::tempdir().unwrap();
    let [plain, filmed, page] =
        ["plain.json", "filmed.json", "page.html"].map(|name| folder.path().join(name));
    let report = ["--report", page.to_str().unwrap()];
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
    // The click, the end, and some between; all of them pictures.
    let pictures: Vec<_> = html.split("data:image/jpeg;base64,").skip(1).collect();
    assert_eq!(pictures.len(), 6);
    for picture in pictures {
        let bytes = BASE64_STANDARD.decode(picture.split('"').next().unwrap());
        let decoded = image::load_from_memory(&bytes.unwrap()).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (424, 240));
    }
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
