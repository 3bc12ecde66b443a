//! `grasp_anything eval`: whole grasps in the simulated cell, in lockstep, counted.

mod episode;
mod film;
mod gathered;
mod masks;
mod page;
mod summary;

use std::{
    fs,
    path::Path,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    cli::EvalArgs,
    output::{check_writable, print_line},
};

use episode::{Cell, Record};
use gathered::Gathered;
use summary::Summary;

/// Runs the episodes and prints what came of them.
pub(crate) fn run(args: &EvalArgs) -> Result<ExitCode> {
    if args.seed.checked_add(args.episodes.into()).is_none() {
        bail!(
            "--seed {} leaves no room for the seeds of {} episodes",
            args.seed,
            args.episodes
        );
    }
    if args.json.is_some() && args.json == args.report {
        bail!("--json and --report name the same file; give each its own");
    }
    for file in args.json.iter().chain(&args.report) {
        // Better now than after the last episode.
        check_writable(file)?;
    }
    let cell = Cell::new(args)?;
    let start = Instant::now();
    let (records, gathered, end) = run_all(&cell, args)?;
    if records.is_empty() {
        return end.map(|()| ExitCode::SUCCESS);
    }
    // What has been measured is told even where an episode could not be run.
    let summary = Summary::new(args, &records, start.elapsed());
    let printed = print_line(&summary);
    let json = args.json.as_deref();
    let json = json.map_or(Ok(()), |file| write_json(file, &summary));
    let report = args.report.as_deref();
    let report = report.map_or(Ok(()), |file| {
        write(file, &page::page(&summary, &gathered).to_html())
    });
    printed?;
    json?;
    report?;
    end?;
    Ok(ExitCode::SUCCESS)
}

/// Runs all episodes, and says what became of those that could be run, what there is to show of them, and why not all could.
///
/// Several run at a time, each with a graph of its own. What one gives does not depend on the others.
fn run_all(cell: &Cell, args: &EvalArgs) -> Result<(Vec<Record>, Gathered, Result<()>)> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} episodes, {msg}, {eta} left")?;
    let progress = ProgressBar::new(args.episodes.into())
        .with_style(style)
        .with_message("0 lifted to the goal");
    let next = AtomicU32::new(0);
    let records = Mutex::new(Vec::new());
    let gathered = Mutex::new(Gathered::default());
    let work = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= args.episodes {
                return Ok(());
            }
            let seed = args.seed + u64::from(number);
            let (record, seen) = cell
                .run(seed)
                .with_context(|| format!("episode of seed {seed}"))
                .inspect_err(|_| {
                    // The others need not go on.
                    next.store(args.episodes, Ordering::Relaxed);
                })?;
            if let Some(seen) = seen {
                let mut gathered = gathered.lock().unwrap_or_else(PoisonError::into_inner);
                gathered.add(&record, seen);
            }
            let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
            records.push(record);
            let successes = records
                .iter()
                .filter(|record: &&Record| record.success)
                .count();
            progress.set_message(format!("{successes} lifted to the goal"));
            progress.inc(1);
        }
    };
    let end = thread::scope(|scope| {
        let workers: Vec<_> = (0..args.workers.min(args.episodes))
            .map(|_| scope.spawn(work))
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    });
    progress.finish_and_clear();
    let mut records = records.into_inner().unwrap_or_else(PoisonError::into_inner);
    records.sort_by_key(|record| record.seed);
    let gathered = gathered
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    Ok((records, gathered, end))
}

fn write_json(file: &Path, summary: &Summary) -> Result<()> {
    let mut json = serde_json::to_string_pretty(summary)?;
    json.push('\n');
    write(file, &json)
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
