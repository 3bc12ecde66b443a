//! Runs a launch file from top to bottom and collects what it asks for.

use std::path::{Path, PathBuf};

use crate::{
    arguments::DeclaredArgument,
    element::Element,
    error::{LaunchError, Locate as _, Problem},
    launcher::{Launcher, choices_of, parse_xml, read},
    plan::{LaunchPlan, NodeLaunch, ParamSource, Remap},
    scope::{Scope, is_name, join_namespaces},
    value::{ParamValue, Wanted},
};

/// Elements and includes nested deeper than this are refused rather than overflowing the stack.
const MAX_DEPTH: usize = 64;

/// The elements that do something wherever they stand.
const ACTIONS: &[&str] = &[
    "arg",
    "let",
    "node",
    "group",
    "push-ros-namespace",
    "include",
    "set_remap",
];

/// Runs launch files one element after the other.
pub(crate) struct Interpreter<'a> {
    launcher: &'a Launcher,
    scope: Scope,
    /// The files that are being run, from the outermost to the present one.
    files: Vec<PathBuf>,
    depth: usize,
    /// What was asked for so far.
    pub(crate) plan: LaunchPlan,
}

impl<'a> Interpreter<'a> {
    pub(crate) fn new(launcher: &'a Launcher, scope: Scope) -> Self {
        Self {
            launcher,
            scope,
            files: Vec::new(),
            depth: 0,
            plan: LaunchPlan::default(),
        }
    }

    /// Runs a whole file.
    pub(crate) fn run_file(&mut self, file: &Path) -> Result<(), LaunchError> {
        let text = read(file)?;
        let document = parse_xml(&text, file)?;
        let root = Element::root(&document, file)?;
        root.allow_attributes(&["version"])?;
        self.files.push(file.to_owned());
        self.run_children(root)?;
        self.files.pop();
        Ok(())
    }

    fn run_children(&mut self, parent: Element<'_>) -> Result<(), LaunchError> {
        if self.depth == MAX_DEPTH {
            return Err(parent.error(Problem::TooDeep(MAX_DEPTH)));
        }
        self.depth += 1;
        for element in parent.children(ACTIONS)? {
            if self.is_wanted(element)? {
                self.run(element)?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn run(&mut self, element: Element<'_>) -> Result<(), LaunchError> {
        match element.tag() {
            "arg" => self.run_arg(element),
            "let" => self.run_let(element),
            "node" => self.run_node(element),
            "group" => self.run_group(element),
            "push-ros-namespace" => self.run_push_namespace(element),
            "include" => self.run_include(element),
            _ => self.run_set_remap(element),
        }
    }

    /// The attribute's text with substitutions made.
    fn required(
        &self,
        element: Element<'_>,
        attribute: &'static str,
    ) -> Result<String, LaunchError> {
        self.substitute(element, element.required(attribute)?)
    }

    fn optional(
        &self,
        element: Element<'_>,
        attribute: &'static str,
    ) -> Result<Option<String>, LaunchError> {
        element
            .optional(attribute)
            .map(|text| self.substitute(element, text))
            .transpose()
    }

    fn substitute(&self, element: Element<'_>, text: &str) -> Result<String, LaunchError> {
        self.launcher
            .substitute(text, &self.scope, element.file())
            .at(|| element.location())
    }

    /// What `if` and `unless` say.
    fn is_wanted(&self, element: Element<'_>) -> Result<bool, LaunchError> {
        let condition = self.truth(element, "if")?;
        let exclusion = self.truth(element, "unless")?;
        match (condition, exclusion) {
            (Some(_), Some(_)) => Err(element.error(Problem::Attributes {
                tag: element.tag().to_owned(),
                rule: "cannot have both `if` and `unless`: put one of them on a <group> around it",
            })),
            (Some(condition), None) => Ok(condition),
            (None, Some(exclusion)) => Ok(!exclusion),
            (None, None) => Ok(true),
        }
    }

    fn truth(
        &self,
        element: Element<'_>,
        attribute: &'static str,
    ) -> Result<Option<bool>, LaunchError> {
        self.optional(element, attribute)?
            .map(|value| match value.trim().to_lowercase().as_str() {
                "true" | "1" => Ok(true),
                "false" | "0" => Ok(false),
                _ => Err(element.error(Problem::NotATruthValue { attribute, value })),
            })
            .transpose()
    }

    fn run_arg(&mut self, element: Element<'_>) -> Result<(), LaunchError> {
        element.allow_attributes(&["name", "default", "description", "if", "unless"])?;
        for choice in element.children(&["choice"])? {
            choice.allow_attributes(&["value"])?;
            choice.required("value")?;
            choice.children(&[])?;
        }
        let argument = DeclaredArgument {
            name: self.required(element, "name")?,
            default: element.optional("default").map(str::to_owned),
            description: self.optional(element, "description")?,
            choices: choices_of(element),
            location: element.location(),
        };
        let given = self
            .scope
            .get(&argument.name)
            .at(|| element.location())?
            .map(str::to_owned);
        let value = match (given, &argument.default) {
            (Some(given), _) => given,
            (None, Some(default)) => self.substitute(element, default)?,
            (None, None) => {
                let DeclaredArgument {
                    name, description, ..
                } = argument;
                return Err(element.error(Problem::MissingArgument { name, description }));
            }
        };
        if !argument.choices.is_empty() && !argument.choices.contains(&value) {
            let DeclaredArgument { name, choices, .. } = argument;
            return Err(element.error(Problem::NotAChoice {
                name,
                value,
                choices,
            }));
        }
        self.scope.set(argument.name.as_str(), value);
        self.plan.arguments.push(argument);
        Ok(())
    }

    fn run_let(&mut self, element: Element<'_>) -> Result<(), LaunchError> {
        element.allow_attributes(&["name", "value", "if", "unless"])?;
        element.children(&[])?;
        let name = self.required(element, "name")?;
        let value = self.required(element, "value")?;
        self.scope.set(name, value);
        Ok(())
    }

    fn run_group(&mut self, element: Element<'_>) -> Result<(), LaunchError> {
        element.allow_attributes(&["scoped", "if", "unless"])?;
        let scoped = self.truth(element, "scoped")?.unwrap_or(true);
        let outer = scoped.then(|| self.scope.clone());
        self.run_children(element)?;
        if let Some(outer) = outer {
            self.scope = outer;
        }
        Ok(())
    }

    fn run_push_namespace(&mut self, element: Element<'_>) -> Result<(), LaunchError> {
        element.allow_attributes(&["namespace", "if", "unless"])?;
        element.children(&[])?;
        let namespace = self.required(element, "namespace")?;
        self.scope
            .push_namespace(&namespace)
            .at(|| element.location())
    }

    fn run_set_remap(&mut self, element: Element<'_>) -> Result<(), LaunchError> {
        element.allow_attributes(&["from", "to", "if", "unless"])?;
        let remap = self.remap(element)?;
        self.scope.remaps.push(remap);
        Ok(())
    }

    fn remap(&self, element: Element<'_>) -> Result<Remap, LaunchError> {
        element.children(&[])?;
        Ok(Remap {
            from: self.required(element, "from")?,
            to: self.required(element, "to")?,
        })
    }

    fn run_include(&mut self, element: Element<'_>) -> Result<(), LaunchError> {
        element.allow_attributes(&["file", "if", "unless"])?;
        let path = PathBuf::from(self.required(element, "file")?);
        if !path.is_file() {
            return Err(element.error(Problem::NoSuchFile {
                tag: "include",
                path,
            }));
        }
        let same =
            |file: &PathBuf| file == &path || file.canonicalize().ok() == path.canonicalize().ok();
        if self.files.iter().any(same) {
            let files = self.files.iter().cloned().chain([path]).collect();
            return Err(element.error(Problem::IncludeCycle { files }));
        }
        let mut inner = self.scope.clone();
        for given in element.children(&["arg", "let"])? {
            given.allow_attributes(&["name", "value", "if", "unless"])?;
            given.children(&[])?;
            if self.is_wanted(given)? {
                inner.set(
                    self.required(given, "name")?,
                    self.required(given, "value")?,
                );
            }
        }
        let outer = std::mem::replace(&mut self.scope, inner);
        self.depth += 1;
        self.run_file(&path)?;
        self.depth -= 1;
        let included = std::mem::replace(&mut self.scope, outer);
        self.scope.mark_changes(&included, &element.location());
        Ok(())
    }

    fn run_node(&mut self, element: Element<'_>) -> Result<(), LaunchError> {
        element.allow_attributes(&[
            "pkg",
            "exec",
            "name",
            "namespace",
            "output",
            "args",
            "if",
            "unless",
        ])?;
        self.check_output(element)?;
        let package = self.required(element, "pkg")?;
        let executable = self.required(element, "exec")?;
        let name = self
            .optional(element, "name")?
            .unwrap_or_else(|| executable.clone());
        if !is_name(&name) {
            return Err(element.error(Problem::BadName {
                name,
                namespace: false,
            }));
        }
        let arguments = element
            .optional("args")
            .map(|text| {
                let words = self.launcher.words(text, &self.scope, element.file());
                words.at(|| element.location())
            })
            .transpose()?
            .unwrap_or_default();
        let outer = self.scope.namespace().at(|| element.location())?;
        let namespace = self.optional(element, "namespace")?.unwrap_or_default();
        let namespace = join_namespaces(outer, &namespace).at(|| element.location())?;

        let mut node = NodeLaunch {
            package,
            executable,
            arguments,
            name,
            namespace,
            params: Vec::new(),
            remaps: self.scope.remaps.clone(),
            location: element.location(),
        };
        for child in element.children(&["param", "remap"])? {
            if child.tag() == "remap" {
                child.allow_attributes(&["from", "to"])?;
                node.remaps.push(self.remap(child)?);
            } else {
                self.read_param(child, "", &mut node.params)?;
            }
        }
        let full_name = node.full_name();
        if let Some(first) = self
            .plan
            .nodes
            .iter()
            .find(|other| other.full_name() == full_name)
        {
            let first = first.location.clone();
            return Err(element.error(Problem::DuplicateNode {
                name: full_name,
                first,
            }));
        }
        self.plan.nodes.push(node);
        Ok(())
    }

    /// All nodes share one log, so `output` only has to be something that ROS 2 knows.
    fn check_output(&self, element: Element<'_>) -> Result<(), LaunchError> {
        match self.optional(element, "output")? {
            Some(value)
                if !["screen", "log", "both", "own_log", "full"].contains(&value.as_str()) =>
            {
                Err(element.error(Problem::UnsupportedValue {
                    tag: element.tag().to_owned(),
                    attribute: "output",
                    value,
                    expected: "write screen, log, both, own_log or full",
                }))
            }
            _ => Ok(()),
        }
    }

    /// Adds a `param` element to `params`; `prefix` is the name of the parameters around it, with a dot.
    fn read_param(
        &self,
        element: Element<'_>,
        prefix: &str,
        params: &mut Vec<ParamSource>,
    ) -> Result<(), LaunchError> {
        let rule = |rule| {
            Err(element.error(Problem::Attributes {
                tag: "param".to_owned(),
                rule,
            }))
        };
        let location = element.location();
        if element.optional("from").is_some() {
            if !prefix.is_empty() {
                return rule("with `from` cannot be nested");
            }
            if element.optional("name").is_some() || element.optional("value").is_some() {
                return rule("has either `from` or `name` and `value`");
            }
            element.allow_attributes(&["from"])?;
            element.children(&[])?;
            let path = PathBuf::from(self.required(element, "from")?);
            if !path.is_file() {
                return Err(element.error(Problem::NoSuchFile { tag: "param", path }));
            }
            params.push(ParamSource::File { path, location });
            return Ok(());
        }
        element.allow_attributes(&["name", "value", "value-sep", "type"])?;
        let name = format!("{prefix}{}", self.required(element, "name")?);
        let nested = element.children(&["param"])?;
        match (self.optional(element, "value")?, nested.is_empty()) {
            (Some(value), true) => {
                let value = self.read_value(element, &name, &value)?;
                params.push(ParamSource::Inline {
                    name,
                    value,
                    location,
                });
                Ok(())
            }
            (None, false) => {
                // The depth of the XML around is bounded by this too, as each level adds a dot.
                if prefix.matches('.').count() >= MAX_DEPTH {
                    return Err(element.error(Problem::TooDeep(MAX_DEPTH)));
                }
                let prefix = format!("{name}.");
                nested
                    .into_iter()
                    .try_for_each(|child| self.read_param(child, &prefix, params))
            }
            (Some(_), false) => rule("has either a `value` or <param> in it"),
            (None, true) => rule("needs a `value`, a `from` or <param> in it"),
        }
    }

    fn read_value(
        &self,
        element: Element<'_>,
        name: &str,
        text: &str,
    ) -> Result<ParamValue, LaunchError> {
        let wanted = match self.optional(element, "type")? {
            None => Wanted::Guess,
            Some(value) => Wanted::parse(&value)
                .ok_or_else(|| Problem::UnsupportedValue {
                    tag: "param".to_owned(),
                    attribute: "type",
                    value,
                    expected: Wanted::NAMES,
                })
                .at(|| element.location())?,
        };
        let value = match self
            .optional(element, "value-sep")?
            .filter(|separator| !separator.is_empty())
        {
            Some(separator) => ParamValue::read_list(text, &separator, wanted),
            None => ParamValue::read(text, wanted),
        };
        value
            .map_err(|reason| Problem::BadParameter {
                name: name.to_owned(),
                value: text.to_owned(),
                reason,
            })
            .at(|| element.location())
    }
}
