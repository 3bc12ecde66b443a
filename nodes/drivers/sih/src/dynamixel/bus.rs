//! The master's side of a servo bus.

use super::BROADCAST_ID;
use super::frame::{Decoder, FrameError};
use super::packet::{Instruction, PacketError, Status, StatusError};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// What can go wrong on the bus.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BusError {
    /// A servo refused.
    #[error("servo {id}: {error}")]
    Servo {
        /// Which servo.
        id: u8,
        /// Why.
        error: StatusError,
    },
    /// A servo sent another number of bytes than it was asked for.
    #[error("servo {id} sent {got} bytes where {expected} were asked for")]
    Length {
        /// Which servo.
        id: u8,
        /// Bytes asked for.
        expected: usize,
        /// Bytes sent.
        got: usize,
    },
    /// A packet that makes no sense.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// The line ended: the adapter was unplugged.
    #[error("the servo bus was closed: is the adapter still plugged in?")]
    Closed,
    /// The stream failed.
    #[error("servo bus: {0}")]
    Io(#[from] std::io::Error),
}

/// The master of a servo bus.
///
/// Waiting has no limit in here, because the clock is the caller's: race each call against a timer.
/// After a call that was given up, late answers are told apart by [`Master::discard_input`].
#[derive(Debug)]
pub struct Master<S> {
    stream: S,
    decoder: Decoder,
    /// Damaged packets and noise seen so far.
    frame_errors: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Master<S> {
    /// Wraps a stream.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            decoder: Decoder::default(),
            frame_errors: 0,
        }
    }

    /// How many damaged packets and pieces of noise were seen.
    #[must_use]
    pub fn frame_errors(&self) -> u64 {
        self.frame_errors
    }

    /// Forgets bytes that were received but not read: answers to a call that was given up.
    pub fn discard_input(&mut self) {
        self.decoder.clear();
    }

    /// Asks a servo for its presence.
    pub async fn ping(&mut self, id: u8) -> Result<Status, BusError> {
        self.send(&Instruction::Ping, id).await?;
        self.status_of(id).await
    }

    /// Reads registers of one servo.
    pub async fn read(&mut self, id: u8, address: u16, length: u16) -> Result<Status, BusError> {
        self.send(&Instruction::Read { address, length }, id)
            .await?;
        let status = self.status_of(id).await?;
        check_length(&status, length)?;
        Ok(status)
    }

    /// Writes registers of one servo.
    pub async fn write(&mut self, id: u8, address: u16, data: &[u8]) -> Result<Status, BusError> {
        self.send(
            &Instruction::Write {
                address,
                data: data.to_vec(),
            },
            id,
        )
        .await?;
        self.status_of(id).await
    }

    /// Restarts a servo, which clears its hardware errors and takes its torque away.
    pub async fn reboot(&mut self, id: u8) -> Result<Status, BusError> {
        self.send(&Instruction::Reboot, id).await?;
        self.status_of(id).await
    }

    /// Reads the same registers of several servos.
    pub async fn sync_read(
        &mut self,
        ids: &[u8],
        address: u16,
        length: u16,
    ) -> Result<Vec<Status>, BusError> {
        self.send(
            &Instruction::SyncRead {
                address,
                length,
                ids: ids.to_vec(),
            },
            BROADCAST_ID,
        )
        .await?;
        let mut statuses = Vec::with_capacity(ids.len());
        for &id in ids {
            let status = self.status_of(id).await?;
            check_length(&status, length)?;
            statuses.push(status);
        }
        Ok(statuses)
    }

    /// Writes the same registers of several servos. Nobody answers.
    pub async fn sync_write(
        &mut self,
        address: u16,
        length: u16,
        data: Vec<(u8, Vec<u8>)>,
    ) -> Result<(), BusError> {
        self.send(
            &Instruction::SyncWrite {
                address,
                length,
                data,
            },
            BROADCAST_ID,
        )
        .await
    }

    async fn send(&mut self, instruction: &Instruction, id: u8) -> Result<(), BusError> {
        self.stream.write_all(&instruction.to_bytes(id)).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// Waits for the status of one servo. Others' are late answers and passed over.
    async fn status_of(&mut self, id: u8) -> Result<Status, BusError> {
        loop {
            match self.decoder.next_packet() {
                Some(Ok(packet)) => {
                    // An adapter may echo what we sent; only status packets count.
                    let Ok(status) = Status::from_packet(&packet) else {
                        continue;
                    };
                    if status.id != id {
                        continue;
                    }
                    return match status.error {
                        Some(error) => Err(BusError::Servo { id, error }),
                        None => Ok(status),
                    };
                }
                Some(Err(
                    FrameError::Noise { .. }
                    | FrameError::BadLength { .. }
                    | FrameError::BadCrc { .. },
                )) => {
                    self.frame_errors += 1;
                }
                None => {
                    let mut chunk = [0; 512];
                    let count = self.stream.read(&mut chunk).await?;
                    if count == 0 {
                        return Err(BusError::Closed);
                    }
                    self.decoder.push(chunk.get(..count).unwrap_or_default());
                }
            }
        }
    }
}

fn check_length(status: &Status, length: u16) -> Result<(), BusError> {
    let expected = usize::from(length);
    if status.data.len() == expected {
        Ok(())
    } else {
        Err(BusError::Length {
            id: status.id,
            expected,
            got: status.data.len(),
        })
    }
}
