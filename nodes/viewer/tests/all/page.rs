//! What the page's server answers, with a stand-in for the rest of the graph.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{Graph, GraphConfig, Node, NodeSpec, Qos};
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};
use msgs::geometry_msgs::PointStamped;
use msgs::std_srvs::{Trigger, TriggerResponse};

use crate::http::{Live, hold_recording, send};
use crate::running::{Running, Shared, add_viewer, wait_for};

const PATIENCE: Duration = Duration::from_secs(10);

/// What the stand-in heard, and the state that it is in.
#[derive(Default)]
pub(crate) struct Heard {
    pixels: Vec<PointStamped>,
    points: Vec<PointStamped>,
    pub(crate) calls: Vec<&'static str>,
    state: String,
}

/// Stands in for segmentation and supervisor.
async fn stand_in(
    node: Node,
    heard: Shared<Heard>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let pixels =
        node.subscribe::<PointStamped>("camera/color/image_raw/mouse_click", Qos::reliable(10))?;
    let points = node.subscribe::<PointStamped>("clicked_point", Qos::reliable(10))?;
    let state = node.publisher::<DiagnosticStatus>("supervisor/state", Qos::latched())?;
    let mut stop = node.serve::<Trigger>("supervisor/stop")?;
    let mut start = node.serve::<Trigger>("supervisor/start")?;
    let mut ticks = node.clock().interval(Duration::from_millis(10));
    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            Some(call) = stop.next() => {
                heard.lock().unwrap().calls.push("stop");
                call.respond(TriggerResponse::done("stopped"));
            }
            Some(call) = start.next() => {
                heard.lock().unwrap().calls.push("start");
                call.respond(TriggerResponse::refused("point at an object first"));
            }
            Some(pixel) = pixels.next() => heard.lock().unwrap().pixels.push((*pixel).clone()),
            Some(point) = points.next() => heard.lock().unwrap().points.push((*point).clone()),
            _ = ticks.tick() => {
                let message = heard.lock().unwrap().state.clone();
                state.publish(DiagnosticStatus {
                    message,
                    values: vec![KeyValue::new("reason", "because")],
                    ..DiagnosticStatus::default()
                });
            }
        }
    }
}

pub(crate) fn start(state: &str, more: &[(&str, &str)]) -> (Running, u16, Shared<Heard>) {
    let heard = Arc::new(Mutex::new(Heard {
        state: state.to_owned(),
        ..Heard::default()
    }));
    let mut graph = Graph::new(GraphConfig::default());
    let port = add_viewer(&mut graph, more);
    let shared = Arc::clone(&heard);
    graph
        .add(NodeSpec::new("stand_in"), move |node| {
            stand_in(node, shared)
        })
        .unwrap();
    let running = Running::start(graph);
    wait_for("the page", PATIENCE, || {
        std::net::TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port)).ok()
    });
    (running, port, heard)
}

#[test]
fn the_page_is_served_and_keeps_to_itself() {
    let (_running, port, _) = start("idle", &[]);
    let page = send(port, "GET /", &[], "");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<title>grasp_anything</title>"));
    assert!(
        page.headers.contains("connect-src 'self'"),
        "{}",
        page.headers
    );
    assert!(page.headers.contains("frame-ancestors 'none'"));
    assert_eq!(send(port, "GET /page.js", &[], "").status, 200);
    let viewer = send(port, "GET /rerun/re_viewer.js", &[], "");
    assert!(viewer.body.contains("WebHandle"));
    assert_eq!(send(port, "GET /etc/passwd", &[], "").status, 404);
}

#[test]
fn clicks_go_out_once_on_the_topic_of_their_kind() {
    let (_running, port, heard) = start("idle", &[]);
    let mut live = Live::open(port);
    live.wait(|status| status["state"] == "idle");
    let pixel = send(
        port,
        "POST /click",
        &[],
        r#"{"view": "camera", "pixel": [12.5, 40]}"#,
    );
    assert!(pixel.body.contains(r#""ok":true"#), "{}", pixel.body);
    send(
        port,
        "POST /click",
        &[],
        r#"{"view": "camera", "pixel": [1, 2], "beside": true}"#,
    );
    send(
        port,
        "POST /click",
        &[],
        r#"{"view": "scene", "point": [0.25, 0.5, 0.0625]}"#,
    );
    wait_for("the clicks", PATIENCE, || {
        let heard = heard.lock().unwrap();
        (heard.pixels.len() == 2 && heard.points.len() == 1).then_some(())
    });
    let heard = heard.lock().unwrap();
    let numbers = |at: &PointStamped| [at.point.x, at.point.y, at.point.z];
    assert_eq!(numbers(&heard.pixels[0]), [12.5, 40.0, 0.0]);
    assert_eq!(numbers(&heard.pixels[1]), [1.0, 2.0, 1.0]);
    assert_eq!(numbers(&heard.points[0]), [0.25, 0.5, 0.0625]);
    assert_eq!(heard.points[0].header.frame_id, "base_link");
}

#[test]
fn what_is_no_click_is_refused() {
    let (_running, port, heard) = start("idle", &[]);
    for body in [
        "",
        "null",
        r#"{"view": "camera", "pixel": [1e999, 2]}"#,
        r#"{"view": "moon"}"#,
    ] {
        let answer = send(port, "POST /click", &[], body);
        assert!((400..500).contains(&answer.status), "{body}: {answer:?}");
    }
    assert_eq!(send(port, "POST /call/dance", &[], "").status, 404);
    assert!(heard.lock().unwrap().pixels.is_empty());
}

#[test]
fn no_click_is_taken_while_the_robot_moves() {
    let (_running, port, heard) = start("approaching", &[]);
    let status = Live::open(port).wait(|status| status["moving"] == true);
    assert_eq!(status["words"], "the hand moves to the object");
    let answer = send(
        port,
        "POST /click",
        &[],
        r#"{"view": "camera", "pixel": [1, 2]}"#,
    );
    assert!(answer.body.contains(r#""ok":false"#), "{}", answer.body);
    assert!(heard.lock().unwrap().pixels.is_empty());
}

#[test]
fn buttons_call_the_supervisor_and_tell_its_answer() {
    let (_running, port, heard) = start("idle", &[]);
    let stop = send(port, "POST /call/stop", &[], "");
    assert_eq!(stop.body, r#"{"ok":true,"message":"stopped"}"#);
    let start = send(port, "POST /call/start", &[], "");
    assert_eq!(
        start.body,
        r#"{"ok":false,"message":"point at an object first"}"#
    );
    let home = send(port, "POST /call/home", &[], "");
    assert!(home.body.contains(r#""ok":false"#), "{}", home.body);
    assert_eq!(heard.lock().unwrap().calls, ["stop", "start"]);
}

#[test]
fn stop_gets_through_with_many_pages_open() {
    let (_running, port, heard) = start("approaching", &[]);
    // Eight pages, that all draw.
    let mut pages: Vec<_> = (0..8)
        .map(|_| (Live::open(port), hold_recording(port)))
        .collect();
    for (page, _) in &mut pages {
        page.wait(|status| status["moving"] == true);
        page.say(r#"{"seen": 1.5}"#);
        page.say("nonsense");
    }
    let (last, _) = pages.last_mut().unwrap();
    last.say(r#""stop""#);
    let answer = last.wait(|told| told.get("ok").is_some());
    assert_eq!(answer["message"], "stopped");
    assert_eq!(heard.lock().unwrap().calls, ["stop"]);
    let other = send(port, "POST /call/stop", &[], "");
    assert!(other.body.contains("stopped"), "{}", other.body);
}

#[test]
fn others_are_kept_out() {
    let (_running, port, heard) = start("idle", &[]);
    let evil = ["Origin: http://evil.example"];
    assert_eq!(send(port, "POST /call/start", &evil, "").status, 403);
    let renamed = [format!("Host: evil.example:{port}")];
    let renamed = renamed.each_ref().map(String::as_str);
    assert_eq!(send(port, "POST /call/start", &renamed, "").status, 403);
    assert_eq!(send(port, "GET /live", &renamed, "").status, 403);
    let refused = Live::ask(port, "http://evil.example").err();
    assert_eq!(refused, Some(403));
    let neighbour = Live::ask(port, "http://localhost:1").err();
    assert_eq!(neighbour, Some(403));
    let writes = "POST /rerun.sdk_comms.v1alpha1.MessageProxyService/WriteMessages";
    assert_eq!(send(port, writes, &[], "").status, 404);
    assert!(heard.lock().unwrap().calls.is_empty());
}

#[test]
fn the_token_opens_the_page() {
    let token = "correct-horse-battery";
    let (_running, port, _) = start("idle", &[("token", token)]);
    assert_eq!(send(port, "GET /", &[], "").status, 403);
    assert_eq!(
        send(port, "GET /?token=wrong-horse-battery", &[], "").status,
        403
    );
    let first = send(port, &format!("GET /?token={token}"), &[], "");
    assert_eq!(first.status, 303);
    assert!(
        first.headers.contains("samesite=strict"),
        "{}",
        first.headers
    );
    let cookie = format!("Cookie: grasp_anything_token={token}");
    assert_eq!(send(port, "GET /", &[&cookie], "").status, 200);
}

#[test]
fn the_end_of_the_node_ends_the_line() {
    let (running, port, _) = start("holding", &[]);
    let mut live = Live::open(port);
    live.wait(|status| status["state"] == "holding");
    running.end();
    for _ in 0..50 {
        if live.next().is_none() {
            return;
        }
    }
    panic!("the line outlives the node");
}

#[test]
fn the_network_is_not_served_without_a_token() {
    let mut graph = Graph::new(GraphConfig::default());
    add_viewer(&mut graph, &[("address", "0.0.0.0")]);
    let report = graph.run_realtime();
    let told = format!("{report:?}");
    assert!(told.contains("NoToken"), "{told}");
}
