//! Renders the cell to a PNG: `cargo run -p sim --example render_cell -- out.png [width] [supersample]`.
//!
//! Reads `urdf/ur5_sih.urdf` from the current directory. Prints how long a frame takes.

use std::time::Instant;

use camera::Intrinsics;
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion, Vector3};
use robot::{Kinematics, Model};
use sim::{
    objects,
    render::{
        Camera, Frame, INSTANCE_FIRST_OBJECT, Lighting, Renderer,
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
    q[..6].copy_from_slice(&[0.6985, -1.4106, 1.2932, 0.1174, 0.6983, 1.5708]);
    let mut visuals = Room::default().visuals().to_vec();
    RobotModel::new(&robot).place(kinematics.forward(&q)?.all(), &mut visuals);
    let names = ["025_mug", "003_cracker_box", "006_mustard_bottle", "011_banana", "013_apple", "005_tomato_soup_can", "077_rubiks_cube", "021_bleach_cleanser"];
    for (k, name) in names.iter().enumerate() {
        let Some(spec) = objects::find(name) else { continue };
        let (x, y) = (0.02 + 0.17 * (k % 4) as f64, 0.5 + 0.2 * (k / 4) as f64);
        let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), 0.7 * k as f64);
        let pose = Isometry3::from_parts(Translation3::new(x, y, 0.5 * spec.dimensions_m[2]), turn);
        ObjectModel::new(spec).place(&pose, INSTANCE_FIRST_OBJECT + k as u8, &mut visuals);
    }
    let triangles: usize = visuals.iter().map(|v| v.mesh.triangles.len()).sum();

    let world_from_optical = if view == "side" {
        let eye = nalgebra::Point3::new(1.5, 1.5, 0.9);
        // look_at_rh of nalgebra: y up, looking along -z; the optical frame looks along +z with y down.
        let view = Isometry3::look_at_rh(&eye, &nalgebra::Point3::new(0.1, 0.25, 0.15), &Vector3::z());
        view.inverse() * UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI)
    } else {
        // Quaternions of the published mountings are of the camera's body frame: x forward, z up.
        let body = UnitQuaternion::from_quaternion(Quaternion::new(0.695, 0.09, 0.1, -0.707));
        let optical = UnitQuaternion::from_quaternion(Quaternion::new(0.5, -0.5, 0.5, -0.5));
        Isometry3::from_parts(Translation3::new(0.253, 1.051, 0.33), body * optical)
    };
    let hfov = if view == "side" { 50_f64 } else { 87.0 };
    let camera = Camera { intrinsics: Intrinsics::from_hfov(width, width * 9 / 16, hfov.to_radians())?, world_from_optical };
    let (mut renderer, mut frame) = (Renderer::default(), Frame::default());
    let lighting = Lighting::default();
    renderer.render(&visuals, &lighting, &camera, &mut frame);
    let start = Instant::now();
    const ROUNDS: u32 = 10;
    for _ in 0..ROUNDS {
        renderer.render(&visuals, &lighting, &camera, &mut frame);
    }
    println!("{triangles} triangles, {:.2} ms a frame", start.elapsed().as_secs_f64() * 1e3 / f64::from(ROUNDS));
    image::save_buffer(&path, &frame.rgb, frame.width as u32, frame.height as u32, image::ColorType::Rgb8)?;
    Ok(())
}
