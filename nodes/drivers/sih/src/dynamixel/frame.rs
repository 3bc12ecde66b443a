//! Packets on the wire: header, length, byte stuffing, CRC, and finding the next one after noise.

use super::crc::crc16;
use thiserror::Error;

const HEADER: [u8; 4] = [0xff, 0xff, 0xfd, 0x00];
/// Header, id and length.
const PREFIX_LEN: usize = 7;
/// Instruction and CRC, which the length field counts.
const SMALLEST_LENGTH: usize = 3;
/// Longer packets are noise: a sync read of every register of every servo of a hand is shorter.
const LARGEST_LENGTH: usize = 1024;

/// A packet with a valid CRC, unstuffed but not yet understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The servo that it goes to or comes from.
    pub id: u8,
    /// The instruction byte; 0x55 in a status packet.
    pub instruction: u8,
    /// What follows the instruction.
    pub parameters: Vec<u8>,
}

/// Bytes that are no packet. The decoder goes on after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Bytes before a header.
    #[error("{count} bytes of noise on the servo bus")]
    Noise {
        /// How many.
        count: usize,
    },
    /// A length that no packet has.
    #[error("servo packet with the impossible length {length}")]
    BadLength {
        /// The length field.
        length: usize,
    },
    /// The CRC does not fit.
    #[error(
        "servo packet with CRC {got:#06x} instead of {expected:#06x}: check wiring and baud rate"
    )]
    BadCrc {
        /// The CRC of the bytes.
        expected: u16,
        /// The CRC in the packet.
        got: u16,
    },
}

impl Packet {
    /// The packet as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.parameters.len() + 4);
        body.push(self.instruction);
        body.extend_from_slice(&self.parameters);
        stuff(&mut body);
        // A parameter block beyond the length field cannot be sent; its receiver sees a bad CRC.
        let length = u16::try_from(body.len() + 2).unwrap_or(u16::MAX);
        let mut bytes = Vec::with_capacity(PREFIX_LEN + body.len() + 2);
        bytes.extend_from_slice(&HEADER);
        bytes.push(self.id);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.append(&mut body);
        bytes.extend_from_slice(&crc16(&bytes).to_le_bytes());
        bytes
    }
}

/// Writes FD after every FF FF FD, so that no body contains a header.
fn stuff(body: &mut Vec<u8>) {
    let mut stuffed = Vec::with_capacity(body.len());
    for &byte in body.iter() {
        stuffed.push(byte);
        if stuffed.ends_with(&[0xff, 0xff, 0xfd]) {
            stuffed.push(0xfd);
        }
    }
    *body = stuffed;
}

/// Takes back what [`stuff`] did.
fn unstuff(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len());
    let mut window = [0; 3];
    let mut skip = false;
    for &byte in body {
        if skip && byte == 0xfd {
            skip = false;
            window = [0; 3];
            continue;
        }
        plain.push(byte);
        window = [window[1], window[2], byte];
        skip = window == [0xff, 0xff, 0xfd];
    }
    plain
}

/// Cuts packets out of a stream of bytes.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
}

impl Decoder {
    /// Adds bytes that were received.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next packet or the next piece of noise; `None` when more bytes are needed.
    pub fn next_packet(&mut self) -> Option<Result<Packet, FrameError>> {
        let start = header_position(&self.buffer);
        if start > 0 {
            self.buffer.drain(..start);
            return Some(Err(FrameError::Noise { count: start }));
        }
        let &[_, _, _, _, id, low, high, ..] = self.buffer.as_slice() else {
            return None;
        };
        let length = usize::from(u16::from_le_bytes([low, high]));
        if !(SMALLEST_LENGTH..=LARGEST_LENGTH).contains(&length) {
            self.buffer.drain(..HEADER.len());
            return Some(Err(FrameError::BadLength { length }));
        }
        let total = PREFIX_LEN + length;
        let (covered, crc) = self.buffer.get(..total)?.split_last_chunk::<2>()?;
        let got = u16::from_le_bytes(*crc);
        let expected = crc16(covered);
        if got != expected {
            // The length may be what is wrong, so a packet may begin right after this header.
            self.buffer.drain(..HEADER.len());
            return Some(Err(FrameError::BadCrc { expected, got }));
        }
        let body = unstuff(covered.get(PREFIX_LEN..).unwrap_or_default());
        self.buffer.drain(..total);
        let (&instruction, parameters) = body.split_first()?;
        Some(Ok(Packet {
            id,
            instruction,
            parameters: parameters.to_vec(),
        }))
    }

    /// Forgets what was received.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }
}

/// Where the first header, or what may become one, begins.
fn header_position(buffer: &[u8]) -> usize {
    (0..buffer.len())
        .find(|&start| {
            buffer
                .get(start..)
                .is_some_and(|rest| rest.iter().zip(HEADER).all(|(a, b)| *a == b))
        })
        .unwrap_or(buffer.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(bytes: &[u8]) -> Vec<Result<Packet, FrameError>> {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        std::iter::from_fn(|| decoder.next_packet()).collect()
    }

    #[test]
    fn the_documented_packets_are_read() {
        // Status of a ping, from ROBOTIS' e-Manual, "DYNAMIXEL Protocol 2.0".
        let bytes = [
            0xff, 0xff, 0xfd, 0x00, 0x01, 0x07, 0x00, 0x55, 0x00, 0x06, 0x04, 0x26, 0x65, 0x5d,
        ];
        let packet = Packet {
            id: 1,
            instruction: 0x55,
            parameters: vec![0x00, 0x06, 0x04, 0x26],
        };
        assert_eq!(decode(&bytes), [Ok(packet.clone())]);
        assert_eq!(packet.to_bytes(), bytes);
    }

    #[test]
    fn a_damaged_packet_costs_no_other() {
        let packet = Packet {
            id: 7,
            instruction: 0x55,
            parameters: vec![0, 1, 2, 3],
        };
        let mut bytes = packet.to_bytes();
        bytes[9] ^= 0x10;
        bytes.extend_from_slice(&packet.to_bytes());
        let packets = decode(&bytes);
        assert!(matches!(packets[0], Err(FrameError::BadCrc { .. })));
        assert_eq!(packets.last(), Some(&Ok(packet)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            decode(&bytes);
        }

        #[test]
        fn what_is_written_is_read_between_noise_and_in_pieces(
            id: u8,
            instruction: u8,
            // Few distinct bytes, so that headers inside parameters are common.
            parameters in proptest::collection::vec(proptest::sample::select(vec![0xff_u8, 0xfd, 0x00, 0x55]), 0..40),
            noise in proptest::collection::vec(0_u8..0xff, 0..9),
            cut in 1_usize..9,
        ) {
            let packet = Packet { id, instruction, parameters };
            let mut bytes = noise;
            bytes.extend_from_slice(&packet.to_bytes());
            let mut decoder = Decoder::default();
            let mut packets = Vec::new();
            for piece in bytes.chunks(cut) {
                decoder.push(piece);
                while let Some(result) = decoder.next_packet() {
                    packets.extend(result.ok());
                }
            }
            prop_assert_eq!(packets, vec![packet]);
        }
    }
}
