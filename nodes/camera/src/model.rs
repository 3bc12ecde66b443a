//! The pinhole camera with plumb-bob (Brown-Conrady) distortion, as in `sensor_msgs/CameraInfo`.

use msgs::sensor_msgs::CameraInfo;
use msgs::std_msgs::Header;
use nalgebra::{Matrix2, Point2, Point3, Vector2};
use serde::{Deserialize, Serialize};

/// Largest error, in normalised image units, that the inverse of the distortion may leave: 1e-9 of a radian or so,
/// far below a thousandth of a pixel.
const INVERSE_TOLERANCE: f64 = 1e-10;

/// Newton steps granted to the inverse of the distortion. Lenses as sold need four or five.
const INVERSE_STEPS: usize = 30;

/// What can be wrong with a camera model or with a request to it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The image has no pixels.
    #[error("a camera image cannot be {width}x{height}: both sides must be at least one pixel")]
    EmptyImage {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A focal length, principal point or coefficient is not usable.
    #[error("the camera's {name} is {value}, which is not {expected}; check its calibration")]
    BadValue {
        /// Name of the value.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it has to be.
        expected: &'static str,
    },
    /// A point at or behind the image plane has no pixel.
    #[error("a point with z = {z} m is not in front of the camera")]
    BehindCamera {
        /// Depth along the optical axis in metres.
        z: f64,
    },
    /// The distortion cannot be undone here.
    #[error(
        "pixel ({u:.1}, {v:.1}) has no undistorted ray: the distortion folds over there; check the calibration"
    )]
    NoInverse {
        /// Column in pixels.
        u: f64,
        /// Row in pixels.
        v: f64,
    },
    /// A `CameraInfo` names a distortion model that is not known here.
    #[error("the distortion model {model:?} is not known; publish plumb_bob or rectified images")]
    UnknownDistortion {
        /// Its name.
        model: String,
    },
    /// A `CameraInfo` has a wrong number of distortion coefficients.
    #[error(
        "plumb_bob has 5 coefficients (k1, k2, p1, p2, k3), or none for a rectified image; got {count}"
    )]
    WrongCoefficientCount {
        /// How many it had.
        count: usize,
    },
}

/// Plumb-bob coefficients, in the order of `CameraInfo.d`: radial k1, k2, tangential p1, p2, radial k3.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "[f64; 5]", into = "[f64; 5]")]
pub struct Distortion {
    /// Radial coefficient of r^2.
    pub k1: f64,
    /// Radial coefficient of r^4.
    pub k2: f64,
    /// Tangential coefficient (vertical decentring).
    pub p1: f64,
    /// Tangential coefficient (horizontal decentring).
    pub p2: f64,
    /// Radial coefficient of r^6.
    pub k3: f64,
}

impl From<[f64; 5]> for Distortion {
    fn from([k1, k2, p1, p2, k3]: [f64; 5]) -> Self {
        Self { k1, k2, p1, p2, k3 }
    }
}

impl From<Distortion> for [f64; 5] {
    fn from(d: Distortion) -> Self {
        [d.k1, d.k2, d.p1, d.p2, d.k3]
    }
}

impl Distortion {
    /// No distortion: a rectified or a rendered image.
    pub const NONE: Self = Self {
        k1: 0.0,
        k2: 0.0,
        p1: 0.0,
        p2: 0.0,
        k3: 0.0,
    };

    /// True when the image follows the plain pinhole.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Distorts a normalised image point (x/z, y/z).
    pub fn distort(&self, ideal: Vector2<f64>) -> Vector2<f64> {
        let (x, y) = (ideal.x, ideal.y);
        let r2 = x * x + y * y;
        let radial = 1.0 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3));
        Vector2::new(
            x * radial + 2.0 * self.p1 * x * y + self.p2 * (r2 + 2.0 * x * x),
            y * radial + self.p1 * (r2 + 2.0 * y * y) + 2.0 * self.p2 * x * y,
        )
    }

    /// Undoes [`Self::distort`] by Newton's method; `None` where the distortion is not invertible.
    pub fn undistort(&self, distorted: Vector2<f64>) -> Option<Vector2<f64>> {
        if self.is_none() {
            return Some(distorted);
        }
        let mut ideal = distorted;
        for _ in 0..INVERSE_STEPS {
            let residual = self.distort(ideal) - distorted;
            if residual.norm() < INVERSE_TOLERANCE {
                return Some(ideal);
            }
            let jacobian = self.jacobian(ideal);
            // Beyond the fold a step would run to another branch, whose ray the lens does not have.
            if jacobian.determinant() <= 1e-6 {
                return None;
            }
            ideal -= jacobian.try_inverse()? * residual;
        }
        None
    }

    /// How [`Self::distort`] changes with its argument.
    pub fn jacobian(&self, ideal: Vector2<f64>) -> Matrix2<f64> {
        let (x, y) = (ideal.x, ideal.y);
        let r2 = x * x + y * y;
        let radial = 1.0 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3));
        // d(radial)/d(r2)
        let slope = self.k1 + r2 * (2.0 * self.k2 + 3.0 * r2 * self.k3);
        let cross = 2.0 * x * y * slope + 2.0 * self.p1 * x + 2.0 * self.p2 * y;
        Matrix2::new(
            radial + 2.0 * x * x * slope + 2.0 * self.p1 * y + 6.0 * self.p2 * x,
            cross,
            cross,
            radial + 2.0 * y * y * slope + 6.0 * self.p1 * y + 2.0 * self.p2 * x,
        )
    }
}

/// The inner geometry of one camera at one resolution.
///
/// Frames: points are in the optical frame (x right, y down, z forward, metres). Pixels count from the centre of the
/// top left pixel, so the image covers -0.5 to `width` - 0.5.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Intrinsics {
    /// Width of the image in pixels.
    pub width: u32,
    /// Height of the image in pixels.
    pub height: u32,
    /// Focal length along the columns in pixels.
    pub fx: f64,
    /// Focal length along the rows in pixels.
    pub fy: f64,
    /// Principal point, column in pixels.
    pub cx: f64,
    /// Principal point, row in pixels.
    pub cy: f64,
    /// Lens distortion.
    #[serde(default)]
    pub distortion: Distortion,
}

impl Intrinsics {
    /// Checks the figures: an image with pixels, positive focal lengths, everything finite.
    pub fn new(
        width: u32,
        height: u32,
        (fx, fy): (f64, f64),
        (cx, cy): (f64, f64),
        distortion: Distortion,
    ) -> Result<Self, ModelError> {
        if width == 0 || height == 0 {
            return Err(ModelError::EmptyImage { width, height });
        }
        for (name, value) in [("focal length fx", fx), ("focal length fy", fy)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(ModelError::BadValue {
                    name,
                    value,
                    expected: "a positive number",
                });
            }
        }
        let [k1, k2, p1, p2, k3] = distortion.into();
        for (name, value) in [
            ("principal point cx", cx),
            ("principal point cy", cy),
            ("distortion k1", k1),
            ("distortion k2", k2),
            ("distortion p1", p1),
            ("distortion p2", p2),
            ("distortion k3", k3),
        ] {
            if !value.is_finite() {
                return Err(ModelError::BadValue {
                    name,
                    value,
                    expected: "a finite number",
                });
            }
        }
        Ok(Self {
            width,
            height,
            fx,
            fy,
            cx,
            cy,
            distortion,
        })
    }

    /// An ideal camera with square pixels, its principal point in the middle and the given horizontal field of view in
    /// radians (87 degrees for the D455's colour image of 1280x720).
    pub fn from_hfov(width: u32, height: u32, hfov: f64) -> Result<Self, ModelError> {
        if !(hfov > 0.0 && hfov < std::f64::consts::PI) {
            return Err(ModelError::BadValue {
                name: "horizontal field of view",
                value: hfov,
                expected: "an angle between 0 and pi rad",
            });
        }
        let focal = 0.5 * f64::from(width) / (0.5 * hfov).tan();
        let centre = (
            0.5 * (f64::from(width) - 1.0),
            0.5 * (f64::from(height) - 1.0),
        );
        Self::new(width, height, (focal, focal), centre, Distortion::NONE)
    }

    /// Horizontal field of view in radians, between the outer edges of the outermost pixels, without distortion.
    pub fn hfov(&self) -> f64 {
        ((self.cx + 0.5) / self.fx).atan()
            + ((f64::from(self.width) - 0.5 - self.cx) / self.fx).atan()
    }

    /// The same camera with its image resized to `width` x `height`.
    pub fn scaled(&self, width: u32, height: u32) -> Result<Self, ModelError> {
        if self.width == 0 || self.height == 0 {
            return Err(ModelError::EmptyImage {
                width: self.width,
                height: self.height,
            });
        }
        let (sx, sy) = (
            f64::from(width) / f64::from(self.width),
            f64::from(height) / f64::from(self.height),
        );
        Self::new(
            width,
            height,
            (self.fx * sx, self.fy * sy),
            // The corner of the image stays the corner: half a pixel off the centre of its first pixel.
            ((self.cx + 0.5) * sx - 0.5, (self.cy + 0.5) * sy - 0.5),
            self.distortion,
        )
    }

    /// True when the pixel lies on the image.
    pub fn contains(&self, pixel: &Point2<f64>) -> bool {
        let inside = |value: f64, size: u32| value >= -0.5 && value < f64::from(size) - 0.5;
        inside(pixel.x, self.width) && inside(pixel.y, self.height)
    }

    /// The pixel of a point in the optical frame. It may lie outside the image: see [`Self::contains`].
    pub fn project(&self, point_in_camera: &Point3<f64>) -> Result<Point2<f64>, ModelError> {
        let z = point_in_camera.z;
        if !(z.is_finite() && z > 1e-9) {
            return Err(ModelError::BehindCamera { z });
        }
        let ideal = Vector2::new(point_in_camera.x / z, point_in_camera.y / z);
        let seen = self.distortion.distort(ideal);
        Ok(Point2::new(
            self.fx * seen.x + self.cx,
            self.fy * seen.y + self.cy,
        ))
    }

    /// The ray of a pixel as (x/z, y/z) in the optical frame.
    pub fn ray(&self, pixel: &Point2<f64>) -> Result<Vector2<f64>, ModelError> {
        let seen = Vector2::new((pixel.x - self.cx) / self.fx, (pixel.y - self.cy) / self.fy);
        self.distortion
            .undistort(seen)
            .ok_or(ModelError::NoInverse {
                u: pixel.x,
                v: pixel.y,
            })
    }

    /// The point in the optical frame that a pixel shows at depth `z` in metres (along the optical axis, as depth
    /// images give it, not along the ray).
    pub fn deproject(&self, pixel: &Point2<f64>, z: f64) -> Result<Point3<f64>, ModelError> {
        if !(z.is_finite() && z > 0.0) {
            return Err(ModelError::BehindCamera { z });
        }
        let ray = self.ray(pixel)?;
        Ok(Point3::new(ray.x * z, ray.y * z, z))
    }

    /// The rays of all pixels, computed once so that a whole depth image deprojects at memory speed.
    pub fn ray_table(&self) -> RayTable {
        RayTable::new(self)
    }
}

impl TryFrom<&CameraInfo> for Intrinsics {
    type Error = ModelError;

    /// Reads the raw image's geometry (`k`, `d`). No distortion coefficients, or all zero, mean a rectified image.
    fn try_from(info: &CameraInfo) -> Result<Self, ModelError> {
        let [fx, _, cx, _, fy, cy, ..] = info.k;
        let distortion = match info.d.as_slice() {
            coefficients if coefficients.iter().all(|value| *value == 0.0) => Distortion::NONE,
            _ if info.distortion_model != "plumb_bob" => {
                return Err(ModelError::UnknownDistortion {
                    model: info.distortion_model.clone(),
                });
            }
            &[k1, k2, p1, p2, k3] => Distortion { k1, k2, p1, p2, k3 },
            coefficients => {
                return Err(ModelError::WrongCoefficientCount {
                    count: coefficients.len(),
                });
            }
        };
        Self::new(info.width, info.height, (fx, fy), (cx, cy), distortion)
    }
}

impl Intrinsics {
    /// The message that describes this camera.
    pub fn to_camera_info(&self, header: Header) -> CameraInfo {
        let Self { fx, fy, cx, cy, .. } = *self;
        CameraInfo {
            header,
            height: self.height,
            width: self.width,
            distortion_model: "plumb_bob".to_owned(),
            d: <[f64; 5]>::from(self.distortion).to_vec(),
            k: [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
            r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            p: [fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
            ..CameraInfo::default()
        }
    }
}

/// Precomputed rays (x/z, y/z) of every pixel, row by row.
///
/// Pixels whose distortion has no inverse hold NaN, so that whatever is computed from them is not finite and drops out.
#[derive(Debug, Clone)]
pub struct RayTable {
    intrinsics: Intrinsics,
    rays: Vec<[f32; 2]>,
}

impl RayTable {
    /// Computes the table; some 20 ms for 1280x720 with distortion, and done once a camera.
    pub fn new(intrinsics: &Intrinsics) -> Self {
        let mut rays = Vec::with_capacity(intrinsics.width as usize * intrinsics.height as usize);
        for v in 0..intrinsics.height {
            for u in 0..intrinsics.width {
                let ray = intrinsics
                    .ray(&Point2::new(f64::from(u), f64::from(v)))
                    .map_or([f32::NAN; 2], |ray| [ray.x as f32, ray.y as f32]);
                rays.push(ray);
            }
        }
        Self {
            intrinsics: *intrinsics,
            rays,
        }
    }

    /// The camera it was computed for.
    pub fn intrinsics(&self) -> &Intrinsics {
        &self.intrinsics
    }

    /// The rays of one image row; empty beyond the image.
    pub fn row(&self, v: u32) -> &[[f32; 2]] {
        let width = self.intrinsics.width as usize;
        let start = v as usize * width;
        self.rays.get(start..start + width).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A strongly distorted wide lens; coefficients of the size that ROS's tutorials show for a webcam.
    fn webcam() -> Intrinsics {
        Intrinsics::new(
            640,
            480,
            (520.0, 515.0),
            (318.2, 243.9),
            Distortion {
                k1: 0.12,
                k2: -0.27,
                p1: 0.0007,
                p2: -0.0015,
                k3: 0.08,
            },
        )
        .unwrap()
    }

    #[test]
    fn field_of_view_round_trips() {
        let d455 = Intrinsics::from_hfov(1280, 720, 87_f64.to_radians()).unwrap();
        // tan(43.5 deg) = 0.948965: 640 / 0.948965 = 674.42
        assert!((d455.fx - 674.42).abs() < 0.01, "fx = {}", d455.fx);
        assert!((d455.hfov() - 87_f64.to_radians()).abs() < 1e-12);
    }

    #[test]
    fn axes_follow_the_optical_frame() {
        let camera = Intrinsics::from_hfov(100, 80, 1.0).unwrap();
        let middle = camera.project(&Point3::new(0.0, 0.0, 1.0)).unwrap();
        let right = camera.project(&Point3::new(0.1, 0.0, 1.0)).unwrap();
        let below = camera.project(&Point3::new(0.0, 0.1, 1.0)).unwrap();
        assert_eq!((middle.x, middle.y), (49.5, 39.5));
        assert!(right.x > middle.x && right.y == middle.y);
        assert!(below.y > middle.y && below.x == middle.x);
    }

    #[test]
    fn opencv_reference_value() {
        // Worked by hand from the published formula: x = 0.3, y = -0.2, r2 = 0.13,
        // radial = 1 + 0.1*0.13 + 0.01*0.0169 + 0.001*0.002197 = 1.013171197,
        // xd = 0.3*radial + 2*0.002*x*y + 0.003*(r2 + 2*0.09) = 0.3046413591,
        // yd = -0.2*radial + 0.002*(r2 + 2*0.04) + 2*0.003*x*y = -0.2025742394.
        let d = Distortion {
            k1: 0.1,
            k2: 0.01,
            p1: 0.002,
            p2: 0.003,
            k3: 0.001,
        };
        let seen = d.distort(Vector2::new(0.3, -0.2));
        assert!((seen.x - 0.304_641_359_1).abs() < 1e-9, "{}", seen.x);
        assert!((seen.y + 0.202_574_239_4).abs() < 1e-9, "{}", seen.y);
    }

    #[test]
    fn scaling_keeps_rays() {
        let camera = webcam();
        let half = camera.scaled(320, 240).unwrap();
        let point = Point3::new(0.2, -0.15, 1.1);
        let (full, small) = (
            camera.project(&point).unwrap(),
            half.project(&point).unwrap(),
        );
        assert!(((full.x + 0.5) / 2.0 - 0.5 - small.x).abs() < 1e-9);
        assert!(((full.y + 0.5) / 2.0 - 0.5 - small.y).abs() < 1e-9);
    }

    #[test]
    fn ray_table_agrees_with_the_model() {
        let camera = webcam();
        let table = camera.ray_table();
        for (u, v) in [(0, 0), (639, 479), (100, 300)] {
            let ray = camera
                .ray(&Point2::new(f64::from(u), f64::from(v)))
                .unwrap();
            let [x, y] = table.row(v)[u as usize];
            assert!((f64::from(x) - ray.x).abs() < 1e-6 && (f64::from(y) - ray.y).abs() < 1e-6);
        }
        assert!(table.row(480).is_empty());
    }

    #[test]
    fn bad_figures_are_refused() {
        assert!(matches!(
            Intrinsics::from_hfov(0, 10, 1.0),
            Err(ModelError::EmptyImage { .. } | ModelError::BadValue { .. })
        ));
        assert!(Intrinsics::from_hfov(10, 10, 4.0).is_err());
        assert!(Intrinsics::new(10, 10, (f64::NAN, 1.0), (5.0, 5.0), Distortion::NONE).is_err());
        assert!(matches!(
            webcam().project(&Point3::new(0.0, 0.0, -1.0)),
            Err(ModelError::BehindCamera { .. })
        ));
    }

    #[test]
    fn camera_info_round_trips() {
        let info = webcam().to_camera_info(Header::default());
        assert_eq!(Intrinsics::try_from(&info), Ok(webcam()));
        let fisheye = CameraInfo {
            distortion_model: "equidistant".to_owned(),
            ..info.clone()
        };
        assert!(matches!(
            Intrinsics::try_from(&fisheye),
            Err(ModelError::UnknownDistortion { .. })
        ));
        let short = CameraInfo {
            d: vec![0.1; 4],
            ..info.clone()
        };
        assert_eq!(
            Intrinsics::try_from(&short),
            Err(ModelError::WrongCoefficientCount { count: 4 })
        );
        let rectified = CameraInfo {
            d: Vec::new(),
            distortion_model: String::new(),
            ..info
        };
        assert!(
            Intrinsics::try_from(&rectified)
                .unwrap()
                .distortion
                .is_none()
        );
        assert!(Intrinsics::try_from(&CameraInfo::default()).is_err());
    }

    #[test]
    fn a_folding_lens_is_reported() {
        // r * (1 - 2 r^2) rises only up to r = 0.41, where it reaches 0.27: 1.0 is out of its range.
        let d = Distortion {
            k1: -2.0,
            ..Distortion::NONE
        };
        assert_eq!(d.undistort(Vector2::new(1.0, 0.0)), None);
    }

    proptest! {
        #[test]
        fn projection_and_deprojection_are_inverse(
            u in -0.5..639.5_f64, v in -0.5..479.5_f64, z in 0.05..10.0_f64,
            k1 in -0.05..0.15_f64, k2 in -0.05..0.05_f64, p1 in -0.003..0.003_f64, p2 in -0.003..0.003_f64,
        ) {
            let camera = Intrinsics { distortion: Distortion { k1, k2, p1, p2, k3: 0.0 }, ..webcam() };
            let point = camera.deproject(&Point2::new(u, v), z).unwrap();
            prop_assert_eq!(point.z, z);
            let pixel = camera.project(&point).unwrap();
            prop_assert!((pixel.x - u).abs() < 1e-6 && (pixel.y - v).abs() < 1e-6);
        }
    }
}
