//! Byte streams to hardware and to the simulator's hardware faces.
//!
//! A driver talks to an [`Endpoint`] and does not know what is behind it: a real controller on TCP or a serial line,
//! or the simulator on TCP, a pseudo-terminal or, in lockstep, a pipe in memory.

mod endpoint;
mod memory;
mod pty;

pub use endpoint::{Endpoint, EndpointError};

use memory::{MemoryHub, MemoryListener};
use pty::PtyListener;
use std::io;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_serial::{SerialPort as _, SerialPortBuilderExt as _};

/// A two-way stream of bytes.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Not an endpoint.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The system refused.
    #[error("cannot {action} {endpoint}: {source}{}", hint(.source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        endpoint: Endpoint,
        /// What the system says.
        source: io::Error,
    },
    /// This kind of endpoint cannot do that.
    #[error("cannot {action} {endpoint}: {reason}")]
    Unsupported {
        /// What was tried.
        action: &'static str,
        /// Where.
        endpoint: Endpoint,
        /// Why not, and what to use instead.
        reason: &'static str,
    },
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "; is the controller or simulator running?",
        io::ErrorKind::PermissionDenied => {
            "; is this user allowed to use it (for a serial line: group dialout)?"
        }
        io::ErrorKind::NotFound => "; is the device plugged in?",
        io::ErrorKind::AddrInUse => "; another process listens there",
        _ => "",
    }
}

/// Opens streams; one for each graph, shared by its nodes.
#[derive(Debug)]
pub struct Network {
    memory: MemoryHub,
    /// In lockstep nothing may depend on the world outside of the process.
    memory_only: bool,
}

const LOCKSTEP_NEEDS_MEMORY: &str =
    "in lockstep only memory:// endpoints keep time; use one, or run in real time";

impl Network {
    pub(crate) fn new(memory_only: bool) -> Self {
        Self {
            memory: MemoryHub::default(),
            memory_only,
        }
    }

    /// Opens a stream. On `memory://` waits until somebody listens; elsewhere fails when nobody does.
    pub async fn connect(&self, endpoint: &Endpoint) -> Result<Box<dyn Stream>, NetworkError> {
        let io_error = |source| NetworkError::Io {
            action: "connect to",
            endpoint: endpoint.clone(),
            source,
        };
        let unsupported = |reason| {
            Err(NetworkError::Unsupported {
                action: "connect to",
                endpoint: endpoint.clone(),
                reason,
            })
        };
        match endpoint {
            Endpoint::Memory { name } => Ok(Box::new(self.memory.connect(name).await)),
            _ if self.memory_only => unsupported(LOCKSTEP_NEEDS_MEMORY),
            Endpoint::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port))
                    .await
                    .map_err(io_error)?;
                stream.set_nodelay(true).map_err(io_error)?;
                Ok(Box::new(stream))
            }
            Endpoint::Serial { path, baud } => {
                let mut port = tokio_serial::new(path.to_string_lossy(), *baud)
                    .open_native_async()
                    .map_err(|why| io_error(why.into()))?;
                // A pseudo-terminal outlives its opener, and with it an exclusive lock would.
                if path
                    .canonicalize()
                    .is_ok_and(|device| device.starts_with("/dev/pts"))
                {
                    port.set_exclusive(false)
                        .map_err(|why| io_error(why.into()))?;
                }
                port.clear(tokio_serial::ClearBuffer::All)
                    .map_err(|why| io_error(why.into()))?;
                Ok(Box::new(port))
            }
            Endpoint::Pty { .. } => unsupported(
                "a pseudo-terminal is made by its listener; connect to serial://PATH instead",
            ),
        }
    }

    /// Makes an endpoint that others can connect to.
    pub async fn listen(&self, endpoint: &Endpoint) -> Result<Listener, NetworkError> {
        let io_error = |source| NetworkError::Io {
            action: "listen on",
            endpoint: endpoint.clone(),
            source,
        };
        let unsupported = |reason| {
            Err(NetworkError::Unsupported {
                action: "listen on",
                endpoint: endpoint.clone(),
                reason,
            })
        };
        let kind = match endpoint {
            Endpoint::Memory { name } => Kind::Memory(self.memory.listen(name).map_err(io_error)?),
            _ if self.memory_only => return unsupported(LOCKSTEP_NEEDS_MEMORY),
            Endpoint::Tcp { host, port } => Kind::Tcp(
                TcpListener::bind((host.as_str(), *port))
                    .await
                    .map_err(io_error)?,
            ),
            Endpoint::Pty { path } => Kind::Pty(PtyListener::open(path).map_err(io_error)?),
            Endpoint::Serial { .. } => {
                return unsupported(
                    "a serial line has no listener; use pty://PATH to stand in for a device",
                );
            }
        };
        Ok(Listener {
            endpoint: endpoint.clone(),
            kind,
        })
    }
}

/// Takes connections.
#[derive(Debug)]
pub struct Listener {
    endpoint: Endpoint,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Memory(MemoryListener),
    Tcp(TcpListener),
    Pty(PtyListener),
}

impl Listener {
    /// Waits for the next connection.
    ///
    /// A pseudo-terminal is a line, not a socket: its stream is there at once, stays while whoever opens the line
    /// comes and goes, and there is one at a time.
    pub async fn accept(&mut self) -> Result<Box<dyn Stream>, NetworkError> {
        let accepted: io::Result<Box<dyn Stream>> = match &mut self.kind {
            Kind::Memory(listener) => Ok(Box::new(listener.accept().await)),
            Kind::Tcp(listener) => listener.accept().await.and_then(|(stream, _)| {
                stream.set_nodelay(true)?;
                Ok(Box::new(stream) as Box<dyn Stream>)
            }),
            Kind::Pty(listener) => listener
                .accept()
                .await
                .map(|stream| Box::new(stream) as Box<dyn Stream>),
        };
        let endpoint = &self.endpoint;
        accepted.map_err(|source| NetworkError::Io {
            action: "accept on",
            endpoint: endpoint.clone(),
            source,
        })
    }

    /// Where it listens; with port 0 asked for, the port it got.
    pub fn endpoint(&self) -> Endpoint {
        match (&self.kind, &self.endpoint) {
            (Kind::Tcp(listener), Endpoint::Tcp { host, port }) => Endpoint::Tcp {
                host: host.clone(),
                port: listener
                    .local_addr()
                    .map_or(*port, |address| address.port()),
            },
            (_, endpoint) => endpoint.clone(),
        }
    }
}
