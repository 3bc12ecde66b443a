//! What a node does in each state, and what leads it through them.

use bus::{BusError, Node, ParameterSpec, Time};
use std::{future::Future, pin::pin};
use tokio::sync::watch;

use crate::desk::Desk;
use crate::machine::{Outcome, PrimaryState, Request};

/// A node that can be managed.
///
/// # Implementation
///
/// [`Managed::at_rest`] may be dropped wherever it waits. [`Managed::active`] is never dropped there while the graph runs.
pub trait Managed {
    /// Why the node ends.
    type Error: From<BusError> + std::fmt::Display;

    /// Sets up what does not move anything yet.
    ///
    /// # Errors
    /// When it cannot be set up: the node stays unconfigured, or, where it starts by itself, ends.
    fn configure(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Takes back [`Managed::configure`].
    fn clean_up(&mut self) {}

    /// Works until `until` is reached, and leaves everything that moves at rest. A node that is done before that ends.
    ///
    /// # Errors
    /// When it cannot go on: the node ends.
    fn active(&mut self, until: &Until) -> impl Future<Output = Result<(), Self::Error>>;

    /// Says that the node is in a state other than active, and refuses what it is asked to do, for as long as it is polled.
    fn at_rest(&mut self, state: PrimaryState) -> impl Future<Output = ()>;
}

/// Until when a node is active: somebody deactivates it or shuts it down, or the graph shuts down.
#[derive(Debug)]
pub struct Until {
    node: Node,
    deactivated: watch::Sender<bool>,
}

impl Until {
    fn new(node: &Node) -> Self {
        Self {
            node: node.clone(),
            deactivated: watch::Sender::new(false),
        }
    }

    /// Waits until the node is to be active no more. Safe to cancel.
    pub async fn reached(&self) {
        let mut deactivated = self.deactivated.subscribe();
        tokio::select! {
            biased;
            () = self.node.shutdown() => {}
            // The sender is ours, so the channel cannot close while we wait.
            _ = deactivated.wait_for(|deactivated| *deactivated) => {}
        }
    }

    /// Whether the node is to be active no more.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        *self.deactivated.borrow() || self.node.is_shutting_down()
    }
}

/// How what a node moves comes to rest once [`Until`] is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// When the node ends its work, whether all is at rest or not.
    pub by: Time,
    /// Whether it was stopped by more than this, and stays so when it is active again.
    pub is_stopped: bool,
}

impl Ending {
    /// Why a driver that comes to rest so takes no commands.
    pub const REASON: &'static str = "the driver is about to be active no more";
}

/// Leads a node through its life until the graph shuts down, or the node is done or fails.
///
/// # Errors
/// Those of the node.
pub async fn manage<M: Managed>(node: &Node, managed: &mut M) -> Result<(), M::Error> {
    let autostart = node
        .parameter(
            ParameterSpec::<bool>::new("autostart", true).describe(
                "configure and activate at the start; otherwise `ros2 lifecycle set` does",
            ),
        )
        .map_err(M::Error::from)?;
    let mut desk = Desk::new(node)?;
    if autostart.get() {
        desk.begin(Request::Configure);
        managed.configure()?;
        desk.end(Outcome::Success);
        desk.begin(Request::Activate);
        desk.end(Outcome::Success);
    }
    while !node.is_shutting_down() {
        if desk.settled() == Some(PrimaryState::Active) {
            if let Some(end) = be_active(node, managed, &mut desk).await {
                return end;
            }
            continue;
        }
        let state = desk.settled().unwrap_or(PrimaryState::Finalized);
        let request = {
            let mut at_rest = pin!(managed.at_rest(state));
            let mut is_polled = true;
            loop {
                tokio::select! {
                    biased;
                    () = node.shutdown() => return Ok(()),
                    request = desk.next() => break request,
                    () = &mut at_rest, if is_polled => is_polled = false,
                }
            }
        };
        let outcome = match request {
            Request::Configure => match managed.configure() {
                Ok(()) => Outcome::Success,
                Err(error) => {
                    tracing::error!("not configured: {error}");
                    Outcome::Failure
                }
            },
            Request::CleanUp => {
                managed.clean_up();
                Outcome::Success
            }
            Request::Activate | Request::Deactivate | Request::Shutdown => Outcome::Success,
        };
        desk.end(outcome);
    }
    Ok(())
}

/// Has the node work until somebody ends that; how the whole node ends, if it does.
async fn be_active<M: Managed>(
    node: &Node,
    managed: &mut M,
    desk: &mut Desk,
) -> Option<Result<(), M::Error>> {
    let until = Until::new(node);
    let mut is_asked = false;
    let worked = {
        let mut active = pin!(managed.active(&until));
        loop {
            tokio::select! {
                biased;
                worked = &mut active => break worked,
                // Deactivation or shutdown; then nothing more until that is over.
                _ = desk.next() => {
                    is_asked = true;
                    until.deactivated.send_replace(true);
                }
            }
        }
    };
    if worked.is_err() || !is_asked {
        return Some(worked);
    }
    desk.end(Outcome::Success);
    None
}
