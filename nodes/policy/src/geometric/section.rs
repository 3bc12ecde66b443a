//! The object between the fingers: its cross section at a place along it.

use std::f64::consts::FRAC_PI_2;

use nalgebra::{Point2, Point3, Unit, Vector2, Vector3};

use super::plan::Object;

/// The hand is about this wide, from its middle, metres: what is within may come between its fingers.
const HALF_HAND_M: f64 = 0.045;
/// The tips themselves, from their middle, metres.
const HALF_TIPS_M: f64 = 0.015;
/// Fewer points do not make a width.
const LEAST_POINTS: usize = 20;
/// This much longer than wide, an object is taken to be alike on both sides of its long axis rather than about its middle.
const ELONGATED: f64 = 1.8;
/// What begins above this part of its height does not reach down to the table.
const FLOATING: f64 = 0.5;
/// The tips pass what is no further below them than this, metres.
const PASSED_M: f64 = 0.01;

/// An extent along one direction of the table plane, metres.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) middle: f64,
    pub(super) width: f64,
}

/// The part of an object that comes between the fingers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section {
    /// Direction of closing in the table plane, rad.
    pub(super) heading: f64,
    /// Its middle in the table plane.
    pub(super) middle: Point2<f64>,
    /// Distance from the middle of the object, along the object, metres.
    pub(super) offset: f64,
    /// Width between the touching sides, metres.
    pub(super) width: f64,
    /// Length of the whole object across the closing direction, metres.
    pub(super) length: f64,
    /// Height of its upper side above the base, metres.
    pub(super) top: f64,
    /// Height of its lower side: that of the whole object, unless it is seen to begin higher, metres.
    pub(super) bottom: f64,
}

/// The object all around, as far as it is known: what was seen, and its mirror image for the far side.
#[derive(Debug, Clone)]
pub(super) struct Surface {
    points: Vec<Point3<f64>>,
    is_elongated: bool,
    bottom: f64,
    bottom_middle: Point2<f64>,
}

impl Surface {
    pub(super) fn new(object: &Object) -> Self {
        let centre = object.bounds.centre();
        let size = object.bounds.size;
        let long_axis = object.bounds.base_from_box.rotation * Vector3::x();
        let is_elongated = size.x > ELONGATED * size.y;
        let axis = Unit::try_new(long_axis.xy(), 1e-6).filter(|_| is_elongated);
        let mirrored = |seen: &Point3<f64>| {
            let from_centre = seen.xy() - centre.xy();
            let hidden = match axis {
                Some(axis) => 2.0 * axis.dot(&from_centre) * axis.into_inner() - from_centre,
                None => -from_centre,
            };
            Point3::new(centre.x + hidden.x, centre.y + hidden.y, seen.z)
        };
        Self {
            points: object
                .points
                .iter()
                .flat_map(|point| {
                    let seen = point.cast::<f64>();
                    [seen, mirrored(&seen)]
                })
                .collect(),
            is_elongated,
            bottom: centre.z - 0.5 * size.z,
            bottom_middle: centre.xy(),
        }
    }

    /// All points, seen and mirrored, in the base frame.
    pub(super) fn points(&self) -> &[Point3<f64>] {
        &self.points
    }

    /// Whether the object is much longer than wide.
    pub(super) fn is_elongated(&self) -> bool {
        self.is_elongated
    }

    /// The length across a closing direction.
    pub(super) fn length(&self, heading: f64) -> Extent {
        let side = direction(heading - FRAC_PI_2);
        self.extent(&side, |_| true).unwrap_or(Extent {
            middle: side.dot(&self.bottom_middle.coords),
            width: 0.0,
        })
    }

    /// The section across which fingers close along a heading, `offset` from the object's middle; `lowest` says how low
    /// the tips go for an upper and a lower side.
    pub(super) fn section(
        &self,
        heading: f64,
        offset: f64,
        lowest: impl Fn(f64, f64) -> f64,
    ) -> Section {
        let (along, side) = (direction(heading), direction(heading - FRAC_PI_2));
        let lengthwise = self.length(heading);
        let place = lengthwise.middle + offset;
        let within = |half: f64| {
            move |point: &&Point3<f64>| (point.xy().coords.dot(&side) - place).abs() <= half
        };
        let (low, top) = self
            .points
            .iter()
            .filter(within(HALF_TIPS_M))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| {
                (low.min(point.z), high.max(point.z))
            });
        let (low, top) = if low <= top {
            (low, top)
        } else {
            self.heights()
        };
        let bottom = if low - self.bottom > FLOATING * (top - self.bottom) {
            low
        } else {
            self.bottom
        };
        let passed = lowest(top, bottom) - PASSED_M;
        let near = within(HALF_HAND_M);
        let closing = self
            .extent(&along, |point| near(&point) && point.z > passed)
            .or_else(|| self.extent(&along, |point| near(&point)))
            .or_else(|| self.extent(&along, |_| true))
            .unwrap_or(Extent {
                middle: along.dot(&self.bottom_middle.coords),
                width: 0.0,
            });
        Section {
            heading,
            middle: Point2::from(along * closing.middle + side * place),
            offset,
            width: closing.width,
            length: lengthwise.width,
            top,
            bottom,
        }
    }

    fn heights(&self) -> (f64, f64) {
        let heights = self.points.iter().map(|point| point.z);
        let top = heights.fold(f64::NEG_INFINITY, f64::max);
        (self.bottom, top.max(self.bottom))
    }

    /// The extent of some of the points; `None` for too few.
    fn extent(&self, along: &Vector2<f64>, some: impl Fn(&Point3<f64>) -> bool) -> Option<Extent> {
        let mut count = 0;
        let (low, high) = self
            .points
            .iter()
            .filter(|point| some(point))
            .map(|point| point.xy().coords.dot(along))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                count += 1;
                (low.min(value), high.max(value))
            });
        (count >= LEAST_POINTS).then_some(Extent {
            middle: 0.5 * (low + high),
            width: high - low,
        })
    }
}

/// The unit vector of a heading.
pub(super) fn direction(heading: f64) -> Vector2<f64> {
    Vector2::new(heading.cos(), heading.sin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Isometry3, UnitQuaternion};
    use pointcloud::OrientedBox;
    use proptest::prelude::*;
    use std::f64::consts::PI;

    /// An object along x about (0.3, 0.5) from the points of its parts: x, half width, lower and upper side.
    fn object(parts: &[(std::ops::Range<f64>, f64, f64, f64)], yaw: f64) -> Object {
        let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), yaw);
        let centre = Vector3::new(0.3, 0.5, 0.0);
        let (mut points, mut size) = (Vec::new(), Vector3::zeros());
        for (along, half_width, low, high) in parts {
            for i in 0..=40 {
                let x = along.start + (along.end - along.start) * f64::from(i) / 40.0;
                for j in 0..=4 {
                    let y = half_width * (f64::from(j) / 2.0 - 1.0);
                    for z in [*low, *high] {
                        points.push(Point3::from(turn * Vector3::new(x, y, z) + centre).cast());
                    }
                }
            }
            size = size.sup(&Vector3::new(
                2.0 * along.end.abs(),
                2.0 * half_width,
                *high,
            ));
        }
        let pose = Isometry3::from_parts((centre + Vector3::z() * 0.5 * size.z).into(), turn);
        Object {
            bounds: OrientedBox {
                base_from_box: pose,
                size,
            },
            points,
            surroundings: Vec::new(),
        }
    }

    fn deep(_: f64, _: f64) -> f64 {
        0.0
    }

    proptest! {
        #[test]
        fn a_block_is_as_wide_as_it_is(
            half in (0.02..0.1_f64, 0.01..0.04_f64, 0.01..0.1_f64),
            yaw in -3.0..3.0_f64,
        ) {
            let (length, width, height) = half;
            let block = object(&[(-length..length, width, 0.0, height)], yaw);
            let section = Surface::new(&block).section(yaw + FRAC_PI_2, 0.0, deep);
            prop_assert!((section.width - 2.0 * width).abs() < 1e-6);
            prop_assert!((section.length - 2.0 * length).abs() < 1e-6);
            prop_assert!((section.middle - Point2::new(0.3, 0.5)).norm() < 1e-6);
            prop_assert!(section.bottom.abs() < 1e-6 && (section.top - height).abs() < 1e-6);
        }
    }

    #[test]
    fn a_rod_above_the_table_is_held_at_its_own_height() {
        // A blade that lies on the table, and a rod that rises from it.
        let spatula = object(
            &[
                (-0.15..-0.07, 0.035, 0.0, 0.005),
                (-0.07..0.15, 0.006, 0.02, 0.025),
            ],
            0.4,
        );
        let surface = Surface::new(&spatula);
        let rod = surface.section(0.4 + FRAC_PI_2, 0.03, deep);
        assert!(
            (rod.bottom - 0.02).abs() < 1e-6 && (rod.top - 0.025).abs() < 1e-6,
            "{rod:?}"
        );
        let blade = surface.section(0.4 - FRAC_PI_2, 0.11, deep);
        assert!(
            blade.bottom.abs() < 1e-6 && (blade.top - 0.005).abs() < 1e-6,
            "{blade:?}"
        );
    }

    #[test]
    fn a_thick_end_does_not_widen_the_thin_one() {
        let screwdriver = object(
            &[
                (-0.1..0.0, 0.015, 0.0, 0.03),
                (0.0..0.1, 0.003, 0.012, 0.018),
            ],
            0.0,
        );
        let surface = Surface::new(&screwdriver);
        let at = |offset| surface.section(FRAC_PI_2, offset, deep).width;
        // Sections are as long as the hand is wide, on both sides.
        assert!((at(0.05) - 0.006).abs() < 1e-6 && (at(-0.05) - 0.03).abs() < 1e-6);
        // Closing the other way round is the same section.
        let turned = surface.section(FRAC_PI_2 + PI, -0.05, deep);
        assert!((turned.width - 0.006).abs() < 1e-6);
    }

    #[test]
    fn what_the_tips_pass_does_not_count() {
        // A foot that is wider than the stem above it.
        let glass = object(
            &[
                (-0.02..0.02, 0.04, 0.0, 0.005),
                (-0.02..0.02, 0.01, 0.005, 0.1),
            ],
            0.0,
        );
        let surface = Surface::new(&glass);
        let over_the_foot = surface.section(FRAC_PI_2, 0.0, |_, _| 0.05);
        assert!(
            (over_the_foot.width - 0.02).abs() < 1e-6,
            "{over_the_foot:?}"
        );
        assert!((surface.section(FRAC_PI_2, 0.0, deep).width - 0.08).abs() < 1e-6);
    }

    #[test]
    fn no_points_are_no_panic() {
        let nothing = Object {
            points: Vec::new(),
            ..object(&[(-0.05..0.05, 0.02, 0.0, 0.05)], 0.0)
        };
        let section = Surface::new(&nothing).section(0.3, 0.02, deep);
        assert!(section.width == 0.0 && section.length == 0.0 && section.top >= section.bottom);
    }
}
