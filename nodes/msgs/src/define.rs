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

/// Defines the requests and responses of one ROS package's services, and the services themselves.
macro_rules! services {
    ($package:literal; $(
        $(#[$attribute:meta])*
        service $service:ident {
            $request:ident { $($(#[$request_attribute:meta])* $request_field:ident: $request_type:ty,)* }
            $response:ident { $($(#[$response_attribute:meta])* $response_field:ident: $response_type:ty,)* }
        }
    )*) => {$(
        #[doc = concat!("Request of [`", stringify!($service), "`].")]
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $request {
            $($(#[$request_attribute])* pub $request_field: $request_type,)*
        }

        impl crate::Message for $request {
            const TYPE_NAME: &'static str = concat!($package, "/srv/", stringify!($service), "_Request");
        }

        #[doc = concat!("Response of [`", stringify!($service), "`].")]
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $response {
            $($(#[$response_attribute])* pub $response_field: $response_type,)*
        }

        impl crate::Message for $response {
            const TYPE_NAME: &'static str = concat!($package, "/srv/", stringify!($service), "_Response");
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
