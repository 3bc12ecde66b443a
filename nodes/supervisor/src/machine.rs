//! The supervisor's decisions, as a pure state machine: events in, actions out, no clock and no bus of its own.

use std::fmt;

use crate::judge::Verdict;

/// Where the grasp is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing to grasp has been pointed at.
    Idle,
    /// A target is tracked; waiting for `start`.
    Targeted,
    /// The policy brings the hand to the object.
    Approaching,
    /// The hand closes.
    Grasping,
    /// The object goes up.
    Lifting,
    /// The object is held.
    Holding,
    /// The object is put down.
    Releasing,
    /// The arm goes to its rest pose.
    Homing,
    /// It did not work; the reason says why.
    Failed,
    /// Emergency stop: nothing moves until `reset`.
    Estopped,
}

impl State {
    /// All states.
    pub const ALL: [Self; 10] = [
        Self::Idle,
        Self::Targeted,
        Self::Approaching,
        Self::Grasping,
        Self::Lifting,
        Self::Holding,
        Self::Releasing,
        Self::Homing,
        Self::Failed,
        Self::Estopped,
    ];

    /// The name on `supervisor/state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Targeted => "targeted",
            Self::Approaching => "approaching",
            Self::Grasping => "grasping",
            Self::Lifting => "lifting",
            Self::Holding => "holding",
            Self::Releasing => "releasing",
            Self::Homing => "homing",
            Self::Failed => "failed",
            Self::Estopped => "estopped",
        }
    }

    /// The state of this name on `supervisor/state`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// What happens in it, for a person.
    pub fn plain(self) -> &'static str {
        match self {
            Self::Idle => "waiting for a target",
            Self::Targeted => "the tracker has it",
            Self::Approaching => "the hand moves to the object",
            Self::Grasping => "the fingers close",
            Self::Lifting => "the arm lifts",
            Self::Holding => "the supervisor judges that the object is held",
            Self::Releasing => "the hand lets go",
            Self::Homing => "the arm goes home",
            Self::Failed => "the grasp failed",
            Self::Estopped => "emergency stop",
        }
    }

    /// Whether an attempt is under way.
    pub fn is_attempt(self) -> bool {
        matches!(self, Self::Approaching | Self::Grasping | Self::Lifting)
    }

    /// Whether the policy commands the robot. It still does while it holds: it corrects where the object is.
    pub fn is_policy_running(self) -> bool {
        self.is_attempt() || self == Self::Holding
    }

    /// Whether something may move the robot.
    pub fn is_moving(self) -> bool {
        self.is_policy_running() || matches!(self, Self::Releasing | Self::Homing)
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// The target's mask is right.
    Confirm,
    /// Grasp the target.
    Start,
    /// Stop moving and stay.
    Stop,
    /// Go to the rest pose.
    Home,
    /// Put the object down.
    Release,
    /// Stop at once and stay stopped.
    Estop,
    /// Take the emergency stop or a failure back.
    Reset,
}

impl Request {
    /// All requests, in the order in which they take precedence when they come at once.
    pub const ALL: [Self; 7] = [
        Self::Estop,
        Self::Stop,
        Self::Reset,
        Self::Release,
        Self::Home,
        Self::Confirm,
        Self::Start,
    ];

    /// The request whose service has this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|request| request.name() == name)
    }

    /// The name of its service below `supervisor/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Home => "home",
            Self::Release => "release",
            Self::Estop => "estop",
            Self::Reset => "reset",
        }
    }
}

/// Whether the target can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// No target.
    None,
    /// It is seen.
    Tracking,
    /// It is hidden for now.
    Occluded,
    /// It was lost.
    Lost,
}

/// What the policy reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyReport {
    /// It is not running.
    Idle,
    /// On the way.
    Approach,
    /// Closing.
    Grasp,
    /// Lifting.
    Lift,
    /// It has done all it can and holds.
    Done,
    /// It gave up, for this reason.
    Failed(String),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A user asked for something.
    Request(Request),
    /// Somebody points at something: the target becomes another, or its mask does.
    Pointed,
    /// Segmentation reported.
    Track(Track),
    /// The policy reported.
    Policy(PolicyReport),
    /// The policy could not be started, for this reason.
    PolicyRefused(String),
    /// The outcome of the lift, or later whether the object is still held.
    Judged(Verdict),
    /// The supervisor's own motion arrived.
    Arrived,
    /// The supervisor's own motion did not work, for this reason.
    MotionFailed(String),
    /// Something the robot depends on is not well, for this reason: a driver fault, silent sensors.
    Trouble(String),
    /// Nothing keeps the robot from moving.
    Ready,
}

/// Something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Start the policy.
    StartPolicy,
    /// Stop the policy.
    StopPolicy,
    /// Stay where the robot is now.
    Hold,
    /// Stop the drivers, which refuse commands until reset, and the policy; before anything that is still to be done.
    StopAll,
    /// Let the drivers take commands again.
    ResetDrivers,
    /// Open the hand, go up if low, go to the rest pose.
    GoHome,
    /// Lower the object, open the hand, go up.
    PutDown,
    /// Judge from the sensors whether the object was lifted.
    Judge,
}

impl Action {
    /// Whether it sets the robot in motion.
    pub fn moves(self) -> bool {
        matches!(self, Self::StartPolicy | Self::GoHome | Self::PutDown)
    }
}

/// Why a request was not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{request} is not possible while {state}: {hint}", request = .request.name())]
pub struct Refused {
    /// What was asked for.
    pub request: Request,
    /// The state it was in.
    pub state: State,
    /// What to do.
    pub hint: &'static str,
}

/// How the machine behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Further attempts after the first one failed.
    pub retries: u32,
    /// Start as soon as there is a target.
    pub auto_start: bool,
    /// Start for no target whose mask a person has not confirmed.
    pub confirm: bool,
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Machine {
    rules: Rules,
    state: State,
    track: Track,
    /// Attempt now or last, from 1; 0 before the first.
    attempt: u32,
    /// The homing under way is the preparation of another attempt.
    retrying: bool,
    /// After an automatic start failed, a new target is needed for the next one.
    auto_start_armed: bool,
    /// The target is new, and is grasped as soon as the robot is ready.
    auto_start_due: bool,
    /// The hand has closed on something and has not been opened since.
    may_hold: bool,
    /// A person has confirmed the mask of the target, and nobody has pointed elsewhere since.
    is_confirmed: bool,
    reason: String,
}

impl Machine {
    /// At rest, with no target.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            state: State::Idle,
            track: Track::None,
            attempt: 0,
            retrying: false,
            auto_start_armed: true,
            auto_start_due: false,
            may_hold: false,
            is_confirmed: false,
            reason: "point at an object".to_owned(),
        }
    }

    /// The state.
    pub fn state(&self) -> State {
        self.state
    }

    /// Why it is in that state, for a person.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The attempt under way or last made, from 1; 0 before the first.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether the robot waits for a person to confirm the mask of the target.
    pub fn needs_confirmation(&self) -> bool {
        let is_seen = self.track == Track::Tracking;
        let may_start = matches!(self.state, State::Targeted | State::Failed);
        !self.is_agreed() && is_seen && may_start
    }

    /// Whether a person has agreed to this target, or none has to.
    fn is_agreed(&self) -> bool {
        self.is_confirmed || !self.rules.confirm
    }

    /// Takes an event and says what to do.
    ///
    /// # Errors
    /// When a request does not fit the state; nothing has changed then.
    pub fn handle(&mut self, event: Event) -> Result<Vec<Action>, Refused> {
        match event {
            Event::Request(request) => self.request(request),
            event => Ok(self.observe(event)),
        }
    }

    fn request(&mut self, request: Request) -> Result<Vec<Action>, Refused> {
        use State::{
            Approaching, Estopped, Failed, Grasping, Holding, Homing, Idle, Lifting, Releasing,
            Targeted,
        };
        let refuse = |hint| {
            Err(Refused {
                request,
                state: self.state,
                hint,
            })
        };
        match (request, self.state) {
            (Request::Estop, _) => {
                self.retrying = false;
                self.enter(
                    Estopped,
                    "emergency stop; call supervisor/reset when it is safe",
                );
                Ok(vec![Action::StopAll])
            }
            (Request::Reset, Estopped) => {
                self.rest("reset after the emergency stop");
                Ok(vec![Action::ResetDrivers])
            }
            (_, Estopped) => refuse("call supervisor/reset first"),
            (Request::Reset, Failed) => {
                self.rest("reset");
                Ok(vec![Action::ResetDrivers])
            }
            (Request::Reset, Holding) => {
                refuse("a reset loosens the grip; call supervisor/release first")
            }
            (Request::Reset, state) if state.is_moving() => refuse("call supervisor/stop first"),
            (Request::Reset, _) => {
                self.wait_for_start();
                Ok(vec![Action::ResetDrivers])
            }
            (Request::Stop, state) => {
                self.retrying = false;
                self.wait_for_start();
                if state.is_moving() && state != Holding {
                    self.rest("stopped on request");
                }
                Ok(vec![Action::StopPolicy, Action::Hold])
            }
            (Request::Start | Request::Home, Idle | Targeted) if self.may_hold => {
                refuse("the hand may hold something; call supervisor/release first")
            }
            (Request::Confirm, Targeted | Failed) if self.track == Track::Tracking => {
                self.is_confirmed = true;
                Ok(Vec::new())
            }
            (Request::Confirm, Idle | Targeted | Failed) => refuse("point at an object first"),
            (Request::Confirm, _) => refuse("it is moving already"),
            (Request::Start, Targeted | Failed) if self.needs_confirmation() => {
                refuse("see whether the mask is on the object, then call supervisor/confirm")
            }
            (Request::Start, Targeted | Failed) if self.track == Track::Tracking => {
                self.attempt = 0;
                Ok(self.begin_attempt())
            }
            (Request::Start, Idle | Failed | Targeted) => refuse("point at an object first"),
            (Request::Start, Holding) => refuse("call supervisor/release first"),
            (Request::Start, _) => refuse("it is moving already"),
            (Request::Home, Idle | Targeted | Failed) => {
                self.enter(Homing, "going home on request");
                Ok(vec![Action::GoHome])
            }
            (Request::Home, Holding) => {
                refuse("going home opens the hand; call supervisor/release first")
            }
            (Request::Release, Holding | Failed | Idle | Targeted) if self.may_hold => {
                self.enter(Releasing, "putting the object down");
                // The policy goes on holding until something else takes over.
                Ok(vec![Action::StopPolicy, Action::PutDown])
            }
            (Request::Release, Holding | Failed | Idle | Targeted) => refuse("nothing is held"),
            (
                Request::Home | Request::Release,
                Approaching | Grasping | Lifting | Releasing | Homing,
            ) => refuse("call supervisor/stop first"),
        }
    }

    fn observe(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Track(track) => {
                self.tracked(track);
                Vec::new()
            }
            Event::Pointed => {
                self.is_confirmed = false;
                // The policy would go on with what nobody confirmed. What is being lifted is still what was.
                let reaches =
                    matches!(self.state, State::Approaching | State::Grasping) || self.retrying;
                if self.rules.confirm && reaches {
                    self.fail("somebody pointed again: confirm what is the target now, and start")
                } else {
                    Vec::new()
                }
            }
            Event::Policy(report) if self.state.is_attempt() => self.policy(report),
            Event::PolicyRefused(reason) if self.state.is_attempt() => {
                self.fail(&format!("the policy did not start: {reason}"))
            }
            Event::Judged(verdict) => self.judged(verdict),
            Event::Arrived => self.arrived(),
            Event::MotionFailed(reason)
                if matches!(self.state, State::Homing | State::Releasing) =>
            {
                self.fail(&format!("could not finish {}: {reason}", self.state))
            }
            Event::Trouble(reason) if self.state.is_moving() => self.fail(&reason),
            Event::Ready if self.auto_start_due && self.is_agreed() => {
                self.attempt = 0;
                self.begin_attempt()
            }
            Event::Request(_)
            | Event::Policy(_)
            | Event::PolicyRefused(_)
            | Event::MotionFailed(_)
            | Event::Trouble(_)
            | Event::Ready => Vec::new(),
        }
    }

    fn tracked(&mut self, track: Track) {
        let before = std::mem::replace(&mut self.track, track);
        if track != Track::Tracking && before == Track::Tracking {
            self.auto_start_armed = true;
        }
        // What is found again may be something else. The robot's own hand may hide the target for a while.
        let is_gone = matches!(track, Track::Lost | Track::None);
        if is_gone || (track != Track::Tracking && !self.state.is_moving()) {
            self.is_confirmed = false;
        }
        match (self.state, track) {
            (State::Idle, Track::Tracking) => {
                self.enter(State::Targeted, "the target is tracked");
                self.auto_start_due = self.rules.auto_start && self.auto_start_armed;
            }
            (State::Targeted, Track::None) => self.enter(State::Idle, "the target was taken back"),
            (State::Targeted, Track::Lost) => {
                self.enter(State::Idle, "the target was lost; point at it again");
            }
            _ => {}
        }
    }

    fn begin_attempt(&mut self) -> Vec<Action> {
        self.attempt += 1;
        self.retrying = false;
        self.auto_start_armed = false;
        self.may_hold = false;
        let reason = format!("attempt {} of {}", self.attempt, self.rules.retries + 1);
        self.enter(State::Approaching, &reason);
        vec![Action::StartPolicy]
    }

    fn policy(&mut self, report: PolicyReport) -> Vec<Action> {
        let state = match report {
            PolicyReport::Approach => State::Approaching,
            PolicyReport::Grasp => State::Grasping,
            PolicyReport::Lift => State::Lifting,
            PolicyReport::Done => return vec![Action::Judge],
            PolicyReport::Failed(reason) => return self.attempt_failed(&reason),
            // Right after the start the last report is still the old one.
            PolicyReport::Idle => return Vec::new(),
        };
        if state != self.state {
            let reason = self.reason.clone();
            self.enter(state, &reason);
        }
        Vec::new()
    }

    fn judged(&mut self, verdict: Verdict) -> Vec<Action> {
        match (self.state, verdict) {
            (State::Approaching | State::Grasping | State::Lifting, Verdict::Held(evidence)) => {
                self.enter(State::Holding, &evidence);
                Vec::new()
            }
            (State::Approaching | State::Grasping | State::Lifting, Verdict::NotHeld(evidence)) => {
                self.attempt_failed(&evidence)
            }
            (State::Holding, Verdict::NotHeld(evidence)) => {
                self.fail(&format!("the object slipped out of the hand: {evidence}"))
            }
            _ => Vec::new(),
        }
    }

    fn attempt_failed(&mut self, reason: &str) -> Vec<Action> {
        if self.attempt > self.rules.retries {
            return self.fail(reason);
        }
        self.retrying = true;
        self.enter(
            State::Homing,
            &format!("attempt {} failed ({reason}); trying again", self.attempt),
        );
        vec![Action::StopPolicy, Action::GoHome]
    }

    fn arrived(&mut self) -> Vec<Action> {
        match self.state {
            State::Homing if self.retrying => {
                if !self.is_agreed() {
                    return self.fail("somebody pointed at something else; confirm that and start");
                }
                if self.track == Track::Tracking {
                    return self.begin_attempt();
                }
                self.fail("the target is not seen any more; point at it again")
            }
            State::Homing => {
                self.may_hold = false;
                self.rest("at home");
                Vec::new()
            }
            State::Releasing => {
                self.may_hold = false;
                self.rest("the object was put down");
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn fail(&mut self, reason: &str) -> Vec<Action> {
        self.retrying = false;
        self.auto_start_armed = false;
        self.enter(State::Failed, reason);
        vec![Action::StopPolicy, Action::Hold]
    }

    /// The user has taken over: nothing starts by itself until there is another target.
    fn wait_for_start(&mut self) {
        self.auto_start_armed = false;
        self.auto_start_due = false;
    }

    /// To the state of rest that the target allows.
    fn rest(&mut self, reason: &str) {
        let state = if self.track == Track::Tracking {
            State::Targeted
        } else {
            State::Idle
        };
        self.enter(state, reason);
    }

    fn enter(&mut self, state: State, reason: &str) {
        self.auto_start_due = false;
        // Each start wants its own.
        self.is_confirmed &= state.is_moving();
        self.may_hold |= matches!(state, State::Grasping | State::Lifting | State::Holding);
        self.state = state;
        reason.clone_into(&mut self.reason);
    }
}
