//! The states and transitions of `rcl_lifecycle`, with their numbers and names.

use std::fmt;

use msgs::lifecycle_msgs::{self, TransitionDescription};

/// A state that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrimaryState {
    /// Nothing is set up.
    Unconfigured,
    /// Set up, and at rest.
    Inactive,
    /// At work.
    Active,
    /// Ended for good.
    Finalized,
}

impl PrimaryState {
    /// What a node that is in this state, and not active, says of itself to those who ask something of it.
    #[must_use]
    pub fn refusal(self) -> String {
        format!("is {self}: activate it (lifecycle) first")
    }

    fn state(self) -> State {
        match self {
            Self::Unconfigured => UNCONFIGURED,
            Self::Inactive => INACTIVE,
            Self::Active => ACTIVE,
            Self::Finalized => FINALIZED,
        }
    }
}

impl fmt::Display for PrimaryState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.state().1)
    }
}

/// What others may ask of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// From unconfigured to inactive.
    Configure,
    /// From inactive to unconfigured.
    CleanUp,
    /// From inactive to active.
    Activate,
    /// From active to inactive.
    Deactivate,
    /// From anywhere to finalized.
    Shutdown,
}

impl Request {
    fn label(self) -> &'static str {
        match self {
            Self::Configure => "configure",
            Self::CleanUp => "cleanup",
            Self::Activate => "activate",
            Self::Deactivate => "deactivate",
            Self::Shutdown => "shutdown",
        }
    }

    const ALL: [Self; 5] = [
        Self::Configure,
        Self::CleanUp,
        Self::Activate,
        Self::Deactivate,
        Self::Shutdown,
    ];
}

/// What became of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Success,
    /// It was not; the node is where it was.
    Failure,
}

/// A state: its number and its name.
type State = (u8, &'static str);

const UNKNOWN: State = (0, "unknown");
const UNCONFIGURED: State = (1, "unconfigured");
const INACTIVE: State = (2, "inactive");
const ACTIVE: State = (3, "active");
const FINALIZED: State = (4, "finalized");
const CONFIGURING: State = (10, "configuring");
const CLEANING_UP: State = (11, "cleaningup");
const SHUTTING_DOWN: State = (12, "shuttingdown");
const ACTIVATING: State = (13, "activating");
const DEACTIVATING: State = (14, "deactivating");
const ERROR_PROCESSING: State = (15, "errorprocessing");

/// All states.
const STATES: [State; 11] = [
    UNKNOWN,
    UNCONFIGURED,
    INACTIVE,
    ACTIVE,
    FINALIZED,
    CONFIGURING,
    CLEANING_UP,
    SHUTTING_DOWN,
    ACTIVATING,
    DEACTIVATING,
    ERROR_PROCESSING,
];

const SUCCESS: &str = "transition_success";
const FAILURE: &str = "transition_failure";
const ERROR: &str = "transition_error";

/// A transition: its number and name, the state where it begins and the one where it leads.
type Transition = (u8, &'static str, State, State);

/// All transitions.
const TRANSITIONS: [Transition; 25] = [
    (1, "configure", UNCONFIGURED, CONFIGURING),
    (10, SUCCESS, CONFIGURING, INACTIVE),
    (11, FAILURE, CONFIGURING, UNCONFIGURED),
    (12, ERROR, CONFIGURING, ERROR_PROCESSING),
    (2, "cleanup", INACTIVE, CLEANING_UP),
    (20, SUCCESS, CLEANING_UP, UNCONFIGURED),
    (21, FAILURE, CLEANING_UP, INACTIVE),
    (22, ERROR, CLEANING_UP, ERROR_PROCESSING),
    (3, "activate", INACTIVE, ACTIVATING),
    (30, SUCCESS, ACTIVATING, ACTIVE),
    (31, FAILURE, ACTIVATING, INACTIVE),
    (32, ERROR, ACTIVATING, ERROR_PROCESSING),
    (4, "deactivate", ACTIVE, DEACTIVATING),
    (40, SUCCESS, DEACTIVATING, INACTIVE),
    (41, FAILURE, DEACTIVATING, ACTIVE),
    (42, ERROR, DEACTIVATING, ERROR_PROCESSING),
    (5, "shutdown", UNCONFIGURED, SHUTTING_DOWN),
    (6, "shutdown", INACTIVE, SHUTTING_DOWN),
    (7, "shutdown", ACTIVE, SHUTTING_DOWN),
    (50, SUCCESS, SHUTTING_DOWN, FINALIZED),
    (51, FAILURE, SHUTTING_DOWN, FINALIZED),
    (52, ERROR, SHUTTING_DOWN, ERROR_PROCESSING),
    (60, SUCCESS, ERROR_PROCESSING, UNCONFIGURED),
    (61, FAILURE, ERROR_PROCESSING, FINALIZED),
    (62, ERROR, ERROR_PROCESSING, FINALIZED),
];

/// Where a node is in its life.
///
/// ```
/// use lifecycle::{Machine, Outcome, PrimaryState, Request};
///
/// let mut machine = Machine::new();
/// assert_eq!(machine.named("activate", 0), None, "not before it is configured");
/// assert_eq!(machine.named("configure", 0), Some(Request::Configure));
/// machine.begin(Request::Configure);
/// assert_eq!(machine.settled(), None, "on the way");
/// machine.end(Outcome::Success);
/// assert_eq!(machine.settled(), Some(PrimaryState::Inactive));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    state: State,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine {
    /// A node that was just made: unconfigured.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: UNCONFIGURED,
        }
    }

    /// The lasting state in which the node is; `None` while it is on its way to one.
    #[must_use]
    pub fn settled(&self) -> Option<PrimaryState> {
        match self.state {
            UNCONFIGURED => Some(PrimaryState::Unconfigured),
            INACTIVE => Some(PrimaryState::Inactive),
            ACTIVE => Some(PrimaryState::Active),
            FINALIZED => Some(PrimaryState::Finalized),
            _ => None,
        }
    }

    /// What a request of others means now: by its label, or, when that is empty, by its number. `None` when it is not possible
    /// in this state.
    #[must_use]
    pub fn named(&self, label: &str, id: u8) -> Option<Request> {
        let found = self.available().find(|(number, name, ..)| {
            if label.is_empty() {
                *number == id
            } else {
                *name == label
            }
        })?;
        Request::ALL
            .into_iter()
            .find(|request| request.label() == found.1)
    }

    /// Transitions that begin in this state.
    fn available(&self) -> impl Iterator<Item = Transition> {
        let state = self.state;
        TRANSITIONS
            .into_iter()
            .filter(move |(_, _, start, _)| *start == state)
    }

    /// Begins a transition; `None` when it is not possible in this state.
    pub fn begin(&mut self, request: Request) -> Option<TransitionDescription> {
        self.take(request.label())
    }

    /// Ends the transition under way; `None` when there is none.
    pub fn end(&mut self, outcome: Outcome) -> Option<TransitionDescription> {
        self.take(match outcome {
            Outcome::Success => SUCCESS,
            Outcome::Failure => FAILURE,
        })
    }

    fn take(&mut self, label: &str) -> Option<TransitionDescription> {
        let taken = self.available().find(|(_, name, ..)| *name == label)?;
        self.state = taken.3;
        Some(description(taken))
    }

    /// The state, for others.
    #[must_use]
    pub fn state(&self) -> lifecycle_msgs::State {
        state(self.state)
    }

    /// All states, for others.
    #[must_use]
    pub fn states() -> Vec<lifecycle_msgs::State> {
        STATES.map(state).to_vec()
    }

    /// The transitions that others can ask for now.
    #[must_use]
    pub fn available_transitions(&self) -> Vec<TransitionDescription> {
        self.available().map(description).collect()
    }

    /// All transitions, for others.
    #[must_use]
    pub fn transition_graph() -> Vec<TransitionDescription> {
        TRANSITIONS.map(description).to_vec()
    }
}

fn state((id, label): State) -> lifecycle_msgs::State {
    lifecycle_msgs::State {
        id,
        label: label.into(),
    }
}

fn description((id, label, start, goal): Transition) -> TransitionDescription {
    TransitionDescription {
        transition: lifecycle_msgs::Transition {
            id,
            label: label.into(),
        },
        start_state: state(start),
        goal_state: state(goal),
    }
}
