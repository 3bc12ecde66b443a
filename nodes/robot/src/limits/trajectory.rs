use super::report::Refusal;

/// A command as it arrives: the fields of `trajectory_msgs/JointTrajectory` that count.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrajectoryCommand {
    /// The joints, in the order of the points' numbers.
    pub joint_names: Vec<String>,
    /// At least one point.
    pub points: Vec<TrajectoryPoint>,
}

/// Where the joints are to be at a time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrajectoryPoint {
    /// Time from the arrival of the command in s.
    pub time_s: f64,
    /// Absolute positions.
    pub positions: Vec<f64>,
    /// Velocities per s; empty where none are given. A last point with velocities of zero asks for rest there.
    pub velocities: Vec<f64>,
}

/// A trajectory that started, to be asked where it is.
///
/// It runs from the position at its start to its first point and on, in straight lines, or in cubics between points
/// that both have velocities. After the last point it stays there.
#[derive(Debug, Clone, PartialEq)]
pub struct JointTrajectorySampler {
    start_s: f64,
    /// The position at the start, then the points.
    points: Vec<TrajectoryPoint>,
}

/// A trajectory at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Positions.
    pub positions: Vec<f64>,
    /// Velocities per s.
    pub velocities: Vec<f64>,
    /// How long ago the last point passed, in s; none while the trajectory still runs.
    pub ended_s_ago: Option<f64>,
}

impl JointTrajectorySampler {
    /// Starts a command at `now_s` from positions and velocities in the order of `joint_names`.
    ///
    /// # Errors
    /// When the command does not fit those joints or is malformed.
    pub fn start(
        command: &TrajectoryCommand,
        joint_names: &[&str],
        now_s: f64,
        positions: &[f64],
        velocities: &[f64],
    ) -> Result<Self, Refusal> {
        let order = match_joints(&command.joint_names, joint_names)?;
        let mut points = vec![TrajectoryPoint {
            time_s: 0.0,
            positions: positions.to_vec(),
            velocities: velocities.to_vec(),
        }];
        if command.points.is_empty() {
            return Err(Refusal::Times { point: 0 });
        }
        let mut last_time_s = None;
        for (index, point) in command.points.iter().enumerate() {
            let reorder = |numbers: &[f64]| -> Vec<f64> {
                order
                    .iter()
                    .filter_map(|&from| numbers.get(from).copied())
                    .collect()
            };
            for numbers in [&point.positions, &point.velocities] {
                if numbers.len() != order.len()
                    && !(std::ptr::eq(numbers, &point.velocities) && numbers.is_empty())
                {
                    return Err(Refusal::Length {
                        point: index,
                        expected: order.len(),
                        found: numbers.len(),
                    });
                }
                if !numbers.iter().all(|number| number.is_finite()) {
                    return Err(Refusal::NotFinite { point: index });
                }
            }
            let increases = last_time_s.is_none_or(|last| point.time_s > last);
            if !point.time_s.is_finite() || point.time_s < 0.0 || !increases {
                return Err(Refusal::Times { point: index });
            }
            last_time_s = Some(point.time_s);
            points.push(TrajectoryPoint {
                time_s: point.time_s,
                positions: reorder(&point.positions),
                velocities: reorder(&point.velocities),
            });
        }
        Ok(Self {
            start_s: now_s,
            points,
        })
    }

    /// The points, with the start as the first.
    pub(super) fn points_mut(&mut self) -> &mut [TrajectoryPoint] {
        &mut self.points
    }

    /// The points, with the start as the first.
    pub(super) fn points(&self) -> &[TrajectoryPoint] {
        &self.points
    }

    /// Whether the trajectory ends in motion: its last point has a velocity, or none is given and it moves up to it.
    #[must_use]
    pub fn ends_in_motion(&self) -> bool {
        let [.., before, last] = self.points.as_slice() else {
            return false;
        };
        if last.velocities.is_empty() {
            before.positions != last.positions
        } else {
            last.velocities.iter().any(|&v| v != 0.0)
        }
    }

    /// The trajectory at a time.
    #[must_use]
    pub fn sample(&self, now_s: f64) -> Sample {
        let time_s = (now_s - self.start_s).max(0.0);
        let after = self.points.partition_point(|point| point.time_s <= time_s);
        match (
            after
                .checked_sub(1)
                .and_then(|before| self.points.get(before)),
            self.points.get(after),
        ) {
            (Some(from), Some(to)) => between(from, to, time_s),
            _ => {
                let last = self.points.last();
                let positions = last
                    .map(|point| point.positions.clone())
                    .unwrap_or_default();
                let ended_s_ago = Some(last.map_or(0.0, |point| time_s - point.time_s));
                Sample {
                    velocities: vec![0.0; positions.len()],
                    positions,
                    ended_s_ago,
                }
            }
        }
    }
}

fn between(from: &TrajectoryPoint, to: &TrajectoryPoint, time_s: f64) -> Sample {
    let width_s = to.time_s - from.time_s;
    let t = (time_s - from.time_s) / width_s;
    let joints = from.positions.len();
    let mut sample = Sample {
        positions: Vec::with_capacity(joints),
        velocities: Vec::with_capacity(joints),
        ended_s_ago: None,
    };
    for (joint, (&p0, &p1)) in from.positions.iter().zip(&to.positions).enumerate() {
        let (position, velocity) = match (from.velocities.get(joint), to.velocities.get(joint)) {
            (Some(&v0), Some(&v1)) => hermite(p0, v0, p1, v1, width_s, t),
            _ => (p0 + t * (p1 - p0), (p1 - p0) / width_s),
        };
        sample.positions.push(position);
        sample.velocities.push(velocity);
    }
    sample
}

/// Position and velocity on the cubic through two positions and velocities, at `t` from 0 to 1.
fn hermite(p0: f64, v0: f64, p1: f64, v1: f64, width_s: f64, t: f64) -> (f64, f64) {
    let s = 1.0 - t;
    let position = s * s * ((1.0 + 2.0 * t) * p0 + t * width_s * v0)
        + t * t * ((1.0 + 2.0 * s) * p1 - s * width_s * v1);
    let velocity =
        6.0 * t * s * (p1 - p0) / width_s + s * (s - 2.0 * t) * v0 + t * (t - 2.0 * s) * v1;
    (position, velocity)
}

/// For each of the device's joints its place in the command.
fn match_joints(found: &[String], expected: &[&str]) -> Result<Vec<usize>, Refusal> {
    let order: Option<Vec<usize>> = expected
        .iter()
        .map(|name| found.iter().position(|other| other == name))
        .collect();
    match order {
        Some(order) if found.len() == expected.len() => Ok(order),
        _ => Err(Refusal::Joints {
            expected: expected.join(", "),
            found: found.join(", "),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(points: Vec<TrajectoryPoint>) -> JointTrajectorySampler {
        let command = TrajectoryCommand {
            joint_names: vec!["b".to_owned(), "a".to_owned()],
            points,
        };
        JointTrajectorySampler::start(&command, &["a", "b"], 10.0, &[0.0, 1.0], &[0.0, 0.0])
            .unwrap()
    }

    fn point(time_s: f64, positions: [f64; 2], velocities: &[f64]) -> TrajectoryPoint {
        TrajectoryPoint {
            time_s,
            positions: positions.to_vec(),
            velocities: velocities.to_vec(),
        }
    }

    #[test]
    fn straight_lines_reorder_joints_and_hold_the_end() {
        let sampler = sampler(vec![
            point(1.0, [3.0, 1.0], &[]),
            point(2.0, [3.0, 2.0], &[]),
        ]);
        let half = sampler.sample(10.5);
        assert_eq!(
            (half.positions, half.velocities, half.ended_s_ago),
            (vec![0.5, 2.0], vec![1.0, 2.0], None)
        );
        assert_eq!(sampler.sample(9.0).positions, [0.0, 1.0]);
        let end = sampler.sample(12.5);
        assert_eq!(
            (end.positions, end.velocities, end.ended_s_ago),
            (vec![2.0, 3.0], vec![0.0, 0.0], Some(0.5))
        );
        assert!(sampler.ends_in_motion());
    }

    #[test]
    fn cubics_meet_positions_and_velocities() {
        let sampler = sampler(vec![
            point(1.0, [3.0, 1.0], &[0.0, 0.5]),
            point(2.0, [3.0, 2.0], &[0.0, 0.0]),
        ]);
        let at = |time_s: f64| sampler.sample(10.0 + time_s);
        for (time_s, position, velocity) in
            [(0.0, 0.0, 0.0), (1.0, 1.0, 0.5), (2.0 - 1e-12, 2.0, 0.0)]
        {
            assert!((at(time_s).positions[0] - position).abs() < 1e-9);
            assert!((at(time_s).velocities[0] - velocity).abs() < 1e-9);
        }
        for time_s in [0.3, 0.7, 1.2, 1.9] {
            let slope = (at(time_s + 1e-6).positions[0] - at(time_s - 1e-6).positions[0]) / 2e-6;
            assert!((slope - at(time_s).velocities[0]).abs() < 1e-6);
        }
        assert!(!sampler.ends_in_motion());
    }
}
