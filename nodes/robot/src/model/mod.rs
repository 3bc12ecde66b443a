//! The robot as a tree of links and joints, read from URDF and checked once.
//!
//! A [`Model`] that exists is sound: one root, no cycle, unique names, finite numbers, sensible limits. Everything
//! that uses it may rely on that.

mod error;
mod merge;
mod urdf;

use std::{collections::BTreeMap, path::Path};

use nalgebra::{Isometry3, Unit, Vector3};

pub use self::error::{ModelError, ModelErrorKind};

/// A robot description: links joined to a tree by joints.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    name: String,
    links: Vec<Link>,
    joints: Vec<Joint>,
    link_index: BTreeMap<String, usize>,
    joint_index: BTreeMap<String, usize>,
    parent_joint: Vec<Option<usize>>,
    root: usize,
}

/// A rigid body of the robot.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Name, unique in the model; also the name of its frame.
    pub name: String,
    /// Mass and inertia, absent for a mere frame.
    pub inertial: Option<Inertial>,
    /// What a camera sees.
    pub visuals: Vec<Visual>,
    /// What touches the world.
    pub collisions: Vec<Collision>,
}

/// Mass properties of a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inertial {
    /// Mass in kg, not negative.
    pub mass_kg: f64,
    /// Pose of the centre of mass and the inertia's axes in the link.
    pub link_from_com: Isometry3<f64>,
    /// Inertia about the centre of mass in kg m^2: `[ixx, ixy, ixz, iyy, iyz, izz]`.
    pub inertia_kg_m2: [f64; 6],
}

/// A visible shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Visual {
    /// Pose of the shape in the link.
    pub link_from_shape: Isometry3<f64>,
    /// The shape.
    pub geometry: Geometry,
    /// Colour as red, green, blue, alpha from 0 to 1; absent where the description names none.
    pub rgba: Option<[f64; 4]>,
    /// Name of the material; absent where the description names none.
    pub material: Option<String>,
}

/// A shape for contacts and distances.
#[derive(Debug, Clone, PartialEq)]
pub struct Collision {
    /// Pose of the shape in the link.
    pub link_from_shape: Isometry3<f64>,
    /// The shape.
    pub geometry: Geometry,
}

/// A shape, centred on its own origin; sizes in m.
#[derive(Debug, Clone, PartialEq)]
pub enum Geometry {
    /// A box with full edge lengths.
    Box {
        /// Edge lengths along x, y, z.
        size: Vector3<f64>,
    },
    /// A cylinder about z.
    Cylinder {
        /// Radius.
        radius: f64,
        /// Length along z.
        length: f64,
    },
    /// A capsule about z: a cylinder with a half sphere at either end.
    ///
    /// Also what a URDF writes as a cylinder and two spheres of its radius at its ends.
    Capsule {
        /// Radius.
        radius: f64,
        /// Length of the cylindrical part; the whole is `length + 2 * radius` long.
        length: f64,
    },
    /// A sphere.
    Sphere {
        /// Radius.
        radius: f64,
    },
    /// A triangle mesh in a file.
    Mesh {
        /// File name as the description gives it.
        uri: String,
        /// Factor along x, y, z.
        scale: Vector3<f64>,
    },
}

/// How a joint moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JointKind {
    /// Turns about its axis within limits.
    Revolute,
    /// Turns about its axis without end.
    Continuous,
    /// Slides along its axis within limits.
    Prismatic,
    /// Does not move.
    Fixed,
}

/// Two links and how one moves on the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Joint {
    /// Name, unique in the model.
    pub name: String,
    /// How it moves.
    pub kind: JointKind,
    /// The link it is mounted on.
    pub parent: String,
    /// The link that it moves.
    pub child: String,
    /// Pose of the joint's (and the child's) frame in the parent at position zero.
    pub parent_from_joint: Isometry3<f64>,
    /// Axis in the joint's frame.
    pub axis: Unit<Vector3<f64>>,
    /// Limits; for a fixed joint all zero, for a continuous one the positions are infinite.
    pub limits: JointLimits,
    /// Viscous damping in N m s/rad (N s/m).
    pub damping: f64,
    /// A rigid coupling to another joint.
    pub mimic: Option<Mimic>,
}

/// What a joint can do; in rad and N m, or m and N for a prismatic joint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointLimits {
    /// Least position.
    pub lower: f64,
    /// Greatest position.
    pub upper: f64,
    /// Greatest speed; 0 where the description gives none.
    pub velocity: f64,
    /// Greatest torque or force; 0 where the description gives none.
    pub effort: f64,
}

/// `position = multiplier * position of the other joint + offset`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mimic {
    /// The joint that leads.
    pub joint: String,
    /// Ratio.
    pub multiplier: f64,
    /// Position when the leading joint is at zero.
    pub offset: f64,
}

impl Joint {
    /// Whether it can move at all.
    #[must_use]
    pub fn is_movable(&self) -> bool {
        self.kind != JointKind::Fixed
    }
}

impl Model {
    /// Reads and checks a URDF file.
    ///
    /// # Errors
    /// When the file cannot be read or does not describe a robot; the error names file, line and remedy.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let source = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_urdf(&text, &source),
            Err(error) => Err(ModelError::new(
                &source,
                None,
                ModelErrorKind::Unreadable(error.to_string()),
            )),
        }
    }

    /// Reads and checks URDF text; `source` names where it came from in errors.
    ///
    /// # Errors
    /// When the text does not describe a robot.
    pub fn from_urdf(text: &str, source: &str) -> Result<Self, ModelError> {
        urdf::parse(text, source)
    }

    /// The robot's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All links, each after its parent.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// All joints, each after those between it and the root.
    #[must_use]
    pub fn joints(&self) -> &[Joint] {
        &self.joints
    }

    /// The link that hangs on no joint.
    #[must_use]
    pub fn root(&self) -> &Link {
        &self.links[self.root]
    }

    /// The link of that name.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.get(self.link_position(name)?)
    }

    /// The joint of that name.
    #[must_use]
    pub fn joint(&self, name: &str) -> Option<&Joint> {
        self.joints.get(*self.joint_index.get(name)?)
    }

    /// The joint that carries a link; none for the root.
    #[must_use]
    pub fn joint_above(&self, link: &str) -> Option<&Joint> {
        let joint = self.parent_joint.get(self.link_position(link)?)?;
        self.joints.get((*joint)?)
    }

    /// Whether a link is `top` or moves with it.
    #[must_use]
    pub fn is_carried_by(&self, link: &str, top: &str) -> bool {
        let mut link = link;
        while link != top {
            match self.joint_above(link) {
                Some(joint) => link = &joint.parent,
                None => return false,
            }
        }
        true
    }

    /// Place of a link in [`Model::links`].
    #[must_use]
    pub fn link_position(&self, name: &str) -> Option<usize> {
        self.link_index.get(name).copied()
    }

    /// The pose of `link` in `ancestor` if only fixed joints lie between the two.
    #[must_use]
    pub fn fixed_transform(&self, ancestor: &str, link: &str) -> Option<Isometry3<f64>> {
        let mut ancestor_from_link = Isometry3::identity();
        let mut at = link;
        self.link(at)?;
        while at != ancestor {
            let joint = self.joint_above(at)?;
            if joint.is_movable() {
                return None;
            }
            ancestor_from_link = joint.parent_from_joint * ancestor_from_link;
            at = &joint.parent;
        }
        Some(ancestor_from_link)
    }
}
