//! Values of parameters and the Rust types they become.

use serde_yaml::Value;
use std::fmt;

/// A parameter's value, with the types of ROS 2.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterValue {
    /// A truth value.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A number.
    Double(f64),
    /// A text.
    String(String),
    /// Truth values.
    Bools(Vec<bool>),
    /// Integers.
    Integers(Vec<i64>),
    /// Numbers.
    Doubles(Vec<f64>),
    /// Texts.
    Strings(Vec<String>),
}

impl ParameterValue {
    /// From a YAML scalar or a list of scalars of one kind. `Err` says what is wrong.
    pub(crate) fn from_yaml(value: &Value) -> Result<Self, String> {
        match value {
            Value::Bool(value) => Ok(Self::Bool(*value)),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => Ok(Self::Integer(integer)),
                None => number
                    .as_f64()
                    .map(Self::Double)
                    .ok_or_else(|| format!("{number} is out of range")),
            },
            Value::String(text) => Ok(Self::String(text.clone())),
            Value::Sequence(items) => Self::from_list(items),
            Value::Null => Err("has no value".into()),
            Value::Mapping(_) | Value::Tagged(_) => {
                Err("is neither a scalar nor a list of scalars".into())
            }
        }
    }

    fn from_list(items: &[Value]) -> Result<Self, String> {
        let all = |convert: fn(&Value) -> bool| items.iter().all(convert);
        if items.is_empty() {
            return Ok(Self::Doubles(Vec::new()));
        }
        if all(Value::is_bool) {
            return Ok(Self::Bools(
                items.iter().filter_map(Value::as_bool).collect(),
            ));
        }
        if all(Value::is_i64) {
            return Ok(Self::Integers(
                items.iter().filter_map(Value::as_i64).collect(),
            ));
        }
        if all(Value::is_number) {
            return Ok(Self::Doubles(
                items.iter().filter_map(Value::as_f64).collect(),
            ));
        }
        if all(Value::is_string) {
            return Ok(Self::Strings(
                items
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            ));
        }
        Err("mixes kinds of values in one list".into())
    }
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(formatter, "{value}"),
            Self::Integer(value) => write!(formatter, "{value}"),
            Self::Double(value) => write!(formatter, "{value:?}"),
            Self::String(value) => write!(formatter, "{value:?}"),
            Self::Bools(values) => write!(formatter, "{values:?}"),
            Self::Integers(values) => write!(formatter, "{values:?}"),
            Self::Doubles(values) => write!(formatter, "{values:?}"),
            Self::Strings(values) => write!(formatter, "{values:?}"),
        }
    }
}

/// A Rust type that a parameter can have.
pub trait ParameterType: Clone + Send + Sync + fmt::Debug + 'static {
    /// The type in words, for error messages.
    const NAME: &'static str;
    /// The value as this type; integers serve where numbers are wanted, an empty list where any list is.
    fn from_value(value: &ParameterValue) -> Option<Self>;
    /// The value in its general form.
    fn to_value(&self) -> ParameterValue;
}

/// What a default may be written as: a parameter's type itself, or a string slice for a text.
pub trait ParameterDefault {
    /// The parameter's type.
    type Type: ParameterType;
    /// The default as that type.
    fn into_default(self) -> Self::Type;
}

impl ParameterDefault for &str {
    type Type = String;

    fn into_default(self) -> String {
        self.to_owned()
    }
}

/// The other words for truth values that params files of ROS 2 may use; YAML takes them for texts nowadays.
fn truth(text: &str) -> Option<bool> {
    match text {
        "Y" | "y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "N" | "n" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

macro_rules! parameter_type {
    ($type:ty, $name:literal, $variant:ident, $($pattern:pat => $convert:expr),+) => {
        impl ParameterType for $type {
            const NAME: &'static str = $name;

            fn from_value(value: &ParameterValue) -> Option<Self> {
                match value {
                    $($pattern => $convert,)+
                    _ => None,
                }
            }

            fn to_value(&self) -> ParameterValue {
                ParameterValue::$variant(self.clone())
            }
        }

        impl ParameterDefault for $type {
            type Type = Self;

            fn into_default(self) -> Self {
                self
            }
        }
    };
}

parameter_type!(bool, "truth value (true or false)", Bool,
    ParameterValue::Bool(value) => Some(*value),
    ParameterValue::String(text) => truth(text));
parameter_type!(i64, "whole number", Integer, ParameterValue::Integer(value) => Some(*value));
parameter_type!(f64, "number", Double,
    ParameterValue::Double(value) => Some(*value),
    ParameterValue::Integer(value) => Some(*value as f64));
parameter_type!(String, "text", String, ParameterValue::String(value) => Some(value.clone()));
parameter_type!(Vec<bool>, "list of truth values", Bools,
    ParameterValue::Bools(values) => Some(values.clone()),
    ParameterValue::Doubles(values) => values.is_empty().then(Vec::new));
parameter_type!(Vec<i64>, "list of whole numbers", Integers,
    ParameterValue::Integers(values) => Some(values.clone()),
    ParameterValue::Doubles(values) => values.is_empty().then(Vec::new));
parameter_type!(Vec<f64>, "list of numbers", Doubles,
    ParameterValue::Doubles(values) => Some(values.clone()),
    ParameterValue::Integers(values) => Some(values.iter().map(|value| *value as f64).collect()));
parameter_type!(Vec<String>, "list of texts", Strings,
    ParameterValue::Strings(values) => Some(values.clone()),
    ParameterValue::Doubles(values) => values.is_empty().then(Vec::new));
