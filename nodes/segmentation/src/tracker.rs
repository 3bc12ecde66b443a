//! Follows one object from frame to frame.
//!
//! Each frame is segmented from the mask of the frame before and the memory of the object's looks. What
//! comes out is believed only if it passes the [gates](Gates): it is still there, it looks like the
//! target, it has not jumped, grown or come nearer by more than an object does between two frames. Where the frames say
//! where camera and hand are ([`Space`](crate::Space)), a target in the hand is expected where the hand carries it, and
//! what has not moved since the click is not taken for a target that has. Where a target in the hand does not show well, a
//! click is asked about where it was held last.
//! A result that fails is never shown as the target; the object is then *occluded*, later *lost*, and the
//! tracker looks for it where it was and wherever the picture looks like it, until one candidate passes
//! stricter gates in two frames running.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::SegmentationError;
use crate::prediction::Prediction;
use crate::prompt::{CoarseMask, Memory, Prompt};
use crate::segmenter::Segmenter;
use crate::space::Scene;
use nalgebra::Point3;

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
    /// The same for what is just where it is expected.
    pub score_at_place: f64,
    /// Least score of what a click shows where the hand holds the target.
    pub score_in_hand: f64,
    /// The parts of the usual area that it may have, from and to.
    pub area_in_hand: [f64; 2],
    /// Least similarity of its looks. Fingers before it change them much.
    pub similarity_in_hand: f32,
    /// Least similarity of looks while tracking.
    pub similarity: f32,
    /// The same for what is just where it is expected.
    pub similarity_at_place: f32,
    /// Least similarity of looks to be taken for the target again after it was gone.
    pub similarity_again: f32,
    /// Largest move of the mask's centre between two frames, in target sizes (square root of area).
    pub jump: f64,
    /// Largest factor of area, up or down, between two frames; up to the usual area it may always grow.
    pub area_factor: f64,
    /// The part of the usual area that has to be seen of what is just where it is expected.
    pub area_at_place: f64,
    /// Largest change of median depth between two frames in metres.
    pub depth_step_m: f64,
    /// Fewest network pixels of a target.
    pub least_area: usize,
    /// Largest distance of the target from where it is expected to be, metres.
    pub distance_m: f64,
    /// Distance from where it is expected within which it is just there, metres.
    pub place_m: f64,
    /// Time without the target after which it counts as lost.
    pub lost_after: Duration,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            presence: 0.5,
            score: 0.35,
            score_at_place: 0.2,
            score_in_hand: 0.6,
            area_in_hand: [0.2, 1.3],
            similarity_in_hand: 0.2,
            similarity: 0.55,
            similarity_at_place: 0.35,
            similarity_again: 0.75,
            jump: 1.6,
            area_factor: 3.5,
            area_at_place: 0.08,
            depth_step_m: 0.25,
            least_area: 16,
            distance_m: 0.12,
            place_m: 0.06,
            lost_after: Duration::from_secs(3),
        }
    }
}

impl Gates {
    /// For what is just where the target is expected, and for what is elsewhere.
    fn again(&self, at_place: bool) -> Again {
        const MOST: f64 = 2.5;
        if at_place {
            Again {
                similarity: self.similarity_at_place,
                score: self.score_at_place,
                parts: self.area_at_place..=MOST,
            }
        } else {
            Again {
                similarity: self.similarity_again,
                score: self.score,
                parts: 0.3..=MOST,
            }
        }
    }

    /// For what a click shows where the hand holds the target.
    fn again_in_hand(&self) -> Again {
        let [least, most] = self.area_in_hand;
        Again {
            similarity: self.similarity_in_hand,
            score: self.score_in_hand,
            parts: least..=most,
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
    /// What was around it when it was prompted.
    scene: Option<Scene>,
    /// Where it was clicked (frame pixels), and the depth there in metres.
    click: Option<([f64; 2], f64)>,
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
    /// In the base frame.
    place: Option<Point3<f64>>,
    /// In the hand's frame, when it is near the hand.
    in_hand: Option<Point3<f64>>,
    /// The same when most of it was last seen there: the middle of what shows between fingers is elsewhere.
    held_at: Option<Point3<f64>>,
}

impl Sighting {
    /// Takes the place in space from a result in the frame that `segmenter` holds.
    fn locate(&mut self, segmenter: &Segmenter, found: &Prediction, depth_m: Option<f64>) {
        self.depth_m = depth_m.or(self.depth_m);
        self.place = place(segmenter, found, depth_m);
        self.in_hand = self
            .place
            .and_then(|place| segmenter.space()?.in_hand(&place));
        let is_known = self.held_at.is_some();
        // Without depth nobody knows whether it is still there.
        if self.place.is_some() && (self.in_hand.is_none() || !is_known || self.shows_most(found)) {
            self.held_at = self.in_hand;
        }
    }

    /// Whether a result shows most of the target.
    fn shows_most(&self, found: &Prediction) -> bool {
        const MOST: f64 = 0.5;
        found.network_area() as f64 > MOST * self.usual_area
    }
}

/// Where the target may be in a frame.
struct Guess {
    /// Whether the hand has carried it there.
    carried: bool,
    mask: CoarseMask,
    /// Network pixels.
    centre: [f64; 2],
    place: Option<Point3<f64>>,
}

impl Guess {
    /// Distance of a result from it, metres.
    fn distance(
        &self,
        segmenter: &Segmenter,
        found: &Prediction,
        depth_m: Option<f64>,
    ) -> Option<f64> {
        Some((place(segmenter, found, depth_m)? - self.place?).norm())
    }
}

/// What a result has to be like to be the target that was gone.
struct Again {
    similarity: f32,
    score: f64,
    /// Of the usual area.
    parts: RangeInclusive<f64>,
}

/// The pixel of the frame that shows a place; `None` outside the picture.
fn pixel(segmenter: &Segmenter, place: &Point3<f64>) -> Option<[f64; 2]> {
    let [x, y] = segmenter.space()?.pixel(place)?;
    let (width, height) = segmenter.frame_size()?;
    let inside =
        (0.0..f64::from(width) - 1.0).contains(&x) && (0.0..f64::from(height) - 1.0).contains(&y);
    inside.then_some([x, y])
}

/// The middle of a result in the base frame.
fn place(segmenter: &Segmenter, found: &Prediction, depth_m: Option<f64>) -> Option<Point3<f64>> {
    let pixel = found.fit.to_frame(found.network_centre()?);
    segmenter.space()?.point(pixel, depth_m?)
}

impl Tracker {
    /// Starts from a prediction that a prompt gave in the frame that `segmenter` holds; `None` when it is empty.
    pub fn start(segmenter: &Segmenter, prediction: &Prediction, gates: Gates) -> Option<Self> {
        let area = prediction.network_area() as f64;
        let mut last = Sighting {
            mask: prediction.coarse(),
            centre: prediction.network_centre()?,
            area,
            usual_area: area,
            depth_m: None,
            place: None,
            in_hand: None,
            held_at: None,
        };
        last.locate(segmenter, prediction, segmenter.median_depth(prediction));
        let looks = prediction.memory().clone();
        Some(Self {
            gates,
            first_looks: looks.clone(),
            looks,
            last,
            unseen: Duration::ZERO,
            candidate: None,
            scene: segmenter.scene(prediction),
            click: None,
        })
    }

    /// Keeps the click as a prompt for as long as what is there has not moved, in the frame that `segmenter` holds.
    #[must_use]
    pub fn with_click(self, segmenter: &Segmenter, pixel: [f64; 2]) -> Self {
        Self {
            click: segmenter.depth_at(pixel).map(|depth_m| (pixel, depth_m)),
            ..self
        }
    }

    /// The click, when what it hit is still there.
    fn valid_click(&self, segmenter: &Segmenter) -> Option<[f64; 2]> {
        /// Surfaces closer than this are the same, metres.
        const SAME_M: f64 = 0.015;
        let (pixel, depth_m) = self.click?;
        let now = segmenter.depth_at(pixel)?;
        ((now - depth_m).abs() < SAME_M).then_some(pixel)
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
        let click = self.valid_click(segmenter);
        let mut results = Vec::new();
        for guess in self.guesses(segmenter) {
            let prompt = Prompt {
                mask: Some(guess.mask.clone()),
                memory: Some(self.looks.clone()),
                ..Prompt::default()
            };
            let mut found = segmenter.predict(&prompt)?;
            // What the mask alone does not give may still be told by the click.
            if let Some(pixel) = click.filter(|_| !guess.carried)
                && self.doubt(segmenter, &found, &guess).is_some()
            {
                found = segmenter.predict(&Prompt {
                    on: vec![pixel],
                    memory: Some(self.looks.clone()),
                    ..Prompt::default()
                })?;
            }
            results.push((found, guess));
        }
        if self.unseen > Duration::ZERO {
            return self.search(segmenter, results, elapsed);
        }
        let mut doubts = Vec::new();
        let mut best: Option<(f64, Prediction)> = None;
        for (found, guess) in results {
            match self.doubt(segmenter, &found, &guess) {
                Some(reason) => doubts.push(reason),
                None => {
                    let merit = self.merit(&found, guess.centre);
                    if best.as_ref().is_none_or(|(least, _)| merit > *least) {
                        best = Some((merit, found));
                    }
                }
            }
        }
        if !best
            .as_ref()
            .is_some_and(|(_, found)| self.last.shows_most(found))
            && let Some(found) = self.held(segmenter)?
        {
            return Ok(self.see(segmenter, found, String::new()));
        }
        Ok(match best {
            Some((_, found)) => self.see(segmenter, found, String::new()),
            None => {
                self.candidate = None;
                self.miss(elapsed, doubts.into_iter().next().unwrap_or_default())
            }
        })
    }

    /// Where the target may be: where it was, and where the hand has carried it, when that is elsewhere.
    fn guesses(&self, segmenter: &Segmenter) -> Vec<Guess> {
        /// Network pixels that make no difference.
        const NEAR: f64 = 4.0;
        let mut guesses = vec![Guess {
            carried: false,
            mask: self.last.mask.clone(),
            centre: self.last.centre,
            place: self.last.place,
        }];
        let carried = || {
            let space = segmenter.space()?;
            let place = space.base_from_hand? * self.last.in_hand?;
            let (from, to) = (space.pixel(&self.last.place?)?, space.pixel(&place)?);
            let scale = segmenter.fit()?.scale;
            let moved = [(to[0] - from[0]) / scale, (to[1] - from[1]) / scale];
            let columns = segmenter.manifest().frame.width as usize / 4;
            let [x, y] = self.last.centre;
            (moved[0].hypot(moved[1]) > NEAR).then(|| Guess {
                carried: true,
                mask: self.last.mask.moved(moved, columns),
                centre: [x + moved[0], y + moved[1]],
                place: Some(place),
            })
        };
        guesses.extend(carried());
        guesses
    }

    /// Why a result is not believed while tracking.
    fn doubt(&self, segmenter: &Segmenter, found: &Prediction, guess: &Guess) -> Option<String> {
        let gates = &self.gates;
        if found.network_area() < gates.least_area || found.presence() < gates.presence {
            return Some(format!(
                "covered or out of view (presence {:.2})",
                found.presence()
            ));
        }
        let depth_m = segmenter.median_depth(found);
        let distance_m = guess.distance(segmenter, found, depth_m);
        let at_place = distance_m.is_some_and(|distance| distance <= gates.place_m);
        let (least_similarity, least_score) = if at_place {
            (gates.similarity_at_place, gates.score_at_place)
        } else {
            (gates.similarity, gates.score)
        };
        if found.score() < least_score {
            return Some(format!("the mask is doubtful (score {:.2})", found.score()));
        }
        let similarity = self.similarity(found);
        if similarity < least_similarity {
            return Some(format!(
                "what is there looks different (similarity {similarity:.2})"
            ));
        }
        let area = found.network_area() as f64;
        let least_area = if at_place {
            gates.area_at_place * self.last.usual_area
        } else {
            self.last.area / gates.area_factor
        };
        let most_area = gates.area_factor * self.last.area;
        if !(least_area..=most_area.max(self.last.usual_area)).contains(&area) {
            let factor = area / self.last.area;
            return Some(format!("its area changed {factor:.1} times within a frame"));
        }
        let moved = distance(found, guess.centre);
        if !at_place && moved > gates.jump * self.last.usual_area.sqrt() {
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
        if let Some(distance) = distance_m.filter(|distance| *distance > gates.distance_m) {
            return Some(format!("it is {distance:.2} m from where it should be"));
        }
        self.is_other(segmenter, found)
            .then(|| "what is there was there before".to_owned())
    }

    /// What a click shows where the hand holds the target, if that may be it. Between fingers it looks so unlike itself that
    /// its looks and its last mask mislead the network; asked without them, it tells the object from the hand.
    fn held(&self, segmenter: &mut Segmenter) -> Result<Option<Prediction>, SegmentationError> {
        let expected = || {
            let place = segmenter.space()?.base_from_hand? * self.last.held_at?;
            Some((place, pixel(segmenter, &place)?))
        };
        let Some((expected, [x, y])) = expected() else {
            return Ok(None);
        };
        let found = segmenter.predict(&Prompt::click(x, y))?;
        let is_there = place(segmenter, &found, segmenter.median_depth(&found))
            .is_some_and(|place| (place - expected).norm() <= self.gates.place_m);
        let again = self.gates.again_in_hand();
        let is_it = is_there && self.is_it_again(segmenter, &found, &again);
        Ok(is_it.then_some(found))
    }

    /// Whether a result shows what stood beside the target when it was clicked.
    fn is_other(&self, segmenter: &Segmenter, found: &Prediction) -> bool {
        self.scene
            .as_ref()
            .is_some_and(|scene| segmenter.shows_other(scene, found))
    }

    /// Looks for a target that was gone: where it may be, by its looks alone, and at places that look alike.
    fn search(
        &mut self,
        segmenter: &mut Segmenter,
        guessed: Vec<(Prediction, Guess)>,
        elapsed: Duration,
    ) -> Result<Track, SegmentationError> {
        if let Some(found) = self.held(segmenter)? {
            let reason = format!(
                "found in the hand after {:.1} s",
                (self.unseen + elapsed).as_secs_f64()
            );
            return Ok(self.see(segmenter, found, reason));
        }
        let by_looks = Prompt {
            memory: Some(self.looks.clone()),
            ..Prompt::default()
        };
        let mut anywhere = vec![segmenter.predict(&by_looks)?];
        for [x, y] in segmenter.look_alikes(&self.first_looks, 2)? {
            let prompt = Prompt {
                memory: Some(self.looks.clone()),
                ..Prompt::click(x, y)
            };
            anywhere.push(segmenter.predict(&prompt)?);
        }
        for guess in guessed
            .iter()
            .map(|(_, guess)| guess)
            .filter(|guess| guess.carried)
        {
            let Some(pixel) = guess.place.and_then(|place| pixel(segmenter, &place)) else {
                continue;
            };
            anywhere.push(segmenter.predict(&Prompt {
                on: vec![pixel],
                mask: Some(guess.mask.clone()),
                memory: Some(self.looks.clone()),
                ..Prompt::default()
            })?);
        }
        let gates = &self.gates;
        let best = guessed
            .iter()
            .map(|(found, _)| found)
            .chain(&anywhere)
            .filter_map(|found| {
                let at_place = self.place_of(segmenter, found, &guessed);
                self.is_it_again(segmenter, found, &gates.again(at_place.is_some()))
                    .then(|| (self.merit(found, self.last.centre), found, at_place))
            })
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, found, at_place)| (found.clone(), at_place));
        let Some((best, at_place)) = best else {
            self.candidate = None;
            let reason = format!(
                "not seen for {:.1} s",
                (self.unseen + elapsed).as_secs_f64()
            );
            return Ok(self.miss(elapsed, reason));
        };
        // What is seen where the hand has carried it needs no second look.
        let confirmed = at_place.is_some_and(|guess| guess.carried)
            || self
                .candidate
                .as_ref()
                .is_some_and(|before| before.overlap(&best) > 0.4);
        if confirmed {
            let reason = format!(
                "found again after {:.1} s",
                (self.unseen + elapsed).as_secs_f64()
            );
            return Ok(self.see(segmenter, best, reason));
        }
        let reason = format!(
            "something like it has appeared (similarity {:.2}); waiting for a second frame",
            self.similarity(&best)
        );
        self.candidate = Some(best);
        Ok(self.miss(elapsed, reason))
    }

    /// The guess at whose place a result is.
    fn place_of<'a>(
        &self,
        segmenter: &Segmenter,
        found: &Prediction,
        guessed: &'a [(Prediction, Guess)],
    ) -> Option<&'a Guess> {
        let depth_m = segmenter.median_depth(found);
        let near = |guess: &&Guess| {
            guess
                .distance(segmenter, found, depth_m)
                .is_some_and(|distance| distance <= self.gates.place_m)
        };
        guessed.iter().rev().map(|(_, guess)| guess).find(near)
    }

    /// Whether a result may be the target that was gone.
    fn is_it_again(&self, segmenter: &Segmenter, found: &Prediction, again: &Again) -> bool {
        let part = found.network_area() as f64 / self.last.usual_area;
        found.network_area() >= self.gates.least_area
            && found.presence() >= self.gates.presence
            && found.score() >= again.score
            && self.similarity(found) >= again.similarity
            && again.parts.contains(&part)
            && !self.is_other(segmenter, found)
    }

    fn see(&mut self, segmenter: &Segmenter, found: Prediction, reason: String) -> Track {
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
        let depth_m = segmenter.median_depth(&found);
        self.last.locate(segmenter, &found, depth_m);
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
    fn merit(&self, found: &Prediction, expected: [f64; 2]) -> f64 {
        let near = (-distance(found, expected) / (4.0 * self.last.usual_area.sqrt())).exp();
        f64::from(self.similarity(found)) + 0.2 * found.score() + 0.1 * near
    }
}

/// Distance of a result's centre from where it is expected, in network pixels; 0 without a centre.
fn distance(found: &Prediction, [x, y]: [f64; 2]) -> f64 {
    found
        .network_centre()
        .map_or(0.0, |[u, v]| (u - x).hypot(v - y))
}
