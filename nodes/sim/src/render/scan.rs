//! Which pixels a triangle covers.
//!
//! Vertices are snapped to 1/1024 pixel and edges evaluated in integers with the top-left rule, so
//! that triangles which share an edge neither leave a crack nor cover a pixel twice. Pixel (x, y)
//! has its centre at the coordinates (x, y).

/// Sub-pixel steps a pixel.
const STEPS: i64 = 1024;
/// Coordinates beyond this many pixels are clamped, which keeps edge functions within 64 bits.
const LIMIT: f32 = 1.0e6;

/// A coordinate in pixels to the nearest sub-pixel step.
#[inline]
fn snap(pixels: f32) -> i64 {
    // Adding 1.5 * 2^52 leaves the rounded number in the low bits of the mantissa.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    let shifted = f64::from(pixels.clamp(-LIMIT, LIMIT)) * STEPS as f64 + SHIFT;
    shifted.to_bits().wrapping_sub(SHIFT.to_bits()) as i64
}

/// A triangle snapped to the sub-pixel grid and oriented so that its area is positive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapped {
    /// Corners in sub-pixel steps.
    corners: [[i64; 2]; 3],
    /// Twice the area in squared steps.
    area: i64,
}

impl Snapped {
    /// Snaps a triangle given in pixels. `None` unless it shows its front, which winds
    /// counter-clockwise to the eye, so clockwise in image coordinates with y down has positive area
    /// and is the back.
    #[inline]
    pub(super) fn front(corners: [[f32; 2]; 3]) -> Option<Self> {
        // With y down, a counter-clockwise triangle has a negative area: swap to make it positive.
        Self::new([corners[0], corners[2], corners[1]])
    }

    #[inline]
    fn new(corners: [[f32; 2]; 3]) -> Option<Self> {
        // NaN would pass the clamp.
        if corners.iter().flatten().any(|c| c.is_nan()) {
            return None;
        }
        let c = corners.map(|[x, y]| [snap(x), snap(y)]);
        let area =
            (c[1][0] - c[0][0]) * (c[2][1] - c[0][1]) - (c[1][1] - c[0][1]) * (c[2][0] - c[0][0]);
        (area > 0).then_some(Self { corners: c, area })
    }

    /// Coefficients (at pixel `origin`, per pixel in x, per pixel in y) of the plane through the
    /// values at the corners, in the order in which the corners were given to [`Self::front`].
    #[inline]
    pub(super) fn plane(&self, origin: [i32; 2], values: [f32; 3]) -> [f32; 3] {
        let [a, c, b] = values.map(f64::from);
        let [p, q, r] = self.corners;
        let scale = STEPS as f64 / self.area as f64;
        let (qx, qy) = ((q[0] - p[0]) as f64, (q[1] - p[1]) as f64);
        let (rx, ry) = ((r[0] - p[0]) as f64, (r[1] - p[1]) as f64);
        let (u, v) = (b - a, c - a);
        let dx = (u * ry - v * qy) * scale;
        let dy = (v * qx - u * rx) * scale;
        let ox = f64::from(origin[0]) - p[0] as f64 / STEPS as f64;
        let oy = f64::from(origin[1]) - p[1] as f64 / STEPS as f64;
        [(a + dx * ox + dy * oy) as f32, dx as f32, dy as f32]
    }

    /// Pixels that may be covered: (x from, x to, y from, y to), ends included, clipped to the image;
    /// `None` when there are none.
    #[inline]
    pub(super) fn bounds(&self, width: usize, height: usize) -> Option<[i32; 4]> {
        let [p, q, r] = self.corners;
        let range = |k: usize, size: usize| {
            let low = p[k].min(q[k]).min(r[k]);
            let high = p[k].max(q[k]).max(r[k]);
            let from = (low + STEPS - 1).div_euclid(STEPS).max(0);
            let to = high.div_euclid(STEPS).min(size as i64 - 1);
            (from <= to).then_some((from as i32, to as i32))
        };
        let (x0, x1) = range(0, width)?;
        let (y0, y1) = range(1, height)?;
        Some([x0, x1, y0, y1])
    }

    /// Calls `span(y, x_from, x_to)`, ends included, for each row that has covered pixels in `bounds`.
    #[inline]
    pub(super) fn scan(&self, bounds: [i32; 4], mut span: impl FnMut(usize, usize, usize)) {
        let [x0, x1, y0, y1] = bounds.map(i64::from);
        // For each edge: value at (0, y0), step per pixel in x, step per row.
        let mut edges = [(0_i64, 0_i64, 0_i64); 3];
        for (k, edge) in edges.iter_mut().enumerate() {
            let (p, q) = (self.corners[k], self.corners[(k + 1) % 3]);
            let (dx, dy) = (q[0] - p[0], q[1] - p[1]);
            let top_left = dy < 0 || (dy == 0 && dx > 0);
            let value = dx * (y0 * STEPS - p[1]) + dy * p[0] - i64::from(!top_left);
            *edge = (value, -dy * STEPS, dx * STEPS);
        }
        for y in y0..=y1 {
            let (mut from, mut to) = (x0, x1);
            for (value, step_x, step_y) in &mut edges {
                let v = *value;
                *value += *step_y;
                if *step_x > 0 {
                    from = from.max(-v.div_euclid(*step_x));
                } else if *step_x < 0 {
                    to = to.min(v.div_euclid(-*step_x));
                } else if v < 0 {
                    to = -1;
                }
            }
            if from <= to {
                span(y as usize, from as usize, to as usize);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: usize = 40;

    fn cover(count: &mut [u32], corners: [[f32; 2]; 3]) {
        let either = Snapped::front(corners).or_else(|| Snapped::new(corners));
        let Some(triangle) = either else { return };
        let Some(bounds) = triangle.bounds(SIZE, SIZE) else {
            return;
        };
        triangle.scan(bounds, |y, from, to| {
            count[y * SIZE + from..=y * SIZE + to]
                .iter_mut()
                .for_each(|c| *c += 1);
        });
    }

    #[test]
    fn a_pixel_aligned_square_covers_its_pixels_once() {
        let mut count = vec![0; SIZE * SIZE];
        cover(&mut count, [[5.0, 5.0], [15.0, 5.0], [15.0, 15.0]]);
        cover(&mut count, [[5.0, 5.0], [15.0, 15.0], [5.0, 15.0]]);
        for y in 0..SIZE {
            for x in 0..SIZE {
                let inside = (5..15).contains(&x) && (5..15).contains(&y);
                assert_eq!(count[y * SIZE + x], u32::from(inside), "at {x}, {y}");
            }
        }
    }

    #[test]
    fn only_the_front_is_seen() {
        let visually_counter_clockwise = [[0.0, 0.0], [0.0, 9.0], [9.0, 0.0]];
        assert!(Snapped::front(visually_counter_clockwise).is_some());
        let [a, b, c] = visually_counter_clockwise;
        assert!(Snapped::front([a, c, b]).is_none());
        assert!(Snapped::front([a, a, b]).is_none());
        assert!(Snapped::front([a, [3.0, 3.0], [6.0, 6.0]]).is_none());
    }

    proptest! {
        /// A convex quadrilateral around any point, split into triangles there: no crack, no overlap.
        #[test]
        fn fans_are_watertight(cx in 12.0..28.0_f32, cy in 12.0..28.0_f32, jitter in prop::array::uniform8(-8.0..8.0_f32)) {
            let rim = [
                [-3.0 + jitter[0], -3.0 + jitter[1]], [43.0 + jitter[2], -3.0 + jitter[3]],
                [43.0 + jitter[4], 43.0 + jitter[5]], [-3.0 + jitter[6], 43.0 + jitter[7]],
            ];
            let mut count = vec![0; SIZE * SIZE];
            for k in 0..4 {
                cover(&mut count, [rim[k], [cx, cy], rim[(k + 1) % 4]]);
            }
            prop_assert!(count.iter().all(|&c| c <= 1));
            for y in 10..30 {
                for x in 10..30 {
                    prop_assert_eq!(count[y * SIZE + x], 1);
                }
            }
        }

        /// The plane through three values takes those values at the corners.
        #[test]
        fn planes_interpolate(c in prop::array::uniform6(0.0..39.0_f32), v in prop::array::uniform3(0.1..2.0_f32)) {
            let corners = [[c[0], c[1]], [c[2], c[3]], [c[4], c[5]]];
            if let Some(t) = Snapped::front(corners) {
                prop_assume!(t.area > 10 * STEPS * STEPS);
                let [at, dx, dy] = t.plane([3, 4], v);
                for (corner, value) in corners.iter().zip(v) {
                    let got = at + dx * (corner[0] - 3.0) + dy * (corner[1] - 4.0);
                    prop_assert!((got - value).abs() < 2e-2, "{} {}", got, value);
                }
            }
        }
    }
}
