//! An ideal robot behind the faces, the drivers in front of them, and a script of what happens.

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Qos, Time};
use msgs::builtin_interfaces;
use msgs::diagnostic_msgs::DiagnosticStatus;
use msgs::lifecycle_msgs::{ChangeState, ChangeStateRequest, Transition};
use msgs::std_msgs::{Int32MultiArray, MultiArrayLayout};
use msgs::std_srvs::{Trigger, TriggerRequest, TriggerResponse};
use msgs::trajectory_msgs::{JointTrajectory, JointTrajectoryPoint};
use sih_driver::register_map::RegisterMap;
use sim::faces::{sih, ur};
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const CYCLE: Duration = Duration::from_millis(8);
/// The rate at which the policy sends commands, Hz.
pub(crate) const COMMAND_RATE: f64 = 7.5;
/// Where the robot stands when it starts: the arm's reset pose and the open hand.
pub(crate) const HOME: [f64; 6] = robot::ur5::RESET_POSE;
pub(crate) const OPEN: [f64; 5] = [2650.0, 250.0, 1450.0, 2300.0, 1000.0];

/// Something that happens to the hardware.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    DropArmConnections,
    DropHandConnections,
    Pause,
    Play,
    PressEmergencyStop,
    ReleaseEmergencyStop,
    /// Contact force at the arm from now on, N.
    Force(f64),
    /// Load of every servo from now on, positive towards larger ticks.
    Load(f64),
    OverheatServo(usize),
}

/// The robot in one cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) time_s: f64,
    pub(crate) q: [f64; 6],
    pub(crate) ticks: [f64; 5],
}

/// What happened in a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) samples: Vec<Sample>,
    pub(crate) arm_status: Vec<(f64, DiagnosticStatus)>,
    pub(crate) hand_status: Vec<(f64, DiagnosticStatus)>,
    /// Answers to the services that the script called, with their time.
    pub(crate) answers: Vec<(f64, TriggerResponse)>,
    /// Whether the transitions were taken, with the time of the answer.
    pub(crate) taken: Vec<(f64, bool)>,
}

impl Log {
    /// The largest change of any arm joint from one cycle to the next, rad.
    pub(crate) fn largest_step(&self) -> f64 {
        self.steps().map(|(_, step)| step).fold(0.0, f64::max)
    }

    /// The time of each cycle and the largest change of any arm joint in it, rad.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (f64, f64)> {
        self.samples.windows(2).map(|pair| {
            let step = pair[0]
                .q
                .iter()
                .zip(pair[1].q)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            (pair[1].time_s, step)
        })
    }

    /// Whether the arm moves at any time from `from_s` to `to_s`.
    pub(crate) fn arm_moves(&self, from_s: f64, to_s: f64) -> bool {
        self.steps()
            .any(|(time_s, step)| time_s > from_s && time_s <= to_s && step > 1e-9)
    }

    /// Whether a servo moves at any time from `from_s` to `to_s`.
    pub(crate) fn hand_moves(&self, from_s: f64, to_s: f64) -> bool {
        self.samples.windows(2).any(|pair| {
            pair[1].time_s > from_s && pair[1].time_s <= to_s && pair[0].ticks != pair[1].ticks
        })
    }

    pub(crate) fn at(&self, time_s: f64) -> Sample {
        *self
            .samples
            .iter()
            .find(|sample| sample.time_s >= time_s)
            .expect("the run is long enough")
    }

    pub(crate) fn arm_at(&self, time_s: f64) -> &DiagnosticStatus {
        &self
            .arm_status
            .iter()
            .rfind(|(at, _)| *at <= time_s)
            .expect("a status by then")
            .1
    }

    pub(crate) fn hand_at(&self, time_s: f64) -> &DiagnosticStatus {
        &self
            .hand_status
            .iter()
            .rfind(|(at, _)| *at <= time_s)
            .expect("a status by then")
            .1
    }
}

pub(crate) fn value(status: &DiagnosticStatus, key: &str) -> f64 {
    status
        .value(key)
        .unwrap_or_else(|| panic!("no {key} in {status:?}"))
        .parse()
        .expect("a number")
}

/// What is set up and what happens.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) arm: ur::Config,
    pub(crate) power_on: bool,
    /// Times in s, rising.
    pub(crate) events: Vec<(f64, Event)>,
    /// Services to call, at times in s, rising.
    pub(crate) calls: Vec<(f64, &'static str)>,
    /// Transitions of managed nodes to ask for, at times in s, rising: the node and the transition.
    pub(crate) transitions: Vec<(f64, &'static str, &'static str)>,
    pub(crate) arm_commands: Vec<(f64, JointTrajectory)>,
    pub(crate) hand_commands: Vec<(f64, JointTrajectory)>,
    /// Goals for `sih/ticks_command`.
    pub(crate) ticks_commands: Vec<(f64, Vec<i32>)>,
    pub(crate) length_s: f64,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            arm: ur::Config::default(),
            power_on: false,
            events: Vec::new(),
            calls: Vec::new(),
            transitions: Vec::new(),
            arm_commands: Vec::new(),
            hand_commands: Vec::new(),
            ticks_commands: Vec::new(),
            length_s: 5.0,
        }
    }
}

impl Script {
    /// Moves the first joint at a steady speed (rad/s) with one command every 1/7.5 s, as a policy
    /// does that looks at where the joint should be next.
    pub(crate) fn sweep(mut self, from_s: f64, to_s: f64, speed: f64) -> Self {
        let period_s = 1.0 / COMMAND_RATE;
        let count = ((to_s - from_s) / period_s) as u32;
        for index in 0..count {
            let mut q = HOME;
            q[0] += speed * period_s * f64::from(index + 1);
            self.arm_commands.push((
                from_s + period_s * f64::from(index),
                arm_command(&[(period_s, q, None)]),
            ));
        }
        self
    }
}

/// Time from the start in s, joint angles in rad, and velocities in rad/s where they are given.
type ArmPoint = (f64, [f64; 6], Option<[f64; 6]>);

pub(crate) fn arm_command(points: &[ArmPoint]) -> JointTrajectory {
    JointTrajectory {
        joint_names: robot::ur5::JOINTS.map(str::to_owned).to_vec(),
        points: points
            .iter()
            .map(|(time_s, q, qd)| JointTrajectoryPoint {
                positions: q.to_vec(),
                velocities: qd.map(|qd| qd.to_vec()).unwrap_or_default(),
                time_from_start: duration(*time_s),
                ..JointTrajectoryPoint::default()
            })
            .collect(),
        ..JointTrajectory::default()
    }
}

pub(crate) fn hand_command(time_s: f64, angles: [f64; 5]) -> JointTrajectory {
    JointTrajectory {
        joint_names: robot::hand::LED_JOINTS.map(str::to_owned).to_vec(),
        points: vec![JointTrajectoryPoint {
            positions: angles.to_vec(),
            velocities: vec![0.0; 5],
            time_from_start: duration(time_s),
            ..JointTrajectoryPoint::default()
        }],
        ..JointTrajectory::default()
    }
}

fn duration(time_s: f64) -> builtin_interfaces::Duration {
    let nanos = (time_s * 1e9).round() as i64;
    builtin_interfaces::Duration {
        sec: (nanos / 1_000_000_000) as i32,
        nanosec: (nanos % 1_000_000_000) as u32,
    }
}

type Failure = Box<dyn Error + Send + Sync>;
type SharedLog = Arc<Mutex<Log>>;

/// Runs a script in lockstep.
pub(crate) fn run(script: Script) -> Log {
    let log = SharedLog::default();
    let mut graph = Graph::new(GraphConfig::lockstep());
    let length_s = script.length_s;
    let parameters = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .fold(ParameterOverrides::new(), |parameters, (name, value)| {
                parameters.set(name, value).unwrap()
            })
    };
    let (hardware, shared) = (script.clone(), Arc::clone(&log));
    graph
        .add(NodeSpec::new("hardware"), move |node| {
            run_hardware(node, hardware, shared)
        })
        .unwrap();
    let power_on = script.power_on.to_string();
    let arm = parameters(&[
        ("rtde", "memory://ur/rtde"),
        ("dashboard", "memory://ur/dashboard"),
        ("script", "memory://ur/script"),
        ("power_on", &power_on),
    ]);
    graph
        .add(
            NodeSpec::new("ur_driver").owns_robot().parameters(arm),
            ur_driver::run,
        )
        .unwrap();
    let hand = parameters(&[("bus", "memory://sih")]);
    graph
        .add(
            NodeSpec::new("sih_driver").owns_robot().parameters(hand),
            sih_driver::run,
        )
        .unwrap();
    let shared = Arc::clone(&log);
    graph
        .add(NodeSpec::new("script"), move |node| {
            play(node, script, shared)
        })
        .unwrap();
    graph
        .run_lockstep(Some(Duration::from_secs_f64(length_s)))
        .unwrap();
    let log = log.lock().unwrap();
    log.clone()
}

/// The faces with an ideal robot behind them.
async fn run_hardware(node: Node, script: Script, log: SharedLog) -> Result<(), Failure> {
    let (mut q, mut ticks) = (HOME, OPEN);
    let (mut force, mut load) = (0.0, 0.0);
    let arm = ur::UrFace::new(
        script.arm,
        ur::Reading {
            q,
            ..ur::Reading::default()
        },
    );
    let hand = sih::SihFace::new(
        RegisterMap::example()?,
        sih::Reading {
            ticks,
            load: [0.0; 5],
        },
    );
    let endpoints = ur::Endpoints {
        rtde: "memory://ur/rtde".into(),
        dashboard: "memory://ur/dashboard".into(),
        script: "memory://ur/script".into(),
    };
    let mut events = script.events.into_iter().peekable();
    let cycles = async {
        let mut cycle = node.clock().interval(CYCLE);
        let mut qd = [0.0; 6];
        loop {
            let time_s = cycle.tick().await.as_secs_f64();
            while let Some((_, event)) = events.next_if(|(at, _)| *at <= time_s) {
                match event {
                    Event::DropArmConnections => arm.drop_connections(),
                    Event::DropHandConnections => hand.drop_connections(),
                    Event::Pause => assert!(arm.with_controller(ur::Controller::pause)),
                    Event::Play => assert!(arm.with_controller(ur::Controller::play)),
                    Event::PressEmergencyStop => {
                        arm.with_controller(ur::Controller::press_emergency_stop);
                    }
                    Event::ReleaseEmergencyStop => {
                        arm.with_controller(ur::Controller::release_emergency_stop);
                    }
                    Event::Force(newtons) => force = newtons,
                    Event::Load(share) => load = share,
                    Event::OverheatServo(index) => {
                        hand.with_servos(|servos| servos.overheat(index));
                    }
                }
            }
            let tcp_force = [0.0, 0.0, force, 0.0, 0.0, 0.0];
            let target = arm.cycle(ur::Reading {
                q,
                qd,
                torque: [0.0; 6],
                tcp_force,
            });
            (q, qd) = (target.q, target.qd);
            ticks = hand.cycle(
                sih::Reading {
                    ticks,
                    load: [load; 5],
                },
                CYCLE.as_secs_f64(),
            );
            log.lock()
                .unwrap()
                .samples
                .push(Sample { time_s, q, ticks });
        }
    };
    tokio::select! {
        biased;
        () = node.shutdown() => Ok(()),
        result = arm.serve(node.network(), &endpoints) => Ok(result?),
        result = hand.serve(node.network(), "memory://sih") => Ok(result?),
        () = cycles => Ok(()),
    }
}

/// Sends the script's commands, makes its calls, and listens.
async fn play(node: Node, script: Script, log: SharedLog) -> Result<(), Failure> {
    let arm_commands = node.publisher("arm/command", Qos::reliable(10))?;
    let hand_commands = node.publisher("hand/command", Qos::reliable(10))?;
    let ticks_commands = node.publisher("sih/ticks_command", Qos::reliable(10))?;
    let arm_status = node.subscribe::<DiagnosticStatus>("arm/status", Qos::reliable(10))?;
    let hand_status = node.subscribe::<DiagnosticStatus>("hand/status", Qos::reliable(10))?;
    let now_s = || node.now().as_secs_f64();
    let until = |time_s: f64| node.clock().sleep_until(Time::from_secs_f64(time_s));
    let send_arm = async {
        for (time_s, command) in script.arm_commands {
            until(time_s).await;
            arm_commands.publish(command);
        }
    };
    let send_hand = async {
        for (time_s, command) in script.hand_commands {
            until(time_s).await;
            hand_commands.publish(command);
        }
    };
    let send_ticks = async {
        for (time_s, data) in script.ticks_commands {
            until(time_s).await;
            let layout = MultiArrayLayout::default();
            ticks_commands.publish(Int32MultiArray { layout, data });
        }
    };
    let call = async {
        for (time_s, service) in script.calls {
            until(time_s).await;
            let client = node.client::<Trigger>(service)?;
            let answer = client.call(TriggerRequest {}).await?;
            log.lock().unwrap().answers.push((now_s(), answer));
        }
        Ok::<_, Failure>(())
    };
    let lead = async {
        for (time_s, led, label) in script.transitions {
            until(time_s).await;
            let client = node.client::<ChangeState>(&format!("{led}/change_state"))?;
            let transition = Transition {
                label: label.into(),
                ..Transition::default()
            };
            let answer = client.call(ChangeStateRequest { transition }).await?;
            log.lock().unwrap().taken.push((now_s(), answer.success));
        }
        Ok::<_, Failure>(())
    };
    let listen_arm = async {
        while let Some(status) = arm_status.next().await {
            log.lock()
                .unwrap()
                .arm_status
                .push((now_s(), (*status).clone()));
        }
    };
    let listen_hand = async {
        while let Some(status) = hand_status.next().await {
            log.lock()
                .unwrap()
                .hand_status
                .push((now_s(), (*status).clone()));
        }
    };
    let (_, _, _, called, led, _, _) = futures::join!(
        send_arm,
        send_hand,
        send_ticks,
        call,
        lead,
        listen_arm,
        listen_hand
    );
    called.and(led)
}
