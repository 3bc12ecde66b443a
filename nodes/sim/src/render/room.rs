//! What stands around the robot: table, floor, walls and office furniture.

use std::sync::Arc;

use nalgebra::{Isometry3, UnitQuaternion, Vector3};
use rand::{Rng, RngExt as _};

use super::{
    INSTANCE_BACKGROUND, Visual,
    material::{Material, Pattern},
    mesh::TriangleMesh,
};
use crate::{
    shape::Shape,
    table::{TABLE, TABLE_HEIGHT_M},
};

const TABLE_THICKNESS: f64 = 0.035;

/// Centre of the surroundings in the world frame (x, y), metres.
const CENTRE: [f64; 2] = [0.3, 0.4];

/// The surroundings of the cell, ready to be rendered: static visuals of instance 0.
#[derive(Clone, Debug)]
pub struct Room {
    visuals: Vec<Visual>,
}

impl Default for Room {
    /// A laboratory: white table, grey partition behind the robot, windows and desks beyond.
    fn default() -> Self {
        let mut room = Builder::default();
        let white = Material::plain([0.93, 0.93, 0.92], 0.35);
        room.table(
            white,
            &Material::plain([0.30, 0.31, 0.32], 0.5),
            Table::default(),
        );
        let carpet = Material::plain([0.24, 0.25, 0.27], 0.95).with_pattern(Pattern::Noise {
            rgb: [0.17, 0.18, 0.20],
            scale_m: 0.02,
        });
        room.floor(carpet);
        let partition = Material::plain([0.36, 0.37, 0.39], 0.9);
        let frame = Material::plain([0.66, 0.67, 0.68], 0.35);
        let plaster = Material::plain([0.80, 0.80, 0.78], 0.95);
        let window = Material::plain([1.0, 1.0, 1.0], 0.9).with_pattern(Pattern::Stripes {
            rgb: [0.78, 0.88, 0.95],
            across: [0.0, 0.0, 1.0],
            period_m: 0.05,
            fill: 0.35,
        });
        let dark = Material::plain([0.12, 0.13, 0.15], 0.6);
        let wood = Material::plain([0.72, 0.60, 0.45], 0.55).with_pattern(Pattern::Wood {
            rgb: [0.52, 0.40, 0.27],
            ring_m: 0.05,
        });
        let blue = Material::plain([0.16, 0.25, 0.40], 0.8);
        // Partition behind the robot and the white wall beside the table.
        room.cuboid(&partition, [0.62, -0.78, 0.75], [1.75, 0.06, 2.5]);
        room.cuboid(&frame, [-0.27, -0.78, 0.75], [0.06, 0.09, 2.5]);
        room.cuboid(&plaster, [1.50, 0.2, 0.75], [0.08, 1.9, 2.5]);
        room.cuboid(&frame, [1.42, -0.70, 0.75], [0.09, 0.07, 2.5]);
        room.cuboid(&partition, [1.45, 0.2, -0.43], [0.04, 1.9, 0.14]);
        // Far side of the office.
        room.cuboid(
            &Material::plain([0.30, 0.31, 0.34], 0.9),
            [-1.0, -4.6, 1.0],
            [8.0, 0.1, 3.0],
        );
        room.cuboid(
            &Material::plain([0.62, 0.63, 0.62], 0.9),
            [-4.6, -1.0, 1.0],
            [0.1, 8.0, 3.0],
        );
        room.cuboid(
            &Material::plain([0.55, 0.56, 0.57], 0.9),
            [-1.0, 5.0, 1.0],
            [8.0, 0.1, 3.0],
        );
        for (x, width) in [(-1.05, 0.75), (-2.05, 0.75), (-3.05, 0.75)] {
            room.cuboid(&window, [x, -4.53, 0.95], [width, 0.04, 1.4]);
            room.cuboid(&dark, [x + 0.47, -4.52, 0.95], [0.07, 0.06, 1.5]);
        }
        // Two desks with screens, chairs, a cupboard.
        for x in [-1.25, -2.9] {
            room.cuboid(&wood, [x, -3.6, 0.2], [1.4, 0.7, 0.03]);
            room.cuboid(&dark, [x - 0.62, -3.6, -0.15], [0.05, 0.6, 0.68]);
            room.cuboid(&dark, [x + 0.62, -3.6, -0.15], [0.05, 0.6, 0.68]);
            room.cuboid(&dark, [x - 0.25, -3.75, 0.50], [0.55, 0.04, 0.33]);
            room.cuboid(&dark, [x + 0.38, -3.72, 0.48], [0.5, 0.04, 0.3]);
            room.cuboid(&dark, [x - 0.25, -3.75, 0.28], [0.06, 0.06, 0.16]);
            room.chair(&blue, &dark, [x + 0.1, -2.95]);
        }
        room.cuboid(
            &Material::plain([0.70, 0.70, 0.68], 0.6),
            [-3.9, -2.2, 0.2],
            [0.5, 1.2, 1.4],
        );
        room.finish()
    }
}

impl Room {
    /// Random surroundings: materials of table, floor and walls, distance of the walls, and up to
    /// twenty boxes of any colour standing about.
    pub fn randomise(rng: &mut impl Rng) -> Self {
        let mut room = Builder::default();
        let table = if rng.random_bool(0.25) {
            Material::plain(
                [rng.random_range(0.82..0.97); 3],
                rng.random_range(0.2..0.9),
            )
        } else {
            Material::randomise(rng, 0.25)
        };
        let shape = Table {
            x: [
                TABLE[0][0] + rng.random_range(-0.6..0.15),
                TABLE[0][1] + rng.random_range(-0.15..0.8),
            ],
            y: [
                TABLE[1][0] + rng.random_range(-0.3..0.2),
                TABLE[1][1] + rng.random_range(-0.02..0.5),
            ],
            thickness: rng.random_range(0.015..0.08),
        };
        room.table(table, &Material::randomise(rng, 0.3), shape);
        room.floor(Material::randomise(rng, 0.6));
        let reach = rng.random_range(1.0..4.5);
        for side in 0..4 {
            let turn = f64::from(side) * std::f64::consts::FRAC_PI_2 + rng.random_range(-0.3..0.3);
            // The wall in front of the camera is often close, like the partition of the real cell.
            let distance = if side == 3 {
                rng.random_range(0.6..4.0)
            } else {
                reach + rng.random_range(0.2..1.5)
            };
            let (sin, cos) = turn.sin_cos();
            let centre = [CENTRE[0] + cos * distance, 0.3 + sin * distance, 0.75];
            room.turned_cuboid(
                &Material::randomise(rng, 0.8),
                centre,
                [0.1, 14.0, 2.5 + 2.0 * TABLE_HEIGHT_M],
                turn,
            );
        }
        for _ in 0..rng.random_range(0..20) {
            let angle: f64 = rng.random_range(0.0..std::f64::consts::TAU);
            let distance = rng.random_range(1.15..3.0);
            let size = [
                rng.random_range(0.05..0.8),
                rng.random_range(0.05..0.8),
                rng.random_range(0.1..1.6),
            ];
            let rise = if rng.random_bool(0.25) {
                rng.random_range(0.0..1.2)
            } else {
                0.0
            };
            let centre = [
                CENTRE[0] + angle.cos() * distance,
                CENTRE[1] + angle.sin() * distance,
                0.5 * size[2] - TABLE_HEIGHT_M + rise,
            ];
            let turn = rng.random_range(0.0..std::f64::consts::TAU);
            room.turned_cuboid(&Material::randomise(rng, 0.3), centre, size, turn);
        }
        room.finish()
    }

    /// The visuals, in the world frame.
    pub fn visuals(&self) -> &[Visual] {
        &self.visuals
    }
}

#[derive(Debug)]
struct Table {
    x: [f64; 2],
    y: [f64; 2],
    thickness: f64,
}

impl Default for Table {
    fn default() -> Self {
        let [x, y] = TABLE;
        Self {
            x,
            y,
            thickness: TABLE_THICKNESS,
        }
    }
}

#[derive(Debug, Default)]
struct Builder {
    visuals: Vec<Visual>,
}

impl Builder {
    fn table(&mut self, top: Material, legs: &Material, table: Table) {
        let middle = |[low, high]: [f64; 2]| (0.5 * (low + high), high - low);
        let ((x, width), (y, depth)) = (middle(table.x), middle(table.y));
        self.cuboid(
            &top,
            [x, y, -0.5 * table.thickness],
            [width, depth, table.thickness],
        );
        let length = TABLE_HEIGHT_M - table.thickness;
        for (ux, uy) in [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)] {
            let leg = [
                x + ux * (0.5 * width - 0.06),
                y + uy * (0.5 * depth - 0.06),
                -table.thickness - 0.5 * length,
            ];
            self.cuboid(legs, leg, [0.06, 0.06, length]);
        }
    }

    fn floor(&mut self, material: Material) {
        self.visuals.push(Visual {
            mesh: Arc::new(TriangleMesh::rectangle(16.0, 16.0)),
            world_from_mesh: Isometry3::translation(0.0, 0.0, -TABLE_HEIGHT_M as f32),
            material,
            instance: INSTANCE_BACKGROUND,
        });
    }

    fn chair(&mut self, cloth: &Material, frame: &Material, [x, y]: [f64; 2]) {
        self.cuboid(cloth, [x, y, -0.03], [0.46, 0.46, 0.08]);
        self.cuboid(cloth, [x, y + 0.22, 0.35], [0.44, 0.06, 0.55]);
        self.cuboid(frame, [x, y, -0.25], [0.06, 0.06, 0.4]);
        self.cuboid(frame, [x, y, -0.46], [0.5, 0.06, 0.04]);
        self.cuboid(frame, [x, y, -0.46], [0.06, 0.5, 0.04]);
    }

    fn cuboid(&mut self, material: &Material, centre: [f64; 3], size: [f64; 3]) {
        self.turned_cuboid(material, centre, size, 0.0);
    }

    /// A box about `centre` with full side lengths `size`, turned about the vertical by `yaw` radians.
    fn turned_cuboid(&mut self, material: &Material, centre: [f64; 3], size: [f64; 3], yaw: f64) {
        let shape = Shape::Box {
            half_extents: size.map(|s| 0.5 * s),
        };
        let rotation = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), yaw);
        let pose = Isometry3::from_parts(Vector3::from(centre).into(), rotation);
        self.visuals.push(Visual {
            mesh: Arc::new(TriangleMesh::from(&shape)),
            world_from_mesh: pose.cast(),
            material: material.clone(),
            instance: INSTANCE_BACKGROUND,
        });
    }

    fn finish(self) -> Room {
        Room {
            visuals: self.visuals,
        }
    }
}

#[cfg(test)]
mod tests {
    use camera::Intrinsics;
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::render::{Camera, Frame, Lighting, Renderer, looking_at};

    /// The cell from where the original camera stands.
    fn view() -> Camera {
        let pose = looking_at(
            Vector3::new(0.28, 1.05, 0.5),
            Vector3::new(0.28, 0.3, 0.1),
            0.0,
        );
        Camera {
            intrinsics: Intrinsics::from_hfov(96, 54, 1.5).unwrap(),
            world_from_optical: pose,
        }
    }

    #[test]
    fn the_laboratory_fills_the_view() {
        let mut frame = Frame::default();
        Renderer::default().render(
            Room::default().visuals(),
            &Lighting::default(),
            &view(),
            &mut frame,
        );
        assert!(
            frame.depth_m.iter().all(|&d| d > 0.1),
            "there is a hole in the room"
        );
        assert!(frame.instance.iter().all(|&i| i == INSTANCE_BACKGROUND));
    }

    #[test]
    fn random_light_and_rooms_are_neither_black_nor_white() {
        let mut renderer = Renderer::default();
        let mut frame = Frame::default();
        let mut means = Vec::new();
        for seed in 0..40 {
            let mut rng = Pcg64Mcg::seed_from_u64(seed);
            let room = Room::randomise(&mut rng);
            renderer.render(
                room.visuals(),
                &Lighting::randomise(&mut rng),
                &view(),
                &mut frame,
            );
            means.push(
                frame.rgb.iter().map(|&b| u32::from(b)).sum::<u32>() / frame.rgb.len() as u32,
            );
        }
        assert!(
            means.iter().all(|mean| (12..245).contains(mean)),
            "{means:?}"
        );
        let (darkest, brightest) = (means.iter().min().unwrap(), means.iter().max().unwrap());
        assert!(brightest - darkest > 60, "{means:?}");
    }
}
