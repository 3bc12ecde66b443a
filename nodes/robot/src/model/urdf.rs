//! URDF text to [`Model`]: a strict look at the XML first, so that errors carry lines, then urdf-rs, then the tree.
#![allow(
    clippy::result_large_err,
    reason = "private errors of a cold path, boxed where they leave it"
)]

use std::collections::BTreeMap;

use nalgebra::{Isometry3, Translation3, Unit, UnitQuaternion, Vector3};

use super::{
    Collision, Geometry, Inertial, Joint, JointKind, JointLimits, Link, Mimic, Model, ModelError,
    ModelErrorKind, Visual, merge::merge_capsules,
};

/// Far above any real description (a full humanoid has about 0.2 MB), far below what hurts.
const MAX_BYTES: usize = 8 << 20;
const MAX_NODES: u32 = 50_000;
/// URDF proper is five levels deep; simulators' extensions add a few.
const MAX_DEPTH: usize = 32;
/// The most complex humanoids with hands have about 100.
const MAX_LINKS: usize = 1000;
/// No robot is this large; beyond it arithmetic on poses loses its precision.
const MAX_MAGNITUDE: f64 = 1e6;

pub(super) fn parse(text: &str, source: &str) -> Result<Model, ModelError> {
    let fail = |line, kind| ModelError::new(source, line, kind);
    if text.len() > MAX_BYTES {
        return Err(fail(
            None,
            ModelErrorKind::Excessive(format!("{} bytes", text.len())),
        ));
    }
    let lines = check_xml(text).map_err(|(line, kind)| fail(line, kind))?;
    let robot = urdf_rs::read_from_string(text)
        .map_err(|error| fail(None, ModelErrorKind::Urdf(single_line(&error.to_string()))))?;
    build(&robot).map_err(|(subject, kind)| {
        let line = subject.and_then(|subject| lines.get(&subject).copied());
        fail(line, kind)
    })
}

/// What an error is about: `link` or `joint`, and its name.
type Subject = (&'static str, String);
type BuildError = (Option<Subject>, ModelErrorKind);
type XmlError = (Option<u32>, ModelErrorKind);

/// Checks form and numbers; returns the line of each link and joint.
fn check_xml(text: &str) -> Result<BTreeMap<Subject, u32>, XmlError> {
    let options = roxmltree::ParsingOptions {
        allow_dtd: false,
        nodes_limit: MAX_NODES,
        ..Default::default()
    };
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|error| {
        (
            Some(error.pos().row),
            ModelErrorKind::Xml(error.to_string()),
        )
    })?;
    let root = document.root_element();
    let line_of = |node: roxmltree::Node<'_, '_>| document.text_pos_at(node.range().start).row;
    if root.tag_name().name() != "robot" {
        let found = root.tag_name().name().to_owned();
        return Err((
            Some(line_of(root)),
            ModelErrorKind::Urdf(format!("the root element is <{found}>, not <robot>")),
        ));
    }
    let mut lines = BTreeMap::new();
    // Depth is counted on the way, not with `ancestors`, so that the check is linear in the text.
    let mut pending = vec![(root, 1_usize)];
    while let Some((node, depth)) = pending.pop() {
        if depth > MAX_DEPTH {
            return Err((
                Some(line_of(node)),
                ModelErrorKind::Excessive(format!("more than {MAX_DEPTH} levels deep")),
            ));
        }
        check_numbers(node).map_err(|kind| (Some(line_of(node)), kind))?;
        let subject = match node.tag_name().name() {
            "link" => Some("link"),
            "joint" => Some("joint"),
            _ => None,
        };
        if let (Some(what), Some(name), 2) = (subject, node.attribute("name"), depth) {
            lines.insert((what, name.to_owned()), line_of(node));
        }
        pending.extend(
            node.children()
                .filter(roxmltree::Node::is_element)
                .map(|child| (child, depth + 1)),
        );
    }
    Ok(lines)
}

/// Every number of the elements that are read, so that none is skipped silently further on.
fn check_numbers(node: roxmltree::Node<'_, '_>) -> Result<(), ModelErrorKind> {
    let element = node.tag_name().name();
    let attributes: &[(&str, usize)] = match element {
        "origin" => &[("xyz", 3), ("rpy", 3)],
        "axis" => &[("xyz", 3)],
        "box" => &[("size", 3)],
        "cylinder" | "capsule" => &[("radius", 1), ("length", 1)],
        "sphere" => &[("radius", 1)],
        "mesh" => &[("scale", 3)],
        "color" => &[("rgba", 4)],
        "limit" => &[("lower", 1), ("upper", 1), ("velocity", 1), ("effort", 1)],
        "mass" => &[("value", 1)],
        "inertia" => &[
            ("ixx", 1),
            ("ixy", 1),
            ("ixz", 1),
            ("iyy", 1),
            ("iyz", 1),
            ("izz", 1),
        ],
        "dynamics" => &[("damping", 1), ("friction", 1)],
        "mimic" => &[("multiplier", 1), ("offset", 1)],
        _ => &[],
    };
    for &(attribute, count) in attributes {
        let Some(value) = node.attribute(attribute) else {
            continue;
        };
        let complain = |expected: String| ModelErrorKind::Number {
            element: element.to_owned(),
            attribute: attribute.to_owned(),
            value: single_line(value),
            expected,
        };
        let numbers: Result<Vec<f64>, _> = value.split_whitespace().map(str::parse).collect();
        let numbers = match numbers {
            Ok(numbers) if numbers.len() == count => numbers,
            _ => {
                return Err(complain(format!(
                    "expected {count} number{}",
                    if count == 1 { "" } else { "s" }
                )));
            }
        };
        // Limits of continuous joints and of effort are often written as huge numbers.
        let bound = if element == "limit" {
            f64::MAX
        } else {
            MAX_MAGNITUDE
        };
        if numbers
            .iter()
            .any(|number| !number.is_finite() || number.abs() > bound)
        {
            return Err(complain(
                "expected a finite number of ordinary size".to_owned(),
            ));
        }
        let positive = matches!(attribute, "size" | "radius" | "length");
        let negative_allowed =
            !matches!(element, "mass" | "dynamics") && !matches!(attribute, "velocity" | "effort");
        if (positive && numbers.iter().any(|&number| number <= 0.0))
            || (!negative_allowed && numbers.iter().any(|&number| number < 0.0))
        {
            return Err(complain("expected a positive number".to_owned()));
        }
    }
    Ok(())
}

fn build(robot: &urdf_rs::Robot) -> Result<Model, BuildError> {
    if robot.links.len() > MAX_LINKS {
        return Err((
            None,
            ModelErrorKind::Excessive(format!("{} links", robot.links.len())),
        ));
    }
    let mut by_name: BTreeMap<&str, &urdf_rs::Link> = BTreeMap::new();
    for link in &robot.links {
        if by_name.insert(&link.name, link).is_some() {
            return Err(about("link", &link.name, duplicate("link", &link.name)));
        }
    }
    let carried_by = joints_by_child(robot, &by_name)?;
    let mut joints_below: BTreeMap<&str, Vec<&urdf_rs::Joint>> = BTreeMap::new();
    for joint in &robot.joints {
        joints_below
            .entry(&joint.parent.link)
            .or_default()
            .push(joint);
    }
    let roots: Vec<&urdf_rs::Link> = robot
        .links
        .iter()
        .filter(|link| !carried_by.contains_key(link.name.as_str()))
        .collect();
    let root = match (roots.as_slice(), robot.links.first()) {
        (&[root], _) => root,
        (&[], Some(link)) => {
            return Err(about(
                "link",
                &link.name,
                ModelErrorKind::Cycle(link.name.clone()),
            ));
        }
        (&[], None) => return Err((None, ModelErrorKind::Roots("none".to_owned()))),
        (several, _) => {
            let names: Vec<&str> = several
                .iter()
                .take(8)
                .map(|link| link.name.as_str())
                .collect();
            return Err((None, ModelErrorKind::Roots(names.join(", "))));
        }
    };

    let colours = material_colours(robot);
    let mut model = Model {
        name: robot.name.clone(),
        links: Vec::with_capacity(robot.links.len()),
        joints: Vec::with_capacity(robot.joints.len()),
        link_index: BTreeMap::new(),
        joint_index: BTreeMap::new(),
        parent_joint: Vec::with_capacity(robot.links.len()),
        root: 0,
    };
    // Depth first, in the order of the file: each link follows its parent. A stack, because a hostile file may
    // chain more links than the call stack holds.
    let mut pending: Vec<(&str, Option<&urdf_rs::Joint>)> = vec![(&root.name, None)];
    while let Some((name, joint_above)) = pending.pop() {
        let Some(link) = by_name.get(name) else {
            continue;
        };
        let joint_position = match joint_above {
            Some(joint) => {
                let position = model.joints.len();
                model.joint_index.insert(joint.name.clone(), position);
                model.joints.push(convert_joint(joint)?);
                Some(position)
            }
            None => None,
        };
        model
            .link_index
            .insert(link.name.clone(), model.links.len());
        model.parent_joint.push(joint_position);
        model.links.push(convert_link(link, &colours));
        let below = joints_below.get(name).map_or(&[][..], Vec::as_slice);
        pending.extend(
            below
                .iter()
                .rev()
                .map(|joint| (joint.child.link.as_str(), Some(*joint))),
        );
    }
    if let Some(lost) = robot
        .links
        .iter()
        .find(|link| !model.link_index.contains_key(&link.name))
    {
        return Err(about(
            "link",
            &lost.name,
            ModelErrorKind::Cycle(lost.name.clone()),
        ));
    }
    check_mimics(&model)?;
    Ok(model)
}

fn joints_by_child<'a>(
    robot: &'a urdf_rs::Robot,
    links: &BTreeMap<&str, &urdf_rs::Link>,
) -> Result<BTreeMap<&'a str, &'a urdf_rs::Joint>, BuildError> {
    let mut names = BTreeMap::new();
    let mut by_child: BTreeMap<&str, &urdf_rs::Joint> = BTreeMap::new();
    for joint in &robot.joints {
        if names.insert(&joint.name, ()).is_some() {
            return Err(about("joint", &joint.name, duplicate("joint", &joint.name)));
        }
        for (role, link) in [("parent", &joint.parent.link), ("child", &joint.child.link)] {
            if !links.contains_key(link.as_str()) {
                let kind = ModelErrorKind::MissingLink {
                    joint: joint.name.clone(),
                    role,
                    link: link.clone(),
                };
                return Err(about("joint", &joint.name, kind));
            }
        }
        if let Some(first) = by_child.insert(&joint.child.link, joint) {
            let kind = ModelErrorKind::TwoParents {
                link: joint.child.link.clone(),
                first: first.name.clone(),
                second: joint.name.clone(),
            };
            return Err(about("joint", &joint.name, kind));
        }
    }
    Ok(by_child)
}

fn check_mimics(model: &Model) -> Result<(), BuildError> {
    for joint in &model.joints {
        let Some(mimic) = &joint.mimic else { continue };
        let problem = match model.joint(&mimic.joint) {
            None => format!("mimics `{}`, which is not defined", mimic.joint),
            Some(leader) if leader.mimic.is_some() => {
                format!("mimics `{}`, which itself mimics", mimic.joint)
            }
            Some(leader) if !leader.is_movable() => {
                format!("mimics `{}`, which is fixed", mimic.joint)
            }
            Some(_) => continue,
        };
        let kind = ModelErrorKind::Joint {
            joint: joint.name.clone(),
            problem,
        };
        return Err(about("joint", &joint.name, kind));
    }
    Ok(())
}

fn convert_joint(joint: &urdf_rs::Joint) -> Result<Joint, BuildError> {
    let complain = |problem: String| {
        about(
            "joint",
            &joint.name,
            ModelErrorKind::Joint {
                joint: joint.name.clone(),
                problem,
            },
        )
    };
    let kind = match joint.joint_type {
        urdf_rs::JointType::Revolute => JointKind::Revolute,
        urdf_rs::JointType::Continuous => JointKind::Continuous,
        urdf_rs::JointType::Prismatic => JointKind::Prismatic,
        urdf_rs::JointType::Fixed => JointKind::Fixed,
        ref other => {
            let kind = format!("{other:?}").to_lowercase();
            return Err(about(
                "joint",
                &joint.name,
                ModelErrorKind::JointType {
                    joint: joint.name.clone(),
                    kind,
                },
            ));
        }
    };
    let axis = match Unit::try_new(Vector3::from(*joint.axis.xyz), 1e-6) {
        Some(axis) => axis,
        None if kind == JointKind::Fixed => Vector3::x_axis(),
        None => return Err(complain("the axis has no direction".to_owned())),
    };
    let limit = &joint.limit;
    let limits = match kind {
        JointKind::Fixed => JointLimits {
            lower: 0.0,
            upper: 0.0,
            velocity: 0.0,
            effort: 0.0,
        },
        JointKind::Continuous => JointLimits {
            lower: f64::NEG_INFINITY,
            upper: f64::INFINITY,
            velocity: limit.velocity,
            effort: limit.effort,
        },
        JointKind::Revolute | JointKind::Prismatic => {
            if limit.lower >= limit.upper {
                let problem = format!(
                    "the lower limit {} is not below the upper limit {}; a joint that moves needs <limit lower upper>",
                    limit.lower, limit.upper
                );
                return Err(complain(problem));
            }
            JointLimits {
                lower: limit.lower,
                upper: limit.upper,
                velocity: limit.velocity,
                effort: limit.effort,
            }
        }
    };
    Ok(Joint {
        name: joint.name.clone(),
        kind,
        parent: joint.parent.link.clone(),
        child: joint.child.link.clone(),
        parent_from_joint: convert_pose(&joint.origin),
        axis,
        limits,
        damping: joint
            .dynamics
            .as_ref()
            .map_or(0.0, |dynamics| dynamics.damping),
        mimic: joint.mimic.as_ref().map(|mimic| Mimic {
            joint: mimic.joint.clone(),
            multiplier: mimic.multiplier.unwrap_or(1.0),
            offset: mimic.offset.unwrap_or(0.0),
        }),
    })
}

fn material_colours(robot: &urdf_rs::Robot) -> BTreeMap<&str, [f64; 4]> {
    robot
        .materials
        .iter()
        .filter_map(|material| Some((material.name.as_str(), *material.color.as_ref()?.rgba)))
        .collect()
}

fn convert_link(link: &urdf_rs::Link, colours: &BTreeMap<&str, [f64; 4]>) -> Link {
    let inertia = &link.inertial.inertia;
    let inertial = (link.inertial.mass.value > 0.0).then(|| Inertial {
        mass_kg: link.inertial.mass.value,
        link_from_com: convert_pose(&link.inertial.origin),
        inertia_kg_m2: [
            inertia.ixx,
            inertia.ixy,
            inertia.ixz,
            inertia.iyy,
            inertia.iyz,
            inertia.izz,
        ],
    });
    let visuals = link
        .visual
        .iter()
        .map(|visual| {
            let material = visual.material.as_ref();
            let own = material
                .and_then(|material| material.color.as_ref())
                .map(|colour| *colour.rgba);
            let named = material.and_then(|material| colours.get(material.name.as_str()).copied());
            Visual {
                link_from_shape: convert_pose(&visual.origin),
                geometry: convert_geometry(&visual.geometry),
                rgba: own.or(named),
                material: material
                    .map(|material| material.name.clone())
                    .filter(|name| !name.is_empty()),
            }
        })
        .collect();
    let collisions = link
        .collision
        .iter()
        .map(|collision| Collision {
            link_from_shape: convert_pose(&collision.origin),
            geometry: convert_geometry(&collision.geometry),
        })
        .collect();
    Link {
        name: link.name.clone(),
        inertial,
        visuals: merge_capsules(visuals),
        collisions: merge_capsules(collisions),
    }
}

fn convert_geometry(geometry: &urdf_rs::Geometry) -> Geometry {
    match geometry {
        urdf_rs::Geometry::Box { size } => Geometry::Box {
            size: Vector3::from(**size),
        },
        &urdf_rs::Geometry::Cylinder { radius, length } => Geometry::Cylinder { radius, length },
        &urdf_rs::Geometry::Capsule { radius, length } => Geometry::Capsule { radius, length },
        &urdf_rs::Geometry::Sphere { radius } => Geometry::Sphere { radius },
        urdf_rs::Geometry::Mesh { filename, scale } => Geometry::Mesh {
            uri: filename.clone(),
            scale: scale.map_or(Vector3::repeat(1.0), |scale| Vector3::from(*scale)),
        },
    }
}

fn convert_pose(pose: &urdf_rs::Pose) -> Isometry3<f64> {
    let [roll, pitch, yaw] = *pose.rpy;
    Isometry3::from_parts(
        Translation3::from(Vector3::from(*pose.xyz)),
        UnitQuaternion::from_euler_angles(roll, pitch, yaw),
    )
}

fn about(what: &'static str, name: &str, kind: ModelErrorKind) -> BuildError {
    (Some((what, name.to_owned())), kind)
}

fn duplicate(what: &'static str, name: &str) -> ModelErrorKind {
    ModelErrorKind::Duplicate {
        what,
        name: name.to_owned(),
    }
}

/// Other crates' messages and attribute values may hold line breaks and be long; an error is one line.
fn single_line(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(MAX_CHARS)
        .collect()
}
