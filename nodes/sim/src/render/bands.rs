//! Splits the rows of a picture between threads. The result does not depend on the split.

use std::num::NonZeroUsize;

/// Rows in each band when `rows` rows are shared between `threads` threads; a multiple of two, so
/// that no band cuts a pair of rows that share a half-resolution row.
pub(super) fn rows_in_band(rows: usize, threads: NonZeroUsize) -> usize {
    rows.div_ceil(threads.get()).next_multiple_of(2).max(2)
}

/// Does `work` for each band at once, the first on this thread.
pub(super) fn for_each<T: Send>(bands: impl IntoIterator<Item = T>, work: impl Fn(T) + Sync) {
    let mut bands = bands.into_iter();
    let Some(first) = bands.next() else { return };
    let rest: Vec<T> = bands.collect();
    if rest.is_empty() {
        work(first);
        return;
    }
    let work = &work;
    std::thread::scope(|scope| {
        for band in rest {
            scope.spawn(move || work(band));
        }
        work(first);
    });
}
