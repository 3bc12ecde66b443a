//! Colour, depth and instance ids of the cell in one pass.

use anyhow::Result;
use sim::render::{Frame, Lighting, Renderer};

use super::{Budget, Measurement, cell};

pub(super) fn run(budget: &Budget) -> Result<Vec<Measurement>> {
    let world = cell::world()?;
    let visuals = cell::visuals(&world);
    let triangles: usize = visuals
        .iter()
        .map(|visual| visual.mesh.triangles.len())
        .sum();
    let mut renderer = Renderer::default();
    let mut measure = |width, height| {
        let camera = cell::camera(width, height)?;
        let mut frame = Frame::default();
        let runs = budget.time(|| {
            renderer.render(&visuals, &Lighting::default(), &camera, &mut frame);
            Ok(())
        })?;
        Measurement::new(
            format!("render {width}x{height}, {triangles} triangles"),
            runs,
        )
    };
    Ok(vec![measure(640, 480)?.aim_p50(8.0), measure(1280, 720)?])
}
