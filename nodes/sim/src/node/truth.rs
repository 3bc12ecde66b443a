//! What only a simulation knows, for evaluations and tests: the topic `sim/truth`.
//!
//! A `diagnostic_msgs/DiagnosticStatus` for every picture of the camera. Its message is `ok`, or says
//! why the episode cannot go on. Values:
//!
//! | key | value |
//! |---|---|
//! | `seed`, `time_s` | the scene, and seconds since it was laid out |
//! | `state_hash` | sixteen hexadecimal digits over the bits of every pose and velocity |
//! | `arm_contact_force_N`, `hand_contact_force_N` | sums of contact forces |
//! | `objects` | how many there are; each has the keys below, `i` from 0 |
//! | `object.i.name` | its name in the catalog |
//! | `object.i.pose` | `x y z qx qy qz qw` in `base_link`, m |
//! | `object.i.speed` | m/s |
//! | `object.i.click` | `u v`: the pixel furthest inside what is visible of it; absent when hidden |
//! | `object.i.visible_px` | how many pixels show it |

use crate::render::{Frame, INSTANCE_FIRST_OBJECT};
use crate::world::World;
use msgs::diagnostic_msgs::{DiagnosticStatus, KeyValue};

/// The state of the world at one time.
#[derive(Debug, Clone)]
pub struct Truth {
    level: u8,
    message: String,
    values: Vec<KeyValue>,
    objects: usize,
}

/// Where an object can be clicked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clickable {
    /// Column and row of the pixel furthest inside.
    pub pixel: [usize; 2],
    /// Pixels that show the object; 0 when it is hidden.
    pub visible_px: usize,
    /// Distance from that pixel to the next that does not show the object, in pixels.
    depth_px: u16,
}

/// Takes the state of the world.
#[must_use]
pub fn state(world: &World, seed: i64) -> Truth {
    let fallen = world.fallen();
    let mut values = vec![
        KeyValue::new("seed", seed),
        KeyValue::new("time_s", format!("{:.3}", world.time_s())),
        KeyValue::new("state_hash", format!("{:016x}", world.state_hash())),
        KeyValue::new(
            "arm_contact_force_N",
            format!("{:.2}", world.arm_contact_force_n()),
        ),
        KeyValue::new(
            "hand_contact_force_N",
            format!("{:.2}", world.hand_contact_load_n()),
        ),
        KeyValue::new("objects", world.objects().len()),
    ];
    for (index, spec) in world.objects().iter().enumerate() {
        values.push(KeyValue::new(format!("object.{index}.name"), spec.name));
        if let Some(pose) = world.object_pose(index) {
            let (p, q) = (pose.translation.vector, pose.rotation);
            let pose = format!(
                "{:.5} {:.5} {:.5} {:.5} {:.5} {:.5} {:.5}",
                p.x, p.y, p.z, q.i, q.j, q.k, q.w
            );
            values.push(KeyValue::new(format!("object.{index}.pose"), pose));
        }
        if let Some((linear, _)) = world.object_velocity(index) {
            values.push(KeyValue::new(
                format!("object.{index}.speed"),
                format!("{:.4}", linear.norm()),
            ));
        }
    }
    Truth {
        level: if fallen.is_some() {
            DiagnosticStatus::ERROR
        } else {
            DiagnosticStatus::OK
        },
        message: fallen.map_or_else(|| "ok".to_owned(), |fallen| fallen.to_string()),
        values,
        objects: world.objects().len(),
    }
}

impl Truth {
    /// The message, with what a frame shows of each object (by instance id).
    #[must_use]
    pub fn into_message(mut self, clickable: &[Clickable]) -> DiagnosticStatus {
        for index in 0..self.objects {
            let shown = clickable
                .get(usize::from(INSTANCE_FIRST_OBJECT) + index)
                .copied()
                .unwrap_or_default();
            self.values.push(KeyValue::new(
                format!("object.{index}.visible_px"),
                shown.visible_px,
            ));
            if shown.visible_px > 0 {
                let [u, v] = shown.pixel;
                self.values.push(KeyValue::new(
                    format!("object.{index}.click"),
                    format!("{u} {v}"),
                ));
            }
        }
        DiagnosticStatus {
            level: self.level,
            name: "sim/truth".into(),
            message: self.message,
            hardware_id: String::new(),
            values: self.values,
        }
    }
}

/// For each instance id of a frame the pixel furthest from whatever is not that instance, by city
/// blocks; the image's edge counts as something else.
#[must_use]
pub fn clickable(frame: &Frame) -> Vec<Clickable> {
    let (width, height) = (frame.width, frame.height);
    let ids = frame
        .instance
        .iter()
        .copied()
        .max()
        .map_or(0, |highest| usize::from(highest) + 1);
    let mut clickable = vec![Clickable::default(); ids];
    let id_at = |index: usize| frame.instance.get(index).copied();
    let mut distance = vec![0_u16; width * height];
    // Two passes: from above and left, then from below and right.
    for (index, &id) in frame.instance.iter().enumerate() {
        let left = (index % width > 0).then(|| index - 1);
        let above = index.checked_sub(width);
        let step = |neighbour: Option<usize>| {
            let same = neighbour.filter(|&neighbour| id_at(neighbour) == Some(id));
            same.and_then(|neighbour| distance.get(neighbour))
                .map_or(1, |distance| distance.saturating_add(1))
        };
        let nearest = step(left).min(step(above));
        if let Some(distance) = distance.get_mut(index) {
            *distance = nearest;
        }
    }
    for (index, &id) in frame.instance.iter().enumerate().rev() {
        let right = (index % width + 1 < width).then_some(index + 1);
        let below = Some(index + width).filter(|&below| below < width * height);
        let step = |neighbour: Option<usize>| {
            let same = neighbour.filter(|&neighbour| id_at(neighbour) == Some(id));
            same.and_then(|neighbour| distance.get(neighbour))
                .map_or(1, |distance| distance.saturating_add(1))
        };
        let nearest = step(right).min(step(below));
        let (Some(distance), Some(best)) =
            (distance.get_mut(index), clickable.get_mut(usize::from(id)))
        else {
            continue;
        };
        *distance = nearest.min(*distance);
        best.visible_px += 1;
        if *distance > best.depth_px {
            best.depth_px = *distance;
            best.pixel = [index % width, index / width];
        }
    }
    clickable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pixel_furthest_inside_is_found() {
        // A block of 5 x 3 with a bite out of its left, on a background.
        let mut frame = Frame {
            width: 9,
            height: 6,
            instance: vec![0; 54],
            ..Frame::default()
        };
        for v in 1..4 {
            for u in 2..7 {
                frame.instance[v * 9 + u] = 3;
            }
        }
        frame.instance[2 * 9 + 2] = 0;
        let clickable = clickable(&frame);
        assert_eq!(clickable.len(), 4);
        assert_eq!((clickable[3].visible_px, clickable[3].depth_px), (14, 2));
        assert!(
            [[4, 2], [5, 2]].contains(&clickable[3].pixel),
            "{:?}",
            clickable[3]
        );
        assert_eq!(clickable[2], Clickable::default());
    }

    #[test]
    fn the_edge_of_the_image_is_an_edge() {
        let frame = Frame {
            width: 5,
            height: 5,
            instance: vec![1; 25],
            ..Frame::default()
        };
        assert_eq!(clickable(&frame)[1].pixel, [2, 2]);
    }
}
