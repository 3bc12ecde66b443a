//! The interface definitions of messages as text, for files that bring their types along.
//!
//! They are put together from the structs themselves, so that a recorded type cannot differ from the bytes it describes.
//!
//! ```
//! use msgs::{definition, geometry_msgs::PointStamped};
//!
//! let text = definition::of::<PointStamped>();
//! assert!(text.starts_with("std_msgs/Header header\ngeometry_msgs/Point point\n"));
//! assert!(text.contains("MSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n"));
//! ```

use crate::Message;

/// Stands between the definitions of a message and of those that it consists of.
const RULE: &str =
    "================================================================================";

/// A type that a field of a message can have.
pub trait Field {
    /// What an interface file calls it: `float64`, `string[]`, `std_msgs/Header`.
    fn name() -> String;

    /// Adds the definitions of the messages that it consists of, its own first, where they are missing.
    fn collect(_definitions: &mut Vec<Definition>) {}
}

/// The fields of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Name of the message, for example `std_msgs/Header`.
    pub name: String,
    /// A line for each field: its type and its name.
    pub fields: String,
}

/// The definition of a message with those of all that it consists of, as recordings have it (`ros2msg`).
pub fn of<M: Message + Field>() -> String {
    let mut definitions = Vec::new();
    M::collect(&mut definitions);
    let parts = definitions.iter().enumerate().map(|(index, definition)| {
        let Definition { name, fields } = definition;
        if index == 0 {
            fields.clone()
        } else {
            format!("{RULE}\nMSG: {name}\n{fields}")
        }
    });
    parts.collect()
}

/// The line of a field. Rust has one type for what interface files call `uint8` and `byte`.
pub(crate) fn line(message: &str, field: &str, type_name: &str) -> String {
    let field = field.trim_start_matches("r#");
    let type_name = match (message, field) {
        ("diagnostic_msgs/DiagnosticStatus", "level") => "byte",
        ("rcl_interfaces/ParameterValue", "byte_array_value") => "byte[]",
        _ => type_name,
    };
    format!("{type_name} {field}\n")
}

macro_rules! plain {
    ($($type:ty: $name:literal,)*) => {$(
        impl Field for $type {
            fn name() -> String {
                $name.into()
            }
        }
    )*};
}

plain! {
    bool: "bool",
    i8: "int8",
    i16: "int16",
    i32: "int32",
    i64: "int64",
    u8: "uint8",
    u16: "uint16",
    u32: "uint32",
    u64: "uint64",
    f32: "float32",
    f64: "float64",
    String: "string",
}

impl<T: Field> Field for Vec<T> {
    fn name() -> String {
        format!("{}[]", T::name())
    }

    fn collect(definitions: &mut Vec<Definition>) {
        T::collect(definitions);
    }
}

impl<T: Field, const N: usize> Field for [T; N] {
    fn name() -> String {
        format!("{}[{N}]", T::name())
    }

    fn collect(definitions: &mut Vec<Definition>) {
        T::collect(definitions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnostic_msgs::DiagnosticArray, sensor_msgs::CameraInfo, tf2_msgs::TFMessage,
        visualization_msgs::Marker,
    };

    #[test]
    fn definitions_are_those_of_ros() {
        let text = of::<DiagnosticArray>();
        let expected = "std_msgs/Header header\ndiagnostic_msgs/DiagnosticStatus[] status\n\
            ================================================================================\n\
            MSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n\
            ================================================================================\n\
            MSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n\
            ================================================================================\n\
            MSG: diagnostic_msgs/DiagnosticStatus\nbyte level\nstring name\nstring message\nstring hardware_id\n\
            diagnostic_msgs/KeyValue[] values\n\
            ================================================================================\n\
            MSG: diagnostic_msgs/KeyValue\nstring key\nstring value\n";
        assert_eq!(text, expected);
        assert!(of::<CameraInfo>().contains("float64[9] k\n"));
        assert!(of::<Marker>().contains("\nint32 type\n"), "no r#");
    }

    #[test]
    fn each_part_is_defined_once() {
        let text = of::<Marker>();
        for part in [
            "std_msgs/Header",
            "geometry_msgs/Point",
            "std_msgs/ColorRGBA",
        ] {
            assert_eq!(text.matches(&format!("MSG: {part}\n")).count(), 1, "{part}");
        }
        assert!(of::<TFMessage>().contains("MSG: geometry_msgs/Quaternion\n"));
    }
}
