//! Simulated time.

use crate::builtin_interfaces::Time;

messages! { "rosgraph_msgs";
    /// The time of a simulation, for nodes with `use_sim_time`.
    #[derive(Copy, Default, Eq)]
    pub struct Clock {
        /// Current simulated time.
        pub clock: Time,
    }
}
