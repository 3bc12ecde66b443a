//! From a mask and a depth image to 512 points.

use anyhow::Result;
use camera::Intrinsics;
use nalgebra::{Isometry3, Point2, Point3};
use pointcloud::{Config, DepthImage, Extractor, MaskImage, Workspace, sample::farthest_points};

use super::{Budget, Measurement, cell};

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;

pub(super) fn run(budget: &Budget) -> Result<Vec<Measurement>> {
    let picture = cell::picture(WIDTH, HEIGHT)?;
    let (intrinsics, base_from_camera) =
        (picture.camera.intrinsics, picture.camera.world_from_optical);
    let config = Config::default();
    let points = config.points;
    let mask = MaskImage::new(WIDTH, HEIGHT, WIDTH as usize, &picture.mask)?;
    let depth = DepthImage::new(WIDTH, HEIGHT, WIDTH as usize * 2, false, &picture.depth_mm)?;
    let mut extractor = Extractor::new(config, &intrinsics)?;
    let ours = budget.time(|| Ok(extractor.extract(&mask, &depth, &base_from_camera)?))?;
    let naive = budget.time(|| Ok(naive(&mask, &depth, &intrinsics, &base_from_camera, points)))?;
    Ok(vec![
        Measurement::new("masked 1280x720 depth to 512 points", ours)?
            .aim_p50(2.0)
            .beside(
                "deproject every pixel, then mask and crop, no outlier removal",
                naive,
            )?,
    ])
}

/// The textbook way: all pixels first.
fn naive(
    mask: &MaskImage<'_>,
    depth: &DepthImage<'_>,
    intrinsics: &Intrinsics,
    base_from_camera: &Isometry3<f64>,
    count: usize,
) -> Vec<Point3<f32>> {
    let Workspace { min, max } = Workspace::default();
    let mut points = Vec::new();
    for v in 0..HEIGHT {
        let (mask, depth) = (mask.row(v), depth.row(v));
        for u in 0..WIDTH {
            let z = f64::from(depth.millimetres(u as usize)) * 1e-3;
            let Ok(in_camera) = intrinsics.deproject(&Point2::new(f64::from(u), f64::from(v)), z)
            else {
                continue;
            };
            let in_base = base_from_camera * in_camera;
            let inside = (0..3).all(|axis| (min[axis]..=max[axis]).contains(&in_base[axis]));
            if inside && mask.get(u as usize).is_some_and(|&value| value != 0) {
                points.push(in_base.cast());
            }
        }
    }
    farthest_points(&points, count)
}
