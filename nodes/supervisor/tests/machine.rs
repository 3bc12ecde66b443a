//! Every transition of the state machine, and what no sequence of events may do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

use proptest::prelude::*;
use supervisor::judge::Verdict;
use supervisor::machine::{Action, Event, Machine, PolicyReport, Request, Rules, State, Track};

const RULES: Rules = Rules {
    retries: 1,
    auto_start: false,
    confirm: false,
};

fn machine() -> Machine {
    Machine::new(RULES)
}

fn feed(machine: &mut Machine, events: impl IntoIterator<Item = Event>) -> Vec<Action> {
    events
        .into_iter()
        .flat_map(|event| machine.handle(event).unwrap_or_default())
        .collect()
}

fn request(request: Request) -> Event {
    Event::Request(request)
}

fn tracking() -> Event {
    Event::Track(Track::Tracking)
}

fn held() -> Event {
    Event::Judged(Verdict::Held("lifted".to_owned()))
}

fn not_held() -> Event {
    Event::Judged(Verdict::NotHeld("nothing in the hand".to_owned()))
}

fn failed() -> Event {
    Event::Policy(PolicyReport::Failed("out of reach".to_owned()))
}

/// A machine brought to a state by the shortest way.
fn at(state: State) -> Machine {
    let mut machine = machine();
    let events = match state {
        State::Idle => vec![],
        State::Targeted => vec![tracking()],
        State::Approaching => vec![tracking(), request(Request::Start)],
        State::Grasping => vec![
            tracking(),
            request(Request::Start),
            Event::Policy(PolicyReport::Grasp),
        ],
        State::Lifting => vec![
            tracking(),
            request(Request::Start),
            Event::Policy(PolicyReport::Lift),
        ],
        State::Holding => vec![tracking(), request(Request::Start), held()],
        State::Releasing => vec![
            tracking(),
            request(Request::Start),
            held(),
            request(Request::Release),
        ],
        State::Homing => vec![request(Request::Home)],
        State::Failed => vec![
            tracking(),
            request(Request::Start),
            Event::Trouble("the arm is silent".to_owned()),
        ],
        State::Estopped => vec![request(Request::Estop)],
    };
    feed(&mut machine, events);
    assert_eq!(machine.state(), state);
    machine
}

#[test]
fn a_grasp_runs_through_all_its_states() {
    let mut machine = machine();
    let mut steps = Vec::new();
    for event in [
        tracking(),
        request(Request::Start),
        Event::Policy(PolicyReport::Idle),
        Event::Policy(PolicyReport::Approach),
        Event::Track(Track::Occluded),
        Event::Policy(PolicyReport::Grasp),
        Event::Policy(PolicyReport::Lift),
        Event::Policy(PolicyReport::Done),
        held(),
        request(Request::Release),
        Event::Track(Track::Tracking),
        Event::Arrived,
    ] {
        let actions = machine.handle(event).unwrap();
        steps.push((machine.state(), actions));
    }
    use State::{Approaching, Grasping, Holding, Lifting, Releasing, Targeted};
    assert_eq!(
        steps,
        [
            (Targeted, vec![]),
            (Approaching, vec![Action::StartPolicy]),
            (Approaching, vec![]),
            (Approaching, vec![]),
            (Approaching, vec![]),
            (Grasping, vec![]),
            (Lifting, vec![]),
            (Lifting, vec![Action::Judge]),
            (Holding, vec![]),
            (Releasing, vec![Action::StopPolicy, Action::PutDown]),
            (Releasing, vec![]),
            (Targeted, vec![]),
        ]
    );
}

#[test]
fn a_failed_attempt_is_tried_again_then_told() {
    let mut machine = at(State::Approaching);
    assert_eq!(
        feed(&mut machine, [not_held()]),
        [Action::StopPolicy, Action::GoHome]
    );
    assert_eq!((machine.state(), machine.attempt()), (State::Homing, 1));
    assert_eq!(feed(&mut machine, [Event::Arrived]), [Action::StartPolicy]);
    assert_eq!(
        (machine.state(), machine.attempt()),
        (State::Approaching, 2)
    );
    assert_eq!(
        feed(&mut machine, [failed()]),
        [Action::StopPolicy, Action::Hold]
    );
    assert_eq!(machine.state(), State::Failed);
    assert!(machine.reason().contains("out of reach"));
    // A new start counts anew.
    assert_eq!(
        feed(&mut machine, [request(Request::Start)]),
        [Action::StartPolicy]
    );
    assert_eq!(machine.attempt(), 1);
}

#[test]
fn there_is_no_second_attempt_on_a_target_that_is_gone() {
    let mut machine = at(State::Lifting);
    feed(&mut machine, [not_held(), Event::Track(Track::Lost)]);
    assert_eq!(
        feed(&mut machine, [Event::Arrived]),
        [Action::StopPolicy, Action::Hold]
    );
    assert_eq!(machine.state(), State::Failed);
}

#[test]
fn targets_come_and_go() {
    let mut machine = machine();
    feed(&mut machine, [Event::Track(Track::Occluded)]);
    assert_eq!(machine.state(), State::Idle);
    feed(&mut machine, [tracking(), Event::Track(Track::Occluded)]);
    assert_eq!(
        machine.state(),
        State::Targeted,
        "a moment behind a hand is no reason to forget it"
    );
    feed(&mut machine, [Event::Track(Track::Lost)]);
    assert_eq!(machine.state(), State::Idle);
    feed(&mut machine, [tracking(), Event::Track(Track::None)]);
    assert_eq!(machine.state(), State::Idle);
}

#[test]
fn auto_start_grasps_each_new_target_once() {
    let mut machine = Machine::new(Rules {
        retries: 0,
        auto_start: true,
        confirm: false,
    });
    assert_eq!(feed(&mut machine, [tracking()]), []);
    assert_eq!(machine.state(), State::Targeted);
    assert_eq!(feed(&mut machine, [Event::Ready]), [Action::StartPolicy]);
    feed(&mut machine, [request(Request::Stop), Event::Ready]);
    assert_eq!(machine.state(), State::Targeted);
    assert_eq!(
        feed(
            &mut machine,
            [Event::Track(Track::Lost), tracking(), Event::Ready]
        ),
        [Action::StartPolicy]
    );
}

#[test]
fn whoever_stops_or_resets_waits_for_a_start() {
    for taken_over in [Request::Stop, Request::Reset] {
        let mut machine = Machine::new(Rules {
            retries: 0,
            auto_start: true,
            confirm: false,
        });
        feed(&mut machine, [tracking(), request(taken_over)]);
        assert_eq!(feed(&mut machine, [Event::Ready, tracking()]), []);
        assert_eq!(machine.state(), State::Targeted);
    }
}

#[test]
fn a_stop_ends_the_corrections_of_a_held_object() {
    let mut machine = at(State::Holding);
    assert_eq!(
        feed(&mut machine, [request(Request::Stop)]),
        [Action::StopPolicy, Action::Hold]
    );
    assert_eq!(machine.state(), State::Holding);
}

#[test]
fn what_may_be_in_the_hand_is_put_down_before_it_opens() {
    let mut machine = at(State::Lifting);
    feed(&mut machine, [request(Request::Stop)]);
    assert_eq!(machine.state(), State::Targeted);
    for opens in [Request::Start, Request::Home] {
        let refused = machine.handle(request(opens)).expect_err("it would drop");
        assert!(refused.to_string().contains("release"), "{refused}");
    }
    assert_eq!(
        feed(&mut machine, [request(Request::Release)]),
        [Action::StopPolicy, Action::PutDown]
    );
    feed(&mut machine, [Event::Arrived]);
    assert_eq!(
        feed(&mut machine, [request(Request::Start)]),
        [Action::StartPolicy]
    );
}

#[test]
fn a_reset_starts_nothing_by_itself() {
    let mut machine = Machine::new(Rules {
        retries: 0,
        auto_start: true,
        confirm: false,
    });
    feed(&mut machine, [tracking(), request(Request::Estop)]);
    let actions = feed(
        &mut machine,
        [
            Event::Track(Track::Lost),
            tracking(),
            request(Request::Reset),
            tracking(),
            Event::Ready,
        ],
    );
    assert_eq!(machine.state(), State::Targeted);
    assert_eq!(actions, [Action::ResetDrivers]);
}

const CONFIRMED: Rules = Rules {
    retries: 1,
    auto_start: false,
    confirm: true,
};

#[test]
fn nothing_starts_before_its_mask_is_confirmed() {
    let mut machine = Machine::new(CONFIRMED);
    assert!(!machine.needs_confirmation(), "there is nothing to confirm");
    let refused = machine.handle(request(Request::Confirm)).unwrap_err();
    assert!(
        refused.to_string().contains("point at an object"),
        "{refused}"
    );
    feed(&mut machine, [Event::Pointed, tracking()]);
    assert!(machine.needs_confirmation());
    let refused = machine.handle(request(Request::Start)).unwrap_err();
    assert!(
        refused.to_string().contains("supervisor/confirm"),
        "{refused}"
    );
    assert_eq!(feed(&mut machine, [request(Request::Confirm)]), []);
    assert!(!machine.needs_confirmation());
    let start = [request(Request::Start)];
    assert_eq!(feed(&mut machine, start.clone()), [Action::StartPolicy]);
    // It holds for this start, its further attempts included, and for no other.
    feed(&mut machine, [failed()]);
    assert_eq!(feed(&mut machine, [Event::Arrived]), [Action::StartPolicy]);
    feed(&mut machine, [failed()]);
    assert_eq!(machine.state(), State::Failed);
    assert!(machine.handle(start[0].clone()).is_err());
}

#[test]
fn who_points_again_confirms_again() {
    for undoing in [
        Event::Pointed,
        Event::Track(Track::Occluded),
        Event::Track(Track::Lost),
    ] {
        let mut machine = Machine::new(CONFIRMED);
        feed(
            &mut machine,
            [tracking(), request(Request::Confirm), undoing, tracking()],
        );
        assert_eq!(machine.state(), State::Targeted);
        assert!(machine.handle(request(Request::Start)).is_err());
    }
}

#[test]
fn an_attempt_ends_where_somebody_points_elsewhere() {
    let started = || {
        let mut machine = Machine::new(CONFIRMED);
        let start = [
            tracking(),
            request(Request::Confirm),
            request(Request::Start),
        ];
        feed(&mut machine, start);
        machine
    };
    // On the way there, and on the way back to another attempt.
    for before in [vec![], vec![failed()]] {
        let mut machine = started();
        feed(&mut machine, before);
        let actions = feed(&mut machine, [Event::Pointed]);
        assert!(actions.contains(&Action::StopPolicy), "{actions:?}");
        assert_eq!(machine.state(), State::Failed);
        assert!(machine.handle(request(Request::Start)).is_err());
    }
    // Without the rule clicks are for the next start only.
    let mut machine = Machine::new(RULES);
    feed(&mut machine, [tracking(), request(Request::Start)]);
    assert_eq!(feed(&mut machine, [Event::Pointed]), []);
}

#[test]
fn what_was_lost_is_not_tried_again() {
    let mut machine = Machine::new(CONFIRMED);
    feed(
        &mut machine,
        [
            tracking(),
            request(Request::Confirm),
            request(Request::Start),
            failed(),
            Event::Track(Track::Lost),
            tracking(),
        ],
    );
    let actions = feed(&mut machine, [Event::Arrived]);
    assert!(!actions.iter().any(|action| action.moves()), "{actions:?}");
    assert_eq!(machine.state(), State::Failed);
}

#[test]
fn auto_start_waits_for_the_confirmation() {
    let rules = Rules {
        auto_start: true,
        ..CONFIRMED
    };
    let mut machine = Machine::new(rules);
    assert_eq!(feed(&mut machine, [tracking(), Event::Ready]), []);
    let occluded = [
        Event::Track(Track::Occluded),
        Event::Ready,
        tracking(),
        Event::Ready,
    ];
    assert_eq!(feed(&mut machine, occluded), []);
    feed(&mut machine, [request(Request::Confirm)]);
    assert_eq!(feed(&mut machine, [Event::Ready]), [Action::StartPolicy]);
}

#[test]
fn a_dropped_object_is_noticed() {
    let mut machine = at(State::Holding);
    assert_eq!(feed(&mut machine, [held()]), []);
    feed(&mut machine, [not_held()]);
    assert_eq!(machine.state(), State::Failed);
    assert!(machine.reason().contains("slipped"));
}

#[test]
fn trouble_stops_whatever_moves() {
    for state in State::ALL {
        let mut machine = at(state);
        let actions = feed(
            &mut machine,
            [Event::Trouble("joint states are silent".to_owned())],
        );
        if state.is_moving() {
            assert_eq!(
                (machine.state(), actions),
                (State::Failed, vec![Action::StopPolicy, Action::Hold]),
                "{state}"
            );
        } else {
            assert_eq!((machine.state(), actions), (state, vec![]), "{state}");
        }
    }
}

#[test]
fn a_policy_that_does_not_start_is_a_failure() {
    let mut machine = at(State::Approaching);
    feed(
        &mut machine,
        [Event::PolicyRefused("model not found".to_owned())],
    );
    assert_eq!(machine.state(), State::Failed);
    assert!(machine.reason().contains("model not found"));
}

#[test]
fn own_motions_that_fail_are_told() {
    for state in [State::Homing, State::Releasing] {
        let mut machine = at(state);
        feed(
            &mut machine,
            [Event::MotionFailed("the arm did not arrive".to_owned())],
        );
        assert_eq!(machine.state(), State::Failed);
        assert!(
            machine.reason().contains("did not arrive"),
            "{}",
            machine.reason()
        );
    }
}

/// What each request does in each state: the state after it, or a refusal.
#[test]
fn every_request_in_every_state() {
    use State::{
        Approaching, Estopped, Failed, Grasping, Holding, Homing, Idle, Lifting, Releasing,
        Targeted,
    };
    let expected = |request: Request, state: State| -> Option<State> {
        match (request, state) {
            (Request::Estop, _) => Some(Estopped),
            (Request::Reset, Estopped) => Some(Idle),
            (_, Estopped) => None,
            (Request::Reset, Failed) => Some(Targeted),
            (Request::Reset, Idle | Targeted) => Some(state),
            (Request::Stop, Homing) => Some(Idle),
            (Request::Stop, Approaching | Grasping | Lifting | Releasing) => Some(Targeted),
            (Request::Stop, _) => Some(state),
            (Request::Confirm, Targeted | Failed) => Some(state),
            (Request::Start, Targeted | Failed) => Some(Approaching),
            (Request::Home, Idle | Targeted | Failed) => Some(Homing),
            // Nothing has been grasped before the others.
            (Request::Release, Holding) => Some(Releasing),
            _ => None,
        }
    };
    for state in State::ALL {
        for request in Request::ALL {
            let mut machine = at(state);
            let result = machine.handle(Event::Request(request));
            match expected(request, state) {
                Some(after) => {
                    assert!(result.is_ok(), "{} while {state}", request.name());
                    assert_eq!(machine.state(), after, "{} while {state}", request.name());
                }
                None => {
                    let refused = result.expect_err("a refusal");
                    assert!(refused.to_string().contains(request.name()));
                    assert_eq!(machine.state(), state, "a refusal changes nothing");
                }
            }
        }
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        prop::sample::select(Request::ALL.to_vec()).prop_map(Event::Request),
        prop::sample::select(vec![
            Track::None,
            Track::Tracking,
            Track::Occluded,
            Track::Lost
        ])
        .prop_map(Event::Track),
        prop::sample::select(vec![
            PolicyReport::Idle,
            PolicyReport::Approach,
            PolicyReport::Grasp,
            PolicyReport::Lift,
            PolicyReport::Done,
            PolicyReport::Failed("any".to_owned()),
        ])
        .prop_map(Event::Policy),
        Just(Event::PolicyRefused("any".to_owned())),
        Just(held()),
        Just(not_held()),
        Just(Event::Arrived),
        Just(Event::MotionFailed("any".to_owned())),
        Just(Event::Trouble("any".to_owned())),
        Just(Event::Ready),
        Just(Event::Pointed),
    ]
}

proptest! {
    #[test]
    fn nothing_moves_after_an_estop_until_reset(
        before in prop::collection::vec(any_event(), 0..40), after in prop::collection::vec(any_event(), 0..60),
        retries in 0..3_u32, auto_start in any::<bool>(),
    ) {
        let mut machine = Machine::new(Rules { retries, auto_start, confirm: false });
        feed(&mut machine, before);
        let stop = machine.handle(Event::Request(Request::Estop)).unwrap();
        prop_assert_eq!(stop, vec![Action::StopAll]);
        for event in after.into_iter().filter(|event| *event != Event::Request(Request::Reset)) {
            let actions = machine.handle(event).unwrap_or_default();
            prop_assert_eq!(machine.state(), State::Estopped);
            prop_assert!(!actions.iter().any(|action| action.moves() || *action == Action::ResetDrivers));
        }
    }

    #[test]
    fn the_robot_moves_only_in_moving_states(events in prop::collection::vec(any_event(), 0..80), auto_start in any::<bool>()) {
        let mut machine = Machine::new(Rules { retries: 2, auto_start, confirm: false });
        let mut policy_runs = false;
        for event in events {
            let actions = machine.handle(event).unwrap_or_default();
            for action in &actions {
                prop_assert!(!action.moves() || machine.state().is_moving());
                match action {
                    Action::StartPolicy => policy_runs = true,
                    Action::StopPolicy | Action::StopAll => policy_runs = false,
                    // The policy and the supervisor never command the robot at once.
                    Action::GoHome | Action::PutDown => prop_assert!(!policy_runs),
                    _ => {}
                }
            }
            prop_assert!(!machine.reason().is_empty());
            prop_assert!(machine.attempt() <= 3);
        }
    }

    #[test]
    fn with_confirm_the_policy_starts_only_for_what_was_confirmed(
        events in prop::collection::vec(any_event(), 0..80), auto_start in any::<bool>(),
    ) {
        let mut machine = Machine::new(Rules { auto_start, ..CONFIRMED });
        let mut is_confirmed = false;
        for event in events {
            let was_pointed = event == Event::Pointed;
            let was_confirmed = event == request(Request::Confirm);
            let result = machine.handle(event);
            is_confirmed = !was_pointed && (is_confirmed || (was_confirmed && result.is_ok()));
            let starts = result.is_ok_and(|actions| actions.contains(&Action::StartPolicy));
            prop_assert!(!starts || is_confirmed);
        }
    }
}
