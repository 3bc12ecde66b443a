//! The camera through librealsense: the only module that talks to it.

mod blocks;

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use bus::Node;
use realsense_rust::config::Config;
use realsense_rust::context::Context;
use realsense_rust::device::Device;
use realsense_rust::frame::{
    ColorFrame, CompositeFrame, DepthFrame, FrameCategory, FrameEx as _, ImageFrame,
};
use realsense_rust::kind::{
    Rs2CameraInfo, Rs2DistortionModel, Rs2Format, Rs2StreamKind, Rs2TimestampDomain,
};
use realsense_rust::pipeline::{ActivePipeline, InactivePipeline, PipelineActivationError};
use realsense_sys as sys;

use super::alignment::ToColour;
use super::camera::{Camera, Capture, Identity, Trouble};
use super::convert::{self, Format, Lens, RawImage};
use super::node::{RealsenseError, run_with};
use super::parameters::{Settings, Source};
use super::stamps::{Domain, FrameTime, Pairing};
use super::usb;
use crate::{Frame, Intrinsics};
use blocks::{Block, blocks};

/// Between two looks for a picture; so much later may it come out.
const POLL_PERIOD: Duration = Duration::from_millis(2);

/// Runs the node until shutdown, or until the end of a recording that does not loop.
pub async fn run(node: Node) -> Result<(), RealsenseError> {
    run_with(node, Library::new).await
}

/// The cameras that librealsense finds.
pub fn cameras() -> Result<Vec<Identity>, String> {
    let context = Context::new().map_err(|error| error.to_string())?;
    let devices = context.query_devices(HashSet::new());
    Ok(devices.iter().map(identity).collect())
}

/// A camera or a recording, through librealsense.
#[derive(Debug)]
pub struct Library {
    settings: Settings,
    context: Option<Context>,
    session: Option<Session>,
}

/// What there is while the camera is open.
#[derive(Debug)]
struct Session {
    pipeline: ActivePipeline,
    /// The filters, and then what aligns depth to colour.
    blocks: Vec<Block>,
    pairing: Pairing,
    /// Made with the first pair of images.
    to_colour: Option<ToColour>,
}

impl Library {
    /// With these settings; opens nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            context: None,
            session: None,
        }
    }

    /// What the pipeline is to give: which camera or file, which streams.
    fn config(&self, context: &Context) -> Result<Config, Trouble> {
        let mut config = Config::new();
        match &self.settings.source {
            Source::Recording { file, repeats } => {
                check_recording(file)?;
                let given = config.enable_device_from_file(file, *repeats);
                given.map_err(|error| unreadable(file, &error.to_string()))?;
                stream(&mut config, Rs2StreamKind::Color, (0, 0), Rs2Format::Any, 0)?;
                stream(&mut config, Rs2StreamKind::Depth, (0, 0), Rs2Format::Any, 0)?;
            }
            Source::Camera { serial } => {
                let serial = choose(context, serial.as_deref())?;
                let serial = CString::new(serial).map_err(lasting)?;
                config.enable_device_from_serial(&serial).map_err(passing)?;
                let Settings {
                    colour, depth, fps, ..
                } = self.settings;
                stream(
                    &mut config,
                    Rs2StreamKind::Color,
                    colour,
                    Rs2Format::Rgb8,
                    fps,
                )?;
                stream(
                    &mut config,
                    Rs2StreamKind::Depth,
                    depth,
                    Rs2Format::Z16,
                    fps,
                )?;
            }
        }
        Ok(config)
    }

    /// Why the pipeline would not start, with what to do.
    fn refusal(&self, error: &anyhow::Error) -> Trouble {
        let unresolved = matches!(
            error.downcast_ref(),
            Some(PipelineActivationError::ConfigCannotBeResolved)
        );
        let Settings {
            colour,
            depth,
            fps,
            source,
            ..
        } = &self.settings;
        match source {
            Source::Recording { file, .. } if unresolved => unreadable(
                file,
                "it is no recording of librealsense, or holds no colour or no depth",
            ),
            Source::Recording { file, .. } => unreadable(file, &error.to_string()),
            Source::Camera { .. } if unresolved => Trouble::Passing(format!(
                "the camera does not offer colour of {}x{} with depth of {}x{} pixels at {fps} images a second as it is \
                 connected{}; set width, height, depth_width, depth_height and fps to what it offers",
                colour.0,
                colour.1,
                depth.0,
                depth.1,
                if usb::cameras().iter().all(usb::UsbCamera::is_fast) {
                    ""
                } else {
                    " (by USB 2: use a USB 3 port and the camera's own cable)"
                }
            )),
            Source::Camera { .. } => {
                Trouble::Passing(format!("the camera does not start: {error}"))
            }
        }
    }
}

impl Camera for Library {
    fn open(&mut self) -> Result<Identity, Trouble> {
        let context = match self.context.take() {
            Some(context) => context,
            None => Context::new().map_err(passing)?,
        };
        let config = self.config(&context);
        let pipeline = InactivePipeline::try_from(&context).map_err(passing);
        self.context = Some(context);
        let pipeline = pipeline?
            .start(Some(config?))
            .map_err(|error| self.refusal(&error))?;
        let identity = identity(pipeline.profile().device());
        self.session = Some(Session {
            pipeline,
            blocks: blocks(&self.settings.filters)?,
            pairing: Pairing::default(),
            to_colour: None,
        });
        Ok(identity)
    }

    fn wait(&mut self, limit: Duration) -> Result<Option<Capture>, Trouble> {
        let is_recording = matches!(self.settings.source, Source::Recording { .. });
        let Some(session) = &mut self.session else {
            return Err(Trouble::Passing("the camera is not open".to_owned()));
        };
        // Its own `wait` would, when the camera is gone, look for it for up to 15 s, and take it from whoever else does.
        let until = Instant::now() + limit;
        loop {
            match session.pipeline.poll().map_err(passing)? {
                Poll::Ready(set) => {
                    let captured = session.capture(set, is_recording)?;
                    if captured.is_some() {
                        return Ok(captured);
                    }
                }
                Poll::Pending if Instant::now() >= until => return Ok(None),
                Poll::Pending => thread::sleep(POLL_PERIOD),
            }
        }
    }

    fn close(&mut self) {
        self.session = None;
    }

    fn is_finite(&self) -> bool {
        matches!(
            self.settings.source,
            Source::Recording { repeats: false, .. }
        )
    }
}

impl Session {
    fn capture(
        &mut self,
        set: CompositeFrame,
        is_recording: bool,
    ) -> Result<Option<Capture>, Trouble> {
        let (Some(colour), Some(depth)) = (first::<ColorFrame>(&set), first::<DepthFrame>(&set))
        else {
            return Ok(None);
        };
        let rate = f64::from(colour.stream_profile().framerate());
        let (number, colour_ms, depth_ms) =
            (colour.frame_number(), colour.timestamp(), depth.timestamp());
        if !self.pairing.is_new_pair(number, colour_ms, depth_ms, rate) {
            return Ok(None);
        }
        let domain = match colour.timestamp_domain() {
            // A recording's is the computer's of then.
            _ if is_recording => Domain::Camera,
            Rs2TimestampDomain::HardwareClock => Domain::Camera,
            Rs2TimestampDomain::SystemTime | Rs2TimestampDomain::GlobalTime => Domain::Computer,
        };
        let to_colour = match self.to_colour.take() {
            Some(known) => known,
            None => to_colour(&colour, &depth)?,
        };
        drop((colour, depth));

        let set = self
            .blocks
            .iter_mut()
            .try_fold(set, |set, block| block.process(set))?;
        let (Some(colour), Some(depth)) = (first::<ColorFrame>(&set), first::<DepthFrame>(&set))
        else {
            return Err(Trouble::Passing(
                "librealsense has lost an image while it aligned depth to colour".to_owned(),
            ));
        };
        let rgb = raw(&colour)?.to_rgb().map_err(lasting)?;
        let millimetres = to_colour.millimetres(&raw(&depth)?).map_err(lasting)?;
        self.to_colour = Some(to_colour);
        let intrinsics = intrinsics(&colour)?;
        Ok(Some(Capture {
            frame: Frame {
                size: (intrinsics.width, intrinsics.height),
                rgb,
                depth: Some(millimetres),
            },
            intrinsics,
            taken: FrameTime {
                domain,
                milliseconds: colour_ms,
            },
        }))
    }
}

/// The image of this kind in a set.
fn first<F>(set: &CompositeFrame) -> Option<F>
where
    F: TryFrom<NonNull<sys::rs2_frame>> + FrameCategory,
{
    set.frames_of_type().into_iter().next()
}

/// The image in the library's memory.
fn raw<K>(frame: &ImageFrame<K>) -> Result<RawImage<'_>, Trouble>
where
    ImageFrame<K>: FrameCategory + realsense_rust::frame::FrameEx,
{
    let format = match frame.stream_profile().format() {
        Rs2Format::Rgb8 => Format::Rgb8,
        Rs2Format::Bgr8 => Format::Bgr8,
        Rs2Format::Rgba8 => Format::Rgba8,
        Rs2Format::Bgra8 => Format::Bgra8,
        Rs2Format::Z16 => Format::Z16,
        other => {
            return Err(Trouble::Lasting(format!(
                "images of the format {other:?} are not supported; colour has to be RGB8 and depth Z16"
            )));
        }
    };
    #[allow(
        unsafe_code,
        reason = "realsense-rust gives pixels one by one, or a pointer"
    )]
    // SAFETY: librealsense says that the image has so many bytes there, which live as long as the frame.
    let data = unsafe {
        let start = ptr::from_ref(frame.get_data()).cast::<u8>();
        std::slice::from_raw_parts(start, frame.get_data_size())
    };
    Ok(RawImage {
        width: frame.width(),
        height: frame.height(),
        stride: frame.stride(),
        format,
        data,
    })
}

fn intrinsics(colour: &ColorFrame) -> Result<Intrinsics, Trouble> {
    let figures = colour.stream_profile().intrinsics().map_err(passing)?;
    let lens = match figures.distortion().model {
        Rs2DistortionModel::None => Lens::Pinhole,
        Rs2DistortionModel::BrownConrady => Lens::BrownConrady,
        Rs2DistortionModel::BrownConradyModified | Rs2DistortionModel::BrownConradyInverse => {
            Lens::ModifiedBrownConrady
        }
        Rs2DistortionModel::FThetaFisheye | Rs2DistortionModel::KannalaBrandt => Lens::Fisheye,
    };
    let side = |length: usize| u32::try_from(length).map_err(lasting);
    convert::intrinsics(
        (side(figures.width())?, side(figures.height())?),
        (figures.fx(), figures.fy()),
        (figures.ppx(), figures.ppy()),
        lens,
        figures.distortion().coeffs,
    )
    .map_err(lasting)
}

fn to_colour(colour: &ColorFrame, depth: &DepthFrame) -> Result<ToColour, Trouble> {
    let extrinsics = depth
        .stream_profile()
        .extrinsics(colour.stream_profile())
        .map_err(passing)?;
    let unit = depth.depth_units().map_err(passing)?;
    let (rotation, translation) = (extrinsics.rotation(), extrinsics.translation());
    ToColour::new(&intrinsics(colour)?, unit, rotation, translation).map_err(lasting)
}

fn passing(error: impl ToString) -> Trouble {
    Trouble::Passing(error.to_string())
}

fn lasting(error: impl ToString) -> Trouble {
    Trouble::Lasting(error.to_string())
}

fn check_recording(file: &Path) -> Result<(), Trouble> {
    match std::fs::File::open(file).and_then(|opened| opened.metadata()) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(unreadable(file, "it is not a file")),
        Err(error) => Err(unreadable(file, &error.to_string())),
    }
}

fn unreadable(file: &Path, reason: &str) -> Trouble {
    Trouble::Lasting(format!("cannot play {}: {reason}", file.display()))
}

fn stream(
    config: &mut Config,
    kind: Rs2StreamKind,
    (width, height): (u32, u32),
    format: Rs2Format,
    fps: u32,
) -> Result<(), Trouble> {
    config
        .enable_stream(
            kind,
            None,
            width as usize,
            height as usize,
            format,
            fps as usize,
        )
        .map_err(lasting)?;
    Ok(())
}

/// The serial number of the camera that is wanted.
fn choose(context: &Context, wanted: Option<&str>) -> Result<String, Trouble> {
    let devices = context.query_devices(HashSet::new());
    let mut serials: Vec<_> = devices
        .iter()
        .map(|device| identity(device).serial)
        .collect();
    let trouble = match (serials.as_slice(), wanted) {
        ([], _) => usb::why_absent(&usb::cameras()),
        (_, Some(wanted)) if serials.iter().any(|serial| serial == wanted) => {
            return Ok(wanted.to_owned());
        }
        (others, Some(wanted)) => format!(
            "the camera {wanted} is not plugged in; there is {}",
            others.join(", ")
        ),
        ([_], None) => return Ok(serials.remove(0)),
        (several, None) => format!(
            "several cameras are plugged in; set serial (camera_serial with real.launch) to one of {}",
            several.join(", ")
        ),
    };
    Err(Trouble::Passing(trouble))
}

fn identity(device: &Device) -> Identity {
    let info = |kind| {
        let text = device.info(kind).map(CStr::to_string_lossy);
        text.unwrap_or_default().into_owned()
    };
    Identity {
        model: info(Rs2CameraInfo::Name),
        serial: info(Rs2CameraInfo::SerialNumber),
        firmware: info(Rs2CameraInfo::FirmwareVersion),
        usb: info(Rs2CameraInfo::UsbTypeDescriptor),
    }
}
