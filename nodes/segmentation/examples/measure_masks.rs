//! Measures the segmenter as the nodes run it, on pairs of frames that `render_dataset` (crate `sim`) wrote:
//!
//! ```text
//! cargo run --release -p segmentation --example measure_masks -- \
//!     [--pairs N] [--threads N] [--json FILE] MANIFEST TEST_FOLDER
//! ```
//!
//! TEST_FOLDER holds one folder of shards for each set. Each set is measured with depth and from colour alone;
//! `models/train/segmenter/card.py` makes the model card of FILE.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use inference::ModelOptions;
use segmentation::{Frame, Gates, Mask, Prediction, Prompt, Segmenter, TrackStatus, Tracker};
use serde::{Deserialize, Serialize, Serializer};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str =
    "usage: measure_masks [--pairs N] [--threads N] [--json FILE] MANIFEST TEST_FOLDER";
/// Visible pixels from which an object is asked for.
const LEAST_AREA: usize = 100;
/// Visible sizes in pixels that are told apart.
const AREAS: [(usize, usize); 4] = [(100, 300), (300, 1000), (1000, 3000), (3000, 1_000_000)];
/// From this far away in pixels the robot leaves an object's outline alone.
const CLEAR_PX: usize = 3;
/// A click on the table stays this far from anything else, in pixels.
const TABLE_PX: usize = 8;
/// Score from which the node takes a click, by default.
const LEAST_SCORE: f64 = 0.4;
/// Time between the frames of a pair as the tracker hears it: one frame of the camera.
const ELAPSED: Duration = Duration::from_millis(133);

fn main() -> ExitCode {
    match Options::read(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure_masks: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    manifest: PathBuf,
    folder: PathBuf,
    pairs: usize,
    threads: usize,
    json: Option<PathBuf>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let (mut pairs, mut threads, mut json, mut paths) = (usize::MAX, 1, None, Vec::new());
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{argument} needs a value; {USAGE}"))
            };
            match argument.as_str() {
                "--pairs" => pairs = count(&argument, &value()?)?,
                "--threads" => threads = count(&argument, &value()?)?,
                "--json" => json = Some(PathBuf::from(value()?)),
                "-h" | "--help" => return Err(USAGE.into()),
                option if option.starts_with('-') => {
                    return Err(format!("unknown option {option}; {USAGE}").into());
                }
                path => paths.push(PathBuf::from(path)),
            }
        }
        let [manifest, folder] = <[PathBuf; 2]>::try_from(paths)
            .map_err(|given| format!("two paths are needed, {} given; {USAGE}", given.len()))?;
        Ok(Self {
            manifest,
            folder,
            pairs,
            threads,
            json,
        })
    }
}

fn count(option: &str, text: &str) -> Result<usize, Failure> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("{option} takes a number from 1, not {text:?}").into()),
        Ok(number) => Ok(number),
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let mut folders = Vec::new();
    let reading = |error| format!("{}: {error}", options.folder.display());
    for entry in fs::read_dir(&options.folder).map_err(reading)? {
        let path = entry.map_err(reading)?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    if folders.is_empty() {
        return Err(format!("{}: no folder of shards in it", options.folder.display()).into());
    }
    let sets = folders
        .iter()
        .map(|folder| Set::open(folder, options.pairs))
        .collect::<Result<Vec<_>, _>>()?;
    // One model for each thread, each on one core: frames do not wait for each other.
    let one = ModelOptions {
        threads: Some(1),
        ..ModelOptions::default()
    };
    let mut segmenters = (0..options.threads)
        .map(|_| Segmenter::load(&options.manifest, &one))
        .collect::<Result<Vec<_>, _>>()?;

    println!("{}", line("set", &COLUMNS.map(str::to_owned)));
    let mut figures = Ordered(Vec::new());
    for set in &sets {
        for with_depth in [true, false] {
            let seen = measure(set, with_depth, &mut segmenters)?;
            let name = format!(
                "{}/{}",
                set.name,
                if with_depth { "depth" } else { "colour" }
            );
            let row = Figures::of(&seen);
            println!("{}", line(&name, &row.cells()));
            figures.0.push((name, row));
        }
    }
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&Measured { sets: figures })? + "\n";
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Shares the pairs of a set out to the segmenters; what was seen comes back in the order of the pairs.
fn measure(set: &Set, with_depth: bool, segmenters: &mut [Segmenter]) -> Result<Seen, Failure> {
    let share = set.places.len().div_ceil(segmenters.len()).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = segmenters
            .iter_mut()
            .zip(set.places.chunks(share))
            .map(|(segmenter, places)| {
                scope.spawn(move || {
                    let mut seen = Seen::default();
                    for place in places {
                        let frames = set.pair(place)?;
                        measure_pair(&frames, with_depth, segmenter, place.seed, &mut seen)?;
                    }
                    Ok::<_, Failure>(seen)
                })
            })
            .collect();
        let mut all = Seen::default();
        for worker in workers {
            let seen = worker.join().map_err(|_| "a thread panicked")??;
            all.clicks.extend(seen.clicks);
            all.nothing.extend(seen.nothing);
            all.tracks.extend(seen.tracks);
        }
        Ok(all)
    })
}

/// What the segmenter answered.
#[derive(Default)]
struct Seen {
    clicks: Vec<Click>,
    nothing: Vec<Nothing>,
    tracks: Vec<Followed>,
}

/// Clicks on one object.
struct Click {
    area: usize,
    /// The robot does not touch it in the picture.
    free: bool,
    one: f64,
    three: f64,
    score: f64,
}

/// A click where no object is.
struct Nothing {
    on_robot: bool,
    score: f64,
}

/// One object in the second frame of a pair.
struct Followed {
    /// Pixels that are visible there.
    visible: usize,
    /// The tracker shows a mask.
    shown: bool,
    iou: f64,
    /// Largest IoU with another object.
    other: f64,
}

fn measure_pair(
    frames: &[View; 2],
    with_depth: bool,
    segmenter: &mut Segmenter,
    seed: u64,
    seen: &mut Seen,
) -> Result<(), Failure> {
    let mut trackers = Vec::new();
    for (turn, view) in (0..).zip(frames) {
        let frame = Frame::new(view.width, view.height, &view.rgb)?;
        segmenter.encode(&if with_depth {
            frame.with_depth(&view.depth)?
        } else {
            frame
        })?;
        for (id, tracker) in trackers.drain(..) {
            seen.tracks.push(follow(segmenter, view, id, tracker)?);
        }
        let robot = view.grown(CLEAR_PX, |id| id == view.robot_id);
        for id in view.objects() {
            let truth = view.mask(|other| other == id);
            let place = interior(&truth).0;
            let mut prompt = Prompt::click(place[0], place[1]);
            let first = segmenter.predict(&prompt)?;
            if turn == 0 {
                trackers.push((id, Tracker::start(segmenter, &first, Gates::default())));
            }
            let mut found = first.clone();
            for _ in 0..2 {
                correct(&mut prompt, &found.mask(), &truth);
                prompt.mask = Some(found.coarse());
                found = segmenter.predict(&prompt)?;
            }
            seen.clicks.push(Click {
                area: truth.area(),
                free: !view.overlaps(id, &robot),
                one: first.mask().iou(&truth),
                three: found.mask().iou(&truth),
                score: first.score(),
            });
        }
        for (on_robot, region) in [
            (false, view.table()),
            (true, view.mask(|id| id == view.robot_id)),
        ] {
            let draw = seed.wrapping_mul(4) + 2 * turn + u64::from(on_robot);
            if let Some([x, y]) = some_pixel(&region, draw) {
                let score = segmenter.predict(&Prompt::click(x, y))?.score();
                seen.nothing.push(Nothing { on_robot, score });
            }
        }
    }
    Ok(())
}

/// Adds a click in the middle of the largest error, on or beside the object; none where there is no error.
fn correct(prompt: &mut Prompt, found: &Mask, truth: &Mask) {
    let (width, height) = truth.size();
    let (missing, missing_depth) = interior(&Mask::from_fn(width, height, |x, y| {
        truth.contains(x, y) && !found.contains(x, y)
    }));
    let (extra, extra_depth) = interior(&Mask::from_fn(width, height, |x, y| {
        found.contains(x, y) && !truth.contains(x, y)
    }));
    if missing_depth.max(extra_depth) == 0 {
        return;
    }
    if missing_depth >= extra_depth {
        prompt.on.push(missing);
    } else {
        prompt.off.push(extra);
    }
}

fn follow(
    segmenter: &mut Segmenter,
    view: &View,
    id: u8,
    tracker: Option<Tracker>,
) -> Result<Followed, Failure> {
    let track = match tracker {
        Some(mut tracker) => Some(tracker.update(segmenter, ELAPSED)?),
        None => None,
    };
    let found = track
        .filter(|track| track.status == TrackStatus::Tracking)
        .and_then(|track| track.prediction);
    let truth = view.mask(|other| other == id);
    let mask = found
        .as_ref()
        .map_or_else(|| Mask::empty(view.width, view.height), Prediction::mask);
    let others = view
        .counts()
        .into_iter()
        .filter(|(other, _)| *other >= view.first_object_id && *other != id);
    let other = others
        .map(|(other, _)| mask.iou(&view.mask(|value| value == other)))
        .fold(0.0, f64::max);
    Ok(Followed {
        visible: truth.area(),
        shown: found.is_some(),
        iou: mask.iou(&truth),
        other,
    })
}

/// The most interior pixel of a mask (chessboard distance, ties to where most of the mask is around) and its
/// distance from the outside; 0 for an empty mask.
fn interior(mask: &Mask) -> ([f64; 2], u32) {
    let (width, height) = mask.size();
    let (columns, rows) = (width as usize + 2, height as usize + 2);
    // A frame of zeros around it: beyond the picture is outside.
    let mut depth = vec![0_u32; columns * rows];
    let inside: Vec<usize> = mask
        .data()
        .iter()
        .enumerate()
        .filter(|(_, on)| **on != 0)
        .map(|(i, _)| (i / width as usize + 1) * columns + i % width as usize + 1)
        .collect();
    for &at in &inside {
        let before = [at - 1, at - columns - 1, at - columns, at - columns + 1];
        depth[at] = 1 + before.iter().map(|i| depth[*i]).min().unwrap_or(0);
    }
    let mut deepest = 0;
    for &at in inside.iter().rev() {
        let after = [at + 1, at + columns - 1, at + columns, at + columns + 1];
        let beyond = after.iter().map(|i| depth[*i]).min().unwrap_or(0);
        depth[at] = depth[at].min(1 + beyond);
        deepest = deepest.max(depth[at]);
    }
    let mut best = ([0.0, 0.0], 0);
    for &at in inside.iter().filter(|at| depth[**at] == deepest) {
        let (x, y) = ((at % columns - 1) as u32, (at / columns - 1) as u32);
        let around = (y.saturating_sub(7)..=y + 7)
            .flat_map(|v| (x.saturating_sub(7)..=x + 7).map(move |u| (u, v)))
            .filter(|(u, v)| mask.contains(*u, *v))
            .count();
        if around > best.1 {
            best = ([f64::from(x), f64::from(y)], around);
        }
    }
    (best.0, deepest)
}

/// A pixel of a region, the same for the same `draw`.
fn some_pixel(region: &Mask, draw: u64) -> Option<[f64; 2]> {
    // SplitMix64: neighbouring draws land far apart.
    let mut bits = draw.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let chosen = (bits ^ (bits >> 31)).checked_rem(region.area() as u64)? as usize;
    let width = region.size().0 as usize;
    let on = region.data().iter().enumerate().filter(|(_, on)| **on != 0);
    let (at, _) = on.into_iter().nth(chosen)?;
    Some([(at % width) as f64, (at / width) as f64])
}

/// One frame of a pair with the object that each pixel shows.
struct View {
    width: u32,
    height: u32,
    robot_id: u8,
    first_object_id: u8,
    rgb: Vec<u8>,
    depth: Vec<u16>,
    ids: Vec<u8>,
}

impl View {
    fn id(&self, x: u32, y: u32) -> u8 {
        self.ids[y as usize * self.width as usize + x as usize]
    }

    fn mask(&self, wanted: impl Fn(u8) -> bool) -> Mask {
        Mask::from_fn(self.width, self.height, |x, y| wanted(self.id(x, y)))
    }

    /// Every id in the picture with its number of pixels.
    fn counts(&self) -> Vec<(u8, usize)> {
        let mut counts = [0_usize; 256];
        for id in &self.ids {
            counts[usize::from(*id)] += 1;
        }
        (0..=u8::MAX).zip(counts).filter(|(_, n)| *n > 0).collect()
    }

    /// The objects that are asked for.
    fn objects(&self) -> Vec<u8> {
        self.counts()
            .into_iter()
            .filter(|(id, pixels)| *id >= self.first_object_id && *pixels >= LEAST_AREA)
            .map(|(id, _)| id)
            .collect()
    }

    /// Pixels within a square of `reach` pixels around what is `wanted`, row by row.
    fn grown(&self, reach: usize, wanted: impl Fn(u8) -> bool) -> Vec<bool> {
        let width = self.width as usize;
        let (mut across, mut grown) = (vec![false; self.ids.len()], vec![false; self.ids.len()]);
        for (i, _) in self.ids.iter().enumerate().filter(|(_, id)| wanted(**id)) {
            let (x, row) = (i % width, i - i % width);
            across[row + x.saturating_sub(reach)..row + (x + reach + 1).min(width)].fill(true);
        }
        for (i, _) in across.iter().enumerate().filter(|(_, on)| **on) {
            let (x, y) = (i % width, i / width);
            for v in y.saturating_sub(reach)..(y + reach + 1).min(self.height as usize) {
                grown[v * width + x] = true;
            }
        }
        grown
    }

    fn overlaps(&self, id: u8, region: &[bool]) -> bool {
        self.ids.iter().zip(region).any(|(i, on)| *on && *i == id)
    }

    /// What is neither robot nor object nor near to one: the table and what is behind it.
    fn table(&self) -> Mask {
        let taken = self.grown(TABLE_PX, |id| id != 0);
        Mask::from_fn(self.width, self.height, |x, y| {
            !taken[y as usize * self.width as usize + x as usize]
        })
    }
}

/// What `render_dataset` says about its shards.
#[derive(Deserialize)]
struct Meta {
    format: u32,
    width: u32,
    height: u32,
    depth_unit_m: f64,
    robot_id: u8,
    first_object_id: u8,
    shards: Vec<Shard>,
}

#[derive(Deserialize)]
struct Shard {
    pairs: usize,
    rgb: String,
    depth: String,
    ids: String,
}

struct Set {
    name: String,
    folder: PathBuf,
    meta: Meta,
    places: Vec<Place>,
}

/// Where a pair lies.
struct Place {
    shard: usize,
    row: usize,
    /// Number of the pair in the set, from which clicks on nothing are drawn.
    seed: u64,
}

impl Set {
    fn open(folder: &Path, most: usize) -> Result<Self, Failure> {
        let path = folder.join("meta.json");
        let text = fs::read_to_string(&path).map_err(|error| {
            format!(
                "{}: {error}; render_dataset writes such folders",
                path.display()
            )
        })?;
        let meta: Meta = serde_json::from_str(&text)
            .map_err(|error| format!("{} is not understood: {error}", path.display()))?;
        if meta.format != 1 || meta.depth_unit_m != 0.001 {
            return Err(format!(
                "{}: format {} with depth in {} m is not supported, only format 1 in 0.001 m",
                path.display(),
                meta.format,
                meta.depth_unit_m
            )
            .into());
        }
        let rows = meta.shards.iter().enumerate();
        let rows = rows.flat_map(|(shard, listed)| (0..listed.pairs).map(move |row| (shard, row)));
        let places = (0..)
            .zip(rows)
            .take(most)
            .map(|(seed, (shard, row))| Place { shard, row, seed })
            .collect();
        Ok(Self {
            name: folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            folder: folder.to_path_buf(),
            meta,
            places,
        })
    }

    fn pair(&self, place: &Place) -> Result<[View; 2], Failure> {
        let shard = &self.meta.shards[place.shard];
        let pixels = self.meta.width as usize * self.meta.height as usize;
        let read = |file: &str, bytes| self.read(file, 2 * place.row, pixels * bytes);
        let [rgb, depth, ids] = [
            read(&shard.rgb, 3)?,
            read(&shard.depth, 2)?,
            read(&shard.ids, 1)?,
        ];
        let view = |turn: usize| {
            let half =
                |values: &[u8]| values[turn * values.len() / 2..][..values.len() / 2].to_vec();
            View {
                width: self.meta.width,
                height: self.meta.height,
                robot_id: self.meta.robot_id,
                first_object_id: self.meta.first_object_id,
                rgb: half(&rgb),
                depth: half(&depth)
                    .chunks_exact(2)
                    .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                    .collect(),
                ids: half(&ids),
            }
        };
        Ok([view(0), view(1)])
    }

    /// Two frames of `bytes` each from a flat file.
    fn read(&self, file: &str, frame: usize, bytes: usize) -> Result<Vec<u8>, Failure> {
        let path = self.folder.join(file);
        let mut values = vec![0; 2 * bytes];
        File::open(&path)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(frame as u64 * bytes as u64))?;
                file.read_exact(&mut values)
            })
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(values)
    }
}

/// A map that keeps its order in the file.
struct Ordered<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[derive(Serialize)]
struct Measured {
    sets: Ordered<Figures>,
}

/// What one set says; `None` where there was nothing to measure.
#[derive(Serialize)]
struct Figures {
    objects: usize,
    iou_1_click: Option<f64>,
    objects_free: usize,
    iou_1_click_free: Option<f64>,
    iou_3_clicks: Option<f64>,
    iou_1_click_by_area_px: Ordered<Option<f64>>,
    #[serde(rename = "share_1_click_below_0.5")]
    share_below_half: Option<f64>,
    calibration: Option<Calibration>,
    table_click_accepted: Option<f64>,
    table_click_score: Option<f64>,
    robot_click_accepted: Option<f64>,
    robot_click_score: Option<f64>,
    track: TrackFigures,
}

#[derive(Serialize)]
struct Calibration {
    expected_calibration_error: f64,
    table: Vec<Bin>,
}

#[derive(Serialize)]
struct Bin {
    bin: String,
    count: usize,
    mean_score: f64,
    mean_iou: f64,
}

#[derive(Serialize)]
struct TrackFigures {
    objects: usize,
    iou: Option<f64>,
    swapped: Option<f64>,
    lost: Option<f64>,
    gone_objects: usize,
    gone_accepted: Option<f64>,
}

/// Head of the printed table.
const COLUMNS: [&str; 11] = [
    "objects",
    "1 click",
    "free",
    "3 clicks",
    "below 0.5",
    "calib.",
    "tracked",
    "swapped",
    "lost",
    "table",
    "robot",
];

fn line(name: &str, cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("{cell:>10}")).collect();
    format!("{name:<22}{cells}")
}

impl Figures {
    fn of(seen: &Seen) -> Self {
        let clicks = &seen.clicks;
        let nothing = |on_robot| seen.nothing.iter().filter(move |n| n.on_robot == on_robot);
        let accepted = |on_robot| mean(nothing(on_robot).map(|n| share(n.score >= LEAST_SCORE)));
        let score = |on_robot| mean(nothing(on_robot).map(|n| n.score));
        let visible = || seen.tracks.iter().filter(|t| t.visible >= LEAST_AREA);
        let gone = || seen.tracks.iter().filter(|t| t.visible == 0);
        let by_area = AREAS.iter().map(|(low, high)| {
            let inside = clicks.iter().filter(|c| (*low..*high).contains(&c.area));
            (format!("{low}-{high}"), mean(inside.map(|c| c.one)))
        });
        Self {
            objects: clicks.len(),
            iou_1_click: mean(clicks.iter().map(|c| c.one)),
            objects_free: clicks.iter().filter(|c| c.free).count(),
            iou_1_click_free: mean(clicks.iter().filter(|c| c.free).map(|c| c.one)),
            iou_3_clicks: mean(clicks.iter().map(|c| c.three)),
            iou_1_click_by_area_px: Ordered(by_area.collect()),
            share_below_half: mean(clicks.iter().map(|c| share(c.one < 0.5))),
            calibration: Calibration::of(clicks),
            table_click_accepted: accepted(false),
            table_click_score: score(false),
            robot_click_accepted: accepted(true),
            robot_click_score: score(true),
            track: TrackFigures {
                objects: visible().count(),
                iou: mean(visible().map(|t| t.iou)),
                swapped: mean(visible().map(|t| share(t.other > 0.5))),
                lost: mean(visible().map(|t| share(!t.shown))),
                gone_objects: gone().count(),
                gone_accepted: mean(gone().map(|t| share(t.shown))),
            },
        }
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.3}"));
        let percent =
            |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{:.1} %", 100.0 * v));
        let error = self.calibration.as_ref();
        [
            self.objects.to_string(),
            number(self.iou_1_click),
            number(self.iou_1_click_free),
            number(self.iou_3_clicks),
            percent(self.share_below_half),
            number(error.map(|c| c.expected_calibration_error)),
            number(self.track.iou),
            percent(self.track.swapped),
            percent(self.track.lost),
            percent(self.table_click_accepted),
            percent(self.robot_click_accepted),
        ]
    }
}

impl Calibration {
    /// The score against the IoU reached after one click, in tenths.
    fn of(clicks: &[Click]) -> Option<Self> {
        let (mut table, mut error) = (Vec::new(), 0.0);
        for tenth in 0..10_u8 {
            let inside = || {
                clicks
                    .iter()
                    .filter(|c| ((c.score * 10.0) as u8).min(9) == tenth)
            };
            let count = inside().count();
            let (Some(score), Some(iou)) = (
                average(inside().map(|c| c.score)),
                average(inside().map(|c| c.one)),
            ) else {
                continue;
            };
            error += (score - iou).abs() * count as f64 / clicks.len() as f64;
            let edge = |tenth| f64::from(tenth) / 10.0;
            table.push(Bin {
                bin: format!("{:.1}-{:.1}", edge(tenth), edge(tenth + 1)),
                count,
                mean_score: rounded(score, 1e3),
                mean_iou: rounded(iou, 1e3),
            });
        }
        (!clicks.is_empty()).then(|| Self {
            expected_calibration_error: rounded(error, 1e4),
            table,
        })
    }
}

fn share(counts: bool) -> f64 {
    f64::from(u8::from(counts))
}

fn average(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, n), value| (sum + value, n + 1));
    (count > 0).then(|| sum / count as f64)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    average(values).map(|value| rounded(value, 1e4))
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
