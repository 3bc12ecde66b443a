//! The renderer as a whole against closed forms.

use std::sync::Arc;

use camera::Intrinsics;
use nalgebra::{Isometry3, Point3, Translation3, UnitQuaternion, Vector3};
use proptest::prelude::*;

use super::{
    material::{Material, Pattern},
    mesh::TriangleMesh,
    *,
};
use crate::shape::Shape;

fn camera(width: u32, height: u32) -> Camera {
    Camera {
        intrinsics: Intrinsics::from_hfov(width, height, 1.2).unwrap(),
        world_from_optical: Isometry3::identity(),
    }
}

fn visual(mesh: TriangleMesh, pose: Isometry3<f32>, instance: u8) -> Visual {
    Visual {
        mesh: Arc::new(mesh),
        world_from_mesh: pose,
        material: Material::plain([0.6; 3], 0.6),
        instance,
    }
}

fn shape(shape: Shape, pose: Isometry3<f32>, instance: u8) -> Visual {
    visual(TriangleMesh::from(&shape), pose, instance)
}

fn rendered(visuals: &[Visual], camera: &Camera) -> Frame {
    let mut frame = Frame::default();
    Renderer::default().render(visuals, &Lighting::default(), camera, &mut frame);
    frame
}

/// Direction of a pixel's ray with z = 1, worked out from the camera model and not from the renderer.
fn ray(camera: &Camera, x: usize, y: usize) -> Vector3<f64> {
    let pixel = nalgebra::Point2::new(x as f64, y as f64);
    let ray = camera.intrinsics.ray(&pixel).unwrap();
    Vector3::new(ray.x, ray.y, 1.0)
}

/// A square that faces the camera when not turned.
fn square(size: f32, distance: f32, tilt: Vector3<f32>) -> (TriangleMesh, Isometry3<f32>) {
    let facing = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f32::consts::PI);
    let turn = UnitQuaternion::from_scaled_axis(tilt) * facing;
    (
        TriangleMesh::rectangle(size, size),
        Isometry3::from_parts(Translation3::new(0.0, 0.0, distance), turn),
    )
}

#[test]
fn nothing_gives_no_depth() {
    let frame = rendered(&[], &camera(40, 30));
    assert!(frame.depth_m.iter().all(|&d| d == 0.0));
    assert!(frame.instance.iter().all(|&i| i == 0));
    assert_eq!(frame.rgb.len(), 40 * 30 * 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn planes_have_the_depth_of_the_closed_form(
        distance in 0.3..3.0_f32, tilt in prop::array::uniform2(-1.0..1.0_f32),
    ) {
        let camera = camera(80, 60);
        let (mesh, pose) = square(40.0, distance, Vector3::new(tilt[0], tilt[1], 0.3));
        let frame = rendered(&[visual(mesh, pose, 5)], &camera);
        let normal = (pose.rotation * Vector3::z()).cast::<f64>();
        for y in 0..60 {
            for x in 0..80 {
                let got = f64::from(frame.depth_m[y * 80 + x]);
                let denominator = normal.dot(&ray(&camera, x, y));
                let expected = f64::from(distance) * normal.z / denominator;
                // Where the plane ends or is seen edge on there is nothing to compare.
                if denominator < -0.05 && expected > 0.05 && expected < 15.0 {
                    prop_assert!((got / expected - 1.0).abs() < 1e-3, "({}, {}): {} for {}", x, y, got, expected);
                    prop_assert_eq!(frame.instance[y * 80 + x], 5);
                }
            }
        }
    }
}

#[test]
fn spheres_have_the_depth_of_the_closed_form() {
    let camera = camera(320, 240);
    let (centre, radius) = (Vector3::new(0.03, -0.02, 0.6), 0.08);
    let pose = Isometry3::from_parts(
        Translation3::from(centre.cast::<f32>()),
        UnitQuaternion::from_euler_angles(0.3, 0.2, 0.1),
    );
    let frame = rendered(&[shape(Shape::Sphere { radius }, pose, 2)], &camera);
    let (mut covered, mut expected_covered) = (0, 0);
    for y in 0..240 {
        for x in 0..320 {
            let direction = ray(&camera, x, y);
            let (a, b) = (direction.norm_squared(), direction.dot(&centre));
            let discriminant = b * b - a * (centre.norm_squared() - radius * radius);
            let got = f64::from(frame.depth_m[y * 320 + x]);
            covered += u32::from(got > 0.0);
            expected_covered += u32::from(discriminant > 0.0);
            // The mesh lies inside the sphere by half a per cent of the radius, more along the ray near the outline.
            let facing = discriminant.max(0.0).sqrt() / radius;
            if facing > 0.3 {
                let error = got - (b - discriminant.sqrt()) / a;
                assert!(
                    (-1e-4..0.008 * radius / facing).contains(&error),
                    "({x}, {y}): {error}"
                );
            }
        }
    }
    assert!(expected_covered > 1000);
    assert!(covered <= expected_covered && f64::from(covered) > 0.98 * f64::from(expected_covered));
}

#[test]
fn the_nearest_instance_is_seen_whatever_the_order() {
    let camera = camera(64, 48);
    let near = shape(
        Shape::Sphere { radius: 0.1 },
        Isometry3::translation(0.0, 0.0, 0.8),
        3,
    );
    let far = shape(
        Shape::Box {
            half_extents: [0.3, 0.3, 0.1],
        },
        Isometry3::translation(0.0, 0.0, 1.5),
        4,
    );
    let one = rendered(&[near.clone(), far.clone()], &camera);
    let other = rendered(&[far, near], &camera);
    assert_eq!(one.instance, other.instance);
    assert_eq!(
        (one.instance[24 * 64 + 32], one.instance[24 * 64 + 24]),
        (3, 4)
    );
    assert_eq!(one.instance[0], 0);
}

#[test]
fn a_triangle_that_crosses_the_camera_plane_is_cut() {
    // A floor 0.2 m below the camera that reaches far behind it.
    let camera = camera(80, 60);
    let floor = TriangleMesh {
        positions: vec![[-50.0, 0.2, -50.0], [50.0, 0.2, -50.0], [0.0, 0.2, 80.0]],
        normals: vec![[0.0, -1.0, 0.0]; 3],
        uvs: vec![[0.0; 2]; 3],
        triangles: vec![[0, 2, 1], [0, 1, 2]],
    };
    let frame = rendered(&[visual(floor, Isometry3::identity(), 7)], &camera);
    let mut seen = 0;
    for y in 0..60 {
        for x in 0..80 {
            let down = ray(&camera, x, y).y;
            let got = f64::from(frame.depth_m[y * 80 + x]);
            if down <= 0.0 {
                assert_eq!(got, 0.0, "above the horizon");
            } else if 0.2 / down < 10.0 {
                assert!((got * down / 0.2 - 1.0).abs() < 2e-3, "({x}, {y}): {got}");
                seen += 1;
            }
        }
    }
    assert!(seen > 80 * 20);
}

#[test]
fn degenerate_triangles_do_no_harm() {
    let broken = TriangleMesh {
        positions: vec![
            [0.0, 0.0, 1.0],
            [0.0, 0.0, 1.0],
            [f32::NAN; 3],
            [1e30, -1e30, 1e-30],
            [0.1, 0.0, 0.0],
            [f32::INFINITY; 3],
        ],
        normals: vec![[0.0; 3]; 6],
        uvs: vec![[f32::NAN; 2]; 6],
        triangles: vec![
            [0, 0, 0],
            [0, 1, 4],
            [0, 2, 4],
            [3, 0, 4],
            [5, 0, 4],
            [5, 3, 2],
            [4, 0, 3],
        ],
    };
    let mut thing = visual(broken, Isometry3::identity(), 2);
    for pattern in [
        Pattern::Plain,
        Pattern::Checker {
            rgb: [1.0; 3],
            cell_m: 0.0,
        },
    ] {
        thing.material.pattern = pattern;
        rendered(std::slice::from_ref(&thing), &camera(40, 30));
    }
}

#[test]
fn two_triangles_cover_their_square_without_a_crack() {
    let camera = camera(120, 90);
    for k in 0..25 {
        let (mesh, pose) = square(
            0.5,
            0.7,
            Vector3::new(0.04 * k as f32 - 0.5, 0.3, 0.13 * k as f32),
        );
        let frame = rendered(&[visual(mesh, pose, 2)], &camera);
        // Along each row the square is one uninterrupted run.
        for row in frame.instance.chunks_exact(120) {
            let edges = row.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!(edges <= 2, "a crack in square {k}");
        }
    }
}

#[test]
fn a_renderer_gives_the_same_picture_again_and_after_others() {
    let camera = camera(96, 64);
    let ball = shape(
        Shape::Sphere { radius: 0.1 },
        Isometry3::translation(0.0, 0.0, 0.8),
        3,
    );
    let (mesh, pose) = square(3.0, 1.2, Vector3::zeros());
    let scene = [ball.clone(), visual(mesh, pose, 0)];
    let expected = rendered(&scene, &camera);
    let mut renderer = Renderer::default();
    let mut frame = Frame::default();
    for _ in 0..2 {
        renderer.render(
            std::slice::from_ref(&ball),
            &Lighting::default(),
            &super::tests::camera(30, 20),
            &mut frame,
        );
        renderer.render(&scene, &Lighting::default(), &camera, &mut frame);
        assert_eq!(frame, expected);
    }
}

#[test]
fn pictures_do_not_depend_on_the_number_of_threads() {
    let camera = camera(97, 63);
    let ball = shape(
        Shape::Sphere { radius: 0.1 },
        Isometry3::translation(0.0, 0.0, 0.8),
        3,
    );
    let (mesh, pose) = square(3.0, 1.2, Vector3::new(0.4, 0.0, 0.0));
    let scene = [ball, visual(mesh, pose, 0)];
    let expected = rendered(&scene, &camera);
    for threads in [2, 3, 16, 100] {
        let mut renderer = Renderer::default().with_threads(NonZeroUsize::new(threads).unwrap());
        let mut frame = Frame::default();
        renderer.render(&scene, &Lighting::default(), &camera, &mut frame);
        assert_eq!(frame, expected, "{threads} threads");
    }
}

/// A camera over a floor at z = 0, looking straight down from 1 m, with light from above and aside.
fn from_above() -> (Camera, Lighting) {
    let pose = looking_at(
        Vector3::new(0.0, 0.0, 1.0),
        Vector3::new(0.0, 1e-4, 0.0),
        0.0,
    );
    let lighting = Lighting {
        key_direction: Vector3::new(1.0, 0.0, 1.0),
        softness_m: 0.01,
        ..Lighting::default()
    };
    (
        Camera {
            world_from_optical: pose,
            ..camera(160, 120)
        },
        lighting,
    )
}

fn brightness(frame: &Frame, camera: &Camera, at: [f64; 3]) -> u8 {
    let point = camera.world_from_optical.inverse() * Point3::from(at);
    let pixel = camera.intrinsics.project(&point).unwrap();
    frame.rgb[(pixel.y.round() as usize * frame.width + pixel.x.round() as usize) * 3]
}

#[test]
fn shadows_fall_where_the_light_says() {
    let (camera, lighting) = from_above();
    let floor = visual(TriangleMesh::rectangle(4.0, 4.0), Isometry3::identity(), 0);
    // A plate 0.2 m above the floor: with light from +x at 45 degrees its shadow lies 0.2 m towards -x.
    let plate = shape(
        Shape::Box {
            half_extents: [0.05, 0.05, 0.002],
        },
        Isometry3::translation(0.0, 0.0, 0.2),
        2,
    );
    let mut frame = Frame::default();
    Renderer::default().render(&[floor, plate], &lighting, &camera, &mut frame);
    let (shadow, lit) = (
        brightness(&frame, &camera, [-0.2, 0.0, 0.0]),
        brightness(&frame, &camera, [0.2, 0.0, 0.0]),
    );
    assert!(shadow + 25 < lit, "{shadow} in the shadow, {lit} beside it");
    for near_edge in [-0.16, -0.24] {
        assert!(brightness(&frame, &camera, [near_edge, 0.0, 0.0]).abs_diff(shadow) < 12);
    }
    for beyond_edge in [-0.30, -0.10] {
        assert!(brightness(&frame, &camera, [beyond_edge, 0.12, 0.0]).abs_diff(lit) < 12);
    }
}

#[test]
fn a_ball_in_the_light_does_not_shadow_itself() {
    let (camera, lighting) = from_above();
    let ball = shape(Shape::Sphere { radius: 0.1 }, Isometry3::identity(), 2);
    let mut frame = Frame::default();
    Renderer::new(Quality::Fast).render(&[ball], &lighting, &camera, &mut frame);
    // Walking over the ball away from the light it only gets darker.
    let walk: Vec<u8> = (-18..=14)
        .map(|k| 0.005 * f64::from(-k))
        .map(|x| brightness(&frame, &camera, [x, 0.0, (0.01 - x * x).sqrt()]))
        .collect();
    let brightest = walk
        .iter()
        .enumerate()
        .max_by_key(|(_, b)| **b)
        .map_or(0, |(k, _)| k);
    assert!(
        walk[brightest..]
            .windows(2)
            .all(|w| w[1] <= w[0].saturating_add(6)),
        "{walk:?}"
    );
}

#[test]
fn corners_receive_less_light_from_around() {
    let (coarse, lighting) = from_above();
    let camera = Camera {
        world_from_optical: coarse.world_from_optical,
        ..camera(640, 480)
    };
    let lighting = Lighting {
        key_rgb: [0.0; 3],
        fill_rgb: [0.0; 3],
        ..lighting
    };
    let floor = visual(TriangleMesh::rectangle(4.0, 4.0), Isometry3::identity(), 0);
    let block = shape(
        Shape::Box {
            half_extents: [0.1, 0.1, 0.02],
        },
        Isometry3::translation(0.0, 0.0, 0.02),
        2,
    );
    let scene = [floor, block];
    let mut frame = Frame::default();
    Renderer::new(Quality::Fine).render(&scene, &lighting, &camera, &mut frame);
    let (beside, away) = (
        brightness(&frame, &camera, [0.118, 0.0, 0.0]),
        brightness(&frame, &camera, [0.35, 0.0, 0.0]),
    );
    assert!(
        beside + 5 < away,
        "{beside} beside the block, {away} away from it"
    );
    Renderer::new(Quality::Fast).render(&scene, &lighting, &camera, &mut frame);
    let (beside, away) = (
        brightness(&frame, &camera, [0.118, 0.0, 0.0]),
        brightness(&frame, &camera, [0.35, 0.0, 0.0]),
    );
    assert!(beside.abs_diff(away) <= 2);
}
