//! `grasp_anything record`: has the running launch write down all that happens.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail};

use crate::{
    cli::RecordArgs,
    control::{Record, Request, send},
    output::print_line,
};

/// Starts the recording, waits for Ctrl-C or for the time to pass, and ends it.
pub(crate) fn run(args: &RecordArgs) -> Result<ExitCode> {
    let ask = |record| -> Result<()> {
        let answer = send(&Request::Record { record })?;
        if !answer.ok {
            bail!("{}", answer.message);
        }
        Ok(print_line(answer.message)?)
    };
    ask(Record::Start)?;
    if args.seconds.is_none() {
        print_line("Ctrl-C ends it.")?;
    }
    wait(args.seconds.map(Duration::from_secs_f64)).context("the recording goes on")?;
    ask(Record::Stop)?;
    Ok(ExitCode::SUCCESS)
}

/// Waits for Ctrl-C or SIGTERM, for so long at most.
fn wait(limit: Option<Duration>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let over = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminate.recv() => {}
            () = over => {}
        }
        Ok(())
    })
}
