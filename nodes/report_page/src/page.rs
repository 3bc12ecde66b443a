//! The page as a whole.

use maud::{DOCTYPE, PreEscaped, html};

use crate::{
    bars::{self, Share},
    palette::{self, Tone},
    section::Section,
};

/// Nothing is loaded, nothing runs; what there is to see is in the file.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// What is to be seen first.
#[derive(Debug, Clone, PartialEq)]
pub struct Headline {
    /// The figure, with its unit.
    pub figure: String,
    /// What it is of.
    pub meaning: String,
    /// Whether it is good.
    pub tone: Tone,
    /// The figure as part of a whole, drawn as a bar.
    pub share: Option<Share>,
}

/// A report.
#[derive(Debug, Clone)]
pub struct Page {
    title: String,
    headline: Headline,
    sections: Vec<Section>,
}

impl Page {
    /// A page with nothing but its headline.
    pub fn new(title: impl Into<String>, headline: Headline) -> Self {
        Self {
            title: title.into(),
            headline,
            sections: Vec::new(),
        }
    }

    /// Adds a part.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// The page as it goes into a file.
    #[must_use]
    pub fn to_html(&self) -> String {
        let style = format!("{}{}", palette::css(), include_str!("page.css"));
        let headline = &self.headline;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    style { (PreEscaped(style)) }
                }
                body {
                    main {
                        h1 { (self.title) }
                        div.{ "headline " (headline.tone.name()) } {
                            strong { (headline.figure) }
                            div {
                                p { (headline.meaning) }
                                @if let Some(share) = &headline.share {
                                    (bars::drawing(share, headline.tone))
                                }
                            }
                        }
                        @for section in &self.sections { (section.html()) }
                    }
                }
            }
        };
        page.into_string()
    }
}
