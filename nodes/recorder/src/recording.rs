//! What goes into a file, and when: the messages of all taps, a little of what was before, and the facts around them.

use std::collections::VecDeque;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::episode::Outcome;
use crate::file::{Channel, RecordingError, Writer};
use crate::provenance::Provenance;
use crate::tap::{Taken, Tap};

/// How much of what was before the beginning goes into a file: the click that it begins with, and its picture.
const BEFORE: Duration = Duration::from_millis(1500);

/// Something that can be written to like a file.
pub(crate) trait Disk: Write + Seek + Send {}

impl<T: Write + Seek + Send> Disk for T {}

/// Makes the file of a recording.
pub(crate) type Open = fn(&Path) -> io::Result<Box<dyn Disk>>;

/// Makes a file that is not there yet.
pub(crate) fn open(path: &Path) -> io::Result<Box<dyn Disk>> {
    Ok(Box::new(BufWriter::new(File::create_new(path)?)))
}

/// The name of the next file of a kind in a folder, which is made when it is missing.
pub(crate) fn next_file(folder: &Path, kind: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let number = |entry: io::Result<fs::DirEntry>| -> Option<u32> {
        let name = entry.ok()?.file_name();
        let digits = name.to_str()?.strip_prefix(kind)?.strip_prefix('_')?;
        digits.strip_suffix(".mcap")?.parse().ok()
    };
    let last = fs::read_dir(folder)?.filter_map(number).max().unwrap_or(0);
    Ok(folder.join(format!("{kind}_{:04}.mcap", last.saturating_add(1))))
}

/// The last of what came, for files that begin now.
#[derive(Default)]
pub(crate) struct Past {
    recent: VecDeque<Taken>,
    /// What holds until something else is said, by tap.
    kept: Vec<VecDeque<Taken>>,
}

impl Past {
    /// Remembers a message.
    pub(crate) fn remember(&mut self, taps: &[Tap], taken: &Taken) {
        self.kept.resize_with(taps.len(), VecDeque::new);
        let keep = taps.get(taken.tap).map_or(0, |tap| tap.kept);
        if keep > 0 {
            if let Some(kept) = self.kept.get_mut(taken.tap) {
                kept.push_back(taken.clone());
                while kept.len() > keep {
                    kept.pop_front();
                }
            }
        } else {
            self.recent.push_back(taken.clone());
        }
        let is_old = |old: &Taken| taken.at.saturating_since(old.at) > BEFORE;
        while self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
    }

    /// What still holds, then what just happened. All of it is given times that a file may begin with.
    fn messages(&self) -> Vec<Taken> {
        let begin = self.recent.front().map(|first| first.at);
        let holds = self.kept.iter().flatten().cloned();
        let holds = holds.map(|mut taken| {
            taken.at = begin.map_or(taken.at, |begin| taken.at.max(begin));
            taken
        });
        let mut all: Vec<_> = holds.chain(self.recent.iter().cloned()).collect();
        all.sort_by_key(|taken| taken.at);
        all
    }
}

/// A file that is being written.
pub(crate) struct Session {
    pub(crate) path: PathBuf,
    writer: Writer<Box<dyn Disk>>,
    channels: Vec<Channel>,
    /// Messages that had been dropped before.
    dropped_before: u64,
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn dropped(taps: &[Tap]) -> u64 {
    taps.iter().map(Tap::dropped).sum()
}

impl Session {
    /// Begins a file with what is known.
    pub(crate) fn begin(
        open: Open,
        path: PathBuf,
        taps: &[Tap],
        past: &Past,
        provenance: &Provenance,
    ) -> Result<Self, RecordingError> {
        let mut writer = Writer::new(open(&path)?)?;
        writer.metadata("program", provenance.program.clone())?;
        writer.metadata("parameters", provenance.parameters.clone())?;
        writer.metadata("models", provenance.models.clone())?;
        // Where topics are remapped, this says which is which.
        writer.metadata(
            "topics",
            taps.iter().map(|tap| (tap.name, tap.topic.clone())),
        )?;
        let channels = taps
            .iter()
            .map(|tap| writer.channel_of(&tap.topic, tap.type_name, &tap.definition))
            .collect::<Result<_, _>>()?;
        let mut session = Self {
            path,
            writer,
            channels,
            dropped_before: dropped(taps),
        };
        for taken in past.messages() {
            session.write(&taken)?;
        }
        Ok(session)
    }

    /// Writes a message.
    pub(crate) fn write(&mut self, taken: &Taken) -> Result<(), RecordingError> {
        let Some(channel) = self.channels.get(taken.tap) else {
            return Ok(());
        };
        let bytes = taken.message.encode()?;
        self.writer.write_encoded(*channel, taken.at, &bytes)
    }

    /// Messages written so far.
    pub(crate) fn messages(&self) -> u32 {
        self.writer.messages()
    }

    /// Ends the file with what is known by now.
    pub(crate) fn end(mut self, taps: &[Tap], outcome: &Outcome) -> Result<(), RecordingError> {
        let lost = dropped(taps).saturating_sub(self.dropped_before);
        let facts = [
            ("outcome", outcome.word.to_owned()),
            ("reason", outcome.reason.clone()),
            ("attempts", outcome.attempts.to_string()),
            ("dropped_messages", lost.to_string()),
        ];
        self.writer.metadata("episode", facts)?;
        self.writer.finish()
    }
}
