//! The written data as a whole.

use std::{collections::BTreeSet, path::Path};

use super::*;
use crate::{objects, shape::Split};

const OPTIONS: Options = Options {
    width: 128,
    height: 72,
    pairs: 6,
    first: 0,
    seed: 5,
    threads: 1,
    shard_pairs: 4,
    objects: ObjectSource::Mix,
    layout: Layout::Mix,
    appearance: Appearance::Mix,
};

fn robot() -> robot::Model {
    robot::Model::from_file(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../urdf/ur5_sih.urdf"
    ))
    .unwrap()
}

fn generated(options: &Options) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    generate(&robot(), options, folder.path(), &|_| {}).unwrap();
    folder
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn meta(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&read(folder, "meta.json")).unwrap()
}

#[test]
fn a_pair_depends_on_seed_and_number_only() {
    let one = generated(&OPTIONS);
    let many = generated(&Options {
        threads: 3,
        ..OPTIONS
    });
    for name in [
        "rgb_000.bin",
        "depth_000.bin",
        "ids_000.bin",
        "rgb_001.bin",
        "depth_001.bin",
        "ids_001.bin",
        "meta.json",
    ] {
        assert!(
            read(one.path(), name) == read(many.path(), name),
            "{name} differs between 1 and 3 threads"
        );
    }
    // The pairs numbered 4 and 5 are those of the second shard.
    let later = generated(&Options {
        first: 4,
        pairs: 2,
        ..OPTIONS
    });
    assert!(read(later.path(), "rgb_000.bin") == read(one.path(), "rgb_001.bin"));
    let other = generated(&Options {
        seed: 6,
        pairs: 1,
        ..OPTIONS
    });
    assert!(read(other.path(), "rgb_000.bin")[..1000] != read(one.path(), "rgb_000.bin")[..1000]);
}

#[test]
fn files_and_metadata_agree() {
    let folder = generated(&OPTIONS);
    let meta = meta(folder.path());
    let pixels = 128 * 72;
    let mut number = 0;
    for (shard, pairs) in [(0, 4), (1, 2)] {
        assert_eq!(meta["shards"][shard]["pairs"], pairs);
        let ids = read(
            folder.path(),
            meta["shards"][shard]["ids"].as_str().unwrap(),
        );
        let depth = read(
            folder.path(),
            meta["shards"][shard]["depth"].as_str().unwrap(),
        );
        let rgb = read(
            folder.path(),
            meta["shards"][shard]["rgb"].as_str().unwrap(),
        );
        assert_eq!(
            [ids.len(), depth.len(), rgb.len()],
            [1, 2, 3].map(|bytes| bytes * pixels * 2 * pairs)
        );
        for (frame, ids) in ids.chunks_exact(pixels).enumerate() {
            let record = &meta["records"][number + frame / 2];
            let listed = &record[if frame % 2 == 0 { "first" } else { "second" }];
            let present: BTreeSet<u8> = ids.iter().copied().collect();
            let listed: BTreeSet<u8> = listed
                .as_array()
                .unwrap()
                .iter()
                .map(|id| id.as_u64().unwrap() as u8)
                .collect();
            assert_eq!(present, listed);
            let objects = record["objects"].as_array().unwrap().len();
            assert!(present.iter().all(|&id| usize::from(id) < 2 + objects));
        }
        // Most of each picture has depth, and it is that of a room.
        let measured: Vec<u16> = depth
            .chunks_exact(2)
            .map(|b| u16::from_le_bytes([b[0], b[1]]))
            .filter(|&d| d > 0)
            .collect();
        assert!(measured.len() > depth.len() / 2 / 3);
        assert!(measured.iter().all(|&d| (100..12_000).contains(&d)));
        number += pairs;
    }
}

#[test]
fn the_frames_of_a_pair_differ() {
    let folder = generated(&OPTIONS);
    let ids = read(folder.path(), "ids_000.bin");
    let pixels = 128 * 72;
    for pair in ids.chunks_exact(2 * pixels) {
        let changed = pair[..pixels]
            .iter()
            .zip(&pair[pixels..])
            .filter(|(a, b)| a != b)
            .count();
        assert!(changed > 20, "only {changed} pixels changed");
    }
}

#[test]
fn each_source_shows_its_own_objects() {
    let names = |source| -> BTreeSet<String> {
        let folder = generated(&Options {
            objects: source,
            pairs: 4,
            layout: Layout::Clutter5,
            ..OPTIONS
        });
        let meta = meta(folder.path());
        let records = meta["records"].as_array().unwrap();
        records
            .iter()
            .flat_map(|r| r["objects"].as_array().unwrap())
            .map(|n| n.as_str().unwrap().to_owned())
            .collect()
    };
    let of = |split| -> BTreeSet<String> {
        objects::of_split(split)
            .map(|object| object.name.to_owned())
            .collect()
    };
    assert!(names(ObjectSource::Train).is_subset(&of(Split::Train)));
    assert!(names(ObjectSource::Test).is_subset(&of(Split::Test)));
    assert_eq!(
        names(ObjectSource::Random),
        BTreeSet::from(["random".to_owned()])
    );
    assert!(names(ObjectSource::Mix).is_disjoint(&of(Split::Test)));
}

#[test]
fn impossible_options_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = generate(
        &robot(),
        &Options {
            width: 0,
            ..OPTIONS
        },
        folder.path(),
        &|_| {},
    );
    assert!(matches!(refused, Err(DatasetError::Camera(_))));
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = generate(&robot(), &OPTIONS, &file, &|_| {});
    assert!(matches!(refused, Err(DatasetError::Write { .. })));
    let other =
        robot::Model::from_urdf("<robot name='r'><link name='a'/></robot>", "test").unwrap();
    assert!(matches!(
        generate(&other, &OPTIONS, folder.path(), &|_| {}),
        Err(DatasetError::NoPalm)
    ));
}
