//! Follows one object from frame to frame.
//!
//! Each frame is segmented from the mask of the frame before and the memory of the object's looks. What
//! comes out is believed only if it passes the [gates](Gates): it is still there, it looks like the
//! target, it has not jumped, grown or come nearer by more than an object does between two frames.
//! A result that fails is never shown as the target; the object is then *occluded*, later *lost*, and the
//! tracker looks for it where it was and wherever the picture looks like it, until one candidate passes
//! stricter gates in two frames running.

use std::time::Duration;

use crate::SegmentationError;
use crate::prediction::Prediction;
use crate::prompt::{CoarseMask, Memory, Prompt};
use crate::segmenter::Segmenter;

/// Whether the target is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackStatus {
    /// The mask shows the target.
    Tracking,
    /// The target is covered or not recognised; there is no mask.
    Occluded,
    /// The target has not been seen for longer than [`Gates::lost_after`]; there is no mask.
    Lost,
}

impl TrackStatus {
    /// The word used in messages and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tracking => "tracking",
            Self::Occluded => "occluded",
            Self::Lost => "lost",
        }
    }
}

/// Limits within which a result is believed to be the target.
#[derive(Debug, Clone, PartialEq)]
pub struct Gates {
    /// Least probability that the object is there.
    pub presence: f64,
    /// Least score of a prediction while tracking.
    pub score: f64,
    /// Least similarity of looks while tracking.
    pub similarity: f32,
    /// Least similarity of looks to be taken for the target again after it was gone.
    pub similarity_again: f32,
    /// Largest move of the mask's centre between two frames, in target sizes (square root of area).
    pub jump: f64,
    /// Largest factor of area, up or down, between two frames.
    pub area_factor: f64,
    /// Largest change of median depth between two frames in metres.
    pub depth_step_m: f64,
    /// Fewest network pixels of a target.
    pub least_area: usize,
    /// Time without the target after which it counts as lost.
    pub lost_after: Duration,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            presence: 0.5,
            score: 0.35,
            similarity: 0.55,
            similarity_again: 0.75,
            jump: 1.6,
            area_factor: 3.5,
            depth_step_m: 0.25,
            least_area: 16,
            lost_after: Duration::from_secs(3),
        }
    }
}

/// What is known of the target in one frame.
#[derive(Debug, Clone)]
pub struct Track {
    /// Whether it is seen.
    pub status: TrackStatus,
    /// Why it is not, or how it was found again; empty while all is well.
    pub reason: String,
    /// How sure the model is of this frame, 0..=1; 0 without a mask.
    pub score: f64,
    /// The mask, when it is seen.
    pub prediction: Option<Prediction>,
}

/// Follows one object.
#[derive(Debug)]
pub struct Tracker {
    gates: Gates,
    /// Looks when it was prompted; kept so that drift cannot add up.
    first_looks: Memory,
    looks: Memory,
    last: Sighting,
    /// Time since the last sighting.
    unseen: Duration,
    /// Good candidate of the frame before, while the target is gone.
    candidate: Option<Prediction>,
}

/// Where and how large the target was when last seen.
#[derive(Debug, Clone)]
struct Sighting {
    mask: CoarseMask,
    centre: [f64; 2],
    /// Network pixels.
    area: f64,
    /// Running mean of the area while the target is whole.
    usual_area: f64,
    depth_m: Option<f64>,
}

impl Tracker {
    /// Starts from a prediction that a prompt gave in the frame that `segmenter` holds; `None` when it is empty.
    pub fn start(segmenter: &Segmenter, prediction: &Prediction, gates: Gates) -> Option<Self> {
        let area = prediction.network_area() as f64;
        let last = Sighting {
            mask: prediction.coarse(),
            centre: prediction.network_centre()?,
            area,
            usual_area: area,
            depth_m: segmenter.median_depth(prediction),
        };
        let looks = prediction.memory().clone();
        Some(Self {
            gates,
            first_looks: looks.clone(),
            looks,
            last,
            unseen: Duration::ZERO,
            candidate: None,
        })
    }

    /// The target as prompt: where it was last seen and its looks.
    pub fn prompt(&self) -> Prompt {
        Prompt {
            mask: Some(self.last.mask.clone()),
            memory: Some(self.looks.clone()),
            ..Prompt::default()
        }
    }

    /// Looks for the target in the frame that `segmenter` has just encoded, `elapsed` after the one before.
    ///
    /// # Errors
    /// [`SegmentationError`] when the model fails.
    pub fn update(
        &mut self,
        segmenter: &mut Segmenter,
        elapsed: Duration,
    ) -> Result<Track, SegmentationError> {
        let found = segmenter.predict(&self.prompt())?;
        if self.unseen == Duration::ZERO {
            let depth = segmenter.median_depth(&found);
            return Ok(match self.doubt(&found, depth) {
                None => self.see(found, depth, String::new()),
                Some(reason) => {
                    self.candidate = None;
                    self.miss(elapsed, reason)
                }
            });
        }
        self.search(segmenter, found, elapsed)
    }

    /// Why a result is not believed while tracking.
    fn doubt(&self, found: &Prediction, depth_m: Option<f64>) -> Option<String> {
        let gates = &self.gates;
        if found.network_area() < gates.least_area || found.presence() < gates.presence {
            return Some(format!(
                "covered or out of view (presence {:.2})",
                found.presence()
            ));
        }
        if found.score() < gates.score {
            return Some(format!("the mask is doubtful (score {:.2})", found.score()));
        }
        let similarity = self.similarity(found);
        if similarity < gates.similarity {
            return Some(format!(
                "what is there looks different (similarity {similarity:.2})"
            ));
        }
        let area = found.network_area() as f64;
        let factor = (area / self.last.area).max(self.last.area / area);
        if factor > gates.area_factor {
            return Some(format!("its area changed {factor:.1} times within a frame"));
        }
        let moved = self.distance(found);
        if moved > gates.jump * self.last.usual_area.sqrt() {
            return Some(format!("it would have jumped {moved:.0} px within a frame"));
        }
        if let (Some(now), Some(then)) = (depth_m, self.last.depth_m)
            && (now - then).abs() > gates.depth_step_m
        {
            return Some(format!(
                "its depth changed by {:.2} m within a frame",
                (now - then).abs()
            ));
        }
        None
    }

    /// Looks for a target that was gone: where it was, by its looks alone, and at places that look alike.
    fn search(
        &mut self,
        segmenter: &mut Segmenter,
        here: Prediction,
        elapsed: Duration,
    ) -> Result<Track, SegmentationError> {
        let mut candidates = vec![here];
        let by_looks = Prompt {
            memory: Some(self.looks.clone()),
            ..Prompt::default()
        };
        candidates.push(segmenter.predict(&by_looks)?);
        for [x, y] in segmenter.look_alikes(&self.first_looks, 2)? {
            let prompt = Prompt {
                memory: Some(self.looks.clone()),
                ..Prompt::click(x, y)
            };
            candidates.push(segmenter.predict(&prompt)?);
        }
        let gates = &self.gates;
        let best = candidates
            .into_iter()
            .filter(|c| {
                let factor = c.network_area() as f64 / self.last.usual_area;
                c.network_area() >= gates.least_area
                    && c.presence() >= gates.presence
                    && c.score() >= gates.score
                    && self.similarity(c) >= gates.similarity_again
                    && (0.3..=2.5).contains(&factor)
            })
            .max_by(|a, b| self.merit(a).total_cmp(&self.merit(b)));
        let Some(best) = best else {
            self.candidate = None;
            let reason = format!(
                "not seen for {:.1} s",
                (self.unseen + elapsed).as_secs_f64()
            );
            return Ok(self.miss(elapsed, reason));
        };
        let confirmed = self
            .candidate
            .as_ref()
            .is_some_and(|before| before.overlap(&best) > 0.4);
        if confirmed {
            let depth = segmenter.median_depth(&best);
            let reason = format!(
                "found again after {:.1} s",
                (self.unseen + elapsed).as_secs_f64()
            );
            return Ok(self.see(best, depth, reason));
        }
        let reason = format!(
            "something like it has appeared (similarity {:.2}); waiting for a second frame",
            self.similarity(&best)
        );
        self.candidate = Some(best);
        Ok(self.miss(elapsed, reason))
    }

    fn see(&mut self, found: Prediction, depth_m: Option<f64>, reason: String) -> Track {
        let area = found.network_area() as f64;
        let score = found.score();
        // Only what is surely the whole target teaches its looks and size.
        if score > 0.8 && area > 0.7 * self.last.usual_area {
            self.looks.blend(found.memory(), 0.1);
            self.looks.blend(&self.first_looks, 0.03);
            self.last.usual_area += (area - self.last.usual_area) * 0.1;
        }
        self.last.mask = found.coarse();
        self.last.area = area;
        self.last.centre = found.network_centre().unwrap_or(self.last.centre);
        self.last.depth_m = depth_m.or(self.last.depth_m);
        self.unseen = Duration::ZERO;
        self.candidate = None;
        Track {
            status: TrackStatus::Tracking,
            reason,
            score,
            prediction: Some(found),
        }
    }

    fn miss(&mut self, elapsed: Duration, reason: String) -> Track {
        // At least a nanosecond: that it is not zero says that the target is gone.
        self.unseen += elapsed.max(Duration::from_nanos(1));
        let status = if self.unseen >= self.gates.lost_after {
            TrackStatus::Lost
        } else {
            TrackStatus::Occluded
        };
        Track {
            status,
            reason,
            score: 0.0,
            prediction: None,
        }
    }

    fn similarity(&self, found: &Prediction) -> f32 {
        found
            .memory()
            .similarity(&self.looks)
            .max(found.memory().similarity(&self.first_looks))
    }

    /// Of several candidates the one most like the target wins, the nearer one where they are alike.
    fn merit(&self, found: &Prediction) -> f64 {
        let near = (-self.distance(found) / (4.0 * self.last.usual_area.sqrt())).exp();
        f64::from(self.similarity(found)) + 0.2 * found.score() + 0.1 * near
    }

    fn distance(&self, found: &Prediction) -> f64 {
        let [x, y] = found.network_centre().unwrap_or(self.last.centre);
        (x - self.last.centre[0]).hypot(y - self.last.centre[1])
    }
}
