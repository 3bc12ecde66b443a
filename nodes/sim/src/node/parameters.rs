//! The node's parameters.

use super::SimError;
use crate::board::{Carrier, PrintedBoard};
use crate::faces::ur;
use crate::scene::SceneKind;
use crate::shape::Split;
use bus::{Node, ParameterSpec};
use camera::Distortion;
use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use robot::{Hand, Model};
use sih_driver::register_map::RegisterMap;
use std::time::Duration;
use ur_driver::mode::RobotMode;

const URDF: &str = include_str!("../../../../urdf/ur5_sih.urdf");
const CALIBRATION: &str = include_str!("../../../../calibration/sih_right.yaml");

/// What the node was told.
#[derive(Debug)]
pub(super) struct Parameters {
    pub(super) kind: SceneKind,
    pub(super) split: Split,
    pub(super) object_names: Vec<String>,
    pub(super) seed: i64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frame_period: Duration,
    /// Which of the published mountings the camera has.
    pub(super) mounting: usize,
    pub(super) sensor_noise: bool,
    /// What the lens does.
    pub(super) distortion: Distortion,
    /// Points along each side of a pixel that its colour is the mean of.
    pub(super) oversampling: u32,
    /// Standard deviation of the blur in pixels, and of the noise in levels of 255.
    pub(super) blur_px: f64,
    pub(super) pixel_noise: f64,
    pub(super) board: Option<PrintedBoard>,
    pub(super) lighting_seed: i64,
    pub(super) model: Model,
    pub(super) hand: Hand,
    pub(super) register_map: RegisterMap,
    pub(super) arm: ur::Config,
    pub(super) arm_endpoints: ur::Endpoints,
    pub(super) hand_endpoint: String,
}

impl Parameters {
    pub(super) fn declare(node: &Node) -> Result<Self, SimError> {
        let text = |name: &str, default: &str, what: &str| {
            node.parameter(ParameterSpec::<String>::new(name, default).describe(what))
                .map(|parameter| parameter.get())
        };
        let integer = |name: &str, default: i64, range, what: &str| {
            node.parameter(
                ParameterSpec::<i64>::new(name, default)
                    .describe(what)
                    .range(range),
            )
            .map(|parameter| parameter.get())
        };
        let number = |name: &str, default: f64, range, what: &str| {
            node.parameter(
                ParameterSpec::<f64>::new(name, default)
                    .describe(what)
                    .range(range),
            )
            .map(|parameter| parameter.get())
        };
        let choice = |name: &str, default: &str, texts: &[&str], what: &str| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            node.parameter(
                ParameterSpec::<String>::new(name, default)
                    .describe(what)
                    .one_of(texts),
            )
            .map(|parameter| parameter.get())
        };

        let kinds = SceneKind::ALL.map(SceneKind::name);
        let kind = choice(
            "scene",
            SceneKind::Clutter3.name(),
            &kinds,
            "how many objects lie on the table",
        )?;
        let split = choice(
            "objects",
            "train",
            &["train", "test"],
            "which split of the objects they are drawn from",
        )?;
        let object_names = node.parameter(
            ParameterSpec::<Vec<String>>::new("object_names", Vec::<String>::new())
                .describe("names of the objects on the table; empty: drawn from the split"),
        )?;
        let seed = integer(
            "seed",
            0,
            0..=i64::MAX,
            "the same seed gives the same scene",
        )?;
        let width = integer(
            "width",
            640,
            16..=1280,
            "width of the camera's images in pixels",
        )?;
        let height = integer(
            "height",
            480,
            16..=720,
            "height of the camera's images in pixels",
        )?;
        let camera_rate = number(
            "camera_rate",
            7.5,
            0.5..=60.0,
            "frames of the camera a second",
        )?;
        let mounting = integer(
            "mounting",
            1,
            0..=1,
            "which of the two published mountings the camera has: 33 cm above the table, or 50 cm, which sees over more",
        )?;
        let sensor_noise = node.parameter(
            ParameterSpec::<bool>::new("sensor_noise", true)
                .describe("whether depth and colour are as noisy as a D455's; false: exact"),
        )?;
        let distortion = node.parameter(
            ParameterSpec::<Vec<f64>>::new("lens_distortion", vec![0.0; 5]).describe(
                "the lens: k1, k2, p1, p2, k3 of plumb_bob, which go out with camera_info",
            ),
        )?;
        let oversampling = integer(
            "oversampling",
            1,
            1..=4,
            "points along each side of a pixel that its colour is the mean of; 1: edges are jagged",
        )?;
        let blur_px = number(
            "blur",
            0.49,
            0.0..=5.0,
            "standard deviation of the blur of colour images, pixels; needs sensor_noise",
        )?;
        let pixel_noise = number(
            "pixel_noise",
            0.8,
            0.0..=50.0,
            "standard deviation of the noise of black pixels, of 255; needs sensor_noise",
        )?;
        let board = board(node)?;
        let lighting_seed = integer(
            "lighting_seed",
            0,
            0..=i64::MAX,
            "light at random from this seed; 0: an office by day",
        )?;
        let start_mode = choice(
            "ur_start_mode",
            "running",
            &["running", "power_off"],
            "whether the arm was switched on already",
        )?;
        let protective_stop_force_n = number(
            "ur_protective_stop_force",
            250.0,
            10.0..=1e6,
            "contact force of a protective stop, N",
        )?;
        let arm_endpoints = ur::Endpoints {
            rtde: text(
                "ur_rtde",
                "tcp://127.0.0.1:30004",
                "where the UR controller's RTDE listens",
            )?,
            dashboard: text(
                "ur_dashboard",
                "tcp://127.0.0.1:29999",
                "where its dashboard listens",
            )?,
            script: text(
                "ur_script",
                "tcp://127.0.0.1:30002",
                "where it takes scripts",
            )?,
        };
        let hand_endpoint = text(
            "sih_bus",
            "pty:///tmp/grasp_anything_sih",
            "where the hand's servo bus is: pty:///PATH or memory://NAME",
        )?;
        let urdf = text(
            "urdf",
            "",
            "robot description; empty: urdf/ur5_sih.urdf as built in",
        )?;
        let calibration = text(
            "calibration",
            "",
            "response of the hand; empty: calibration/sih_right.yaml as built in",
        )?;
        let register_map = text(
            "register_map",
            "",
            "registers of the servos; empty: config/sih_bus.yaml as built in",
        )?;

        Ok(Self {
            kind: kind.parse()?,
            split: if split == "test" {
                Split::Test
            } else {
                Split::Train
            },
            object_names: object_names.get(),
            seed,
            width: u32::try_from(width).unwrap_or(640),
            height: u32::try_from(height).unwrap_or(480),
            frame_period: Duration::from_secs_f64(1.0 / camera_rate),
            mounting: usize::try_from(mounting).unwrap_or(0),
            sensor_noise: sensor_noise.get(),
            distortion: numbers::<5>("lens_distortion", distortion.get())?.into(),
            oversampling: u32::try_from(oversampling).unwrap_or(1),
            blur_px,
            pixel_noise,
            board,
            lighting_seed,
            model: match urdf.as_str() {
                "" => Model::from_urdf(URDF, "urdf/ur5_sih.urdf (built in)")?,
                file => Model::from_file(file)?,
            },
            hand: match calibration.as_str() {
                "" => Hand::from_yaml(CALIBRATION, "calibration/sih_right.yaml (built in)")?,
                file => Hand::from_file(file)?,
            },
            register_map: match register_map.as_str() {
                "" => RegisterMap::example()?,
                file => RegisterMap::from_file(file)?,
            },
            arm: ur::Config {
                start_mode: if start_mode == "running" {
                    RobotMode::Running
                } else {
                    RobotMode::PowerOff
                },
                protective_stop_force_n,
                ..ur::Config::default()
            },
            arm_endpoints,
            hand_endpoint,
        })
    }
}

/// The board, if there is one.
fn board(node: &Node) -> Result<Option<PrintedBoard>, SimError> {
    let picture = node.parameter(ParameterSpec::<String>::new("board_picture", "").describe(
        "picture of a printed board, as `grasp_anything calibrate board --out board.png` writes it; empty: no board",
    ))?;
    let width_m = node.parameter(
        ParameterSpec::<f64>::new("board_width", 0.21)
            .describe("width of the print, m")
            .range(0.005..=2.0),
    )?;
    let carrier = node.parameter(
        ParameterSpec::<String>::new("board_on", "flange")
            .describe("what carries the board")
            .one_of(["flange".to_owned(), "table".to_owned()]),
    )?;
    let pose = node.parameter(
        ParameterSpec::<Vec<f64>>::new("board_pose", vec![0.0; 6]).describe(
            "x, y, z (m), roll, pitch, yaw (rad) of the print's left upper corner, x right, y down, z into the board, in tool0 or in base_link",
        ),
    )?;
    if picture.get().is_empty() {
        return Ok(None);
    }
    let [x, y, z, roll, pitch, yaw] = numbers("board_pose", pose.get())?;
    let carrier_from_board = Isometry3::from_parts(
        Translation3::new(x, y, z),
        UnitQuaternion::from_euler_angles(roll, pitch, yaw),
    );
    let carrier = if carrier.get() == "table" {
        Carrier::World
    } else {
        Carrier::Flange
    };
    Ok(Some(PrintedBoard::from_file(
        picture.get(),
        width_m.get(),
        carrier,
        carrier_from_board,
    )?))
}

/// A parameter that is a fixed number of finite numbers.
fn numbers<const COUNT: usize>(
    name: &'static str,
    values: Vec<f64>,
) -> Result<[f64; COUNT], SimError> {
    let error = SimError::Numbers { name, count: COUNT };
    if !values.iter().all(|value| value.is_finite()) {
        return Err(error);
    }
    values.try_into().map_err(|_| error)
}
