//! What the renderer takes and what it gives.

use std::sync::Arc;

use camera::model::Intrinsics;
use nalgebra::{Isometry3, Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};

use super::{material::Material, mesh::TriangleMesh};

/// Instance id of everything that is neither robot nor object.
pub const INSTANCE_BACKGROUND: u8 = 0;
/// Instance id of the robot, hand included.
pub const INSTANCE_ROBOT: u8 = 1;
/// Instance id of the first object of a scene; the others follow.
pub const INSTANCE_FIRST_OBJECT: u8 = 2;

/// One mesh in the picture.
#[derive(Clone, Debug)]
pub struct Visual {
    /// The mesh, shared between frames.
    pub mesh: Arc<TriangleMesh>,
    /// Pose of the mesh in the world frame, metres.
    pub world_from_mesh: Isometry3<f32>,
    /// Its look.
    pub material: Material,
    /// 0 background, 1 robot, 2 and above objects. Visuals other than background cast shadows.
    pub instance: u8,
}

/// A pinhole camera in the world: of its intrinsics, the distortion is left out. [`Lens`](super::lens::Lens) adds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Size of the picture, focal lengths and principal point.
    pub intrinsics: Intrinsics,
    /// Pose of the optical frame (x right, y down, z forward) in the world frame.
    pub world_from_optical: Isometry3<f64>,
}

/// Pose of an optical frame at `eye` that looks at `aim`, rolled about its axis by `roll` radians.
pub fn looking_at(eye: Vector3<f64>, aim: Vector3<f64>, roll: f64) -> Isometry3<f64> {
    let forward = (aim - eye)
        .try_normalize(1e-9)
        .unwrap_or_else(|| -Vector3::z());
    let right = forward
        .cross(&Vector3::z())
        .try_normalize(1e-6)
        .unwrap_or_else(Vector3::x);
    let down = forward.cross(&right);
    let rotation = Rotation3::from_matrix_unchecked(Matrix3::from_columns(&[right, down, forward]));
    let turn = UnitQuaternion::from_rotation_matrix(&rotation)
        * UnitQuaternion::from_axis_angle(&Vector3::z_axis(), roll);
    Isometry3::from_parts(Translation3::from(eye), turn)
}

/// A rendered frame, all images row by row from the top left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Colour, three bytes (sRGB) a pixel.
    pub rgb: Vec<u8>,
    /// Depth along the optical axis in metres; 0 where nothing was hit.
    pub depth_m: Vec<f32>,
    /// Instance id of what each pixel shows.
    pub instance: Vec<u8>,
}

impl Frame {
    /// Makes room for a picture of this size; contents are unspecified until rendered.
    pub(super) fn resize(&mut self, width: usize, height: usize) {
        self.width = width;
        self.height = height;
        self.rgb.resize(width * height * 3, 0);
        self.depth_m.resize(width * height, 0.0);
        self.instance.resize(width * height, 0);
    }
}
