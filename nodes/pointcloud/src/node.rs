//! The node: masks and aligned depth in, the target's cloud and box out.
//!
//! Every depth frame is answered by exactly one `target/points`: the target's points, or an empty cloud when there is
//! no target in that frame. Policies count on that: it is their clock.

use std::collections::VecDeque;
use std::sync::Arc;

use bus::{BusError, Node, ParameterSpec, Publisher, Qos, Time};
use camera::Intrinsics;
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};
use msgs::sensor_msgs::{CameraInfo, Image, PointCloud2};
use msgs::std_msgs::Header;
use msgs::visualization_msgs::Marker;

use crate::{
    Config, ConfigError, DepthImage, Extractor, MaskImage, Refusal, Target, Workspace, message,
};

/// Depth frames that may wait for their mask: segmentation can be that many frames behind.
const WAITING_FRAMES: usize = 4;

/// Why the node stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The bus refused something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// A parameter makes no sense.
    #[error("pointcloud: {0}; change the parameter")]
    Config(#[from] ConfigError),
    /// A list parameter has the wrong length.
    #[error("pointcloud: the parameter {name} needs {expected} numbers and has {actual}")]
    Length {
        /// Name of the parameter.
        name: &'static str,
        /// Numbers it needs.
        expected: usize,
        /// Numbers it has.
        actual: usize,
    },
}

/// Runs the node until shutdown.
///
/// Subscribes `segmentation/mask`, `segmentation/status`, `camera/aligned_depth_to_color/image_raw` and
/// `camera/color/camera_info`; publishes `target/points`, `target/box`, `target/surroundings` (what else
/// rises from the table, the robot included) and `target/status`.
pub async fn run(node: Node) -> Result<(), NodeError> {
    let (config, base_frame) = parameters(&node)?;
    // A mistake in the parameters should show at once and not with the first image.
    config.check()?;
    let masks = node.subscribe::<Image>("segmentation/mask", Qos::sensor_data())?;
    let states =
        node.subscribe::<DiagnosticStatus>("segmentation/status", Qos::reliable(WAITING_FRAMES))?;
    let depths = node.subscribe::<Image>(
        "camera/aligned_depth_to_color/image_raw",
        Qos::sensor_data(),
    )?;
    let infos = node.subscribe::<CameraInfo>("camera/color/camera_info", Qos::sensor_data())?;
    let mut out = Output {
        points: node.publisher("target/points", Qos::reliable(2))?,
        bounds: node.publisher("target/box", Qos::reliable(2))?,
        surroundings: node.publisher("target/surroundings", Qos::reliable(2))?,
        status: node.publisher("target/status", Qos::reliable(2))?,
        base_frame,
    };
    let stage = node.stage("cloud");
    let mut state = State {
        config,
        extractor: None,
        frames: VecDeque::new(),
        segmentation: None,
    };

    loop {
        tokio::select! {
            biased;
            info = infos.next() => {
                let Some(info) = info else { return Ok(()) };
                state.learn_camera(&info)?;
            }
            status = states.next() => {
                let Some(status) = status else { return Ok(()) };
                state.segmentation = Some(status);
            }
            depth = depths.next() => {
                let Some(depth) = depth else { return Ok(()) };
                state.frames.push_back(Frame { depth, answered: false });
                while state.frames.len() > WAITING_FRAMES {
                    if let Some(Frame { depth, answered: false }) = state.frames.pop_front() {
                        out.nothing(&depth.header, "segmentation gave no mask for this frame; is it running, and fast enough?");
                    }
                }
            }
            mask = masks.next() => {
                let Some(mask) = mask else { return Ok(()) };
                let _run = stage.start();
                match state.extract(&node, &mask, &out.base_frame) {
                    Ok(None) => {}
                    Ok(Some(target)) => out.target(&mask.header, &target),
                    Err(reason) => out.nothing(&mask.header, &reason),
                }
            }
        }
    }
}

/// A depth image, and whether its cloud has been published.
struct Frame {
    depth: Arc<Image>,
    answered: bool,
}

struct State {
    config: Config,
    extractor: Option<Extractor>,
    frames: VecDeque<Frame>,
    segmentation: Option<Arc<DiagnosticStatus>>,
}

impl State {
    /// Takes the camera's geometry from its first message, and again when it changes.
    fn learn_camera(&mut self, info: &CameraInfo) -> Result<(), ConfigError> {
        match Intrinsics::try_from(info) {
            Ok(intrinsics)
                if self
                    .extractor
                    .as_ref()
                    .is_some_and(|known| *known.intrinsics() == intrinsics) => {}
            Ok(intrinsics) => {
                self.extractor = Some(Extractor::new(self.config.clone(), &intrinsics)?);
            }
            Err(error) => tracing::warn!("camera_info is not usable: {error}"),
        }
        Ok(())
    }

    /// The target in the frame of this mask; `None` when that frame was answered before, else why there is none.
    fn extract(
        &mut self,
        node: &Node,
        mask: &Image,
        base_frame: &str,
    ) -> Result<Option<Target>, String> {
        let stamp = mask.header.stamp;
        let waiting = |frame: &Frame| frame.depth.header.stamp == stamp;
        let Some(index) = self.frames.iter().position(waiting) else {
            return Err("there is no depth image of the mask's time; does the camera publish aligned depth?".to_owned());
        };
        // Frames come in order: older ones without a mask will get none.
        self.frames.drain(..index);
        let Some(frame) = self.frames.front_mut() else {
            return Ok(None);
        };
        if std::mem::replace(&mut frame.answered, true) {
            return Ok(None);
        }
        let depth = Arc::clone(&frame.depth);
        if let Some(status) = &self.segmentation
            && status.message != "tracking"
            && status
                .value("stamp")
                .is_none_or(|text| same_time(text, Time::from(stamp)))
        {
            return Err(describe(status));
        }
        let extractor = self
            .extractor
            .as_mut()
            .ok_or("no camera_info has been received yet")?;
        let base_from_camera = node
            .tf()
            .lookup(base_frame, &mask.header.frame_id, Time::from(stamp))
            .map_err(|error| error.to_string())?;
        if depth.encoding != "16UC1" {
            return Err(format!(
                "the depth image is {:?}; 16UC1 in millimetres is needed",
                depth.encoding
            ));
        }
        let target = MaskImage::new(mask.width, mask.height, mask.step as usize, &mask.data)
            .and_then(|mask| Ok((mask, DepthImage::try_from(&*depth)?)))
            .map_err(|error| error.to_string())
            .and_then(|(mask, depth)| {
                extractor
                    .extract(&mask, &depth, &base_from_camera)
                    .map_err(|refusal| match &self.segmentation {
                        Some(status) if refusal == Refusal::EmptyMask => describe(status),
                        _ => refusal.to_string(),
                    })
            })?;
        tracing::debug!(
            "box {:.3} x {:.3} x {:.3} m about ({:.3}, {:.3}, {:.3}): {:?}",
            target.table_box.size.x,
            target.table_box.size.y,
            target.table_box.size.z,
            target.table_box.centre().x,
            target.table_box.centre().y,
            target.table_box.centre().z,
            target.counts
        );
        Ok(Some(target))
    }
}

/// Whether a time as segmentation reports it (seconds with decimals) is this one, to the microsecond.
fn same_time(text: &str, time: Time) -> bool {
    text.trim_end_matches([' ', 's'])
        .parse::<f64>()
        .is_ok_and(|seconds| (seconds - time.as_secs_f64()).abs() < 1e-6)
}

fn describe(status: &DiagnosticStatus) -> String {
    match status.value("reason") {
        Some(reason) if !reason.is_empty() => {
            format!("segmentation is {}: {reason}", status.message)
        }
        _ => format!("segmentation is {}", status.message),
    }
}

struct Output {
    points: Publisher<PointCloud2>,
    bounds: Publisher<Marker>,
    surroundings: Publisher<PointCloud2>,
    status: Publisher<DiagnosticStatus>,
    base_frame: String,
}

impl Output {
    fn header(&self, image: &Header) -> Header {
        Header::new(image.stamp, self.base_frame.clone())
    }

    fn target(&mut self, image: &Header, target: &Target) {
        // The points go last, so that the rest is there when they set the policy going.
        self.surroundings.publish(message::encode_points(
            self.header(image),
            &target.surroundings,
        ));
        self.bounds.publish(message::encode_box(
            self.header(image),
            Some(&target.table_box),
        ));
        self.points
            .publish(message::encode_points(self.header(image), &target.points));
        let counts = [
            ("mask_px", target.counts.mask_px),
            ("valid_depth", target.counts.valid_depth),
            ("in_workspace", target.counts.in_workspace),
            ("kept", target.counts.kept),
        ];
        self.status.publish(DiagnosticStatus {
            level: DiagnosticStatus::OK,
            name: "target".to_owned(),
            message: "seen".to_owned(),
            values: counts
                .into_iter()
                .map(|(key, count)| KeyValue::new(key, count))
                .collect(),
            ..DiagnosticStatus::default()
        });
    }

    fn nothing(&mut self, image: &Header, reason: &str) {
        self.bounds
            .publish(message::encode_box(self.header(image), None));
        self.points
            .publish(message::encode_points(self.header(image), &[]));
        self.status.publish(DiagnosticStatus {
            level: DiagnosticStatus::WARN,
            name: "target".to_owned(),
            message: "not seen".to_owned(),
            values: vec![KeyValue::new("reason", reason)],
            ..DiagnosticStatus::default()
        });
    }
}

fn parameters(node: &Node) -> Result<(Config, String), NodeError> {
    let defaults = Config::default();
    let count = |value: i64| usize::try_from(value).unwrap_or(0);
    let points = node.parameter(
        ParameterSpec::<i64>::new("points", defaults.points as i64)
            .describe("points in every cloud")
            .range(1..=65_536),
    )?;
    let minimum = node.parameter(
        ParameterSpec::<i64>::new("minimum_points", defaults.minimum_points as i64)
            .describe("measured points below which the target counts as not seen")
            .range(3..=65_536),
    )?;
    let depth_range = node.parameter(
        ParameterSpec::new("depth_range", defaults.depth_range_m.to_vec())
            .describe("nearest and farthest depth that is believed, m"),
    )?;
    let workspace_min = node.parameter(
        ParameterSpec::new("workspace_min", defaults.workspace.min.to_vec())
            .describe("lowest corner of the workspace in the base frame, m"),
    )?;
    let workspace_max = node.parameter(
        ParameterSpec::new("workspace_max", defaults.workspace.max.to_vec())
            .describe("highest corner of the workspace in the base frame, m"),
    )?;
    let erosion = node.parameter(
        ParameterSpec::<i64>::new("erosion", i64::from(defaults.erosion_px))
            .describe("rim of the mask that is left out, px")
            .range(0..=20),
    )?;
    let fill = node.parameter(
        ParameterSpec::<i64>::new("fill", i64::from(defaults.fill_px))
            .describe(
                "distance from a measured pixel up to which unmeasured ones are filled in, px",
            )
            .range(0..=20),
    )?;
    let rest_gap = node.parameter(
        ParameterSpec::<f64>::new("rest_gap", defaults.rest_gap_m)
            .describe("height of the lowest point above the table up to which the box is completed to the table, m")
            .range(0.0..=0.5),
    )?;
    let base_frame = node.parameter(
        ParameterSpec::new("base_frame", "base_link")
            .describe("frame of the cloud; its z = 0 is the table"),
    )?;
    let config = Config {
        points: count(points.get()),
        minimum_points: count(minimum.get()),
        depth_range_m: numbers("depth_range", depth_range.get())?,
        workspace: Workspace {
            min: numbers("workspace_min", workspace_min.get())?,
            max: numbers("workspace_max", workspace_max.get())?,
        },
        erosion_px: u32::try_from(erosion.get()).unwrap_or(0),
        fill_px: u32::try_from(fill.get()).unwrap_or(0),
        rest_gap_m: rest_gap.get(),
        ..defaults
    };
    Ok((config, base_frame.get()))
}

fn numbers<const N: usize>(name: &'static str, values: Vec<f64>) -> Result<[f64; N], NodeError> {
    <[f64; N]>::try_from(values).map_err(|values| NodeError::Length {
        name,
        expected: N,
        actual: values.len(),
    })
}
