//! Carries topics and services between the bus of this process and the outside.
//!
//! Within the process, messages go by reference as ever. The bridge adds, for every publisher on the bus, one outside,
//! and encodes a message only when somebody outside is there to read it (a latched one always: readers may come later).
//! For every topic that a node subscribes to, it subscribes outside, once for all nodes that ask for the same
//! reliability and durability. Where this process publishes the topic too, it does so only while somebody else does as
//! well; what then comes back of its own is left out.

mod echo;
mod outside;
mod parameters;
mod system;
#[cfg(test)]
mod tests;

pub use outside::{Guard, Handler, Outlet, Outside, OutsideClient, OutsideError, Reply, Sink};

use crate::{NodeName, Qos, error::BusError, lock};
use echo::Echoes;
use msgs::cdr::CdrError;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How often the bridge looks who publishes outside.
pub(crate) const REVIEW_PERIOD: Duration = Duration::from_millis(100);

/// Messages that wait for a subscription outside, at least: bursts are for the nodes' own queues to cut.
const MIN_DEPTH: usize = 10;

/// One process's connection to the outside.
pub(crate) struct Bridge {
    outside: Arc<dyn Outside>,
    ports: Mutex<BTreeMap<String, Arc<Port>>>,
    /// Full names of the nodes, in the order in which they came.
    nodes: Mutex<Vec<String>>,
    /// What is served for as long as the bridge lives.
    kept: Mutex<Vec<Guard>>,
}

impl fmt::Debug for Bridge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Bridge")
            .field("outside", &self.outside)
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}

/// What the bridge has on one topic.
#[derive(Debug, Default)]
struct Port {
    state: Mutex<PortState>,
    echoes: Mutex<Echoes>,
}

#[derive(Debug, Default)]
struct PortState {
    outlets: usize,
    next_outlet: u64,
    inlets: Vec<Inlet>,
}

impl PortState {
    fn inlets_that(&self, are: impl Fn(&State) -> bool) -> usize {
        self.inlets.iter().filter(|inlet| are(&inlet.state)).count()
    }
}

/// A way in, for all readers of one kind.
struct Inlet {
    node: String,
    type_name: &'static str,
    qos: Qos,
    reader: Reader,
    sink: Sink,
    state: State,
}

enum State {
    Closed,
    /// Asked for; messages may come already.
    Opening,
    Open(#[allow(dead_code, reason = "held for its drop")] Guard),
    /// Not to be had, and not asked for again ten times a second.
    Refused,
}

impl fmt::Debug for Inlet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Inlet")
            .field("type", &self.type_name)
            .field("qos", &self.qos)
            .field("reader", &self.reader)
            .field("open", &matches!(self.state, State::Open(_)))
            .finish_non_exhaustive()
    }
}

/// Who reads what comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Subscriptions on the bus.
    Subscriptions,
    /// The transform buffer.
    Transforms,
    /// The clock.
    Clock,
}

impl Bridge {
    pub(crate) fn new(outside: Arc<dyn Outside>) -> Self {
        Self {
            outside,
            ports: Mutex::default(),
            nodes: Mutex::default(),
            kept: Mutex::default(),
        }
    }

    pub(crate) fn add_node(&self, name: &NodeName) -> Result<(), BusError> {
        let refused = |reason| BusError::Outside {
            what: format!("node {name}"),
            reason,
        };
        self.outside.add_node(name).map_err(refused)?;
        lock(&self.nodes).push(name.to_string());
        Ok(())
    }

    /// The node in whose name something is done: the one that asks, or the first for what belongs to none.
    fn node(&self, asking: &str) -> String {
        let nodes = lock(&self.nodes);
        let own = nodes.iter().find(|node| *node == asking);
        own.or(nodes.first()).cloned().unwrap_or_default()
    }

    fn port(&self, topic: &str) -> Arc<Port> {
        Arc::clone(lock(&self.ports).entry(topic.into()).or_default())
    }

    /// The way out for a new publisher on the bus.
    pub(crate) fn publisher(
        &self,
        node: &str,
        topic: &str,
        type_name: &'static str,
        qos: Qos,
    ) -> Result<WayOut, BusError> {
        let outlet = self
            .outside
            .publisher(&self.node(node), topic, type_name, qos)
            .map_err(|reason| BusError::Outside {
                what: format!("publisher on {topic} ({type_name}) of node {node}"),
                reason,
            })?;
        let port = self.port(topic);
        let mut state = lock(&port.state);
        state.outlets += 1;
        state.next_outlet += 1;
        let id = state.next_outlet;
        drop(state);
        Ok(WayOut {
            outlet,
            port,
            id,
            qos,
            topic: topic.into(),
            failed: AtomicBool::new(false),
        })
    }

    /// Has what comes from outside on `topic` given to `sink`, when the next review finds a reason to listen. Readers of
    /// one kind that ask for the same share the first one's sink.
    pub(crate) fn listen(
        &self,
        node: &str,
        topic: &str,
        type_name: &'static str,
        qos: Qos,
        reader: Reader,
        sink: impl FnOnce() -> Sink,
    ) {
        let node = self.node(node);
        let port = self.port(topic);
        let mut state = lock(&port.state);
        let is_same = |inlet: &Inlet| {
            inlet.reader == reader
                && (inlet.qos.reliable, inlet.qos.latched) == (qos.reliable, qos.latched)
        };
        if state.inlets.iter().any(is_same) {
            return;
        }
        let inner = sink();
        let own = Arc::downgrade(&port);
        let sink: Sink = Arc::new(move |message| {
            let is_own = own
                .upgrade()
                .is_some_and(|port| lock(&port.echoes).is_own(Instant::now(), message));
            if !is_own {
                inner(message);
            }
        });
        state.inlets.push(Inlet {
            node,
            type_name,
            qos: Qos {
                depth: qos.depth.max(MIN_DEPTH),
                ..qos
            },
            reader,
            sink,
            state: State::Closed,
        });
    }

    /// Opens and closes ways in, by who publishes now. To be called by one thread at a time.
    pub(crate) fn review(&self) {
        let ports: Vec<_> = lock(&self.ports)
            .iter()
            .map(|(topic, port)| (topic.clone(), Arc::clone(port)))
            .collect();
        for (topic, port) in ports {
            let (has_inlets, ours) = {
                let state = lock(&port.state);
                (!state.inlets.is_empty(), state.outlets)
            };
            if has_inlets {
                let wanted = ours == 0 || self.outside.publisher_count(&topic) > ours;
                self.switch(&topic, &port, wanted);
            }
        }
    }

    fn switch(&self, topic: &str, port: &Port, wanted: bool) {
        let mut state = lock(&port.state);
        for index in 0..state.inlets.len() {
            let Some(inlet) = state.inlets.get_mut(index) else {
                continue;
            };
            match (&inlet.state, wanted) {
                (State::Open(_), false) => inlet.state = State::Closed,
                (State::Closed, true) => {
                    inlet.state = State::Opening;
                    let (node, type_name, qos) = (inlet.node.clone(), inlet.type_name, inlet.qos);
                    let sink = Arc::clone(&inlet.sink);
                    if qos.latched {
                        lock(&port.echoes).opening(Instant::now());
                    }
                    // No publisher waits for the outside.
                    drop(state);
                    let opened = self.outside.subscribe(&node, topic, type_name, qos, sink);
                    state = lock(&port.state);
                    if let Some(inlet) = state.inlets.get_mut(index) {
                        inlet.state = opened.map_or_else(
                            |reason| {
                                tracing::error!(
                                    "nothing from outside is read on {topic} ({type_name}): {reason}"
                                );
                                State::Refused
                            },
                            State::Open,
                        );
                    }
                }
                _ => {}
            }
        }
    }

    pub(crate) fn serve(
        &self,
        node: &str,
        service: &str,
        type_name: &'static str,
        handler: Handler,
    ) -> Result<Guard, BusError> {
        self.outside
            .serve(&self.node(node), service, type_name, handler)
            .map_err(|reason| BusError::Outside {
                what: format!("service {service} ({type_name}) of node {node}"),
                reason,
            })
    }

    pub(crate) fn client(
        &self,
        node: &str,
        service: &str,
        type_name: &'static str,
    ) -> Result<Arc<dyn OutsideClient>, BusError> {
        self.outside
            .client(&self.node(node), service, type_name)
            .map_err(|reason| BusError::Outside {
                what: format!("client of service {service} ({type_name}) of node {node}"),
                reason,
            })
    }
}

/// A publisher's way out.
pub(crate) struct WayOut {
    outlet: Box<dyn Outlet>,
    port: Arc<Port>,
    id: u64,
    qos: Qos,
    topic: String,
    failed: AtomicBool,
}

impl WayOut {
    /// Subscriptions outside of this process that read what is sent.
    pub(crate) fn readers_outside(&self) -> usize {
        let own = lock(&self.port.state).inlets_that(|state| matches!(state, State::Open(_)));
        self.outlet.reader_count().saturating_sub(own)
    }

    /// Sends a message, if anybody outside is there for it; only then is it encoded.
    pub(crate) fn offer(&self, encode: impl FnOnce() -> Result<Vec<u8>, CdrError>) {
        let (own_readers, listening) = {
            let state = lock(&self.port.state);
            let open = state.inlets_that(|state| matches!(state, State::Open(_)));
            let opening = state.inlets_that(|state| matches!(state, State::Opening));
            (open, open + opening)
        };
        if !self.qos.latched && self.outlet.reader_count() <= own_readers {
            return;
        }
        let sent = encode().map_err(|why| why.to_string()).and_then(|message| {
            if self.qos.latched {
                let mut echoes = lock(&self.port.echoes);
                echoes.latched(Instant::now(), self.id, self.qos.depth, &message, listening);
            } else if listening > 0 {
                lock(&self.port.echoes).sent(Instant::now(), &message, listening);
            }
            self.outlet.send(&message).map_err(|why| why.to_string())
        });
        // Said once: at a camera's rate it would bury everything else.
        if let Err(reason) = sent
            && !self.failed.swap(true, Ordering::Relaxed)
        {
            tracing::error!(
                "messages on {} do not get out of this process: {reason}",
                self.topic
            );
        }
    }
}

impl Drop for WayOut {
    fn drop(&mut self) {
        lock(&self.port.state).outlets -= 1;
        lock(&self.port.echoes).gone(self.id);
    }
}
