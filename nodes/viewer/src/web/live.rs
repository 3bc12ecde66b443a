//! The line that keeps a page up to date and tells it that the node lives, and on which it says how far it has drawn and
//! that the robot is to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use bus::Time;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use supervisor::machine::Request;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Shared;
use super::wanted::Answer;
use crate::status::Status;

/// A page that hears nothing for three of these says that the connection is lost.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// So much may be on its way to a page: one that is slower gets less, and never draws what is long over.
const WINDOW: Duration = Duration::from_millis(800);

/// No page has more to say, in bytes.
const LONGEST_WORD: usize = 1024;

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

/// What a page says here.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    /// Up to when it has drawn, by the node's clock in s.
    Seen(f64),
    /// The robot is to stop.
    Stop,
}

/// A page's own line to the node.
///
/// A browser opens some six connections to a server and has further requests wait, and pages hold theirs for pictures:
/// with many pages open, a request would not get through. Web sockets do not count there, and this one is open already
/// when somebody presses *Stop*.
pub(super) async fn live(State(shared): State<Arc<Shared>>, line: WebSocketUpgrade) -> Response {
    line.max_message_size(LONGEST_WORD)
        .on_upgrade(|socket| async move {
            let (to_page, from_page) = socket.split();
            let (answers, answered) = mpsc::unbounded_channel();
            // Apart from each other: a page that is slow to listen is heard all the same.
            tokio::select! {
                () = tell(Arc::clone(&shared), to_page, answered) => {}
                () = hear(shared, from_page, answers) => {}
            }
        })
}

/// Tells the status at once, at each change, and at each heartbeat, and what became of what the page asked for.
async fn tell(
    shared: Arc<Shared>,
    mut page: SplitSink<WebSocket, Message>,
    mut answered: mpsc::UnboundedReceiver<Answer>,
) {
    let mut status = shared.status.clone();
    status.mark_changed();
    loop {
        let text = tokio::select! {
            biased;
            Some(answer) = answered.recv() => serde_json::to_string(&answer),
            changed = timeout(HEARTBEAT, status.changed()) => {
                // A node that is gone ends the line, which the page takes for what it is.
                if let Ok(Err(_)) = changed {
                    return;
                }
                let status = status.borrow_and_update();
                let drawn_ns = shared.pages.0.drawn_ns.load(Ordering::Relaxed);
                serde_json::to_string(&Heartbeat {
                    drawn_s: Time::from_nanos(drawn_ns).as_secs_f64(),
                    status: &status,
                })
            }
        };
        let message = Message::text(text.unwrap_or_default());
        if page.send(message).await.is_err() {
            return;
        }
    }
}

/// Does what the page says, until it goes.
async fn hear(
    shared: Arc<Shared>,
    mut page: SplitStream<WebSocket>,
    answers: mpsc::UnboundedSender<Answer>,
) {
    while let Some(Ok(message)) = page.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        match serde_json::from_str(&text) {
            Ok(Word::Seen(seen_s)) => {
                let seen = Time::from_secs_f64(seen_s);
                let seen_ns = &shared.pages.0.seen_ns;
                seen_ns.store(seen.as_nanos(), Ordering::Relaxed);
            }
            Ok(Word::Stop) => {
                let (shared, answers) = (Arc::clone(&shared), answers.clone());
                // It goes on when the page has gone.
                tokio::spawn(async move {
                    let answer = shared.desk.call(Request::Stop).await;
                    answers.send(answer.into()).ok();
                });
            }
            Err(error) => tracing::warn!("a page says {text:?}: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        let read = |text| serde_json::from_str::<Word>(text).ok();
        assert_eq!(read(r#"{"seen": 12.5}"#), Some(Word::Seen(12.5)));
        assert_eq!(read(r#""stop""#), Some(Word::Stop));
        for wrong in ["", "stop", r#""start""#, r#"{"seen": null}"#, "{}"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

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
