//! What is set at one point of a launch file: variables, remappings and the namespace.

use std::collections::BTreeMap;

use crate::{
    error::{Location, Problem},
    plan::Remap,
};

/// The variable that holds the namespace, as in ROS 2, so that groups and includes treat both alike.
const NAMESPACE: &str = "ros_namespace";

/// Variables, remappings and the namespace at one point of a launch file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    variables: BTreeMap<String, String>,
    /// Variables that an include outside a group changed, and which include it was.
    ambiguous: BTreeMap<String, Location>,
    /// Remappings for all nodes that follow.
    pub(crate) remaps: Vec<Remap>,
}

impl Scope {
    pub(crate) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The variable's value; `None` where it is not set.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.ambiguous.get(name) {
            Some(include) => Err(Problem::AmbiguousVariable {
                name: name.to_owned(),
                include: include.clone(),
            }),
            None => Ok(self.variables.get(name).map(String::as_str)),
        }
    }

    pub(crate) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        self.ambiguous.remove(&name);
        self.variables.insert(name, value.into());
    }

    /// The names of all variables that a launch file set.
    pub(crate) fn names(&self) -> Vec<String> {
        self.variables
            .keys()
            .filter(|name| *name != NAMESPACE)
            .cloned()
            .collect()
    }

    /// The absolute namespace.
    pub(crate) fn namespace(&self) -> Result<&str, Problem> {
        Ok(self.get(NAMESPACE)?.unwrap_or("/"))
    }

    /// Enters `namespace`, which is relative to the present one or, with a leading slash, absolute.
    pub(crate) fn push_namespace(&mut self, namespace: &str) -> Result<(), Problem> {
        let joined = join_namespaces(self.namespace()?, namespace)?;
        self.set(NAMESPACE, joined);
        Ok(())
    }

    /// Marks what `included` left different, because `ros2 launch` would go on with the included file's values.
    pub(crate) fn mark_changes(&mut self, included: &Self, include: &Location) {
        for (name, value) in &included.variables {
            if self.variables.get(name) != Some(value) {
                self.ambiguous.insert(name.clone(), include.clone());
            }
        }
        for (name, first) in &included.ambiguous {
            self.ambiguous
                .entry(name.clone())
                .or_insert_with(|| first.clone());
        }
    }
}

/// `namespace` seen from `parent`.
pub(crate) fn join_namespaces(parent: &str, namespace: &str) -> Result<String, Problem> {
    let bad = || Problem::BadName {
        name: namespace.to_owned(),
        namespace: true,
    };
    let parts = match namespace.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None if parent == "/" => namespace.to_owned(),
        None => format!("{}/{namespace}", parent.trim_start_matches('/')),
    };
    let parts = parts.trim_end_matches('/');
    if parts.is_empty() {
        return Ok("/".to_owned());
    }
    if parts.split('/').all(is_name) {
        Ok(format!("/{parts}"))
    } else {
        Err(bad())
    }
}

/// Whether ROS allows `name` for a node.
pub(crate) fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|next| next.is_ascii_alphanumeric() || next == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_join() {
        assert_eq!(join_namespaces("/", "a").unwrap(), "/a");
        assert_eq!(join_namespaces("/a", "b/c").unwrap(), "/a/b/c");
        assert_eq!(join_namespaces("/a", "/b").unwrap(), "/b");
        assert_eq!(join_namespaces("/a", "").unwrap(), "/a");
        assert_eq!(join_namespaces("/", "").unwrap(), "/");
        for bad in ["a b", "1a", "a//b", "ä"] {
            assert!(join_namespaces("/", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_those_of_ros() {
        assert!(is_name("_a1") && is_name("A"));
        assert!(!is_name("") && !is_name("1a") && !is_name("a-b"));
    }
}
