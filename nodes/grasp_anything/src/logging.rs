//! Log lines on the standard error stream.

use std::io::{IsTerminal as _, stderr};

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

/// Starts logging what `filter` lets through; where it is not given, what RUST_LOG or else `default` does.
pub(crate) fn start(filter: Option<&str>, default: &str) -> Result<()> {
    let from_environment = std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let filter = filter.or(from_environment.as_deref()).unwrap_or(default);
    let filter = EnvFilter::try_new(filter)
        .with_context(|| format!("cannot read the log filter `{filter}`"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .compact()
        .init();
    Ok(())
}
