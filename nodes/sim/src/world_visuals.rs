//! What the world looks like: meshes made once, shared by every frame.

use std::sync::Arc;

use nalgebra::Isometry3;
use robot::Model;

use crate::render::material::{Material, Pattern};
use crate::render::mesh::TriangleMesh;
use crate::render::{INSTANCE_BACKGROUND, INSTANCE_FIRST_OBJECT, INSTANCE_ROBOT, Visual};
use crate::robot_body::shape_of;
use crate::shape::{ObjectSpec, Shape};
use crate::table::{TABLE, TABLE_HEIGHT_M};

/// What a mesh moves with.
#[derive(Clone, Debug)]
enum Carrier {
    World,
    Link(String),
    Object(usize),
}

#[derive(Clone, Debug)]
struct Look {
    carrier: Carrier,
    carrier_from_mesh: Isometry3<f64>,
    mesh: Arc<TriangleMesh>,
    material: Material,
}

/// The meshes of table, robot and objects.
#[derive(Clone, Debug)]
pub(crate) struct WorldVisuals {
    /// Table, floor and robot: the same for every scene.
    cell: Arc<Vec<Look>>,
    objects: Vec<Look>,
}

impl WorldVisuals {
    /// The empty cell.
    pub(crate) fn new(model: &Model) -> Self {
        let mut cell = table();
        cell.extend(robot(model));
        Self {
            cell: Arc::new(cell),
            objects: Vec::new(),
        }
    }

    /// The same cell with other objects.
    pub(crate) fn for_objects<'a>(&self, specs: impl Iterator<Item = &'a ObjectSpec>) -> Self {
        let objects = specs.enumerate().flat_map(|(index, spec)| {
            spec.parts.iter().map(move |part| Look {
                carrier: Carrier::Object(index),
                carrier_from_mesh: part.object_from_part,
                mesh: Arc::new(TriangleMesh::from(&part.shape)),
                material: spec
                    .materials
                    .get(part.material)
                    .cloned()
                    .unwrap_or(Material::plain([0.5; 3], 0.7)),
            })
        });
        Self {
            cell: Arc::clone(&self.cell),
            objects: objects.collect(),
        }
    }

    /// Everything at given poses of links and objects.
    pub(crate) fn at(
        &self,
        link_pose: impl Fn(&str) -> Option<Isometry3<f64>>,
        object_pose: impl Fn(usize) -> Option<Isometry3<f64>>,
    ) -> Vec<Visual> {
        self.cell
            .iter()
            .chain(&self.objects)
            .filter_map(|look| {
                let (world_from_carrier, instance) = match &look.carrier {
                    Carrier::World => (Isometry3::identity(), INSTANCE_BACKGROUND),
                    Carrier::Link(link) => (link_pose(link)?, INSTANCE_ROBOT),
                    Carrier::Object(index) => (
                        object_pose(*index)?,
                        u8::try_from(*index)
                            .ok()?
                            .checked_add(INSTANCE_FIRST_OBJECT)?,
                    ),
                };
                Some(Visual {
                    mesh: Arc::clone(&look.mesh),
                    world_from_mesh: (world_from_carrier * look.carrier_from_mesh).cast(),
                    material: look.material.clone(),
                    instance,
                })
            })
            .collect()
    }
}

/// A wooden table and the floor around it.
fn table() -> Vec<Look> {
    let wood = Material::plain([0.68, 0.55, 0.42], 0.6).with_pattern(Pattern::Wood {
        rgb: [0.58, 0.45, 0.33],
        ring_m: 0.02,
    });
    let tiles = Material::plain([0.55, 0.55, 0.54], 0.8).with_pattern(Pattern::Tiles {
        rgb: [0.42, 0.42, 0.42],
        tile_m: 0.5,
        joint_m: 0.008,
    });
    let [[x0, x1], [y0, y1]] = TABLE;
    let block = Shape::Box {
        half_extents: [(x1 - x0) / 2.0, (y1 - y0) / 2.0, TABLE_HEIGHT_M / 2.0],
    };
    let look = |mesh: TriangleMesh, [x, y, z]: [f64; 3], material: Material| Look {
        carrier: Carrier::World,
        carrier_from_mesh: Isometry3::translation(x, y, z),
        mesh: Arc::new(mesh),
        material,
    };
    vec![
        look(
            TriangleMesh::from(&block),
            [(x0 + x1) / 2.0, (y0 + y1) / 2.0, -TABLE_HEIGHT_M / 2.0],
            wood,
        ),
        look(
            TriangleMesh::rectangle(10.0, 10.0),
            [0.0, 0.0, -TABLE_HEIGHT_M],
            tiles,
        ),
    ]
}

/// The robot's visual shapes in the description's colours. Meshes from files are not drawn.
fn robot(model: &Model) -> Vec<Look> {
    let looks = model.links().iter().flat_map(|link| {
        link.visuals.iter().filter_map(|visual| {
            let shape = shape_of(&visual.geometry)?;
            let [r, g, b, _] = visual.rgba.unwrap_or([0.6, 0.6, 0.6, 1.0]);
            Some(Look {
                carrier: Carrier::Link(link.name.clone()),
                carrier_from_mesh: visual.link_from_shape,
                mesh: Arc::new(TriangleMesh::from(&shape)),
                material: Material::plain([r as f32, g as f32, b as f32], 0.45),
            })
        })
    });
    looks.collect()
}
