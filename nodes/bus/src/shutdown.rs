//! Orderly shutdown: what moves the robot stops first, then everything else.

use tokio::sync::watch;

/// How far the graph's shutdown has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShutdownPhase {
    /// Nodes do their work.
    Running,
    /// Nodes that own a robot bring it to rest; all others still run.
    StopRobot,
    /// Every node ends.
    StopAll,
}

/// The graph's shutdown, shared by all nodes.
#[derive(Debug)]
pub(crate) struct Shutdown {
    phase: watch::Sender<ShutdownPhase>,
    requested: watch::Sender<bool>,
}

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self {
            phase: watch::Sender::new(ShutdownPhase::Running),
            requested: watch::Sender::new(false),
        }
    }

    pub(crate) fn phase(&self) -> ShutdownPhase {
        *self.phase.borrow()
    }

    /// Moves on to a phase; never back.
    pub(crate) fn enter(&self, phase: ShutdownPhase) {
        self.phase.send_if_modified(|current| {
            let later = phase > *current;
            *current = phase.max(*current);
            later
        });
    }

    /// Asks the runner to begin.
    pub(crate) fn request(&self) {
        self.requested.send_replace(true);
    }

    pub(crate) fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Waits until somebody asks for the shutdown.
    pub(crate) async fn requested(&self) {
        // The sender is ours, so the channel cannot close while we wait.
        self.requested
            .subscribe()
            .wait_for(|requested| *requested)
            .await
            .ok();
    }

    /// Waits until the shutdown has come to this phase.
    pub(crate) async fn reached(&self, phase: ShutdownPhase) {
        self.phase
            .subscribe()
            .wait_for(|current| *current >= phase)
            .await
            .ok();
    }
}
