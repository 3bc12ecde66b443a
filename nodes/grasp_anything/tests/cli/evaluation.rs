//! Whole grasps: the loop runs from end to end, and a seed gives the same episode on every run.

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
};

use serde_json::Value;

use crate::program::command;

fn start(runtime: &Path, json: &Path) -> Child {
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
    command(runtime, &arguments)
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
    let programs = files.each_ref().map(|file| start(folder.path(), file));
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
