//! Arguments of a launch file: those that it declares, and those that are given.

use std::fmt::Write as _;

use crate::error::{LaunchError, Location};

/// An argument that a launch file declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredArgument {
    /// Its name.
    pub name: String,
    /// What it is when it is not given, as it is written in the file. `None`: it must be given.
    pub default: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it can be; empty where anything goes.
    pub choices: Vec<String>,
    /// Where it is declared.
    pub location: Location,
}

/// Splits `name:=value` arguments.
///
/// # Errors
/// [`LaunchError::MalformedArgument`] where one of them is something else.
pub fn parse_arguments(
    arguments: &[impl AsRef<str>],
) -> Result<Vec<(String, String)>, LaunchError> {
    arguments
        .iter()
        .map(AsRef::as_ref)
        .map(|text| {
            text.split_once(":=")
                .filter(|(name, _)| !name.is_empty())
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .ok_or_else(|| LaunchError::MalformedArgument {
                    text: text.to_owned(),
                })
        })
        .collect()
}

/// The text that `--show-args` prints, in the form that `ros2 launch --show-args` has.
pub fn describe_arguments(arguments: &[DeclaredArgument]) -> String {
    if arguments.is_empty() {
        return "No arguments.\n".to_owned();
    }
    let mut text = "Arguments (pass arguments as '<name>:=<value>'):\n".to_owned();
    for argument in arguments {
        let description = argument
            .description
            .as_deref()
            .unwrap_or("no description given")
            .trim_end_matches('.');
        let choices = if argument.choices.is_empty() {
            String::new()
        } else {
            format!(". Valid choices are: {:?}", argument.choices)
        };
        let default = argument
            .default
            .as_deref()
            .map_or_else(String::new, |default| {
                format!("        (default: '{default}')\n")
            });
        // Writing to a string cannot fail.
        write!(
            text,
            "\n    '{}':\n        {description}{choices}\n{default}",
            argument.name
        )
        .ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_split_at_the_first_sign() {
        assert_eq!(
            parse_arguments(&["a:=1", "url:=x:=y", "empty:="]).unwrap(),
            [("a", "1"), ("url", "x:=y"), ("empty", "")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
    }

    #[test]
    fn other_forms_are_refused_with_an_example() {
        for bad in ["seed=3", ":=3", "seed", "--seed"] {
            let error = parse_arguments(&[bad]).unwrap_err().to_string();
            assert!(error.contains(bad) && error.contains("seed:=3"), "{error}");
        }
    }
}
