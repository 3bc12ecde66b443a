//! Reads the files.
//!
//! Compressed parts are decompressed here and not by the crate mcap: its reader (0.25) does not come to an end where a
//! compressed part is shorter than it says, and panics where it holds more.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read as _};

use bus::Time;
use lz4_flex::frame::FrameDecoder;
use mcap::records::{ChunkHeader, Metadata, Record, op};
use mcap::sans_io::{LinearReadEvent, LinearReader, LinearReaderOptions};
use msgs::Message;
use msgs::cdr;

use super::{RecordingError, with_causes};

/// A file that was read.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// In the order in which they came.
    pub messages: Vec<Recorded>,
    /// Named facts, by the names of their lists. Those at the end are missing where the recording broke off.
    pub metadata: BTreeMap<String, BTreeMap<String, String>>,
    /// Where the recording breaks off, if it does.
    pub broken: Option<String>,
}

/// A recorded message.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Full name of the topic.
    pub topic: String,
    /// Full name of the type.
    pub type_name: String,
    /// When it came.
    pub at: Time,
    /// The message in CDR.
    pub bytes: Vec<u8>,
}

impl Recorded {
    /// The message.
    ///
    /// # Errors
    /// When it is of another type or cannot be decoded.
    pub fn decode<M: Message>(&self) -> Result<M, RecordingError> {
        if self.type_name != M::TYPE_NAME {
            return Err(RecordingError::Type {
                topic: self.topic.clone(),
                type_name: self.type_name.clone(),
                wanted: M::TYPE_NAME,
            });
        }
        Ok(cdr::from_slice(&self.bytes)?)
    }
}

/// A record or a chunk that claims to be longer than this is none.
const LONGEST: usize = 256 * 1024 * 1024;

/// What is read of a file. Others are not looked at: of what is broken there, nothing depends.
const OF_USE: [u8; 5] = [
    op::SCHEMA,
    op::CHANNEL,
    op::MESSAGE,
    op::CHUNK,
    op::METADATA,
];

/// What is wrong with a compressed part of a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// It says that it is too long.
    #[error("a chunk claims to have {0} bytes")]
    Long(u64),
    /// It is compressed in a way that is not known here.
    #[error(
        "a chunk is compressed with {0:?}, and only lz4 is read; convert the file, with `mcap compress --compression lz4`"
    )]
    Compression(String),
    /// It cannot be decompressed.
    #[error("a chunk cannot be decompressed: {0}")]
    Content(#[from] io::Error),
    /// It is of another length than it says.
    #[error("a chunk has {found} bytes and not {told}")]
    Length {
        /// By its header.
        told: u64,
        /// By its content.
        found: usize,
    },
}

/// Reads a file, as far as it goes: one that broke off is read up to the last part that is whole.
///
/// # Errors
/// When it is no MCAP file.
pub fn read(file: &[u8]) -> Result<Recording, RecordingError> {
    if !file.starts_with(mcap::MAGIC) {
        return Err(mcap::McapError::BadMagic.into());
    }
    let mut reading = Reading::default();
    let options = LinearReaderOptions::default().with_emit_chunks(true);
    if let Err(error) = reading.records(file, options) {
        reading.recording.broken = Some(with_causes(&error));
    }
    let mut recording = reading.recording;
    // Chunks may overlap in other people's files.
    recording.messages.sort_by_key(|message| message.at);
    Ok(recording)
}

/// A file that is being read.
#[derive(Default)]
struct Reading {
    recording: Recording,
    /// Names of types.
    schemas: BTreeMap<u16, String>,
    /// Topics and types.
    channels: BTreeMap<u16, (String, String)>,
}

impl Reading {
    fn records(
        &mut self,
        bytes: &[u8],
        options: LinearReaderOptions,
    ) -> Result<(), RecordingError> {
        let mut reader = LinearReader::new_with_options(options.with_record_length_limit(LONGEST));
        let mut rest = bytes;
        while let Some(event) = reader.next_event() {
            match event? {
                LinearReadEvent::ReadRequest(wanted) => {
                    // Reading from memory does not fail.
                    let read = rest
                        .read(reader.insert(wanted.min(rest.len())))
                        .unwrap_or(0);
                    reader.notify_read(read);
                }
                LinearReadEvent::Record { data, opcode } if OF_USE.contains(&opcode) => {
                    self.take(mcap::parse_record(opcode, data)?)?;
                }
                LinearReadEvent::Record { .. } => {}
            }
        }
        Ok(())
    }

    /// The records of a part, which are known as far as it can be decompressed.
    fn chunk(&mut self, header: &ChunkHeader, data: &[u8]) -> Result<(), RecordingError> {
        let (bytes, error) = decompress(header, data);
        let options = LinearReaderOptions::default()
            .with_skip_start_magic(true)
            .with_skip_end_magic(true);
        let read = self.records(&bytes, options);
        // Where it ends early, why it does says more than that it does.
        error.map_or(read, |error| Err(error.into()))
    }

    fn take(&mut self, record: Record<'_>) -> Result<(), RecordingError> {
        match record {
            Record::Schema { header, .. } => {
                self.schemas.insert(header.id, header.name);
            }
            Record::Channel(channel) => {
                let schema = self.schemas.get(&channel.schema_id);
                let type_name = schema.cloned().unwrap_or_default();
                self.channels.insert(channel.id, (channel.topic, type_name));
            }
            Record::Message { header, data } => {
                // A message of a channel that nobody has told of is of no use.
                if let Some((topic, type_name)) = self.channels.get(&header.channel_id) {
                    self.recording.messages.push(Recorded {
                        topic: topic.clone(),
                        type_name: type_name.clone(),
                        at: Time::from_nanos(i64::try_from(header.log_time).unwrap_or(i64::MAX)),
                        bytes: data.into_owned(),
                    });
                }
            }
            Record::Metadata(Metadata { name, metadata }) => {
                self.recording.metadata.insert(name, metadata);
            }
            Record::Chunk { header, data } => self.chunk(&header, &data)?,
            _ => {}
        }
        Ok(())
    }
}

/// What a part holds, and what is wrong with it.
pub(super) fn decompress<'a>(
    header: &ChunkHeader,
    data: &'a [u8],
) -> (Cow<'a, [u8]>, Option<ChunkError>) {
    let told = header.uncompressed_size;
    if told > LONGEST as u64 {
        return (Cow::default(), Some(ChunkError::Long(told)));
    }
    let (bytes, read) = match header.compression.as_str() {
        "" => (Cow::Borrowed(data), Ok(data.len())),
        "lz4" => {
            let mut bytes = Vec::new();
            // One more than it says shows that it says too little.
            let read = FrameDecoder::new(data)
                .take(told + 1)
                .read_to_end(&mut bytes);
            (Cow::Owned(bytes), read)
        }
        other => {
            let error = ChunkError::Compression(other.to_owned());
            return (Cow::default(), Some(error));
        }
    };
    let error = match read {
        Err(error) => Some(error.into()),
        Ok(found) if found as u64 != told => Some(ChunkError::Length { told, found }),
        Ok(_) => None,
    };
    (bytes, error)
}
