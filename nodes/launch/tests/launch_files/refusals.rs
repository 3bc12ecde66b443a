//! What is wrong is refused by name, file and line, with what to do about it.

use crate::common::{Files, probe};

/// Checks that `body` is refused at `line` of main.launch (its first line is 2) with all of `parts`.
#[track_caller]
fn refused(body: &str, line: u32, parts: &[&str]) {
    let refusal = Files::new(body).refusal(&[]);
    assert!(
        refusal.starts_with(&format!("main.launch:{line}: ")),
        "{refusal}"
    );
    for part in parts {
        assert!(refusal.contains(part), "`{part}` is not in: {refusal}");
    }
}

#[test]
fn unsupported_elements() {
    refused(
        "\n<executable cmd=\"ls\"/>",
        3,
        &["<executable> is not supported", "as a node"],
    );
    refused(
        "<group>\n<set_env name=\"A\" value=\"1\"/>\n</group>",
        3,
        &["<set_env>", "in the shell"],
    );
    refused("<rosparam/>", 2, &["<rosparam>", "<param>"]);
    refused("<node_container/>", 2, &["write <node>"]);
    refused("<nonsense/>", 2, &["<nonsense> is not supported"]);
    refused("<remap from=\"a\" to=\"b\"/>", 2, &["remap", "<set_remap"]);
    refused(
        "<param name=\"a\" value=\"b\"/>",
        2,
        &["<param> cannot stand in <launch>", "node"],
    );
}

#[test]
fn unsupported_attributes() {
    refused(
        "<node pkg=\"p\" exec=\"e\"\n  respawn=\"true\"/>",
        3,
        &["<node> attribute `respawn`", "share one process"],
    );
    refused(
        "<node pkg=\"p\" type=\"e\"/>",
        2,
        &["`type`", "ROS 1", "exec="],
    );
    refused("<group ns=\"a\"/>", 2, &["`ns`", "push-ros-namespace"]);
    refused("<arg name=\"a\" value=\"b\"/>", 2, &["`value`", "<let>"]);
    refused(
        "<let name=\"a\" value=\"b\" colour=\"c\"/>",
        2,
        &["`colour`", "allowed are name, value, if, unless"],
    );
    refused(
        "<node pkg=\"p\" exec=\"e\" output=\"paper\"/>",
        2,
        &["`output` cannot be `paper`", "screen"],
    );
}

#[test]
fn unsupported_substitutions() {
    refused(
        &probe("$(eval 1 + 1)"),
        2,
        &["$(eval) is not supported", "as an argument"],
    );
    refused(
        &probe("$(command ls)"),
        2,
        &["$(command)", "before the launch"],
    );
    refused(&probe("$(optenv A b)"), 2, &["$(env NAME DEFAULT)"]);
    refused(
        &probe("$(nonsense)"),
        2,
        &["$(nonsense) is not supported", "$(var)"],
    );
    refused(&probe("$(var)"), 2, &["expected $(var NAME [DEFAULT])"]);
    refused(&probe("$(env A b c)"), 2, &["quote what has spaces"]);
    refused(&probe("$(var a"), 2, &["is not closed"]);
}

#[test]
fn names_that_are_not_there() {
    refused(
        &format!(
            "<let name=\"known\" value=\"1\"/>\n{}",
            probe("$(var unknown)")
        ),
        3,
        &["no argument or variable `unknown`", "there are known"],
    );
    refused(
        &probe("$(env NOT_SET)"),
        2,
        &["NOT_SET is not set", "default"],
    );
    refused(
        &probe("$(find-pkg-share other)"),
        2,
        &["package `other` is not found", "AMENT_PREFIX_PATH"],
    );
    refused(&probe("$(find-pkg-share ../..)"), 2, &["is not found"]);
    refused(
        "<include file=\"none.launch\"/>",
        2,
        &["<include> names none.launch, which is not a file"],
    );
    refused(
        "<node pkg=\"p\" exec=\"e\"><param from=\"none.yaml\"/></node>",
        2,
        &["<param> names none.yaml, which is not a file"],
    );
}

#[test]
fn incomplete_elements() {
    refused(
        "<node pkg=\"p\"/>",
        2,
        &["<node> lacks the attribute `exec`"],
    );
    refused(
        "<let name=\"a\"/>",
        2,
        &["<let> lacks the attribute `value`"],
    );
    refused(
        "<node pkg=\"p\" exec=\"e\"><param name=\"a\"/></node>",
        2,
        &["needs a `value`"],
    );
    refused(
        "<node pkg=\"p\" exec=\"e\"><param name=\"a\" value=\"1\"><param name=\"b\" value=\"1\"/></param></node>",
        2,
        &["either a `value` or <param> in it"],
    );
    refused(
        "<node pkg=\"p\" exec=\"e\"><param name=\"a\" from=\"b\"/></node>",
        2,
        &["either `from` or `name`"],
    );
    refused(
        "<node pkg=\"p\" exec=\"e\" if=\"1\" unless=\"0\"/>",
        2,
        &["both `if` and `unless`"],
    );
    refused("<group>text</group>", 2, &["contains the text `text`"]);
}

#[test]
fn bad_values() {
    refused(
        "<node pkg=\"p\" exec=\"e\" name=\"a b\"/>",
        2,
        &["`a b` is not a ROS name"],
    );
    refused(
        "<push-ros-namespace namespace=\"1\"/>",
        2,
        &["`1` is not a ROS name"],
    );
    refused(
        "<node pkg=\"p\" exec=\"e\"><param name=\"a\" value=\"x\" type=\"int\"/></node>",
        2,
        &["parameter `a` cannot be `x`"],
    );
    refused(
        "<node pkg=\"p\" exec=\"e\"><param name=\"a\" value=\"1\" type=\"u8\"/></node>",
        2,
        &["`type` cannot be `u8`"],
    );
    refused(
        "<node pkg=\"p\" exec=\"e\"/>\n<node pkg=\"p\" exec=\"e\"/>",
        3,
        &["/e is already launched at", "main.launch:2"],
    );
}

#[test]
fn required_arguments_and_choices() {
    let files = Files::new(r#"<arg name="seed" description="Seed of the scene"/>"#);
    assert!(
        files
            .refusal(&[])
            .ends_with("argument `seed` is required (Seed of the scene): give seed:=value")
    );
    let files =
        Files::new(r#"<arg name="scene" default="a"><choice value="a"/><choice value="b"/></arg>"#);
    assert!(
        files
            .refusal(&["scene:=c"])
            .ends_with("argument `scene` cannot be `c`; choices: a, b")
    );
    assert!(files.plan(&["scene:=b"]).is_ok());
}

#[test]
fn unknown_arguments_are_refused_with_those_that_there_are() {
    let files = Files::new(r#"<arg name="seed"/><arg name="scene" default="a"/>"#);
    assert_eq!(
        files.refusal(&["sede:=1"]),
        "main.launch has no argument `sede`; it declares seed, scene"
    );
    assert_eq!(
        Files::new("").refusal(&["a:=1"]),
        "main.launch has no argument `a`; it declares none"
    );
}

#[test]
fn arguments_of_included_files_can_be_given() {
    let files = Files::new(r#"<include file="$(dirname)/inner.launch"/>"#).with(
        "inner.launch",
        r#"<launch><arg name="deep" default="1"/></launch>"#,
    );
    assert!(files.plan(&["deep:=2"]).is_ok());
    assert!(files.refusal(&["depe:=2"]).contains("it declares deep"));
}

#[test]
fn includes_in_a_circle() {
    let files = Files::new(r#"<include file="$(dirname)/a.launch"/>"#)
        .with(
            "a.launch",
            "<launch>\n<include file=\"$(dirname)/b.launch\"/></launch>",
        )
        .with(
            "b.launch",
            "<launch>\n\n<include file=\"$(dirname)/a.launch\"/></launch>",
        );
    let refusal = files.refusal(&[]);
    assert_eq!(
        refusal,
        "b.launch:3: the include goes in a circle: main.launch -> a.launch -> b.launch -> a.launch"
    );
}

#[test]
fn an_error_in_an_included_file_names_that_file() {
    let files = Files::new(r#"<include file="$(dirname)/inner.launch"/>"#)
        .with("inner.launch", "<launch>\n\n<nonsense/></launch>");
    assert!(files.refusal(&[]).starts_with("inner.launch:3: <nonsense>"));
}

#[test]
fn broken_files() {
    let broken = |text: &str| Files::new("").with("main.launch", text).refusal(&[]);
    assert!(broken("<launch>\n<node></launch>").starts_with("main.launch:2: not well-formed XML"));
    assert!(broken("").contains("not well-formed XML"));
    assert!(broken("<robot/>").contains("starts with <launch>"));
    assert!(broken("<!DOCTYPE launch [<!ENTITY a \"b\">]><launch/>").contains("XML"));
    let files = Files::new("");
    std::fs::write(files.path("main.launch"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(files.refusal(&[]).contains("cannot read launch file"));
    std::fs::remove_file(files.path("main.launch")).unwrap();
    assert!(files.refusal(&[]).contains("cannot read launch file"));
}

#[test]
fn deep_nesting() {
    let deep = |tag: &str, n: usize| {
        format!(
            "{}{}",
            format!("<{tag}>").repeat(n),
            format!("</{tag}>").repeat(n)
        )
    };
    refused(&deep("group", 100), 2, &["nested more than 64 deep"]);
    let params = format!(
        r#"<node pkg="p" exec="e">{}{}</node>"#,
        r#"<param name="a">"#.repeat(100),
        "</param>".repeat(100)
    );
    refused(&params, 2, &["nested more than 64 deep"]);
}
