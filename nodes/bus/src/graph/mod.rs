//! A graph of nodes and the two ways to run it.

mod ledger;
mod lockstep;
mod realtime;
mod report;
mod supervise;

pub use report::{GraphError, NodeFailure, RunReport, ShutdownReason};

use crate::{
    BusError, Clock, ClockSource, Diagnostics, NameError, Network, Node, ParameterOverrides,
    ParameterSpec, ParameterValue, Qos, Remap, ShutdownPhase, TfBuffer, Time,
    bridge::{Bridge, Outside},
    names::{NodeName, RemapRules},
    node::Shared,
    topic::Publisher,
};
use futures::future::LocalBoxFuture;
use msgs::diagnostic_msgs::DiagnosticArray;
use std::{collections::BTreeSet, error::Error, fmt, future::Future, sync::Arc, time::Duration};

/// Period of `/diagnostics`, in node time.
const DIAGNOSTICS_PERIOD: Duration = Duration::from_secs(1);

/// What holds for every node of a graph.
#[derive(Debug, Clone)]
pub struct GraphConfig {
    /// Where time comes from. A lockstep run needs [`ClockSource::Simulated`], a real-time run one of the others;
    /// [`ClockSource::Followed`] needs a graph that is [bridged](Graph::bridged).
    pub clock: ClockSource,
    /// Namespace put in front of every node's own.
    pub namespace: String,
    /// Remap rules for every node, after its own.
    pub remaps: Vec<Remap>,
    /// Parameters for every node, before its own.
    pub parameters: ParameterOverrides,
    /// When a simulated clock starts.
    pub start: Time,
    /// How long nodes may take to end in each phase of the shutdown, in node time.
    pub shutdown_grace: Duration,
}

impl Default for GraphConfig {
    fn default() -> Self {
        Self {
            clock: ClockSource::System,
            namespace: String::new(),
            remaps: Vec::new(),
            parameters: ParameterOverrides::new(),
            start: Time::ZERO,
            shutdown_grace: Duration::from_secs(5),
        }
    }
}

impl GraphConfig {
    /// The default with a simulated clock, for lockstep runs.
    pub fn lockstep() -> Self {
        Self {
            clock: ClockSource::Simulated,
            ..Self::default()
        }
    }
}

/// How one node of a graph is set up.
#[derive(Debug, Clone)]
pub struct NodeSpec {
    name: String,
    namespace: String,
    remaps: Vec<Remap>,
    parameters: ParameterOverrides,
    required: bool,
    owns_robot: bool,
    ends_graph: bool,
}

impl NodeSpec {
    /// A node with this base name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            namespace: String::new(),
            remaps: Vec::new(),
            parameters: ParameterOverrides::new(),
            required: true,
            owns_robot: false,
            ends_graph: false,
        }
    }

    /// Puts the node in a namespace (below the graph's, unless it begins with a slash).
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Adds a remap rule; the first that fits wins.
    #[must_use]
    pub fn remap(mut self, rule: Remap) -> Self {
        self.remaps.push(rule);
        self
    }

    /// Adds parameter values; later ones win.
    #[must_use]
    pub fn parameters(mut self, parameters: ParameterOverrides) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Whether the parameters given to this node in a graph set `use_sim_time`: then the graph must be on
    /// [`ClockSource::Followed`].
    pub fn uses_sim_time(&self, config: &GraphConfig) -> Result<bool, GraphError> {
        let remaps = self.remaps.iter().chain(&config.remaps).cloned();
        let name = full_name(
            config,
            &RemapRules::new(remaps),
            &self.namespace,
            &self.name,
        )?;
        let given = |parameters: &ParameterOverrides| {
            let value = parameters.get(&name, "use_sim_time").cloned();
            value.map(|value| value == ParameterValue::Bool(true))
        };
        Ok(given(&self.parameters)
            .or_else(|| given(&config.parameters))
            .unwrap_or(false))
    }

    /// Lets the graph go on when this node fails.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Marks a node that moves a robot: at shutdown it is stopped before all others.
    #[must_use]
    pub fn owns_robot(mut self) -> Self {
        self.owns_robot = true;
        self
    }

    /// Shuts the graph down when this node is done.
    #[must_use]
    pub fn ends_graph(mut self) -> Self {
        self.ends_graph = true;
        self
    }
}

/// The name of a node after remapping, below the graph's namespace unless its own begins with a slash.
fn full_name(
    config: &GraphConfig,
    remaps: &RemapRules,
    namespace: &str,
    name: &str,
) -> Result<NodeName, NameError> {
    let namespace = if namespace.starts_with('/') {
        namespace.to_owned()
    } else {
        let outer = config.namespace.trim_end_matches('/');
        format!("{outer}/{namespace}").trim_end_matches('/').into()
    };
    remaps.node_name(&namespace, name)
}

type NodeError = Box<dyn Error + Send + Sync>;
type NodeMain = Box<dyn FnOnce(Node) -> LocalBoxFuture<'static, Result<(), NodeError>> + Send>;

/// A node that waits to be run.
struct Entry {
    node: Node,
    required: bool,
    owns_robot: bool,
    ends_graph: bool,
    main: NodeMain,
}

/// Nodes that run together on one bus.
pub struct Graph {
    config: GraphConfig,
    shared: Arc<Shared>,
    names: BTreeSet<NodeName>,
    entries: Vec<Entry>,
}

impl Graph {
    /// A graph without nodes. Its clock starts now.
    pub fn new(config: GraphConfig) -> Self {
        Self::with_bridge(config, None)
    }

    /// A graph that shares its topics, services, parameters and transforms with the outside. It runs in real time only,
    /// on the system's clock or on the outside's ([`ClockSource::Followed`]).
    pub fn bridged(config: GraphConfig, outside: Arc<dyn Outside>) -> Self {
        Self::with_bridge(config, Some(Arc::new(Bridge::new(outside))))
    }

    fn with_bridge(config: GraphConfig, bridge: Option<Arc<Bridge>>) -> Self {
        let clock = Clock::new(config.clock);
        if clock.is_simulated() {
            clock.advance_to(config.start);
        }
        let shared = Arc::new(Shared::new(clock, bridge));
        Self {
            config,
            shared,
            names: BTreeSet::new(),
            entries: Vec::new(),
        }
    }

    /// Adds a node: its set-up, and the function that runs it to its end.
    pub fn add<F, Run, E>(&mut self, spec: NodeSpec, main: F) -> Result<(), GraphError>
    where
        F: FnOnce(Node) -> Run + Send + 'static,
        Run: Future<Output = Result<(), E>> + 'static,
        E: Into<NodeError>,
    {
        let NodeSpec {
            name,
            namespace,
            remaps,
            parameters,
            required,
            owns_robot,
            ends_graph,
        } = spec;
        let remaps = RemapRules::new(remaps.into_iter().chain(self.config.remaps.iter().cloned()));
        let name = full_name(&self.config, &remaps, &namespace, &name)?;
        if !self.names.insert(name.clone()) {
            return Err(GraphError::DuplicateNode {
                node: name.to_string(),
            });
        }
        let mut overrides = self.config.parameters.clone();
        overrides.extend(parameters.inline_only_for(&name));
        let until = if owns_robot {
            ShutdownPhase::StopRobot
        } else {
            ShutdownPhase::StopAll
        };
        if let Some(bridge) = &self.shared.bridge {
            bridge.add_node(&name)?;
        }
        let node = Node::new(name, remaps, &overrides, until, Arc::clone(&self.shared));
        if let Some(bridge) = &self.shared.bridge {
            let description = "Follow the time on /clock instead of the system's";
            let spec = ParameterSpec::new("use_sim_time", false).describe(description);
            if node.parameter(spec)?.get() != self.shared.clock.is_followed() {
                let node = node.name().to_owned();
                return Err(GraphError::MixedClocks { node });
            }
            bridge.serve_parameters(&node)?;
        }
        let main: NodeMain = Box::new(move |node| {
            let run = main(node);
            Box::pin(async move { run.await.map_err(Into::into) })
        });
        self.entries.push(Entry {
            node,
            required,
            owns_robot,
            ends_graph,
            main,
        });
        Ok(())
    }

    /// A handle that watches and stops the graph from outside.
    pub fn handle(&self) -> GraphHandle {
        GraphHandle {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Full names of the nodes, in the order in which they were added.
    pub fn node_names(&self) -> Vec<String> {
        self.entries
            .iter()
            .map(|entry| entry.node.name().to_owned())
            .collect()
    }

    /// Publisher of the runner's own node on `/diagnostics`.
    fn diagnostics_publisher(&self) -> Result<Publisher<DiagnosticArray>, BusError> {
        self.shared
            .topics
            .publisher("/diagnostics", "the runner", Qos::reliable(10))
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Graph")
            .field("config", &self.config)
            .field("nodes", &self.node_names())
            .finish()
    }
}

/// Watches and stops a graph from outside, from any thread.
#[derive(Debug, Clone)]
pub struct GraphHandle {
    shared: Arc<Shared>,
}

impl GraphHandle {
    /// Asks for the graph to shut down in order.
    pub fn request_shutdown(&self) {
        self.shared.shutdown.request();
    }

    /// The graph's clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The graph's measurements.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.shared.diagnostics
    }

    /// The graph's transforms.
    pub fn tf(&self) -> &TfBuffer {
        &self.shared.tf
    }

    /// The graph's streams.
    pub fn network(&self) -> &Network {
        &self.shared.network
    }
}

impl From<NameError> for GraphError {
    fn from(error: NameError) -> Self {
        BusError::from(error).into()
    }
}
