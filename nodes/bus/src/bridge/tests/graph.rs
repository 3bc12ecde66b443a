//! Whole graphs in real time on the network in memory.

use super::network::Network;
use crate::{
    ClockSource, Graph, GraphConfig, GraphError, Node, NodeSpec, ParameterOverrides, ParameterSpec,
    Qos, ServiceError, ShutdownReason, Time,
    bridge::{Handler, Outside, Reply},
    lock,
};
use futures::{FutureExt as _, executor::block_on};
use msgs::{
    Message, Service, cdr,
    geometry_msgs::{Transform, TransformStamped, Vector3},
    rcl_interfaces::{
        GetParameters, GetParametersRequest, Parameter, ParameterType, ParameterValue,
        SetParameters, SetParametersRequest,
    },
    rosgraph_msgs,
    std_msgs::Header,
    std_srvs::{Trigger, TriggerRequest, TriggerResponse},
    tf2_msgs::TFMessage,
};
use std::{
    error::Error,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

fn graph(network: &Network) -> Graph {
    Graph::bridged(GraphConfig::default(), Arc::new(network.clone()))
}

/// Calls a service of the network as another process does.
fn call<S: Service>(network: &Network, service: &str, request: &S::Request) -> S::Response {
    let client = network.client("", service, S::TYPE_NAME).unwrap();
    block_on(client.served());
    let response = block_on(client.call(cdr::to_vec(request).unwrap())).unwrap();
    cdr::from_slice(&response).unwrap()
}

#[test]
fn services_and_parameters_are_there_for_other_processes() {
    let network = Network::default();
    let mut graph = graph(&network);
    let spec = NodeSpec::new("arm").namespace("cell");
    graph
        .add(spec, |node: Node| async move {
            let rate = ParameterSpec::new("rate_hz", 7.5).range(1.0..=50.0);
            node.parameter(rate)?;
            let mut stop = node.serve::<Trigger>("~/stop")?;
            if let Some(call) = stop.next().await {
                call.respond(TriggerResponse::done("stopped"));
            }
            node.request_shutdown();
            Outcome::Ok(())
        })
        .unwrap();
    assert_eq!(network.nodes(), ["/cell/arm"]);
    let running = thread::spawn(|| graph.run_realtime().unwrap());
    // The service comes after the parameters.
    let client = network
        .client("", "/cell/arm/stop", Trigger::TYPE_NAME)
        .unwrap();
    block_on(client.served());
    let names = vec!["rate_hz".into(), "use_sim_time".into(), "none".into()];
    let request = GetParametersRequest { names };
    let got = call::<GetParameters>(&network, "/cell/arm/get_parameters", &request);
    assert_eq!(got.values[0].double_value, 7.5);
    assert_eq!((got.values[1].r#type, got.values[1].bool_value), (1, false));
    assert_eq!(got.values[2].r#type, 0);
    let nothing = SetParametersRequest::default();
    let set = call::<SetParameters>(&network, "/cell/arm/set_parameters", &nothing);
    assert!(set.results.is_empty());
    let stopped = call::<Trigger>(&network, "/cell/arm/stop", &TriggerRequest {});
    assert_eq!(stopped, TriggerResponse::done("stopped"));
    assert_eq!(running.join().unwrap().reason, ShutdownReason::Requested);
}

#[test]
fn secrets_stay_in_the_process() {
    let network = Network::default();
    let mut graph = graph(&network);
    let parameters = ParameterOverrides::new()
        .set("token", "correct-horse-battery")
        .unwrap();
    let spec = NodeSpec::new("page").parameters(parameters);
    graph
        .add(spec, |node: Node| async move {
            let token = node.parameter(ParameterSpec::<String>::new("token", "").secret())?;
            assert_eq!(token.get(), "correct-horse-battery");
            let listed = format!("{:?}", node.declared_parameters());
            assert!(!listed.contains("horse"), "{listed}");
            let mut done = node.serve::<Trigger>("~/done")?;
            if let Some(call) = done.next().await {
                call.respond(TriggerResponse::done(""));
            }
            node.request_shutdown();
            Outcome::Ok(())
        })
        .unwrap();
    let running = thread::spawn(|| graph.run_realtime().unwrap());
    let done = network
        .client("", "/page/done", Trigger::TYPE_NAME)
        .unwrap();
    block_on(done.served());
    let names = vec!["token".to_owned()];
    let request = GetParametersRequest { names };
    let got = call::<GetParameters>(&network, "/page/get_parameters", &request);
    assert_eq!(got.values[0].string_value, "(secret)");
    let guess = |text: &str| Parameter {
        name: "token".into(),
        value: ParameterValue {
            r#type: ParameterType::STRING,
            string_value: text.into(),
            ..ParameterValue::default()
        },
    };
    let parameters = vec![guess("correct-horse-battery"), guess("wrong")];
    let request = SetParametersRequest { parameters };
    let set = call::<SetParameters>(&network, "/page/set_parameters", &request);
    let told: Vec<_> = set
        .results
        .iter()
        .map(|result| (result.successful, result.reason.split("-p").next()))
        .collect();
    assert_eq!(told[0], told[1], "the right one looks like a wrong one");
    call::<Trigger>(&network, "/page/done", &TriggerRequest {});
    assert!(running.join().unwrap().failures.is_empty());
}

#[test]
fn a_client_finds_the_server_in_another_process() {
    let network = Network::default();
    let mut serving = graph(&network);
    serving
        .add(NodeSpec::new("server"), |node: Node| async move {
            let mut service = node.serve::<Trigger>("/service")?;
            if let Some(call) = service.next().await {
                call.respond(TriggerResponse::refused("not now"));
            }
            Outcome::Ok(())
        })
        .unwrap();
    let mut calling = graph(&network);
    calling
        .add(NodeSpec::new("caller"), |node: Node| async move {
            let client = node.client::<Trigger>("/service")?;
            client.wait_for_server().await;
            let answer = client.call(TriggerRequest {}).await?;
            assert_eq!(answer, TriggerResponse::refused("not now"));
            Outcome::Ok(())
        })
        .unwrap();
    let serving = thread::spawn(|| serving.run_realtime().unwrap());
    assert!(calling.run_realtime().unwrap().failures.is_empty());
    assert!(serving.join().unwrap().failures.is_empty());
}

#[test]
fn a_server_outside_that_keeps_silent_or_goes_away_is_an_error() {
    let network = Network::default();
    let kept = Arc::<Mutex<Vec<Reply>>>::default();
    let keep = Arc::clone(&kept);
    let silent: Handler = Arc::new(move |_, reply| lock(&keep).push(reply));
    let served = network
        .serve("", "/service", Trigger::TYPE_NAME, silent)
        .unwrap();
    let mut graph = graph(&network);
    graph
        .add(NodeSpec::new("caller"), |node: Node| async move {
            let client = node.client::<Trigger>("/service")?;
            let patience = Duration::from_millis(20);
            let error = client.call_within(patience, TriggerRequest {}).await;
            let error = error.unwrap_err();
            assert!(matches!(error, ServiceError::NoAnswer { .. }), "{error}");
            assert!(error.to_string().contains("for 0.02 s"), "{error}");
            drop(served);
            assert!(!client.is_served());
            let error = client.call(TriggerRequest {}).await.unwrap_err();
            assert!(matches!(error, ServiceError::NoServer { .. }), "{error}");
            Outcome::Ok(())
        })
        .unwrap();
    let report = graph.run_realtime().unwrap();
    assert!(report.failures.is_empty(), "{report:?}");
    assert_eq!(lock(&kept).len(), 1);
}

fn transform(parent: &str, child: &str, x: f64) -> TransformStamped {
    TransformStamped {
        header: Header::new(Time::from_nanos(5), parent),
        child_frame_id: child.into(),
        transform: Transform {
            translation: Vector3 { x, y: 0.0, z: 0.0 },
            ..Transform::default()
        },
    }
}

#[test]
fn transforms_go_both_ways() {
    let network = Network::default();
    let fixed = Qos::latched();
    let theirs = network
        .publisher("", "/tf_static", TFMessage::TYPE_NAME, fixed)
        .unwrap();
    let transforms = vec![transform("world", "base_link", 2.0)];
    let message = TFMessage { transforms };
    theirs.send(&cdr::to_vec(&message).unwrap()).unwrap();
    let (heard, _guard) = network.listen("/tf_static", TFMessage::TYPE_NAME, fixed);

    let mut graph = graph(&network);
    graph
        .add(NodeSpec::new("tester"), |node: Node| async move {
            node.broadcast_static(transform("base_link", "camera", 1.0))?;
            let patience = Duration::from_secs(20);
            let now = node.now();
            let world_from_camera = node
                .tf()
                .wait("world", "camera", now, node.clock(), patience)
                .await?;
            assert_eq!(world_from_camera.translation.x, 3.0);
            Outcome::Ok(())
        })
        .unwrap();
    assert!(graph.run_realtime().unwrap().failures.is_empty());
    let heard = crate::lock(&heard);
    let frames: Vec<String> = heard
        .iter()
        .map(|bytes| cdr::from_slice::<TFMessage>(bytes).unwrap())
        .map(|message| message.transforms[0].child_frame_id.clone())
        .collect();
    assert_eq!(frames, ["base_link", "camera"]);
}

#[test]
fn time_follows_the_clock_topic() {
    let network = Network::default();
    let clock = network
        .publisher(
            "",
            "/clock",
            rosgraph_msgs::Clock::TYPE_NAME,
            Qos::reliable(1),
        )
        .unwrap();
    let config = GraphConfig {
        clock: ClockSource::Followed,
        parameters: ParameterOverrides::new()
            .set("use_sim_time", "true")
            .unwrap(),
        ..GraphConfig::default()
    };
    let spec = NodeSpec::new("sleeper");
    assert!(spec.uses_sim_time(&config).unwrap());
    let mut graph = Graph::bridged(config, Arc::new(network.clone()));
    graph
        .add(spec, move |node: Node| async move {
            let hour = Duration::from_secs(3600);
            let sleeping = node.clock().sleep(hour).fuse();
            tokio::pin!(sleeping);
            assert!(futures::poll!(&mut sleeping).is_pending());
            // Until the way in is open.
            while clock.reader_count() == 0 {
                tokio::task::yield_now().await;
            }
            let time = msgs::builtin_interfaces::Time {
                sec: 3600,
                nanosec: 7,
            };
            let message = rosgraph_msgs::Clock { clock: time };
            clock.send(&cdr::to_vec(&message)?)?;
            sleeping.await;
            assert_eq!(node.now(), Time::from(time));
            Outcome::Ok(())
        })
        .unwrap();
    assert!(graph.run_realtime().unwrap().failures.is_empty());
}

#[test]
fn what_is_given_to_all_nodes_may_be_for_those_of_other_processes() {
    let config = GraphConfig {
        parameters: ParameterOverrides::new().set("elsewhere", "1").unwrap(),
        ..GraphConfig::default()
    };
    let network = Network::default();
    let mut graph = Graph::bridged(config, Arc::new(network));
    graph
        .add(NodeSpec::new("a"), |node: Node| async move {
            node.clock().sleep(Duration::from_millis(1)).await;
            Outcome::Ok(())
        })
        .unwrap();
    assert!(graph.run_realtime().unwrap().failures.is_empty());
}

#[test]
fn one_process_has_one_clock() {
    let network = Network::default();
    let mut graph = graph(&network);
    let parameters = ParameterOverrides::new()
        .set("use_sim_time", "true")
        .unwrap();
    let spec = NodeSpec::new("a").parameters(parameters);
    let added = graph.add(spec, |_: Node| async { Outcome::Ok(()) });
    assert!(matches!(added, Err(GraphError::MixedClocks { .. })));

    let config = GraphConfig {
        clock: ClockSource::Followed,
        ..GraphConfig::default()
    };
    let alone = Graph::new(config).run_realtime();
    assert!(matches!(alone, Err(GraphError::WrongClock { .. })));
}
