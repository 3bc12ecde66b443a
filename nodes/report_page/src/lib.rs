//! Reports as one HTML page each: figures, tables, plots and pictures in a single file that opens from disk, loads nothing
//! from elsewhere and runs no scripts.
//!
//! A [`Page`] is a headline and [`Section`]s. What is put into them is text: names from files may hold whatever they want.
//!
//! ```
//! use report_page::{Align, Bar, Headline, Page, Picture, Plot, Section, Share, Table, Tone};
//!
//! let headline = Headline {
//!     figure: "75 %".to_owned(),
//!     meaning: "3 of 4 mugs were lifted".to_owned(),
//!     tone: Tone::Ink,
//!     share: Some(Share { value: 0.75, interval: Some([0.30, 0.95]) }),
//! };
//!
//! let mut table = Table::new(&[("object", Align::Left), ("lifted", Align::Right)]);
//! table.row(["mug".to_owned(), "3".to_owned()]);
//! println!("{table}"); // a table is for the terminal, too
//!
//! let lift = Plot::new("Height of the mug", ("time, s", 0.0..2.0), ("height, m", 0.0..0.3))
//!     .line([[0.0, 0.0], [1.0, 0.02], [2.0, 0.28]], Tone::Accent);
//!
//! let rgb = [200; 4 * 3 * 3]; // 4 x 3 pixels
//! let picture = Picture::from_rgb(&rgb, 4, 3, 360)?;
//!
//! let page = Page::new("Mugs", headline)
//!     .section(
//!         Section::new("Objects")
//!             .table(&table)
//!             .bars(["object", "lifted"], &[Bar::new("mug", 3.0 / 4.0, "3 of 4")]),
//!     )
//!     .section(Section::new("How it went").plots(&[lift]).pictures(&[(&picture, "the first picture")]));
//! let html = page.to_html();
//! assert!(html.starts_with("<!DOCTYPE html>"));
//! # Ok::<(), report_page::PictureError>(())
//! ```
//!
//! Colours are named by what they mean ([`Tone`]) and follow the reader's choice of a light or a dark screen, those of
//! plots too.

mod axis;
mod bars;
mod page;
mod palette;
mod picture;
mod plot;
mod section;
mod table;
#[cfg(test)]
mod tests;

pub use bars::{Bar, Share};
pub use page::{Headline, Page};
pub use palette::Tone;
pub use picture::{Picture, PictureError};
pub use plot::Plot;
pub use section::Section;
pub use table::{Align, Table};
