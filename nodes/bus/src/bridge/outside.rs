//! The seam: what a bridge needs of the world outside of the process.

use crate::{NodeName, Qos};
use futures::future::BoxFuture;
use std::{any::Any, fmt, sync::Arc};

/// Takes an encoded message that came from outside.
pub type Sink = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// Answers a request, once, with the encoded response. Dropped unused, the caller gets no answer.
pub type Reply = Box<dyn FnOnce(Vec<u8>) + Send>;

/// Takes an encoded request and the way to answer it.
pub type Handler = Arc<dyn Fn(&[u8], Reply) + Send + Sync>;

/// What keeps something offered to the outside; it is withdrawn when this is dropped.
pub type Guard = Box<dyn Any + Send>;

/// Why the outside cannot do something, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OutsideError(pub String);

/// The world outside of the process: ROS 2, or a stand-in for it in a test.
///
/// Messages, requests and responses are whole CDR encodings, their 4-byte header included. Types are ROS 2's full names.
///
/// # Implementation
///
/// Every method can be called from any thread. Sinks and handlers may be called from any thread too, and return soon.
pub trait Outside: Send + Sync + fmt::Debug {
    /// Makes a node known. What follows in its name comes after this.
    fn add_node(&self, name: &NodeName) -> Result<(), OutsideError>;

    /// A publisher of `node`. A latched one keeps its last `qos.depth` messages for those who join later.
    fn publisher(
        &self,
        node: &str,
        topic: &str,
        type_name: &'static str,
        qos: Qos,
    ) -> Result<Box<dyn Outlet>, OutsideError>;

    /// A subscription of `node`, until the guard is dropped. It may well receive what this process publishes: the bridge
    /// tells that apart.
    fn subscribe(
        &self,
        node: &str,
        topic: &str,
        type_name: &'static str,
        qos: Qos,
        sink: Sink,
    ) -> Result<Guard, OutsideError>;

    /// Publishers that a topic has now, those of this process included.
    fn publisher_count(&self, topic: &str) -> usize;

    /// Serves a service in the name of `node`, until the guard is dropped.
    fn serve(
        &self,
        node: &str,
        service: &str,
        type_name: &'static str,
        handler: Handler,
    ) -> Result<Guard, OutsideError>;

    /// A client of `node` for a service.
    fn client(
        &self,
        node: &str,
        service: &str,
        type_name: &'static str,
    ) -> Result<Arc<dyn OutsideClient>, OutsideError>;
}

/// A publisher outside.
pub trait Outlet: Send + Sync {
    /// Subscriptions that it reaches now, those of this process included.
    fn reader_count(&self) -> usize;

    /// Sends an encoded message.
    fn send(&self, message: &[u8]) -> Result<(), OutsideError>;
}

/// A client of a service that is served outside.
pub trait OutsideClient: Send + Sync {
    /// Whether somebody serves it, as far as is known.
    fn is_served(&self) -> bool;

    /// Waits until somebody serves it.
    fn served(&self) -> BoxFuture<'static, ()>;

    /// Sends an encoded request; gives the encoded response.
    fn call(&self, request: Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, OutsideError>>;
}
