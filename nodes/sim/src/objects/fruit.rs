//! Fruit (the set has plastic ones, hence the light weights).

use std::f64::consts::{FRAC_PI_2, PI};

use super::draft::Draft;
use crate::render::material::Pattern;
use crate::shape::{Category, ObjectSpec};

/// Skin that turns to a second colour in clouds.
fn blush(rgb: [f32; 3]) -> Pattern {
    Pattern::Noise {
        rgb,
        scale_m: 0.018,
    }
}

/// Skin with fine spots of a second colour.
fn speckle(rgb: [f32; 3]) -> Pattern {
    Pattern::Speckle {
        rgb,
        scale_m: 0.004,
        density: 0.3,
    }
}

const STALK: [f32; 3] = [0.32, 0.22, 0.1];

pub(super) fn objects() -> Vec<ObjectSpec> {
    vec![
        banana(),
        strawberry(),
        round(
            "013_apple",
            75.0,
            68.0,
            [0.78, 0.1, 0.12],
            0.35,
            blush([0.85, 0.55, 0.2]),
        ),
        lemon(),
        round(
            "015_peach",
            59.0,
            33.0,
            [0.95, 0.6, 0.35],
            0.8,
            blush([0.85, 0.3, 0.22]),
        ),
        pear(),
        round(
            "017_orange",
            73.0,
            47.0,
            [0.95, 0.5, 0.08],
            0.7,
            speckle([0.85, 0.4, 0.05]),
        ),
        round(
            "018_plum",
            52.0,
            25.0,
            [0.35, 0.08, 0.28],
            0.5,
            blush([0.5, 0.15, 0.2]),
        ),
    ]
}

/// Half of an outline as (radius, z), from the south pole to the north pole, from a radius at each polar angle.
fn turned(steps: u32, radius_at: impl Fn(f64) -> [f64; 2]) -> Vec<[f64; 2]> {
    (0..=steps)
        .map(|k| {
            let [radius, z] = radius_at(-FRAC_PI_2 + PI * f64::from(k) / f64::from(steps));
            [if k == 0 || k == steps { 0.0 } else { radius }, z]
        })
        .collect()
}

/// An ellipsoid of revolution of a diameter and a height.
fn ellipsoid([diameter, height]: [f64; 2]) -> Vec<[f64; 2]> {
    turned(14, |angle| {
        [diameter / 2.0 * angle.cos(), height / 2.0 * angle.sin()]
    })
}

fn round(
    name: &'static str,
    diameter_mm: f64,
    grams: f64,
    rgb: [f32; 3],
    roughness: f32,
    skin: Pattern,
) -> ObjectSpec {
    Draft::new(name, Category::Fruit, [diameter_mm; 3], grams)
        .paint(rgb, roughness, skin)
        .ball(diameter_mm / 2000.0, [0.0; 3])
        .finish()
}

/// Bent about 80 degrees over its 190 mm; the bend makes it 58 mm deep, which the published figures do not say.
fn banana() -> ObjectSpec {
    const RADIUS: f64 = 0.1343;
    const HALF_ANGLE: f64 = 0.69;
    const SEGMENTS: u32 = 6;
    let thickness = |t: f64| 0.018 - 0.0095 * t.abs().powi(3);
    let point = |t: f64| {
        let angle = HALF_ANGLE * t;
        [RADIUS * angle.sin(), RADIUS * (1.0 - angle.cos()), 0.0]
    };
    let mut draft = Draft::new("011_banana", Category::Fruit, [190.0, 58.0, 36.0], 66.0).paint(
        [0.93, 0.8, 0.2],
        0.6,
        blush([0.6, 0.5, 0.15]),
    );
    for k in 0..SEGMENTS {
        let t = |k: u32| -1.0 + 2.0 * f64::from(k) / f64::from(SEGMENTS);
        let (from, to) = (t(k), t(k + 1));
        let mut points = ball_points(point(from), thickness(from));
        points.extend(ball_points(point(to), thickness(to)));
        draft = draft.hull(points);
    }
    draft
        .plain(STALK, 0.8)
        .capsule(point(1.0), point(1.08), 0.005)
        .finish()
}

/// Points on a sphere, enough for a smooth hull.
fn ball_points(centre: [f64; 3], radius: f64) -> Vec<[f64; 3]> {
    let mut points = Vec::new();
    for ring in 0..=6_u32 {
        let (ring_z, ring_radius) = (PI * f64::from(ring) / 6.0 - FRAC_PI_2).sin_cos();
        for k in 0..12_u32 {
            let (sin, cos) = (PI * f64::from(k) / 6.0).sin_cos();
            let [x, y, z] = centre;
            points.push([
                x + radius * ring_radius * cos,
                y + radius * ring_radius * sin,
                z + radius * ring_z,
            ]);
        }
    }
    points
}

fn strawberry() -> ObjectSpec {
    Draft::new("012_strawberry", Category::Fruit, [43.8, 43.8, 55.0], 18.0)
        .paint([0.82, 0.1, 0.12], 0.5, speckle([0.95, 0.8, 0.4]))
        .lathe(
            &[
                [0.0, 0.0],
                [0.006, 0.001],
                [0.013, 0.01],
                [0.0195, 0.025],
                [0.0219, 0.037],
                [0.0195, 0.046],
                [0.012, 0.051],
                [0.0, 0.052],
            ],
            [0.0; 3],
        )
        .plain([0.2, 0.5, 0.15], 0.8)
        .lathe(
            &[[0.0, 0.0505], [0.014, 0.0505], [0.005, 0.055], [0.0, 0.055]],
            [0.0; 3],
        )
        .finish()
}

/// An ellipsoid with a nipple at each end, lying along z.
fn lemon() -> ObjectSpec {
    Draft::new("014_lemon", Category::Fruit, [54.0, 54.0, 68.0], 29.0)
        .paint([0.96, 0.85, 0.15], 0.6, speckle([0.85, 0.72, 0.1]))
        .lathe(&ellipsoid([0.054, 0.062]), [0.0; 3])
        .lathe(
            &[
                [0.0, -0.034],
                [0.005, -0.033],
                [0.011, -0.026],
                [0.011, 0.026],
                [0.005, 0.033],
                [0.0, 0.034],
            ],
            [0.0; 3],
        )
        .finish()
}

fn pear() -> ObjectSpec {
    Draft::new("016_pear", Category::Fruit, [66.2, 66.2, 100.0], 49.0)
        .paint([0.75, 0.75, 0.25], 0.6, blush([0.55, 0.6, 0.2]))
        .lathe(
            &[
                [0.0, 0.0],
                [0.014, 0.001],
                [0.026, 0.011],
                [0.0331, 0.03],
                [0.0285, 0.046],
                [0.021, 0.06],
                [0.0175, 0.075],
                [0.0135, 0.086],
                [0.006, 0.0915],
                [0.0, 0.092],
            ],
            [0.0; 3],
        )
        .plain(STALK, 0.8)
        .rod([0.0, 0.0, 0.09], [0.0, 0.0, 0.1], 0.002)
        .finish()
}
