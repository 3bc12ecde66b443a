//! The node: services and topics around the state machine.
//!
//! Subscribes `segmentation/status`, `policy/status`, `arm/status`, `hand/status`, `joint_states`, `target/box` and the
//! topics of clicks; publishes `supervisor/state` (latched; its value `confirm` is `needed` while it waits for that), and
//! `arm/command` and `hand/command` for its own motions; serves `supervisor/{start,confirm,stop,home,release,estop,reset}`;
//! calls `policy/{start,stop}` and the drivers' `stop` and `reset`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bus::{
    BusError, Node, ParameterSpec, Publisher, Qos, ServiceServer, Subscription, Time, convert,
};
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};
use msgs::geometry_msgs::{Point, PointStamped};
use msgs::sensor_msgs::JointState;
use msgs::std_srvs::{Trigger, TriggerResponse};
use msgs::trajectory_msgs::JointTrajectory;
use msgs::visualization_msgs::Marker;
use nalgebra::{Point3, Translation3};
use robot::hand::LED_JOINTS;
use robot::motion::{Arm, Course, Progress, times};
use robot::ur5;

use crate::calls::{Call, Calls};
use crate::judge::{Evidence, Thresholds, Verdict, judge};
use crate::machine::{Action, Event, Machine, PolicyReport, Refused, Request, Rules, State, Track};
use crate::motion::{self, Step};

/// Period of the node's own work.
const TICK: Duration = Duration::from_millis(50);

/// Age from which a joint state, or a view of the target, counts as stale.
const STALE: Duration = Duration::from_millis(500);

/// The segmentation's reports after a click of which the last is certainly of the new mask: one may be under way.
const REPORTS_AFTER_CLICK: u32 = 2;

/// How long the object must look lost from the hand until it counts as dropped.
const DROPPED_AFTER: Duration = Duration::from_secs(1);

/// How long the hand may take to open.
const OPENING: Duration = Duration::from_millis(1500);

/// Distance from `tool0` to the palm's frame along their common z axis, metres.
const PALM_AHEAD_M: f64 = 0.042_25;

/// Led joints of the open hand with the thumb in front of the palm, rad.
const OPEN_HAND: [f64; 5] = [-1.55, 0.0, 0.0, 0.0, 0.0];

/// Why the node stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The bus refused something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The rest pose is not six angles.
    #[error("supervisor: the parameter home needs 6 joint positions in rad and has {0}")]
    Home(usize),
}

/// Runs the node until shutdown.
pub async fn run(node: Node) -> Result<(), NodeError> {
    let mut supervisor = Supervisor::new(node)?;
    let mut ticks = supervisor.node.clock().interval(TICK);
    let mut servers = Vec::new();
    for request in Request::ALL {
        servers.push((
            request,
            supervisor
                .node
                .serve::<Trigger>(&format!("supervisor/{}", request.name()))?,
        ));
    }
    supervisor.publish_state();
    loop {
        tokio::select! {
            biased;
            () = supervisor.node.shutdown() => return Ok(()),
            (call, result) = supervisor.calls.finished() => {
                supervisor.called(call, result);
                continue;
            }
            _ = ticks.tick() => {}
        }
        // Clicks before requests: a start is for what was pointed at last.
        supervisor.listen();
        supervisor.serve(&mut servers);
        supervisor.watch();
        supervisor.answer();
    }
}

/// The last messages of everything that is watched.
#[derive(Default)]
struct Seen {
    /// Position and effort of each joint, and when they were measured.
    joints: BTreeMap<String, (f64, f64)>,
    joints_at: Option<Time>,
    /// Middle of the target's box, and when it was seen.
    centre: Option<(Point3<f64>, Time)>,
    target_at: Option<Time>,
    /// What the target was pointed at with.
    prompt: String,
    /// Reports of the segmentation since somebody pointed at something.
    reports_since_click: u32,
    /// What each driver reported last, and when.
    drivers: BTreeMap<&'static str, (Arc<DiagnosticStatus>, Time)>,
}

/// A motion of the supervisor's own.
struct Own {
    steps: VecDeque<Step>,
    /// Where the running step takes the arm.
    course: Option<Course>,
    /// When the hand has had its time to open.
    opened: Option<Time>,
}

struct Supervisor {
    node: Node,
    machine: Machine,
    settings: motion::Settings,
    thresholds: Thresholds,
    settle: Duration,
    seen: Seen,
    own: Option<Own>,
    /// When the policy first reported that it has done all it can.
    done_since: Option<Time>,
    dropped_since: Option<Time>,
    /// What the object that is grasped or held was pointed at with.
    grasped: String,
    centre_before: Option<Point3<f64>>,
    grasp_height_m: Option<f64>,
    segmentation: Subscription<DiagnosticStatus>,
    policy_status: Subscription<DiagnosticStatus>,
    driver_status: [(&'static str, Subscription<DiagnosticStatus>); 2],
    joint_states: Subscription<JointState>,
    boxes: Subscription<Marker>,
    points: [Subscription<PointStamped>; 2],
    left_clicks: Subscription<Point>,
    state: Publisher<DiagnosticStatus>,
    arm_command: Publisher<JointTrajectory>,
    hand_command: Publisher<JointTrajectory>,
    calls: Calls,
    /// What the machine said to do and has not been done yet.
    to_do: VecDeque<Action>,
    /// Requests that are answered when all is done.
    unanswered: Vec<bus::Call<Trigger>>,
}

impl Supervisor {
    fn new(node: Node) -> Result<Self, NodeError> {
        let retries = node.parameter(
            ParameterSpec::<i64>::new("retries", 1)
                .describe("further attempts after the first one failed")
                .range(0..=10),
        )?;
        let auto_start = node.parameter(
            ParameterSpec::<bool>::new("auto_start", false)
                .describe("grasp each new target at once, without supervisor/start"),
        )?;
        let confirm = node
            .parameter(ParameterSpec::<bool>::new("confirm", false).describe(
                "start for no target whose mask was not confirmed by supervisor/confirm",
            ))?;
        let home = node.parameter(
            ParameterSpec::<Vec<f64>>::new("home", robot::ur5::RESET_POSE.to_vec())
                .describe("rest pose of the arm, rad"),
        )?;
        let speed = node.parameter(
            ParameterSpec::<f64>::new("speed", 0.5)
                .describe("greatest joint speed of the supervisor's own motions, rad/s")
                .range(0.05..=1.0),
        )?;
        let safe_height = node.parameter(
            ParameterSpec::<f64>::new("safe_height", 0.30)
                .describe(
                    "height of the flange below which it goes straight up before it goes home, m",
                )
                .range(0.0..=0.6),
        )?;
        let rise = node.parameter(
            ParameterSpec::<f64>::new("lifted_rise", Thresholds::default().rise_m)
                .describe("rise of the object from which it counts as lifted, m")
                .range(0.01..=0.5),
        )?;
        let load = node.parameter(
            ParameterSpec::<f64>::new("holding_load", Thresholds::default().load)
                .describe("load of the fingers from which they hold something that the camera does not see, 0 to 1")
                .range(0.0..=1.0),
        )?;
        let settle = node.parameter(
            ParameterSpec::<f64>::new("settle_time", 0.4)
                .describe("how long the object is held before the outcome is judged, s")
                .range(0.0..=5.0),
        )?;
        let home = <Arm>::try_from(home.get()).map_err(|home| NodeError::Home(home.len()))?;
        Ok(Self {
            machine: Machine::new(Rules {
                retries: u32::try_from(retries.get()).unwrap_or(0),
                auto_start: auto_start.get(),
                confirm: confirm.get(),
            }),
            settings: motion::Settings {
                home,
                speed: speed.get(),
                safe_height_m: safe_height.get(),
                retreat_m: 0.12,
            },
            thresholds: Thresholds {
                rise_m: rise.get(),
                load: load.get(),
                ..Thresholds::default()
            },
            settle: Duration::from_secs_f64(settle.get()),
            seen: Seen::default(),
            own: None,
            done_since: None,
            dropped_since: None,
            grasped: String::new(),
            centre_before: None,
            grasp_height_m: None,
            segmentation: node.subscribe("segmentation/status", Qos::reliable(10))?,
            policy_status: node.subscribe("policy/status", Qos::reliable(10))?,
            driver_status: [
                ("arm", node.subscribe("arm/status", Qos::reliable(2))?),
                ("hand", node.subscribe("hand/status", Qos::reliable(2))?),
            ],
            joint_states: node.subscribe("joint_states", Qos::reliable(50))?,
            boxes: node.subscribe("target/box", Qos::reliable(2))?,
            points: [
                node.subscribe("clicked_point", Qos::reliable(10))?,
                node.subscribe("camera/color/image_raw/mouse_click", Qos::reliable(10))?,
            ],
            left_clicks: node.subscribe("camera/color/image_raw_mouse_left", Qos::reliable(10))?,
            state: node.publisher("supervisor/state", Qos::latched())?,
            arm_command: node.publisher("arm/command", Qos::reliable(10))?,
            hand_command: node.publisher("hand/command", Qos::reliable(10))?,
            calls: Calls::new(&node)?,
            to_do: VecDeque::new(),
            unanswered: Vec::new(),
            node,
        })
    }

    /// Takes what users ask for.
    fn serve(&mut self, servers: &mut [(Request, ServiceServer<Trigger>)]) {
        for (request, server) in servers {
            while let Some(call) = server.try_next() {
                // A grasp that could not go on does not begin: drivers may still be starting.
                let is_start = *request == Request::Start
                    && matches!(self.machine.state(), State::Targeted | State::Failed);
                let is_early = *request == Request::Confirm
                    && self.seen.reports_since_click < REPORTS_AFTER_CLICK;
                let trouble = if is_early {
                    Some("the mask of the last click is not there yet: look at it first".to_owned())
                } else {
                    is_start
                        .then(|| self.trouble_ahead(self.node.now()))
                        .flatten()
                };
                if let Some(reason) = trouble {
                    call.respond(TriggerResponse::refused(reason));
                    continue;
                }
                match self.handle(Event::Request(*request)) {
                    Ok(()) => self.unanswered.push(call),
                    Err(refused) => call.respond(TriggerResponse::refused(refused.to_string())),
                }
            }
        }
    }

    /// Tells the users how it stands, once what they asked for is under way.
    fn answer(&mut self) {
        let estopped = self.machine.state() == State::Estopped;
        let is_idle = !self.calls.is_busy() && self.to_do.is_empty();
        if estopped || is_idle {
            let (state, reason) = (self.machine.state(), self.machine.reason());
            for call in self.unanswered.drain(..) {
                call.respond(TriggerResponse::done(format!("{state}: {reason}")));
            }
        }
    }

    /// Another node has answered, or not.
    fn called(&mut self, call: Call, result: Result<(), String>) {
        if let Err(reason) = result {
            match call {
                Call::StartPolicy => self.observe(Event::PolicyRefused(reason)),
                // A node that is not there needs no stopping.
                Call::StopPolicy | Call::StopAll | Call::ResetDrivers => {
                    tracing::warn!("{reason}");
                }
            }
        }
        self.act();
        self.answer();
    }

    /// Takes in what has been published since the last tick.
    fn listen(&mut self) {
        while let Some(message) = self.joint_states.try_next() {
            for (index, name) in message.name.iter().enumerate() {
                let number =
                    |list: &[f64]| list.get(index).copied().filter(|number| number.is_finite());
                if let Some(position) = number(&message.position) {
                    let effort = number(&message.effort).unwrap_or(0.0);
                    self.seen.joints.insert(name.clone(), (position, effort));
                }
            }
            if message.name.iter().any(|name| name == ur5::JOINTS[0]) {
                self.seen.joints_at = Some(self.node.now());
            }
        }
        for (name, subscription) in &self.driver_status {
            if let Some(status) = subscription.latest() {
                let now = self.node.now();
                self.seen.drivers.insert(name, (status, now));
            }
        }
        while let Some(marker) = self.boxes.try_next() {
            let now = self.node.now();
            self.seen.target_at = Some(now);
            if marker.action == Marker::ADD {
                self.seen.centre = Some((convert::point(&marker.pose.position), now));
            }
        }
        while let Some(status) = self.segmentation.try_next() {
            self.seen.reports_since_click = self.seen.reports_since_click.saturating_add(1);
            let prompt = status.value("prompt").unwrap_or_default();
            prompt.clone_into(&mut self.seen.prompt);
            let track = match status.message.as_str() {
                "tracking" => Track::Tracking,
                "occluded" => Track::Occluded,
                "lost" => Track::Lost,
                _ => Track::None,
            };
            self.observe(Event::Track(track));
        }
        // After the reports: those that wait may be older.
        let clicks = self.points.iter().filter_map(Subscription::latest).count();
        if clicks > 0 || self.left_clicks.latest().is_some() {
            self.seen.reports_since_click = 0;
            self.observe(Event::Pointed);
        }
        while let Some(status) = self.policy_status.try_next() {
            self.policy_reported(&status);
        }
    }

    fn policy_reported(&mut self, status: &DiagnosticStatus) {
        let report = match status.message.as_str() {
            "approach" | "preshape" => PolicyReport::Approach,
            "grasp" => PolicyReport::Grasp,
            "lift" => PolicyReport::Lift,
            "failed" => PolicyReport::Failed(
                status
                    .value("reason")
                    .unwrap_or("the policy gave no reason")
                    .to_owned(),
            ),
            // Judged when the object has settled, see `watch`.
            "hold" | "done" => {
                self.done_since.get_or_insert_with(|| self.node.now());
                return;
            }
            _ => PolicyReport::Idle,
        };
        if report == PolicyReport::Grasp && self.machine.state() == State::Approaching {
            self.grasp_height_m = self.arm().map(|arm| ur5::forward(&arm).translation.z);
        }
        self.done_since = None;
        self.observe(Event::Policy(report));
    }

    /// Looks after what must not go on unnoticed: silent sensors, faults, dropped objects, its own motion.
    fn watch(&mut self) {
        let now = self.node.now();
        let trouble = if self.machine.state().is_moving() {
            self.trouble(now)
        } else {
            self.trouble_ahead(now)
        };
        self.observe(trouble.map_or(Event::Ready, Event::Trouble));
        let has_settled = |since| now.saturating_since(since) >= self.settle;
        if self.machine.state().is_attempt() && self.done_since.is_some_and(has_settled) {
            self.observe(Event::Policy(PolicyReport::Done));
        }
        if self.machine.state() == State::Holding {
            match self.verdict(now) {
                Verdict::Held(_) => self.dropped_since = None,
                Verdict::NotHeld(evidence) => {
                    let since = *self.dropped_since.get_or_insert(now);
                    if now.saturating_since(since) >= DROPPED_AFTER {
                        self.observe(Event::Judged(Verdict::NotHeld(evidence)));
                    }
                }
            }
        }
        if let Some(event) = self.advance_own_motion(now) {
            self.own = None;
            self.observe(event);
        }
    }

    /// What makes it unsafe to go on.
    fn trouble(&self, now: Time) -> Option<String> {
        let measured = self.seen.joints_at;
        if measured.is_none_or(|at| now.saturating_since(at) > STALE) {
            return Some("the arm has not reported its joints for half a second".to_owned());
        }
        for (name, _) in &self.driver_status {
            let Some((status, at)) = self.seen.drivers.get(name) else {
                return Some(format!(
                    "the {name} driver has not reported yet; is it running?"
                ));
            };
            if now.saturating_since(*at) > STALE {
                return Some(format!(
                    "the {name} driver has been silent for half a second"
                ));
            }
            if status.message != "ready" {
                let reason = status.value("reason").unwrap_or_default();
                return Some(format!("the {name} driver is {}: {reason}", status.message));
            }
        }
        if self.machine.state().is_attempt() {
            self.blindness(now)
        } else {
            None
        }
    }

    /// What would keep a grasp from going on, were it started now.
    fn trouble_ahead(&self, now: Time) -> Option<String> {
        self.trouble(now).or_else(|| self.blindness(now))
    }

    /// That the target's place is not known, if so.
    fn blindness(&self, now: Time) -> Option<String> {
        let seen = self.seen.target_at;
        let is_seeing = seen.is_some_and(|at| now.saturating_since(at) <= 2 * STALE);
        (!is_seeing).then(|| "no camera frame has come through for a second".to_owned())
    }

    fn verdict(&self, now: Time) -> Verdict {
        let centre = self
            .seen
            .centre
            // Another object may have been pointed at since.
            .filter(|(_, at)| now.saturating_since(*at) < STALE && self.seen.prompt == self.grasped)
            .map(|(centre, _)| centre);
        let palm = self.arm().map_or_else(Point3::origin, |arm| {
            (ur5::forward(&arm) * Translation3::new(0.0, 0.0, PALM_AHEAD_M))
                .translation
                .vector
                .into()
        });
        let fingers = LED_JOINTS
            .iter()
            .skip(2)
            .filter_map(|name| self.seen.joints.get(*name));
        let finger_load = fingers.map(|(_, effort)| effort.abs()).fold(0.0, f64::max);
        judge(
            &Evidence {
                centre,
                centre_before: self.centre_before,
                palm,
                finger_load,
            },
            &self.thresholds,
        )
    }

    /// Measured positions of the arm, once all are known.
    fn arm(&self) -> Option<Arm> {
        let mut arm = [0.0; 6];
        for (position, name) in arm.iter_mut().zip(ur5::JOINTS) {
            *position = self.seen.joints.get(name)?.0;
        }
        Some(arm)
    }

    fn observe(&mut self, event: Event) {
        // Only requests are refused.
        self.handle(event).ok();
    }

    /// Feeds the machine and does what it says, which may lead to further events.
    fn handle(&mut self, event: Event) -> Result<(), Refused> {
        let before = self.machine.clone();
        let actions = self.machine.handle(event)?;
        let is_other = |before: &Machine, after: &Machine| {
            before.state() != after.state()
                || before.reason() != after.reason()
                || before.attempt() != after.attempt()
        };
        if is_other(&before, &self.machine) {
            tracing::info!("{}: {}", self.machine.state(), self.machine.reason());
            self.publish_state();
        } else if before.needs_confirmation() != self.machine.needs_confirmation() {
            self.publish_state();
        }
        if actions.contains(&Action::Hold) {
            // At once, and again when the policy has stopped; what was to move before it does not move after it.
            self.to_do.retain(|action| !action.moves());
            self.own = None;
            self.hold();
        }
        if actions.contains(&Action::StopAll) {
            // It waits for no call under way, and what was to be done before it is not done after it.
            self.to_do.clear();
            self.own = None;
            self.calls.abandon();
        }
        self.to_do.extend(actions);
        self.act();
        Ok(())
    }

    /// Does what is to be done, in order, up to the next call of another node.
    fn act(&mut self) {
        while !self.calls.is_busy()
            && let Some(action) = self.to_do.pop_front()
        {
            if let Some(event) = self.perform(action) {
                self.observe(event);
            }
        }
    }

    fn perform(&mut self, action: Action) -> Option<Event> {
        let now = self.node.now();
        match action {
            Action::StartPolicy => {
                if let Some(trouble) = self.trouble(now) {
                    return Some(Event::Trouble(trouble));
                }
                self.done_since = None;
                self.dropped_since = None;
                self.grasp_height_m = None;
                self.grasped.clone_from(&self.seen.prompt);
                self.centre_before = self.seen.centre.map(|(centre, _)| centre);
                self.calls.begin(Call::StartPolicy);
            }
            Action::StopPolicy => self.calls.begin(Call::StopPolicy),
            Action::StopAll => self.calls.begin(Call::StopAll),
            Action::ResetDrivers => self.calls.begin(Call::ResetDrivers),
            Action::Hold => {
                self.own = None;
                self.hold();
            }
            Action::GoHome => return self.begin(|arm, settings, _| motion::home(arm, settings)),
            Action::PutDown => {
                return self.begin(|arm, settings, height| {
                    motion::put_down(arm, height.unwrap_or(0.2), settings)
                });
            }
            Action::Judge => return Some(Event::Judged(self.verdict(now))),
        }
        None
    }

    fn begin(
        &mut self,
        plan: impl FnOnce(
            &Arm,
            &motion::Settings,
            Option<f64>,
        ) -> Result<Vec<Step>, motion::MotionError>,
    ) -> Option<Event> {
        let Some(arm) = self.arm() else {
            return Some(Event::MotionFailed(
                "the arm's joints are not known yet".to_owned(),
            ));
        };
        match plan(&arm, &self.settings, self.grasp_height_m) {
            Ok(steps) => {
                self.own = Some(Own {
                    steps: steps.into(),
                    course: None,
                    opened: None,
                });
                None
            }
            Err(error) => Some(Event::MotionFailed(error.to_string())),
        }
    }

    /// Sends the next step of the own motion when the last one is done; says when all are, or one did not work.
    fn advance_own_motion(&mut self, now: Time) -> Option<Event> {
        let arm = self.arm();
        let own = self.own.as_mut()?;
        if let Some(course) = own.course {
            // Until its joints are known the arm is nowhere.
            let measured = arm.unwrap_or([f64::INFINITY; 6]);
            match course.progress(now.as_secs_f64(), &measured) {
                Progress::Underway => return None,
                Progress::Late => {
                    return Some(Event::MotionFailed(
                        "the arm did not arrive; is something in its way?".to_owned(),
                    ));
                }
                Progress::Arrived => own.course = None,
            }
        }
        if own.opened.is_some_and(|opened| now < opened) {
            return None;
        }
        own.opened = None;
        match own.steps.pop_front() {
            None => return Some(Event::Arrived),
            Some(Step::Open) => {
                own.opened = Some(now + OPENING);
                self.hand_command.publish(JointTrajectory::to_rest(
                    now,
                    &LED_JOINTS,
                    [(OPENING.as_secs_f64(), &OPEN_HAND[..])],
                ));
            }
            Some(Step::Arm(path)) => {
                let speed = self.settings.speed;
                own.course = Course::new(&path, speed, now.as_secs_f64());
                let times = times(&path, speed);
                let points = times
                    .iter()
                    .zip(&path)
                    .skip(1)
                    .map(|(time, arm)| (*time, &arm[..]));
                self.arm_command
                    .publish(JointTrajectory::to_rest(now, &ur5::JOINTS, points));
            }
        }
        None
    }

    /// Commands the arm to stay where it is. The hand keeps its grip.
    fn hold(&mut self) {
        if let Some(arm) = self.arm() {
            self.arm_command.publish(JointTrajectory::to_rest(
                self.node.now(),
                &ur5::JOINTS,
                [(0.1, &arm[..])],
            ));
        }
    }

    /// Whether somebody has to look at the mask.
    fn confirmation(&self) -> &'static str {
        if self.machine.needs_confirmation() {
            "needed"
        } else {
            "not needed"
        }
    }

    fn publish_state(&self) {
        let state = self.machine.state();
        self.state.publish(DiagnosticStatus {
            level: match state {
                State::Failed => DiagnosticStatus::WARN,
                State::Estopped => DiagnosticStatus::ERROR,
                _ => DiagnosticStatus::OK,
            },
            name: "supervisor".to_owned(),
            message: state.name().to_owned(),
            values: vec![
                KeyValue::new("reason", self.machine.reason()),
                KeyValue::new("attempt", self.machine.attempt()),
                KeyValue::new("confirm", self.confirmation()),
            ],
            ..DiagnosticStatus::default()
        });
    }
}
