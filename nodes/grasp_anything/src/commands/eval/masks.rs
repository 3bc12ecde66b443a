//! How good the masks are: what the loop's segmentation says, beside what the simulator drew.
//!
//! The object under the click is the target. The first mask after a click tells how good one click is; every later
//! frame tells whether the tracker still has the target, has lost it, or has gone over to something else.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use bus::{BusError, Node, Qos};
use msgs::{builtin_interfaces::Time, geometry_msgs::PointStamped, sensor_msgs::Image};
use serde::Serialize;

/// Frames whose mask may still be on its way.
const WAITING: usize = 8;
/// The target shows in a frame when this part of the pixels that it had at the click is to be seen, and so many at least.
const SHOWS: f64 = 1.0 / 3.0;
const SHOWS_PX: usize = 100;

/// What was seen of the masks of an episode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct MaskFigures {
    /// Intersection over union of the first mask after the click; 0 when no click was taken, absent without a click.
    pub(super) first_iou: Option<f64>,
    /// Frames since in which the target shows.
    pub(super) frames: usize,
    /// Of those, frames without a mask.
    pub(super) lost: usize,
    /// Of those, frames in which most of the mask is not the target.
    pub(super) swapped: usize,
    /// Sum of the intersection over union, over all of those frames.
    pub(super) iou_sum: f64,
}

impl MaskFigures {
    /// The figures of several episodes, except those of single masks.
    pub(super) fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        all.into_iter().fold(Self::default(), |sum, one| Self {
            first_iou: None,
            frames: sum.frames + one.frames,
            lost: sum.lost + one.lost,
            swapped: sum.swapped + one.swapped,
            iou_sum: sum.iou_sum + one.iou_sum,
        })
    }

    /// Takes in the mask of a frame and what the simulator drew there.
    fn see(&mut self, target: Target, mask: &[u8], instances: &[u8]) {
        let count = |counted: &dyn Fn(bool, bool) -> bool| {
            mask.iter()
                .zip(instances)
                .filter(|(mask, id)| counted(**mask != 0, **id == target.id))
                .count()
        };
        let shown = count(&|_, truth| truth);
        let masked = count(&|mask, _| mask);
        let both = count(&|mask, truth| mask && truth);
        let iou = ratio(both, shown + masked - both);
        let first = self.first_iou.get_or_insert(0.0);
        if masked > 0 && self.frames == 0 && *first == 0.0 {
            *first = iou;
        } else if *first == 0.0 && self.frames == 0 {
            // The click has not been answered yet.
            return;
        }
        if shown < SHOWS_PX || ratio(shown, target.shown_px) < SHOWS {
            return;
        }
        self.frames += 1;
        self.iou_sum += iou;
        tracing::debug!(
            "frame {}: {:.2} of the target shows, IoU {iou:.2}, {:.2} of the mask is right",
            self.frames,
            ratio(shown, target.shown_px),
            ratio(both, masked)
        );
        if masked == 0 {
            self.lost += 1;
        } else if 2 * both < masked {
            self.swapped += 1;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "pixels are fewer than 2^53")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// What was clicked.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Target {
    /// Its instance id.
    id: u8,
    /// Pixels that showed it.
    shown_px: usize,
}

impl Target {
    fn at(click: &PointStamped, instances: &Image) -> Option<Self> {
        let [column, row] = [click.point.x, click.point.y];
        if column < 0.0 || row < 0.0 || column >= f64::from(instances.width) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a pixel of the image"
        )]
        let index = row as usize * instances.width as usize + column as usize;
        let id = *instances.data.get(index)?;
        let shown_px = instances.data.iter().filter(|&&other| other == id).count();
        Some(Self { id, shown_px })
    }
}

/// The node: watches until the graph ends.
pub(super) async fn watch(node: Node, figures: Arc<Mutex<MaskFigures>>) -> Result<(), BusError> {
    let instances = node.subscribe::<Image>("sim/instances", Qos::reliable(10))?;
    let masks = node.subscribe::<Image>("segmentation/mask", Qos::sensor_data())?;
    let clicks =
        node.subscribe::<PointStamped>("camera/color/image_raw/mouse_click", Qos::reliable(10))?;
    let mut drawn: VecDeque<Arc<Image>> = VecDeque::new();
    let mut target = None;
    loop {
        tokio::select! {
            biased;
            image = instances.next() => {
                let Some(image) = image else { return Ok(()) };
                drawn.push_back(image);
                while drawn.len() > WAITING {
                    drawn.pop_front();
                }
            }
            click = clicks.next() => {
                let Some(click) = click else { return Ok(()) };
                target = target.or_else(|| Target::at(&click, drawn.back()?));
            }
            mask = masks.next() => {
                let Some(mask) = mask else { return Ok(()) };
                let (Some(target), Some(image)) = (target, of_stamp(&drawn, &mask.header.stamp)) else {
                    continue;
                };
                figures
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .see(target, &mask.data, &image.data);
            }
        }
    }
}

fn of_stamp<'a>(drawn: &'a VecDeque<Arc<Image>>, stamp: &Time) -> Option<&'a Arc<Image>> {
    drawn.iter().find(|image| image.header.stamp == *stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target = Target {
        id: 3,
        shown_px: 400,
    };

    /// 1000 pixels: the target, then another object; masks cover a range of them.
    fn see(figures: &mut MaskFigures, shown: usize, mask: std::ops::Range<usize>) {
        let instances: Vec<u8> = (0..1000).map(|i| if i < shown { 3 } else { 4 }).collect();
        let mask: Vec<u8> = (0..1000)
            .map(|i| if mask.contains(&i) { 255 } else { 0 })
            .collect();
        figures.see(TARGET, &mask, &instances);
    }

    #[test]
    fn the_first_mask_counts_for_the_click() {
        let mut figures = MaskFigures::default();
        see(&mut figures, 400, 0..0);
        assert_eq!((figures.first_iou, figures.frames), (Some(0.0), 0));
        see(&mut figures, 400, 0..300);
        assert_eq!((figures.first_iou, figures.frames), (Some(0.75), 1));
        see(&mut figures, 400, 0..400);
        assert_eq!(figures.first_iou, Some(0.75));
        assert_eq!((figures.frames, figures.iou_sum), (2, 1.75));
    }

    #[test]
    fn lost_and_swapped_frames_are_told_apart() {
        let mut figures = MaskFigures::default();
        see(&mut figures, 400, 0..400);
        see(&mut figures, 400, 0..0);
        see(&mut figures, 400, 390..800);
        // Hardly anything of the target shows: that it is not found is no loss.
        see(&mut figures, 120, 0..0);
        assert_eq!((figures.frames, figures.lost, figures.swapped), (3, 1, 1));
        let sum = MaskFigures::sum([&figures, &figures]);
        assert_eq!((sum.frames, sum.lost, sum.swapped), (6, 2, 2));
    }
}
