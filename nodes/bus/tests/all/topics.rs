//! Publishers and subscriptions.

use crate::{Outcome, run_node};
use bus::{BusError, Qos};
use msgs::{
    sensor_msgs::Image,
    std_msgs::{Float64, Int32},
};
use std::sync::Arc;

fn int(data: i32) -> Int32 {
    Int32 { data }
}

#[test]
fn a_full_queue_drops_the_oldest_and_counts_it() {
    run_node(|node| async move {
        let sender = node.publisher::<Int32>("numbers", Qos::reliable(1))?;
        let slow = node.subscribe::<Int32>("numbers", Qos::reliable(3))?;
        let fast = node.subscribe::<Int32>("numbers", Qos::reliable(1))?;
        for number in 0..1000 {
            sender.publish(int(number));
            assert_eq!(fast.next().await.unwrap().data, number);
        }
        let kept: Vec<i32> = std::iter::from_fn(|| slow.try_next())
            .map(|message| message.data)
            .collect();
        assert_eq!(kept, [997, 998, 999]);
        assert_eq!(slow.dropped(), 997);
        assert_eq!(fast.dropped(), 0);
        Ok(())
    })
    .unwrap();
}

#[test]
fn latest_skips_older_messages_without_counting_them_as_dropped() {
    run_node(|node| async move {
        let sender = node.publisher::<Int32>("numbers", Qos::reliable(1))?;
        let reader = node.subscribe::<Int32>("numbers", Qos::reliable(5))?;
        assert!(reader.latest().is_none());
        (0..4).for_each(|number| sender.publish(int(number)));
        assert_eq!(reader.latest().unwrap().data, 3);
        assert!(reader.try_next().is_none());
        assert_eq!(reader.dropped(), 0);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_message_is_shared_never_copied() {
    run_node(|node| async move {
        let sender = node.publisher::<Image>("image", Qos::sensor_data())?;
        let readers = [(); 3].map(|()| {
            node.subscribe::<Image>("image", Qos::sensor_data())
                .unwrap()
        });
        let image = Arc::new(Image {
            data: vec![7; 1280 * 720 * 3],
            ..Image::default()
        });
        sender.publish(Arc::clone(&image));
        for reader in &readers {
            assert!(Arc::ptr_eq(&reader.next().await.unwrap(), &image));
        }
        assert_eq!(Arc::strong_count(&image), 1, "nobody keeps it");
        Ok(())
    })
    .unwrap();
}

#[test]
fn latched_messages_reach_those_who_join_later_and_ask_for_them() {
    run_node(|node| async move {
        let sender = node.publisher::<Int32>("state", Qos::latched())?;
        sender.publish(int(1));
        sender.publish(int(2));
        let late = node.subscribe::<Int32>("state", Qos::latched())?;
        assert_eq!(late.try_next().unwrap().data, 2);
        assert!(late.try_next().is_none());
        let volatile = node.subscribe::<Int32>("state", Qos::reliable(1))?;
        assert!(volatile.try_next().is_none(), "as in ROS 2, one must ask");
        let other = node.publisher::<Int32>("state", Qos::latched())?;
        other.publish(int(3));
        let both = node.subscribe::<Int32>(
            "state",
            Qos {
                depth: 5,
                ..Qos::latched()
            },
        )?;
        assert_eq!(
            std::iter::from_fn(|| both.try_next())
                .map(|m| m.data)
                .collect::<Vec<_>>(),
            [2, 3]
        );
        drop(sender);
        let after = node.subscribe::<Int32>(
            "state",
            Qos {
                depth: 5,
                ..Qos::latched()
            },
        )?;
        assert_eq!(
            std::iter::from_fn(|| after.try_next())
                .map(|m| m.data)
                .collect::<Vec<_>>(),
            [3]
        );
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_topic_has_one_type_and_the_error_names_both() {
    run_node(|node| async move {
        let _numbers = node.publisher::<Int32>("value", Qos::reliable(1))?;
        let error = node
            .subscribe::<Float64>("value", Qos::reliable(1))
            .unwrap_err();
        assert!(matches!(error, BusError::TopicType { .. }));
        let text = error.to_string();
        for part in [
            "/value",
            "std_msgs/msg/Int32",
            "std_msgs/msg/Float64",
            "/tester",
        ] {
            assert!(text.contains(part), "{part} in: {text}");
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn pairs_that_ros_would_leave_silent_are_refused() {
    run_node(|node| async move {
        let _camera = node.publisher::<Image>("image", Qos::sensor_data())?;
        let error = node
            .subscribe::<Image>("image", Qos::reliable(1))
            .unwrap_err();
        assert!(error.to_string().contains("best effort"), "{error}");
        assert!(node.subscribe::<Image>("image", Qos::sensor_data()).is_ok());
        let _late = node.subscribe::<Int32>("state", Qos::latched())?;
        assert!(matches!(
            node.publisher::<Int32>("state", Qos::reliable(1)),
            Err(BusError::IncompatibleQos { .. })
        ));
        Ok(())
    })
    .unwrap();
}

#[test]
fn ends_are_counted_and_forgotten() {
    run_node(|node| async move {
        let sender = node.publisher::<Int32>("numbers", Qos::reliable(1))?;
        assert_eq!(sender.subscriber_count(), 0);
        let reader = node.subscribe::<Int32>("numbers", Qos::reliable(1))?;
        assert_eq!(
            (sender.subscriber_count(), reader.publisher_count()),
            (1, 1)
        );
        drop(sender.clone());
        assert_eq!(reader.publisher_count(), 1, "a clone is the same publisher");
        drop(sender);
        assert_eq!(reader.publisher_count(), 0);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_cancelled_wait_loses_nothing() {
    run_node(|node| async move {
        let sender = node.publisher::<Int32>("numbers", Qos::reliable(1))?;
        let reader = node.subscribe::<Int32>("numbers", Qos::reliable(5))?;
        for number in 0..3 {
            tokio::select! {
                biased;
                _ = reader.next() => panic!("nothing was sent"),
                () = std::future::ready(()) => {}
            }
            sender.publish(int(number));
            assert_eq!(reader.next().await.unwrap().data, number);
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn two_waits_on_one_subscription_get_a_message_each() {
    run_node(|node| async move {
        let sender = node.publisher::<Int32>("numbers", Qos::reliable(1))?;
        let reader = node.subscribe::<Int32>("numbers", Qos::reliable(5))?;
        let send = async {
            node.clock()
                .sleep(std::time::Duration::from_millis(1))
                .await;
            sender.publish(int(1));
            sender.publish(int(2));
        };
        let (a, b, ()) = tokio::join!(reader.next(), reader.next(), send);
        assert_eq!((a.unwrap().data, b.unwrap().data), (1, 2));
        Outcome::Ok(())
    })
    .unwrap();
}
