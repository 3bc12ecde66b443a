//! Parameters from defaults, files and assignments.

use crate::Outcome;
use bus::{
    Graph, GraphConfig, GraphError, Node, NodeSpec, Origin, ParameterOverrides, ParameterSpec,
};
use proptest::prelude::*;
use std::{io::Write as _, path::PathBuf};

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("params.yaml");
    std::fs::File::create(&path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    (folder, path)
}

fn overrides(text: &str) -> Result<ParameterOverrides, String> {
    let (_folder, path) = file(text);
    ParameterOverrides::new()
        .file(path)
        .map_err(|why| why.to_string())
}

/// Runs a node called /segmentation that declares a few parameters.
fn run(
    overrides: ParameterOverrides,
    check: impl FnOnce(Node, f64, i64, String, Vec<f64>) + Send + 'static,
) -> Result<(), String> {
    let mut graph = Graph::new(GraphConfig::lockstep());
    graph
        .add(
            NodeSpec::new("segmentation").parameters(overrides),
            |node| async move {
                let rate = node.parameter(
                    ParameterSpec::new("rate", 7.5)
                        .describe("frames per second")
                        .range(1.0..=60.0),
                )?;
                let count =
                    node.parameter(ParameterSpec::new("tracking.count", 3_i64).range(1..=10))?;
                let model = node.parameter(
                    ParameterSpec::new("model", "small").one_of(["small", "large", "7"]),
                )?;
                let gains = node.parameter(ParameterSpec::new("gains", vec![1.0, 2.0]))?;
                check(
                    node.clone(),
                    rate.get(),
                    count.get(),
                    model.get(),
                    gains.get(),
                );
                Outcome::Ok(())
            },
        )
        .unwrap();
    graph
        .run_lockstep(None)
        .map(drop)
        .map_err(|why| why.to_string())
}

fn error_of(overrides: ParameterOverrides) -> String {
    run(overrides, |_, _, _, _, _| {}).unwrap_err()
}

#[test]
fn defaults_files_and_assignments_in_that_order() {
    let file = overrides(
        "/**:\n  ros__parameters: {rate: 10}\nsegmentation:\n  ros__parameters:\n    tracking: {count: 5}\n    gains: [1, 2.5]\n\
         other:\n  ros__parameters: {whatever: 1}\n",
    )
    .unwrap();
    let all = file
        .assignment("rate:=12.5")
        .unwrap()
        .assignment("model:=7")
        .unwrap();
    run(all, |node, rate, count, model, gains| {
        assert_eq!(
            (rate, count, model.as_str(), gains),
            (12.5, 5, "7", vec![1.0, 2.5])
        );
        let declared = node.declared_parameters();
        let names: Vec<&str> = declared.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["gains", "model", "rate", "tracking.count"]);
        assert_eq!(declared[2].allowed.as_deref(), Some("from 1 to 60"));
        assert_eq!(declared[2].origin, Origin::Inline);
        assert!(
            declared[3]
                .origin
                .to_string()
                .contains("(section /segmentation)")
        );
    })
    .unwrap();
    run(ParameterOverrides::new(), |_, rate, count, model, gains| {
        assert_eq!(
            (rate, count, model.as_str(), gains),
            (7.5, 3, "small", vec![1.0, 2.0])
        );
    })
    .unwrap();
}

#[test]
fn what_a_node_does_not_declare_is_an_error_that_names_the_nearest() {
    let text = error_of(overrides("segmentation:\n  ros__parameters: {rat: 3.0}").unwrap());
    for part in ["/segmentation", "rat", "params.yaml", "did you mean rate?"] {
        assert!(text.contains(part), "{part} in: {text}");
    }
    let text = error_of(
        ParameterOverrides::new()
            .assignment("modle:=large")
            .unwrap(),
    );
    assert!(
        text.contains("the inline assignment") && text.contains("did you mean model?"),
        "{text}"
    );
}

#[test]
fn what_is_given_to_all_nodes_must_be_declared_by_one() {
    let mut config = GraphConfig::lockstep();
    config.parameters = overrides("/**:\n  ros__parameters: {rate: 3.0, use_gpu: true}").unwrap();
    let mut graph = Graph::new(config);
    graph
        .add(NodeSpec::new("a"), |node| async move {
            node.parameter(ParameterSpec::new("rate", 1.0))?;
            node.shutdown().await;
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("b"), |_| async { Outcome::Ok(()) })
        .unwrap();
    let error = graph.run_lockstep(None).unwrap_err();
    assert!(matches!(error, GraphError::Parameter(_)));
    assert!(error.to_string().contains("use_gpu"), "{error}");
}

#[test]
fn wrong_types_and_values_out_of_range_are_errors() {
    let text = error_of(overrides("segmentation:\n  ros__parameters: {rate: fast}").unwrap());
    assert!(
        text.contains("gives \"fast\", but it must be a number"),
        "{text}"
    );
    let text =
        error_of(overrides("segmentation:\n  ros__parameters: {tracking.count: 2.5}").unwrap());
    assert!(text.contains("must be a whole number"), "{text}");
    let text = error_of(ParameterOverrides::new().assignment("rate:=61").unwrap());
    assert!(text.contains("from 1 to 60"), "{text}");
    let text = error_of(ParameterOverrides::new().assignment("rate:=.nan").unwrap());
    assert!(text.contains("from 1 to 60"), "{text}");
    let text = error_of(ParameterOverrides::new().assignment("model:=huge").unwrap());
    assert!(text.contains("one of small, large, 7"), "{text}");
}

#[test]
fn an_assignment_can_name_its_node() {
    let all = ParameterOverrides::new()
        .assignment("segmentation:rate:=9")
        .unwrap();
    let all = all.assignment("other:rate:=1000").unwrap();
    run(all, |_, rate, _, _, _| assert_eq!(rate, 9.0)).unwrap();
    for bad in ["rate", ":=1", "rate:=[1, a]", "rate:={a: 1}", "rate:=[1"] {
        assert!(ParameterOverrides::new().assignment(bad).is_err(), "{bad}");
    }
}

/// The number that the node /cell/left/arm gets from a file, 0 where it gets none.
fn number_in_namespace(text: &str) -> i64 {
    number_given(overrides(text).unwrap())
}

/// The number that the node /cell/left/arm gets, 0 where it gets none.
fn number_given(given: ParameterOverrides) -> i64 {
    let (sender, number) = std::sync::mpsc::channel();
    let mut graph = Graph::new(GraphConfig::lockstep());
    let spec = NodeSpec::new("arm")
        .namespace("/cell/left")
        .parameters(given);
    graph
        .add(spec, |node| async move {
            sender.send(node.parameter(ParameterSpec::new("number", 0_i64))?.get())?;
            Outcome::Ok(())
        })
        .unwrap();
    graph.run_lockstep(None).unwrap();
    number.recv().unwrap()
}

#[test]
fn sections_are_for_nodes_as_in_ros() {
    let section = |name: &str| format!("{name}:\n  ros__parameters: {{number: 1}}\n");
    for fitting in [
        "/**",
        "'**'",
        "/cell/left/arm",
        "cell/left/arm",
        "/cell/*/arm",
        "/*/*/arm",
        "/**/arm",
        "/cell/**",
        "/cell/left/*",
        "/**/left/**",
    ] {
        assert_eq!(number_in_namespace(&section(fitting)), 1, "{fitting}");
    }
    for other in [
        "arm",
        "/arm",
        "/*",
        "/*/arm",
        "/cell/left",
        "/cell/**/hand",
        "/left/arm",
    ] {
        assert_eq!(number_in_namespace(&section(other)), 0, "{other}");
    }
    let nested = "cell:\n  left:\n    arm:\n      ros__parameters: {number: 2}\n";
    assert_eq!(number_in_namespace(nested), 2);
    let wildcard_last =
        "/cell/left/arm: {ros__parameters: {number: 3}}\n/**: {ros__parameters: {number: 4}}\n";
    assert_eq!(
        number_in_namespace(wildcard_last),
        3,
        "the node's own section wins wherever it stands"
    );
}

#[test]
fn the_own_section_of_a_node_wins_over_wildcards_of_any_file() {
    let section = |name: &str, number: i64| {
        file(&format!(
            "{name}: {{ros__parameters: {{number: {number}}}}}"
        ))
    };
    let (own, all) = (section("/cell/left/arm", 1), section("/**", 2));
    let (some, other) = (section("/cell/**", 3), section("/cell/left/arm", 4));
    let number = |files: &[&(tempfile::TempDir, PathBuf)]| {
        let given = files
            .iter()
            .fold(ParameterOverrides::new(), |given, (_, path)| {
                given.file(path).unwrap()
            });
        number_given(given)
    };
    assert_eq!(number(&[&own, &all]), 1);
    assert_eq!(number(&[&all, &own]), 1);
    assert_eq!(number(&[&own, &all, &some]), 1);
    assert_eq!(number(&[&all, &some]), 3, "of wildcards the later one");
    assert_eq!(number(&[&some, &all]), 2, "however much narrower the first");
    assert_eq!(
        number(&[&own, &other, &all]),
        4,
        "of own sections the later one"
    );

    // What is said where the node is started is meant for it, and comes in its turn.
    let inline = ParameterOverrides::new().set("number", "5").unwrap();
    assert_eq!(number_given(inline.clone().file(&all.1).unwrap()), 5);
    assert_eq!(number_given(inline.clone().file(&own.1).unwrap()), 1);
    let after = ParameterOverrides::new().file(&own.1).unwrap();
    assert_eq!(number_given(after.set("number", "5").unwrap()), 5);
}

#[test]
fn truth_values_have_the_words_of_ros() {
    for (word, truth) in [
        ("yes", true),
        ("On", true),
        ("true", true),
        ("n", false),
        ("OFF", false),
    ] {
        let given = overrides(&format!("/**:\n  ros__parameters: {{flag: {word}}}")).unwrap();
        let mut graph = Graph::new(GraphConfig::lockstep());
        graph
            .add(
                NodeSpec::new("n").parameters(given),
                move |node| async move {
                    let flag = node.parameter(ParameterSpec::new("flag", !truth))?;
                    assert_eq!(flag.get(), truth, "{word}");
                    Outcome::Ok(())
                },
            )
            .unwrap();
        graph.run_lockstep(None).unwrap();
    }
}

proptest! {
    #[test]
    fn no_file_panics(text in r"([a-z/*]{0,6}:?|ros__parameters:|[-{}\[\],.!&*' \n]{0,3}|[0-9.eE+-]{1,5}|[ ]{2}|\n){0,20}") {
        overrides(&text).ok();
    }

    #[test]
    fn no_assignment_panics(text in r"[a-z:=/*.\[\]{}'0-9 -]{0,24}") {
        ParameterOverrides::new().assignment(&text).ok();
    }
}

#[test]
fn malformed_files_are_errors_that_name_file_and_place() {
    for (text, part) in [
        (
            "segmentation:\n  rate: 3\n",
            "/segmentation/rate: must hold ros__parameters",
        ),
        ("a: [1", "not YAML"),
        ("ros__parameters: {a: 1}", "outside of any node"),
        ("a:\n  ros__parameters: 3\n", "must map names to values"),
        ("a:\n  ros__parameters: {x: [1, a]}\n", "/a: x: mixes kinds"),
        ("a:\n  ros__parameters: {x: }\n", "/a: x: has no value"),
        ("- 1", "must map node names"),
        ("1: {ros__parameters: {}}", "not a text"),
    ] {
        let error = overrides(text).unwrap_err();
        assert!(
            error.contains("params.yaml") && error.contains(part),
            "{text:?}: {error}"
        );
    }
    let missing = ParameterOverrides::new()
        .file("/no/such/file.yaml")
        .unwrap_err()
        .to_string();
    assert!(missing.contains("/no/such/file.yaml"), "{missing}");
}

#[test]
fn a_parameter_is_declared_once() {
    let error = crate::run_node(|node| async move {
        node.parameter(ParameterSpec::new("rate", 1.0))?;
        node.parameter(ParameterSpec::new("rate", 1.0))?;
        Ok(())
    })
    .unwrap_err();
    assert!(
        error.to_string().contains("declares parameter rate twice"),
        "{error}"
    );
}

#[test]
fn a_node_can_list_what_all_have_declared() {
    let mut graph = Graph::new(GraphConfig::lockstep());
    let spec = NodeSpec::new("a").namespace("cell");
    graph
        .add(spec, |node| async move {
            node.parameter(ParameterSpec::new("rate", 2.0))?;
            node.shutdown().await;
            Outcome::Ok(())
        })
        .unwrap();
    graph
        .add(NodeSpec::new("b").ends_graph(), |node| async move {
            node.clock()
                .sleep(std::time::Duration::from_millis(1))
                .await;
            let all = node.parameters_of_all();
            let names: Vec<_> = all
                .iter()
                .map(|(name, all)| (name.as_str(), all.len()))
                .collect();
            assert_eq!(names, [("/cell/a", 1), ("/b", 0)]);
            assert_eq!(all[0].1[0].name, "rate");
            Outcome::Ok(())
        })
        .unwrap();
    assert!(graph.run_lockstep(None).unwrap().failures.is_empty());
}
