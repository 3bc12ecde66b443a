//! Whether what was clicked is an object, and if not, what it is in words.

use nalgebra::Point3;

use crate::Prediction;

/// Height above the table up to which a point may be the table itself, as depth cameras see it, in metres.
const TABLE_BAND_M: f64 = 0.008;
/// Share of the picture from which a mask is the table or the background rather than something to grasp.
const HUGE: f64 = 0.2;
/// A click may miss the mask by this many pixels.
const MISS_PX: u32 = 4;

/// Why a click is not taken; `None` when it is.
///
/// `point_in_base` is the clicked point in the base frame where depth and transform are known.
pub(super) fn refusal(
    found: &Prediction,
    pixel: [f64; 2],
    point_in_base: Option<&Point3<f64>>,
    table_height_m: f64,
    least_score: f64,
) -> Option<String> {
    let height_m = point_in_base.map(|p| p.z - table_height_m);
    let on_table = height_m.is_some_and(|h| h.abs() < TABLE_BAND_M);
    let where_it_is = || match height_m {
        Some(h) if on_table => format!(
            "that is the table (the clicked point is {:.0} mm above it)",
            h * 1e3
        ),
        Some(h) if h < 0.0 => format!(
            "the clicked point is {:.0} mm below the table, behind or beside it",
            -h * 1e3
        ),
        _ => "nothing there looks like an object".to_owned(),
    };
    let [u, v] = pixel;
    if found.is_empty() {
        return Some(format!("no object at ({u:.0}, {v:.0}): {}", where_it_is()));
    }
    if found.score() < least_score {
        return Some(format!(
            "no object at ({u:.0}, {v:.0}) (score {:.2}): {}",
            found.score(),
            where_it_is()
        ));
    }
    if found.coverage() > HUGE {
        return Some(format!(
            "what is at ({u:.0}, {v:.0}) covers {:.0} % of the picture: the table or the background, not an object",
            found.coverage() * 100.0
        ));
    }
    let mask = found.mask();
    let (x, y) = (u.round().max(0.0) as u32, v.round().max(0.0) as u32);
    let near = (y.saturating_sub(MISS_PX)..=y + MISS_PX)
        .any(|y| (x.saturating_sub(MISS_PX)..=x + MISS_PX).any(|x| mask.contains(x, y)));
    (!near).then(|| {
        format!(
            "the nearest object does not reach ({u:.0}, {v:.0}): {}",
            where_it_is()
        )
    })
}
