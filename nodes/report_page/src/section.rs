//! What stands on a page.

use maud::{Markup, Render as _, html};

use crate::{
    bars::{self, Bar},
    picture::Picture,
    plot::Plot,
    table::Table,
};

/// Values of more letters than this do not stand beside others.
const LONG: usize = 32;

/// A part of a page under a heading.
#[derive(Debug, Clone)]
pub struct Section {
    heading: String,
    is_folded: bool,
    blocks: Vec<Markup>,
}

impl Section {
    /// A part that is open to the eye.
    pub fn new(heading: impl Into<String>) -> Self {
        Self {
            heading: heading.into(),
            is_folded: false,
            blocks: Vec::new(),
        }
    }

    /// A part of which only the heading shows until it is clicked.
    pub fn folded(heading: impl Into<String>) -> Self {
        Self {
            is_folded: true,
            ..Self::new(heading)
        }
    }

    fn block(mut self, block: Markup) -> Self {
        self.blocks.push(block);
        self
    }

    /// Adds a heading of its own for what follows.
    #[must_use]
    pub fn heading(self, text: &str) -> Self {
        self.block(html! { h3 { (text) } })
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.block(html! { p { (text) } })
    }

    /// Adds a list of sentences.
    #[must_use]
    pub fn list(self, items: &[String]) -> Self {
        self.block(html! { ul { @for item in items { li { (item) } } } })
    }

    /// Adds names with their values; long ones, such as hashes, have a line of their own.
    #[must_use]
    pub fn facts<'a>(self, facts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.block(html! {
            dl { @for (name, value) in facts { div.long[value.len() > LONG] { dt { (name) } dd { (value) } } } }
        })
    }

    /// Adds what is to be read letter by letter, such as a command.
    #[must_use]
    pub fn code(self, text: &str) -> Self {
        self.block(html! { pre { code { (text) } } })
    }

    /// Adds a table.
    #[must_use]
    pub fn table(self, table: &Table) -> Self {
        self.block(table.render())
    }

    /// Adds a table with a bar in each row. `headers` are those of the labels and of the figures beside the bars.
    #[must_use]
    pub fn bars<const N: usize>(self, headers: [&str; N], bars: &[Bar]) -> Self {
        self.block(bars::table(&headers, bars))
    }

    /// Adds plots, side by side where there is room.
    #[must_use]
    pub fn plots(self, plots: &[Plot]) -> Self {
        self.block(html! { div.plots { @for plot in plots { (plot) } } })
    }

    /// Adds pictures with what is to be said of each, side by side where there is room.
    #[must_use]
    pub fn pictures(self, pictures: &[(&Picture, &str)]) -> Self {
        self.block(html! {
            div.pictures {
                @for (picture, caption) in pictures {
                    @let [width, height] = picture.size();
                    figure {
                        img src=(picture.data_uri()) width=(width) height=(height) alt=(caption);
                        figcaption { (caption) }
                    }
                }
            }
        })
    }

    pub(crate) fn html(&self) -> Markup {
        let body = html! { @for block in &self.blocks { (block) } };
        html! {
            section {
                @if self.is_folded {
                    details { summary { h2 { (self.heading) } } (body) }
                } @else {
                    h2 { (self.heading) }
                    (body)
                }
            }
        }
    }
}
