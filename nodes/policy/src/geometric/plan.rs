//! Choosing a grasp: about the object's centre, across a width that the hand can span, with an arm that can get there.

use nalgebra::{Isometry3, Point2, Point3, Translation3, Vector2, Vector3};
use pointcloud::OrientedBox;
use robot::{Hand, Kinematics, KinematicsError, ur5};

use super::hand::{HandGeometry, Pinch, base_from_palm};
use super::path::{Arm, largest_travel};
use super::settings::Settings;

/// Headings that are tried, evenly over the full turn.
const HEADINGS: usize = 24;

/// Waypoints on each straight line of the palm.
const LINE_STEPS: usize = 5;

/// Largest travel of a joint between neighbouring waypoints of a line, rad: more means that the arm flips over.
const LINE_JUMP: f64 = 0.6;

/// The object as the planner sees it, in the base frame.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its upright box.
    pub bounds: OrientedBox,
    /// Its visible points.
    pub points: Vec<Point3<f32>>,
}

/// A grasp with the joint positions to get there and away.
#[derive(Debug, Clone, PartialEq)]
pub struct Grasp {
    /// Hand shapes and their geometry.
    pub pinch: Pinch,
    /// Pose of the palm when closing.
    pub base_from_palm: Isometry3<f64>,
    /// Direction of closing in the table plane, rad.
    pub heading: f64,
    /// Width between the touching sides, metres.
    pub width: f64,
    /// The object's centre as it was planned for.
    pub centre: Point3<f64>,
    /// From the start, over the object, down to the grasp.
    pub approach: Vec<Arm>,
    /// From the grasp straight up and on to the goal.
    pub lift: Vec<Arm>,
    /// Cost by which it was chosen; seconds, roughly.
    pub cost: f64,
}

/// Why there is no grasp.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// No direction in which the hand opens far enough.
    #[error("the object is {narrowest_cm:.1} cm wide where it is narrowest: too wide for the hand")]
    TooWide {
        /// Least width over all directions, centimetres.
        narrowest_cm: f64,
    },
    /// The arm reaches none of the grasps.
    #[error("the arm reaches none of {tried} grasps on the object at ({x:.2}, {y:.2}) m; move it towards the middle")]
    OutOfReach {
        /// Grasps that were tried.
        tried: usize,
        /// Where the object is, base x.
        x: f64,
        /// Where the object is, base y.
        y: f64,
    },
}

/// Plans grasps for one robot.
#[derive(Debug, Clone)]
pub struct Planner {
    geometry: HandGeometry,
    kinematics: Kinematics,
    settings: Settings,
}

/// The object's extent along one direction of the table plane.
#[derive(Debug, Clone, Copy)]
struct Extent {
    middle: f64,
    width: f64,
}

impl Planner {
    /// Tabulates the hand; fails when the robot is not a UR5 with an SIH hand.
    pub fn new(kinematics: Kinematics, hand: &Hand, settings: Settings) -> Result<Self, KinematicsError> {
        let geometry = HandGeometry::new(&kinematics, hand)?;
        Ok(Self { geometry, kinematics, settings })
    }

    /// The hand's geometry.
    pub fn geometry(&self) -> &HandGeometry {
        &self.geometry
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The best grasp of the object from where the arm is now.
    pub fn plan(&self, object: &Object, start: &Arm) -> Result<Grasp, PlanError> {
        let lowest = self.lowest_tip(object);
        let outline = outline(object, lowest);
        let mut narrowest = f64::INFINITY;
        let mut tried = 0;
        let mut best: Option<Grasp> = None;
        let axis = object.bounds.base_from_box.rotation * Vector3::x();
        let aligned = axis.y.atan2(axis.x) + std::f64::consts::FRAC_PI_2;
        for step in 0..HEADINGS {
            let heading = aligned + std::f64::consts::TAU * step as f64 / HEADINGS as f64;
            narrowest = narrowest.min(extent(&outline, heading).width);
        }
        for step in 0..HEADINGS {
            let heading = aligned + std::f64::consts::TAU * step as f64 / HEADINGS as f64;
            let closing = extent(&outline, heading);
            // Where a much narrower side exists, a slanted grasp would only turn the object in the hand.
            if closing.width > narrowest + 0.02 {
                continue;
            }
            for tilt in &self.settings.tilts_deg {
                let Some(pinch) =
                    self.geometry.pinch(closing.width, tilt.to_radians(), &self.settings.margins())
                else {
                    continue;
                };
                tried += 1;
                let grasp = self.complete(object, &outline, heading, &pinch, lowest, start, narrowest);
                if let Some(grasp) = grasp
                    && best.as_ref().is_none_or(|best| grasp.cost < best.cost)
                {
                    best = Some(grasp);
                }
            }
        }
        let centre = object.bounds.centre();
        best.ok_or(if tried == 0 {
            PlanError::TooWide { narrowest_cm: 100.0 * narrowest }
        } else {
            PlanError::OutOfReach { tried, x: centre.x, y: centre.y }
        })
    }

    /// Height of the lowest fingertip: as deep as the palm allows, but not below what the object offers.
    fn lowest_tip(&self, object: &Object) -> f64 {
        let top = object.bounds.centre().z + 0.5 * object.bounds.size.z;
        let bottom = object.bounds.centre().z - 0.5 * object.bounds.size.z;
        let under_the_middle = 0.5 * (top + bottom) - 0.03;
        (top - self.settings.grasp_depth_m).max(under_the_middle).max(self.settings.table_clearance_m)
    }

    #[expect(clippy::too_many_arguments, reason = "one candidate is described by all of these")]
    fn complete(
        &self,
        object: &Object,
        outline: &[Point2<f64>],
        heading: f64,
        pinch: &Pinch,
        lowest: f64,
        start: &Arm,
        narrowest: f64,
    ) -> Option<Grasp> {
        let closing = extent(outline, heading);
        let side = heading - std::f64::consts::FRAC_PI_2;
        let lengthwise = extent(outline, side);
        let (along, beside) = (direction(heading), direction(side));
        let level = along * closing.middle + beside * lengthwise.middle;
        let centre = object.bounds.centre();
        let about = Point3::new(level.x, level.y, centre.z);
        let palm = base_from_palm(pinch, heading, &about, lowest, across(lengthwise.width));

        let above = Translation3::new(0.0, 0.0, self.settings.descent_m) * palm;
        let pregrasp = self.solve(&above, start)?;
        let mut approach = vec![*start];
        approach.extend(self.line(&pregrasp, &above, &palm)?);
        let grasp = *approach.last()?;

        let [x, y, z] = self.settings.goal_m;
        let shift = Vector3::new(x, y, z) - centre.coords;
        let up = Vector3::z() * self.settings.ascent_m.min(shift.z.max(0.0));
        let raised = Translation3::from(up) * palm;
        let over = Translation3::from(shift) * palm;
        let mut lift = self.line(&grasp, &palm, &raised)?;
        let from = *lift.last()?;
        lift.extend(self.line(&from, &raised, &over)?.into_iter().skip(1));

        let clear = approach.iter().skip(1).chain(&lift).all(|arm| self.arm_is_clear(arm));
        if !clear {
            return None;
        }
        let [camera_x, camera_y, _] = self.settings.camera_m;
        let to_camera = (Vector2::new(camera_x, camera_y) - level).normalize();
        // Fingers on the camera's side hide the object; the palm on that side hides it more.
        let hidden = to_camera.dot(&along).abs();
        let cost = largest_travel(start, &pregrasp)
            + 25.0 * (closing.width - narrowest)
            + 0.4 * hidden
            + 0.3 * (pinch.tilt.to_degrees() - 15.0).abs() / 10.0;
        Some(Grasp {
            pinch: *pinch,
            base_from_palm: palm,
            heading,
            width: closing.width,
            centre,
            approach,
            lift,
            cost,
        })
    }

    /// Joint positions for a palm pose, with the least motion from `near`.
    fn solve(&self, base_from_palm: &Isometry3<f64>, near: &Arm) -> Option<Arm> {
        let base_from_tool0 = base_from_palm * self.geometry.tool0_from_palm().inverse();
        ur5::inverse_nearest(&base_from_tool0, near, &ur5::LIMITS)
    }

    /// Joint positions along a straight line of the palm, both ends included; `None` where the arm would have to flip.
    fn line(&self, first: &Arm, from: &Isometry3<f64>, to: &Isometry3<f64>) -> Option<Vec<Arm>> {
        let mut arms = vec![*first];
        let mut near = *first;
        for step in 1..=LINE_STEPS {
            let part = step as f64 / LINE_STEPS as f64;
            let arm = self.solve(&from.lerp_slerp(to, part), &near)?;
            if largest_travel(&near, &arm) > LINE_JUMP {
                return None;
            }
            arms.push(arm);
            near = arm;
        }
        Some(arms)
    }

    /// Whether elbow and wrist stay off the table.
    fn arm_is_clear(&self, arm: &Arm) -> bool {
        const LINKS: [&str; 4] = ["forearm_link", "wrist_1_link", "wrist_2_link", "wrist_3_link"];
        let Ok(positions) = self.kinematics.positions(ur5::JOINTS.into_iter().zip(*arm)) else { return false };
        let Ok(poses) = self.kinematics.forward(&positions) else { return false };
        LINKS.iter().all(|link| {
            poses.root_from(link).is_ok_and(|pose| pose.translation.z >= self.settings.arm_clearance_m)
        })
    }
}

/// Where along the palm's x axis the middle of an object of this length belongs.
///
/// The thumb opposes the ring and little fingers, so short things go there; long ones are held by all fingers.
fn across(length: f64) -> f64 {
    const SHORT: (f64, f64) = (0.03, -0.020);
    const LONG: (f64, f64) = (0.09, -0.005);
    let part = ((length - SHORT.0) / (LONG.0 - SHORT.0)).clamp(0.0, 1.0);
    SHORT.1 + part * (LONG.1 - SHORT.1)
}

fn direction(heading: f64) -> Vector2<f64> {
    Vector2::new(heading.cos(), heading.sin())
}

/// The part of the object that the hand has to pass, seen from above, completed by its mirror image about the middle of
/// the box: the camera does not see the far side.
fn outline(object: &Object, lowest: f64) -> Vec<Point2<f64>> {
    let centre = object.bounds.centre().xy();
    let flat = |above: f64| -> Vec<Point2<f64>> {
        object
            .points
            .iter()
            .filter(|point| f64::from(point.z) > above)
            .flat_map(|point| {
                let seen = Point2::new(f64::from(point.x), f64::from(point.y));
                [seen, Point2::from(2.0 * centre.coords - seen.coords)]
            })
            .collect()
    };
    let passed = flat(lowest - 0.01);
    let outline = if passed.len() >= 40 { passed } else { flat(f64::NEG_INFINITY) };
    if outline.is_empty() { vec![centre] } else { outline }
}

fn extent(outline: &[Point2<f64>], heading: f64) -> Extent {
    let along = direction(heading);
    let (low, high) = outline
        .iter()
        .map(|point| point.coords.dot(&along))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    Extent { middle: 0.5 * (low + high), width: high - low }
}
