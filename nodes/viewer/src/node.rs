//! The node: topics in, a recording and the page out; clicks and requests back.
//!
//! | parameter | |
//! |---|---|
//! | `address` | where the page is served; anything but this machine needs `token` |
//! | `port` | its port |
//! | `token` | what a page from another machine has to bring, 16 or more letters, digits, `-` or `_` |
//! | `rate` | pictures a second, at most |
//! | `base_frame` | the frame in which the scene is drawn |
//! | `table` | the table in that frame: x from, x to, y from, y to, m |
//! | `rrd` | write what is shown into a file for rerun beside each recording |
//!
//! | topic or service | type | |
//! |---|---|---|
//! | `camera/color/image_raw`, `camera/color/camera_info`, `camera/aligned_depth_to_color/image_raw` | Image, CameraInfo | in |
//! | `segmentation/mask`, `segmentation/status`, `target/points`, `target/box` | Image, DiagnosticStatus, PointCloud2, Marker | in |
//! | `robot_description`, `/tf`, `joint_states`, `arm/command`, `hand/command` | | in |
//! | `supervisor/state`, `arm/status`, `hand/status`, `/diagnostics` | DiagnosticStatus, DiagnosticArray | in |
//! | `recorder/status` | DiagnosticStatus | in: when a recording begins and ends |
//! | `camera/color/image_raw/mouse_click` | PointStamped, px | out: a click on the picture, z = 1 beside the object |
//! | `clicked_point` | PointStamped, m | out: a click on a point of the scene |
//! | `supervisor/{start,confirm,stop,home,release,estop,reset}` | Trigger | called |
//!
//! A click goes out on one of the two topics, as one from RViz would, so that nobody takes it twice.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bus::{BusError, Node, ParameterSpec, Qos, Time};
use msgs::sensor_msgs::PointCloud2;
use re_web_viewer_server::{WebViewerData, WebViewerDataError};
use tokio::sync::{mpsc, watch};

use crate::access::{Access, AccessError};
use crate::show::{Beside, Cell, Journal, Log, Pictures, Plots, Robot, Scene};
use crate::status::Status;
use crate::web::{self, Desk, Pages, Server, Shared};

pub use crate::show::LogError;

/// How often the node looks what has come.
const TICK: Duration = Duration::from_millis(50);

/// Why the node stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The bus refused something.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The page would be open to people who may not move the robot.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The recording cannot be made.
    #[error(transparent)]
    Log(#[from] LogError),
    /// rerun's viewer is not in this program.
    #[error("viewer: rerun's web viewer is missing from this build: {0}")]
    Assets(#[from] WebViewerDataError),
    /// The parameter `address` is no address.
    #[error("viewer: the parameter address is {0:?}; give a numeric address such as 127.0.0.1")]
    Address(String),
    /// The parameter `table` is not four numbers.
    #[error(
        "viewer: the parameter table needs x from, x to, y from, y to in m and has {0} numbers"
    )]
    Table(usize),
    /// The page cannot be served there.
    #[error(
        "viewer: the page cannot be served at {address}: {error}; give another address or port"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The cause.
        error: std::io::Error,
    },
    /// The server of the page ended.
    #[error("viewer: the page is no longer served: {0}; its stop button is gone")]
    Server(std::io::Error),
    /// Simulated time does not pass for people.
    #[error("viewer: a page needs a clock that runs; use this node in a launch")]
    Lockstep,
}

/// What the parameters set.
struct Settings {
    address: IpAddr,
    port: u16,
    token: String,
    rate: f64,
    base_frame: String,
    table: [f64; 4],
    rrd: bool,
}

impl Settings {
    fn declare(node: &Node) -> Result<Self, NodeError> {
        let address = node.parameter(
            ParameterSpec::<String>::new("address", "127.0.0.1").describe(
                "address that the page is served at; any but this machine's own needs a token",
            ),
        )?;
        let port = node.parameter(
            ParameterSpec::<i64>::new("port", 8350)
                .describe("port of the page; 0: any that is free")
                .range(0..=65_535),
        )?;
        let token = node.parameter(
            ParameterSpec::<String>::new("token", "")
                .describe("what a page from another machine has to bring: open it with ?token=...")
                .secret(),
        )?;
        let rate = node.parameter(
            ParameterSpec::<f64>::new("rate", 5.0)
                .describe("pictures a second, at most")
                .range(0.2..=60.0),
        )?;
        let base_frame = node.parameter(
            ParameterSpec::<String>::new("base_frame", "base_link")
                .describe("frame in which the scene is drawn; its z = 0 is the table"),
        )?;
        let table = node.parameter(
            ParameterSpec::<Vec<f64>>::new("table", vec![-0.4, 0.96, -0.35, 1.0])
                .describe("the table in the base frame: x from, x to, y from, y to, m"),
        )?;
        let rrd = node.parameter(
            ParameterSpec::<bool>::new("rrd", true)
                .describe("write what is shown into a file for rerun beside each recording"),
        )?;
        let address = address.get();
        Ok(Self {
            rrd: rrd.get(),
            address: address
                .parse()
                .map_err(|_| NodeError::Address(address.clone()))?,
            port: u16::try_from(port.get()).unwrap_or(0),
            token: token.get(),
            rate: rate.get(),
            base_frame: base_frame.get(),
            table: <[f64; 4]>::try_from(table.get())
                .map_err(|table| NodeError::Table(table.len()))?,
        })
    }
}

/// Runs the node until shutdown.
///
/// # Errors
/// [`NodeError`] when the page cannot be served. What cannot be shown is logged, and the rest goes on.
pub async fn run(node: Node) -> Result<(), NodeError> {
    let settings = Settings::declare(&node)?;
    if node.clock().is_simulated() {
        return Err(NodeError::Lockstep);
    }
    // Before anything listens: is it allowed to?
    Access::new(settings.address, settings.port, &settings.token)?;
    let (told, people) = mpsc::unbounded_channel();
    let desk = Desk::new(&node, &settings.base_frame, told)?;
    let log = Log::start()?;
    let mut view = View::new(&node, &settings, people, log)?;
    let (status, published) = watch::channel(Status::default());
    let pages = Pages::default();

    let address = SocketAddr::new(settings.address, settings.port);
    let listen_error = |error| NodeError::Listen { address, error };
    let listener = web::listen(address).map_err(listen_error)?;
    let port = listener.local_addr().map_err(listen_error)?.port();
    let access = Access::new(settings.address, port, &settings.token)?;
    let url = access.url();
    let shared = Shared {
        access,
        desk,
        status: published,
        pages: pages.clone(),
        recording: view.log.address(),
        viewer: WebViewerData::load(None)?,
    };
    let mut server = Server::start(listener, shared).map_err(NodeError::Server)?;
    tracing::info!("open {url} in a browser");

    let clouds = node.subscribe::<PointCloud2>("target/points", Qos::reliable(2))?;
    let mut ticks = node.clock().interval(TICK);
    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            error = server.broke() => return Err(NodeError::Server(error)),
            Some(cloud) = clouds.next() => {
                let taken = Time::from(cloud.header.stamp);
                view.plots.cloud_came(node.now().saturating_since(taken));
            }
            _ = ticks.tick() => {
                let mut now = status.borrow().clone();
                view.draw(node.now(), &pages, &mut now);
                status.send_if_modified(|before| {
                    let is_news = *before != now;
                    *before = now;
                    is_news
                });
            }
        }
    }
}

/// All that is drawn.
struct View {
    log: Log,
    /// None where no files are wanted.
    beside: Option<Beside>,
    journal: Journal,
    pictures: Pictures,
    cell: Cell,
    robot: Robot,
    scene: Scene,
    plots: Plots,
    /// Pages that had been opened when all was drawn last.
    pages_before: u64,
    /// Whether a page wanted what was drawn last.
    was_wanted: bool,
}

impl View {
    fn new(
        node: &Node,
        settings: &Settings,
        people: mpsc::UnboundedReceiver<String>,
        log: Log,
    ) -> Result<Self, NodeError> {
        let Settings {
            rate,
            base_frame,
            table,
            rrd,
            ..
        } = settings;
        Ok(Self {
            beside: rrd.then(|| Beside::new(node)).transpose()?,
            journal: Journal::new(node, people)?,
            pictures: Pictures::new(node, *rate, &log)?,
            cell: Cell::new(node, base_frame, *table, &log)?,
            robot: Robot::new(node, base_frame)?,
            scene: Scene::new(node, *table)?,
            plots: Plots::new(node, &log)?,
            pages_before: 0,
            was_wanted: true,
            log,
        })
    }

    /// Draws what has come; without somebody who looks and a file, only what happened is written down.
    fn draw(&mut self, now: Time, pages: &Pages, status: &mut Status) {
        let file_began = match &mut self.beside {
            Some(beside) => beside.follow(&mut self.log),
            None => false,
        };
        self.draw_parts(now, pages, file_began, status);
        pages.draws(self.log.last());
    }

    fn draw_parts(&mut self, now: Time, pages: &Pages, file_began: bool, status: &mut Status) {
        let log = &self.log;
        log.at(now);
        self.journal.listen(now, log, status);
        // A page that has more than it can show gets no more, and misses what the file gets.
        let is_wanted = pages.want_more();
        let misses = is_wanted && !self.was_wanted && log.file().is_some();
        self.was_wanted = is_wanted;
        let is_seen = is_wanted || log.file().is_some();
        log.show(is_wanted);
        self.pictures.draw(now, is_seen, log, status);
        if file_began || misses || pages.ever_opened() != self.pages_before {
            self.pages_before = pages.ever_opened();
            self.robot.draw_anew();
        }
        if is_seen {
            self.plots.draw(now, log);
            self.cell.draw(log);
            self.robot.draw(log);
            self.scene.draw_target(log);
            if let (Some(images), Some(camera)) = (self.pictures.newest(), self.cell.camera()) {
                self.scene.draw_surface(now, images, camera, log);
            }
        }
        log.show(true);
    }
}
