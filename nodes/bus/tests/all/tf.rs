//! The transform buffer against closed form.

use bus::{Clock, ClockSource, TfBuffer, TfError, Time, convert::transform_stamped};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use proptest::prelude::*;
use std::time::Duration;

fn at(secs: f64) -> Time {
    Time::from_secs_f64(secs)
}

/// A screw motion: constant velocity along an axis fixed in space, constant turning about z. Interpolation between
/// any two of its poses must give its pose between them exactly.
fn screw(t: f64) -> Isometry3<f64> {
    Isometry3::from_parts(
        Translation3::new(0.3 * t, -0.2 * t, 1.0 + 0.1 * t),
        UnitQuaternion::from_axis_angle(&Vector3::z_axis(), 0.7 * t),
    )
}

fn error(a: &Isometry3<f64>, b: &Isometry3<f64>) -> f64 {
    let difference = a.inverse() * b;
    difference.translation.vector.norm() + difference.rotation.angle()
}

fn isometry() -> impl Strategy<Value = Isometry3<f64>> {
    (
        prop::array::uniform3(-2.0..2.0),
        prop::array::uniform3(-1.7..1.7),
    )
        .prop_map(|(t, r)| Isometry3::new(t.into(), r.into()))
}

fn moving() -> TfBuffer {
    let buffer = TfBuffer::new();
    for tenth in 0..=20 {
        let t = f64::from(tenth) * 0.1;
        buffer
            .insert(&transform_stamped(at(t), "base_link", "tool0", &screw(t)))
            .unwrap();
    }
    buffer
}

proptest! {
    #[test]
    fn interpolation_follows_a_screw_motion(t in 0.0..2.0) {
        let found = moving().lookup("base_link", "tool0", at(t)).unwrap();
        // Stamps are whole nanoseconds.
        prop_assert!(error(&found, &screw(at(t).as_secs_f64())) < 1e-7);
    }

    #[test]
    fn a_lookup_is_the_product_along_the_path(a in isometry(), b in isometry(), c in isometry(), t in 0.0..2.0) {
        let buffer = moving();
        buffer.insert_static(&transform_stamped(Time::ZERO, "world", "base_link", &a)).unwrap();
        buffer.insert_static(&transform_stamped(Time::ZERO, "world", "camera", &b)).unwrap();
        buffer.insert_static(&transform_stamped(Time::ZERO, "camera", "optical", &c)).unwrap();
        let found = buffer.lookup("optical", "tool0", at(t)).unwrap();
        let expected = (b * c).inverse() * a * screw(at(t).as_secs_f64());
        prop_assert!(error(&found, &expected) < 1e-6);
        let back = buffer.lookup("tool0", "optical", at(t)).unwrap();
        prop_assert!(error(&(found * back), &Isometry3::identity()) < 1e-6);
    }
}

#[test]
fn a_frame_is_where_it_is_in_itself() {
    let found = moving().lookup("tool0", "tool0", at(100.0)).unwrap();
    assert_eq!(found, Isometry3::identity());
}

#[test]
fn leading_slashes_are_ignored() {
    assert!(moving().lookup("/base_link", "tool0", at(1.0)).is_ok());
}

#[test]
fn an_unknown_frame_is_named_with_the_known_ones() {
    let found = moving().lookup("base_link", "tool", at(1.0)).unwrap_err();
    assert!(matches!(found, TfError::UnknownFrame { .. }));
    let text = found.to_string();
    assert!(
        text.contains("did you mean tool0?") && text.contains("known frames: base_link, tool0"),
        "{text}"
    );
}

#[test]
fn separate_trees_are_named_by_their_roots() {
    let buffer = moving();
    buffer
        .insert_static(&transform_stamped(
            Time::ZERO,
            "camera",
            "optical",
            &screw(1.0),
        ))
        .unwrap();
    let text = buffer
        .lookup("tool0", "optical", at(1.0))
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("not connected") && text.contains("base_link") && text.contains("camera"),
        "{text}"
    );
}

#[test]
fn times_outside_of_the_history_are_refused_with_the_distance() {
    let buffer = moving();
    let future = buffer.lookup("base_link", "tool0", at(2.5)).unwrap_err();
    assert!(matches!(future, TfError::IntoFuture { newest, .. } if newest == at(2.0)));
    assert!(future.to_string().contains("0.500000 s ahead"), "{future}");
    buffer
        .insert(&transform_stamped(
            at(11.0),
            "base_link",
            "tool0",
            &screw(0.0),
        ))
        .unwrap();
    let past = buffer.lookup("base_link", "tool0", at(0.5)).unwrap_err();
    assert!(
        matches!(past, TfError::IntoPast { oldest, .. } if oldest == at(1.0)),
        "{past}"
    );
}

#[test]
fn the_latest_lookup_takes_the_newest_common_time() {
    let buffer = moving();
    buffer
        .insert(&transform_stamped(at(1.5), "tool0", "palm", &screw(0.0)))
        .unwrap();
    let (found, time) = buffer.lookup_latest("base_link", "palm").unwrap();
    assert_eq!(time, Some(at(1.5)));
    assert!(error(&found, &(screw(1.5) * screw(0.0))) < 1e-7);
    buffer
        .insert_static(&transform_stamped(Time::ZERO, "palm", "tip", &screw(1.0)))
        .unwrap();
    assert_eq!(buffer.lookup_latest("palm", "tip").unwrap().1, None);
}

#[test]
fn late_transforms_fall_into_place() {
    let buffer = TfBuffer::new();
    for t in [0.0, 2.0, 1.0] {
        buffer
            .insert(&transform_stamped(at(t), "a", "b", &screw(t * t)))
            .unwrap();
    }
    let found = buffer.lookup("a", "b", at(1.5)).unwrap();
    let between = (screw(1.0).translation.vector + screw(4.0).translation.vector) / 2.0;
    assert!((found.translation.vector - between).norm() < 1e-12);
}

#[test]
fn loops_and_nonsense_are_not_stored() {
    let buffer = moving();
    let insert = |parent, child, isometry: &Isometry3<f64>| {
        buffer
            .insert_static(&transform_stamped(Time::ZERO, parent, child, isometry))
            .unwrap_err()
            .to_string()
    };
    assert!(insert("tool0", "base_link", &screw(1.0)).contains("its own ancestor"));
    assert!(insert("a", "a", &screw(1.0)).contains("its own ancestor"));
    assert!(insert("", "a", &screw(1.0)).contains("no name"));
    let nan = Isometry3::translation(f64::NAN, 0.0, 0.0);
    assert!(insert("base_link", "a", &nan).contains("not finite"));
    assert_eq!(buffer.frames(), ["base_link", "tool0"]);
}

#[test]
fn a_frame_may_move_to_another_parent() {
    let buffer = moving();
    buffer
        .insert(&transform_stamped(at(3.0), "camera", "tool0", &screw(1.0)))
        .unwrap();
    assert!(buffer.lookup("camera", "tool0", at(3.0)).is_ok());
    assert!(buffer.lookup("base_link", "tool0", at(1.0)).is_err());
}

#[test]
fn waiting_ends_with_the_transform_or_with_the_time() {
    let result = crate::run_node(|node| async move {
        let wait = Duration::from_secs(1);
        let come = async {
            for t in 0..3 {
                node.broadcast(transform_stamped(at(f64::from(t)), "a", "b", &screw(1.0)))?;
                node.clock().sleep(Duration::from_millis(100)).await;
            }
            crate::Outcome::Ok(())
        };
        let (found, sent) =
            tokio::join!(node.tf().wait("a", "b", at(1.5), node.clock(), wait), come);
        sent?;
        found?;
        assert_eq!(
            node.now(),
            at(0.3),
            "found at 0.2 s, before the sender's last pause was over"
        );
        let missing = node.tf().wait("a", "b", at(9.0), node.clock(), wait).await;
        assert!(matches!(missing, Err(TfError::IntoFuture { .. })));
        assert_eq!(node.now(), at(1.3));
        Ok(())
    });
    result.unwrap();
}

#[test]
fn clones_share_the_memory() {
    let buffer = TfBuffer::new();
    buffer
        .clone()
        .insert_static(&transform_stamped(Time::ZERO, "a", "b", &screw(1.0)))
        .unwrap();
    assert!(
        buffer
            .lookup("a", "b", Clock::new(ClockSource::Simulated).now())
            .is_ok()
    );
}
