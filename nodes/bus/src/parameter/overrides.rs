//! Values given from outside, and how they meet a node's declarations.

use super::{
    Declared, FileError, Parameter, ParameterError, ParameterSpec, ParameterType, ParameterValue,
    file,
};
use crate::names::{self, NodeName};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where a parameter's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The node's own default.
    Default,
    /// A params file.
    File {
        /// The file.
        path: Arc<Path>,
        /// Key of the section, for example `/**` or `/segmentation`.
        section: Arc<str>,
    },
    /// `name:=value` on the command line or in a launch file.
    Inline,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("the default"),
            Self::File { path, section } => {
                write!(formatter, "file {} (section {section})", path.display())
            }
            Self::Inline => formatter.write_str("the inline assignment"),
        }
    }
}

/// One value given from outside.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Override {
    /// Which nodes it is for: a full name with `*` for one part and `**` for any number of parts.
    pub(crate) pattern: String,
    pub(crate) name: String,
    pub(crate) value: ParameterValue,
    /// An inline value as it was written: where a text is wanted, `7` is the text 7.
    pub(crate) text: Option<String>,
    pub(crate) origin: Origin,
}

const ALL_NODES: &str = "/**";

/// Stands for a secret that is set.
const SECRET: &str = "(secret)";

impl Override {
    fn is_for_all(&self) -> bool {
        self.pattern == ALL_NODES
    }

    /// Whether a section for one node wins over it wherever that stands. What is assigned inline is meant for the nodes
    /// that are started with it.
    fn yields(&self) -> bool {
        self.pattern.contains('*') && self.origin != Origin::Inline
    }
}

/// Parameter values given from outside, in order: later ones win, but what a params file says of one node by its full
/// name wins over what any file says of many (`/**`).
///
/// That is the rule of ROS 2's launch and of rclpy. rclcpp (Humble and newer) has it for files that name the wildcard
/// first, and goes by the first mention of each section where the wildcard comes after the node.
#[derive(Debug, Clone, Default)]
pub struct ParameterOverrides {
    values: Vec<Override>,
}

impl ParameterOverrides {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the values of a params file in ROS 2's format.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Result<Self, ParameterError> {
        let path = path.into();
        let text = std::fs::read_to_string(&path).map_err(|why| FileError::Read {
            path: path.clone(),
            reason: why.to_string(),
        })?;
        self.values.extend(file::parse(&path, &text)?);
        Ok(self)
    }

    /// Adds `name:=value` for every node these overrides are given to, or `node:name:=value` for one. The value is
    /// YAML: `7.5`, `true`, `[1, 2]`, `text`.
    pub fn assignment(self, text: &str) -> Result<Self, ParameterError> {
        let error = |reason: &str| ParameterError::Assignment {
            text: text.into(),
            reason: reason.into(),
        };
        let (left, value) = text.split_once(":=").ok_or_else(|| error("has no :="))?;
        match left.split_once(':') {
            None => self.insert(ALL_NODES, left, value),
            Some((node, name)) => self.insert(
                &format!("/**/{}", node.trim_start_matches('/')),
                name,
                value,
            ),
        }
    }

    /// Adds a value, as text in YAML, for every node these overrides are given to.
    pub fn set(self, name: &str, value: &str) -> Result<Self, ParameterError> {
        self.insert(ALL_NODES, name, value)
    }

    fn insert(mut self, pattern: &str, name: &str, text: &str) -> Result<Self, ParameterError> {
        let error = |reason: String| ParameterError::Assignment {
            text: format!("{name}:={text}"),
            reason,
        };
        if name.is_empty() {
            return Err(error("the name is empty".into()));
        }
        let value = match serde_yaml::from_str::<serde_yaml::Value>(text) {
            Ok(serde_yaml::Value::Null) => ParameterValue::String(text.into()),
            Ok(yaml) => {
                ParameterValue::from_yaml(&yaml).map_err(|why| error(format!("the value {why}")))?
            }
            Err(why) => return Err(error(format!("the value is not YAML: {why}"))),
        };
        self.values.push(Override {
            pattern: pattern.into(),
            name: name.into(),
            value,
            text: Some(text.into()),
            origin: Origin::Inline,
        });
        Ok(self)
    }

    /// The value for this node, by its full name, as it was given last.
    pub(crate) fn get(&self, node: &NodeName, name: &str) -> Option<&ParameterValue> {
        let given = self.for_node(node);
        let last = given.into_iter().rev().find(|given| given.name == name);
        last.map(|given| &given.value)
    }

    /// What is for this node, by its full name, the winning ones last.
    fn for_node(&self, node: &NodeName) -> Vec<&Override> {
        let full = node.to_string();
        let fitting = self.values.iter();
        let mut fitting: Vec<_> = fitting
            .filter(|value| matches(&value.pattern, &full))
            .collect();
        fitting.sort_by_key(|value| !value.yields());
        fitting
    }

    pub(crate) fn extend(&mut self, more: Self) {
        self.values.extend(more.values);
    }

    /// Makes what is for all nodes be for this one only, so that it must be declared there.
    pub(crate) fn inline_only_for(mut self, node: &NodeName) -> Self {
        for value in &mut self.values {
            if value.origin == Origin::Inline && value.is_for_all() {
                value.pattern = node.to_string();
            }
        }
        self
    }
}

/// The parameters of one node.
#[derive(Debug)]
pub(crate) struct NodeParameters {
    node: NodeName,
    given: Vec<Override>,
    declared: BTreeMap<String, Declared>,
}

impl NodeParameters {
    pub(crate) fn new(node: NodeName, overrides: &ParameterOverrides) -> Self {
        let given = overrides.for_node(&node).into_iter().cloned().collect();
        Self {
            node,
            given,
            declared: BTreeMap::new(),
        }
    }

    pub(crate) fn declare<T: ParameterType>(
        &mut self,
        spec: ParameterSpec<T>,
    ) -> Result<Parameter<T>, ParameterError> {
        let ParameterSpec {
            name,
            default,
            description,
            allowed,
            is_secret,
        } = spec;
        let node = self.node.to_string();
        if self.declared.contains_key(&name) {
            return Err(ParameterError::DeclaredTwice { node, name });
        }
        let (value, origin) = match self.given.iter().rev().find(|given| given.name == name) {
            None => (default.clone(), Origin::Default),
            Some(given) => {
                let as_text = || {
                    given
                        .text
                        .clone()
                        .and_then(|text| T::from_value(&ParameterValue::String(text)))
                };
                let value = T::from_value(&given.value)
                    .or_else(as_text)
                    .ok_or_else(|| ParameterError::Type {
                        node: node.clone(),
                        name: name.clone(),
                        origin: given.origin.clone(),
                        given: Box::new(given.value.clone()),
                        wanted: T::NAME,
                    })?;
                (value, given.origin.clone())
            }
        };
        if let Some(allowed) = &allowed
            && !allowed.admits(&value.to_value())
        {
            return Err(ParameterError::Range {
                node,
                name,
                origin,
                given: Box::new(value.to_value()),
                allowed: allowed.to_string().into(),
            });
        }
        let shown = match value.to_value() {
            ParameterValue::String(text) if is_secret && !text.is_empty() => {
                ParameterValue::String(SECRET.into())
            }
            shown => shown,
        };
        let declared = Declared {
            name: name.clone(),
            value: shown,
            default: default.to_value(),
            description,
            allowed: allowed.as_ref().map(ToString::to_string),
            origin: origin.clone(),
            limits: allowed,
        };
        self.declared.insert(name, declared);
        Ok(Parameter::new(value, origin))
    }

    pub(crate) fn declared(&self) -> impl Iterator<Item = &Declared> {
        self.declared.values()
    }

    /// What was given to this node by name but not declared.
    pub(crate) fn first_undeclared(&self) -> Option<ParameterError> {
        let given = self.given.iter().filter(|given| !given.is_for_all());
        let stray = given
            .into_iter()
            .find(|given| !self.declared.contains_key(&given.name))?;
        Some(ParameterError::Undeclared {
            node: self.node.to_string(),
            name: stray.name.clone(),
            origin: stray.origin.clone(),
            similar: names::similar(&stray.name, self.declared.keys().map(String::as_str)),
        })
    }

    fn given_to_all(&self) -> impl Iterator<Item = &Override> {
        self.given.iter().filter(|given| given.is_for_all())
    }
}

/// What was given to all nodes but is declared by none of them.
pub(crate) fn first_undeclared_wildcard<'a>(
    nodes: impl Iterator<Item = &'a NodeParameters> + Clone,
) -> Option<ParameterError> {
    let declared: BTreeSet<&str> = nodes
        .clone()
        .flat_map(|node| node.declared.keys())
        .map(String::as_str)
        .collect();
    let stray = nodes
        .flat_map(NodeParameters::given_to_all)
        .find(|given| !declared.contains(given.name.as_str()))?;
    Some(ParameterError::UndeclaredByAll {
        name: stray.name.clone(),
        origin: stray.origin.clone(),
        similar: names::similar(&stray.name, declared),
    })
}

/// Whether a node's full name fits a pattern of `*` (one part) and `**` (any number of parts).
fn matches(pattern: &str, name: &str) -> bool {
    fn parts_match(pattern: &[&str], name: &[&str]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            (["**", rest @ ..], _) => (0..=name.len())
                .any(|skipped| parts_match(rest, name.get(skipped..).unwrap_or(&[]))),
            ([first, rest @ ..], [part, name @ ..]) => {
                (*first == "*" || first == part) && parts_match(rest, name)
            }
            _ => false,
        }
    }
    let parts = |text: &str| -> Vec<String> {
        text.split('/')
            .filter(|p| !p.is_empty())
            .map(Into::into)
            .collect()
    };
    let (pattern, name) = (parts(pattern), parts(name));
    let pattern: Vec<&str> = pattern.iter().map(String::as_str).collect();
    let name: Vec<&str> = name.iter().map(String::as_str).collect();
    parts_match(&pattern, &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_ros() {
        for (pattern, name, expected) in [
            ("/**", "/a/b", true),
            ("/*", "/a", true),
            ("/*", "/a/b", false),
            ("/**/b", "/a/b", true),
            ("/**/b", "/b", true),
            ("/a/*", "/a/b", true),
            ("/b", "/a/b", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
