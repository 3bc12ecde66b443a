//! The services and the topic by which others see and lead a node.

use bus::{BusError, Call, Node, Publisher, Qos, ServiceServer};
use msgs::lifecycle_msgs::{
    ChangeState, ChangeStateResponse, GetAvailableStates, GetAvailableStatesResponse,
    GetAvailableTransitions, GetAvailableTransitionsResponse, GetState, GetStateResponse,
    TransitionDescription, TransitionEvent,
};
use std::future::pending;

use crate::machine::{Machine, Outcome, PrimaryState, Request};

/// Where the requests of others come in.
pub(crate) struct Desk {
    node: Node,
    machine: Machine,
    get_state: ServiceServer<GetState>,
    change_state: ServiceServer<ChangeState>,
    get_states: ServiceServer<GetAvailableStates>,
    get_transitions: ServiceServer<GetAvailableTransitions>,
    get_graph: ServiceServer<GetAvailableTransitions>,
    events: Publisher<TransitionEvent>,
    /// Who asked for the transition under way, if it was asked for.
    asked: Option<Call<ChangeState>>,
}

impl Desk {
    pub(crate) fn new(node: &Node) -> Result<Self, BusError> {
        Ok(Self {
            machine: Machine::new(),
            get_state: node.serve("~/get_state")?,
            change_state: node.serve("~/change_state")?,
            get_states: node.serve("~/get_available_states")?,
            get_transitions: node.serve("~/get_available_transitions")?,
            get_graph: node.serve("~/get_transition_graph")?,
            events: node.publisher("~/transition_event", Qos::reliable(10))?,
            asked: None,
            node: node.clone(),
        })
    }

    pub(crate) fn settled(&self) -> Option<PrimaryState> {
        self.machine.settled()
    }

    /// Waits until others ask for a transition that is possible, and begins it; answers all else meanwhile. While a transition
    /// is under way none is possible. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Request {
        loop {
            tokio::select! {
                biased;
                Some(call) = self.change_state.next() => {
                    let asked = &call.request().transition;
                    match self.machine.named(&asked.label, asked.id) {
                        Some(request) => {
                            self.begin(request);
                            self.asked = Some(call);
                            return request;
                        }
                        None => {
                            let name = if asked.label.is_empty() {
                                asked.id.to_string()
                            } else {
                                asked.label.clone()
                            };
                            let state = self.machine.state().label;
                            let now = self.machine.available_transitions();
                            let mut possible: Vec<String> =
                                now.into_iter().map(|way| way.transition.label).collect();
                            possible.retain(|label| !label.starts_with("transition_"));
                            tracing::warn!(
                                "transition {name} is not possible while {state}; possible: [{}]",
                                possible.join(", ")
                            );
                            call.respond(ChangeStateResponse { success: false });
                        }
                    }
                }
                Some(call) = self.get_state.next() => {
                    let current_state = self.machine.state();
                    call.respond(GetStateResponse { current_state });
                }
                Some(call) = self.get_states.next() => {
                    let available_states = Machine::states();
                    call.respond(GetAvailableStatesResponse { available_states });
                }
                Some(call) = self.get_transitions.next() => {
                    let available_transitions = self.machine.available_transitions();
                    call.respond(GetAvailableTransitionsResponse { available_transitions });
                }
                Some(call) = self.get_graph.next() => {
                    let available_transitions = Machine::transition_graph();
                    call.respond(GetAvailableTransitionsResponse { available_transitions });
                }
                // Nobody is served any more: the node ends.
                else => pending().await,
            }
        }
    }

    pub(crate) fn begin(&mut self, request: Request) {
        let taken = self.machine.begin(request);
        self.tell(taken);
    }

    /// Ends the transition under way, and answers who asked for it.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        let taken = self.machine.end(outcome);
        self.tell(taken);
        if let Some(call) = self.asked.take() {
            call.respond(ChangeStateResponse {
                success: outcome == Outcome::Success,
            });
        }
    }

    fn tell(&self, taken: Option<TransitionDescription>) {
        let Some(TransitionDescription {
            transition,
            start_state,
            goal_state,
        }) = taken
        else {
            return;
        };
        tracing::debug!("{}: {}", transition.label, goal_state.label);
        self.events.publish(TransitionEvent {
            timestamp: u64::try_from(self.node.now().as_nanos()).unwrap_or_default(),
            transition,
            start_state,
            goal_state,
        });
    }
}
