//! One session of a dashboard client.

use super::controller::Controller;
use std::cell::RefCell;
use tokio::io::{AsyncRead, AsyncWrite};
use ur_driver::dashboard::{Command, DashboardError, Lines};
use ur_driver::mode::{RuntimeState, SafetyMode};

/// Serves one client until it goes.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    controller: &RefCell<Controller>,
) -> Result<(), DashboardError> {
    let mut lines = Lines::new(stream);
    lines
        .send("Connected: Universal Robots Dashboard Server")
        .await?;
    while let Some(line) = lines.next().await? {
        let command = line.parse();
        let reply = match &command {
            Ok(command) => answer(command, &mut controller.borrow_mut()),
            Err(_) => format!("could not understand: '{line}'"),
        };
        lines.send(&reply).await?;
        if matches!(command, Ok(Command::Quit)) {
            break;
        }
    }
    Ok(())
}

fn answer(command: &Command, controller: &mut Controller) -> String {
    let program = controller.program_name().unwrap_or("<unnamed>").to_owned();
    let done = |done: bool, yes: &str| {
        if done {
            yes.to_owned()
        } else {
            format!("Failed to execute: {command}")
        }
    };
    match command {
        Command::PowerOn => {
            controller.power(true);
            "Powering on".into()
        }
        Command::PowerOff => {
            controller.power(false);
            "Powering off".into()
        }
        Command::BrakeRelease => {
            controller.release_brakes();
            "Brake releasing".into()
        }
        Command::Play => done(controller.play(), "Starting program"),
        Command::Pause => done(controller.pause(), "Pausing program"),
        Command::Stop => {
            controller.stop_program();
            "Stopped".into()
        }
        Command::Running => {
            format!(
                "Program running: {}",
                controller.runtime_state() == RuntimeState::Playing
            )
        }
        Command::RobotMode => format!("Robotmode: {}", controller.robot_mode()),
        Command::SafetyMode => format!("Safetymode: {}", controller.safety_mode()),
        Command::SafetyStatus => format!("Safetystatus: {}", controller.safety_mode()),
        Command::ProgramState => format!("{} {program}", controller.runtime_state()),
        Command::UnlockProtectiveStop => {
            if controller.unlock() {
                "Protective stop releasing".into()
            } else {
                "Cannot unlock protective stop until 5s after occurrence. Always inspect cause of \
                 protective stop before unlocking"
                    .into()
            }
        }
        Command::RestartSafety => {
            if matches!(
                controller.safety_mode(),
                SafetyMode::Violation | SafetyMode::Fault
            ) {
                controller.power(false);
            }
            "Restarting safety".into()
        }
        Command::CloseSafetyPopup => "closing safety popup".into(),
        Command::ClosePopup => "closing popup".into(),
        Command::Popup(text) => {
            tracing::info!("pop-up on the simulated controller: {text}");
            "showing popup".into()
        }
        Command::AddToLog(text) => {
            tracing::info!("log of the simulated controller: {text}");
            "Added log message".into()
        }
        Command::PolyscopeVersion => "URSoftware 3.15.8.106339 (simulated)".into(),
        Command::GetRobotModel => "UR5".into(),
        Command::GetSerialNumber => "0000000000".into(),
        Command::Quit => "Disconnected".into(),
    }
}
