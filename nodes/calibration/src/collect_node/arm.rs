//! The arm, when the node moves it.

use bus::{Node, Publisher, Qos, ServiceServer, Subscription};
use msgs::{
    diagnostic_msgs::DiagnosticStatus,
    sensor_msgs::JointState,
    std_srvs::{Trigger, TriggerResponse},
    trajectory_msgs::JointTrajectory,
};
use robot::ur5;

use super::{NodeError, parameters::Motion};
use crate::{
    hand_eye::HandEye,
    intrinsics::Judgement,
    plan::routine::{ArmReport, Look, Order, Routine, RoutineError},
    sample::Samples,
};

/// How soon a command to stay is to be carried out, seconds; the limits brake as hard as they may.
const HOLD_S: f64 = 0.1;

/// The arm with the course of its run.
pub(super) struct MovedArm {
    node: Node,
    routine: Routine,
    report: ArmReport,
    joint_states: Subscription<JointState>,
    status: Subscription<DiagnosticStatus>,
    command: Publisher<JointTrajectory>,
    stop: ServiceServer<Trigger>,
}

impl MovedArm {
    pub(super) fn new(node: &Node, motion: &Motion) -> Result<Self, NodeError> {
        Ok(Self {
            routine: Routine::new(motion.room.clone(), motion.guess, motion.rules),
            report: ArmReport::default(),
            joint_states: node.subscribe("joint_states", Qos::reliable(50))?,
            status: node.subscribe("arm/status", Qos::reliable(2))?,
            command: node.publisher("arm/command", Qos::reliable(10))?,
            stop: node.serve("~/stop")?,
            node: node.clone(),
        })
    }

    fn now_s(&self) -> f64 {
        self.node.now().as_secs_f64()
    }

    /// Takes in what arm and driver said since the last time.
    pub(super) fn listen(&mut self) {
        let now_s = self.now_s();
        while let Some(message) = self.joint_states.try_next() {
            let position = |name: &&str| {
                let place = message.name.iter().position(|other| other == name)?;
                let position = message.position.get(place).copied()?;
                position.is_finite().then_some(position)
            };
            // The hand's joints come in messages of their own.
            let positions: Option<Vec<f64>> = ur5::JOINTS.iter().map(position).collect();
            if let Some(Ok(arm)) = positions.map(TryInto::try_into) {
                self.report.joints = Some((arm, now_s));
            }
        }
        if let Some(status) = self.status.latest() {
            let reason = status.value("reason").unwrap_or_default().to_owned();
            self.report.driver = Some((status.message.clone(), reason, now_s));
        }
    }

    /// Whether somebody asked to stop; they are told that it is done.
    pub(super) fn is_asked_to_stop(&mut self) -> bool {
        let mut is_asked = false;
        while let Some(call) = self.stop.try_next() {
            self.hold();
            call.respond(TriggerResponse::done(
                "the arm holds; samples are kept".to_owned(),
            ));
            is_asked = true;
        }
        is_asked
    }

    pub(super) fn tick(&mut self) -> Result<(), RoutineError> {
        self.routine.tick(self.now_s(), &self.report)
    }

    pub(super) fn is_looking(&self) -> bool {
        self.routine.is_looking()
    }

    pub(super) fn missed(&self) -> usize {
        self.routine.missed()
    }

    /// Does what is to be done after a look.
    pub(super) fn looked(
        &mut self,
        look: Look,
        samples: &Samples,
        found: Option<&HandEye>,
        judgement: Option<&Judgement>,
    ) -> Result<Option<Order>, RoutineError> {
        let now_s = self.now_s();
        let order = self
            .routine
            .looked(now_s, look, &self.report, samples, found, judgement)?;
        if let Some(Order::Go { to, time_s, .. }) = &order {
            self.send(*time_s, to);
        }
        Ok(order)
    }

    /// Commands the arm to stay where it is.
    pub(super) fn hold(&self) {
        if let Some((arm, _)) = &self.report.joints {
            self.send(HOLD_S, arm);
        }
    }

    fn send(&self, time_s: f64, arm: &[f64; 6]) {
        self.command.publish(JointTrajectory::to_rest(
            self.node.now(),
            &ur5::JOINTS,
            [(time_s, &arm[..])],
        ));
    }
}
