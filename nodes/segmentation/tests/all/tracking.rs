//! The tracker: follows, says when the target is covered, finds it again, and does not take another.

use std::time::Duration;

use segmentation::{Gates, Prompt, Segmenter, Track, TrackStatus, Tracker};

use crate::toy::{BLUE, GREEN, RED, Square, encode, segmenter};

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

#[test]
fn does_not_believe_a_jump() {
    let mut run = Run::new(Square::new(20, 20, RED), &[]);
    let track = run.see(&[Square::new(110, 60, RED)]);
    assert_eq!(track.status, TrackStatus::Occluded, "{}", track.reason);
}
