//! Where camera and hand are when a frame is taken, and what that says about the target's place.

use camera::Intrinsics;
use nalgebra::{Isometry3, Point2, Point3};

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
    depth_m: Vec<f32>,
    target: Vec<bool>,
}

impl Scene {
    pub(crate) fn new(space: Space, depth_m: &[f32], target: &[bool]) -> Self {
        Self {
            space,
            depth_m: depth_m.to_vec(),
            target: target.to_vec(),
        }
    }

    /// Whether most of what a mask shows was there before, and was not the target.
    pub(crate) fn has_other(&self, space: &Space, depth_m: &[f32], mask: &[bool]) -> bool {
        /// Surfaces closer than this are the same, metres.
        const SAME_M: f32 = 0.012;
        const MOST: f64 = 0.6;
        if !self.space.sees_like(space) {
            return false;
        }
        let (mut measured, mut unmoved) = (0_usize, 0_usize);
        let before = self.depth_m.iter().zip(&self.target);
        for ((now, on), (then, was_target)) in depth_m.iter().zip(mask).zip(before) {
            if *on && *now > 0.0 && *then > 0.0 {
                measured += 1;
                unmoved += usize::from(!was_target && (now - then).abs() < SAME_M);
            }
        }
        unmoved as f64 > MOST * measured as f64
    }
}
