//! What the packages mean, from the client to the controller and back.

use super::RtdeError;
use super::frame::{self, Package};
use super::value::{Field, Reader};

/// Type bytes of the packages.
mod kind {
    pub(super) const REQUEST_PROTOCOL_VERSION: u8 = b'V';
    pub(super) const GET_URCONTROL_VERSION: u8 = b'v';
    pub(super) const TEXT_MESSAGE: u8 = b'M';
    pub(super) const DATA_PACKAGE: u8 = b'U';
    pub(super) const SETUP_OUTPUTS: u8 = b'O';
    pub(super) const SETUP_INPUTS: u8 = b'I';
    pub(super) const START: u8 = b'S';
    pub(super) const PAUSE: u8 = b'P';
}

/// What a client sends.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientMessage {
    /// Asks to speak this protocol version.
    RequestProtocolVersion(u16),
    /// Asks for the version of the controller's software.
    GetUrControlVersion,
    /// Asks for these output variables at this rate.
    SetupOutputs {
        /// Rate of the data packages in Hz (at most 125 on a CB3).
        frequency_hz: f64,
        /// Names of the variables.
        names: Vec<String>,
    },
    /// Asks to write these input variables.
    SetupInputs {
        /// Names of the variables.
        names: Vec<String>,
    },
    /// Starts the exchange.
    Start,
    /// Pauses the exchange.
    Pause,
    /// New values of the inputs.
    Data {
        /// The recipe that the controller assigned.
        recipe: u8,
        /// The fields of the recipe.
        fields: Vec<u8>,
    },
    /// A line for the controller's log.
    Text(Text),
}

/// What the controller sends.
#[derive(Debug, Clone, PartialEq)]
pub enum ControllerMessage {
    /// Whether the requested protocol version is spoken from now on.
    ProtocolVersion {
        /// Accepted?
        accepted: bool,
    },
    /// The version of the controller's software.
    UrControlVersion(UrControlVersion),
    /// Answer to [`ClientMessage::SetupOutputs`].
    Outputs(SetupReply),
    /// Answer to [`ClientMessage::SetupInputs`].
    Inputs(SetupReply),
    /// Answer to [`ClientMessage::Start`].
    Start {
        /// Accepted?
        accepted: bool,
    },
    /// Answer to [`ClientMessage::Pause`].
    Pause {
        /// Accepted?
        accepted: bool,
    },
    /// New values of the outputs.
    Data {
        /// The recipe that the controller assigned.
        recipe: u8,
        /// The fields of the recipe.
        fields: Vec<u8>,
    },
    /// A line from the controller.
    Text(Text),
}

/// The version of the controller's software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UrControlVersion {
    /// 3 on a CB3, 5 on an e-Series.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Bugfix version.
    pub bugfix: u32,
    /// Build number.
    pub build: u32,
}

/// The controller's answer to a set-up: a recipe id and one type name a variable, in order.
/// A variable that it cannot give has the name `NOT_FOUND` or `IN_USE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupReply {
    /// The recipe id; 0 when the set-up failed.
    pub recipe: u8,
    /// The types, in the order of the request.
    pub types: Vec<String>,
}

/// A text message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The message, at most 255 bytes.
    pub message: String,
    /// Who says it, at most 255 bytes.
    pub source: String,
    /// How grave it is.
    pub level: TextLevel,
}

/// How grave a text message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the level it names")]
pub enum TextLevel {
    Exception,
    Error,
    Warning,
    Info,
}

impl From<u8> for TextLevel {
    fn from(level: u8) -> Self {
        match level {
            0 => Self::Exception,
            1 => Self::Error,
            2 => Self::Warning,
            _ => Self::Info,
        }
    }
}

impl Text {
    fn write(&self, out: &mut Vec<u8>) {
        for text in [&self.message, &self.source] {
            let length = text.floor_char_boundary(usize::from(u8::MAX));
            let text = text.get(..length).unwrap_or_default();
            out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(text.as_bytes());
        }
        out.push(self.level as u8);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RtdeError> {
        let mut texts = [String::new(), String::new()];
        for text in &mut texts {
            let length = u8::read(reader)?;
            *text = reader.text(usize::from(length))?.to_owned();
        }
        let [message, source] = texts;
        Ok(Self {
            message,
            source,
            level: TextLevel::from(u8::read(reader)?),
        })
    }
}

/// Clients in the field end their lists with a comma, and controllers do not mind.
fn split_names(text: &str) -> Vec<String> {
    text.split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn unexpected(package: &Package<'_>) -> RtdeError {
    RtdeError::UnexpectedType {
        kind: package.kind,
        size: package.payload.len(),
    }
}

impl ClientMessage {
    /// The message as a package.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::RequestProtocolVersion(version) => {
                frame::write(&mut out, kind::REQUEST_PROTOCOL_VERSION, |out| {
                    out.extend_from_slice(&version.to_be_bytes());
                });
            }
            Self::GetUrControlVersion => {
                frame::write(&mut out, kind::GET_URCONTROL_VERSION, |_| ());
            }
            Self::SetupOutputs {
                frequency_hz,
                names,
            } => {
                frame::write(&mut out, kind::SETUP_OUTPUTS, |out| {
                    frequency_hz.write(out);
                    out.extend_from_slice(names.join(",").as_bytes());
                });
            }
            Self::SetupInputs { names } => frame::write(&mut out, kind::SETUP_INPUTS, |out| {
                out.extend_from_slice(names.join(",").as_bytes());
            }),
            Self::Start => frame::write(&mut out, kind::START, |_| ()),
            Self::Pause => frame::write(&mut out, kind::PAUSE, |_| ()),
            Self::Data { recipe, fields } => write_data(&mut out, *recipe, fields),
            Self::Text(text) => frame::write(&mut out, kind::TEXT_MESSAGE, |out| text.write(out)),
        }
        out
    }

    /// Understands a package from a client.
    pub fn from_package(package: &Package<'_>) -> Result<Self, RtdeError> {
        let mut reader = Reader::new("request", package.payload);
        let message = match package.kind {
            kind::REQUEST_PROTOCOL_VERSION => {
                Self::RequestProtocolVersion(u16::from_be_bytes(reader.array()?))
            }
            kind::GET_URCONTROL_VERSION => Self::GetUrControlVersion,
            kind::SETUP_OUTPUTS => Self::SetupOutputs {
                frequency_hz: f64::read(&mut reader)?,
                names: split_names(reader.rest_text()?),
            },
            kind::SETUP_INPUTS => Self::SetupInputs {
                names: split_names(reader.rest_text()?),
            },
            kind::START => Self::Start,
            kind::PAUSE => Self::Pause,
            kind::DATA_PACKAGE => Self::Data {
                recipe: u8::read(&mut reader)?,
                fields: reader.rest().to_vec(),
            },
            kind::TEXT_MESSAGE => Self::Text(Text::read(&mut reader)?),
            _ => return Err(unexpected(package)),
        };
        reader.finish()?;
        Ok(message)
    }
}

fn write_data(out: &mut Vec<u8>, recipe: u8, fields: &[u8]) {
    frame::write(out, kind::DATA_PACKAGE, |out| {
        out.push(recipe);
        out.extend_from_slice(fields);
    });
}

impl SetupReply {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.recipe);
        out.extend_from_slice(self.types.join(",").as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RtdeError> {
        Ok(Self {
            recipe: u8::read(reader)?,
            types: split_names(reader.rest_text()?),
        })
    }
}

impl ControllerMessage {
    /// The message as a package.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::ProtocolVersion { accepted } => {
                frame::write(&mut out, kind::REQUEST_PROTOCOL_VERSION, |out| {
                    accepted.write(out);
                });
            }
            Self::UrControlVersion(version) => {
                frame::write(&mut out, kind::GET_URCONTROL_VERSION, |out| {
                    for part in [version.major, version.minor, version.bugfix, version.build] {
                        part.write(out);
                    }
                });
            }
            Self::Outputs(reply) => {
                frame::write(&mut out, kind::SETUP_OUTPUTS, |out| reply.write(out));
            }
            Self::Inputs(reply) => {
                frame::write(&mut out, kind::SETUP_INPUTS, |out| reply.write(out));
            }
            Self::Start { accepted } => {
                frame::write(&mut out, kind::START, |out| accepted.write(out));
            }
            Self::Pause { accepted } => {
                frame::write(&mut out, kind::PAUSE, |out| accepted.write(out));
            }
            Self::Data { recipe, fields } => write_data(&mut out, *recipe, fields),
            Self::Text(text) => frame::write(&mut out, kind::TEXT_MESSAGE, |out| text.write(out)),
        }
        out
    }

    /// Understands a package from the controller.
    pub fn from_package(package: &Package<'_>) -> Result<Self, RtdeError> {
        let mut reader = Reader::new("reply", package.payload);
        let message = match package.kind {
            kind::REQUEST_PROTOCOL_VERSION => Self::ProtocolVersion {
                accepted: bool::read(&mut reader)?,
            },
            kind::GET_URCONTROL_VERSION => Self::UrControlVersion(UrControlVersion {
                major: u32::read(&mut reader)?,
                minor: u32::read(&mut reader)?,
                bugfix: u32::read(&mut reader)?,
                build: u32::read(&mut reader)?,
            }),
            kind::SETUP_OUTPUTS => Self::Outputs(SetupReply::read(&mut reader)?),
            kind::SETUP_INPUTS => Self::Inputs(SetupReply::read(&mut reader)?),
            kind::START => Self::Start {
                accepted: bool::read(&mut reader)?,
            },
            kind::PAUSE => Self::Pause {
                accepted: bool::read(&mut reader)?,
            },
            kind::DATA_PACKAGE => Self::Data {
                recipe: u8::read(&mut reader)?,
                fields: reader.rest().to_vec(),
            },
            kind::TEXT_MESSAGE => Self::Text(Text::read(&mut reader)?),
            _ => return Err(unexpected(package)),
        };
        reader.finish()?;
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn package(bytes: &[u8]) -> Package<'_> {
        frame::parse(bytes).unwrap().unwrap().0
    }

    #[test]
    fn the_documented_layouts_hold() {
        // Layouts from Universal Robots' "Real-Time Data Exchange (RTDE) Guide".
        let setup = ClientMessage::SetupOutputs {
            frequency_hz: 125.0,
            names: vec!["actual_q".into(), "robot_mode".into()],
        };
        let mut expected = vec![0, 30, b'O'];
        expected.extend_from_slice(&125.0_f64.to_be_bytes());
        expected.extend_from_slice(b"actual_q,robot_mode");
        assert_eq!(setup.to_bytes(), expected);
        assert_eq!(
            ControllerMessage::from_package(&package(b"\0\x12O\x01VECTOR6D,INT32")).unwrap(),
            ControllerMessage::Outputs(SetupReply {
                recipe: 1,
                types: vec!["VECTOR6D".into(), "INT32".into()]
            })
        );
        assert_eq!(
            ControllerMessage::from_package(&package(b"\0\x0bM\x02hi\x03me!\x02")).unwrap(),
            ControllerMessage::Text(Text {
                message: "hi".into(),
                source: "me!".into(),
                level: TextLevel::Warning
            })
        );
    }

    #[test]
    fn a_comma_at_the_end_of_the_names_is_no_name() {
        let setup = ClientMessage::from_package(&package(b"\0\x0cIspeed,x,,")).unwrap();
        let names = vec!["speed".into(), "x".into()];
        assert_eq!(setup, ClientMessage::SetupInputs { names });
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = Text {
            message: "é".repeat(200),
            source: String::new(),
            level: TextLevel::Info,
        };
        let bytes = ControllerMessage::Text(text).to_bytes();
        let ControllerMessage::Text(read) =
            ControllerMessage::from_package(&package(&bytes)).unwrap()
        else {
            panic!("not a text");
        };
        assert_eq!(read.message, "é".repeat(127));
    }

    proptest! {
        #[test]
        fn any_package_is_understood_or_refused_without_panic(
            kind: u8,
            payload in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let package = Package { kind, payload: &payload };
            if let Ok(message) = ClientMessage::from_package(&package) {
                let bytes = message.to_bytes();
                let again = frame::parse(&bytes).unwrap().unwrap().0;
                // NaN frequencies are not equal to themselves, so bytes are compared.
                prop_assert_eq!(ClientMessage::from_package(&again).unwrap().to_bytes(), bytes.clone());
            }
            if let Ok(message) = ControllerMessage::from_package(&package) {
                let bytes = message.to_bytes();
                let again = frame::parse(&bytes).unwrap().unwrap().0;
                prop_assert_eq!(ControllerMessage::from_package(&again).unwrap(), message);
            }
        }
    }
}
