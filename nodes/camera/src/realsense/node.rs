//! The node: what comes from the camera's thread goes to the topics.

use std::time::Duration;

use bus::{BusError, Node};

use super::camera::Camera;
use super::connection::Event;
use super::parameters::Settings;
use super::reporter::Reporter;
use super::worker::{Heard, Workers};
use crate::output::Output;

/// Between two reports when nothing happens.
const REPORT_PERIOD: Duration = Duration::from_secs(1);

/// Why the node stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RealsenseError {
    /// The bus refused something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// A camera has no simulated time.
    #[error("realsense: a camera cannot run in lockstep; use the node `sim` or `camera` there")]
    Lockstep,
    /// The thread could not be started.
    #[error("realsense: cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// Trying again does not help.
    #[error("realsense: {0}")]
    Camera(String),
    /// The library or its binding has panicked.
    #[error("realsense: librealsense has ended without a word; start the node again")]
    Silent,
}

/// Runs the node with this camera until shutdown, or until the end of a recording that does not loop.
///
/// The camera is made on the thread that uses it, and made anew on another one when the library hangs.
pub async fn run_with<C: Camera>(
    node: Node,
    make: impl Fn(Settings) -> C + Clone + Send + 'static,
) -> Result<(), RealsenseError> {
    let settings = Settings::declare(&node)?;
    let output = Output::declare(&node)?;
    let mut reporter = Reporter::new(&node)?;
    if node.clock().is_simulated() {
        return Err(RealsenseError::Lockstep);
    }
    let clock = node.clock().clone();
    let mut workers = Workers::start(clock, move || make(settings.clone()))?;
    let mut reports = tokio::time::interval(REPORT_PERIOD);
    let result = loop {
        let heard = tokio::select! {
            biased;
            () = node.shutdown() => break Ok(()),
            heard = workers.hear() => heard,
            _ = reports.tick() => {
                reporter.report();
                continue;
            }
        };
        match heard {
            Heard::Event(stamp, Event::Captured(capture)) => {
                reporter.captured(stamp);
                output.publish(stamp, &capture.intrinsics, capture.frame);
            }
            Heard::Event(_, Event::Opened(identity)) => reporter.opened(identity),
            Heard::Event(_, Event::Lost(reason)) => reporter.lost(reason),
            Heard::Event(_, Event::Ended) => break Ok(()),
            Heard::Event(_, Event::Failed(reason)) => break Err(RealsenseError::Camera(reason)),
            Heard::Hang(reason) => {
                reporter.lost(reason);
                workers.replace()?;
            }
            Heard::Silence => break Err(RealsenseError::Silent),
        }
    };
    workers.end().await;
    result
}
