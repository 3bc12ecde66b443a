//! Scenes: which objects lie where. Made by dropping objects on the table one after another, from a seed.

use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion, Vector3};
use rand::{RngExt as _, SeedableRng as _, seq::SliceRandom as _};
use rand_pcg::Pcg64;

use crate::collider::ColliderError;
use crate::objects;
use crate::shape::{ObjectSpec, Split};
use crate::table::{DROP_CENTRE, DropTable, WORKSPACE};
use crate::units::pose_to_physics;

/// How many objects lie on the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SceneKind {
    /// One object.
    Single,
    /// Three objects.
    Clutter3,
    /// Five objects.
    Clutter5,
}

impl SceneKind {
    /// All kinds, fewest objects first.
    pub const ALL: [Self; 3] = [Self::Single, Self::Clutter3, Self::Clutter5];

    /// How many objects.
    #[must_use]
    pub fn objects(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Clutter3 => 3,
            Self::Clutter5 => 5,
        }
    }

    /// The name on the command line: `single`, `clutter3` or `clutter5`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Clutter3 => "clutter3",
            Self::Clutter5 => "clutter5",
        }
    }
}

impl std::fmt::Display for SceneKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for SceneKind {
    type Err = SceneError;

    fn from_str(name: &str) -> Result<Self, SceneError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| SceneError::UnknownKind {
                kind: name.to_owned(),
            })
    }
}

/// A scene that cannot be made or used.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum SceneError {
    /// No such kind of scene.
    #[error("unknown scene `{kind}`; use single, clutter3 or clutter5")]
    UnknownKind {
        /// What was asked for.
        kind: String,
    },
    /// No such object.
    #[error("unknown object `{name}`; names are those of the YCB set, such as 021_bleach_cleanser")]
    UnknownObject {
        /// What was asked for.
        name: String,
    },
    /// A pose with numbers that are not finite, or a rotation of length zero.
    #[error("object `{name}` has no usable pose")]
    BadPose {
        /// The object.
        name: String,
    },
    /// An object that the physics engine cannot take.
    #[error("object: {0}")]
    Shape(#[from] ColliderError),
    /// Objects kept leaving the workspace.
    #[error(
        "`{name}` did not come to rest in the workspace in {attempts} drops; use fewer objects or another seed"
    )]
    NotSettled {
        /// The object dropped last.
        name: String,
        /// How often it was dropped.
        attempts: u32,
    },
}

/// An object and its pose in the world.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneObject {
    /// Name in the catalog.
    pub name: String,
    /// Position of the object's frame in metres.
    pub position: [f64; 3],
    /// Orientation of the object's frame as a unit quaternion x, y, z, w.
    pub orientation_xyzw: [f64; 4],
}

impl SceneObject {
    /// An object at a pose.
    #[must_use]
    pub fn new(name: impl Into<String>, world_from_object: &Isometry3<f64>) -> Self {
        Self {
            name: name.into(),
            position: world_from_object.translation.vector.into(),
            orientation_xyzw: world_from_object.rotation.coords.into(),
        }
    }

    /// The pose of the object's frame in the world.
    ///
    /// # Errors
    /// When a number is not finite or the rotation has no length.
    pub fn world_from_object(&self) -> Result<Isometry3<f64>, SceneError> {
        let [x, y, z, w] = self.orientation_xyzw;
        let rotation = Quaternion::new(w, x, y, z);
        let finite = self
            .position
            .iter()
            .chain(&self.orientation_xyzw)
            .all(|v| v.is_finite());
        if !finite || rotation.norm() < 1e-6 {
            return Err(SceneError::BadPose {
                name: self.name.clone(),
            });
        }
        Ok(Isometry3::from_parts(
            Translation3::from(self.position),
            UnitQuaternion::from_quaternion(rotation),
        ))
    }

    /// The object's description.
    ///
    /// # Errors
    /// When the catalog has no object of that name.
    pub fn spec(&self) -> Result<&'static ObjectSpec, SceneError> {
        objects::find(&self.name).ok_or_else(|| SceneError::UnknownObject {
            name: self.name.clone(),
        })
    }
}

/// Objects at rest on the table.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// The objects, in the order of their instance ids.
    pub objects: Vec<SceneObject>,
}

/// Draws objects of a split without repetition and drops them. The same seed gives the same scene, bit for bit.
///
/// # Errors
/// When objects keep leaving the workspace, which the catalog's objects hardly ever do.
pub fn generate(kind: SceneKind, split: Split, seed: u64) -> Result<Scene, SceneError> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut pool: Vec<&ObjectSpec> = objects::of_split(split).collect();
    pool.shuffle(&mut rng);
    pool.truncate(kind.objects());
    drop_scene(&pool, &mut rng)
}

/// Drops catalog objects of given names. The same seed gives the same scene, bit for bit.
///
/// # Errors
/// When a name is unknown, or objects keep leaving the workspace.
pub fn generate_with(names: &[&str], seed: u64) -> Result<Scene, SceneError> {
    let specs: Vec<&ObjectSpec> = names
        .iter()
        .map(|name| {
            objects::find(name).ok_or_else(|| SceneError::UnknownObject {
                name: (*name).to_owned(),
            })
        })
        .collect::<Result<_, _>>()?;
    drop_scene(&specs, &mut Pcg64::seed_from_u64(seed))
}

fn drop_scene(specs: &[&ObjectSpec], rng: &mut impl rand::Rng) -> Result<Scene, SceneError> {
    let poses = drop_objects(specs, rng)?;
    let objects = specs
        .iter()
        .zip(&poses)
        .map(|(spec, pose)| SceneObject::new(spec.name, pose))
        .collect();
    Ok(Scene { objects })
}

/// Drops one object after another near the middle of the workspace until all rest in it; returns their poses.
///
/// Works for any objects, in the catalog or not. An object that leaves the workspace is dropped again.
///
/// # Errors
/// When an object keeps leaving the workspace, or has a part without volume.
pub fn drop_objects(
    specs: &[&ObjectSpec],
    rng: &mut impl rand::Rng,
) -> Result<Vec<Isometry3<f64>>, SceneError> {
    let mut table = DropTable::new();
    for spec in specs {
        table.add(spec, &pose_to_physics(&drop_pose(spec, rng)))?;
        settle(&mut table, specs, rng)?;
    }
    // What leans may tip when it starts without the contact forces that it has now, as it will in a world with a robot.
    for _ in 0..ATTEMPTS {
        let poses = table.poses();
        table = DropTable::new();
        for (spec, pose) in specs.iter().zip(&poses) {
            table.add(spec, &pose_to_physics(pose))?;
        }
        if table.stays() {
            return Ok(poses);
        }
        settle(&mut table, specs, rng)?;
    }
    let name = specs.first().map_or("", |spec| spec.name).to_owned();
    Err(SceneError::NotSettled {
        name,
        attempts: ATTEMPTS,
    })
}

/// How often objects are dropped before giving up.
const ATTEMPTS: u32 = 40;

/// Waits until all objects rest in the workspace, dropping again what left it.
fn settle(
    table: &mut DropTable,
    specs: &[&ObjectSpec],
    rng: &mut impl rand::Rng,
) -> Result<(), SceneError> {
    let mut attempts = 1;
    while !table.settle() {
        // Not only the newest object: it may have pushed others out. What neither rests nor leaves goes again too.
        let lost = table.lost();
        let again = if lost.is_empty() {
            table.restless()
        } else {
            lost
        };
        if attempts == ATTEMPTS {
            let name = again
                .first()
                .map_or("", |object| specs[*object].name)
                .to_owned();
            return Err(SceneError::NotSettled { name, attempts });
        }
        attempts += 1;
        for object in again {
            table.place(object, &pose_to_physics(&drop_pose(specs[object], rng)));
        }
    }
    Ok(())
}

/// A random pose above the drop point, high enough to be free of what lies there.
fn drop_pose(spec: &ObjectSpec, rng: &mut impl rand::Rng) -> Isometry3<f64> {
    const SPREAD_M: f64 = 0.1;
    const CLEARANCE_M: f64 = 0.2;
    let offset = |rng: &mut _| uniform(rng) * 2.0 * SPREAD_M - SPREAD_M;
    let reach = Vector3::from(spec.dimensions_m).norm() / 2.0;
    let position = Vector3::new(
        DROP_CENTRE[0] + offset(rng),
        DROP_CENTRE[1] + offset(rng),
        reach + CLEARANCE_M,
    );
    Isometry3::from_parts(position.into(), random_rotation(rng))
}

/// A number in 0..1 with 53 random bits.
fn uniform(rng: &mut impl rand::Rng) -> f64 {
    rng.random::<f64>()
}

/// A rotation drawn uniformly (Shoemake's method).
fn random_rotation(rng: &mut impl rand::Rng) -> UnitQuaternion<f64> {
    let (u, v, w) = (
        uniform(rng),
        uniform(rng) * std::f64::consts::TAU,
        uniform(rng) * std::f64::consts::TAU,
    );
    let (a, b) = ((1.0 - u).sqrt(), u.sqrt());
    UnitQuaternion::from_quaternion(Quaternion::new(
        b * w.cos(),
        a * v.sin(),
        a * v.cos(),
        b * w.sin(),
    ))
}

/// Whether a point lies in the workspace, seen from above.
#[must_use]
pub fn in_workspace(position: &Vector3<f64>) -> bool {
    let [[x0, x1], [y0, y1]] = WORKSPACE;
    (x0..=x1).contains(&position.x) && (y0..=y1).contains(&position.y) && position.z > 0.0
}
