//! The encoding of ROS 2 on the wire: a 4-byte encapsulation header, then plain CDR (XCDR1) in little endian.
//!
//! Alignment counts from after the header. Reading never panics and never allocates more than the input can hold,
//! whatever lengths the bytes claim.

use byteorder::{BigEndian, LittleEndian};

use crate::Message;

/// Representation identifiers of plain CDR, from the RTPS specification (10.5).
const CDR_BIG_ENDIAN: [u8; 2] = [0, 0];
const CDR_LITTLE_ENDIAN: [u8; 2] = [0, 1];
const HEADER_LEN: usize = 4;

/// Writers may pad the payload to a multiple of 4 bytes.
const MAX_TRAILING_PADDING: usize = 3;

/// Why a message could not be encoded or decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CdrError {
    /// Shorter than the encapsulation header.
    #[error(
        "{type_name}: {len} bytes are too short for the 4-byte encapsulation header; send a whole message"
    )]
    NoHeader {
        /// Message type that was expected.
        type_name: &'static str,
        /// Bytes given.
        len: usize,
    },
    /// An encoding other than plain CDR.
    #[error(
        "{type_name}: representation {:#04x}{:02x} is not plain CDR (0x0000 or 0x0001); \
         make the sender use XCDR version 1", .representation[0], .representation[1]
    )]
    Representation {
        /// Message type that was expected.
        type_name: &'static str,
        /// Identifier found.
        representation: [u8; 2],
    },
    /// More bytes than the type has.
    #[error(
        "{type_name}: {trailing} bytes are left after the message; is the sender's type another one?"
    )]
    Trailing {
        /// Message type that was expected.
        type_name: &'static str,
        /// Bytes left.
        trailing: usize,
    },
    /// The payload contradicts the type.
    #[error("{type_name}: {source}")]
    Payload {
        /// Message type.
        type_name: &'static str,
        /// What was wrong.
        source: cdr_encoding::Error,
    },
}

/// Encodes a message, header included.
pub fn to_vec<M: Message>(message: &M) -> Result<Vec<u8>, CdrError> {
    let mut bytes = vec![CDR_LITTLE_ENDIAN[0], CDR_LITTLE_ENDIAN[1], 0, 0];
    cdr_encoding::to_writer::<M, LittleEndian, _>(&mut bytes, message).map_err(|source| {
        CdrError::Payload {
            type_name: M::TYPE_NAME,
            source,
        }
    })?;
    Ok(bytes)
}

/// Decodes a message of either byte order, header included.
pub fn from_slice<M: Message>(bytes: &[u8]) -> Result<M, CdrError> {
    let type_name = M::TYPE_NAME;
    let Some((header, payload)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return Err(CdrError::NoHeader {
            type_name,
            len: bytes.len(),
        });
    };
    let decoded = match [header[0], header[1]] {
        CDR_LITTLE_ENDIAN => cdr_encoding::from_bytes::<M, LittleEndian>(payload),
        CDR_BIG_ENDIAN => cdr_encoding::from_bytes::<M, BigEndian>(payload),
        representation => {
            return Err(CdrError::Representation {
                type_name,
                representation,
            });
        }
    };
    let (message, used) = decoded.map_err(|source| CdrError::Payload { type_name, source })?;
    match payload.len() - used {
        0..=MAX_TRAILING_PADDING => Ok(message),
        trailing => Err(CdrError::Trailing {
            type_name,
            trailing,
        }),
    }
}
