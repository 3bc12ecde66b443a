//! The node: topics in, files out.
//!
//! | parameter | |
//! |---|---|
//! | `directory` | where a file for each episode is written; empty: nothing is, until `recorder/start` |
//! | `reserve` | free space on the disk, MB, below which no recording goes on |
//!
//! | topic or service | type | |
//! |---|---|---|
//! | the camera's, the clicks', the target's, the robot's and the supervisor's topics, `/tf`, `/tf_static`, `/diagnostics` | | in |
//! | `recorder/status` | DiagnosticStatus | out, latched: `idle`, `recording` or `failed`; values `file`, `reason` |
//! | `recorder/start` | Trigger | records all that happens into one file, in `directory` or `recordings` |
//! | `recorder/stop` | Trigger | ends that file |
//!
//! An episode begins with a target and ends with the outcome, or when the robot is stopped; what comes to no attempt is
//! not kept. The second and a half before the beginning is in the file, too: the click, and its picture.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bus::{BusError, Node, ParameterSpec, Publisher, Qos, Subscription, Time};
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};
use msgs::std_srvs::{Trigger, TriggerResponse};
use supervisor::machine::State;

use crate::episode::{Change, Episodes, Outcome};
use crate::file::RecordingError;
use crate::provenance::Provenance;
use crate::recording::{self, Open, Past, Session};
use crate::tap::{self, Taken, Tap};

/// How often the node looks what has come.
const TICK: Duration = Duration::from_millis(5);
/// How often it looks at the disk.
const DISK_PERIOD: Duration = Duration::from_secs(1);
/// Where recordings go that nobody has named a folder for.
const FOLDER: &str = "recordings";

/// Why the node stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The bus refused something.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Runs the node until shutdown.
///
/// # Errors
/// When a topic, service or parameter cannot be had. What cannot be written is told, and the node goes on.
pub async fn run(node: Node) -> Result<(), NodeError> {
    run_on(node, recording::open).await
}

/// The same with another kind of disk.
pub(crate) async fn run_on(node: Node, open: Open) -> Result<(), NodeError> {
    let mut start = node.serve::<Trigger>("recorder/start")?;
    let mut stop = node.serve::<Trigger>("recorder/stop")?;
    let mut recorder = Recorder::new(&node, open)?;
    let mut ticks = node.clock().interval(TICK);
    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => {
                recorder.listen();
                recorder.end(None);
                return Ok(());
            }
            Some(call) = start.next() => call.respond(recorder.start()),
            Some(call) = stop.next() => call.respond(recorder.stop()),
            _ = ticks.tick() => recorder.work(),
        }
    }
}

/// What one file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Episode,
    /// Until somebody says that it is enough.
    All,
}

struct Recorder {
    node: Node,
    open: Open,
    /// Where episodes go.
    episodes_to: Option<PathBuf>,
    folder: PathBuf,
    reserve_bytes: u64,
    /// None while nothing can begin: pictures are not kept for nobody.
    taps: Vec<Tap>,
    past: Past,
    states: Subscription<DiagnosticStatus>,
    episodes: Episodes,
    session: Option<(Extent, Session)>,
    looked_at_disk: Time,
    status: Publisher<DiagnosticStatus>,
}

impl Recorder {
    fn new(node: &Node, open: Open) -> Result<Self, NodeError> {
        let directory = node.parameter(
            ParameterSpec::<String>::new("directory", "")
                .describe("where a file for each episode is written; empty: nothing is"),
        )?;
        let reserve = node.parameter(
            ParameterSpec::<i64>::new("reserve", 500)
                .describe("free space on the disk below which no recording goes on, MB")
                .range(1..=1_000_000),
        )?;
        let directory = directory.get();
        let episodes_to = (!directory.is_empty()).then(|| PathBuf::from(&directory));
        let recorder = Self {
            node: node.clone(),
            open,
            folder: episodes_to.clone().unwrap_or_else(|| FOLDER.into()),
            reserve_bytes: u64::try_from(reserve.get()).unwrap_or(0) * 1_000_000,
            taps: if episodes_to.is_some() {
                tap::all(node)?
            } else {
                Vec::new()
            },
            episodes_to,
            past: Past::default(),
            states: node.subscribe(
                "supervisor/state",
                Qos {
                    depth: 10,
                    ..Qos::latched()
                },
            )?,
            episodes: Episodes::default(),
            session: None,
            looked_at_disk: Time::ZERO,
            status: node.publisher("recorder/status", Qos::latched())?,
        };
        recorder.report(DiagnosticStatus::OK, "idle", "");
        Ok(recorder)
    }

    /// Takes what has come.
    fn work(&mut self) {
        self.listen();
        let now = self.node.now();
        while let Some(state) = self.states.try_next() {
            let Some(known) = State::named(&state.message) else {
                continue;
            };
            let number = |key| state.value(key).and_then(|text| text.parse().ok());
            let reason = state.value("reason").unwrap_or_default();
            let attempt = number("attempt").unwrap_or(0);
            let change = self.episodes.hear(now, known, reason, attempt);
            self.follow(change);
        }
        let change = self.episodes.wait(now);
        self.follow(change);
        if now.saturating_since(self.looked_at_disk) >= DISK_PERIOD {
            self.looked_at_disk = now;
            self.look_at_disk();
        }
    }

    /// Writes the messages that have come.
    fn listen(&mut self) {
        let now = self.node.now();
        for index in 0..self.taps.len() {
            while let Some(message) = self.taps.get(index).and_then(Tap::next) {
                let taken = Taken {
                    tap: index,
                    at: now,
                    message,
                };
                self.past.remember(&self.taps, &taken);
                if let Some((_, session)) = &mut self.session
                    && let Err(error) = session.write(&taken)
                {
                    self.give_up(&error.to_string());
                }
            }
        }
    }

    fn follow(&mut self, change: Option<Change>) {
        // What is recorded from end to end goes through several episodes.
        let is_whole = matches!(self.session, Some((Extent::All, _)));
        match change {
            Some(Change::Begin) if !is_whole => {
                if let Some(folder) = self.episodes_to.clone()
                    && let Err(error) = self.begin(&folder, Extent::Episode)
                {
                    self.failed(&format!("this episode is not recorded: {error}"));
                }
            }
            Some(Change::End(outcome)) if !is_whole => self.end(Some(&outcome)),
            _ => {}
        }
    }

    fn begin(&mut self, folder: &Path, extent: Extent) -> Result<PathBuf, RecordingError> {
        self.check_space(folder)?;
        let kind = match extent {
            Extent::Episode => "episode",
            Extent::All => "recording",
        };
        let path = recording::next_file(folder, kind)?;
        let provenance = Provenance::of(&self.node);
        let session = Session::begin(self.open, path.clone(), &self.taps, &self.past, &provenance)?;
        self.session = Some((extent, session));
        self.report(DiagnosticStatus::OK, "recording", "");
        Ok(path)
    }

    /// Ends the file, with how the episode ended or, when it has not, stands.
    fn end(&mut self, outcome: Option<&Outcome>) {
        let Some((extent, session)) = self.session.take() else {
            return;
        };
        let now = self.episodes.outcome();
        let outcome = outcome.unwrap_or(&now);
        let (path, messages) = (session.path.clone(), session.messages());
        if let Err(error) = session.end(&self.taps, outcome) {
            self.failed(&told(&path, messages, &error.to_string()));
            return;
        }
        if extent == Extent::Episode && outcome.attempts == 0 {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!("{} stays: {error}", path.display());
            }
        } else {
            tracing::info!(
                "recorded {}: {messages} messages, {}",
                path.display(),
                outcome.word
            );
        }
        self.report(DiagnosticStatus::OK, "idle", "");
    }

    fn start(&mut self) -> TriggerResponse {
        if let Some((Extent::All, session)) = &self.session {
            return TriggerResponse::refused(format!(
                "it is recorded already, into {}",
                session.path.display()
            ));
        }
        if self.taps.is_empty() {
            match tap::all(&self.node) {
                Ok(taps) => self.taps = taps,
                Err(error) => return TriggerResponse::refused(error.to_string()),
            }
        }
        let outcome = self.episodes.outcome();
        self.end(Some(&outcome));
        let folder = self.folder.clone();
        match self.begin(&folder, Extent::All) {
            Ok(path) => TriggerResponse::done(format!("recording into {}", path.display())),
            Err(error) => {
                let words = format!("nothing is recorded: {error}");
                self.close_taps();
                self.failed(&words);
                TriggerResponse::refused(words)
            }
        }
    }

    fn stop(&mut self) -> TriggerResponse {
        self.listen();
        let Some((Extent::All, session)) = &self.session else {
            return TriggerResponse::refused("nothing is recorded now");
        };
        let words = format!(
            "recorded {}: {} messages",
            session.path.display(),
            session.messages()
        );
        self.end(None);
        self.close_taps();
        TriggerResponse::done(words)
    }

    /// Lets go of all topics and pictures, unless an episode may begin.
    fn close_taps(&mut self) {
        if self.episodes_to.is_none() {
            self.taps.clear();
            self.past = Past::default();
        }
    }

    fn look_at_disk(&mut self) {
        let Some((_, session)) = &self.session else {
            return;
        };
        let folder = session.path.parent().unwrap_or(Path::new("."));
        if let Err(error) = self.check_space(folder) {
            self.give_up(&error.to_string());
        }
    }

    /// Leaves room for the rest of the system, and for the end of the file.
    fn check_space(&self, folder: &Path) -> Result<(), io::Error> {
        fs::create_dir_all(folder)?;
        let disk = rustix::fs::statvfs(folder)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free >= self.reserve_bytes {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "the disk of {} has {} MB left, and {} MB are to stay free (parameter reserve); make room",
            folder.display(),
            free / 1_000_000,
            self.reserve_bytes / 1_000_000
        )))
    }

    /// Ends a file that cannot go on, as well as can be. The robot hears nothing of it.
    fn give_up(&mut self, reason: &str) {
        let Some((_, session)) = self.session.take() else {
            return;
        };
        let words = told(&session.path, session.messages(), reason);
        // There may be room for the end; when there is none, what it says is known already.
        session.end(&self.taps, &self.episodes.outcome()).ok();
        self.close_taps();
        self.failed(&words);
    }

    fn failed(&mut self, words: &str) {
        tracing::error!("{words}");
        self.report(DiagnosticStatus::ERROR, "failed", words);
    }

    fn report(&self, level: u8, message: &str, reason: &str) {
        let file = self.session.as_ref();
        let file = file.map_or_else(String::new, |(_, session)| {
            session.path.display().to_string()
        });
        self.status.publish(DiagnosticStatus {
            level,
            name: "recorder".to_owned(),
            message: message.to_owned(),
            values: vec![KeyValue::new("file", file), KeyValue::new("reason", reason)],
            ..DiagnosticStatus::default()
        });
    }
}

fn told(path: &Path, messages: u32, reason: &str) -> String {
    format!(
        "the recording {} ended after {messages} messages: {reason}; the robot goes on",
        path.display()
    )
}
