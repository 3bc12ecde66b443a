//! Pictures of an episode for the report: the click, the mask that answers it, the end, and some between.
//!
//! Pictures are taken by a node that only listens, so that an episode is the same with and without. Memory does not grow
//! with the length of an episode: when there are too many pictures, every second one goes, and from then on only half as
//! many are kept.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use bus::{BusError, Node, Qos, Time};
use msgs::{diagnostic_msgs::DiagnosticStatus, geometry_msgs::PointStamped, sensor_msgs::Image};
use recorder::Provenance;
use report_page::{Picture, PictureError};
use segmentation::{Mask, overlay};

/// Frames whose mask may still be on its way.
const WAITING: usize = 8;
/// Pictures that are kept while an episode goes on, beside the last.
const MOST: usize = 16;
/// Of those, the first ones that are always kept: the click and its answer.
const FIRST: usize = 2;
/// Pictures that are shown of an episode.
const SHOWN: usize = 6;
/// As wide as they are shown, in pixels.
const WIDEST: u32 = 424;

/// What was seen of an episode.
#[derive(Debug, Default)]
pub(super) struct Film {
    start: Option<Time>,
    /// Frames so far.
    count: usize,
    /// Every frame whose number is a multiple of this is kept.
    stride: usize,
    kept: Vec<(usize, Shot)>,
    last: Option<Raw>,
    /// What the nodes were told.
    provenance: Option<Provenance>,
    trouble: Option<PictureError>,
}

/// A picture that is kept.
#[derive(Debug, Clone)]
pub(super) struct Shot {
    pub(super) caption: String,
    pub(super) picture: Picture,
}

/// A frame that may become one.
#[derive(Debug, Clone)]
struct Raw {
    caption: String,
    colour: Arc<Image>,
    mask: Option<Arc<Image>>,
    click: Option<[f64; 2]>,
}

impl Raw {
    fn compressed(&self) -> Result<Shot, PictureError> {
        let Image { width, height, .. } = *self.colour;
        let rgb = &self.colour.data;
        let mask = self.mask.as_ref().map_or_else(
            || Mask::empty(0, 0),
            |mask| {
                let data = &mask.data;
                let at = |x: u32, y: u32| data.get(y as usize * width as usize + x as usize);
                Mask::from_fn(width, height, |x, y| at(x, y).is_some_and(|on| *on != 0))
            },
        );
        let drawn = match self.click {
            Some([x, y]) => {
                // A cross is drawn within a mask's size; two lines wide, as half of them are shown.
                let crosses = [[x, y], [x + 1.0, y], [x, y + 1.0], [x + 1.0, y + 1.0]];
                overlay::draw(rgb, &Mask::empty(width, height), &crosses)
            }
            None => overlay::draw(rgb, &mask, &[]),
        };
        Ok(Shot {
            caption: self.caption.clone(),
            picture: Picture::from_rgb(&drawn, width, height, WIDEST)?,
        })
    }
}

impl Film {
    /// Takes in a frame; what is not kept costs nothing.
    fn see(&mut self, raw: Raw) {
        let stride = self.stride.max(1);
        if (self.count < FIRST || self.count.is_multiple_of(stride)) && self.trouble.is_none() {
            match raw.compressed() {
                Ok(shot) => self.kept.push((self.count, shot)),
                Err(error) => self.trouble = Some(error),
            }
        }
        if self.kept.len() > MOST {
            self.stride = 2 * stride;
            let stride = self.stride;
            self.kept
                .retain(|(number, _)| *number < FIRST || number.is_multiple_of(stride));
        }
        self.count += 1;
        self.last = Some(raw);
    }

    /// Begins anew with the frame that was clicked.
    fn click(&mut self, at: [f64; 2], colour: &Arc<Image>) {
        self.kept.clear();
        (self.count, self.stride) = (0, 1);
        self.start = Some(colour.header.stamp.into());
        self.see(Raw {
            caption: "0.0 s: the click".to_owned(),
            colour: Arc::clone(colour),
            mask: None,
            click: Some(at),
        });
    }

    /// The pictures that are shown, in order, and the provenance.
    pub(super) fn developed(mut self) -> (Result<Vec<Shot>, PictureError>, Option<Provenance>) {
        let provenance = self.provenance.take();
        (self.shots(), provenance)
    }

    fn shots(mut self) -> Result<Vec<Shot>, PictureError> {
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        let Some(last) = self.last else {
            return Ok(Vec::new());
        };
        let end = self.count - 1;
        if self.kept.last().is_none_or(|(number, _)| *number != end) {
            self.kept.push((end, last.compressed()?));
        }
        Ok(chosen(&self.kept, end))
    }
}

/// The first ones, and those that are nearest to evenly spaced moments up to the end; each once.
fn chosen(kept: &[(usize, Shot)], end: usize) -> Vec<Shot> {
    let parts = SHOWN - FIRST;
    let wanted = (0..FIRST).chain((1..=parts).map(|part| end * part / parts));
    let nearest =
        |wanted: usize| (0..kept.len()).min_by_key(|index| kept[*index].0.abs_diff(wanted));
    let chosen: BTreeSet<usize> = wanted.filter_map(nearest).collect();
    chosen
        .into_iter()
        .map(|index| kept[index].1.clone())
        .collect()
}

/// The node: watches until the graph ends.
pub(super) async fn watch(node: Node, film: Arc<Mutex<Film>>) -> Result<(), BusError> {
    let colours = node.subscribe::<Image>("camera/color/image_raw", Qos::sensor_data())?;
    let masks = node.subscribe::<Image>("segmentation/mask", Qos::sensor_data())?;
    let clicks =
        node.subscribe::<PointStamped>("camera/color/image_raw/mouse_click", Qos::reliable(10))?;
    let states = node.subscribe::<DiagnosticStatus>("supervisor/state", Qos::latched())?;
    let mut waiting: VecDeque<Arc<Image>> = VecDeque::new();
    let mut state = String::new();
    let mut is_clicked = false;
    let film = || film.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        tokio::select! {
            biased;
            image = colours.next() => {
                let Some(image) = image else { return Ok(()) };
                waiting.push_back(image);
                while waiting.len() > WAITING {
                    waiting.pop_front();
                }
            }
            status = states.next() => {
                let Some(status) = status else { return Ok(()) };
                state.clone_from(&status.message);
            }
            click = clicks.next() => {
                let Some(click) = click else { return Ok(()) };
                // A click that is not taken is given again; the first begins the story.
                if let Some(colour) = waiting.back().filter(|_| !is_clicked) {
                    film().click([click.point.x, click.point.y], colour);
                    is_clicked = true;
                }
            }
            mask = masks.next() => {
                let Some(mask) = mask else { return Ok(()) };
                let Some(colour) = waiting.iter().find(|image| image.header.stamp == mask.header.stamp) else {
                    continue;
                };
                let mut film = film();
                film.provenance.get_or_insert_with(|| Provenance::of(&node));
                let stamp: Time = colour.header.stamp.into();
                let start = *film.start.get_or_insert(stamp);
                let caption = format!("{:.1} s: {state}", stamp.saturating_since(start).as_secs_f64());
                film.see(Raw { caption, colour: Arc::clone(colour), mask: Some(mask), click: None });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(number: usize) -> Raw {
        let [width, height] = [32, 16];
        Raw {
            caption: number.to_string(),
            colour: Arc::new(Image {
                width,
                height,
                encoding: "rgb8".to_owned(),
                step: 3 * width,
                data: vec![70; 3 * 32 * 16],
                ..Image::default()
            }),
            mask: None,
            click: None,
        }
    }

    fn captions(frames: usize) -> Vec<usize> {
        let mut film = Film::default();
        for number in 0..frames {
            film.see(raw(number));
            assert!(film.kept.len() <= MOST, "{} of {number}", film.kept.len());
        }
        let shots = film.shots().unwrap();
        shots
            .iter()
            .map(|shot| shot.caption.parse().unwrap())
            .collect()
    }

    #[test]
    fn the_first_two_and_the_last_are_shown_and_some_evenly_between() {
        assert!(captions(0).is_empty());
        assert_eq!(captions(1), [0]);
        assert_eq!(captions(3), [0, 1, 2]);
        for frames in [17, 33, 100, 305, 1000] {
            let shown = captions(frames);
            assert_eq!(shown.len(), SHOWN, "{frames}: {shown:?}");
            assert_eq!((shown[0], shown[1], shown[SHOWN - 1]), (0, 1, frames - 1));
            let even = (frames - 1) as f64 / (SHOWN - FIRST) as f64;
            let spaced = [&shown[..1], &shown[FIRST..]].concat();
            for pair in spaced.windows(2) {
                let step = (pair[1] - pair[0]) as f64 / even;
                assert!((0.6..1.4).contains(&step), "{frames}: {shown:?}");
            }
        }
    }

    #[test]
    fn the_click_begins_the_story_anew() {
        let mut film = Film::default();
        (0..40).for_each(|number| film.see(raw(number)));
        film.click([5.0, 5.0], &raw(0).colour);
        (41..44).for_each(|number| film.see(raw(number)));
        let shots = film.shots().unwrap();
        let captions: Vec<_> = shots.iter().map(|shot| shot.caption.as_str()).collect();
        assert_eq!(captions, ["0.0 s: the click", "41", "42", "43"]);
    }

    #[test]
    fn a_frame_of_another_size_than_it_says_is_told() {
        let mut broken = raw(0);
        Arc::make_mut(&mut broken.colour).data.truncate(5);
        let mut film = Film::default();
        film.see(broken);
        film.see(raw(1));
        assert!(film.shots().unwrap_err().to_string().contains("5 bytes"));
    }
}
