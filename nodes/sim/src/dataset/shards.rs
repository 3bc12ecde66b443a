//! Writes the pairs to disk from several threads.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use super::{
    DatasetError, Options,
    pair::{Painter, Pair, Record},
    scene::SceneFactory,
};

/// The metadata file.
#[derive(serde::Serialize)]
struct Meta<'a> {
    format: u32,
    #[serde(flatten)]
    options: &'a Options,
    depth_unit_m: f64,
    background_id: u8,
    robot_id: u8,
    first_object_id: u8,
    shards: Vec<ShardMeta>,
    records: Vec<Record>,
}

#[derive(serde::Serialize)]
struct ShardMeta {
    pairs: u32,
    rgb: String,
    depth: String,
    ids: String,
}

/// The three files of one shard, written at any place from any thread.
struct Shard {
    files: [(PathBuf, File); 3],
    pairs: u32,
}

impl Shard {
    fn create(folder: &Path, index: u32, pairs: u32) -> Result<Self, DatasetError> {
        let open = |kind: &str| {
            let path = folder.join(file_name(kind, index));
            match File::create(&path) {
                Ok(file) => Ok((path, file)),
                Err(source) => Err(DatasetError::Write { path, source }),
            }
        };
        Ok(Self {
            files: [open("rgb")?, open("depth")?, open("ids")?],
            pairs,
        })
    }

    fn write(&self, slot: u32, pair: &Pair) -> Result<(), DatasetError> {
        for ((path, file), bytes) in self.files.iter().zip([&pair.rgb, &pair.depth, &pair.ids]) {
            let offset = u64::from(slot) * bytes.len() as u64;
            file.write_all_at(bytes, offset)
                .map_err(|source| DatasetError::Write {
                    path: path.clone(),
                    source,
                })?;
        }
        Ok(())
    }
}

fn file_name(kind: &str, index: u32) -> String {
    format!("{kind}_{index:03}.bin")
}

/// Generates a dataset into `folder`, which is created; files of the same names are overwritten.
///
/// `progress` is called with the number of finished pairs, from any thread.
///
/// # Errors
/// When the options cannot be rendered, the robot is not the UR5 with the SIH hand, or a file cannot
/// be written. What was written until then stays.
pub fn generate(
    robot: &robot::Model,
    options: &Options,
    folder: &Path,
    progress: &(dyn Fn(u32) + Sync),
) -> Result<(), DatasetError> {
    let factory = SceneFactory::new(robot, *options)?;
    std::fs::create_dir_all(folder).map_err(|source| DatasetError::Write {
        path: folder.to_owned(),
        source,
    })?;
    let shard_pairs = options.shard_pairs.max(1);
    let shards = (0..options.pairs.div_ceil(shard_pairs))
        .map(|index| {
            Shard::create(
                folder,
                index,
                shard_pairs.min(options.pairs - index * shard_pairs),
            )
        })
        .collect::<Result<Vec<_>, _>>()?;
    let next = AtomicU32::new(0);
    let done = AtomicU32::new(0);
    let failed = AtomicBool::new(false);
    let records = Mutex::new(vec![Record::default(); options.pairs as usize]);

    let work = || -> Result<(), DatasetError> {
        let (mut painter, mut pair) = (Painter::default(), Pair::default());
        while !failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= options.pairs {
                break;
            }
            let outcome = painter
                .paint(
                    &factory,
                    options.seed,
                    options.first.wrapping_add(number),
                    &mut pair,
                )
                .and_then(|()| {
                    shards[(number / shard_pairs) as usize].write(number % shard_pairs, &pair)
                });
            if outcome.is_err() {
                failed.store(true, Ordering::Relaxed);
                return outcome;
            }
            let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
            records[number as usize] = pair.record.clone();
            drop(records);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        }
        Ok(())
    };
    let outcomes: Vec<Result<(), DatasetError>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..options.threads.max(1))
            .map(|_| scope.spawn(work))
            .collect();
        handles
            .into_iter()
            .map(|handle| {
                handle
                    .join()
                    .unwrap_or_else(|cause| std::panic::resume_unwind(cause))
            })
            .collect()
    });
    outcomes.into_iter().collect::<Result<(), _>>()?;

    let meta = Meta {
        format: 1,
        options,
        depth_unit_m: 0.001,
        background_id: crate::render::INSTANCE_BACKGROUND,
        robot_id: crate::render::INSTANCE_ROBOT,
        first_object_id: crate::render::INSTANCE_FIRST_OBJECT,
        shards: (0..)
            .zip(&shards)
            .map(|(index, shard)| ShardMeta {
                pairs: shard.pairs,
                rgb: file_name("rgb", index),
                depth: file_name("depth", index),
                ids: file_name("ids", index),
            })
            .collect(),
        records: records.into_inner().unwrap_or_else(PoisonError::into_inner),
    };
    let path = folder.join("meta.json");
    let text = serde_json::to_vec(&meta).map_err(std::io::Error::from);
    text.and_then(|text| std::fs::write(&path, text))
        .map_err(|source| DatasetError::Write { path, source })
}
