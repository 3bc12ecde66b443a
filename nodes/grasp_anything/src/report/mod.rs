//! Figures for people: statistics and tables.

mod statistics;
mod table;

pub(crate) use statistics::{Quantiles, wilson_95};
pub(crate) use table::{Align, Table};
