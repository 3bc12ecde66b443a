//! Plays what sensors and people said in a recording to the nodes of a graph, in the time of the recording.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bus::{BroadcastError, BusError, Node, Qos, Time};
use msgs::geometry_msgs::{Point, PointStamped, WrenchStamped};
use msgs::sensor_msgs::{CameraInfo, Image, JointState};
use msgs::tf2_msgs::TFMessage;
use msgs::{Message, std_msgs};

use crate::file::{Recorded, Recording, RecordingError};

/// Messages that came at once are played this far apart, so that each is heard.
const APART: Duration = Duration::from_micros(1);
/// What is computed from the last picture has this long.
const AFTER: Duration = Duration::from_millis(200);
/// A longer pause is no pause but a wrong time, and the clock would walk through all of it.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Why it cannot be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlayError {
    /// The bus refused something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// A transform cannot be told.
    #[error(transparent)]
    Transform(#[from] BroadcastError),
    /// A message cannot be read.
    #[error(transparent)]
    Message(#[from] RecordingError),
    /// Nothing comes for more than an hour.
    #[error(
        "{topic} has a message at {at}, {} s after any before it, and 3600 s are the most: its time is wrong, or the \
        recording is several; cut it there",
        .pause.as_secs()
    )]
    Pause {
        /// The topic.
        topic: String,
        /// When its message came.
        at: Time,
        /// How long after the message before it.
        pause: Duration,
    },
    /// A time at which clocks end.
    #[error("{topic} has a message at {at}, the end of all times: that is wrong; cut it off")]
    End {
        /// The topic.
        topic: String,
        /// When it came.
        at: Time,
    },
}

/// The topics that a recording has, by the names that our nodes know them by: where they were remapped, the recording
/// says which is which.
pub fn names(recording: &Recording) -> BTreeMap<&str, String> {
    let told = recording.metadata.get("topics");
    let mut names: BTreeMap<&str, String> = recording
        .messages
        .iter()
        .map(|message| (message.topic.as_str(), message.topic.clone()))
        .collect();
    for (name, topic) in told.into_iter().flatten() {
        let full = format!("/{}", name.trim_start_matches('/'));
        names.insert(topic, full);
    }
    names
}

/// When the recording begins.
///
/// # Errors
/// When its messages have times that no clock can go through: pauses of more than an hour, or the end of all times.
pub fn beginning(recording: &Recording) -> Result<Time, PlayError> {
    let first = recording.messages.first();
    let first = first.map_or(Time::ZERO, |message| message.at);
    let mut before = first;
    for Recorded { topic, at, .. } in &recording.messages {
        let pause = at.saturating_since(before);
        if pause > LONGEST_PAUSE {
            return Err(PlayError::Pause {
                topic: topic.clone(),
                at: *at,
                pause,
            });
        }
        if Time::MAX.saturating_since(*at) <= LONGEST_PAUSE {
            return Err(PlayError::End {
                topic: topic.clone(),
                at: *at,
            });
        }
        before = *at;
    }
    Ok(first)
}

type Play = Box<dyn Fn(&Recorded) -> Result<(), PlayError>>;

fn publish<M: Message>(
    node: &Node,
    name: &'static str,
    qos: Qos,
) -> Result<(&'static str, Play), PlayError> {
    let publisher = node.publisher::<M>(name, qos)?;
    let play: Play = Box::new(move |recorded| {
        publisher.publish(recorded.decode::<M>()?);
        Ok(())
    });
    Ok((name, play))
}

/// Runs the node until all is played. The clock has to begin with the [recording](beginning).
///
/// # Errors
/// When a message of a topic that is played cannot be read.
pub async fn run(node: Node, recording: Arc<Recording>) -> Result<(), PlayError> {
    let (sensor, people) = (Qos::sensor_data(), Qos::reliable(10));
    let moving = node.clone();
    let fixed = node.clone();
    let plays: BTreeMap<&'static str, Play> = [
        publish::<std_msgs::String>(&node, "/robot_description", Qos::latched())?,
        publish::<JointState>(&node, "/joint_states", Qos::reliable(100))?,
        publish::<WrenchStamped>(&node, "/arm/wrench", Qos::reliable(100))?,
        publish::<CameraInfo>(&node, "/camera/color/camera_info", sensor)?,
        publish::<Image>(&node, "/camera/aligned_depth_to_color/image_raw", sensor)?,
        publish::<Image>(&node, "/camera/color/image_raw", sensor)?,
        publish::<PointStamped>(&node, "/clicked_point", people)?,
        publish::<PointStamped>(&node, "/camera/color/image_raw/mouse_click", people)?,
        publish::<Point>(&node, "/camera/color/image_raw_mouse_left", people)?,
        (
            "/tf",
            Box::new(move |recorded: &Recorded| {
                let message = recorded.decode::<TFMessage>()?;
                let mut transforms = message.transforms.into_iter();
                Ok(transforms.try_for_each(|transform| moving.broadcast(transform))?)
            }),
        ),
        (
            "/tf_static",
            Box::new(move |recorded: &Recorded| {
                let message = recorded.decode::<TFMessage>()?;
                let mut transforms = message.transforms.into_iter();
                Ok(transforms.try_for_each(|transform| fixed.broadcast_static(transform))?)
            }),
        ),
    ]
    .into();
    let names = names(&recording);
    let mut now = node.now();
    for recorded in &recording.messages {
        let name = names
            .get(recorded.topic.as_str())
            .map_or("", String::as_str);
        let Some(play) = plays.get(name) else {
            continue;
        };
        now = recorded.at.max(now + APART);
        tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            () = node.clock().sleep_until(now) => {}
        }
        play(recorded)?;
    }
    node.clock().sleep(AFTER).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_no_clock_goes_through_are_refused() {
        let begin = |times: &[Time]| {
            let message = |at: &Time| Recorded {
                topic: "/clicked_point".into(),
                type_name: PointStamped::TYPE_NAME.into(),
                at: *at,
                bytes: Vec::new(),
            };
            beginning(&Recording {
                messages: times.iter().map(message).collect(),
                ..Recording::default()
            })
        };
        let start = Time::from_secs_f64(1.8e9);
        let later = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(begin(&[]).unwrap(), Time::ZERO);
        assert_eq!(begin(&[start, later(3600), later(7200)]).unwrap(), start);
        for (times, words) in [
            (
                [start, later(3601)],
                "/clicked_point has a message at 1800003601.000000 s, 3601 s after",
            ),
            ([Time::ZERO, start], "1800000000 s after"),
            ([start, Time::MAX], "7423372036 s after"),
            ([Time::MAX; 2], "the end of all times"),
        ] {
            let error = begin(&times).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
