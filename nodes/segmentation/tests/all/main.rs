//! Tests with a toy model that keeps the real one's contract (see `tests/data/make_toy.py`): it segments what
//! has the colour of the clicked pixel, so the right answers are known.
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]

mod batch;
mod model;
mod node;
mod toy;
mod tracking;
