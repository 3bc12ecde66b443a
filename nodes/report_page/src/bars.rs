//! Bars in tables.

use maud::{Markup, html};

use crate::palette::Tone;

/// A part of a whole, with how well it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// From 0 to 1; what is beyond is drawn to the end.
    pub value: f64,
    /// Lower and upper bound.
    pub interval: Option<[f64; 2]>,
}

/// A row with a bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    label: String,
    share: Share,
    figures: Vec<String>,
    tone: Tone,
}

impl Bar {
    /// A bar as long as `share` of the column is wide, with a figure beside it.
    pub fn new(label: impl Into<String>, share: f64, figure: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            share: Share {
                value: share,
                interval: None,
            },
            figures: vec![figure.into()],
            tone: Tone::Accent,
        }
    }

    /// With lower and upper bound, drawn as a whisker.
    #[must_use]
    pub fn interval(mut self, bounds: [f64; 2]) -> Self {
        self.share.interval = Some(bounds);
        self
    }

    /// With a figure in the next column.
    #[must_use]
    pub fn figure(mut self, figure: impl Into<String>) -> Self {
        self.figures.push(figure.into());
        self
    }

    /// In another colour.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}

/// A table with a row for each bar. Its columns are the labels, the bars and their figures; `headers` names all but the
/// bars.
pub(crate) fn table(headers: &[&str], bars: &[Bar]) -> Markup {
    html! {
        div.scroll { table.bars {
            thead { tr {
                @for (index, header) in headers.iter().enumerate() {
                    @if index == 1 { th aria-hidden="true" {} }
                    th.right[index > 0] scope="col" { (header) }
                }
            } }
            tbody {
                @for bar in bars {
                    tr {
                        th scope="row" { (bar.label) }
                        td.bar { (drawing(&bar.share, bar.tone)) }
                        @for figure in &bar.figures { td.right { (figure) } }
                    }
                }
            }
        } }
    }
}

/// A bar that is as wide as what it stands in.
pub(crate) fn drawing(share: &Share, tone: Tone) -> Markup {
    let percent = |part: f64| {
        let part = if part.is_finite() { part } else { 0.0 };
        format!("{:.2}", part.clamp(0.0, 1.0) * 100.0)
    };
    html! {
        svg.{ "share " (tone.name()) } viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.ground x="0" y="1" width="100" height="8" {}
            rect.value x="0" y="1" width=(percent(share.value)) height="8" {}
            @if let Some([low, high]) = share.interval.map(|bounds| bounds.map(percent)) {
                path.whisker d={ "M" (low) " 5H" (high) "M" (low) " 2V8M" (high) " 2V8" } {}
            }
        }
    }
}
