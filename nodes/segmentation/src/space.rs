//! Where camera and hand are when a frame is taken, and what that says about the target's place.

use camera::Intrinsics;
use nalgebra::{Isometry3, Point2, Point3};

use crate::fit::Fit;

/// Poses of camera and hand at the time of a frame, in a base frame that stands still.
///
/// With it the tracker knows where a target must be that the hand carries, and that what has not moved since the click is
/// another object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Space {
    /// The camera of the frame.
    pub camera: Intrinsics,
    /// Pose of its optical frame.
    pub base_from_camera: Isometry3<f64>,
    /// Pose of the hand, where it is known.
    pub base_from_hand: Option<Isometry3<f64>>,
    /// Height of the table in the base frame, metres.
    pub table_height_m: f64,
}

/// What is nearer to the hand's frame than this may be in the hand, metres.
const IN_HAND_M: f64 = 0.22;

impl Space {
    /// The point under a pixel at a depth, in the base frame.
    pub(crate) fn point(&self, [x, y]: [f64; 2], depth_m: f64) -> Option<Point3<f64>> {
        let in_camera = self.camera.deproject(&Point2::new(x, y), depth_m).ok()?;
        Some(self.base_from_camera * in_camera)
    }

    /// The pixel that shows a point of the base frame.
    pub(crate) fn pixel(&self, point: &Point3<f64>) -> Option<[f64; 2]> {
        let in_camera = self.base_from_camera.inverse_transform_point(point);
        let pixel = self.camera.project(&in_camera).ok()?;
        Some([pixel.x, pixel.y])
    }

    /// The point in the hand's frame, when it is near enough to be in the hand.
    pub(crate) fn in_hand(&self, point: &Point3<f64>) -> Option<Point3<f64>> {
        let in_hand = self.base_from_hand?.inverse_transform_point(point);
        (in_hand.coords.norm() < IN_HAND_M).then_some(in_hand)
    }

    /// Whether the camera has not moved between two frames.
    pub(crate) fn sees_like(&self, other: &Self) -> bool {
        const M: f64 = 1e-3;
        const RAD: f64 = 1e-3;
        let moved = self.base_from_camera.inverse() * other.base_from_camera;
        self.camera == other.camera
            && moved.translation.vector.norm() < M
            && moved.rotation.angle() < RAD
    }
}

/// What the camera measured when the target was clicked, at the network's resolution.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    space: Space,
    fit: Fit,
    depth_m: Vec<f32>,
    target: Vec<bool>,
}

impl Scene {
    pub(crate) fn new(space: Space, fit: Fit, depth_m: &[f32], target: &[bool]) -> Self {
        Self {
            space,
            fit,
            depth_m: depth_m.to_vec(),
            target: target.to_vec(),
        }
    }

    /// Whether most of what a mask shows stood there before, and was not the target.
    pub(crate) fn has_other(&self, space: &Space, depth_m: &[f32], mask: &[bool]) -> bool {
        /// Surfaces closer than this are the same, metres.
        const SAME_M: f32 = 0.012;
        const MOST: f64 = 0.6;
        if !self.space.sees_like(space) {
            return false;
        }
        let (mut measured, mut unmoved) = (0_usize, 0_usize);
        let before = self.depth_m.iter().zip(&self.target);
        for (at, ((now, on), (then, was_target))) in
            depth_m.iter().zip(mask).zip(before).enumerate()
        {
            if *on && *now > 0.0 && *then > 0.0 {
                measured += 1;
                let same = !was_target && (now - then).abs() < SAME_M;
                unmoved += usize::from(same && self.stood(at));
            }
        }
        unmoved as f64 > MOST * measured as f64
    }

    /// Whether something rose from the table at a pixel: the table itself is no object, however near a flat one is to it.
    fn stood(&self, at: usize) -> bool {
        const RISES_M: f64 = 0.01;
        let width = self.fit.network.width as usize;
        let pixel = self
            .fit
            .to_frame([(at % width) as f64, (at / width) as f64]);
        self.depth_m
            .get(at)
            .and_then(|depth| self.space.point(pixel, f64::from(*depth)))
            .is_some_and(|point| point.z > self.space.table_height_m + RISES_M)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::FrameSize;
    use nalgebra::{Translation3, UnitQuaternion};
    use proptest::prelude::*;

    const SIZE: FrameSize = FrameSize {
        width: 64,
        height: 36,
    };

    /// A camera 1 m above the table, looking straight down.
    fn space() -> Space {
        Space {
            camera: Intrinsics::from_hfov(128, 72, 1.2).unwrap(),
            base_from_camera: Isometry3::from_parts(
                Translation3::new(0.3, 0.5, 1.0),
                UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0),
            ),
            base_from_hand: None,
            table_height_m: 0.0,
        }
    }

    /// Depth of the table with blocks of a height in columns.
    fn depth(blocks: &[(std::ops::Range<usize>, f32)]) -> Vec<f32> {
        (0..64 * 36)
            .map(|at| {
                let block = blocks
                    .iter()
                    .find(|(columns, _)| columns.contains(&(at % 64)));
                1.0 - block.map_or(0.0, |(_, height)| *height)
            })
            .collect()
    }

    fn mask(columns: std::ops::Range<usize>) -> Vec<bool> {
        (0..64 * 36)
            .map(|at| columns.contains(&(at % 64)))
            .collect()
    }

    proptest! {
        #[test]
        fn a_pixel_and_its_depth_are_a_point(x in 0.0..127.0_f64, y in 0.0..71.0_f64, depth in 0.2..2.0_f64) {
            let space = space();
            let point = space.point([x, y], depth).unwrap();
            prop_assert!((point.z - (1.0 - depth)).abs() < 1e-9);
            let [u, v] = space.pixel(&point).unwrap();
            prop_assert!((u - x).abs() < 1e-6 && (v - y).abs() < 1e-6, "({u}, {v})");
        }
    }

    #[test]
    fn only_what_is_near_the_hand_is_in_it() {
        let hand = Isometry3::translation(0.3, 0.5, 0.2);
        let space = Space {
            base_from_hand: Some(hand),
            ..space()
        };
        let place = space.in_hand(&Point3::new(0.3, 0.5, 0.1)).unwrap();
        assert!((hand * place - Point3::new(0.3, 0.5, 0.1)).norm() < 1e-12);
        assert_eq!(space.in_hand(&Point3::new(0.0, 0.5, 0.1)), None);
        assert_eq!(
            super::tests::space().in_hand(&Point3::new(0.3, 0.5, 0.1)),
            None
        );
    }

    #[test]
    fn a_neighbour_that_stays_is_not_the_target() {
        let fit = Fit::new((128, 72), SIZE);
        let before = depth(&[(5..15, 0.05), (30..40, 0.06)]);
        let scene = Scene::new(space(), fit, &before, &mask(5..15));
        // The target has gone; the neighbour stays.
        let now = depth(&[(30..40, 0.06)]);
        assert!(scene.has_other(&space(), &now, &mask(30..40)));
        // The target where it was, and anything at a place that was empty before.
        assert!(!scene.has_other(&space(), &before, &mask(5..15)));
        let moved = depth(&[(20..28, 0.05), (30..40, 0.06)]);
        assert!(!scene.has_other(&space(), &moved, &mask(20..28)));
        // Flat things, too, though the table was hardly further away.
        let flat = depth(&[(20..28, 0.005), (30..40, 0.06)]);
        assert!(!scene.has_other(&space(), &flat, &mask(20..28)));
        // A camera that has moved compares nothing.
        let elsewhere = Space {
            base_from_camera: Isometry3::translation(0.01, 0.0, 0.0) * space().base_from_camera,
            ..space()
        };
        assert!(!scene.has_other(&elsewhere, &now, &mask(30..40)));
    }
}
