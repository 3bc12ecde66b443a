//! From the process's arguments to a command.
//!
//! ROS 2 knows a node as an executable of its own: `ros2 run grasp_anything segmentation` runs
//! `lib/grasp_anything/segmentation`. These are links to this program, which goes by the name that it is called by.

use std::{ffi::OsString, path::Path};

use anyhow::Result;
use clap::Parser as _;

use crate::{
    cli::{Cli, Command},
    registry,
    ros_arguments::RosArguments,
};

/// The name under which a link runs launch files.
pub(crate) const LAUNCH_LINK: &str = "launch";

/// A command line, understood.
pub(crate) struct Invocation {
    /// What is asked of this program.
    pub(crate) cli: Cli,
    /// What is asked of ROS 2's part in it.
    pub(crate) ros: RosArguments,
}

impl Invocation {
    /// Reads the process's arguments. Ends the process where help is asked for or the command line is wrong.
    pub(crate) fn of_process() -> Result<Self> {
        let (words, ros) = RosArguments::split(by_link(std::env::args_os().collect()))?;
        let cli = Cli::parse_from(words);
        let takes_ros = matches!(cli.command, Command::Launch(_) | Command::Node(_));
        if ros.given && !takes_ros {
            anyhow::bail!("--ros-args is for the commands node and launch");
        }
        Ok(Self { cli, ros })
    }
}

/// The words that a link stands for in place of its name.
fn by_link(mut words: Vec<OsString>) -> Vec<OsString> {
    let called = words.first().and_then(|word| Path::new(word).file_name());
    let Some(called) = called.and_then(|name| name.to_str()) else {
        return words;
    };
    let stands_for: Vec<OsString> = if called == LAUNCH_LINK {
        vec![env!("CARGO_PKG_NAME").into(), "launch".into()]
    } else if registry::find(called).is_ok() {
        vec![env!("CARGO_PKG_NAME").into(), "node".into(), called.into()]
    } else {
        return words;
    };
    words.splice(..1, stands_for);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(line: &str) -> Vec<OsString> {
        by_link(line.split_whitespace().map(OsString::from).collect())
    }

    #[test]
    fn links_stand_for_commands() {
        assert_eq!(
            linked("/opt/ws/lib/grasp_anything/segmentation --ros-args"),
            ["grasp_anything", "node", "segmentation", "--ros-args"]
        );
        assert_eq!(
            linked("launch real.launch a:=b"),
            ["grasp_anything", "launch", "real.launch", "a:=b"]
        );
        for own in ["target/release/grasp_anything eval", "renamed node sim", ""] {
            assert_eq!(
                linked(own),
                own.split_whitespace()
                    .map(OsString::from)
                    .collect::<Vec<_>>()
            );
        }
    }
}
