//! Samples with a known answer: what a robot and a camera with given noise would have recorded.

use camera::{Distortion, Intrinsics};
use nalgebra::{Isometry3, Point2, UnitQuaternion, Vector3, Vector6};
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, StandardNormal};
use rand_pcg::Pcg64;

use crate::{
    board::Board,
    hand_eye::Noise,
    pose::{Pose, moved, step_isometry},
    sample::{Frames, Sample, Samples, Setup},
};

/// What to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Where camera and board are.
    pub setup: Setup,
    /// The board.
    pub board: Board,
    /// How many samples.
    pub samples: usize,
    /// How many of them are grossly wrong.
    pub outliers: usize,
    /// How noisy the others are.
    pub noise: Noise,
    /// What random numbers come from.
    pub seed: u64,
}

/// Samples and what they were made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthetic {
    /// What was recorded. The camera in it is the true one.
    pub samples: Samples,
    /// The camera in the frame that it is fixed to.
    pub mount_from_camera: Isometry3<f64>,
    /// The board in the frame that it is fixed to.
    pub carrier_from_board: Isometry3<f64>,
    /// Names of the samples that are grossly wrong.
    pub outliers: Vec<String>,
}

/// The board in `calibration/boards/charuco_7x5.yaml`.
#[must_use]
pub fn charuco() -> Board {
    Board::Charuco {
        dictionary: "DICT_5X5_100".to_owned(),
        columns: 7,
        rows: 5,
        square_m: 0.03,
        marker_m: 0.022,
        first_id: 0,
    }
}

/// An Intel RealSense D455's colour camera at 1280x720 with the lens distortion that was published for one.
#[must_use]
pub fn d455() -> Intrinsics {
    Intrinsics {
        width: 1280,
        height: 720,
        fx: 629.6,
        fy: 629.0,
        cx: 629.1,
        cy: 357.5,
        distortion: Distortion {
            k1: -0.0557,
            k2: 0.0603,
            p1: -0.000_98,
            p2: -0.000_85,
            k3: -0.0161,
        },
    }
}

/// Draws that are tried for a pose that shows the whole board.
const DRAWS: usize = 1000;

/// Makes samples. Poses show the whole board, 0.4 to 0.8 m away and tilted by up to 40 degrees about any axis.
///
/// Of the gross errors, half are a robot that was elsewhere (3 to 10 cm and up to 10 degrees) and half a board of which
/// some corners were taken for others.
#[must_use]
pub fn hand_eye(recipe: &Recipe) -> Synthetic {
    let mut random = Pcg64::seed_from_u64(recipe.seed);
    let camera = d455();
    let mount_from_camera = match recipe.setup {
        Setup::EyeToHand => looking_back(&mut random),
        Setup::EyeInHand => {
            step_isometry(&Vector6::new(0.03, -0.06, 0.04, 0.1, -0.05, 0.2)) * jitter(&mut random)
        }
    };
    let carrier_from_board = match recipe.setup {
        Setup::EyeToHand => {
            step_isometry(&Vector6::new(-0.1, -0.07, 0.06, 0.05, 0.1, 0.0)) * jitter(&mut random)
        }
        Setup::EyeInHand => {
            step_isometry(&Vector6::new(0.3, 0.4, 0.0, std::f64::consts::PI, 0.0, 0.1))
                * jitter(&mut random)
        }
    };
    let corners = recipe.board.corners();
    let mut samples = Vec::with_capacity(recipe.samples);
    let mut outliers = Vec::new();
    for index in 0..recipe.samples {
        let camera_from_board = view_of(&recipe.board, &camera, 0.4..0.8, 1.0, &mut random);
        let chain = mount_from_camera * camera_from_board * carrier_from_board.inverse();
        let base_from_flange = match recipe.setup {
            Setup::EyeToHand => chain,
            Setup::EyeInHand => chain.inverse(),
        };
        let error = Vector6::from_fn(|axis, _| {
            let deviation = if axis < 3 {
                recipe.noise.robot_m
            } else {
                recipe.noise.robot_rad
            };
            deviation * normal(&mut random)
        });
        let mut told = moved(&base_from_flange, &error);
        let mut seen: Vec<(u32, Point2<f64>)> = corners
            .iter()
            .filter_map(|(id, point)| {
                Some((*id, camera.project(&(camera_from_board * point)).ok()?))
            })
            .collect();
        for (_, pixel) in &mut seen {
            pixel.x += recipe.noise.corner_px * normal(&mut random);
            pixel.y += recipe.noise.corner_px * normal(&mut random);
        }
        let name = format!("{:03}", index + 1);
        // Spread over the run, of both kinds in turn.
        if recipe.outliers > 0 && (index * recipe.outliers) % recipe.samples < recipe.outliers {
            if outliers.len() % 2 == 0 {
                told *= elsewhere(&mut random);
            } else {
                let ids: Vec<u32> = seen.iter().map(|(id, _)| *id).collect();
                for ((id, _), other) in seen.iter_mut().zip(ids.iter().skip(1).chain(&ids)) {
                    *id = *other;
                }
            }
            outliers.push(name.clone());
        }
        samples.push(Sample {
            name,
            base_from_flange: Some(Pose::from(&told)),
            corners: seen
                .into_iter()
                .map(|(id, pixel)| (id, pixel.x, pixel.y))
                .collect(),
            image: None,
        });
    }
    let samples = Samples {
        setup: recipe.setup,
        frames: Frames::default(),
        board: recipe.board.clone(),
        camera,
        samples,
    };
    Synthetic {
        samples,
        mount_from_camera,
        carrier_from_board,
        outliers,
    }
}

/// Pictures of a ChArUco board for [`crate::intrinsics`], 0.25 to 0.6 m away and all over the image; the camera in them
/// is the true one.
#[must_use]
pub fn pictures(count: usize, corner_px: f64, seed: u64) -> Samples {
    let mut random = Pcg64::seed_from_u64(seed);
    let camera = d455();
    let board = Board::Charuco {
        dictionary: "DICT_5X5_100".to_owned(),
        columns: 9,
        rows: 6,
        square_m: 0.03,
        marker_m: 0.022,
        first_id: 0,
    };
    let corners = board.corners();
    let samples = (0..count).map(|index| {
        let camera_from_board = view_of(&board, &camera, 0.25..0.6, 0.6, &mut random);
        let seen = corners.iter().filter_map(|(id, point)| {
            let pixel = camera.project(&(camera_from_board * point)).ok()?;
            camera.contains(&pixel).then_some((*id, pixel))
        });
        let seen: Vec<_> = seen.collect();
        let mut noisy = |value: f64| value + corner_px * normal(&mut random);
        Sample {
            name: format!("{:03}", index + 1),
            base_from_flange: None,
            corners: seen
                .into_iter()
                .map(|(id, pixel)| (id, noisy(pixel.x), noisy(pixel.y)))
                .collect(),
            image: None,
        }
    });
    let samples = samples.collect();
    Samples {
        setup: Setup::EyeInHand,
        frames: Frames::default(),
        board,
        camera,
        samples,
    }
}

/// A camera across the table that looks back at the robot.
fn looking_back(random: &mut impl Rng) -> Isometry3<f64> {
    let eye = nalgebra::Point3::new(0.28, 1.05, 0.5);
    let look =
        Isometry3::face_towards(&eye, &nalgebra::Point3::new(0.28, 0.5, 0.2), &-Vector3::z());
    look * jitter(random)
}

/// A few centimetres and degrees any way.
fn jitter(random: &mut impl Rng) -> Isometry3<f64> {
    step_isometry(&Vector6::from_fn(|_, _| random.random_range(-0.03..0.03)))
}

/// A robot that was still moving, or had another one's joints.
fn elsewhere(random: &mut impl Rng) -> Isometry3<f64> {
    let direction = Vector3::from_fn(|_, _| normal(random)).normalize();
    let turn = Vector3::from_fn(|_, _| random.random_range(-0.1..0.1));
    let shift = direction * random.random_range(0.03..0.1);
    step_isometry(&Vector6::new(
        shift.x, shift.y, shift.z, turn.x, turn.y, turn.z,
    ))
}

/// A pose of the board that shows the camera a share of its corners or more.
fn view_of(
    board: &Board,
    camera: &Intrinsics,
    distances: std::ops::Range<f64>,
    share: f64,
    random: &mut impl Rng,
) -> Isometry3<f64> {
    let [width, height] = board.size();
    let middle = Vector3::new(0.5 * width, 0.5 * height, 0.0);
    let corners = board.corners();
    let mut pose = Isometry3::identity();
    for _ in 0..DRAWS {
        let ray = Vector3::new(
            (random.random_range(0.0..f64::from(camera.width)) - camera.cx) / camera.fx,
            (random.random_range(0.0..f64::from(camera.height)) - camera.cy) / camera.fy,
            1.0,
        );
        let place = ray * random.random_range(distances.clone());
        let mut tilt = || random.random_range(-0.7..0.7);
        let tilt = Vector3::new(tilt(), tilt(), 0.0);
        let roll = Vector3::z() * random.random_range(-0.8..0.8);
        let turn = UnitQuaternion::from_scaled_axis(tilt) * UnitQuaternion::from_scaled_axis(roll);
        pose = Isometry3::from_parts((place - turn * middle).into(), turn);
        let shown = corners.values().filter(|corner| {
            camera
                .project(&(pose * **corner))
                .is_ok_and(|pixel| camera.contains(&pixel))
        });
        if shown.count() as f64 >= share * corners.len() as f64 {
            break;
        }
    }
    pose
}

fn normal(random: &mut impl Rng) -> f64 {
    StandardNormal.sample(random)
}
