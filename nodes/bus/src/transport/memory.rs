//! Pipes within the process: they need no system and no runtime, so they work in lockstep.

use crate::lock;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};
use tokio::{
    io::DuplexStream,
    sync::{mpsc, watch},
};

/// Bytes in flight in each direction before a writer waits, like a socket's buffer.
const CAPACITY: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct MemoryHub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    listeners: Mutex<BTreeMap<String, mpsc::UnboundedSender<DuplexStream>>>,
    /// Counts listeners that came, for those who wait for one.
    came: watch::Sender<u64>,
}

impl Default for MemoryHub {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                listeners: Mutex::default(),
                came: watch::Sender::new(0),
            }),
        }
    }
}

impl MemoryHub {
    pub(super) fn listen(&self, name: &str) -> io::Result<MemoryListener> {
        let (sender, incoming) = mpsc::unbounded_channel();
        let mut listeners = lock(&self.shared.listeners);
        if listeners.contains_key(name) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        listeners.insert(name.into(), sender);
        drop(listeners);
        self.shared.came.send_modify(|count| *count += 1);
        Ok(MemoryListener {
            name: name.into(),
            incoming,
            hub: Arc::clone(&self.shared),
        })
    }

    /// Connects, waiting until somebody listens under this name.
    pub(super) async fn connect(&self, name: &str) -> DuplexStream {
        let mut came = self.shared.came.subscribe();
        let (mut theirs, ours) = tokio::io::duplex(CAPACITY);
        loop {
            let listener = lock(&self.shared.listeners).get(name).cloned();
            if let Some(listener) = listener {
                match listener.send(theirs) {
                    Ok(()) => return ours,
                    Err(mpsc::error::SendError(returned)) => theirs = returned,
                }
            }
            // The sender is ours, so the channel cannot close while we wait.
            came.changed().await.ok();
        }
    }
}

#[derive(Debug)]
pub(super) struct MemoryListener {
    name: String,
    incoming: mpsc::UnboundedReceiver<DuplexStream>,
    hub: Arc<Shared>,
}

impl MemoryListener {
    pub(super) async fn accept(&mut self) -> DuplexStream {
        match self.incoming.recv().await {
            Some(stream) => stream,
            // The hub holds a sender as long as this listener lives.
            None => std::future::pending().await,
        }
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        lock(&self.hub.listeners).remove(&self.name);
    }
}
