//! Basic values and the header that stamps almost every other message.

use crate::builtin_interfaces::Time;
use std::string::String as Text;

messages! { "std_msgs";
    /// When and in which frame the data was taken.
    #[derive(Default, Eq)]
    pub struct Header {
        /// Time of acquisition.
        pub stamp: Time,
        /// Name of the coordinate frame.
        pub frame_id: Text,
    }

    /// A line or a document of text.
    #[derive(Default, Eq)]
    pub struct String {
        /// The text, UTF-8.
        pub data: Text,
    }

    /// A truth value.
    #[derive(Copy, Default, Eq)]
    pub struct Bool {
        /// The value.
        pub data: bool,
    }

    /// A 32-bit signed integer.
    #[derive(Copy, Default, Eq)]
    pub struct Int32 {
        /// The value.
        pub data: i32,
    }

    /// A 64-bit signed integer.
    #[derive(Copy, Default, Eq)]
    pub struct Int64 {
        /// The value.
        pub data: i64,
    }

    /// A single-precision number.
    #[derive(Copy, Default)]
    pub struct Float32 {
        /// The value.
        pub data: f32,
    }

    /// A double-precision number.
    #[derive(Copy, Default)]
    pub struct Float64 {
        /// The value.
        pub data: f64,
    }

    /// A colour with opacity, each channel 0 to 1.
    #[derive(Copy, Default)]
    pub struct ColorRGBA {
        /// Red.
        pub r: f32,
        /// Green.
        pub g: f32,
        /// Blue.
        pub b: f32,
        /// Opacity; 0 is invisible.
        pub a: f32,
    }

    /// One dimension of a multi-dimensional array.
    #[derive(Default, Eq)]
    pub struct MultiArrayDimension {
        /// Meaning of the dimension.
        pub label: Text,
        /// Number of elements along it.
        pub size: u32,
        /// Elements from one index to the next of the enclosing dimension (size times the inner strides).
        pub stride: u32,
    }

    /// How the flat `data` of an array message is to be read.
    #[derive(Default, Eq)]
    pub struct MultiArrayLayout {
        /// Dimensions, outermost first.
        pub dim: Vec<MultiArrayDimension>,
        /// Elements of padding at the front of `data`.
        pub data_offset: u32,
    }

    /// An array of bytes.
    #[derive(Default, Eq)]
    pub struct UInt8MultiArray {
        /// Shape of the data.
        pub layout: MultiArrayLayout,
        /// The elements.
        #[serde(with = "serde_bytes")]
        pub data: Vec<u8>,
    }

    /// An array of 32-bit signed integers.
    #[derive(Default, Eq)]
    pub struct Int32MultiArray {
        /// Shape of the data.
        pub layout: MultiArrayLayout,
        /// The elements.
        pub data: Vec<i32>,
    }

    /// An array of single-precision numbers.
    #[derive(Default)]
    pub struct Float32MultiArray {
        /// Shape of the data.
        pub layout: MultiArrayLayout,
        /// The elements.
        pub data: Vec<f32>,
    }

    /// An array of double-precision numbers.
    #[derive(Default)]
    pub struct Float64MultiArray {
        /// Shape of the data.
        pub layout: MultiArrayLayout,
        /// The elements.
        pub data: Vec<f64>,
    }
}

impl Header {
    /// A header with this stamp and frame.
    pub fn new(stamp: impl Into<Time>, frame_id: impl Into<Text>) -> Self {
        Self {
            stamp: stamp.into(),
            frame_id: frame_id.into(),
        }
    }
}
