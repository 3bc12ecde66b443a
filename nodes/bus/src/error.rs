//! What can go wrong between nodes, told so that a person can act on it.

use std::time::Duration;

use crate::{bridge::OutsideError, names::NameError, parameter::ParameterError, qos::Qos};

/// Result of the bus.
pub type Result<T, E = BusError> = std::result::Result<T, E>;

/// Why a node did not get the publisher, subscription, service or parameter it asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// A topic, service, node or remap rule is not a valid name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A parameter could not be had.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// Two nodes disagree on the type of a topic.
    #[error(
        "topic {topic} carries {existing} (since node {first_node}), but node {node} asked for {requested}; \
         remap one of them or use the same type"
    )]
    TopicType {
        /// Full name of the topic.
        topic: String,
        /// Type it has.
        existing: &'static str,
        /// Node that gave it that type.
        first_node: String,
        /// Type that was asked for.
        requested: &'static str,
        /// Node that asked.
        node: String,
    },
    /// A subscription asks for more than a publisher offers.
    #[error(
        "topic {topic}: node {subscriber} subscribes {requested}, but node {publisher} publishes {offered}; \
         ROS 2 would deliver nothing: lower the subscription or raise the publisher"
    )]
    IncompatibleQos {
        /// Full name of the topic.
        topic: String,
        /// Publishing node.
        publisher: String,
        /// What it offers.
        offered: Qos,
        /// Subscribing node.
        subscriber: String,
        /// What it asks for.
        requested: Qos,
    },
    /// The world outside of the process does not take part in something.
    #[error("{what} cannot be had outside of this process: {reason}")]
    Outside {
        /// What was asked for.
        what: String,
        /// Why not.
        reason: OutsideError,
    },
    /// A service has a server already.
    #[error(
        "service {service} is served by node {owner} already, so node {node} cannot serve it; remap one of them"
    )]
    ServiceTaken {
        /// Full name of the service.
        service: String,
        /// Node that serves it.
        owner: String,
        /// Node that wanted to.
        node: String,
    },
}

/// Why a service call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Nobody serves it now.
    #[error("no node serves {service}{}; is the node that does running?", closest(.similar))]
    NoServer {
        /// Full name of the service.
        service: String,
        /// Services with a like name.
        similar: Vec<String>,
    },
    /// It is served with another type.
    #[error(
        "service {service} of node {server} is a {existing}, but the caller asked for a {requested}"
    )]
    Type {
        /// Full name of the service.
        service: String,
        /// Node that serves it.
        server: String,
        /// Type it has.
        existing: &'static str,
        /// Type the caller wants.
        requested: &'static str,
    },
    /// The call to a server outside of this process failed.
    #[error("service {service}, served outside of this process: {reason}")]
    Outside {
        /// Full name of the service.
        service: String,
        /// Why.
        reason: String,
    },
    /// A server outside of this process keeps silent.
    #[error(
        "service {service}, served outside of this process, has not answered for {} s; see whether its node is alive, \
         then call again", .patience.as_secs_f64()
    )]
    NoAnswer {
        /// Full name of the service.
        service: String,
        /// How long the call waited.
        patience: Duration,
    },
    /// The server went away before it answered.
    #[error(
        "the node that serves {service} stopped before it answered; see why it stopped, then call again"
    )]
    ServerGone {
        /// Full name of the service.
        service: String,
    },
}

/// "; did you mean a or b?", or nothing.
pub(crate) fn closest(similar: &[String]) -> String {
    if similar.is_empty() {
        String::new()
    } else {
        format!(" (did you mean {}?)", similar.join(" or "))
    }
}
