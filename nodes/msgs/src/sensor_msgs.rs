//! Images, cameras, point clouds and joint states.

use crate::std_msgs::Header;

messages! { "sensor_msgs";
    /// An uncompressed image, row by row from the top left.
    #[derive(Default, Eq)]
    pub struct Image {
        /// Optical frame of the camera and time of acquisition.
        pub header: Header,
        /// Rows.
        pub height: u32,
        /// Columns.
        pub width: u32,
        /// Pixel format: `rgb8`, `mono8`, `16UC1`, ...
        pub encoding: String,
        /// 1 when multi-byte pixels are big-endian.
        pub is_bigendian: u8,
        /// Bytes per row.
        pub step: u32,
        /// `step * height` bytes.
        #[serde(with = "serde_bytes")]
        pub data: Vec<u8>,
    }

    /// A compressed image.
    #[derive(Default, Eq)]
    pub struct CompressedImage {
        /// Optical frame of the camera and time of acquisition.
        pub header: Header,
        /// `jpeg`, `png`, ...
        pub format: String,
        /// The compressed file.
        #[serde(with = "serde_bytes")]
        pub data: Vec<u8>,
    }

    /// A rectangle within an image (px).
    #[derive(Copy, Default, Eq)]
    pub struct RegionOfInterest {
        /// Leftmost column.
        pub x_offset: u32,
        /// Topmost row.
        pub y_offset: u32,
        /// Rows; 0 means the whole image.
        pub height: u32,
        /// Columns; 0 means the whole image.
        pub width: u32,
        /// Whether a rectified image is to be made from the region.
        pub do_rectify: bool,
    }

    /// Calibration of a camera. Matrices are row-major; see REP 104.
    #[derive(Default)]
    pub struct CameraInfo {
        /// Optical frame of the camera and time of acquisition.
        pub header: Header,
        /// Rows the camera was calibrated with.
        pub height: u32,
        /// Columns the camera was calibrated with.
        pub width: u32,
        /// Distortion model, `plumb_bob` for k1 k2 t1 t2 k3.
        pub distortion_model: String,
        /// Distortion parameters.
        pub d: Vec<f64>,
        /// Intrinsic matrix (3x3) of the raw image: fx 0 cx, 0 fy cy, 0 0 1 (px).
        pub k: [f64; 9],
        /// Rectification rotation (3x3).
        pub r: [f64; 9],
        /// Projection matrix (3x4) of the rectified image (px).
        pub p: [f64; 12],
        /// Horizontal binning; 0 and 1 both mean none.
        pub binning_x: u32,
        /// Vertical binning; 0 and 1 both mean none.
        pub binning_y: u32,
        /// Region read out.
        pub roi: RegionOfInterest,
    }

    /// One channel of a point cloud.
    #[derive(Default, Eq)]
    pub struct PointField {
        /// Name, for example `x`.
        pub name: String,
        /// Bytes from the start of the point.
        pub offset: u32,
        /// One of the constants of this type.
        pub datatype: u8,
        /// Elements.
        pub count: u32,
    }

    /// A cloud of points with named channels.
    #[derive(Default, Eq)]
    pub struct PointCloud2 {
        /// Frame of the points and time of acquisition.
        pub header: Header,
        /// Rows; 1 for an unordered cloud.
        pub height: u32,
        /// Points per row.
        pub width: u32,
        /// Channels.
        pub fields: Vec<PointField>,
        /// Whether the numbers are big-endian.
        pub is_bigendian: bool,
        /// Bytes per point.
        pub point_step: u32,
        /// Bytes per row.
        pub row_step: u32,
        /// `row_step * height` bytes.
        #[serde(with = "serde_bytes")]
        pub data: Vec<u8>,
        /// Whether every point is finite.
        pub is_dense: bool,
    }

    /// State of joints. Each array is as long as `name`, or empty when unknown.
    #[derive(Default)]
    pub struct JointState {
        /// Time of measurement.
        pub header: Header,
        /// Joint names.
        pub name: Vec<String>,
        /// Position (rad or m).
        pub position: Vec<f64>,
        /// Velocity (rad/s or m/s).
        pub velocity: Vec<f64>,
        /// Effort (Nm or N, or what the publisher says).
        pub effort: Vec<f64>,
    }
}

impl PointField {
    /// Signed 8-bit integer.
    pub const INT8: u8 = 1;
    /// Unsigned 8-bit integer.
    pub const UINT8: u8 = 2;
    /// Signed 16-bit integer.
    pub const INT16: u8 = 3;
    /// Unsigned 16-bit integer.
    pub const UINT16: u8 = 4;
    /// Signed 32-bit integer.
    pub const INT32: u8 = 5;
    /// Unsigned 32-bit integer.
    pub const UINT32: u8 = 6;
    /// Single-precision number.
    pub const FLOAT32: u8 = 7;
    /// Double-precision number.
    pub const FLOAT64: u8 = 8;
}
