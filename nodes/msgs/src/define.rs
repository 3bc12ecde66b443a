//! The one macro that turns a plain struct definition into a message.

/// Defines the messages of one ROS package: derives what every message needs and names its type.
macro_rules! messages {
    ($package:literal; $(
        $(#[$attribute:meta])*
        pub struct $name:ident {
            $($(#[$field_attribute:meta])* pub $field:ident: $type:ty,)*
        }
    )*) => {$(
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $($(#[$field_attribute])* pub $field: $type,)*
        }

        impl crate::Message for $name {
            const TYPE_NAME: &'static str = concat!($package, "/msg/", stringify!($name));
        }
    )*};
}
