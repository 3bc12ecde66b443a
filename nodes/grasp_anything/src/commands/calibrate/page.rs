//! What the pages of the calibrations have in common, and how they are written.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use calibration::intrinsics::coverage::{CELLS, covered};
use camera::Intrinsics;
use nalgebra::Point2;
use report_page::{Page, Plot, Section, Tone};

use crate::report::origin;

/// Writes a page, with its end: the command and the SHA-256 of each of the `inputs`.
pub(super) fn write(page: Page, file: &Path, inputs: &[&Path]) -> Result<()> {
    let facts = inputs.iter().filter_map(|input| {
        let bytes = fs::read(input).ok()?;
        let name = format!("SHA-256 of {}", input.display());
        Some((name, inference::sha256_hex(&bytes)))
    });
    let page = page.section(origin(&facts.collect::<Vec<_>>()));
    fs::write(file, page.to_html()).with_context(|| format!("cannot write {}", file.display()))
}

/// Samples that were left out, each with the reason.
pub(super) fn left_out(section: Section, samples: &[(String, String)]) -> Section {
    if samples.is_empty() {
        return section;
    }
    let items = samples
        .iter()
        .map(|(name, reason)| format!("{name}: {reason}"));
    section.heading("Left out").list(&items.collect::<Vec<_>>())
}

/// What lines of samples may say of a robot and its camera.
pub(super) const HAND_EYE_HINT: &str = "Lines of a sample that all point the same way are a robot or a board that was elsewhere; \
     lines that do so over a part of the picture, whatever the sample, a lens that is not described well.";

/// Where in the picture corners were, and in which direction they are from where they are predicted.
///
/// `corners` are pairs of seen and predicted pixels by sample; `is_used` says whether a sample counts, `hint` what may be seen.
pub(super) fn coverage(
    camera: &Intrinsics,
    corners: &[(String, Vec<[Point2<f64>; 2]>)],
    is_used: impl Fn(&str) -> bool,
    hint: &str,
) -> Section {
    let pairs = |wanted: bool| {
        let samples = corners.iter().filter(|(name, _)| is_used(name) == wanted);
        samples
            .flat_map(|(_, pairs)| pairs)
            .copied()
            .collect::<Vec<_>>()
    };
    let (used, unused) = (pairs(true), pairs(false));
    let enlarged = enlargement(camera, &used);
    let (width, height) = (f64::from(camera.width), f64::from(camera.height));
    let place = |pixel: Point2<f64>| [pixel.x, pixel.y];
    let grid = (1..CELLS.0)
        .map(|column| width * column as f64 / CELLS.0 as f64 - 0.5)
        .map(|x| [[x, -0.5], [x, height - 0.5]])
        .chain(
            (1..CELLS.1)
                .map(|row| height * row as f64 / CELLS.1 as f64 - 0.5)
                .map(|y| [[-0.5, y], [width - 0.5, y]]),
        );
    let plot = Plot::new(
        format!("Seen corners, with the way to where they are predicted, {enlarged} times as long"),
        ("column, px", -0.5..width - 0.5),
        ("row, px", height - 0.5..-0.5),
    )
    .to_scale()
    .segments(grid, Tone::Line)
    .dots(unused.iter().map(|[seen, _]| place(*seen)), Tone::Bad)
    .dots(used.iter().map(|[seen, _]| place(*seen)), Tone::Accent)
    .segments(
        used.iter()
            .map(|[seen, predicted]| [*seen, seen + (predicted - seen) * enlarged].map(place)),
        Tone::Ink,
    );
    Section::new("Coverage of the picture")
        .text(&format!(
            "There were corners in {} of the {} cells of the picture. Red ones are of samples that were left out. {hint}",
            covered(camera, used.iter().map(|[seen, _]| *seen)),
            CELLS.0 * CELLS.1
        ))
        .plots(&[plot])
}

/// The greatest of 1, 2, 5, 10, 20 ... 1000 with which half of the lines are no longer than a hundredth of the picture.
fn enlargement(camera: &Intrinsics, pairs: &[[Point2<f64>; 2]]) -> f64 {
    let mut lengths: Vec<f64> = pairs
        .iter()
        .map(|[seen, predicted]| (predicted - seen).norm())
        .collect();
    lengths.sort_by(f64::total_cmp);
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(1.0);
    let wanted = 0.01 * f64::from(camera.width) / median.max(1e-9);
    let round = [1000.0, 500.0, 200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0];
    round
        .into_iter()
        .find(|round| *round <= wanted)
        .unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use report_page::Headline;

    use super::*;

    #[test]
    fn cells_are_counted_and_small_distances_enlarged() {
        let camera = Intrinsics::from_hfov(800, 600, 1.2).unwrap();
        let pair = |x: f64, y: f64| [Point2::new(x, y), Point2::new(x + 0.1, y)];
        let corners = [
            (
                "a".to_owned(),
                vec![pair(1.0, 1.0), pair(2.0, 3.0), pair(799.0, 599.0)],
            ),
            ("bad".to_owned(), vec![pair(400.0, 300.0)]),
        ];
        let section = coverage(&camera, &corners, |name| name == "a", "");
        let headline = Headline {
            figure: String::new(),
            meaning: String::new(),
            tone: Tone::Ink,
            share: None,
        };
        let html = Page::new("", headline).section(section).to_html();
        assert!(html.contains("2 of the 48 cells"), "{html}");
        // 0.1 px are to become 8 px at most.
        assert!(html.contains("50 times as long"), "{html}");
        assert_eq!(html.matches("<circle").count(), 4);
    }
}
