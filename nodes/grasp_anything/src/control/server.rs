//! The node `prompt_server`: takes clicks from the control socket and publishes them as the topics that RViz and rqt
//! publish, so that the rest of the graph does not know where a click came from.

use std::{io, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail};
use bus::{Client, Node, ParameterSpec, Publisher, Qos, Subscription};
use clap::ValueEnum as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use msgs::{
    diagnostic_msgs::DiagnosticStatus,
    geometry_msgs::{Point, PointStamped},
    sensor_msgs::{CameraInfo, PointCloud2},
    std_msgs::Header,
    std_srvs::{Trigger, TriggerRequest},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::Mutex,
};

use crate::target::wait_for_cloud;

use super::protocol::{
    Answer, Click, MAX_LINE_BYTES, Record, Request, Service, Target, make_directory, socket_path,
};

/// A client that says nothing for this long is let go.
const LINE_PATIENCE: Duration = Duration::from_secs(2);
/// Clients that are served at the same time; more wait.
const MOST_CLIENTS: usize = 16;
/// How long the segmentation may take to say what it made of a click.
const RESULT_PATIENCE: Duration = Duration::from_secs(5);

/// Serves the control socket until shutdown.
pub(crate) async fn run(node: Node) -> Result<()> {
    let socket = node.parameter::<String>(ParameterSpec::new("socket", String::new()).describe(
        "Path of the control socket; empty: the place where `grasp_anything click` looks for it",
    ))?;
    let path = if socket.get().is_empty() {
        socket_path()?
    } else {
        PathBuf::from(socket.get())
    };
    // One click after the other; a stop waits for none of them.
    let topics = Mutex::new(Topics::new(&node)?);
    let supervisor = Supervisor::new(&node)?;
    let recorder = Recorder::new(&node)?;
    if node.clock().is_simulated() {
        bail!("the control socket needs a clock that runs; use this node in a launch");
    }
    let socket = Socket::bind(path)?;
    tracing::info!("waiting for clicks: grasp_anything click U V");
    let mut clients = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            () = node.shutdown() => return Ok(()),
            accepted = socket.listener.accept(), if clients.len() < MOST_CLIENTS => {
                let (stream, _) = accepted.context("the control socket broke")?;
                clients.push(serve(&node, &topics, &supervisor, &recorder, stream));
            }
            // A client that goes away in the middle is its own affair, not the launch's.
            Some(served) = clients.next() => {
                if let Err(error) = served {
                    tracing::debug!("a client of the control socket left: {error}");
                }
            }
        }
    }
}

/// The listening socket; its file goes when it is dropped.
struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    fn bind(path: PathBuf) -> Result<Self> {
        make_directory(&path)?;
        if std::os::unix::net::UnixStream::connect(&path).is_ok() {
            bail!(
                "another launch is running and has the control socket {}; end it first",
                path.display()
            );
        }
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("cannot remove the stale socket {}", path.display()));
            }
            _ => {}
        }
        let listener =
            UnixListener::bind(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { listener, path })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Nothing is left to do about it at the end, and the next launch removes a stale one.
        std::fs::remove_file(&self.path).ok();
    }
}

async fn serve(
    node: &Node,
    topics: &Mutex<Topics>,
    supervisor: &Supervisor,
    recorder: &Recorder,
    stream: UnixStream,
) -> Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader.take(MAX_LINE_BYTES));
    let mut line = String::new();
    tokio::select! {
        biased;
        read = reader.read_line(&mut line) => { read?; }
        () = node.clock().sleep(LINE_PATIENCE) => bail!("it sent no line"),
    }
    let answer = match Request::parse(&line) {
        Ok(Request::Call { call }) => supervisor.call(call).await,
        Ok(Request::Record { record }) => recorder.ask(record).await,
        Ok(Request::Click(click)) => topics.lock().await.handle(node, &click).await,
        Err(reason) => Answer::refused(reason),
    };
    let mut line = serde_json::to_string(&answer)?;
    line.push('\n');
    writer.write_all(line.as_bytes()).await?;
    Ok(())
}

/// The services of the supervisor.
struct Supervisor {
    clients: Vec<(Service, Client<Trigger>)>,
}

impl Supervisor {
    fn new(node: &Node) -> bus::Result<Self> {
        let clients = Service::value_variants().iter().map(|service| {
            let client = node.client(&format!("supervisor/{}", service.name()))?;
            Ok((*service, client))
        });
        Ok(Self {
            clients: clients.collect::<bus::Result<_>>()?,
        })
    }

    async fn call(&self, service: Service) -> Answer {
        let Some((_, client)) = self.clients.iter().find(|(named, _)| *named == service) else {
            return Answer::refused(format!("there is no service {}", service.name()));
        };
        trigger(client).await
    }
}

/// The services of the recorder.
struct Recorder {
    start: Client<Trigger>,
    stop: Client<Trigger>,
}

impl Recorder {
    fn new(node: &Node) -> bus::Result<Self> {
        Ok(Self {
            start: node.client("recorder/start")?,
            stop: node.client("recorder/stop")?,
        })
    }

    async fn ask(&self, record: Record) -> Answer {
        trigger(match record {
            Record::Start => &self.start,
            Record::Stop => &self.stop,
        })
        .await
    }
}

async fn trigger(client: &Client<Trigger>) -> Answer {
    match client.call(TriggerRequest {}).await {
        Ok(response) if response.success => Answer::done(response.message),
        Ok(response) => Answer::refused(response.message),
        Err(error) => Answer::refused(error.to_string()),
    }
}

/// What a click goes to, and what says what became of it.
struct Topics {
    pixel: Publisher<PointStamped>,
    point: Publisher<PointStamped>,
    camera_info: Subscription<CameraInfo>,
    camera: Option<(Header, [f64; 2])>,
    status: Subscription<DiagnosticStatus>,
    clouds: Subscription<PointCloud2>,
    start: Client<Trigger>,
}

impl Topics {
    fn new(node: &Node) -> bus::Result<Self> {
        Ok(Self {
            pixel: node.publisher("camera/color/image_raw/mouse_click", Qos::reliable(10))?,
            point: node.publisher("clicked_point", Qos::reliable(10))?,
            camera_info: node.subscribe("camera/color/camera_info", Qos::sensor_data())?,
            camera: None,
            status: node.subscribe("segmentation/status", Qos::sensor_data())?,
            clouds: node.subscribe("target/points", Qos::reliable(2))?,
            start: node.client("supervisor/start")?,
        })
    }

    async fn handle(&mut self, node: &Node, request: &Click) -> Answer {
        if let Some(info) = self.camera_info.latest() {
            self.camera = Some((
                info.header.clone(),
                [f64::from(info.width), f64::from(info.height)],
            ));
        }
        // What the segmentation said before this click does not count.
        self.status.latest();
        if let Err(reason) = self.publish(node, &request.target) {
            return Answer::refused(reason);
        }
        let seen = match self.result(node).await {
            Ok(seen) => seen,
            Err(reason) => return Answer::refused(reason),
        };
        if !request.grasp {
            return Answer::done(seen);
        }
        if !wait_for_cloud(node, &self.clouds, RESULT_PATIENCE).await {
            return Answer::refused(format!(
                "{seen}, but no grasp: there is no point cloud of it"
            ));
        }
        match self.start.call(TriggerRequest {}).await {
            Ok(response) if response.success => {
                Answer::done(format!("{seen}; {}", response.message))
            }
            Ok(response) => Answer::refused(format!("{seen}, but no grasp: {}", response.message)),
            Err(error) => Answer::refused(format!("{seen}, but no grasp: {error}")),
        }
    }

    fn publish(&self, node: &Node, target: &Target) -> Result<(), String> {
        let stamp = node.now().into();
        match target {
            Target::Pixel {
                click: [u, v],
                negative,
            } => {
                let (header, [width, height]) =
                    self.camera.as_ref().ok_or("there is no camera image yet")?;
                if !(0.0..*width).contains(u) || !(0.0..*height).contains(v) {
                    return Err(format!(
                        "the pixel ({u}, {v}) is outside of the image of {width} x {height}"
                    ));
                }
                let point = Point {
                    x: *u,
                    y: *v,
                    z: if *negative { 1.0 } else { 0.0 },
                };
                let header = Header {
                    stamp,
                    frame_id: header.frame_id.clone(),
                };
                self.pixel.publish(PointStamped { header, point });
            }
            Target::Point {
                point: [x, y, z],
                frame,
            } => {
                if !node.tf().frames().contains(frame) {
                    return Err(format!(
                        "there is no frame `{frame}`; there are {}",
                        node.tf().frames().join(", ")
                    ));
                }
                let header = Header {
                    stamp,
                    frame_id: frame.clone(),
                };
                self.point.publish(PointStamped {
                    header,
                    point: Point {
                        x: *x,
                        y: *y,
                        z: *z,
                    },
                });
            }
        }
        Ok(())
    }

    /// What the segmentation says of the click: in the second status from now at the latest, as one frame may be
    /// under way already.
    async fn result(&self, node: &Node) -> Result<String, String> {
        let deadline = node.now() + RESULT_PATIENCE;
        let mut last = None;
        for _ in 0..2 {
            tokio::select! {
                biased;
                status = self.status.next() => {
                    let is_answer = status.as_ref().is_some_and(|status| status.value("refused").is_some());
                    last = status;
                    if is_answer {
                        break;
                    }
                }
                () = node.clock().sleep_until(deadline) => break,
            }
        }
        let status =
            last.ok_or("the segmentation says nothing; is it running, and does the camera?")?;
        let value = |key| status.value(key).unwrap_or("unknown");
        if let Some(prompt) = status.value("refused") {
            return Err(format!("{prompt}, {}", value("reason")));
        }
        match status.message.as_str() {
            "tracking" => Ok(format!(
                "tracking it: {} px, score {}",
                value("area_px"),
                value("score")
            )),
            other => Err(format!(
                "nothing to track there ({other}): {}",
                value("reason")
            )),
        }
    }
}
