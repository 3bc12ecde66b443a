//! The node: clicks and images in, masks and status out.
//!
//! | topic or service | type | |
//! |---|---|---|
//! | `camera/color/image_raw`, `camera/color/camera_info`, `camera/aligned_depth_to_color/image_raw` | Image, CameraInfo | in; depth may be missing |
//! | `clicked_point` | PointStamped, m | in: a 3-D point on the object, in any frame |
//! | `camera/color/image_raw/mouse_click` | PointStamped, px | in: z = 0 on the object, 1 beside it |
//! | `camera/color/image_raw_mouse_left` | Point, px | in: on the object |
//! | `segmentation/mask` | Image mono8 | out, with each frame; empty while there is no target |
//! | `segmentation/overlay` | Image rgb8 | out, when somebody listens |
//! | `segmentation/status` | DiagnosticStatus | out, with each frame, and with each refused click (which has a value `refused`) |
//! | `segmentation/reset` | Trigger | forgets the target |
//!
//! The status says `idle`, `tracking`, `occluded` or `lost`; its values are `score`, `reason`, `area_px`,
//! `prompt` and `stamp`. A click that is refused leaves the target as it was; the reason begins with
//! `refused:`.

mod images;
mod pick;
mod robot_guard;
mod state;
mod transform;

use std::time::Duration;

use bus::{Node, ParameterSpec, Qos};
use inference::{BackendChoice, ModelOptions};
use msgs::geometry_msgs::{Point, PointStamped};
use msgs::sensor_msgs::{CameraInfo, Image};
use msgs::std_srvs::{Trigger, TriggerResponse};

use crate::node::state::State;
use crate::{Gates, SegmentationError, Segmenter};

/// Why the node ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// A topic, service or parameter.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// A parameter's value or name.
    #[error(transparent)]
    Parameter(#[from] bus::ParameterError),
    /// The model.
    #[error(transparent)]
    Segmentation(#[from] SegmentationError),
}

/// How far depth may come after its colour image.
const DEPTH_PATIENCE: Duration = Duration::from_millis(40);

/// Figures that the parameters set.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) base_frame: String,
    pub(crate) hand_frame: String,
    pub(crate) table_height_m: f64,
    pub(crate) least_score: f64,
    pub(crate) camera_timeout: Duration,
    pub(crate) gates: Gates,
}

/// Runs the node until the graph shuts down.
///
/// # Errors
/// [`NodeError`] when the model does not load or a name or parameter is wrong. What goes wrong with single
/// frames and clicks is reported on `segmentation/status` and does not end the node.
pub async fn run(node: Node) -> Result<(), NodeError> {
    let manifest = node.parameter(
        ParameterSpec::<String>::new("model", "models/segmenter/manifest.yaml")
            .describe("the segmenter's manifest"),
    )?;
    let backend = node.parameter(
        ParameterSpec::<String>::new("backend", "auto")
            .describe("auto, onnxruntime, tract, or the path of a libonnxruntime"),
    )?;
    let threads = node.parameter(
        ParameterSpec::<i64>::new("threads", 2)
            .describe("threads of the model")
            .range(1..=64),
    )?;
    let base_frame = node.parameter(
        ParameterSpec::<String>::new("base_frame", "base_link")
            .describe("frame in which the table is level"),
    )?;
    let hand_frame = node.parameter(
        ParameterSpec::<String>::new("hand_frame", "palm")
            .describe("frame of the hand that may carry the target"),
    )?;
    let table = node.parameter(
        ParameterSpec::<f64>::new("table_height", 0.0)
            .describe("z of the table's surface in the base frame, m")
            .range(-2.0..=2.0),
    )?;
    let least_score = node.parameter(
        ParameterSpec::<f64>::new("least_score", 0.4)
            .describe("score from which a click is taken")
            .range(0.0..=1.0),
    )?;
    let lost_after = node.parameter(
        ParameterSpec::<f64>::new("lost_after", 3.0)
            .describe("time unseen after which the target is lost, s")
            .range(0.0..=600.0),
    )?;
    let camera_timeout = node.parameter(
        ParameterSpec::<f64>::new("camera_timeout", 1.0)
            .describe("time without an image that is reported, s")
            .range(0.05..=60.0),
    )?;
    let settings = Settings {
        base_frame: base_frame.get(),
        hand_frame: hand_frame.get(),
        table_height_m: table.get(),
        least_score: least_score.get(),
        camera_timeout: Duration::from_secs_f64(camera_timeout.get()),
        gates: Gates {
            lost_after: Duration::from_secs_f64(lost_after.get()),
            ..Gates::default()
        },
    };

    let colour = node.subscribe::<Image>("camera/color/image_raw", Qos::sensor_data())?;
    let info = node.subscribe::<CameraInfo>("camera/color/camera_info", Qos::sensor_data())?;
    let depth = node.subscribe::<Image>(
        "camera/aligned_depth_to_color/image_raw",
        Qos::sensor_data(),
    )?;
    let points = node.subscribe::<PointStamped>("clicked_point", Qos::reliable(10))?;
    let clicks =
        node.subscribe::<PointStamped>("camera/color/image_raw/mouse_click", Qos::reliable(10))?;
    let left_clicks =
        node.subscribe::<Point>("camera/color/image_raw_mouse_left", Qos::reliable(10))?;
    let mut resets = node.serve::<Trigger>("segmentation/reset")?;

    let options = ModelOptions {
        backend: backend.get().parse().unwrap_or(BackendChoice::Auto),
        threads: usize::try_from(threads.get()).ok(),
    };
    let segmenter = Segmenter::load(manifest.get().as_ref(), &options)?;
    tracing::info!(backend = %segmenter.backend(), "segmenter ready");
    let mut state = State::new(&node, segmenter, settings)?;

    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            Some(call) = resets.next() => {
                state.reset();
                call.respond(TriggerResponse::done("the target is forgotten"));
            }
            Some(message) = info.next() => state.set_camera(&message),
            Some(message) = depth.next() => state.set_depth(message),
            Some(point) = points.next() => state.click_in_space(&point),
            Some(click) = clicks.next() => state.click([click.point.x, click.point.y], click.point.z > 0.5),
            Some(click) = left_clicks.next() => state.click([click.x, click.y], false),
            Some(image) = colour.next() => {
                // Depth of the same instant may still be on its way from another thread.
                let deadline = node.now() + DEPTH_PATIENCE;
                while state.expects_depth_of(&image) {
                    tokio::select! {
                        biased;
                        Some(message) = depth.next() => state.set_depth(message),
                        () = node.clock().sleep_until(deadline) => break,
                    }
                }
                state.frame(image);
            }
            () = node.clock().sleep_until(state.camera_deadline()) => state.camera_stopped(),
        }
    }
}
