//! Launch files in a folder of their own.

use std::{collections::BTreeMap, fs, path::PathBuf};

use launch::{LaunchError, LaunchPlan, Launcher, ParamValue, parse_arguments};
use tempfile::TempDir;

/// A folder with launch files, the first of which is `main.launch`.
pub(crate) struct Files {
    directory: TempDir,
}

impl Files {
    /// A folder whose `main.launch` has `body` inside `<launch>`.
    pub(crate) fn new(body: &str) -> Self {
        let files = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        files.with("main.launch", &format!("<launch>\n{body}\n</launch>"))
    }

    pub(crate) fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn launcher(&self) -> Launcher {
        let environment = BTreeMap::from([("HOME".to_owned(), "/home/user".to_owned())]);
        Launcher::new()
            .with_environment(environment)
            .with_package("grasp_anything", self.directory.path())
    }

    pub(crate) fn plan(&self, arguments: &[&str]) -> Result<LaunchPlan, LaunchError> {
        self.launcher()
            .plan(&self.path("main.launch"), &parse_arguments(arguments)?)
    }

    /// The error's text, without the folder's name.
    pub(crate) fn refusal(&self, arguments: &[&str]) -> String {
        let error = self.plan(arguments).unwrap_err().to_string();
        error.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

/// The inline parameters of the node `full_name`.
pub(crate) fn params(plan: &LaunchPlan, full_name: &str) -> BTreeMap<String, ParamValue> {
    let node = plan.nodes.iter().find(|node| node.full_name() == full_name);
    let node = node.unwrap_or_else(|| panic!("no node {full_name} in {:?}", plan.nodes));
    node.params
        .iter()
        .filter_map(|param| match param {
            launch::ParamSource::Inline { name, value, .. } => Some((name.clone(), value.clone())),
            launch::ParamSource::File { .. } => None,
        })
        .collect()
}

/// The text parameter `name` of the node `/n`.
pub(crate) fn text(plan: &LaunchPlan, name: &str) -> String {
    match params(plan, "/n").remove(name) {
        Some(ParamValue::Str(text)) => text,
        other => panic!("{name} is {other:?}"),
    }
}

/// A node `n` whose text parameter `p` is `value`.
pub(crate) fn probe(value: &str) -> String {
    format!(
        r#"<node pkg="p" exec="e" name="n"><param name="p" type="str" value="{value}"/></node>"#
    )
}
