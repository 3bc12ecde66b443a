//! Shapes that objects are made of, and the parts and specifications built from them.
//!
//! One description serves physics (convex collision pieces), the renderer (a triangle mesh) and the mass distribution.

use nalgebra::Isometry3;

use crate::render::material::Material;

/// A solid in its own frame, centred on the origin unless its points say otherwise. Metres.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A cuboid.
    Box {
        /// Half of the side lengths along x, y and z.
        half_extents: [f64; 3],
    },
    /// A cylinder about the z axis.
    Cylinder {
        /// Radius.
        radius: f64,
        /// Half of the height.
        half_length: f64,
    },
    /// A ball.
    Sphere {
        /// Radius.
        radius: f64,
    },
    /// A cylinder about the z axis with half-spheres on both ends.
    Capsule {
        /// Radius of the cylinder and of the half-spheres.
        radius: f64,
        /// Half of the distance between the centres of the half-spheres.
        half_length: f64,
    },
    /// A cone about the z axis, its apex at `+half_length`.
    Cone {
        /// Radius of the base, which lies at `-half_length`.
        radius: f64,
        /// Half of the height.
        half_length: f64,
    },
    /// The convex hull of points.
    ConvexHull {
        /// The points; at least four that span a volume.
        points: Vec<[f64; 3]>,
    },
    /// A solid of revolution about the z axis.
    ///
    /// The profile may be concave (a bowl, a bottle with a neck). The renderer sweeps it smoothly; for collision it is cut
    /// into convex wedges about the axis.
    Revolution {
        /// A closed polyline of (radius, z) with non-negative radii; the last point joins the first.
        profile: Vec<[f64; 2]>,
        /// How many wedges the full turn is cut into for collision.
        wedges: u32,
    },
}

/// Index of a material in [`ObjectSpec::materials`].
pub type MaterialId = usize;

/// One solid of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The solid.
    pub shape: Shape,
    /// Pose of the solid in the object's frame.
    pub object_from_part: Isometry3<f64>,
    /// Which of the object's materials it has.
    pub material: MaterialId,
}

/// What an object is, for tables of results.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Cartons, blocks and bricks.
    Box,
    /// Tins and other short cylinders.
    Can,
    /// Containers with a neck.
    Bottle,
    /// Cups, mugs, bowls: open containers.
    Vessel,
    /// Fruit.
    Fruit,
    /// Kitchen utensils and workshop tools.
    Tool,
    /// Balls.
    Ball,
    /// Toys and what fits nowhere else.
    Toy,
}

/// Which objects a policy or a model may be trained on.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// May be used for training.
    Train,
    /// Held out for evaluation.
    Test,
}

/// A graspable household object.
///
/// Its frame has the origin at the centre of its bounding box and axes along the box's sides.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectSpec {
    /// Published name in the YCB set, such as `021_bleach_cleanser`.
    pub name: &'static str,
    /// Kind of object.
    pub category: Category,
    /// The solids it consists of.
    pub parts: Vec<Part>,
    /// What [`Part::material`] indexes.
    pub materials: Vec<Material>,
    /// Mass in kilograms.
    pub mass_kg: f64,
    /// Coulomb friction coefficient of the surface.
    pub friction: f64,
    /// Side lengths of the bounding box along the object's x, y and z axes, in metres.
    pub dimensions_m: [f64; 3],
    /// Training or test object.
    pub split: Split,
}
