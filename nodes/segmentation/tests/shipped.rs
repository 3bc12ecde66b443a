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

/// The pixel of a mask that is nearest to its centre of gravity.
fn inner(mask: &Mask) -> [f64; 2] {
    let on: Vec<[f64; 2]> = (0..HEIGHT)
        .flat_map(|y| (0..WIDTH).map(move |x| (x, y)))
        .filter(|(x, y)| mask.contains(*x, *y))
        .map(|(x, y)| [f64::from(x), f64::from(y)])
        .collect();
    let mean = |axis: usize| on.iter().map(|p| p[axis]).sum::<f64>() / on.len() as f64;
    let (x, y) = (mean(0), mean(1));
    on.into_iter()
        .min_by(|a, b| {
            (a[0] - x)
                .hypot(a[1] - y)
                .total_cmp(&(b[0] - x).hypot(b[1] - y))
        })
        .unwrap()
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
            let found = segmenter.predict_twice(&Prompt::click(x, y)).unwrap();
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
                let mask = found.mask();
                let others = (2..=6)
                    .filter(|other| *other != id)
                    .map(|other| mask.iou(&after.object(other)));
                assert!(others.fold(0.0, f64::max) < 0.3, "object {id} was swapped");
            }
        }
        let mean = reached.iter().sum::<f64>() / reached.len() as f64;
        assert!(
            mean > 0.8,
            "mean IoU {mean:.3} of {reached:.3?} (depth: {with_depth})"
        );
    }
}
