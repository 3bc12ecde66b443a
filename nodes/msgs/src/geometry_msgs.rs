//! Points, poses, transforms, velocities and forces. SI units, radians; quaternions are x, y, z, w.

use crate::std_msgs::Header;

messages! { "geometry_msgs";
    /// A position (m), or a pixel where a topic says so.
    #[derive(Copy, Default)]
    pub struct Point {
        /// Along x.
        pub x: f64,
        /// Along y.
        pub y: f64,
        /// Along z.
        pub z: f64,
    }

    /// A position in single precision (m).
    #[derive(Copy, Default)]
    pub struct Point32 {
        /// Along x.
        pub x: f32,
        /// Along y.
        pub y: f32,
        /// Along z.
        pub z: f32,
    }

    /// A position with its frame and time.
    #[derive(Default)]
    pub struct PointStamped {
        /// Frame and time.
        pub header: Header,
        /// The position.
        pub point: Point,
    }

    /// A direction or displacement (m), free of a base point.
    #[derive(Copy, Default)]
    pub struct Vector3 {
        /// Along x.
        pub x: f64,
        /// Along y.
        pub y: f64,
        /// Along z.
        pub z: f64,
    }

    /// A vector with its frame and time.
    #[derive(Default)]
    pub struct Vector3Stamped {
        /// Frame and time.
        pub header: Header,
        /// The vector.
        pub vector: Vector3,
    }

    /// A rotation. The default is the identity, as in ROS 2.
    #[derive(Copy)]
    pub struct Quaternion {
        /// First imaginary part.
        pub x: f64,
        /// Second imaginary part.
        pub y: f64,
        /// Third imaginary part.
        pub z: f64,
        /// Real part.
        pub w: f64,
    }

    /// A rotation with its frame and time.
    #[derive(Default)]
    pub struct QuaternionStamped {
        /// Frame and time.
        pub header: Header,
        /// The rotation.
        pub quaternion: Quaternion,
    }

    /// Position and orientation in free space.
    #[derive(Copy, Default)]
    pub struct Pose {
        /// Position (m).
        pub position: Point,
        /// Orientation.
        pub orientation: Quaternion,
    }

    /// A pose with its frame and time.
    #[derive(Default)]
    pub struct PoseStamped {
        /// Frame and time.
        pub header: Header,
        /// The pose.
        pub pose: Pose,
    }

    /// Several poses in one frame.
    #[derive(Default)]
    pub struct PoseArray {
        /// Frame and time.
        pub header: Header,
        /// The poses.
        pub poses: Vec<Pose>,
    }

    /// Translation and rotation from a child frame to its parent.
    #[derive(Copy, Default)]
    pub struct Transform {
        /// Translation (m).
        pub translation: Vector3,
        /// Rotation.
        pub rotation: Quaternion,
    }

    /// `parent_from_child`: where the child frame is in the parent frame `header.frame_id`.
    #[derive(Default)]
    pub struct TransformStamped {
        /// Parent frame and time.
        pub header: Header,
        /// Child frame.
        pub child_frame_id: String,
        /// The transform.
        pub transform: Transform,
    }

    /// Linear (m/s) and angular (rad/s) velocity.
    #[derive(Copy, Default)]
    pub struct Twist {
        /// Linear velocity (m/s).
        pub linear: Vector3,
        /// Angular velocity (rad/s).
        pub angular: Vector3,
    }

    /// A twist with its frame and time.
    #[derive(Default)]
    pub struct TwistStamped {
        /// Frame and time.
        pub header: Header,
        /// The twist.
        pub twist: Twist,
    }

    /// Force (N) and torque (Nm).
    #[derive(Copy, Default)]
    pub struct Wrench {
        /// Force (N).
        pub force: Vector3,
        /// Torque (Nm).
        pub torque: Vector3,
    }

    /// A wrench with its frame and time.
    #[derive(Default)]
    pub struct WrenchStamped {
        /// Frame and time.
        pub header: Header,
        /// The wrench.
        pub wrench: Wrench,
    }
}

impl Default for Quaternion {
    fn default() -> Self {
        Self {
            x: 0.0,
            y: 0.0,
            z: 0.0,
            w: 1.0,
        }
    }
}
