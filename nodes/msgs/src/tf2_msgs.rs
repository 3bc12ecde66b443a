//! What travels on `/tf` and `/tf_static`.

use crate::geometry_msgs::TransformStamped;

messages! { "tf2_msgs";
    /// A batch of transforms.
    #[derive(Default)]
    pub struct TFMessage {
        /// The transforms.
        pub transforms: Vec<TransformStamped>,
    }
}
