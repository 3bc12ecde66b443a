//! Health of components.

use crate::std_msgs::Header;

messages! { "diagnostic_msgs";
    /// One named figure of a status.
    #[derive(Default, Eq)]
    pub struct KeyValue {
        /// Name.
        pub key: String,
        /// Value as text.
        pub value: String,
    }

    /// State of one component.
    #[derive(Default, Eq)]
    pub struct DiagnosticStatus {
        /// One of the constants of this type.
        pub level: u8,
        /// Component that reports.
        pub name: String,
        /// State in words.
        pub message: String,
        /// Unique name of the hardware, empty for software.
        pub hardware_id: String,
        /// Figures.
        pub values: Vec<KeyValue>,
    }

    /// States of several components at one time.
    #[derive(Default, Eq)]
    pub struct DiagnosticArray {
        /// Time of the report.
        pub header: Header,
        /// The states.
        pub status: Vec<DiagnosticStatus>,
    }
}

impl KeyValue {
    /// A figure by name, the value in its display form.
    pub fn new(key: impl Into<String>, value: impl ToString) -> Self {
        Self {
            key: key.into(),
            value: value.to_string(),
        }
    }
}

impl DiagnosticStatus {
    /// All is well.
    pub const OK: u8 = 0;
    /// Works, but a person should know.
    pub const WARN: u8 = 1;
    /// Does not work.
    pub const ERROR: u8 = 2;
    /// Has not reported for too long.
    pub const STALE: u8 = 3;

    /// The value with this key, when there is one.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.values
            .iter()
            .find(|pair| pair.key == key)
            .map(|pair| pair.value.as_str())
    }
}
