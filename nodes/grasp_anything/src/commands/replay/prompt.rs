//! The click of a recording that has none: it began when the target was tracked already.

use anyhow::Result;
use bus::{Node, Qos, Time};
use msgs::{
    geometry_msgs::{Point, PointStamped},
    sensor_msgs::Image,
};
use recorder::{Recording, player};
use segmentation::Mask;
use sim::{node::truth::clickable, render::Frame};

use super::{COLOUR, MASK, comparison::Masks};

const CLICK: &str = "/camera/color/image_raw/mouse_click";
/// Where people point.
const CLICKS: [&str; 3] = [
    CLICK,
    "/clicked_point",
    "/camera/color/image_raw_mouse_left",
];

/// A pixel of the picture of this time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prompt {
    pub(super) picture: Time,
    pub(super) pixel: [usize; 2],
}

impl Prompt {
    /// A pixel well inside the first recorded mask, unless somebody had pointed by then.
    pub(super) fn missing(recording: &Recording, masks: &Masks) -> Result<Option<Self>> {
        let names = player::names(recording);
        for message in &recording.messages {
            match names.get(message.topic.as_str()).map(String::as_str) {
                Some(name) if CLICKS.contains(&name) => return Ok(None),
                Some(MASK) => {
                    let picture = message.decode::<Image>()?.header.stamp.into();
                    if let Some(mask) = masks.of(picture).filter(|mask| mask.area() > 0) {
                        return Ok(Self::inside(picture, mask));
                    }
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn inside(picture: Time, mask: &Mask) -> Option<Self> {
        let (width, height) = mask.size();
        let frame = Frame {
            width: width as usize,
            height: height as usize,
            instance: mask
                .data()
                .iter()
                .map(|value| u8::from(*value > 0))
                .collect(),
            ..Frame::default()
        };
        let inside = clickable(&frame).into_iter().nth(1)?;
        Some(Self {
            picture,
            pixel: inside.pixel,
        })
    }
}

/// Points there when the picture comes.
pub(super) async fn point(node: Node, prompt: Prompt) -> bus::Result<()> {
    let pictures = node.subscribe::<Image>(COLOUR, Qos::sensor_data())?;
    let clicks = node.publisher::<PointStamped>(CLICK, Qos::reliable(10))?;
    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            Some(picture) = pictures.next() => {
                if Time::from(picture.header.stamp) == prompt.picture {
                    let [x, y] = prompt.pixel.map(|place| place as f64);
                    clicks.publish(PointStamped {
                        header: picture.header.clone(),
                        point: Point { x, y, z: 0.0 },
                    });
                }
            }
        }
    }
}
