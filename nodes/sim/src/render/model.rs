//! Objects and robots as the renderer sees them: meshes made once, posed every frame.

use std::sync::Arc;

use nalgebra::Isometry3;
use robot::model::Model;

use super::{INSTANCE_ROBOT, Visual, material::Material, mesh::TriangleMesh};
use crate::robot_body::shape_of;
use crate::shape::ObjectSpec;

/// The meshes of an object, one for each material that it shows.
#[derive(Clone, Debug)]
pub struct ObjectModel {
    meshes: Vec<(Arc<TriangleMesh>, Material)>,
}

impl ObjectModel {
    /// Builds the meshes of an object in the object's frame.
    pub fn new(spec: &ObjectSpec) -> Self {
        let mut meshes = Vec::new();
        for (index, material) in spec.materials.iter().enumerate() {
            let mut mesh = TriangleMesh::default();
            for part in spec.parts.iter().filter(|part| part.material == index) {
                mesh.append(
                    &TriangleMesh::from(&part.shape).transformed(&part.object_from_part.cast()),
                );
            }
            if !mesh.triangles.is_empty() {
                meshes.push((Arc::new(mesh), material.clone()));
            }
        }
        Self { meshes }
    }

    /// Adds the object's visuals at a pose. `instance` is its id in the instance image.
    pub fn place(
        &self,
        world_from_object: &Isometry3<f64>,
        instance: u8,
        visuals: &mut Vec<Visual>,
    ) {
        visuals.extend(self.meshes.iter().map(|(mesh, material)| Visual {
            mesh: Arc::clone(mesh),
            world_from_mesh: world_from_object.cast(),
            material: material.clone(),
            instance,
        }));
    }

    /// The materials shown, for randomisation.
    pub fn materials_mut(&mut self) -> impl Iterator<Item = &mut Material> {
        self.meshes.iter_mut().map(|(_, material)| material)
    }
}

/// The meshes of a robot, one for each link and material.
#[derive(Clone, Debug)]
pub struct RobotModel {
    meshes: Vec<RobotMesh>,
}

#[derive(Clone, Debug)]
struct RobotMesh {
    /// Place of the link in the robot description.
    link: usize,
    material_name: String,
    mesh: Arc<TriangleMesh>,
    material: Material,
}

impl RobotModel {
    /// Builds the meshes of a robot description. Mesh files are not read: such visuals are skipped
    /// with a warning.
    pub fn new(model: &Model) -> Self {
        let mut meshes: Vec<RobotMesh> = Vec::new();
        for (link, description) in model.links().iter().enumerate() {
            for visual in &description.visuals {
                let Some(shape) = shape_of(&visual.geometry) else {
                    tracing::warn!(
                        "link `{}` of the robot has a mesh file, which the renderer skips",
                        description.name
                    );
                    continue;
                };
                let mesh = TriangleMesh::from(&shape).transformed(&visual.link_from_shape.cast());
                let name = visual.material.clone().unwrap_or_default();
                let rgb = visual
                    .rgba
                    .map_or([0.7; 3], |[r, g, b, _]| [r as f32, g as f32, b as f32]);
                match meshes
                    .iter_mut()
                    .find(|m| m.link == link && m.material_name == name)
                {
                    Some(existing) => Arc::make_mut(&mut existing.mesh).append(&mesh),
                    None => meshes.push(RobotMesh {
                        link,
                        material: Material::plain(rgb, roughness(&name)),
                        material_name: name,
                        mesh: Arc::new(mesh),
                    }),
                }
            }
        }
        Self { meshes }
    }

    /// Adds the robot's visuals. `world_from_link` holds the pose of every link in the order of
    /// [`Model::links`], as [`robot::kinematics::LinkPoses::all`] gives them.
    pub fn place(&self, world_from_link: &[Isometry3<f64>], visuals: &mut Vec<Visual>) {
        visuals.extend(self.meshes.iter().filter_map(|m| {
            Some(Visual {
                mesh: Arc::clone(&m.mesh),
                world_from_mesh: world_from_link.get(m.link)?.cast(),
                material: m.material.clone(),
                instance: INSTANCE_ROBOT,
            })
        }));
    }

    /// The materials shown, for randomisation; each named material occurs once for each link that has it.
    pub fn materials_mut(&mut self) -> impl Iterator<Item = (&str, &mut Material)> {
        self.meshes
            .iter_mut()
            .map(|m| (m.material_name.as_str(), &mut m.material))
    }
}

/// How polished the robot's named materials are; URDF has no word for it.
fn roughness(material_name: &str) -> f32 {
    match material_name {
        "ur_tube" | "hand_frame" => 0.3,
        "sensor" => 0.35,
        "ur_housing" | "ur_cap" => 0.45,
        "fingertip" => 0.8,
        _ => 0.55,
    }
}
