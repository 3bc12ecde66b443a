//! What else stands on the table: whatever a hand on its way to the target could hit.

use std::collections::HashMap;

use camera::RayTable;
use nalgebra::{Isometry3, Matrix3, Point3, Vector3};

use crate::extract::Workspace;
use crate::image::{DepthImage, MaskImage};

/// Pixels between those that are looked at.
const STRIDE: usize = 3;
/// Pixels around the mask that may still show the target.
const RIM: usize = 6;
/// Lowest height above the table that counts, metres.
const LEAST_HEIGHT_M: f32 = 0.012;
/// One point is kept in each cube of this edge (metres) that holds at least so many.
const CUBE_M: f32 = 0.015;
const LEAST_IN_CUBE: usize = 2;

/// Points in the base frame of all that rises from the table within the workspace, except the target; the robot is part
/// of it.
pub(crate) fn surroundings(
    mask: &MaskImage<'_>,
    depth: &DepthImage<'_>,
    rays: &RayTable,
    base_from_camera: &Isometry3<f64>,
    workspace: &Workspace,
    range_mm: &std::ops::RangeInclusive<u16>,
) -> Vec<Point3<f32>> {
    let rotation: Matrix3<f32> = base_from_camera
        .rotation
        .to_rotation_matrix()
        .matrix()
        .cast();
    let translation: Vector3<f32> = base_from_camera.translation.vector.cast();
    let [low, high] =
        [workspace.min, workspace.max].map(|corner| Vector3::from(corner).cast::<f32>());
    let (width, height) = mask.size();
    let on_mask = |u: usize, v: u32| mask.row(v).get(u).is_some_and(|&value| value != 0);

    let mut cubes: HashMap<[i32; 3], (usize, Point3<f32>)> = HashMap::new();
    for v in (0..height).step_by(STRIDE) {
        let (depth_row, ray_row) = (depth.row(v), rays.row(v));
        for (u, &[x, y]) in ray_row
            .iter()
            .enumerate()
            .take(width as usize)
            .step_by(STRIDE)
        {
            let millimetres = depth_row.millimetres(u);
            if !range_mm.contains(&millimetres) {
                continue;
            }
            let z = f32::from(millimetres) * 1e-3;
            let point = rotation * Vector3::new(x * z, y * z, z) + translation;
            let inside = point.sup(&low) == point && point.inf(&high) == point;
            if !inside || point.z < LEAST_HEIGHT_M {
                continue;
            }
            let rows = [
                v.saturating_sub(RIM as u32),
                v,
                (v + RIM as u32).min(height - 1),
            ];
            let columns = [u.saturating_sub(RIM), u, u + RIM];
            if rows.iter().any(|&v| columns.iter().any(|&u| on_mask(u, v))) {
                continue;
            }
            let cube = [point.x, point.y, point.z].map(|value| (value / CUBE_M).floor() as i32);
            cubes.entry(cube).or_insert((0, point.into())).0 += 1;
        }
    }
    let mut kept: Vec<([i32; 3], Point3<f32>)> = cubes
        .into_iter()
        .filter(|(_, (count, _))| *count >= LEAST_IN_CUBE)
        .map(|(cube, (_, point))| (cube, point))
        .collect();
    // The same frame gives the same list, whatever the order of the map.
    kept.sort_by_key(|(cube, _)| *cube);
    kept.into_iter().map(|(_, point)| point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use camera::Intrinsics;

    /// A camera that looks straight down from a metre, at a table with a 6 cm high box on the left and one on the right.
    #[test]
    fn the_other_box_is_there_and_target_and_table_are_not() {
        let (width, height) = (320_u32, 240_u32);
        let intrinsics = Intrinsics::from_hfov(width, height, 1.0).unwrap();
        let depth: Vec<u8> = (0..width * height)
            .flat_map(|i| {
                let (u, v) = (i % width, i / width);
                let on_box =
                    (80..160).contains(&v) && ((60..110).contains(&u) || (200..250).contains(&u));
                (if on_box { 940_u16 } else { 1000 }).to_le_bytes()
            })
            .collect();
        let mask: Vec<u8> = (0..width * height)
            .map(|i| u8::from((80..160).contains(&(i / width)) && (60..110).contains(&(i % width))))
            .collect();
        let down = Isometry3::new(
            Vector3::new(0.3, 0.5, 1.0),
            Vector3::x() * std::f64::consts::PI,
        );
        let found = surroundings(
            &MaskImage::new(width, height, width as usize, &mask).unwrap(),
            &DepthImage::new(width, height, 2 * width as usize, false, &depth).unwrap(),
            &intrinsics.ray_table(),
            &down,
            &Workspace::default(),
            &(250..=2000),
        );
        assert!(found.len() > 20, "{}", found.len());
        for point in &found {
            assert!((point.z - 0.06).abs() < 0.002 && point.x > 0.3, "{point}");
        }
    }
}
