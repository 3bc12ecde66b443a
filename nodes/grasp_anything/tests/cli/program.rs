//! Running the program and looking at what it says.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The program with these arguments, in a runtime folder of its own and quiet.
pub(crate) fn command(runtime: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grasp_anything"));
    command
        .args(arguments)
        .current_dir(project())
        .env("XDG_RUNTIME_DIR", runtime)
        .env_remove("RUST_LOG");
    command.stdin(Stdio::null());
    command
}

/// The root of the project.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What one run said and how it ended.
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    let runtime = tempfile::tempdir().unwrap();
    let output = command(runtime.path(), arguments).output().unwrap();
    Ended {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the program and checks that it fails with all of `parts` in its message.
#[track_caller]
pub(crate) fn fails(arguments: &[&str], parts: &[&str]) {
    let ended = run(arguments);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    for part in parts {
        assert!(
            ended.stderr.contains(part),
            "`{part}` is not in: {}",
            ended.stderr
        );
    }
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[test]
fn the_help_names_every_command() {
    let help = run(&["--help"]).stdout;
    for command in [
        "launch",
        "node",
        "click",
        "segment",
        "eval",
        "bench",
        "doctor",
        "completions",
    ] {
        assert!(
            help.contains(&format!("\n  {command}")),
            "{command}: {help}"
        );
        assert_eq!(run(&[command, "--help"]).status, 0);
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let runtime = tempfile::tempdir().unwrap();
    let mut program = command(runtime.path(), &["completions", "bash"]);
    let mut program = program
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(program.stdout.take());
    let output = program.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            run(&["completions", shell]).stdout.contains("doctor"),
            "{shell}"
        );
    }
}

#[test]
fn the_list_of_nodes_is_that_of_the_launch_files() {
    let list = run(&["node", "--list"]).stdout;
    for node in [
        "sim",
        "ur_driver",
        "sih_driver",
        "segmentation",
        "pointcloud",
        "policy",
        "supervisor",
        "demo",
    ] {
        assert!(list.contains(&format!("  {node} ")), "{node}: {list}");
    }
}

#[test]
fn a_link_with_a_nodes_name_runs_that_node() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments, said) in [
        (
            "policy",
            ["--ros-args", "-p", "rat_hz:=1"].as_slice(),
            "node /policy has no parameter rat_hz",
        ),
        (
            "supervisor",
            &[
                "--ros-args",
                "-r",
                "__node:=boss",
                "-r",
                "__ns:=/cell",
                "-p",
                "x:=1",
            ],
            "node /cell/boss has no parameter x",
        ),
        ("launch", &["none.launch", "--ros-args"], "none.launch"),
    ] {
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_grasp_anything"), &link).unwrap();
        let output = Command::new(&link).args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(said), "{name}: {stderr}");
        assert_eq!(output.status.code(), Some(1), "{name}: {stderr}");
    }
}

#[test]
fn unknown_nodes_and_parameters_are_told() {
    fails(
        &["node", "segmentatoin"],
        &["no node `segmentatoin`", "segmentation"],
    );
    fails(
        &[
            "node",
            "prompt_server",
            "--ros-args",
            "-p",
            "sokcet:=/tmp/none",
        ],
        &["prompt_server", "no parameter sokcet", "socket"],
    );
}

#[test]
fn the_doctor_says_what_it_looked_at() {
    let report = run(&["doctor"]).stdout;
    for part in [
        "Program",
        "ONNX back end",
        "ffmpeg",
        "robot description",
        "Models",
        "ur_driver.rtde",
        "sih_driver.bus",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
}

#[test]
fn a_benchmark_of_no_such_name_is_told() {
    fails(&["bench", "nonsense"], &["bus", "cloud", "render"]);
}
