//! Clicks over the control socket of a running program.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::program::{command, fails};

/// A program that serves clicks; it is ended with the test.
struct Server {
    program: Child,
}

impl Server {
    fn start(runtime: &Path) -> Self {
        let mut program = command(runtime, &["node", "prompt_server"])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // It says when it is ready, so nothing has to be guessed.
        let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("waiting for clicks"));
        assert!(ready, "the server ended at once");
        std::thread::spawn(move || lines.for_each(drop));
        Self { program }
    }

    /// Asks it to end, as Ctrl-C does.
    fn interrupt(mut self) -> i32 {
        let pid = self.program.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.program.wait().unwrap().code().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.program.kill().ok();
        self.program.wait().ok();
    }
}

fn click(runtime: &Path, arguments: &[&str]) -> String {
    let output = command(runtime, &[&["click"], arguments].concat())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_click_without_a_launch_says_how_to_start_one() {
    fails(
        &["click", "10", "10"],
        &["nothing is running", "grasp_anything launch"],
    );
}

#[test]
fn a_click_is_answered() {
    let runtime = tempfile::tempdir().unwrap();
    let server = Server::start(runtime.path());
    assert!(click(runtime.path(), &["10", "10"]).contains("no camera image yet"));
    let unknown = click(
        runtime.path(),
        &["--point", "0.1", "0.2", "0.3", "--frame", "nowhere"],
    );
    assert!(unknown.contains("no frame `nowhere`"), "{unknown}");
    assert_eq!(server.interrupt(), 0);
    assert!(!runtime.path().join("grasp_anything/control.sock").exists());
}

#[test]
fn a_second_launch_does_not_take_the_socket_from_the_first() {
    let runtime = tempfile::tempdir().unwrap();
    let server = Server::start(runtime.path());
    let second = command(runtime.path(), &["node", "prompt_server"])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another launch is running"));
    assert!(
        click(runtime.path(), &["10", "10"]).contains("no camera image yet"),
        "the first one still serves"
    );
    drop(server);
    // What was killed left its socket behind; the next one takes its place.
    let server = Server::start(runtime.path());
    assert_eq!(server.interrupt(), 0);
}
