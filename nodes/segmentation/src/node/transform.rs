//! Looks up where a frame was.

use bus::{TfBuffer, Time};
use msgs::std_msgs::Header;
use nalgebra::Isometry3;

/// `target_from_frame` at the header's time, or the newest known where that time is not (RViz stamps clicks with zero).
pub(super) fn transform(tf: &TfBuffer, target: &str, header: &Header) -> Option<Isometry3<f64>> {
    let at_its_time = tf.lookup(target, &header.frame_id, Time::from(header.stamp));
    at_its_time
        .or_else(|_| {
            tf.lookup_latest(target, &header.frame_id)
                .map(|(isometry, _)| isometry)
        })
        .ok()
}
