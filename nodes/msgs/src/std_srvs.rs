//! The services that need no package of their own.

services! { "std_srvs";
    /// A signal without data.
    service Empty {
        EmptyRequest {}
        EmptyResponse {}
    }

    /// Asks for one thing to be done, answered with success and words.
    service Trigger {
        TriggerRequest {}
        TriggerResponse {
            /// Whether it was done.
            success: bool,
            /// What happened, or why not.
            message: String,
        }
    }

    /// Switches something on or off.
    service SetBool {
        SetBoolRequest {
            /// The value to set.
            data: bool,
        }
        SetBoolResponse {
            /// Whether it was done.
            success: bool,
            /// What happened, or why not.
            message: String,
        }
    }
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
