//! Recordings sent through a toy segmenter again, which finds what has the colour of the clicked pixel.

use std::{fs::File, path::Path, time::Duration};

use bus::Time;
use msgs::{
    geometry_msgs::{Point, PointStamped},
    sensor_msgs::Image,
    std_msgs::Header,
};
use recorder::Writer;

use crate::program::{fails, run};

const WIDTH: u32 = 128;
const HEIGHT: u32 = 72;
/// A day of this decade: recordings are of the real world's time.
const START_S: f64 = 1.8e9;

const TOY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../segmentation/tests/data/manifest.yaml"
);

/// Whether a pixel is in a square of 20 pixels around this column, in the middle row.
fn covers(column: u32, x: u32, y: u32) -> bool {
    x.abs_diff(column) < 10 && y.abs_diff(36) < 10
}

fn image(at: Time, encoding: &str, pixel: impl Fn(u32, u32) -> Vec<u8>) -> Image {
    let places = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
    let data: Vec<u8> = places.flat_map(|(x, y)| pixel(x, y)).collect();
    Image {
        header: Header::new(at, "camera_color_optical_frame"),
        height: HEIGHT,
        width: WIDTH,
        encoding: encoding.into(),
        step: data.len() as u32 / HEIGHT,
        data,
        ..Image::default()
    }
}

/// Ten pictures of a red square that moves to the right, with its masks; those of the last two are 10 columns off. The
/// camera's topics are remapped. The first picture has the click, if there is one.
fn write(file: &Path, has_click: bool) {
    let mut writer = Writer::new(File::create(file).unwrap()).unwrap();
    let topics = [
        ("camera/color/image_raw", "/d455/color/image_raw"),
        ("segmentation/mask", "/segmentation/mask"),
    ];
    writer.metadata("topics", topics).unwrap();
    writer
        .metadata("episode", [("outcome", "held"), ("reason", "it rose")])
        .unwrap();
    writer
        .metadata(
            "parameters",
            [
                ("/segmentation/least_score", "0.3"),
                ("/segmentation/model", "gone.yaml"),
                ("/segmentation/hand_frame", "[1"),
                ("/segmentation/of_old", "3"),
                ("/my_segmentation/lost_after", "no time"),
            ],
        )
        .unwrap();
    let colour = writer.channel::<Image>(topics[0].1).unwrap();
    let mask = writer.channel::<Image>(topics[1].1).unwrap();
    let click = writer
        .channel::<PointStamped>("/camera/color/image_raw/mouse_click")
        .unwrap();
    for number in 0..10_u32 {
        let at = Time::from_secs_f64(START_S) + Duration::from_millis(133) * number;
        let column = 30 + number;
        let red = |x, y| {
            if covers(column, x, y) {
                vec![220, 30, 30]
            } else {
                vec![127; 3]
            }
        };
        writer.write(colour, at, &image(at, "rgb8", red)).unwrap();
        if number == 0 && !has_click {
            continue;
        }
        if number == 0 {
            let point = Point {
                x: 30.0,
                y: 36.0,
                z: 0.0,
            };
            let header = Header::new(at, "camera_color_optical_frame");
            writer
                .write(click, at, &PointStamped { header, point })
                .unwrap();
            continue;
        }
        let off = if number < 8 { column } else { column + 10 };
        let white = |x, y| vec![if covers(off, x, y) { 255 } else { 0 }];
        writer.write(mask, at, &image(at, "mono8", white)).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn recorded_masks_stand_beside_recomputed_ones() {
    let folder = tempfile::tempdir().unwrap();
    let [file, out, json] = ["a.mcap", "out", "a.json"].map(|name| folder.path().join(name));
    write(&file, true);
    let ended = run(&[
        "replay",
        file.to_str().unwrap(),
        "--model",
        TOY,
        "--out",
        out.to_str().unwrap(),
        "--json",
        json.to_str().unwrap(),
    ]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("/segmentation/of_old was 3"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stdout.contains("10 pictures were replayed"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("held (it rose)"), "{}", ended.stdout);
    let told: serde_json::Value = serde_json::from_reader(File::open(json).unwrap()).unwrap();
    let pairs = told["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 9, "{told}");
    for (number, pair) in (1..10).zip(pairs) {
        let iou = pair["iou"].as_f64().unwrap();
        if number < 8 {
            assert!(iou > 0.9, "{number}: {pair}");
        } else {
            assert!((0.2..0.5).contains(&iou), "{number}: {pair}");
        }
    }
    let drawn = image::open(out.join("000005.png")).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (2 * WIDTH, HEIGHT));
}

#[test]
fn a_recording_that_begins_after_the_click_is_pointed_at_in_its_first_mask() {
    let folder = tempfile::tempdir().unwrap();
    let [file, json] = ["a.mcap", "a.json"].map(|name| folder.path().join(name));
    write(&file, false);
    let [file, told] = [&file, &json].map(|path| path.to_str().unwrap());
    let ended = run(&["replay", file, "--model", TOY, "--json", told]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("nobody points at anything"),
        "{}",
        ended.stderr
    );
    let told: serde_json::Value = serde_json::from_reader(File::open(json).unwrap()).unwrap();
    let pairs = told["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 9, "{told}");
    for pair in &pairs[..7] {
        assert!(pair["iou"].as_f64().unwrap() > 0.9, "{pair}");
    }
}

#[test]
fn what_is_no_recording_of_pictures_is_told() {
    fails(&["replay", "README.md"], &["README.md is no recording"]);
    fails(&["replay", "no/such.mcap"], &["cannot read no/such.mcap"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clicks.mcap");
    let mut writer = Writer::new(File::create(&file).unwrap()).unwrap();
    let clicks = writer.channel::<PointStamped>("/clicked_point").unwrap();
    writer
        .write(clicks, Time::ZERO, &PointStamped::default())
        .unwrap();
    writer.finish().unwrap();
    fails(
        &["replay", file.to_str().unwrap()],
        &["has no pictures", "it has /clicked_point"],
    );
}

#[test]
fn images_and_times_that_cannot_be_end_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.mcap");
    let replay = ["replay", file.to_str().unwrap(), "--model", TOY];
    let picture = |at: Time| image(at, "rgb8", |_, _| vec![127; 3]);
    let huge = Image {
        width: u32::MAX,
        height: u32::MAX,
        ..Image::default()
    };
    let wide = Image {
        width: 0x8000_0000,
        height: 1,
        encoding: "rgb8".into(),
        ..Image::default()
    };
    let start = Time::from_secs_f64(START_S);
    let write = |pictures: &[(Time, Image)]| {
        let mut writer = Writer::new(File::create(&file).unwrap()).unwrap();
        let colour = "/camera/color/image_raw";
        let colour = writer.channel::<Image>(colour).unwrap();
        let mask = writer.channel::<Image>("/segmentation/mask").unwrap();
        writer.write(mask, start, &huge).unwrap();
        for (at, picture) in pictures {
            writer.write(colour, *at, picture).unwrap();
        }
        writer.finish().unwrap();
    };

    write(&[(start, wide.clone())]);
    fails(
        &replay,
        &[
            "/camera/color/image_raw has no picture",
            "2147483648 x 1 pixels",
        ],
    );

    write(&[
        (start, wide),
        (start + Duration::from_millis(50), picture(start)),
    ]);
    let out = folder.path().join("out");
    let ended = run(&[&replay[..], &["--out", out.to_str().unwrap()]].concat());
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    for words in ["/segmentation/mask has no mask", "4294967295 x 4294967295"] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }

    write(&[(start, picture(start)), (Time::MAX, picture(start))]);
    fails(
        &replay,
        &[
            "/camera/color/image_raw has a message at",
            "3600 s are the most",
        ],
    );
}
