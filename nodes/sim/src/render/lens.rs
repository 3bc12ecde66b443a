//! What a lens does to a picture: distortion, and that a pixel sees an area and not a point.
//!
//! The renderer knows pinholes only, and looks at the middle of each pixel. So a distorted or a smooth picture is made from
//! a finer one of a pinhole camera that sees all that the lens sees: each pixel is the mean of several points of it.

use camera::{Distortion, Intrinsics, ModelError};
use nalgebra::{Point2, Vector2};

use super::Frame;

/// A lens; see the [module](self).
#[derive(Debug, Clone)]
pub struct Lens {
    pinhole: Intrinsics,
    samples: u32,
    /// For each pixel, row by row, where its middle is in the finer picture, and how that changes along columns and rows.
    places: Vec<[Vector2<f32>; 3]>,
    width: usize,
}

/// Points on each side of the picture that say how wide the lens sees.
const BORDER_POINTS: u32 = 32;
/// The finer picture reaches this many of its pixels further than the lens sees.
const MARGIN_PX: f64 = 2.0;

impl Lens {
    /// The lens of a camera, each of whose pixels is the mean of `samples` by `samples` points.
    ///
    /// # Errors
    /// When the distortion folds over within the picture.
    pub fn new(camera: &Intrinsics, samples: u32) -> Result<Self, ModelError> {
        let samples = samples.max(1);
        let scale = f64::from(samples);
        let (right, bottom) = (f64::from(camera.width), f64::from(camera.height));
        let (mut least, mut most) = (Vector2::repeat(f64::MAX), Vector2::repeat(f64::MIN));
        for step in 0..=BORDER_POINTS {
            let part = f64::from(step) / f64::from(BORDER_POINTS);
            for (x, y) in [(part, 0.0), (part, 1.0), (0.0, part), (1.0, part)] {
                let ray = camera.ray(&Point2::new(x * right - 0.5, y * bottom - 0.5))?;
                least = least.inf(&ray);
                most = most.sup(&ray);
            }
        }
        let focal = Vector2::new(camera.fx * scale, camera.fy * scale);
        let size = (most - least)
            .component_mul(&focal)
            .add_scalar(2.0 * MARGIN_PX);
        // A point of a pixel that is seen without distortion falls on the middle of a finer pixel.
        let centre = |focal: f64, least: f64, middle: f64| {
            let wanted = MARGIN_PX - focal * least;
            let exact = middle * scale + 0.5 * (scale - 1.0);
            exact + (wanted - exact).ceil()
        };
        let pinhole = Intrinsics::new(
            size.x.ceil() as u32 + 1,
            size.y.ceil() as u32 + 1,
            (focal.x, focal.y),
            (
                centre(focal.x, least.x, camera.cx),
                centre(focal.y, least.y, camera.cy),
            ),
            Distortion::NONE,
        )?;
        let place = |u: f64, v: f64| -> Result<Vector2<f64>, ModelError> {
            let ray = camera.ray(&Point2::new(u, v))?;
            Ok(Vector2::new(
                ray.x * pinhole.fx + pinhole.cx,
                ray.y * pinhole.fy + pinhole.cy,
            ))
        };
        let mut places = Vec::with_capacity(camera.width as usize * camera.height as usize);
        for row in 0..camera.height {
            for column in 0..camera.width {
                let (u, v) = (f64::from(column), f64::from(row));
                let middle = place(u, v)?;
                let along = place(u + 0.5, v)? - place(u - 0.5, v)?;
                let down = place(u, v + 0.5)? - place(u, v - 0.5)?;
                places.push([middle.cast(), along.cast(), down.cast()]);
            }
        }
        Ok(Self {
            pinhole,
            samples,
            places,
            width: camera.width as usize,
        })
    }

    /// The pinhole camera whose picture [`Lens::develop`] takes.
    #[must_use]
    pub fn pinhole(&self) -> &Intrinsics {
        &self.pinhole
    }

    /// Turns the pinhole's picture into the lens's. Depth and instance are those in the middle of each pixel.
    pub fn develop(&self, fine: &Frame, frame: &mut Frame) {
        frame.resize(self.width, self.places.len() / self.width.max(1));
        let offsets: Vec<f32> = (0..self.samples)
            .map(|sample| (sample as f32 + 0.5) / self.samples as f32 - 0.5)
            .collect();
        let count = (self.samples * self.samples) as f32;
        let pixels = frame
            .rgb
            .chunks_exact_mut(3)
            .zip(&mut frame.depth_m)
            .zip(&mut frame.instance);
        for ([middle, along, down], ((rgb, depth), instance)) in self.places.iter().zip(pixels) {
            let mut sum = [0.0_f32; 3];
            for y in &offsets {
                for x in &offsets {
                    add(&mut sum, fine, middle + along * *x + down * *y);
                }
            }
            for (byte, sum) in rgb.iter_mut().zip(sum) {
                *byte = (sum / count + 0.5) as u8;
            }
            let nearest = |at: f32, size: usize| (at.round().max(0.0) as usize).min(size - 1);
            let place = nearest(middle.y, fine.height) * fine.width + nearest(middle.x, fine.width);
            *depth = fine.depth_m[place];
            *instance = fine.instance[place];
        }
    }
}

/// Adds the colour between the four nearest pixels.
fn add(sum: &mut [f32; 3], fine: &Frame, at: Vector2<f32>) {
    let left = (at.x.max(0.0) as usize).min(fine.width - 2);
    let top = (at.y.max(0.0) as usize).min(fine.height - 2);
    let (s, t) = (at.x - left as f32, at.y - top as f32);
    let first = 3 * (top * fine.width + left);
    let (upper, lower) = (
        &fine.rgb[first..first + 6],
        &fine.rgb[first + 3 * fine.width..][..6],
    );
    for (k, sum) in sum.iter_mut().enumerate() {
        let row = |row: &[u8]| f32::from(row[k]) * (1.0 - s) + f32::from(row[k + 3]) * s;
        *sum += row(upper) * (1.0 - t) + row(lower) * t;
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::{Isometry3, Point3};

    use super::*;
    use crate::render::{
        Camera, Lighting, Renderer, Visual, material::Material, mesh::TriangleMesh,
    };
    use crate::shape::Shape;

    fn camera(distortion: Distortion) -> Intrinsics {
        Intrinsics::new(160, 120, (110.0, 111.0), (80.3, 58.9), distortion).unwrap()
    }

    /// A lens with the distortion of a cheap camera.
    fn bent() -> Distortion {
        Distortion::from([-0.2, 0.05, 0.002, -0.001, 0.0])
    }

    /// Where the middle of a ball's picture is.
    fn middle_of(lens: &Lens, ball: Point3<f64>) -> Point2<f64> {
        let visual = Visual {
            mesh: std::sync::Arc::new(TriangleMesh::from(&Shape::Sphere { radius: 0.02 })),
            world_from_mesh: Isometry3::translation(ball.x, ball.y, ball.z).cast(),
            material: Material::plain([0.8; 3], 0.9),
            instance: 7,
        };
        let pinhole = Camera {
            intrinsics: *lens.pinhole(),
            world_from_optical: Isometry3::identity(),
        };
        let (mut fine, mut frame) = (Frame::default(), Frame::default());
        Renderer::default().render(&[visual], &Lighting::default(), &pinhole, &mut fine);
        lens.develop(&fine, &mut frame);
        assert_eq!((frame.width, frame.height), (160, 120));
        let seen: Vec<_> = (0..160 * 120)
            .filter(|place| frame.instance[*place] == 7)
            .collect();
        let mean = |of: fn(usize) -> usize| {
            seen.iter().map(|place| of(*place) as f64).sum::<f64>() / seen.len() as f64
        };
        Point2::new(mean(|place| place % 160), mean(|place| place / 160))
    }

    #[test]
    fn things_are_seen_where_the_camera_model_has_them() {
        for samples in [1, 3] {
            for distortion in [Distortion::NONE, bent()] {
                let camera = camera(distortion);
                let lens = Lens::new(&camera, samples).unwrap();
                for ball in [
                    Point3::new(0.0, 0.0, 0.8),
                    Point3::new(0.35, 0.25, 0.7),
                    Point3::new(-0.4, 0.3, 0.8),
                ] {
                    let (seen, wanted) = (middle_of(&lens, ball), camera.project(&ball).unwrap());
                    // A ball beside the axis is seen as an ellipse whose middle is a little off.
                    assert!(
                        (seen - wanted).norm() < 0.4,
                        "{samples} {ball}: {seen} for {wanted}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_edge_is_as_bright_as_the_share_of_the_pixel_that_it_covers() {
        let camera = camera(Distortion::NONE);
        let lens = Lens::new(&camera, 4).unwrap();
        let pinhole = lens.pinhole();
        let (width, height) = (pinhole.width as usize, pinhole.height as usize);
        let mut fine = Frame::default();
        fine.resize(width, height);
        // White from a line at column 40.25 on.
        let edge = (40.25 - camera.cx) / camera.fx * pinhole.fx + pinhole.cx;
        for (place, rgb) in fine.rgb.chunks_mut(3).enumerate() {
            rgb.fill(if (place % width) as f64 > edge {
                255
            } else {
                0
            });
        }
        let mut frame = Frame::default();
        lens.develop(&fine, &mut frame);
        let row: Vec<u8> = (38..43).map(|x| frame.rgb[3 * (60 * 160 + x)]).collect();
        // Column 40 reaches from 39.5 to 40.5, so a quarter of it is white.
        assert_eq!(row, [0, 0, 64, 255, 255]);
    }

    #[test]
    fn a_lens_that_folds_over_is_refused() {
        let folded = camera(Distortion::from([-3.0, 0.0, 0.0, 0.0, 0.0]));
        assert!(Lens::new(&folded, 2).is_err());
    }
}
