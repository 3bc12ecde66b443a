//! Where the page's wishes enter the graph: clicks become messages, buttons calls of the supervisor.

use std::time::Duration;

use bus::{Client, Node, Publisher, Qos};
use msgs::geometry_msgs::{Point, PointStamped};
use msgs::std_msgs::Header;
use msgs::std_srvs::{Trigger, TriggerRequest};
use supervisor::machine::Request;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::wanted::Click;

/// Who asks for a stop and hears nothing for so long should know.
const STOP_ANSWER: Duration = Duration::from_secs(1);

/// Clicks go out on the topics that rqt and RViz publish, so that everything else sees them too.
pub(crate) struct Desk {
    node: Node,
    pixel: Publisher<PointStamped>,
    point: Publisher<PointStamped>,
    services: Vec<(Request, Client<Trigger>)>,
    /// Frame of the scene's points.
    base_frame: String,
    /// Hears in plain words what is asked for.
    told: mpsc::UnboundedSender<String>,
}

impl Desk {
    /// Takes its topics and services.
    pub(crate) fn new(
        node: &Node,
        base_frame: &str,
        told: mpsc::UnboundedSender<String>,
    ) -> bus::Result<Self> {
        let services = Request::ALL.into_iter().map(|request| {
            let client = node.client(&format!("supervisor/{}", request.name()))?;
            Ok((request, client))
        });
        Ok(Self {
            pixel: node.publisher("camera/color/image_raw/mouse_click", Qos::reliable(10))?,
            point: node.publisher("clicked_point", Qos::reliable(10))?,
            services: services.collect::<bus::Result<_>>()?,
            base_frame: base_frame.to_owned(),
            told,
            node: node.clone(),
        })
    }

    /// Points at an object. What the segmentation makes of it comes with its status.
    pub(super) fn point(&self, click: &Click, camera_frame: &str) -> Result<String, String> {
        let (publisher, frame, [x, y, z], words) = match *click {
            Click::Camera {
                pixel: [u, v],
                beside,
            } => {
                let words = if beside { "not this" } else { "this" };
                // By the third coordinate the segmentation tells what is beside the object.
                let point = [u, v, f64::from(u8::from(beside))];
                let words = format!("a person points: {words}, pixel ({u:.0}, {v:.0})");
                (&self.pixel, camera_frame, point, words)
            }
            Click::Scene { point } => {
                let [x, y, z] = point;
                let words = format!("a person points at ({x:.3}, {y:.3}, {z:.3}) m");
                (&self.point, self.base_frame.as_str(), point, words)
            }
        };
        if publisher.subscriber_count() == 0 {
            return Err("no segmentation is running that could take the click".to_owned());
        }
        publisher.publish(PointStamped {
            header: Header::new(self.node.now(), frame),
            point: Point { x, y, z },
        });
        self.tell(&words);
        Ok(words)
    }

    /// Asks the supervisor for something.
    pub(super) async fn call(&self, request: Request) -> Result<String, String> {
        self.tell(&format!("a person asks for: {}", request.name()));
        let client = self.services.iter().find(|(known, _)| *known == request);
        let Some((_, client)) = client else {
            return Err(format!("there is no service {}", request.name()));
        };
        let call = client.call(TriggerRequest {});
        let answer = if request == Request::Stop {
            timeout(STOP_ANSWER, call)
                .await
                .map_err(|_| "the supervisor does not answer: use the emergency stop".to_owned())?
        } else {
            call.await
        };
        match answer {
            Ok(response) if response.success => Ok(response.message),
            Ok(response) => Err(response.message),
            Err(error) => Err(error.to_string()),
        }
    }

    fn tell(&self, words: &str) {
        tracing::info!("{words}");
        // A node that ends writes no journal.
        self.told.send(words.to_owned()).ok();
    }
}
