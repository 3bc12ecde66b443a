//! The robot's shapes as rerun draws them.

use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use re_sdk_types::archetypes::{Boxes3D, Capsules3D, Cylinders3D, Ellipsoids3D, Transform3D};
use re_sdk_types::components::{Color, FillMode};
use re_sdk_types::datatypes::Quaternion;
use robot::model::{Geometry, Visual};

use super::{Log, meshes};

/// The colour of what has none, red, green, blue and alpha.
const PLAIN: [f64; 4] = [0.6, 0.6, 0.6, 1.0];

/// Shapes of one kind, as lists that go on with each shape.
#[derive(Default)]
struct Placed<Size> {
    sizes: Vec<Size>,
    centres: Vec<[f32; 3]>,
    turns: Vec<Quaternion>,
    colours: Vec<Color>,
}

impl<Size> Placed<Size> {
    fn add(&mut self, size: Size, link_from_shape: &Isometry3<f64>, visual: &Visual) {
        self.sizes.push(size);
        self.centres
            .push(link_from_shape.translation.vector.cast::<f32>().into());
        self.turns.push(quaternion(&link_from_shape.rotation));
        self.colours.push(colour(visual.rgba.unwrap_or(PLAIN)));
    }
}

/// Logs the visible shapes of a link below its path; whether there are any.
pub(super) fn put(log: &Log, path: &str, visuals: &[Visual]) -> bool {
    let mut boxes = Placed::default();
    let mut cylinders = Placed::default();
    let mut capsules = Placed::default();
    let mut spheres = Placed::default();
    let mut is_drawn = false;
    for (number, visual) in visuals.iter().enumerate() {
        let pose = &visual.link_from_shape;
        match visual.geometry {
            Geometry::Box { size } => {
                boxes.add((size / 2.0).cast::<f32>().into(), pose, visual);
            }
            Geometry::Cylinder { radius, length } => {
                cylinders.add([length as f32, radius as f32], pose, visual);
            }
            Geometry::Capsule { radius, length } => {
                // rerun's capsules begin at their origin, ours have it in the middle.
                let pose = pose * Translation3::new(0.0, 0.0, -length / 2.0);
                capsules.add([length as f32, radius as f32], &pose, visual);
            }
            Geometry::Sphere { radius } => spheres.add([radius as f32; 3], pose, visual),
            Geometry::Mesh { ref uri, scale } => {
                let path = format!("{path}/mesh_{number}");
                is_drawn |= meshes::put(log, &path, visual, (uri, &scale));
            }
        }
    }
    let solid = FillMode::Solid;
    if !boxes.sizes.is_empty() {
        let Placed {
            sizes,
            centres,
            turns,
            colours,
        }: Placed<[f32; 3]> = boxes;
        let boxes = Boxes3D::from_centers_and_half_sizes(centres, sizes)
            .with_quaternions(turns)
            .with_colors(colours);
        log.put_static(&format!("{path}/boxes"), &boxes.with_fill_mode(solid));
    }
    if !cylinders.sizes.is_empty() {
        let (lengths, radii) = lengths_and_radii(&cylinders.sizes);
        let shapes = Cylinders3D::from_lengths_and_radii(lengths, radii)
            .with_centers(cylinders.centres)
            .with_quaternions(cylinders.turns)
            .with_colors(cylinders.colours);
        log.put_static(&format!("{path}/cylinders"), &shapes.with_fill_mode(solid));
    }
    if !capsules.sizes.is_empty() {
        let (lengths, radii) = lengths_and_radii(&capsules.sizes);
        let shapes = Capsules3D::from_lengths_and_radii(lengths, radii)
            .with_translations(capsules.centres)
            .with_quaternions(capsules.turns)
            .with_colors(capsules.colours);
        log.put_static(&format!("{path}/capsules"), &shapes.with_fill_mode(solid));
    }
    if !spheres.sizes.is_empty() {
        let shapes = Ellipsoids3D::from_centers_and_half_sizes(spheres.centres, spheres.sizes)
            .with_colors(spheres.colours);
        log.put_static(&format!("{path}/spheres"), &shapes.with_fill_mode(solid));
    }
    let is_primitive = |visual: &Visual| !matches!(visual.geometry, Geometry::Mesh { .. });
    is_drawn || visuals.iter().any(is_primitive)
}

fn lengths_and_radii(sizes: &[[f32; 2]]) -> (Vec<f32>, Vec<f32>) {
    sizes
        .iter()
        .map(|[length, radius]| (length, radius))
        .unzip()
}

/// A pose as rerun has it.
pub(super) fn transform(pose: &Isometry3<f64>) -> Transform3D {
    let translation: [f32; 3] = pose.translation.vector.cast::<f32>().into();
    Transform3D::from_translation_rotation(translation, quaternion(&pose.rotation))
}

/// A rotation as rerun has it.
pub(super) fn quaternion(rotation: &UnitQuaternion<f64>) -> Quaternion {
    let [x, y, z, w] = [rotation.i, rotation.j, rotation.k, rotation.w].map(|number| number as f32);
    Quaternion::from_xyzw([x, y, z, w])
}

/// A colour as rerun has it.
pub(super) fn colour(rgba: [f64; 4]) -> Color {
    let [red, green, blue, alpha] = rgba.map(|share| (share.clamp(0.0, 1.0) * 255.0).round() as u8);
    Color::from_unmultiplied_rgba(red, green, blue, alpha)
}
