//! The arguments that ROS 2 gives to every program: `--ros-args` and what follows.
//!
//! The rules are those of `rcl`: `--ros-args` opens a section, `--` or the end of the line closes it, there may be more
//! than one, and what stands outside belongs to the program. In a section stand remap rules (`-r from:=to`), parameters
//! (`-p name:=value`, `--params-file FILE`), and switches of the log and of security.

use std::ffi::OsString;

use anyhow::{Context as _, Result, bail};
use bus::{NodeName, ParameterOverrides, Remap};

/// What stands in the sections of a command line.
#[derive(Debug, Default)]
pub(crate) struct RosArguments {
    /// Remap rules; the first that fits wins.
    pub(crate) remaps: Vec<Remap>,
    /// Parameters; a later one wins.
    pub(crate) parameters: ParameterOverrides,
    /// What to log, as a filter of this program; `None` where nothing is said.
    pub(crate) log_filter: Option<String>,
    /// Whether there was a section, also an empty one.
    pub(crate) given: bool,
}

/// Switches without a value that concern ROS 2's own log.
const SWITCHES: &[&str] = &[
    "--enable-rosout-logs",
    "--disable-rosout-logs",
    "--enable-stdout-logs",
    "--disable-stdout-logs",
    "--enable-external-lib-logs",
    "--disable-external-lib-logs",
];

impl RosArguments {
    /// Takes the sections out of a command line; gives the rest, and what the sections say.
    pub(crate) fn split(line: impl IntoIterator<Item = OsString>) -> Result<(Vec<OsString>, Self)> {
        let (mut rest, mut sections) = (Vec::new(), Vec::new());
        let mut given = false;
        let mut inside = false;
        for argument in line {
            match (inside, argument.to_str()) {
                (_, Some("--ros-args")) => (inside, given) = (true, true),
                (true, Some("--")) => inside = false,
                (true, Some(text)) => sections.push(text.to_owned()),
                (true, None) => bail!(
                    "`{}` after --ros-args is not UTF-8",
                    argument.to_string_lossy()
                ),
                (false, _) => rest.push(argument),
            }
        }
        let arguments = Self {
            given,
            ..Self::parse(&sections)?
        };
        Ok((rest, arguments))
    }

    fn parse(sections: &[String]) -> Result<Self> {
        let mut parsed = Self::default();
        let mut levels = Levels::default();
        let mut words = sections.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if SWITCHES.contains(&word) {
                continue;
            }
            let mut value = || {
                words
                    .next()
                    .with_context(|| format!("`{word}` needs a value"))
            };
            match word {
                "-r" | "--remap" => parsed.remaps.push(value()?.parse()?),
                "-p" | "--param" => parsed.parameters = parsed.parameters.assignment(value()?)?,
                "--params-file" => parsed.parameters = parsed.parameters.file(value()?)?,
                "--log-level" => levels.add(value()?)?,
                // Read by ROS 2 itself.
                "--log-config-file" | "--log-file-name" | "-e" | "--enclave" => {
                    value()?;
                }
                _ => bail!(
                    "`{word}` is not understood after --ros-args; understood are -r, -p, --params-file, --log-level, \
                     --log-config-file, --log-file-name, --enclave and {}",
                    SWITCHES.join(", ")
                ),
            }
        }
        parsed.log_filter = levels.filter();
        Ok(parsed)
    }

    /// Refuses rules whose result another rule changes again: ROS 2 applies a process's rules to the names that this
    /// program has remapped already.
    pub(crate) fn check_chains(&self) -> Result<()> {
        let node = NodeName::new("", "node")?;
        let expand = |name: &str| node.expand("topic or service", name).ok();
        let names: Vec<_> = self.remaps.iter().filter_map(Remap::names).collect();
        for (from, to) in &names {
            let again = names.iter().find(|(other, _)| expand(other) == expand(to));
            if let Some((other, end)) = again
                && expand(end) != expand(to)
            {
                bail!(
                    "the remap rules {from}:={to} and {other}:={end} make a chain, which ROS 2 would follow to its end; \
                     write {from}:={end}, or use other names"
                );
            }
        }
        Ok(())
    }
}

/// Log levels: one for all, and one for some loggers.
#[derive(Default)]
struct Levels {
    all: Option<&'static str>,
    loggers: Vec<String>,
}

impl Levels {
    /// Adds `LEVEL` or `LOGGER:=LEVEL`.
    fn add(&mut self, rule: &str) -> Result<()> {
        let (logger, level) = match rule.split_once(":=") {
            Some((logger, level)) => (Some(logger), level),
            None => (None, rule),
        };
        let level = match level.to_ascii_lowercase().as_str() {
            "debug" => "debug",
            "info" | "unset" => "info",
            "warn" => "warn",
            "error" | "fatal" => "error",
            _ => bail!(
                "`--log-level {rule}`: there is no level `{level}`; there are debug, info, warn, error and fatal"
            ),
        };
        match logger {
            None => self.all = Some(level),
            Some(logger) => {
                // A logger is named after its node, a part of this program after its crate: the same for most.
                let name = logger.rsplit('.').next().unwrap_or_default();
                let is_name = |name: &str| {
                    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                };
                if !is_name(name) {
                    bail!("`--log-level {rule}`: `{logger}` is no logger; write a node's name");
                }
                self.loggers.push(format!("{name}={level}"));
            }
        }
        Ok(())
    }

    fn filter(self) -> Option<String> {
        if self.all.is_none() && self.loggers.is_empty() {
            return None;
        }
        let mut parts = vec![self.all.unwrap_or("info").to_owned()];
        parts.extend(self.loggers);
        Some(parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(line: &str) -> Result<(Vec<OsString>, RosArguments)> {
        RosArguments::split(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn what_ros2_launch_passes_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("launch_params_1");
        std::fs::write(&file, "/**:\n  ros__parameters:\n    rate_hz: 5.0\n").unwrap();
        let (rest, ros) = split(&format!(
            "--ros-args -r __node:=seg -r __ns:=/cell --params-file {} -r a:=b -p use:=true --log-level info",
            file.display()
        ))
        .unwrap();
        assert!(rest.is_empty() && ros.given);
        let rules = ["__node:=seg", "__ns:=/cell", "a:=b"];
        assert_eq!(ros.remaps, rules.map(|rule| rule.parse().unwrap()));
        assert_eq!(ros.log_filter.as_deref(), Some("info"));
    }

    #[test]
    fn sections_open_and_close() {
        let (rest, ros) =
            split("x --ros-args -r a:=b -- y:=1 --ros-args --ros-args -r c:=d").unwrap();
        assert_eq!(rest, ["x", "y:=1"]);
        assert_eq!(ros.remaps.len(), 2);
        let (rest, ros) = split("x -- -r a:=b").unwrap();
        assert_eq!(rest, ["x", "--", "-r", "a:=b"]);
        assert!(!ros.given);
        assert!(split("--ros-args").unwrap().1.given);
    }

    #[test]
    fn log_levels_become_a_filter() {
        let filter = |line: &str| split(&format!("--ros-args {line}")).unwrap().1.log_filter;
        assert_eq!(filter(""), None);
        assert_eq!(filter("--log-level DEBUG").as_deref(), Some("debug"));
        assert_eq!(
            filter("--log-level cell.policy:=debug --log-level fatal").as_deref(),
            Some("error,policy=debug")
        );
        assert_eq!(filter("--disable-rosout-logs --enclave /a"), None);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (bad, named) in [
            ("--ros-args -r", "needs a value"),
            ("--ros-args --params-file none.yaml", "none.yaml"),
            ("--ros-args -r a=b", "a=b"),
            ("--ros-args -p a", "a"),
            ("--ros-args --log-level loud", "loud"),
            ("--ros-args --log-level a,b:=info", "no logger"),
            ("--ros-args --remap=a:=b", "--remap=a:=b"),
            ("--ros-args __node:=x", "__node:=x"),
        ] {
            let refused = format!("{:#}", split(bad).unwrap_err());
            assert!(refused.contains(named), "{bad}: {refused}");
        }
    }

    #[test]
    fn chains_of_rules_are_refused() {
        let chain = |line: &str| {
            split(&format!("--ros-args {line}"))
                .unwrap()
                .1
                .check_chains()
        };
        assert!(chain("-r a:=b -r c:=d -r __node:=x -r e:=e").is_ok());
        assert!(
            chain("-r a:=b -r c:=b").is_ok(),
            "two to one name is no chain"
        );
        for bad in ["-r a:=b -r b:=a", "-r a:=/b -r b:=c", "-r n:a:=b -r /b:=c"] {
            let refused = chain(bad).unwrap_err().to_string();
            assert!(refused.contains("chain"), "{bad}: {refused}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(words in prop::collection::vec(
            "(--ros-args|--|-r|-p|--params-file|--log-level|[a-z_:=/~{}.*é -]{0,12})", 0..8
        )) {
            if let Ok((_, ros)) = RosArguments::split(words.into_iter().map(OsString::from)) {
                ros.check_chains().ok();
            }
        }

        /// Whatever stands outside of the sections is the program's, in its order.
        #[test]
        fn the_rest_is_kept(before in prop::collection::vec("[a-z]{1,5}", 0..4), after in prop::collection::vec("[a-z]{1,5}", 0..4)) {
            let section = ["--ros-args", "-r", "a:=b", "--"].map(str::to_owned);
            let line = before.iter().cloned().chain(section).chain(after.iter().cloned());
            let (rest, ros) = RosArguments::split(line.map(OsString::from)).unwrap();
            let expected: Vec<_> = before.iter().chain(&after).map(OsString::from).collect();
            prop_assert_eq!(rest, expected);
            prop_assert_eq!(ros.remaps.len(), 1);
        }
    }
}
