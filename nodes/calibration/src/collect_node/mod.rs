//! The node `calibrate_hand_eye`: takes samples of a board, and says after each how well the camera's place is known by now.
//!
//! Somebody moves the robot, or with `move` the node does: slowly, through the arm's driver and its limits, always to the
//! pose that tells most ([`crate::plan`]). It then begins where the robot is, which has to show the board, and ends with
//! the result. A stop, a fault of the driver or a robot that does not arrive end it, too; samples are kept, and the next run
//! goes on with them. It knows of the table, of the robot itself and of a camera that stands still, and of nothing else in
//! the cell.
//!
//! | parameter | |
//! |---|---|
//! | `board` | the board's description, see `calibration/boards` |
//! | `setup` | `eye_to_hand`: the camera stands still and the board is on the robot; `eye_in_hand`: the other way round |
//! | `samples` | the folder that samples and pictures go to; what is there of the same board is gone on with |
//! | `result` | the file that the result goes to when it is within tolerance; a better one is kept |
//! | `base_frame`, `flange_frame` | the robot's frames |
//! | `settle`, `pictures` | how long the robot has to be at rest (s), and how many pictures are averaged |
//! | `tolerance_mm`, `tolerance_deg` | what the verdict is measured against |
//! | `move` | whether the node moves the robot |
//! | `poses`, `speed` | of that: how many samples there are to be, and the greatest joint speed (rad/s) |
//! | `camera_at`, `camera_looks_at`, `camera_up` | of that: where the camera is, a point in the middle of its picture, and what is up in it, in the frame that it is fixed to; to 10 cm or so |
//! | `verify` | of that: a result that the samples, taken into a folder of their own, are held against |
//! | `urdf`, `limits` | of that: the robot, and what its arm may do; as the driver has them |
//!
//! Reads `camera/color/image_raw`, `camera/color/camera_info` and tf; with `move` also `joint_states` and `arm/status`,
//! publishes `arm/command` and serves `calibrate_hand_eye/stop` (std_srvs/Trigger).

mod arm;
mod folder;
mod parameters;
mod picture;

use std::{path::PathBuf, sync::Arc, time::Duration};

use bus::{BusError, Node, Qos, TfError};
use camera::ModelError;
use image::GrayImage;
use msgs::sensor_msgs::{CameraInfo, Image};

use self::{arm::MovedArm, parameters::Parameters, picture::grey};
use crate::{
    board::BoardError,
    hand_eye::{HandEye, VerifyError},
    plan::{
        room::RoomError,
        routine::{Look, Order, RoutineError},
    },
    result::ResultError,
    sample::SamplesError,
    vision::{
        DictionaryError,
        collect::{Collector, Event},
    },
};

/// How long the robot's pose may come after the picture.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the arm is looked after.
const TICK: Duration = Duration::from_millis(50);

/// Why the node stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The bus refused something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The board's description is not usable.
    #[error("calibrate_hand_eye: {0}")]
    Board(#[from] BoardError),
    /// The board's markers are not known.
    #[error("calibrate_hand_eye: {0}")]
    Dictionary(#[from] DictionaryError),
    /// Samples could not be read or kept.
    #[error("calibrate_hand_eye: {0}")]
    Samples(#[from] SamplesError),
    /// A picture could not be kept.
    #[error("calibrate_hand_eye: cannot write {file}: {error}")]
    Picture {
        /// The file.
        file: PathBuf,
        /// The cause.
        error: image::ImageError,
    },
    /// The camera's description is not usable.
    #[error("calibrate_hand_eye: {0}")]
    Camera(#[from] ModelError),
    /// A parameter makes no sense.
    #[error("calibrate_hand_eye: setup is `{0}`, which should be eye_to_hand or eye_in_hand")]
    Setup(String),
    /// A parameter makes no sense.
    #[error("calibrate_hand_eye: the parameter {name} should be {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The robot's description or the limits of its arm cannot be used.
    #[error("calibrate_hand_eye: {file}: {problem}")]
    Robot {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// The robot is not one that can be moved.
    #[error("calibrate_hand_eye: {0}")]
    Room(#[from] RoomError),
    /// Samples of something else are there.
    #[error(
        "calibrate_hand_eye: {0} has samples of another board, camera (size, focal length), setup or frames; name another folder, or remove it"
    )]
    Others(String),
    /// The run ended early.
    #[error("calibrate_hand_eye: {0}")]
    Routine(#[from] RoutineError),
    /// The run ended with nothing, or nothing good.
    #[error("calibrate_hand_eye: {0}")]
    NoResult(String),
    /// A result was not written, or not read.
    #[error("calibrate_hand_eye: {0}")]
    Result(#[from] ResultError),
    /// The result is of something else.
    #[error("calibrate_hand_eye: {0}")]
    Verify(#[from] VerifyError),
}

/// Runs the node: until shutdown, or with `move` until the result is there.
///
/// # Errors
/// When a parameter, the board, the camera or the folder cannot be used; with `move` also when the run cannot go on, or its
/// result is beyond the tolerance.
pub async fn run(node: Node) -> Result<(), NodeError> {
    let parameters = Parameters::declare(&node)?;
    let mut arm = parameters
        .motion
        .as_ref()
        .map(|motion| MovedArm::new(&node, motion))
        .transpose()?;
    let ended = collect(&node, &parameters, arm.as_mut()).await;
    if let Some(arm) = &arm {
        // However it ended.
        arm.hold();
    }
    ended
}

async fn collect(
    node: &Node,
    parameters: &Parameters,
    mut arm: Option<&mut MovedArm>,
) -> Result<(), NodeError> {
    let images = node.subscribe::<Image>("camera/color/image_raw", Qos::sensor_data())?;
    let infos = node.subscribe::<CameraInfo>("camera/color/camera_info", Qos::sensor_data())?;
    tracing::info!(
        "{}",
        if arm.is_some() {
            "the robot will move by itself, slowly: keep clear of it, and a stop button at hand"
        } else {
            "move the robot by hand, and let it rest wherever the camera sees the board: tilted by 20 to 40 degrees about every axis, near and far, all over the picture"
        }
    );
    let mut ticks = node.clock().interval(TICK);
    let mut eye = Eye {
        node,
        parameters,
        collector: None,
        found: None,
        told: String::new(),
    };
    loop {
        let image = tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            _ = ticks.tick() => None,
            image = images.next() => match image {
                Some(image) => Some(image),
                None => return Ok(()),
            },
        };
        if let Some(arm) = &mut arm {
            arm.listen();
            if arm.is_asked_to_stop() {
                tracing::info!(
                    "stopped as asked; the next run goes on with the samples that are there"
                );
                return Ok(());
            }
            arm.tick()?;
            if !arm.is_looking() {
                continue;
            }
        }
        let Some(image) = image else {
            continue;
        };
        let Some(info) = infos.latest() else {
            continue;
        };
        let look = eye.look(&image, &info).await?;
        let (Some(arm), Some(collector)) = (&mut arm, &eye.collector) else {
            continue;
        };
        match arm.looked(look, collector.samples(), eye.found.as_ref())? {
            None => {}
            Some(Order::Go { .. }) => eye.told.clear(),
            Some(Order::Finish) => {
                tracing::info!(
                    "{} samples were taken; {} poses did not show the board",
                    collector.samples().samples.len(),
                    arm.missed()
                );
                let verified = parameters.motion.as_ref();
                return match verified.and_then(|motion| motion.verify.as_ref()) {
                    Some(result) => folder::verify(result, collector.samples()),
                    None => folder::finish(node, parameters, collector.samples()),
                };
            }
        }
    }
}

/// What looks at pictures.
struct Eye<'a> {
    node: &'a Node,
    parameters: &'a Parameters,
    collector: Option<Collector>,
    /// What the samples gave last.
    found: Option<HandEye>,
    told: String,
}

impl Eye<'_> {
    /// Looks at a picture, and keeps what it gives.
    async fn look(&mut self, image: &Arc<Image>, info: &CameraInfo) -> Result<Look, NodeError> {
        if self.collector.is_none() {
            let collector = folder::start(self.parameters, info, &image.header.frame_id)?;
            self.found = folder::solve(self.parameters, collector.samples()).ok();
            self.collector = Some(collector);
        }
        let picture = match grey(image) {
            Ok(picture) => picture,
            Err(error) => return Ok(self.complain(error.to_string())),
        };
        let pose = self
            .node
            .tf()
            .wait(
                &self.parameters.base_frame,
                &self.parameters.flange_frame,
                image.header.stamp.into(),
                self.node.clock(),
                PATIENCE,
            )
            .await;
        let base_from_flange = match pose {
            Ok(pose) => pose,
            Err(error) => {
                let error: TfError = error;
                self.complain(format!("where the robot is, nobody says: {error}"));
                // It is not the pose's fault.
                return Ok(Look::Waiting);
            }
        };
        let time_s = bus::Time::from(image.header.stamp).as_secs_f64();
        let Some(collector) = &mut self.collector else {
            return Ok(Look::Waiting);
        };
        match collector.look(time_s, &base_from_flange, &picture) {
            Event::Known => {
                self.told.clear();
                Ok(Look::Taken)
            }
            Event::Moving => {
                self.told.clear();
                Ok(Look::Waiting)
            }
            Event::Gathering => Ok(Look::Waiting),
            Event::Unseen(error) => Ok(self.complain(error.to_string())),
            Event::Unsteady { deviation_px } => Ok(self.complain(format!(
                "corners wander by {deviation_px:.1} px though the robot is at rest: is the board fastened?"
            ))),
            Event::Taken => {
                self.taken(&picture)?;
                Ok(Look::Taken)
            }
        }
    }

    fn taken(&mut self, picture: &GrayImage) -> Result<(), NodeError> {
        if let Some(collector) = &self.collector {
            self.found = folder::taken(self.parameters, collector, picture)?;
        }
        Ok(())
    }

    /// Warns, but not of the same thing with every picture.
    fn complain(&mut self, text: String) -> Look {
        if self.told != text {
            tracing::warn!("{text}");
            self.told.clone_from(&text);
        }
        Look::Unusable(text)
    }
}
