//! Lockstep: time moves only while every node waits for it, so a run is the same every time.

use super::{
    DIAGNOSTICS_PERIOD, Graph, GraphError, RunReport, ShutdownReason,
    ledger::{Kept, Ledger},
    supervise::{Outcome, supervise},
};
use crate::{ShutdownPhase, Time};
use futures::{executor::LocalPool, future::LocalFutureObj, task::LocalSpawn as _};
use std::{cell::RefCell, collections::VecDeque, rc::Rc, time::Duration};

/// What a node has to say to the runner.
enum Event {
    Started(usize),
    Ended(usize, Outcome),
}

impl Graph {
    /// Runs all nodes on this thread until they are done, shutdown is requested, or `limit` of simulated time is over.
    ///
    /// Every node runs until it waits. When all do, the clock jumps to the first point in time that any waits for. So
    /// a node may compute as long as it likes in no time at all, and nothing depends on the machine's speed or load.
    pub fn run_lockstep(mut self, limit: Option<Duration>) -> Result<RunReport, GraphError> {
        if !self.shared.clock.is_simulated() {
            return Err(GraphError::WrongClock {
                way: "in lockstep",
                clock: "real",
            });
        }
        let diagnostics = self.diagnostics_publisher()?;
        let clock = self.shared.clock.clone();
        let shutdown = std::sync::Arc::clone(&self.shared.shutdown);
        let limit = limit.map(|limit| clock.now() + limit);
        let mut next_report = clock.now() + DIAGNOSTICS_PERIOD;
        let mut pool = LocalPool::new();
        let events = Rc::new(RefCell::new(VecDeque::new()));
        let mut ledger = self.spawn_all(&pool, &events);
        let mut checked = false;
        let mut grace_end = None;
        loop {
            pool.run_until_stalled();
            while let Some(event) = events.borrow_mut().pop_front() {
                match event {
                    Event::Started(index) => ledger.started(index),
                    Event::Ended(index, outcome) => ledger.ended(index, outcome),
                }
            }
            if ledger.all_ended() {
                break;
            }
            if !checked && ledger.all_started() && ledger.fatal.is_none() {
                checked = true;
                if let Some(undeclared) = ledger.undeclared() {
                    return Err(undeclared.into());
                }
            }
            let now = clock.now();
            if shutdown.is_requested() {
                ledger.reason.get_or_insert(ShutdownReason::Requested);
            }
            if limit.is_some_and(|limit| now >= limit) {
                ledger.reason.get_or_insert(ShutdownReason::TimeIsUp);
            }
            let expired = grace_end.is_some_and(|end| now >= end);
            match shutdown.phase() {
                ShutdownPhase::Running if ledger.reason.is_some() => {
                    shutdown.enter(ShutdownPhase::StopRobot);
                    grace_end = Some(now + self.config.shutdown_grace);
                    continue;
                }
                ShutdownPhase::StopRobot if expired || ledger.robots_ended() => {
                    shutdown.enter(ShutdownPhase::StopAll);
                    grace_end = Some(now + self.config.shutdown_grace);
                    continue;
                }
                ShutdownPhase::StopAll if expired => break,
                _ => {}
            }
            let waited_for = clock.next_deadline();
            if waited_for.is_none() && grace_end.is_none() {
                return Err(GraphError::Deadlock {
                    time: now,
                    waiting: ledger.running(),
                });
            }
            let runner = [
                Some(next_report),
                limit.filter(|_| grace_end.is_none()),
                grace_end,
            ]
            .into_iter()
            .flatten();
            let next = waited_for
                .into_iter()
                .chain(runner)
                .min()
                .unwrap_or(Time::MAX);
            clock.advance_to(next);
            if next >= next_report {
                diagnostics.publish(self.shared.diagnostics.report(next));
                next_report = next + DIAGNOSTICS_PERIOD;
            }
        }
        // Nodes that did not end go first, while all that they share still is.
        drop(pool);
        ledger.finish(clock.now())
    }

    fn spawn_all(&mut self, pool: &LocalPool, events: &Rc<RefCell<VecDeque<Event>>>) -> Ledger {
        let mut nodes = Vec::new();
        for (index, entry) in self.entries.drain(..).enumerate() {
            let super::Entry {
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
            let events = Rc::clone(events);
            let life = async move {
                let started = || events.borrow_mut().push_back(Event::Started(index));
                let outcome = supervise(node, main, started).await;
                events.borrow_mut().push_back(Event::Ended(index, outcome));
            };
            // The pool is alive, so it takes the node.
            pool.spawner()
                .spawn_local_obj(LocalFutureObj::from(Box::pin(life)))
                .ok();
        }
        Ledger {
            nodes,
            failures: Vec::new(),
            fatal: None,
            reason: None,
        }
    }
}
