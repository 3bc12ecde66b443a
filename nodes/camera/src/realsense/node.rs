//! The node: what comes from the camera's thread goes to the topics.

use std::time::Duration;

use bus::{BusError, Node};
use lifecycle::{Managed, PrimaryState, Until, manage};

use super::camera::Camera;
use super::connection::Event;
use super::parameters::Settings;
use super::reporter::Reporter;
use super::worker::{Heard, Workers};
use crate::calibrated::CalibratedError;
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
    /// The calibrated intrinsics cannot be used.
    #[error("realsense: {0}")]
    Calibrated(#[from] CalibratedError),
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
/// The camera is made on the thread that uses it, and made anew on another one when the library hangs. It is a
/// [managed node](lifecycle): deactivated, it lets go of the camera.
pub async fn run_with<C: Camera>(
    node: Node,
    make: impl Fn(Settings) -> C + Clone + Send + 'static,
) -> Result<(), RealsenseError> {
    let mut realsense = Realsense {
        settings: Settings::declare(&node)?,
        output: Output::declare::<RealsenseError>(&node)?,
        reporter: Reporter::new(&node)?,
        node: node.clone(),
        make,
    };
    if node.clock().is_simulated() {
        return Err(RealsenseError::Lockstep);
    }
    manage(&node, &mut realsense).await
}

struct Realsense<F> {
    node: Node,
    settings: Settings,
    output: Output,
    reporter: Reporter,
    make: F,
}

impl<C: Camera, F: Fn(Settings) -> C + Clone + Send + 'static> Managed for Realsense<F> {
    type Error = RealsenseError;

    async fn active(&mut self, until: &Until) -> Result<(), RealsenseError> {
        let (make, settings) = (self.make.clone(), self.settings.clone());
        let mut workers =
            Workers::start(self.node.clock().clone(), move || make(settings.clone()))?;
        let result = self.forward(&mut workers, until).await;
        workers.end().await;
        result
    }

    async fn at_rest(&mut self, state: PrimaryState) {
        self.reporter.rest(state.refusal());
    }
}

impl<F> Realsense<F> {
    /// What comes from the camera goes to the topics.
    async fn forward<C: Camera, M: Fn() -> C + Clone + Send + 'static>(
        &mut self,
        workers: &mut Workers<M>,
        until: &Until,
    ) -> Result<(), RealsenseError> {
        let mut reports = tokio::time::interval(REPORT_PERIOD);
        loop {
            let heard = tokio::select! {
                biased;
                () = until.reached() => return Ok(()),
                heard = workers.hear() => heard,
                _ = reports.tick() => {
                    self.reporter.report();
                    continue;
                }
            };
            match heard {
                Heard::Event(stamp, Event::Captured(capture)) => {
                    self.reporter.captured(stamp);
                    self.output
                        .publish(stamp, &capture.intrinsics, capture.frame)?;
                }
                Heard::Event(_, Event::Opened(identity)) => {
                    self.output.check_serial(&identity.serial)?;
                    self.reporter.opened(identity);
                }
                Heard::Event(_, Event::Lost(reason)) => self.reporter.lost(reason),
                Heard::Event(_, Event::Ended) => return Ok(()),
                Heard::Event(_, Event::Failed(reason)) => {
                    return Err(RealsenseError::Camera(reason));
                }
                Heard::Hang(reason) => {
                    self.reporter.lost(reason);
                    workers.replace()?;
                }
                Heard::Silence => return Err(RealsenseError::Silent),
            }
        }
    }
}
