//! First pass: which triangle each pixel sees, and at what depth.

use nalgebra::{Isometry3, Point3, Vector3};

use super::{Camera, Visual, scan::Snapped};

/// Nothing nearer than this is drawn, metres.
const NEAR_M: f32 = 0.03;

/// No triangle at this pixel.
pub(super) const NONE: u32 = u32::MAX;

/// The vertices of all visuals of a frame in one list, plus those that clipping adds.
#[derive(Debug, Default)]
pub(super) struct Vertices {
    /// Positions in the optical frame.
    pub(super) in_camera: Vec<[f32; 3]>,
    /// Unit normals in the world frame.
    pub(super) normal: Vec<[f32; 3]>,
    /// Positions in the mesh frame, for patterns.
    pub(super) in_mesh: Vec<[f32; 3]>,
    /// Texture coordinates.
    pub(super) uv: Vec<[f32; 2]>,
}

impl Vertices {
    fn truncate(&mut self, count: usize) {
        self.in_camera.truncate(count);
        self.normal.truncate(count);
        self.in_mesh.truncate(count);
        self.uv.truncate(count);
    }

    /// Adds the point a share `t` of the way from vertex `a` to vertex `b`.
    fn between(&mut self, a: u32, b: u32, t: f32) -> u32 {
        fn mixed<const N: usize>(list: &mut Vec<[f32; N]>, a: usize, b: usize, t: f32) {
            let (p, q) = (list[a], list[b]);
            list.push(std::array::from_fn(|k| p[k] + (q[k] - p[k]) * t));
        }
        let (a, b) = (a as usize, b as usize);
        mixed(&mut self.in_camera, a, b, t);
        mixed(&mut self.normal, a, b, t);
        mixed(&mut self.in_mesh, a, b, t);
        mixed(&mut self.uv, a, b, t);
        self.in_camera.len() as u32 - 1
    }
}

/// A triangle that may be seen, ready to be interpolated over the image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Index of its visual.
    pub(super) visual: u32,
    /// Its vertices in [`Vertices`].
    pub(super) vertices: [u32; 3],
    /// Pixel at which the planes below have their constant term.
    pub(super) origin: [i32; 2],
    /// Planes of the second and third barycentric coordinate divided by z.
    pub(super) barycentric: [[f32; 3]; 2],
}

/// Buffers of the first pass, kept between frames.
#[derive(Debug, Default)]
pub(super) struct Visibility {
    pub(super) vertices: Vertices,
    pub(super) seen: Vec<Seen>,
    /// 1/z of each pixel, 0 where there is nothing.
    pub(super) inverse_depth: Vec<f32>,
    /// Index into `seen` of each pixel, or [`NONE`].
    pub(super) triangle: Vec<u32>,
}

/// What was drawn up to some point, for drawing over it again and again.
#[derive(Debug, Default)]
pub(super) struct Underlay {
    inverse_depth: Vec<f32>,
    triangle: Vec<u32>,
    /// How many triangles were seen.
    seen: u32,
    vertices: usize,
}

impl Underlay {
    /// Whether a triangle index of [`Visibility`] is one of what was drawn up to this point.
    pub(super) fn holds(&self, triangle: u32) -> bool {
        triangle < self.seen
    }
}

impl Visibility {
    /// Rasterises all visuals.
    pub(super) fn draw(&mut self, visuals: &[Visual], camera: &Camera) {
        let pixels = camera.intrinsics.width as usize * camera.intrinsics.height as usize;
        self.inverse_depth.clear();
        self.inverse_depth.resize(pixels, 0.0);
        self.triangle.clear();
        self.triangle.resize(pixels, NONE);
        self.seen.clear();
        self.vertices.truncate(0);
        self.add(visuals, 0, camera);
    }

    /// Remembers what has been drawn.
    pub(super) fn underlay(&self) -> Underlay {
        Underlay {
            inverse_depth: self.inverse_depth.clone(),
            triangle: self.triangle.clone(),
            seen: self.seen.len() as u32,
            vertices: self.vertices.in_camera.len(),
        }
    }

    /// Rasterises the visuals from index `first` on; those before it are those of the underlay, which
    /// must be the last that was taken, and nothing else drawn since but over it.
    pub(super) fn draw_over(
        &mut self,
        underlay: &Underlay,
        visuals: &[Visual],
        first: usize,
        camera: &Camera,
    ) {
        self.inverse_depth.copy_from_slice(&underlay.inverse_depth);
        self.triangle.copy_from_slice(&underlay.triangle);
        self.seen.truncate(underlay.seen as usize);
        self.vertices.truncate(underlay.vertices);
        self.add(visuals, first, camera);
    }

    /// Rasterises the visuals from index `first` on over what is there.
    fn add(&mut self, visuals: &[Visual], first: usize, camera: &Camera) {
        let (width, height) = (
            camera.intrinsics.width as usize,
            camera.intrinsics.height as usize,
        );
        let pinhole = Pinhole {
            fx: camera.intrinsics.fx as f32,
            fy: camera.intrinsics.fy as f32,
            cx: camera.intrinsics.cx as f32,
            cy: camera.intrinsics.cy as f32,
            width,
            height,
        };
        let camera_from_world: Isometry3<f32> = camera.world_from_optical.inverse().cast();
        for (index, visual) in visuals.iter().enumerate().skip(first) {
            let camera_from_mesh = camera_from_world * visual.world_from_mesh;
            let first = self.vertices.in_camera.len() as u32;
            let rotation = camera_from_mesh.rotation.to_rotation_matrix();
            let normal_rotation = visual.world_from_mesh.rotation.to_rotation_matrix();
            let mesh = &*visual.mesh;
            self.vertices
                .in_camera
                .extend(mesh.positions.iter().map(|p| -> [f32; 3] {
                    (rotation * Point3::from(*p) + camera_from_mesh.translation.vector)
                        .coords
                        .into()
                }));
            self.vertices.normal.extend(
                mesh.normals
                    .iter()
                    .map(|n| -> [f32; 3] { (normal_rotation * Vector3::from(*n)).into() }),
            );
            self.vertices.in_mesh.extend_from_slice(&mesh.positions);
            self.vertices.uv.extend_from_slice(&mesh.uvs);
            for triangle in &mesh.triangles {
                self.clip_and_fill(index as u32, triangle.map(|v| v + first), &pinhole);
            }
        }
    }

    fn clip_and_fill(&mut self, visual: u32, corners: [u32; 3], pinhole: &Pinhole) {
        let z = corners.map(|v| self.vertices.in_camera[v as usize][2]);
        match z.iter().filter(|&&z| z >= NEAR_M).count() {
            3 => self.fill(visual, corners, pinhole),
            0 => {}
            inside => {
                // Turn the triangle until its first corner is the odd one out, keeping the winding.
                let alone_is_inside = inside == 1;
                let first = (0..3)
                    .find(|&k| (z[k] >= NEAR_M) == alone_is_inside)
                    .unwrap_or(0);
                let [a, b, c] = [0, 1, 2].map(|k| corners[(first + k) % 3]);
                let [za, zb, zc] = [0, 1, 2].map(|k| z[(first + k) % 3]);
                let ab = self.vertices.between(a, b, (NEAR_M - za) / (zb - za));
                let ac = self.vertices.between(a, c, (NEAR_M - za) / (zc - za));
                if alone_is_inside {
                    self.fill(visual, [a, ab, ac], pinhole);
                } else {
                    self.fill(visual, [ab, b, c], pinhole);
                    self.fill(visual, [ab, c, ac], pinhole);
                }
            }
        }
    }

    #[inline]
    fn fill(&mut self, visual: u32, vertices: [u32; 3], pinhole: &Pinhole) {
        let corners = vertices.map(|v| self.vertices.in_camera[v as usize]);
        let inverse = corners.map(|p| 1.0 / p[2]);
        let mut screen = [[0.0; 2]; 3];
        for k in 0..3 {
            screen[k] = [
                corners[k][0] * inverse[k] * pinhole.fx + pinhole.cx,
                corners[k][1] * inverse[k] * pinhole.fy + pinhole.cy,
            ];
        }
        let Some(snapped) = Snapped::front(screen) else {
            return;
        };
        let Some(bounds) = snapped.bounds(pinhole.width, pinhole.height) else {
            return;
        };
        let origin = [bounds[0], bounds[2]];
        let id = self.seen.len() as u32;
        let mut visible = false;
        let [base, dx, dy] = snapped.plane(origin, inverse);
        snapped.scan(bounds, |y, from, to| {
            let start =
                base + dy * (y as i32 - origin[1]) as f32 + dx * (from as i32 - origin[0]) as f32;
            let row = y * pinhole.width;
            let depths = &mut self.inverse_depth[row + from..=row + to];
            let triangles = &mut self.triangle[row + from..=row + to];
            let mut any = false;
            for (step, (depth, triangle)) in depths.iter_mut().zip(triangles).enumerate() {
                let new = start + dx * step as i32 as f32;
                let nearer = new > *depth;
                *depth = if nearer { new } else { *depth };
                *triangle = if nearer { id } else { *triangle };
                any |= nearer;
            }
            visible |= any;
        });
        if visible {
            let barycentric = [
                snapped.plane(origin, [0.0, inverse[1], 0.0]),
                snapped.plane(origin, [0.0, 0.0, inverse[2]]),
            ];
            self.seen.push(Seen {
                visual,
                vertices,
                origin,
                barycentric,
            });
        }
    }
}

#[derive(Debug)]
struct Pinhole {
    fx: f32,
    fy: f32,
    cx: f32,
    cy: f32,
    width: usize,
    height: usize,
}
