//! Files: an image, a folder, a video; and what is wrong with them.

use std::path::Path;
use std::process::Command;

use segmentation::batch::{BatchError, BatchOptions, run};

use crate::toy::{GREEN, HEIGHT, RED, Square, WIDTH, manifest, picture};

fn write(folder: &Path, name: &str, squares: &[Square]) {
    std::fs::create_dir_all(folder).unwrap();
    image::save_buffer(
        folder.join(name),
        &picture(squares),
        WIDTH,
        HEIGHT,
        image::ExtendedColorType::Rgb8,
    )
    .unwrap();
}

fn options(input: &Path, out: &Path) -> BatchOptions {
    BatchOptions {
        input: input.to_path_buf(),
        out: out.to_path_buf(),
        manifest: manifest(),
        clicks: vec![[30.0, 30.0]],
        ..BatchOptions::default()
    }
}

fn mask_area(path: &Path) -> usize {
    let mask = image::open(path).unwrap().into_luma8();
    assert_eq!(mask.dimensions(), (WIDTH, HEIGHT));
    assert!(mask.pixels().all(|p| p.0[0] == 0 || p.0[0] == 255));
    mask.pixels().filter(|p| p.0[0] == 255).count()
}

fn lines(out: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(out.join("scores.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn an_image_with_depth() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "desk.png", &[Square::new(30, 30, RED)]);
    let depth = folder.path().join("depth");
    std::fs::create_dir(&depth).unwrap();
    let values: image::ImageBuffer<image::Luma<u16>, Vec<u16>> =
        image::ImageBuffer::from_pixel(WIDTH, HEIGHT, image::Luma([800]));
    values.save(depth.join("desk.png")).unwrap();
    let out = folder.path().join("out");
    let options = BatchOptions {
        depth: Some(depth.clone()),
        ..options(&folder.path().join("desk.png"), &out)
    };
    let scores = run(&options, |_| {}).unwrap();
    assert_eq!(scores.len(), 1);
    let area = mask_area(&out.join("desk.mask.png"));
    assert!((320..400).contains(&area), "{area}");
    assert!(out.join("desk.overlay.png").is_file());
    assert_eq!(lines(&out)[0]["frame"], "desk");
    assert_eq!(lines(&out)[0]["status"], "tracking");
    assert!(lines(&out)[0]["score"].as_f64().unwrap() > 0.8);

    image::GrayImage::new(WIDTH, HEIGHT)
        .save(depth.join("desk.png"))
        .unwrap();
    assert!(matches!(
        run(&options, |_| {}),
        Err(BatchError::DepthFormat { .. })
    ));
}

#[test]
fn a_folder_is_tracked_in_the_order_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    for step in 0..4 {
        write(
            &input,
            &format!("f{step}.png"),
            &[
                Square::new(80, 50, GREEN),
                Square::new(30 + 4 * step, 30, RED),
            ],
        );
    }
    write(&input, "f4.png", &[Square::new(80, 50, GREEN)]);
    std::fs::write(input.join("notes.txt"), "not a picture").unwrap();
    let out = folder.path().join("out");
    let mut heard = Vec::new();
    run(&options(&input, &out), |score| {
        heard.push(score.frame.clone());
    })
    .unwrap();
    assert_eq!(heard, ["f0", "f1", "f2", "f3", "f4"]);
    let found = lines(&out);
    assert!(
        found[..4]
            .iter()
            .all(|line| line["status"] == "tracking" && line.get("reason").is_none()),
        "{found:?}"
    );
    assert_eq!(
        (&found[4]["status"], mask_area(&out.join("f4.mask.png"))),
        (&"occluded".into(), 0)
    );
}

#[test]
fn a_video_is_tracked_and_its_frames_numbered() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    for step in 0..5 {
        write(
            &input,
            &format!("{step}.png"),
            &[Square::new(30 + 3 * step, 30, RED)],
        );
    }
    let video = folder.path().join("film.mkv");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(input.join("%d.png"))
        .args(["-c:v", "ffv1"])
        .arg(&video)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no ffmpeg on this machine");
        return;
    }
    let out = folder.path().join("out");
    assert_eq!(run(&options(&video, &out), |_| {}).unwrap().len(), 5);
    assert_eq!(lines(&out)[4]["frame"], "000004");
    assert!(
        mask_area(&out.join("000004.mask.png")) > 300 && out.join("000000.overlay.png").is_file()
    );

    std::fs::write(&video, b"no film").unwrap();
    assert!(matches!(
        run(&options(&video, &out), |_| {}),
        Err(BatchError::Video { .. })
    ));
}

#[test]
fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    write(folder.path(), "a.png", &[]);
    let input = folder.path().join("a.png");
    let no_prompt = BatchOptions {
        clicks: Vec::new(),
        ..options(&input, &out)
    };
    assert!(matches!(run(&no_prompt, |_| {}), Err(BatchError::NoPrompt)));
    let outside = BatchOptions {
        clicks: vec![[500.0, 3.0]],
        ..options(&input, &out)
    };
    assert!(
        run(&outside, |_| {})
            .unwrap_err()
            .to_string()
            .contains("128x72")
    );
    assert!(matches!(
        run(&options(&folder.path().join("b.png"), &out), |_| {}),
        Err(BatchError::Read { .. })
    ));
    std::fs::write(&input, b"text").unwrap();
    assert!(matches!(
        run(&options(&input, &out), |_| {}),
        Err(BatchError::ReadPicture { .. })
    ));
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(matches!(
        run(&options(&empty, &out), |_| {}),
        Err(BatchError::NoFrames { .. })
    ));
}

#[test]
fn a_wrong_prompt_leaves_earlier_results_alone() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    write(&input, "desk.png", &[Square::new(30, 30, RED)]);
    let out = folder.path().join("out");
    run(&options(&input, &out), |_| {}).unwrap();
    let kept = std::fs::read_to_string(out.join("scores.jsonl")).unwrap();
    assert!(!kept.is_empty());
    let outside = BatchOptions {
        clicks: vec![[9000.0, 30.0]],
        ..options(&input, &out)
    };
    run(&outside, |_| {}).unwrap_err();
    assert_eq!(
        std::fs::read_to_string(out.join("scores.jsonl")).unwrap(),
        kept
    );
}

#[test]
fn results_do_not_go_among_the_frames() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "desk.png", &[Square::new(30, 30, RED)]);
    let error = run(&options(folder.path(), folder.path()), |_| {}).unwrap_err();
    assert!(
        matches!(&error, BatchError::SameFolder { .. }) && error.to_string().contains("--out"),
        "{error}"
    );
    assert!(!folder.path().join("scores.jsonl").exists());
}
