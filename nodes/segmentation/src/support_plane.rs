//! The support plane of a depth image: what the objects stand on.
//!
//! A plane of space is a linear function of the pixel in inverse depth, whatever the camera's pose and focal
//! length: 1/z = a u + b v + c. So the table is found without any calibration, and the network is told it as
//! three numbers; what stands on the table then stands out from them.

use nalgebra::{Matrix3, Vector3};

/// Slopes of the inverse depth by column and by row and its value at pixel (0, 0), in 1/m.
pub(crate) type SupportPlane = [f32; 3];

/// Grid of the pixels that are looked at.
const STEP: usize = 9;
/// Depths in metres within which the support is looked for: beyond lie floor and walls.
const RANGE: std::ops::Range<f32> = 0.2..2.0;
/// Inverse depth in 1/m within which a pixel belongs to a plane, while searching and at the end.
const TOLERANCE: [f64; 2] = [0.012, 0.006];
const HYPOTHESES: usize = 96;
/// Fewer measured pixels than this say nothing about a plane.
const FEWEST: usize = 50;
/// Least area in square pixels (twice the triangle) spanned by three pixels that make a hypothesis.
const LEAST_SPAN: f64 = 500.0;

struct Pixel {
    at: Vector3<f64>,
    inverse: f64,
}

/// Finds the dominant plane within [`RANGE`] of a depth image in metres (0 = not measured) by RANSAC and
/// least squares on its inliers; zeros where there is too little depth. Equal images give equal planes.
pub(crate) fn find(depth: &[f32], width: usize) -> SupportPlane {
    let pixels: Vec<Pixel> = depth
        .chunks_exact(width.max(1))
        .enumerate()
        .skip(STEP / 2)
        .step_by(STEP)
        .flat_map(|(v, row)| {
            row.iter()
                .enumerate()
                .skip(STEP / 2)
                .step_by(STEP)
                .filter(|(_, z)| RANGE.contains(z))
                .map(move |(u, z)| Pixel {
                    at: Vector3::new(u as f64, v as f64, 1.0),
                    inverse: 1.0 / f64::from(*z),
                })
        })
        .collect();
    if pixels.len() < FEWEST {
        return [0.0; 3];
    }
    let best =
        hypotheses(&pixels).max_by_key(|plane| inliers(&pixels, plane, TOLERANCE[0]).count());
    let Some(mut plane) = best else {
        return [0.0; 3];
    };
    for tolerance in TOLERANCE {
        plane = refined(&pixels, &plane, tolerance).unwrap_or(plane);
    }
    [plane.x as f32, plane.y as f32, plane.z as f32]
}

fn inliers<'a>(
    pixels: &'a [Pixel],
    plane: &'a Vector3<f64>,
    tolerance: f64,
) -> impl Iterator<Item = &'a Pixel> {
    pixels
        .iter()
        .filter(move |pixel| (plane.dot(&pixel.at) - pixel.inverse).abs() < tolerance)
}

/// Planes through three pixels each, drawn by a fixed congruential sequence.
fn hypotheses(pixels: &[Pixel]) -> impl Iterator<Item = Vector3<f64>> + '_ {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut draw = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        pixels.get((state >> 33) as usize % pixels.len())
    };
    (0..HYPOTHESES).filter_map(move |_| {
        let (p, q, r) = (draw()?, draw()?, draw()?);
        let system = Matrix3::from_rows(&[p.at.transpose(), q.at.transpose(), r.at.transpose()]);
        if system.determinant().abs() < LEAST_SPAN {
            return None;
        }
        system
            .lu()
            .solve(&Vector3::new(p.inverse, q.inverse, r.inverse))
    })
}

/// Least squares on the inliers of `plane`.
fn refined(pixels: &[Pixel], plane: &Vector3<f64>, tolerance: f64) -> Option<Vector3<f64>> {
    let (mut normal, mut right) = (Matrix3::zeros(), Vector3::zeros());
    for pixel in inliers(pixels, plane, tolerance) {
        normal += pixel.at * pixel.at.transpose();
        right += pixel.at * pixel.inverse;
    }
    normal.cholesky().map(|factor| factor.solve(&right))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 640;
    const HEIGHT: usize = 360;

    /// A camera above a table at z = n . p: depth from the closed form, with a box and holes on it.
    fn table_with_box() -> (Vec<f32>, SupportPlane) {
        let plane = [1.2e-4_f32, 2.4e-3, 0.55];
        let depth = (0..WIDTH * HEIGHT)
            .map(|i| {
                let (u, v) = ((i % WIDTH) as f32, (i / WIDTH) as f32);
                let inverse = plane[0] * u + plane[1] * v + plane[2];
                match i {
                    _ if i % 13 == 0 => 0.0,
                    _ if (200.0..330.0).contains(&u) && (100.0..240.0).contains(&v) => {
                        1.0 / (inverse + 0.15)
                    }
                    _ if v < 40.0 => 3.5,
                    _ => 1.0 / inverse,
                }
            })
            .collect();
        (depth, plane)
    }

    #[test]
    fn the_table_is_found_beside_objects_holes_and_a_wall() {
        let (depth, truth) = table_with_box();
        let found = find(&depth, WIDTH);
        for corner in [[0.0, 40.0], [639.0, 40.0], [0.0, 359.0], [639.0, 359.0]] {
            let at = |plane: SupportPlane| plane[0] * corner[0] + plane[1] * corner[1] + plane[2];
            assert!(
                (at(found) - at(truth)).abs() < 1e-4,
                "{found:?} against {truth:?}"
            );
        }
    }

    #[test]
    fn no_depth_gives_no_plane() {
        assert_eq!(find(&vec![0.0; WIDTH * HEIGHT], WIDTH), [0.0; 3]);
        assert_eq!(find(&[], 0), [0.0; 3]);
        assert_eq!(find(&[f32::NAN; 100], 10), [0.0; 3]);
    }
}
