//! Topics: typed channels from any number of publishers to any number of subscriptions.
//!
//! A message is put on the heap once and shared by everybody (`Arc`); each subscription has its own bounded queue of
//! references. Publishing takes two short locks and never waits for a reader.

mod subscription;

pub use subscription::Subscription;

use crate::{
    bridge::{Bridge, Reader, WayOut},
    error::{BusError, Result},
    lock,
    qos::Qos,
    shutdown::{Shutdown, ShutdownPhase},
};
use msgs::{Message, cdr};
use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use subscription::{Queue, push_bounded};
use tokio::sync::Notify;

/// All topics of a graph by full name.
#[derive(Default)]
pub(crate) struct Topics {
    table: Mutex<BTreeMap<String, Entry>>,
    bridge: Option<Arc<Bridge>>,
}

impl fmt::Debug for Topics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.counts()).finish()
    }
}

struct Entry {
    typed: Arc<dyn Any + Send + Sync>,
    erased: Arc<dyn AnyTopic>,
}

/// What the diagnostics need to know of a topic of any type.
pub(crate) trait AnyTopic: Send + Sync {
    fn counts(&self) -> TopicCounts;
    fn type_name(&self) -> &'static str;
    fn first_node(&self) -> &str;
}

/// Totals since the topic came into being.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TopicCounts {
    /// Messages published.
    pub published: u64,
    /// Messages that a slow reader never saw, summed over the present subscriptions.
    pub dropped: u64,
    /// Publishers now.
    pub publishers: usize,
    /// Subscriptions now.
    pub subscriptions: usize,
}

impl Topics {
    pub(crate) fn new(bridge: Option<Arc<Bridge>>) -> Self {
        Self {
            table: Mutex::default(),
            bridge,
        }
    }

    /// The topic of this name, made on first use.
    fn get<M: Message>(&self, name: &str, node: &str) -> Result<Arc<Topic<M>>> {
        let mut table = lock(&self.table);
        if let Some(entry) = table.get(name) {
            return Arc::clone(&entry.typed)
                .downcast()
                .map_err(|_| BusError::TopicType {
                    topic: name.into(),
                    existing: entry.erased.type_name(),
                    first_node: entry.erased.first_node().into(),
                    requested: M::TYPE_NAME,
                    node: node.into(),
                });
        }
        let topic = Arc::new(Topic::<M> {
            name: name.into(),
            first_node: node.into(),
            published: AtomicU64::new(0),
            refused: AtomicBool::new(false),
            ends: Mutex::default(),
        });
        table.insert(
            name.into(),
            Entry {
                typed: topic.clone(),
                erased: topic.clone(),
            },
        );
        Ok(topic)
    }

    pub(crate) fn publisher<M: Message>(
        &self,
        name: &str,
        node: &str,
        qos: Qos,
    ) -> Result<Publisher<M>> {
        let topic = self.get::<M>(name, node)?;
        let bridge = self.bridge.as_ref();
        let way_out = bridge
            .map(|bridge| bridge.publisher(node, name, M::TYPE_NAME, qos))
            .transpose()?;
        let mut ends = lock(&topic.ends);
        for queue in ends.subscriptions.iter().filter_map(Weak::upgrade) {
            check_qos(name, (node, qos), (&queue.node, queue.qos))?;
        }
        ends.next_publisher += 1;
        let id = ends.next_publisher;
        ends.publishers.insert(
            id,
            PublisherEnd {
                node: node.into(),
                qos,
                kept: VecDeque::new(),
            },
        );
        drop(ends);
        Ok(Publisher {
            end: Arc::new(PublisherHandle { topic, id, way_out }),
        })
    }

    pub(crate) fn subscribe<M: Message>(
        &self,
        name: &str,
        node: &str,
        qos: Qos,
        shutdown: Arc<Shutdown>,
        until: ShutdownPhase,
    ) -> Result<Subscription<M>> {
        let topic = self.get::<M>(name, node)?;
        let mut ends = lock(&topic.ends);
        for publisher in ends.publishers.values() {
            check_qos(name, (&publisher.node, publisher.qos), (node, qos))?;
        }
        let queue = Arc::new(Queue {
            node: node.into(),
            qos,
            messages: Mutex::default(),
            arrived: Notify::new(),
            dropped: AtomicU64::new(0),
        });
        if qos.latched {
            for message in ends
                .publishers
                .values()
                .flat_map(|publisher| &publisher.kept)
            {
                queue.push(Arc::clone(message));
            }
        }
        if qos.latched {
            ends.from_outside
                .iter()
                .for_each(|message| queue.push(Arc::clone(message)));
        }
        ends.subscriptions.push(Arc::downgrade(&queue));
        drop(ends);
        if let Some(bridge) = &self.bridge {
            let topic = Arc::clone(&topic);
            let reader = Reader::Subscriptions;
            bridge.listen(node, name, M::TYPE_NAME, qos, reader, || {
                Arc::new(move |bytes| topic.take(bytes, qos))
            });
        }
        Ok(Subscription {
            topic,
            queue,
            shutdown,
            until,
        })
    }

    /// Name, type and totals of every topic, by name.
    pub(crate) fn counts(&self) -> Vec<(String, &'static str, TopicCounts)> {
        let table = lock(&self.table);
        table
            .iter()
            .map(|(name, entry)| {
                (
                    name.clone(),
                    entry.erased.type_name(),
                    entry.erased.counts(),
                )
            })
            .collect()
    }
}

fn check_qos(
    topic: &str,
    (publisher, offered): (&str, Qos),
    (subscriber, requested): (&str, Qos),
) -> Result<()> {
    if offered.satisfies(&requested) {
        return Ok(());
    }
    Err(BusError::IncompatibleQos {
        topic: topic.into(),
        publisher: publisher.into(),
        offered,
        subscriber: subscriber.into(),
        requested,
    })
}

struct Topic<M> {
    name: String,
    first_node: String,
    published: AtomicU64,
    /// Whether a message from outside could not be read.
    refused: AtomicBool,
    ends: Mutex<Ends<M>>,
}

struct Ends<M> {
    publishers: BTreeMap<u64, PublisherEnd<M>>,
    next_publisher: u64,
    subscriptions: Vec<Weak<Queue<M>>>,
    /// What latched publishers outside sent last, for late joiners.
    from_outside: VecDeque<Arc<M>>,
}

impl<M> Default for Ends<M> {
    fn default() -> Self {
        Self {
            publishers: BTreeMap::new(),
            next_publisher: 0,
            subscriptions: Vec::new(),
            from_outside: VecDeque::new(),
        }
    }
}

impl<M: Message> Topic<M> {
    /// Takes a message from outside for the subscriptions that ask for the same reliability and durability as `qos`.
    fn take(&self, bytes: &[u8], qos: Qos) {
        let message = match cdr::from_slice::<M>(bytes) {
            Ok(message) => Arc::new(message),
            Err(why) => {
                // Said once: whoever sends one such message sends more.
                if !self.refused.swap(true, Ordering::Relaxed) {
                    tracing::error!("{}: a message from outside is ignored: {why}", self.name);
                }
                return;
            }
        };
        self.published.fetch_add(1, Ordering::Relaxed);
        let mut ends = lock(&self.ends);
        if qos.latched {
            push_bounded(&mut ends.from_outside, Arc::clone(&message), qos.depth);
        }
        let is_same = |other: Qos| (other.reliable, other.latched) == (qos.reliable, qos.latched);
        ends.subscriptions
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|queue| is_same(queue.qos))
            .for_each(|queue| queue.push(Arc::clone(&message)));
    }
}

struct PublisherEnd<M> {
    node: String,
    qos: Qos,
    /// What late joiners get; empty unless latched.
    kept: VecDeque<Arc<M>>,
}

impl<M: Message> AnyTopic for Topic<M> {
    fn counts(&self) -> TopicCounts {
        let ends = lock(&self.ends);
        let queues = ends.subscriptions.iter().filter_map(Weak::upgrade);
        let (subscriptions, dropped) = queues.fold((0, 0), |(count, dropped), queue| {
            (count + 1, dropped + queue.dropped.load(Ordering::Relaxed))
        });
        TopicCounts {
            published: self.published.load(Ordering::Relaxed),
            dropped,
            publishers: ends.publishers.len(),
            subscriptions,
        }
    }

    fn type_name(&self) -> &'static str {
        M::TYPE_NAME
    }

    fn first_node(&self) -> &str {
        &self.first_node
    }
}

/// Sends messages to a topic. Clones are the same publisher.
pub struct Publisher<M: Message> {
    end: Arc<PublisherHandle<M>>,
}

struct PublisherHandle<M> {
    topic: Arc<Topic<M>>,
    id: u64,
    way_out: Option<WayOut>,
}

impl<M> Drop for PublisherHandle<M> {
    fn drop(&mut self) {
        lock(&self.topic.ends).publishers.remove(&self.id);
    }
}

impl<M: Message> Publisher<M> {
    /// Full name of the topic.
    pub fn topic(&self) -> &str {
        &self.end.topic.name
    }

    /// Hands a message to every subscription. Never waits; pass an `Arc` to keep sharing it.
    pub fn publish(&self, message: impl Into<Arc<M>>) {
        let message = message.into();
        let topic = &self.end.topic;
        topic.published.fetch_add(1, Ordering::Relaxed);
        let mut ends = lock(&topic.ends);
        if let Some(end) = ends.publishers.get_mut(&self.end.id)
            && end.qos.latched
        {
            push_bounded(&mut end.kept, Arc::clone(&message), end.qos.depth);
        }
        ends.subscriptions
            .retain(|subscription| match subscription.upgrade() {
                Some(queue) => {
                    queue.push(Arc::clone(&message));
                    true
                }
                None => false,
            });
        drop(ends);
        if let Some(way_out) = &self.end.way_out {
            way_out.offer(|| cdr::to_vec(&*message));
        }
    }

    /// Subscriptions now, also those outside of the process. Work for nobody can be left out.
    pub fn subscriber_count(&self) -> usize {
        let ends = lock(&self.end.topic.ends);
        let inside = ends
            .subscriptions
            .iter()
            .filter(|subscription| subscription.strong_count() > 0)
            .count();
        drop(ends);
        let way_out = self.end.way_out.as_ref();
        inside + way_out.map_or(0, WayOut::readers_outside)
    }
}

impl<M: Message> Clone for Publisher<M> {
    fn clone(&self) -> Self {
        Self {
            end: Arc::clone(&self.end),
        }
    }
}

impl<M: Message> fmt::Debug for Publisher<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Publisher")
            .field("topic", &self.topic())
            .field("type", &M::TYPE_NAME)
            .finish()
    }
}
