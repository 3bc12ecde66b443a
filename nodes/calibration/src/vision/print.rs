//! Boards as PDF files at true scale.

use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str};

use super::{dictionary::DictionaryError, pattern::black_patches};
use crate::board::Board;

/// A point of a PDF file in metres.
const POINT_M: f64 = 0.0254 / 72.0;
/// White around the pattern, which detection needs, and room for the ruler.
const MARGIN_M: f64 = 0.012;
/// A4 in portrait.
const A4_M: [f64; 2] = [0.210, 0.297];
/// The ruler under the pattern, to see whether the printer kept to the scale.
const RULER_M: f64 = 0.100;

/// The board as a PDF file: on A4 where it fits, upright or not, else on a sheet of its own size.
///
/// # Errors
/// When OpenCV does not know the dictionary, or it has too few markers.
pub fn pdf(board: &Board) -> Result<Vec<u8>, DictionaryError> {
    let patches = black_patches(board)?;
    let [width, height] = board.size();
    let needed = [width + 2.0 * MARGIN_M, height + 3.0 * MARGIN_M];
    let [short, long] = A4_M;
    let page = [A4_M, [long, short]]
        .into_iter()
        .find(|page| page[0] >= needed[0] && page[1] >= needed[1])
        .unwrap_or(needed);
    let [left, top] = [0.5 * (page[0] - width), 0.5 * (page[1] - height)];
    let points = |metres: f64| (metres / POINT_M) as f32;

    let mut content = Content::new();
    for patch in &patches {
        // PDF counts upwards from the foot of the page.
        let foot = page[1] - top - patch.corner[1] - patch.size[1];
        content.rect(
            points(left + patch.corner[0]),
            points(foot),
            points(patch.size[0]),
            points(patch.size[1]),
        );
    }
    content.fill_nonzero();
    let ruler = page[1] - top - height - 0.6 * MARGIN_M;
    let ruler_length = RULER_M.min(width);
    content.set_line_width(0.5);
    content.move_to(points(left), points(ruler));
    content.line_to(points(left + ruler_length), points(ruler));
    for end in [left, left + ruler_length] {
        content.move_to(points(end), points(ruler - 0.0015));
        content.line_to(points(end), points(ruler + 0.0015));
    }
    content.stroke();
    content.begin_text();
    content.set_font(Name(b"F1"), 7.0);
    content.next_line(points(left), points(ruler - 0.004));
    let note = format!(
        "This line is {:.1} mm long when printed at true scale (100 %, no fitting to the page). {}",
        ruler_length * 1e3,
        described(board)
    );
    content.show(Str(note.as_bytes()));
    content.end_text();

    let mut pdf = Pdf::new();
    let [catalog, pages, sheet, font, stream] = [1, 2, 3, 4, 5].map(Ref::new);
    pdf.catalog(catalog).pages(pages);
    pdf.pages(pages).kids([sheet]).count(1);
    let mut entry = pdf.page(sheet);
    entry
        .parent(pages)
        .media_box(Rect::new(0.0, 0.0, points(page[0]), points(page[1])));
    entry.contents(stream);
    entry.resources().fonts().pair(Name(b"F1"), font);
    entry.finish();
    pdf.type1_font(font).base_font(Name(b"Helvetica"));
    pdf.stream(stream, &content.finish());
    Ok(pdf.finish())
}

/// The board in words, for whoever finds the sheet.
fn described(board: &Board) -> String {
    let millimetres = |metres: f64| format!("{:.1} mm", metres * 1e3);
    match board {
        Board::Charuco {
            dictionary,
            columns,
            rows,
            square_m,
            marker_m,
            first_id,
        } => format!(
            "ChArUco {columns}x{rows}, {dictionary} from {first_id}, squares {}, markers {}.",
            millimetres(*square_m),
            millimetres(*marker_m)
        ),
        Board::MarkerGrid {
            dictionary,
            columns,
            rows,
            marker_m,
            gap_m,
            first_id,
        } => format!(
            "Markers {columns}x{rows}, {dictionary} from {first_id}, {} with {} between them.",
            millimetres(*marker_m),
            millimetres(*gap_m)
        ),
        Board::Marker {
            dictionary,
            id,
            marker_m,
        } => {
            format!("Marker {id} of {dictionary}, {}.", millimetres(*marker_m))
        }
    }
}
