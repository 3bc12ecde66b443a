//! Boards drawn as a camera sees them, found again.

use camera::Intrinsics;
use image::{GrayImage, Luma, imageops};
use nalgebra::{Isometry3, Point2, UnitQuaternion, Vector3};
use rand::SeedableRng as _;
use rand_distr::Distribution as _;

use super::{
    DetectionError, Detector,
    pattern::{Patch, black_patches},
    print,
};
use crate::{board::Board, pnp::board_pose, synthetic::d455};

/// A picture of a board on a grey wall: nine rays a pixel, then noise.
fn picture(
    patches: &[Patch],
    size: [f64; 2],
    camera: &Intrinsics,
    camera_from_board: &Isometry3<f64>,
) -> GrayImage {
    let board_from_camera = camera_from_board.inverse();
    let origin = board_from_camera.translation.vector;
    let mut random = rand_pcg::Pcg64::seed_from_u64(1);
    let noise = rand_distr::Normal::new(0.0, 2.0).unwrap();
    GrayImage::from_fn(camera.width, camera.height, |u, v| {
        let mut sum = 0.0;
        for sample in 0..9 {
            let at = Point2::new(
                f64::from(u) + f64::from(sample % 3 - 1) / 3.0,
                f64::from(v) + f64::from(sample / 3 - 1) / 3.0,
            );
            let ray = camera.ray(&at).unwrap();
            let ray = board_from_camera.rotation * Vector3::new(ray.x, ray.y, 1.0);
            let hit = origin - ray * (origin.z / ray.z);
            let on_paper = (-0.01..size[0] + 0.01).contains(&hit.x)
                && (-0.01..size[1] + 0.01).contains(&hit.y);
            sum += if !on_paper {
                110.0
            } else if patches.iter().any(|patch| patch.contains(hit.x, hit.y)) {
                30.0
            } else {
                220.0
            };
        }
        Luma([(sum / 9.0 + noise.sample(&mut random)).clamp(0.0, 255.0) as u8])
    })
}

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
        let patches = black_patches(&board).unwrap();
        let truth = view(&board);
        let picture = picture(&patches, board.size(), &d455(), &truth);
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
    let patches = black_patches(&boards[0]).unwrap();
    let sharp = picture(&patches, boards[0].size(), &d455(), &view(&boards[0]));
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
