//! A node's thread: it alone touches the node, waits for what comes in, and passes it on.

use crate::{
    NodeName,
    bridge::{Guard, OutsideError},
    lock,
};
use futures::{FutureExt as _, Stream, StreamExt as _};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, Weak, mpsc},
    thread,
    time::{Duration, Instant},
};

/// How long a node waits for messages before it looks for orders.
const PATIENCE: Duration = Duration::from_millis(10);

/// How often publishers are counted.
const COUNT_PERIOD: Duration = Duration::from_millis(100);

/// What one reads of a stream at a time: a flood on one topic holds up no other.
const MOST_AT_ONCE: usize = 32;

type Order = Box<dyn FnOnce(&mut Bench) + Send>;

/// Publishers of topics, by topic.
pub(super) type Counts = Arc<Mutex<BTreeMap<String, usize>>>;

/// What lies before the thread.
pub(super) struct Bench {
    pub(super) node: r2r::Node,
    /// Each passes on what has come, and says whether it is still wanted.
    sources: Vec<Box<dyn FnMut() -> bool>>,
}

impl Bench {
    /// Passes on what a stream brings, until the guard is dropped.
    pub(super) fn drain<T: 'static>(
        &mut self,
        mut stream: impl Stream<Item = T> + Unpin + 'static,
        mut take: impl FnMut(T) + 'static,
    ) -> Guard {
        let wanted = Arc::new(());
        let still: Weak<()> = Arc::downgrade(&wanted);
        self.sources.push(Box::new(move || {
            for _ in 0..MOST_AT_ONCE {
                if still.strong_count() == 0 {
                    return false;
                }
                match stream.next().now_or_never() {
                    Some(Some(item)) => take(item),
                    Some(None) => return false,
                    None => break,
                }
            }
            true
        }));
        Box::new(wanted)
    }
}

/// The thread of a node.
pub(super) struct Worker {
    orders: Orders,
    thread: thread::JoinHandle<()>,
}

impl Worker {
    /// Starts it. With `counts`, it keeps the counts of the topics in there up to date.
    pub(super) fn start(
        name: &NodeName,
        node: r2r::Node,
        counts: Option<Counts>,
    ) -> Result<Self, OutsideError> {
        let (sender, orders) = mpsc::channel();
        let thread = thread::Builder::new()
            .name(name.to_string())
            .spawn(move || run(node, &orders, counts.as_ref()))
            .map_err(|why| OutsideError(why.to_string()))?;
        Ok(Self {
            orders: Orders(sender),
            thread,
        })
    }

    pub(super) fn orders(&self) -> Orders {
        self.orders.clone()
    }

    /// Ends the node, and waits until it has.
    pub(super) fn end(self) {
        self.orders.0.send(None).ok();
        if self.thread.join().is_err() {
            tracing::error!("a ROS 2 node broke off");
        }
    }
}

/// Gives a worker something to do; `None` in the channel ends it.
#[derive(Clone)]
pub(super) struct Orders(mpsc::Sender<Option<Order>>);

impl Orders {
    /// Has something done, soon.
    pub(super) fn tell(&self, order: impl FnOnce(&mut Bench) + Send + 'static) {
        // When the node has ended, what it had is gone already.
        self.0.send(Some(Box::new(order))).ok();
    }

    /// Has something done, and waits for the result.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        order: impl FnOnce(&mut Bench) -> T + Send + 'static,
    ) -> Result<T, OutsideError> {
        let (sender, result) = mpsc::channel();
        self.tell(move |bench| {
            sender.send(order(bench)).ok();
        });
        result
            .recv()
            .map_err(|_| OutsideError("the ROS 2 node has ended".into()))
    }
}

fn run(node: r2r::Node, orders: &mpsc::Receiver<Option<Order>>, counts: Option<&Counts>) {
    let mut bench = Bench {
        node,
        sources: Vec::new(),
    };
    let mut counted = Instant::now();
    loop {
        loop {
            match orders.try_recv() {
                Ok(Some(order)) => order(&mut bench),
                Err(mpsc::TryRecvError::Empty) => break,
                Ok(None) | Err(mpsc::TryRecvError::Disconnected) => return,
            }
        }
        bench.node.spin_once(PATIENCE);
        bench.sources.retain_mut(|source| source());
        if let Some(counts) = counts
            && counted.elapsed() >= COUNT_PERIOD
        {
            counted = Instant::now();
            let topics: Vec<String> = lock(counts).keys().cloned().collect();
            for topic in topics {
                if let Ok(found) = bench.node.get_publishers_info_by_topic(&topic, false) {
                    lock(counts).insert(topic, found.len());
                }
            }
        }
    }
}
