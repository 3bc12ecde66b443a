//! Tables, as plain text and as HTML.

use std::fmt;

use maud::{Markup, Render, html};

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// For words.
    Left,
    /// For figures.
    Right,
}

/// A table as wide as what is in it. Displayed, it is plain text.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty one with the names of its columns.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        let columns = columns
            .iter()
            .map(|(name, align)| ((*name).to_owned(), *align))
            .collect();
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row, with a cell for each column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let width = |column: usize| {
            let cells = self
                .rows
                .iter()
                .chain([&header])
                .filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        for row in [&header].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for (column, (cell, (_, align))) in row.iter().zip(&self.columns).enumerate() {
                let width = width(column);
                line.push_str("  ");
                line.push_str(&match align {
                    Align::Left => format!("{cell:<width$}"),
                    Align::Right => format!("{cell:>width$}"),
                });
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl Render for Table {
    fn render(&self) -> Markup {
        let is_right = |column: usize| {
            let column = self.columns.get(column);
            column.is_some_and(|(_, align)| *align == Align::Right)
        };
        html! {
            div.scroll { table {
                thead { tr {
                    @for (column, (name, _)) in self.columns.iter().enumerate() {
                        th.right[is_right(column)] scope="col" { (name) }
                    }
                } }
                tbody {
                    @for row in &self.rows {
                        tr { @for (column, cell) in row.iter().enumerate() { td.right[is_right(column)] { (cell) } } }
                    }
                }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&[("stage", Align::Left), ("ms", Align::Right)]);
        table.row(["segment".to_owned(), "5.1".to_owned()]);
        table.row(["bus".to_owned(), "12.0".to_owned()]);
        assert_eq!(
            table.to_string(),
            "  stage      ms\n  segment   5.1\n  bus      12.0\n"
        );
    }
}
