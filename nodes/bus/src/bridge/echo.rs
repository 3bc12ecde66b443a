//! Telling our own messages from those of others.
//!
//! A subscription outside also gets what this process publishes outside, and the nodes of this process have had that
//! already: a command must not reach a driver twice. ROS 2 could leave out local publications or name each message's
//! sender, but the client library (r2r 0.9.7) shows neither. So what was sent is remembered by its bytes, and the first
//! messages that come back with the same ones are ours: as many as we have subscriptions that get it. Stamped messages
//! are never alike; and one without a stamp that somebody else sends too is taken for ours at most once for each time
//! that ours was lost on the way.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::{Duration, Instant},
};

/// What has not come back by then was lost on the way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Messages remembered at most; beyond, the oldest is taken for lost.
const MOST_REMEMBERED: usize = 4096;

/// What was sent on one topic.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    /// When, what, and how many of our subscriptions have yet to get it.
    volatile: VecDeque<(Instant, u64, usize)>,
    /// The last messages of each latched publisher: they come back whenever one of our subscriptions opens.
    latched: BTreeMap<u64, VecDeque<Kept>>,
}

/// A message that its publisher keeps for those who join later.
#[derive(Debug)]
struct Kept {
    digest: u64,
    /// How many of our subscriptions have yet to get it, of those that were open at `since` or opened then.
    readers: usize,
    since: Instant,
}

impl Kept {
    /// Another subscription will get it.
    fn expect(&mut self, now: Instant, readers: usize) {
        if now.saturating_duration_since(self.since) > PATIENCE {
            self.readers = 0;
        }
        self.readers += readers;
        self.since = now;
    }

    /// Takes one that came back; whether that is one of ours.
    fn take(&mut self, now: Instant, digest: u64) -> bool {
        let is_own = self.digest == digest
            && self.readers > 0
            && now.saturating_duration_since(self.since) <= PATIENCE;
        if is_own {
            self.readers -= 1;
        }
        is_own
    }
}

impl Echoes {
    /// A message is about to be sent, and so many of our subscriptions will get it too.
    pub(super) fn sent(&mut self, now: Instant, message: &[u8], readers: usize) {
        self.remember(now, digest(message), readers);
    }

    fn remember(&mut self, now: Instant, digest: u64, readers: usize) {
        self.forget(now);
        if self.volatile.len() == MOST_REMEMBERED {
            self.volatile.pop_front();
        }
        self.volatile.push_back((now, digest, readers));
    }

    /// A latched publisher that keeps `depth` messages is about to send one, and so many of our subscriptions will get it
    /// too.
    pub(super) fn latched(
        &mut self,
        now: Instant,
        publisher: u64,
        depth: usize,
        message: &[u8],
        readers: usize,
    ) {
        let kept = self.latched.entry(publisher).or_default();
        kept.push_back(Kept {
            digest: digest(message),
            readers,
            since: now,
        });
        let gone: Vec<_> = kept
            .drain(..kept.len().saturating_sub(depth.max(1)))
            .collect();
        // It may still be on its way.
        for message in gone.iter().filter(|message| message.readers > 0) {
            self.remember(now, message.digest, message.readers);
        }
    }

    /// A subscription of ours that gets what was kept is about to open.
    pub(super) fn opening(&mut self, now: Instant) {
        let kept = self.latched.values_mut().flatten();
        kept.for_each(|message| message.expect(now, 1));
    }

    /// A latched publisher is gone, and what it kept with it.
    pub(super) fn gone(&mut self, publisher: u64) {
        self.latched.remove(&publisher);
    }

    /// Whether a message that came is one of ours.
    pub(super) fn is_own(&mut self, now: Instant, message: &[u8]) -> bool {
        self.forget(now);
        if self.volatile.is_empty() && self.latched.is_empty() {
            return false;
        }
        let digest = digest(message);
        let mut kept = self.latched.values_mut().flatten();
        if kept.any(|message| message.take(now, digest)) {
            return true;
        }
        let sent = self
            .volatile
            .iter()
            .position(|(_, known, _)| *known == digest);
        let Some(place) = sent else { return false };
        if let Some((_, _, readers)) = self.volatile.get_mut(place) {
            *readers = readers.saturating_sub(1);
            if *readers == 0 {
                self.volatile.remove(place);
            }
        }
        true
    }

    fn forget(&mut self, now: Instant) {
        while self
            .volatile
            .front()
            .is_some_and(|(sent, ..)| now.saturating_duration_since(*sent) > PATIENCE)
        {
            self.volatile.pop_front();
        }
    }
}

fn digest(message: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_sent_comes_back_once_for_each_reader() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        echoes.sent(now, b"a", 2);
        assert!(!echoes.is_own(now, b"b"));
        assert!(echoes.is_own(now, b"a"));
        assert!(echoes.is_own(now, b"a"));
        assert!(
            !echoes.is_own(now, b"a"),
            "the third is somebody else's, with the same content"
        );
    }

    #[test]
    fn what_was_lost_is_forgotten() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        echoes.sent(now, b"a", 1);
        assert!(!echoes.is_own(now + PATIENCE * 2, b"a"));
    }

    #[test]
    fn latched_messages_come_back_to_each_reader_and_to_each_that_joins() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        echoes.latched(now, 1, 1, b"a", 1);
        assert!(echoes.is_own(now, b"a"));
        assert!(
            !echoes.is_own(now, b"a"),
            "somebody else's, with the same content"
        );
        let later = now + PATIENCE * 100;
        echoes.opening(later);
        echoes.opening(later);
        assert!(echoes.is_own(later, b"a") && echoes.is_own(later, b"a"));
        assert!(!echoes.is_own(later, b"a"));
        echoes.opening(later);
        echoes.latched(later, 1, 1, b"b", 1);
        assert!(echoes.is_own(later, b"a"), "it was on its way");
        echoes.opening(later);
        assert!(!echoes.is_own(later, b"a"), "it is kept no more");
        assert!(echoes.is_own(later, b"b"));
        echoes.opening(later);
        echoes.gone(1);
        assert!(!echoes.is_own(later, b"b"));
    }

    #[test]
    fn latched_messages_that_were_lost_are_forgotten() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        echoes.latched(now, 1, 1, b"a", 1);
        let later = now + PATIENCE * 2;
        assert!(!echoes.is_own(later, b"a"));
        echoes.opening(later);
        assert!(echoes.is_own(later, b"a"));
        assert!(
            !echoes.is_own(later, b"a"),
            "the lost one is not waited for again"
        );
    }

    #[test]
    fn memory_is_bounded() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        for number in 0..3 * MOST_REMEMBERED {
            echoes.sent(now, &number.to_le_bytes(), 1);
        }
        assert_eq!(echoes.volatile.len(), MOST_REMEMBERED);
        assert!(echoes.is_own(now, &(3 * MOST_REMEMBERED - 1).to_le_bytes()));
    }

    proptest! {
        /// Ours and theirs, interleaved in any way: exactly theirs remain, as long as no two are alike.
        #[test]
        fn exactly_the_messages_of_others_remain(ours in proptest::collection::vec(any::<bool>(), 0..64)) {
            let (mut echoes, now) = (Echoes::default(), Instant::now());
            let messages: Vec<_> = ours.iter().enumerate().map(|(n, ours)| (n.to_le_bytes(), *ours)).collect();
            for (message, _) in messages.iter().filter(|(_, ours)| *ours) {
                echoes.sent(now, message, 1);
            }
            for (message, ours) in messages.iter().rev() {
                prop_assert_eq!(echoes.is_own(now, message), *ours);
            }
        }
    }
}
