//! The project's launch files, and broken ones.

use std::fs;

use crate::program::{fails, project, run};

#[test]
fn every_launch_file_of_the_project_can_be_planned() {
    for entry in fs::read_dir(project().join("launch")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let file = path.to_str().unwrap();
        let shown = run(&["launch", file, "--show-args"]);
        assert_eq!(shown.status, 0, "{file}: {}", shown.stderr);
        // A part of others cannot stand alone.
        let required = file.ends_with("grasp.launch");
        let arguments = if required {
            vec!["config:=config/sim.yaml"]
        } else {
            Vec::new()
        };
        let planned = run(&[&["launch", file, "--dry-run"], arguments.as_slice()].concat());
        assert_eq!(planned.status, 0, "{file}: {}", planned.stderr);
        let node = if file.ends_with("calibrate_hand_eye.launch") {
            "/calibrate_hand_eye"
        } else if file.ends_with("calibrate_intrinsics.launch") {
            "/calibrate_intrinsics"
        } else {
            "/supervisor"
        };
        assert!(planned.stdout.contains(node), "{file}: {}", planned.stdout);
    }
}

#[test]
fn the_simulation_shows_its_arguments_and_those_of_the_files_in_it() {
    let shown = run(&["launch", "launch/sim.launch", "--show-args"]).stdout;
    for argument in [
        "'scene'",
        "'objects'",
        "'seed'",
        "'once'",
        "'width'",
        "'policy'",
    ] {
        assert!(shown.contains(argument), "{argument}: {shown}");
    }
}

/// What a launch file would start with these arguments.
fn plan(file: &str, arguments: &[&str]) -> String {
    let line = [&["launch", file, "--dry-run"], arguments].concat();
    let planned = run(&line);
    assert_eq!(planned.status, 0, "{}", planned.stderr);
    planned.stdout
}

/// The plan with these arguments, which is the same in one process and in several.
fn same_plan_in_one_process_or_several(arguments: &[&str]) -> String {
    let one = plan("real.launch", arguments);
    let several = plan(
        "real.launch",
        &[arguments, &["one_process:=false"]].concat(),
    );
    assert_eq!(one, several);
    one
}

#[test]
fn the_real_cell_runs_the_same_nodes_in_one_process_or_several() {
    let given = [
        "robot:=10.0.0.7",
        "hand:=/dev/tty hand",
        "camera_topics:=/d455",
    ];
    let one = same_plan_in_one_process_or_several(&given);
    for part in [
        "/ur_driver",
        "/supervisor",
        "rtde: \"tcp://10.0.0.7:30004\"",
        "serial:///dev/tty hand?baud=1000000",
        "/camera/color/image_raw -> /d455/color/image_raw",
    ] {
        assert!(one.contains(part), "{part} is not in:\n{one}");
    }
    assert!(!one.contains("grasp_anything camera"), "{one}");
    let replayed = plan("real.launch", &["camera:=replay", "images:=some/folder"]);
    assert!(replayed.contains("source: \"some/folder\""), "{replayed}");
    let realsense = plan(
        "real.launch",
        &["camera:=realsense", "camera_serial:=012345"],
    );
    assert!(
        realsense.contains("grasp_anything realsense"),
        "{realsense}"
    );
    assert!(realsense.contains("serial: \"012345\""), "{realsense}");
}

#[test]
fn the_real_arm_may_be_behind_ros2_control() {
    let given = [
        "arm_interface:=ros2_control",
        "controller:=forward_position_controller",
    ];
    let one = same_plan_in_one_process_or_several(&given);
    for part in [
        "/arm_ros2_control",
        "controller: \"forward_position_controller\"",
        "wrench: \"/force_torque_sensor_broadcaster/wrench\"",
        "/robot_description -> /arm_and_hand/robot_description",
    ] {
        assert!(one.contains(part), "{part} is not in:\n{one}");
    }
    assert!(!one.contains("/ur_driver"), "{one}");
    let numb = plan("real.launch", &["arm_interface:=ros2_control", "wrench:="]);
    assert!(numb.contains("wrench: \"\""), "{numb}");
    fails(
        &["launch", "real.launch", "arm_interface:=moveit"],
        &["rtde, ros2_control"],
    );
}

#[test]
fn a_calibration_has_a_cell_of_its_own_where_it_is_asked_for() {
    let real = plan("launch/calibrate_hand_eye.launch", &[]);
    assert!(
        real.contains("move: false") && !real.contains("/sim"),
        "{real}"
    );
    let simulated = plan("launch/calibrate_hand_eye.launch", &["sim:=true"]);
    for part in [
        "/sim",
        "move: true",
        "charuco_7x5.png",
        "camera_at: [0.25, 1.1, 0.55]",
    ] {
        assert!(simulated.contains(part), "{part} is not in:\n{simulated}");
    }
    assert_eq!(simulated.matches("/ur_driver").count(), 1, "{simulated}");
}

#[test]
fn the_lens_is_calibrated_with_a_robot_only_where_it_moves() {
    let by_hand = plan("calibrate_intrinsics.launch", &["camera_serial:=0042"]);
    for part in [
        "find: \"intrinsics\"",
        "move: false",
        "camera_serial: \"0042\"",
    ] {
        assert!(by_hand.contains(part), "{part} is not in:\n{by_hand}");
    }
    assert!(!by_hand.contains("/ur_driver"), "{by_hand}");
    let simulated = plan("calibrate_intrinsics.launch", &["sim:=true"]);
    for part in [
        "/sim",
        "/ur_driver",
        "move: true",
        "camera_at: [0.25, 1.1, 0.55]",
    ] {
        assert!(simulated.contains(part), "{part} is not in:\n{simulated}");
    }
}

#[test]
fn calibrations_reach_camera_and_tf() {
    for (camera, node) in [("realsense", "realsense"), ("replay", "camera")] {
        let camera = format!("camera:={camera}");
        let arguments = [
            &camera,
            "intrinsics:=lens.yaml",
            "allow_poor:=true",
            "images:=x",
        ];
        let plan = same_plan_in_one_process_or_several(&arguments);
        for part in [node, "intrinsics: \"lens.yaml\"", "allow_poor: true"] {
            assert!(plan.contains(part), "{part} is not in:\n{plan}");
        }
    }
    // What another node publishes is not ours to change.
    fails(
        &[
            "launch",
            "real.launch",
            "intrinsics:=lens.yaml",
            "--dry-run",
        ],
        &["intrinsics", "lens.yaml"],
    );
}

#[test]
fn arguments_reach_the_nodes() {
    let plan = run(&[
        "launch",
        "launch/sim.launch",
        "scene:=single",
        "once:=true",
        "--dry-run",
    ])
    .stdout;
    assert!(
        plan.contains("scene: \"single\"") && plan.contains("once: true"),
        "{plan}"
    );
    let plan = run(&["launch", "launch/sim.launch", "demo:=false", "--dry-run"]).stdout;
    assert!(!plan.contains("/demo"), "{plan}");
}

#[test]
fn wrong_arguments_are_told_with_the_right_ones() {
    fails(
        &["launch", "launch/sim.launch", "scnee:=single"],
        &["no argument `scnee`", "scene"],
    );
    fails(
        &["launch", "launch/sim.launch", "scene:=tower"],
        &["single, clutter3, clutter5"],
    );
    fails(&["launch", "launch/sim.launch", "seed=3"], &["seed:=3"]);
    fails(&["launch", "none.launch"], &["none.launch"]);
}

#[test]
fn broken_files_are_told_by_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let launch = |body: &str| {
        let file = folder.path().join("broken.launch");
        fs::write(&file, format!("<launch>\n{body}\n</launch>")).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let node = |inside: &str| {
        format!(r#"<node pkg="grasp_anything" exec="prompt_server">{inside}</node>"#)
    };
    fails(
        &["launch", &launch("<nonsense/>")],
        &["broken.launch:2", "<nonsense>"],
    );
    fails(&["launch", &launch("<node")], &["broken.launch:", "XML"]);
    fails(
        &["launch", &launch(r#"<node pkg="rviz2" exec="rviz2"/>"#)],
        &["broken.launch:2", "rviz2"],
    );
    fails(&["launch", &launch("")], &["launches no node"]);

    let yaml = folder.path().join("broken.yaml");
    let with_file = launch(&node(&format!(r#"<param from="{}"/>"#, yaml.display())));
    fs::write(&yaml, "/prompt_server: {ros__parameters: {socket: [").unwrap();
    fails(&["launch", &with_file], &["broken.yaml"]);
    fs::write(&yaml, "/prompt_server: {ros__parameters: {sokcet: a}}").unwrap();
    fails(
        &["launch", &with_file],
        &["sokcet", "socket", "broken.yaml"],
    );
}
