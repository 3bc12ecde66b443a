//! The entry point: where packages and environment variables are looked up, and files read.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    arguments::DeclaredArgument,
    element::Element,
    error::{LaunchError, Location, Problem},
    interpreter::Interpreter,
    plan::LaunchPlan,
    scope::Scope,
    substitution::{self, Piece},
    supported,
};

/// Reads launch files.
#[derive(Debug, Clone, Default)]
pub struct Launcher {
    packages: BTreeMap<String, PathBuf>,
    environment: BTreeMap<String, String>,
}

impl Launcher {
    /// A launcher that sees the environment of this process, and the packages of its `AMENT_PREFIX_PATH`.
    pub fn new() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            packages: BTreeMap::new(),
            environment,
        }
    }

    /// Lets `$(find-pkg-share package)` find `share`.
    #[must_use]
    pub fn with_package(mut self, package: impl Into<String>, share: impl Into<PathBuf>) -> Self {
        self.packages.insert(package.into(), share.into());
        self
    }

    /// Replaces the environment variables that launch files see.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = environment;
        self
    }

    /// What `file` asks for, with `arguments` given.
    ///
    /// # Errors
    /// [`LaunchError`] where the file or one that it includes cannot be read, has something in it that is not
    /// supported, or does not declare one of the arguments.
    pub fn plan(
        &self,
        file: &Path,
        arguments: &[(String, String)],
    ) -> Result<LaunchPlan, LaunchError> {
        let unknown = |declared: &[DeclaredArgument]| {
            let (name, _) = arguments
                .iter()
                .find(|(name, _)| declared.iter().all(|known| known.name != *name))?;
            let mut declared: Vec<_> = declared.iter().map(|known| known.name.clone()).collect();
            declared.dedup();
            Some(LaunchError::UnknownArgument {
                file: file.to_owned(),
                name: name.clone(),
                declared,
            })
        };
        // First what can be known without running: a misspelt argument is then told as such, and not as a missing one.
        let survey = Survey::of(self, file)?;
        if survey.complete
            && let Some(error) = unknown(&survey.arguments)
        {
            return Err(error);
        }
        let mut interpreter = Interpreter::new(self, Scope::new(arguments.iter().cloned()));
        interpreter.run_file(file)?;
        let mut declared = survey.arguments;
        declared.extend(interpreter.plan.arguments.iter().cloned());
        unknown(&declared).map_or(Ok(interpreter.plan), Err)
    }

    /// The arguments that `file` and the files that it includes declare, without those that it sets in its includes.
    ///
    /// Includes whose file depends on an argument that has no default are left out.
    ///
    /// # Errors
    /// [`LaunchError`] where a file cannot be read.
    pub fn arguments(&self, file: &Path) -> Result<Vec<DeclaredArgument>, LaunchError> {
        Ok(Survey::of(self, file)?.arguments)
    }

    /// `text` with its substitutions made.
    pub(crate) fn substitute(
        &self,
        text: &str,
        scope: &Scope,
        file: &Path,
    ) -> Result<String, Problem> {
        self.evaluate(&substitution::parse(text)?, scope, file)
    }

    /// The words of `text`: split at spaces, but not at those that a substitution brings.
    pub(crate) fn words(
        &self,
        text: &str,
        scope: &Scope,
        file: &Path,
    ) -> Result<Vec<String>, Problem> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        for piece in substitution::parse(text)? {
            let Piece::Text(text) = piece else {
                let value = self.evaluate(&[piece], scope, file)?;
                word.get_or_insert_default().push_str(&value);
                continue;
            };
            if text.contains(['\'', '"']) {
                return Err(Problem::MalformedSubstitution {
                    text,
                    reason: "quotes are not understood here; $(var NAME) holds its spaces together"
                        .to_owned(),
                });
            }
            for character in text.chars() {
                if character.is_whitespace() {
                    words.extend(word.take());
                } else {
                    word.get_or_insert_default().push(character);
                }
            }
        }
        words.extend(word);
        Ok(words)
    }

    fn evaluate(&self, pieces: &[Piece], scope: &Scope, file: &Path) -> Result<String, Problem> {
        let mut result = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => result.push_str(text),
                Piece::Substitution { name, arguments } => {
                    let arguments = arguments
                        .iter()
                        .map(|argument| self.evaluate(argument, scope, file))
                        .collect::<Result<Vec<_>, _>>()?;
                    result.push_str(&self.apply(name, &arguments, scope, file)?);
                }
            }
        }
        Ok(result)
    }

    fn apply(
        &self,
        name: &str,
        arguments: &[String],
        scope: &Scope,
        file: &Path,
    ) -> Result<String, Problem> {
        match (name, arguments) {
            ("var", [variable, default @ ..]) if default.len() <= 1 => {
                match (scope.get(variable)?, default.first()) {
                    (Some(value), _) => Ok(value.to_owned()),
                    (None, Some(default)) => Ok(default.clone()),
                    (None, None) => Err(Problem::UnknownVariable {
                        name: variable.clone(),
                        known: scope.names(),
                    }),
                }
            }
            ("env", [variable, default @ ..]) if default.len() <= 1 => self
                .environment
                .get(variable)
                .or(default.first())
                .cloned()
                .ok_or_else(|| Problem::UnsetEnvironment(variable.clone())),
            ("dirname", []) => Ok(directory_of(file).display().to_string()),
            ("find-pkg-share", [package]) => {
                let share = self
                    .find_package(package)
                    .ok_or_else(|| Problem::UnknownPackage(package.clone()))?;
                Ok(share.display().to_string())
            }
            ("var" | "env" | "dirname" | "find-pkg-share", _) => {
                Err(Problem::MalformedSubstitution {
                    text: format!("$({name} {})", arguments.join(" ")),
                    reason: "expected $(var NAME [DEFAULT]), $(env NAME [DEFAULT]), $(dirname) or \
                         $(find-pkg-share PACKAGE); quote what has spaces in it"
                        .to_owned(),
                })
            }
            _ => Err(Problem::UnsupportedSubstitution {
                name: name.to_owned(),
                instead: supported::instead_of_substitution(name),
            }),
        }
    }

    fn find_package(&self, package: &str) -> Option<PathBuf> {
        let installed = || {
            let prefixes = self.environment.get("AMENT_PREFIX_PATH")?;
            std::env::split_paths(prefixes)
                .map(|prefix| prefix.join("share").join(package))
                .find(|share| share.is_dir())
        };
        // A package's name is no path.
        if package.is_empty() || package.contains(['/', '\\']) || package.starts_with('.') {
            return None;
        }
        self.packages.get(package).cloned().or_else(installed)
    }
}

/// The absolute folder of `file`, as `$(dirname)` has it.
fn directory_of(file: &Path) -> PathBuf {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    absolute.parent().map_or_else(PathBuf::new, Path::to_owned)
}

/// The text of a launch file.
pub(crate) fn read(file: &Path) -> Result<String, LaunchError> {
    fs::read_to_string(file).map_err(|source| LaunchError::Read {
        file: file.to_owned(),
        source,
    })
}

/// The XML of a launch file's text.
pub(crate) fn parse_xml<'a>(
    text: &'a str,
    file: &Path,
) -> Result<roxmltree::Document<'a>, LaunchError> {
    roxmltree::Document::parse(text).map_err(|error| LaunchError::At {
        location: Location {
            file: file.to_owned(),
            line: error.pos().row,
        },
        problem: Problem::Xml(error),
    })
}

/// The arguments that can be told from reading only.
struct Survey {
    arguments: Vec<DeclaredArgument>,
    /// Whether every included file could be told.
    complete: bool,
}

impl Survey {
    fn of(launcher: &Launcher, file: &Path) -> Result<Self, LaunchError> {
        let mut survey = Self {
            arguments: Vec::new(),
            complete: true,
        };
        survey.add(launcher, file, &mut Scope::default(), &mut Vec::new())?;
        Ok(survey)
    }

    /// Adds the arguments of `file`, without those in `given`, which the including file sets.
    fn add(
        &mut self,
        launcher: &Launcher,
        file: &Path,
        scope: &mut Scope,
        outer: &mut Vec<PathBuf>,
    ) -> Result<(), LaunchError> {
        outer.push(file.to_owned());
        let text = read(file)?;
        let document = parse_xml(&text, file)?;
        let given = scope.names();
        for element in Element::root(&document, file)?.descendants() {
            let name = element
                .optional("name")
                .and_then(|name| launcher.substitute(name, scope, file).ok());
            match (element.tag(), name) {
                ("arg", Some(name)) if element.optional("value").is_none() => {
                    let default = element.optional("default");
                    if !given.contains(&name)
                        && self.arguments.iter().all(|known| known.name != name)
                    {
                        self.arguments.push(DeclaredArgument {
                            name: name.clone(),
                            default: default.map(str::to_owned),
                            description: element.optional("description").map(str::to_owned),
                            choices: choices_of(element),
                            location: element.location(),
                        });
                    }
                    if let Some(Ok(value)) =
                        default.map(|default| launcher.substitute(default, scope, file))
                        && !given.contains(&name)
                    {
                        scope.set(name, value);
                    }
                }
                ("let", Some(name)) => {
                    if let Some(Ok(value)) = element
                        .optional("value")
                        .map(|value| launcher.substitute(value, scope, file))
                    {
                        scope.set(name, value);
                    }
                }
                ("include", _) => self.add_include(launcher, element, scope, outer)?,
                _ => {}
            }
        }
        outer.pop();
        Ok(())
    }

    fn add_include(
        &mut self,
        launcher: &Launcher,
        include: Element<'_>,
        scope: &Scope,
        outer: &mut Vec<PathBuf>,
    ) -> Result<(), LaunchError> {
        let path = include
            .optional("file")
            .map(|path| launcher.substitute(path, scope, include.file()));
        let Some(Ok(path)) = path else {
            self.complete = false;
            return Ok(());
        };
        let path = PathBuf::from(path);
        // A circle or a missing file is told when the include is run, which a condition may prevent.
        if outer.contains(&path) || !path.is_file() {
            self.complete = false;
            return Ok(());
        }
        let mut inner = Scope::default();
        for given in include.elements() {
            if let Some(name) = given.optional("name") {
                let value = given
                    .optional("value")
                    .and_then(|value| launcher.substitute(value, scope, given.file()).ok());
                inner.set(name, value.unwrap_or_default());
            }
        }
        self.add(launcher, &path, &mut inner, outer)
    }
}

/// The `choice` children of an `arg`.
pub(crate) fn choices_of(argument: Element<'_>) -> Vec<String> {
    argument
        .elements()
        .filter(|child| child.tag() == "choice")
        .filter_map(|choice| choice.optional("value").map(str::to_owned))
        .collect()
}
