//! RTDE packages over any byte stream.

use super::RtdeError;
use super::frame::{self, Package};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A byte stream that carries RTDE packages.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    buffer: Vec<u8>,
    /// How much of the front of `buffer` has been handed out already.
    consumed: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Wraps a stream.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::with_capacity(4096),
            consumed: 0,
        }
    }

    /// Waits for the next package. Cancel safe: what was read stays in the buffer.
    ///
    /// A clean end of the stream is told from one in the middle of a package.
    pub async fn read(&mut self) -> Result<Package<'_>, RtdeError> {
        self.discard_consumed();
        let length = loop {
            if let Some(length) = frame::check(&self.buffer)? {
                break length;
            }
            let mut chunk = [0; 2048];
            let count = self.stream.read(&mut chunk).await?;
            if count == 0 {
                return Err(RtdeError::Closed {
                    mid_package: !self.buffer.is_empty(),
                });
            }
            self.buffer
                .extend_from_slice(chunk.get(..count).unwrap_or_default());
        };
        self.consumed = length;
        frame::parse(&self.buffer)?
            .map(|(package, _)| package)
            .ok_or(RtdeError::Closed { mid_package: true })
    }

    /// Whether another whole package is in the buffer already.
    #[must_use]
    pub fn has_buffered(&self) -> bool {
        let rest = self.buffer.get(self.consumed..).unwrap_or_default();
        matches!(frame::check(rest), Ok(Some(_)))
    }

    /// Sends one or more whole packages.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), RtdeError> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await?;
        Ok(())
    }

    fn discard_consumed(&mut self) {
        self.buffer.drain(..self.consumed.min(self.buffer.len()));
        self.consumed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    #[test]
    fn packages_survive_being_cut_into_single_bytes() {
        block_on(async {
            let (near, mut far) = tokio::io::duplex(1);
            let mut connection = Connection::new(near);
            let reader = async {
                for expected in [b'S', b'P'] {
                    assert_eq!(connection.read().await.unwrap().kind, expected);
                }
                assert!(matches!(
                    connection.read().await,
                    Err(RtdeError::Closed { mid_package: true })
                ));
            };
            let writer = async {
                far.write_all(&[0, 4, b'S', 1, 0, 3, b'P', 0])
                    .await
                    .unwrap();
                drop(far);
            };
            futures::join!(reader, writer);
        });
    }
}
