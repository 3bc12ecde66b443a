//! The robot in the scene: its shapes where tf has its links, where its hand has been, and where it was told to go.

use std::collections::VecDeque;
use std::time::Duration;

use bus::{Node, Qos, Subscription, Time};
use msgs::std_msgs::String as Text;
use msgs::trajectory_msgs::JointTrajectory;
use nalgebra::Isometry3;
use re_sdk_types::archetypes::{LineStrips3D, Points3D};
use re_sdk_types::components::Color;
use robot::{Kinematics, Model, frames};

use super::{COMMANDED, Log, MEASURED, shapes};

/// Links that have moved by less, in m or rad, stay where they were drawn.
const MOVED: f64 = 2e-4;
/// How long the hand's way is shown, and how far apart its points are, m.
const WAY: Duration = Duration::from_secs(20);
const WAY_STEP_M: f64 = 0.004;

/// Draws the robot.
pub(crate) struct Robot {
    node: Node,
    base_frame: String,
    descriptions: Subscription<Text>,
    commands: Subscription<JointTrajectory>,
    kinematics: Option<Kinematics>,
    links: Vec<DrawnLink>,
    way: VecDeque<(Time, [f32; 3])>,
}

/// A link with shapes.
struct DrawnLink {
    name: String,
    path: String,
    base_from_link: Option<Isometry3<f64>>,
}

impl Robot {
    pub(crate) fn new(node: &Node, base_frame: &str) -> bus::Result<Self> {
        Ok(Self {
            descriptions: node.subscribe("robot_description", Qos::latched())?,
            commands: node.subscribe("arm/command", Qos::reliable(10))?,
            base_frame: base_frame.to_owned(),
            kinematics: None,
            links: Vec::new(),
            way: VecDeque::new(),
            node: node.clone(),
        })
    }

    /// Has everything drawn again, for a page that was not there the first time.
    pub(crate) fn draw_anew(&mut self) {
        for link in &mut self.links {
            link.base_from_link = None;
        }
    }

    /// Draws what has changed.
    pub(crate) fn draw(&mut self, log: &Log) {
        if let Some(text) = self.descriptions.latest() {
            match Model::from_urdf(&text.data, "topic robot_description") {
                Ok(model) => self.describe(log, &model),
                Err(error) => tracing::warn!("the robot is not shown: {error}"),
            }
        }
        self.draw_links(log);
        self.draw_way(log);
        if let Some(command) = self.commands.latest() {
            self.draw_command(log, &command);
        }
    }

    fn describe(&mut self, log: &Log, model: &Model) {
        self.kinematics = Some(Kinematics::new(model));
        self.links.clear();
        for link in model.links() {
            let path = format!("scene/robot/{}", link.name);
            if shapes::put(log, &path, &link.visuals) {
                self.links.push(DrawnLink {
                    name: link.name.clone(),
                    path,
                    base_from_link: None,
                });
            }
        }
    }

    fn draw_links(&mut self, log: &Log) {
        for link in &mut self.links {
            let found = self.node.tf().lookup_latest(&self.base_frame, &link.name);
            let Ok((base_from_link, _)) = found else {
                continue;
            };
            if link
                .base_from_link
                .is_some_and(|drawn| is_close(&drawn, &base_from_link))
            {
                continue;
            }
            link.base_from_link = Some(base_from_link);
            log.put(&link.path, &shapes::transform(&base_from_link));
        }
    }

    /// The way of the palm.
    fn draw_way(&mut self, log: &Log) {
        let now = self.node.now();
        let Some(palm) = self.palm() else {
            return;
        };
        let is_new = self.way.back().is_none_or(|(_, last)| {
            let step: f32 = last.iter().zip(palm).map(|(a, b)| (a - b).powi(2)).sum();
            f64::from(step).sqrt() > WAY_STEP_M
        });
        let before = self.way.len();
        self.way
            .retain(|(time, _)| now.saturating_since(*time) < WAY);
        if is_new {
            self.way.push_back((now, palm));
        }
        if is_new || self.way.len() != before {
            let points: Vec<[f32; 3]> = self.way.iter().map(|(_, point)| *point).collect();
            let [red, green, blue] = MEASURED;
            let way = LineStrips3D::new([points])
                .with_radii([0.0015])
                .with_colors([Color::from_rgb(red, green, blue)]);
            log.put("scene/hand_way", &way);
        }
    }

    /// Where the palm is to be when the command is done, and on the way there.
    fn draw_command(&self, log: &Log, command: &JointTrajectory) {
        let Some(kinematics) = &self.kinematics else {
            return;
        };
        let palm_at = |positions: &[f64]| -> Option<[f32; 3]> {
            let named = command.joint_names.iter().map(String::as_str);
            let slice = kinematics
                .positions(named.zip(positions.iter().copied()))
                .ok()?;
            let poses = kinematics.forward(&slice).ok()?;
            let palm = poses.relative(&self.base_frame, frames::PALM).ok()?;
            Some(palm.translation.vector.cast::<f32>().into())
        };
        let ahead = command
            .points
            .iter()
            .filter_map(|point| palm_at(&point.positions));
        let path: Vec<[f32; 3]> = self.palm().into_iter().chain(ahead).collect();
        let [red, green, blue] = COMMANDED;
        let colour = Color::from_rgb(red, green, blue);
        if let Some(goal) = path.last() {
            let goal = Points3D::new([*goal])
                .with_radii([0.008])
                .with_colors([colour]);
            log.put("scene/commanded/goal", &goal);
        }
        let path = LineStrips3D::new([path])
            .with_radii([0.003])
            .with_colors([colour]);
        log.put("scene/commanded/path", &path);
    }

    fn palm(&self) -> Option<[f32; 3]> {
        let found = self.node.tf().lookup_latest(&self.base_frame, frames::PALM);
        let (base_from_palm, _) = found.ok()?;
        Some(base_from_palm.translation.vector.cast::<f32>().into())
    }
}

fn is_close(a: &Isometry3<f64>, b: &Isometry3<f64>) -> bool {
    let difference = a.inv_mul(b);
    difference.translation.vector.norm() < MOVED && difference.rotation.angle() < MOVED
}
