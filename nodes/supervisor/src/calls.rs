//! What the supervisor asks of other nodes, one call after the other, without ever waiting in its own loop: an emergency
//! stop must get through while a driver takes its time.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use bus::{BusError, Client, Node};
use msgs::std_srvs::{Trigger, TriggerRequest};

/// How long another node may take to answer: an arm that is powered up and released takes about ten seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// A call under way; ends with why it failed, for a person.
type Errand = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What can be asked of the other nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// The policy is to start.
    StartPolicy,
    /// The policy is to stop.
    StopPolicy,
    /// Drivers and policy are to stop, all at the same time.
    StopAll,
    /// Both drivers are to take commands again.
    ResetDrivers,
}

/// The clients, and the call under way.
pub(crate) struct Calls {
    node: Node,
    start_policy: Client<Trigger>,
    stop_policy: Client<Trigger>,
    stop_drivers: [Client<Trigger>; 2],
    reset_drivers: [Client<Trigger>; 2],
    under_way: Option<(Call, Errand)>,
}

impl Calls {
    pub(crate) fn new(node: &Node) -> Result<Self, BusError> {
        let client = |name: &str| node.client::<Trigger>(name);
        Ok(Self {
            start_policy: client("policy/start")?,
            stop_policy: client("policy/stop")?,
            stop_drivers: [client("arm/stop")?, client("hand/stop")?],
            reset_drivers: [client("arm/reset")?, client("hand/reset")?],
            under_way: None,
            node: node.clone(),
        })
    }

    /// Whether a call is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    /// No longer waits for the call under way.
    pub(crate) fn abandon(&mut self) {
        self.under_way = None;
    }

    /// Begins a call, when none is under way.
    pub(crate) fn begin(&mut self, call: Call) {
        let node = self.node.clone();
        let one = |client: &Client<Trigger>| trigger(node.clone(), client.clone());
        let errand: Errand = match call {
            Call::StartPolicy => Box::pin(one(&self.start_policy)),
            Call::StopPolicy => Box::pin(one(&self.stop_policy)),
            Call::StopAll => {
                let [arm, hand] = self.stop_drivers.each_ref().map(one);
                Box::pin(both(both(arm, hand), one(&self.stop_policy)))
            }
            Call::ResetDrivers => {
                let [arm, hand] = self.reset_drivers.each_ref().map(one);
                Box::pin(both(arm, hand))
            }
        };
        self.under_way = Some((call, errand));
    }

    /// Waits for the call under way, for ever if there is none. Safe to cancel.
    pub(crate) async fn finished(&mut self) -> (Call, Result<(), String>) {
        let Some((call, errand)) = &mut self.under_way else {
            return pending().await;
        };
        let (call, result) = (*call, errand.await);
        self.under_way = None;
        (call, result)
    }
}

/// Both calls at the same time; the first complaint.
async fn both(
    one: impl Future<Output = Result<(), String>>,
    other: impl Future<Output = Result<(), String>>,
) -> Result<(), String> {
    let (one, other) = tokio::join!(one, other);
    one.and(other)
}

async fn trigger(node: Node, client: Client<Trigger>) -> Result<(), String> {
    let answer = tokio::select! {
        biased;
        answer = client.call(TriggerRequest {}) => answer,
        () = node.clock().sleep(PATIENCE) => {
            let name = client.name();
            return Err(format!("{name} has not answered for {} s; does its node hang?", PATIENCE.as_secs()));
        }
    };
    match answer {
        Ok(response) if response.success => Ok(()),
        Ok(response) => Err(response.message),
        Err(error) => Err(error.to_string()),
    }
}
