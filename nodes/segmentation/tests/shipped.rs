//! The shipped model on two renders of the cell with test objects (`tests/data/cell`: colour, depth in mm, ids).
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use segmentation::{Frame, Gates, Mask, Prompt, Segmenter, TrackStatus, Tracker};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

struct View {
    rgb: Vec<u8>,
    depth: Vec<u16>,
    ids: Vec<u8>,
}

const WIDTH: u32 = 640;
const HEIGHT: u32 = 360;

impl View {
    fn read(name: &str) -> Self {
        let open = |suffix: &str| {
            image::open(root(&format!("tests/data/cell/{name}{suffix}.png"))).unwrap()
        };
        Self {
            rgb: open("").into_rgb8().into_raw(),
            depth: open(".depth").into_luma16().into_raw(),
            ids: open(".ids").into_luma8().into_raw(),
        }
    }

    fn encode(&self, segmenter: &mut Segmenter, with_depth: bool) {
        let frame = Frame::new(WIDTH, HEIGHT, &self.rgb).unwrap();
        segmenter
            .encode(&if with_depth {
                frame.with_depth(&self.depth).unwrap()
            } else {
                frame
            })
            .unwrap();
    }

    fn object(&self, id: u8) -> Mask {
        Mask::from_fn(WIDTH, HEIGHT, |x, y| {
            self.ids[(y * WIDTH + x) as usize] == id
        })
    }
}

/// The most interior pixel of a mask: the last that erosion leaves.
fn inner(mask: &Mask) -> [f64; 2] {
    let mut left = mask.clone();
    loop {
        let eroded = Mask::from_fn(WIDTH, HEIGHT, |x, y| {
            x > 0
                && y > 0
                && left.contains(x, y)
                && left.contains(x - 1, y)
                && left.contains(x + 1, y)
                && left.contains(x, y - 1)
                && left.contains(x, y + 1)
        });
        if eroded.area() == 0 {
            let at = left.data().iter().position(|v| *v != 0).unwrap() as u32;
            return [f64::from(at % WIDTH), f64::from(at / WIDTH)];
        }
        left = eroded;
    }
}

#[test]
fn one_click_finds_unseen_objects_and_tracking_keeps_them() {
    let mut segmenter = Segmenter::load(
        &root("../../models/segmenter/manifest.yaml"),
        &Default::default(),
    )
    .unwrap();
    let (before, after) = (View::read("a0"), View::read("a1"));
    for with_depth in [true, false] {
        let mut reached = Vec::new();
        for id in 2..=5 {
            before.encode(&mut segmenter, with_depth);
            let truth = before.object(id);
            let [x, y] = inner(&truth);
            let found = segmenter.predict(&Prompt::click(x, y)).unwrap();
            reached.push(found.mask().iou(&truth));
            let mut tracker = Tracker::start(&segmenter, &found, Gates::default()).unwrap();
            after.encode(&mut segmenter, with_depth);
            let track = tracker
                .update(&mut segmenter, Duration::from_millis(133))
                .unwrap();
            // The hand now covers most of object 5: to see it there or to call it occluded are both right.
            if id != 5 {
                assert_eq!(
                    track.status,
                    TrackStatus::Tracking,
                    "object {id}: {}",
                    track.reason
                );
            }
            if let Some(found) = track.prediction {
                let (own, mask) = (found.mask().iou(&after.object(id)), found.mask());
                for other in (2..=6).filter(|other| *other != id) {
                    assert!(
                        mask.iou(&after.object(other)) < own.max(0.2),
                        "object {id} was swapped for {other}"
                    );
                }
            }
        }
        let mean = reached.iter().sum::<f64>() / reached.len() as f64;
        assert!(
            mean > 0.8,
            "mean IoU {mean:.3} of {reached:.3?} (depth: {with_depth})"
        );
    }
}
