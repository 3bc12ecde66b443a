//! Services: a request to one server, answered once.

use crate::{
    bridge::{Bridge, Guard, Handler, OutsideClient, Reply},
    error::{BusError, Result, ServiceError},
    lock, names,
    shutdown::{Shutdown, ShutdownPhase},
};
use msgs::{Service, cdr};
use std::{
    any::Any,
    collections::BTreeMap,
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

/// How long a call waits for a server outside of the process.
const OUTSIDE_PATIENCE: Duration = Duration::from_secs(10);

/// All services of a graph by full name.
pub(crate) struct Services {
    table: Mutex<BTreeMap<String, Entry>>,
    /// Counts changes of the table, for those who wait for a server.
    changed: watch::Sender<u64>,
    bridge: Option<Arc<Bridge>>,
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
    pub(crate) fn new(bridge: Option<Arc<Bridge>>) -> Self {
        Self {
            table: Mutex::default(),
            changed: watch::Sender::new(0),
            bridge,
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
        let handler = handler::<S>(name.clone(), sender.clone());
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
        let mut server = ServiceServer {
            name,
            id,
            calls,
            outside: None,
            services: Arc::clone(self),
            shutdown,
            until,
        };
        if let Some(bridge) = &self.bridge {
            server.outside = Some(bridge.serve(node, &server.name, S::TYPE_NAME, handler)?);
        }
        Ok(server)
    }

    pub(crate) fn client<S: Service>(
        self: &Arc<Self>,
        name: String,
        node: &str,
    ) -> Result<Client<S>> {
        let bridge = self.bridge.as_ref();
        let outside = bridge
            .map(|bridge| bridge.client(node, &name, S::TYPE_NAME))
            .transpose()?;
        Ok(Client {
            name,
            services: Arc::clone(self),
            outside,
            service: PhantomData,
        })
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
    answer: Answer<S>,
}

/// Where an answer goes.
enum Answer<S: Service> {
    /// To a client on the bus.
    Bus(oneshot::Sender<S::Response>),
    /// To a client outside of the process.
    Outside(Reply),
}

impl<S: Service> Call<S> {
    /// What the client sent.
    pub fn request(&self) -> &S::Request {
        &self.request
    }

    /// Answers. A client that no longer waits is no error.
    pub fn respond(self, response: S::Response) {
        match self.answer {
            Answer::Bus(answer) => {
                answer.send(response).ok();
            }
            Answer::Outside(reply) => match cdr::to_vec(&response) {
                Ok(bytes) => reply(bytes),
                Err(why) => tracing::error!("an answer does not get out of this process: {why}"),
            },
        }
    }
}

/// Has requests from outside take their place among those of the bus.
fn handler<S: Service>(name: String, calls: mpsc::UnboundedSender<Call<S>>) -> Handler {
    Arc::new(move |request, reply| match cdr::from_slice(request) {
        Ok(request) => {
            let answer = Answer::Outside(reply);
            // Without a server there is nobody to answer.
            calls.send(Call { request, answer }).ok();
        }
        Err(why) => tracing::error!("{name}: a request from outside is ignored: {why}"),
    })
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
    outside: Option<Guard>,
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
    outside: Option<Arc<dyn OutsideClient>>,
    service: PhantomData<fn() -> S>,
}

impl<S: Service> Client<S> {
    /// Full name of the service.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends a request and waits for the answer. Fails at once when nobody serves it. A server in this process comes
    /// before one outside. Of one outside that goes away in the middle nobody hears: after 10 s without an answer the
    /// call fails.
    pub async fn call(&self, request: S::Request) -> Result<S::Response, ServiceError> {
        self.call_within(OUTSIDE_PATIENCE, request).await
    }

    /// The same, with another bound for a server outside.
    pub(crate) async fn call_within(
        &self,
        patience: Duration,
        request: S::Request,
    ) -> Result<S::Response, ServiceError> {
        let sender = match self.services.sender::<S>(&self.name) {
            Ok(sender) => sender,
            Err(error) => {
                let outside = self.outside.as_ref().filter(|client| client.is_served());
                let call = self.call_outside(outside.ok_or(error)?, &request);
                return timeout(patience, call).await.unwrap_or_else(|_| {
                    Err(ServiceError::NoAnswer {
                        service: self.name.clone(),
                        patience,
                    })
                });
            }
        };
        let (answer, answered) = oneshot::channel();
        let gone = || ServiceError::ServerGone {
            service: self.name.clone(),
        };
        let answer = Answer::Bus(answer);
        sender.send(Call { request, answer }).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }

    async fn call_outside(
        &self,
        client: &Arc<dyn OutsideClient>,
        request: &S::Request,
    ) -> Result<S::Response, ServiceError> {
        let failed = |reason: String| ServiceError::Outside {
            service: self.name.clone(),
            reason,
        };
        let request = cdr::to_vec(request).map_err(|why| failed(why.to_string()))?;
        let response = client.call(request).await;
        let response = response.map_err(|why| failed(why.to_string()))?;
        cdr::from_slice(&response).map_err(|why| failed(why.to_string()))
    }

    /// Whether a node serves it now, with the right type.
    pub fn is_served(&self) -> bool {
        self.services.sender::<S>(&self.name).is_ok()
            || self
                .outside
                .as_ref()
                .is_some_and(|client| client.is_served())
    }

    /// Waits until a node serves it. Bound it with the node's clock where it may never come.
    pub async fn wait_for_server(&self) {
        let mut changed = self.services.changed.subscribe();
        let outside = async {
            match &self.outside {
                Some(client) => client.served().await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(outside);
        while !self.is_served() {
            tokio::select! {
                biased;
                changed = changed.changed() => if changed.is_err() {
                    return;
                },
                () = &mut outside => return,
            }
        }
    }
}

impl<S: Service> Clone for Client<S> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            services: Arc::clone(&self.services),
            outside: self.outside.clone(),
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
