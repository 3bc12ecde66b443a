//! Makes a mask agree with what the decoder cannot express: that an object is one connected thing, and that
//! where there is depth its edge is where the depth jumps.
//!
//! The decoder compares looks, so a second object of the same colour elsewhere in the picture may light up
//! too. It is dropped here because nothing connects it with the prompt. And pixels that stand out from the
//! support plane without a jump in depth belong together, so a raised region that the decoder mostly claims
//! is claimed whole, and one that it hardly touches is left alone.

use crate::prompt::CoarseMask;
use crate::regions::Regions;
use crate::support_plane::SupportPlane;

/// Inverse depth above the support plane from which a pixel belongs to something that stands on it, 1/m.
const RAISED: f32 = 0.03;
/// Jump of inverse depth between neighbours that separates two things, 1/m.
const JUMP: f32 = 0.015;
/// A raised region is claimed whole from this share of its pixels on,
const CLAIMED: f64 = 0.6;
/// and left alone below this share, if it is also at most [`ASIDE`] of the mask.
const TOUCHED: f64 = 0.1;
const ASIDE: f64 = 0.25;
/// Parts of a followed mask that carry at least this share of the best part's earlier probability stay.
const FOLLOWED: f64 = 0.2;

/// How far from a point its raised region may begin, in pixels: edges are not measured well.
const REACH: usize = 3;

/// What stands on the support plane of one frame, found once a frame.
#[derive(Debug, Clone)]
pub(crate) struct Relief {
    raised: Regions,
}

impl Relief {
    /// From depth in metres (0 = not measured) and the frame's support plane; `None` where there is no plane.
    pub(crate) fn new(depth: &[f32], width: usize, plane: SupportPlane) -> Option<Self> {
        if plane == [0.0; 3] || width == 0 {
            return None;
        }
        let inverse: Vec<f32> = depth
            .iter()
            .map(|z| if *z > 0.05 { 1.0 / z } else { 0.0 })
            .collect();
        let height: Vec<f32> = inverse
            .iter()
            .enumerate()
            .map(|(i, inverse)| {
                let support =
                    plane[0] * (i % width) as f32 + plane[1] * (i / width) as f32 + plane[2];
                if *inverse > 0.0 {
                    inverse - support
                } else {
                    f32::NAN
                }
            })
            .collect();
        let raised = Regions::new(
            width,
            depth.len(),
            |i| height[i] > RAISED,
            |i, j| (inverse[i] - inverse[j]).abs() < JUMP,
        );
        Some(Self { raised })
    }

    /// The raised region at a pixel (index), or the largest within [`REACH`] pixels of it, as a prompt.
    pub(crate) fn region_around(&self, at: usize, width: usize) -> Option<CoarseMask> {
        let (x, y) = (at % width, at / width);
        let height = self.raised.label.len() / width;
        let within = |reach: usize| {
            (y.saturating_sub(reach)..(y + reach + 1).min(height))
                .flat_map(move |v| {
                    (x.saturating_sub(reach)..(x + reach + 1).min(width))
                        .map(move |u| v * width + u)
                })
                .map(|i| self.raised.label[i])
                .filter(|region| *region > 0)
                .max_by_key(|region| self.raised.sizes[*region as usize])
        };
        let chosen = (0..=REACH).find_map(within)?;
        let pixels = self.raised.label.iter().enumerate();
        let inside = pixels.filter(|(_, region)| **region == chosen);
        Some(CoarseMask::pooled(
            inside.map(|(i, _)| (i, 1.0)),
            width,
            height,
        ))
    }

    /// Settles each raised region by the share that the mask claims of it.
    fn settle(&self, on: &mut [bool]) {
        let mut claimed = vec![0_usize; self.raised.sizes.len()];
        let mut area = 0;
        for (_, label) in on.iter().zip(&self.raised.label).filter(|(on, _)| **on) {
            claimed[*label as usize] += 1;
            area += 1;
        }
        let verdict: Vec<Option<bool>> = claimed
            .iter()
            .zip(&self.raised.sizes)
            .enumerate()
            .map(|(region, (claimed, size))| {
                let (claimed, size) = (*claimed as f64, *size as f64);
                match region {
                    0 => None,
                    _ if claimed >= CLAIMED * size => Some(true),
                    _ if claimed < TOUCHED * size && claimed < ASIDE * area as f64 => Some(false),
                    _ => None,
                }
            })
            .collect();
        for (pixel, label) in on.iter_mut().zip(&self.raised.label) {
            *pixel = verdict[*label as usize].unwrap_or(*pixel);
        }
    }
}

/// What connects a mask with its prompt.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor<'a> {
    /// Pixels (indices) that lie on the object.
    Points(&'a [usize]),
    /// The mask given as prompt, probabilities at a quarter of the size.
    Mask(&'a [f32]),
    /// Nothing in particular: a box, or the looks alone.
    None,
}

/// Refines a mask of `width` columns in place.
pub(crate) fn refine(on: &mut [bool], width: usize, anchor: Anchor<'_>, relief: Option<&Relief>) {
    keep_anchored(on, width, anchor);
    if let Some(relief) = relief {
        relief.settle(on);
        close(on, width);
        keep_anchored(on, width, anchor);
    }
}

fn keep_anchored(on: &mut [bool], width: usize, anchor: Anchor<'_>) {
    let parts = Regions::new(width, on.len(), |i| on[i], |_, _| true);
    let mut keep = vec![false; parts.sizes.len()];
    match anchor {
        Anchor::None => return,
        Anchor::Points(points) => {
            for point in points {
                if let Some(part) = nearest_part(&parts, width, *point) {
                    keep[part as usize] = true;
                }
            }
        }
        Anchor::Mask(earlier) => {
            let columns = width / 4;
            let mut weight = vec![0.0_f64; parts.sizes.len()];
            for (i, label) in parts
                .label
                .iter()
                .enumerate()
                .filter(|(_, label)| **label > 0)
            {
                let cell = (i / width / 4) * columns + i % width / 4;
                weight[*label as usize] += f64::from(earlier.get(cell).copied().unwrap_or(0.0));
            }
            let best = weight.iter().copied().fold(0.0, f64::max);
            if best <= 0.0 {
                return;
            }
            for (keep, weight) in keep.iter_mut().zip(&weight) {
                *keep = *weight >= FOLLOWED * best;
            }
        }
    }
    for (pixel, label) in on.iter_mut().zip(&parts.label) {
        *pixel &= keep[*label as usize];
    }
}

/// The part that holds a pixel, or else the one nearest to it.
fn nearest_part(parts: &Regions, width: usize, point: usize) -> Option<u32> {
    match parts.label.get(point) {
        None => None,
        Some(label) if *label > 0 => Some(*label),
        Some(_) => {
            let (x, y) = ((point % width) as i64, (point / width) as i64);
            let distance =
                |i: usize| ((i % width) as i64 - x).pow(2) + ((i / width) as i64 - y).pow(2);
            (0..parts.label.len())
                .filter(|i| parts.label[*i] > 0)
                .min_by_key(|i| distance(*i))
                .map(|i| parts.label[i])
        }
    }
}

/// Closes gaps of up to two pixels, such as those that unmeasured depth leaves at edges.
fn close(on: &mut [bool], width: usize) {
    let around = |mask: &[bool], i: usize, outside: bool| {
        let x = i % width;
        [
            (x > 0).then(|| i - 1),
            (x + 1 < width).then_some(i + 1),
            i.checked_sub(width),
            (i + width < mask.len()).then_some(i + width),
        ]
        .map(|next| next.map_or(outside, |next| mask[next]))
    };
    let grown: Vec<bool> = (0..on.len())
        .map(|i| on[i] || around(on, i, false).contains(&true))
        .collect();
    for (i, pixel) in on.iter_mut().enumerate() {
        *pixel |= grown[i] && !around(&grown, i, true).contains(&false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 40;

    fn picture(inside: impl Fn(usize, usize) -> bool) -> Vec<bool> {
        (0..WIDTH * 40)
            .map(|i| inside(i % WIDTH, i / WIDTH))
            .collect()
    }

    fn square(x: usize, y: usize) -> bool {
        (5..15).contains(&x) && (5..15).contains(&y)
    }

    #[test]
    fn an_unconnected_look_alike_is_dropped() {
        let mut on = picture(|x, y| square(x, y) || (x > 25 && y > 25));
        refine(&mut on, WIDTH, Anchor::Points(&[10 * WIDTH + 10]), None);
        assert_eq!(on, picture(square));
    }

    #[test]
    fn a_point_beside_the_mask_keeps_the_nearest_part() {
        let mut on = picture(|x, y| square(x, y) || (x > 25 && y > 25));
        refine(&mut on, WIDTH, Anchor::Points(&[3 * WIDTH + 3]), None);
        assert_eq!(on, picture(square));
    }

    #[test]
    fn a_followed_mask_keeps_the_part_that_it_covered() {
        let mut on = picture(|x, y| square(x, y) || (x > 25 && y > 25));
        let mut earlier = vec![0.0_f32; (WIDTH / 4) * 10];
        earlier[2 * (WIDTH / 4) + 2] = 0.9;
        refine(&mut on, WIDTH, Anchor::Mask(&earlier), None);
        assert_eq!(on, picture(square));
    }

    /// A flat table 1 m away; two boxes that touch in the picture but not in depth.
    fn two_boxes() -> Relief {
        let second = |x: usize, y: usize| (15..30).contains(&x) && (5..15).contains(&y);
        let depth: Vec<f32> = (0..WIDTH * 40)
            .map(|i| match (i % WIDTH, i / WIDTH) {
                (x, y) if square(x, y) => 0.8,
                (x, y) if second(x, y) => 0.6,
                _ => 1.0,
            })
            .collect();
        Relief::new(&depth, WIDTH, [0.0, 0.0, 1.0]).unwrap()
    }

    #[test]
    fn the_proposal_at_a_point_is_the_raised_region_there() {
        let relief = two_boxes();
        let shares = picture(square).into_iter().enumerate();
        let first = CoarseMask::pooled(
            shares.filter(|(_, on)| *on).map(|(at, _)| (at, 1.0)),
            WIDTH,
            40,
        );
        let at = |x: usize, y: usize| relief.region_around(y * WIDTH + x, WIDTH);
        assert_eq!(at(8, 8), Some(first.clone()));
        // Just beside its edge, and well away from anything.
        assert_eq!(at(8, 3), Some(first));
        assert_eq!(at(35, 30), None);
    }

    #[test]
    fn a_raised_region_is_claimed_whole_or_not_at_all() {
        let relief = two_boxes();
        // Half of the first box and a sliver of the second.
        let mut on = picture(|x, y| (square(x, y) && y < 11) || (x == 15 && (5..11).contains(&y)));
        refine(
            &mut on,
            WIDTH,
            Anchor::Points(&[8 * WIDTH + 10]),
            Some(&relief),
        );
        assert_eq!(on, picture(square));
    }

    #[test]
    fn nothing_stays_nothing() {
        let mut on = vec![false; 100];
        refine(
            &mut on,
            10,
            Anchor::Points(&[5, 1000]),
            Relief::new(&[0.0; 100], 10, [0.0, 0.0, 1.0]).as_ref(),
        );
        assert!(on.iter().all(|on| !on));
        assert!(Relief::new(&[1.0; 100], 10, [0.0; 3]).is_none());
    }
}
