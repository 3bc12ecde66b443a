//! Second pass: the colour of each pixel, computed once and row by row.
//!
//! What differs from triangle to triangle is gathered into flat arrays first; the arithmetic of the
//! light then runs over those arrays in plain loops, which the compiler turns into vector code.

use std::{num::NonZeroUsize, ops::Range};

use nalgebra::{Matrix3, Vector3};

use super::{
    Camera, Frame, Lighting, Visual,
    backdrop::{Drawn, TILE, Tiles},
    bands,
    material::LinearMaterial,
    occlusion::Occlusion,
    shadow::ShadowMap,
    tone::ToneCurve,
    visibility::{NONE, Seen, Visibility},
};

/// One image row as flat arrays.
#[derive(Debug, Default)]
pub(super) struct Row {
    z: Vec<f32>,
    normal: [Vec<f32>; 3],
    colour: [Vec<f32>; 3],
    roughness: Vec<f32>,
    /// Point in the light's frame.
    in_light: [Vec<f32>; 3],
    /// Direction from the eye in the world, not of unit length.
    ray: [Vec<f32>; 3],
    /// Cosine between the normal and the key light.
    facing: Vec<f32>,
    shadow: Vec<f32>,
    occlusion: Vec<f32>,
}

impl Row {
    fn resize(&mut self, width: usize) {
        let single = [
            &mut self.z,
            &mut self.roughness,
            &mut self.facing,
            &mut self.shadow,
            &mut self.occlusion,
        ];
        let triples = [
            &mut self.normal,
            &mut self.colour,
            &mut self.in_light,
            &mut self.ray,
        ];
        for list in single.into_iter().chain(triples.into_iter().flatten()) {
            list.resize(width, 0.0);
        }
    }
}

/// What shading reads.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    pub(super) visuals: &'a [Visual],
    pub(super) materials: &'a [LinearMaterial],
    pub(super) visibility: &'a Visibility,
    pub(super) shadow: &'a ShadowMap,
    pub(super) occlusion: &'a Occlusion,
    pub(super) lighting: &'a Lighting,
    pub(super) camera: &'a Camera,
    /// Tiles that are copied from a picture drawn earlier.
    pub(super) kept: Option<(&'a Drawn, &'a Tiles)>,
}

/// Shades the whole picture into `frame`, which has the camera's size, with one thread for each of `rows`.
pub(super) fn shade(inputs: &Inputs<'_>, rows: &mut [Row], tone: &ToneCurve, frame: &mut Frame) {
    let width = frame.width;
    let light = Light::new(inputs);
    let Some(threads) = NonZeroUsize::new(rows.len()) else {
        return;
    };
    let count = bands::rows_in_band(frame.height, threads);
    let pixels = (count * width).max(1);
    let jobs = rows
        .iter_mut()
        .zip(frame.rgb.chunks_mut(3 * pixels))
        .zip(
            frame
                .depth_m
                .chunks_mut(pixels)
                .zip(frame.instance.chunks_mut(pixels)),
        )
        .enumerate();
    bands::for_each(jobs, |(band, ((row, rgb), (depth_m, instance)))| {
        row.resize(width);
        let lines = rgb
            .chunks_mut(3 * width)
            .zip(depth_m.chunks_mut(width))
            .zip(instance.chunks_mut(width));
        for (y, ((rgb, depth_m), instance)) in (band * count..).zip(lines) {
            let (flags, edge) = match inputs.kept {
                Some((_, kept)) => (kept.row(y), TILE),
                None => (&[false][..], width),
            };
            let mut start = 0;
            for run in flags.chunk_by(|a, b| a == b) {
                let xs = start..(start + run.len() * edge).min(width);
                start = xs.end;
                let bytes = 3 * xs.start..3 * xs.end;
                if let Some((drawn, _)) = inputs.kept.filter(|_| run.contains(&true)) {
                    let picture = &drawn.picture;
                    let line = y * width..(y + 1) * width;
                    rgb[bytes.clone()]
                        .copy_from_slice(&picture.rgb[3 * line.start..3 * line.end][bytes]);
                    depth_m[xs.clone()].copy_from_slice(&picture.depth_m[line.clone()][xs.clone()]);
                    instance[xs.clone()].copy_from_slice(&picture.instance[line][xs]);
                    continue;
                }
                gather(inputs, y, xs.clone(), row, depth_m, instance);
                inputs.occlusion.fill_row(
                    y,
                    xs.start,
                    &row.z[xs.clone()],
                    &mut row.occlusion[xs.clone()],
                );
                geometry(&light, y, xs.clone(), row);
                cast(inputs.shadow, &light, xs.clone(), row);
                light_up(&light, xs.clone(), row);
                let colour = row
                    .colour
                    .each_mut()
                    .map(|channel| &mut channel[xs.clone()]);
                tone.write(colour, &mut rgb[bytes]);
            }
        }
    });
}

/// For each tile, row by row, the box in the light's frame around the points in it that face the key light.
pub(super) fn lit_boxes(inputs: &Inputs<'_>, width: usize, height: usize) -> Vec<[[f32; 3]; 2]> {
    const EMPTY: [[f32; 3]; 2] = [[f32::MAX; 3], [f32::MIN; 3]];
    let columns = width.div_ceil(TILE);
    let mut boxes = vec![EMPTY; columns * height.div_ceil(TILE)];
    let light = Light::new(inputs);
    let mut row = Row::default();
    row.resize(width);
    let (mut depth_m, mut instance) = (vec![0.0; width], vec![0; width]);
    for y in 0..height {
        gather(inputs, y, 0..width, &mut row, &mut depth_m, &mut instance);
        geometry(&light, y, 0..width, &mut row);
        for x in (0..width).filter(|&x| row.facing[x] > 0.0) {
            let [low, high] = &mut boxes[y / TILE * columns + x / TILE];
            for k in 0..3 {
                low[k] = low[k].min(row.in_light[k][x]);
                high[k] = high[k].max(row.in_light[k][x]);
            }
        }
    }
    boxes
}

/// Light and camera in the form that the inner loops need.
#[derive(Debug)]
struct Light {
    world_from_camera: Matrix3<f32>,
    eye: Vector3<f32>,
    focal: [f32; 2],
    centre: [f32; 2],
    light_from_world: Matrix3<f32>,
    key: Vector3<f32>,
    key_rgb: [f32; 3],
    fill: Vector3<f32>,
    fill_rgb: [f32; 3],
    sky: [f32; 3],
    ground: [f32; 3],
}

impl Light {
    fn new(inputs: &Inputs<'_>) -> Self {
        let lighting = inputs.lighting;
        let scaled = |rgb: [f32; 3]| rgb.map(|c| c * lighting.exposure);
        let unit = |v: Vector3<f32>| v.try_normalize(1e-6).unwrap_or_else(Vector3::z);
        let world_from_optical = inputs.camera.world_from_optical.cast::<f32>();
        let intrinsics = &inputs.camera.intrinsics;
        Self {
            world_from_camera: *world_from_optical.rotation.to_rotation_matrix().matrix(),
            eye: world_from_optical.translation.vector,
            focal: [1.0 / intrinsics.fx as f32, 1.0 / intrinsics.fy as f32],
            centre: [intrinsics.cx as f32, intrinsics.cy as f32],
            light_from_world: *inputs.shadow.light_from_world(),
            key: unit(lighting.key_direction),
            key_rgb: scaled(lighting.key_rgb),
            fill: unit(lighting.fill_direction),
            fill_rgb: scaled(lighting.fill_rgb),
            sky: scaled(lighting.sky_rgb),
            ground: scaled(lighting.ground_rgb),
        }
    }
}

/// Collects depth, normal and colour of each pixel's surface, run by run of equal triangles.
fn gather(
    inputs: &Inputs<'_>,
    y: usize,
    xs: Range<usize>,
    row: &mut Row,
    depth_m: &mut [f32],
    instance: &mut [u8],
) {
    let width = depth_m.len();
    let ids = &inputs.visibility.triangle[y * width..(y + 1) * width];
    let inverse = &inputs.visibility.inverse_depth[y * width..(y + 1) * width];
    let mut x = xs.start;
    while x < xs.end {
        let id = ids[x];
        let mut end = x + 1;
        while end < xs.end && ids[end] == id {
            end += 1;
        }
        let run = x..end;
        if id == NONE {
            for list in row.normal.iter_mut().chain(&mut row.colour) {
                list[run.clone()].fill(0.0);
            }
            row.z[run.clone()].fill(1.0e3);
            row.roughness[run.clone()].fill(1.0);
            depth_m[run.clone()].fill(0.0);
            instance[run].fill(0);
        } else {
            let seen = &inputs.visibility.seen[id as usize];
            for ((z, depth), inverse) in row.z[run.clone()]
                .iter_mut()
                .zip(&mut depth_m[run.clone()])
                .zip(&inverse[run.clone()])
            {
                *z = 1.0 / inverse;
                *depth = *z;
            }
            instance[run.clone()].fill(inputs.visuals[seen.visual as usize].instance);
            surface(inputs, seen, y, run, row);
        }
        x = end;
    }
}

/// Normal, colour and roughness of one triangle's run of pixels.
fn surface(inputs: &Inputs<'_>, seen: &Seen, y: usize, run: Range<usize>, row: &mut Row) {
    let vertices = &inputs.visibility.vertices;
    let [a, b, c] = seen.vertices.map(|v| v as usize);
    let dy = (y as i32 - seen.origin[1]) as f32;
    let plane = |p: [f32; 3]| (p[0] + p[2] * dy - p[1] * seen.origin[0] as f32, p[1]);
    let (b_base, b_step) = plane(seen.barycentric[0]);
    let (c_base, c_step) = plane(seen.barycentric[1]);
    let (na, nb, nc) = (vertices.normal[a], vertices.normal[b], vertices.normal[c]);
    let flat = na == nb && nb == nc;
    for k in 0..3 {
        let normals = &mut row.normal[k][run.clone()];
        if flat {
            normals.fill(na[k]);
        } else {
            let (to_b, to_c) = (nb[k] - na[k], nc[k] - na[k]);
            for (step, (normal, z)) in normals.iter_mut().zip(&row.z[run.clone()]).enumerate() {
                let x = (run.start + step) as i32 as f32;
                *normal = na[k] + ((b_base + b_step * x) * to_b + (c_base + c_step * x) * to_c) * z;
            }
        }
    }
    let material = &inputs.materials[seen.visual as usize];
    row.roughness[run.clone()].fill(material.roughness);
    if material.is_plain() {
        for (list, value) in row.colour.iter_mut().zip(material.rgb) {
            list[run.clone()].fill(value);
        }
        return;
    }
    let (pa, pb, pc) = (
        vertices.in_mesh[a],
        vertices.in_mesh[b],
        vertices.in_mesh[c],
    );
    let (ta, tb, tc) = (vertices.uv[a], vertices.uv[b], vertices.uv[c]);
    for x in run {
        let at = x as i32 as f32;
        let wb = (b_base + b_step * at) * row.z[x];
        let wc = (c_base + c_step * at) * row.z[x];
        let p = [0, 1, 2].map(|k| pa[k] + (pb[k] - pa[k]) * wb + (pc[k] - pa[k]) * wc);
        let uv = [0, 1].map(|k| ta[k] + (tb[k] - ta[k]) * wb + (tc[k] - ta[k]) * wc);
        let rgb = material.albedo(p, uv);
        for (list, value) in row.colour.iter_mut().zip(rgb) {
            list[x] = value;
        }
    }
}

/// Unit normals, rays, points in the light's frame and the key light's cosine.
fn geometry(light: &Light, y: usize, xs: Range<usize>, row: &mut Row) {
    let count = xs.len();
    let m = &light.world_from_camera;
    let v = (y as f32 - light.centre[1]) * light.focal[1];
    let base: [f32; 3] = std::array::from_fn(|k| m[(k, 1)] * v + m[(k, 2)]);
    for k in 0..3 {
        for (step, ray) in row.ray[k][xs.clone()].iter_mut().enumerate() {
            let x = (xs.start + step) as i32 as f32;
            *ray = base[k] + m[(k, 0)] * ((x - light.centre[0]) * light.focal[0]);
        }
    }
    let [nx, ny, nz] = &mut row.normal;
    let (nx, ny, nz) = (
        &mut nx[xs.clone()],
        &mut ny[xs.clone()],
        &mut nz[xs.clone()],
    );
    let facing = &mut row.facing[xs.clone()];
    for x in 0..count {
        let scale = 1.0
            / (nx[x] * nx[x] + ny[x] * ny[x] + nz[x] * nz[x])
                .max(1e-12)
                .sqrt();
        nx[x] *= scale;
        ny[x] *= scale;
        nz[x] *= scale;
        facing[x] = nx[x] * light.key.x + ny[x] * light.key.y + nz[x] * light.key.z;
    }
    let [rx, ry, rz] = &row.ray;
    let (rx, ry, rz) = (&rx[xs.clone()], &ry[xs.clone()], &rz[xs.clone()]);
    let z = &row.z[xs.clone()];
    for k in 0..3 {
        let to = &light.light_from_world;
        let (tx, ty, tz) = (to[(k, 0)], to[(k, 1)], to[(k, 2)]);
        let offset = tx * light.eye.x + ty * light.eye.y + tz * light.eye.z;
        for (x, out) in row.in_light[k][xs.clone()].iter_mut().enumerate() {
            *out = offset + (tx * rx[x] + ty * ry[x] + tz * rz[x]) * z[x];
        }
    }
}

/// How much of the key light reaches each pixel that faces it.
fn cast(map: &ShadowMap, light: &Light, xs: Range<usize>, row: &mut Row) {
    let count = xs.len();
    let [nx, ny, nz] = &row.normal;
    let (nx, ny, nz) = (&nx[xs.clone()], &ny[xs.clone()], &nz[xs.clone()]);
    let [px, py, pz] = &row.in_light;
    let (px, py, pz) = (&px[xs.clone()], &py[xs.clone()], &pz[xs.clone()]);
    let (facing, shadow) = (&row.facing[xs.clone()], &mut row.shadow[xs.clone()]);
    let m = &light.light_from_world;
    for x in 0..count {
        shadow[x] = if facing[x] > 0.0 {
            map.visibility([px[x], py[x], pz[x]], || {
                let component =
                    |r: usize| nx[x] * m[(r, 0)] + ny[x] * m[(r, 1)] + nz[x] * m[(r, 2)];
                let scale = -1.0 / component(2).min(-0.15);
                [component(0) * scale, component(1) * scale]
            })
        } else {
            0.0
        };
    }
}

/// Turns the surface colours into radiance: matt reflection, highlight, and the sheen that smooth
/// surfaces show at grazing angles.
fn light_up(light: &Light, xs: Range<usize>, row: &mut Row) {
    let count = xs.len();
    let [nx, ny, nz] = &row.normal;
    let (nx, ny, nz) = (&nx[xs.clone()], &ny[xs.clone()], &nz[xs.clone()]);
    let [rx, ry, rz] = &row.ray;
    let (rx, ry, rz) = (&rx[xs.clone()], &ry[xs.clone()], &rz[xs.clone()]);
    let (facing, shadow) = (&row.facing[xs.clone()], &row.shadow[xs.clone()]);
    let (roughness, occlusion) = (&row.roughness[xs.clone()], &row.occlusion[xs.clone()]);
    let [red, green, blue] = &mut row.colour;
    let (red, green, blue) = (
        &mut red[xs.clone()],
        &mut green[xs.clone()],
        &mut blue[xs.clone()],
    );
    let (key, fill) = (light.key, light.fill);
    for x in 0..count {
        let n = [nx[x], ny[x], nz[x]];
        let to_eye = -1.0 / (rx[x] * rx[x] + ry[x] * ry[x] + rz[x] * rz[x]).sqrt();
        let v = [rx[x] * to_eye, ry[x] * to_eye, rz[x] * to_eye];
        let h = [key.x + v[0], key.y + v[1], key.z + v[2]];
        let h_scale = 1.0 / (h[0] * h[0] + h[1] * h[1] + h[2] * h[2]).max(1e-6).sqrt();
        let n_h = ((n[0] * h[0] + n[1] * h[1] + n[2] * h[2]) * h_scale).max(0.0);
        let l_h = ((key.x * h[0] + key.y * h[1] + key.z * h[2]) * h_scale).max(0.1);
        let n_v = (n[0] * v[0] + n[1] * v[1] + n[2] * v[2]).max(0.0);
        let rough = roughness[x];
        let a2 = rough * rough * rough * rough;
        let t = n_h * n_h * (a2 - 1.0) + 1.0;
        // Highlight after Karis' approximation of GGX for a dielectric (4 % at normal incidence).
        let highlight = (0.04 * a2 / (t * t * l_h * l_h * (rough * 4.0 + 2.0))).min(4.0);
        let direct = facing[x].max(0.0) * shadow[x];
        let fill_cosine = (n[0] * fill.x + n[1] * fill.y + n[2] * fill.z).max(0.0);
        let up = 0.5 + 0.5 * n[2];
        let mirrored_up = (0.5 + (n_v * n[2] - 0.5 * v[2])).clamp(0.0, 1.0);
        let graze = 1.0 - n_v;
        let sheen =
            (0.04 + 0.5 * graze * graze * graze * graze * graze) * (1.0 - rough) * occlusion[x];
        let lit = |albedo: f32, k: usize| {
            let ambient = light.ground[k] + (light.sky[k] - light.ground[k]) * up;
            let mirrored = light.ground[k] + (light.sky[k] * 1.5 - light.ground[k]) * mirrored_up;
            albedo
                * (light.key_rgb[k] * direct
                    + (light.fill_rgb[k] * fill_cosine + ambient) * occlusion[x])
                + light.key_rgb[k] * highlight * direct
                + mirrored * sheen
        };
        red[x] = lit(red[x], 0);
        green[x] = lit(green[x], 1);
        blue[x] = lit(blue[x], 2);
    }
}
