//! The bridge against a network in memory: every rule of who hears what, and how often.

mod graph;
mod network;

use super::*;
use crate::{
    Publisher, Subscription,
    shutdown::{Shutdown, ShutdownPhase},
    topic::Topics,
};
use msgs::{Message, cdr, std_msgs::Float64};
use network::Network;
use proptest::prelude::*;

/// One process on the network, without nodes that run.
struct Process {
    bridge: Arc<Bridge>,
    topics: Topics,
    shutdown: Arc<Shutdown>,
}

impl Process {
    fn on(network: &Network, nodes: &[&str]) -> Self {
        let bridge = Arc::new(Bridge::new(Arc::new(network.clone())));
        for node in nodes {
            bridge.add_node(&NodeName::new("", node).unwrap()).unwrap();
        }
        Self {
            topics: Topics::new(Some(Arc::clone(&bridge))),
            shutdown: Arc::new(Shutdown::new()),
            bridge,
        }
    }

    fn publisher(&self, node: &str, qos: Qos) -> Publisher<Float64> {
        self.topics.publisher("/topic", node, qos).unwrap()
    }

    fn subscribe(&self, node: &str, qos: Qos) -> Subscription<Float64> {
        let shutdown = Arc::clone(&self.shutdown);
        let until = ShutdownPhase::StopAll;
        let subscription = self.topics.subscribe("/topic", node, qos, shutdown, until);
        subscription.unwrap()
    }
}

fn number(data: f64) -> Float64 {
    Float64 { data }
}

fn numbers(subscription: &Subscription<Float64>) -> Vec<f64> {
    std::iter::from_fn(|| subscription.try_next())
        .map(|message| message.data)
        .collect()
}

fn heard(messages: &Mutex<Vec<Vec<u8>>>) -> Vec<f64> {
    let messages = lock(messages);
    let decoded = messages
        .iter()
        .map(|bytes| cdr::from_slice::<Float64>(bytes));
    decoded.map(|message| message.unwrap().data).collect()
}

const RELIABLE: Qos = Qos::reliable(100);

#[test]
fn nothing_is_encoded_while_nobody_outside_reads() {
    let network = Network::default();
    let process = Process::on(&network, &["a", "b"]);
    let publisher = process.publisher("/a", RELIABLE);
    let inside = process.subscribe("/b", RELIABLE);
    process.bridge.review();
    publisher.publish(number(1.0));
    assert_eq!(network.sent("/topic"), 0);
    assert!(
        network.subscriptions("/topic").is_empty(),
        "nobody else publishes, so there is nothing to read"
    );

    assert_eq!(publisher.subscriber_count(), 1);
    let (outside, guard) = network.listen("/topic", Float64::TYPE_NAME, RELIABLE);
    assert_eq!(publisher.subscriber_count(), 2);
    publisher.publish(number(2.0));
    drop(guard);
    publisher.publish(number(3.0));
    assert_eq!(heard(&outside), [2.0]);
    assert_eq!(numbers(&inside), [1.0, 2.0, 3.0]);
}

#[test]
fn what_others_publish_comes_in_once_and_what_is_ours_does_not_come_back() {
    let network = Network::default();
    let process = Process::on(&network, &["a", "b"]);
    let other = Process::on(&network, &["c"]);
    let ours = process.publisher("/a", RELIABLE);
    let inside = process.subscribe("/b", RELIABLE);
    let theirs = other.publisher("/c", RELIABLE);
    process.bridge.review();
    for count in 0..5 {
        ours.publish(number(f64::from(count)));
        theirs.publish(number(f64::from(count) + 0.5));
    }
    assert_eq!(
        numbers(&inside),
        [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5]
    );

    drop(theirs);
    process.bridge.review();
    assert!(network.subscriptions("/topic").is_empty());
    ours.publish(number(9.0));
    assert_eq!(numbers(&inside), [9.0]);
}

#[test]
fn a_message_of_others_that_equals_ours_is_heard() {
    let network = Network::default();
    let process = Process::on(&network, &["a", "b"]);
    let other = Process::on(&network, &["c"]);
    let ours = process.publisher("/a", RELIABLE);
    let inside = process.subscribe("/b", RELIABLE);
    let theirs = other.publisher("/c", RELIABLE);
    process.bridge.review();
    ours.publish(number(1.0));
    theirs.publish(number(1.0));
    assert_eq!(numbers(&inside), [1.0, 1.0]);
}

#[test]
fn readers_of_one_kind_share_one_subscription() {
    let network = Network::default();
    let process = Process::on(&network, &["a", "b", "c"]);
    let other = Process::on(&network, &["d"]);
    let first = process.subscribe("/a", Qos::reliable(3));
    let second = process.subscribe("/b", RELIABLE);
    let eager = process.subscribe("/c", Qos::sensor_data());
    process.bridge.review();
    let subscriptions = network.subscriptions("/topic");
    assert_eq!(
        subscriptions,
        [
            ("/a".into(), Qos::reliable(MIN_DEPTH)),
            (
                "/c".into(),
                Qos {
                    depth: MIN_DEPTH,
                    ..Qos::sensor_data()
                }
            ),
        ]
    );

    // As in ROS 2, a best-effort publisher reaches only those who are content with that.
    let reliable = other.publisher("/d", RELIABLE);
    let best_effort = other.publisher("/d", Qos::sensor_data());
    reliable.publish(number(1.0));
    best_effort.publish(number(2.0));
    assert_eq!(numbers(&first), [1.0]);
    assert_eq!(numbers(&second), [1.0]);
    assert_eq!(numbers(&eager), [1.0, 2.0]);
}

#[test]
fn latched_messages_reach_those_who_come_later_on_both_sides() {
    let network = Network::default();
    let process = Process::on(&network, &["a", "b"]);
    let other = Process::on(&network, &["c"]);
    let ours = process.publisher("/a", Qos::latched());
    ours.publish(number(1.0));
    let (late, _guard) = network.listen("/topic", Float64::TYPE_NAME, Qos::latched());
    assert_eq!(heard(&late), [1.0]);

    // Ours comes back when the way in opens; it is ours all the same.
    let patient = Qos {
        depth: 10,
        ..Qos::latched()
    };
    let inside = process.subscribe("/b", patient);
    let theirs = other.publisher("/c", Qos::latched());
    theirs.publish(number(2.0));
    process.bridge.review();
    assert_eq!(numbers(&inside), [1.0, 2.0]);
    let later = process.subscribe("/b", patient);
    assert_eq!(numbers(&later), [1.0, 2.0]);
}

#[test]
fn two_processes_hear_each_other_and_neither_hears_twice() {
    let network = Network::default();
    let processes = [Process::on(&network, &["a"]), Process::on(&network, &["b"])];
    let publishers = processes.each_ref().map(|p| p.publisher("", RELIABLE));
    let subscriptions = processes.each_ref().map(|p| p.subscribe("", RELIABLE));
    processes.iter().for_each(|process| process.bridge.review());
    for count in 0..10 {
        publishers[count % 2].publish(number(count as f64));
    }
    let all: Vec<f64> = (0..10).map(f64::from).collect();
    for subscription in &subscriptions {
        assert_eq!(numbers(subscription), all);
    }
}

#[test]
fn what_belongs_to_no_node_goes_by_the_first() {
    let network = Network::default();
    let process = Process::on(&network, &["a", "b"]);
    let _inside = process.subscribe("the runner", RELIABLE);
    process.bridge.review();
    assert_eq!(network.subscriptions("/topic")[0].0, "/a");
}

#[test]
fn what_cannot_be_read_or_had_is_said_and_harms_nothing() {
    let network = Network::default();
    let process = Process::on(&network, &["a"]);
    let inside = process.subscribe("/a", RELIABLE);
    process.bridge.review();
    let raw = network
        .publisher("", "/topic", Float64::TYPE_NAME, RELIABLE)
        .unwrap();
    for bytes in [&b""[..], &[0, 1, 0, 0], &[0, 1, 0, 0, 1, 2], &[9; 64]] {
        raw.send(bytes).unwrap();
    }
    raw.send(&cdr::to_vec(&number(4.0)).unwrap()).unwrap();
    assert_eq!(numbers(&inside), [4.0]);

    let refused = process
        .bridge
        .publisher("/a", "/other", "unknown_msgs/msg/X", RELIABLE);
    let refused = refused.err().unwrap().to_string();
    assert!(
        refused.contains("/other") && refused.contains("no such type"),
        "{refused}"
    );
}

proptest! {
    /// Whoever publishes, joins, leaves or listens in whatever order: a reader on the bus gets each message at most
    /// once, in order for each sender, and all of those of its own process.
    #[test]
    fn no_message_comes_twice(steps in prop::collection::vec(0_u8..7, 0..60), latched: bool) {
        let qos = if latched { Qos { depth: 100, ..Qos::latched() } } else { RELIABLE };
        let network = Network::default();
        let process = Process::on(&network, &["a", "b"]);
        let other = Process::on(&network, &["c"]);
        let ours = process.publisher("/a", qos);
        let inside = process.subscribe("/b", qos);
        let (mut theirs, mut listener, mut count) = (None, None, 0.0);
        let (mut mine, mut got) = (Vec::new(), Vec::new());
        for step in steps {
            count += 1.0;
            match step {
                0 | 1 => {
                    ours.publish(number(count));
                    mine.push(count);
                }
                2 => theirs = Some(other.publisher("/c", qos)),
                3 => theirs = None,
                4 => listener = match listener {
                    None => Some(network.listen("/topic", Float64::TYPE_NAME, qos)),
                    Some(_) => None,
                },
                5 => if let Some(theirs) = &theirs {
                    theirs.publish(number(-count));
                },
                _ => process.bridge.review(),
            }
            got.extend(numbers(&inside));
        }
        let own: Vec<f64> = got.iter().copied().filter(|number| *number > 0.0).collect();
        prop_assert_eq!(own, mine);
        if !latched {
            let foreign: Vec<f64> = got.iter().copied().filter(|number| *number < 0.0).collect();
            prop_assert!(foreign.windows(2).all(|pair| pair[0] > pair[1]), "{:?}", foreign);
        }
    }
}
