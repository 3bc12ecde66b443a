//! What stands still: table, workspace and camera.

use bus::{Node, Qos, Subscription};
use camera::Intrinsics;
use msgs::sensor_msgs::CameraInfo;
use nalgebra::Isometry3;
use pointcloud::Workspace;
use re_sdk_types::archetypes::{Boxes3D, Pinhole, ViewCoordinates};
use re_sdk_types::components::{Color, FillMode};

use super::{Log, MEASURED, shapes};

/// Where the camera is in the recording; its pictures are below.
pub(super) const CAMERA: &str = "scene/camera";
/// Thickness of the table as drawn, m.
const TABLE_M: f32 = 0.02;
/// Distance of the picture from the camera in the scene, m.
const PICTURE_AT_M: f32 = 0.12;

/// Draws the cell around the robot.
pub(crate) struct Cell {
    node: Node,
    base_frame: String,
    infos: Subscription<CameraInfo>,
    camera: Option<(Intrinsics, Isometry3<f64>)>,
}

impl Cell {
    /// `table` is x from, x to, y from, y to in the base frame, m.
    pub(crate) fn new(
        node: &Node,
        base_frame: &str,
        table: [f64; 4],
        log: &Log,
    ) -> bus::Result<Self> {
        draw_table(log, table);
        Ok(Self {
            infos: node.subscribe("camera/color/camera_info", Qos::sensor_data())?,
            base_frame: base_frame.to_owned(),
            camera: None,
            node: node.clone(),
        })
    }

    /// The camera's geometry and its pose in the base frame, when both are known.
    pub(crate) fn camera(&self) -> Option<&(Intrinsics, Isometry3<f64>)> {
        self.camera.as_ref()
    }

    /// Draws the camera where it is now.
    pub(crate) fn draw(&mut self, log: &Log) {
        let Some(info) = self.infos.latest() else {
            return;
        };
        let Ok(intrinsics) = Intrinsics::try_from(&*info) else {
            return;
        };
        let found = self
            .node
            .tf()
            .lookup_latest(&self.base_frame, &info.header.frame_id);
        let Ok((base_from_camera, _)) = found else {
            return;
        };
        let camera = (intrinsics, base_from_camera);
        if self.camera == Some(camera) {
            return;
        }
        self.camera = Some(camera);
        log.put_static(CAMERA, &shapes::transform(&base_from_camera));
        let Intrinsics { fx, fy, cx, cy, .. } = intrinsics;
        let [red, green, blue] = MEASURED;
        let pinhole = Pinhole::from_focal_length_and_resolution(
            [fx as f32, fy as f32],
            [intrinsics.width as f32, intrinsics.height as f32],
        )
        .with_principal_point([cx as f32, cy as f32])
        .with_image_plane_distance(PICTURE_AT_M)
        .with_color(Color::from_rgb(red, green, blue));
        log.put_static(CAMERA, &pinhole);
    }
}

fn draw_table(log: &Log, table: [f64; 4]) {
    log.put_static("scene", &ViewCoordinates::RIGHT_HAND_Z_UP());
    let [x0, x1, y0, y1] = table.map(|side| side as f32);
    let top = Boxes3D::from_centers_and_half_sizes(
        [[(x0 + x1) / 2.0, (y0 + y1) / 2.0, -TABLE_M / 2.0]],
        [[(x1 - x0) / 2.0, (y1 - y0) / 2.0, TABLE_M / 2.0]],
    )
    .with_colors([Color::from_rgb(124, 121, 116)])
    .with_fill_mode(FillMode::Solid);
    log.put_static("scene/table", &top);
    let Workspace { min, max } = Workspace::default();
    let [min, max] = [min, max].map(|corner| corner.map(|side| side as f32));
    let size = [max[0] - min[0], max[1] - min[1], max[2].max(0.0)];
    let workspace = Boxes3D::from_mins_and_sizes([[min[0], min[1], 0.0]], [size])
        .with_colors([Color::from_unmultiplied_rgba(255, 255, 255, 40)])
        // Faces, be they as transparent as they may, would catch the clicks on what is behind them.
        .with_fill_mode(FillMode::MajorWireframe)
        .with_radii([0.001]);
    log.put_static("scene/workspace", &workspace);
}
