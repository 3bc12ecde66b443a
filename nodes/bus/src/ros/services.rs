//! Services of ROS 2 by the name of their type.
//!
//! r2r serves services of types known at compile time only. Requests and responses go through ROS 2's own encoding, so
//! that our structs need no second form.

use super::worker::Bench;
use crate::bridge::{Guard, Handler, OutsideClient, OutsideError};
use futures::{FutureExt as _, Stream, future::BoxFuture, stream};
use r2r::{QosProfile, ServiceRequest, WrappedServiceTypeSupport, WrappedTypesupport};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How often a client looks for its server: several times as long as a node waits between two looks around.
const SEARCH_PERIOD: Duration = Duration::from_millis(200);

/// Calls a generic function with the type of a service.
macro_rules! with_type {
    ($type_name:expr, $function:ident($($argument:expr),*)) => {
        match $type_name {
            "rcl_interfaces/srv/ListParameters" => {
                $function::<r2r::rcl_interfaces::srv::ListParameters::Service>($($argument),*)
            }
            "rcl_interfaces/srv/GetParameters" => {
                $function::<r2r::rcl_interfaces::srv::GetParameters::Service>($($argument),*)
            }
            "rcl_interfaces/srv/GetParameterTypes" => {
                $function::<r2r::rcl_interfaces::srv::GetParameterTypes::Service>($($argument),*)
            }
            "rcl_interfaces/srv/DescribeParameters" => {
                $function::<r2r::rcl_interfaces::srv::DescribeParameters::Service>($($argument),*)
            }
            "rcl_interfaces/srv/SetParameters" => {
                $function::<r2r::rcl_interfaces::srv::SetParameters::Service>($($argument),*)
            }
            "rcl_interfaces/srv/SetParametersAtomically" => {
                $function::<r2r::rcl_interfaces::srv::SetParametersAtomically::Service>($($argument),*)
            }
            "lifecycle_msgs/srv/ChangeState" => {
                $function::<r2r::lifecycle_msgs::srv::ChangeState::Service>($($argument),*)
            }
            "lifecycle_msgs/srv/GetAvailableStates" => {
                $function::<r2r::lifecycle_msgs::srv::GetAvailableStates::Service>($($argument),*)
            }
            "lifecycle_msgs/srv/GetAvailableTransitions" => {
                $function::<r2r::lifecycle_msgs::srv::GetAvailableTransitions::Service>($($argument),*)
            }
            "lifecycle_msgs/srv/GetState" => {
                $function::<r2r::lifecycle_msgs::srv::GetState::Service>($($argument),*)
            }
            // The bindings that r2r keeps for machines without ROS 2 have no std_srvs.
            #[cfg(not(feature = "ros-doc-only"))]
            "std_srvs/srv/Empty" => $function::<r2r::std_srvs::srv::Empty::Service>($($argument),*),
            #[cfg(not(feature = "ros-doc-only"))]
            "std_srvs/srv/SetBool" => $function::<r2r::std_srvs::srv::SetBool::Service>($($argument),*),
            #[cfg(not(feature = "ros-doc-only"))]
            "std_srvs/srv/Trigger" => $function::<r2r::std_srvs::srv::Trigger::Service>($($argument),*),
            other => Err(OutsideError(format!(
                "this program does not know the service type {other}; it is to be added in nodes/bus/src/ros/services.rs"
            ))),
        }
    };
}

/// Serves a service until the guard is dropped.
pub(super) fn serve(
    bench: &mut Bench,
    service: &str,
    type_name: &str,
    handler: Handler,
) -> Result<Guard, OutsideError> {
    with_type!(type_name, serve_typed(bench, service, handler))
}

/// A client of a service.
pub(super) fn client(
    bench: &mut Bench,
    service: &str,
    type_name: &str,
) -> Result<Arc<dyn OutsideClient>, OutsideError> {
    with_type!(type_name, client_typed(bench, service))
}

fn serve_typed<T>(bench: &mut Bench, service: &str, handler: Handler) -> Result<Guard, OutsideError>
where
    T: WrappedServiceTypeSupport + 'static,
    T::Request: Send,
{
    let requests = bench
        .node
        .create_service::<T>(service, QosProfile::services_default())?;
    let name = service.to_owned();
    Ok(bench.drain(requests, move |request: ServiceRequest<T>| {
        let bytes = match request.message.to_serialized_bytes() {
            Ok(bytes) => bytes,
            Err(why) => return tracing::error!("{name}: a request is ignored: {why}"),
        };
        let name = name.clone();
        let reply = move |response: Vec<u8>| {
            let sent = T::Response::from_serialized_bytes(&response)
                .and_then(|response| request.respond(response));
            if let Err(why) = sent {
                tracing::error!("{name}: an answer is lost: {why}");
            }
        };
        handler(&bytes, Box::new(reply));
    }))
}

fn client_typed<T>(bench: &mut Bench, service: &str) -> Result<Arc<dyn OutsideClient>, OutsideError>
where
    T: WrappedServiceTypeSupport + 'static,
    T::Response: Send,
{
    let client = bench
        .node
        .create_client::<T>(service, QosProfile::services_default())?;
    let client = Arc::new(client);
    let served = Arc::new(watch::Sender::new(false));
    let telling = Arc::clone(&served);
    // The guard goes with the client: as long as it is there, the search is polled with the node.
    let search = bench.drain(watch_for_server(Arc::clone(&client)), move |found| {
        telling.send_if_modified(|before| std::mem::replace(before, found) != found);
    });
    Ok(Arc::new(RosClient {
        client,
        served,
        _search: Mutex::new(search),
    }))
}

/// Whether somebody serves it, again and again: servers come and go.
fn watch_for_server<T>(client: Arc<r2r::Client<T>>) -> impl Stream<Item = bool> + Unpin
where
    T: WrappedServiceTypeSupport + 'static,
{
    let mut asked: Option<Pin<Box<dyn Future<Output = r2r::Result<()>> + Send>>> = None;
    let mut since: Option<Instant> = None;
    stream::poll_fn(move |_| {
        let is_due = since.is_none_or(|since| since.elapsed() >= SEARCH_PERIOD);
        match &mut asked {
            None if is_due => {
                since = Some(Instant::now());
                match r2r::Node::is_available(&*client) {
                    Ok(found) => asked = Some(Box::pin(found)),
                    // The client is gone.
                    Err(_) => return Poll::Ready(None),
                }
                Poll::Pending
            }
            None => Poll::Pending,
            // r2r answers at the node's next look around if there is a server, and not before there is one.
            Some(answer) => match answer.now_or_never() {
                Some(found) => {
                    asked = None;
                    Poll::Ready(Some(found.is_ok()))
                }
                None if is_due => {
                    since = Some(Instant::now());
                    Poll::Ready(Some(false))
                }
                None => Poll::Pending,
            },
        }
    })
}

struct RosClient<T: WrappedServiceTypeSupport> {
    client: Arc<r2r::Client<T>>,
    served: Arc<watch::Sender<bool>>,
    _search: Mutex<Guard>,
}

impl<T> OutsideClient for RosClient<T>
where
    T: WrappedServiceTypeSupport + 'static,
    T::Response: Send,
{
    fn is_served(&self) -> bool {
        *self.served.borrow()
    }

    fn served(&self) -> BoxFuture<'static, ()> {
        let mut served = self.served.subscribe();
        async move {
            if served.wait_for(|served| *served).await.is_err() {
                // The client is gone, and with it the one who waits.
                std::future::pending::<()>().await;
            }
        }
        .boxed()
    }

    fn call(&self, request: Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, OutsideError>> {
        let answer = T::Request::from_serialized_bytes(&request)
            .and_then(|request| self.client.request(&request));
        async move { Ok(answer?.await?.to_serialized_bytes()?) }.boxed()
    }
}
