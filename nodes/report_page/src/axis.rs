//! Axes: which numbers are where, and which of them are written down.

use std::ops::Range;

use plotters::coord::{
    ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter},
    types::RangedCoordf64,
};

/// How many marks an axis has at most.
const MARKS: usize = 7;

/// An axis with a label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    pub(crate) label: String,
    /// From one end to the other, perhaps backwards.
    pub(crate) range: Range<f64>,
    /// Powers of ten are at even distances.
    pub(crate) is_logarithmic: bool,
}

impl Axis {
    /// Where a value is along the axis; `None` when nowhere.
    fn place(&self, value: f64) -> Option<f64> {
        let place = if self.is_logarithmic {
            value.log10()
        } else {
            value
        };
        place.is_finite().then_some(place)
    }

    /// Whether a value can be drawn.
    pub(crate) fn has(&self, value: f64) -> bool {
        self.place(value).is_some()
    }

    /// The range in places, which is never empty.
    pub(crate) fn places(&self) -> Range<f64> {
        let (Some(start), Some(end)) = (self.place(self.range.start), self.place(self.range.end))
        else {
            return 0.0..1.0;
        };
        // Beyond this, neighbouring numbers are too far from each other.
        if start.abs().max(end.abs()) > 1e12 {
            return 0.0..1.0;
        }
        if (end - start).abs() < 1e-9 * start.abs().max(1e-3) {
            return start - 0.5..start + 0.5;
        }
        start..end
    }

    fn marked_places(&self) -> Vec<f64> {
        let range = self.places();
        let (low, high) = (range.start.min(range.end), range.start.max(range.end));
        if !self.is_logarithmic {
            return RangedCoordf64::from(low..high).key_points(MARKS);
        }
        let steps: &[f64] = match high - low {
            wide if wide > 2.5 => &[1.0],
            _ => &[1.0, 2.0, 5.0],
        };
        // No more decades than marks.
        let apart = ((high - low) / MARKS as f64).ceil().max(1.0) as usize;
        (low.floor() as i32..=high.ceil() as i32)
            .step_by(apart)
            .flat_map(|decade| {
                steps
                    .iter()
                    .map(move |step| f64::from(decade) + step.log10())
            })
            .filter(|place| (low..=high).contains(place))
            .collect()
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let range = self.places();
        let span = (range.end - range.start).abs();
        let (low, high) = (range.start.min(range.end), range.start.max(range.end));
        // Far outside is outside, too, and can be counted in whole units.
        let place = self.place(*value).unwrap_or(low);
        let place = place.clamp(low - span, high + span);
        RangedCoordf64::from(range).map(&place, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        let value = |place: f64| {
            if self.is_logarithmic {
                10_f64.powf(place)
            } else {
                place
            }
        };
        self.marked_places().into_iter().map(value).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let step = if self.is_logarithmic {
            *value
        } else {
            let range = self.places();
            (range.end - range.start).abs() / MARKS as f64
        };
        // A power of ten may come out a little less than it is.
        let digits = (-(step.log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize;
        let text = format!("{value:.digits$}");
        if !text.contains('.') {
            return text;
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}
