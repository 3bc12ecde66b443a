//! The master's side of a servo bus.

use super::BROADCAST_ID;
use super::frame::{Decoder, FrameError};
use super::packet::{Instruction, PacketError, Status, StatusError};
use futures::FutureExt as _;
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
/// Answers that come after a call was given up are passed over: what has arrived before the next
/// instruction goes out is dropped, and what arrives later does not fit it.
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

    /// Asks a servo for its presence.
    pub async fn ping(&mut self, id: u8) -> Result<Status, BusError> {
        self.send(&Instruction::Ping, id).await?;
        self.status_of(id, None).await
    }

    /// Reads registers of one servo.
    pub async fn read(&mut self, id: u8, address: u16, length: u16) -> Result<Status, BusError> {
        self.send(&Instruction::Read { address, length }, id)
            .await?;
        self.status_of(id, Some(length)).await
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
        self.status_of(id, None).await
    }

    /// Restarts a servo, which clears its hardware errors and takes its torque away.
    pub async fn reboot(&mut self, id: u8) -> Result<Status, BusError> {
        self.send(&Instruction::Reboot, id).await?;
        self.status_of(id, None).await
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
            statuses.push(self.status_of(id, Some(length)).await?);
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
        self.drop_late_answers()?;
        self.stream.write_all(&instruction.to_bytes(id)).await?;
        self.stream.flush().await?;
        Ok(())
    }

    fn drop_late_answers(&mut self) -> Result<(), BusError> {
        self.decoder.clear();
        let mut chunk = [0; 512];
        while let Some(count) = self.stream.read(&mut chunk).now_or_never() {
            if count? == 0 {
                return Err(BusError::Closed);
            }
        }
        Ok(())
    }

    /// Waits for the status of one servo with that many bytes of data. Others are late answers.
    async fn status_of(&mut self, id: u8, length: Option<u16>) -> Result<Status, BusError> {
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
                    if let Some(error) = status.error {
                        return Err(BusError::Servo { id, error });
                    }
                    let fits = length.is_none_or(|length| status.data.len() == usize::from(length));
                    if fits {
                        return Ok(status);
                    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    fn answer(data: Vec<u8>) -> Vec<u8> {
        let (id, alert, error) = (1, false, None);
        Status {
            id,
            alert,
            error,
            data,
        }
        .to_bytes()
    }

    #[test]
    fn answers_to_a_call_that_was_given_up_are_passed_over() {
        block_on(async {
            let (near, mut far) = tokio::io::duplex(256);
            let mut master = Master::new(near);
            assert!(
                master.read(1, 0, 2).now_or_never().is_none(),
                "nobody answers"
            );
            // One late answer before the next instruction, and one after it.
            far.write_all(&answer(vec![1, 1])).await.unwrap();
            let servo = async {
                far.read_exact(&mut [0; 28]).await.unwrap();
                far.write_all(&answer(vec![2, 2])).await.unwrap();
                far.write_all(&answer(vec![3])).await.unwrap();
            };
            let (status, ()) = futures::join!(master.read(1, 0, 1), servo);
            assert_eq!(status.unwrap().data, [3]);
            drop(far);
            assert!(matches!(master.ping(1).await, Err(BusError::Closed)));
        });
    }
}
