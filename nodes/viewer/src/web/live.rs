//! The stream that keeps a page up to date and tells it that the node lives, and what pages tell of themselves.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use bus::Time;
use futures::Stream;
use futures::stream::unfold;
use serde::Serialize;
use tokio::time::timeout;

use super::Shared;
use crate::status::Status;

/// A page that hears nothing for three of these says that the connection is lost.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// So much may be on its way to a page: one that is slower gets less, and never draws what is long over.
const WINDOW: Duration = Duration::from_millis(800);

/// The open pages: without one, no picture is made, and none that a page could not draw in time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pages(Arc<Inner>);

/// Times are of the node's clock, in ns.
#[derive(Debug, Default)]
struct Inner {
    open: AtomicUsize,
    ever_opened: AtomicU64,
    /// Of what was drawn last.
    drawn_ns: AtomicI64,
    /// Up to when a page has drawn.
    seen_ns: AtomicI64,
}

impl Pages {
    /// How many pages have been opened so far.
    pub(crate) fn ever_opened(&self) -> u64 {
        self.0.ever_opened.load(Ordering::Relaxed)
    }

    /// Whether something is to be drawn: somebody looks, and has seen most of what was drawn before.
    pub(crate) fn want_more(&self) -> bool {
        let drawn = Time::from_nanos(self.0.drawn_ns.load(Ordering::Relaxed));
        let seen = Time::from_nanos(self.0.seen_ns.load(Ordering::Relaxed));
        self.0.open.load(Ordering::Relaxed) > 0 && drawn.saturating_since(seen) <= WINDOW
    }

    /// What was drawn last is of this time.
    pub(crate) fn draws(&self, last: Time) {
        self.0.drawn_ns.store(last.as_nanos(), Ordering::Relaxed);
    }

    /// Somebody begins to look.
    pub(super) fn opened(&self) -> Page {
        let drawn = self.0.drawn_ns.load(Ordering::Relaxed);
        self.0.seen_ns.store(drawn, Ordering::Relaxed);
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.0.ever_opened.fetch_add(1, Ordering::Relaxed);
        Page(self.clone())
    }
}

/// One open page, that is, one rerun viewer that reads the recording.
pub(super) struct Page(Pages);

impl Drop for Page {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a page hears.
#[derive(Serialize)]
struct Heartbeat<'a> {
    /// Of what time the newest picture is that a page can have, s.
    drawn_s: f64,
    #[serde(flatten)]
    status: &'a Status,
}

/// Server-sent events: the status at once, at each change, and at each heartbeat.
pub(super) async fn live(
    State(shared): State<Arc<Shared>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut status = shared.status.clone();
    status.mark_changed();
    Sse::new(unfold((shared, status), async |(shared, mut status)| {
        // A node that is gone ends the stream, which the page takes for what it is.
        if let Ok(Err(_)) = timeout(HEARTBEAT, status.changed()).await {
            return None;
        }
        let text = {
            let status = status.borrow_and_update();
            let drawn_ns = shared.pages.0.drawn_ns.load(Ordering::Relaxed);
            let heartbeat = Heartbeat {
                drawn_s: Time::from_nanos(drawn_ns).as_secs_f64(),
                status: &status,
            };
            serde_json::to_string(&heartbeat).unwrap_or_default()
        };
        Some((Ok(Event::default().data(text)), (shared, status)))
    }))
}

/// A page tells up to when it has drawn, by the node's clock in s.
pub(super) async fn seen(State(shared): State<Arc<Shared>>, Json(seen_s): Json<f64>) {
    let seen = Time::from_secs_f64(seen_s);
    let seen_ns = &shared.pages.0.seen_ns;
    seen_ns.store(seen.as_nanos(), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_drawn_for_nobody() {
        let pages = Pages::default();
        assert!(!pages.want_more());
        let (first, second) = (pages.opened(), pages.opened());
        drop(first);
        assert!(pages.want_more());
        drop(second);
        assert!(!pages.want_more());
        assert_eq!(pages.ever_opened(), 2);
    }

    #[test]
    fn a_page_that_is_behind_gets_no_more_to_draw() {
        let pages = Pages::default();
        let start = Time::from_secs_f64(1e9);
        pages.draws(start);
        let _page = pages.opened();
        pages.draws(start + WINDOW);
        assert!(pages.want_more(), "as much as may be on its way");
        pages.draws(start + WINDOW * 2);
        assert!(!pages.want_more());
        let seen = start + WINDOW;
        pages.0.seen_ns.store(seen.as_nanos(), Ordering::Relaxed);
        assert!(pages.want_more());
    }
}
