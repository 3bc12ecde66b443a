//! Draws the scenes: which objects, where, under what light, and what the robot does between the
//! two pictures of a pair.

use nalgebra::{Isometry3, Translation3, Vector3};
use rand::{Rng, RngExt as _, seq::SliceRandom as _};

use super::{
    Appearance, DatasetError, Layout, ObjectSource, Options,
    drop::{DropWorld, Droppable},
    pose::{Activity, Posed, RobotPoser},
    shapes::{random_object, rotation},
    view,
};
use crate::{
    collider::object_shape,
    mounting, objects,
    render::{
        Camera, INSTANCE_FIRST_OBJECT, Lighting, Visual,
        depth_noise::DepthNoise,
        effects::ImageEffects,
        material::Material,
        model::{ObjectModel, RobotModel},
        room::Room,
    },
    shape::{ObjectSpec, Split},
    table::DROP_CENTRE,
};

/// Most objects in a scene.
const MOST_OBJECTS: usize = 8;

/// An object ready to be dropped and drawn.
#[derive(Clone)]
struct Prototype {
    name: &'static str,
    model: ObjectModel,
    collider: Droppable,
}

impl Prototype {
    fn new(spec: &ObjectSpec) -> Result<Self, DatasetError> {
        let collider = object_shape(&spec.parts).map_err(|source| DatasetError::Object {
            name: spec.name.to_owned(),
            source,
        })?;
        Ok(Self {
            name: spec.name,
            model: ObjectModel::new(spec),
            collider: Droppable::new(collider),
        })
    }
}

/// Everything that two pictures of one scene have in common.
pub(super) struct Scene {
    pub(super) names: Vec<&'static str>,
    pub(super) camera: Camera,
    pub(super) lighting: Lighting,
    pub(super) depth_noise: DepthNoise,
    pub(super) effects: ImageEffects,
    room: Room,
    models: Vec<ObjectModel>,
    robot: RobotModel,
    states: [State; 2],
}

/// What moves between the two pictures.
struct State {
    objects: Vec<Isometry3<f64>>,
    links: Vec<Isometry3<f64>>,
}

impl Scene {
    /// What picture 0 or 1 shows.
    pub(super) fn visuals(&self, picture: usize) -> Vec<Visual> {
        let state = &self.states[picture % 2];
        let mut visuals = self.room.visuals().to_vec();
        self.robot.place(&state.links, &mut visuals);
        for (k, (model, pose)) in self.models.iter().zip(&state.objects).enumerate() {
            model.place(pose, INSTANCE_FIRST_OBJECT + k as u8, &mut visuals);
        }
        visuals
    }
}

/// Draws scenes; shared by all threads.
pub(super) struct SceneFactory {
    catalog: Vec<Prototype>,
    robot: RobotModel,
    poser: RobotPoser,
    options: Options,
}

impl SceneFactory {
    pub(super) fn new(robot: &robot::Model, options: Options) -> Result<Self, DatasetError> {
        let split = if options.objects == ObjectSource::Test {
            Split::Test
        } else {
            Split::Train
        };
        let catalog = objects::of_split(split)
            .map(Prototype::new)
            .collect::<Result<_, _>>()?;
        let poser = RobotPoser::new(robot).ok_or(DatasetError::NoPalm)?;
        Ok(Self {
            catalog,
            robot: RobotModel::new(robot),
            poser,
            options,
        })
    }

    /// Draws a scene from the generator's state alone.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> Result<Scene, DatasetError> {
        let random = self.options.appearance == Appearance::Random
            || (self.options.appearance == Appearance::Mix && rng.random_bool(0.85));
        let mut prototypes = self.choose_objects(rng)?;
        let mut world = DropWorld::new();
        self.drop_all(&prototypes, random, &mut world, rng);
        world.settle();
        let on_table: Vec<bool> = world.poses().iter().map(stays).collect();
        let keep = |poses: Vec<Isometry3<f64>>| -> Vec<Isometry3<f64>> {
            poses
                .into_iter()
                .zip(&on_table)
                .filter(|(_, keep)| **keep)
                .map(|(pose, _)| pose)
                .collect()
        };
        let first = keep(world.poses());
        if rng.random_bool(0.4) && !on_table.is_empty() {
            let push = Vector3::new(
                rng.random_range(-0.8..0.8),
                rng.random_range(-0.8..0.8),
                rng.random_range(0.0..0.8),
            );
            world.knock(
                rng.random_range(0..on_table.len()),
                push,
                rng.random_range(0.05..0.35),
            );
        }
        let second = keep(world.poses());
        let mut kept = on_table.iter();
        prototypes.retain(|_| kept.next().copied().unwrap_or(false));

        let states = self.act(first, second, rng)?;
        let Options { width, height, .. } = self.options;
        let centre = Vector3::new(DROP_CENTRE[0], DROP_CENTRE[1], 0.06);
        let mut scene = Scene {
            names: prototypes.iter().map(|p| p.name).collect(),
            camera: if random {
                view::random(width, height, centre, rng)?
            } else {
                mounting::camera(rng.random_range(0..2), width, height)?
            },
            lighting: if random {
                Lighting::randomise(rng)
            } else {
                Lighting::default()
            },
            depth_noise: if random {
                DepthNoise::randomise(rng)
            } else {
                DepthNoise::d455()
            },
            effects: if random {
                ImageEffects::randomise(rng)
            } else {
                ImageEffects::camera()
            },
            room: if random {
                Room::randomise(rng)
            } else {
                Room::default()
            },
            models: prototypes.into_iter().map(|p| p.model).collect(),
            robot: self.robot.clone(),
            states,
        };
        if random {
            repaint(&mut scene, rng);
        }
        Ok(scene)
    }

    fn choose_objects(&self, rng: &mut impl Rng) -> Result<Vec<Prototype>, DatasetError> {
        let count = match self.options.layout {
            Layout::Single => 1,
            Layout::Clutter3 => 3,
            Layout::Clutter5 => 5,
            Layout::Mix => rng.random_range(1..=MOST_OBJECTS),
        };
        let mut order: Vec<usize> = (0..self.catalog.len()).collect();
        order.shuffle(rng);
        let mut known = order.into_iter().map(|k| self.catalog[k].clone());
        let all_random = rng.random_bool(0.3);
        (0..count)
            .map(|_| {
                let invent = match self.options.objects {
                    ObjectSource::Train | ObjectSource::Test => false,
                    ObjectSource::Random => true,
                    ObjectSource::Mix => all_random || rng.random_bool(0.35),
                };
                match known.next() {
                    Some(prototype) if !invent => Ok(prototype),
                    _ => Prototype::new(&random_object(rng)),
                }
            })
            .collect()
    }

    fn drop_all(
        &self,
        prototypes: &[Prototype],
        random: bool,
        world: &mut DropWorld,
        rng: &mut impl Rng,
    ) {
        let (centre, spread) = if random {
            (
                [rng.random_range(0.1..0.5), rng.random_range(0.38..0.75)],
                rng.random_range(0.03..0.2),
            )
        } else {
            (DROP_CENTRE, 0.1)
        };
        for prototype in prototypes {
            let at = centre.map(|c| c + rng.random_range(-spread..spread));
            let upright = rng.random_bool(0.5);
            world.drop(&prototype.collider, at, upright, rng);
        }
    }

    /// Decides what the robot does in both pictures, and moves what it holds.
    fn act(
        &self,
        mut first: Vec<Isometry3<f64>>,
        mut second: Vec<Isometry3<f64>>,
        rng: &mut impl Rng,
    ) -> Result<[State; 2], DatasetError> {
        let target = if first.is_empty() {
            None
        } else {
            Some(rng.random_range(0..first.len()))
        };
        let at = |poses: &[Isometry3<f64>]| target.map(|t| poses[t].translation.vector);
        let (now, later) = match (at(&first), at(&second)) {
            (Some(now), Some(later)) => (now, later),
            _ => (Vector3::new(0.3, 0.55, 0.1), Vector3::new(0.3, 0.55, 0.1)),
        };
        let high = Vector3::new(
            rng.random_range(0.1..0.5),
            rng.random_range(0.4..0.7),
            rng.random_range(0.12..0.4),
        );
        // What happens, what the hand holds in the first picture, and in the second.
        let (activities, held) = match rng.random_range(0..20) {
            0..4 => ([Activity::Reset, Activity::Above(later)], [false, false]),
            4..6 => ([Activity::Reset, Activity::Anywhere], [false, false]),
            6..9 => (
                [Activity::Above(now), Activity::Around(later)],
                [false, false],
            ),
            9..13 => (
                [Activity::Around(now), Activity::Around(high)],
                [false, true],
            ),
            13..16 => (
                [Activity::Around(high), Activity::Around(high + slight(rng))],
                [true, true],
            ),
            16..18 => (
                [Activity::Around(now), Activity::Around(now + slight(rng))],
                [false, false],
            ),
            _ => ([Activity::Anywhere, Activity::Anywhere], [false, false]),
        };
        let poses = [
            self.poser.draw(activities[0], rng)?,
            self.poser.draw(activities[1], rng)?,
        ];
        if let Some(target) = target {
            if held[0] {
                first[target] = in_hand(&poses[0], rng);
            }
            if held[1] {
                // It moves as the hand does, turning a little in the grasp.
                let grasp_from_object = poses[0].world_from_grasp.inv_mul(&first[target]);
                let near = grasp_from_object.translation.vector.cap_magnitude(0.05);
                let grasp_from_object =
                    Isometry3::from_parts(near.into(), grasp_from_object.rotation);
                second[target] = poses[1].world_from_grasp * grasp_from_object;
            }
        }
        if rng.random_bool(0.06)
            && let Some(gone) = second.last_mut()
        {
            // Taken away: deep below the floor, where no camera looks.
            gone.translation.z = -50.0;
        }
        let [a, b] = poses.map(|posed| posed.world_from_link);
        Ok([
            State {
                objects: first,
                links: a,
            },
            State {
                objects: second,
                links: b,
            },
        ])
    }
}

fn slight(rng: &mut impl Rng) -> Vector3<f64> {
    Vector3::new(
        rng.random_range(-0.12..0.12),
        rng.random_range(-0.12..0.12),
        rng.random_range(0.0..0.1),
    )
}

fn in_hand(posed: &Posed, rng: &mut impl Rng) -> Isometry3<f64> {
    let offset = Vector3::from_fn(|_, _| rng.random_range(-0.02..0.02));
    posed.world_from_grasp * Translation3::from(offset) * rotation(rng)
}

/// Whether an object came to rest where objects belong: on the table, off the robot's base.
fn stays(world_from_object: &Isometry3<f64>) -> bool {
    let p = world_from_object.translation.vector;
    p.z > -0.02
        && p.z < 0.5
        && (-0.25..0.8).contains(&p.x)
        && (0.15..0.95).contains(&p.y)
        && p.xy().norm() > 0.25
}

/// Random colours for part of the objects and shades for the robot.
fn repaint(scene: &mut Scene, rng: &mut impl Rng) {
    for model in &mut scene.models {
        let anew = rng.random_bool(0.4);
        for material in model.materials_mut() {
            if anew {
                *material = Material::randomise(rng, 0.4);
            } else {
                vary(material, 0.06, rng);
            }
        }
    }
    let shade = rng.random_range(-0.1..0.1_f32);
    let odd = rng.random_bool(0.15);
    for (_, material) in scene.robot.materials_mut() {
        if odd {
            *material = Material::randomise(rng, 0.8);
        }
        material.rgb = material.rgb.map(|c| (c + shade).clamp(0.02, 1.0));
        vary(material, 0.03, rng);
    }
}

fn vary(material: &mut Material, by: f32, rng: &mut impl Rng) {
    material.rgb = material
        .rgb
        .map(|c| (c + rng.random_range(-by..by)).clamp(0.01, 1.0));
    material.roughness = (material.roughness + rng.random_range(-0.15..0.15)).clamp(0.1, 1.0);
}
