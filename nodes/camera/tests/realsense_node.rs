//! The RealSense node with a made-up camera in the library's place.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing test may panic"
)]

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bus::{Graph, GraphConfig, Node, NodeSpec, ParameterOverrides, Qos};
use camera::realsense::{
    Camera, Capture, Domain, Filters, FrameTime, HoleFilling, Identity, Settings, Source, Trouble,
    run_with,
};
use camera::{CalibratedIntrinsics, Frame, Intrinsics};
use msgs::diagnostic_msgs::DiagnosticStatus;
use msgs::sensor_msgs::{CameraInfo, Image};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What happens next to the camera.
enum Step {
    Open(Result<(), Trouble>),
    Picture(u8),
    Trouble(Trouble),
    Hang,
}

/// Does what its script says, once somebody listens; when that is over, it has nothing more to show. Those that are made
/// one after the other share the script.
struct Scripted {
    steps: Arc<Mutex<VecDeque<Step>>>,
    ready: Arc<Mutex<Receiver<()>>>,
}

impl Scripted {
    fn next(&self) -> Option<Step> {
        self.steps.lock().unwrap().pop_front()
    }
}

impl Camera for Scripted {
    fn open(&mut self) -> Result<Identity, Trouble> {
        // Later on, when the sender is gone, it returns at once.
        let _ = self.ready.lock().unwrap().recv();
        match self.next() {
            Some(Step::Open(outcome)) => outcome.map(|()| Identity {
                model: "Made-up".into(),
                serial: "0042".into(),
                ..Identity::default()
            }),
            _ => panic!("opened out of turn"),
        }
    }

    fn wait(&mut self, _: Duration) -> Result<Option<Capture>, Trouble> {
        match self.next() {
            Some(Step::Picture(red)) => Ok(Some(Capture {
                frame: Frame {
                    size: (2, 1),
                    rgb: vec![red; 6],
                    depth: Some(vec![red, 1, red, 1]),
                },
                intrinsics: Intrinsics::from_hfov(2, 1, 1.0).unwrap(),
                taken: FrameTime {
                    domain: Domain::Camera,
                    milliseconds: f64::from(red),
                },
            })),
            Some(Step::Trouble(trouble)) => Err(trouble),
            Some(Step::Hang) => loop {
                thread::park();
            },
            Some(Step::Open(_)) => panic!("waited out of turn"),
            None => Ok(None),
        }
    }

    fn close(&mut self) {}

    fn is_finite(&self) -> bool {
        false
    }
}

fn passing(reason: &str) -> Trouble {
    Trouble::Passing(reason.to_owned())
}

#[derive(Default)]
struct Seen {
    reds: Vec<u8>,
    messages: Vec<String>,
}

/// Runs the node until a picture with this red has come; also gives what it was set to, and why it failed.
fn run(
    steps: Vec<Step>,
    last: u8,
    parameters: ParameterOverrides,
) -> (Seen, Vec<Settings>, Option<String>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let settings = Arc::new(Mutex::new(Vec::new()));
    let (sink, given) = (Arc::clone(&seen), Arc::clone(&settings));
    let (listening, ready) = channel();
    let (steps, ready) = (
        Arc::new(Mutex::new(steps.into())),
        Arc::new(Mutex::new(ready)),
    );
    let all = Qos {
        depth: 50,
        ..Qos::sensor_data()
    };
    let mut graph = Graph::new(GraphConfig::default());
    graph
        .add(NodeSpec::new("listener"), move |node: Node| async move {
            let images = node.subscribe::<Image>("camera/color/image_raw", all)?;
            let depth_topic = "camera/aligned_depth_to_color/image_raw";
            let depths = node.subscribe::<Image>(depth_topic, all)?;
            let infos = node.subscribe::<CameraInfo>("camera/color/camera_info", all)?;
            let statuses =
                node.subscribe::<DiagnosticStatus>("camera/status", Qos::reliable(50))?;
            listening.send(())?;
            drop(listening);
            while let Some(image) = images.next().await {
                let (depth, info) = (depths.next().await.unwrap(), infos.next().await.unwrap());
                assert_eq!(depth.header, image.header);
                assert_eq!(info.header, image.header);
                assert_eq!((info.width, info.height), (2, 1));
                assert_eq!(depth.data, [image.data[0], 1, image.data[0], 1]);
                sink.lock().unwrap().reds.push(image.data[0]);
                if image.data[0] == last {
                    break;
                }
            }
            node.request_shutdown();
            while let Some(status) = statuses.try_next() {
                let messages = &mut sink.lock().unwrap().messages;
                if messages.last() != Some(&status.message) {
                    messages.push(status.message.clone());
                }
            }
            Ok::<(), Failure>(())
        })
        .unwrap();
    graph
        .add(
            NodeSpec::new("camera").parameters(parameters),
            move |node: Node| {
                run_with(node, move |settings| {
                    given.lock().unwrap().push(settings);
                    Scripted {
                        steps: Arc::clone(&steps),
                        ready: Arc::clone(&ready),
                    }
                })
            },
        )
        .unwrap();
    let failure = graph.run_realtime().err().map(|error| error.to_string());
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let settings = settings.lock().unwrap().clone();
    (seen, settings, failure)
}

#[test]
fn pictures_go_on_after_the_camera_was_away_and_the_status_says_why() {
    let script = vec![
        Step::Open(Err(passing("no RealSense camera is plugged in"))),
        Step::Open(Ok(())),
        Step::Picture(10),
        Step::Picture(43),
        Step::Trouble(passing("it was unplugged")),
        Step::Open(Ok(())),
        Step::Picture(7),
    ];
    let (seen, settings, failure) = run(script, 7, ParameterOverrides::new());
    assert_eq!(failure, None);
    assert_eq!(seen.reds, [10, 43, 7]);
    let told: Vec<_> = seen.messages.iter().map(String::as_str).collect();
    let expected = [
        "no RealSense camera is plugged in",
        "starting",
        "sends pictures",
        "it was unplugged",
        "starting",
        "sends pictures",
    ];
    let mut told = told.into_iter();
    for message in expected {
        assert!(told.any(|other| other == message), "{message} was not told");
    }
    let defaults = Settings {
        source: Source::Camera { serial: None },
        colour: (1280, 720),
        depth: (848, 480),
        fps: 30,
        filters: Filters {
            decimation: 1,
            ..Filters::default()
        },
    };
    assert_eq!(settings, [defaults]);
}

#[test]
fn a_library_that_hangs_is_left_behind_and_started_anew() {
    let script = vec![
        Step::Open(Ok(())),
        Step::Picture(10),
        Step::Hang,
        Step::Open(Ok(())),
        Step::Picture(11),
    ];
    let (seen, settings, failure) = run(script, 11, ParameterOverrides::new());
    assert_eq!(failure, None);
    assert_eq!(seen.reds, [10, 11]);
    assert_eq!(settings.len(), 2, "made twice");
    let told = seen.messages.join("\n");
    assert!(told.contains("has not returned from waiting"), "{told}");
}

#[test]
fn parameters_reach_the_camera() {
    let parameters = [
        ("serial", "'012345'"),
        ("width", "640"),
        ("depth_height", "240"),
        ("fps", "15"),
        ("decimation", "2"),
        ("temporal", "true"),
        ("hole_filling", "nearest"),
    ];
    let parameters = parameters
        .iter()
        .try_fold(ParameterOverrides::new(), |all, (name, value)| {
            all.set(name, value)
        })
        .unwrap();
    let script = vec![Step::Open(Ok(())), Step::Picture(1)];
    let (_, settings, failure) = run(script, 1, parameters);
    assert_eq!(failure, None);
    let expected = Settings {
        source: Source::Camera {
            serial: Some("012345".into()),
        },
        colour: (640, 720),
        depth: (848, 240),
        fps: 15,
        filters: Filters {
            decimation: 2,
            spatial: false,
            temporal: true,
            hole_filling: Some(HoleFilling::Nearest),
        },
    };
    assert_eq!(settings, [expected]);
}

#[test]
fn what_lasts_and_what_panics_ends_the_node_with_the_reason() {
    let lasting = Trouble::Lasting("cannot play none.bag: no such file".into());
    let (_, _, failure) = run(vec![Step::Open(Err(lasting))], 0, ParameterOverrides::new());
    assert!(failure.unwrap().contains("cannot play none.bag"));
    // The made-up camera panics, as a binding may.
    let (_, _, failure) = run(vec![], 0, ParameterOverrides::new());
    assert!(failure.unwrap().contains("without a word"));
}

#[test]
fn calibrated_intrinsics_of_another_camera_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lens.yaml");
    let camera = Intrinsics::from_hfov(2, 1, 1.0).unwrap();
    let mut calibrated = CalibratedIntrinsics {
        serial: "0042".to_owned(),
        camera,
        deviation: [0.0; 9],
        factory: camera,
        replaces_factory: false,
        rms_px: 0.2,
        rms_factory_px: 0.2,
        difference_px: 0.1,
        uncertainty_px: 0.1,
        coverage: 0.9,
        pictures: 20,
    };
    let failure = |calibrated: &CalibratedIntrinsics| {
        std::fs::write(&file, serde_yaml::to_string(calibrated).unwrap()).unwrap();
        let parameters = ParameterOverrides::new()
            .set("intrinsics", file.to_str().unwrap())
            .unwrap();
        let script = vec![Step::Open(Ok(())), Step::Picture(1)];
        run(script, 1, parameters).2
    };
    assert_eq!(failure(&calibrated), None);
    calibrated.serial = "0043".to_owned();
    let told = failure(&calibrated).unwrap();
    assert!(told.contains("0043") && told.contains("0042"), "{told}");
}

#[test]
fn a_camera_is_refused_in_lockstep() {
    let mut graph = Graph::new(GraphConfig::lockstep());
    graph
        .add(NodeSpec::new("camera").ends_graph(), |node: Node| {
            run_with(node, |_| Scripted {
                steps: Arc::default(),
                ready: Arc::new(Mutex::new(channel().1)),
            })
        })
        .unwrap();
    let failure = graph
        .run_lockstep(Some(Duration::from_secs(1)))
        .unwrap_err();
    assert!(failure.to_string().contains("lockstep"), "{failure}");
}
