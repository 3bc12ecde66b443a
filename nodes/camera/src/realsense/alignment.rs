//! Depth as the colour camera has it.
//!
//! librealsense's alignment moves each depth pixel to where the colour camera sees it, and leaves its value: the distance
//! from the depth camera, along that one's axis. The two cameras are a little turned to each other, so that the distance
//! along the colour camera's axis is another one: by 4 mm for 0.3 degrees, 0.7 m beside the axis.

use nalgebra::{Matrix3, Vector3};

use super::convert::{ConvertError, Format, RawImage};
use crate::Intrinsics;

/// Turns aligned depth into millimetres along the colour camera's axis.
///
/// A point of the ray r = (x, y, 1) at the depth z has in the depth camera the depth (Rᵀ (r z - t))_z, where R and t take
/// points of the depth camera to the colour camera. That is linear in z, and solved for it here.
#[derive(Debug, Clone)]
pub struct ToColour {
    size: (usize, usize),
    /// Of each pixel, millimetres for one step of depth.
    scales: Vec<f32>,
    /// Of each pixel, millimetres to add.
    offsets: Vec<f32>,
}

impl ToColour {
    /// For the colour camera, with depth in steps of `unit` metres, and `p_colour = rotation * p_depth + translation` with
    /// the rotation's columns one after the other and the translation in metres, as librealsense gives them.
    pub fn new(
        colour: &Intrinsics,
        unit: f32,
        rotation: [f32; 9],
        translation: [f32; 3],
    ) -> Result<Self, ConvertError> {
        if !(unit.is_finite() && unit > 0.0) {
            return Err(ConvertError::Unit { unit });
        }
        let rotation = Matrix3::from_column_slice(&rotation.map(f64::from));
        let translation = Vector3::from(translation.map(f64::from));
        // The colour camera's axes in the depth camera's frame: its z is what counts.
        let depth_z = rotation.column(2).into_owned();
        let offset_mm = 1e3 * depth_z.dot(&translation);
        let is_rotation = (rotation.transpose() * rotation - Matrix3::identity()).norm() < 1e-3;
        if !is_rotation || !offset_mm.is_finite() {
            return Err(ConvertError::Extrinsics);
        }
        let rays = colour.ray_table();
        let (scales, offsets) = (0..colour.height)
            .flat_map(|v| rays.row(v))
            .map(|&[x, y]| {
                // Where the lens has no ray, both are NaN, which makes no depth.
                let ray = Vector3::new(f64::from(x), f64::from(y), 1.0);
                let slope = depth_z.dot(&ray);
                (
                    (f64::from(unit) * 1e3 / slope) as f32,
                    (offset_mm / slope) as f32,
                )
            })
            .unzip();
        Ok(Self {
            size: (colour.width as usize, colour.height as usize),
            scales,
            offsets,
        })
    }

    /// Depth in millimetres, little-endian 16 bit. 0 says that there is none, also where it is more than the 65.5 m that
    /// fit.
    pub fn millimetres(&self, depth: &RawImage<'_>) -> Result<Vec<u8>, ConvertError> {
        if depth.format != Format::Z16 {
            return Err(ConvertError::Format {
                format: depth.format,
                expected: "Z16",
            });
        }
        if (depth.width, depth.height) != self.size {
            return Err(ConvertError::NotAligned {
                depth: (depth.width, depth.height),
                colour: self.size,
            });
        }
        let raw = depth.rows()?.flat_map(|row| row.as_chunks::<2>().0);
        let mut bytes = Vec::with_capacity(self.scales.len() * 2);
        let pixels = raw.zip(&self.scales).zip(&self.offsets);
        bytes.extend(pixels.flat_map(|((raw, scale), offset)| {
            let raw = u16::from_le_bytes(*raw);
            let millimetres = (f32::from(raw) * scale + offset).round();
            let fits = raw != 0 && (1.0..=f32::from(u16::MAX)).contains(&millimetres);
            if fits { millimetres as u16 } else { 0 }.to_le_bytes()
        }));
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Point2, Rotation3};

    const STRAIGHT: [f32; 9] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];

    fn millimetres(to_colour: &ToColour, width: usize, raw: &[u16]) -> Vec<u16> {
        let data: Vec<u8> = raw.iter().copied().flat_map(u16::to_le_bytes).collect();
        let image = RawImage {
            width,
            height: raw.len() / width,
            stride: width * 2,
            format: Format::Z16,
            data: &data,
        };
        let bytes = to_colour.millimetres(&image).unwrap();
        let pixels = bytes.as_chunks::<2>().0.iter().copied();
        pixels.map(u16::from_le_bytes).collect()
    }

    #[test]
    fn depth_of_any_unit_becomes_millimetres() {
        let colour = Intrinsics::from_hfov(4, 1, 1.0).unwrap();
        let with_unit = |unit| {
            let to_colour = ToColour::new(&colour, unit, STRAIGHT, [0.05, 0.0, 0.0]).unwrap();
            millimetres(&to_colour, 4, &[0, 1, 5_000, 65_530])
        };
        assert_eq!(with_unit(0.001), [0, 1, 5_000, 65_530]);
        assert_eq!(with_unit(0.000_1), [0, 0, 500, 6_553]);
        assert_eq!(with_unit(0.01), [0, 10, 50_000, 0], "655 m do not fit");
    }

    #[test]
    fn depth_is_that_along_the_colour_camera_s_axis() {
        let colour = Intrinsics::from_hfov(64, 36, 1.5).unwrap();
        let rotation = Rotation3::from_euler_angles(0.02, -0.04, 0.3);
        let translation = Vector3::new(0.06, -0.01, 0.015);
        let columns: Vec<f32> = rotation
            .matrix()
            .iter()
            .map(|value| *value as f32)
            .collect();
        let to_colour = ToColour::new(
            &colour,
            1e-3,
            columns.try_into().unwrap(),
            translation.cast::<f32>().into(),
        )
        .unwrap();
        // Points that the colour camera sees, with the depth that each has in the depth camera.
        let (mut raw, mut expected) = (Vec::new(), Vec::new());
        for v in 0..36 {
            for u in 0..64 {
                let z = 0.5 + 0.01 * f64::from((u * 7 + v * 3) % 100);
                let pixel = Point2::new(f64::from(u), f64::from(v));
                let in_colour = colour.deproject(&pixel, z).unwrap();
                let in_depth = rotation.inverse() * (in_colour - translation);
                raw.push((in_depth.z * 1e3).round() as u16);
                expected.push(z * 1e3);
            }
        }
        let found = millimetres(&to_colour, 64, &raw);
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (f64::from(*found) - expected).abs() < 1.1,
                "{found} {expected}"
            );
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let colour = Intrinsics::from_hfov(2, 2, 1.0).unwrap();
        for bad in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let made = ToColour::new(&colour, bad, STRAIGHT, [0.0; 3]);
            assert!(matches!(made, Err(ConvertError::Unit { .. })), "{bad}");
        }
        for rotation in [[0.0; 9], [f32::NAN; 9], STRAIGHT.map(|value| value * 2.0)] {
            let made = ToColour::new(&colour, 1e-3, rotation, [0.0; 3]);
            assert!(matches!(made, Err(ConvertError::Extrinsics)));
        }
        let made = ToColour::new(&colour, 1e-3, STRAIGHT, [f32::NAN, 0.0, f32::NAN]);
        assert!(matches!(made, Err(ConvertError::Extrinsics)));
        let to_colour = ToColour::new(&colour, 1e-3, STRAIGHT, [0.0; 3]).unwrap();
        let image = |width, format| RawImage {
            width,
            height: 2,
            stride: 6,
            format,
            data: &[0; 12],
        };
        assert!(matches!(
            to_colour.millimetres(&image(3, Format::Z16)),
            Err(ConvertError::NotAligned { .. })
        ));
        assert!(matches!(
            to_colour.millimetres(&image(2, Format::Rgb8)),
            Err(ConvertError::Format { .. })
        ));
        let short = RawImage {
            data: &[0; 3],
            ..image(2, Format::Z16)
        };
        assert!(matches!(
            to_colour.millimetres(&short),
            Err(ConvertError::Short { .. })
        ));
    }
}
