//! What may touch what: collision groups of table, objects and the parts of the robot.

use rapier3d::geometry::{Group, InteractionGroups, InteractionTestMode};

/// Table and floor.
pub(crate) const ENVIRONMENT: Group = Group::GROUP_1;
/// Objects.
pub(crate) const OBJECT: Group = Group::GROUP_2;
/// Base, shoulder and upper arm.
const TRUNK: Group = Group::GROUP_3;
/// Forearm.
const FOREARM: Group = Group::GROUP_4;
/// First and second wrist link.
const WRIST: Group = Group::GROUP_5;
/// Third wrist link, sensor and palm.
const PALM: Group = Group::GROUP_6;
/// The thumb.
const THUMB: Group = Group::GROUP_7;
/// Proximal phalanges of the fingers.
const PROXIMAL: Group = Group::GROUP_8;
/// Distal phalanges of the fingers.
const DISTAL: Group = Group::GROUP_9;

/// Which part of the robot a collider belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RobotPart {
    /// From the base to the force-torque sensor.
    Arm,
    /// Palm and fingers.
    Hand,
}

/// Which part a link belongs to and what it may touch.
///
/// Everything touches table and objects. Within the robot only pairs that a motion can bring together are tested: the hand
/// against the arm, the wrist against the trunk, the thumb against the fingers, fingertips against the palm.
pub(crate) fn of_link(link: &str) -> (RobotPart, InteractionGroups) {
    let hand = PALM | THUMB | PROXIMAL | DISTAL;
    let (part, own, others) = match link {
        "upper_arm_link" | "shoulder_link" => (RobotPart::Arm, TRUNK, hand | WRIST),
        "forearm_link" => (RobotPart::Arm, FOREARM, hand),
        "wrist_1_link" | "wrist_2_link" => (RobotPart::Arm, WRIST, TRUNK),
        "wrist_3_link" | "optoforce" => (RobotPart::Arm, PALM, TRUNK | FOREARM | DISTAL),
        "palm" => (RobotPart::Hand, PALM, TRUNK | FOREARM | DISTAL),
        "th_proximal" => (RobotPart::Hand, THUMB, TRUNK | FOREARM),
        "th_inter" | "th_distal" => (RobotPart::Hand, THUMB, TRUNK | FOREARM | PROXIMAL | DISTAL),
        name if name.ends_with("_proximal") => (RobotPart::Hand, PROXIMAL, TRUNK | FOREARM | THUMB),
        name if name.ends_with("_distal") => {
            (RobotPart::Hand, DISTAL, TRUNK | FOREARM | THUMB | PALM)
        }
        // The base stands on the table.
        _ => {
            return (
                RobotPart::Arm,
                InteractionGroups::new(TRUNK, OBJECT | hand | WRIST, InteractionTestMode::And),
            );
        }
    };
    (
        part,
        InteractionGroups::new(own, others | ENVIRONMENT | OBJECT, InteractionTestMode::And),
    )
}
