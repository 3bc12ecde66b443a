//! What the camera measures, in space: the coloured surface of the cell, the target's cloud and its box.

use std::time::Duration;

use bus::{Node, Qos, Subscription, Time};
use camera::{Intrinsics, RayTable};
use msgs::sensor_msgs::{Image, PointCloud2};
use msgs::visualization_msgs::Marker;
use nalgebra::{Isometry3, Point3};
use pointcloud::{DepthImage, message};
use re_sdk_types::archetypes::{Boxes3D, Points3D};
use re_sdk_types::components::{Color, FillMode, Radius};

use super::{Log, TARGET, shapes};

/// Every so-manieth pixel becomes a point: enough to recognise and to hit, few enough for a browser without a GPU.
const STEP: usize = 3;
/// Depths that are believed, m.
const DEPTH_M: [f32; 2] = [0.2, 2.0];
/// How far above the table points are shown, m. The table itself is drawn as what it is.
const HEIGHT_M: [f32; 2] = [0.006, 0.8];
/// Half the size of a point, m.
const POINT_M: f32 = 0.0022;
const TARGET_POINT_M: f32 = 0.0026;
/// Between two clouds of the whole cell.
const PERIOD: Duration = Duration::from_millis(700);

/// Draws the scene.
pub(crate) struct Scene {
    clouds: Subscription<PointCloud2>,
    boxes: Subscription<Marker>,
    rays: Option<RayTable>,
    /// x from, x to, y from, y to of the table in the base frame, m.
    table: [f32; 4],
    next: Time,
}

impl Scene {
    /// `table` is x from, x to, y from, y to in the base frame, m: points beside it are left out.
    pub(crate) fn new(node: &Node, table: [f64; 4]) -> bus::Result<Self> {
        Ok(Self {
            clouds: node.subscribe("target/points", Qos::reliable(2))?,
            boxes: node.subscribe("target/box", Qos::reliable(2))?,
            rays: None,
            table: table.map(|side| side as f32),
            next: Time::ZERO,
        })
    }

    /// Draws the target.
    pub(crate) fn draw_target(&mut self, log: &Log) {
        let [red, green, blue] = TARGET;
        if let Some(cloud) = self.clouds.latest() {
            match message::decode_points(&cloud) {
                Ok(points) => {
                    let points = points.iter().map(|point| [point.x, point.y, point.z]);
                    let cloud = Points3D::new(points)
                        .with_radii([Radius::new_scene_units(TARGET_POINT_M)])
                        .with_colors([Color::from_rgb(red, green, blue)]);
                    log.put("scene/target/points", &cloud);
                }
                Err(error) => tracing::debug!("the target's points are not shown: {error}"),
            }
        }
        let Some(marker) = self.boxes.latest() else {
            return;
        };
        let bounds = message::decode_box(&marker).ok().flatten();
        let (centres, sizes, turns): (Vec<_>, Vec<_>, Vec<_>) = bounds
            .iter()
            .map(|bounds| {
                let centre: [f32; 3] = bounds.centre().coords.cast::<f32>().into();
                let half: [f32; 3] = (bounds.size / 2.0).cast::<f32>().into();
                let turn = shapes::quaternion(&bounds.base_from_box.rotation);
                (centre, half, turn)
            })
            .collect();
        let bounds = Boxes3D::from_centers_and_half_sizes(centres, sizes)
            .with_quaternions(turns)
            .with_fill_mode(FillMode::MajorWireframe)
            .with_radii([0.0015])
            .with_colors([Color::from_rgb(red, green, blue)]);
        log.put("scene/target/box", &bounds);
    }

    /// Draws the surface that the camera sees, when it is time.
    pub(crate) fn draw_surface(
        &mut self,
        now: Time,
        (colour, depth): (&Image, &Image),
        (intrinsics, base_from_camera): &(Intrinsics, Isometry3<f64>),
        log: &Log,
    ) {
        if now < self.next || depth.encoding != "16UC1" || colour.encoding != "rgb8" {
            return;
        }
        self.next = now + PERIOD;
        let is_other = |rays: &RayTable| rays.intrinsics() != intrinsics;
        if self.rays.as_ref().is_none_or(is_other) {
            self.rays = Some(RayTable::new(intrinsics));
        }
        let Some(rays) = &self.rays else {
            return;
        };
        let (points, colours) = surface(rays, colour, depth, &base_from_camera.cast(), self.table);
        let surface = Points3D::new(points)
            .with_radii([Radius::new_scene_units(POINT_M)])
            .with_colors(colours);
        log.put("scene/surface", &surface);
    }
}

/// Points above the table with the colours of their pixels.
fn surface(
    rays: &RayTable,
    colour: &Image,
    depth: &Image,
    base_from_camera: &Isometry3<f32>,
    [x0, x1, y0, y1]: [f32; 4],
) -> (Vec<[f32; 3]>, Vec<Color>) {
    let image = DepthImage::try_from(depth);
    let (mut points, mut colours) = (Vec::new(), Vec::new());
    let Ok(image) = image else {
        return (points, colours);
    };
    for v in (0..depth.height).step_by(STEP) {
        let row = image.row(v);
        let start = v as usize * colour.step as usize;
        let pixels = colour.data.get(start..).unwrap_or_default();
        for (u, [x, y]) in rays.row(v).iter().enumerate().step_by(STEP) {
            let z = f32::from(row.millimetres(u)) * 1e-3;
            let pixel = pixels.get(u * 3..).and_then(|rest| rest.first_chunk::<3>());
            let (true, Some([red, green, blue])) = ((DEPTH_M[0]..DEPTH_M[1]).contains(&z), pixel)
            else {
                continue;
            };
            let point = base_from_camera * Point3::new(x * z, y * z, z);
            let is_on_table = (x0..x1).contains(&point.x)
                && (y0..y1).contains(&point.y)
                && (HEIGHT_M[0]..HEIGHT_M[1]).contains(&point.z);
            if is_on_table {
                points.push(point.coords.into());
                colours.push(Color::from_rgb(*red, *green, *blue));
            }
        }
    }
    (points, colours)
}

#[cfg(test)]
mod tests {
    use nalgebra::Vector3;

    use super::*;

    const TABLE: [f32; 4] = [-0.5, 0.5, -0.5, 0.5];

    fn image(encoding: &str, bytes: usize, data: Vec<u8>) -> Image {
        Image {
            width: 8,
            height: 8,
            step: 8 * bytes as u32,
            encoding: encoding.to_owned(),
            data,
            ..Image::default()
        }
    }

    #[test]
    fn a_level_surface_seen_from_above_is_flat() {
        let intrinsics = Intrinsics::from_hfov(8, 8, 1.0).unwrap();
        // One metre above the table, looking down on a level surface 10 cm above it.
        let base_from_camera = Isometry3::new(
            Vector3::new(0.0, 0.0, 1.0),
            Vector3::x() * std::f32::consts::PI,
        );
        let depth = image("16UC1", 2, [900_u16.to_le_bytes(); 64].concat());
        let colour = image("rgb8", 3, (0..192).collect());
        let (points, colours) = surface(
            &intrinsics.ray_table(),
            &colour,
            &depth,
            &base_from_camera,
            TABLE,
        );
        assert_eq!(points.len(), 9);
        assert!(
            points.iter().all(|[_, _, z]| (z - 0.1).abs() < 1e-6),
            "{points:?}"
        );
        assert_eq!(colours[1], Color::from_rgb(9, 10, 11));
    }

    #[test]
    fn what_is_truncated_gives_fewer_points() {
        let intrinsics = Intrinsics::from_hfov(8, 8, 1.0).unwrap();
        let pose = Isometry3::identity();
        let depth = image("16UC1", 2, vec![1; 128]);
        let colour = image("rgb8", 3, vec![0; 10]);
        assert!(
            surface(&intrinsics.ray_table(), &colour, &depth, &pose, TABLE)
                .0
                .len()
                <= 1
        );
        let depth = image("16UC1", 2, vec![1; 100]);
        assert!(
            surface(&intrinsics.ray_table(), &colour, &depth, &pose, TABLE)
                .0
                .is_empty()
        );
    }
}
