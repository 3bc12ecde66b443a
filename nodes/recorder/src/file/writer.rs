//! Writes the files.

use std::collections::BTreeMap;
use std::io::{Seek, Write};

use bus::Time;
use mcap::records::{MessageHeader, Metadata};
use mcap::{Compression, WriteOptions};
use msgs::Message;
use msgs::cdr;
use msgs::definition::{self, Field};

use super::RecordingError;

/// What MCAP calls the layout of ROS 2: CDR, and interface definitions as text.
const PROFILE: &str = "ros2";
const MESSAGE_ENCODING: &str = "cdr";
const SCHEMA_ENCODING: &str = "ros2msg";

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
