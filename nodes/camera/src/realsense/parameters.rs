//! What can be set about the camera.

use std::path::PathBuf;

use bus::{BusError, Node, ParameterSpec};

/// What is wanted of the camera.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where pictures come from.
    pub source: Source,
    /// Width and height of the colour image, and so of the aligned depth, in pixels.
    pub colour: (u32, u32),
    /// Width and height of the depth image before it is aligned, in pixels.
    pub depth: (u32, u32),
    /// Images a second.
    pub fps: u32,
    /// What is done to the depth before it is aligned.
    pub filters: Filters,
}

/// Where pictures come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The camera of this serial number, or the only one.
    Camera {
        /// `None`: the only one that is plugged in.
        serial: Option<String>,
    },
    /// A recording by librealsense, at the pace in which it was made.
    Recording {
        /// The .bag or .db3 file.
        file: PathBuf,
        /// Whether it begins again at its end.
        repeats: bool,
    },
}

/// librealsense's filters of depth, in the order in which they are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filters {
    /// So many pixels by so many become one; 1: off.
    pub decimation: u32,
    /// Smooths within an image and keeps edges.
    pub spatial: bool,
    /// Smooths over time.
    pub temporal: bool,
    /// Fills pixels without depth.
    pub hole_filling: Option<HoleFilling>,
}

/// Where the depth of a pixel that has none comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoleFilling {
    /// From the left neighbour.
    Left,
    /// From the neighbour that is farthest away.
    Farthest,
    /// From the neighbour that is nearest.
    Nearest,
}

impl HoleFilling {
    const NAMES: [(&str, Option<Self>); 4] = [
        ("off", None),
        ("left", Some(Self::Left)),
        ("farthest", Some(Self::Farthest)),
        ("nearest", Some(Self::Nearest)),
    ];
}

impl Settings {
    /// Declares the parameters; the table of the [module](super) has them all.
    pub fn declare(node: &Node) -> Result<Self, BusError> {
        let text = |name: &str, about: &str| {
            node.parameter(ParameterSpec::<String>::new(name, "").describe(about))
        };
        let serial = text("serial", "serial number of the camera; empty: the only one")?;
        let file = text(
            "file",
            "recording to play instead, .bag or .db3; empty: none",
        )?;
        let repeats = node.parameter(
            ParameterSpec::<bool>::new("loop", true).describe("begin a recording again at its end"),
        )?;
        let number = |name: &str, default: i64, range, about: &str| {
            let spec = ParameterSpec::<i64>::new(name, default).describe(about);
            let value = node.parameter(spec.range(range))?.get();
            // The range keeps it within 32 bits.
            Ok::<_, BusError>(u32::try_from(value).unwrap_or_default())
        };
        let size = 1..=4_096;
        let colour = (
            number("width", 1_280, size.clone(), "columns of the colour image")?,
            number("height", 720, size.clone(), "rows of the colour image")?,
        );
        let depth = (
            number(
                "depth_width",
                848,
                size.clone(),
                "columns of the depth image before it is aligned",
            )?,
            number(
                "depth_height",
                480,
                size,
                "rows of the depth image before it is aligned",
            )?,
        );
        let fps = number("fps", 30, 5..=90, "images a second")?;
        let decimation = number(
            "decimation",
            1,
            1..=8,
            "depth filter: so many pixels by so many become one; 1: off",
        )?;
        let on_off = |name: &str, about: &str| {
            let spec = ParameterSpec::<bool>::new(name, false).describe(about);
            Ok::<_, BusError>(node.parameter(spec)?.get())
        };
        let spatial = on_off(
            "spatial",
            "depth filter: smooth within an image, keeping edges",
        )?;
        let temporal = on_off("temporal", "depth filter: smooth over time")?;
        let filling = node.parameter(
            ParameterSpec::<String>::new("hole_filling", "off")
                .describe("depth filter: which neighbour gives a pixel its depth that has none")
                .one_of(HoleFilling::NAMES.map(|(name, _)| name)),
        )?;
        let filling = filling.get();
        let known = HoleFilling::NAMES.iter().find(|(name, _)| *name == filling);
        let given = |text: String| (!text.is_empty()).then_some(text);
        Ok(Self {
            source: match given(file.get()) {
                Some(file) => Source::Recording {
                    file: file.into(),
                    repeats: repeats.get(),
                },
                None => Source::Camera {
                    serial: given(serial.get()),
                },
            },
            colour,
            depth,
            fps,
            filters: Filters {
                decimation,
                spatial,
                temporal,
                hole_filling: known.and_then(|(_, filling)| *filling),
            },
        })
    }
}
