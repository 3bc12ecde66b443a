//! The node's parameters.

use std::path::PathBuf;

use bus::{Node, ParameterSpec};
use nalgebra::{Isometry3, Point3, Vector3};
use robot::{Model, frames, limits::LimiterConfig};

use super::NodeError;
use crate::{
    board::Board,
    hand_eye::{Guess, Options, Tolerance},
    plan::{room::Room, routine},
    result::HandEyeFile,
    sample::Setup,
    vision::collect::Rules,
};

const URDF: &str = include_str!("../../../../urdf/ur5_sih.urdf");
const LIMITS: &str = include_str!("../../../../config/arm_limits.yaml");

/// How exact a guess with a tape measure is: metres, rad.
const GUESS: (f64, f64) = (0.06, 0.12);

/// What is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// Where the camera is.
    Mount,
    /// What its lens does.
    Lens,
}

/// What the node was told.
pub(super) struct Parameters {
    pub(super) aim: Aim,
    pub(super) board: Board,
    pub(super) setup: Setup,
    pub(super) folder: PathBuf,
    pub(super) result: String,
    pub(super) base_frame: String,
    pub(super) flange_frame: String,
    pub(super) rules: Rules,
    pub(super) options: Options,
    /// Samples that are the end of a run for the lens.
    pub(super) most: usize,
    /// A run for the lens ends when so long nothing new is seen, seconds.
    pub(super) patience_s: f64,
    /// Of the camera; empty: nobody says.
    pub(super) serial: String,
    /// How the robot moves itself, if it does.
    pub(super) motion: Option<Motion>,
}

/// How the robot moves itself.
pub(super) struct Motion {
    pub(super) room: Room,
    pub(super) guess: Guess,
    pub(super) rules: routine::Rules,
    /// The result to hold against the samples; without one they give a new one.
    pub(super) verify: Option<HandEyeFile>,
}

impl Parameters {
    pub(super) fn declare(node: &Node) -> Result<Self, NodeError> {
        declare(node)
    }
}

fn declare(node: &Node) -> Result<Parameters, NodeError> {
    let text = |name, default: &str, about: &str| {
        node.parameter(ParameterSpec::<String>::new(name, default).describe(about))
            .map(|it| it.get())
    };
    let number = |name, default: f64, range, about: &str| {
        let spec = ParameterSpec::<f64>::new(name, default)
            .describe(about)
            .range(range);
        node.parameter(spec).map(|it| it.get())
    };
    let find = node.parameter(
        ParameterSpec::<String>::new("find", "hand_eye")
            .describe("hand_eye: where the camera is; intrinsics: what its lens does")
            .one_of(["hand_eye", "intrinsics"]),
    )?;
    let aim = match find.get().as_str() {
        "intrinsics" => Aim::Lens,
        _ => Aim::Mount,
    };
    let board = text(
        "board",
        "",
        "the board's description, a YAML file as in calibration/boards",
    )?;
    let setup = text(
        "setup",
        "eye_to_hand",
        "eye_to_hand: the board is on the robot; eye_in_hand: the camera is",
    )?;
    let folder = text(
        "samples",
        "samples",
        "folder for samples and pictures; what is there is gone on with",
    )?;
    let result = text(
        "result",
        "",
        "file for a result within tolerance; empty: none is written",
    )?;
    let base_frame = text("base_frame", "base_link", "the robot's base")?;
    let flange_frame = text(
        "flange_frame",
        "tool0",
        "what board or camera are fastened to",
    )?;
    let settle_s = number(
        "settle",
        1.0,
        0.1..=10.0,
        "how long the robot has to be at rest first, s",
    )?;
    let pictures = node.parameter(
        ParameterSpec::<i64>::new("pictures", 5)
            .describe("pictures that are averaged")
            .range(1..=100),
    )?;
    let tolerance_mm = number(
        "tolerance_mm",
        1.0,
        0.01..=100.0,
        "how far the camera may be off, mm",
    )?;
    let tolerance_deg = number(
        "tolerance_deg",
        0.1,
        0.001..=10.0,
        "how far it may be turned, deg",
    )?;
    let poses = node.parameter(
        ParameterSpec::<i64>::new("poses", 20)
            .describe("samples that there are to be in the end, when the node moves the robot; of the lens, at most")
            .range(5..=100),
    )?;
    let most = usize::try_from(poses.get()).unwrap_or(20);
    let patience_s = number(
        "patience",
        120.0,
        1.0..=3600.0,
        "of the lens: how long nothing new may be seen, s",
    )?;
    let serial = text(
        "camera_serial",
        "",
        "of the lens: serial number of the camera, for the result; empty: unknown",
    )?;
    let setup = match setup.as_str() {
        "eye_to_hand" => Setup::EyeToHand,
        "eye_in_hand" => Setup::EyeInHand,
        _ => return Err(NodeError::Setup(setup)),
    };
    let motion = motion(node, (aim, most), &base_frame, &flange_frame)?;
    Ok(Parameters {
        aim,
        most,
        patience_s,
        serial,
        board: Board::from_file(board)?,
        setup,
        folder: PathBuf::from(folder),
        result,
        base_frame,
        flange_frame,
        rules: Rules {
            settle_s,
            pictures: usize::try_from(pictures.get()).unwrap_or(1),
            ..Rules::default()
        },
        options: Options {
            tolerance: Tolerance {
                position_m: tolerance_mm * 1e-3,
                orientation_rad: tolerance_deg.to_radians(),
            },
            ..Options::default()
        },
        motion,
    })
}

/// How the robot moves itself, if it is to.
fn motion(
    node: &Node,
    (aim, poses): (Aim, usize),
    base_frame: &str,
    flange_frame: &str,
) -> Result<Option<Motion>, NodeError> {
    let moves = node.parameter(
        ParameterSpec::<bool>::new("move", false)
            .describe("whether the node moves the robot, through the driver's limits"),
    )?;
    let speed = node.parameter(
        ParameterSpec::<f64>::new("speed", 0.3)
            .describe("greatest joint speed, rad/s")
            .range(0.02..=0.6),
    )?;
    let vector = |name, default: [f64; 3], about: &str| {
        node.parameter(ParameterSpec::<Vec<f64>>::new(name, default.to_vec()).describe(about))
            .map(|it| it.get())
    };
    let eye = vector(
        "camera_at",
        [f64::NAN; 3],
        "where the camera is, to 10 cm or so, in the frame that it is fixed to, m",
    )?;
    let target = vector(
        "camera_looks_at",
        [f64::NAN; 3],
        "a point that it has in the middle of its picture, m",
    )?;
    let up = vector("camera_up", [0.0, 0.0, 1.0], "what is up in its picture")?;
    let urdf = node.parameter(
        ParameterSpec::<String>::new("urdf", "")
            .describe("robot description; empty: urdf/ur5_sih.urdf as built in"),
    )?;
    let limits = node.parameter(ParameterSpec::<String>::new("limits", "").describe(
        "what the arm may do, as its driver has it; empty: config/arm_limits.yaml as built in",
    ))?;
    let verify = node.parameter(ParameterSpec::<String>::new("verify", "").describe(
        "a result to hold against fresh samples, when the node moves the robot; empty: samples give a new one",
    ))?;
    if aim == Aim::Lens && !verify.get().is_empty() {
        return Err(NodeError::Parameter {
            name: "verify",
            expected: "empty when intrinsics are to be found",
        });
    }
    if !moves.get() {
        if !verify.get().is_empty() {
            return Err(NodeError::Parameter {
                name: "verify",
                expected: "empty unless the node moves the robot; `grasp_anything calibrate verify` takes samples of any origin",
            });
        }
        return Ok(None);
    }
    let verify = match verify.get().as_str() {
        "" => None,
        file => Some(HandEyeFile::read(file)?),
    };
    for (name, frame, expected) in [
        ("base_frame", base_frame, frames::BASE_LINK),
        ("flange_frame", flange_frame, frames::TOOL0),
    ] {
        if frame != expected {
            return Err(NodeError::Parameter {
                name,
                expected: "base_link, and flange_frame tool0, when the node moves the robot",
            });
        }
    }
    let mount_from_camera = match &verify {
        Some(result) => result.parent_from_child(),
        None => looking(eye, target, up)?,
    };
    let (text, file) = text_of(&urdf.get(), URDF, "urdf/ur5_sih.urdf (built in)")?;
    let model = Model::from_urdf(&text, &file).map_err(|error| NodeError::Robot {
        problem: error.to_string(),
        file,
    })?;
    let (text, file) = text_of(&limits.get(), LIMITS, "config/arm_limits.yaml (built in)")?;
    let limits: LimiterConfig = serde_yaml::from_str(&text).map_err(|error| NodeError::Robot {
        problem: error.to_string(),
        file,
    })?;
    Ok(Some(Motion {
        room: Room::new(&model, &limits)?,
        guess: Guess {
            mount_from_camera,
            position_m: GUESS.0,
            orientation_rad: GUESS.1,
        },
        rules: routine::Rules {
            poses,
            speed: speed.get(),
            // Fresh poses are others than those that the result rests on.
            seed: if verify.is_some() { 2 } else { 1 },
        },
        verify,
    }))
}

/// The optical frame of a camera by where it is, a point that it looks at, and what is up in its picture.
fn looking(eye: Vec<f64>, target: Vec<f64>, up: Vec<f64>) -> Result<Isometry3<f64>, NodeError> {
    let point = |name: &'static str, values: Vec<f64>| {
        <[f64; 3]>::try_from(values)
            .ok()
            .filter(|values| values.iter().all(|value| value.is_finite()))
            .ok_or(NodeError::Parameter {
                name,
                expected: "three finite numbers when the node moves the robot: measure roughly, with a tape",
            })
    };
    let eye = Point3::from(point("camera_at", eye)?);
    let target = Point3::from(point("camera_looks_at", target)?);
    let up = Vector3::from(point("camera_up", up)?);
    if up.cross(&(target - eye)).norm() < 1e-3 * up.norm().max(1e-3) {
        return Err(NodeError::Parameter {
            name: "camera_up",
            expected: "a direction across the line from camera_at to camera_looks_at",
        });
    }
    // The optical frame has y down.
    Ok(Isometry3::face_towards(&eye, &target, &-up))
}

/// The text of a file and its name, or what is built in.
fn text_of(file: &str, built_in: &str, name: &str) -> Result<(String, String), NodeError> {
    if file.is_empty() {
        return Ok((built_in.to_owned(), name.to_owned()));
    }
    match std::fs::read_to_string(file) {
        Ok(text) => Ok((text, file.to_owned())),
        Err(error) => Err(NodeError::Robot {
            file: file.to_owned(),
            problem: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_looks_where_it_is_told() {
        let vector = |values: [f64; 3]| values.to_vec();
        let (eye, target, up) = (
            vector([0.0, 1.0, 0.5]),
            vector([0.0, 0.0, 0.5]),
            vector([0.0, 0.0, 1.0]),
        );
        let camera = looking(eye.clone(), target.clone(), up).unwrap();
        assert!((camera * Point3::new(0.0, 0.0, 1.0) - Point3::new(0.0, 0.0, 0.5)).norm() < 1e-12);
        // What is below has a larger row; right of a camera that looks along -y is -x.
        let below = camera.inverse() * Point3::new(-0.2, 0.0, 0.3);
        assert!(
            (below - Point3::new(0.2, 0.2, 1.0)).norm() < 1e-12,
            "{below}"
        );
        for (target, up, name) in [
            (
                vector([f64::NAN; 3]),
                vector([0.0, 0.0, 1.0]),
                "camera_looks_at",
            ),
            (vec![0.0; 2], vector([0.0, 0.0, 1.0]), "camera_looks_at"),
            (target, vector([0.0, 1.0, 0.0]), "camera_up"),
        ] {
            let error = looking(eye.clone(), target, up).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
