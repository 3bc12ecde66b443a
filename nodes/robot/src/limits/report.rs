/// How often the limiter had to step in since it was made, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LimitReport {
    /// Commands refused, for whatever reason.
    pub refused: u64,
    /// Commands whose positions were moved back to a joint's limits.
    pub position: u64,
    /// Commands that ask for more than a joint's velocity.
    pub velocity: u64,
    /// Cycles in which a joint followed more slowly because of its acceleration.
    pub acceleration: u64,
    /// Commands that ask for more than a joint's step from one cycle to the next.
    pub step: u64,
    /// Cycles in which the motion was slowed or stopped because a control point would have left the workspace.
    pub workspace: u64,
    /// Commands that ended in mid motion with nothing to follow.
    pub stale: u64,
    /// Stops because of contact force.
    pub contact_force: u64,
    /// Pauses after which the device was taken up from its measured position.
    pub gap: u64,
}

impl LimitReport {
    /// Names and counts, for a status message.
    #[must_use]
    pub fn entries(&self) -> [(&'static str, u64); 9] {
        [
            ("refused", self.refused),
            ("limited_position", self.position),
            ("limited_velocity", self.velocity),
            ("limited_acceleration", self.acceleration),
            ("limited_step", self.step),
            ("limited_workspace", self.workspace),
            ("stale", self.stale),
            ("contact_force_stops", self.contact_force),
            ("gaps", self.gap),
        ]
    }

    /// Interventions that changed what was commanded: all but smoothing by acceleration, refusals, stops and gaps.
    #[must_use]
    pub fn clamped(&self) -> u64 {
        self.position + self.velocity + self.step + self.workspace
    }
}

/// What the limiter is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimiterState {
    /// No command since the last reset: the device stays where it was measured.
    Idle,
    /// Following a trajectory.
    Tracking,
    /// At the end of a trajectory that asked for rest there.
    Holding,
    /// Stopped because the commander fell silent in mid motion. The next command moves on.
    Stale,
    /// Stopped until reset.
    Halted(Halt),
}

/// Why the device stands until it is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Somebody asked for it.
    #[error("stopped on request")]
    Requested,
    /// The contact force passed its limit, or could not be read.
    #[error("contact force over its limit")]
    ContactForce,
}

/// Why a command was refused; nothing of it was carried out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not exactly the device's joints.
    #[error("the command names joints [{found}], the device has [{expected}]")]
    Joints {
        /// The device's joints.
        expected: String,
        /// The command's.
        found: String,
    },
    /// A point of the wrong length.
    #[error("point {point} has {found} numbers for {expected} joints")]
    Length {
        /// Index of the point.
        point: usize,
        /// Joints.
        expected: usize,
        /// Numbers.
        found: usize,
    },
    /// NaN or infinite.
    #[error("point {point} holds something that is not a finite number")]
    NotFinite {
        /// Index of the point.
        point: usize,
    },
    /// No points, or times that do not increase.
    #[error("point {point}: the times of a trajectory start at 0 or later and increase")]
    Times {
        /// Index of the point.
        point: usize,
    },
    /// Stopped until reset.
    #[error("{0}; reset the device first")]
    Halted(Halt),
    /// Not yet told where the device is.
    #[error("the device has not been measured yet")]
    NotReady,
}
