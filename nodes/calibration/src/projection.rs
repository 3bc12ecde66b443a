//! How a pixel answers to the place of a point and to the camera's intrinsics.

use camera::{Distortion, Intrinsics};
use nalgebra::{Matrix2x3, Point2, Point3, SMatrix, Vector2};

/// How many unknowns the intrinsics are: fx, fy, cx, cy, k1, k2, p1, p2, k3.
pub(crate) const INTRINSIC_COUNT: usize = 9;

/// A projected point with its derivatives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Projection {
    /// Where it is seen.
    pub(crate) pixel: Point2<f64>,
    /// Change of the pixel with the point in the optical frame, in pixels per metre.
    pub(crate) by_point: Matrix2x3<f64>,
    /// Change of the pixel with each of the intrinsics.
    pub(crate) by_intrinsics: SMatrix<f64, 2, INTRINSIC_COUNT>,
}

/// Projects a point of the optical frame; `None` when it is not in front of the camera.
pub(crate) fn project(camera: &Intrinsics, point: &Point3<f64>) -> Option<Projection> {
    let pixel = camera.project(point).ok()?;
    let (x, y) = (point.x / point.z, point.y / point.z);
    let seen = camera.distortion.distort(Vector2::new(x, y));
    let lens = camera.distortion.jacobian(Vector2::new(x, y));
    let pinhole = Matrix2x3::new(
        1.0 / point.z,
        0.0,
        -x / point.z, //
        0.0,
        1.0 / point.z,
        -y / point.z,
    );
    let focal = nalgebra::Matrix2::new(camera.fx, 0.0, 0.0, camera.fy);
    let r2 = x * x + y * y;
    let (fx, fy) = (camera.fx, camera.fy);
    let (r4, r6) = (r2 * r2, r2 * r2 * r2);
    #[rustfmt::skip]
    let by_intrinsics = SMatrix::<f64, 2, INTRINSIC_COUNT>::from_row_slice(&[
        seen.x, 0.0, 1.0, 0.0, fx * x * r2, fx * x * r4, fx * 2.0 * x * y, fx * (r2 + 2.0 * x * x), fx * x * r6,
        0.0, seen.y, 0.0, 1.0, fy * y * r2, fy * y * r4, fy * (r2 + 2.0 * y * y), fy * 2.0 * x * y, fy * y * r6,
    ]);
    Some(Projection {
        pixel,
        by_point: focal * lens * pinhole,
        by_intrinsics,
    })
}

/// The intrinsics after a step in the order of [`INTRINSIC_COUNT`].
pub(crate) fn stepped(camera: &Intrinsics, step: &[f64]) -> Intrinsics {
    let &[fx, fy, cx, cy, k1, k2, p1, p2, k3] = step else {
        return *camera;
    };
    let old = camera.distortion;
    Intrinsics {
        fx: camera.fx + fx,
        fy: camera.fy + fy,
        cx: camera.cx + cx,
        cy: camera.cy + cy,
        distortion: Distortion {
            k1: old.k1 + k1,
            k2: old.k2 + k2,
            p1: old.p1 + p1,
            p2: old.p2 + p2,
            k3: old.k3 + k3,
        },
        ..*camera
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_agree_with_differences() {
        let distortion = Distortion {
            k1: -0.05,
            k2: 0.06,
            p1: -0.001,
            p2: 0.002,
            k3: -0.016,
        };
        let camera = Intrinsics::new(848, 480, (447.0, 448.5), (423.0, 240.5), distortion).unwrap();
        let point = Point3::new(0.21, -0.13, 0.72);
        let here = project(&camera, &point).unwrap();
        let h = 1e-6;
        for axis in 0..3 {
            let (mut plus, mut minus) = (point, point);
            plus[axis] += h;
            minus[axis] -= h;
            let slope =
                (camera.project(&plus).unwrap() - camera.project(&minus).unwrap()) / (2.0 * h);
            assert!(
                (slope - here.by_point.column(axis)).norm() < 1e-4,
                "axis {axis}"
            );
        }
        for index in 0..INTRINSIC_COUNT {
            let mut step = [0.0; INTRINSIC_COUNT];
            step[index] = h;
            let plus = stepped(&camera, &step).project(&point).unwrap();
            step[index] = -h;
            let minus = stepped(&camera, &step).project(&point).unwrap();
            let slope = (plus - minus) / (2.0 * h);
            assert!(
                (slope - here.by_intrinsics.column(index)).norm() < 1e-4,
                "{index}"
            );
        }
        assert!(project(&camera, &Point3::new(0.0, 0.0, -1.0)).is_none());
    }
}
