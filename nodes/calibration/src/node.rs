//! The node that tells everybody where the camera is: a calibration's result on `/tf_static`.
//!
//! | parameter | |
//! |---|---|
//! | `result` | the file that `grasp_anything calibrate solve --out` wrote; empty: somebody else says where the camera is |
//! | `allow_poor` | place the camera even where the result is beyond the tolerance that it was made for; false unless set |
//! | `child_frame` | the frame to place instead of the optical one: the root of the camera's own tree, such as `camera_link` |
//!
//! A camera's driver, such as realsense2_camera, publishes the frames within the camera, and a frame has one parent only: with
//! `child_frame` the node waits for those and places the root of them.

use std::time::Duration;

use bus::{BroadcastError, BusError, Node, ParameterSpec, TfError, convert};

use crate::result::{HandEyeFile, ResultError};

/// How often a missing frame of the camera is asked for again, and said so.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the node stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The bus refused something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The transform was refused.
    #[error(transparent)]
    Broadcast(#[from] BroadcastError),
    /// The result is beyond its tolerance.
    #[error(
        "{file}: this calibration is beyond the tolerance of {tolerance_mm:.2} mm and {tolerance_deg:.2} deg that it was made for (twice its deviation is {twice_mm:.2} mm and {twice_deg:.2} deg); calibrate anew, or set the parameter allow_poor to use it nevertheless"
    )]
    Poor {
        /// The result's file.
        file: String,
        /// Tolerated of the position, mm.
        tolerance_mm: f64,
        /// Tolerated of the orientation, degrees.
        tolerance_deg: f64,
        /// Twice the deviation of the position, mm.
        twice_mm: f64,
        /// Twice that of the orientation, degrees.
        twice_deg: f64,
    },
    /// There is no result to tell.
    #[error(transparent)]
    Result(#[from] ResultError),
}

/// Runs the node until shutdown.
///
/// # Errors
/// When the result cannot be read, or is beyond its tolerance and `allow_poor` is not set.
pub async fn run(node: Node) -> Result<(), NodeError> {
    let file = node.parameter(
        ParameterSpec::<String>::new("result", "")
            .describe("the file that `grasp_anything calibrate solve --out` wrote; empty: somebody else says where the camera is"),
    )?;
    let child_frame = node.parameter(ParameterSpec::<String>::new("child_frame", "").describe(
        "root of the camera's own frames, such as camera_link; empty: the optical frame itself",
    ))?;
    let allow_poor = node.parameter(
        ParameterSpec::<bool>::new("allow_poor", false)
            .describe("place the camera even by a result that is beyond its tolerance"),
    )?;
    if file.get().is_empty() {
        tracing::info!("no result is given: somebody else says where the camera is");
        node.shutdown().await;
        return Ok(());
    }
    let result = HandEyeFile::read(file.get())?;
    if !result.within_tolerance {
        let deviation = result.deviation();
        let poor = NodeError::Poor {
            file: file.get(),
            tolerance_mm: result.tolerance_m * 1e3,
            tolerance_deg: result.tolerance_deg,
            twice_mm: 2.0 * deviation.position_m() * 1e3,
            twice_deg: 2.0 * deviation.orientation_rad().to_degrees(),
        };
        if !allow_poor.get() {
            return Err(poor);
        }
        tracing::warn!("used by allow_poor: {poor}");
    }
    let (mut child, mut parent_from_child) =
        (result.child_frame.clone(), result.parent_from_child());
    let root = child_frame.get();
    if !root.is_empty() && root != child {
        let Some(optical_from_root) = within_camera(&node, &child, &root).await else {
            return Ok(());
        };
        parent_from_child *= optical_from_root;
        child = root;
    }
    let transform =
        convert::transform_stamped(node.now(), &result.parent_frame, &child, &parent_from_child);
    node.broadcast_static(transform)?;
    tracing::info!(
        "{} is placed in {} by {}",
        child,
        result.parent_frame,
        file.get()
    );
    node.shutdown().await;
    Ok(())
}

/// The camera's own transform between two of its frames; `None` when the launch ends before it comes.
async fn within_camera(node: &Node, optical: &str, root: &str) -> Option<nalgebra::Isometry3<f64>> {
    loop {
        let found: Result<_, TfError> = tokio::select! {
            biased;
            () = node.shutdown() => return None,
            found = node.tf().wait(optical, root, node.now(), node.clock(), PATIENCE) => found,
        };
        match found {
            Ok(optical_from_root) => return Some(optical_from_root),
            Err(error) => {
                tracing::warn!(
                    "waiting for the camera to tell where {optical} is in {root}: {error}"
                );
            }
        }
    }
}
