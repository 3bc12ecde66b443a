//! How much of a topic is kept, and for whom.

/// Quality of service of a publisher or a subscription.
///
/// Inside one process nothing is lost on the way; the profile says how many messages wait for a slow reader, and
/// whether late joiners get the last ones. As in ROS 2 a subscription may not ask for more than the publisher offers
/// (see [`Qos::satisfies`]); the bus refuses such pairs instead of leaving them silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qos {
    /// Messages that wait for a slow reader; beyond, the oldest is dropped and counted. At least 1.
    pub depth: usize,
    /// Whether the transport between processes resends what was lost.
    pub reliable: bool,
    /// Whether the last `depth` messages are kept for those who join later (ROS 2: transient local).
    pub latched: bool,
}

impl Qos {
    /// Only the latest matters: best effort, keep last 2.
    pub const fn sensor_data() -> Self {
        Self {
            depth: 2,
            reliable: false,
            latched: false,
        }
    }

    /// Every message matters: reliable, keep last `depth` (at least 1).
    pub const fn reliable(depth: usize) -> Self {
        Self {
            depth: if depth == 0 { 1 } else { depth },
            reliable: true,
            latched: false,
        }
    }

    /// A state that late joiners need too: reliable, the last message kept.
    pub const fn latched() -> Self {
        Self {
            depth: 1,
            reliable: true,
            latched: true,
        }
    }

    /// Whether a publisher with this profile gives a subscription all that `requested` asks for.
    pub const fn satisfies(&self, requested: &Self) -> bool {
        (self.reliable || !requested.reliable) && (self.latched || !requested.latched)
    }
}

impl std::fmt::Display for Qos {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reliability = if self.reliable {
            "reliable"
        } else {
            "best effort"
        };
        let durability = if self.latched { ", latched" } else { "" };
        write!(
            formatter,
            "{reliability}{durability}, keep last {}",
            self.depth
        )
    }
}
