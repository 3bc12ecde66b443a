//! Completing round things, whose far side no camera sees.
//!
//! Where the camera stands no higher than a can, a ball or a bottle, only the front half is in the cloud. The outline
//! towards the camera, seen from above, is then an arc of the whole circle: when it fits one well, the far side is known.

use nalgebra::{Point2, Point3, UnitQuaternion, Vector2, Vector3};

use crate::bounds::{Circle, OrientedBox, convex_hull, fit_circle};

/// Radii of things that a hand can hold, in metres. A flat face fits a circle too, but a huge one.
const RADII_M: [f64; 2] = [0.012, 0.065];

/// Spacing of the points on the outline that the circle is fitted to, in metres.
const OUTLINE_STEP_M: f64 = 0.002;

/// Cosine between an outline edge's outward normal and the direction to the camera from which the edge counts as seen.
const FACING: f64 = 0.15;

/// Least width of the outline across the line of sight, as a part of the radius. Of a round thing twice the radius is seen,
/// less what the mask's rim takes; a flat face is little of the large circle that fits it.
const WIDTH: f64 = 1.6;

/// Largest misfit of a round outline, as a part of the radius. A square seen corner on has 0.1.
const MISFIT: f64 = 0.05;

/// The circle of the outline that faces the camera, when that is round. All in the base frame's x-y plane.
pub fn front_circle(points: &[Point3<f32>], camera_in_base: &Point3<f64>) -> Option<Circle> {
    let flat: Vec<Point2<f64>> = points
        .iter()
        .map(|point| Point2::new(f64::from(point.x), f64::from(point.y)))
        .collect();
    let hull = convex_hull(&flat);
    let middle = Point2::from(
        hull.iter().map(|p| p.coords).sum::<Vector2<f64>>() / hull.len().max(1) as f64,
    );
    let to_camera = (camera_in_base.xy() - middle).try_normalize(1e-6)?;

    let mut outline = Vec::new();
    for (i, start) in hull.iter().enumerate() {
        let Some(end) = hull.get((i + 1) % hull.len()) else {
            continue;
        };
        let edge = end - start;
        // The hull runs counter-clockwise: its outside is to the right of its edges.
        let outward = Vector2::new(edge.y, -edge.x) / edge.norm().max(1e-9);
        if outward.dot(&to_camera) < FACING {
            continue;
        }
        let steps = (edge.norm() / OUTLINE_STEP_M).ceil().max(1.0) as usize;
        outline.extend((0..steps).map(|step| start + edge * (step as f64 / steps as f64)));
    }
    let circle = fit_circle(&outline)?;
    let fits = circle.radius >= RADII_M[0]
        && circle.radius <= RADII_M[1]
        && circle.rms <= MISFIT * circle.radius
        && width_across(&outline, &to_camera) >= WIDTH * circle.radius
        // The circle lies behind its front, and what was seen lies in it.
        && flat.iter().all(|p| (p - circle.centre).norm() < 1.25 * circle.radius);
    fits.then_some(circle)
}

/// Extent of points across a direction of unit length, metres.
fn width_across(points: &[Point2<f64>], direction: &Vector2<f64>) -> f64 {
    let across = Vector2::new(-direction.y, direction.x);
    let places = points.iter().map(|point| point.coords.dot(&across));
    let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| {
        (low.min(at), high.max(at))
    });
    high - low
}

/// Grows an upright box to hold the circle.
pub fn complete_round(upright: &OrientedBox, circle: &Circle) -> OrientedBox {
    let rotation = upright.base_from_box.rotation;
    let centre = Point3::new(circle.centre.x, circle.centre.y, upright.centre().z);
    let local = upright.base_from_box.inverse_transform_point(&centre);
    let mut low = -0.5 * upright.size;
    let mut high = 0.5 * upright.size;
    for axis in 0..2 {
        low[axis] = low[axis].min(local[axis] - circle.radius);
        high[axis] = high[axis].max(local[axis] + circle.radius);
    }
    let mut size = high - low;
    let middle = upright.base_from_box * Point3::from(0.5 * (low + high));
    let mut turned = rotation;
    if size.x < size.y {
        size.swap_rows(0, 1);
        turned *= UnitQuaternion::from_axis_angle(&Vector3::z_axis(), std::f64::consts::FRAC_PI_2);
    }
    OrientedBox {
        base_from_box: nalgebra::Isometry3::from_parts(middle.into(), turned),
        size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Isometry3;
    use proptest::prelude::*;

    fn front_half(centre: Point2<f64>, radius: f64) -> Vec<Point3<f32>> {
        (0..600)
            .map(|i| {
                (
                    std::f64::consts::PI * f64::from(i % 60) / 59.0,
                    0.002 * f64::from(i / 60),
                )
            })
            .map(|(angle, z)| {
                Point3::new(
                    centre.x + radius * angle.cos(),
                    centre.y + radius * angle.sin(),
                    z,
                )
                .cast()
            })
            .collect()
    }

    proptest! {
        #[test]
        fn half_a_can_becomes_a_whole_one(radius in 0.015..0.06_f64, x in 0.0..0.5_f64) {
            // The camera looks along -y: it sees the half with larger y.
            let centre = Point2::new(x, 0.5);
            let points = front_half(centre, radius);
            let circle = front_circle(&points, &Point3::new(x, 1.5, 0.05)).unwrap();
            prop_assert!((circle.centre - centre).norm() < 1e-3 && (circle.radius - radius).abs() < 1e-3);
            let seen = crate::bounds::table_box(&points).unwrap();
            let whole = complete_round(&seen, &circle);
            prop_assert!((whole.size.xy() - Vector2::repeat(2.0 * radius)).norm() < 3e-3, "{}", whole.size);
            prop_assert!((whole.centre().xy() - centre).norm() < 2e-3);
        }

        #[test]
        fn the_front_of_a_small_block_is_no_arc(
            yaw in -0.3..0.3_f64, side in 0.02..0.04_f64, bulge in 0.0..0.002_f64,
        ) {
            // Noise bends the front outwards; the top ends early, as masks do.
            let pose = Isometry3::new(Vector3::new(0.3, 0.5, 0.0), Vector3::z() * yaw);
            let points: Vec<_> = (0..21 * 15)
                .map(|i| (f64::from(i % 21) / 20.0 - 0.5, f64::from(i / 21) / 20.0 - 0.2))
                .map(|(x, y)| Point3::new(x * side, y * side + bulge * (1.0 - 4.0 * x * x), 0.03))
                .map(|point| (pose * point).cast())
                .collect();
            let seen = crate::bounds::table_box(&points).unwrap();
            if let Some(circle) = front_circle(&points, &Point3::new(0.3, 1.5, 0.4)) {
                let grown = complete_round(&seen, &circle);
                prop_assert!((grown.size - seen.size).amax() < 0.012, "{} for {}", grown.size, seen.size);
            }
        }

        #[test]
        fn boxes_are_not_taken_for_round(yaw in -1.6..1.6_f64, length in 0.05..0.1_f64, width in 0.04..0.06_f64) {
            let pose = Isometry3::new(Vector3::new(0.3, 0.5, 0.0), Vector3::z() * yaw);
            let points: Vec<_> = (0..21 * 21)
                .map(|i| Point3::new((f64::from(i % 21) / 20.0 - 0.5) * length, (f64::from(i / 21) / 20.0 - 0.5) * width, 0.1))
                .map(|point| (pose * point).cast())
                .collect();
            let seen = crate::bounds::table_box(&points).unwrap();
            if let Some(circle) = front_circle(&points, &Point3::new(0.3, 1.5, 0.4)) {
                // When an outline is round by chance, the box may grow, but not by a finger's width.
                let grown = complete_round(&seen, &circle);
                prop_assert!((grown.size - seen.size).amax() < 0.016, "{} for {}", grown.size, seen.size);
            }
        }
    }
}
