use super::config::WorkspaceBox;
use crate::{
    kinematics::{Kinematics, KinematicsError},
    model::Model,
};

/// How far control points of the robot are out of their boxes, for the joints of one device.
///
/// The other joints (the hand's, for the arm's limiter) are held at what [`Workspace::set_others`] said last.
#[derive(Debug, Clone)]
pub struct Workspace {
    kinematics: Kinematics,
    base_link: String,
    boxes: Vec<WorkspaceBox>,
    /// For each joint of the device its place among those of the kinematics.
    places: Vec<usize>,
    positions: Vec<f64>,
}

/// A workspace that does not fit the robot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limits: workspace: {0}")]
pub struct WorkspaceError(#[from] KinematicsError);

impl Workspace {
    /// For a device with the given joints; boxes are in `base_link`.
    ///
    /// # Errors
    /// When a joint or link does not exist in the model.
    pub fn new(
        boxes: &[WorkspaceBox],
        model: &Model,
        base_link: &str,
        joint_names: &[&str],
    ) -> Result<Self, WorkspaceError> {
        let kinematics = Kinematics::new(model);
        let places = joint_names
            .iter()
            .map(|name| {
                let place = kinematics
                    .joint_names()
                    .iter()
                    .position(|other| other == name);
                place.ok_or_else(|| KinematicsError::UnknownJoint((*name).to_owned()))
            })
            .collect::<Result<_, _>>()?;
        let links = boxes
            .iter()
            .flat_map(|area| &area.links)
            .map(String::as_str);
        if let Some(missing) = links
            .chain([base_link])
            .find(|link| model.link(link).is_none())
        {
            return Err(KinematicsError::UnknownLink(missing.to_owned()).into());
        }
        let positions = vec![0.0; kinematics.joint_names().len()];
        Ok(Self {
            kinematics,
            base_link: base_link.to_owned(),
            boxes: boxes.to_vec(),
            places,
            positions,
        })
    }

    /// Tells where the joints of other devices are.
    ///
    /// # Errors
    /// When a joint does not exist or a position is not finite.
    pub fn set_others<'a>(
        &mut self,
        named: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Result<(), WorkspaceError> {
        for (name, position) in named {
            if !position.is_finite() {
                return Err(KinematicsError::NotFinite(name.to_owned()).into());
            }
            let place = self
                .kinematics
                .joint_names()
                .iter()
                .position(|other| other == name);
            match place.and_then(|place| self.positions.get_mut(place)) {
                Some(slot) => *slot = position,
                None => return Err(KinematicsError::UnknownJoint(name.to_owned()).into()),
            }
        }
        Ok(())
    }

    /// How far, in m, the worst control point is out of its box at the device's positions; 0 when all are inside.
    #[must_use]
    pub fn violation_m(&self, device_positions: &[f64]) -> f64 {
        let violations = self.violations_m(device_positions);
        violations.into_iter().fold(0.0, f64::max)
    }

    /// How far, in m, each control point is out of its box at the device's positions; 0 for those that are inside.
    ///
    /// Infinite when there is no telling, so that what cannot be checked is not done.
    #[must_use]
    pub fn violations_m(&self, device_positions: &[f64]) -> Vec<f64> {
        if self.boxes.is_empty() {
            return Vec::new();
        }
        if device_positions.len() != self.places.len() {
            return vec![f64::INFINITY];
        }
        let mut positions = self.positions.clone();
        for (&place, &position) in self.places.iter().zip(device_positions) {
            if let Some(slot) = positions.get_mut(place) {
                *slot = position;
            }
        }
        self.outside_m(&positions)
            .unwrap_or_else(|_| vec![f64::INFINITY])
    }

    fn outside_m(&self, positions: &[f64]) -> Result<Vec<f64>, KinematicsError> {
        let poses = self.kinematics.forward(positions)?;
        let mut outside = Vec::new();
        for area in &self.boxes {
            for link in &area.links {
                let base_from_link = poses.relative(&self.base_link, link)?;
                let coordinates = base_from_link.translation.vector.iter();
                let mut worst = 0.0_f64;
                for ((&at, &lower), &upper) in coordinates.zip(&area.lower).zip(&area.upper) {
                    worst = worst.max(lower - at).max(at - upper);
                }
                outside.push(worst);
            }
        }
        Ok(outside)
    }
}
