//! Log lines: on the standard error stream, or in the log of ROS 2 where this program is built with it.

use std::io::{IsTerminal as _, stderr};

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

/// What nodes log. The viewer's recording server invites other viewers, and tells when it forgets.
const IN_GRAPH: &str = "info,re_grpc_server=warn";

/// Starts logging warnings and errors, or what `filter` or else RUST_LOG lets through, on the standard error stream.
pub(crate) fn start(filter: Option<&str>) -> Result<()> {
    to_stderr(env_filter(filter, "warn")?);
    Ok(())
}

/// Starts logging for nodes: from `info` on, or what `filter` or else RUST_LOG lets through.
pub(crate) fn start_in_graph(filter: Option<&str>) -> Result<()> {
    let filter = env_filter(filter, IN_GRAPH)?;
    #[cfg(not(feature = "ros"))]
    to_stderr(filter);
    #[cfg(feature = "ros")]
    ros::start(filter)?;
    Ok(())
}

fn env_filter(filter: Option<&str>, default: &str) -> Result<EnvFilter> {
    let from_environment = std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let filter = filter.or(from_environment.as_deref()).unwrap_or(default);
    EnvFilter::try_new(filter).with_context(|| format!("cannot read the log filter `{filter}`"))
}

fn to_stderr(filter: EnvFilter) {
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .compact()
        .init();
}

/// The log of ROS 2: console, file and `/rosout`.
#[cfg(feature = "ros")]
mod ros {
    use std::{
        fmt::{Debug, Write as _},
        thread,
    };

    use anyhow::Result;
    use bus::ros::{Severity, log};
    use tracing::{
        Event, Level, Subscriber,
        field::{Field, Visit},
    };
    use tracing_subscriber::{
        EnvFilter, Layer,
        layer::{Context, SubscriberExt as _},
        util::SubscriberInitExt as _,
    };

    pub(super) fn start(filter: EnvFilter) -> Result<()> {
        // It calls an error what is none, such as a message that was taken already; errors it returns as well.
        let filter = filter.add_directive("r2r=off".parse()?);
        tracing_subscriber::registry()
            .with(filter)
            .with(RosLog)
            .init();
        Ok(())
    }

    struct RosLog;

    impl<S: Subscriber> Layer<S> for RosLog {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let severity = match *event.metadata().level() {
                Level::ERROR => Severity::Error,
                Level::WARN => Severity::Warn,
                Level::INFO => Severity::Info,
                _ => Severity::Debug,
            };
            let mut line = Line::default();
            event.record(&mut line);
            // A node's thread has the node's name.
            let thread = thread::current();
            let node = thread.name().filter(|name| name.starts_with('/'));
            log(node.unwrap_or(env!("CARGO_PKG_NAME")), severity, &line.text);
        }
    }

    /// The message, then the fields.
    #[derive(Default)]
    struct Line {
        text: String,
    }

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            // Writing to a string cannot fail.
            if field.name() == "message" {
                self.text.insert_str(0, &format!("{value:?}"));
            } else if !field.name().starts_with("log.") {
                // Others say where in the source a library's own logging stands.
                write!(self.text, " {}={value:?}", field.name()).ok();
            }
        }
    }
}
