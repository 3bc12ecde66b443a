//! What is not supported, and what to do without it.

use crate::error::Problem;

/// The problem of an element that may not stand where it stands.
pub(crate) fn refuse_element(tag: &str, parent: &str, allowed: &'static [&'static str]) -> Problem {
    const KNOWN: &[&str] = &[
        "arg",
        "choice",
        "group",
        "include",
        "let",
        "node",
        "param",
        "push-ros-namespace",
        "remap",
        "set_remap",
    ];
    if tag == "remap" && parent != "node" {
        return Problem::UnsupportedElement {
            tag: "remap (outside of a node)".to_owned(),
            instead: "write <set_remap from= to=/>, it holds for all nodes that follow in its group",
        };
    }
    if KNOWN.contains(&tag) {
        return Problem::MisplacedElement {
            tag: tag.to_owned(),
            parent: parent.to_owned(),
            allowed,
        };
    }
    Problem::UnsupportedElement {
        tag: tag.to_owned(),
        instead: instead_of_element(tag),
    }
}

fn instead_of_element(tag: &str) -> &'static str {
    match tag {
        "composable_node" | "node_container" | "load_composable_node" => {
            "write <node>; all nodes share one process already"
        }
        "lifecycle_node" => "write <node>; nodes start when the graph is complete",
        "executable" => "start the program yourself, or write it as a node",
        "env" | "set_env" | "append_env" | "unset_env" | "set-env" | "unset-env" => {
            "set the variable in the shell before the launch"
        }
        "set_parameter" | "set_parameters_from_file" | "rosparam" => "write <param> in each <node>",
        "push_ros_namespace" => "write <push-ros-namespace>",
        "keep" | "reset" => "write the <let> into the group",
        "log" => "put it into an argument's description",
        "timer" | "on_exit" | "shutdown" | "event_handler" => {
            "leave it out; nodes wait for what they need, and the launch ends when asked to"
        }
        "machine" | "test" | "master" => "this belongs to ROS 1; leave it out",
        _ => "the crate documentation of `launch` lists what is",
    }
}

/// What to write in place of an attribute.
pub(crate) fn instead_of_attribute(tag: &str, attribute: &str, allowed: &[&str]) -> String {
    let known = match (tag, attribute) {
        ("node", "ns") => "write namespace=",
        ("node", "type") => "this belongs to ROS 1; write exec=",
        ("node", "respawn" | "respawn_delay" | "respawn_max_retries" | "required") => {
            "leave it out; all nodes share one process and start and stop together"
        }
        ("node", "launch-prefix" | "launch_prefix" | "cwd" | "machine" | "shell") => {
            "leave it out; nodes are no processes of their own"
        }
        ("node", "ros_args" | "ros_arguments") => "write <param> and <remap> in the node",
        ("param", "allow_substs") => "write such parameters inline, where substitutions are made",
        ("group", "forwarding") => "leave it out and give the group its own <let>",
        ("group", "ns") => "this belongs to ROS 1; write <push-ros-namespace> into the group",
        ("include", "ns") => {
            "this belongs to ROS 1; put the include and a <push-ros-namespace> into a <group>"
        }
        ("arg", "value") => {
            "write <let> for a variable that cannot be set from outside, default= for one that can"
        }
        _ => return format!("allowed are {}", allowed.join(", ")),
    };
    known.to_owned()
}

/// What to write in place of a substitution.
pub(crate) fn instead_of_substitution(name: &str) -> &'static str {
    match name {
        "eval" => "launch files compute nothing here; give the result as an argument",
        "command" => "run the command before the launch and give its output as an argument",
        "arg" => "this belongs to ROS 1; write $(var NAME)",
        "find" => "this belongs to ROS 1; write $(find-pkg-share PACKAGE)",
        "optenv" => "write $(env NAME DEFAULT)",
        "anon" => "write the name out",
        "filename" => "write $(dirname) and the file's name",
        "find-exec" | "exec-in-pkg" | "exec-in-package" | "find-pkg-prefix" => {
            "nodes are found by pkg= and exec=, files by $(find-pkg-share PACKAGE)"
        }
        "not" => "write unless= in place of if=",
        "and" | "or" | "any" | "all" | "equals" | "not-equals" | "if" => {
            "launch files compute nothing here; nest groups with if= and unless=, or give the result as an argument"
        }
        _ => "supported are $(var), $(env), $(dirname) and $(find-pkg-share)",
    }
}
