//! A file for rerun beside each recording: `episode_0001.rrd` beside `episode_0001.mcap`.

use std::path::{Path, PathBuf};

use bus::{Node, Qos, Subscription};
use msgs::diagnostic_msgs::DiagnosticStatus;

use super::Log;

/// Begins and ends files as the node `recorder` does.
pub(crate) struct Beside {
    recordings: Subscription<DiagnosticStatus>,
}

impl Beside {
    pub(crate) fn new(node: &Node) -> bus::Result<Self> {
        let recordings = node.subscribe("recorder/status", Qos::latched())?;
        Ok(Self { recordings })
    }

    /// Hears of recordings. True when a file has just begun, which has nothing in it yet.
    pub(crate) fn follow(&mut self, log: &mut Log) -> bool {
        let Some(status) = self.recordings.latest() else {
            return false;
        };
        let wanted = beside(&status);
        if wanted.as_deref() == log.file() {
            return false;
        }
        log.end_file();
        let Some(path) = wanted else {
            return false;
        };
        let begun = log.begin_file(&path);
        if let Err(error) = &begun {
            tracing::warn!("{} is not written: {error}", path.display());
        }
        begun.is_ok()
    }
}

/// The file beside the one that is recorded, if one is.
fn beside(status: &DiagnosticStatus) -> Option<PathBuf> {
    let recording = status.value("file").filter(|file| !file.is_empty());
    let recording = recording.filter(|_| status.message == "recording")?;
    Some(Path::new(recording).with_extension("rrd"))
}
