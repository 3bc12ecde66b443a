//! Recipes: which variables a data package carries, in which order.
//!
//! A recipe is a plain struct whose fields are named after the controller's variables; the
//! [`recipe!`](crate::recipe) macro derives the rest, so that a variable cannot be asked for under one name
//! and read as another type.

use super::RtdeError;
use super::value::DataType;

/// The contents of a data package.
pub trait Recipe: Sized {
    /// Names and types of the variables, in order.
    const FIELDS: &'static [(&'static str, DataType)];
    /// Reads the fields from a data package, after its recipe id.
    fn decode(fields: &[u8]) -> Result<Self, RtdeError>;
    /// Appends the fields to `out`.
    fn encode(&self, out: &mut Vec<u8>);
}

/// Declares a struct that is the contents of an RTDE data package: its field names are the
/// controller's variable names and its field types fix the RTDE types.
#[macro_export]
macro_rules! recipe {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $kind:ty,)*
    }) => {
        $(#[$meta])*
        #[allow(non_snake_case, reason = "the controller's own variable names")]
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $kind,)* }

        impl $crate::rtde::Recipe for $name {
            const FIELDS: &'static [(&'static str, $crate::rtde::DataType)] =
                &[$((stringify!($field), <$kind as $crate::rtde::value::Field>::TYPE)),*];

            fn decode(fields: &[u8]) -> Result<Self, $crate::rtde::RtdeError> {
                let mut reader = $crate::rtde::value::Reader::new("data package", fields);
                let recipe = Self {
                    $($field: $crate::rtde::value::Field::read(&mut reader)?,)*
                };
                reader.finish()?;
                Ok(recipe)
            }

            fn encode(&self, out: &mut Vec<u8>) {
                $($crate::rtde::value::Field::write(&self.$field, out);)*
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    recipe! {
        /// A package of two fields.
        #[derive(Debug, PartialEq)]
        struct Pair {
            actual_TCP_force: [f64; 6],
            robot_mode: i32,
        }
    }

    #[test]
    fn fields_keep_their_names_order_and_types() {
        assert_eq!(
            Pair::FIELDS,
            [
                ("actual_TCP_force", DataType::Vector6D),
                ("robot_mode", DataType::Int32)
            ]
        );
        let pair = Pair {
            actual_TCP_force: [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            robot_mode: -1,
        };
        let mut bytes = Vec::new();
        pair.encode(&mut bytes);
        assert_eq!(bytes.len(), 52);
        assert_eq!(bytes[48..], [0xff; 4]);
        assert_eq!(Pair::decode(&bytes).unwrap(), pair);
        assert!(matches!(
            Pair::decode(&bytes[1..]),
            Err(RtdeError::Truncated { .. })
        ));
        bytes.push(0);
        assert!(matches!(
            Pair::decode(&bytes),
            Err(RtdeError::TrailingBytes { extra: 1, .. })
        ));
    }
}
