//! Waiting for the target's point cloud, which comes a little after its mask: a grasp can start then, not before.

use std::time::Duration;

use bus::{Node, Subscription};
use msgs::sensor_msgs::PointCloud2;

/// Waits for the first cloud from now that has points; whether one came within `patience`.
pub(crate) async fn wait_for_cloud(
    node: &Node,
    clouds: &Subscription<PointCloud2>,
    patience: Duration,
) -> bool {
    clouds.latest();
    let seen = async {
        while let Some(cloud) = clouds.next().await {
            if cloud.width > 0 {
                return true;
            }
        }
        false
    };
    tokio::select! {
        biased;
        seen = seen => seen,
        () = node.clock().sleep(patience) => false,
    }
}
