//! The still background of a sequence of pictures, drawn once.
//!
//! While the background, the light and the camera stay as they are, a picture differs from that of the
//! background alone only where something stands before it, casts a shadow on it or takes ambient light
//! from it. That is found out tile by tile, and the other tiles are copied. The picture is the same to
//! the last bit as if everything had been drawn.

use std::sync::Arc;

use super::{
    Camera, Frame, INSTANCE_BACKGROUND, Lighting, Visual,
    occlusion::Occlusion,
    shade,
    shadow::ShadowMap,
    visibility::{Underlay, Visibility},
};

/// Edge of a tile in pixels; even, so that no tile cuts a point of half resolution.
pub(super) const TILE: usize = 16;
/// The background is drawn alone when it was the same for this many pictures: it takes longer than
/// drawing it once more with the rest, which pays only in a sequence.
const PATIENCE: u32 = 2;

/// Follows the background from picture to picture.
#[derive(Debug, Default)]
pub(super) struct Backdrop {
    scene: Option<Scene>,
    /// Pictures before this one with the same background.
    pictures: u32,
    pub(super) drawn: Option<Drawn>,
}

/// All that the picture of the background depends on.
#[derive(Debug)]
struct Scene {
    visuals: Vec<Visual>,
    lighting: Lighting,
    camera: Camera,
}

impl Scene {
    fn is(&self, visuals: &[Visual], lighting: &Lighting, camera: &Camera) -> bool {
        self.lighting == *lighting
            && self.camera == *camera
            && self.visuals.len() == visuals.len()
            && self.visuals.iter().zip(visuals).all(|(a, b)| {
                Arc::ptr_eq(&a.mesh, &b.mesh)
                    && a.world_from_mesh == b.world_from_mesh
                    && a.material == b.material
            })
    }
}

/// The visuals that lead the list and belong to the background.
pub(super) fn leading(visuals: &[Visual]) -> &[Visual] {
    let is_other = |visual: &Visual| visual.instance != INSTANCE_BACKGROUND;
    let count = visuals.iter().position(is_other).unwrap_or(visuals.len());
    &visuals[..count]
}

impl Backdrop {
    /// Forgets the background if the next picture has another. Whether it is now worth drawing it alone.
    pub(super) fn follow(
        &mut self,
        background: &[Visual],
        lighting: &Lighting,
        camera: &Camera,
    ) -> bool {
        let is_same = |scene: &Scene| scene.is(background, lighting, camera);
        if self.scene.as_ref().is_some_and(is_same) {
            self.pictures = self.pictures.saturating_add(1);
        } else {
            *self = Self {
                scene: Some(Scene {
                    visuals: background.to_vec(),
                    lighting: lighting.clone(),
                    camera: *camera,
                }),
                ..Self::default()
            };
        }
        self.drawn.is_none() && self.pictures >= PATIENCE && !background.is_empty()
    }
}

/// The picture of the background alone, and what tells where it stays as it is.
#[derive(Debug)]
pub(super) struct Drawn {
    /// How many visuals the background has.
    pub(super) visuals: usize,
    pub(super) underlay: Underlay,
    pub(super) picture: Frame,
    /// Ambient light before and after it is averaged over neighbours.
    pub(super) ambient: [Vec<f32>; 2],
    columns: usize,
    tiles: Vec<Tile>,
}

/// What changes the look of a tile.
#[derive(Clone, Debug)]
struct Tile {
    /// How many tiles away something may take ambient light from this one.
    reach: usize,
    /// The box in the light's frame around what faces the key light: where shadows may be seen.
    lit: [[f32; 3]; 2],
}

impl Drawn {
    /// Keeps what has been drawn of the background alone.
    pub(super) fn new(inputs: &shade::Inputs<'_>, picture: Frame) -> Self {
        let columns = picture.width.div_ceil(TILE);
        let boxes = shade::lit_boxes(inputs, picture.width, picture.height);
        let tiles = boxes.into_iter().enumerate().map(|(at, lit)| Tile {
            reach: inputs
                .occlusion
                .reach(inputs.camera, [at % columns, at / columns])
                .div_ceil(TILE),
            lit,
        });
        Self {
            visuals: inputs.visuals.len(),
            underlay: inputs.visibility.underlay(),
            ambient: inputs.occlusion.light().map(<[f32]>::to_vec),
            columns,
            tiles: tiles.collect(),
            picture,
        }
    }

    /// The tiles before which something stands.
    pub(super) fn covered(&self, visibility: &Visibility) -> Tiles {
        let mut covered = Tiles::new(self.columns, self.tiles.len());
        for (y, row) in visibility
            .triangle
            .chunks_exact(self.picture.width)
            .enumerate()
        {
            for (flag, ids) in covered.row_mut(y).iter_mut().zip(row.chunks(TILE)) {
                *flag |= ids
                    .iter()
                    .fold(false, |any, &id| any | !self.underlay.holds(id));
            }
        }
        covered
    }

    /// The tiles whose ambient light has to be estimated anew.
    pub(super) fn dimmed(&self, covered: &Tiles) -> Tiles {
        let mut dimmed = Tiles::new(self.columns, self.tiles.len());
        for (at, (flag, tile)) in dimmed.flags.iter_mut().zip(&self.tiles).enumerate() {
            *flag = covered.is_near(at, tile.reach);
        }
        dimmed
    }

    /// The tiles that look as if there were the background alone.
    pub(super) fn kept(&self, covered: &Tiles, occlusion: &Occlusion, shadow: &ShadowMap) -> Tiles {
        let mut kept = Tiles::new(self.columns, self.tiles.len());
        for (at, (flag, tile)) in kept.flags.iter_mut().zip(&self.tiles).enumerate() {
            *flag = !covered.is_near(at, 1)
                && shadow.spares(&tile.lit)
                && occlusion.is_as_before(&self.ambient[1], [at % self.columns, at / self.columns]);
        }
        kept
    }
}

/// A flag for each tile of a picture, row by row.
#[derive(Debug)]
pub(super) struct Tiles {
    columns: usize,
    flags: Vec<bool>,
}

impl Tiles {
    fn new(columns: usize, count: usize) -> Self {
        Self {
            columns,
            flags: vec![false; count],
        }
    }

    /// The flags of the tiles that the pixels of row `y` lie in.
    pub(super) fn row(&self, y: usize) -> &[bool] {
        let start = y / TILE * self.columns;
        &self.flags[start..start + self.columns]
    }

    fn row_mut(&mut self, y: usize) -> &mut [bool] {
        let start = y / TILE * self.columns;
        &mut self.flags[start..start + self.columns]
    }

    /// Whether a tile or one at most `reach` columns and rows away is flagged.
    fn is_near(&self, tile: usize, reach: usize) -> bool {
        let (x, y) = (tile % self.columns, tile / self.columns);
        let columns = x.saturating_sub(reach)..(x + reach + 1).min(self.columns);
        self.flags
            .chunks_exact(self.columns)
            .skip(y.saturating_sub(reach))
            .take(reach + 1 + y.min(reach))
            .any(|row| row[columns.clone()].contains(&true))
    }
}

#[cfg(test)]
mod tests {
    use camera::Intrinsics;
    use nalgebra::{Isometry3, Translation3, Vector3};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        render::{
            Quality, Renderer, looking_at, material::Material, mesh::TriangleMesh, room::Room,
        },
        shape::Shape,
    };

    fn camera(width: u32, height: u32) -> Camera {
        Camera {
            intrinsics: Intrinsics::from_hfov(width, height, 1.5).unwrap(),
            world_from_optical: looking_at(
                Vector3::new(0.28, 1.05, 0.5),
                Vector3::new(0.28, 0.3, 0.1),
                0.0,
            ),
        }
    }

    fn thing(shape: &Shape, at: [f32; 3]) -> Visual {
        Visual {
            mesh: Arc::new(TriangleMesh::from(shape)),
            world_from_mesh: Isometry3::from_parts(Translation3::from(at), Default::default()),
            material: Material::plain([0.7, 0.3, 0.2], 0.4),
            instance: 2,
        }
    }

    /// Renders with a renderer that has not seen the background before, and so draws everything.
    fn in_full(
        quality: Quality,
        visuals: &[Visual],
        lighting: &Lighting,
        camera: &Camera,
    ) -> Frame {
        let mut frame = Frame::default();
        Renderer::new(quality).render(visuals, lighting, camera, &mut frame);
        frame
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// A ball and a plate move over the table, out of the picture and back, throwing shadows into it.
        #[test]
        fn a_picture_over_a_known_background_is_that_drawn_in_full(
            places in prop::collection::vec(
                prop::array::uniform2((-0.6..1.2_f32, -0.4..1.2_f32, 0.0..0.5_f32)), 4..6,
            ),
            is_fine in any::<bool>(),
            size in (80..200_u32, 60..140_u32),
        ) {
            let quality = if is_fine { Quality::Fine } else { Quality::Fast };
            let (room, lighting) = (Room::default(), Lighting::default());
            let camera = camera(size.0, size.1);
            let mut renderer = Renderer::new(quality);
            let mut frame = Frame::default();
            for [ball, plate] in places {
                let mut visuals = room.visuals().to_vec();
                visuals.push(thing(&Shape::Sphere { radius: 0.06 }, ball.into()));
                visuals.push(thing(&Shape::Box { half_extents: [0.1, 0.05, 0.01] }, plate.into()));
                renderer.render(&visuals, &lighting, &camera, &mut frame);
                prop_assert!(frame == in_full(quality, &visuals, &lighting, &camera));
            }
            prop_assert!(renderer.backdrop.drawn.is_some());
        }
    }

    #[test]
    fn another_background_light_or_camera_is_noticed() {
        let mut visuals = Room::default().visuals().to_vec();
        visuals.push(thing(&Shape::Sphere { radius: 0.06 }, [0.3, 0.4, 0.06]));
        let mut lighting = Lighting::default();
        let mut view = camera(96, 54);
        let mut renderer = Renderer::default();
        let mut frame = Frame::default();
        for change in 0..6 {
            match change {
                0 => {}
                1 => visuals[0].world_from_mesh.translation.z += 0.02,
                2 => visuals[0].material.rgb = [0.2, 0.5, 0.3],
                3 => visuals[0].mesh = Arc::new(TriangleMesh::rectangle(0.5, 0.5)),
                4 => lighting.exposure *= 0.8,
                _ => view = camera(70, 54),
            }
            for _ in 0..=PATIENCE {
                renderer.render(&visuals, &lighting, &view, &mut frame);
                let expected = in_full(Quality::Fine, &visuals, &lighting, &view);
                assert!(frame == expected, "after change {change}");
            }
            assert!(renderer.backdrop.drawn.is_some());
        }
    }

    #[test]
    fn most_of_an_empty_room_is_copied() {
        let mut visuals = Room::default().visuals().to_vec();
        visuals.push(thing(&Shape::Sphere { radius: 0.03 }, [0.3, 0.4, 0.03]));
        let mut renderer = Renderer::default();
        for _ in 0..=PATIENCE {
            let view = camera(320, 180);
            renderer.render(&visuals, &Lighting::default(), &view, &mut Frame::default());
        }
        let drawn = renderer.backdrop.drawn.as_ref().unwrap();
        let covered = drawn.covered(&renderer.visibility);
        let kept = drawn.kept(&covered, &renderer.occlusion, &renderer.shadow);
        let count = |tiles: &Tiles| tiles.flags.iter().filter(|flag| **flag).count();
        assert!((1..12).contains(&count(&covered)), "{covered:?}");
        assert!(count(&kept) > kept.flags.len() * 3 / 4, "{kept:?}");
    }
}
