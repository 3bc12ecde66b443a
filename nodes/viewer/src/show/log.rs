//! The recording: entities by path, at the time of the node's clock.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bus::Time;
use re_sdk::external::re_grpc_server::{MemoryLimit, PlaybackBehavior, ServerOptions};
use re_sdk::log::ChunkBatcherConfig;
use re_sdk::{
    AsComponents, RecordingStream, RecordingStreamBuilder, RecordingStreamError,
    SerializedComponentBatch,
};

use super::blueprint;

/// The name by which rerun's viewer knows this kind of recording, and its layout.
pub(super) const APPLICATION: &str = "grasp_anything";
/// The timeline of the node's clock.
pub(super) const TIMELINE: &str = "time";

/// What is kept for pages that are opened later: little, because they draw all of it before they show the present.
const HISTORY_BYTES: u64 = 4 * 1024 * 1024;
/// For so long what is logged is gathered: many small packets cost more than few large ones.
const GATHERED: Duration = Duration::from_millis(60);

/// At the end of a file, the disk has this long.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// No port on this machine.
    #[error("viewer: no free port on this machine for the recording: {0}")]
    Port(#[from] std::io::Error),
    /// rerun refused.
    #[error("viewer: rerun cannot record: {0}")]
    Rerun(#[from] RecordingStreamError),
}

/// The recording that the page shows, and the file that it is written into while there is one.
pub(crate) struct Log {
    stream: RecordingStream,
    address: SocketAddr,
    now: Cell<Time>,
    last: Cell<Time>,
    /// Whether the page is shown what is logged next; the file always is.
    shown: Cell<bool>,
    /// What always holds, for files that begin later.
    fixed: RefCell<Vec<(String, Vec<SerializedComponentBatch>)>>,
    file: Option<(PathBuf, RecordingStream)>,
}

impl Log {
    /// Starts a recording, served to this machine only, at an address of it that others do not know: rerun asks nobody
    /// who they are, and lets pages of this machine's other servers in.
    pub(crate) fn start() -> Result<Self, LogError> {
        // rerun takes a number, not a socket; the port that was free a moment ago is.
        let address = TcpListener::bind((any_loopback(), 0))?.local_addr()?;
        let stream = RecordingStreamBuilder::new(APPLICATION)
            .enabled(true)
            .batcher_config(ChunkBatcherConfig {
                flush_tick: GATHERED,
                ..ChunkBatcherConfig::LOW_LATENCY
            })
            .serve_grpc_opts(
                address.ip().to_string(),
                address.port(),
                ServerOptions {
                    playback_behavior: PlaybackBehavior::NewestFirst,
                    memory_limit: MemoryLimit::from_bytes(HISTORY_BYTES),
                    ..ServerOptions::default()
                },
            )?;
        blueprint::send(&stream)?;
        Ok(Self {
            stream,
            address,
            now: Cell::default(),
            last: Cell::default(),
            shown: Cell::new(true),
            fixed: RefCell::default(),
            file: None,
        })
    }

    /// Begins a file that has in it what is logged from now on, and ends the one before.
    pub(crate) fn begin_file(&mut self, path: &Path) -> Result<(), LogError> {
        self.end_file();
        let file = RecordingStreamBuilder::new(APPLICATION)
            .enabled(true)
            .save(path)?;
        blueprint::send(&file)?;
        for (entity, components) in self.fixed.borrow().iter() {
            file.log_serialized_batches(entity.as_str(), true, components.iter().cloned())?;
        }
        self.file = Some((path.to_owned(), file));
        Ok(())
    }

    /// The file that is written.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// Ends the file.
    pub(crate) fn end_file(&mut self) {
        if let Some((path, file)) = self.file.take()
            && let Err(error) = file.flush_with_timeout(LAST_WRITES)
        {
            tracing::warn!("{} is not complete: {error}", path.display());
        }
    }

    /// Sets whether the page is shown what is logged next.
    pub(crate) fn show(&self, shown: bool) {
        self.shown.set(shown);
    }

    /// Where the recording's server is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the time of what is logged next.
    pub(crate) fn at(&self, now: Time) {
        self.now.set(now);
        for stream in self.streams() {
            stream.set_timestamp_secs_since_epoch(TIMELINE, now.as_secs_f64());
        }
    }

    /// The time of what the page was shown last.
    pub(crate) fn last(&self) -> Time {
        self.last.get()
    }

    /// Logs what holds from now on.
    pub(crate) fn put(&self, path: &str, what: &impl AsComponents) {
        if self.shown.get() {
            self.last.set(self.now.get());
        }
        self.write(path, false, &what.as_serialized_batches());
    }

    /// Logs what holds always, or until it is logged again.
    pub(crate) fn put_static(&self, path: &str, what: &impl AsComponents) {
        let components = what.as_serialized_batches();
        let shown = self.shown.replace(true);
        self.write(path, true, &components);
        self.shown.set(shown);
        let kinds = |components: &[SerializedComponentBatch]| -> Vec<_> {
            let kinds = components.iter().map(|batch| batch.descriptor.clone());
            kinds.collect()
        };
        let mut fixed = self.fixed.borrow_mut();
        fixed.retain(|(other, before)| other != path || kinds(before) != kinds(&components));
        fixed.push((path.to_owned(), components));
    }

    /// That something is not shown is no reason to stop.
    fn write(&self, path: &str, is_static: bool, components: &[SerializedComponentBatch]) {
        for stream in self.streams() {
            let components = components.iter().cloned();
            if let Err(error) = stream.log_serialized_batches(path, is_static, components) {
                tracing::warn!("{path} is not shown: {error}");
            }
        }
    }

    /// Who gets what is logged next.
    fn streams(&self) -> impl Iterator<Item = &RecordingStream> {
        let page = self.shown.get().then_some(&self.stream);
        let file = self.file.as_ref().map(|(_, file)| file);
        page.into_iter().chain(file)
    }
}

/// One of this machine's addresses for itself, at random: 127.x.y.z.
fn any_loopback() -> IpAddr {
    // The standard library seeds its hashers with the system's randomness.
    let [x, y, z, ..] = RandomState::new().hash_one(()).to_be_bytes();
    // The first and the last may have meanings of their own.
    Ipv4Addr::new(127, x, y, z.clamp(1, 254)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recording_is_where_nobody_looks() {
        let addresses: Vec<IpAddr> = (0..8).map(|_| any_loopback()).collect();
        assert!(addresses.iter().all(IpAddr::is_loopback));
        assert!(addresses.iter().any(|address| *address != addresses[0]));

        let log = Log::start().unwrap();
        assert!(log.address().ip().is_loopback());
        let usual = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), log.address().port());
        // rerun's server comes up on a thread of its own, there and nowhere else.
        while std::net::TcpStream::connect(log.address()).is_err() {
            std::thread::yield_now();
        }
        if log.address() != usual {
            assert!(std::net::TcpStream::connect(usual).is_err());
        }
    }
}
