//! What the tests of the world share: the robot, test objects, and a scripted grasp from the side.
#![allow(unreachable_pub, reason = "shared by several test programs")]
#![allow(dead_code, reason = "each test binary uses some of it")]

use std::f64::consts::PI;

use nalgebra::{Isometry3, Matrix3, Point3, Rotation3, Translation3, UnitQuaternion, Vector3};
use robot::{Hand, Model};
use sim::render::material::Material;
use sim::shape::{Category, ObjectSpec, Part, Shape, Split};
use sim::world::{World, WorldConfig};

/// Length of a step of the world.
pub const DT_S: f64 = 0.004;

pub fn model() -> Model {
    Model::from_file(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../urdf/ur5_sih.urdf"
    ))
    .unwrap()
}

pub fn hand() -> Hand {
    Hand::from_file(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../calibration/sih_right.yaml"
    ))
    .unwrap()
}

pub fn world() -> World {
    World::new(&WorldConfig::default(), &model(), &hand()).unwrap()
}

/// A test object of one shape.
pub fn object(shape: Shape, mass_kg: f64) -> ObjectSpec {
    ObjectSpec {
        name: "test_object",
        category: Category::Toy,
        parts: vec![Part {
            shape,
            object_from_part: Isometry3::identity(),
            material: 0,
        }],
        materials: vec![Material::plain([0.5; 3], 0.5)],
        mass_kg,
        friction: 1.0,
        dimensions_m: [0.05; 3],
        split: Split::Train,
    }
}

pub fn wait(world: &mut World, seconds: f64) {
    for _ in 0..(seconds / DT_S).round() as usize {
        world.step();
    }
}

/// Joint positions that bring the palm to a pose, near others.
pub fn arm_at(world_from_palm: &Isometry3<f64>, near: &[f64; 6]) -> [f64; 6] {
    let tool0_from_palm = model().fixed_transform("tool0", "palm").unwrap();
    let base_from_tool0 = world_from_palm * tool0_from_palm.inverse();
    robot::ur5::inverse_nearest(&base_from_tool0, near, &robot::ur5::LIMITS)
        .expect("the pose is in reach")
}

/// A rotation whose columns are the palm's x, y and z axes in the world.
pub fn palm_axes(x: Vector3<f64>, y: Vector3<f64>, z: Vector3<f64>) -> UnitQuaternion<f64> {
    UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(Matrix3::from_columns(
        &[x, y, z],
    )))
}

/// A hand that stands around an object.
pub struct Grasp {
    pub world: World,
    q: [f64; 6],
    world_from_palm: Isometry3<f64>,
    tool0_from_palm: Isometry3<f64>,
}

impl Grasp {
    /// The open hand around an upright object of a radius and half height on the table: fingers point away from the
    /// robot and curl about the vertical.
    pub fn around(spec: ObjectSpec, radius: f64, half_height: f64) -> Self {
        let centre = Point3::new(0.28, 0.58, half_height.max(0.06));
        let palm_from_object = Vector3::new(0.0, 0.013 + radius, 0.135);
        let rotation = palm_axes(Vector3::z(), Vector3::x(), Vector3::y());
        let position = centre.coords - rotation * palm_from_object;
        let world_from_palm = Isometry3::from_parts(position.into(), rotation);
        let q = arm_at(&world_from_palm, &WorldConfig::default().arm_reset);
        let config = WorldConfig {
            arm_reset: q,
            ..WorldConfig::default()
        };
        let mut world = World::new(&config, &model(), &hand()).unwrap();
        let object = Isometry3::translation(centre.x, centre.y, half_height + 0.0005);
        world.reset_with(vec![(spec, object)]).unwrap();
        let tool0_from_palm = model().fixed_transform("tool0", "palm").unwrap();
        Self {
            world,
            q,
            world_from_palm,
            tool0_from_palm,
        }
    }

    /// Closes the hand until its servos stall.
    pub fn close(&mut self) {
        self.world.set_hand_servo_targets(hand().closed());
        wait(&mut self.world, 2.0);
    }

    /// Moves the palm in a straight line, smoothly.
    pub fn move_by(&mut self, offset: Vector3<f64>, seconds: f64) {
        let start = self.world_from_palm;
        for share in shares(seconds) {
            self.world_from_palm = Translation3::from(offset * share) * start;
            let base_from_tool0 = self.world_from_palm * self.tool0_from_palm.inverse();
            let q = robot::ur5::inverse_nearest(&base_from_tool0, &self.q, &robot::ur5::LIMITS);
            self.drive_to(q.expect("the path is in reach"));
        }
    }

    /// Turns the last wrist joint, smoothly.
    pub fn turn_wrist(&mut self, angle: f64, seconds: f64) {
        let start = self.q;
        for share in shares(seconds) {
            let mut q = start;
            q[5] += angle * share;
            self.drive_to(q);
        }
    }

    fn drive_to(&mut self, q: [f64; 6]) {
        let velocity = std::array::from_fn(|joint| (q[joint] - self.q[joint]) / DT_S);
        self.q = q;
        self.world.set_arm_target(q, velocity);
        self.world.step();
    }

    /// The object's pose in the palm.
    pub fn palm_from_object(&self) -> Isometry3<f64> {
        self.world.link_pose("palm").unwrap().inverse() * self.world.object_pose(0).unwrap()
    }
}

/// From 0 to 1 with a smooth start and end, one value a step.
fn shares(seconds: f64) -> impl Iterator<Item = f64> {
    let steps = (seconds / DT_S).round() as usize;
    (1..=steps).map(move |step| 0.5 - 0.5 * (PI * step as f64 / steps as f64).cos())
}
