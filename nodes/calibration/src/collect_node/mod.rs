//! The node `calibrate_hand_eye`: takes samples of a board, and says after each how well the camera's place is known by now,
//! or with `find: intrinsics` how much of the lens has been seen.
//!
//! Somebody moves the robot, or with `move` the node does: slowly, through the arm's driver and its limits, always to the
//! pose that tells most ([`crate::plan`]). It then begins where the robot is, which has to show the board, and ends with
//! the result. A stop, a fault of the driver or a robot that does not arrive end it, too; samples are kept, and the next run
//! goes on with them. It knows of the table, of the robot itself and of a camera that stands still, and of nothing else in
//! the cell.
//!
//! For the lens somebody moves the board itself, in view of a camera that stands still; a robot is only needed to move it.
//! Collecting ends when the picture is [covered](crate::intrinsics::coverage), the samples are used up or nothing new is seen
//! for long, with the verdict on what the camera says of itself.
//!
//! | parameter | |
//! |---|---|
//! | `find` | `hand_eye`: where the camera is; `intrinsics`: what its lens does |
//! | `board` | the board's description, see `calibration/boards` |
//! | `setup` | `eye_to_hand`: the camera stands still and the board is on the robot; `eye_in_hand`: the other way round |
//! | `samples` | the folder that samples and pictures go to; what is there of the same board is gone on with |
//! | `result` | the file that the result goes to when it is within tolerance; a better one is kept |
//! | `base_frame`, `flange_frame` | the robot's frames |
//! | `settle`, `pictures` | how long the robot has to be at rest (s), and how many pictures are averaged |
//! | `tolerance_mm`, `tolerance_deg` | what the verdict is measured against |
//! | `move` | whether the node moves the robot |
//! | `poses`, `speed` | of that: how many samples there are to be (of the lens, at most), and the greatest joint speed (rad/s) |
//! | `camera_at`, `camera_looks_at`, `camera_up` | of that: where the camera is, a point in the middle of its picture, and what is up in it, in the frame that it is fixed to; to 10 cm or so |
//! | `verify` | of that: a result that the samples, taken into a folder of their own, are held against |
//! | `patience`, `camera_serial` | of the lens: how long nothing new may be seen (s), and which camera it is, for the result |
//! | `urdf`, `limits` | of `move`: the robot, and what its arm may do; as the driver has them |
//!
//! Reads `camera/color/image_raw`, `camera/color/camera_info` and tf; with `move` also `joint_states` and `arm/status`,
//! publishes `arm/command` and serves `~/stop` (std_srvs/Trigger). Of the lens `~/status` (diagnostic_msgs/DiagnosticStatus)
//! says in `message` what has been covered and what is missing, and has the values `samples`, `coverage` (percent) and
//! `problem`: why the last picture was of no use.

mod arm;
mod folder;
mod lens;
mod parameters;
mod picture;

use std::{path::PathBuf, sync::Arc, time::Duration};

use bus::{BusError, Node, Qos, TfError};
use camera::ModelError;
use image::GrayImage;
use msgs::sensor_msgs::{CameraInfo, Image};
use nalgebra::Isometry3;

use self::{
    arm::MovedArm,
    lens::Lens,
    parameters::{Aim, Parameters},
    picture::grey,
};
use crate::{
    board::BoardError,
    hand_eye::{HandEye, VerifyError},
    intrinsics::file::WriteError,
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
    #[error("calibration: {0}")]
    Board(#[from] BoardError),
    /// The board's markers are not known.
    #[error("calibration: {0}")]
    Dictionary(#[from] DictionaryError),
    /// Samples could not be read or kept.
    #[error("calibration: {0}")]
    Samples(#[from] SamplesError),
    /// A picture could not be kept.
    #[error("calibration: cannot write {file}: {error}")]
    Picture {
        /// The file.
        file: PathBuf,
        /// The cause.
        error: image::ImageError,
    },
    /// The camera's description is not usable.
    #[error("calibration: {0}")]
    Camera(#[from] ModelError),
    /// A parameter makes no sense.
    #[error("calibration: setup is `{0}`, which should be eye_to_hand or eye_in_hand")]
    Setup(String),
    /// A parameter makes no sense.
    #[error("calibration: the parameter {name} should be {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The robot's description or the limits of its arm cannot be used.
    #[error("calibration: {file}: {problem}")]
    Robot {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// The robot is not one that can be moved.
    #[error("calibration: {0}")]
    Room(#[from] RoomError),
    /// Samples of something else are there.
    #[error(
        "calibration: {0} has samples of another board, camera (size, focal length), setup or frames; name another folder, or remove it"
    )]
    Others(String),
    /// The run ended early.
    #[error("calibration: {0}")]
    Routine(#[from] RoutineError),
    /// The run ended with nothing, or nothing good.
    #[error("calibration: {0}")]
    NoResult(String),
    /// A result was not written, or not read.
    #[error("calibration: {0}")]
    Result(#[from] ResultError),
    /// The intrinsics were not written.
    #[error("calibration: {0}")]
    Intrinsics(#[from] WriteError),
    /// The result is of something else.
    #[error("calibration: {0}")]
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
        match (arm.is_some(), parameters.aim) {
            (true, _) => {
                "the robot will move by itself, slowly: keep clear of it, and a stop button at hand"
            }
            (false, Aim::Mount) => {
                "move the robot by hand, and let it rest wherever the camera sees the board: tilted by 20 to 40 degrees about every axis, near and far, all over the picture"
            }
            (false, Aim::Lens) => {
                "show the board, and hold it still for a moment each time: tilted by 20 to 40 degrees each way, near and far, all over the picture and into its corners"
            }
        }
    );
    let mut ticks = node.clock().interval(TICK);
    let mut eye = Eye {
        node,
        parameters,
        collector: None,
        found: None,
        lens: match parameters.aim {
            Aim::Mount => None,
            Aim::Lens => Some(Lens::new(node, parameters.patience_s)?),
        },
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
        // Where the robot moves itself, its routine says when it is over.
        if arm.is_none()
            && let Some(lens) = &eye.lens
            && lens.is_over(node.now(), parameters.most)
        {
            return eye.finish();
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
        let judgement = eye.lens.as_ref().and_then(Lens::judgement);
        match arm.looked(look, collector.samples(), eye.found.as_ref(), judgement)? {
            None => {}
            Some(Order::Go { .. }) => eye.told.clear(),
            Some(Order::Finish) => {
                tracing::info!(
                    "{} samples were taken; {} poses did not show the board",
                    collector.samples().samples.len(),
                    arm.missed()
                );
                return eye.finish();
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
    /// What has been seen of the lens, where that is to be found.
    lens: Option<Lens>,
    told: String,
}

impl Eye<'_> {
    /// The end: what the samples give.
    fn finish(&self) -> Result<(), NodeError> {
        let samples = self.collector.as_ref().map(Collector::samples);
        if let Some(lens) = &self.lens {
            return lens.finish(self.parameters, samples, &self.told);
        }
        let Some(samples) = samples else {
            return Ok(());
        };
        let motion = self.parameters.motion.as_ref();
        match motion.and_then(|motion| motion.verify.as_ref()) {
            Some(result) => folder::verify(result, samples),
            None => folder::finish(self.node, self.parameters, samples),
        }
    }

    /// Looks at a picture, and keeps what it gives.
    async fn look(&mut self, image: &Arc<Image>, info: &CameraInfo) -> Result<Look, NodeError> {
        if self.collector.is_none() {
            let collector = folder::start(self.parameters, info, &image.header.frame_id)?;
            self.found = folder::solve(self.parameters, collector.samples()).ok();
            if let Some(lens) = &mut self.lens {
                lens.covers(self.node.now(), collector.samples());
            }
            self.collector = Some(collector);
        }
        let picture = match grey(image) {
            Ok(picture) => picture,
            Err(error) => return Ok(self.complain(error.to_string())),
        };
        if (image.width, image.height) != (info.width, info.height) {
            return Ok(self.complain(format!(
                "pictures have {}x{} pixels, and camera_info is of {}x{}: do both come from the same camera?",
                image.width, image.height, info.width, info.height
            )));
        }
        let time_s = bus::Time::from(image.header.stamp).as_secs_f64();
        let event = if self.lens.is_some() && self.parameters.motion.is_none() {
            let Some(collector) = &mut self.collector else {
                return Ok(Look::Waiting);
            };
            collector.watch(time_s, &picture)
        } else {
            let base_from_flange = match self.flange(image).await {
                Ok(pose) => pose,
                Err(error) => {
                    self.complain(format!("where the robot is, nobody says: {error}"));
                    // It is not the pose's fault.
                    return Ok(Look::Waiting);
                }
            };
            let Some(collector) = &mut self.collector else {
                return Ok(Look::Waiting);
            };
            collector.look(time_s, &base_from_flange, &picture)
        };
        match event {
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

    /// Where the flange was when the picture was taken.
    async fn flange(&self, image: &Image) -> Result<Isometry3<f64>, TfError> {
        let Parameters {
            base_frame,
            flange_frame,
            ..
        } = self.parameters;
        let (stamp, clock) = (image.header.stamp.into(), self.node.clock());
        let tf = self.node.tf();
        tf.wait(base_frame, flange_frame, stamp, clock, PATIENCE)
            .await
    }

    fn taken(&mut self, picture: &GrayImage) -> Result<(), NodeError> {
        let Some(collector) = &self.collector else {
            return Ok(());
        };
        folder::keep(self.parameters, collector, picture)?;
        match &mut self.lens {
            Some(lens) => {
                lens.covers(self.node.now(), collector.samples());
                if self.parameters.motion.is_some() {
                    self.found = folder::solve(self.parameters, collector.samples()).ok();
                }
            }
            None => self.found = folder::taken(self.parameters, collector),
        }
        Ok(())
    }

    /// Warns, but not of the same thing with every picture.
    fn complain(&mut self, text: String) -> Look {
        if self.told != text {
            tracing::warn!("{text}");
            self.told.clone_from(&text);
            if let Some(lens) = &mut self.lens {
                lens.tell(&text);
            }
        }
        Look::Unusable(text)
    }
}
