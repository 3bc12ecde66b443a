//! The stream that keeps a page up to date, and tells it that the node lives.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use futures::Stream;
use futures::stream::unfold;
use tokio::time::timeout;

use super::Shared;

/// A page that hears nothing for three of these says that the connection is lost.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Counts the open pages: without one, no picture is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pages(Arc<AtomicUsize>);

impl Pages {
    /// Whether somebody looks.
    pub(crate) fn is_any_open(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    fn opened(&self) -> Page {
        self.0.fetch_add(1, Ordering::Relaxed);
        Page(self.clone())
    }
}

/// One open page.
struct Page(Pages);

impl Drop for Page {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Server-sent events: the status at once, at each change, and at each heartbeat.
pub(super) async fn live(
    State(shared): State<Arc<Shared>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut status = shared.status.clone();
    status.mark_changed();
    let page = shared.pages.opened();
    Sse::new(unfold((status, page), async |(mut status, page)| {
        // A node that is gone ends the stream, which the page takes for what it is.
        if let Ok(Err(_)) = timeout(HEARTBEAT, status.changed()).await {
            return None;
        }
        let text = serde_json::to_string(&*status.borrow_and_update()).unwrap_or_default();
        Some((Ok(Event::default().data(text)), (status, page)))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_out_again() {
        let pages = Pages::default();
        let (first, second) = (pages.opened(), pages.opened());
        drop(first);
        assert!(pages.is_any_open());
        drop(second);
        assert!(!pages.is_any_open());
    }
}
