//! Choosing a grasp: about the object's centre, across a width that the hand can span, with an arm that can get there.

use std::f64::consts::{FRAC_PI_2, TAU};
use std::fmt;

use nalgebra::{Isometry3, Point3, Translation3, Vector2, Vector3};
use pointcloud::OrientedBox;
use robot::{Hand, Kinematics, KinematicsError, Model, ur5};

use super::clearance::HandShapes;
use super::hand::{Attitude, HandGeometry, Pinch, Span, THUMB, Ticks, base_from_palm};
use super::path::{Arm, largest_travel};
use super::section::{Section, Surface, direction};
use super::settings::Settings;

/// Headings that are tried, evenly over the full turn.
const HEADINGS: usize = 24;

/// Where index, middle and ring finger are along the palm's x axis, metres.
const FINGER_X_M: [f64; 3] = [0.0435, 0.0187, -0.0069];

/// One point of the object in so many is enough to tell whether a finger has room.
const ONE_IN: usize = 3;

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
    /// Visible points of what is around it; some may be the robot's own.
    pub surroundings: Vec<Point3<f32>>,
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
    /// Diagonal of the object's box as it was planned for, metres.
    pub size_m: f64,
    /// From the start, over the object, down to the grasp.
    pub approach: Vec<Arm>,
    /// From the grasp straight up and on to the goal.
    pub lift: Vec<Arm>,
    /// Cost by which it was chosen; seconds, roughly.
    pub cost: f64,
}

impl Grasp {
    /// The same grasp with the palm this much lower, metres. The way there and up stays as planned.
    pub(super) fn lowered(mut self, by: f64) -> Self {
        self.base_from_palm.translation.z -= by;
        self
    }
}

impl fmt::Display for Grasp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attitude { tilt, roll } = self.pinch.attitude;
        let [index, middle, ring] = self
            .pinch
            .span
            .used
            .map(|used| if used { "closes" } else { "stays" });
        write!(
            f,
            "about ({:.3}, {:.3}, {:.3}), across {:.0} mm of {:.0} mm, heading {:.0} deg, tilt {:.0} deg, roll {:.0} deg, \
             thumb at {:.0}, index {index}, middle {middle}, ring {ring}, touch {:.0} mm above the tips, cost {:.2}",
            self.centre.x,
            self.centre.y,
            self.centre.z,
            1e3 * self.width,
            1e3 * self.pinch.span.length,
            self.heading.to_degrees(),
            tilt.to_degrees(),
            roll.to_degrees(),
            self.pinch.contact[THUMB],
            1e3 * self.pinch.touch_height,
            self.cost
        )
    }
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
    #[error(
        "the arm reaches none of {tried} grasps on the object at ({x:.2}, {y:.2}) m; move it towards the middle"
    )]
    OutOfReach {
        /// Grasps that were tried.
        tried: usize,
        /// Where the object is, base x.
        x: f64,
        /// Where the object is, base y.
        y: f64,
    },
    /// The hand touched something on its way down, in every attempt.
    #[error(
        "the hand touched something on its way down ({touch_n:.0} N); make room around the object"
    )]
    InTheWay {
        /// Force at the tool, newtons.
        touch_n: f64,
    },
}

/// Plans grasps for one robot.
#[derive(Debug, Clone)]
pub struct Planner {
    geometry: HandGeometry,
    shapes: HandShapes,
    kinematics: Kinematics,
    settings: Settings,
}

/// What is to be grasped, and what all the ways to do so have in common.
struct Task<'a> {
    object: &'a Object,
    surface: Surface,
    /// Points of the object, of which the hand has to keep clear on its way down.
    own: Vec<Point3<f64>>,
    /// Points of what stands around it.
    neighbours: Vec<Point3<f64>>,
    start: &'a Arm,
    failed: &'a [Grasp],
    /// Width of the narrowest section about the middle, metres.
    narrowest: f64,
}

/// One way to grasp, before it is known whether the arm can.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    section: Section,
    pinch: Pinch,
    /// Cost of section and pinch.
    cost: f64,
    /// Height of the lowest tip, metres.
    lowest: f64,
}

impl Planner {
    /// Tabulates the hand; fails when the robot is not a UR5 with an SIH hand.
    pub fn new(model: &Model, hand: &Hand, settings: Settings) -> Result<Self, KinematicsError> {
        let kinematics = Kinematics::new(model);
        Ok(Self {
            geometry: HandGeometry::new(&kinematics, hand)?,
            shapes: HandShapes::new(model, &kinematics, hand),
            kinematics,
            settings,
        })
    }

    /// The hand's geometry.
    pub fn geometry(&self) -> &HandGeometry {
        &self.geometry
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The best grasp of the object from where the arm is now. Grasps like those that `failed` cost more.
    pub fn plan(&self, object: &Object, start: &Arm, failed: &[Grasp]) -> Result<Grasp, PlanError> {
        let surface = Surface::new(object);
        let own: Vec<_> = surface.points().iter().step_by(ONE_IN).copied().collect();
        let neighbours = self.shapes.without_robot(&object.surroundings, start);
        let axis = object.bounds.base_from_box.rotation * Vector3::x();
        let aligned = axis.y.atan2(axis.x) + FRAC_PI_2;
        let headings = (0..HEADINGS).map(|step| aligned + TAU * step as f64 / HEADINGS as f64);
        let lowest = |top, bottom| self.lowest_tip(object, top, bottom);
        let narrowest = headings
            .clone()
            .map(|heading| surface.section(heading, 0.0, lowest).width)
            .fold(f64::INFINITY, f64::min);
        let task = Task {
            object,
            surface,
            own,
            neighbours,
            start,
            failed,
            narrowest,
        };

        let mut tried = 0;
        let mut best: Option<Grasp> = None;
        for candidate in headings.flat_map(|heading| self.candidates(&task, heading)) {
            tried += 1;
            let least = best.as_ref().map_or(f64::INFINITY, |best| best.cost);
            if let Some(grasp) = self.complete(&task, &candidate, least)
                && grasp.cost < least
            {
                best = Some(grasp);
            }
        }
        let centre = object.bounds.centre();
        best.ok_or(if tried == 0 {
            PlanError::TooWide {
                narrowest_cm: 100.0 * task.narrowest,
            }
        } else {
            PlanError::OutOfReach {
                tried,
                x: centre.x,
                y: centre.y,
            }
        })
    }

    /// The hand shapes for closing along a heading, at all places along the object, in order of cost.
    fn candidates(&self, task: &Task<'_>, heading: f64) -> Vec<Candidate> {
        let lowest = |top, bottom| self.lowest_tip(task.object, top, bottom);
        // Beside the middle of something compact the fingers would close on nothing.
        let most = if task.surface.is_elongated() {
            self.settings.offset_part * task.surface.length(heading).width
        } else {
            0.0
        };
        let offsets = self.settings.offsets_m.iter().copied();
        let mut candidates: Vec<_> = offsets
            .filter(|offset| offset.abs() <= most)
            .map(|offset| task.surface.section(heading, offset, lowest))
            // Where a much narrower side exists, a slanted grasp would only turn the object in the hand.
            .filter(|section| section.width <= task.narrowest + 0.02)
            .flat_map(|section| self.pinches(task.object, section))
            .collect();
        candidates.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        candidates
    }

    /// Hand shapes for a section, the best of each attitude.
    fn pinches(&self, object: &Object, section: Section) -> Vec<Candidate> {
        let settings = &self.settings;
        let Section { width, length, .. } = section;
        let lowest = self.lowest_tip(object, section.top, section.bottom);
        let middle_height = 0.5 * (section.top + section.bottom);
        let section_cost = settings.offset_penalty * section.offset.abs()
            + settings.thin_penalty * (settings.thin_m - section.top).max(0.0);
        let height = object.bounds.size.z;
        let across = self.across(length);
        // A finger beside a short object would push it out sideways. The ring finger always opposes the thumb.
        let reaches = |x: f64| (x - across).abs() <= 0.5 * length - settings.finger_inside_m;
        let [index, middle, _] = FINGER_X_M.map(reaches);
        // High round things are held more surely without a roll; low ones need it.
        let [low, high] = settings.roll_heights_m;
        let highness = ((height - low) / (high - low)).clamp(0.0, 1.0);
        let [usual, for_high] = settings.roll_penalty;
        let roll_penalty =
            usual + highness * (settings.by_length(length, [for_high, usual]) - usual);
        let [for_low, for_high] = settings.high_touch_penalty;
        let high_touch_penalty = for_low + highness * (for_high - for_low);
        // Fewer fingers can be brought level where more cannot.
        let mut choices = vec![[false, false, true]];
        if middle {
            choices.push([false, true, true]);
        }
        if middle && index {
            choices.push([true, true, true]);
        }
        let cost = |pinch: &Pinch| {
            // A side that touches above the middle of a low object rolls it away.
            let swing = pinch.touch_height - pinch.level_touch_height;
            let touch_height = if lowest <= settings.level_below_m && swing <= settings.levelling_m
            {
                pinch.level_touch_height
            } else {
                pinch.touch_height
            };
            let too_high = (lowest + touch_height - middle_height).max(0.0);
            let Attitude { tilt, roll } = pinch.attitude;
            let spare = pinch.span.used.iter().filter(|used| !**used).count() as f64;
            high_touch_penalty * too_high
                + 15.0 * touch_height
                + 0.6 * (tilt.to_degrees() - 15.0).abs() / 60.0
                + roll_penalty * roll
                + settings.open_thumb_penalty
                    * (pinch.contact[THUMB] - settings.usual_thumb_ticks).max(0.0)
                + settings.spare_finger_penalty * spare * (length / 0.06).min(1.0)
        };
        settings
            .tilts_deg
            .iter()
            .flat_map(|tilt| settings.rolls_deg.iter().map(move |roll| (tilt, roll)))
            .filter_map(|(tilt, roll)| {
                let attitude = Attitude {
                    tilt: tilt.to_radians(),
                    roll: roll.to_radians(),
                };
                let spans = choices.iter().map(|used| Span {
                    width,
                    length,
                    across,
                    used: *used,
                });
                spans
                    .flat_map(|span| {
                        settings
                            .thumb_touch_ticks
                            .iter()
                            .map(move |thumb| (span, *thumb))
                    })
                    .filter_map(|(span, thumb)| {
                        self.geometry
                            .pinch(&span, attitude, thumb, &settings.margins())
                    })
                    .map(|pinch| (cost(&pinch), pinch))
                    .min_by(|a, b| a.0.total_cmp(&b.0))
            })
            .map(|(cost, pinch)| Candidate {
                section,
                pinch,
                cost: section_cost + cost,
                lowest,
            })
            .collect()
    }

    /// Height of the lowest fingertip for a section's upper and lower side: as deep as the palm allows, but not below what
    /// the section offers.
    fn lowest_tip(&self, object: &Object, top: f64, bottom: f64) -> f64 {
        let highest = object.bounds.centre().z + 0.5 * object.bounds.size.z;
        let under_the_middle = 0.5 * (top + bottom) - self.settings.pad_height_m;
        let deep = highest - self.settings.grasp_depth_m;
        deep.max(under_the_middle.min(deep.max(0.02)))
            .max(self.settings.table_clearance_m)
    }

    /// The grasp with its way there and up, unless it costs `least` or more, touches something or is out of reach.
    fn complete(&self, task: &Task, candidate: &Candidate, least: f64) -> Option<Grasp> {
        let Task { object, start, .. } = *task;
        let Candidate {
            section,
            pinch,
            lowest,
            ..
        } = *candidate;
        let heading = section.heading;
        let (along, level) = (direction(heading), section.middle.coords);
        let centre = object.bounds.centre();
        let about = Point3::new(level.x, level.y, centre.z);
        let [camera_x, camera_y, _] = self.settings.camera_m;
        let to_camera = (Vector2::new(camera_x, camera_y) - level).normalize();
        // Fingers on the camera's side hide the object; the palm on that side hides it more.
        let hidden = to_camera.dot(&along).abs();
        let like_failed = task
            .failed
            .iter()
            .filter(|failed| is_alike(failed.heading, heading))
            .count();
        let cost = candidate.cost
            + 25.0 * (section.width - task.narrowest)
            + 0.4 * hidden
            + self.settings.failed_penalty * like_failed as f64;
        if cost >= least {
            return None;
        }
        let palm = base_from_palm(&pinch, heading, &about, lowest);
        let room = |points: &[_]| self.shapes.clearance(&pinch.preshape, &palm, points);
        let (room, neighbour_room) = (room(&task.own), room(&task.neighbours));
        if room.min(neighbour_room) < -self.settings.overlap_m {
            return None;
        }

        let above = Translation3::new(0.0, 0.0, self.settings.descent_m) * palm;
        let pregrasp = self.solve(&above, start)?;
        let mut approach = vec![*start];
        approach.extend(self.line(&pregrasp, &above, &palm)?);
        let grasp = *approach.last()?;

        let lift = self.lift(&palm, &grasp, &centre)?;

        let clear = approach
            .iter()
            .skip(1)
            .chain(&lift)
            .all(|arm| self.arm_is_clear(arm));
        if !clear {
            return None;
        }
        let cost = cost
            + largest_travel(start, &pregrasp)
            + self.settings.tightness_penalty
                * ((self.settings.room_m - room).max(0.0)
                    + (self.settings.neighbour_room_m - neighbour_room).max(0.0));
        Some(Grasp {
            pinch,
            base_from_palm: palm,
            heading,
            width: section.width,
            centre,
            size_m: object.bounds.size.norm(),
            approach,
            lift,
            cost,
        })
    }

    /// Joint positions straight up from a grasp and on, until an object with its middle at `centre` is at the goal.
    fn lift(
        &self,
        base_from_palm: &Isometry3<f64>,
        grasp: &Arm,
        centre: &Point3<f64>,
    ) -> Option<Vec<Arm>> {
        let shift = Point3::from(self.settings.goal_m) - centre;
        let up = Vector3::z() * self.settings.ascent_m.min(shift.z.max(0.0));
        let raised = Translation3::from(up) * base_from_palm;
        let over = Translation3::from(shift) * base_from_palm;
        let mut lift = self.line(grasp, base_from_palm, &raised)?;
        let from = *lift.last()?;
        lift.extend(self.line(&from, &raised, &over)?.into_iter().skip(1));
        Some(lift)
    }

    /// The way to the goal of a held object that is seen elsewhere; `None` when it is near enough, or when too little of it
    /// is seen to tell.
    pub fn to_goal(&self, grasp: &Grasp, arm: &Arm, seen: &Object) -> Option<Vec<Arm>> {
        /// The box's diagonal as it has to be seen again, as parts of what it was: neither half hidden nor merged with
        /// the hand.
        const PARTS: std::ops::Range<f64> = 0.85..1.25;
        /// What seems further off than this is another object or a wrong mask.
        const MOST_M: f64 = 0.12;
        let shift = Point3::from(self.settings.goal_m) - seen.bounds.centre();
        let is_whole = PARTS.contains(&(seen.bounds.size.norm() / grasp.size_m));
        let is_off = (self.settings.off_goal_m..MOST_M).contains(&shift.norm());
        if !(is_whole && is_off) {
            return None;
        }
        let base_from_palm = ur5::forward(arm) * self.geometry.tool0_from_palm();
        self.line(
            arm,
            &base_from_palm,
            &(Translation3::from(shift) * base_from_palm),
        )
    }

    /// Whether a grasp is of something so low that the tips have to be on the table.
    pub fn is_low(&self, grasp: &Grasp) -> bool {
        grasp.base_from_palm.translation.z - grasp.pinch.reach <= self.settings.level_below_m
    }

    /// Joint positions that keep the lowest tip at its planned height while the fingers, which swing on arcs, close on
    /// something low; higher things are rather held by fingers that curl under their middle.
    pub fn levelled(&self, grasp: &Grasp, ticks: &Ticks, near: &Arm) -> Option<Arm> {
        if !self.is_low(grasp) {
            return grasp.approach.last().copied();
        }
        let most = self.settings.levelling_m;
        let reach = self.geometry.reach(&grasp.pinch, ticks);
        let shift = (reach - grasp.pinch.reach).clamp(-most, most);
        let palm = Translation3::new(0.0, 0.0, shift) * grasp.base_from_palm;
        self.solve(&palm, near)
    }

    /// Where along the palm's x axis the middle of an object of this length belongs.
    ///
    /// The thumb opposes the ring and little fingers, so short things go there; long ones are held by all fingers.
    fn across(&self, length: f64) -> f64 {
        self.settings.by_length(length, self.settings.across_m)
    }

    /// Joint positions for a palm pose, with the least motion from `near`.
    pub(super) fn solve(&self, base_from_palm: &Isometry3<f64>, near: &Arm) -> Option<Arm> {
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
        const LINKS: [&str; 4] = [
            "forearm_link",
            "wrist_1_link",
            "wrist_2_link",
            "wrist_3_link",
        ];
        let Ok(positions) = self.kinematics.positions(ur5::JOINTS.into_iter().zip(*arm)) else {
            return false;
        };
        let Ok(poses) = self.kinematics.forward(&positions) else {
            return false;
        };
        LINKS.iter().all(|link| {
            poses
                .root_from(link)
                .is_ok_and(|pose| pose.translation.z >= self.settings.arm_clearance_m)
        })
    }
}

/// Whether two headings are the same within a step.
fn is_alike(a: f64, b: f64) -> bool {
    (a - b).cos() > (1.5 * TAU / HEADINGS as f64).cos()
}
