//! Recorded masks beside recomputed ones.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use bus::Time;
use image::{RgbImage, imageops};
use msgs::sensor_msgs;
use recorder::{Recording, player};
use segmentation::{Mask, overlay};
use serde::Serialize;

use super::{COLOUR, MASK};
use crate::report::{Align, Table};

/// Pictures and masks by when the picture was taken.
#[derive(Default)]
pub(super) struct Masks {
    pub(super) pictures: BTreeMap<Time, sensor_msgs::Image>,
    masks: BTreeMap<Time, Mask>,
}

impl Masks {
    /// Those of a recording.
    pub(super) fn recorded(recording: &Recording) -> Result<Self> {
        let names = player::names(recording);
        let mut found = Self::default();
        for message in &recording.messages {
            match names.get(message.topic.as_str()).map(String::as_str) {
                Some(COLOUR) => {
                    let image: sensor_msgs::Image = message.decode()?;
                    if let Some(why) = rows(&image).err() {
                        tracing::warn!("{} has no picture at {}: {why}", message.topic, message.at);
                    } else {
                        found.pictures.insert(image.header.stamp.into(), image);
                    }
                }
                Some(MASK) => {
                    if let Err(why) = found.add_mask(&message.decode()?) {
                        tracing::warn!("{} has no mask at {}: {why}", message.topic, message.at);
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// The mask of a picture that is there.
    pub(super) fn of(&self, picture: Time) -> Option<&Mask> {
        let is_there = self.pictures.contains_key(&picture);
        self.masks.get(&picture).filter(|_| is_there)
    }

    /// Adds a mask in the form in which it is published.
    pub(super) fn add_mask(&mut self, image: &sensor_msgs::Image) -> Result<()> {
        let rows: Vec<&[u8]> = rows(image)?.collect();
        let at = |x: u32, y: u32| {
            let row = rows.get(y as usize);
            row.and_then(|row| row.get(x as usize))
                .is_some_and(|value| *value > 0)
        };
        let mask = Mask::from_fn(image.width, image.height, at);
        self.masks.insert(image.header.stamp.into(), mask);
        Ok(())
    }
}

/// The rows of an image without what pads them. It has the size that it says, so that memory for it can be had.
fn rows(image: &sensor_msgs::Image) -> Result<impl Iterator<Item = &[u8]>> {
    let bytes_per_pixel = if image.encoding == "rgb8" { 3 } else { 1 };
    let step = image.step as usize;
    let height = image.height as usize;
    let row = (image.width as usize)
        .checked_mul(bytes_per_pixel)
        .filter(|row| (1..=step).contains(row));
    let whole = step
        .checked_mul(height)
        .filter(|whole| (1..=image.data.len()).contains(whole));
    let (Some(row), Some(_)) = (row, whole) else {
        bail!(
            "{} x {} pixels ({}) in rows of {step} bytes do not fit its {} bytes; it is left out",
            image.width,
            image.height,
            image.encoding,
            image.data.len()
        );
    };
    let rows = image.data.chunks_exact(step).take(height);
    Ok(rows.filter_map(move |bytes| bytes.get(..row)))
}

/// One picture's masks.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Pair {
    /// Since the first picture, s.
    time_s: f64,
    recorded_px: usize,
    recomputed_px: usize,
    /// Intersection over union; absent where both say that there is no target.
    iou: Option<f64>,
}

/// How the masks of a recording compare with those of today.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Comparison {
    pairs: Vec<Pair>,
    /// Pictures that had no mask in the recording: the segmentation was busy with others.
    not_recorded: usize,
}

impl Comparison {
    pub(super) fn new(recorded: &Masks, recomputed: &Masks) -> Self {
        let first = recorded.pictures.keys().next().copied();
        let first = first.unwrap_or(Time::ZERO);
        let mut pairs = Vec::new();
        let mut not_recorded = 0;
        for (stamp, new) in &recomputed.masks {
            let Some(old) = recorded.masks.get(stamp) else {
                not_recorded += 1;
                continue;
            };
            let areas = (old.area(), new.area());
            pairs.push(Pair {
                time_s: stamp.saturating_since(first).as_secs_f64(),
                recorded_px: areas.0,
                recomputed_px: areas.1,
                iou: (areas != (0, 0)).then(|| {
                    if old.size() == new.size() {
                        old.iou(new)
                    } else {
                        0.0
                    }
                }),
            });
        }
        Self {
            pairs,
            not_recorded,
        }
    }

    fn compared(&self) -> impl Iterator<Item = (f64, f64)> {
        self.pairs
            .iter()
            .filter_map(|pair| Some((pair.time_s, pair.iou?)))
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |with: fn(&Pair) -> bool| self.pairs.iter().filter(|pair| with(pair)).count();
        let compared = self.compared().count();
        let mut table = Table::new(&[("masks", Align::Left), ("pictures", Align::Right)]);
        for (what, pictures) in [
            (
                "recorded and recomputed",
                count(|pair| pair.recorded_px > 0 && pair.recomputed_px > 0),
            ),
            (
                "recorded only",
                count(|pair| pair.recomputed_px == 0 && pair.recorded_px > 0),
            ),
            (
                "recomputed only",
                count(|pair| pair.recorded_px == 0 && pair.recomputed_px > 0),
            ),
            ("no target in either", count(|pair| pair.iou.is_none())),
            ("not looked at when recorded", self.not_recorded),
        ] {
            table.row([what.to_owned(), pictures.to_string()]);
        }
        writeln!(formatter, "{table}")?;
        let worst = self.compared().min_by(|(_, a), (_, b)| a.total_cmp(b));
        let Some((time_s, least)) = worst else {
            return write!(formatter, "There are no masks to compare.");
        };
        let mean = self.compared().map(|(_, iou)| iou).sum::<f64>() / compared as f64;
        write!(
            formatter,
            "Intersection over union of recorded and recomputed: mean {mean:.3}, least {least:.3} at {time_s:.2} s"
        )
    }
}

/// Draws each picture twice, with the recorded mask on the left and the recomputed one on the right.
pub(super) fn draw(recorded: &Masks, recomputed: &Masks, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (number, (stamp, picture)) in recorded.pictures.iter().enumerate() {
        if picture.encoding != "rgb8" {
            continue;
        }
        let (width, height) = (picture.width, picture.height);
        let none = Mask::empty(width, height);
        let pixels = rows(picture)?.collect::<Vec<_>>().concat();
        let both_width = width.checked_mul(2).context("a picture is too wide")?;
        let mut both = RgbImage::new(both_width, height);
        for (masks, left) in [(recorded, 0), (recomputed, width)] {
            let mask = masks.masks.get(stamp).unwrap_or(&none);
            let drawn = overlay::draw(&pixels, mask, &[]);
            if let Some(drawn) = RgbImage::from_raw(width, height, drawn) {
                imageops::replace(&mut both, &drawn, left.into(), 0);
            }
        }
        let file = folder.join(format!("{number:06}.png"));
        both.save(&file)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Masks of a square at these columns, one a second; none where there is no column.
    fn masks(columns: &[Option<u32>]) -> Masks {
        let mut all = Masks::default();
        for (second, column) in columns.iter().enumerate() {
            let stamp = Time::from_secs_f64(second as f64).into();
            let mut image = sensor_msgs::Image {
                width: 20,
                height: 10,
                step: 20,
                data: vec![0; 200],
                ..sensor_msgs::Image::default()
            };
            image.header.stamp = stamp;
            for (place, value) in image.data.iter_mut().enumerate() {
                let x = place as u32 % 20;
                let inside = column.is_some_and(|left| (left..left + 4).contains(&x));
                *value = if inside { 255 } else { 0 };
            }
            all.add_mask(&image).unwrap();
            all.pictures.insert(stamp.into(), image);
        }
        all
    }

    #[test]
    fn images_that_are_not_of_their_size_are_left_out() {
        let image = |encoding: &str, width, height, step, bytes| sensor_msgs::Image {
            encoding: encoding.into(),
            width,
            height,
            step,
            data: vec![255; bytes],
            ..sensor_msgs::Image::default()
        };
        for bad in [
            image("mono8", u32::MAX, u32::MAX, u32::MAX, 0),
            image("mono8", u32::MAX, u32::MAX, 0, 8),
            image("mono8", 4, 4, 4, 15),
            image("mono8", 4, u32::MAX, 0, 16),
            image("mono8", 0, 4, 4, 16),
            image("mono8", u32::MAX, 0, u32::MAX, 0),
            image("rgb8", 0x8000_0000, 1, 0x8000_0000, 12),
            image("rgb8", 4, 4, 4, 16),
        ] {
            let mut masks = Masks::default();
            let error = masks.add_mask(&bad).unwrap_err().to_string();
            assert!(error.contains("do not fit"), "{error}");
            assert!(masks.masks.is_empty());
        }
        // Three columns of a padded image.
        let mut masks = Masks::default();
        masks.add_mask(&image("mono8", 3, 2, 5, 10)).unwrap();
        assert!(masks.masks.values().all(|mask| mask.area() == 6));
    }

    #[test]
    fn masks_of_the_same_picture_are_compared() {
        let old = masks(&[None, Some(3), Some(3), Some(3), None]);
        let mut new = masks(&[None, Some(3), Some(5), None, Some(3), Some(3)]);
        new.pictures.clear();
        let comparison = Comparison::new(&old, &new);
        let ious: Vec<_> = comparison.compared().map(|(_, iou)| iou).collect();
        // Two of six columns in common.
        assert_eq!(ious, [1.0, 1.0 / 3.0, 0.0, 0.0]);
        assert_eq!(comparison.not_recorded, 1);
        let text = comparison.to_string();
        for part in ["recorded only", "mean 0.333, least 0.000 at 3.00 s"] {
            assert!(text.contains(part), "{part} in: {text}");
        }
        let nothing = Comparison::new(&masks(&[None]), &masks(&[None])).to_string();
        assert!(nothing.contains("no masks to compare"), "{nothing}");
    }
}
