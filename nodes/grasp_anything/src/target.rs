//! Waiting for the target's point cloud, which comes a little after its mask: a grasp can start then, not before.

use std::time::Duration;

use bus::{Node, Subscription};
use msgs::sensor_msgs::PointCloud2;

/// Waits for the second cloud from now that has points: when it comes, every node has taken in the first. Whether it
/// came within `patience`.
pub(crate) async fn wait_for_cloud(
    node: &Node,
    clouds: &Subscription<PointCloud2>,
    patience: Duration,
) -> bool {
    clouds.latest();
    let seen = async {
        let mut seen = 0;
        while seen < 2 {
            match clouds.next().await {
                Some(cloud) if cloud.width > 0 => seen += 1,
                Some(_) => {}
                None => return false,
            }
        }
        true
    };
    tokio::select! {
        biased;
        seen = seen => seen,
        () = node.clock().sleep(patience) => false,
    }
}
