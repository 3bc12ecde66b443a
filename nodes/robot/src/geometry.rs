//! How far a point is from the robot: to tell a click on the robot from one on an object, and to clear the robot out
//! of a point cloud.

use nalgebra::{Isometry3, Point3, Vector3};

use crate::{
    kinematics::{KinematicsError, LinkPoses},
    model::{Geometry, Model},
};

/// The collision shapes of a robot, each on its link. Meshes are left out: give such links primitives.
#[derive(Debug, Clone)]
pub struct RobotShapes {
    reference: String,
    shapes: Vec<LinkShape>,
}

#[derive(Debug, Clone)]
struct LinkShape {
    link: String,
    link_place: usize,
    link_from_shape: Isometry3<f64>,
    solid: Solid,
}

/// Shapes with a distance in closed form; sizes in m.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Solid {
    Box { half: Vector3<f64> },
    Cylinder { radius: f64, half_length: f64 },
    Capsule { radius: f64, half_length: f64 },
}

/// The shapes of a robot in one posture.
#[derive(Debug, Clone)]
pub struct PosedShapes<'a> {
    shapes: Vec<PosedShape<'a>>,
}

#[derive(Debug, Clone)]
struct PosedShape<'a> {
    link: &'a str,
    solid: Solid,
    shape_from_reference: Isometry3<f64>,
    centre: Point3<f64>,
    /// No part of the shape is further from its centre.
    reach: f64,
}

impl RobotShapes {
    /// The shapes of a model; points will be in the frame `reference`, such as `base_link`.
    #[must_use]
    pub fn new(model: &Model, reference: &str) -> Self {
        Self::of(model, reference, |_| true)
    }

    /// The shapes of the link `top` and of all links that it carries; points will be in its frame.
    ///
    /// A name that the model does not have leaves no shapes.
    #[must_use]
    pub fn carried_by(model: &Model, top: &str) -> Self {
        Self::of(model, top, |link| model.is_carried_by(link, top))
    }

    /// The shapes of all links but `top` and those that it carries; points will be in the frame `reference`.
    #[must_use]
    pub fn without(model: &Model, top: &str, reference: &str) -> Self {
        Self::of(model, reference, |link| !model.is_carried_by(link, top))
    }

    fn of(model: &Model, reference: &str, belongs: impl Fn(&str) -> bool) -> Self {
        let mut shapes = Vec::new();
        for (link_place, link) in model.links().iter().enumerate() {
            if !belongs(&link.name) {
                continue;
            }
            for collision in &link.collisions {
                let Some(solid) = Solid::new(&collision.geometry) else {
                    continue;
                };
                let link_from_shape = collision.link_from_shape;
                shapes.push(LinkShape {
                    link: link.name.clone(),
                    link_place,
                    link_from_shape,
                    solid,
                });
            }
        }
        Self {
            reference: reference.to_owned(),
            shapes,
        }
    }

    /// The shapes where the links are; `poses` must be of the same model.
    ///
    /// # Errors
    /// When the model has no frame `reference`.
    pub fn at(&self, poses: &LinkPoses<'_>) -> Result<PosedShapes<'_>, KinematicsError> {
        let reference_from_root = poses.root_from(&self.reference)?.inverse();
        let shapes = self
            .shapes
            .iter()
            .filter_map(|shape| {
                let root_from_link = poses.all().get(shape.link_place)?;
                Some(PosedShape::new(
                    shape,
                    &(reference_from_root * root_from_link),
                ))
            })
            .collect();
        Ok(PosedShapes { shapes })
    }

    /// The shapes where `reference_from_link` says that each link is; `None` when it does not know one of them.
    pub fn placed(
        &self,
        reference_from_link: impl Fn(&str) -> Option<Isometry3<f64>>,
    ) -> Option<PosedShapes<'_>> {
        let mut known: Option<(&str, Isometry3<f64>)> = None;
        let mut shapes = Vec::with_capacity(self.shapes.len());
        for shape in &self.shapes {
            // The shapes of a link stand side by side.
            let pose = match known {
                Some((link, pose)) if link == shape.link => pose,
                _ => reference_from_link(&shape.link)?,
            };
            known = Some((&shape.link, pose));
            shapes.push(PosedShape::new(shape, &pose));
        }
        Some(PosedShapes { shapes })
    }
}

impl<'a> PosedShape<'a> {
    fn new(shape: &'a LinkShape, reference_from_link: &Isometry3<f64>) -> Self {
        let reference_from_shape = reference_from_link * shape.link_from_shape;
        Self {
            link: &shape.link,
            solid: shape.solid,
            shape_from_reference: reference_from_shape.inverse(),
            centre: reference_from_shape.translation.vector.into(),
            reach: shape.solid.reach(),
        }
    }
}

impl PosedShapes<'_> {
    /// Distance in m from a point to the robot's surface, negative inside; and the link there.
    ///
    /// None for a robot without shapes or a point that is not finite.
    #[must_use]
    pub fn nearest(&self, point: &Point3<f64>) -> Option<(f64, &str)> {
        if !point.iter().all(|coordinate| coordinate.is_finite()) {
            return None;
        }
        let mut nearest: Option<(f64, &str)> = None;
        for shape in &self.shapes {
            let at_least = (point - shape.centre).norm() - shape.reach;
            if nearest.is_some_and(|(distance, _)| at_least >= distance) {
                continue;
            }
            let distance = shape.solid.distance(&(shape.shape_from_reference * point));
            if nearest.is_none_or(|(least, _)| distance < least) {
                nearest = Some((distance, shape.link));
            }
        }
        nearest
    }

    /// Distance in m from a point to the robot's surface, negative inside; infinite without a robot.
    #[must_use]
    pub fn distance(&self, point: &Point3<f64>) -> f64 {
        self.nearest(point)
            .map_or(f64::INFINITY, |(distance, _)| distance)
    }

    /// Whether a point is inside the robot or closer to it than `margin_m`.
    #[must_use]
    pub fn is_within(&self, point: &Point3<f64>, margin_m: f64) -> bool {
        self.shapes.iter().any(|shape| {
            let most = shape.reach + margin_m;
            (point - shape.centre).norm_squared() <= most * most
                && shape.solid.distance(&(shape.shape_from_reference * point)) <= margin_m
        })
    }
}

impl Solid {
    fn new(geometry: &Geometry) -> Option<Self> {
        match *geometry {
            Geometry::Box { size } => Some(Self::Box { half: size / 2.0 }),
            Geometry::Cylinder { radius, length } => Some(Self::Cylinder {
                radius,
                half_length: length / 2.0,
            }),
            Geometry::Capsule { radius, length } => Some(Self::Capsule {
                radius,
                half_length: length / 2.0,
            }),
            Geometry::Sphere { radius } => Some(Self::Capsule {
                radius,
                half_length: 0.0,
            }),
            Geometry::Mesh { .. } => None,
        }
    }

    fn reach(&self) -> f64 {
        match self {
            Self::Box { half } => half.norm(),
            Self::Cylinder {
                radius,
                half_length,
            } => radius.hypot(*half_length),
            Self::Capsule {
                radius,
                half_length,
            } => radius + half_length,
        }
    }

    /// Signed distance of a point in the shape's own frame.
    fn distance(&self, point: &Point3<f64>) -> f64 {
        match *self {
            Self::Box { half } => outside_of(point.coords.abs() - half),
            Self::Cylinder {
                radius,
                half_length,
            } => {
                let radial = point.x.hypot(point.y) - radius;
                outside_of(Vector3::new(
                    radial,
                    point.z.abs() - half_length,
                    f64::NEG_INFINITY,
                ))
            }
            Self::Capsule {
                radius,
                half_length,
            } => {
                let along = point.z.clamp(-half_length, half_length);
                Vector3::new(point.x, point.y, point.z - along).norm() - radius
            }
        }
    }
}

/// Signed distance from the excess over each half extent.
fn outside_of(excess: Vector3<f64>) -> f64 {
    excess.map(|excess| excess.max(0.0)).norm() + excess.max().min(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn distances_by_hand() {
        let cases = [
            (Geometry::Sphere { radius: 0.1 }, [0.0, 0.3, 0.0], 0.2),
            (Geometry::Sphere { radius: 0.1 }, [0.0, 0.0, 0.0], -0.1),
            (
                Geometry::Capsule {
                    radius: 0.1,
                    length: 1.0,
                },
                [0.0, 0.0, 0.7],
                0.1,
            ),
            (
                Geometry::Capsule {
                    radius: 0.1,
                    length: 1.0,
                },
                [0.3, 0.0, 0.2],
                0.2,
            ),
            (
                Geometry::Cylinder {
                    radius: 0.1,
                    length: 1.0,
                },
                [0.4, 0.0, 0.9],
                0.5,
            ),
            (
                Geometry::Cylinder {
                    radius: 0.1,
                    length: 1.0,
                },
                [0.07, 0.0, 0.0],
                -0.03,
            ),
            (
                Geometry::Box {
                    size: Vector3::new(0.2, 0.4, 0.6),
                },
                [0.4, 0.6, 0.0],
                0.5,
            ),
            (
                Geometry::Box {
                    size: Vector3::new(0.2, 0.4, 0.6),
                },
                [0.0, 0.0, 0.25],
                -0.05,
            ),
        ];
        for (geometry, [x, y, z], expected) in cases {
            let distance = Solid::new(&geometry)
                .unwrap()
                .distance(&Point3::new(x, y, z));
            assert!(
                (distance - expected).abs() < 1e-12,
                "{geometry:?} {distance} {expected}"
            );
        }
    }

    proptest! {
        #[test]
        fn distance_changes_no_faster_than_the_point_moves(
            from in prop::array::uniform3(-1.0..1.0_f64), to in prop::array::uniform3(-1.0..1.0_f64), kind in 0_usize..3
        ) {
            let solid = [
                Solid::Box { half: Vector3::new(0.1, 0.2, 0.3) },
                Solid::Cylinder { radius: 0.2, half_length: 0.3 },
                Solid::Capsule { radius: 0.2, half_length: 0.3 },
            ][kind];
            let (from, to) = (Point3::from(from), Point3::from(to));
            let moved = (to - from).norm();
            prop_assert!((solid.distance(&to) - solid.distance(&from)).abs() <= moved + 1e-12);
            prop_assert!(solid.distance(&from) >= from.coords.norm() - solid.reach() - 1e-12);
        }
    }
}
