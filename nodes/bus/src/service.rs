//! Services: a request to one server, answered once.

use crate::{
    error::{BusError, Result, ServiceError},
    lock, names,
    shutdown::{Shutdown, ShutdownPhase},
};
use msgs::Service;
use std::{
    any::Any,
    collections::BTreeMap,
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex},
};
use tokio::sync::{mpsc, oneshot, watch};

/// All services of a graph by full name.
pub(crate) struct Services {
    table: Mutex<BTreeMap<String, Entry>>,
    /// Counts changes of the table, for those who wait for a server.
    changed: watch::Sender<u64>,
}

struct Entry {
    id: u64,
    node: String,
    type_name: &'static str,
    /// An `mpsc::UnboundedSender<Call<S>>`.
    sender: Box<dyn Any + Send>,
}

impl fmt::Debug for Services {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_list()
            .entries(lock(&self.table).keys())
            .finish()
    }
}

impl Services {
    pub(crate) fn new() -> Self {
        Self {
            table: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }

    pub(crate) fn serve<S: Service>(
        self: &Arc<Self>,
        name: String,
        node: &str,
        shutdown: Arc<Shutdown>,
        until: ShutdownPhase,
    ) -> Result<ServiceServer<S>> {
        let (sender, calls) = mpsc::unbounded_channel::<Call<S>>();
        let mut table = lock(&self.table);
        if let Some(taken) = table.get(&name) {
            return Err(BusError::ServiceTaken {
                service: name,
                owner: taken.node.clone(),
                node: node.into(),
            });
        }
        let id = *self.changed.borrow() + 1;
        let entry = Entry {
            id,
            node: node.into(),
            type_name: S::TYPE_NAME,
            sender: Box::new(sender),
        };
        table.insert(name.clone(), entry);
        self.changed.send_replace(id);
        drop(table);
        Ok(ServiceServer {
            name,
            id,
            calls,
            services: Arc::clone(self),
            shutdown,
            until,
        })
    }

    pub(crate) fn client<S: Service>(self: &Arc<Self>, name: String) -> Client<S> {
        Client {
            name,
            services: Arc::clone(self),
            service: PhantomData,
        }
    }

    fn sender<S: Service>(
        &self,
        name: &str,
    ) -> Result<mpsc::UnboundedSender<Call<S>>, ServiceError> {
        let table = lock(&self.table);
        let entry = table.get(name).ok_or_else(|| ServiceError::NoServer {
            service: name.into(),
            similar: names::similar(name, table.keys().map(String::as_str)),
        })?;
        entry
            .sender
            .downcast_ref::<mpsc::UnboundedSender<Call<S>>>()
            .cloned()
            .ok_or_else(|| ServiceError::Type {
                service: name.into(),
                server: entry.node.clone(),
                existing: entry.type_name,
                requested: S::TYPE_NAME,
            })
    }
}

/// One request that waits for its answer. Dropped unanswered, the caller gets an error.
pub struct Call<S: Service> {
    request: S::Request,
    answer: oneshot::Sender<S::Response>,
}

impl<S: Service> Call<S> {
    /// What the client sent.
    pub fn request(&self) -> &S::Request {
        &self.request
    }

    /// Answers. A client that no longer waits is no error.
    pub fn respond(self, response: S::Response) {
        self.answer.send(response).ok();
    }
}

impl<S: Service> fmt::Debug for Call<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Call")
            .field("type", &S::TYPE_NAME)
            .field("request", &self.request)
            .finish()
    }
}

/// Takes the requests of a service. Dropped, the service is gone and waiting callers get an error.
pub struct ServiceServer<S: Service> {
    name: String,
    id: u64,
    calls: mpsc::UnboundedReceiver<Call<S>>,
    services: Arc<Services>,
    shutdown: Arc<Shutdown>,
    until: ShutdownPhase,
}

impl<S: Service> ServiceServer<S> {
    /// Full name of the service.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for the next request; `None` once the node is to shut down. Safe to cancel: nothing is lost.
    pub async fn next(&mut self) -> Option<Call<S>> {
        tokio::select! {
            biased;
            () = self.shutdown.reached(self.until) => None,
            call = self.calls.recv() => call,
        }
    }

    /// The oldest waiting request.
    pub fn try_next(&mut self) -> Option<Call<S>> {
        self.calls.try_recv().ok()
    }
}

impl<S: Service> Drop for ServiceServer<S> {
    fn drop(&mut self) {
        let mut table = lock(&self.services.table);
        if table
            .get(&self.name)
            .is_some_and(|entry| entry.id == self.id)
        {
            table.remove(&self.name);
        }
    }
}

impl<S: Service> fmt::Debug for ServiceServer<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServiceServer")
            .field("name", &self.name)
            .field("type", &S::TYPE_NAME)
            .finish()
    }
}

/// Calls a service. Cheap to clone; need not outlive or precede the server.
pub struct Client<S: Service> {
    name: String,
    services: Arc<Services>,
    service: PhantomData<fn() -> S>,
}

impl<S: Service> Client<S> {
    /// Full name of the service.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends a request and waits for the answer. Fails at once when nobody serves it.
    pub async fn call(&self, request: S::Request) -> Result<S::Response, ServiceError> {
        let (answer, answered) = oneshot::channel();
        let gone = || ServiceError::ServerGone {
            service: self.name.clone(),
        };
        self.services
            .sender::<S>(&self.name)?
            .send(Call { request, answer })
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }

    /// Whether a node serves it now, with the right type.
    pub fn is_served(&self) -> bool {
        self.services.sender::<S>(&self.name).is_ok()
    }

    /// Waits until a node serves it. Bound it with the node's clock where it may never come.
    pub async fn wait_for_server(&self) {
        let mut changed = self.services.changed.subscribe();
        while !self.is_served() {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }
}

impl<S: Service> Clone for Client<S> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            services: Arc::clone(&self.services),
            service: PhantomData,
        }
    }
}

impl<S: Service> fmt::Debug for Client<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("name", &self.name)
            .field("type", &S::TYPE_NAME)
            .finish()
    }
}
