//! Where a stream leads, written as a URL.

use std::{fmt, path::PathBuf, str::FromStr};

const DEFAULT_BAUD: u32 = 57_600;

/// One end of a stream.
///
/// | written | meaning |
/// |---|---|
/// | `tcp://192.168.1.10:30004` | a TCP port |
/// | `tcp://:30004` | a TCP port of this machine, reachable from it only |
/// | `memory://ur/rtde` | a pipe within the process, by name |
/// | `serial:///dev/ttyUSB0?baud=1000000` | a serial line (57600 baud unless given) |
/// | `pty:///tmp/sih` | a pseudo-terminal, made by the listener and linked at this path |
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A TCP port.
    Tcp {
        /// Name or address.
        host: String,
        /// Port; 0 lets the system choose when listening.
        port: u16,
    },
    /// A pipe within the process.
    Memory {
        /// Its name.
        name: String,
    },
    /// A serial line.
    Serial {
        /// The device.
        path: PathBuf,
        /// Bits per second.
        baud: u32,
    },
    /// A pseudo-terminal.
    Pty {
        /// Where the link to its device is put.
        path: PathBuf,
    },
}

/// Not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "endpoint {text:?}: {reason}; write tcp://HOST:PORT, memory://NAME, serial:///dev/DEVICE?baud=N or pty:///PATH"
)]
pub struct EndpointError {
    text: String,
    reason: &'static str,
}

impl Endpoint {
    /// Reads the written form.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let error = |reason| EndpointError {
            text: text.into(),
            reason,
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| error("has no ://"))?;
        match scheme {
            "tcp" => {
                let (host, port) = rest.rsplit_once(':').ok_or_else(|| error("has no port"))?;
                let port = port
                    .parse()
                    .map_err(|_| error("has a port that is not 0 to 65535"))?;
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let host = if host.is_empty() { "127.0.0.1" } else { host };
                Ok(Self::Tcp {
                    host: host.into(),
                    port,
                })
            }
            "memory" if rest.is_empty() => Err(error("has no name")),
            "memory" => Ok(Self::Memory { name: rest.into() }),
            "serial" => {
                let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
                if !path.starts_with('/') {
                    return Err(error("needs an absolute path"));
                }
                let baud = match query.split_once('=') {
                    None if query.is_empty() => DEFAULT_BAUD,
                    Some(("baud", baud)) => baud
                        .parse()
                        .ok()
                        .filter(|baud| *baud > 0)
                        .ok_or_else(|| error("has a baud that is no number"))?,
                    _ => return Err(error("has an option other than baud")),
                };
                Ok(Self::Serial {
                    path: path.into(),
                    baud,
                })
            }
            "pty" if rest.starts_with('/') => Ok(Self::Pty { path: rest.into() }),
            "pty" => Err(error("needs an absolute path")),
            _ => Err(error("is of an unknown kind")),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => {
                write!(formatter, "tcp://[{host}]:{port}")
            }
            Self::Tcp { host, port } => write!(formatter, "tcp://{host}:{port}"),
            Self::Memory { name } => write!(formatter, "memory://{name}"),
            Self::Serial { path, baud } => {
                write!(formatter, "serial://{}?baud={baud}", path.display())
            }
            Self::Pty { path } => write!(formatter, "pty://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_reads_and_writes() {
        for text in [
            "tcp://192.168.1.10:30004",
            "tcp://[::1]:30004",
            "memory://ur/rtde",
            "serial:///dev/ttyUSB0?baud=1000000",
            "pty:///tmp/sih",
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn no_host_means_this_machine_only() {
        assert_eq!(
            Endpoint::parse("tcp://:7").unwrap(),
            Endpoint::Tcp {
                host: "127.0.0.1".into(),
                port: 7
            }
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (text, reason) in [
            ("127.0.0.1:30004", "no ://"),
            ("tcp://host", "no port"),
            ("tcp://host:70000", "65535"),
            ("serial://ttyUSB0", "absolute"),
            ("serial:///dev/x?baud=fast", "baud"),
            ("serial:///dev/x?parity=odd", "other than baud"),
            ("pty://sih", "absolute"),
            ("memory://", "no name"),
            ("udp://host:1", "unknown kind"),
        ] {
            let error = Endpoint::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_alike(text in "(tcp|memory|serial|pty)://.{0,20}") {
            if let Ok(endpoint) = Endpoint::parse(&text) {
                prop_assert_eq!(Endpoint::parse(&endpoint.to_string()).unwrap(), endpoint);
            }
        }
    }
}
