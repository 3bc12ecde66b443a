//! The simulated cell's picture: what the measurements of vision and rendering work on.

use anyhow::{Context as _, Result};
use sim::{
    mounting::{self, DEFAULT_MOUNTING},
    render::{Camera, Frame, Lighting, Renderer, Visual, depth_noise, room::Room},
    scene::{self, SceneKind},
    shape::Split,
    world::{World, WorldConfig},
};

use crate::share;

const SEED: u64 = 1;

/// The world with a cluttered table.
pub(super) fn world() -> Result<World> {
    let share =
        share::find().context("the project's files are not found; run this inside the checkout")?;
    let model = robot::Model::from_file(share.join("urdf/ur5_sih.urdf"))?;
    let hand = robot::Hand::from_file(share.join("calibration/sih_right.yaml"))?;
    let mut world = World::new(&WorldConfig::default(), &model, &hand)?;
    world.reset(&scene::generate(SceneKind::Clutter3, Split::Train, SEED)?)?;
    Ok(world)
}

/// The cell's camera.
pub(super) fn camera(width: u32, height: u32) -> Result<Camera> {
    Ok(mounting::camera(DEFAULT_MOUNTING, width, height)?)
}

/// Everything that the cell's camera sees.
pub(super) fn visuals(world: &World) -> Vec<Visual> {
    let mut visuals = Room::default().visuals().to_vec();
    visuals.extend(world.visuals());
    visuals
}

/// One frame of the cell.
pub(super) struct Picture {
    pub(super) camera: Camera,
    pub(super) frame: Frame,
    /// Depth in millimetres, little endian, as in a 16UC1 image.
    pub(super) depth_mm: Vec<u8>,
    /// The mask of the object that shows the most pixels, as in a mono8 image.
    pub(super) mask: Vec<u8>,
}

pub(super) fn picture(width: u32, height: u32) -> Result<Picture> {
    let world = world()?;
    let camera = camera(width, height)?;
    let mut frame = Frame::default();
    let visuals = visuals(&world);
    Renderer::default().render(&visuals, &Lighting::default(), &camera, &mut frame);
    let mut depth_mm = Vec::new();
    depth_noise::to_millimetres(&frame.depth_m, &mut depth_mm);
    let shown = |object: u8| frame.instance.iter().filter(|&&id| id == object).count();
    let target = (2..5).max_by_key(|&object| shown(object)).unwrap_or(2);
    let mask = frame
        .instance
        .iter()
        .map(|&id| if id == target { 255 } else { 0 })
        .collect();
    let depth_mm = depth_mm.into_iter().flat_map(u16::to_le_bytes).collect();
    Ok(Picture {
        camera,
        frame,
        depth_mm,
        mask,
    })
}
