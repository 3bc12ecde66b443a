//! The files that make a ROS 2 package of the project say the same as the program and each other.

use std::{collections::BTreeSet, fs};

use crate::program::{project, run};

fn read(file: &str) -> String {
    fs::read_to_string(project().join(file)).unwrap()
}

/// What stands between `start` and `end` in a text.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

/// Packages of messages that the package depends on.
fn message_packages() -> BTreeSet<String> {
    read("package.xml")
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("<depend>")?
                .strip_suffix("</depend>")
        })
        .filter(|package| !["rcl", "rcl_action"].contains(package))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_node_has_its_link() {
    let cmake = read("CMakeLists.txt");
    let links: BTreeSet<_> = between(&cmake, "set(LINKS", ")")
        .split_whitespace()
        .collect();
    let list = run(&["node", "--list"]).stdout;
    let nodes = list
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .filter(|word| *word != "node" && !word.starts_with('-'));
    let expected: BTreeSet<_> = nodes.chain(["launch"]).collect();
    assert_eq!(links, expected, "{list}");
}

#[test]
fn bindings_are_made_for_just_the_packages_that_are_there() {
    let config = read(".cargo/config.toml");
    let filter = between(&config, "IDL_PACKAGE_FILTER = \"", "\"").split(';');
    let bound: BTreeSet<String> = filter.map(str::to_owned).collect();
    let newer = ["service_msgs", "type_description_interfaces"].map(str::to_owned);
    let expected: BTreeSet<String> = message_packages().into_iter().chain(newer).collect();
    assert_eq!(bound, expected);
}

#[test]
fn every_message_has_its_package() {
    let golden = fs::read_dir(project().join("nodes/msgs/tests/golden")).unwrap();
    let packages = message_packages();
    for file in golden {
        let name = file.unwrap().file_name().into_string().unwrap();
        let (package, _) = name.split_once('.').unwrap();
        assert!(
            packages.contains(package),
            "{package} is not in package.xml"
        );
    }
}

#[test]
fn rviz_shows_topics_that_there_are() {
    let config: serde_yaml::Value =
        serde_yaml::from_str(&read("rviz/grasp_anything.rviz")).unwrap();
    let manager = &config["Visualization Manager"];
    let list = |key: &str| manager[key].as_sequence().unwrap().clone();
    let shown = list("Displays").into_iter().chain(list("Tools"));
    let topics = shown.filter_map(|item| {
        let topic =
            [&item["Topic"], &item["Description Topic"]].map(|topic| topic["Value"].as_str());
        topic.into_iter().flatten().next().map(str::to_owned)
    });
    let topics: BTreeSet<String> = topics.collect();
    let sources = [
        "nodes/segmentation/src/node/mod.rs",
        "nodes/segmentation/src/node/state.rs",
        "nodes/pointcloud/src/node.rs",
        "nodes/camera/src/node.rs",
        "nodes/drivers/ur/src/robot_state_publisher.rs",
    ]
    .map(read)
    .concat();
    for topic in &topics {
        let name = format!("\"{}\"", topic.trim_start_matches('/'));
        assert!(sources.contains(&name), "no node knows {topic}");
    }
    assert!(topics.contains("/clicked_point") && topics.contains("/target/box"));
}
