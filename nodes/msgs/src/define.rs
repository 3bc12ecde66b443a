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

        impl crate::definition::Field for $name {
            fn name() -> ::std::string::String {
                concat!($package, "/", stringify!($name)).into()
            }

            fn collect(definitions: &mut Vec<crate::definition::Definition>) {
                use crate::definition::{Definition, Field, line};
                let name = <Self as Field>::name();
                if definitions.iter().any(|definition| definition.name == name) {
                    return;
                }
                let fields = [$(line(&name, stringify!($field), &<$type as Field>::name()),)*];
                definitions.push(Definition { name, fields: fields.concat() });
                $(<$type as Field>::collect(definitions);)*
            }
        }
    )*};
}

/// ROS 2 puts one placeholder byte on the wire for a message without fields.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Placeholder {
    pub(crate) structure_needs_at_least_one_member: u8,
}

/// Defines a request or a response; one without fields has a placeholder on the wire.
macro_rules! service_message {
    ($(#[$attribute:meta])* $name:ident = $type_name:expr, {}) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(into = "crate::define::Placeholder", from = "crate::define::Placeholder")]
        pub struct $name {}

        impl From<$name> for crate::define::Placeholder {
            fn from(_: $name) -> Self {
                Self { structure_needs_at_least_one_member: 0 }
            }
        }

        impl From<crate::define::Placeholder> for $name {
            fn from(_: crate::define::Placeholder) -> Self {
                Self {}
            }
        }

        impl crate::Message for $name {
            const TYPE_NAME: &'static str = $type_name;
        }
    };
    ($(#[$attribute:meta])* $name:ident = $type_name:expr, {
        $($(#[$field_attribute:meta])* $field:ident: $type:ty,)+
    }) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $($(#[$field_attribute])* pub $field: $type,)+
        }

        impl crate::Message for $name {
            const TYPE_NAME: &'static str = $type_name;
        }
    };
}

/// Defines the requests and responses of one ROS package's services, and the services themselves.
macro_rules! services {
    ($package:literal; $(
        $(#[$attribute:meta])*
        service $service:ident {
            $request:ident $request_fields:tt
            $response:ident $response_fields:tt
        }
    )*) => {$(
        service_message! {
            #[doc = concat!("Request of [`", stringify!($service), "`].")]
            $request = concat!($package, "/srv/", stringify!($service), "_Request"), $request_fields
        }

        service_message! {
            #[doc = concat!("Response of [`", stringify!($service), "`].")]
            $response = concat!($package, "/srv/", stringify!($service), "_Response"), $response_fields
        }

        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        pub struct $service;

        impl crate::Service for $service {
            type Request = $request;
            type Response = $response;
            const TYPE_NAME: &'static str = concat!($package, "/srv/", stringify!($service));
        }
    )*};
}
