//! A network in memory that treats its processes as ROS 2 treats them: a process hears itself, and nobody is told who
//! sent a message.

use crate::{
    NodeName, Qos,
    bridge::{Guard, Handler, Outlet, Outside, OutsideClient, OutsideError, Sink},
    lock,
};
use futures::{FutureExt as _, future::BoxFuture};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex},
};
use tokio::sync::{oneshot, watch};

#[derive(Default)]
struct Wire {
    next: u64,
    publishers: BTreeMap<u64, Publisher>,
    subscriptions: BTreeMap<u64, Subscription>,
    services: BTreeMap<String, Handler>,
    nodes: Vec<String>,
}

struct Publisher {
    topic: String,
    type_name: &'static str,
    qos: Qos,
    kept: VecDeque<Vec<u8>>,
    sent: usize,
}

struct Subscription {
    node: String,
    topic: String,
    type_name: &'static str,
    qos: Qos,
    sink: Sink,
}

impl Subscription {
    fn hears(&self, publisher: &Publisher) -> bool {
        self.topic == publisher.topic
            && self.type_name == publisher.type_name
            && publisher.qos.satisfies(&self.qos)
    }
}

/// The network, as every process sees it.
#[derive(Clone)]
pub(super) struct Network {
    wire: Arc<Mutex<Wire>>,
    changed: Arc<watch::Sender<u64>>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            wire: Arc::default(),
            changed: Arc::new(watch::Sender::new(0)),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Network")
    }
}

impl Network {
    /// How many messages went out on a topic.
    pub(super) fn sent(&self, topic: &str) -> usize {
        let wire = lock(&self.wire);
        let publishers = wire.publishers.values();
        publishers
            .filter(|publisher| publisher.topic == topic)
            .map(|publisher| publisher.sent)
            .sum()
    }

    /// Node and profile of every subscription to a topic.
    pub(super) fn subscriptions(&self, topic: &str) -> Vec<(String, Qos)> {
        let wire = lock(&self.wire);
        let subscriptions = wire.subscriptions.values();
        subscriptions
            .filter(|subscription| subscription.topic == topic)
            .map(|subscription| (subscription.node.clone(), subscription.qos))
            .collect()
    }

    pub(super) fn nodes(&self) -> Vec<String> {
        lock(&self.wire).nodes.clone()
    }

    /// Hears everything on a topic, as `ros2 topic echo` does.
    pub(super) fn listen(
        &self,
        topic: &str,
        type_name: &'static str,
        qos: Qos,
    ) -> (Arc<Mutex<Vec<Vec<u8>>>>, Guard) {
        let heard = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let log = Arc::clone(&heard);
        let sink: Sink = Arc::new(move |bytes| lock(&log).push(bytes.to_vec()));
        let guard = self.subscribe("/listener", topic, type_name, qos, sink);
        (heard, guard.unwrap())
    }

    fn withdraw(&self, remove: impl FnOnce(&mut Wire) + Send + 'static) -> Guard {
        struct OnDrop<F: FnOnce()>(Option<F>);
        impl<F: FnOnce()> Drop for OnDrop<F> {
            fn drop(&mut self) {
                if let Some(run) = self.0.take() {
                    run();
                }
            }
        }
        let wire = Arc::clone(&self.wire);
        Box::new(OnDrop(Some(move || remove(&mut lock(&wire)))))
    }
}

impl Outside for Network {
    fn add_node(&self, name: &NodeName) -> Result<(), OutsideError> {
        lock(&self.wire).nodes.push(name.to_string());
        Ok(())
    }

    fn publisher(
        &self,
        _: &str,
        topic: &str,
        type_name: &'static str,
        qos: Qos,
    ) -> Result<Box<dyn Outlet>, OutsideError> {
        if type_name.starts_with("unknown_msgs") {
            return Err(OutsideError("no such type".into()));
        }
        let mut wire = lock(&self.wire);
        wire.next += 1;
        let id = wire.next;
        let publisher = Publisher {
            topic: topic.into(),
            type_name,
            qos,
            kept: VecDeque::new(),
            sent: 0,
        };
        wire.publishers.insert(id, publisher);
        Ok(Box::new(FakeOutlet {
            id,
            network: self.clone(),
        }))
    }

    fn subscribe(
        &self,
        node: &str,
        topic: &str,
        type_name: &'static str,
        qos: Qos,
        sink: Sink,
    ) -> Result<Guard, OutsideError> {
        let subscription = Subscription {
            node: node.into(),
            topic: topic.into(),
            type_name,
            qos,
            sink: Arc::clone(&sink),
        };
        let mut wire = lock(&self.wire);
        wire.next += 1;
        let id = wire.next;
        let kept: Vec<Vec<u8>> = wire
            .publishers
            .values()
            .filter(|publisher| qos.latched && subscription.hears(publisher))
            .flat_map(|publisher| publisher.kept.clone())
            .collect();
        wire.subscriptions.insert(id, subscription);
        drop(wire);
        kept.iter().for_each(|message| sink(message));
        Ok(self.withdraw(move |wire| {
            wire.subscriptions.remove(&id);
        }))
    }

    fn publisher_count(&self, topic: &str) -> usize {
        let wire = lock(&self.wire);
        let publishers = wire.publishers.values();
        publishers.filter(|other| other.topic == topic).count()
    }

    fn serve(
        &self,
        _: &str,
        service: &str,
        _: &'static str,
        handler: Handler,
    ) -> Result<Guard, OutsideError> {
        let name = service.to_owned();
        lock(&self.wire).services.insert(name.clone(), handler);
        self.changed.send_modify(|count| *count += 1);
        Ok(self.withdraw(move |wire| {
            wire.services.remove(&name);
        }))
    }

    fn client(
        &self,
        _: &str,
        service: &str,
        _: &'static str,
    ) -> Result<Arc<dyn OutsideClient>, OutsideError> {
        Ok(Arc::new(FakeClient {
            service: service.into(),
            network: self.clone(),
        }))
    }
}

struct FakeOutlet {
    id: u64,
    network: Network,
}

impl Outlet for FakeOutlet {
    fn reader_count(&self) -> usize {
        let wire = lock(&self.network.wire);
        let publisher = &wire.publishers[&self.id];
        let subscriptions = wire.subscriptions.values();
        subscriptions.filter(|other| other.hears(publisher)).count()
    }

    fn send(&self, message: &[u8]) -> Result<(), OutsideError> {
        let mut wire = lock(&self.network.wire);
        let publisher = wire.publishers.get_mut(&self.id).unwrap();
        publisher.sent += 1;
        if publisher.qos.latched {
            publisher.kept.push_back(message.to_vec());
            while publisher.kept.len() > publisher.qos.depth {
                publisher.kept.pop_front();
            }
        }
        let publisher = &wire.publishers[&self.id];
        let sinks: Vec<Sink> = wire
            .subscriptions
            .values()
            .filter(|subscription| subscription.hears(publisher))
            .map(|subscription| Arc::clone(&subscription.sink))
            .collect();
        drop(wire);
        sinks.iter().for_each(|sink| sink(message));
        Ok(())
    }
}

impl Drop for FakeOutlet {
    fn drop(&mut self) {
        lock(&self.network.wire).publishers.remove(&self.id);
    }
}

struct FakeClient {
    service: String,
    network: Network,
}

impl OutsideClient for FakeClient {
    fn is_served(&self) -> bool {
        lock(&self.network.wire)
            .services
            .contains_key(&self.service)
    }

    fn served(&self) -> BoxFuture<'static, ()> {
        let (service, network) = (self.service.clone(), self.network.clone());
        async move {
            let mut changed = network.changed.subscribe();
            while !lock(&network.wire).services.contains_key(&service) {
                changed.changed().await.ok();
            }
        }
        .boxed()
    }

    fn call(&self, request: Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, OutsideError>> {
        let handler = lock(&self.network.wire)
            .services
            .get(&self.service)
            .cloned();
        let (answer, answered) = oneshot::channel();
        if let Some(handler) = handler {
            let reply = Box::new(move |bytes| {
                answer.send(bytes).ok();
            });
            handler(&request, reply);
        }
        answered
            .map(|answered| answered.map_err(|_| OutsideError("nobody answered".into())))
            .boxed()
    }
}
