//! Cartons, tins and bottles.

use super::draft::Draft;
use crate::render::material::Pattern;
use crate::shape::{Category, ObjectSpec};

/// A paper label with print.
fn label(rgb: [f32; 3], print_rgb: [f32; 3], seed: u32) -> Pattern {
    Pattern::Label {
        rgb,
        print_rgb,
        v_min: 0.12,
        v_max: 0.88,
        seed,
    }
}

/// A package printed all over in two colours beside its own.
fn print(first: [f32; 3], second: [f32; 3], seed: u32) -> Pattern {
    Pattern::Print {
        palette: [first, second, [0.96, 0.96, 0.94]],
        seed,
    }
}

/// A printed carton.
fn carton(
    name: &'static str,
    mm: [f64; 3],
    grams: f64,
    rgb: [f32; 3],
    print: Pattern,
) -> ObjectSpec {
    Draft::new(name, Category::Box, mm, grams)
        .paint(rgb, 0.6, print)
        .cuboid(mm.map(|d| d / 1000.0), [0.0; 3])
        .finish()
}

/// A tin with rims that stand out from a printed body.
fn tin(
    name: &'static str,
    [diameter, height]: [f64; 2],
    grams: f64,
    rgb: [f32; 3],
    print: Pattern,
) -> ObjectSpec {
    let (radius, height) = (diameter / 2000.0, height / 1000.0);
    let rim = 0.0035;
    Draft::new(
        name,
        Category::Can,
        [diameter, diameter, height * 1000.0],
        grams,
    )
    .paint(rgb, 0.4, print)
    .rod([0.0, 0.0, rim], [0.0, 0.0, height - rim], radius - 0.0008)
    .plain([0.75, 0.76, 0.78], 0.25)
    .rod([0.0; 3], [0.0, 0.0, rim], radius)
    .rod([0.0, 0.0, height - rim], [0.0, 0.0, height], radius)
    .finish()
}

pub(super) fn objects() -> Vec<ObjectSpec> {
    vec![
        chips_can(),
        carton(
            "004_sugar_box",
            [38.0, 89.0, 175.0],
            514.0,
            [0.93, 0.82, 0.18],
            print([0.95, 0.95, 0.93], [0.1, 0.2, 0.6], 4),
        ),
        tin(
            "005_tomato_soup_can",
            [66.0, 101.0],
            349.0,
            [0.78, 0.1, 0.1],
            label([0.95, 0.94, 0.9], [0.75, 0.1, 0.1], 5),
        ),
        mustard_bottle(),
        tin(
            "007_tuna_fish_can",
            [85.0, 33.0],
            171.0,
            [0.12, 0.25, 0.6],
            label([0.9, 0.85, 0.4], [0.1, 0.15, 0.4], 7),
        ),
        carton(
            "008_pudding_box",
            [35.0, 110.0, 89.0],
            187.0,
            [0.42, 0.22, 0.12],
            print([0.85, 0.75, 0.6], [0.3, 0.1, 0.05], 8),
        ),
        carton(
            "009_gelatin_box",
            [28.0, 85.0, 73.0],
            97.0,
            [0.8, 0.12, 0.25],
            print([0.95, 0.9, 0.9], [0.8, 0.1, 0.2], 9),
        ),
        potted_meat_can(),
        bleach_cleanser(),
    ]
}

fn chips_can() -> ObjectSpec {
    Draft::new("001_chips_can", Category::Can, [75.0, 75.0, 250.0], 205.0)
        .paint(
            [0.75, 0.08, 0.1],
            0.5,
            label([0.95, 0.85, 0.2], [0.6, 0.05, 0.05], 1),
        )
        .rod([0.0, 0.0, 0.003], [0.0, 0.0, 0.235], 0.0365)
        .plain([0.8, 0.8, 0.82], 0.3)
        .rod([0.0; 3], [0.0, 0.0, 0.003], 0.0375)
        .plain([0.92, 0.9, 0.85], 0.4)
        .rod([0.0, 0.0, 0.235], [0.0, 0.0, 0.25], 0.0375)
        .finish()
}

/// An oval squeeze bottle with a pointed cap. The cap is a lathe part, the body a stack of ovals.
fn mustard_bottle() -> ObjectSpec {
    Draft::new(
        "006_mustard_bottle",
        Category::Bottle,
        [85.0, 50.0, 175.0],
        603.0,
    )
    .paint(
        [0.95, 0.78, 0.1],
        0.4,
        label([0.85, 0.15, 0.1], [0.98, 0.95, 0.85], 6),
    )
    .stack(
        &[
            [0.0, 0.0385, 0.0225],
            [0.006, 0.0425, 0.025],
            [0.085, 0.0425, 0.025],
            [0.112, 0.037, 0.0235],
            [0.13, 0.02, 0.018],
            [0.136, 0.013, 0.013],
        ],
        2.6,
    )
    .plain([0.98, 0.88, 0.3], 0.4)
    .lathe(
        &[
            [0.0, 0.136],
            [0.017, 0.136],
            [0.0165, 0.152],
            [0.006, 0.156],
            [0.003, 0.175],
            [0.0, 0.175],
        ],
        [0.0; 3],
    )
    .finish()
}

/// A rounded rectangular tin with a rolled rim.
fn potted_meat_can() -> ObjectSpec {
    Draft::new(
        "010_potted_meat_can",
        Category::Can,
        [97.0, 50.0, 82.0],
        370.0,
    )
    .paint(
        [0.12, 0.2, 0.5],
        0.4,
        label([0.95, 0.8, 0.25], [0.1, 0.15, 0.45], 10),
    )
    .stack(&[[0.003, 0.0475, 0.024], [0.079, 0.0475, 0.024]], 5.0)
    .plain([0.75, 0.76, 0.78], 0.25)
    .stack(&[[0.0, 0.0485, 0.025], [0.003, 0.0485, 0.025]], 5.0)
    .stack(&[[0.079, 0.0485, 0.025], [0.082, 0.0485, 0.025]], 5.0)
    .finish()
}

fn bleach_cleanser() -> ObjectSpec {
    Draft::new(
        "021_bleach_cleanser",
        Category::Bottle,
        [98.0, 65.0, 250.0],
        1131.0,
    )
    .paint(
        [0.94, 0.95, 0.96],
        0.4,
        label([0.15, 0.35, 0.75], [0.98, 0.9, 0.2], 21),
    )
    .stack(
        &[
            [0.0, 0.045, 0.029],
            [0.006, 0.049, 0.0325],
            [0.14, 0.049, 0.0325],
            [0.175, 0.038, 0.028],
            [0.2, 0.022, 0.02],
            [0.208, 0.0165, 0.0165],
        ],
        2.8,
    )
    .plain([0.1, 0.25, 0.65], 0.4)
    .lathe(
        &[
            [0.0, 0.208],
            [0.02, 0.208],
            [0.02, 0.222],
            [0.0145, 0.226],
            [0.013, 0.25],
            [0.0, 0.25],
        ],
        [0.0; 3],
    )
    .finish()
}
