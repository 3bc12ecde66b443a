//! The tracker: follows, says when the target is covered, finds it again, and does not take another.

use std::time::Duration;

use camera::Intrinsics;
use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use segmentation::{Frame, Gates, Prompt, Segmenter, Space, Track, TrackStatus, Tracker};

use crate::toy::{BLUE, GREEN, HEIGHT, RED, Square, WIDTH, encode, picture, segmenter};

const FRAME: Duration = Duration::from_millis(133);

struct Run {
    segmenter: Segmenter,
    tracker: Tracker,
}

impl Run {
    fn new(target: Square, others: &[Square]) -> Self {
        let mut segmenter = segmenter();
        let squares: Vec<Square> = others.iter().copied().chain([target]).collect();
        encode(&mut segmenter, &squares);
        let found = segmenter
            .predict(&Prompt::click(
                f64::from(target.at[0]),
                f64::from(target.at[1]),
            ))
            .unwrap();
        let tracker = Tracker::start(&segmenter, &found, Gates::default()).unwrap();
        Self { segmenter, tracker }
    }

    fn see(&mut self, squares: &[Square]) -> Track {
        encode(&mut self.segmenter, squares);
        self.tracker.update(&mut self.segmenter, FRAME).unwrap()
    }
}

#[test]
fn follows_a_moving_target_among_others() {
    let other = Square::new(100, 50, GREEN);
    let mut run = Run::new(Square::new(15, 20, RED), &[other]);
    for step in 1..16 {
        let target = Square::new(15 + 4 * step, 20 + step, RED);
        let track = run.see(&[other, target]);
        assert_eq!(
            track.status,
            TrackStatus::Tracking,
            "{step}: {}",
            track.reason
        );
        assert!(track.prediction.unwrap().mask().iou(&target.mask()) > 0.85);
    }
}

#[test]
fn finds_the_target_again_after_two_seconds_and_elsewhere() {
    let target = Square::new(30, 30, RED);
    let mut run = Run::new(target, &[]);
    for frame in 0..15 {
        let track = run.see(&[]);
        assert_eq!(track.status, TrackStatus::Occluded, "frame {frame}");
        assert!(track.prediction.is_none() && !track.reason.is_empty() && track.score == 0.0);
    }
    let moved = Square::new(80, 40, RED);
    assert_eq!(
        run.see(&[moved]).status,
        TrackStatus::Occluded,
        "one frame is not enough"
    );
    let track = run.see(&[moved]);
    assert_eq!(track.status, TrackStatus::Tracking);
    assert!(
        track.reason.contains("found again after 2."),
        "{}",
        track.reason
    );
    assert!(track.prediction.unwrap().mask().iou(&moved.mask()) > 0.85);
}

#[test]
fn never_takes_another_object_for_the_target() {
    let target = Square::new(30, 30, RED);
    let mut run = Run::new(target, &[]);
    // The target goes and others come, one exactly where it was.
    let others = [Square::new(30, 30, BLUE), Square::new(80, 40, GREEN)];
    for frame in 0..40 {
        let track = run.see(&others);
        let expected = if frame < 22 {
            TrackStatus::Occluded
        } else {
            TrackStatus::Lost
        };
        assert_eq!(track.status, expected, "frame {frame}: {}", track.reason);
        assert!(track.prediction.is_none());
    }
    run.see(&[others[0], others[1], Square::new(100, 20, RED)]);
    assert_eq!(
        run.see(&[others[0], others[1], Square::new(100, 20, RED)])
            .status,
        TrackStatus::Tracking
    );
}

/// A picture with depth from a camera that looks straight down from 1 m, and a hand; squares rise 5 cm from the table.
fn encode_in_space(segmenter: &mut Segmenter, squares: &[Square], base_from_hand: Isometry3<f64>) {
    let rgb = picture(squares);
    let depth: Vec<u16> = rgb
        .chunks_exact(3)
        .map(|pixel| if pixel == [127; 3] { 1000 } else { 950 })
        .collect();
    let space = Space {
        camera: Intrinsics::from_hfov(WIDTH, HEIGHT, 1.2).unwrap(),
        base_from_camera: Isometry3::from_parts(
            Translation3::new(0.3, 0.5, 1.0),
            UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0),
        ),
        base_from_hand: Some(base_from_hand),
        table_height_m: 0.0,
    };
    let frame = Frame::new(WIDTH, HEIGHT, &rgb)
        .unwrap()
        .with_depth(&depth)
        .unwrap()
        .with_space(Some(space));
    segmenter.encode(&frame).unwrap();
}

#[test]
fn follows_what_the_hand_carries_further_than_it_could_jump() {
    // 95 cm away, a pixel is this wide.
    let metres_per_pixel = 2.0 * 0.95 * 0.6_f64.tan() / f64::from(WIDTH);
    let hand_at = |pixels: f64| Isometry3::translation(-0.14 + pixels * metres_per_pixel, 0.5, 0.1);
    let (start, end) = (Square::new(20, 36, RED), Square::new(95, 36, RED));
    for carried in [true, false] {
        let mut segmenter = segmenter();
        encode_in_space(&mut segmenter, &[start], hand_at(0.0));
        let found = segmenter.predict(&Prompt::click(20.0, 36.0)).unwrap();
        let mut tracker = Tracker::start(&segmenter, &found, Gates::default()).unwrap();
        let hand = hand_at(if carried { 75.0 } else { 0.0 });
        encode_in_space(&mut segmenter, &[end], hand);
        let track = tracker.update(&mut segmenter, FRAME).unwrap();
        if carried {
            assert_eq!(track.status, TrackStatus::Tracking, "{}", track.reason);
            assert!(track.prediction.unwrap().mask().iou(&end.mask()) > 0.85);
        } else {
            assert_eq!(track.status, TrackStatus::Occluded);
        }
    }
}

#[test]
fn does_not_take_a_twin_that_stood_there_before() {
    let (target, twin) = (Square::new(30, 36, RED), Square::new(95, 36, RED));
    let far = Isometry3::translation(2.0, 2.0, 2.0);
    let mut segmenter = segmenter();
    encode_in_space(&mut segmenter, &[target, twin], far);
    let found = segmenter.predict(&Prompt::click(30.0, 36.0)).unwrap();
    let mut tracker = Tracker::start(&segmenter, &found, Gates::default()).unwrap();
    for frame in 0..10 {
        encode_in_space(&mut segmenter, &[twin], far);
        let track = tracker.update(&mut segmenter, FRAME).unwrap();
        assert_ne!(track.status, TrackStatus::Tracking, "frame {frame}");
    }
}

#[test]
fn does_not_believe_a_jump() {
    let mut run = Run::new(Square::new(20, 20, RED), &[]);
    let track = run.see(&[Square::new(110, 60, RED)]);
    assert_eq!(track.status, TrackStatus::Occluded, "{}", track.reason);
}
