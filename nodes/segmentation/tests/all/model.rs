//! The segmenter: prompts, errors, bad files.

use std::path::Path;

use inference::{InferenceError, ModelOptions};
use segmentation::{Frame, Prompt, SegmentationError, Segmenter};

use crate::toy::{GREEN, HEIGHT, RED, Square, WIDTH, encode, manifest, picture, segmenter};

#[test]
fn a_click_gives_the_object_and_its_looks() {
    let mut segmenter = segmenter();
    let (red, green) = (Square::new(30, 30, RED), Square::new(80, 40, GREEN));
    encode(&mut segmenter, &[red, green]);
    let found = segmenter.predict(&Prompt::click(31.0, 28.0)).unwrap();
    assert!(
        found.mask().iou(&red.mask()) > 0.9,
        "{}",
        found.mask().iou(&red.mask())
    );
    assert!((0.85..=0.95).contains(&found.score()), "{}", found.score());
    let other = segmenter.predict(&Prompt::click(80.0, 40.0)).unwrap();
    assert!(other.mask().iou(&green.mask()) > 0.9);
    assert!(
        found.memory().similarity(found.memory()) > 0.99
            && found.memory().similarity(other.memory()) < 0.5
    );

    // By looks alone, and by where it looks alike.
    let again = segmenter
        .predict(&Prompt {
            memory: Some(other.memory().clone()),
            ..Prompt::default()
        })
        .unwrap();
    assert!(again.mask().iou(&green.mask()) > 0.9);
    let places = segmenter.look_alikes(other.memory(), 3).unwrap();
    assert!(
        green
            .mask()
            .contains(places[0][0] as u32, places[0][1] as u32),
        "{places:?}"
    );
    // An off point on the object takes it away.
    assert!(
        segmenter
            .predict(&Prompt::click(31.0, 28.0).with_off_point(31.0, 29.0))
            .unwrap()
            .mask()
            .area()
            < red.mask().area() / 2
    );
}

#[test]
fn depth_is_read_where_there_is_any() {
    let mut segmenter = segmenter();
    let red = Square::new(30, 30, RED);
    let rgb = picture(&[red]);
    let depth: Vec<u16> = (0..HEIGHT)
        .flat_map(|y| (0..WIDTH).map(move |x| (x, y)))
        .map(|(x, y)| if red.mask().contains(x, y) { 700 } else { 0 })
        .collect();
    segmenter
        .encode(
            &Frame::new(WIDTH, HEIGHT, &rgb)
                .unwrap()
                .with_depth(&depth)
                .unwrap(),
        )
        .unwrap();
    let found = segmenter.predict(&Prompt::click(30.0, 30.0)).unwrap();
    assert!((segmenter.median_depth(&found).unwrap() - 0.7).abs() < 1e-6);
    encode(&mut segmenter, &[red]);
    let found = segmenter.predict(&Prompt::click(30.0, 30.0)).unwrap();
    assert_eq!(segmenter.median_depth(&found), None);
}

#[test]
fn the_same_frame_and_prompt_give_the_same_bits() {
    let run = || {
        let mut segmenter = segmenter();
        encode(&mut segmenter, &[Square::new(50, 30, GREEN)]);
        let found = segmenter.predict(&Prompt::click(50.0, 30.0)).unwrap();
        (found.score().to_bits(), found.mask())
    };
    assert_eq!(run(), run());
}

#[test]
fn bad_prompts_and_frames_are_named() {
    let mut segmenter = segmenter();
    assert!(matches!(
        segmenter.predict(&Prompt::click(1.0, 1.0)),
        Err(SegmentationError::NoFrame)
    ));
    encode(&mut segmenter, &[]);
    assert!(matches!(
        segmenter.predict(&Prompt::default()),
        Err(SegmentationError::EmptyPrompt)
    ));
    for (x, y) in [(-3.0, 5.0), (128.0, 5.0), (5.0, 72.0), (f64::NAN, 5.0)] {
        let error = segmenter.predict(&Prompt::click(x, y)).unwrap_err();
        assert!(
            matches!(
                error,
                SegmentationError::OutsideImage {
                    width: 128,
                    height: 72,
                    ..
                }
            ),
            "{error}"
        );
    }
    let many = (0..5).fold(Prompt::default(), |prompt, i| {
        prompt.with_on_point(f64::from(i), 1.0)
    });
    assert!(matches!(
        segmenter.predict(&many),
        Err(SegmentationError::TooManyPoints { given: 5, most: 4 })
    ));
    assert!(Frame::new(4, 4, &[0; 47]).is_err() && Frame::new(0, 0, &[]).is_err());
    let rgb = [0; 48];
    assert!(
        Frame::new(4, 4, &rgb)
            .unwrap()
            .with_depth(&[0; 15])
            .is_err()
    );
}

/// Copies the toy model into a folder and lets `change` spoil it.
fn spoiled(change: impl Fn(&Path)) -> SegmentationError {
    let folder = tempfile::tempdir().unwrap();
    for name in ["encoder.onnx", "decoder.onnx", "manifest.yaml"] {
        std::fs::copy(manifest().with_file_name(name), folder.path().join(name)).unwrap();
    }
    change(folder.path());
    Segmenter::load(
        &folder.path().join("manifest.yaml"),
        &ModelOptions::default(),
    )
    .unwrap_err()
}

fn edit(folder: &Path, from: &str, to: &str) {
    let path = folder.join("manifest.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn bad_models_are_refused_with_the_reason() {
    let missing = spoiled(|folder| std::fs::remove_file(folder.join("decoder.onnx")).unwrap());
    assert!(
        matches!(
            missing,
            SegmentationError::Inference(InferenceError::Read { .. })
        ),
        "{missing}"
    );

    let cut = spoiled(|folder| {
        let bytes = std::fs::read(folder.join("decoder.onnx")).unwrap();
        std::fs::write(folder.join("decoder.onnx"), &bytes[..bytes.len() / 2]).unwrap();
    });
    assert!(
        matches!(
            cut,
            SegmentationError::Inference(InferenceError::Digest { .. })
        ),
        "{cut}"
    );

    let swapped = spoiled(|folder| edit(folder, "file: encoder.onnx", "file: decoder.onnx"));
    assert!(
        matches!(
            swapped,
            SegmentationError::Inference(InferenceError::Digest { .. })
        ),
        "{swapped}"
    );

    let other = spoiled(|folder| {
        edit(
            folder,
            "name: has_memory, dtype: float32, shape: [1, 1]",
            "name: has_memory, dtype: float32, shape: [1, 2]",
        );
    });
    assert!(
        matches!(&other, SegmentationError::Manifest { .. })
            && other.to_string().contains("has_memory"),
        "{other}"
    );

    let unknown = spoiled(|folder| edit(folder, "kind: promptable_segmenter", "kind: detector"));
    assert!(unknown.to_string().contains("detector"), "{unknown}");

    let broken = spoiled(|folder| edit(folder, "frame:", "farme:"));
    assert!(broken.to_string().contains("farme"), "{broken}");

    let nowhere = Segmenter::load(
        Path::new("/nowhere/manifest.yaml"),
        &ModelOptions::default(),
    )
    .unwrap_err();
    assert!(
        matches!(nowhere, SegmentationError::ReadManifest { .. }),
        "{nowhere}"
    );
}
