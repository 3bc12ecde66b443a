//! `grasp_anything bench`: how long each stage takes, each beside an alternative measured in the same run.

mod bus;
mod cell;
mod click;
mod cloud;
mod measure;
mod physics;
mod render;
mod whole_loop;

use std::{fs, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail};

use crate::{
    cli::BenchArgs,
    output::print,
    report::{Align, Table},
};

pub(crate) use measure::{Budget, Measurement};

/// A group of measurements: its name, and what takes them.
type Group = (&'static str, fn(&Budget) -> Result<Vec<Measurement>>);

const GROUPS: &[Group] = &[
    ("click", click::run),
    ("cloud", cloud::run),
    ("bus", bus::run),
    ("loop", whole_loop::run),
    ("render", render::run),
    ("physics", physics::run),
];

/// Measures and prints a table; with `--json` also writes the figures.
pub(crate) fn run(args: &BenchArgs) -> Result<ExitCode> {
    if !(0.01..=600.0).contains(&args.seconds) {
        bail!(
            "--seconds must be between 0.01 and 600, not {}",
            args.seconds
        );
    }
    let budget = Budget::new(Duration::from_secs_f64(args.seconds));
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| name.contains(only));
    let mut measurements = Vec::new();
    for (name, run) in GROUPS.iter().filter(|(name, _)| wanted(name)) {
        eprintln!("measuring {name} ...");
        measurements.extend(run(&budget).with_context(|| format!("cannot measure {name}"))?);
    }
    if measurements.is_empty() {
        let names: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
        bail!("nothing is called that; there are {}", names.join(", "));
    }
    print(table(&measurements))?;
    if let Some(file) = &args.json {
        let json = serde_json::to_string_pretty(&measurements)?;
        fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(measurements: &[Measurement]) -> Table {
    let mut table = Table::new(&[
        ("what", Align::Left),
        ("p50 ms", Align::Right),
        ("p99 ms", Align::Right),
        ("runs", Align::Right),
        ("aim", Align::Left),
    ]);
    for measurement in measurements {
        for row in measurement.rows() {
            table.row(row);
        }
    }
    table
}
