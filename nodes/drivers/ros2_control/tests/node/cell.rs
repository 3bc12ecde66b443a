//! A robot behind a controller, and a script in front of the node.

use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Publisher, Qos, Time};
use msgs::builtin_interfaces;
use msgs::diagnostic_msgs::DiagnosticStatus;
use msgs::geometry_msgs::WrenchStamped;
use msgs::lifecycle_msgs::{ChangeState, ChangeStateRequest, Transition};
use msgs::sensor_msgs::JointState;
use msgs::std_msgs::{Bool, Float64MultiArray};
use msgs::std_srvs::{Trigger, TriggerRequest, TriggerResponse};
use msgs::trajectory_msgs::{JointTrajectory, JointTrajectoryPoint};
use robot::ur5::{JOINTS, RESET_POSE};

pub(crate) type Failure = Box<dyn Error + Send + Sync>;
pub(crate) type Q = [f64; 6];

pub(crate) const CYCLE_S: f64 = 0.008;
/// Share of the way to its command that the arm goes in a cycle: it lags by some 30 ms, as a UR5 does.
const FOLLOWS: f64 = 0.25;

/// Which controller is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Position,
    /// Each trajectory begins where the last command was.
    OpenLoop,
    /// Each trajectory begins where the arm was measured, and the first cycle of each commands just that.
    ClosedLoop,
}

impl Kind {
    fn controller(self) -> &'static str {
        match self {
            Self::Position => "forward_position_controller",
            _ => "scaled_joint_trajectory_controller",
        }
    }
}

/// The robot in one cycle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) time_s: f64,
    pub(crate) q: Q,
    pub(crate) command: Q,
    /// Messages to the controller so far.
    pub(crate) messages: usize,
}

/// The robot, and what can happen to it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) q: Q,
    pub(crate) command: Q,
    pub(crate) reports: bool,
    pub(crate) listens: bool,
    pub(crate) program_runs: Option<bool>,
    /// Another controller has moved the arm.
    taken_over: bool,
    pub(crate) force_n: Option<f64>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) status: Vec<(f64, DiagnosticStatus)>,
    pub(crate) trajectories: Vec<JointTrajectory>,
}

impl World {
    /// Moves a joint through another controller, after which ours begins anew.
    pub(crate) fn push(&mut self, joint: usize, by: f64) {
        self.q[joint] += by;
        self.command = self.q;
        self.taken_over = true;
    }

    /// The largest change of a command from one cycle to the next, in rad.
    pub(crate) fn largest_step(&self) -> f64 {
        let steps = self.samples.windows(2).flat_map(|pair| {
            let joints = pair[0].command.into_iter().zip(pair[1].command);
            joints.map(|(before, after)| (after - before).abs())
        });
        steps.fold(0.0, f64::max)
    }

    /// The first time from which on no command changes any more, s.
    pub(crate) fn rests_from_s(&self) -> f64 {
        let last = self.samples.last().unwrap().command;
        let moving = self.samples.iter().rfind(|sample| sample.command != last);
        moving.map_or(0.0, |sample| sample.time_s)
    }

    pub(crate) fn at(&self, time_s: f64) -> Sample {
        let found = self.samples.iter().find(|sample| sample.time_s >= time_s);
        *found.expect("the run is long enough")
    }
}

#[derive(Clone)]
pub(crate) struct Cell(Arc<Mutex<World>>);

impl Cell {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// The last status.
    pub(crate) fn status(&self) -> DiagnosticStatus {
        self.world().status.last().expect("a status").1.clone()
    }

    /// Fails unless the last status is of this condition and its reason has these words.
    pub(crate) fn expect(&self, condition: &str, words: &str) {
        let status = self.status();
        let reason = status.value("reason").unwrap();
        assert!(
            status.message == condition && reason.contains(words),
            "{}: {reason}",
            status.message
        );
    }
}

/// Where the arm starts.
pub(crate) const HOME: Q = RESET_POSE;

/// Runs the node with a controller while a script lasts; the world as it was then.
pub(crate) fn run<F, Run>(kind: Kind, parameters: &[(&str, &str)], script: F) -> World
where
    F: FnOnce(Node, Cell, Hands) -> Run + Send + 'static,
    Run: Future<Output = Result<(), Failure>> + 'static,
{
    let cell = Cell(Arc::new(Mutex::new(World {
        q: HOME,
        command: HOME,
        reports: true,
        listens: true,
        program_runs: None,
        taken_over: false,
        force_n: None,
        samples: Vec::new(),
        status: Vec::new(),
        trajectories: Vec::new(),
    })));
    let mut graph = Graph::new(GraphConfig::lockstep());
    let robot = cell.clone();
    graph
        .add(NodeSpec::new("robot"), move |node| {
            run_robot(node, kind, robot)
        })
        .unwrap();
    let overrides = [("controller", kind.controller())]
        .iter()
        .chain(parameters)
        .fold(ParameterOverrides::new(), |overrides, (name, value)| {
            overrides.set(name, value).unwrap()
        });
    graph
        .add(
            NodeSpec::new("arm_ros2_control")
                .owns_robot()
                .parameters(overrides),
            arm_ros2_control::run,
        )
        .unwrap();
    let listener = cell.clone();
    graph
        .add(NodeSpec::new("listener"), move |node: Node| async move {
            let status = node.subscribe::<DiagnosticStatus>("arm/status", Qos::latched())?;
            while let Some(message) = status.next().await {
                let now_s = node.now().as_secs_f64();
                listener.world().status.push((now_s, (*message).clone()));
            }
            Ok::<(), Failure>(())
        })
        .unwrap();
    let played = cell.clone();
    graph
        .add(
            NodeSpec::new("script").ends_graph(),
            move |node: Node| async move {
                let hands = Hands::new(&node)?;
                script(node, played, hands).await
            },
        )
        .unwrap();
    graph.run_lockstep(Some(Duration::from_secs(60))).unwrap();
    let world = Arc::into_inner(cell.0).expect("all nodes have ended");
    world.into_inner().unwrap()
}

/// What a script does.
pub(crate) struct Hands {
    node: Node,
    commands: Publisher<JointTrajectory>,
}

impl Hands {
    fn new(node: &Node) -> Result<Self, Failure> {
        Ok(Self {
            commands: node.publisher("arm/command", Qos::reliable(10))?,
            node: node.clone(),
        })
    }

    pub(crate) async fn wait(&self, span_s: f64) {
        let span = Duration::from_secs_f64(span_s);
        self.node.clock().sleep(span).await;
    }

    /// Commands one joint to a position, to rest there.
    pub(crate) fn move_joint(&self, joint: usize, position: f64, time_s: f64) {
        let mut q = HOME;
        q[joint] = position;
        self.move_to(q, time_s);
    }

    /// Commands all joints, in an order of their own, to rest there.
    pub(crate) fn move_to(&self, q: Q, time_s: f64) {
        let backwards = |list: &[f64]| list.iter().rev().copied().collect::<Vec<_>>();
        self.commands.publish(JointTrajectory {
            joint_names: JOINTS.iter().rev().map(ToString::to_string).collect(),
            points: vec![JointTrajectoryPoint {
                positions: backwards(&q),
                velocities: vec![0.0; 6],
                time_from_start: Duration::from_secs_f64(time_s).into(),
                ..JointTrajectoryPoint::default()
            }],
            ..JointTrajectory::default()
        });
    }

    /// Asks the node to take a transition.
    pub(crate) async fn lead(&self, label: &str) -> bool {
        let service = "/arm_ros2_control/change_state";
        let client = self.node.client::<ChangeState>(service).unwrap();
        let transition = Transition {
            label: label.into(),
            ..Transition::default()
        };
        let answer = client.call(ChangeStateRequest { transition }).await;
        answer.unwrap().success
    }

    pub(crate) async fn call(&self, service: &str) -> TriggerResponse {
        let client = self.node.client::<Trigger>(service).unwrap();
        client.call(TriggerRequest {}).await.unwrap()
    }
}

/// The controller, the arm behind it, and the broadcasters.
async fn run_robot(node: Node, kind: Kind, cell: Cell) -> Result<(), Failure> {
    let name = kind.controller();
    let (mut trajectories, mut positions) = (None, None);
    if kind == Kind::Position {
        let topic = format!("{name}/commands");
        positions = Some(node.subscribe::<Float64MultiArray>(&topic, Qos::reliable(1))?);
    } else {
        let topic = format!("{name}/joint_trajectory");
        trajectories = Some(node.subscribe::<JointTrajectory>(&topic, Qos::reliable(1))?);
    }
    let states = node.publisher("joint_states", Qos::reliable(10))?;
    let programs = node.publisher(
        "io_and_status_controller/robot_program_running",
        Qos::latched(),
    )?;
    let wrenches = node.publisher("wrench", Qos::reliable(10))?;
    let mut told = None;
    let mut messages = 0;
    let mut followed: Option<Followed> = None;
    // Another process: its cycles lie between those of the node.
    node.clock().sleep(Duration::from_millis(3)).await;
    let mut cycles = node.clock().interval(Duration::from_secs_f64(CYCLE_S));
    loop {
        let now = tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            now = cycles.tick() => now,
        };
        let now_s = now.as_secs_f64();
        let mut world = cell.world();
        if std::mem::take(&mut world.taken_over) {
            followed = None;
        }
        if let Some(message) = positions.as_ref().and_then(bus::Subscription::latest) {
            messages += 1;
            if world.listens {
                world.command = message.data.as_slice().try_into()?;
            }
        }
        if let Some(message) = trajectories.as_ref().and_then(bus::Subscription::latest) {
            messages += 1;
            world.trajectories.push((*message).clone());
            if world.listens {
                let begin = match kind {
                    Kind::ClosedLoop => world.q,
                    _ => world.command,
                };
                followed = Some(Followed::new(&message, now_s, begin));
            }
        }
        if let Some(followed) = &followed {
            world.command = followed.sample(now_s);
        }
        if world.program_runs != Some(false) {
            let command = world.command;
            for (q, command) in world.q.iter_mut().zip(command) {
                *q += FOLLOWS * (command - *q);
            }
        } else {
            // The controllers are stopped, and start again where the arm is.
            followed = None;
            world.command = world.q;
        }
        let sample = Sample {
            time_s: now_s,
            q: world.q,
            command: world.command,
            messages,
        };
        world.samples.push(sample);
        if world.reports {
            states.publish(joint_states(now, &world.q));
        }
        if world.program_runs != told {
            told = world.program_runs;
            programs.publish(Bool {
                data: told.unwrap_or_default(),
            });
        }
        if let Some(force_n) = world.force_n {
            let mut wrench = WrenchStamped::default();
            wrench.wrench.force.z = force_n;
            wrenches.publish(wrench);
        }
    }
}

/// In another order than the arm's, and with a joint more.
fn joint_states(now: Time, q: &Q) -> JointState {
    let mut message = JointState::default();
    message.header.stamp = now.into();
    for index in [5, 2, 0, 1, 4, 3] {
        message.name.push(JOINTS[index].into());
        message.position.push(q[index]);
    }
    message.name.insert(3, "rail_joint".into());
    message.position.insert(3, 7.0);
    message
}

/// A trajectory that a controller follows.
struct Followed {
    start_s: f64,
    begin: Q,
    points: Vec<(f64, Q)>,
}

impl Followed {
    fn new(message: &JointTrajectory, start_s: f64, begin: Q) -> Self {
        assert_eq!(message.header.stamp, builtin_interfaces::Time::default());
        let place = JOINTS.map(|joint| {
            let mut names = message.joint_names.iter();
            names.position(|name| name == joint).expect("all joints")
        });
        let points = message.points.iter().map(|point| {
            assert!(point.velocities.is_empty());
            let time: Duration = point.time_from_start.try_into().unwrap();
            (
                time.as_secs_f64(),
                place.map(|place| point.positions[place]),
            )
        });
        let points: Vec<_> = points.collect();
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
        Self {
            start_s,
            begin,
            points,
        }
    }

    fn sample(&self, now_s: f64) -> Q {
        let at_s = now_s - self.start_s;
        let (mut from_s, mut from) = (0.0, self.begin);
        for (to_s, to) in &self.points {
            if at_s < *to_s {
                let share = (at_s - from_s) / (to_s - from_s);
                return std::array::from_fn(|joint| {
                    from[joint] + share * (to[joint] - from[joint])
                });
            }
            (from_s, from) = (*to_s, *to);
        }
        from
    }
}
