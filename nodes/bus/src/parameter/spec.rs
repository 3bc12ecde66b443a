//! What a node says about a parameter, and the handle it gets.

use super::{Origin, ParameterDefault, ParameterType, ParameterValue};
use std::{fmt, ops::RangeInclusive};

/// Name, default, description and allowed values of a parameter.
#[derive(Debug, Clone)]
pub struct ParameterSpec<T> {
    pub(crate) name: String,
    pub(crate) default: T,
    pub(crate) description: String,
    pub(crate) allowed: Option<Allowed>,
    pub(crate) is_secret: bool,
}

/// Which values of the right type are allowed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Allowed {
    Integers(RangeInclusive<i64>),
    Numbers(RangeInclusive<f64>),
    Texts(Vec<String>),
}

impl Allowed {
    pub(crate) fn admits(&self, value: &ParameterValue) -> bool {
        match (self, value) {
            (Self::Integers(range), ParameterValue::Integer(value)) => range.contains(value),
            (Self::Integers(range), ParameterValue::Integers(values)) => {
                values.iter().all(|v| range.contains(v))
            }
            (Self::Numbers(range), ParameterValue::Double(value)) => range.contains(value),
            (Self::Numbers(range), ParameterValue::Doubles(values)) => {
                values.iter().all(|v| range.contains(v))
            }
            (Self::Texts(texts), ParameterValue::String(value)) => texts.contains(value),
            (Self::Texts(texts), ParameterValue::Strings(values)) => {
                values.iter().all(|v| texts.contains(v))
            }
            _ => false,
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integers(range) => write!(formatter, "from {} to {}", range.start(), range.end()),
            Self::Numbers(range) => write!(formatter, "from {} to {}", range.start(), range.end()),
            Self::Texts(texts) => write!(formatter, "one of {}", texts.join(", ")),
        }
    }
}

impl<T: ParameterType> ParameterSpec<T> {
    /// A parameter with this name and default.
    pub fn new(name: impl Into<String>, default: impl ParameterDefault<Type = T>) -> Self {
        Self {
            name: name.into(),
            default: default.into_default(),
            description: String::new(),
            allowed: None,
            is_secret: false,
        }
    }

    /// What it does, with its unit.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }
}

impl ParameterSpec<f64> {
    /// Smallest and largest allowed value.
    #[must_use]
    pub fn range(mut self, range: RangeInclusive<f64>) -> Self {
        self.allowed = Some(Allowed::Numbers(range));
        self
    }
}

impl ParameterSpec<Vec<f64>> {
    /// Smallest and largest allowed value of every element.
    #[must_use]
    pub fn range(mut self, range: RangeInclusive<f64>) -> Self {
        self.allowed = Some(Allowed::Numbers(range));
        self
    }
}

impl ParameterSpec<i64> {
    /// Smallest and largest allowed value.
    #[must_use]
    pub fn range(mut self, range: RangeInclusive<i64>) -> Self {
        self.allowed = Some(Allowed::Integers(range));
        self
    }
}

impl ParameterSpec<Vec<i64>> {
    /// Smallest and largest allowed value of every element.
    #[must_use]
    pub fn range(mut self, range: RangeInclusive<i64>) -> Self {
        self.allowed = Some(Allowed::Integers(range));
        self
    }
}

impl ParameterSpec<String> {
    /// For the node only: whoever asks from outside, or lists what is declared, hears whether it is set and no more.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// The allowed texts.
    #[must_use]
    pub fn one_of(mut self, texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed = Some(Allowed::Texts(texts.into_iter().map(Into::into).collect()));
        self
    }
}

/// A declared parameter.
#[derive(Debug, Clone)]
pub struct Parameter<T> {
    value: T,
    origin: Origin,
}

impl<T: ParameterType> Parameter<T> {
    pub(crate) fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// The value.
    pub fn get(&self) -> T {
        self.value.clone()
    }

    /// Where the value comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// A declared parameter in its general form, for listings.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Name.
    pub name: String,
    /// Value now; of a secret only a word that there is one.
    pub value: ParameterValue,
    /// Default.
    pub default: ParameterValue,
    /// What it does.
    pub description: String,
    /// Allowed values in words, when limited.
    pub allowed: Option<String>,
    /// Where the value comes from.
    pub origin: Origin,
    pub(crate) limits: Option<Allowed>,
}
