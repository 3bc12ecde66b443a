//! Renders the cell to a PNG: `cargo run -p sim --example render_cell -- out.png [width] [camera|side]`.
//!
//! Reads `urdf/ur5_sih.urdf` from the current directory. Prints how long a frame takes; the picture
//! is then rendered at twice the size and scaled down.

use std::{num::NonZeroUsize, time::Instant};

use camera::Intrinsics;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use robot::{Kinematics, Model};
use sim::{
    mounting, objects,
    render::{
        Camera, Frame, INSTANCE_FIRST_OBJECT, Lighting, Quality, Renderer, looking_at,
        model::{ObjectModel, RobotModel},
        room::Room,
    },
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "cell.png".into());
    let width: u32 = arguments.next().map_or(Ok(1280), |w| w.parse())?;
    let view = arguments.next().unwrap_or_default();

    let robot = Model::from_file("urdf/ur5_sih.urdf")?;
    let kinematics = Kinematics::new(&robot);
    let mut q = vec![0.0; kinematics.joint_names().len()];
    for (q, reset) in q.iter_mut().zip(robot::ur5::RESET_POSE) {
        *q = reset;
    }
    let mut visuals = Room::default().visuals().to_vec();
    RobotModel::new(&robot).place(kinematics.forward(&q)?.all(), &mut visuals);
    let names = [
        "025_mug",
        "003_cracker_box",
        "006_mustard_bottle",
        "011_banana",
        "013_apple",
        "005_tomato_soup_can",
        "077_rubiks_cube",
        "021_bleach_cleanser",
    ];
    for (k, name) in names.iter().enumerate() {
        let Some(spec) = objects::find(name) else {
            continue;
        };
        let (x, y) = (0.02 + 0.17 * (k % 4) as f64, 0.5 + 0.2 * (k / 4) as f64);
        let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), 0.7 * k as f64);
        let pose = Isometry3::from_parts(Translation3::new(x, y, 0.5 * spec.dimensions_m[2]), turn);
        ObjectModel::new(spec).place(&pose, INSTANCE_FIRST_OBJECT + k as u8, &mut visuals);
    }
    let triangles: usize = visuals.iter().map(|v| v.mesh.triangles.len()).sum();

    let (world_from_optical, hfov) = if view == "side" {
        (
            looking_at(
                Vector3::new(1.5, 1.5, 0.9),
                Vector3::new(0.1, 0.25, 0.15),
                0.0,
            ),
            50_f64,
        )
    } else {
        (
            mounting::base_from_camera_link(mounting::DEFAULT_MOUNTING)
                * mounting::camera_link_from_optical(),
            mounting::HFOV_RAD.to_degrees(),
        )
    };
    let camera = |width: u32| -> Result<Camera, camera::ModelError> {
        Ok(Camera {
            intrinsics: Intrinsics::from_hfov(width, width * 9 / 16, hfov.to_radians())?,
            world_from_optical,
        })
    };
    let mut frame = Frame::default();
    let lighting = Lighting::default();
    for (quality, threads) in [
        (Quality::Fast, 1),
        (Quality::Fine, 1),
        (Quality::Fast, 2),
        (Quality::Fine, 2),
    ] {
        let mut renderer = Renderer::new(quality)
            .with_threads(NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN));
        let camera = camera(width)?;
        renderer.render(&visuals, &lighting, &camera, &mut frame);
        let start = Instant::now();
        const ROUNDS: u32 = 20;
        let mut best = f64::MAX;
        for _ in 0..ROUNDS {
            let one = Instant::now();
            renderer.render(&visuals, &lighting, &camera, &mut frame);
            best = best.min(one.elapsed().as_secs_f64());
        }
        let mean = start.elapsed().as_secs_f64() / f64::from(ROUNDS);
        println!(
            "{quality:?}, {threads} threads, {triangles} triangles: {:.2} ms a frame, at best {:.2} ms",
            mean * 1e3,
            best * 1e3
        );
    }
    Renderer::default().render(&visuals, &lighting, &camera(2 * width)?, &mut frame);
    let large = image::RgbImage::from_raw(frame.width as u32, frame.height as u32, frame.rgb)
        .ok_or("a frame has three bytes a pixel")?;
    image::imageops::resize(
        &large,
        width,
        width * 9 / 16,
        image::imageops::FilterType::Triangle,
    )
    .save(&path)?;
    Ok(())
}
