//! Shapes for RViz and other viewers.

use crate::{
    builtin_interfaces::Duration,
    geometry_msgs::{Point, Pose, Vector3},
    sensor_msgs::CompressedImage,
    std_msgs::{ColorRGBA, Header},
};

messages! { "visualization_msgs";
    /// Place in a texture, 0 to 1.
    #[derive(Copy, Default)]
    pub struct UVCoordinate {
        /// Across.
        pub u: f32,
        /// Down.
        pub v: f32,
    }

    /// A mesh file sent within a marker.
    #[derive(Default, Eq)]
    pub struct MeshFile {
        /// File name, for its extension.
        pub filename: String,
        /// Contents.
        #[serde(with = "serde_bytes")]
        pub data: Vec<u8>,
    }

    /// A shape to draw (layout of ROS 2 Humble and later).
    #[derive(Default)]
    pub struct Marker {
        /// Frame and time.
        pub header: Header,
        /// Namespace of `id`.
        pub ns: String,
        /// Markers with the same namespace and id replace each other.
        pub id: i32,
        /// Shape: one of the constants of this type.
        pub r#type: i32,
        /// [`Marker::ADD`], [`Marker::DELETE`] or [`Marker::DELETEALL`].
        pub action: i32,
        /// Pose of the shape's centre.
        pub pose: Pose,
        /// Full size along the shape's axes (m).
        pub scale: Vector3,
        /// Colour.
        pub color: ColorRGBA,
        /// Time until it vanishes; zero means never.
        pub lifetime: Duration,
        /// Whether to follow its frame as time goes on.
        pub frame_locked: bool,
        /// Points of lists and lines.
        pub points: Vec<Point>,
        /// A colour for each point, or empty.
        pub colors: Vec<ColorRGBA>,
        /// Texture by URI.
        pub texture_resource: String,
        /// Texture sent along.
        pub texture: CompressedImage,
        /// A texture coordinate for each point.
        pub uv_coordinates: Vec<UVCoordinate>,
        /// Text of a text marker.
        pub text: String,
        /// Mesh by URI.
        pub mesh_resource: String,
        /// Mesh sent along.
        pub mesh_file: MeshFile,
        /// Whether the mesh brings its own materials.
        pub mesh_use_embedded_materials: bool,
    }

    /// Several markers at once.
    #[derive(Default)]
    pub struct MarkerArray {
        /// The markers.
        pub markers: Vec<Marker>,
    }
}

impl Marker {
    /// An arrow.
    pub const ARROW: i32 = 0;
    /// A box.
    pub const CUBE: i32 = 1;
    /// An ellipsoid.
    pub const SPHERE: i32 = 2;
    /// A cylinder along z.
    pub const CYLINDER: i32 = 3;
    /// A polyline.
    pub const LINE_STRIP: i32 = 4;
    /// Line segments, two points each.
    pub const LINE_LIST: i32 = 5;
    /// A box at each point.
    pub const CUBE_LIST: i32 = 6;
    /// An ellipsoid at each point.
    pub const SPHERE_LIST: i32 = 7;
    /// A square at each point.
    pub const POINTS: i32 = 8;
    /// Text that always faces the viewer.
    pub const TEXT_VIEW_FACING: i32 = 9;
    /// A mesh.
    pub const MESH_RESOURCE: i32 = 10;
    /// Triangles, three points each.
    pub const TRIANGLE_LIST: i32 = 11;
    /// Action: add or replace.
    pub const ADD: i32 = 0;
    /// Action: remove this one.
    pub const DELETE: i32 = 2;
    /// Action: remove all.
    pub const DELETEALL: i32 = 3;
}
