//! The dashboard: the controller's buttons as lines of text over TCP (port 29999).
//!
//! One line asks, one line answers. The answers are prose, so this module compares only their
//! documented beginnings and hands the whole line on for people to read.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Lines longer than this are no dashboard's.
const MAX_LINE: usize = 4096;

/// A dashboard command that the driver uses or that people try by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Give the arm power.
    PowerOn,
    /// Take the arm's power away.
    PowerOff,
    /// Release the brakes, so that programs can run.
    BrakeRelease,
    /// Start or go on with the loaded program.
    Play,
    /// Pause the running program.
    Pause,
    /// Stop the running program.
    Stop,
    /// Is a program running?
    Running,
    /// Ask for the [`RobotMode`](crate::mode::RobotMode).
    RobotMode,
    /// Ask for the [`SafetyMode`](crate::mode::SafetyMode).
    SafetyMode,
    /// The same under its newer name.
    SafetyStatus,
    /// Ask whether a program is stopped, playing or paused.
    ProgramState,
    /// Leave a protective stop, at the earliest 5 s after it happened.
    UnlockProtectiveStop,
    /// Restart the safety system after a violation or fault; the arm is off afterwards.
    RestartSafety,
    /// Close the pop-up of the safety system.
    CloseSafetyPopup,
    /// Close an ordinary pop-up.
    ClosePopup,
    /// Show a pop-up.
    Popup(String),
    /// Write a line to the controller's log.
    AddToLog(String),
    /// Ask for the version of the user interface.
    PolyscopeVersion,
    /// Ask for the model, such as `UR5`.
    GetRobotModel,
    /// Ask for the serial number.
    GetSerialNumber,
    /// End the connection.
    Quit,
}

const PLAIN: [(&str, Command); 19] = [
    ("power on", Command::PowerOn),
    ("power off", Command::PowerOff),
    ("brake release", Command::BrakeRelease),
    ("play", Command::Play),
    ("pause", Command::Pause),
    ("stop", Command::Stop),
    ("running", Command::Running),
    ("robotmode", Command::RobotMode),
    ("safetymode", Command::SafetyMode),
    ("safetystatus", Command::SafetyStatus),
    ("programState", Command::ProgramState),
    ("unlock protective stop", Command::UnlockProtectiveStop),
    ("restart safety", Command::RestartSafety),
    ("close safety popup", Command::CloseSafetyPopup),
    ("close popup", Command::ClosePopup),
    ("PolyscopeVersion", Command::PolyscopeVersion),
    ("get robot model", Command::GetRobotModel),
    ("get serial number", Command::GetSerialNumber),
    ("quit", Command::Quit),
];

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Popup(text) => write!(f, "popup {}", one_line(text)),
            Self::AddToLog(text) => write!(f, "addToLog {}", one_line(text)),
            plain => f.write_str(
                PLAIN
                    .iter()
                    .find(|(_, command)| command == plain)
                    .map_or("", |(name, _)| name),
            ),
        }
    }
}

/// A line break in a text would begin another command.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

impl FromStr for Command {
    type Err = DashboardError;

    fn from_str(line: &str) -> Result<Self, DashboardError> {
        let line = line.trim();
        if let Some(text) = line.strip_prefix("popup ") {
            return Ok(Self::Popup(text.to_owned()));
        }
        if let Some(text) = line.strip_prefix("addToLog ") {
            return Ok(Self::AddToLog(text.to_owned()));
        }
        PLAIN
            .iter()
            .find(|(name, _)| *name == line)
            .map(|(_, command)| command.clone())
            .ok_or_else(|| DashboardError::UnknownCommand {
                line: line.to_owned(),
            })
    }
}

/// What can go wrong with the dashboard.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DashboardError {
    /// A line that is no command of [`Command`].
    #[error("unknown dashboard command {line:?}")]
    UnknownCommand {
        /// The line as sent.
        line: String,
    },
    /// The controller does not do what was asked.
    #[error("the controller answers {reply:?} to the dashboard command {command:?}")]
    Refused {
        /// The command.
        command: String,
        /// The controller's answer.
        reply: String,
    },
    /// The controller closed the connection.
    #[error("the dashboard connection was closed")]
    Closed,
    /// A line without an end, or one that is not UTF-8.
    #[error("what answers is no dashboard: a line of more than {MAX_LINE} bytes or not UTF-8")]
    NotADashboard,
    /// The stream failed.
    #[error("dashboard stream: {0}")]
    Io(#[from] std::io::Error),
}

/// Lines of text over any byte stream: both sides of a dashboard connection.
#[derive(Debug)]
pub struct Lines<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lines<S> {
    /// Wraps a stream.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Waits for the next line, without its end. `None` at the end of the stream. Cancel safe.
    pub async fn next(&mut self) -> Result<Option<String>, DashboardError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8(line).map_err(|_| DashboardError::NotADashboard)?;
                return Ok(Some(line.trim_end().to_owned()));
            }
            if self.buffer.len() > MAX_LINE {
                return Err(DashboardError::NotADashboard);
            }
            let mut chunk = [0; 512];
            let count = self.stream.read(&mut chunk).await?;
            if count == 0 {
                return Ok(None);
            }
            self.buffer
                .extend_from_slice(chunk.get(..count).unwrap_or_default());
        }
    }

    /// Sends a line.
    pub async fn send(&mut self, line: &str) -> Result<(), DashboardError> {
        self.stream
            .write_all(format!("{line}\n").as_bytes())
            .await?;
        self.stream.flush().await?;
        Ok(())
    }
}

/// The client's side of a dashboard connection.
#[derive(Debug)]
pub struct Client<S> {
    lines: Lines<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Waits for the greeting of the dashboard.
    pub async fn start(stream: S) -> Result<Self, DashboardError> {
        let mut lines = Lines::new(stream);
        lines.next().await?.ok_or(DashboardError::Closed)?;
        Ok(Self { lines })
    }

    /// Sends a command and returns the answer, whatever it says.
    pub async fn ask(&mut self, command: &Command) -> Result<String, DashboardError> {
        self.lines.send(&command.to_string()).await?;
        self.lines.next().await?.ok_or(DashboardError::Closed)
    }

    /// Sends a command and checks that the answer says that it is being done.
    pub async fn order(&mut self, command: &Command) -> Result<String, DashboardError> {
        let reply = self.ask(command).await?;
        let expected = match command {
            Command::PowerOn => "Powering on",
            Command::PowerOff => "Powering off",
            Command::BrakeRelease => "Brake releasing",
            Command::Play => "Starting program",
            Command::Pause => "Pausing program",
            Command::Stop => "Stopped",
            Command::UnlockProtectiveStop => "Protective stop releasing",
            Command::RestartSafety => "Restarting safety",
            Command::CloseSafetyPopup => "closing safety popup",
            Command::ClosePopup => "closing popup",
            _ => "",
        };
        if reply
            .to_ascii_lowercase()
            .starts_with(&expected.to_ascii_lowercase())
        {
            Ok(reply)
        } else {
            Err(DashboardError::Refused {
                command: command.to_string(),
                reply,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use proptest::prelude::*;

    #[test]
    fn a_refusal_is_an_error_that_quotes_the_controller() {
        block_on(async {
            let (near, far) = tokio::io::duplex(256);
            let controller = async {
                let mut lines = Lines::new(far);
                lines
                    .send("Connected: Universal Robots Dashboard Server")
                    .await
                    .unwrap();
                assert_eq!(lines.next().await.unwrap().as_deref(), Some("power on"));
                lines.send("Powering on").await.unwrap();
                assert_eq!(
                    lines.next().await.unwrap().as_deref(),
                    Some("unlock protective stop")
                );
                lines
                    .send("Cannot unlock protective stop until 5s after occurrence.")
                    .await
                    .unwrap();
            };
            let driver = async {
                let mut dashboard = Client::start(near).await.unwrap();
                dashboard.order(&Command::PowerOn).await.unwrap();
                let error = dashboard
                    .order(&Command::UnlockProtectiveStop)
                    .await
                    .unwrap_err();
                assert!(error.to_string().contains("until 5s"), "{error}");
                assert!(matches!(
                    dashboard.ask(&Command::RobotMode).await,
                    Err(DashboardError::Io(_) | DashboardError::Closed)
                ));
            };
            futures::join!(controller, driver);
        });
    }

    #[test]
    fn commands_go_both_ways() {
        for (text, command) in PLAIN {
            assert_eq!(text.parse::<Command>().unwrap(), command);
            assert_eq!(command.to_string(), text);
        }
        assert_eq!(Command::Popup("a\nplay".into()).to_string(), "popup a play");
    }

    proptest! {
        #[test]
        fn any_line_is_a_command_or_an_error(line in ".{0,40}") {
            if let Ok(command) = line.parse::<Command>() {
                prop_assert_eq!(command.to_string().trim().parse::<Command>().is_ok(), true);
            }
        }
    }
}
