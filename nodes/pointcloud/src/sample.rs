//! Choosing exactly N points that cover the object evenly.

use nalgebra::Point3;

/// Farthest point sampling: starts at the point farthest from the centroid and adds, again and again, the point that is
/// farthest from all chosen so far. The result is in that order, so that each prefix is an even sampling too.
///
/// With fewer than `count` points, all are taken and repeated in turn; with none the result is empty.
pub fn farthest_points(points: &[Point3<f32>], count: usize) -> Vec<Point3<f32>> {
    if points.is_empty() || count == 0 {
        return Vec::new();
    }
    // Separate coordinate arrays let the compiler use vector instructions.
    let xs: Vec<f32> = points.iter().map(|point| point.x).collect();
    let ys: Vec<f32> = points.iter().map(|point| point.y).collect();
    let zs: Vec<f32> = points.iter().map(|point| point.z).collect();
    let scale = 1.0 / points.len() as f32;
    let centroid = Point3::new(
        xs.iter().sum::<f32>() * scale,
        ys.iter().sum::<f32>() * scale,
        zs.iter().sum::<f32>() * scale,
    );

    let mut distances = vec![f32::INFINITY; points.len()];
    update(&mut distances, (&xs, &ys, &zs), &centroid);
    let mut next = farthest(&distances);
    distances.fill(f32::INFINITY);

    let distinct = count.min(points.len());
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < distinct {
        let Some(&point) = points.get(next) else {
            break;
        };
        chosen.push(point);
        update(&mut distances, (&xs, &ys, &zs), &point);
        next = farthest(&distances);
    }
    for repeat in 0..count.saturating_sub(chosen.len()) {
        chosen.push(chosen[repeat]);
    }
    chosen
}

/// Lowers each point's squared distance to the chosen set by the newly chosen point.
fn update(distances: &mut [f32], (xs, ys, zs): (&[f32], &[f32], &[f32]), chosen: &Point3<f32>) {
    for (((distance, x), y), z) in distances.iter_mut().zip(xs).zip(ys).zip(zs) {
        let (dx, dy, dz) = (x - chosen.x, y - chosen.y, z - chosen.z);
        let squared = dx * dx + dy * dy + dz * dz;
        *distance = if squared < *distance {
            squared
        } else {
            *distance
        };
    }
}

/// Index of the largest value: first its value lane by lane, then its place.
fn farthest(distances: &[f32]) -> usize {
    let (chunks, rest) = distances.as_chunks::<16>();
    let mut lanes = [f32::NEG_INFINITY; 16];
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    let largest = lanes
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max);
    distances
        .iter()
        .position(|&value| value == largest)
        .unwrap_or(0)
}

/// At most `count` points, taken at even steps through the list.
pub fn thin<T: Copy>(points: &[T], count: usize) -> Vec<T> {
    if points.len() <= count {
        return points.to_vec();
    }
    (0..count)
        .filter_map(|i| points.get(i * points.len() / count).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cloud() -> impl Strategy<Value = Vec<Point3<f32>>> {
        prop::collection::vec((-1.0..1.0_f32, -1.0..1.0_f32, 0.0..1.0_f32), 1..120).prop_map(
            |raw| {
                raw.into_iter()
                    .map(|(x, y, z)| Point3::new(x, y, z))
                    .collect()
            },
        )
    }

    /// The covering radius: how far the worst point is from the sample.
    fn radius(points: &[Point3<f32>], sample: &[Point3<f32>]) -> f32 {
        points
            .iter()
            .map(|p| {
                sample
                    .iter()
                    .map(|s| (p - s).norm())
                    .fold(f32::INFINITY, f32::min)
            })
            .fold(0.0, f32::max)
    }

    proptest! {
        #[test]
        fn exactly_n_points_of_the_cloud(points in cloud(), count in 1..200_usize) {
            let sample = farthest_points(&points, count);
            prop_assert_eq!(sample.len(), count);
            prop_assert!(sample.iter().all(|point| points.contains(point)));
        }

        #[test]
        fn sampled_points_are_farther_apart_than_any_is_from_them(points in cloud(), count in 2..30_usize) {
            // Gonzalez' property: the distance between chosen points is at least the covering radius.
            prop_assume!(count <= points.len());
            let sample = farthest_points(&points, count);
            let gap = (0..count)
                .flat_map(|i| (0..i).map(move |j| (i, j)))
                .map(|(i, j)| (sample[i] - sample[j]).norm())
                .fold(f32::INFINITY, f32::min);
            prop_assert!(gap >= radius(&points, &sample) - 1e-5);
        }
    }

    #[test]
    fn no_points_give_no_sample() {
        assert!(farthest_points(&[], 512).is_empty());
    }

    #[test]
    fn thinning_keeps_the_ends_even() {
        assert_eq!(thin(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 5), [0, 2, 4, 6, 8]);
        assert_eq!(thin(&[1, 2], 5), [1, 2]);
    }
}
