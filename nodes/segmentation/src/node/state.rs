//! What the node knows, and what it does with each message.

use std::collections::VecDeque;
use std::sync::Arc;

use bus::{Node, Publisher, Qos, StageTimer, Time};
use camera::Intrinsics;
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};
use msgs::geometry_msgs::PointStamped;
use msgs::sensor_msgs::{CameraInfo, Image};
use msgs::std_msgs::Header;
use nalgebra::{Isometry3, Point2, Point3};
use robot::geometry::PosedShapes;

use super::images;
use super::pick::refusal;
use super::robot_guard::RobotGuard;
use super::transform::transform;
use super::{NodeError, Settings};
use crate::{
    Frame, Prediction, Prompt, SegmentationError, Segmenter, Space, Track, TrackStatus, Tracker,
    overlay,
};

/// A point this close to the robot's shapes is on the robot.
const ROBOT_MARGIN_M: f64 = 0.01;
/// Places of a new mask that are compared with the robot, and the share of them on the robot that refuses it: the hand is
/// close to what it holds.
const GUARD_POINTS: usize = 32;
const GUARD_SHARE: f64 = 0.75;
/// Depth images that are kept until their colour image is looked at.
const KEPT_DEPTHS: usize = 4;
/// Depth is waited for only while it has come within this many frames.
const DEPTH_FRAMES: u32 = 3;

/// Status word while there is no target.
const IDLE: &str = "idle";

pub(super) struct State {
    node: Node,
    settings: Settings,
    segmenter: Segmenter,
    tracker: Option<Tracker>,
    guard: RobotGuard,
    camera: Option<Intrinsics>,
    /// The newest depth images, newest first: they run ahead of the colour images when a frame takes long.
    depths: VecDeque<Arc<Image>>,
    /// Colour images since the last depth image.
    without_depth: u32,
    last: Option<Seen>,
    camera_quiet: bool,
    /// Status word last reported.
    word: &'static str,
    prompt: String,
    mask: Publisher<Image>,
    overlay: Publisher<Image>,
    status: Publisher<DiagnosticStatus>,
    encode: StageTimer,
    decode: StageTimer,
    first_mask: StageTimer,
}

/// The newest frame.
struct Seen {
    colour: Arc<Image>,
    depth: Option<Vec<u16>>,
    encoded: bool,
    at: Time,
}

impl State {
    pub(super) fn new(
        node: &Node,
        segmenter: Segmenter,
        settings: Settings,
    ) -> Result<Self, NodeError> {
        Ok(Self {
            guard: RobotGuard::new(node, &settings.base_frame)?,
            mask: node.publisher("segmentation/mask", Qos::sensor_data())?,
            overlay: node.publisher("segmentation/overlay", Qos::sensor_data())?,
            status: node.publisher("segmentation/status", Qos::reliable(10))?,
            encode: node.stage("segment_encode"),
            decode: node.stage("segment_decode"),
            first_mask: node.stage("click_to_mask"),
            node: node.clone(),
            settings,
            segmenter,
            tracker: None,
            camera: None,
            depths: VecDeque::new(),
            without_depth: u32::MAX,
            last: None,
            camera_quiet: false,
            word: IDLE,
            prompt: String::new(),
        })
    }

    pub(super) fn reset(&mut self) {
        self.tracker = None;
        self.word = IDLE;
        self.prompt.clear();
    }

    pub(super) fn set_camera(&mut self, info: &CameraInfo) {
        match Intrinsics::try_from(info) {
            Ok(intrinsics) => self.camera = Some(intrinsics),
            Err(error) => tracing::warn!("camera_info is not usable: {error}"),
        }
    }

    pub(super) fn set_depth(&mut self, image: Arc<Image>) {
        self.without_depth = 0;
        self.depths.push_front(image);
        self.depths.truncate(KEPT_DEPTHS);
    }

    /// Whether the depth of this colour image is still to come.
    pub(super) fn expects_depth_of(&self, colour: &Image) -> bool {
        let here = self
            .depths
            .front()
            .is_some_and(|depth| depth.header.stamp >= colour.header.stamp);
        !here && self.without_depth < DEPTH_FRAMES
    }

    /// When the camera counts as stopped.
    pub(super) fn camera_deadline(&self) -> Time {
        match &self.last {
            Some(seen) if !self.camera_quiet => seen.at + self.settings.camera_timeout,
            _ => Time::MAX,
        }
    }

    pub(super) fn camera_stopped(&mut self) {
        self.camera_quiet = true;
        let reason = format!(
            "the camera has stopped: no image for {:.1} s",
            self.settings.camera_timeout.as_secs_f64()
        );
        tracing::warn!("{reason}");
        let message = if self.tracker.is_some() {
            TrackStatus::Lost.as_str()
        } else {
            IDLE
        };
        self.report(DiagnosticStatus::ERROR, message, 0.0, &reason, 0);
    }

    /// Takes a colour image: tracks the target in it, when there is one.
    pub(super) fn frame(&mut self, colour: Arc<Image>) {
        let now = self.node.now();
        let elapsed = self
            .last
            .as_ref()
            .map_or_else(Default::default, |seen| now.saturating_since(seen.at));
        self.without_depth = self.without_depth.saturating_add(1);
        let depth = match self
            .depths
            .iter()
            .find(|depth| depth.header.stamp == colour.header.stamp)
        {
            Some(depth) => {
                self.without_depth = 0;
                aligned_depth(depth, &colour)
                    .inspect_err(|error| tracing::warn!("segmenting without depth: {error}"))
                    .ok()
            }
            None => None,
        };
        self.camera_quiet = false;
        self.last = Some(Seen {
            colour,
            depth,
            encoded: false,
            at: now,
        });
        let outcome = match self.tracker.take() {
            None => Ok(None),
            Some(mut tracker) => {
                let track = self.ensure_encoded().and_then(|()| {
                    let _run = self.decode.start();
                    tracker.update(&mut self.segmenter, elapsed)
                });
                self.tracker = Some(tracker);
                track.map(Some)
            }
        };
        match outcome {
            Ok(None) => {
                self.publish_mask(None);
                self.report(DiagnosticStatus::OK, IDLE, 0.0, "", 0);
            }
            Ok(Some(track)) => self.publish_track(&track),
            Err(error) => {
                tracing::warn!("a frame was not segmented: {error}");
                self.publish_mask(None);
                self.report(
                    DiagnosticStatus::ERROR,
                    TrackStatus::Lost.as_str(),
                    0.0,
                    &error.to_string(),
                    0,
                );
            }
        }
    }

    /// A click on a pixel of the colour image.
    pub(super) fn click(&mut self, pixel: [f64; 2], beside: bool) {
        let timer = self.first_mask.clone();
        let run = timer.start();
        let what = if beside { "off point" } else { "click" };
        let prompt = format!("{what} ({:.0}, {:.0})", pixel[0], pixel[1]);
        match self.select(pixel, beside) {
            Ok(found) => {
                tracing::info!(
                    "{prompt}: target of {} px, score {:.2}",
                    found.mask().area(),
                    found.score()
                );
                self.prompt = prompt;
                let score = found.score();
                self.publish_track(&Track {
                    status: TrackStatus::Tracking,
                    reason: String::new(),
                    score,
                    prediction: Some(found),
                });
                drop(run);
            }
            Err(reason) => {
                run.discard();
                self.refuse(&prompt, &reason);
            }
        }
    }

    /// A click on a point in space, as RViz publishes it.
    pub(super) fn click_in_space(&mut self, point: &PointStamped) {
        match self.pixel_of(point) {
            Ok(pixel) => self.click(pixel, false),
            Err(reason) => {
                let prompt = format!(
                    "point ({:.3}, {:.3}, {:.3}) in {}",
                    point.point.x, point.point.y, point.point.z, point.header.frame_id
                );
                self.refuse(&prompt, &reason);
            }
        }
    }

    fn refuse(&mut self, prompt: &str, reason: &str) {
        tracing::warn!("{prompt} refused: {reason}");
        // The target stays what it was; only this status speaks of the prompt.
        let mut status = self.status(
            DiagnosticStatus::WARN,
            self.word,
            0.0,
            &format!("refused: {reason}"),
            0,
        );
        status.values.push(KeyValue::new("refused", prompt));
        self.status.publish(status);
    }

    /// Segments what was clicked and starts to track it, or says why not.
    fn select(&mut self, pixel: [f64; 2], beside: bool) -> Result<Prediction, String> {
        let [u, v] = pixel;
        if !(u.is_finite() && v.is_finite()) {
            return Err("the click is not a number".to_owned());
        }
        let Some(seen) = &self.last else {
            return Err("there is no camera image yet".to_owned());
        };
        if self.camera_quiet {
            return Err(format!(
                "the camera has stopped: its last image is {:.1} s old",
                self.node.now().saturating_since(seen.at).as_secs_f64()
            ));
        }
        let (width, height) = (seen.colour.width, seen.colour.height);
        let inside = |value: f64, size: u32| value >= -0.5 && value < f64::from(size) - 0.5;
        if !(inside(u, width) && inside(v, height)) {
            return Err(format!(
                "({u:.0}, {v:.0}) is outside the image of {width}x{height} pixels"
            ));
        }
        let point = self.point_under(pixel);
        let stamp = seen.colour.header.stamp;
        if let (Some(point), false) = (&point, beside)
            && let Some(robot) = self.guard.at(self.node.tf(), stamp)
            && let Some(link) = link_at(&robot, point)
        {
            return Err(format!("({u:.0}, {v:.0}) is on the robot ({link})"));
        }
        self.ensure_encoded().map_err(|error| error.to_string())?;
        let prompt = if beside {
            let Some(tracker) = &self.tracker else {
                return Err(
                    "an off point corrects a target, and there is none: click the object first"
                        .to_owned(),
                );
            };
            tracker.prompt().with_off_point(u, v)
        } else {
            Prompt::click(u, v)
        };
        let found = {
            let _run = self.decode.start();
            self.segmenter
                .predict(&prompt)
                .map_err(|error| error.to_string())?
        };
        if !beside && let Some(link) = self.robot_under(&found) {
            return Err(format!("what is at ({u:.0}, {v:.0}) is the robot ({link})"));
        }
        let Settings {
            table_height_m,
            least_score,
            ..
        } = self.settings;
        if !beside
            && let Some(reason) =
                refusal(&found, pixel, point.as_ref(), table_height_m, least_score)
        {
            return Err(reason);
        }
        let tracker = Tracker::start(&self.segmenter, &found, self.settings.gates.clone());
        let tracker = tracker.ok_or_else(|| "the mask is empty".to_owned())?;
        self.tracker = Some(if beside {
            tracker
        } else {
            tracker.with_click(&self.segmenter, pixel)
        });
        Ok(found)
    }

    /// Where camera and hand were when the newest frame was taken.
    fn space(&self) -> Option<Space> {
        let header = &self.last.as_ref()?.colour.header;
        let Settings {
            base_frame,
            hand_frame,
            ..
        } = &self.settings;
        let of_hand = Header {
            frame_id: hand_frame.clone(),
            stamp: header.stamp,
        };
        Some(Space {
            camera: self.camera?,
            base_from_camera: self.transform(base_frame, header)?,
            base_from_hand: self.transform(base_frame, &of_hand),
            table_height_m: self.settings.table_height_m,
        })
    }

    fn ensure_encoded(&mut self) -> Result<(), SegmentationError> {
        let space = self.space();
        let Some(seen) = self.last.as_mut().filter(|seen| !seen.encoded) else {
            return Ok(());
        };
        let _run = self.encode.start();
        let rgb = images::rgb(&seen.colour)?;
        let frame = Frame::new(seen.colour.width, seen.colour.height, &rgb)?.with_space(space);
        let frame = match &seen.depth {
            Some(depth) => frame.with_depth(depth)?,
            None => frame,
        };
        self.segmenter.encode(&frame)?;
        seen.encoded = true;
        Ok(())
    }

    /// The link that most of what a prediction shows lies on: a click beside a link's edge may still mean the robot.
    fn robot_under(&mut self, found: &Prediction) -> Option<String> {
        let mask = found.mask();
        let area = mask.area();
        let width = mask.size().0.max(1) as usize;
        let pixels: Vec<[f64; 2]> = mask
            .data()
            .iter()
            .enumerate()
            .filter(|(_, on)| **on != 0)
            .step_by(area.div_ceil(GUARD_POINTS).max(1))
            .map(|(at, _)| [(at % width) as f64, (at / width) as f64])
            .collect();
        let points: Vec<_> = pixels
            .into_iter()
            .filter_map(|pixel| self.point_under(pixel))
            .collect();
        let stamp = self.last.as_ref()?.colour.header.stamp;
        let robot = self.guard.at(self.node.tf(), stamp)?;
        let links: Vec<&str> = points
            .iter()
            .filter_map(|point| link_at(&robot, point))
            .collect();
        let mostly = links.len() as f64 >= GUARD_SHARE * points.len() as f64;
        links
            .first()
            .filter(|_| mostly)
            .map(|link| (*link).to_owned())
    }

    /// The clicked point in the base frame, where there is depth and the camera's place is known.
    fn point_under(&self, [u, v]: [f64; 2]) -> Option<Point3<f64>> {
        let seen = self.last.as_ref()?;
        let (x, y) = (u.round().max(0.0) as usize, v.round().max(0.0) as usize);
        let z = *seen
            .depth
            .as_ref()?
            .get(y * seen.colour.width as usize + x)?;
        let point = self
            .camera?
            .deproject(&Point2::new(u, v), f64::from(z) * 1e-3)
            .ok()?;
        let base_from_camera = self.transform(&self.settings.base_frame, &seen.colour.header)?;
        Some(base_from_camera * point)
    }

    fn pixel_of(&self, point: &PointStamped) -> Result<[f64; 2], String> {
        let seen = self.last.as_ref().ok_or("there is no camera image yet")?;
        let camera = self
            .camera
            .as_ref()
            .ok_or("the camera's intrinsics are not known (camera_info)")?;
        let header = Header {
            frame_id: point.header.frame_id.clone(),
            stamp: point.header.stamp,
        };
        let camera_frame = &seen.colour.header.frame_id;
        let camera_from_point = self.transform(camera_frame, &header).ok_or_else(|| {
            format!(
                "no transform from {:?} to {camera_frame:?}",
                header.frame_id
            )
        })?;
        let in_camera = camera_from_point * bus::convert::point(&point.point);
        let pixel = camera
            .project(&in_camera)
            .map_err(|error| error.to_string())?;
        Ok([pixel.x, pixel.y])
    }

    fn transform(&self, target: &str, header: &Header) -> Option<Isometry3<f64>> {
        transform(self.node.tf(), target, header)
    }

    fn publish_track(&mut self, track: &Track) {
        let area = self.publish_mask(track.prediction.as_ref());
        let level = if track.status == TrackStatus::Tracking {
            DiagnosticStatus::OK
        } else {
            DiagnosticStatus::WARN
        };
        self.report(
            level,
            track.status.as_str(),
            track.score,
            &track.reason,
            area,
        );
    }

    /// Publishes the mask of the newest frame and returns its area.
    fn publish_mask(&self, found: Option<&Prediction>) -> usize {
        let Some(seen) = &self.last else { return 0 };
        let colour = &seen.colour;
        let mask = found.map_or_else(
            || crate::Mask::empty(colour.width, colour.height),
            Prediction::mask,
        );
        let area = mask.area();
        if self.overlay.subscriber_count() > 0
            && let Ok(rgb) = images::rgb(colour)
        {
            self.overlay.publish(Image {
                header: colour.header.clone(),
                height: colour.height,
                width: colour.width,
                encoding: "rgb8".into(),
                is_bigendian: 0,
                step: colour.width * 3,
                data: overlay::draw(&rgb, &mask, &[]),
            });
        }
        self.mask.publish(Image {
            header: colour.header.clone(),
            height: colour.height,
            width: colour.width,
            encoding: "mono8".into(),
            is_bigendian: 0,
            step: colour.width,
            data: mask.into_data(),
        });
        area
    }

    fn report(
        &mut self,
        level: u8,
        message: &'static str,
        score: f64,
        reason: &str,
        area_px: usize,
    ) {
        self.word = message;
        tracing::debug!("{message}, {area_px} px, score {score:.2}: {reason}");
        self.status
            .publish(self.status(level, message, score, reason, area_px));
    }

    fn status(
        &self,
        level: u8,
        message: &str,
        score: f64,
        reason: &str,
        area_px: usize,
    ) -> DiagnosticStatus {
        let stamp = self
            .last
            .as_ref()
            .map(|seen| seen.colour.header.stamp)
            .unwrap_or_default();
        DiagnosticStatus {
            level,
            name: "segmentation".into(),
            message: message.into(),
            hardware_id: String::new(),
            values: vec![
                KeyValue::new("score", format!("{score:.3}")),
                KeyValue::new("reason", reason),
                KeyValue::new("area_px", area_px),
                KeyValue::new("prompt", &self.prompt),
                KeyValue::new("stamp", format!("{}.{:09}", stamp.sec, stamp.nanosec)),
            ],
        }
    }
}

/// The link that a point lies on.
fn link_at<'a>(robot: &'a PosedShapes<'_>, point: &Point3<f64>) -> Option<&'a str> {
    let (distance_m, link) = robot.nearest(point)?;
    (distance_m < ROBOT_MARGIN_M).then_some(link)
}

fn aligned_depth(depth: &Image, colour: &Image) -> Result<Vec<u16>, SegmentationError> {
    let (depth_size, colour_size) = ((depth.width, depth.height), (colour.width, colour.height));
    if depth_size != colour_size {
        return Err(SegmentationError::Unaligned {
            depth: depth_size,
            colour: colour_size,
        });
    }
    images::depth_mm(depth)
}
