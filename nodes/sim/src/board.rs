//! A printed board, such as a calibration board, on the table or on the arm's flange. It is seen and casts shadows, but the
//! physics do not know of it: it touches nothing and weighs nothing.
//!
//! The board's frame lies in its printed face: origin in the left upper corner of the picture, x to the right, y down,
//! z into the board.

use std::path::Path;
use std::sync::Arc;

use image::ImageReader;
use nalgebra::{Isometry3, Vector3};

use crate::render::material::{Material, Pattern, Picture};
use crate::render::mesh::TriangleMesh;
use crate::render::{INSTANCE_BACKGROUND, INSTANCE_ROBOT, Visual};
use crate::shape::Shape;

/// White around the picture, as around a print, metres.
const RIM_M: f64 = 0.012;
/// Thickness of the plate that the print is glued to, metres.
const PLATE_M: f64 = 0.003;
/// Paper and plate, sRGB.
const PAPER: Material = Material::plain([0.86, 0.86, 0.85], 0.95);
const PLATE: Material = Material::plain([0.55, 0.56, 0.58], 0.6);

/// What carries a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// It stands still in the world.
    World,
    /// It is fastened to the arm's flange, `tool0`.
    Flange,
}

/// Why there is no such board.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoardError {
    /// The picture could not be read.
    #[error(
        "{file}: cannot read the board's picture ({problem}); `grasp_anything calibrate board --out board.png` writes one"
    )]
    Picture {
        /// The file.
        file: String,
        /// The cause.
        problem: String,
    },
}

/// A printed board; see the [module](self).
#[derive(Debug, Clone)]
pub struct PrintedBoard {
    carrier: Carrier,
    carrier_from_board: Isometry3<f64>,
    face: Arc<TriangleMesh>,
    print: Material,
    plate: Arc<TriangleMesh>,
}

impl PrintedBoard {
    /// The picture in a file, printed `width_m` wide.
    ///
    /// # Errors
    /// When the file is no picture.
    pub fn from_file(
        file: impl AsRef<Path>,
        width_m: f64,
        carrier: Carrier,
        carrier_from_board: Isometry3<f64>,
    ) -> Result<Self, BoardError> {
        let problem = |problem: String| BoardError::Picture {
            file: file.as_ref().display().to_string(),
            problem,
        };
        let picture = ImageReader::open(&file)
            .map_err(|error| problem(error.to_string()))?
            .decode()
            .map_err(|error| problem(error.to_string()))?
            .into_luma8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let picture = Picture::new(width, picture.into_raw())
            .filter(|_| height > 0)
            .ok_or_else(|| problem("it has no pixels".to_owned()))?;
        let size_m = [width_m, width_m * height as f64 / width as f64];
        Ok(Self::new(picture, size_m, carrier, carrier_from_board))
    }

    fn new(
        picture: Picture,
        size_m: [f64; 2],
        carrier: Carrier,
        carrier_from_board: Isometry3<f64>,
    ) -> Self {
        let [width, height] = size_m;
        let (left, top) = (-RIM_M as f32, -RIM_M as f32);
        let (right, bottom) = ((width + RIM_M) as f32, (height + RIM_M) as f32);
        let face = TriangleMesh {
            positions: vec![
                [left, top, 0.0],
                [left, bottom, 0.0],
                [right, bottom, 0.0],
                [right, top, 0.0],
            ],
            normals: vec![[0.0, 0.0, -1.0]; 4],
            uvs: vec![[0.0; 2]; 4],
            triangles: vec![[0, 1, 2], [0, 2, 3]],
        };
        // Behind the face by a hair, so that they do not fight for the same depth.
        let middle = Vector3::new(0.5 * width, 0.5 * height, 0.5 * PLATE_M + 2e-4);
        let plate = TriangleMesh::from(&Shape::Box {
            half_extents: [0.5 * width + RIM_M, 0.5 * height + RIM_M, 0.5 * PLATE_M],
        })
        .transformed(&Isometry3::from_parts(
            middle.cast().into(),
            nalgebra::UnitQuaternion::identity(),
        ));
        Self {
            carrier,
            carrier_from_board,
            face: Arc::new(face),
            print: PAPER.with_pattern(Pattern::Picture {
                picture: Arc::new(picture),
                size_m: size_m.map(|side| side as f32),
            }),
            plate: Arc::new(plate),
        }
    }

    /// What carries it.
    #[must_use]
    pub fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// Adds the board to what a camera sees, on a carrier at this pose.
    pub fn place(&self, world_from_carrier: &Isometry3<f64>, visuals: &mut Vec<Visual>) {
        let world_from_board: Isometry3<f32> =
            (world_from_carrier * self.carrier_from_board).cast();
        let instance = match self.carrier {
            Carrier::World => INSTANCE_BACKGROUND,
            Carrier::Flange => INSTANCE_ROBOT,
        };
        for (mesh, material) in [(&self.face, &self.print), (&self.plate, &PLATE)] {
            visuals.push(Visual {
                mesh: Arc::clone(mesh),
                world_from_mesh: world_from_board,
                material: material.clone(),
                instance,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use camera::Intrinsics;
    use nalgebra::{Point3, Translation3, UnitQuaternion};

    use super::*;
    use crate::render::{Camera, Frame, Lighting, Renderer};

    /// Two by two fields: white, black; black, white.
    fn quartered() -> PrintedBoard {
        let picture = Picture::new(2, vec![255, 0, 0, 255]).unwrap();
        PrintedBoard::new(picture, [0.2, 0.2], Carrier::World, Isometry3::identity())
    }

    #[test]
    fn the_picture_is_upright_and_not_mirrored_where_the_board_is() {
        let camera = Camera {
            intrinsics: Intrinsics::from_hfov(160, 120, 1.0).unwrap(),
            world_from_optical: Isometry3::identity(),
        };
        let turn = UnitQuaternion::from_euler_angles(0.3, -0.2, 0.1);
        let place = Isometry3::from_parts(Translation3::new(-0.1, -0.1, 0.6), turn);
        let mut visuals = Vec::new();
        quartered().place(&place, &mut visuals);
        let mut frame = Frame::default();
        Renderer::default().render(&visuals, &Lighting::default(), &camera, &mut frame);
        let grey = |x: f64, y: f64| {
            let pixel = camera
                .intrinsics
                .project(&(place * Point3::new(x, y, 0.0)))
                .unwrap();
            frame.rgb[3 * (pixel.y.round() as usize * 160 + pixel.x.round() as usize)]
        };
        let [upper_left, upper_right] = [grey(0.05, 0.05), grey(0.15, 0.05)];
        let [lower_left, lower_right] = [grey(0.05, 0.15), grey(0.15, 0.15)];
        assert!(
            upper_left > 100 && lower_right > 100,
            "{upper_left} {lower_right}"
        );
        assert!(
            upper_right < 60 && lower_left < 60,
            "{upper_right} {lower_left}"
        );
        // The rim is paper, and the face is where it was put.
        assert!(grey(-0.006, 0.15) > 100);
        let middle = place * Point3::new(0.05, 0.05, 0.0);
        let pixel = camera.intrinsics.project(&middle).unwrap();
        let depth = frame.depth_m[pixel.y.round() as usize * 160 + pixel.x.round() as usize];
        assert!((f64::from(depth) - middle.z).abs() < 2e-3, "{depth}");
    }

    #[test]
    fn from_behind_there_is_no_print() {
        let camera = Camera {
            intrinsics: Intrinsics::from_hfov(80, 60, 1.0).unwrap(),
            world_from_optical: Isometry3::identity(),
        };
        let turn = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), std::f64::consts::PI);
        let place = Isometry3::from_parts(Translation3::new(0.1, -0.1, 0.6), turn);
        let mut visuals = Vec::new();
        quartered().place(&place, &mut visuals);
        let mut frame = Frame::default();
        Renderer::default().render(&visuals, &Lighting::default(), &camera, &mut frame);
        let board = frame
            .rgb
            .chunks(3)
            .zip(&frame.depth_m)
            .filter(|(_, depth)| **depth > 0.0);
        let shades: Vec<u8> = board.map(|(rgb, _)| rgb[0]).collect();
        let (least, most) = (shades.iter().min().unwrap(), shades.iter().max().unwrap());
        assert!(most - least < 60, "{least} {most}");
    }

    #[test]
    fn a_missing_picture_is_told() {
        let told =
            PrintedBoard::from_file("nowhere.png", 0.2, Carrier::World, Isometry3::identity())
                .unwrap_err()
                .to_string();
        assert!(
            told.contains("nowhere.png") && told.contains("calibrate board"),
            "{told}"
        );
    }
}
