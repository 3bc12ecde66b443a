//! Boards drawn as a camera sees them, found again.

use image::{GrayImage, Luma, imageops};
use nalgebra::{Isometry3, Point2, UnitQuaternion, Vector3};

use super::{
    DetectionError, Detector,
    collect::{Collector, Event, Rules},
    drawn::draw,
    pattern::black_patches,
    picture::picture,
    print, reference,
};
use crate::{
    board::Board,
    closed_form::Method,
    hand_eye::{Options, calibrate},
    pnp::board_pose,
    pose::distance,
    sample::{Frames, Sample, Samples, Setup},
    synthetic::{self, d455},
};

fn boards() -> Vec<Board> {
    ["charuco_7x5", "apriltag_4x3", "aruco_5x4", "marker_80mm"]
        .map(|name| {
            let folder =
                std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../calibration/boards");
            Board::from_file(folder.join(format!("{name}.yaml"))).unwrap()
        })
        .to_vec()
}

fn view(board: &Board) -> Isometry3<f64> {
    let [width, height] = board.size();
    let turn = UnitQuaternion::from_euler_angles(0.35, -0.3, 0.2);
    let middle = turn * Vector3::new(0.5 * width, 0.5 * height, 0.0);
    Isometry3::from_parts((Vector3::new(0.02, -0.01, 0.45) - middle).into(), turn)
}

#[test]
fn every_kind_of_board_is_found_to_parts_of_a_pixel() {
    for board in boards() {
        let truth = view(&board);
        let picture = draw(&board, &d455(), &truth, 1).unwrap();
        let found = Detector::new(&board).unwrap().detect(&picture).unwrap();
        let corners = board.corners();
        assert_eq!(found.corners.len(), corners.len(), "{board:?}");
        let errors: Vec<f64> = found
            .corners
            .iter()
            .map(|(id, u, v)| {
                (d455().project(&(truth * corners[id])).unwrap() - Point2::new(*u, *v)).norm()
            })
            .collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        println!(
            "{}: mean {mean:.3} px, edges {:.1} px",
            board.dictionary(),
            found.edge_px
        );
        assert!(mean < 0.25, "{board:?}: {mean}");
        let points: Vec<_> = found
            .corners
            .iter()
            .map(|(id, u, v)| (corners[id], Point2::new(*u, *v)))
            .collect();
        let pose = board_pose(&d455(), &points).unwrap();
        let (shift, turn) = crate::pose::distance(&pose.camera_from_board, &truth);
        assert!(
            shift < 0.003 && turn < 0.02,
            "{board:?}: {shift} m, {turn} rad"
        );
    }
}

#[test]
fn blurred_pictures_and_other_boards_are_refused() {
    let boards = boards();
    let sharp = draw(&boards[0], &d455(), &view(&boards[0]), 1).unwrap();
    let blurred = imageops::blur(&sharp, 2.5);
    let detector = Detector::new(&boards[0]).unwrap();
    let error = detector.detect(&blurred).unwrap_err();
    assert!(
        matches!(
            error,
            DetectionError::Blurred { .. } | DetectionError::NotSeen { .. }
        ),
        "{error}"
    );
    assert!(detector.detect(&imageops::blur(&sharp, 0.7)).is_ok());
    let other = Detector::new(&boards[1]).unwrap();
    assert!(matches!(
        other.detect(&sharp),
        Err(DetectionError::NotSeen { .. })
    ));
    let nothing = detector.detect(&GrayImage::new(64, 48));
    assert!(matches!(
        nothing,
        Err(DetectionError::NotSeen { others: 0 })
    ));
}

#[test]
fn a_board_is_printed_at_true_scale() {
    for board in boards() {
        let pdf = print::pdf(&board).unwrap();
        assert!(pdf.starts_with(b"%PDF-"));
        let text = String::from_utf8_lossy(&pdf);
        let [patch, ..] = black_patches(&board).unwrap()[..] else {
            panic!()
        };
        // A rectangle's width in points, as written: 72 to the inch.
        let width = (patch.size[0] / 0.0254 * 72.0) as f32;
        let written = text
            .lines()
            .filter(|line| line.ends_with(" re"))
            .filter_map(|line| line.split_whitespace().nth(2)?.parse::<f32>().ok())
            .any(|value| (value - width).abs() < 1e-3);
        assert!(written, "{width} in\n{text}");
    }
}

#[test]
fn dictionaries_are_checked() {
    let board = |dictionary: &str, id| Board::Marker {
        dictionary: dictionary.to_owned(),
        id,
        marker_m: 0.05,
    };
    let error = black_patches(&board("DICT_3X3", 0))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("DICT_3X3") && error.contains("DICT_4X4_50"),
        "{error}"
    );
    let error = black_patches(&board("DICT_4X4_50", 50))
        .unwrap_err()
        .to_string();
    assert!(error.contains("no marker 50"), "{error}");
}

/// From rendered pictures to the camera's place: what the robot's joints say is exact here, what is seen is not.
#[test]
fn rendered_pictures_give_the_camera_to_parts_of_a_millimetre() {
    let board = boards().swap_remove(0);
    let noise = crate::hand_eye::Noise {
        corner_px: 0.0,
        robot_m: 1e-4,
        robot_rad: 2e-4,
    };
    let recipe = synthetic::Recipe {
        setup: Setup::EyeToHand,
        board: board.clone(),
        samples: 12,
        outliers: 0,
        noise,
        seed: 3,
    };
    let made = synthetic::hand_eye(&recipe);
    let mut samples = made.samples.clone();
    let detector = Detector::new(&board).unwrap();
    let corners = board.corners();
    for sample in &mut samples.samples {
        let points: Vec<_> = sample
            .corners
            .iter()
            .map(|(id, u, v)| (corners[id], Point2::new(*u, *v)))
            .collect();
        let camera_from_board = board_pose(&d455(), &points).unwrap().camera_from_board;
        let picture = draw(&board, &d455(), &camera_from_board, 1).unwrap();
        // From afar, the markers are too small.
        sample.corners = detector
            .detect(&picture)
            .map_or_else(|_| Vec::new(), |found| found.corners);
    }
    let found = calibrate(
        &samples,
        &Options {
            leave_one_out: false,
            ..Options::default()
        },
    )
    .unwrap();
    let (shift, turn) = distance(&found.mount_from_camera, &made.mount_from_camera);
    println!(
        "{:.3} mm, {:.4} deg, corners {:.2} px",
        shift * 1e3,
        turn.to_degrees(),
        found.noise.corner_px
    );
    assert!(
        shift < 1e-3 && turn < 0.1_f64.to_radians(),
        "{shift} m, {turn} rad"
    );
}

#[test]
fn a_sample_is_taken_wherever_the_robot_rests() {
    let board = boards().swap_remove(0);
    let empty = Samples {
        setup: Setup::EyeToHand,
        frames: Frames::default(),
        board: board.clone(),
        camera: d455(),
        samples: Vec::<Sample>::new(),
    };
    let mut collector = Collector::new(empty, Rules::default()).unwrap();
    let seen = draw(&board, &d455(), &view(&board), 1).unwrap();
    let nothing = GrayImage::from_pixel(d455().width, d455().height, Luma([120]));
    let here = Isometry3::translation(0.3, 0.5, 0.2);
    let mut look = |time: f64, pose: &Isometry3<f64>, picture: &GrayImage| {
        let event = collector.look(time, pose, picture);
        (event, collector.samples().samples.len())
    };
    // Moving, then at rest for a second, then five pictures.
    for step in 0..5 {
        let moving = Isometry3::translation(0.3, 0.5, 0.1 + 0.01 * f64::from(step));
        assert!(matches!(
            look(0.1 * f64::from(step), &moving, &seen).0,
            Event::Moving
        ));
    }
    assert!(matches!(look(1.0, &here, &seen).0, Event::Moving));
    assert!(matches!(look(1.5, &here, &seen).0, Event::Moving));
    assert!(matches!(look(2.0, &here, &nothing).0, Event::Unseen(_)));
    for step in 0..4 {
        assert!(matches!(
            look(2.1 + 0.1 * f64::from(step), &here, &seen).0,
            Event::Gathering
        ));
    }
    assert!(matches!(look(2.6, &here, &seen), (Event::Taken, 1)));
    assert!(matches!(look(2.7, &here, &seen), (Event::Known, 1)));
    // Too near to the first for a second.
    let near = Isometry3::translation(0.31, 0.5, 0.2);
    assert!(matches!(look(3.0, &near, &seen).0, Event::Moving));
    assert!(matches!(look(4.1, &near, &seen), (Event::Known, 1)));
    // A clock that went back begins anew.
    let far = Isometry3::translation(0.4, 0.5, 0.2);
    assert!(matches!(look(5.0, &far, &seen).0, Event::Moving));
    assert!(matches!(look(4.0, &far, &seen).0, Event::Moving));
    assert!(matches!(look(4.9, &far, &seen).0, Event::Moving));
    assert!(matches!(look(5.1, &far, &seen).0, Event::Gathering));
}

/// Two implementations of the same publications, on noisy samples: OpenCV takes fewer motions into account, so that they
/// agree only as well as either does with the truth.
#[test]
fn closed_forms_agree_with_those_of_opencv() {
    let noise = crate::hand_eye::Noise {
        corner_px: 0.02,
        robot_m: 1e-5,
        robot_rad: 1e-5,
    };
    for seed in 0..4 {
        let made = synthetic::hand_eye(&synthetic::Recipe {
            setup: Setup::EyeInHand,
            board: boards().swap_remove(0),
            samples: 15,
            outliers: 0,
            noise,
            seed,
        });
        let stations = crate::hand_eye::stations(&made.samples).unwrap();
        for method in Method::ALL {
            let Some(theirs) = reference::mount_from_camera(method, &stations) else {
                assert!(
                    matches!(method, Method::Shah | Method::Li),
                    "{}",
                    method.name()
                );
                continue;
            };
            let ours = method.mount_from_camera(&stations).unwrap();
            let (shift, turn) = distance(&ours, &theirs);
            assert!(
                shift < 1e-3 && turn < 1e-3,
                "{}: {shift} m, {turn} rad",
                method.name()
            );
        }
    }
}

#[test]
fn the_picture_of_a_board_is_black_where_the_board_is() {
    for board in boards() {
        let picture = picture(&board).unwrap();
        let [width, height] = board.size();
        let pixel_m = width / f64::from(picture.width());
        assert!((height / pixel_m - f64::from(picture.height())).abs() <= 0.5);
        let patches = black_patches(&board).unwrap();
        let black: f64 = patches
            .iter()
            .map(|patch| patch.size[0] * patch.size[1])
            .sum();
        let pixels = picture.pixels().filter(|pixel| pixel.0[0] == 0).count();
        let share = pixels as f64 * pixel_m * pixel_m / black;
        assert!((share - 1.0).abs() < 0.01, "{board:?}: {share}");
        for patch in patches {
            let middle = [0, 1].map(|axis| (patch.corner[axis] + 0.5 * patch.size[axis]) / pixel_m);
            assert_eq!(
                picture.get_pixel(middle[0] as u32, middle[1] as u32),
                &Luma([0])
            );
        }
    }
}

/// `grasp_anything calibrate board calibration/boards/charuco_7x5.yaml --out calibration/boards/charuco_7x5.png` makes it.
#[test]
fn the_simulator_has_the_picture_of_the_board() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../calibration/boards/charuco_7x5.png");
    let kept = image::open(file).unwrap().into_luma8();
    assert!(kept == picture(&boards()[0]).unwrap());
}
