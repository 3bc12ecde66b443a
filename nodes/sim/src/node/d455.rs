//! The camera of the cell: a D455 at one of its two published mountings.

use super::truth::{self, Truth};
use super::{Parameters, SimError};
use crate::mounting::{self, base_from_camera_link, camera_link_from_optical};
use crate::render::depth_noise::{self, DepthNoise};
use crate::render::effects::ImageEffects;
use crate::render::lens::Lens;
use crate::render::room::Room;
use crate::render::{Camera, Frame, Lighting, Renderer, Visual};
use bus::{Node, Publisher, Qos, Time, convert};
use msgs::diagnostic_msgs::DiagnosticStatus;
use msgs::sensor_msgs::{CameraInfo, Image};
use msgs::std_msgs::Header;
use nalgebra::Isometry3;
use rand::SeedableRng as _;
use rand_pcg::Pcg64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

const OPTICAL_FRAME: &str = "camera_color_optical_frame";

/// Says where the camera is, as a calibration would.
pub(super) fn broadcast_frames(node: &Node, mounting: usize) -> Result<(), SimError> {
    let stamp = node.now();
    for (parent, child, parent_from_child) in [
        ("world", "base_link", Isometry3::identity()),
        ("base_link", "camera_link", base_from_camera_link(mounting)),
        ("camera_link", OPTICAL_FRAME, camera_link_from_optical()),
    ] {
        node.broadcast_static(convert::transform_stamped(
            stamp,
            parent,
            child,
            &parent_from_child,
        ))?;
    }
    Ok(())
}

/// Renders and publishes.
pub(super) struct CameraHead {
    /// As it describes itself.
    camera: Camera,
    /// Where pictures are not those of a pinhole, what makes them of a pinhole's.
    lens: Option<(Lens, Frame)>,
    lighting: Lighting,
    room: Room,
    noise: Option<(DepthNoise, ImageEffects)>,
    rng: Pcg64,
    renderer: Renderer,
    frame: Frame,
    depth_mm: Vec<u16>,
    color: Publisher<Image>,
    depth: Publisher<Image>,
    info: Publisher<CameraInfo>,
    instances: Publisher<Image>,
    stage: bus::StageTimer,
}

/// The state that `sim/truth` is made of, and where it goes.
pub(super) type TruthJob = Option<(Truth, Publisher<DiagnosticStatus>)>;

impl CameraHead {
    pub(super) fn new(node: &Node, parameters: &Parameters) -> Result<Self, SimError> {
        let seed = parameters.seed.unsigned_abs();
        let mut camera =
            mounting::camera(parameters.mounting, parameters.width, parameters.height)?;
        camera.intrinsics.distortion = parameters.distortion;
        let is_plain = parameters.distortion.is_none() && parameters.oversampling == 1;
        let lens = (!is_plain)
            .then(|| Lens::new(&camera.intrinsics, parameters.oversampling))
            .transpose()?;
        let effects = ImageEffects {
            noise: parameters.pixel_noise as f32,
            ..ImageEffects::camera().with_blur(parameters.blur_px as f32)
        };
        Ok(Self {
            camera,
            lens: lens.map(|lens| (lens, Frame::default())),
            lighting: match parameters.lighting_seed {
                0 => Lighting::default(),
                seed => Lighting::randomise(&mut Pcg64::seed_from_u64(seed.unsigned_abs())),
            },
            room: Room::default(),
            noise: parameters
                .sensor_noise
                .then(|| (DepthNoise::d455(), effects)),
            // Another stream than the one that lays out the scene.
            rng: Pcg64::seed_from_u64(seed ^ 0x5eed_cafe),
            renderer: Renderer::default(),
            frame: Frame::default(),
            depth_mm: Vec::new(),
            color: node.publisher("camera/color/image_raw", Qos::reliable(2))?,
            depth: node.publisher("camera/aligned_depth_to_color/image_raw", Qos::reliable(2))?,
            info: node.publisher("camera/color/camera_info", Qos::reliable(2))?,
            instances: node.publisher("sim/instances", Qos::reliable(2))?,
            stage: node.stage("render"),
        })
    }

    /// Takes a picture of the world and publishes it.
    fn capture(&mut self, world: Vec<Visual>, stamp: Time, truth: TruthJob) {
        let timed = self.stage.start();
        let mut visuals = self.room.visuals().to_vec();
        visuals.extend(world);
        match &mut self.lens {
            Some((lens, fine)) => {
                let pinhole = Camera {
                    intrinsics: *lens.pinhole(),
                    ..self.camera
                };
                self.renderer
                    .render(&visuals, &self.lighting, &pinhole, fine);
                lens.develop(fine, &mut self.frame);
            }
            None => self
                .renderer
                .render(&visuals, &self.lighting, &self.camera, &mut self.frame),
        }
        if let Some((truth, publisher)) = truth {
            publisher.publish(truth.into_message(&truth::clickable(&self.frame)));
        }
        match &self.noise {
            Some((depth_noise, effects)) => {
                depth_noise.apply(
                    &self.frame.depth_m,
                    &self.camera.intrinsics,
                    &mut self.rng,
                    &mut self.depth_mm,
                );
                effects.apply(&mut self.frame.rgb, self.frame.width, &mut self.rng);
            }
            None => depth_noise::to_millimetres(&self.frame.depth_m, &mut self.depth_mm),
        }
        drop(timed);
        let header = Header {
            stamp: stamp.into(),
            frame_id: OPTICAL_FRAME.to_owned(),
        };
        let (width, height) = (self.camera.intrinsics.width, self.camera.intrinsics.height);
        if self.instances.subscriber_count() > 0 {
            self.instances.publish(Image {
                header: header.clone(),
                height,
                width,
                encoding: "mono8".into(),
                is_bigendian: 0,
                step: width,
                data: self.frame.instance.clone(),
            });
        }
        // Depth first, so that whoever waits for the colour image finds the rest there.
        self.depth.publish(Image {
            header: header.clone(),
            height,
            width,
            encoding: "16UC1".into(),
            is_bigendian: 0,
            step: width * 2,
            data: self
                .depth_mm
                .iter()
                .flat_map(|depth| depth.to_le_bytes())
                .collect(),
        });
        self.info
            .publish(self.camera.intrinsics.to_camera_info(header.clone()));
        self.color.publish(Image {
            header,
            height,
            width,
            encoding: "rgb8".into(),
            is_bigendian: 0,
            step: width * 3,
            data: self.frame.rgb.clone(),
        });
    }
}

/// What the thread of the camera is asked to do.
type Job = (Vec<Visual>, Time, TruthJob);

/// Takes pictures when it is told to: at once, or on a thread of its own.
pub(super) enum Shutter {
    Inline(Box<CameraHead>),
    Threaded {
        jobs: mpsc::SyncSender<Job>,
        skipped: Arc<AtomicU64>,
    },
}

impl Shutter {
    /// Pictures are taken before [`Shutter::release`] returns, as lockstep needs it.
    pub(super) fn inline(head: CameraHead) -> Self {
        Self::Inline(Box::new(head))
    }

    /// Pictures are taken on a thread that ends with the shutter. Beyond the one picture that
    /// waits, pictures are skipped.
    pub(super) fn threaded(mut head: CameraHead) -> Self {
        let (jobs, queue) = mpsc::sync_channel::<Job>(1);
        std::thread::spawn(move || {
            for (visuals, stamp, truth) in queue {
                head.capture(visuals, stamp, truth);
            }
        });
        Self::Threaded {
            jobs,
            skipped: Arc::default(),
        }
    }

    pub(super) fn release(&mut self, visuals: Vec<Visual>, stamp: Time, truth: TruthJob) {
        match self {
            Self::Inline(head) => head.capture(visuals, stamp, truth),
            Self::Threaded { jobs, skipped } => {
                if jobs.try_send((visuals, stamp, truth)).is_err() {
                    skipped.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Pictures that were skipped because the one before was not done.
    pub(super) fn skipped(&self) -> u64 {
        match self {
            Self::Inline(_) => 0,
            Self::Threaded { skipped, .. } => skipped.load(Ordering::Relaxed),
        }
    }
}
