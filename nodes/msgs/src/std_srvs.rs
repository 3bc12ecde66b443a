//! The services that need no package of their own.

use crate::{Message, Service};
use serde::{Deserialize, Serialize};

/// ROS 2 puts one placeholder byte on the wire for a message without fields.
#[derive(Serialize, Deserialize)]
struct Placeholder {
    structure_needs_at_least_one_member: u8,
}

macro_rules! empty_messages {
    ($($(#[$attribute:meta])* $name:ident = $type_name:literal,)*) => {$(
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(into = "Placeholder", from = "Placeholder")]
        pub struct $name {}

        impl From<$name> for Placeholder {
            fn from(_: $name) -> Self {
                Self { structure_needs_at_least_one_member: 0 }
            }
        }

        impl From<Placeholder> for $name {
            fn from(_: Placeholder) -> Self {
                Self {}
            }
        }

        impl Message for $name {
            const TYPE_NAME: &'static str = $type_name;
        }
    )*};
}

empty_messages! {
    /// Request of [`Empty`].
    EmptyRequest = "std_srvs/srv/Empty_Request",
    /// Response of [`Empty`].
    EmptyResponse = "std_srvs/srv/Empty_Response",
    /// Request of [`Trigger`].
    TriggerRequest = "std_srvs/srv/Trigger_Request",
}

/// Response of [`Trigger`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerResponse {
    /// Whether it was done.
    pub success: bool,
    /// What happened, or why not.
    pub message: String,
}

impl Message for TriggerResponse {
    const TYPE_NAME: &'static str = "std_srvs/srv/Trigger_Response";
}

impl TriggerResponse {
    /// It was done.
    pub fn done(message: impl Into<String>) -> Self {
        Self {
            success: true,
            message: message.into(),
        }
    }

    /// It was not done, for this reason.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self {
            success: false,
            message: reason.into(),
        }
    }
}

/// Request of [`SetBool`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetBoolRequest {
    /// The value to set.
    pub data: bool,
}

impl Message for SetBoolRequest {
    const TYPE_NAME: &'static str = "std_srvs/srv/SetBool_Request";
}

/// Response of [`SetBool`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetBoolResponse {
    /// Whether it was done.
    pub success: bool,
    /// What happened, or why not.
    pub message: String,
}

impl Message for SetBoolResponse {
    const TYPE_NAME: &'static str = "std_srvs/srv/SetBool_Response";
}

/// A signal without data.
#[derive(Clone, Copy, Debug)]
pub struct Empty;

impl Service for Empty {
    type Request = EmptyRequest;
    type Response = EmptyResponse;
    const TYPE_NAME: &'static str = "std_srvs/srv/Empty";
}

/// Asks for one thing to be done, answered with success and words.
#[derive(Clone, Copy, Debug)]
pub struct Trigger;

impl Service for Trigger {
    type Request = TriggerRequest;
    type Response = TriggerResponse;
    const TYPE_NAME: &'static str = "std_srvs/srv/Trigger";
}

/// Switches something on or off.
#[derive(Clone, Copy, Debug)]
pub struct SetBool;

impl Service for SetBool {
    type Request = SetBoolRequest;
    type Response = SetBoolResponse;
    const TYPE_NAME: &'static str = "std_srvs/srv/SetBool";
}
