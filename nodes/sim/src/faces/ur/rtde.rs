//! One session of an RTDE client.

use super::controller::Controller;
use super::variables::{Input, Output};
use std::cell::RefCell;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use ur_driver::control_program::CYCLE_S;
use ur_driver::rtde::frame::Package;
use ur_driver::rtde::message::{SetupReply, UrControlVersion};
use ur_driver::rtde::value::Reader;
use ur_driver::rtde::{
    ClientMessage, Connection, ControllerMessage, PROTOCOL_VERSION, RtdeError, Value,
};

/// The version that the face gives: the last of the CB3 series.
const VERSION: UrControlVersion = UrControlVersion {
    major: 3,
    minor: 15,
    bugfix: 8,
    build: 106_339,
};
/// Packages that wait for a client that does not read; beyond this they are dropped.
const BACKLOG: usize = 64;

/// The sessions' shared side: what each session wants to be sent, and who writes which input.
#[derive(Debug, Default)]
pub(super) struct Hub {
    outlets: Vec<Outlet>,
    next_session: u64,
    inputs_in_use: Vec<(u64, Input)>,
    /// Packages dropped because clients did not read.
    dropped: u64,
}

#[derive(Debug)]
struct Outlet {
    session: u64,
    queue: mpsc::Sender<Vec<u8>>,
    outputs: Vec<Output>,
    recipe: u8,
    /// A data package every this many cycles.
    divider: u64,
    started: bool,
}

impl Hub {
    /// Sends what each session wants to be sent of one cycle.
    pub(super) fn publish(&mut self, cycle: u64, controller: &mut Controller) {
        let texts = controller.take_texts();
        for outlet in &self.outlets {
            for text in &texts {
                self.dropped +=
                    u64::from(outlet.send(&ControllerMessage::Text(text.clone())).is_err());
            }
            if outlet.started && cycle.is_multiple_of(outlet.divider) {
                let mut fields = Vec::with_capacity(512);
                for output in &outlet.outputs {
                    output.value(controller).write(&mut fields);
                }
                let message = ControllerMessage::Data {
                    recipe: outlet.recipe,
                    fields,
                };
                self.dropped += u64::from(outlet.send(&message).is_err());
            }
        }
    }

    /// Packages dropped because clients did not read.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn outlet(&mut self, session: u64) -> Option<&mut Outlet> {
        self.outlets
            .iter_mut()
            .find(|outlet| outlet.session == session)
    }
}

impl Outlet {
    fn send(&self, message: &ControllerMessage) -> Result<(), mpsc::error::TrySendError<Vec<u8>>> {
        self.queue.try_send(message.to_bytes())
    }
}

/// Takes a session out of the hub however it ends.
struct Registration<'a> {
    hub: &'a RefCell<Hub>,
    session: u64,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let mut hub = self.hub.borrow_mut();
        hub.outlets.retain(|outlet| outlet.session != self.session);
        hub.inputs_in_use
            .retain(|(session, _)| *session != self.session);
    }
}

/// Serves one client until it goes.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    hub: &RefCell<Hub>,
    controller: &RefCell<Controller>,
) -> Result<(), RtdeError> {
    let (queue, mut packages) = mpsc::channel(BACKLOG);
    let session = {
        let mut hub = hub.borrow_mut();
        hub.next_session += 1;
        let session = hub.next_session;
        hub.outlets.push(Outlet {
            session,
            queue,
            outputs: Vec::new(),
            recipe: 1,
            divider: 1,
            started: false,
        });
        session
    };
    let _registration = Registration { hub, session };
    let mut connection = Connection::new(stream);
    let mut inputs = Vec::new();
    loop {
        let reply = tokio::select! {
            biased;
            package = connection.read() => {
                let package = package?;
                answer(&package, session, &mut hub.borrow_mut(), &mut controller.borrow_mut(), &mut inputs)?
                    .map(|reply| reply.to_bytes())
            }
            Some(bytes) = packages.recv() => Some(bytes),
        };
        if let Some(bytes) = reply {
            connection.write(&bytes).await?;
        }
    }
}

/// Does what a client's package asks for.
fn answer(
    package: &Package<'_>,
    session: u64,
    hub: &mut Hub,
    controller: &mut Controller,
    inputs: &mut Vec<Input>,
) -> Result<Option<ControllerMessage>, RtdeError> {
    Ok(Some(match ClientMessage::from_package(package)? {
        ClientMessage::RequestProtocolVersion(version) => ControllerMessage::ProtocolVersion {
            accepted: version == PROTOCOL_VERSION,
        },
        ClientMessage::GetUrControlVersion => ControllerMessage::UrControlVersion(VERSION),
        ClientMessage::SetupOutputs {
            frequency_hz,
            names,
        } => {
            let found: Vec<_> = names.iter().map(|name| Output::find(name)).collect();
            let types = found
                .iter()
                .map(|output| match output {
                    Some(output) => output.value(controller).data_type().name().to_owned(),
                    None => "NOT_FOUND".to_owned(),
                })
                .collect();
            let outputs: Option<Vec<_>> = found.into_iter().collect();
            let recipe = u8::from(outputs.is_some());
            if let Some(outlet) = hub.outlet(session) {
                outlet.outputs = outputs.unwrap_or_default();
                outlet.divider = divider(frequency_hz);
            }
            ControllerMessage::Outputs(SetupReply { recipe, types })
        }
        ClientMessage::SetupInputs { names } => {
            let found: Vec<_> = names.iter().map(|name| Input::find(name)).collect();
            let in_use = |input: &Input| {
                hub.inputs_in_use
                    .iter()
                    .any(|(owner, used)| *owner != session && used == input)
            };
            let types = found
                .iter()
                .map(|input| match input {
                    None => "NOT_FOUND",
                    Some(input) if in_use(input) => "IN_USE",
                    Some(input) => input.data_type().name(),
                })
                .map(str::to_owned)
                .collect();
            let accepted = found
                .iter()
                .all(|input| input.is_some_and(|input| !in_use(&input)));
            if accepted {
                *inputs = found.into_iter().flatten().collect();
                hub.inputs_in_use
                    .extend(inputs.iter().map(|input| (session, *input)));
            }
            ControllerMessage::Inputs(SetupReply {
                recipe: u8::from(accepted),
                types,
            })
        }
        ClientMessage::Start => {
            let outlet = hub
                .outlet(session)
                .filter(|outlet| !outlet.outputs.is_empty());
            let accepted = outlet.is_some();
            if let Some(outlet) = outlet {
                outlet.started = true;
            }
            ControllerMessage::Start { accepted }
        }
        ClientMessage::Pause => {
            if let Some(outlet) = hub.outlet(session) {
                outlet.started = false;
            }
            ControllerMessage::Pause { accepted: true }
        }
        ClientMessage::Data { fields, .. } => {
            let mut reader = Reader::new("input package", &fields);
            let mut values = Vec::with_capacity(inputs.len());
            for input in inputs.iter() {
                values.push(Value::read(input.data_type(), &mut reader)?);
            }
            reader.finish()?;
            for (input, value) in inputs.iter().zip(values) {
                input.set(value, controller);
            }
            return Ok(None);
        }
        ClientMessage::Text(text) => {
            tracing::info!(
                source = text.source,
                "message to the simulated controller: {}",
                text.message
            );
            return Ok(None);
        }
    }))
}

/// Cycles from one data package to the next. 0 or nonsense asks for the full rate.
fn divider(frequency_hz: f64) -> u64 {
    let cycles = 1.0 / (CYCLE_S * frequency_hz);
    if cycles.is_finite() && cycles >= 1.0 {
        cycles.round() as u64
    } else {
        1
    }
}
