//! Real time: a thread and an event loop for each node.

use super::{
    DIAGNOSTICS_PERIOD, Entry, Graph, GraphError, RunReport, ShutdownReason,
    ledger::{Kept, Ledger},
    supervise::{Outcome, supervise},
};
use crate::{
    Clock, ClockSource, ShutdownPhase, Time,
    bridge::{Bridge, REVIEW_PERIOD},
};
use std::{io, sync::Arc, thread};
use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
};

/// What a node's thread has to say to the runner.
enum Event {
    Started(usize),
    Ended(usize, Outcome),
}

impl Graph {
    /// Runs each node on its own thread until all are done, shutdown is requested, or SIGINT or SIGTERM comes. A
    /// second signal ends the run without waiting for nodes.
    pub fn run_realtime(mut self) -> Result<RunReport, GraphError> {
        if self.shared.clock.is_simulated() {
            return Err(GraphError::WrongClock {
                way: "in real time",
                clock: "simulated",
            });
        }
        let bridge = self.shared.bridge.clone();
        if self.shared.clock.is_followed() && bridge.is_none() {
            return Err(GraphError::WrongClock {
                way: "without a bridge to the outside",
                clock: "followed",
            });
        }
        if let Some(bridge) = &bridge {
            bridge.listen_for_all(&self.shared);
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let signals = Signals::new()?;
            let (events, incoming) = mpsc::unbounded_channel();
            // Dropped when the run is over: that ends nodes that did not end when told.
            let (over, _) = watch::channel(());
            let ledger = self.start_all(&events, &over)?;
            self.oversee(ledger, incoming, signals).await
        })
    }

    fn start_all(
        &mut self,
        events: &mpsc::UnboundedSender<Event>,
        over: &watch::Sender<()>,
    ) -> Result<Ledger, GraphError> {
        let mut nodes = Vec::new();
        for (index, entry) in self.entries.drain(..).enumerate() {
            let Entry {
                node,
                required,
                owns_robot,
                ends_graph,
                main,
            } = entry;
            nodes.push(Kept {
                node: node.clone(),
                required,
                owns_robot,
                ends_graph,
                started: false,
                ended: false,
            });
            let (events, mut over) = (events.clone(), over.subscribe());
            thread::Builder::new()
                .name(node.name().into())
                .spawn(move || {
                    // The runner may be gone: then nobody needs to know.
                    let outcome = match Builder::new_current_thread().enable_all().build() {
                        Err(error) => Outcome::Failed(error.into()),
                        Ok(runtime) => runtime.block_on(async {
                            let started = || {
                                events.send(Event::Started(index)).ok();
                            };
                            tokio::select! {
                                biased;
                                outcome = supervise(node, main, started) => outcome,
                                _ = over.changed() => Outcome::Done,
                            }
                        }),
                    };
                    events.send(Event::Ended(index, outcome)).ok();
                })?;
        }
        Ok(Ledger {
            nodes,
            failures: Vec::new(),
            fatal: None,
            reason: None,
        })
    }

    async fn oversee(
        &self,
        mut ledger: Ledger,
        mut events: mpsc::UnboundedReceiver<Event>,
        mut signals: Signals,
    ) -> Result<RunReport, GraphError> {
        let clock = &self.shared.clock;
        let shutdown = Arc::clone(&self.shared.shutdown);
        let diagnostics = self.diagnostics_publisher()?;
        let mut reports = clock.interval(DIAGNOSTICS_PERIOD);
        // A clock that somebody else moves may have stopped, and the shutdown waits for nobody.
        let wall = if clock.is_followed() {
            Clock::new(ClockSource::System)
        } else {
            clock.clone()
        };
        let bridge = self.shared.bridge.as_deref();
        let mut reviews = tokio::time::interval(REVIEW_PERIOD);
        let mut grace_end = Time::MAX;
        let mut undeclared = None;
        let mut checked = false;
        while !ledger.all_ended() {
            tokio::select! {
                biased;
                () = signals.next() => {
                    if shutdown.phase() != ShutdownPhase::Running {
                        tracing::warn!("a second signal: ending without waiting for the nodes");
                        break;
                    }
                    ledger.reason.get_or_insert(ShutdownReason::Signal);
                }
                () = shutdown.requested(), if ledger.reason.is_none() => {
                    ledger.reason = Some(ShutdownReason::Requested);
                }
                Some(event) = events.recv() => match event {
                    Event::Started(index) => ledger.started(index),
                    Event::Ended(index, outcome) => ledger.ended(index, outcome),
                },
                () = wall.sleep_until(grace_end), if grace_end < Time::MAX => {}
                _ = reviews.tick(), if bridge.is_some() => bridge.into_iter().for_each(Bridge::review),
                now = reports.tick() => diagnostics.publish(self.shared.diagnostics.report(now)),
            }
            if !checked && ledger.all_started() && ledger.fatal.is_none() {
                checked = true;
                undeclared = ledger.undeclared();
                // Nodes in other processes may take what is given to all.
                if let Some(stray) = undeclared.take_if(|_| bridge.is_some()) {
                    tracing::warn!("{stray}; a node of another process may");
                }
                if undeclared.is_some() {
                    ledger.reason.get_or_insert(ShutdownReason::Requested);
                }
            }
            let now = wall.now();
            let expired = now >= grace_end;
            match shutdown.phase() {
                ShutdownPhase::Running if ledger.reason.is_some() => {
                    tracing::debug!("shutting down: robots first");
                    shutdown.enter(ShutdownPhase::StopRobot);
                    grace_end = now + self.config.shutdown_grace;
                }
                ShutdownPhase::StopAll if expired => break,
                _ => {}
            }
            if shutdown.phase() == ShutdownPhase::StopRobot && (expired || ledger.robots_ended()) {
                shutdown.enter(ShutdownPhase::StopAll);
                grace_end = now + self.config.shutdown_grace;
            }
        }
        match undeclared {
            Some(error) => Err(error.into()),
            None => ledger.finish(clock.now()),
        }
    }
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
