//! The topics that every camera of this crate publishes, named like realsense-ros.

use bus::{BusError, Node, ParameterSpec, Publisher, Qos, Time};
use msgs::sensor_msgs::{CameraInfo, Image};
use msgs::std_msgs::Header;

use crate::calibrated::{CalibratedError, Replacement};
use crate::model::Intrinsics;

/// One image, and its depth where there is some.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Red, green and blue of each pixel.
    pub rgb: Vec<u8>,
    /// Depth in millimetres, little-endian 16 bit, aligned to the colour image.
    pub depth: Option<Vec<u8>>,
}

/// The publishers of a camera, and the frame of its messages.
#[derive(Debug)]
pub(crate) struct Output {
    colour: Publisher<Image>,
    info: Publisher<CameraInfo>,
    depth: Publisher<Image>,
    frame_id: String,
    replacement: Option<Replacement>,
}

impl Output {
    /// Declares the parameters `frame` and `intrinsics`, and the topics.
    pub(crate) fn declare<E>(node: &Node) -> Result<Self, E>
    where
        E: From<BusError> + From<CalibratedError>,
    {
        let frame_id = node.parameter(
            ParameterSpec::<String>::new("frame", "camera_color_optical_frame")
                .describe("optical frame in the headers"),
        )?;
        let intrinsics = node.parameter(ParameterSpec::<String>::new("intrinsics", "").describe(
            "calibrated intrinsics in the place of the camera's own, a file of calibrate_intrinsics.launch; empty: its own",
        ))?;
        let file = intrinsics.get();
        let replacement = match file.as_str() {
            "" => None,
            _ => Some(Replacement::read(file)?),
        };
        Ok(Self {
            colour: node.publisher("camera/color/image_raw", Qos::sensor_data())?,
            info: node.publisher("camera/color/camera_info", Qos::sensor_data())?,
            depth: node.publisher(
                "camera/aligned_depth_to_color/image_raw",
                Qos::sensor_data(),
            )?,
            frame_id: frame_id.get(),
            replacement,
        })
    }

    /// Refuses calibrated intrinsics of another camera than that of this serial number.
    pub(crate) fn check_serial(&self, serial: &str) -> Result<(), CalibratedError> {
        let replacement = self.replacement.as_ref();
        replacement.map_or(Ok(()), |replacement| replacement.check_serial(serial))
    }

    /// Publishes all topics with the same stamp; `factory` is what the camera says of itself.
    pub(crate) fn publish(
        &self,
        stamp: Time,
        factory: &Intrinsics,
        frame: Frame,
    ) -> Result<(), CalibratedError> {
        let (width, height) = frame.size;
        let intrinsics = match &self.replacement {
            Some(replacement) => replacement.of_size(frame.size)?,
            None => factory,
        };
        let header = Header::new(stamp, self.frame_id.clone());
        let image = |encoding: &str, bytes_per_pixel: u32, data: Vec<u8>| Image {
            header: header.clone(),
            height,
            width,
            encoding: encoding.to_owned(),
            is_bigendian: 0,
            step: width * bytes_per_pixel,
            data,
        };
        self.info.publish(intrinsics.to_camera_info(header.clone()));
        // Depth goes first: who waits for the colour image finds its depth there.
        if let Some(depth) = frame.depth {
            self.depth.publish(image("16UC1", 2, depth));
        }
        self.colour.publish(image("rgb8", 3, frame.rgb));
        Ok(())
    }
}
