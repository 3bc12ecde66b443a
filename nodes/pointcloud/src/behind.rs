//! Completing the far side of things, which the camera sees at a grazing angle or not at all.
//!
//! Most things are as wide behind their crest as before it: a box behind the middle of its top, a lying bottle behind its
//! ridge. The part of the near side that the far side lacks is added, within bounds.

use nalgebra::{Point3, Vector3};

/// What is no lower than this below the highest point, as a part of the height, belongs to the crest; and at least this
/// much in metres, for the noise.
const CREST: f64 = 0.08;
const LEAST_CREST_M: f64 = 0.003;

/// The most that is added, as a part of the height and in metres: handles and spouts on the near side have no twin.
const MOST: f64 = 0.2;
const MOST_M: f64 = 0.012;

/// Points of the far side, moved to where it must end if it is like the near side; few or none when it was seen well.
///
/// `points` are in the base frame, with the table at z = 0.
pub(crate) fn far_side(points: &[Point3<f32>], camera_in_base: &Point3<f64>) -> Vec<Point3<f32>> {
    let middle = points.iter().map(|p| p.coords).sum::<Vector3<f32>>() / points.len().max(1) as f32;
    let away = Vector3::new(
        middle.x - camera_in_base.x as f32,
        middle.y - camera_in_base.y as f32,
        0.0,
    );
    let Some(away) = away.try_normalize(1e-6) else {
        return Vec::new();
    };
    let along = |point: &Point3<f32>| point.coords.dot(&away);
    let range = |points: &mut dyn Iterator<Item = f32>| {
        points.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let (_, top) = range(&mut points.iter().map(|point| point.z));
    let crest_below = (CREST as f32 * top).max(LEAST_CREST_M as f32);
    let mut crest = points
        .iter()
        .filter(|point| point.z >= top - crest_below)
        .map(along);
    let (from, to) = range(&mut crest);
    let (near, far) = range(&mut points.iter().map(along));
    let crest = 0.5 * (from + to);
    let lacking = (crest - near) - (far - crest);
    let added = lacking.min(MOST as f32 * top).min(MOST_M as f32);
    if !added.is_finite() || added <= 0.0 {
        return Vec::new();
    }
    points
        .iter()
        .filter(|point| along(point) > far - added)
        .map(|point| point + away * added)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CAMERA: Point3<f64> = Point3::new(0.3, 1.2, 0.5);

    /// A lying cylinder along x, seen from +y: `seen` is the angle from the near side over the top.
    fn lying_cylinder(radius: f64, seen: f64) -> Vec<Point3<f32>> {
        (0..40 * 30)
            .map(|i| {
                let (along, angle) = (f64::from(i % 40) / 39.0, f64::from(i / 40) / 29.0 * seen);
                let (sin, cos) = angle.sin_cos();
                Point3::new(0.2 + 0.2 * along, 0.5 + radius * cos, radius + radius * sin).cast()
            })
            .collect()
    }

    proptest! {
        #[test]
        fn a_lying_cylinder_is_as_wide_behind_as_before(radius in 0.02..0.045_f64, seen in 1.9..2.6_f64) {
            let points = lying_cylinder(radius, seen);
            let hidden = radius * (1.0 + seen.cos());
            let far = far_side(&points, &CAMERA);
            let seen_far = 0.5 + radius * seen.cos();
            let reached = far.iter().map(|p| f64::from(p.y)).fold(seen_far, f64::min);
            let added = seen_far - reached;
            // Never more than there is, up to the crest's own width, and most of what is hidden within the bounds.
            prop_assert!(added <= hidden + 0.004, "added {added} of {hidden}");
            prop_assert!(added >= 0.6 * hidden.min(0.4 * radius).min(MOST_M) - 0.004, "added {added} of {hidden}");
        }
    }

    #[test]
    fn a_whole_top_is_left_alone() {
        let points: Vec<Point3<f32>> = (0..21 * 21)
            .map(|i| {
                Point3::new(
                    0.3 + 0.004 * (i % 21) as f32,
                    0.5 + 0.004 * (i / 21) as f32,
                    0.06,
                )
            })
            .collect();
        let far = far_side(&points, &CAMERA);
        let lowest = far.iter().map(|p| p.y).fold(0.5_f32, f32::min);
        assert!(lowest > 0.499, "{lowest}");
        assert!(far_side(&[], &CAMERA).is_empty());
    }
}
