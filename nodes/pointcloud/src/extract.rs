//! One frame's way from pixels to the target's cloud.

use camera::{Intrinsics, RayTable};
use nalgebra::{Isometry3, Matrix3, Point3, Vector3};

use crate::behind;
use crate::bounds::{self, OrientedBox};
use crate::filter::{self, Outliers};
use crate::image::{DepthImage, MaskBounds, MaskImage};
use crate::round;
use crate::sample;
use crate::surroundings::surroundings;

/// An axis-aligned region in the base frame, metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Workspace {
    /// Its lowest corner.
    pub min: [f64; 3],
    /// Its highest corner.
    pub max: [f64; 3],
}

impl Default for Workspace {
    /// The cell's workspace, with 2 cm below the table's surface for noise and 10 cm more room at the top, so that a
    /// lifted object stays in the cloud.
    fn default() -> Self {
        Self {
            min: [-0.07, 0.33, -0.02],
            max: [0.63, 0.83, 0.70],
        }
    }
}

/// How the cloud is made. The defaults suit a D455 at about a metre.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Points in every cloud.
    pub points: usize,
    /// Measured points below which there is no cloud.
    pub minimum_points: usize,
    /// Nearest and farthest depth in metres that is believed.
    pub depth_range_m: [f64; 2],
    /// Where the object may be.
    pub workspace: Workspace,
    /// Rim of the mask, in pixels, that is left out, unless nothing else remains.
    pub erosion_px: u32,
    /// How far from a measured pixel of the object, in pixels, its unmeasured pixels are filled in; 0 for not at all.
    ///
    /// Stereo cameras measure nothing along edges behind which the scene falls away, which on the far side of an object
    /// are centimetres. What is filled in continues the measured height level.
    pub fill_px: u32,
    /// Pixels looked at in a frame, about: large masks are sampled with a stride.
    pub candidates: usize,
    /// Points closer to the table than this, in metres, are taken for table when the object rises clearly above it.
    pub table_margin_m: f64,
    /// A box whose lower side is at most this far above the table, in metres, is completed down to it.
    pub rest_gap_m: f64,
    /// Outlier removal.
    pub outliers: Outliers,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            points: 512,
            minimum_points: 20,
            depth_range_m: [0.25, 2.0],
            workspace: Workspace::default(),
            erosion_px: 1,
            fill_px: 5,
            candidates: 6000,
            table_margin_m: 0.004,
            rest_gap_m: 0.06,
            outliers: Outliers::default(),
        }
    }
}

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// No points, or fewer points wanted than needed.
    #[error(
        "a cloud needs at least one point and a minimum of at least 3 measured ones; got {points} and {minimum}"
    )]
    Points {
        /// Points in a cloud.
        points: usize,
        /// Least measured points.
        minimum: usize,
    },
    /// A range whose lower end is not below its upper end.
    #[error("{name} must grow from its lower end {low} to its upper end {high}")]
    EmptyRange {
        /// Which range.
        name: &'static str,
        /// Its lower end.
        low: f64,
        /// Its upper end.
        high: f64,
    },
    /// A number that has to be positive.
    #[error("{name} must be positive and finite; got {value}")]
    NotPositive {
        /// Which number.
        name: &'static str,
        /// Its value.
        value: f64,
    },
}

impl Config {
    /// Depths that are believed, in millimetres; never 0, which means that nothing was measured.
    fn depth_range_mm(&self) -> std::ops::RangeInclusive<u16> {
        let [near, far] = self.depth_range_m.map(|metres| (metres * 1000.0) as u16);
        near.max(1)..=far
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.points == 0 || self.minimum_points < 3 {
            return Err(ConfigError::Points {
                points: self.points,
                minimum: self.minimum_points,
            });
        }
        let ranges = [
            (
                "the depth range",
                self.depth_range_m[0],
                self.depth_range_m[1],
            ),
            (
                "the workspace along x",
                self.workspace.min[0],
                self.workspace.max[0],
            ),
            (
                "the workspace along y",
                self.workspace.min[1],
                self.workspace.max[1],
            ),
            (
                "the workspace along z",
                self.workspace.min[2],
                self.workspace.max[2],
            ),
        ];
        for (name, low, high) in ranges {
            // NaN makes no range either.
            if !low
                .partial_cmp(&high)
                .is_some_and(std::cmp::Ordering::is_lt)
            {
                return Err(ConfigError::EmptyRange { name, low, high });
            }
        }
        let voxel = f64::from(self.outliers.voxel_m);
        for (name, value) in [
            ("the voxel of the outlier removal", voxel),
            ("the number of candidates", self.candidates as f64),
        ] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(ConfigError::NotPositive { name, value });
            }
        }
        Ok(())
    }
}

/// Why there is no cloud for a frame.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The images do not belong together.
    #[error(
        "the {what} image is {width}x{height}, but the camera's is {expected_width}x{expected_height}"
    )]
    SizeMismatch {
        /// "mask" or "depth".
        what: &'static str,
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The camera's width.
        expected_width: u32,
        /// The camera's height.
        expected_height: u32,
    },
    /// The mask has no pixel.
    #[error("the mask is empty")]
    EmptyMask,
    /// The camera measured nothing where the object is.
    #[error(
        "no depth on the object: {valid} of {looked_at} pixels; it may be too near, too dark, clear or shiny"
    )]
    NoDepth {
        /// Pixels with depth.
        valid: usize,
        /// Pixels that were looked at.
        looked_at: usize,
    },
    /// All that was measured lies elsewhere.
    #[error(
        "the object is outside the workspace: {inside} of {measured} points are inside, their middle is at ({x:.2}, {y:.2}, {z:.2}) m"
    )]
    OutsideWorkspace {
        /// Points inside.
        inside: usize,
        /// Points measured.
        measured: usize,
        /// Mean position along x.
        x: f64,
        /// Mean position along y.
        y: f64,
        /// Mean position along z.
        z: f64,
    },
    /// Too little was left.
    #[error("only {left} points of the object remain after outlier removal; {minimum} are needed")]
    TooFewPoints {
        /// Points that were left.
        left: usize,
        /// Points that are needed.
        minimum: usize,
    },
}

/// The target in one frame, in the base frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Exactly [`Config::points`] points, in the order of farthest point sampling.
    pub points: Vec<Point3<f32>>,
    /// The upright box, completed behind, and to the table where the object rests on it.
    pub table_box: OrientedBox,
    /// The freely turned box around what was seen.
    pub tight_box: OrientedBox,
    /// What else rises from the table: other objects, and the robot.
    pub surroundings: Vec<Point3<f32>>,
    /// What it was made from.
    pub counts: Counts,
}

impl Target {
    /// Samples and boxes of clean points in the base frame, seen from a camera in the base frame.
    pub fn from_points(
        points: &[Point3<f32>],
        config: &Config,
        camera_in_base: &Point3<f64>,
    ) -> Result<Self, Refusal> {
        let too_few = Refusal::TooFewPoints {
            left: points.len(),
            minimum: config.minimum_points,
        };
        if points.len() < config.minimum_points {
            return Err(too_few);
        }
        // A few points for every one that is wanted spread evenly; more only cost time.
        let candidates = sample::thin(points, config.points.saturating_mul(4));
        let sampled = sample::farthest_points(&candidates, config.points);
        // The sampled points are evenly spread: the sparse points of the far side count as much as others.
        let upright = bounds::table_box(&sampled).ok_or_else(|| too_few.clone())?;
        let tight_box = bounds::tight_box(&sampled).ok_or_else(|| too_few.clone())?;
        let whole = match round::front_circle(&candidates, camera_in_base) {
            Some(circle) => round::complete_round(&upright, &circle),
            None => {
                let mut whole = sampled.clone();
                whole.extend(behind::far_side(&sampled, camera_in_base));
                bounds::table_box(&whole).ok_or(too_few)?
            }
        };
        Ok(Self {
            points: sampled,
            table_box: bounds::complete_to_table(&whole, config.rest_gap_m),
            tight_box,
            surroundings: Vec::new(),
            counts: Counts {
                kept: points.len(),
                ..Counts::default()
            },
        })
    }
}

/// How many points each step left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Pixels of the mask.
    pub mask_px: usize,
    /// Pixels looked at, inside the mask's rim and on the stride.
    pub looked_at: usize,
    /// Pixels with a believable depth.
    pub valid_depth: usize,
    /// Pixels whose depth was filled in from their neighbours.
    pub filled: usize,
    /// Points in the workspace.
    pub in_workspace: usize,
    /// Points after outlier removal.
    pub kept: usize,
}

/// One frame's images, and which way is up in the camera's frame.
#[derive(Clone, Copy)]
struct Images<'a> {
    mask: &'a MaskImage<'a>,
    depth: &'a DepthImage<'a>,
    found: &'a MaskBounds,
    up: Vector3<f32>,
}

/// Makes clouds from frames of one camera.
#[derive(Debug)]
pub struct Extractor {
    config: Config,
    rays: RayTable,
    points: Vec<Point3<f32>>,
}

impl Extractor {
    /// Checks the configuration and computes the camera's rays.
    pub fn new(config: Config, intrinsics: &Intrinsics) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            rays: intrinsics.ray_table(),
            points: Vec::new(),
        })
    }

    /// The camera it was made for.
    pub fn intrinsics(&self) -> &Intrinsics {
        self.rays.intrinsics()
    }

    /// The target's cloud and boxes in one frame.
    ///
    /// `depth` is aligned to the image that `mask` belongs to; `base_from_camera` is the pose of the optical frame when
    /// the frame was taken.
    pub fn extract(
        &mut self,
        mask: &MaskImage<'_>,
        depth: &DepthImage<'_>,
        base_from_camera: &Isometry3<f64>,
    ) -> Result<Target, Refusal> {
        self.check_size("mask", mask.size())?;
        self.check_size("depth", depth.size())?;
        let found = mask.bounds().ok_or(Refusal::EmptyMask)?;
        let mut counts = Counts {
            mask_px: found.area,
            ..Counts::default()
        };

        let up = base_from_camera.rotation.inverse() * Vector3::z();
        let images = Images {
            mask,
            depth,
            found: &found,
            up: up.cast(),
        };
        self.deproject(&images, self.config.erosion_px, &mut counts);
        if counts.valid_depth < self.config.minimum_points && self.config.erosion_px > 0 {
            // Thin things are all rim; noisy points are better than none.
            self.deproject(&images, 0, &mut counts);
        }
        if counts.valid_depth < self.config.minimum_points {
            return Err(Refusal::NoDepth {
                valid: counts.valid_depth,
                looked_at: counts.looked_at,
            });
        }
        self.move_to_base_and_crop(base_from_camera, &mut counts)?;
        self.drop_table();
        filter::remove_outliers(&mut self.points, &self.config.outliers);
        counts.kept = self.points.len();

        let camera_in_base = Point3::from(base_from_camera.translation.vector);
        let target = Target::from_points(&self.points, &self.config, &camera_in_base)?;
        let surroundings = surroundings(
            mask,
            depth,
            &self.rays,
            base_from_camera,
            &self.config.workspace,
            &self.config.depth_range_mm(),
        );
        Ok(Target {
            counts,
            surroundings,
            ..target
        })
    }

    fn check_size(&self, what: &'static str, (width, height): (u32, u32)) -> Result<(), Refusal> {
        let camera = self.rays.intrinsics();
        if (width, height) == (camera.width, camera.height) {
            return Ok(());
        }
        Err(Refusal::SizeMismatch {
            what,
            width,
            height,
            expected_width: camera.width,
            expected_height: camera.height,
        })
    }

    /// Fills `self.points` with the camera-frame points under the mask.
    fn deproject(&mut self, images: &Images<'_>, rim: u32, counts: &mut Counts) {
        let Images {
            mask, depth, found, ..
        } = *images;
        self.points.clear();
        (counts.looked_at, counts.valid_depth, counts.filled) = (0, 0, 0);
        let stride = ((found.area as f64 / self.config.candidates as f64)
            .sqrt()
            .ceil() as usize)
            .max(1);
        let range = self.config.depth_range_mm();
        let reach = rim as usize;
        let (first, last) = (found.columns.0 as usize, found.columns.1 as usize);

        for v in (found.rows.0..=found.rows.1).step_by(stride) {
            // What lies beyond the image counts as not masked, and so does its rim.
            let (Some(above), below) = (
                v.checked_sub(rim).map(|v| mask.row(v)),
                mask.row(v.saturating_add(rim)),
            ) else {
                continue;
            };
            let row = mask.row(v);
            let depth_row = depth.row(v);
            let rays = self.rays.row(v);
            for u in (first..=last).step_by(stride) {
                let on = |row: &[u8], u: usize| row.get(u).is_some_and(|&value| value != 0);
                let inside = on(row, u)
                    && on(above, u)
                    && on(below, u)
                    && u.checked_sub(reach).is_some_and(|u| on(row, u))
                    && on(row, u + reach);
                if !inside {
                    continue;
                }
                counts.looked_at += 1;
                let Some(&[x, y]) = rays.get(u) else { continue };
                let millimetres = depth_row.millimetres(u);
                let z = if range.contains(&millimetres) {
                    counts.valid_depth += 1;
                    f32::from(millimetres) * 1e-3
                } else if let Some(z) = self.filled(images, u, v) {
                    counts.filled += 1;
                    z
                } else {
                    continue;
                };
                if x.is_finite() && y.is_finite() {
                    self.points.push(Point3::new(x * z, y * z, z));
                }
            }
        }
    }

    /// The depth in metres at which an unmeasured pixel is as high as a measured neighbour on the object.
    ///
    /// The pixel below comes first: it shows what is nearer to the camera, whose level top goes on behind it.
    fn filled(&self, images: &Images<'_>, u: usize, v: u32) -> Option<f32> {
        /// What is further from its neighbour than this is not the same surface.
        const MOST_STEP_M: f32 = 0.04;
        let range = self.config.depth_range_mm();
        let ray = |u: usize, v: u32| {
            let &[x, y] = self.rays.row(v).get(u)?;
            Some(Vector3::new(x, y, 1.0))
        };
        let measured = |u: usize, v: u32| -> Option<Vector3<f32>> {
            if images.mask.row(v).get(u).is_none_or(|&value| value == 0) {
                return None;
            }
            let millimetres = images.depth.row(v).millimetres(u);
            let z = range
                .contains(&millimetres)
                .then(|| f32::from(millimetres) * 1e-3)?;
            Some(ray(u, v)? * z)
        };
        let reach = 1..=self.config.fill_px;
        let below = reach.clone().map(|step| (Some(u), v.checked_add(step)));
        let left = reach
            .clone()
            .map(|step| (u.checked_sub(step as usize), Some(v)));
        let right = reach
            .clone()
            .map(|step| (u.checked_add(step as usize), Some(v)));
        let above = reach.map(|step| (Some(u), v.checked_sub(step)));
        let neighbour = below
            .chain(left)
            .chain(right)
            .chain(above)
            .find_map(|(u, v)| measured(u?, v.filter(|v| *v <= images.found.rows.1)?))?;
        let rise = images.up.dot(&ray(u, v)?);
        let z = images.up.dot(&neighbour) / rise;
        (z - neighbour.z).abs().le(&MOST_STEP_M).then_some(z)
    }

    fn move_to_base_and_crop(
        &mut self,
        base_from_camera: &Isometry3<f64>,
        counts: &mut Counts,
    ) -> Result<(), Refusal> {
        let rotation: Matrix3<f32> = base_from_camera
            .rotation
            .to_rotation_matrix()
            .matrix()
            .cast();
        let translation: Vector3<f32> = base_from_camera.translation.vector.cast();
        let Workspace { min, max } = self.config.workspace;
        let (min, max) = (
            Vector3::from(min).cast::<f32>(),
            Vector3::from(max).cast::<f32>(),
        );
        let mut sum = Vector3::<f64>::zeros();
        self.points.retain_mut(|point| {
            *point = Point3::from(rotation * point.coords + translation);
            sum += point.coords.cast::<f64>();
            point.coords.sup(&min) == point.coords && point.coords.inf(&max) == point.coords
        });
        counts.in_workspace = self.points.len();
        if counts.in_workspace >= self.config.minimum_points {
            return Ok(());
        }
        let middle = sum / counts.valid_depth.max(1) as f64;
        Err(Refusal::OutsideWorkspace {
            inside: counts.in_workspace,
            measured: counts.valid_depth,
            x: middle.x,
            y: middle.y,
            z: middle.z,
        })
    }

    /// Drops what lies on the table when the object clearly rises above it, as masks spill over the object's foot.
    fn drop_table(&mut self) {
        let margin = self.config.table_margin_m as f32;
        let above = self
            .points
            .iter()
            .filter(|point| point.z > 5.0 * margin)
            .count();
        if 2 * above > self.points.len() {
            self.points.retain(|point| point.z > margin);
        }
    }
}
