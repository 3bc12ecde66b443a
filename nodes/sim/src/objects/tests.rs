use std::collections::BTreeSet;

use crate::collider::{convex_solids, object_shape};
use crate::convex::Bounds;
use crate::objects::{TEST_OBJECTS, catalog, find, of_split};
use crate::shape::{Category, ObjectSpec, Shape, Split};
use crate::units::length_from_physics;

fn bounds(object: &ObjectSpec) -> Bounds {
    object.parts.iter().fold(Bounds::empty(), |b, part| {
        b.union(Bounds::of(&part.shape, &part.object_from_part))
    })
}

#[test]
fn sixty_objects_with_unique_well_formed_names() {
    assert!(catalog().len() >= 60, "{} objects", catalog().len());
    let names: BTreeSet<_> = catalog().iter().map(|o| o.name).collect();
    assert_eq!(names.len(), catalog().len());
    for name in names {
        let number = name.get(..3).and_then(|digits| digits.parse::<u32>().ok());
        assert!(
            number.is_some_and(|n| (1..=77).contains(&n)),
            "{name} has no number of the set"
        );
    }
}

#[test]
fn parts_fill_the_published_dimensions_within_2_mm_and_are_centred() {
    for object in catalog() {
        let bounds = bounds(object);
        for axis in 0..3 {
            let (is, should) = (bounds.size()[axis], object.dimensions_m[axis]);
            assert!(
                (is - should).abs() < 0.002,
                "{}: axis {axis} is {is:.4}, should be {should:.4}",
                object.name
            );
        }
        assert!(
            bounds.centre().norm() < 1e-9,
            "{} is off centre",
            object.name
        );
    }
}

#[test]
fn every_object_is_graspable() {
    for object in catalog() {
        let short = object
            .dimensions_m
            .iter()
            .filter(|side| **side < 0.1)
            .count();
        assert!(short >= 2, "{} has {short} sides under 10 cm", object.name);
        assert!(
            (0.005..1.5).contains(&object.mass_kg),
            "{} weighs {}",
            object.name,
            object.mass_kg
        );
    }
}

#[test]
fn the_split_is_48_to_12_and_fixed() {
    assert_eq!(of_split(Split::Train).count(), 48);
    assert_eq!(of_split(Split::Test).count(), 12);
    for name in TEST_OBJECTS {
        assert_eq!(find(name).map(|o| o.split), Some(Split::Test), "{name}");
    }
    let held_out = [
        "004_sugar_box",
        "005_tomato_soup_can",
        "016_pear",
        "017_orange",
        "021_bleach_cleanser",
        "025_mug",
        "043_phillips_screwdriver",
        "056_tennis_ball",
        "061_foam_brick",
        "065-a_cups",
        "073-c_lego_duplo",
        "077_rubiks_cube",
    ];
    assert_eq!(
        of_split(Split::Test).map(|o| o.name).collect::<Vec<_>>(),
        held_out
    );
    let categories: BTreeSet<Category> = of_split(Split::Test).map(|o| o.category).collect();
    assert_eq!(
        categories.len(),
        8,
        "the test objects spread over all categories: {categories:?}"
    );
}

#[test]
fn published_masses_and_sizes_hold() {
    for (name, mass_kg, dimensions_mm) in [
        ("004_sugar_box", 0.514, [38.0, 89.0, 175.0]),
        ("005_tomato_soup_can", 0.349, [66.0, 66.0, 101.0]),
        ("011_banana", 0.066, [190.0, 58.0, 36.0]),
        ("021_bleach_cleanser", 1.131, [98.0, 65.0, 250.0]),
        ("036_wood_block", 0.729, [85.0, 85.0, 200.0]),
        ("056_tennis_ball", 0.058, [64.7; 3]),
        ("061_foam_brick", 0.028, [50.0, 75.0, 50.0]),
        ("065-a_cups", 0.013, [55.0, 55.0, 60.0]),
        ("077_rubiks_cube", 0.252, [57.0; 3]),
    ] {
        let object = find(name).unwrap();
        assert!((object.mass_kg - mass_kg).abs() < 1e-9, "{name}");
        for (is, should) in object.dimensions_m.iter().zip(dimensions_mm) {
            assert!((is * 1000.0 - should).abs() < 1e-6, "{name}");
        }
    }
}

#[test]
fn all_parts_are_convex_solids_with_a_material() {
    for object in catalog() {
        assert!(!object.parts.is_empty(), "{}", object.name);
        for part in &object.parts {
            assert!(part.material < object.materials.len(), "{}", object.name);
            if let Shape::Revolution { profile, .. } = &part.shape {
                assert!(
                    profile.len() >= 3 && profile.iter().all(|p| p[0] >= 0.0),
                    "{}",
                    object.name
                );
            }
        }
        for (_, solid) in
            convex_solids(&object.parts).unwrap_or_else(|e| panic!("{}: {e}", object.name))
        {
            assert!(solid.is_convex(), "{}", object.name);
            assert!(solid.mass_properties(1.0).mass() > 1e-4, "{}", object.name);
        }
    }
}

/// The collision solids reach as far as the parts they stand for, within the flats of a swept circle.
#[test]
fn collision_solids_fill_the_parts() {
    for object in catalog() {
        let (pose, solid) = object_shape(&object.parts).unwrap();
        let size = solid.compute_aabb(&pose).extents();
        for (is, should) in [size.x, size.y, size.z]
            .into_iter()
            .zip(object.dimensions_m)
        {
            assert!(
                (length_from_physics(is) - should).abs() < 0.004,
                "{}: {is} for {should}",
                object.name
            );
        }
    }
}

/// A cup is hollow: its mass lies in the wall, and a ball fits in.
#[test]
fn cups_are_hollow() {
    let cup = find("065-e_cups").unwrap();
    let (pose, solid) = object_shape(&cup.parts).unwrap();
    let inside = rapier3d::math::Vector::new(0.0, 0.0, 0.01);
    let distance = solid.distance_to_point(&pose, inside, true);
    assert!(distance > 0.02, "{distance}");
}

#[test]
fn unknown_names_find_nothing() {
    assert!(find("").is_none() && find("024_bowl").is_none());
}
