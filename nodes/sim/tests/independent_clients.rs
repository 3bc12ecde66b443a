//! The hardware faces as others see them: PyPI's ur-rtde and dynamixel-sdk as clients, over TCP and
//! a pseudo-terminal, in real time.
//!
//! Needs a Python with those packages, named by `GRASP_ANYTHING_PYTHON` (`python3` otherwise); says
//! so and passes where there is none.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail, its helpers included"
)]

use bus::{ClockSource, Graph, GraphConfig, Node, NodeSpec};
use serde_json::Value;
use sih_driver::register_map::RegisterMap;
use sim::faces::{sih, ur};
use std::error::Error;
use std::process::Command;
use std::time::Duration;

const HOME: [f64; 6] = robot::ur5::RESET_POSE;
const OPEN: [f64; 5] = [2650.0, 250.0, 1450.0, 2300.0, -1000.0];
/// An address of this machine that nobody else uses, because ur-rtde knows only the standard port.
const HOST: &str = "127.0.77.5";

type Failure = Box<dyn Error + Send + Sync>;

/// The output of a script of tests/independent, or nothing where its package is missing.
fn python(package: &str, script: &str, arguments: &[&str]) -> Option<Value> {
    let python = std::env::var("GRASP_ANYTHING_PYTHON").unwrap_or_else(|_| "python3".into());
    let has_package = Command::new(&python)
        .args(["-c", &format!("import {package}")])
        .output();
    if !has_package.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} has no {package}; set GRASP_ANYTHING_PYTHON to one that has");
        return None;
    }
    let script = format!(
        "{}/../../tests/independent/{script}",
        env!("CARGO_MANIFEST_DIR")
    );
    let output = Command::new(&python)
        .arg(script)
        .args(arguments)
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stderr}");
    let line = stdout
        .lines()
        .last()
        .unwrap_or_else(|| panic!("no output: {stderr}"));
    Some(serde_json::from_str(line).unwrap())
}

/// Runs a node in real time while something else happens.
fn beside<F, R>(node: F, action: impl FnOnce())
where
    F: FnOnce(Node) -> R + Send + 'static,
    R: Future<Output = Result<(), Failure>> + 'static,
{
    let mut graph = Graph::new(GraphConfig {
        clock: ClockSource::System,
        ..GraphConfig::default()
    });
    graph.add(NodeSpec::new("hardware"), node).unwrap();
    let handle = graph.handle();
    let running = std::thread::spawn(move || graph.run_realtime());
    action();
    handle.request_shutdown();
    running.join().unwrap().unwrap();
}

async fn arm(node: Node) -> Result<(), Failure> {
    let reading = ur::Reading {
        q: HOME,
        ..ur::Reading::default()
    };
    let face = ur::UrFace::new(ur::Config::default(), reading);
    let endpoint = |port| format!("tcp://{HOST}:{port}");
    let endpoints = ur::Endpoints {
        rtde: endpoint(30004),
        dashboard: endpoint(29999),
        script: endpoint(30002),
    };
    let cycles = async {
        let mut cycle = node.clock().interval(Duration::from_millis(8));
        loop {
            cycle.tick().await;
            face.cycle(reading);
        }
    };
    tokio::select! {
        () = node.shutdown() => Ok(()),
        result = face.serve(node.network(), &endpoints) => Ok(result?),
        () = cycles => Ok(()),
    }
}

async fn hand(node: Node) -> Result<(), Failure> {
    let mut ticks = OPEN;
    let face = sih::SihFace::new(
        RegisterMap::example()?,
        sih::Reading {
            ticks,
            load: [0.0; 5],
        },
    );
    let cycles = async {
        let mut cycle = node.clock().interval(Duration::from_millis(8));
        loop {
            cycle.tick().await;
            ticks = face.cycle(
                sih::Reading {
                    ticks,
                    load: [0.0; 5],
                },
                0.008,
            );
        }
    };
    let endpoint = format!("pty://{}", pty());
    tokio::select! {
        () = node.shutdown() => Ok(()),
        result = face.serve(node.network(), &endpoint) => Ok(result?),
        () = cycles => Ok(()),
    }
}

fn pty() -> String {
    std::env::temp_dir()
        .join(format!("grasp_anything_sih_{}", std::process::id()))
        .display()
        .to_string()
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

#[test]
fn ur_rtde_reads_the_controllers_state() {
    beside(arm, || {
        let Some(seen) = python("rtde_receive", "rtde_client.py", &[HOST, "1.0"]) else {
            return;
        };
        assert_eq!(numbers(&seen["q"]), HOME);
        assert_eq!(numbers(&seen["target_q"]), HOME);
        let timestamps = numbers(&seen["timestamps"]);
        assert!(
            timestamps.len() > 60,
            "only {} packages in a second",
            timestamps.len()
        );
        for pair in timestamps.windows(2) {
            let cycles = (pair[1] - pair[0]) / 0.008;
            assert!(
                cycles > 0.5 && (cycles - cycles.round()).abs() < 1e-6,
                "{pair:?}"
            );
        }
        // The controller's own base frame is turned by 180 degrees about z.
        let pose = robot::ur5::base_link_from_base().inverse() * robot::ur5::forward(&HOME);
        let (p, r) = (pose.translation.vector, pose.rotation.scaled_axis());
        for (seen, expected) in numbers(&seen["tcp_pose"])
            .iter()
            .zip([p.x, p.y, p.z, r.x, r.y, r.z])
        {
            assert!((seen - expected).abs() < 1e-12);
        }
        assert_eq!(
            [
                &seen["robot_mode"],
                &seen["safety_mode"],
                &seen["runtime_state"]
            ],
            [7, 1, 1]
        );
        assert_eq!(seen["robotmode"], "Robotmode: RUNNING");
        assert_eq!(seen["safetymode"], "Safetymode: NORMAL");
        assert_eq!(seen["running"], false);
        assert_eq!(seen["model"], "UR5");
    });
}

#[test]
fn dynamixel_sdk_leads_the_servos() {
    beside(hand, || {
        let Some(seen) = python("dynamixel_sdk", "dynamixel_client.py", &[&pty()]) else {
            return;
        };
        assert_eq!(numbers(&seen["models"]), [1020.0; 5]);
        assert_eq!(numbers(&seen["before"]), OPEN);
        assert_eq!(seen["after"], seen["goals"]);
        // COMM_RX_TIMEOUT for a servo that is not there, and an access error for a read-only register.
        assert_eq!(seen["absent"], -3001);
        assert_eq!(seen["refused"], 7);
    });
}
