//! A camera frame on the bus, from the thread of one node to the thread of another.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Result;
use bus::{BusError, Graph, GraphConfig, Node, NodeSpec, Publisher, Qos};
use msgs::{sensor_msgs::Image, std_msgs::Header};

use super::{Budget, Measurement};

/// Frames that are sent; they come at a pace, so that none waits for another.
const FRAMES: usize = 600;
const PACE: Duration = Duration::from_millis(3);

type Samples = Arc<Mutex<Vec<Duration>>>;

/// How a frame gets on the bus.
#[derive(Clone, Copy)]
enum Way {
    Shared,
    Copied,
    Encoded,
}

pub(super) fn run(_: &Budget) -> Result<Vec<Measurement>> {
    let shared = latencies(Way::Shared)?;
    Ok(vec![
        Measurement::new("1280x720 frame, node to node", shared)?
            .aim_p50(0.020)
            .beside("a copy for each frame", latencies(Way::Copied)?)?
            .beside(
                "CDR encoded and decoded, as between processes",
                latencies(Way::Encoded)?,
            )?,
    ])
}

fn latencies(way: Way) -> Result<Vec<Duration>> {
    let start = Instant::now();
    let samples = Samples::default();
    let mut graph = Graph::new(GraphConfig::default());
    graph.add(NodeSpec::new("sink").ends_graph(), {
        let samples = Arc::clone(&samples);
        move |node| sink(node, start, way, samples)
    })?;
    graph.add(NodeSpec::new("source"), move |node| {
        source(node, start, way)
    })?;
    graph.run_realtime()?;
    let samples = std::mem::take(&mut *samples.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(samples)
}

async fn source(node: Node, start: Instant, way: Way) -> Result<(), BusError> {
    let publisher: Publisher<Image> = node.publisher("image", Qos::sensor_data())?;
    let mut frame = Arc::new(frame());
    while !node.is_shutting_down() {
        node.clock().sleep(PACE).await;
        // The time of sending travels in the stamp: the message must be unique to be written to.
        let sent = start.elapsed();
        let message = match way {
            Way::Shared => {
                let Some(unique) = Arc::get_mut(&mut frame) else {
                    continue;
                };
                stamp(unique, sent);
                Arc::clone(&frame)
            }
            Way::Copied | Way::Encoded => {
                let mut copy = Image::clone(&frame);
                stamp(&mut copy, sent);
                Arc::new(copy)
            }
        };
        publisher.publish(message);
    }
    Ok(())
}

async fn sink(node: Node, start: Instant, way: Way, samples: Samples) -> Result<(), BusError> {
    let subscription = node.subscribe::<Image>("image", Qos::sensor_data())?;
    for _ in 0..FRAMES {
        let Some(message) = subscription.next().await else {
            break;
        };
        if matches!(way, Way::Encoded) {
            let bytes = msgs::cdr::to_vec(&*message).unwrap_or_default();
            std::hint::black_box(msgs::cdr::from_slice::<Image>(&bytes).ok());
        }
        let latency = start.elapsed().saturating_sub(sent_at(&message));
        samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(latency);
    }
    Ok(())
}

fn stamp(image: &mut Image, sent: Duration) {
    image.header.stamp.sec = i32::try_from(sent.as_secs()).unwrap_or(i32::MAX);
    image.header.stamp.nanosec = sent.subsec_nanos();
}

fn sent_at(image: &Image) -> Duration {
    Duration::new(
        u64::try_from(image.header.stamp.sec).unwrap_or(0),
        image.header.stamp.nanosec,
    )
}

fn frame() -> Image {
    let (width, height) = (1280, 720);
    Image {
        header: Header::default(),
        height,
        width,
        encoding: "rgb8".to_owned(),
        is_bigendian: 0,
        step: width * 3,
        data: vec![127; (width * height * 3) as usize],
    }
}
