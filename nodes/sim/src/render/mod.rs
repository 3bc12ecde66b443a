//! Renderer: colour, metric depth and instance ids in one pass.
//!
//! A z-buffer rasteriser on the CPU with deferred shading: the first pass finds the triangle that
//! each pixel sees, the second computes its colour once. [`Renderer::render`] takes meshes with
//! poses and materials ([`Visual`]), a [`Lighting`] and a [`Camera`], and fills a [`Frame`].
//!
//! ```
//! use std::sync::Arc;
//! use camera::Intrinsics;
//! use nalgebra::Isometry3;
//! use sim::{render::{Camera, Frame, Lighting, Renderer, Visual, material::Material, mesh::TriangleMesh}, shape::Shape};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ball = Visual {
//!     mesh: Arc::new(TriangleMesh::from(&Shape::Sphere { radius: 0.1 })),
//!     world_from_mesh: Isometry3::translation(0.0, 0.0, 1.0),
//!     material: Material::plain([0.8, 0.1, 0.1], 0.4),
//!     instance: 2,
//! };
//! let camera = Camera {
//!     intrinsics: Intrinsics::from_hfov(64, 48, 1.0)?,
//!     world_from_optical: Isometry3::identity(),
//! };
//! let mut frame = Frame::default();
//! Renderer::default().render(&[ball], &Lighting::default(), &camera, &mut frame);
//! let middle = 24 * 64 + 32;
//! assert_eq!(frame.instance[middle], 2);
//! assert!((frame.depth_m[middle] - 0.9).abs() < 0.01);
//! # Ok(())
//! # }
//! ```

pub mod depth_noise;
pub mod effects;
pub mod lens;
pub mod lighting;
pub mod material;
pub mod mesh;
pub mod model;
pub mod room;

mod backdrop;
mod bands;
mod frame;
mod noise;
mod occlusion;
mod random;
mod scan;
mod shade;
mod shadow;
#[cfg(test)]
mod tests;
mod tone;
mod visibility;

pub use frame::{
    Camera, Frame, INSTANCE_BACKGROUND, INSTANCE_FIRST_OBJECT, INSTANCE_ROBOT, Visual, looking_at,
};
pub use lighting::Lighting;

use std::num::NonZeroUsize;

use material::LinearMaterial;

/// Renders frames; keeps its buffers from one frame to the next, and what it knows of a background
/// (visuals of instance 0 that lead the list) that stays as it is. Frames do not depend on those before.
#[derive(Debug, Default)]
pub struct Renderer {
    quality: Quality,
    visibility: visibility::Visibility,
    shadow: shadow::ShadowMap,
    occlusion: occlusion::Occlusion,
    /// One for each thread; none means one.
    rows: Vec<shade::Row>,
    tone: tone::ToneCurve,
    materials: Vec<LinearMaterial>,
    backdrop: backdrop::Backdrop,
}

/// How much work goes into a picture. Depth and instance ids are the same at either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quality {
    /// Shadows only.
    Fast,
    /// Shadows and ambient occlusion.
    #[default]
    Fine,
}

impl Renderer {
    /// A renderer of some quality that works on one thread.
    pub fn new(quality: Quality) -> Self {
        Self {
            quality,
            ..Self::default()
        }
    }

    /// The same renderer working on several threads. Pictures do not depend on how many.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZeroUsize) -> Self {
        self.rows.resize_with(threads.get(), shade::Row::default);
        self
    }

    /// Renders `visuals` into `frame`, which takes the camera's size.
    pub fn render(
        &mut self,
        visuals: &[Visual],
        lighting: &Lighting,
        camera: &Camera,
        frame: &mut Frame,
    ) {
        frame.resize(
            camera.intrinsics.width as usize,
            camera.intrinsics.height as usize,
        );
        if frame.width == 0 || frame.height == 0 {
            return;
        }
        if self.rows.is_empty() {
            self.rows.push(shade::Row::default());
        }
        let background = backdrop::leading(visuals);
        if self.backdrop.follow(background, lighting, camera) {
            let mut picture = Frame::default();
            picture.resize(frame.width, frame.height);
            self.paint(background, lighting, camera, &mut picture);
            let inputs = self.inputs(background, lighting, camera);
            self.backdrop.drawn = Some(backdrop::Drawn::new(&inputs, picture));
        }
        self.paint(visuals, lighting, camera, frame);
    }

    /// Draws the visuals, over the background if that has been drawn.
    fn paint(
        &mut self,
        visuals: &[Visual],
        lighting: &Lighting,
        camera: &Camera,
        frame: &mut Frame,
    ) {
        let threads = NonZeroUsize::new(self.rows.len()).unwrap_or(NonZeroUsize::MIN);
        let drawn = self.backdrop.drawn.as_ref();
        let (visibility, shadow) = (&mut self.visibility, &mut self.shadow);
        let draw = |visibility: &mut visibility::Visibility| match drawn {
            Some(drawn) => visibility.draw_over(&drawn.underlay, visuals, drawn.visuals, camera),
            None => visibility.draw(visuals, camera),
        };
        if threads.get() > 1 {
            std::thread::scope(|scope| {
                scope.spawn(|| shadow.draw(visuals, lighting));
                draw(visibility);
            });
        } else {
            draw(visibility);
            shadow.draw(visuals, lighting);
        }
        let covered = drawn.map(|drawn| (drawn, drawn.covered(&self.visibility)));
        match self.quality {
            Quality::Fast => self.occlusion.skip(),
            Quality::Fine => {
                let dimmed = covered
                    .as_ref()
                    .map(|(drawn, covered)| (&*drawn.ambient[0], drawn.dimmed(covered)));
                let before = dimmed.as_ref().map(|(light, tiles)| (*light, tiles));
                self.occlusion
                    .draw(&self.visibility, camera, before, threads);
            }
        }
        let kept = covered
            .map(|(drawn, covered)| (drawn, drawn.kept(&covered, &self.occlusion, &self.shadow)));
        self.materials.clear();
        self.materials
            .extend(visuals.iter().map(|v| LinearMaterial::new(&v.material)));
        let mut rows = std::mem::take(&mut self.rows);
        let inputs = shade::Inputs {
            kept: kept.as_ref().map(|(drawn, kept)| (*drawn, kept)),
            ..self.inputs(visuals, lighting, camera)
        };
        shade::shade(&inputs, &mut rows, &self.tone, frame);
        self.rows = rows;
    }

    /// What shading reads once the rest is drawn.
    fn inputs<'a>(
        &'a self,
        visuals: &'a [Visual],
        lighting: &'a Lighting,
        camera: &'a Camera,
    ) -> shade::Inputs<'a> {
        shade::Inputs {
            visuals,
            materials: &self.materials,
            visibility: &self.visibility,
            shadow: &self.shadow,
            occlusion: &self.occlusion,
            lighting,
            camera,
            kept: None,
        }
    }
}
