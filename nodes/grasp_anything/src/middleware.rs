//! What is around the graphs of `launch` and `node`: nothing, or ROS 2 where this program is built with it.

use anyhow::Result;
use bus::{Graph, GraphConfig};

#[cfg(not(feature = "ros"))]
pub(crate) use alone::Middleware;
#[cfg(feature = "ros")]
pub(crate) use ros::Middleware;

#[cfg(not(feature = "ros"))]
mod alone {
    use super::{Graph, GraphConfig, Result};

    /// Nothing: the graph's own bus is all there is.
    pub(crate) struct Middleware;

    impl Middleware {
        pub(crate) fn join() -> Result<Self> {
            Ok(Self)
        }

        /// Whether there is a `/clock` to follow.
        pub(crate) fn has_clock(&self) -> bool {
            false
        }

        pub(crate) fn graph(&self, config: GraphConfig) -> Graph {
            Graph::new(config)
        }

        pub(crate) fn leave(self) {}
    }
}

#[cfg(feature = "ros")]
mod ros {
    use std::sync::Arc;

    use anyhow::Context as _;
    use bus::ros::Ros;

    use super::{Graph, GraphConfig, Result};

    /// ROS 2.
    pub(crate) struct Middleware {
        ros: Arc<Ros>,
    }

    impl Middleware {
        pub(crate) fn join() -> Result<Self> {
            let ros = Ros::new().context("cannot join the ROS 2 network")?;
            Ok(Self { ros: Arc::new(ros) })
        }

        /// Whether there is a `/clock` to follow.
        pub(crate) fn has_clock(&self) -> bool {
            true
        }

        pub(crate) fn graph(&self, config: GraphConfig) -> Graph {
            Graph::bridged(config, self.ros.clone())
        }

        /// Ends the nodes' part in the network, so that others see them go.
        pub(crate) fn leave(self) {
            self.ros.close();
        }
    }
}
