//! Renders training data for segmentation: see `sim::dataset` for what and in which format.
//!
//! `render_dataset --out DIR --frames 1000 --seed 1 --objects mix --layout mix`

use std::{path::PathBuf, time::Instant};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use sim::dataset::{self, Appearance, Layout, ObjectSource, Options};

/// Renders pairs of frames with exact instance ids for training and measuring segmentation.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder to write to; it is created.
    #[arg(long)]
    out: PathBuf,
    /// Number of frame pairs.
    #[arg(long, default_value_t = 100)]
    frames: u32,
    /// Number of the first pair, to continue a dataset elsewhere.
    #[arg(long, default_value_t = 0)]
    first: u32,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Width of the frames in pixels.
    #[arg(long, default_value_t = 640)]
    width: u32,
    /// Height of the frames in pixels.
    #[arg(long, default_value_t = 360)]
    height: u32,
    /// Threads; 0 means as many as the machine has.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Pairs in each file.
    #[arg(long, default_value_t = 500)]
    shard: u32,
    /// Which objects; test objects appear with `test` only.
    #[arg(long, value_enum, default_value_t = Objects::Mix)]
    objects: Objects,
    /// How many objects in a scene.
    #[arg(long, value_enum, default_value_t = Count::Mix)]
    layout: Count,
    /// Camera, light, surroundings and noise; by default `standard` for test objects, else `mix`.
    #[arg(long, value_enum)]
    appearance: Option<Look>,
    /// Folder that holds urdf/ur5_sih.urdf.
    #[arg(long, default_value = ".")]
    root: PathBuf,
    /// Also write the first pairs as PNG pictures, this many.
    #[arg(long, default_value_t = 0)]
    preview: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Objects {
    Train,
    Test,
    Random,
    Mix,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Count {
    Single,
    Clutter3,
    Clutter5,
    Mix,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Look {
    Standard,
    Random,
    Mix,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let look = arguments
        .appearance
        .unwrap_or(if arguments.objects == Objects::Test {
            Look::Standard
        } else {
            Look::Mix
        });
    let options = Options {
        width: arguments.width,
        height: arguments.height,
        pairs: arguments.frames,
        first: arguments.first,
        seed: arguments.seed,
        threads: match arguments.threads {
            0 => std::thread::available_parallelism().map_or(1, Into::into),
            count => count,
        },
        shard_pairs: arguments.shard,
        objects: match arguments.objects {
            Objects::Train => ObjectSource::Train,
            Objects::Test => ObjectSource::Test,
            Objects::Random => ObjectSource::Random,
            Objects::Mix => ObjectSource::Mix,
        },
        layout: match arguments.layout {
            Count::Single => Layout::Single,
            Count::Clutter3 => Layout::Clutter3,
            Count::Clutter5 => Layout::Clutter5,
            Count::Mix => Layout::Mix,
        },
        appearance: match look {
            Look::Standard => Appearance::Standard,
            Look::Random => Appearance::Random,
            Look::Mix => Appearance::Mix,
        },
    };
    let robot = robot::Model::from_file(arguments.root.join("urdf/ur5_sih.urdf"))
        .context("give the folder that holds urdf/ as --root")?;
    let start = Instant::now();
    let step = (options.pairs / 20).max(1);
    let rate = |done: u32| f64::from(2 * done) / start.elapsed().as_secs_f64();
    dataset::generate(&robot, &options, &arguments.out, &|done| {
        if done % step == 0 {
            eprintln!(
                "{done} of {} pairs, {:.0} frames/s",
                options.pairs,
                rate(done)
            );
        }
    })?;
    println!(
        "{} pairs of {}x{} in {} at {:.0} frames/s",
        options.pairs,
        options.width,
        options.height,
        arguments.out.display(),
        rate(options.pairs)
    );
    preview(&arguments, &options)
}

/// Writes the first pairs as pictures: both frames side by side, below them depth and ids.
fn preview(arguments: &Arguments, options: &Options) -> anyhow::Result<()> {
    let (width, height) = (options.width as usize, options.height as usize);
    let count = arguments
        .preview
        .min(options.pairs)
        .min(options.shard_pairs) as usize;
    if count == 0 {
        return Ok(());
    }
    let read = |kind: &str| {
        let path = arguments.out.join(format!("{kind}_000.bin"));
        std::fs::read(&path).with_context(|| format!("cannot read back {}", path.display()))
    };
    let (rgb, depth, ids) = (read("rgb")?, read("depth")?, read("ids")?);
    for pair in 0..count {
        let mut picture = image::RgbImage::new(2 * options.width, 3 * options.height);
        for frame in 0..2 {
            for y in 0..height {
                for x in 0..width {
                    let at = ((pair * 2 + frame) * height + y) * width + x;
                    let byte = |list: &[u8], k: usize| list.get(k).copied().unwrap_or(0);
                    let colour = [0, 1, 2].map(|k| byte(&rgb, 3 * at + k));
                    let mm = u16::from_le_bytes([byte(&depth, 2 * at), byte(&depth, 2 * at + 1)]);
                    let near = if mm == 0 {
                        [60, 0, 0]
                    } else {
                        [255 - (mm / 8).min(255) as u8; 3]
                    };
                    let id = byte(&ids, at);
                    let paint = if id == 0 {
                        [0; 3]
                    } else {
                        [
                            id.wrapping_mul(97),
                            id.wrapping_mul(57),
                            id.wrapping_mul(201),
                        ]
                    };
                    for (row, value) in [colour, near, paint].into_iter().enumerate() {
                        let (px, py) = ((frame * width + x) as u32, (row * height + y) as u32);
                        picture.put_pixel(px, py, image::Rgb(value));
                    }
                }
            }
        }
        picture.save(arguments.out.join(format!("preview_{pair:03}.png")))?;
    }
    Ok(())
}
