//! Tries the geometric policy in the simulated world with clouds taken from the true shapes, without camera,
//! segmentation or drivers: `cargo run -p policy --example grasp_trials -- [EPISODES] [SEED] [KIND] [SPLIT] [NAME]`.
//!
//! With the environment variable CAMERA set, the clouds come from rendered depth images with the noise of a D455, and
//! true masks.
//!
//! KIND is single, clutter3 or clutter5; SPLIT train or test; NAME picks one object.

use std::collections::BTreeMap;

use nalgebra::{Isometry3, Point3, Vector3};
use policy::geometric::{Geometric, Input, Object, Phase, Settings};
use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use robot::{Hand, Model};
use sim::mounting::{self, DEFAULT_MOUNTING};
use sim::render::depth_noise::DepthNoise;
use sim::render::room::Room;
use sim::render::{Camera, Frame, Lighting, Renderer};
use sim::scene::{self, Scene, SceneKind};
use sim::shape::Split;
use sim::world::{World, WorldConfig};

type Failure = Box<dyn std::error::Error>;

const STEPS: usize = 75;
const STEP_S: f64 = 1.0 / 7.5;
/// Force on the hand from which the arm's driver stops.
const FORCE_LIMIT_N: f64 = 100.0;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |index: usize, default: &str| {
        arguments
            .get(index)
            .cloned()
            .unwrap_or_else(|| default.to_owned())
    };
    let episodes: u64 = text(0, "10").parse()?;
    let seed: u64 = text(1, "1").parse()?;
    let kind = match text(2, "single").as_str() {
        "clutter3" => SceneKind::Clutter3,
        "clutter5" => SceneKind::Clutter5,
        _ => SceneKind::Single,
    };
    let split = if text(3, "train") == "test" {
        Split::Test
    } else {
        Split::Train
    };
    let verbose = std::env::var_os("VERBOSE").is_some();
    let settings: Settings = match std::env::var("SETTINGS") {
        Ok(yaml) => serde_yaml::from_str(&yaml)?,
        Err(_) => Settings::default(),
    };

    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let model = Model::from_file(format!("{root}/urdf/ur5_sih.urdf"))?;
    let hand = Hand::from_file(format!("{root}/calibration/sih_right.yaml"))?;
    let mut world = World::new(&WorldConfig::default(), &model, &hand)?;
    let mut policy = Geometric::new(&model, &hand, settings, STEP_S)?;

    let mut eye = std::env::var_os("CAMERA").map(|_| Eye::new()).transpose()?;

    let mut successes = 0;
    let mut table: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for episode in 0..episodes {
        let scene = match arguments.get(4) {
            Some(name) => scene::generate_with(&[name], seed + episode)?,
            None => scene::generate(kind, split, seed + episode)?,
        };
        let started = std::time::Instant::now();
        let outcome = run(&mut world, &mut policy, &hand, &scene, &mut eye, verbose)?;
        let name = scene.objects[0].name.clone();
        let entry = table.entry(name.clone()).or_default();
        entry.1 += 1;
        if outcome.success {
            entry.0 += 1;
            successes += 1;
        }
        println!(
            "{episode:3} {name:28} {} {}  ({:.1} s)",
            if outcome.success { "ok  " } else { "FAIL" },
            outcome.words,
            started.elapsed().as_secs_f64()
        );
    }
    for (name, (good, all)) in table {
        if good < all {
            println!("{name:28} {good}/{all}");
        }
    }
    println!(
        "{successes}/{episodes} = {:.1} %",
        100.0 * f64::from(successes) / episodes as f64
    );
    Ok(())
}

struct Outcome {
    success: bool,
    words: String,
}

fn run(
    world: &mut World,
    policy: &mut Geometric,
    hand: &Hand,
    scene: &Scene,
    eye: &mut Option<Eye>,
    verbose: bool,
) -> Result<Outcome, Failure> {
    world.reset(scene)?;
    policy.reset();
    let start = world.arm().q;
    let mut arm_target = start;
    world.set_arm_target(start, [0.0; 6]);
    let mut words = String::new();
    let mut highest: f64 = 0.0;
    let mut sim_time = 0.0;
    let mut last_phase = Phase::Waiting;
    let mut force: f64 = 0.0;
    let mut stopped = String::new();
    for step in 0..STEPS {
        let object = match eye.as_mut() {
            Some(eye) => eye.observe(world, 0),
            None => observe(world, 0),
        };
        let input = Input {
            arm: &world.arm().q,
            load: &world.hand().servo_load,
            contact_n: world.hand_contact_force_n().norm(),
            object: object.as_ref(),
        };
        let output = match policy.step(&input) {
            Ok(output) => output,
            Err(error) => {
                return Ok(Outcome {
                    success: false,
                    words: error.to_string(),
                });
            }
        };
        if output.phase != last_phase {
            if let (Phase::Approach, Some(grasp)) = (output.phase, policy.grasp()) {
                words += &format!(" | {grasp}");
            }
            if verbose {
                let size = object.as_ref().map(|object| object.bounds.size);
                println!(
                    "   step {step} {:?} box {:?} object {:.3?}",
                    output.phase,
                    size,
                    position(world, 0)
                );
            }
            words += &format!(" {}@{step}", output.phase.name());
            last_phase = output.phase;
        }
        let from = arm_target;
        if let Some(arm) = output.arm {
            arm_target = arm;
        }
        if let Some(led) = output.hand {
            world.set_hand_servo_targets(hand.ticks(led));
        }
        let end = (step + 1) as f64 * STEP_S;
        while sim_time < end - 1e-9 {
            let part = ((sim_time + 0.004 - step as f64 * STEP_S) / STEP_S).min(1.0);
            let q =
                std::array::from_fn(|joint| from[joint] + part * (arm_target[joint] - from[joint]));
            let qd = std::array::from_fn(|joint| (arm_target[joint] - from[joint]) / STEP_S);
            world.set_arm_target(q, qd);
            world.step();
            sim_time += 0.004;
            force = force.max(world.hand_contact_force_n().norm());
            if force > FORCE_LIMIT_N && stopped.is_empty() {
                stopped = format!(" FORCE in {:?} at step {step}", output.phase);
            }
        }
        if let Some(fallen) = world.fallen() {
            return Ok(Outcome {
                success: false,
                words: format!("{words} {fallen}"),
            });
        }
        highest = highest.max(position(world, 0).z);
        if verbose && matches!(output.phase, Phase::Grasp | Phase::Lift) {
            let closing = policy.grasp().map_or(0.0, |grasp| grasp.heading);
            let along = Vector3::new(closing.cos(), closing.sin(), 0.0);
            let side = Vector3::new(closing.sin(), -closing.cos(), 0.0);
            let object = position(world, 0);
            for tip in robot::hand::FINGERTIPS {
                if let Some(pose) = world.link_pose(tip) {
                    let offset = pose.translation.vector - object;
                    print!(
                        "   {tip} {:.0}/{:.0}/{:.0}",
                        1000.0 * offset.dot(&along),
                        1000.0 * offset.dot(&side),
                        1000.0 * pose.translation.vector.z
                    );
                }
            }
            println!(
                " object z {:.0} mm load {:.2?}",
                1000.0 * object.z,
                world.hand().servo_load
            );
        }
        if verbose && step % 3 == 0 {
            let state = world.hand();
            println!(
                "   {step} {:?} z {:.3} load {:.2?} ticks {:.0?}",
                output.phase,
                position(world, 0).z,
                state.servo_load,
                state.servo_ticks
            );
        }
    }
    let goal = Vector3::new(0.28, 0.58, 0.30);
    let miss = (position(world, 0) - goal).norm();
    let words = format!(
        "{words} miss {:.0} mm, highest {:.2} m, force {force:.0} N{stopped}",
        1000.0 * miss,
        highest
    );
    Ok(Outcome {
        success: miss < 0.05 && stopped.is_empty(),
        words,
    })
}

fn position(world: &World, index: usize) -> Vector3<f64> {
    world
        .object_pose(index)
        .map_or_else(Vector3::zeros, |pose| pose.translation.vector)
}

/// Where the cell's camera is.
fn eye_point() -> Point3<f64> {
    mounting::base_from_camera_link(DEFAULT_MOUNTING)
        .translation
        .vector
        .into()
}

/// What a camera would see of the object, and of the others.
fn observe(world: &World, index: usize) -> Option<Object> {
    let others = (0..world.objects().len()).filter(|other| *other != index);
    let surroundings = others
        .flat_map(|other| facing(world, other))
        .step_by(8)
        .collect();
    let target = pointcloud::Target::from_points(
        &facing(world, index),
        &pointcloud::Config::default(),
        &eye_point(),
    )
    .ok()?;
    Some(Object {
        bounds: target.table_box,
        points: target.points,
        surroundings,
    })
}

/// The cell's camera with true masks.
struct Eye {
    camera: Camera,
    room: Room,
    noise: DepthNoise,
    rng: Pcg64,
    renderer: Renderer,
    frame: Frame,
    extractor: pointcloud::Extractor,
}

impl Eye {
    fn new() -> Result<Self, Failure> {
        let camera = mounting::camera(DEFAULT_MOUNTING, 848, 480)?;
        Ok(Self {
            extractor: pointcloud::Extractor::new(
                pointcloud::Config::default(),
                &camera.intrinsics,
            )?,
            camera,
            room: Room::default(),
            noise: DepthNoise::d455(),
            rng: Pcg64::seed_from_u64(1),
            renderer: Renderer::default(),
            frame: Frame::default(),
        })
    }

    fn observe(&mut self, world: &World, index: usize) -> Option<Object> {
        let mut visuals = self.room.visuals().to_vec();
        visuals.extend(world.visuals());
        self.renderer.render(
            &visuals,
            &Lighting::default(),
            &self.camera,
            &mut self.frame,
        );
        let mut depth_mm = Vec::new();
        self.noise.apply(
            &self.frame.depth_m,
            &self.camera.intrinsics,
            &mut self.rng,
            &mut depth_mm,
        );
        let mask: Vec<u8> = self
            .frame
            .instance
            .iter()
            .map(|instance| u8::from(usize::from(*instance) == index + 2) * 255)
            .collect();
        let depth: Vec<u8> = depth_mm.iter().flat_map(|mm| mm.to_le_bytes()).collect();
        let target = self
            .extractor
            .extract(
                &pointcloud::MaskImage::new(848, 480, 848, &mask).ok()?,
                &pointcloud::DepthImage::new(848, 480, 848 * 2, false, &depth).ok()?,
                &self.camera.world_from_optical,
            )
            .ok()?;
        Some(Object {
            bounds: target.table_box,
            points: target.points,
            surroundings: target.surroundings,
        })
    }
}

/// The points of an object that face the camera.
fn facing(world: &World, index: usize) -> Vec<Point3<f32>> {
    let eye = eye_point();
    let mut points = Vec::new();
    for visual in world
        .visuals()
        .iter()
        .filter(|visual| usize::from(visual.instance) == index + 2)
    {
        let pose: Isometry3<f64> = visual.world_from_mesh.cast();
        for triangle in &visual.mesh.triangles {
            let [a, b, c] = triangle.map(|i| {
                let [x, y, z] = visual.mesh.positions[i as usize].map(f64::from);
                pose * Point3::new(x, y, z)
            });
            let normal = (b - a).cross(&(c - a));
            if normal.dot(&(eye - a)) <= 0.0 {
                continue;
            }
            let count = ((normal.norm() * 0.5 / 9e-6).ceil() as usize).clamp(1, 4000);
            for i in 0..count {
                // An additive sequence in two dimensions covers the triangle evenly.
                let (mut u, mut v) = (
                    (0.5 + 0.754_877_666 * i as f64).fract(),
                    (0.5 + 0.569_840_291 * i as f64).fract(),
                );
                if u + v > 1.0 {
                    (u, v) = (1.0 - u, 1.0 - v);
                }
                points.push((a + (b - a) * u + (c - a) * v).cast::<f32>());
            }
        }
    }
    points
}
