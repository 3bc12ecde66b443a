//! Figures for people: statistics, tables, and where they come from.

mod origin;
mod statistics;

pub(crate) use origin::origin;
pub(crate) use report_page::{Align, Table};
pub(crate) use statistics::{LatencyHistogram, Quantiles, wilson_95};
