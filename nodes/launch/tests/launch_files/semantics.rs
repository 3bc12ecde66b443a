//! Launch files mean what the ROS 2 documentation says that they mean.

use crate::common::{Files, params, probe, text};
use launch::{ParamSource, ParamValue, Remap, describe_arguments};

#[test]
fn arguments_have_defaults_and_can_be_given() {
    let files = Files::new(&format!(
        r#"<arg name="a" default="1"/>{}"#,
        probe("$(var a)")
    ));
    assert_eq!(text(&files.plan(&[]).unwrap(), "p"), "1");
    assert_eq!(text(&files.plan(&["a:=2"]).unwrap(), "p"), "2");
    assert_eq!(text(&files.plan(&["a:="]).unwrap(), "p"), "");
}

#[test]
fn defaults_may_use_earlier_arguments() {
    let files = Files::new(&format!(
        r#"<arg name="a" default="1"/><arg name="b" default="$(var a)$(var a)"/>{}"#,
        probe("$(var b)")
    ));
    assert_eq!(text(&files.plan(&["a:=x"]).unwrap(), "p"), "xx");
}

#[test]
fn let_sets_and_overrides() {
    let files = Files::new(&format!(
        r#"<arg name="a" default="1"/><let name="a" value="2"/>{}"#,
        probe("$(var a)")
    ));
    assert_eq!(text(&files.plan(&["a:=3"]).unwrap(), "p"), "2");
}

#[test]
fn groups_are_scoped_unless_they_say_otherwise() {
    for (attribute, expected) in [
        ("", "outer"),
        (r#" scoped="true""#, "outer"),
        (r#" scoped="false""#, "inner"),
    ] {
        let files = Files::new(&format!(
            r#"<let name="a" value="outer"/><group{attribute}><let name="a" value="inner"/></group>{}"#,
            probe("$(var a)")
        ));
        assert_eq!(
            text(&files.plan(&[]).unwrap(), "p"),
            expected,
            "{attribute}"
        );
    }
}

#[test]
fn namespaces_are_pushed_and_popped_with_the_group() {
    let plan = Files::new(
        r#"<group>
             <push-ros-namespace namespace="a"/>
             <group>
               <push-ros-namespace namespace="b"/>
               <node pkg="p" exec="e" name="in_b"/>
               <node pkg="p" exec="e" name="relative" namespace="c"/>
               <node pkg="p" exec="e" name="absolute" namespace="/d"/>
             </group>
             <node pkg="p" exec="e" name="in_a"/>
           </group>
           <node pkg="p" exec="e" name="outside"/>"#,
    )
    .plan(&[])
    .unwrap();
    let names: Vec<_> = plan
        .nodes
        .iter()
        .map(launch::NodeLaunch::full_name)
        .collect();
    assert_eq!(
        names,
        [
            "/a/b/in_b",
            "/a/b/c/relative",
            "/d/absolute",
            "/a/in_a",
            "/outside"
        ]
    );
}

#[test]
fn truth_values_are_true_false_1_0() {
    for (value, expected) in [
        ("true", 1),
        ("True", 1),
        ("1", 1),
        (" true ", 1),
        ("false", 0),
        ("FALSE", 0),
        ("0", 0),
    ] {
        let node = |condition| format!(r#"<node pkg="p" exec="e" {condition}="{value}"/>"#);
        assert_eq!(
            Files::new(&node("if")).plan(&[]).unwrap().nodes.len(),
            expected,
            "if {value}"
        );
        assert_eq!(
            Files::new(&node("unless")).plan(&[]).unwrap().nodes.len(),
            1 - expected,
            "unless {value}"
        );
    }
    for value in ["yes", "2", "", "truth"] {
        let refusal = Files::new(&format!(r#"<node pkg="p" exec="e" if="{value}"/>"#)).refusal(&[]);
        assert!(refusal.contains("must be true, false, 1 or 0"), "{refusal}");
    }
}

#[test]
fn what_a_condition_leaves_out_is_not_looked_at() {
    let files = Files::new(r#"<group if="false"><include file="missing.launch"/></group>"#);
    assert!(files.plan(&[]).unwrap().nodes.is_empty());
}

#[test]
fn included_files_see_what_the_including_file_has_set() {
    let files = Files::new(r#"<let name="a" value="1"/><include file="$(dirname)/inner.launch"/>"#)
        .with(
            "inner.launch",
            &format!("<launch>{}</launch>", probe("$(var a)")),
        );
    assert_eq!(text(&files.plan(&[]).unwrap(), "p"), "1");
}

#[test]
fn include_arguments_are_given_to_the_included_file_only() {
    let files = Files::new(&format!(
        r#"<arg name="a" default="mine"/>
           <group><include file="$(dirname)/inner.launch"><arg name="a" value="given"/></include></group>
           {}"#,
        probe("$(var a)")
    ))
    .with(
        "inner.launch",
        r#"<launch><arg name="a"/><node pkg="p" exec="e" name="inner"><param name="p" value="$(var a)"/></node></launch>"#,
    );
    let plan = files.plan(&[]).unwrap();
    assert_eq!(text(&plan, "p"), "mine");
    assert_eq!(
        params(&plan, "/inner")["p"],
        ParamValue::Str("given".to_owned())
    );
}

#[test]
fn a_variable_that_an_include_changed_is_refused_because_ros_2_would_see_the_change() {
    let files = Files::new(&format!(
        "<arg name=\"a\" default=\"mine\"/>\n<include file=\"$(dirname)/inner.launch\"/>\n{}",
        probe("$(var a)")
    ))
    .with(
        "inner.launch",
        r#"<launch><let name="a" value="changed"/></launch>"#,
    );
    let refusal = files.refusal(&[]);
    assert!(
        refusal.starts_with("main.launch:4: `a` was changed by the file included at main.launch:3"),
        "{refusal}"
    );
}

#[test]
fn a_namespace_that_an_include_pushed_is_refused_for_the_same_reason() {
    let files = Files::new(r#"<include file="$(dirname)/inner.launch"/><node pkg="p" exec="e"/>"#)
        .with(
            "inner.launch",
            r#"<launch><push-ros-namespace namespace="a"/></launch>"#,
        );
    assert!(
        files
            .refusal(&[])
            .contains("put the <include> into a <group>")
    );
}

#[test]
fn dirname_is_the_folder_of_the_file_it_stands_in() {
    let files = Files::new(r#"<include file="$(dirname)/sub/inner.launch"/>"#);
    std::fs::create_dir(files.path("sub")).unwrap();
    let files = files.with(
        "sub/inner.launch",
        &format!("<launch>{}</launch>", probe("$(dirname)")),
    );
    assert_eq!(
        text(&files.plan(&[]).unwrap(), "p"),
        files.path("sub").display().to_string()
    );
}

#[test]
fn environment_and_packages() {
    let files = Files::new(&probe(
        "$(env HOME) $(env NOT_SET 'a b') $(find-pkg-share grasp_anything)",
    ));
    let expected = format!(
        "/home/user a b {}",
        files.path("").display().to_string().trim_end_matches('/')
    );
    assert_eq!(text(&files.plan(&[]).unwrap(), "p"), expected);
}

#[test]
fn packages_of_an_ament_prefix_are_found() {
    let files = Files::new(&probe("$(find-pkg-share other)"));
    let prefix = files.path("prefix");
    std::fs::create_dir_all(prefix.join("share/other")).unwrap();
    let environment = [(
        "AMENT_PREFIX_PATH".to_owned(),
        format!("/nowhere:{}", prefix.display()),
    )]
    .into();
    let plan = files
        .launcher()
        .with_environment(environment)
        .plan(&files.path("main.launch"), &[])
        .unwrap();
    assert_eq!(
        text(&plan, "p"),
        prefix.join("share/other").display().to_string()
    );
}

#[test]
fn substitutions_nest() {
    let files = Files::new(&format!(
        r#"<let name="which" value="b"/><let name="b" value="found"/>{}"#,
        probe("$(var $(var which)) $(var c $(var b))")
    ));
    assert_eq!(text(&files.plan(&[]).unwrap(), "p"), "found found");
}

#[test]
fn parameters_are_typed_nested_and_read_from_files() {
    let files = Files::new(
        r#"<node pkg="p" exec="e" name="n">
             <param from="$(dirname)/params.yaml"/>
             <param name="rate" value="7.5"/>
             <param name="count" value="3"/>
             <param name="on" value="true"/>
             <param name="names" value="a, b" value-sep=", "/>
             <param name="outer"><param name="inner"><param name="x" value="[1, 2]"/></param></param>
           </node>"#,
    )
    .with("params.yaml", "");
    let plan = files.plan(&[]).unwrap();
    let ParamSource::File { path, location } = &plan.nodes[0].params[0] else {
        panic!("not a file")
    };
    assert_eq!((path, location.line), (&files.path("params.yaml"), 3));
    let params = params(&plan, "/n");
    assert_eq!(params["rate"], ParamValue::Float(7.5));
    assert_eq!(params["count"], ParamValue::Int(3));
    assert_eq!(params["on"], ParamValue::Bool(true));
    assert_eq!(
        params["names"],
        ParamValue::StrList(vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(params["outer.inner.x"], ParamValue::IntList(vec![1, 2]));
}

#[test]
fn remappings_are_those_around_the_node_and_its_own() {
    let plan = Files::new(
        r#"<group>
             <set_remap from="a" to="b"/>
             <node pkg="p" exec="e" name="inside"><remap from="c" to="/d"/></node>
           </group>
           <node pkg="p" exec="e" name="outside"/>"#,
    )
    .plan(&[])
    .unwrap();
    let remap = |from: &str, to: &str| Remap {
        from: from.to_owned(),
        to: to.to_owned(),
    };
    assert_eq!(plan.nodes[0].remaps, [remap("a", "b"), remap("c", "/d")]);
    assert_eq!(plan.nodes[1].remaps, []);
}

#[test]
fn a_node_without_a_name_is_called_after_its_executable() {
    assert_eq!(
        Files::new(r#"<node pkg="p" exec="camera"/>"#)
            .plan(&[])
            .unwrap()
            .nodes[0]
            .full_name(),
        "/camera"
    );
}

#[test]
fn show_args_lists_what_can_be_given_also_in_included_files() {
    let files = Files::new(
        r#"<arg name="scene" default="single" description="What lies on the table."><choice value="single"/><choice value="clutter3"/></arg>
           <arg name="must"/>
           <include file="$(dirname)/inner.launch"><arg name="set_here" value="1"/></include>"#,
    )
    .with(
        "inner.launch",
        r#"<launch><arg name="set_here" default="0"/><group><arg name="deep" default="$(var must)"/></group></launch>"#,
    );
    let arguments = files
        .launcher()
        .arguments(&files.path("main.launch"))
        .unwrap();
    assert_eq!(
        describe_arguments(&arguments),
        "Arguments (pass arguments as '<name>:=<value>'):\n\
         \n    'scene':\n        What lies on the table. Valid choices are: [\"single\", \"clutter3\"]\n        (default: 'single')\n\
         \n    'must':\n        no description given\n\
         \n    'deep':\n        no description given\n        (default: '$(var must)')\n"
    );
}

#[test]
fn arguments_of_a_program_are_split_at_spaces_but_not_inside_of_substitutions() {
    let files = Files::new(
        r#"<let name="with_spaces" value="a b"/><let name="empty" value=""/>
           <node pkg="p" exec="e" name="n" args="  $(var with_spaces).x one:=$(var empty)
                                                 $(var with_spaces)$(var with_spaces) two "/>"#,
    );
    let plan = files.plan(&[]).unwrap();
    assert_eq!(plan.nodes[0].arguments, ["a b.x", "one:=", "a ba b", "two"]);
    let quoted = Files::new(r#"<node pkg="p" exec="e" name="n" args="'a b'"/>"#);
    let refused = quoted.refusal(&[]);
    assert!(
        refused.contains("main.launch:2") && refused.contains("quotes"),
        "{refused}"
    );
}
