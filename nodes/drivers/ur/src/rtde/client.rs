//! The client's side of an RTDE session.

use super::message::{SetupReply, Text, UrControlVersion};
use super::recipe::Recipe;
use super::{ClientMessage, Connection, ControllerMessage, PROTOCOL_VERSION, RtdeError};
use std::marker::PhantomData;
use tokio::io::{AsyncRead, AsyncWrite};

/// A running RTDE session that receives `Out` and sends `In`.
#[derive(Debug)]
pub struct Client<S, Out, In> {
    connection: Connection<S>,
    version: UrControlVersion,
    output_recipe: u8,
    input_recipe: u8,
    types: PhantomData<fn(In) -> Out>,
}

/// Something that the controller sent in a running session.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<Out> {
    /// The outputs of one cycle.
    Data(Out),
    /// A line of text.
    Text(Text),
}

impl<S, Out, In> Client<S, Out, In>
where
    S: AsyncRead + AsyncWrite + Unpin,
    Out: Recipe,
    In: Recipe,
{
    /// Agrees on version and recipes and starts the exchange at `frequency_hz`.
    pub async fn start(stream: S, frequency_hz: f64) -> Result<Self, RtdeError> {
        let mut connection = Connection::new(stream);
        let accepted = request(
            &mut connection,
            &ClientMessage::RequestProtocolVersion(PROTOCOL_VERSION),
            |reply| match reply {
                ControllerMessage::ProtocolVersion { accepted } => Some(accepted),
                _ => None,
            },
        )
        .await?;
        if !accepted {
            return Err(RtdeError::VersionRefused);
        }
        let version = request(
            &mut connection,
            &ClientMessage::GetUrControlVersion,
            |reply| match reply {
                ControllerMessage::UrControlVersion(version) => Some(version),
                _ => None,
            },
        )
        .await?;
        let names = names_of::<Out>();
        let outputs = request(
            &mut connection,
            &ClientMessage::SetupOutputs {
                frequency_hz,
                names,
            },
            |reply| match reply {
                ControllerMessage::Outputs(reply) => Some(reply),
                _ => None,
            },
        )
        .await?;
        check_types::<Out>("output", &outputs)?;
        let inputs = request(
            &mut connection,
            &ClientMessage::SetupInputs {
                names: names_of::<In>(),
            },
            |reply| match reply {
                ControllerMessage::Inputs(reply) => Some(reply),
                _ => None,
            },
        )
        .await?;
        check_types::<In>("input", &inputs)?;
        let accepted = request(
            &mut connection,
            &ClientMessage::Start,
            |reply| match reply {
                ControllerMessage::Start { accepted } => Some(accepted),
                _ => None,
            },
        )
        .await?;
        if !accepted {
            return Err(RtdeError::Refused { action: "start" });
        }
        Ok(Self {
            connection,
            version,
            output_recipe: outputs.recipe,
            input_recipe: inputs.recipe,
            types: PhantomData,
        })
    }

    /// The version of the controller's software.
    #[must_use]
    pub fn version(&self) -> UrControlVersion {
        self.version
    }

    /// Waits for the next data package or text. Cancel safe.
    pub async fn receive(&mut self) -> Result<Event<Out>, RtdeError> {
        loop {
            let package = self.connection.read().await?;
            match ControllerMessage::from_package(&package)? {
                ControllerMessage::Data { recipe, fields } if recipe == self.output_recipe => {
                    return Out::decode(&fields).map(Event::Data);
                }
                ControllerMessage::Data { recipe, .. } => {
                    return Err(RtdeError::WrongRecipe {
                        expected: self.output_recipe,
                        got: recipe,
                    });
                }
                ControllerMessage::Text(text) => return Ok(Event::Text(text)),
                // Late answers to set-up requests carry nothing new.
                _ => {}
            }
        }
    }

    /// Whether more packages wait in the buffer: this side does not keep up with the controller.
    #[must_use]
    pub fn has_backlog(&self) -> bool {
        self.connection.has_buffered()
    }

    /// Sends new inputs.
    pub async fn send(&mut self, inputs: &In) -> Result<(), RtdeError> {
        let mut fields = Vec::with_capacity(128);
        inputs.encode(&mut fields);
        let message = ClientMessage::Data {
            recipe: self.input_recipe,
            fields,
        };
        self.connection.write(&message.to_bytes()).await
    }
}

fn names_of<R: Recipe>() -> Vec<String> {
    R::FIELDS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect()
}

fn check_types<R: Recipe>(direction: &'static str, reply: &SetupReply) -> Result<(), RtdeError> {
    for (index, (name, kind)) in R::FIELDS.iter().enumerate() {
        let answer = reply.types.get(index).map_or("", String::as_str);
        if answer != kind.name() {
            return Err(RtdeError::Variable {
                direction,
                name: (*name).to_owned(),
                wanted: kind.name(),
                answer: answer.to_owned(),
            });
        }
    }
    Ok(())
}

/// Sends a request and waits for its answer; texts and data in between are passed over.
async fn request<S: AsyncRead + AsyncWrite + Unpin, T>(
    connection: &mut Connection<S>,
    message: &ClientMessage,
    answer: impl Fn(ControllerMessage) -> Option<T>,
) -> Result<T, RtdeError> {
    connection.write(&message.to_bytes()).await?;
    loop {
        let package = connection.read().await?;
        if let Some(answer) = answer(ControllerMessage::from_package(&package)?) {
            return Ok(answer);
        }
    }
}
