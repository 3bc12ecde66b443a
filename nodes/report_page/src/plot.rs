//! Plots: lines, dots and boxes over two axes, as SVG in the page.

use std::ops::Range;

use maud::{Markup, PreEscaped, Render, html};
use plotters::{coord::Shift, prelude::*};

use crate::{axis::Axis, palette::Tone};

/// Units to a pixel, where a plot is as wide as it is meant to be: plotters counts in whole ones.
const UNIT: u32 = 4;
/// Size of a plot and of the room for labels, in units.
const WIDTH: u32 = 360 * UNIT;
const HEIGHT: u32 = 220 * UNIT;
const LEFT: u32 = 52 * UNIT;
const BOTTOM: u32 = 38 * UNIT;
const MARGIN: u32 = 10 * UNIT;
/// The last label of an axis is written half beyond its end.
const RIGHT: u32 = 22 * UNIT;
const TEXT: u32 = 14 * UNIT;

/// A plot with a caption. What is not finite is left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    caption: String,
    x: Axis,
    y: Axis,
    layers: Vec<Layer>,
    is_to_scale: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Layer {
    shape: Shape,
    points: Vec<[f64; 2]>,
    tone: Tone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Line,
    /// Between each two points.
    Segments,
    Dots,
    /// Each two points are opposite corners.
    Boxes,
}

impl Plot {
    /// An empty plot. Each axis has a label with its unit, and a range that may run backwards.
    pub fn new(
        caption: impl Into<String>,
        (x_label, x): (&str, Range<f64>),
        (y_label, y): (&str, Range<f64>),
    ) -> Self {
        let axis = |label: &str, range| Axis {
            label: label.to_owned(),
            range,
            is_logarithmic: false,
        };
        Self {
            caption: caption.into(),
            x: axis(x_label, x),
            y: axis(y_label, y),
            layers: Vec::new(),
            is_to_scale: false,
        }
    }

    /// With powers of ten at even distances along x; what is not above zero is left out.
    #[must_use]
    pub fn logarithmic_x(mut self) -> Self {
        self.x.is_logarithmic = true;
        self
    }

    /// As for pixels of an image: as wide as the page, with units of the same length along both axes, and without a grid.
    #[must_use]
    pub fn to_scale(mut self) -> Self {
        self.is_to_scale = true;
        self
    }

    /// Adds a line through points.
    #[must_use]
    pub fn line(self, points: impl IntoIterator<Item = [f64; 2]>, tone: Tone) -> Self {
        self.layer(Shape::Line, points, tone)
    }

    /// Adds dots.
    #[must_use]
    pub fn dots(self, points: impl IntoIterator<Item = [f64; 2]>, tone: Tone) -> Self {
        self.layer(Shape::Dots, points, tone)
    }

    /// Adds a line from the first to the second point of each pair.
    #[must_use]
    pub fn segments(self, pairs: impl IntoIterator<Item = [[f64; 2]; 2]>, tone: Tone) -> Self {
        self.layer(Shape::Segments, pairs.into_iter().flatten(), tone)
    }

    /// Adds boxes from corner to corner.
    #[must_use]
    pub fn boxes(self, corners: impl IntoIterator<Item = [[f64; 2]; 2]>, tone: Tone) -> Self {
        self.layer(Shape::Boxes, corners.into_iter().flatten(), tone)
    }

    fn layer(
        mut self,
        shape: Shape,
        points: impl IntoIterator<Item = [f64; 2]>,
        tone: Tone,
    ) -> Self {
        self.layers.push(Layer {
            shape,
            points: points.into_iter().collect(),
            tone,
        });
        self
    }

    fn size(&self) -> (u32, u32) {
        if !self.is_to_scale {
            return (WIDTH, HEIGHT);
        }
        let (x, y) = (self.x.places(), self.y.places());
        let aspect = ((y.end - y.start) / (x.end - x.start))
            .abs()
            .clamp(0.2, 1.0);
        // As wide as three others, with the same letters.
        let width = 3 * WIDTH;
        let inner = f64::from(width - LEFT - MARGIN - RIGHT);
        (width, (inner * aspect) as u32 + BOTTOM + 2 * MARGIN)
    }

    fn svg(&self) -> String {
        let size = self.size();
        let mut svg = String::new();
        let drawn = {
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            self.draw(&area).and_then(|()| area.present().map_err(drop))
        };
        // The element itself is the page's, with its title and without a fixed size.
        let inside = svg
            .split_once('>')
            .and_then(|(_, rest)| rest.rsplit_once("</svg>"));
        match (drawn, inside) {
            (Ok(()), Some((inside, _))) => inside.to_owned(),
            _ => String::new(),
        }
    }

    /// Draws everything. A text in memory takes all of it, so that there is nothing to tell of an error.
    fn draw(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), ()> {
        let mut chart = ChartBuilder::on(area)
            .margin(MARGIN)
            .margin_right(RIGHT)
            .x_label_area_size(BOTTOM)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(self.x.clone(), self.y.clone())
            .map_err(drop)?;
        let quiet = colour(Tone::Quiet);
        let text = ("sans-serif", TEXT, &quiet).into_text_style(area);
        let mut mesh = chart.configure_mesh();
        mesh.light_line_style(TRANSPARENT)
            .bold_line_style(colour(Tone::Line).stroke_width(UNIT))
            .axis_style(quiet.stroke_width(UNIT))
            .label_style(text.clone())
            .axis_desc_style(text)
            .x_desc(&self.x.label)
            .y_desc(&self.y.label);
        if self.is_to_scale {
            mesh.disable_mesh();
        }
        mesh.draw().map_err(drop)?;
        for layer in &self.layers {
            let style = colour(layer.tone);
            let can_be_drawn = |[x, y]: &[f64; 2]| self.x.has(*x) && self.y.has(*y);
            let points = layer.points.iter().filter(|point| can_be_drawn(point));
            let pairs = layer.points.chunks_exact(2);
            let pairs = pairs.filter(|pair| pair.iter().all(can_be_drawn));
            let drawn = match layer.shape {
                Shape::Line => {
                    let line = PathElement::new(
                        points.map(|point| (*point).into()).collect::<Vec<_>>(),
                        style.stroke_width(2 * UNIT),
                    );
                    chart.draw_series([line]).map(drop)
                }
                Shape::Dots => {
                    let style = style.mix(0.6).filled();
                    let dots = points.map(|point| Circle::new((*point).into(), 2 * UNIT, style));
                    chart.draw_series(dots).map(drop)
                }
                Shape::Segments => {
                    let style = style.stroke_width(UNIT);
                    let lines = pairs.map(|ends| {
                        let ends = ends.iter().map(|end| (*end).into());
                        PathElement::new(ends.collect::<Vec<_>>(), style)
                    });
                    chart.draw_series(lines).map(drop)
                }
                Shape::Boxes => {
                    let style = style.mix(0.75).filled();
                    let boxes =
                        pairs.map(|pair| Rectangle::new([pair[0].into(), pair[1].into()], style));
                    chart.draw_series(boxes).map(drop)
                }
            };
            drawn.map_err(drop)?;
        }
        Ok(())
    }
}

fn colour(tone: Tone) -> RGBColor {
    let [r, g, b] = tone.light();
    RGBColor(r, g, b)
}

impl Render for Plot {
    fn render(&self) -> Markup {
        let (width, height) = self.size();
        html! {
            figure.wide[self.is_to_scale] {
                figcaption { (self.caption) }
                svg role="img" aria-label={ (self.caption) ": " (self.y.label) " over " (self.x.label) }
                    viewBox={ "0 0 " (width) " " (height) } { (PreEscaped(self.svg())) }
            }
        }
    }
}
