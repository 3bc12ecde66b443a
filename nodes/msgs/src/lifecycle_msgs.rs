//! The life of a managed node, as others see it and lead it: `ros2 lifecycle` speaks these.

messages! { "lifecycle_msgs";
    /// A state of a node.
    #[derive(Default, Eq)]
    pub struct State {
        /// Its number.
        pub id: u8,
        /// Its name.
        pub label: String,
    }

    /// A way from one state to another.
    #[derive(Default, Eq)]
    pub struct Transition {
        /// Its number.
        pub id: u8,
        /// Its name.
        pub label: String,
    }

    /// A transition with its ends.
    #[derive(Default, Eq)]
    pub struct TransitionDescription {
        /// The transition.
        pub transition: Transition,
        /// Where it begins.
        pub start_state: State,
        /// Where it leads.
        pub goal_state: State,
    }

    /// A transition that happened.
    #[derive(Default, Eq)]
    pub struct TransitionEvent {
        /// When, in ns since the clock's epoch.
        pub timestamp: u64,
        /// The transition.
        pub transition: Transition,
        /// Where it began.
        pub start_state: State,
        /// Where it led.
        pub goal_state: State,
    }
}

services! { "lifecycle_msgs";
    /// Asks a node to take a transition. A label that is given counts, and else the number.
    service ChangeState {
        ChangeStateRequest {
            /// The transition.
            transition: Transition,
        }
        ChangeStateResponse {
            /// Whether it was taken.
            success: bool,
        }
    }

    /// All states that a node has.
    service GetAvailableStates {
        GetAvailableStatesRequest {}
        GetAvailableStatesResponse {
            /// The states.
            available_states: Vec<State>,
        }
    }

    /// The transitions that a node can take now; under the name `get_transition_graph`, all.
    service GetAvailableTransitions {
        GetAvailableTransitionsRequest {}
        GetAvailableTransitionsResponse {
            /// The transitions.
            available_transitions: Vec<TransitionDescription>,
        }
    }

    /// The state in which a node is.
    service GetState {
        GetStateRequest {}
        GetStateResponse {
            /// The state.
            current_state: State,
        }
    }
}
