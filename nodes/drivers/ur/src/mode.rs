//! The controller's modes, with the numbers of RTDE and the names of the dashboard.

use std::fmt;

macro_rules! modes {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $number:literal, $text:literal;)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
            /// A number that the documentation does not name.
            Other(i32),
        }

        impl $name {
            /// The number that RTDE uses.
            #[must_use]
            pub fn number(self) -> i32 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Other(number) => number,
                }
            }
        }

        impl From<i32> for $name {
            fn from(number: i32) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    other => Self::Other(other),
                }
            }
        }

        /// The name that the dashboard uses.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($text),)*
                    Self::Other(number) => write!(f, "UNKNOWN_{number}"),
                }
            }
        }
    };
}

modes! {
    /// What the arm as a whole is doing.
    RobotMode {
        /// The safety controller does not answer.
        NoController = -1, "NO_CONTROLLER";
        /// The arm is not connected to the controller.
        Disconnected = 0, "DISCONNECTED";
        /// Somebody must confirm the safety set-up.
        ConfirmSafety = 1, "CONFIRM_SAFETY";
        /// The controller is starting.
        Booting = 2, "BOOTING";
        /// The arm has no power.
        PowerOff = 3, "POWER_OFF";
        /// The arm has power, its joints are starting.
        PowerOn = 4, "POWER_ON";
        /// The joints are ready, the brakes are on.
        Idle = 5, "IDLE";
        /// The arm can be pushed by hand.
        Backdrive = 6, "BACKDRIVE";
        /// The brakes are off; programs can run.
        Running = 7, "RUNNING";
        /// Firmware is being updated.
        UpdatingFirmware = 8, "UPDATING_FIRMWARE";
    }
}

modes! {
    /// What the safety system allows.
    SafetyMode {
        /// Nothing is wrong.
        Normal = 1, "NORMAL";
        /// Tighter limits are in force.
        Reduced = 2, "REDUCED";
        /// The controller stopped the arm: a collision, a limit, an impossible set point.
        ProtectiveStop = 3, "PROTECTIVE_STOP";
        /// The arm stands outside its limits and must be led back.
        Recovery = 4, "RECOVERY";
        /// A safeguard input is open.
        SafeguardStop = 5, "SAFEGUARD_STOP";
        /// Emergency stop through the system input.
        SystemEmergencyStop = 6, "SYSTEM_EMERGENCY_STOP";
        /// Emergency stop button of the robot.
        RobotEmergencyStop = 7, "ROBOT_EMERGENCY_STOP";
        /// The safety system found a violation.
        Violation = 8, "VIOLATION";
        /// The safety system failed.
        Fault = 9, "FAULT";
    }
}

impl SafetyMode {
    /// Whether the arm may move.
    #[must_use]
    pub fn allows_motion(self) -> bool {
        matches!(self, Self::Normal | Self::Reduced)
    }
}

modes! {
    /// What the program on the controller is doing.
    RuntimeState {
        /// Being stopped.
        Stopping = 0, "STOPPING";
        /// No program runs.
        Stopped = 1, "STOPPED";
        /// A program runs.
        Playing = 2, "PLAYING";
        /// Being paused.
        Pausing = 3, "PAUSING";
        /// Paused; it goes on where it was.
        Paused = 4, "PAUSED";
        /// Going on after a pause.
        Resuming = 5, "RESUMING";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_both_ways() {
        for number in -3..12 {
            assert_eq!(RobotMode::from(number).number(), number);
            assert_eq!(SafetyMode::from(number).number(), number);
            assert_eq!(RuntimeState::from(number).number(), number);
        }
        assert_eq!(RobotMode::from(7).to_string(), "RUNNING");
        assert!(!SafetyMode::from(3).allows_motion());
    }
}
