//! The simulated world alone: one control step of the policy on one core.

use anyhow::Result;

use super::{Budget, Measurement, cell};

/// Control rate of the original cell.
const CONTROL_RATE_HZ: f64 = 7.5;

pub(super) fn run(budget: &Budget) -> Result<Vec<Measurement>> {
    let mut world = cell::world()?;
    let mut control_steps = 0.0;
    let runs = budget.time(|| {
        control_steps += 1.0;
        while world.time_s() < control_steps / CONTROL_RATE_HZ {
            world.step();
        }
        Ok(())
    })?;
    Ok(vec![Measurement::new(
        "one control step of physics on one core (robot and 3 objects)",
        runs,
    )?])
}
