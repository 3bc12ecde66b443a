//! Transforms between frames over time.
//!
//! The transform `target_from_source` takes a point's coordinates in `source` to those in `target`:
//! `p_target = target_from_source * p_source`.

use crate::{
    clock::Clock,
    convert::{GeometryError, isometry_from_transform},
    error::closest,
    lock, names,
    time::Time,
};
use msgs::geometry_msgs::TransformStamped;
use nalgebra::{Isometry3, Translation3};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;

/// How long transforms are remembered, as in ROS 2.
const HISTORY: Duration = Duration::from_secs(10);

/// No robot has so many links in a row; a longer chain is a loop.
const MAX_CHAIN: usize = 256;

/// Why a transform is not to be had.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TfError {
    /// Nobody has spoken of this frame.
    #[error("no transform mentions frame {frame:?}{}; known frames: {}", closest(.similar), list(.known))]
    UnknownFrame {
        /// The frame.
        frame: String,
        /// Frames with a like name.
        similar: Vec<String>,
        /// All frames.
        known: Vec<String>,
    },
    /// The frames belong to different trees.
    #[error(
        "frames {target:?} and {source_frame:?} are not connected: {target:?} hangs from {target_root:?}, \
         {source_frame:?} from {source_root:?}; publish the transform between the two"
    )]
    NotConnected {
        /// Frame asked for.
        target: String,
        /// Root of its tree.
        target_root: String,
        /// Frame of the data.
        source_frame: String,
        /// Root of its tree.
        source_root: String,
    },
    /// The time lies after the newest transform.
    #[error(
        "{parent} <- {child} is asked for at {requested}, {} ahead of its newest transform at {newest}; \
         wait for it, or check that its publisher runs", *.requested - *.newest
    )]
    IntoFuture {
        /// Parent frame.
        parent: String,
        /// Child frame.
        child: String,
        /// Time asked for.
        requested: Time,
        /// Time of the newest transform.
        newest: Time,
    },
    /// The time lies before the oldest transform that is remembered.
    #[error(
        "{parent} <- {child} is asked for at {requested}, {} before its oldest transform at {oldest}; \
         the last 10 s are kept", *.oldest - *.requested
    )]
    IntoPast {
        /// Parent frame.
        parent: String,
        /// Child frame.
        child: String,
        /// Time asked for.
        requested: Time,
        /// Time of the oldest transform.
        oldest: Time,
    },
    /// A transform that is no rigid motion.
    #[error("transform {parent} <- {child} {source}; it was not stored")]
    Geometry {
        /// Parent frame.
        parent: String,
        /// Child frame.
        child: String,
        /// What is wrong.
        source: GeometryError,
    },
    /// A transform that would make a frame its own ancestor, or has a frame without a name.
    #[error("transform {parent:?} <- {child:?} was not stored: {reason}")]
    Tree {
        /// Parent frame.
        parent: String,
        /// Child frame.
        child: String,
        /// What is wrong.
        reason: &'static str,
    },
}

fn list(frames: &[String]) -> String {
    if frames.is_empty() {
        "none".into()
    } else {
        frames.join(", ")
    }
}

/// Remembers transforms and answers where frames are in each other. Clones share the memory.
#[derive(Debug, Clone)]
pub struct TfBuffer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Every frame that has a parent, by name.
    frames: Mutex<BTreeMap<String, Link>>,
    /// Counts stored transforms, for those who wait for one.
    stored: watch::Sender<u64>,
}

/// A frame's motion in its parent.
#[derive(Debug)]
struct Link {
    parent: String,
    motion: Motion,
}

#[derive(Debug)]
enum Motion {
    Static(Isometry3<f64>),
    /// Ordered by time.
    Moving(VecDeque<(Time, Isometry3<f64>)>),
}

impl Default for TfBuffer {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                frames: Mutex::default(),
                stored: watch::Sender::new(0),
            }),
        }
    }
}

impl TfBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores a transform that holds at its stamp.
    pub fn insert(&self, transform: &TransformStamped) -> Result<(), TfError> {
        let (parent, child, parent_from_child) = self.checked(transform)?;
        let stamp = Time::from(transform.header.stamp);
        let mut frames = lock(&self.shared.frames);
        check_tree(&frames, &parent, &child)?;
        let link = frames.entry(child).or_insert_with(|| Link {
            parent: parent.clone(),
            motion: Motion::Moving(VecDeque::new()),
        });
        if link.parent != parent || matches!(link.motion, Motion::Static(_)) {
            *link = Link {
                parent,
                motion: Motion::Moving(VecDeque::new()),
            };
        }
        if let Motion::Moving(samples) = &mut link.motion {
            let place = samples.partition_point(|(time, _)| *time < stamp);
            match samples.get_mut(place) {
                Some(same) if same.0 == stamp => same.1 = parent_from_child,
                _ => samples.insert(place, (stamp, parent_from_child)),
            }
            let oldest = samples
                .back()
                .map_or(stamp, |(newest, _)| *newest - HISTORY);
            while samples.front().is_some_and(|(time, _)| *time < oldest) {
                samples.pop_front();
            }
        }
        drop(frames);
        self.shared.stored.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Stores a transform that always holds.
    pub fn insert_static(&self, transform: &TransformStamped) -> Result<(), TfError> {
        let (parent, child, parent_from_child) = self.checked(transform)?;
        let mut frames = lock(&self.shared.frames);
        check_tree(&frames, &parent, &child)?;
        frames.insert(
            child,
            Link {
                parent,
                motion: Motion::Static(parent_from_child),
            },
        );
        drop(frames);
        self.shared.stored.send_modify(|count| *count += 1);
        Ok(())
    }

    fn checked(
        &self,
        transform: &TransformStamped,
    ) -> Result<(String, String, Isometry3<f64>), TfError> {
        let parent = frame_name(&transform.header.frame_id).to_owned();
        let child = frame_name(&transform.child_frame_id).to_owned();
        match isometry_from_transform(&transform.transform) {
            Ok(parent_from_child) => Ok((parent, child, parent_from_child)),
            Err(source) => Err(TfError::Geometry {
                parent,
                child,
                source,
            }),
        }
    }

    /// `target_from_source` at a time, interpolated between the transforms before and after it.
    pub fn lookup(
        &self,
        target: &str,
        source: &str,
        time: Time,
    ) -> Result<Isometry3<f64>, TfError> {
        let frames = lock(&self.shared.frames);
        let path = Path::find(&frames, target, source)?;
        path.compose(|child, link| link.at(child, time))
    }

    /// `target_from_source` at the newest time for which every transform between the two is known, and that time
    /// (`None` when all of them are static).
    pub fn lookup_latest(
        &self,
        target: &str,
        source: &str,
    ) -> Result<(Isometry3<f64>, Option<Time>), TfError> {
        let frames = lock(&self.shared.frames);
        let path = Path::find(&frames, target, source)?;
        let time = path.links().filter_map(|(_, link)| link.newest()).min();
        let isometry = path.compose(|child, link| link.at(child, time.unwrap_or_default()))?;
        Ok((isometry, time))
    }

    /// Like [`TfBuffer::lookup`], but waits up to `timeout` of the clock for transforms that have yet to come.
    pub async fn wait(
        &self,
        target: &str,
        source: &str,
        time: Time,
        clock: &Clock,
        timeout: Duration,
    ) -> Result<Isometry3<f64>, TfError> {
        let mut stored = self.shared.stored.subscribe();
        let deadline = clock.now() + timeout;
        loop {
            let error = match self.lookup(target, source, time) {
                Err(error @ (TfError::IntoPast { .. } | TfError::Geometry { .. })) => {
                    return Err(error);
                }
                Err(error) => error,
                found => return found,
            };
            tokio::select! {
                biased;
                _ = stored.changed() => {}
                () = clock.sleep_until(deadline) => return Err(error),
            }
        }
    }

    /// Names of all frames.
    pub fn frames(&self) -> Vec<String> {
        known_frames(&lock(&self.shared.frames))
    }
}

/// Frame names have no leading slash in ROS 2; older data has.
fn frame_name(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
}

fn known_frames(frames: &BTreeMap<String, Link>) -> Vec<String> {
    let mut known: Vec<String> = frames
        .iter()
        .flat_map(|(child, link)| [child.clone(), link.parent.clone()])
        .collect();
    known.sort_unstable();
    known.dedup();
    known
}

fn check_tree(frames: &BTreeMap<String, Link>, parent: &str, child: &str) -> Result<(), TfError> {
    let error = |reason| {
        Err(TfError::Tree {
            parent: parent.into(),
            child: child.into(),
            reason,
        })
    };
    if parent.is_empty() || child.is_empty() {
        return error("a frame has no name");
    }
    let mut ancestor = parent;
    for _ in 0..MAX_CHAIN {
        if ancestor == child {
            return error("the child would be its own ancestor");
        }
        match frames.get(ancestor) {
            Some(link) => ancestor = &link.parent,
            None => return Ok(()),
        }
    }
    error("the chain of frames is too long")
}

impl Link {
    fn newest(&self) -> Option<Time> {
        match &self.motion {
            Motion::Static(_) => None,
            Motion::Moving(samples) => samples.back().map(|(time, _)| *time),
        }
    }

    /// `parent_from_child` at a time.
    fn at(&self, child: &str, time: Time) -> Result<Isometry3<f64>, TfError> {
        let samples = match &self.motion {
            Motion::Static(isometry) => return Ok(*isometry),
            Motion::Moving(samples) => samples,
        };
        let after = samples.partition_point(|(sample, _)| *sample < time);
        let (parent, child) = (&self.parent, child.to_owned());
        match (
            after.checked_sub(1).and_then(|before| samples.get(before)),
            samples.get(after),
        ) {
            (_, Some((exact, isometry))) if *exact == time => Ok(*isometry),
            (Some((before, from)), Some((after, to))) => {
                let share =
                    (time - *before).as_nanos() as f64 / (*after - *before).as_nanos() as f64;
                Ok(interpolate(from, to, share))
            }
            (Some((newest, _)), None) => Err(TfError::IntoFuture {
                parent: parent.clone(),
                child,
                requested: time,
                newest: *newest,
            }),
            (None, Some((oldest, _))) => Err(TfError::IntoPast {
                parent: parent.clone(),
                child,
                requested: time,
                oldest: *oldest,
            }),
            // A link is never without samples once stored.
            (None, None) => Err(TfError::Tree {
                parent: parent.clone(),
                child,
                reason: "it has no samples",
            }),
        }
    }
}

/// Straight line for the translation, great arc for the rotation.
fn interpolate(from: &Isometry3<f64>, to: &Isometry3<f64>, share: f64) -> Isometry3<f64> {
    let translation = from.translation.vector.lerp(&to.translation.vector, share);
    // Half a turn has no single shortest arc; any is as good.
    let rotation = from
        .rotation
        .try_slerp(&to.rotation, share, 1e-9)
        .unwrap_or(from.rotation);
    Isometry3::from_parts(Translation3::from(translation), rotation)
}

/// The links from two frames up to their nearest common ancestor.
struct Path<'a> {
    from_target: Vec<(&'a str, &'a Link)>,
    from_source: Vec<(&'a str, &'a Link)>,
}

impl<'a> Path<'a> {
    fn find(
        frames: &'a BTreeMap<String, Link>,
        target: &str,
        source: &str,
    ) -> Result<Self, TfError> {
        let (target, source) = (frame_name(target), frame_name(source));
        for frame in [target, source] {
            let known =
                frames.contains_key(frame) || frames.values().any(|link| link.parent == frame);
            if !known && target != source {
                let known = known_frames(frames);
                let similar = names::similar(frame, known.iter().map(String::as_str));
                return Err(TfError::UnknownFrame {
                    frame: frame.into(),
                    similar,
                    known,
                });
            }
        }
        let mut from_target = ancestors(frames, target);
        let mut from_source = ancestors(frames, source);
        let target_root = from_target.last().map_or(target, |(_, link)| &link.parent);
        let source_root = from_source.last().map_or(source, |(_, link)| &link.parent);
        if target_root != source_root {
            return Err(TfError::NotConnected {
                target: target.into(),
                target_root: target_root.into(),
                source_frame: source.into(),
                source_root: source_root.into(),
            });
        }
        while let (Some((a, _)), Some((b, _))) = (from_target.last(), from_source.last()) {
            if a != b {
                break;
            }
            from_target.pop();
            from_source.pop();
        }
        Ok(Self {
            from_target,
            from_source,
        })
    }

    fn links(&self) -> impl Iterator<Item = &(&'a str, &'a Link)> {
        self.from_target.iter().chain(&self.from_source)
    }

    fn compose(
        &self,
        at: impl Fn(&str, &Link) -> Result<Isometry3<f64>, TfError>,
    ) -> Result<Isometry3<f64>, TfError> {
        let up = |chain: &[(&'a str, &'a Link)]| {
            chain.iter().try_fold(
                Isometry3::identity(),
                |ancestor_from_frame, (child, link)| Ok(at(child, link)? * ancestor_from_frame),
            )
        };
        let ancestor_from_target: Isometry3<f64> = up(&self.from_target)?;
        let ancestor_from_source = up(&self.from_source)?;
        Ok(ancestor_from_target.inverse() * ancestor_from_source)
    }
}

/// The links from a frame up to its root.
fn ancestors<'a>(frames: &'a BTreeMap<String, Link>, frame: &str) -> Vec<(&'a str, &'a Link)> {
    let mut chain = Vec::new();
    let mut current = frame;
    while let Some((name, link)) = frames.get_key_value(current) {
        chain.push((name.as_str(), link));
        if chain.len() > MAX_CHAIN {
            break;
        }
        current = &link.parent;
    }
    chain
}
