//! What a node has: its name, time, topics, services, parameters, transforms, streams and the end of it all.

use crate::{
    Clock, Diagnostics, Network, Parameter, ParameterSpec, Publisher, Qos, ServiceServer,
    ShutdownPhase, StageTimer, Subscription, TfBuffer, TfError, Time,
    bridge::Bridge,
    error::{BusError, Result},
    lock,
    names::{NodeName, RemapRules},
    parameter::{Declared, NodeParameters, ParameterOverrides, ParameterType},
    service::{Client, Services},
    shutdown::Shutdown,
    topic::Topics,
};
use msgs::{Message, Service, geometry_msgs::TransformStamped, tf2_msgs::TFMessage};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, Weak},
};

/// What all nodes of a graph share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) bridge: Option<Arc<Bridge>>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) services: Arc<Services>,
    pub(crate) clock: Clock,
    pub(crate) tf: TfBuffer,
    pub(crate) diagnostics: Diagnostics,
    pub(crate) network: Network,
    pub(crate) shutdown: Arc<Shutdown>,
    /// The parameters of all nodes, in the order in which these were added.
    pub(crate) parameters: Mutex<Vec<(String, WeakParameters)>>,
}

impl Shared {
    pub(crate) fn new(clock: Clock, bridge: Option<Arc<Bridge>>) -> Self {
        let topics = Arc::new(Topics::new(bridge.clone()));
        Self {
            services: Arc::new(Services::new(bridge.clone())),
            tf: TfBuffer::new(),
            diagnostics: Diagnostics::new(Arc::clone(&topics)),
            network: Network::new(clock.is_simulated()),
            shutdown: Arc::new(Shutdown::new()),
            parameters: Mutex::default(),
            topics,
            clock,
            bridge,
        }
    }
}

/// A node's context. Clones are the same node.
#[derive(Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

struct Inner {
    name: NodeName,
    full_name: String,
    remaps: RemapRules,
    /// The phase in which this node ends.
    until: ShutdownPhase,
    shared: Arc<Shared>,
    parameters: Mutex<NodeParameters>,
    transforms: Mutex<Transforms>,
}

/// The node's publishers on `/tf` and `/tf_static`, made on first use.
#[derive(Default)]
struct Transforms {
    moving: Option<Publisher<TFMessage>>,
    fixed: Option<Publisher<TFMessage>>,
    /// All that the node has said on `/tf_static`: a latched topic keeps one message for each publisher.
    fixed_so_far: Vec<TransformStamped>,
}

impl Node {
    pub(crate) fn new(
        name: NodeName,
        remaps: RemapRules,
        overrides: &ParameterOverrides,
        until: ShutdownPhase,
        shared: Arc<Shared>,
    ) -> Self {
        let parameters = Mutex::new(NodeParameters::new(name.clone(), overrides));
        let full_name = name.to_string();
        let transforms = Mutex::default();
        let node = Self {
            inner: Arc::new(Inner {
                name,
                full_name,
                remaps,
                until,
                shared,
                parameters,
                transforms,
            }),
        };
        let known = (node.name().to_owned(), node.weak_parameters());
        lock(&node.inner.shared.parameters).push(known);
        node
    }

    /// Full name, for example `/segmentation`.
    pub fn name(&self) -> &str {
        &self.inner.full_name
    }

    /// Namespace, for example `/`.
    pub fn namespace(&self) -> &str {
        self.inner.name.namespace()
    }

    /// The clock's time now.
    pub fn now(&self) -> Time {
        self.inner.shared.clock.now()
    }

    /// The graph's clock: the only source of time for a node.
    pub fn clock(&self) -> &Clock {
        &self.inner.shared.clock
    }

    /// The full name of a topic or service as this node knows it, after remapping.
    pub fn resolve(&self, name: &str) -> Result<String> {
        Ok(self
            .inner
            .remaps
            .resolve(&self.inner.name, "topic or service", name)?)
    }

    /// A publisher on a topic.
    pub fn publisher<M: Message>(&self, topic: &str, qos: Qos) -> Result<Publisher<M>> {
        let topic = self
            .inner
            .remaps
            .resolve(&self.inner.name, "topic", topic)?;
        self.inner.shared.topics.publisher(&topic, self.name(), qos)
    }

    /// A subscription to a topic.
    pub fn subscribe<M: Message>(&self, topic: &str, qos: Qos) -> Result<Subscription<M>> {
        let topic = self
            .inner
            .remaps
            .resolve(&self.inner.name, "topic", topic)?;
        let shutdown = Arc::clone(&self.inner.shared.shutdown);
        self.inner
            .shared
            .topics
            .subscribe(&topic, self.name(), qos, shutdown, self.inner.until)
    }

    /// The server of a service.
    pub fn serve<S: Service>(&self, service: &str) -> Result<ServiceServer<S>> {
        let service = self
            .inner
            .remaps
            .resolve(&self.inner.name, "service", service)?;
        let shutdown = Arc::clone(&self.inner.shared.shutdown);
        self.inner
            .shared
            .services
            .serve(service, self.name(), shutdown, self.inner.until)
    }

    /// A client of a service.
    pub fn client<S: Service>(&self, service: &str) -> Result<Client<S>> {
        let service = self
            .inner
            .remaps
            .resolve(&self.inner.name, "service", service)?;
        self.inner.shared.services.client(service, self.name())
    }

    /// Declares a parameter and reads its value. Declare all parameters before the first wait: what was given from
    /// outside and is undeclared by then is an error.
    pub fn parameter<T: ParameterType>(&self, spec: ParameterSpec<T>) -> Result<Parameter<T>> {
        Ok(lock(&self.inner.parameters).declare(spec)?)
    }

    /// The parameters declared so far, by name.
    pub fn declared_parameters(&self) -> Vec<Declared> {
        lock(&self.inner.parameters).declared().cloned().collect()
    }

    pub(crate) fn parameters(&self) -> MutexGuard<'_, NodeParameters> {
        lock(&self.inner.parameters)
    }

    /// The parameters that each node of the graph has declared so far, by the node's full name; those that are still there.
    pub fn parameters_of_all(&self) -> Vec<(String, Vec<Declared>)> {
        let all = lock(&self.inner.shared.parameters);
        let declared = all.iter();
        declared
            .filter_map(|(node, parameters)| Some((node.clone(), parameters.declared()?)))
            .collect()
    }

    /// The node's parameters for as long as the node is there.
    pub(crate) fn weak_parameters(&self) -> WeakParameters {
        WeakParameters(Arc::downgrade(&self.inner))
    }

    /// The graph's transforms.
    pub fn tf(&self) -> &TfBuffer {
        &self.inner.shared.tf
    }

    /// Tells everybody where a frame is now: stores the transform and publishes it on `/tf`.
    pub fn broadcast(&self, transform: TransformStamped) -> Result<(), BroadcastError> {
        self.tf().insert(&transform)?;
        let mut transforms = lock(&self.inner.transforms);
        let publisher = match &mut transforms.moving {
            Some(publisher) => publisher,
            empty => empty.insert(self.publisher("/tf", Qos::reliable(100))?),
        };
        publisher.publish(TFMessage {
            transforms: vec![transform],
        });
        Ok(())
    }

    /// Tells everybody where a frame always is: stores the transform and publishes it, latched, on `/tf_static`.
    pub fn broadcast_static(&self, transform: TransformStamped) -> Result<(), BroadcastError> {
        self.tf().insert_static(&transform)?;
        let mut transforms = lock(&self.inner.transforms);
        transforms
            .fixed_so_far
            .retain(|known| known.child_frame_id != transform.child_frame_id);
        transforms.fixed_so_far.push(transform);
        let message = TFMessage {
            transforms: transforms.fixed_so_far.clone(),
        };
        let publisher = match &mut transforms.fixed {
            Some(publisher) => publisher,
            empty => empty.insert(self.publisher("/tf_static", Qos::latched())?),
        };
        publisher.publish(message);
        Ok(())
    }

    /// A timer for a stage of this node's work; its latency is published on `/diagnostics`.
    pub fn stage(&self, name: &str) -> StageTimer {
        self.inner.shared.diagnostics.stage(self.name(), name)
    }

    /// The graph's measurements.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.inner.shared.diagnostics
    }

    /// Streams to hardware.
    pub fn network(&self) -> &Network {
        &self.inner.shared.network
    }

    /// Waits until this node is to end. Nodes that own a robot are told first.
    pub async fn shutdown(&self) {
        self.inner.shared.shutdown.reached(self.inner.until).await;
    }

    /// Whether this node is to end.
    pub fn is_shutting_down(&self) -> bool {
        self.shutdown_phase() >= self.inner.until
    }

    /// How far the graph's shutdown has come.
    pub fn shutdown_phase(&self) -> ShutdownPhase {
        self.inner.shared.shutdown.phase()
    }

    /// Asks for the whole graph to shut down in order.
    pub fn request_shutdown(&self) {
        self.inner.shared.shutdown.request();
    }
}

/// Sees a node's parameters without keeping the node.
#[derive(Debug)]
pub(crate) struct WeakParameters(Weak<Inner>);

impl WeakParameters {
    /// The parameters declared so far, by name; `None` when the node is gone.
    pub(crate) fn declared(&self) -> Option<Vec<Declared>> {
        let inner = self.0.upgrade()?;
        Some(lock(&inner.parameters).declared().cloned().collect())
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Node")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// Why a transform was not broadcast.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BroadcastError {
    /// The transform is not valid.
    #[error(transparent)]
    Transform(#[from] TfError),
    /// The topic cannot be had.
    #[error(transparent)]
    Bus(#[from] BusError),
}
