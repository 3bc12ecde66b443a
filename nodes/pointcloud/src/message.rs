//! Depth images, clouds and boxes as ROS messages, and back.

use bus::convert;
use msgs::sensor_msgs::{Image, PointCloud2, PointField};
use msgs::std_msgs::{ColorRGBA, Header};
use msgs::visualization_msgs::Marker;
use nalgebra::{Point3, Vector3};

use crate::{DepthImage, ImageError, OrientedBox};

/// Bytes of one point: x, y and z as 32-bit floats.
const POINT_BYTES: u32 = 12;

/// Why a message is not a cloud or a box that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// A coordinate is missing or not a 32-bit float.
    #[error("the cloud has no 32-bit float field {name:?}; publish x, y and z as FLOAT32")]
    Field {
        /// Name of the coordinate.
        name: &'static str,
    },
    /// Fewer bytes than points.
    #[error("the cloud announces {points} points of {step} bytes, but has only {actual} bytes")]
    Truncated {
        /// Points announced.
        points: u64,
        /// Bytes of a point.
        step: u32,
        /// Bytes there are.
        actual: usize,
    },
    /// The numbers are in the other byte order.
    #[error("the cloud is big-endian; publish it little-endian")]
    BigEndian,
    /// The marker is not a box.
    #[error("the marker is not a cube with a finite pose")]
    NotABox,
}

/// Reads the layout only: whether the encoding is 16UC1 is for the caller to see.
impl<'a> TryFrom<&'a Image> for DepthImage<'a> {
    type Error = ImageError;

    fn try_from(image: &'a Image) -> Result<Self, ImageError> {
        let big_endian = image.is_bigendian != 0;
        let step = image.step as usize;
        Self::new(image.width, image.height, step, big_endian, &image.data)
    }
}

/// A cloud of points in the header's frame.
pub fn encode_points(header: Header, points: &[Point3<f32>]) -> PointCloud2 {
    let field = |name: &str, offset| PointField {
        name: name.to_owned(),
        offset,
        datatype: PointField::FLOAT32,
        count: 1,
    };
    let mut data = Vec::with_capacity(points.len() * POINT_BYTES as usize);
    for coordinate in points.iter().flat_map(|point| [point.x, point.y, point.z]) {
        data.extend(coordinate.to_le_bytes());
    }
    let width = points.len() as u32;
    PointCloud2 {
        header,
        height: 1,
        width,
        fields: vec![field("x", 0), field("y", 4), field("z", 8)],
        is_bigendian: false,
        point_step: POINT_BYTES,
        row_step: width * POINT_BYTES,
        data,
        is_dense: true,
    }
}

/// The points of a cloud, whatever other fields it has.
pub fn decode_points(cloud: &PointCloud2) -> Result<Vec<Point3<f32>>, MessageError> {
    let count = u64::from(cloud.width) * u64::from(cloud.height);
    if count == 0 {
        return Ok(Vec::new());
    }
    if cloud.is_bigendian {
        return Err(MessageError::BigEndian);
    }
    let truncated = || MessageError::Truncated {
        points: count,
        step: cloud.point_step,
        actual: cloud.data.len(),
    };
    let step = cloud.point_step as usize;
    if step == 0 || (cloud.data.len() as u64) < count.saturating_mul(u64::from(cloud.point_step)) {
        return Err(truncated());
    }
    let offset = |name: &'static str| {
        cloud
            .fields
            .iter()
            .find(|field| field.name == name && field.datatype == PointField::FLOAT32)
            .map(|field| field.offset as usize)
            .ok_or(MessageError::Field { name })
    };
    let offsets = [offset("x")?, offset("y")?, offset("z")?];
    cloud
        .data
        .chunks_exact(step)
        .take(count as usize)
        .map(|point| {
            let number = |at: usize| -> Option<f32> {
                let bytes = point.get(at..)?.first_chunk::<4>()?;
                Some(f32::from_le_bytes(*bytes))
            };
            let [x, y, z] = offsets.map(number);
            Ok(Point3::new(
                x.ok_or_else(truncated)?,
                y.ok_or_else(truncated)?,
                z.ok_or_else(truncated)?,
            ))
        })
        .collect()
}

/// A box as a marker in the header's frame; without a box a marker that removes the last one.
pub fn encode_box(header: Header, bounds: Option<&OrientedBox>) -> Marker {
    let mut marker = Marker {
        header,
        ns: "target".to_owned(),
        r#type: Marker::CUBE,
        action: Marker::DELETE,
        color: ColorRGBA {
            r: 0.1,
            g: 0.8,
            b: 0.3,
            a: 0.35,
        },
        ..Marker::default()
    };
    if let Some(bounds) = bounds {
        marker.action = Marker::ADD;
        marker.pose = convert::pose_from_isometry(&bounds.base_from_box);
        marker.scale = convert::vector_msg(&bounds.size);
    }
    marker
}

/// The box of a marker; `None` when the marker removes it.
pub fn decode_box(marker: &Marker) -> Result<Option<OrientedBox>, MessageError> {
    if marker.action != Marker::ADD {
        return Ok(None);
    }
    let size: Vector3<f64> = convert::vector(&marker.scale);
    if marker.r#type != Marker::CUBE || !size.iter().all(|side| side.is_finite() && *side >= 0.0) {
        return Err(MessageError::NotABox);
    }
    let base_from_box =
        convert::isometry_from_pose(&marker.pose).map_err(|_| MessageError::NotABox)?;
    Ok(Some(OrientedBox {
        base_from_box,
        size,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Isometry3;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn clouds_round_trip(raw in prop::collection::vec((-1.0..1.0_f32, -1.0..1.0_f32, -1.0..1.0_f32), 0..50)) {
            let points: Vec<_> = raw.iter().map(|&(x, y, z)| Point3::new(x, y, z)).collect();
            prop_assert_eq!(decode_points(&encode_points(Header::default(), &points)).unwrap(), points);
        }

        #[test]
        fn no_cloud_panics(
            width in 0..100_u32, height in 0..3_u32, point_step in 0..40_u32, offsets in prop::array::uniform3(0..50_u32),
            data in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut cloud = encode_points(Header::default(), &[]);
            for (field, offset) in cloud.fields.iter_mut().zip(offsets) {
                field.offset = offset;
            }
            let cloud = PointCloud2 { width, height, point_step, data, ..cloud };
            if let Ok(points) = decode_points(&cloud) {
                prop_assert_eq!(points.len(), (width * height) as usize);
            }
        }
    }

    #[test]
    fn boxes_round_trip() {
        let bounds = OrientedBox {
            base_from_box: Isometry3::new(Vector3::new(0.1, 0.2, 0.3), Vector3::z() * 0.4),
            size: Vector3::new(0.1, 0.05, 0.2),
        };
        let back = decode_box(&encode_box(Header::default(), Some(&bounds)))
            .unwrap()
            .unwrap();
        assert!(
            (back.base_from_box.to_homogeneous() - bounds.base_from_box.to_homogeneous()).norm()
                < 1e-12
        );
        assert_eq!(back.size, bounds.size);
        assert_eq!(decode_box(&encode_box(Header::default(), None)), Ok(None));
    }

    #[test]
    fn other_messages_are_refused() {
        let mut cloud = encode_points(Header::default(), &[Point3::origin()]);
        cloud.fields.remove(1);
        assert_eq!(
            decode_points(&cloud),
            Err(MessageError::Field { name: "y" })
        );
        cloud.is_bigendian = true;
        assert_eq!(decode_points(&cloud), Err(MessageError::BigEndian));
        let sphere = Marker {
            r#type: Marker::SPHERE,
            ..encode_box(Header::default(), None)
        };
        assert_eq!(
            decode_box(&Marker {
                action: Marker::ADD,
                ..sphere
            }),
            Err(MessageError::NotABox)
        );
    }
}
