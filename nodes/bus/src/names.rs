//! Names of nodes, topics and services: the rules of ROS 2, remapping included.
//!
//! | written | in node `arm` of namespace `/cell` | called |
//! |---|---|---|
//! | `joint_states` | `/cell/joint_states` | relative |
//! | `/joint_states` | `/joint_states` | absolute |
//! | `~/status` | `/cell/arm/status` | private |
//! | `{node}/status` | `/cell/arm/status` | with a substitution (`{node}`, `{ns}`, `{namespace}`) |

use std::{fmt, str::FromStr};

/// A name that breaks the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not a valid name.
    #[error("{what} name {name:?}: {reason}")]
    Invalid {
        /// What is named: topic, node, ...
        what: &'static str,
        /// The name as it was given.
        name: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// Not a valid remap rule.
    #[error(
        "remap rule {rule:?}: {reason}; write from:=to, node:from:=to, __node:=name or __ns:=/namespace"
    )]
    Rule {
        /// The rule as it was given.
        rule: String,
        /// What is wrong.
        reason: String,
    },
}

/// A full node name: namespace and base name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName {
    namespace: String,
    base: String,
}

impl NodeName {
    /// From a namespace (empty or `/` for the root; a leading slash may be left out) and a base name.
    pub fn new(namespace: &str, base: &str) -> Result<Self, NameError> {
        check_token("node", base, base)?;
        let trimmed = namespace.trim_start_matches('/');
        if trimmed.is_empty() {
            return Ok(Self {
                namespace: "/".into(),
                base: base.into(),
            });
        }
        let namespace = format!("/{trimmed}");
        check_absolute("namespace", namespace.as_str(), namespace.as_str())?;
        Ok(Self {
            namespace,
            base: base.into(),
        })
    }

    /// Name within the namespace.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Namespace, beginning with a slash.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The absolute name that `name` stands for in this node, before remapping.
    pub fn expand(&self, what: &'static str, name: &str) -> Result<String, NameError> {
        let invalid = |reason| NameError::Invalid {
            what,
            name: name.into(),
            reason,
        };
        let substituted = name
            .replace("{node}", &self.base)
            .replace("{ns}", &self.namespace)
            .replace("{namespace}", &self.namespace);
        let full = match substituted.strip_prefix('~') {
            Some("") => self.to_string(),
            Some(rest) if rest.starts_with('/') => format!("{self}{rest}"),
            Some(_) => {
                return Err(invalid(
                    "~ must stand alone or before a slash, as in ~/status",
                ));
            }
            None if substituted.starts_with('/') => substituted,
            None if substituted.is_empty() => return Err(invalid("is empty")),
            None => format!("{}/{substituted}", self.namespace.trim_end_matches('/')),
        };
        check_absolute(what, name, &full)?;
        Ok(full)
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}/{}",
            self.namespace.trim_end_matches('/'),
            self.base
        )
    }
}

/// One remap rule: `from:=to`, `node:from:=to`, `__node:=name` or `__ns:=/namespace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remap {
    /// Base name of the only node it applies to, when it is for one node.
    node: Option<String>,
    kind: RemapKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum RemapKind {
    NodeName(String),
    Namespace(String),
    Name { from: String, to: String },
}

impl Remap {
    /// Both sides of a rule for topics and services; `None` for one that changes a node's name or namespace.
    pub fn names(&self) -> Option<(&str, &str)> {
        match &self.kind {
            RemapKind::Name { from, to } => Some((from, to)),
            RemapKind::NodeName(_) | RemapKind::Namespace(_) => None,
        }
    }
}

impl FromStr for Remap {
    type Err = NameError;

    fn from_str(rule: &str) -> Result<Self, NameError> {
        let error = |reason: &str| NameError::Rule {
            rule: rule.into(),
            reason: reason.into(),
        };
        let (left, to) = rule.split_once(":=").ok_or_else(|| error("has no :="))?;
        if left.contains("://") {
            return Err(error("is of a kind not supported"));
        }
        let (node, from) = match left.split_once(':') {
            Some((_, "")) => return Err(error("the left side is empty")),
            Some((node, from)) => {
                check_token("node", node, node).map_err(|why| error(&why.to_string()))?;
                (Some(node.to_owned()), from)
            }
            None => (None, left),
        };
        if from.is_empty() {
            return Err(error("the left side is empty"));
        }
        if to.is_empty() {
            return Err(error("the right side is empty"));
        }
        let kind = match from {
            "__node" | "__name" => {
                check_token("node", to, to).map_err(|why| error(&why.to_string()))?;
                RemapKind::NodeName(to.into())
            }
            "__ns" => {
                NodeName::new(to, "node").map_err(|why| error(&why.to_string()))?;
                RemapKind::Namespace(to.into())
            }
            _ if from.starts_with("__") => {
                return Err(error("is of a kind not supported"));
            }
            _ => RemapKind::Name {
                from: from.into(),
                to: to.into(),
            },
        };
        Ok(Self { node, kind })
    }
}

/// The remap rules of one node, in order: the first that fits wins.
#[derive(Debug, Clone, Default)]
pub(crate) struct RemapRules(Vec<Remap>);

impl RemapRules {
    pub(crate) fn new(rules: impl IntoIterator<Item = Remap>) -> Self {
        Self(rules.into_iter().collect())
    }

    /// The node's own name after `__node` and `__ns`.
    pub(crate) fn node_name(&self, namespace: &str, base: &str) -> Result<NodeName, NameError> {
        let for_this = |rule: &&Remap| rule.node.as_deref().is_none_or(|node| node == base);
        let new_base = self
            .0
            .iter()
            .filter(for_this)
            .find_map(|rule| match &rule.kind {
                RemapKind::NodeName(name) => Some(name.as_str()),
                _ => None,
            });
        let new_namespace = self
            .0
            .iter()
            .filter(for_this)
            .find_map(|rule| match &rule.kind {
                RemapKind::Namespace(namespace) => Some(namespace.as_str()),
                _ => None,
            });
        NodeName::new(new_namespace.unwrap_or(namespace), new_base.unwrap_or(base))
    }

    /// The absolute name of a topic or service after remapping.
    pub(crate) fn resolve(
        &self,
        node: &NodeName,
        what: &'static str,
        name: &str,
    ) -> Result<String, NameError> {
        let full = node.expand(what, name)?;
        for rule in &self.0 {
            let RemapKind::Name { from, to } = &rule.kind else {
                continue;
            };
            if rule.node.as_deref().is_some_and(|only| only != node.base()) {
                continue;
            }
            if node.expand(what, from)? == full {
                return node.expand(what, to);
            }
        }
        Ok(full)
    }
}

fn check_absolute(what: &'static str, given: &str, full: &str) -> Result<(), NameError> {
    let invalid = |reason| NameError::Invalid {
        what,
        name: given.into(),
        reason,
    };
    let Some(tokens) = full.strip_prefix('/') else {
        return Err(invalid("must begin with a slash"));
    };
    if tokens.ends_with('/') {
        return Err(invalid("must not end with a slash"));
    }
    tokens
        .split('/')
        .try_for_each(|token| check_token(what, given, token))
}

fn check_token(what: &'static str, given: &str, token: &str) -> Result<(), NameError> {
    let invalid = |reason| {
        Err(NameError::Invalid {
            what,
            name: given.into(),
            reason,
        })
    };
    if token.is_empty() {
        return invalid("has an empty part");
    }
    if token.starts_with(|first: char| first.is_ascii_digit()) {
        return invalid("has a part that begins with a digit");
    }
    if !token.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return invalid("may hold only letters, digits, underscores and slashes");
    }
    Ok(())
}

/// The known names nearest to `wanted` by edit distance, best first, at most two.
pub(crate) fn similar<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut ranked: Vec<(usize, &str)> = known
        .into_iter()
        .map(|name| (edit_distance(wanted, name), name))
        .filter(|(distance, name)| *distance <= 1 + wanted.len().min(name.len()) / 2)
        .collect();
    ranked.sort_unstable();
    ranked
        .into_iter()
        .take(2)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Levenshtein distance over characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = *cell;
            left = substituted.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arm() -> NodeName {
        NodeName::new("/cell", "arm").unwrap()
    }

    fn resolve(rules: &[&str], name: &str) -> String {
        let rules = RemapRules::new(rules.iter().map(|rule| rule.parse().unwrap()));
        rules.resolve(&arm(), "topic", name).unwrap()
    }

    #[test]
    fn names_expand_as_in_ros() {
        assert_eq!(resolve(&[], "joint_states"), "/cell/joint_states");
        assert_eq!(resolve(&[], "/joint_states"), "/joint_states");
        assert_eq!(resolve(&[], "~/status"), "/cell/arm/status");
        assert_eq!(resolve(&[], "~"), "/cell/arm");
        assert_eq!(resolve(&[], "{node}/status"), "/cell/arm/status");
        let root = NodeName::new("", "arm").unwrap();
        assert_eq!(root.expand("topic", "tf").unwrap(), "/tf");
        assert_eq!(root.expand("topic", "~/x").unwrap(), "/arm/x");
    }

    #[test]
    fn bad_names_say_which_rule_they_break() {
        for (name, reason) in [
            ("", "empty"),
            ("a//b", "empty part"),
            ("a/", "end with a slash"),
            ("2nd", "digit"),
            ("a-b", "only letters"),
            ("~status", "~ must stand"),
            ("größe", "only letters"),
        ] {
            let error = arm().expand("topic", name).unwrap_err().to_string();
            assert!(error.contains(reason), "{name:?}: {error}");
        }
    }

    #[test]
    fn remap_compares_expanded_names_and_the_first_rule_wins() {
        assert_eq!(
            resolve(
                &["joint_states:=states", "joint_states:=never"],
                "joint_states"
            ),
            "/cell/states"
        );
        assert_eq!(
            resolve(&["/cell/joint_states:=/all"], "joint_states"),
            "/all"
        );
        assert_eq!(
            resolve(&["joint_states:=/all"], "/joint_states"),
            "/joint_states"
        );
        assert_eq!(resolve(&["~/status:=state"], "~/status"), "/cell/state");
    }

    #[test]
    fn remap_for_one_node_leaves_others_alone() {
        assert_eq!(resolve(&["arm:a:=b"], "a"), "/cell/b");
        assert_eq!(resolve(&["hand:a:=b"], "a"), "/cell/a");
    }

    #[test]
    fn node_and_namespace_can_be_remapped() {
        let rules =
            RemapRules::new(["__node:=left", "__ns:=/lab"].map(|rule| rule.parse().unwrap()));
        assert_eq!(
            rules.node_name("/cell", "arm").unwrap().to_string(),
            "/lab/left"
        );
        let other = RemapRules::new(["hand:__node:=left".parse().unwrap()]);
        assert_eq!(
            other.node_name("/cell", "arm").unwrap().to_string(),
            "/cell/arm"
        );
    }

    #[test]
    fn bad_rules_are_refused() {
        for rule in [
            "a",
            "a:=",
            ":=b",
            "x:__node:=a b",
            "__log:=x",
            "rostopic://a:=b",
            "a:b:c",
        ] {
            assert!(rule.parse::<Remap>().is_err(), "{rule}");
        }
    }

    #[test]
    fn nearest_names_come_first() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(
            similar("policy/strat", ["arm/stop", "policy/stop", "policy/start"]),
            ["policy/start", "policy/stop"]
        );
        assert!(similar("x", ["entirely_else"]).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_expanded_or_refused(name in ".{0,20}", rule in ".{0,20}") {
            if let Ok(full) = arm().expand("topic", &name) {
                prop_assert_eq!(arm().expand("topic", &full).unwrap(), full);
            }
            rule.parse::<Remap>().ok();
        }

        #[test]
        fn edit_distance_is_symmetric(a in "[a-c]{0,8}", b in "[a-c]{0,8}") {
            prop_assert_eq!(edit_distance(&a, &b), edit_distance(&b, &a));
        }
    }
}
