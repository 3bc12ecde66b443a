//! ROS 2 as the outside of a graph, through r2r.
//!
//! Built with the feature `ros` on a machine where a ROS 2 is sourced:
//!
//! ```no_run
//! use bus::{Graph, GraphConfig, ros::Ros};
//! use std::sync::Arc;
//!
//! let ros = Arc::new(Ros::new()?);
//! let mut graph = Graph::bridged(GraphConfig::default(), ros.clone());
//! // ... graph.add(...)
//! graph.run_realtime()?;
//! ros.close();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every node of the graph is a node of ROS 2, with a thread that waits for what comes in. r2r parses the process's own
//! `--ros-args` as well, for `rcl`: its remap rules are applied to names that the graph has remapped already, which
//! changes nothing as long as no rule's result is the source of another. It also takes a
//! plain `name:=value`, such as an argument of a launch file, for a remap rule of a deprecated form.

mod services;
mod worker;

use crate::{
    NodeName, Qos,
    bridge::{Guard, Handler, Outlet, Outside, OutsideClient, OutsideError, Sink},
    lock,
};
use r2r::{
    QosProfile,
    qos::{DurabilityPolicy, HistoryPolicy, ReliabilityPolicy},
};
use std::{
    collections::BTreeMap,
    fmt,
    panic::catch_unwind,
    sync::{Arc, Mutex},
};
use worker::{Orders, Worker};

impl From<r2r::Error> for OutsideError {
    fn from(error: r2r::Error) -> Self {
        Self(match error {
            // The usual one of a process too many: "Failed to find a free participant index".
            r2r::Error::RCL_RET_ERROR => {
                "ROS 2 refuses, and says why on the console, just before this".into()
            }
            error => error.to_string(),
        })
    }
}

/// A process's part in a ROS 2 network.
pub struct Ros {
    context: r2r::Context,
    workers: Mutex<BTreeMap<String, Worker>>,
    /// Publishers of the topics that somebody asked about, as last seen.
    publisher_counts: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl fmt::Debug for Ros {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ros")
            .field("nodes", &lock(&self.workers).keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Ros {
    /// Joins the network, by the process's `--ros-args` and environment (`ROS_DOMAIN_ID`, `RMW_IMPLEMENTATION`).
    pub fn new() -> Result<Self, OutsideError> {
        // r2r panics on what rcl refuses.
        let context = catch_unwind(r2r::Context::create).map_err(|panic| {
            let reason = panic.downcast_ref::<String>().cloned();
            OutsideError(reason.unwrap_or_else(|| "rcl_init refused".into()))
        })??;
        Ok(Self {
            context,
            workers: Mutex::default(),
            publisher_counts: Arc::default(),
        })
    }

    /// Takes leave: ends all nodes. What is called afterwards fails.
    pub fn close(&self) {
        let workers = std::mem::take(&mut *lock(&self.workers));
        workers.into_values().for_each(Worker::end);
    }

    fn orders(&self, node: &str) -> Result<Orders, OutsideError> {
        let workers = lock(&self.workers);
        let worker = workers.get(node);
        let worker = worker.ok_or_else(|| OutsideError(format!("there is no node {node}")))?;
        Ok(worker.orders())
    }
}

impl Outside for Ros {
    fn add_node(&self, name: &NodeName) -> Result<(), OutsideError> {
        let node = r2r::Node::create(self.context.clone(), name.base(), name.namespace())?;
        let mut workers = lock(&self.workers);
        // One node looks around for all.
        let counts = workers
            .is_empty()
            .then(|| Arc::clone(&self.publisher_counts));
        let worker = Worker::start(name, node, counts)?;
        workers.insert(name.to_string(), worker);
        Ok(())
    }

    fn publisher(
        &self,
        node: &str,
        topic: &str,
        type_name: &'static str,
        qos: Qos,
    ) -> Result<Box<dyn Outlet>, OutsideError> {
        let orders = self.orders(node)?;
        let topic = topic.to_owned();
        let publisher = orders.ask(move |bench| {
            bench
                .node
                .create_publisher_untyped(&topic, type_name, profile(qos))
        })??;
        Ok(Box::new(RosPublisher {
            publisher: Mutex::new(publisher),
            orders,
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
        let topic = topic.to_owned();
        self.orders(node)?.ask(move |bench| {
            let messages = bench.node.subscribe_raw(&topic, type_name, profile(qos))?;
            Ok(bench.drain(messages, move |message| sink(&message)))
        })?
    }

    fn publisher_count(&self, topic: &str) -> usize {
        *lock(&self.publisher_counts)
            .entry(topic.into())
            .or_default()
    }

    fn serve(
        &self,
        node: &str,
        service: &str,
        type_name: &'static str,
        handler: Handler,
    ) -> Result<Guard, OutsideError> {
        let service = service.to_owned();
        self.orders(node)?
            .ask(move |bench| services::serve(bench, &service, type_name, handler))?
    }

    fn client(
        &self,
        node: &str,
        service: &str,
        type_name: &'static str,
    ) -> Result<Arc<dyn OutsideClient>, OutsideError> {
        let service = service.to_owned();
        self.orders(node)?
            .ask(move |bench| services::client(bench, &service, type_name))?
    }
}

struct RosPublisher {
    publisher: Mutex<r2r::PublisherUntyped>,
    orders: Orders,
}

impl Outlet for RosPublisher {
    fn reader_count(&self) -> usize {
        // Every matched subscription counts, also one of this process, whatever r2r's documentation says.
        lock(&self.publisher)
            .get_inter_process_subscription_count()
            .unwrap_or_default()
    }

    fn send(&self, message: &[u8]) -> Result<(), OutsideError> {
        Ok(lock(&self.publisher).publish_raw(message)?)
    }
}

impl Drop for RosPublisher {
    fn drop(&mut self) {
        let publisher = lock(&self.publisher).clone();
        self.orders
            .tell(move |bench| bench.node.destroy_publisher_untyped(publisher));
    }
}

fn profile(qos: Qos) -> QosProfile {
    QosProfile {
        history: HistoryPolicy::KeepLast,
        depth: qos.depth,
        reliability: if qos.reliable {
            ReliabilityPolicy::Reliable
        } else {
            ReliabilityPolicy::BestEffort
        },
        durability: if qos.latched {
            DurabilityPolicy::TransientLocal
        } else {
            DurabilityPolicy::Volatile
        },
        ..QosProfile::default()
    }
}

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// For those who look for a mistake.
    Debug,
    /// What happens.
    Info,
    /// What may need attention.
    Warn,
    /// What needs attention.
    Error,
}

/// Writes a line to ROS 2's log, in a node's name: to the console, the log file and `/rosout`.
pub fn log(node: &str, severity: Severity, text: &str) {
    // ROS 2 names loggers by dots, and text ends at a NUL there.
    let logger = node
        .trim_start_matches('/')
        .replace('/', ".")
        .replace('\0', " ");
    let text = text.replace('\0', " ");
    match severity {
        Severity::Debug => r2r::log_debug!(&logger, "{text}"),
        Severity::Info => r2r::log_info!(&logger, "{text}"),
        Severity::Warn => r2r::log_warn!(&logger, "{text}"),
        Severity::Error => r2r::log_error!(&logger, "{text}"),
    }
}

/// These need a ROS 2 to run: `cargo test -p bus --features ros`, where one is sourced.
#[cfg(all(test, not(feature = "ros-doc-only")))]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use msgs::{
        Message, Service, cdr,
        std_msgs::Float64,
        std_srvs::{Trigger, TriggerRequest, TriggerResponse},
    };
    use std::{sync::mpsc, time::Duration};

    #[test]
    fn profiles_are_those_of_the_bus() {
        let sensor = profile(Qos::sensor_data());
        assert_eq!(sensor.reliability, ReliabilityPolicy::BestEffort);
        assert_eq!(sensor.durability, DurabilityPolicy::Volatile);
        let command = profile(Qos::reliable(7));
        assert_eq!(command.reliability, ReliabilityPolicy::Reliable);
        assert_eq!(
            (command.history, command.depth),
            (HistoryPolicy::KeepLast, 7)
        );
        let state = profile(Qos::latched());
        assert_eq!(state.durability, DurabilityPolicy::TransientLocal);
    }

    #[test]
    fn messages_and_calls_go_through() {
        let ros = Ros::new().unwrap();
        let node = NodeName::new("/bus_test", "node").unwrap();
        ros.add_node(&node).unwrap();
        let node = node.to_string();

        let message = cdr::to_vec(&Float64 { data: 2.5 }).unwrap();
        let (topic, qos) = ("/bus_test/topic", Qos::latched());
        let publisher = ros
            .publisher(&node, topic, Float64::TYPE_NAME, qos)
            .unwrap();
        publisher.send(&message).unwrap();
        let (sender, heard) = mpsc::channel();
        let sink: Sink = Arc::new(move |bytes| {
            sender.send(bytes.to_vec()).ok();
        });
        let _late = ros
            .subscribe(&node, topic, Float64::TYPE_NAME, qos, sink)
            .unwrap();
        let got = heard.recv_timeout(Duration::from_secs(20)).unwrap();
        let got: Float64 = cdr::from_slice(&got).unwrap();
        assert_eq!(got.data, 2.5);
        assert_eq!(publisher.reader_count(), 1, "one's own subscription counts");

        let handler: Handler = Arc::new(|request, reply| {
            cdr::from_slice::<TriggerRequest>(request).unwrap();
            reply(cdr::to_vec(&TriggerResponse::refused("not now")).unwrap());
        });
        let (service, type_name) = ("/bus_test/service", Trigger::TYPE_NAME);
        let _served = ros.serve(&node, service, type_name, handler).unwrap();
        let client = ros.client(&node, service, type_name).unwrap();
        block_on(client.served());
        let request = cdr::to_vec(&TriggerRequest {}).unwrap();
        let response = block_on(client.call(request)).unwrap();
        let response: TriggerResponse = cdr::from_slice(&response).unwrap();
        assert_eq!(response, TriggerResponse::refused("not now"));

        let unknown = ros.publisher(&node, "/bus_test/x", "no_msgs/msg/Such", qos);
        assert!(unknown.is_err());
        ros.close();
        assert!(publisher.send(&message).is_err());
    }
}
