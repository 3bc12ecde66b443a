//! The nodes that this program can run, by name.

use anyhow::{Context as _, Result, bail};
use bus::{Graph, Node, NodeSpec};
use futures::future::LocalBoxFuture;

use crate::{control, demo};

/// A node that this program can run.
pub(crate) struct Entry {
    /// The name, as `exec=` of a launch file has it.
    pub(crate) name: &'static str,
    /// What it does, in a line.
    pub(crate) about: &'static str,
    /// Whether it moves a robot, and so is stopped before all others.
    owns_robot: bool,
    /// Whether the launch is over when it is done.
    ends_graph: bool,
    run: fn(Node) -> LocalBoxFuture<'static, Result<()>>,
}

impl Entry {
    const fn new(
        name: &'static str,
        about: &'static str,
        run: fn(Node) -> LocalBoxFuture<'static, Result<()>>,
    ) -> Self {
        Self {
            name,
            about,
            owns_robot: false,
            ends_graph: false,
            run,
        }
    }

    const fn owns_robot(mut self) -> Self {
        self.owns_robot = true;
        self
    }

    const fn ends_graph(mut self) -> Self {
        self.ends_graph = true;
        self
    }

    /// Adds the node to `graph`.
    pub(crate) fn add(&self, graph: &mut Graph, spec: NodeSpec) -> Result<()> {
        let spec = if self.owns_robot {
            spec.owns_robot()
        } else {
            spec
        };
        let spec = if self.ends_graph {
            spec.ends_graph()
        } else {
            spec
        };
        Ok(graph.add(spec, self.run)?)
    }
}

/// Makes a table entry's function of a node's `run`, whatever its error.
macro_rules! node {
    ($run:path) => {
        |node| Box::pin(async move { $run(node).await.map_err(Into::into) })
    };
}

/// All nodes, in the order of the data: from the camera to the robot.
pub(crate) const NODES: &[Entry] = &[
    Entry::new(
        "sim",
        "the simulated cell: physics, camera, and the protocols of arm and hand",
        node!(sim::node::run),
    ),
    Entry::new(
        "camera",
        "replays a folder of images or a video as a camera",
        node!(camera::node::run),
    ),
    #[cfg(feature = "realsense")]
    Entry::new(
        "realsense",
        "a RealSense camera, or a recording of one: colour with depth aligned to it",
        node!(camera::realsense::run),
    ),
    Entry::new(
        "ur_driver",
        "moves a UR arm within its limits",
        node!(ur_driver::run),
    )
    .owns_robot(),
    Entry::new(
        "arm_ros2_control",
        "moves the arm through a controller of ros2_control, within its limits",
        node!(arm_ros2_control::run),
    )
    .owns_robot(),
    Entry::new(
        "sih_driver",
        "moves an SIH hand within its limits",
        node!(sih_driver::run),
    )
    .owns_robot(),
    Entry::new(
        "robot_state_publisher",
        "publishes the robot's description and the poses of its links",
        node!(ur_driver::robot_state_publisher::run),
    ),
    Entry::new(
        "calibration",
        "tells on /tf_static where the camera is, by the result of a calibration",
        node!(calibration::node::run),
    ),
    Entry::new(
        "segmentation",
        "finds the clicked object in the image and tracks it",
        node!(segmentation::node::run),
    ),
    Entry::new(
        "pointcloud",
        "makes the object's point cloud and box from mask and depth",
        node!(pointcloud::run),
    ),
    Entry::new(
        "policy",
        "turns what is seen and felt into commands, by a manifest",
        node!(policy::run),
    ),
    Entry::new(
        "supervisor",
        "runs a grasp from the click to the object in the hand",
        node!(supervisor::run),
    ),
    Entry::new(
        "prompt_server",
        "takes the clicks of `grasp_anything click`",
        node!(control::run_server),
    ),
    Entry::new(
        "recorder",
        "writes what happens into MCAP files, one for each episode",
        node!(recorder::run),
    ),
    #[cfg(feature = "opencv")]
    Entry::new(
        "calibrate_hand_eye",
        "takes samples of a board while somebody or the node itself moves the robot, and finds where the camera is",
        node!(calibration::collect_node::run),
    )
    .ends_graph(),
    #[cfg(feature = "viewer")]
    Entry::new(
        "viewer",
        "shows it all on a page in the browser, and takes clicks there",
        node!(viewer::run),
    ),
    Entry::new(
        "demo",
        "points at an object of the simulated cell and tells what happens",
        node!(demo::run),
    )
    .ends_graph(),
];

/// Nodes that this program can be built without: whether it was built with them, and what to do if not.
const OPTIONAL: &[(&str, bool, &str)] = &[
    ("viewer", cfg!(feature = "viewer"), "make build VIEWER=1"),
    (
        "realsense",
        cfg!(feature = "realsense"),
        "make build REALSENSE=1",
    ),
    (
        "calibrate_hand_eye",
        cfg!(feature = "opencv"),
        "make build CALIBRATE=1",
    ),
];

/// The node of this name.
pub(crate) fn find(name: &str) -> Result<&'static Entry> {
    let left_out = OPTIONAL
        .iter()
        .find(|(optional, built, _)| !built && *optional == name);
    if let Some((_, _, remedy)) = left_out {
        bail!("this program was built without the node `{name}`; build it with `{remedy}`");
    }
    NODES
        .iter()
        .find(|entry| entry.name == name)
        .with_context(|| {
            let names: Vec<_> = NODES.iter().map(|entry| entry.name).collect();
            format!("there is no node `{name}`; there are {}", names.join(", "))
        })
}
