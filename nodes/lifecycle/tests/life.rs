//! A managed node and those who lead it, in lockstep; the state machine against the numbers of `lifecycle_msgs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails by panicking"
)]

use std::collections::BTreeSet;
use std::error::Error;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{BusError, Graph, GraphConfig, GraphError, Node, NodeSpec, ParameterOverrides, Qos};
use lifecycle::{Machine, Managed, Outcome, PrimaryState, Request, Until, manage};
use msgs::lifecycle_msgs::{
    ChangeState, ChangeStateRequest, GetAvailableStates, GetAvailableStatesRequest,
    GetAvailableTransitions, GetAvailableTransitionsRequest, GetState, GetStateRequest, Transition,
    TransitionEvent,
};

type Failure = Box<dyn Error + Send + Sync>;
type Log = Arc<Mutex<Vec<String>>>;

/// Takes a tenth of a second to come to rest.
struct Wheel {
    node: Node,
    log: Log,
    /// Configurations that still fail.
    failures: usize,
}

#[derive(Debug)]
struct WheelError(String);

impl std::fmt::Display for WheelError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for WheelError {}

impl From<BusError> for WheelError {
    fn from(error: BusError) -> Self {
        Self(error.to_string())
    }
}

impl Wheel {
    fn note(&self, what: &str) {
        let now_s = self.node.now().as_secs_f64();
        self.log.lock().unwrap().push(format!("{now_s:.1} {what}"));
    }
}

impl Managed for Wheel {
    type Error = WheelError;

    fn configure(&mut self) -> Result<(), WheelError> {
        self.note("configure");
        if self.failures > 0 {
            self.failures -= 1;
            return Err(WheelError("no wheel".into()));
        }
        Ok(())
    }

    fn clean_up(&mut self) {
        self.note("clean up");
    }

    async fn active(&mut self, until: &Until) -> Result<(), WheelError> {
        self.note("turns");
        until.reached().await;
        self.note("brakes");
        self.node.clock().sleep(Duration::from_millis(100)).await;
        self.note("stands");
        Ok(())
    }

    async fn at_rest(&mut self, state: PrimaryState) {
        self.note(&state.to_string());
        pending::<()>().await;
    }
}

/// Runs the wheel while a script lasts; what it did.
fn run<F, Run>(autostart: bool, failures: usize, script: F) -> Result<Vec<String>, GraphError>
where
    F: FnOnce(Node) -> Run + Send + 'static,
    Run: Future<Output = Result<(), Failure>> + 'static,
{
    let log = Log::default();
    let mut graph = Graph::new(GraphConfig::lockstep());
    let noted = Arc::clone(&log);
    let autostart = ParameterOverrides::new()
        .set("autostart", &autostart.to_string())
        .unwrap();
    graph.add(
        NodeSpec::new("wheel").owns_robot().parameters(autostart),
        move |node: Node| async move {
            let mut wheel = Wheel {
                node: node.clone(),
                log: noted,
                failures,
            };
            manage(&node, &mut wheel).await
        },
    )?;
    graph.add(NodeSpec::new("script").ends_graph(), script)?;
    graph.run_lockstep(Some(Duration::from_secs(60)))?;
    let log = log.lock().unwrap().clone();
    Ok(log)
}

async fn ask(node: &Node, label: &str, id: u8) -> Result<bool, Failure> {
    let client = node.client::<ChangeState>("/wheel/change_state")?;
    let transition = Transition {
        id,
        label: label.into(),
    };
    let request = ChangeStateRequest { transition };
    Ok(client.call(request).await?.success)
}

async fn state(node: &Node) -> Result<String, Failure> {
    let client = node.client::<GetState>("/wheel/get_state")?;
    let state = client.call(GetStateRequest {}).await?;
    Ok(state.current_state.label)
}

#[test]
fn it_starts_by_itself_and_stops_before_it_is_inactive() {
    let log = run(true, 0, |node| async move {
        node.clock().sleep(Duration::from_secs(1)).await;
        assert_eq!(state(&node).await?, "active");
        assert!(!ask(&node, "configure", 0).await?, "it is already");
        assert!(!ask(&node, "fly", 0).await?);
        let meanwhile = async {
            node.clock().sleep(Duration::from_millis(50)).await;
            let on_the_way = state(&node).await?;
            let again = ask(&node, "deactivate", 0).await?;
            Ok::<_, Failure>((on_the_way, again))
        };
        let (stopped, meanwhile) = tokio::join!(ask(&node, "deactivate", 0), meanwhile);
        assert_eq!(meanwhile?, ("deactivating".into(), false));
        assert!(stopped?);
        assert_eq!(state(&node).await?, "inactive");
        node.clock().sleep(Duration::from_secs(1)).await;
        // By its number, as `ros2 lifecycle set` may ask.
        assert!(ask(&node, "", 3).await?);
        node.clock().sleep(Duration::from_secs(1)).await;
        Ok(())
    });
    assert_eq!(
        log.unwrap(),
        [
            "0.0 configure",
            "0.0 turns",
            "1.0 brakes",
            "1.1 stands",
            "1.1 inactive",
            "2.1 turns",
            "3.1 brakes",
            "3.1 stands",
        ]
        .map(|line| line.replace("3.1 stands", "3.2 stands"))
    );
}

#[test]
fn others_lead_it_through_its_whole_life() {
    let log = run(false, 1, |node| async move {
        let events =
            node.subscribe::<TransitionEvent>("/wheel/transition_event", Qos::reliable(50))?;
        node.clock().sleep(Duration::from_secs(1)).await;
        assert_eq!(state(&node).await?, "unconfigured");
        assert!(!ask(&node, "activate", 0).await?, "not yet");
        assert!(!ask(&node, "configure", 0).await?, "it fails once");
        assert_eq!(state(&node).await?, "unconfigured");
        for (label, result) in [
            ("configure", "inactive"),
            ("activate", "active"),
            ("deactivate", "inactive"),
            ("cleanup", "unconfigured"),
            ("configure", "inactive"),
            ("activate", "active"),
            ("shutdown", "finalized"),
        ] {
            assert!(ask(&node, label, 0).await?, "{label}");
            assert_eq!(state(&node).await?, result);
        }
        for label in ["configure", "activate", "shutdown"] {
            assert!(!ask(&node, label, 0).await?, "{label} after the end");
        }
        let mut numbers = Vec::new();
        let mut at: Option<String> = None;
        while let Some(event) = events.try_next() {
            assert!(event.timestamp >= 1_000_000_000);
            assert!(at.is_none_or(|at| at == event.start_state.label));
            at = Some(event.goal_state.label.clone());
            numbers.push(event.transition.id);
        }
        let expected = [1, 11, 1, 10, 3, 30, 4, 40, 2, 20, 1, 10, 3, 30, 7, 50];
        assert_eq!(numbers, expected);
        Ok(())
    });
    let log = log.unwrap();
    assert_eq!(log.iter().filter(|line| line.contains("turns")).count(), 2);
    assert_eq!(log.iter().filter(|line| line.contains("stands")).count(), 2);
    assert!(log.last().unwrap().contains("finalized"), "{log:?}");
}

#[test]
fn a_node_that_starts_by_itself_and_cannot_ends_with_its_reason() {
    let error = run(true, 1, |node| async move {
        node.shutdown().await;
        Ok(())
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("no wheel"), "{error}");
}

#[test]
fn what_is_possible_is_told() {
    run(true, 0, |node| async move {
        let states = node.client::<GetAvailableStates>("/wheel/get_available_states")?;
        let states = states.call(GetAvailableStatesRequest {}).await?;
        let ids: Vec<u8> = states
            .available_states
            .iter()
            .map(|state| state.id)
            .collect();
        assert_eq!(ids, [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15]);
        let ask = async |service: &str| {
            let client = node.client::<GetAvailableTransitions>(service)?;
            let answer = client.call(GetAvailableTransitionsRequest {}).await?;
            Ok::<_, Failure>(answer.available_transitions)
        };
        let now = ask("/wheel/get_available_transitions").await?;
        let now: Vec<_> = now
            .iter()
            .map(|way| (way.transition.label.as_str(), way.goal_state.label.as_str()))
            .collect();
        let expected = [("deactivate", "deactivating"), ("shutdown", "shuttingdown")];
        assert_eq!(now, expected);
        let all = ask("/wheel/get_transition_graph").await?;
        assert_eq!(all, Machine::transition_graph());
        Ok(())
    })
    .unwrap();
}

#[test]
fn the_graph_of_states_is_whole() {
    let graph = Machine::transition_graph();
    let numbers: BTreeSet<u8> = graph.iter().map(|way| way.transition.id).collect();
    assert_eq!((graph.len(), numbers.len()), (25, 25), "no number twice");
    // From each state every label leads to one place.
    let ways: BTreeSet<_> = graph
        .iter()
        .map(|way| (way.start_state.id, way.transition.label.as_str()))
        .collect();
    assert_eq!(ways.len(), graph.len());
    let mut machine = Machine::new();
    assert_eq!(machine.end(Outcome::Success), None, "nothing has begun");
    assert_eq!(machine.begin(Request::Deactivate), None);
    assert!(machine.begin(Request::Shutdown).is_some());
    assert_eq!(machine.settled(), None);
    assert_eq!(machine.available_transitions().len(), 3);
    machine.end(Outcome::Failure);
    assert_eq!(machine.settled(), Some(PrimaryState::Finalized));
    assert!(machine.available_transitions().is_empty());
}
