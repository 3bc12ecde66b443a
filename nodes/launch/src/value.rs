//! Parameter values, and how ROS 2 guesses their type from text.

use std::fmt;

use serde_yaml::Value;

/// A parameter's value, of one of the types that ROS 2 parameters have.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamValue {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Str(String),
    /// A list of truth values.
    BoolList(Vec<bool>),
    /// A list of whole numbers.
    IntList(Vec<i64>),
    /// A list of numbers.
    FloatList(Vec<f64>),
    /// A list of texts.
    StrList(Vec<String>),
}

impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<T: fmt::Debug>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
            f.debug_list().entries(items).finish()
        }
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Str(value) => write!(f, "{value:?}"),
            Self::BoolList(items) => list(f, items),
            Self::IntList(items) => list(f, items),
            Self::FloatList(items) => list(f, items),
            Self::StrList(items) => list(f, items),
        }
    }
}

/// The type that a `type` attribute asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// No `type` attribute: guess.
    Guess,
    Bool,
    Int,
    Float,
    Str,
    BoolList,
    IntList,
    FloatList,
    StrList,
}

impl Wanted {
    /// The names that a `type` attribute can have.
    pub(crate) const NAMES: &str = "write bool, int, float, str, list_of_bool, list_of_int, list_of_float or list_of_str, or leave it out";

    /// Reads a `type` attribute.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "auto" => Self::Guess,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "float" => Self::Float,
            "str" => Self::Str,
            "list_of_bool" => Self::BoolList,
            "list_of_int" => Self::IntList,
            "list_of_float" => Self::FloatList,
            "list_of_str" => Self::StrList,
            _ => return None,
        })
    }
}

impl ParamValue {
    /// Reads a `value` attribute: as `wanted`, or as the YAML that it looks like.
    pub(crate) fn read(text: &str, wanted: Wanted) -> Result<Self, String> {
        if wanted == Wanted::Str {
            return Ok(Self::Str(text.to_owned()));
        }
        // Text that is no YAML, such as `a: b: c`, is text.
        let guessed = match serde_yaml::from_str::<Value>(text) {
            Ok(Value::Sequence(items)) => Self::list(
                items
                    .into_iter()
                    .map(|item| scalar(item, None))
                    .collect::<Result<_, _>>()?,
            )?,
            Ok(value) => scalar(value, Some(text))?,
            Err(_) => Self::Str(text.to_owned()),
        };
        guessed.cast(wanted)
    }

    /// Reads a `value` attribute with a `value-sep`.
    pub(crate) fn read_list(text: &str, separator: &str, wanted: Wanted) -> Result<Self, String> {
        let items: Vec<&str> = if text.is_empty() {
            Vec::new()
        } else {
            text.split(separator).collect()
        };
        if wanted == Wanted::StrList {
            return Ok(Self::StrList(
                items.into_iter().map(str::to_owned).collect(),
            ));
        }
        let items = items
            .into_iter()
            .map(|item| Self::read(item.trim(), Wanted::Guess));
        Self::list(items.collect::<Result<_, _>>()?)?.cast(wanted)
    }

    /// One list out of scalars of one type; whole numbers among numbers become numbers.
    fn list(items: Vec<Self>) -> Result<Self, String> {
        fn all<T>(items: &[ParamValue], pick: impl Fn(&ParamValue) -> Option<T>) -> Option<Vec<T>> {
            items.iter().map(pick).collect()
        }
        let ints = all(&items, |item| {
            if let Self::Int(value) = item {
                Some(*value)
            } else {
                None
            }
        });
        if let Some(ints) = ints.filter(|ints| !ints.is_empty()) {
            return Ok(Self::IntList(ints));
        }
        all(&items, |item| {
            if let Self::Bool(value) = item {
                Some(*value)
            } else {
                None
            }
        })
        .filter(|bools| !bools.is_empty())
        .map(Self::BoolList)
        .or_else(|| {
            all(&items, Self::as_float)
                .filter(|floats| !floats.is_empty())
                .map(Self::FloatList)
        })
        .or_else(|| {
            all(&items, |item| {
                if let Self::Str(value) = item {
                    Some(value.clone())
                } else {
                    None
                }
            })
            .map(Self::StrList)
        })
        .ok_or_else(|| "a list must hold values of one type".to_owned())
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "parameters are far below 2^53, and ROS 2 does the same"
    )]
    fn as_float(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "parameters are far below 2^53, and ROS 2 does the same"
    )]
    fn cast(self, wanted: Wanted) -> Result<Self, String> {
        Ok(match (wanted, self) {
            (Wanted::Guess, value)
            | (Wanted::Bool, value @ Self::Bool(_))
            | (Wanted::Int, value @ Self::Int(_))
            | (Wanted::Float, value @ Self::Float(_))
            | (Wanted::Str, value @ Self::Str(_))
            | (Wanted::BoolList, value @ Self::BoolList(_))
            | (Wanted::IntList, value @ Self::IntList(_))
            | (Wanted::FloatList, value @ Self::FloatList(_))
            | (Wanted::StrList, value @ Self::StrList(_)) => value,
            (Wanted::Float, Self::Int(value)) => Self::Float(value as f64),
            (Wanted::FloatList, Self::IntList(items)) => {
                Self::FloatList(items.into_iter().map(|item| item as f64).collect())
            }
            (Wanted::BoolList, Self::StrList(items)) if items.is_empty() => {
                Self::BoolList(Vec::new())
            }
            (Wanted::IntList, Self::StrList(items)) if items.is_empty() => {
                Self::IntList(Vec::new())
            }
            (Wanted::FloatList, Self::StrList(items)) if items.is_empty() => {
                Self::FloatList(Vec::new())
            }
            (wanted, value) => {
                return Err(format!("its type is to be {wanted:?}, but {value} is not"));
            }
        })
    }
}

/// A scalar, or, for a whole value, the text of what YAML would make something else (nothing, a map).
fn scalar(value: Value, whole: Option<&str>) -> Result<ParamValue, String> {
    Ok(match (value, whole) {
        (Value::Bool(value), _) => ParamValue::Bool(value),
        (Value::Number(number), _) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => ParamValue::Int(value),
            (None, Some(value)) if number.is_f64() => ParamValue::Float(value),
            _ => return Err("it does not fit into 64 bits".to_owned()),
        },
        (Value::String(text), _) => {
            yaml_1_1_bool(&text).map_or(ParamValue::Str(text), ParamValue::Bool)
        }
        (_, Some(text)) => ParamValue::Str(text.to_owned()),
        (_, None) => return Err("a list must hold truth values, numbers or texts only".to_owned()),
    })
}

/// ROS 2 reads values with YAML 1.1, where these words are truth values too.
fn yaml_1_1_bool(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "True" | "TRUE" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(text: &str) -> ParamValue {
        ParamValue::read(text, Wanted::Guess).unwrap()
    }

    #[test]
    fn types_are_guessed_as_ros_2_does() {
        assert_eq!(guess("true"), ParamValue::Bool(true));
        assert_eq!(guess("True"), ParamValue::Bool(true));
        assert_eq!(guess("off"), ParamValue::Bool(false));
        assert_eq!(guess("5"), ParamValue::Int(5));
        assert_eq!(guess("-0x10"), ParamValue::Int(-16));
        assert_eq!(guess("5."), ParamValue::Float(5.0));
        assert_eq!(guess("7.5"), ParamValue::Float(7.5));
        assert_eq!(guess("abc"), ParamValue::Str("abc".to_owned()));
        assert_eq!(guess("'5'"), ParamValue::Str("5".to_owned()));
        assert_eq!(guess(""), ParamValue::Str(String::new()));
        assert_eq!(
            guess("tcp://127.0.0.1:30004"),
            ParamValue::Str("tcp://127.0.0.1:30004".to_owned())
        );
    }

    #[test]
    fn lists_have_one_type() {
        assert_eq!(guess("[1, 2]"), ParamValue::IntList(vec![1, 2]));
        assert_eq!(guess("[1, 2.5]"), ParamValue::FloatList(vec![1.0, 2.5]));
        assert_eq!(
            guess("[a, b]"),
            ParamValue::StrList(vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(guess("[]"), ParamValue::StrList(Vec::new()));
        assert!(
            ParamValue::read("[1, a]", Wanted::Guess)
                .unwrap_err()
                .contains("one type")
        );
        assert!(ParamValue::read("[[1]]", Wanted::Guess).is_err());
    }

    #[test]
    fn wanted_types_are_kept_to() {
        assert_eq!(
            ParamValue::read("5", Wanted::Str),
            Ok(ParamValue::Str("5".to_owned()))
        );
        assert_eq!(
            ParamValue::read("5", Wanted::Float),
            Ok(ParamValue::Float(5.0))
        );
        assert!(ParamValue::read("5.5", Wanted::Int).is_err());
        assert_eq!(
            ParamValue::read("[]", Wanted::FloatList),
            Ok(ParamValue::FloatList(Vec::new()))
        );
    }

    #[test]
    fn separated_lists() {
        assert_eq!(
            ParamValue::read_list("1;2; 3", ";", Wanted::Guess),
            Ok(ParamValue::IntList(vec![1, 2, 3]))
        );
        assert_eq!(
            ParamValue::read_list("1;2", ";", Wanted::StrList),
            Ok(ParamValue::StrList(vec!["1".to_owned(), "2".to_owned()]))
        );
    }

    #[test]
    fn numbers_beyond_64_bits_are_refused() {
        assert!(
            ParamValue::read("18446744073709551615", Wanted::Guess)
                .unwrap_err()
                .contains("64 bits")
        );
    }
}
