//! Boxes and circles around a cloud.
//!
//! Two boxes are made. [`table_box`] stands upright: a rectangle of least area in the table plane, and the height. It
//! is what a grasp from above needs, and it is stable from frame to frame. [`tight_box`] turns freely and encloses the
//! points with less volume, for things that lean.

use nalgebra::{
    Isometry3, Matrix3, Point2, Point3, Rotation3, SymmetricEigen, Translation3, UnitQuaternion,
    Vector2, Vector3,
};

/// Part of the points, at each end of each direction, that the upright box may leave out: depth noise makes tails. More
/// would cut into round objects, which have few points at their ends.
const TRIM: f64 = 0.003;

/// A box anywhere in the base frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrientedBox {
    /// Pose of the box: its centre, its axes along its edges.
    pub base_from_box: Isometry3<f64>,
    /// Length of its edges along its own x, y and z in metres.
    pub size: Vector3<f64>,
}

impl OrientedBox {
    /// The centre in the base frame.
    pub fn centre(&self) -> Point3<f64> {
        self.base_from_box.translation.vector.into()
    }

    /// Its volume in cubic metres.
    pub fn volume(&self) -> f64 {
        self.size.product()
    }

    /// True when the point is inside, or outside by no more than `margin_m`.
    pub fn contains(&self, point: &Point3<f64>, margin_m: f64) -> bool {
        let local = self.base_from_box.inverse_transform_point(point);
        (0..3).all(|axis| local[axis].abs() <= 0.5 * self.size[axis] + margin_m)
    }
}

/// A rectangle in a plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectangle {
    /// Its middle.
    pub centre: Point2<f64>,
    /// Angle in radians from the plane's first axis to the rectangle's first edge.
    pub angle: f64,
    /// Lengths along its first and second edge in metres.
    pub size: Vector2<f64>,
}

/// Convex hull, counter-clockwise, without points on its edges (Andrew's monotone chain).
pub fn convex_hull(points: &[Point2<f64>]) -> Vec<Point2<f64>> {
    let mut sorted: Vec<_> = points
        .iter()
        .filter(|p| p.x.is_finite() && p.y.is_finite())
        .copied()
        .collect();
    sorted.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    sorted.dedup();
    if sorted.len() < 3 {
        return sorted;
    }
    let mut hull = half_hull(sorted.iter());
    let upper = half_hull(sorted.iter().rev());
    hull.pop();
    hull.extend(upper);
    hull.pop();
    hull
}

fn half_hull<'a>(points: impl Iterator<Item = &'a Point2<f64>>) -> Vec<Point2<f64>> {
    let mut half: Vec<Point2<f64>> = Vec::new();
    for &point in points {
        while let [.., before, last] = half.as_slice() {
            if (last - before).perp(&(point - before)) > 0.0 {
                break;
            }
            half.pop();
        }
        half.push(point);
    }
    half
}

/// The rectangle of least area around the points: one of its edges lies on an edge of their hull.
pub fn least_rectangle(points: &[Point2<f64>]) -> Option<Rectangle> {
    let hull = convex_hull(points);
    let first = *hull.first()?;
    let mut best = Rectangle {
        centre: first,
        angle: 0.0,
        size: Vector2::zeros(),
    };
    let mut best_area = f64::INFINITY;
    for (i, start) in hull.iter().enumerate() {
        let Some(end) = hull.get((i + 1) % hull.len()) else {
            continue;
        };
        let edge = end - start;
        let angle = edge.y.atan2(edge.x);
        let rectangle = rectangle_at(hull.iter(), angle)?;
        let area = rectangle.size.x * rectangle.size.y;
        if area < best_area {
            (best, best_area) = (rectangle, area);
        }
    }
    Some(best)
}

fn rectangle_at<'a>(
    points: impl Iterator<Item = &'a Point2<f64>>,
    angle: f64,
) -> Option<Rectangle> {
    let (along, across) = edges(angle);
    let (mut low, mut high) = (
        Vector2::repeat(f64::INFINITY),
        Vector2::repeat(f64::NEG_INFINITY),
    );
    for point in points {
        let local = Vector2::new(point.coords.dot(&along), point.coords.dot(&across));
        low = low.inf(&local);
        high = high.sup(&local);
    }
    (low.x <= high.x).then(|| rectangle_from(angle, low, high))
}

fn edges(angle: f64) -> (Vector2<f64>, Vector2<f64>) {
    let (sin, cos) = angle.sin_cos();
    (Vector2::new(cos, sin), Vector2::new(-sin, cos))
}

fn rectangle_from(angle: f64, low: Vector2<f64>, high: Vector2<f64>) -> Rectangle {
    let (along, across) = edges(angle);
    let middle = 0.5 * (low + high);
    Rectangle {
        centre: Point2::from(along * middle.x + across * middle.y),
        angle,
        size: high - low,
    }
}

/// The values at the trimmed ends of a list; reorders the list.
fn trimmed_range(values: &mut [f64]) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    let cut = (values.len() as f64 * TRIM) as usize;
    let (_, low, above) = values.select_nth_unstable_by(cut, f64::total_cmp);
    let low = *low;
    let from_top = above.len().checked_sub(cut + 1);
    let high = from_top.map_or(low, |index| {
        *above.select_nth_unstable_by(index, f64::total_cmp).1
    });
    Some((low, high))
}

/// The upright box: least rectangle in the table plane, x its longer edge, and the height along z.
///
/// Three points in a thousand may stick out at each side.
pub fn table_box(points: &[Point3<f32>]) -> Option<OrientedBox> {
    let flat: Vec<Point2<f64>> = points
        .iter()
        .map(|point| Point2::new(f64::from(point.x), f64::from(point.y)))
        .collect();
    let mut angle = least_rectangle(&flat)?.angle;
    let trimmed = |angle: f64| {
        let (along, across) = edges(angle);
        let mut lengthwise: Vec<f64> = flat.iter().map(|point| point.coords.dot(&along)).collect();
        let mut crosswise: Vec<f64> = flat.iter().map(|point| point.coords.dot(&across)).collect();
        let (x, y) = (
            trimmed_range(&mut lengthwise)?,
            trimmed_range(&mut crosswise)?,
        );
        Some(rectangle_from(
            angle,
            Vector2::new(x.0, y.0),
            Vector2::new(x.1, y.1),
        ))
    };
    let mut rectangle = trimmed(angle)?;
    if rectangle.size.x < rectangle.size.y {
        angle += std::f64::consts::FRAC_PI_2;
        rectangle = trimmed(angle)?;
    }
    let mut heights: Vec<f64> = points.iter().map(|point| f64::from(point.z)).collect();
    let (bottom, top) = trimmed_range(&mut heights)?;
    Some(OrientedBox {
        base_from_box: Isometry3::from_parts(
            Translation3::new(rectangle.centre.x, rectangle.centre.y, 0.5 * (bottom + top)),
            UnitQuaternion::from_axis_angle(&Vector3::z_axis(), angle),
        ),
        size: Vector3::new(rectangle.size.x, rectangle.size.y, top - bottom),
    })
}

/// Stretches an upright box down to the table (z = 0) when its lower side is no more than `gap_m` above it.
///
/// The camera looks down on things and neighbours hide their feet; what hangs higher than the gap has been lifted.
pub fn complete_to_table(upright: &OrientedBox, gap_m: f64) -> OrientedBox {
    let centre = upright.centre();
    let top = centre.z + 0.5 * upright.size.z;
    let bottom = centre.z - 0.5 * upright.size.z;
    if bottom > gap_m || top <= 0.0 {
        return *upright;
    }
    let mut completed = *upright;
    completed.base_from_box.translation.z = 0.5 * top;
    completed.size.z = top;
    completed
}

/// A freely turned box of small volume: an axis of the cloud's covariance (or the vertical) stands on the rectangle of
/// least area across it; the smallest of the four is taken. Its x is the longest edge, its z the shortest.
pub fn tight_box(points: &[Point3<f32>]) -> Option<OrientedBox> {
    let cloud: Vec<Point3<f64>> = points.iter().map(|point| point.cast()).collect();
    let mean =
        cloud.iter().map(|point| point.coords).sum::<Vector3<f64>>() / cloud.len().max(1) as f64;
    let covariance: Matrix3<f64> = cloud
        .iter()
        .map(|point| {
            let offset = point.coords - mean;
            offset * offset.transpose()
        })
        .sum();
    let eigen = SymmetricEigen::new(covariance);
    let axes = (0..3)
        .map(|i| eigen.eigenvectors.column(i).into_owned())
        .chain([Vector3::z()]);
    axes.filter_map(|axis| box_along(&cloud, &axis))
        .min_by(|a, b| a.volume().total_cmp(&b.volume()))
        .map(|found| sorted_by_size(&found))
}

fn box_along(cloud: &[Point3<f64>], axis: &Vector3<f64>) -> Option<OrientedBox> {
    let up = axis.try_normalize(1e-9)?;
    let helper = if up.x.abs() < 0.7 {
        Vector3::x()
    } else {
        Vector3::y()
    };
    let first = up.cross(&helper).try_normalize(1e-9)?;
    let second = up.cross(&first);
    let flat: Vec<Point2<f64>> = cloud
        .iter()
        .map(|point| Point2::new(point.coords.dot(&first), point.coords.dot(&second)))
        .collect();
    let rectangle = least_rectangle(&flat)?;
    let (along, across) = edges(rectangle.angle);
    let (low, high) = cloud
        .iter()
        .map(|point| point.coords.dot(&up))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    let in_base = |flat: &Vector2<f64>| first * flat.x + second * flat.y;
    let rotation = Rotation3::from_matrix_unchecked(Matrix3::from_columns(&[
        in_base(&along),
        in_base(&across),
        up,
    ]));
    let centre = in_base(&rectangle.centre.coords) + up * (0.5 * (low + high));
    Some(OrientedBox {
        base_from_box: Isometry3::from_parts(
            centre.into(),
            UnitQuaternion::from_rotation_matrix(&rotation),
        ),
        size: Vector3::new(rectangle.size.x, rectangle.size.y, high - low),
    })
}

/// Renames the axes so that the edges go from long to short, keeping a right-handed frame.
fn sorted_by_size(given: &OrientedBox) -> OrientedBox {
    let mut order = [0, 1, 2];
    order.sort_by(|&a: &usize, &b| given.size[b].total_cmp(&given.size[a]));
    let axes = given.base_from_box.rotation.to_rotation_matrix();
    let [x, y] = [order[0], order[1]].map(|axis| axes.matrix().column(axis).into_owned());
    let rotation = Rotation3::from_matrix_unchecked(Matrix3::from_columns(&[x, y, x.cross(&y)]));
    OrientedBox {
        base_from_box: Isometry3::from_parts(
            given.base_from_box.translation,
            UnitQuaternion::from_rotation_matrix(&rotation),
        ),
        size: Vector3::new(
            given.size[order[0]],
            given.size[order[1]],
            given.size[order[2]],
        ),
    }
}

/// A circle fitted to points in a plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// Its centre.
    pub centre: Point2<f64>,
    /// Its radius in metres.
    pub radius: f64,
    /// Root mean square distance of the points from it in metres.
    pub rms: f64,
}

/// Fits a circle by least squares (Kasa's algebraic fit, which needs no start value).
///
/// `None` for fewer than three points or points on a line.
pub fn fit_circle(points: &[Point2<f64>]) -> Option<Circle> {
    if points.len() < 3 {
        return None;
    }
    let scale = 1.0 / points.len() as f64;
    let mean = points
        .iter()
        .map(|point| point.coords)
        .sum::<Vector2<f64>>()
        * scale;
    // Minimise sum (|p|^2 - 2 c.p - k)^2 over the centre c and k, with p relative to the mean.
    let mut normal = nalgebra::Matrix2::zeros();
    let mut right = Vector2::zeros();
    let mean_square = points
        .iter()
        .map(|point| (point.coords - mean).norm_squared())
        .sum::<f64>()
        * scale;
    for point in points {
        let offset = point.coords - mean;
        normal += offset * offset.transpose() * 2.0;
        right += offset * (offset.norm_squared() - mean_square);
    }
    let spread = normal.trace();
    if normal.determinant() <= 1e-9 * spread * spread {
        return None;
    }
    let centre = normal.try_inverse()? * right;
    let radius = (mean_square + centre.norm_squared()).sqrt();
    let rms = (points
        .iter()
        .map(|p| ((p.coords - mean - centre).norm() - radius).powi(2))
        .sum::<f64>()
        * scale)
        .sqrt();
    Some(Circle {
        centre: Point2::from(mean + centre),
        radius,
        rms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn corners(size: Vector3<f64>, pose: &Isometry3<f64>) -> Vec<Point3<f32>> {
        let mut points = Vec::new();
        for i in 0..=10 {
            for j in 0..=10 {
                for k in 0..=10 {
                    let unit = Vector3::new(f64::from(i), f64::from(j), f64::from(k)) / 10.0
                        - Vector3::repeat(0.5);
                    points.push((pose * Point3::from(unit.component_mul(&size))).cast());
                }
            }
        }
        points
    }

    proptest! {
        #[test]
        fn upright_boxes_are_found(
            x in 0.02..0.2_f64, y in 0.02..0.2_f64, z in 0.02..0.2_f64, yaw in -3.0..3.0_f64,
        ) {
            let pose = Isometry3::new(Vector3::new(0.3, 0.6, 0.5 * z), Vector3::z() * yaw);
            let found = table_box(&corners(Vector3::new(x, y, z), &pose)).unwrap();
            prop_assert!((found.centre() - pose.translation.vector).coords.norm() < 1e-5);
            prop_assert!((found.size - Vector3::new(x.max(y), x.min(y), z)).norm() < 1e-5);
            let turn = (found.base_from_box.rotation * Vector3::x()).cross(
                &(pose.rotation * if x >= y { Vector3::x() } else { Vector3::y() }));
            prop_assert!((x - y).abs() < 1e-3 || turn.norm() < 1e-4);
        }

        #[test]
        fn tilted_boxes_are_enclosed(
            x in 0.02..0.2_f64, y in 0.02..0.2_f64, z in 0.02..0.2_f64,
            rx in -3.0..3.0_f64, ry in -3.0..3.0_f64, rz in -3.0..3.0_f64,
        ) {
            let pose = Isometry3::new(Vector3::new(0.3, 0.6, 0.2), Vector3::new(rx, ry, rz));
            let points = corners(Vector3::new(x, y, z), &pose);
            let found = tight_box(&points).unwrap();
            prop_assert!(points.iter().all(|point| found.contains(&point.cast(), 1e-5)));
            prop_assert!(found.size.x >= found.size.y && found.size.y >= found.size.z);
            let rotation = found.base_from_box.rotation.to_rotation_matrix();
            prop_assert!((rotation.matrix().determinant() - 1.0).abs() < 1e-9);
            // The true box is among the best: when its axes are well apart, PCA finds them.
            prop_assert!(found.volume() >= x * y * z * 0.999);
            let mut sides = [x, y, z];
            sides.sort_by(f64::total_cmp);
            if sides[1] > 1.1 * sides[0] && sides[2] > 1.1 * sides[1] {
                prop_assert!(found.volume() < x * y * z * 1.01);
            }
        }

        #[test]
        fn circles_are_found_from_half_of_them(
            cx in -1.0..1.0_f64, cy in -1.0..1.0_f64, radius in 0.01..0.2_f64, start in -3.0..3.0_f64,
        ) {
            let points: Vec<_> = (0..40)
                .map(|i| start + std::f64::consts::PI * f64::from(i) / 40.0)
                .map(|angle| Point2::new(cx + radius * angle.cos(), cy + radius * angle.sin()))
                .collect();
            let circle = fit_circle(&points).unwrap();
            prop_assert!((circle.centre - Point2::new(cx, cy)).norm() < 1e-6);
            prop_assert!((circle.radius - radius).abs() < 1e-6 && circle.rms < 1e-6);
        }

        #[test]
        fn hulls_hold_all_points(raw in prop::collection::vec((-1.0..1.0_f64, -1.0..1.0_f64), 3..60)) {
            let points: Vec<_> = raw.iter().map(|&(x, y)| Point2::new(x, y)).collect();
            let hull = convex_hull(&points);
            for (i, start) in hull.iter().enumerate() {
                let end = hull[(i + 1) % hull.len()];
                prop_assert!(points.iter().all(|point| (end - start).perp(&(point - start)) > -1e-9));
            }
        }
    }

    #[test]
    fn lines_and_points_have_no_circle() {
        let line: Vec<_> = (0..10)
            .map(|i| Point2::new(f64::from(i), 2.0 * f64::from(i)))
            .collect();
        assert_eq!(fit_circle(&line), None);
        assert_eq!(fit_circle(&[Point2::origin(); 5]), None);
    }

    #[test]
    fn few_stray_points_do_not_grow_the_box() {
        let mut points = corners(
            Vector3::new(0.1, 0.06, 0.04),
            &Isometry3::translation(0.3, 0.6, 0.02),
        );
        points.extend([Point3::new(0.3, 0.6, 0.3); 3]);
        assert!(table_box(&points).unwrap().size.z < 0.0401);
    }

    #[test]
    fn boxes_reach_down_to_the_table_only_when_near() {
        let near = OrientedBox {
            base_from_box: Isometry3::translation(0.0, 0.0, 0.06),
            size: Vector3::new(0.1, 0.1, 0.08),
        };
        let completed = complete_to_table(&near, 0.03);
        assert!(
            (completed.size.z - 0.1).abs() < 1e-12 && (completed.centre().z - 0.05).abs() < 1e-12
        );
        assert_eq!(complete_to_table(&near, 0.01), near);
    }

    #[test]
    fn degenerate_clouds_make_boxes_without_volume() {
        assert_eq!(table_box(&[]), None);
        assert_eq!(tight_box(&[]), None);
        let point = [Point3::new(0.1, 0.2, 0.3)];
        assert_eq!(table_box(&point).unwrap().size, Vector3::zeros());
        assert!(tight_box(&point).unwrap().volume() == 0.0);
    }
}
