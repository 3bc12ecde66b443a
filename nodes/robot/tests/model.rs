//! The shipped description against the published figures, and descriptions that are none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::approx_constant,
    clippy::type_complexity,
    clippy::needless_range_loop,
    reason = "tests may fail loudly"
)]

use nalgebra::{Point3, Vector3};
use proptest::prelude::*;
use robot::{
    Kinematics, Model, frames,
    geometry::RobotShapes,
    hand,
    model::{Geometry, JointKind, ModelErrorKind},
    ur5,
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../urdf/ur5_sih.urdf");

fn model() -> Model {
    Model::from_file(FILE).unwrap()
}

fn text() -> String {
    std::fs::read_to_string(FILE).unwrap()
}

#[test]
fn joints_are_those_of_arm_and_hand_in_order() {
    let kinematics = Kinematics::new(&model());
    let expected: Vec<&str> = ur5::JOINTS.into_iter().chain(hand::JOINTS).collect();
    assert_eq!(kinematics.joint_names(), expected);
    assert_eq!(model().root().name, frames::WORLD);
}

#[test]
fn limits_are_the_published_ones() {
    let model = model();
    for (name, (lower, upper)) in ur5::JOINTS.into_iter().zip(ur5::LIMITS) {
        let limits = model.joint(name).unwrap().limits;
        assert_eq!((limits.lower, limits.upper), (lower, upper));
        assert!((limits.velocity - std::f64::consts::PI).abs() < 1e-12);
    }
    for name in hand::JOINTS {
        let limits = model.joint(name).unwrap().limits;
        let flexes_forward = name == "thumb_flexion" || name == "thumb_distal";
        let expected = if flexes_forward {
            (0.0, 1.571)
        } else {
            (-1.571, 0.0)
        };
        assert_eq!(
            (limits.lower, limits.upper, limits.effort, limits.velocity),
            (expected.0, expected.1, 0.75, 2.094)
        );
    }
}

#[test]
fn hand_is_mounted_and_reaches_as_published() {
    let model = model();
    let tool0_from_palm = frames::tool0_from_palm(&model).unwrap();
    assert!((tool0_from_palm.translation.vector - Vector3::new(0.0, 0.0, 0.04225)).norm() < 1e-12);
    assert!(
        (tool0_from_palm.rotation.euler_angles().2 - std::f64::consts::FRAC_PI_2).abs() < 1e-12
    );
    let turned =
        frames::base_link_from_base(&model).unwrap().inverse() * ur5::base_link_from_base();
    assert!(turned.rotation.angle() < 1e-9);

    let kinematics = Kinematics::new(&model);
    let palm_from_tip = |tip: &str, joints: &[(&str, f64)]| {
        let positions = kinematics.positions(joints.iter().copied()).unwrap();
        kinematics
            .forward(&positions)
            .unwrap()
            .relative("palm", tip)
            .unwrap()
            .translation
            .vector
    };
    // Straight: the sums of the published offsets.
    let straight = [
        (
            "th_tip",
            [
                -0.034 - 0.024 - 0.0391 - 0.023,
                0.019 + 0.005,
                0.08 + 0.001 + 0.015,
            ],
        ),
        ("if_tip", [0.0435, 0.0, 0.141 + 0.048 + 0.045]),
        ("mf_tip", [0.0187, 0.0, 0.141 + 0.0525 + 0.049]),
        ("rf_tip", [-0.0069, 0.0, 0.134 + 0.048 + 0.045]),
        ("lf_tip", [-0.032, 0.0, 0.1254 + 0.0401 + 0.041]),
    ];
    for (tip, expected) in straight {
        assert!(
            (palm_from_tip(tip, &[]) - Vector3::from(expected)).norm() < 1e-9,
            "{tip}"
        );
    }
    // A finger bent by a right angle points out of the palm, along +y; so does the opposed thumb.
    let bent = palm_from_tip("if_tip", &[("index_finger", -std::f64::consts::FRAC_PI_2)]);
    assert!(
        (bent - Vector3::new(0.0435, 0.048 + 0.045, 0.141)).norm() < 1e-9,
        "{bent}"
    );
    let opposed = palm_from_tip(
        "th_tip",
        &[("thumb_opposition", -std::f64::consts::FRAC_PI_2)],
    );
    assert!(
        (opposed - Vector3::new(-0.034 + 0.005, 0.019 + 0.024 + 0.0391 + 0.023, 0.096)).norm()
            < 1e-9,
        "{opposed}"
    );
}

#[test]
fn masses_are_the_published_ones() {
    let model = model();
    let mass_kg = |link: &str| model.link(link).unwrap().inertial.unwrap().mass_kg;
    let links = [
        ("base_link_inertia", 4.0),
        ("shoulder_link", 3.7),
        ("upper_arm_link", 8.393),
        ("forearm_link", 2.275),
        ("wrist_1_link", 1.219),
        ("wrist_2_link", 1.219),
        ("wrist_3_link", 0.1879),
    ];
    for (link, expected) in links {
        assert_eq!(mass_kg(link), expected);
    }
    for link in model.links() {
        let Some(inertial) = link.inertial else {
            continue;
        };
        let [ixx, _, _, iyy, _, izz] = inertial.inertia_kg_m2;
        // No body has less: the triangle inequality of principal moments.
        assert!(
            ixx + iyy >= izz && iyy + izz >= ixx && izz + ixx >= iyy,
            "{}",
            link.name
        );
    }
}

#[test]
fn fingers_are_capsules_and_everything_that_moves_has_a_shape() {
    let model = model();
    for joint in model.joints().iter().filter(|joint| joint.is_movable()) {
        let link = model.link(&joint.child).unwrap();
        assert!(
            !link.collisions.is_empty() && !link.visuals.is_empty(),
            "{}",
            link.name
        );
        assert!(
            link.visuals.iter().all(|visual| visual.rgba.is_some()),
            "{}",
            link.name
        );
        if hand::JOINTS.contains(&joint.name.as_str()) {
            assert!(
                matches!(link.collisions[..], [ref only] if matches!(only.geometry, Geometry::Capsule { .. }))
            );
        }
    }
}

#[test]
fn fingertips_lie_on_the_surface_of_their_links() {
    let model = model();
    let kinematics = Kinematics::new(&model);
    let shapes = RobotShapes::new(&model, frames::BASE_LINK);
    let poses = kinematics.forward(&[0.1; 17].map(|angle| -angle)).unwrap();
    let posed = shapes.at(&poses).unwrap();
    for tip in hand::FINGERTIPS {
        let point = Point3::from(
            poses
                .relative(frames::BASE_LINK, tip)
                .unwrap()
                .translation
                .vector,
        );
        let (distance, link) = posed.nearest(&point).unwrap();
        assert!(distance.abs() < 1e-5, "{tip} {distance}");
        assert_eq!(link, format!("{}_distal", &tip[..2]));
    }
    assert_eq!(posed.nearest(&Point3::new(f64::NAN, 0.0, 0.0)), None);
}

#[test]
fn a_coupled_joint_follows() {
    let urdf = r#"<robot name="r"><link name="a"/><link name="b"/><link name="c"/>
        <joint name="j" type="revolute"><parent link="a"/><child link="b"/><axis xyz="0 0 1"/>
            <limit lower="-1" upper="1" velocity="1" effort="1"/></joint>
        <joint name="m" type="prismatic"><parent link="b"/><child link="c"/><axis xyz="0 0 2"/>
            <limit lower="-1" upper="1" velocity="1" effort="1"/><mimic joint="j" multiplier="0.5" offset="0.1"/></joint>
    </robot>"#;
    let model = Model::from_urdf(urdf, "test").unwrap();
    assert_eq!(model.joint("m").unwrap().kind, JointKind::Prismatic);
    let kinematics = Kinematics::new(&model);
    assert_eq!(kinematics.joint_names(), ["j"]);
    let pose = kinematics.forward(&[0.4]).unwrap().root_from("c").unwrap();
    assert!((pose.translation.z - 0.3).abs() < 1e-12);
    let jacobian = kinematics.jacobian(&[0.4], "c").unwrap();
    assert!((jacobian[(2, 0)] - 0.5).abs() < 1e-12 && (jacobian[(5, 0)] - 1.0).abs() < 1e-12);
}

fn complaint(urdf: &str) -> String {
    Model::from_urdf(urdf, "x.urdf").unwrap_err().to_string()
}

#[test]
fn errors_say_what_where_and_what_to_do() {
    let changed = |from: &str, to: &str| {
        assert!(text().contains(from), "{from}");
        complaint(&text().replacen(from, to, 1))
    };
    assert!(complaint("").starts_with("x.urdf:1: not valid XML: "));
    assert!(complaint("<robot><link name='a'></robot>").starts_with("x.urdf:1: not valid XML: "));
    assert_eq!(
        complaint("<sdf/>"),
        "x.urdf:1: not a URDF: the root element is <sdf>, not <robot>"
    );
    assert_eq!(
        complaint("<robot name='r'/>"),
        "x.urdf: a robot has one root link, here: none; join the parts with joints"
    );
    assert!(changed(r#"<link name="tool0"/>"#, "").contains(
        ": joint `flange-tool0` names the child link `tool0`, which is not defined; add the link or correct the name"
    ));
    assert!(
        changed(r#"radius="0.06""#, r#"radius="-0.06""#)
            .contains(r#"<cylinder radius="-0.06">: expected a positive number"#)
    );
    assert!(
        changed(r#"lower="-1.571""#, r#"lower="nan""#)
            .contains(r#"<limit lower="nan">: expected a finite number"#)
    );
    assert!(
        changed(r#"xyz="0.0435 0 0.141""#, r#"xyz="0.0435 0,141""#)
            .contains(r#"<origin xyz="0.0435 0,141">: expected 3 numbers"#)
    );
    assert!(
        changed(r#"lower="-1.571" upper="0""#, r#"lower="1" upper="0""#)
            .contains("joint `thumb_opposition`: the lower limit 1 is not below")
    );
    assert!(
        changed(r#"type="revolute""#, r#"type="floating""#)
            .contains("type floating is not supported")
    );
    assert!(
        changed(
            r#"<link name="flange"/>"#,
            r#"<link name="flange"/><link name="flange"/>"#
        )
        .contains("the link `flange` is defined twice")
    );
    assert!(
        changed(r#"<parent link="world"/>"#, r#"<parent link="palm"/>"#)
            .contains("the joints form a cycle")
    );
    assert!(
        changed(r#"<child link="flange"/>"#, r#"<child link="tool0"/>"#)
            .contains("is the child of both")
    );
    assert!(
        changed(r#"<axis xyz="1 0 0"/>"#, r#"<axis xyz="0 0 0"/>"#)
            .contains("the axis has no direction")
    );
    let line = complaint(
        "<robot name='r'>\n<link name='a'/>\n<link name='b'/>\n<joint name='j' type='fixed'><parent link='a'/><child link='c'/></joint></robot>",
    );
    assert!(line.starts_with("x.urdf:4: joint `j`"), "{line}");
    let missing = Model::from_file("no/such.urdf").unwrap_err();
    assert!(matches!(*missing.kind, ModelErrorKind::Unreadable(_)));
    assert!(missing.to_string().starts_with("no/such.urdf: cannot read"));
}

#[test]
fn excess_is_refused_and_not_followed() {
    let deep = format!(
        "<robot name='r'>{}{}</robot>",
        "<a>".repeat(40_000),
        "</a>".repeat(40_000)
    );
    assert!(complaint(&deep).contains("levels deep"));
    let laughs = "<!DOCTYPE r [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><robot name='&b;'/>";
    assert!(complaint(laughs).contains("not valid XML"));
    assert!(complaint(&" ".repeat(9 << 20)).contains("no robot description"));
    let mut chain = String::from("<robot name='r'><link name='0'/>");
    for link in 1..1000 {
        let above = link - 1;
        chain += &format!(
            "<link name='{link}'/><joint name='{link}' type='fixed'><parent link='{above}'/><child link='{link}'/></joint>"
        );
    }
    let long = Model::from_urdf(&(chain.clone() + "</robot>"), "x").unwrap();
    Kinematics::new(&long).forward(&[]).unwrap();
    assert!(complaint(&(chain + "<link name='b'/></robot>")).contains("1001 links"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = Model::from_urdf(&text, "x");
    }

    #[test]
    fn no_damage_to_a_good_file_makes_it_panic(
        damages in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, 0..DAMAGE.len()), 1..4)
    ) {
        let mut bytes = text().into_bytes();
        for (place, length, damage) in damages {
            let start = place.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, DAMAGE[damage].bytes());
        }
        // What still is a robot must do as one.
        if let Ok(model) = Model::from_urdf(&String::from_utf8_lossy(&bytes), "x") {
            let kinematics = Kinematics::new(&model);
            let poses = kinematics.forward(&vec![0.0; kinematics.joint_names().len()]).unwrap();
            prop_assert!(poses.all().iter().all(|pose| pose.translation.vector.iter().all(|x| x.is_finite())));
        }
    }
}

const DAMAGE: [&str; 16] = [
    "",
    "\"",
    "<",
    ">",
    "/>",
    "&",
    "&#0;",
    "<!--",
    "]]>",
    "NaN",
    "1e308",
    "-",
    "</link>",
    "<link name=\"palm\">",
    "<joint name=\"j\" type=\"planar\">",
    "\u{fffd} \u{301}",
];
