//! Scenes: from a seed, at rest, in the workspace.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

use std::collections::BTreeSet;

use sim::objects;
use sim::scene::{self, Scene, SceneError, SceneKind};
use sim::shape::Split;

#[test]
fn a_seed_gives_one_scene_bit_for_bit() {
    for kind in SceneKind::ALL {
        let scene = scene::generate(kind, Split::Train, 42).unwrap();
        let elsewhere =
            std::thread::spawn(move || scene::generate(kind, Split::Train, 42).unwrap())
                .join()
                .unwrap();
        assert_eq!(scene, elsewhere);
        assert_ne!(scene, scene::generate(kind, Split::Train, 43).unwrap());
        assert_eq!(scene.objects.len(), kind.objects());
    }
}

#[test]
fn objects_differ_belong_to_the_split_and_lie_in_the_workspace() {
    for split in [Split::Train, Split::Test] {
        for seed in 0..6 {
            let scene = scene::generate(SceneKind::Clutter5, split, seed).unwrap();
            let names: BTreeSet<_> = scene.objects.iter().map(|o| o.name.as_str()).collect();
            assert_eq!(names.len(), 5);
            for object in &scene.objects {
                assert_eq!(object.spec().unwrap().split, split);
                let position = object.world_from_object().unwrap().translation.vector;
                assert!(
                    (-0.07..=0.63).contains(&position.x) && (0.33..=0.83).contains(&position.y),
                    "{position}"
                );
                let reach = nalgebra::Vector3::from(object.spec().unwrap().dimensions_m).norm();
                assert!(
                    position.z > 0.0 && position.z < reach + 0.25,
                    "{}: {position}",
                    object.name
                );
            }
        }
    }
}

#[test]
fn every_object_comes_to_rest_on_the_table() {
    for spec in objects::catalog() {
        let scene =
            scene::generate_with(&[spec.name], 5).unwrap_or_else(|e| panic!("{}: {e}", spec.name));
        let height = scene.objects[0].position[2];
        let longest = spec.dimensions_m.into_iter().fold(0.0, f64::max);
        assert!(
            height > 0.0 && height < longest / 2.0 + 0.005,
            "{} rests at {height}",
            spec.name
        );
    }
}

#[test]
fn scenes_survive_json() {
    let scene = scene::generate(SceneKind::Clutter3, Split::Test, 2).unwrap();
    let back: Scene = serde_json::from_str(&serde_json::to_string(&scene).unwrap()).unwrap();
    for (a, b) in scene.objects.iter().zip(&back.objects) {
        assert_eq!(a.name, b.name);
        assert!(
            a.position
                .iter()
                .zip(&b.position)
                .all(|(x, y)| (x - y).abs() < 1e-12)
        );
    }
}

#[test]
fn unknown_names_are_refused() {
    let unknown = scene::generate_with(&["no_such_object"], 0);
    assert_eq!(
        unknown,
        Err(SceneError::UnknownObject {
            name: "no_such_object".to_owned()
        })
    );
    assert!("clutter4".parse::<SceneKind>().is_err());
    assert_eq!("clutter5".parse::<SceneKind>(), Ok(SceneKind::Clutter5));
}
