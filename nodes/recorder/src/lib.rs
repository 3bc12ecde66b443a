//! Recordings: what the topics say, in MCAP files that `ros2 bag`, Foxglove and PyPI's rosbags read.
//!
//! ```sh
//! grasp_anything launch launch/sim.launch record:=recordings     # a file for each episode
//! grasp_anything record                                          # all that happens in a running launch, until Ctrl-C
//! grasp_anything replay recordings/episode_0001.mcap             # its pictures through the segmentation, once more
//! ros2 bag play recordings/episode_0001.mcap
//! ```
//!
//! Messages are in CDR as ROS 2 sends them, and each file has the definitions of their types. Its metadata say how the
//! episode ended, and what it takes to understand it: seed, git revision, SHA-256 of the models' manifests (which hold
//! those of the models), and the parameters of all nodes of the process.
//!
//! Writing never holds up the robot: the [node] reads from queues that drop what is too old, and a disk that is
//! full or broken ends the recording with a message, and nothing else.
//!
//! A file is written and read like this:
//!
//! ```
//! use std::io::Cursor;
//! use bus::Time;
//! use msgs::std_msgs::Float64;
//! use recorder::{Recorded, Writer, read};
//!
//! let mut bytes = Vec::new();
//! let mut writer = Writer::new(Cursor::new(&mut bytes))?;
//! let height = writer.channel::<Float64>("/height")?;
//! writer.write(height, Time::from_nanos(5), &Float64 { data: 0.3 })?;
//! writer.metadata("grasp_anything", [("outcome", "held")])?;
//! writer.finish()?;
//!
//! let recording = read(&bytes)?;
//! let Recorded { topic, at, .. } = &recording.messages[0];
//! assert_eq!((topic.as_str(), *at), ("/height", Time::from_nanos(5)));
//! assert_eq!(recording.messages[0].decode::<Float64>()?.data, 0.3);
//! assert_eq!(recording.metadata["grasp_anything"]["outcome"], "held");
//! # Ok::<(), recorder::RecordingError>(())
//! ```

mod episode;
mod file;
pub mod node;
pub mod player;
mod provenance;
mod recording;
mod tap;
#[cfg(test)]
mod tests;

pub use file::{Channel, ChunkError, Recorded, Recording, RecordingError, Writer, read};
pub use node::run;
pub use provenance::{Provenance, program};
