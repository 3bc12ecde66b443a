//! One node's life, whatever happens in it.

use super::{NodeError, NodeMain};
use crate::Node;
use futures::FutureExt as _;
use std::{any::Any, future::poll_fn, panic::AssertUnwindSafe, task::Poll};

/// How a node ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Done,
    Failed(NodeError),
    Panicked(String),
}

/// Runs a node to its end. `started` is called when it first waits: by then its parameters are declared.
pub(super) async fn supervise(node: Node, main: NodeMain, started: impl FnOnce()) -> Outcome {
    let life = async move {
        let mut running = main(node.clone());
        let mut started = Some(started);
        poll_fn(move |context| {
            let polled = running.poll_unpin(context);
            if let Some(started) = started.take() {
                let undeclared = node.parameters().first_undeclared();
                // A node that failed may have done so before it declared everything.
                if let (Some(undeclared), false) =
                    (undeclared, matches!(polled, Poll::Ready(Err(_))))
                {
                    return Poll::Ready(Err(undeclared.into()));
                }
                started();
            }
            polled
        })
        .await
    };
    match AssertUnwindSafe(life).catch_unwind().await {
        Ok(Ok(())) => Outcome::Done,
        Ok(Err(error)) => Outcome::Failed(error),
        Err(payload) => Outcome::Panicked(panic_message(&*payload)),
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}
