//! The node among other nodes: what it asks of them, and that none of them can hold it up.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may fail, its helpers included"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Qos};
use msgs::diagnostic_msgs::DiagnosticStatus;
use msgs::geometry_msgs::PointStamped;
use msgs::sensor_msgs::JointState;
use msgs::std_srvs::{Trigger, TriggerRequest, TriggerResponse};
use msgs::visualization_msgs::Marker;
use robot::ur5;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Log = Arc<Mutex<Vec<String>>>;

/// Serves one service and notes each call; never answers where it hangs.
async fn other_node(node: Node, service: &str, hangs: bool, log: Log) -> Result<(), Failure> {
    let mut server = node.serve::<Trigger>(service)?;
    let mut kept = Vec::new();
    while let Some(call) = server.next().await {
        log.lock().unwrap().push(service.to_owned());
        if hangs {
            kept.push(call);
        } else {
            call.respond(TriggerResponse::done("done"));
        }
    }
    Ok(())
}

/// A supervisor among drivers and a policy of which the one that serves `hanging` never answers.
fn run<F, W>(hanging: &'static str, user: F) -> Vec<String>
where
    F: FnOnce(Node) -> W + Send + 'static,
    W: Future<Output = Result<(), Failure>> + Send + 'static,
{
    run_with(ParameterOverrides::new(), hanging, user)
}

/// The same with parameters for the supervisor.
fn run_with<F, W>(parameters: ParameterOverrides, hanging: &'static str, user: F) -> Vec<String>
where
    F: FnOnce(Node) -> W + Send + 'static,
    W: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let log = Log::default();
    let mut graph = Graph::new(GraphConfig::lockstep());
    let spec = NodeSpec::new("supervisor").parameters(parameters);
    graph.add(spec, supervisor::run).unwrap();
    for service in [
        "arm/stop",
        "arm/reset",
        "hand/stop",
        "hand/reset",
        "policy/start",
        "policy/stop",
    ] {
        let log = Arc::clone(&log);
        graph
            .add(NodeSpec::new(service.replace('/', "_")), move |node| {
                other_node(node, service, service == hanging, log)
            })
            .unwrap();
    }
    graph.add(NodeSpec::new("user").ends_graph(), user).unwrap();
    graph.run_lockstep(Some(Duration::from_secs(60))).unwrap();
    Arc::try_unwrap(log).unwrap().into_inner().unwrap()
}

/// The answer to a request, and how long it took.
async fn ask(node: &Node, request: &str) -> Result<(TriggerResponse, Duration), Failure> {
    let client = node.client::<Trigger>(&format!("supervisor/{request}"))?;
    client.wait_for_server().await;
    let start = node.now();
    let answer = client.call(TriggerRequest {}).await?;
    Ok((answer, node.now().saturating_since(start)))
}

#[test]
fn an_emergency_stop_gets_through_while_a_driver_takes_its_time() {
    let log = run("arm/reset", |node| async move {
        let slow = node.client::<Trigger>("supervisor/reset")?;
        slow.wait_for_server().await;
        let reset = slow.call(TriggerRequest {});
        let estop = async {
            node.clock().sleep(Duration::from_secs(1)).await;
            ask(&node, "estop").await
        };
        let (reset, estop) = tokio::join!(reset, estop);
        let (answer, took) = estop?;
        assert!(answer.success, "{}", answer.message);
        assert!(took <= Duration::from_millis(100), "{took:?}");
        // Who waits for the reset learns what became of it.
        assert!(reset?.message.contains("estopped"));
        node.clock().sleep(Duration::from_millis(100)).await;
        Ok(())
    });
    for service in ["arm/stop", "hand/stop", "policy/stop"] {
        assert!(
            log.iter().any(|called| called == service),
            "{service} in {log:?}"
        );
    }
}

#[test]
fn an_emergency_stop_reaches_the_hand_when_the_arm_does_not_answer() {
    let log = run("arm/stop", |node| async move {
        ask(&node, "estop").await?;
        node.clock().sleep(Duration::from_millis(100)).await;
        Ok(())
    });
    assert!(log.contains(&"hand/stop".to_owned()), "{log:?}");
    assert!(log.contains(&"policy/stop".to_owned()), "{log:?}");
}

#[test]
fn a_driver_that_never_answers_does_not_keep_the_user_waiting_for_ever() {
    run("hand/reset", |node| async move {
        let (answer, took) = ask(&node, "reset").await?;
        assert!(answer.success);
        assert!(took < Duration::from_secs(30), "{took:?}");
        Ok(())
    });
}

#[test]
fn a_reset_is_answered_when_both_drivers_are_reset() {
    let log = run("", |node| async move {
        let (answer, _) = ask(&node, "reset").await?;
        assert!(answer.success);
        Ok(())
    });
    assert!(
        log.contains(&"arm/reset".to_owned()) && log.contains(&"hand/reset".to_owned()),
        "{log:?}"
    );
}

#[test]
fn a_grasp_waits_for_both_drivers() {
    let log = run("", |node| async move {
        let arm = node.publisher("arm/status", Qos::reliable(2))?;
        let hand = node.publisher("hand/status", Qos::reliable(2))?;
        let joints = node.publisher("joint_states", Qos::reliable(2))?;
        let tracker = node.publisher("segmentation/status", Qos::reliable(2))?;
        let boxes = node.publisher("target/box", Qos::reliable(2))?;
        let report = |message: &str| DiagnosticStatus {
            message: message.to_owned(),
            ..DiagnosticStatus::default()
        };
        let tell = async |hand_is: &str| {
            joints.publish(JointState {
                name: ur5::JOINTS.map(str::to_owned).to_vec(),
                position: ur5::RESET_POSE.to_vec(),
                ..JointState::default()
            });
            arm.publish(report("ready"));
            hand.publish(report(hand_is));
            tracker.publish(report("tracking"));
            boxes.publish(Marker::default());
            node.clock().sleep(Duration::from_millis(100)).await;
        };
        tell("disconnected").await;
        let (refused, _) = ask(&node, "start").await?;
        assert!(!refused.success);
        assert!(
            refused.message.contains("the hand driver is disconnected"),
            "{}",
            refused.message
        );
        tell("ready").await;
        let (started, _) = ask(&node, "start").await?;
        assert!(started.success, "{}", started.message);
        Ok(())
    });
    assert_eq!(log.first().map(String::as_str), Some("policy/start"));
}

#[test]
fn with_confirm_the_robot_waits_for_a_person_who_has_seen_the_mask() {
    let parameters = ParameterOverrides::new().set("confirm", "true").unwrap();
    let log = run_with(parameters, "", |node| async move {
        let arm = node.publisher("arm/status", Qos::reliable(2))?;
        let hand = node.publisher("hand/status", Qos::reliable(2))?;
        let joints = node.publisher("joint_states", Qos::reliable(2))?;
        let tracker = node.publisher("segmentation/status", Qos::reliable(2))?;
        let boxes = node.publisher("target/box", Qos::reliable(2))?;
        let clicks = node.publisher("camera/color/image_raw/mouse_click", Qos::reliable(10))?;
        let states = node.subscribe::<DiagnosticStatus>("supervisor/state", Qos::latched())?;
        let report = |message: &str| DiagnosticStatus {
            message: message.to_owned(),
            ..DiagnosticStatus::default()
        };
        let frame = async || {
            joints.publish(JointState {
                name: ur5::JOINTS.map(str::to_owned).to_vec(),
                position: ur5::RESET_POSE.to_vec(),
                ..JointState::default()
            });
            arm.publish(report("ready"));
            hand.publish(report("ready"));
            tracker.publish(report("tracking"));
            boxes.publish(Marker::default());
            node.clock().sleep(Duration::from_millis(100)).await;
        };
        let refused = async |request: &str, why: &str| {
            let (answer, _) = ask(&node, request).await?;
            assert!(!answer.success, "{request}: {}", answer.message);
            assert!(answer.message.contains(why), "{}", answer.message);
            Ok::<_, Failure>(())
        };
        let needed = || {
            let state = states.latest();
            state.map(|state| state.value("confirm").unwrap_or_default().to_owned())
        };
        clicks.publish(PointStamped::default());
        frame().await;
        assert_eq!(needed().as_deref(), Some("needed"));
        refused("start", "supervisor/confirm").await?;
        refused("confirm", "not there yet").await?;
        frame().await;
        frame().await;
        let (confirmed, _) = ask(&node, "confirm").await?;
        assert!(confirmed.success, "{}", confirmed.message);
        assert_eq!(needed().as_deref(), Some("not needed"));
        // Another click undoes it.
        clicks.publish(PointStamped::default());
        frame().await;
        assert_eq!(needed().as_deref(), Some("needed"));
        refused("start", "supervisor/confirm").await?;
        frame().await;
        frame().await;
        ask(&node, "confirm").await?;
        let (started, _) = ask(&node, "start").await?;
        assert!(started.success, "{}", started.message);
        Ok(())
    });
    assert_eq!(log.first().map(String::as_str), Some("policy/start"));
}
