//! A person at the simulated cell: waits for the picture, points at an object, asks for the grasp, and watches.
//!
//! The pixel of the click and the outcome come from the simulator's truth, which stands for the person's eyes. Nothing of it
//! reaches the loop but the click.

mod truth;
mod watch;

use std::time::Duration;

use bus::{Client, Node, Publisher, Qos, Subscription};
use msgs::{
    diagnostic_msgs::DiagnosticStatus,
    geometry_msgs::{Point, PointStamped},
    sensor_msgs::PointCloud2,
    std_msgs::Header,
    std_srvs::{Trigger, TriggerRequest},
};

use crate::target::wait_for_cloud;

pub(crate) use truth::{Object, Truth};
pub(crate) use watch::{Episode, Until};

/// How long the cloud may take to follow the mask.
const CLOUD_PATIENCE: Duration = Duration::from_secs(5);
/// How long the first picture may take.
const PICTURE_PATIENCE: Duration = Duration::from_secs(30);
/// How often a click is tried, and how many frames the segmentation has to answer each time.
const CLICKS: usize = 3;
const FRAMES_PER_CLICK: usize = 4;
/// How often, and after which pauses, the grasp is asked for: the cloud may be a few frames behind the mask.
const STARTS: usize = 20;
const START_PAUSE: Duration = Duration::from_millis(150);

/// Which object the person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The one that shows most of itself.
    MostVisible,
    /// The visible one of this number, counting on from the last to the first.
    Number(usize),
}

/// What happens, for those who tell it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event<'a> {
    /// The first picture is there.
    Sees(&'a Truth),
    /// The person points.
    Clicks {
        /// What at.
        object: &'a str,
        /// Column and row.
        pixel: [f64; 2],
    },
    /// The segmentation answers a click.
    Segmented(&'a DiagnosticStatus),
    /// The supervisor's state changes.
    State {
        /// Its name.
        state: &'a str,
        /// Why, where there is a reason.
        reason: &'a str,
    },
}

/// Why no grasp came about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UserError {
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    #[error("the simulator's truth cannot be read: {0}")]
    Truth(String),
    #[error("there is no picture of the cell; does the simulator run?")]
    NoPicture,
    #[error("no object can be seen")]
    NothingVisible,
    #[error("the graph ended")]
    Ended,
}

/// A person at the cell.
pub(crate) struct User {
    node: Node,
    truth: Subscription<DiagnosticStatus>,
    segmentation: Subscription<DiagnosticStatus>,
    supervisor: Subscription<DiagnosticStatus>,
    clouds: Subscription<PointCloud2>,
    click: Publisher<PointStamped>,
    start: Client<Trigger>,
}

impl User {
    pub(crate) fn new(node: Node) -> Result<Self, UserError> {
        Ok(Self {
            truth: node.subscribe("sim/truth", Qos::reliable(10))?,
            segmentation: node.subscribe("segmentation/status", Qos::reliable(10))?,
            supervisor: node.subscribe("supervisor/state", Qos::latched())?,
            clouds: node.subscribe("target/points", Qos::reliable(2))?,
            click: node.publisher("camera/color/image_raw/mouse_click", Qos::reliable(10))?,
            start: node.client("supervisor/start")?,
            node,
        })
    }

    /// Has one object grasped, and watches `until` the end.
    pub(crate) async fn grasp(
        &self,
        choice: Choice,
        until: Until,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<Episode, UserError> {
        let truth = self.first_picture().await?;
        tell(Event::Sees(&truth));
        let (number, object) = choose(&truth, choice).ok_or(UserError::NothingVisible)?;
        let mut episode = Episode::new(number, object, &truth);
        if let Err(trouble) = self.point_at(number, &mut episode, tell).await? {
            episode.trouble = Some(format!("not segmented: {trouble}"));
            return Ok(episode);
        }
        if let Err(trouble) = self.ask_for_grasp(&mut episode, tell).await? {
            episode.trouble = Some(format!("not started: {trouble}"));
            return Ok(episode);
        }
        self.watch(until, &mut episode, tell).await?;
        Ok(episode)
    }

    /// The next truth.
    async fn look(&self) -> Result<Truth, UserError> {
        let message = self.truth.next().await.ok_or(UserError::Ended)?;
        Truth::parse(&message).map_err(UserError::Truth)
    }

    /// The first truth with the first status of the segmentation: then the loop sees too.
    async fn first_picture(&self) -> Result<Truth, UserError> {
        let patience = self.node.clock().sleep(PICTURE_PATIENCE);
        let first = async {
            self.segmentation.next().await.ok_or(UserError::Ended)?;
            self.look().await
        };
        tokio::select! {
            biased;
            truth = first => truth,
            () = patience => Err(UserError::NoPicture),
        }
    }

    /// Clicks until the object is tracked; `Err` inside is why it is not.
    async fn point_at(
        &self,
        number: usize,
        episode: &mut Episode,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<Result<(), String>, UserError> {
        let mut reason = "the segmentation gives no answer".to_owned();
        for _ in 0..CLICKS {
            let truth = self.look().await?;
            episode.see(&truth);
            let Some(pixel) = truth.objects.get(number).and_then(|object| object.click) else {
                return Ok(Err("the object is hidden".to_owned()));
            };
            tell(Event::Clicks {
                object: &episode.object,
                pixel,
            });
            self.segmentation.latest();
            let header = Header {
                stamp: self.node.now().into(),
                frame_id: "camera_color_optical_frame".to_owned(),
            };
            self.click.publish(PointStamped {
                header,
                point: Point {
                    x: pixel[0],
                    y: pixel[1],
                    z: 0.0,
                },
            });
            for _ in 0..FRAMES_PER_CLICK {
                let status = self.segmentation.next().await.ok_or(UserError::Ended)?;
                if status.message == "tracking" && status.value("refused").is_none() {
                    tell(Event::Segmented(&status));
                    return Ok(Ok(()));
                }
                let said = status.value("reason").unwrap_or_default();
                reason = if said.is_empty() {
                    status.message.clone()
                } else {
                    said.to_owned()
                };
            }
        }
        Ok(Err(reason))
    }

    /// Asks for the grasp until the supervisor takes it; `Err` inside is why it does not.
    async fn ask_for_grasp(
        &self,
        episode: &mut Episode,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<Result<(), String>, UserError> {
        if !wait_for_cloud(&self.node, &self.clouds, CLOUD_PATIENCE).await {
            return Ok(Err("there is no point cloud of the object".to_owned()));
        }
        let mut reason = String::new();
        for _ in 0..STARTS {
            self.hear(episode, tell);
            match self.start.call(TriggerRequest {}).await {
                Ok(response) if response.success => return Ok(Ok(())),
                Ok(response) => reason = response.message,
                Err(error) => reason = error.to_string(),
            }
            if self.node.is_shutting_down() {
                return Err(UserError::Ended);
            }
            self.node.clock().sleep(START_PAUSE).await;
        }
        Ok(Err(reason))
    }

    /// Takes in what the supervisor said since.
    fn hear(&self, episode: &mut Episode, tell: &mut dyn FnMut(Event<'_>)) {
        while let Some(status) = self.supervisor.try_next() {
            let reason = status.value("reason").unwrap_or_default();
            if episode.hear(&status.message, reason) {
                tell(Event::State {
                    state: &status.message,
                    reason,
                });
            }
        }
    }
}

fn choose(truth: &Truth, choice: Choice) -> Option<(usize, &Object)> {
    let visible = || {
        truth
            .objects
            .iter()
            .enumerate()
            .filter(|(_, object)| object.click.is_some())
    };
    match choice {
        Choice::MostVisible => visible().max_by_key(|(_, object)| object.visible_px),
        Choice::Number(number) => {
            let count = truth.objects.len().max(1);
            visible().min_by_key(|(index, _)| (index + count - number % count) % count)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(visible: &[usize]) -> Truth {
        let object = |&visible_px: &usize| Object {
            name: format!("object of {visible_px}"),
            position: [0.0; 3],
            visible_px,
            click: (visible_px > 0).then_some([1.0, 2.0]),
        };
        Truth {
            objects: visible.iter().map(object).collect(),
            ..Truth::default()
        }
    }

    fn chosen(visible: &[usize], choice: Choice) -> Option<usize> {
        choose(&truth(visible), choice).map(|(index, _)| index)
    }

    #[test]
    fn only_what_can_be_seen_is_chosen() {
        assert_eq!(chosen(&[5, 9, 7], Choice::MostVisible), Some(1));
        assert_eq!(chosen(&[5, 9, 7], Choice::Number(2)), Some(2));
        assert_eq!(chosen(&[5, 9, 7], Choice::Number(4)), Some(1));
        assert_eq!(chosen(&[5, 9, 0], Choice::Number(2)), Some(0));
        assert_eq!(chosen(&[0, 0], Choice::MostVisible), None);
        assert_eq!(chosen(&[], Choice::Number(3)), None);
    }
}
