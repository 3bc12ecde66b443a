//! The three ports of the controller, and the sharing of one controller between them.

use super::super::{listen, serve_all};
use super::controller::{Config, Controller, Reading, Target};
use super::rtde::Hub;
use super::{dashboard, rtde};
use bus::{Network, NetworkError};
use std::cell::{Cell, RefCell};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::sync::watch;

/// Longer texts on the script port are no program of ours.
const LARGEST_SCRIPT: usize = 256 * 1024;

/// Where the three ports are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// RTDE (30004 on a real controller).
    pub rtde: String,
    /// Dashboard (29999).
    pub dashboard: String,
    /// Scripts (30002).
    pub script: String,
}

/// A controller shared by its three ports and the loop that steps the world.
///
/// It belongs to one thread: sessions and loop are futures that take turns.
#[derive(Debug)]
pub struct UrFace {
    controller: RefCell<Controller>,
    hub: RefCell<Hub>,
    cycles: Cell<u64>,
    cut: watch::Sender<u64>,
}

impl UrFace {
    /// A face of an arm that stands where `reading` says.
    #[must_use]
    pub fn new(config: Config, reading: Reading) -> Self {
        Self {
            controller: RefCell::new(Controller::new(config, reading)),
            hub: RefCell::default(),
            cycles: Cell::new(0),
            cut: watch::Sender::new(0),
        }
    }

    /// One cycle of 8 ms: runs the program and sends each client its data package.
    pub fn cycle(&self, reading: Reading) -> Target {
        let mut controller = self.controller.borrow_mut();
        let target = controller.cycle(reading);
        self.cycles.set(self.cycles.get() + 1);
        self.hub
            .borrow_mut()
            .publish(self.cycles.get(), &mut controller);
        target
    }

    /// Does something to the controller, such as pressing its emergency stop button.
    pub fn with_controller<R>(&self, action: impl FnOnce(&mut Controller) -> R) -> R {
        action(&mut self.controller.borrow_mut())
    }

    /// Drops every connection, as when somebody pulls the network plug for a moment.
    pub fn drop_connections(&self) {
        self.cut.send_modify(|count| *count += 1);
    }

    /// Switches the controller off and on: connections drop, the program is gone, and the arm stands
    /// where `reading` says.
    pub fn restart(&self, config: Config, reading: Reading) {
        *self.controller.borrow_mut() = Controller::new(config, reading);
        self.drop_connections();
    }

    /// Packages that were dropped because clients did not read them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.hub.borrow().dropped()
    }

    /// Listens on the three ports and serves whoever connects. Returns only with an error.
    pub async fn serve(
        &self,
        network: &Network,
        endpoints: &Endpoints,
    ) -> Result<(), NetworkError> {
        let rtde = listen(network, &endpoints.rtde).await?;
        let dashboard = listen(network, &endpoints.dashboard).await?;
        let script = listen(network, &endpoints.script).await?;
        let rtde = serve_all(rtde, &self.cut, |stream| self.serve_rtde(stream));
        let dashboard = serve_all(dashboard, &self.cut, |stream| self.serve_dashboard(stream));
        let script = serve_all(script, &self.cut, |stream| self.serve_script(stream));
        tokio::select! {
            biased;
            result = rtde => result,
            result = dashboard => result,
            result = script => result,
        }
    }

    /// Serves one RTDE client until it goes.
    pub async fn serve_rtde<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) {
        if let Err(error) = rtde::serve(stream, &self.hub, &self.controller).await {
            tracing::debug!("RTDE session of the simulated controller ended: {error}");
        }
    }

    /// Serves one dashboard client until it goes.
    pub async fn serve_dashboard<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) {
        if let Err(error) = dashboard::serve(stream, &self.controller).await {
            tracing::debug!("dashboard session of the simulated controller ended: {error}");
        }
    }

    /// Takes programs from one client of the script port until it goes.
    pub async fn serve_script<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) {
        let mut text = Vec::new();
        let mut chunk = [0; 4096];
        while text.len() < LARGEST_SCRIPT {
            let count = match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(count) => count,
            };
            text.extend_from_slice(chunk.get(..count).unwrap_or_default());
            while let Some(end) = end_of_program(&text) {
                let program: Vec<u8> = text.drain(..end).collect();
                let source = String::from_utf8_lossy(&program);
                if let Err(reason) = self.controller.borrow_mut().load_script(&source) {
                    tracing::warn!("the simulated controller refuses a script: {reason}");
                }
            }
        }
    }
}

/// Where a program ends: after a line that is `end` without indentation.
fn end_of_program(text: &[u8]) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        start += line.len();
        if line.ends_with(b"\n") && line.trim_ascii_end() == b"end" {
            return Some(start);
        }
    }
    None
}
