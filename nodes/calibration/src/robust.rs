//! How hard a corner pulls that is far from where it should be.

/// Corners further off than this many deviations pull no harder than at that distance.
const CORNER_LIMIT: f64 = 3.0;

/// Huber's loss of a corner this many deviations from where it should be, and the weight that it leaves the corner.
pub(crate) fn corner_loss(distance: f64) -> (f64, f64) {
    if distance <= CORNER_LIMIT {
        (0.5 * distance * distance, 1.0)
    } else {
        (
            CORNER_LIMIT * (distance - 0.5 * CORNER_LIMIT),
            CORNER_LIMIT / distance,
        )
    }
}
