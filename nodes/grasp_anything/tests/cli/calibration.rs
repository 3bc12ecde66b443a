//! `grasp_anything calibrate` on samples with a known answer.

use std::fs;

use crate::program::{fails, run};

/// A folder as `calibrate example` writes it, and a path in it.
fn example() -> (tempfile::TempDir, impl Fn(&str) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap().to_owned();
    let written = run(&["calibrate", "example", &root]);
    assert_eq!(written.status, 0, "{}", written.stderr);
    (folder, move |name: &str| format!("{root}/{name}"))
}

#[test]
fn the_example_is_solved_kept_and_verified() {
    let (_folder, path) = example();
    let (samples, result) = (path("hand_eye"), path("camera.yaml"));
    let solved = run(&["calibrate", "solve", &samples, "--out", &result]);
    assert_eq!(solved.status, 0, "{}{}", solved.stdout, solved.stderr);
    assert!(
        solved.stdout.contains("within the tolerance"),
        "{}",
        solved.stdout
    );
    assert_eq!(
        solved.stdout.matches("Left out: ").count(),
        2,
        "{}",
        solved.stdout
    );

    // A worse one, of half the samples, does not take its place.
    let text = fs::read_to_string(path("hand_eye/samples.yaml")).unwrap();
    let end = text.match_indices("\n- name:").nth(9).unwrap().0;
    fs::create_dir(path("fewer")).unwrap();
    fs::write(path("fewer/samples.yaml"), &text[..=end]).unwrap();
    let kept = fs::read_to_string(&result).unwrap();
    let refused = run(&["calibrate", "solve", &path("fewer"), "--out", &result]);
    assert!(refused.stderr.contains("--replace"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(&result).unwrap(), kept);

    let verified = run(&["calibrate", "verify", &result, &path("fresh")]);
    assert_eq!(verified.status, 0, "{}", verified.stderr);
    assert!(
        verified.stdout.contains("On average"),
        "{}",
        verified.stdout
    );
}

#[test]
fn intrinsics_and_hand_are_reported() {
    let (_folder, path) = example();
    let camera = run(&["calibrate", "intrinsics", &path("pictures")]);
    assert!(
        camera.stdout.contains("Keep the camera's own figures"),
        "{}{}",
        camera.stdout,
        camera.stderr
    );
    // Written for the camera node, and not over what is better or another camera's.
    let lens = path("lens.yaml");
    let pictures = path("pictures");
    let line = ["calibrate", "intrinsics", &pictures, "--out", &lens];
    let of = |serial| run(&[&line[..], &["--serial", serial]].concat());
    assert_eq!(of("0042").status, 0);
    let text = fs::read_to_string(&lens).unwrap();
    assert!(
        text.contains("serial: '0042'") && text.contains("replaces_factory: false"),
        "{text}"
    );
    let other = of("0043");
    assert!(
        other.status != 0 && other.stderr.contains("another camera"),
        "{}",
        other.stderr
    );
    let result = path("new_hand.yaml");
    let hand = run(&["calibrate", "hand", &path("hand.yaml"), "--out", &result]);
    assert_eq!(hand.status, 0, "{}", hand.stderr);
    assert!(robot::Hand::from_file(&result).is_ok());
}

#[test]
fn bad_samples_are_told_and_nothing_is_written() {
    let (_folder, path) = example();
    let result = path("camera.yaml");
    let text = fs::read_to_string(path("hand_eye/samples.yaml")).unwrap();
    let end = text.match_indices("\n- name:").nth(3).unwrap().0;
    fs::write(path("hand_eye/samples.yaml"), &text[..=end]).unwrap();
    fails(
        &["calibrate", "solve", &path("hand_eye"), "--out", &result],
        &["are the least"],
    );
    fails(
        &["calibrate", "solve", &path("nowhere"), "--out", &result],
        &["check the path"],
    );
    assert!(!std::path::Path::new(&result).exists());
}

#[test]
fn every_calibration_has_a_page() {
    let (_folder, path) = example();
    let (samples, result, page) = (path("hand_eye"), path("camera.yaml"), path("page.html"));
    let text = |command: &[&str]| {
        let ended = run(&[&["calibrate"], command, &["--report", &page]].concat());
        assert_eq!(ended.status, 0, "{}{}", ended.stdout, ended.stderr);
        let html = fs::read_to_string(&page).unwrap();
        assert!(!html.contains("http:") && !html.contains("https:"));
        html
    };
    let solved = text(&["solve", &samples, "--out", &result]);
    for wanted in [
        "within the tolerance",
        "Left out",
        "Tsai-Lenz",
        "<circle",
        "samples.yaml",
    ] {
        assert!(solved.contains(wanted), "{wanted}");
    }
    let verified = text(&["verify", &result, &path("fresh")]);
    assert!(verified.contains("within the tolerance") && verified.contains("<circle"));
    let camera = text(&["intrinsics", &path("pictures")]);
    assert!(
        camera.contains("Keep the camera&apos;s own figures")
            || camera.contains("Keep the camera's own figures")
    );
    let hand = text(&["hand", &path("hand.yaml")]);
    // A curve for each of the eleven joints.
    assert_eq!(hand.matches("<svg role=").count(), 11);
    for joint in robot::hand::JOINTS {
        assert!(hand.contains(joint), "{joint}");
    }
}

#[test]
fn a_page_that_cannot_be_written_costs_no_result() {
    let (_folder, path) = example();
    let (result, nowhere) = (path("camera.yaml"), path("no/such/page.html"));
    let solve = [
        "calibrate",
        "solve",
        &path("hand_eye"),
        "--out",
        &result,
        "--report",
        &nowhere,
    ];
    fails(&solve, &["cannot write", "page.html"]);
    assert!(std::path::Path::new(&result).exists());
}
