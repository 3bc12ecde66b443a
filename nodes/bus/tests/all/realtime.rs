//! Real-time runs: threads, signals, scaled time.

use crate::{Log, Outcome};
use bus::{ClockSource, Graph, GraphConfig, NodeSpec, Qos, ShutdownPhase, ShutdownReason};
use msgs::{
    std_msgs::Int32,
    std_srvs::{Trigger, TriggerRequest, TriggerResponse},
};
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// Signals go to the whole process, so runs in real time go one at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn graph(factor: f64) -> Graph {
    Graph::new(GraphConfig {
        clock: ClockSource::Scaled { factor },
        ..GraphConfig::default()
    })
}

#[test]
fn nodes_on_threads_talk_and_the_robot_stops_first() {
    let _guard = ONE_AT_A_TIME.lock();
    let log = Log::default();
    let mut graph = graph(1.0);
    let own = log.clone();
    graph
        .add(NodeSpec::new("arm").owns_robot(), |node| async move {
            let commands = node.subscribe::<Int32>("command", Qos::reliable(1))?;
            let mut stop = node.serve::<Trigger>("~/stop")?;
            let mut last = 0;
            let served = async {
                while let Some(call) = stop.next().await {
                    call.respond(TriggerResponse::done("stopped"));
                }
            };
            let commanded = async {
                while let Some(command) = commands.next().await {
                    last = command.data;
                }
            };
            tokio::join!(served, commanded);
            assert_eq!(node.shutdown_phase(), ShutdownPhase::StopRobot);
            own.add(format!("arm at rest after {}", last > 0));
            Outcome::Ok(())
        })
        .unwrap();
    let own = log.clone();
    graph
        .add(NodeSpec::new("policy"), |node| async move {
            let commands = node.publisher::<Int32>("command", Qos::reliable(1))?;
            let mut ticks = node.clock().interval(Duration::from_millis(1));
            let mut count = 0;
            loop {
                tokio::select! {
                    biased;
                    () = node.shutdown() => break,
                    _ = ticks.tick() => {
                        count += 1;
                        commands.publish(Int32 { data: count });
                    }
                }
            }
            own.add("policy ends");
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("user").ends_graph(), |node| async move {
            let stop = node.client::<Trigger>("arm/stop")?;
            stop.wait_for_server().await;
            let commands = node.subscribe::<Int32>("command", Qos::reliable(1))?;
            for _ in 0..3 {
                commands.next().await;
            }
            assert!(stop.call(TriggerRequest {}).await?.success);
            Outcome::Ok(())
        })
        .unwrap();
    let report = graph.run_realtime().unwrap();
    assert_eq!(
        report.reason,
        ShutdownReason::NodeDone {
            node: "/user".into()
        }
    );
    assert!(report.unresponsive.is_empty());
    assert_eq!(log.lines(), ["arm at rest after true", "policy ends"]);
}

#[test]
fn scaled_time_runs_by_its_factor() {
    let _guard = ONE_AT_A_TIME.lock();
    let mut graph = graph(100.0);
    graph
        .add(NodeSpec::new("sleeper"), |node| async move {
            // The wall clock is read outside and inside of the node's clock, so that no load can break the test.
            let outer = Instant::now();
            let start = node.now();
            let inner = Instant::now();
            node.clock().sleep(Duration::from_secs(5)).await;
            let inner = inner.elapsed().as_secs_f64();
            let slept = (node.now() - start).as_secs_f64();
            let outer = outer.elapsed().as_secs_f64();
            assert!(slept >= 5.0, "{slept} s");
            assert!(
                slept >= 99.999 * inner && slept <= 100.001 * outer,
                "{inner} {slept} {outer}"
            );
            Outcome::Ok(())
        })
        .unwrap();
    assert_eq!(
        graph.run_realtime().unwrap().reason,
        ShutdownReason::AllDone
    );
}

#[test]
fn sigterm_ends_the_graph_in_order() {
    let _guard = ONE_AT_A_TIME.lock();
    let log = Log::default();
    let mut graph = graph(1.0);
    for (name, robot) in [("policy", false), ("arm", true)] {
        let own = log.clone();
        let spec = NodeSpec::new(name);
        graph
            .add(
                if robot { spec.owns_robot() } else { spec },
                move |node| async move {
                    if robot {
                        // The runner listens for signals before it starts a node.
                        rustix::process::kill_process(
                            rustix::process::getpid(),
                            rustix::process::Signal::TERM,
                        )?;
                    }
                    node.shutdown().await;
                    own.add(name);
                    Outcome::Ok(())
                },
            )
            .unwrap();
    }
    assert_eq!(graph.run_realtime().unwrap().reason, ShutdownReason::Signal);
    assert_eq!(log.lines(), ["arm", "policy"]);
}

#[test]
fn a_panic_on_a_thread_ends_the_graph_and_is_reported() {
    let _guard = ONE_AT_A_TIME.lock();
    let mut graph = graph(1.0);
    graph
        .add(NodeSpec::new("other"), |node| async move {
            node.shutdown().await;
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("bad"), |_| async {
            if true {
                panic!("out of range")
            } else {
                Outcome::Ok(())
            }
        })
        .unwrap();
    let error = graph.run_realtime().unwrap_err();
    assert!(
        error.to_string().contains("node /bad panicked")
            && error.to_string().contains("out of range"),
        "{error}"
    );
}

#[test]
fn nodes_that_do_not_end_are_bounded() {
    let _guard = ONE_AT_A_TIME.lock();
    let mut graph = graph(50.0);
    graph
        .add(NodeSpec::new("deaf"), |_| async {
            std::future::pending::<()>().await;
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("main").ends_graph(), |_| async {
            Outcome::Ok(())
        })
        .unwrap();
    let started = Instant::now();
    let report = graph.run_realtime().unwrap();
    assert_eq!(report.unresponsive, ["/deaf"]);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_publisher_never_waits_for_a_reader() {
    let _guard = ONE_AT_A_TIME.lock();
    let mut graph = graph(1.0);
    graph
        .add(NodeSpec::new("stuck"), |node| async move {
            let numbers = node.subscribe::<Int32>("numbers", Qos::reliable(2))?;
            // Reads nothing until the end.
            node.shutdown().await;
            assert_eq!(numbers.dropped(), 99_998);
            assert_eq!(numbers.try_next().map(|message| message.data), Some(99_998));
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("fast").ends_graph(), |node| async move {
            let numbers = node.publisher::<Int32>("numbers", Qos::reliable(2))?;
            while numbers.subscriber_count() == 0 {
                node.clock().sleep(Duration::from_millis(1)).await;
            }
            (0..100_000).for_each(|data| numbers.publish(Int32 { data }));
            Outcome::Ok(())
        })
        .unwrap();
    graph.run_realtime().unwrap();
}
