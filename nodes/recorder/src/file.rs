//! The files: ROS 2 messages in MCAP.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek, Write};

use bus::Time;
use mcap::records::{MessageHeader, Metadata, Record};
use mcap::sans_io::{LinearReadEvent, LinearReader, LinearReaderOptions};
use mcap::{Compression, WriteOptions};
use msgs::Message;
use msgs::cdr::{self, CdrError};
use msgs::definition::{self, Field};

/// What MCAP calls the layout of ROS 2: CDR, and interface definitions as text.
const PROFILE: &str = "ros2";
const MESSAGE_ENCODING: &str = "cdr";
const SCHEMA_ENCODING: &str = "ros2msg";

/// Why a recording cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file.
    #[error("{}", with_causes(.0))]
    File(#[from] mcap::McapError),
    /// The end of the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A message.
    #[error(transparent)]
    Message(#[from] CdrError),
    /// A message of another type was asked for.
    #[error("{topic} carries {type_name}, not {wanted}")]
    Type {
        /// The topic.
        topic: String,
        /// What it carries.
        type_name: String,
        /// What was asked for.
        wanted: &'static str,
    },
}

/// A topic in a file that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel(u16);

/// A file that is being written.
pub struct Writer<W: Write + Seek> {
    mcap: mcap::Writer<W>,
    messages: u32,
}

impl<W: Write + Seek> Writer<W> {
    /// Begins a file.
    pub fn new(to: W) -> Result<Self, RecordingError> {
        let options = WriteOptions::new()
            .profile(PROFILE)
            .library(concat!("grasp_anything ", env!("CARGO_PKG_VERSION")))
            .compression(Some(Compression::Lz4));
        Ok(Self {
            mcap: options.create(to)?,
            messages: 0,
        })
    }

    /// Adds a topic.
    pub fn channel<M: Message + Field>(&mut self, topic: &str) -> Result<Channel, RecordingError> {
        self.channel_of(topic, M::TYPE_NAME, &definition::of::<M>())
    }

    pub(crate) fn channel_of(
        &mut self,
        topic: &str,
        type_name: &str,
        definition: &str,
    ) -> Result<Channel, RecordingError> {
        let schema = self
            .mcap
            .add_schema(type_name, SCHEMA_ENCODING, definition.as_bytes())?;
        let nothing = BTreeMap::new();
        let channel = self
            .mcap
            .add_channel(schema, topic, MESSAGE_ENCODING, &nothing)?;
        Ok(Channel(channel))
    }

    /// Writes a message that came at a time.
    pub fn write<M: Message>(
        &mut self,
        channel: Channel,
        at: Time,
        message: &M,
    ) -> Result<(), RecordingError> {
        let bytes = cdr::to_vec(message)?;
        self.write_encoded(channel, at, &bytes)
    }

    pub(crate) fn write_encoded(
        &mut self,
        channel: Channel,
        at: Time,
        message: &[u8],
    ) -> Result<(), RecordingError> {
        let nanos = u64::try_from(at.as_nanos()).unwrap_or(0);
        let header = MessageHeader {
            channel_id: channel.0,
            sequence: self.messages,
            log_time: nanos,
            publish_time: nanos,
        };
        self.mcap.write_to_known_channel(&header, message)?;
        self.messages = self.messages.wrapping_add(1);
        Ok(())
    }

    /// Writes named facts about the recording.
    pub fn metadata<K: Into<String>, V: Into<String>>(
        &mut self,
        name: &str,
        facts: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), RecordingError> {
        let facts = facts.into_iter();
        self.mcap.write_metadata(&Metadata {
            name: name.to_owned(),
            metadata: facts
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        })?;
        Ok(())
    }

    /// Messages written so far.
    pub fn messages(&self) -> u32 {
        self.messages
    }

    /// Ends the file. Without this, tools have to recover it first.
    pub fn finish(mut self) -> Result<(), RecordingError> {
        self.mcap.finish()?;
        self.mcap.into_inner().flush()?;
        Ok(())
    }
}

impl<W: Write + Seek> std::fmt::Debug for Writer<W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Writer")
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}

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

/// A record that claims to be longer than this is no record.
const LONGEST_RECORD: usize = 256 * 1024 * 1024;

/// Reads a file, as far as it goes: one that broke off is read up to there.
///
/// # Errors
/// When it is no MCAP file.
pub fn read(file: &[u8]) -> Result<Recording, RecordingError> {
    if !file.starts_with(mcap::MAGIC) {
        return Err(mcap::McapError::BadMagic.into());
    }
    let mut reading = Reading::default();
    let options = LinearReaderOptions::default().with_record_length_limit(LONGEST_RECORD);
    let mut reader = LinearReader::new_with_options(options);
    let mut rest = file;
    while let Some(event) = reader.next_event() {
        let taken = match event {
            Ok(LinearReadEvent::ReadRequest(wanted)) => {
                // Reading from memory does not fail.
                let read = rest.read(reader.insert(wanted)).unwrap_or(0);
                reader.notify_read(read);
                Ok(())
            }
            Ok(LinearReadEvent::Record { data, opcode }) => {
                mcap::parse_record(opcode, data).map(|record| reading.take(record))
            }
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            reading.recording.broken = Some(with_causes(&error));
            break;
        }
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
    fn take(&mut self, record: Record<'_>) {
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
            _ => {}
        }
    }
}

/// What an error says, and why.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, ErrorKind, SeekFrom};

    use msgs::geometry_msgs::{Point, PointStamped};
    use msgs::sensor_msgs::Image;
    use proptest::prelude::*;

    use super::*;

    fn point(x: f64) -> PointStamped {
        PointStamped {
            point: Point { x, y: 0.0, z: 0.0 },
            ..PointStamped::default()
        }
    }

    /// A file with `count` points and a picture with each.
    fn write(to: impl Write + Seek, count: u32) -> Result<(), RecordingError> {
        let mut writer = Writer::new(to)?;
        writer.metadata("first", [("key", "value")])?;
        let points = writer.channel::<PointStamped>("/points")?;
        let images = writer.channel::<Image>("/images")?;
        for index in 0..count {
            let at = Time::from_nanos(i64::from(index) * 1_000_000);
            writer.write(points, at, &point(f64::from(index)))?;
            // Nothing that compresses.
            let data =
                (0..30_000_u32).map(|byte| (byte.wrapping_mul(2_654_435_761 + index) >> 13) as u8);
            let image = Image {
                data: data.collect(),
                ..Image::default()
            };
            writer.write(images, at, &image)?;
        }
        writer.metadata("last", [("outcome", "held")])?;
        writer.finish()
    }

    fn bytes(count: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(Cursor::new(&mut bytes), count).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let recording = read(&bytes(100)).unwrap();
        assert_eq!(recording.broken, None);
        assert_eq!(recording.messages.len(), 200);
        for (index, pair) in recording.messages.chunks(2).enumerate() {
            assert_eq!(pair[0].topic, "/points");
            let read: PointStamped = pair[0].decode().unwrap();
            assert_eq!(read.point.x, index as f64);
            assert_eq!(pair[1].decode::<Image>().unwrap().data.len(), 30_000);
        }
        assert_eq!(recording.metadata["last"]["outcome"], "held");
        let wrong = recording.messages[0].decode::<Image>().unwrap_err();
        assert!(wrong.to_string().contains("/points carries geometry_msgs"));
    }

    #[test]
    fn a_file_that_broke_off_is_read_up_to_there() {
        let whole = bytes(200);
        let half = read(&whole[..whole.len() / 2]).unwrap();
        assert!(
            (50..350).contains(&half.messages.len()),
            "{}",
            half.messages.len()
        );
        assert_eq!(half.metadata["first"]["key"], "value");
        assert!(read(b"no recording").is_err());
        assert!(read(b"").is_err());
    }

    /// A disk with so many bytes left.
    struct SmallDisk {
        file: Cursor<Vec<u8>>,
        size: usize,
    }

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.file.position() as usize + bytes.len() > self.size {
                return Err(ErrorKind::StorageFull.into());
            }
            self.file.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Seek for SmallDisk {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            self.file.seek(to)
        }
    }

    #[test]
    fn a_full_disk_is_an_error_wherever_it_strikes() {
        let needed = bytes(80).len();
        for size in (0..needed)
            .step_by(4_099)
            .chain((needed - 2_000..needed).step_by(37))
        {
            let file = Cursor::new(Vec::new());
            let error = write(SmallDisk { file, size }, 80).unwrap_err();
            // Each error, that of the end included, says what the disk said.
            let words = error.to_string().to_lowercase();
            assert!(
                words.contains("storage") || words.contains("space"),
                "{size}: {words}"
            );
        }
        let file = Cursor::new(Vec::new());
        write(SmallDisk { file, size: needed }, 80).unwrap();
    }

    proptest! {
        #[test]
        fn no_file_panics(place in 0_usize..20_000, byte: u8, length in 0_usize..20_000) {
            let mut file = bytes(3);
            let place = place % file.len();
            file[place] = byte;
            file.truncate(length.max(8));
            read(&file).ok();
        }
    }
}
