//! Renders one pair into plain bytes.

use rand::SeedableRng as _;
use rand_pcg::Pcg64Mcg;

use super::{DatasetError, scene::SceneFactory};
use crate::render::{Frame, INSTANCE_FIRST_OBJECT, Renderer};

/// Scenes drawn at most until one shows an object.
const ATTEMPTS: u32 = 8;
/// Pixels that the largest object must have in the first frame, as a share of the picture.
const LEAST_SHARE: f64 = 0.0008;

/// Two frames of one scene, ready to be written.
#[derive(Debug, Default)]
pub(super) struct Pair {
    pub(super) rgb: Vec<u8>,
    /// Little-endian u16.
    pub(super) depth: Vec<u8>,
    pub(super) ids: Vec<u8>,
    pub(super) record: Record,
}

/// What the metadata say about a pair.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(super) struct Record {
    /// Names of the objects with ids 2, 3, ...
    objects: Vec<&'static str>,
    /// Ids that the first frame shows.
    first: Vec<u8>,
    /// Ids that the second frame shows.
    second: Vec<u8>,
    /// Focal length in pixels.
    focal_px: f64,
}

/// Draws and renders pairs; one for each thread.
#[derive(Debug, Default)]
pub(super) struct Painter {
    renderer: Renderer,
    frame: Frame,
    depth_mm: Vec<u16>,
}

impl Painter {
    /// Makes pair `number` of the dataset with this seed.
    pub(super) fn paint(
        &mut self,
        factory: &SceneFactory,
        seed: u64,
        number: u32,
        pair: &mut Pair,
    ) -> Result<(), DatasetError> {
        // Spread the numbers over the generator's state space, so that streams do not overlap.
        let mut rng = Pcg64Mcg::seed_from_u64(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(number).rotate_left(32),
        );
        for attempt in 1..=ATTEMPTS {
            let scene = factory.draw(&mut rng)?;
            pair.rgb.clear();
            pair.depth.clear();
            pair.ids.clear();
            pair.record = Record {
                objects: scene.names.clone(),
                focal_px: scene.camera.intrinsics.fx,
                ..Record::default()
            };
            let mut enough = true;
            for picture in 0..2 {
                self.renderer.render(
                    &scene.visuals(picture),
                    &scene.lighting,
                    &scene.camera,
                    &mut self.frame,
                );
                let counts = count(&self.frame.instance);
                let largest = counts[usize::from(INSTANCE_FIRST_OBJECT)..]
                    .iter()
                    .max()
                    .copied()
                    .unwrap_or(0);
                if picture == 0
                    && f64::from(largest) < LEAST_SHARE * self.frame.instance.len() as f64
                {
                    enough = attempt == ATTEMPTS;
                    if !enough {
                        break;
                    }
                }
                let present = (0..=255)
                    .filter(|&id| counts[usize::from(id)] > 0)
                    .collect();
                if picture == 0 {
                    pair.record.first = present;
                } else {
                    pair.record.second = present;
                }
                scene
                    .effects
                    .apply(&mut self.frame.rgb, self.frame.width, &mut rng);
                scene.depth_noise.apply(
                    &self.frame.depth_m,
                    &scene.camera.intrinsics,
                    &mut rng,
                    &mut self.depth_mm,
                );
                pair.rgb.extend_from_slice(&self.frame.rgb);
                pair.depth
                    .extend(self.depth_mm.iter().flat_map(|d| d.to_le_bytes()));
                pair.ids.extend_from_slice(&self.frame.instance);
            }
            if enough {
                break;
            }
        }
        Ok(())
    }
}

fn count(ids: &[u8]) -> [u32; 256] {
    let mut counts = [0; 256];
    for &id in ids {
        counts[usize::from(id)] += 1;
    }
    counts
}
