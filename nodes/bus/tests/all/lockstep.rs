//! Lockstep runs: determinism, failures, shutdown.

use crate::{Log, Outcome};
use bus::{
    Endpoint, Graph, GraphConfig, GraphError, Node, NodeFailure, NodeSpec, Qos, ShutdownPhase,
    ShutdownReason, Time,
};
use msgs::{
    diagnostic_msgs::DiagnosticArray,
    std_msgs::Int32,
    std_srvs::{Trigger, TriggerRequest, TriggerResponse},
};
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const MILLI: Duration = Duration::from_millis(1);

/// A robot in memory: sends its state at 125 Hz, takes targets.
async fn robot(node: Node, log: Log) -> Outcome {
    let mut listener = node
        .network()
        .listen(&Endpoint::parse("memory://robot")?)
        .await?;
    let mut stream = listener.accept().await?;
    let mut ticks = node.clock().interval(8 * MILLI);
    let mut target = [0_u8; 4];
    let mut state = 0_u32;
    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            read = stream.read_exact(&mut target) => {
                read?;
                state = state.wrapping_mul(31).wrapping_add(u32::from_le_bytes(target));
                log.add(format!("{} robot takes {}", node.now(), u32::from_le_bytes(target)));
            }
            _ = ticks.tick() => stream.write_all(&state.to_le_bytes()).await?,
        }
    }
}

/// Paced by the robot's packets; passes its state on and the newest command back.
async fn driver(node: Node, log: Log) -> Outcome {
    let states = node.publisher::<Int32>("state", Qos::sensor_data())?;
    let commands = node.subscribe::<Int32>("command", Qos::reliable(1))?;
    let mut stop = node.serve::<Trigger>("~/stop")?;
    let mut stream = node
        .network()
        .connect(&Endpoint::parse("memory://robot")?)
        .await?;
    let mut packet = [0_u8; 4];
    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => {
                log.add(format!("{} driver stops", node.now()));
                return Ok(());
            }
            Some(call) = stop.next() => {
                log.add(format!("{} driver is asked to stop", node.now()));
                call.respond(TriggerResponse::done("stopped"));
            }
            read = stream.read_exact(&mut packet) => {
                read?;
                states.publish(Int32 { data: i32::from_le_bytes(packet) });
                if let Some(command) = commands.latest() {
                    stream.write_all(&command.data.to_le_bytes()).await?;
                }
            }
        }
    }
}

/// Answers each third state.
async fn policy(node: Node, log: Log) -> Outcome {
    let states = node.subscribe::<Int32>("state", Qos::sensor_data())?;
    let commands = node.publisher::<Int32>("command", Qos::reliable(1))?;
    let mut count = 0;
    while let Some(state) = states.next().await {
        count += 1;
        if count % 3 == 0 {
            log.add(format!("{} policy sees {}", node.now(), state.data));
            commands.publish(Int32 {
                data: state.data ^ count,
            });
        }
    }
    log.add(format!("{} policy ends", node.now()));
    Ok(())
}

/// Calls a service on a timer of its own, out of step with everything else.
async fn supervisor(node: Node, log: Log) -> Outcome {
    let stop = node.client::<Trigger>("driver/stop")?;
    stop.wait_for_server().await;
    let mut ticks = node.clock().interval(13 * MILLI);
    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            now = ticks.tick() => {
                // Fails at the end, when the driver is gone.
                let answer = stop.call(TriggerRequest {}).await.map(|answer| answer.message);
                log.add(format!("{now} supervisor hears {}", answer.as_deref().unwrap_or("nothing")));
            }
        }
    }
}

/// Many sleeps at the same points in time.
async fn sleepers(node: Node, log: Log) -> Outcome {
    let sleeper = |name: char, period: Duration| {
        let (node, log) = (node.clone(), log.clone());
        async move {
            for _ in 0..20 {
                node.clock().sleep(period).await;
                log.add(format!("{} sleeper {name}", node.now()));
            }
        }
    };
    tokio::join!(
        sleeper('a', 4 * MILLI),
        sleeper('b', 2 * MILLI),
        sleeper('c', 4 * MILLI)
    );
    Ok(())
}

fn five_nodes() -> Vec<String> {
    let log = Log::default();
    let mut graph = Graph::new(GraphConfig::lockstep());
    macro_rules! add {
        ($($spec:expr => $main:ident),*) => {$(
            let own = log.clone();
            graph.add($spec, move |node| $main(node, own)).unwrap();
        )*};
    }
    add!(
        NodeSpec::new("supervisor") => supervisor,
        NodeSpec::new("policy") => policy,
        NodeSpec::new("driver").owns_robot() => driver,
        NodeSpec::new("robot") => robot,
        NodeSpec::new("sleepers") => sleepers
    );
    let report = graph.run_lockstep(Some(Duration::from_secs(1))).unwrap();
    assert_eq!(report.reason, ShutdownReason::TimeIsUp);
    assert_eq!(report.end.as_secs_f64(), 1.0);
    assert!(report.unresponsive.is_empty());
    log.lines()
}

#[test]
fn five_nodes_with_services_timers_and_streams_run_alike_every_time() {
    let first = five_nodes();
    assert!(first.len() > 200, "{} lines", first.len());
    for kind in [
        "robot takes",
        "policy sees",
        "supervisor hears stopped",
        "sleeper b",
        "driver is asked",
    ] {
        assert!(first.iter().any(|line| line.contains(kind)), "{kind}");
    }
    for _ in 0..4 {
        assert_eq!(five_nodes(), first);
    }
}

#[test]
fn the_robot_stops_before_the_rest() {
    let lines = five_nodes();
    let place = |text: &str| lines.iter().position(|line| line.contains(text)).unwrap();
    assert!(place("driver stops") < place("policy ends"));
}

fn graph() -> Graph {
    Graph::new(GraphConfig::lockstep())
}

async fn until_shutdown(node: Node) -> Outcome {
    node.shutdown().await;
    Ok(())
}

#[test]
fn a_driver_has_time_to_stop_its_robot_while_the_others_run() {
    let log = Log::default();
    let mut graph = graph();
    let (for_arm, for_sim) = (log.clone(), log.clone());
    graph
        .add(NodeSpec::new("arm").owns_robot(), |node| async move {
            node.shutdown().await;
            assert_eq!(node.shutdown_phase(), ShutdownPhase::StopRobot);
            node.clock().sleep(300 * MILLI).await;
            for_arm.add("arm at rest");
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("sim"), |node| async move {
            let mut ticks = node.clock().interval(100 * MILLI);
            while !node.is_shutting_down() {
                ticks.tick().await;
                if node.shutdown_phase() == ShutdownPhase::StopRobot {
                    for_sim.add("sim steps");
                }
            }
            for_sim.add("sim ends");
            Outcome::Ok(())
        })
        .unwrap();
    let report = graph.run_lockstep(Some(Duration::from_secs(1))).unwrap();
    assert!(report.unresponsive.is_empty());
    let lines = log.lines();
    assert!(
        lines.iter().filter(|line| *line == "sim steps").count() >= 3,
        "{lines:?}"
    );
    let place = |text: &str| lines.iter().position(|line| line == text).unwrap();
    assert!(place("arm at rest") < place("sim ends"), "{lines:?}");
}

#[test]
fn a_node_that_does_not_end_is_dropped_after_the_grace_and_named() {
    let mut graph = graph();
    graph
        .add(NodeSpec::new("deaf"), |node| async move {
            loop {
                node.clock().sleep(MILLI).await;
            }
            #[expect(unreachable_code, reason = "names the type")]
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("main").ends_graph(), |_| async {
            Outcome::Ok(())
        })
        .unwrap();
    let report = graph.run_lockstep(None).unwrap();
    assert_eq!(report.unresponsive, ["/deaf"]);
    assert_eq!(
        report.reason,
        ShutdownReason::NodeDone {
            node: "/main".into()
        }
    );
    assert_eq!(report.end.as_secs_f64(), 5.0, "the grace of StopAll");
}

#[test]
fn a_failing_node_ends_the_graph_in_order_and_is_named() {
    let log = Log::default();
    let own = log.clone();
    let mut graph = graph();
    graph
        .add(NodeSpec::new("other"), |node| async move {
            node.shutdown().await;
            own.add("ended in order");
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("bad"), |node| async move {
            node.clock().sleep(MILLI).await;
            Outcome::Err("the cable is out".into())
        })
        .unwrap();
    let error = graph.run_lockstep(None).unwrap_err();
    assert_eq!(error.to_string(), "node /bad failed: the cable is out");
    assert_eq!(log.lines(), ["ended in order"]);
}

#[test]
fn a_failure_while_shutting_down_is_noted_but_not_why_the_run_ended() {
    let mut graph = graph();
    graph
        .add(NodeSpec::new("bad"), |node| async move {
            node.shutdown().await;
            Outcome::Err("the driver is gone".into())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("main").ends_graph(), |_| async {
            Outcome::Ok(())
        })
        .unwrap();
    let report = graph.run_lockstep(None).unwrap();
    assert_eq!(
        report.reason,
        ShutdownReason::NodeDone {
            node: "/main".into()
        }
    );
    assert_eq!(
        report.failures[0].to_string(),
        "node /bad failed: the driver is gone"
    );
}

#[test]
fn a_panic_is_caught_and_reported() {
    let mut graph = graph();
    graph.add(NodeSpec::new("other"), until_shutdown).unwrap();
    graph
        .add(NodeSpec::new("bad"), |node| async move {
            node.clock().sleep(MILLI).await;
            assert_eq!(1, 2, "sums must agree");
            Outcome::Ok(())
        })
        .unwrap();
    let error = graph.run_lockstep(None).unwrap_err();
    assert!(
        matches!(&error, GraphError::Node(NodeFailure::Panic { node, message })
        if node == "/bad" && message.contains("sums must agree")),
        "{error}"
    );
}

#[test]
fn an_optional_node_may_fail() {
    let mut graph = graph();
    graph
        .add(NodeSpec::new("viewer").optional(), |_| async {
            Outcome::Err("no display".into())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("main").ends_graph(), |node| async move {
            node.clock().sleep(MILLI).await;
            Outcome::Ok(())
        })
        .unwrap();
    let report = graph.run_lockstep(None).unwrap();
    assert_eq!(report.failures.len(), 1);
    assert_eq!(
        report.failures[0].to_string(),
        "node /viewer failed: no display"
    );
}

#[test]
fn nodes_that_wait_for_each_other_are_a_deadlock_that_names_them() {
    let mut graph = graph();
    for name in ["a", "b"] {
        graph
            .add(NodeSpec::new(name), |node| async move {
                let numbers = node.subscribe::<Int32>("numbers", Qos::reliable(1))?;
                numbers.next().await;
                Outcome::Ok(())
            })
            .unwrap();
    }
    graph
        .add(NodeSpec::new("done"), |node| async move {
            node.clock().sleep(MILLI).await;
            Outcome::Ok(())
        })
        .unwrap();
    let error = graph
        .run_lockstep(Some(Duration::from_secs(9)))
        .unwrap_err();
    assert!(
        matches!(&error, GraphError::Deadlock { waiting, time }
        if waiting == &["/a", "/b"] && time.as_nanos() == 1_000_000),
        "{error}"
    );
}

#[test]
fn two_nodes_of_one_name_are_refused() {
    let mut graph = graph();
    graph
        .add(NodeSpec::new("arm").namespace("cell"), until_shutdown)
        .unwrap();
    graph.add(NodeSpec::new("arm"), until_shutdown).unwrap();
    let error = graph
        .add(
            NodeSpec::new("x").remap("__node:=arm".parse().unwrap()),
            until_shutdown,
        )
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "two nodes are called /arm; give one another name or namespace"
    );
    assert_eq!(graph.node_names(), ["/cell/arm", "/arm"]);
}

#[test]
fn a_graph_with_a_real_clock_does_not_run_in_lockstep_nor_the_other_way_round() {
    let real = Graph::new(GraphConfig::default())
        .run_lockstep(None)
        .unwrap_err();
    assert!(
        real.to_string()
            .contains("cannot run in lockstep: its clock is real"),
        "{real}"
    );
    let simulated = graph().run_realtime().unwrap_err();
    assert!(
        simulated.to_string().contains("cannot run in real time"),
        "{simulated}"
    );
}

#[test]
fn diagnostics_report_rates_in_node_time_and_latencies() {
    let mut graph = graph();
    graph
        .add(NodeSpec::new("camera"), |node| async move {
            let numbers = node.publisher::<Int32>("numbers", Qos::sensor_data())?;
            let stage = node.stage("grab");
            let mut ticks = node.clock().interval(40 * MILLI);
            while !node.is_shutting_down() {
                ticks.tick().await;
                let _run = stage.start();
                numbers.publish(Int32 { data: 0 });
            }
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("monitor").ends_graph(), |node| async move {
            let reports = node.subscribe::<DiagnosticArray>("/diagnostics", Qos::reliable(10))?;
            let mut last = reports.next().await.unwrap();
            assert_eq!(node.now().as_secs_f64(), 1.0);
            for _ in 0..2 {
                last = reports.next().await.unwrap();
            }
            assert_eq!(node.now().as_secs_f64(), 3.0);
            let find = |name: &str| {
                last.status
                    .iter()
                    .find(|status| status.name == name)
                    .unwrap()
            };
            assert_eq!(find("topic /numbers").value("rate_hz"), Some("25.00"));
            let p50: f64 = find("/camera: grab").value("p50_ms").unwrap().parse()?;
            assert!(p50 < 100.0);
            assert_eq!(node.diagnostics().stages()[0].stage, "grab");
            Outcome::Ok(())
        })
        .unwrap();
    graph.run_lockstep(None).unwrap();
}

#[test]
fn a_handle_stops_the_graph_from_outside() {
    let mut graph = graph();
    let handle = graph.handle();
    graph.add(NodeSpec::new("waits"), until_shutdown).unwrap();
    handle.request_shutdown();
    assert_eq!(
        graph.run_lockstep(None).unwrap().reason,
        ShutdownReason::Requested
    );
}

#[test]
fn nodes_in_namespaces_meet_by_remapping() {
    let mut config = GraphConfig::lockstep();
    config.namespace = "/cell".into();
    config.remaps = vec!["shared:=/all".parse().unwrap()];
    let mut graph = Graph::new(config);
    let seen = Arc::new(std::sync::Mutex::new(String::new()));
    let own = Arc::clone(&seen);
    let spec = NodeSpec::new("arm")
        .namespace("left")
        .remap("a:=b".parse().unwrap());
    graph
        .add(spec, |node| async move {
            let topics = [
                node.resolve("a")?,
                node.resolve("shared")?,
                node.resolve("~/x")?,
            ];
            *own.lock().unwrap() = format!("{} {}", node.name(), topics.join(" "));
            Outcome::Ok(())
        })
        .unwrap();
    graph.run_lockstep(None).unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        "/cell/left/arm /cell/left/b /all /cell/left/arm/x"
    );
}

#[test]
fn a_run_may_begin_at_any_time() {
    let start = Time::from_secs_f64(1.8e9);
    let mut graph = Graph::new(GraphConfig {
        start,
        ..GraphConfig::lockstep()
    });
    graph
        .add(NodeSpec::new("node"), move |node| async move {
            assert_eq!(node.now(), start);
            node.clock().sleep(Duration::from_secs(2)).await;
            assert_eq!(node.now(), start + Duration::from_secs(2));
            Outcome::Ok(())
        })
        .unwrap();
    let report = graph.run_lockstep(Some(Duration::from_secs(3))).unwrap();
    assert!(report.failures.is_empty(), "{report:?}");
    assert_eq!(report.end, start + Duration::from_secs(2));
}
