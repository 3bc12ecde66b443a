//! What the packets mean: instructions from the master, status from the servos.

use super::BROADCAST_ID;
use super::frame::Packet;
use thiserror::Error;

mod code {
    pub(super) const PING: u8 = 0x01;
    pub(super) const READ: u8 = 0x02;
    pub(super) const WRITE: u8 = 0x03;
    pub(super) const REBOOT: u8 = 0x08;
    pub(super) const STATUS: u8 = 0x55;
    pub(super) const SYNC_READ: u8 = 0x82;
    pub(super) const SYNC_WRITE: u8 = 0x83;
}

/// What a master asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// Is anybody there?
    Ping,
    /// Read registers.
    Read {
        /// First register.
        address: u16,
        /// Number of bytes.
        length: u16,
    },
    /// Write registers.
    Write {
        /// First register.
        address: u16,
        /// The bytes.
        data: Vec<u8>,
    },
    /// Restart the servo, which clears its errors.
    Reboot,
    /// Read the same registers of several servos, which answer in this order.
    SyncRead {
        /// First register.
        address: u16,
        /// Number of bytes of each servo.
        length: u16,
        /// The servos.
        ids: Vec<u8>,
    },
    /// Write the same registers of several servos; nobody answers.
    SyncWrite {
        /// First register.
        address: u16,
        /// Number of bytes of each servo.
        length: u16,
        /// Each servo's bytes.
        data: Vec<(u8, Vec<u8>)>,
    },
}

/// What a servo answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Which servo.
    pub id: u8,
    /// The servo has a hardware error; its hardware error register says which.
    pub alert: bool,
    /// Why the instruction was not done, if it was not.
    pub error: Option<StatusError>,
    /// The bytes that were asked for.
    pub data: Vec<u8>,
}

/// Why a servo did not do what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatusError {
    /// It could not.
    #[error("the servo failed to process the instruction")]
    ResultFail,
    /// It does not know the instruction.
    #[error("the servo does not know the instruction")]
    Instruction,
    /// The instruction arrived damaged.
    #[error("the instruction arrived with a wrong CRC")]
    Crc,
    /// A value is out of range.
    #[error("a value is out of the register's range")]
    DataRange,
    /// The data has the wrong length.
    #[error("the data has the wrong length for the registers")]
    DataLength,
    /// A value is beyond a limit that is set in the servo.
    #[error("a value is beyond a limit set in the servo")]
    DataLimit,
    /// The register is read-only, write-only, locked, or does not exist.
    #[error("the register is locked, read-only, or does not exist")]
    Access,
    /// A number that the documentation does not name.
    #[error("unknown servo error {0}")]
    Other(u8),
}

impl StatusError {
    fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => None,
            1 => Some(Self::ResultFail),
            2 => Some(Self::Instruction),
            3 => Some(Self::Crc),
            4 => Some(Self::DataRange),
            5 => Some(Self::DataLength),
            6 => Some(Self::DataLimit),
            7 => Some(Self::Access),
            other => Some(Self::Other(other)),
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::ResultFail => 1,
            Self::Instruction => 2,
            Self::Crc => 3,
            Self::DataRange => 4,
            Self::DataLength => 5,
            Self::DataLimit => 6,
            Self::Access => 7,
            Self::Other(number) => number,
        }
    }
}

/// A packet whose contents make no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PacketError {
    /// An instruction that this module does not know.
    #[error("unknown servo instruction {instruction:#04x}")]
    UnknownInstruction {
        /// The instruction byte.
        instruction: u8,
    },
    /// Parameters of the wrong length.
    #[error(
        "servo packet of instruction {instruction:#04x} has {length} bytes of parameters, which cannot be"
    )]
    BadParameters {
        /// The instruction byte.
        instruction: u8,
        /// Length of the parameters.
        length: usize,
    },
}

impl Instruction {
    /// The instruction for a servo, as bytes. Sync instructions always go to everybody.
    #[must_use]
    pub fn to_bytes(&self, id: u8) -> Vec<u8> {
        let mut parameters = Vec::new();
        let mut header = |address: u16, length: Option<u16>| {
            parameters.extend_from_slice(&address.to_le_bytes());
            if let Some(length) = length {
                parameters.extend_from_slice(&length.to_le_bytes());
            }
        };
        let (id, instruction) = match self {
            Self::Ping => (id, code::PING),
            Self::Reboot => (id, code::REBOOT),
            Self::Read { address, length } => {
                header(*address, Some(*length));
                (id, code::READ)
            }
            Self::Write { address, data } => {
                header(*address, None);
                parameters.extend_from_slice(data);
                (id, code::WRITE)
            }
            Self::SyncRead {
                address,
                length,
                ids,
            } => {
                header(*address, Some(*length));
                parameters.extend_from_slice(ids);
                (BROADCAST_ID, code::SYNC_READ)
            }
            Self::SyncWrite {
                address,
                length,
                data,
            } => {
                header(*address, Some(*length));
                for (id, bytes) in data {
                    parameters.push(*id);
                    parameters.extend_from_slice(bytes);
                }
                (BROADCAST_ID, code::SYNC_WRITE)
            }
        };
        Packet {
            id,
            instruction,
            parameters,
        }
        .to_bytes()
    }

    /// Understands a packet from a master.
    pub fn from_packet(packet: &Packet) -> Result<Self, PacketError> {
        let bad = || PacketError::BadParameters {
            instruction: packet.instruction,
            length: packet.parameters.len(),
        };
        let parameters = packet.parameters.as_slice();
        Ok(match packet.instruction {
            code::PING => Self::Ping,
            code::REBOOT => Self::Reboot,
            code::READ => match *parameters {
                [a0, a1, l0, l1] => Self::Read {
                    address: u16::from_le_bytes([a0, a1]),
                    length: u16::from_le_bytes([l0, l1]),
                },
                _ => return Err(bad()),
            },
            code::WRITE => match parameters {
                [a0, a1, data @ ..] if !data.is_empty() => Self::Write {
                    address: u16::from_le_bytes([*a0, *a1]),
                    data: data.to_vec(),
                },
                _ => return Err(bad()),
            },
            code::SYNC_READ => match parameters {
                [a0, a1, l0, l1, ids @ ..] => Self::SyncRead {
                    address: u16::from_le_bytes([*a0, *a1]),
                    length: u16::from_le_bytes([*l0, *l1]),
                    ids: ids.to_vec(),
                },
                _ => return Err(bad()),
            },
            code::SYNC_WRITE => match parameters {
                [a0, a1, l0, l1, data @ ..] => {
                    let length = u16::from_le_bytes([*l0, *l1]);
                    let stride = usize::from(length) + 1;
                    if data.len() % stride != 0 {
                        return Err(bad());
                    }
                    let data = data
                        .chunks_exact(stride)
                        .filter_map(|chunk| {
                            chunk.split_first().map(|(&id, bytes)| (id, bytes.to_vec()))
                        })
                        .collect();
                    Self::SyncWrite {
                        address: u16::from_le_bytes([*a0, *a1]),
                        length,
                        data,
                    }
                }
                _ => return Err(bad()),
            },
            instruction => return Err(PacketError::UnknownInstruction { instruction }),
        })
    }
}

impl Status {
    /// The status as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let error = self.error.map_or(0, StatusError::number) & 0x7f;
        let mut parameters = vec![error | if self.alert { 0x80 } else { 0 }];
        parameters.extend_from_slice(&self.data);
        Packet {
            id: self.id,
            instruction: code::STATUS,
            parameters,
        }
        .to_bytes()
    }

    /// Understands a packet from a servo.
    pub fn from_packet(packet: &Packet) -> Result<Self, PacketError> {
        if packet.instruction != code::STATUS {
            return Err(PacketError::UnknownInstruction {
                instruction: packet.instruction,
            });
        }
        let (&error, data) = packet
            .parameters
            .split_first()
            .ok_or(PacketError::BadParameters {
                instruction: packet.instruction,
                length: 0,
            })?;
        Ok(Self {
            id: packet.id,
            alert: error & 0x80 != 0,
            error: StatusError::from_number(error & 0x7f),
            data: data.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Decoder;
    use super::*;
    use proptest::prelude::*;

    fn packet(bytes: &[u8]) -> Packet {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        decoder.next_packet().unwrap().unwrap()
    }

    #[test]
    fn the_documented_instructions_are_written() {
        // Examples of ROBOTIS' e-Manual, "DYNAMIXEL Protocol 2.0".
        let read = Instruction::Read {
            address: 132,
            length: 4,
        };
        assert_eq!(
            read.to_bytes(1),
            [
                0xff, 0xff, 0xfd, 0x00, 0x01, 0x07, 0x00, 0x02, 0x84, 0x00, 0x04, 0x00, 0x1d, 0x15
            ]
        );
        let write = Instruction::Write {
            address: 116,
            data: vec![0x00, 0x02, 0x00, 0x00],
        };
        assert_eq!(
            write.to_bytes(1),
            [
                0xff, 0xff, 0xfd, 0x00, 0x01, 0x09, 0x00, 0x03, 0x74, 0x00, 0x00, 0x02, 0x00, 0x00,
                0xca, 0x89
            ]
        );
        let reboot = Instruction::Reboot;
        assert_eq!(
            reboot.to_bytes(1),
            [0xff, 0xff, 0xfd, 0x00, 0x01, 0x03, 0x00, 0x08, 0x2f, 0x4e]
        );
        let sync_read = Instruction::SyncRead {
            address: 132,
            length: 4,
            ids: vec![1, 2],
        };
        assert_eq!(
            sync_read.to_bytes(BROADCAST_ID),
            [
                0xff, 0xff, 0xfd, 0x00, 0xfe, 0x09, 0x00, 0x82, 0x84, 0x00, 0x04, 0x00, 0x01, 0x02,
                0xce, 0xfa
            ]
        );
    }

    #[test]
    fn a_status_tells_alert_from_error() {
        let status = Status {
            id: 3,
            alert: true,
            error: Some(StatusError::DataLimit),
            data: vec![1],
        };
        assert_eq!(
            Status::from_packet(&packet(&status.to_bytes())).unwrap(),
            status
        );
    }

    proptest! {
        #[test]
        fn any_packet_is_understood_or_refused_without_panic(
            id: u8,
            instruction in prop_oneof![any::<u8>(), 1_u8..4, 0x82_u8..0x84, Just(0x55)],
            parameters in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let original = Packet { id, instruction, parameters };
            if let Ok(understood) = Instruction::from_packet(&original) {
                let again = packet(&understood.to_bytes(id));
                prop_assert_eq!(Instruction::from_packet(&again).unwrap(), understood);
            }
            if let Ok(status) = Status::from_packet(&original) {
                prop_assert_eq!(packet(&status.to_bytes()), original);
            }
        }
    }
}
