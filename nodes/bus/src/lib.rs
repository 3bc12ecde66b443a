//! The embedded bus (tutorial to follow).

mod clock;
pub mod convert;
mod diagnostics;
mod error;
mod graph;
mod names;
mod node;
mod parameter;
mod qos;
mod service;
mod shutdown;
mod tf;
mod time;
mod topic;
mod transport;

pub use clock::{Clock, ClockSource, Interval};
pub use diagnostics::{Diagnostics, StageLatency, StageRun, StageTimer};
pub use error::{BusError, Result, ServiceError};
pub use graph::{
    Graph, GraphConfig, GraphError, GraphHandle, NodeFailure, NodeSpec, RunReport, ShutdownReason,
};
pub use names::{NameError, NodeName, Remap};
pub use node::{BroadcastError, Node};
pub use parameter::{
    Declared, FileError, Origin, Parameter, ParameterError, ParameterOverrides, ParameterSpec,
    ParameterType, ParameterValue,
};
pub use qos::Qos;
pub use service::{Call, Client, ServiceServer};
pub use shutdown::ShutdownPhase;
pub use tf::{TfBuffer, TfError};
pub use time::{Time, TimeDelta};
pub use topic::{Publisher, Subscription, TopicCounts};
pub use transport::{Endpoint, EndpointError, Listener, Network, NetworkError, Stream};

/// Locks a mutex. A panic elsewhere while it was held left consistent data: every critical section here is a single
/// change of a container.
fn lock<T: ?Sized>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
