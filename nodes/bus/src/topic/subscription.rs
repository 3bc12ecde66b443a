//! The reading end of a topic.

use super::Topic;
use crate::{
    lock,
    qos::Qos,
    shutdown::{Shutdown, ShutdownPhase},
};
use msgs::Message;
use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::Notify;

/// What waits for one subscription.
pub(super) struct Queue<M> {
    pub(super) node: String,
    pub(super) qos: Qos,
    pub(super) messages: Mutex<VecDeque<Arc<M>>>,
    pub(super) arrived: Notify,
    pub(super) dropped: AtomicU64,
}

impl<M> Queue<M> {
    pub(super) fn push(&self, message: Arc<M>) {
        let dropped = push_bounded(&mut lock(&self.messages), message, self.qos.depth);
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
        self.arrived.notify_one();
    }
}

/// Appends, making room by dropping the oldest; returns how many were dropped.
pub(super) fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, depth: usize) -> u64 {
    let mut dropped = 0;
    while queue.len() >= depth.max(1) {
        queue.pop_front();
        dropped += 1;
    }
    queue.push_back(item);
    dropped
}

/// Receives the messages of a topic in the order in which they were published.
pub struct Subscription<M: Message> {
    pub(super) topic: Arc<Topic<M>>,
    pub(super) queue: Arc<Queue<M>>,
    pub(super) shutdown: Arc<Shutdown>,
    pub(super) until: ShutdownPhase,
}

impl<M: Message> Subscription<M> {
    /// Full name of the topic.
    pub fn topic(&self) -> &str {
        &self.topic.name
    }

    /// Waits for the next message; `None` once the node is to shut down. Safe to cancel: nothing is lost.
    pub async fn next(&self) -> Option<Arc<M>> {
        tokio::select! {
            biased;
            () = self.shutdown.reached(self.until) => None,
            message = self.arrival() => Some(message),
        }
    }

    async fn arrival(&self) -> Arc<M> {
        loop {
            if let Some(message) = self.try_next() {
                return message;
            }
            self.queue.arrived.notified().await;
        }
    }

    /// The oldest waiting message.
    pub fn try_next(&self) -> Option<Arc<M>> {
        lock(&self.queue.messages).pop_front()
    }

    /// The newest waiting message; older ones are discarded (and not counted as dropped).
    pub fn latest(&self) -> Option<Arc<M>> {
        lock(&self.queue.messages).drain(..).next_back()
    }

    /// Messages lost so far because this reader was slow.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }

    /// Publishers of the topic in this process now.
    pub fn publisher_count(&self) -> usize {
        lock(&self.topic.ends).publishers.len()
    }
}

impl<M: Message> fmt::Debug for Subscription<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Subscription")
            .field("topic", &self.topic())
            .field("type", &M::TYPE_NAME)
            .field("waiting", &lock(&self.queue.messages).len())
            .field("dropped", &self.dropped())
            .finish()
    }
}
