//! The side of `grasp_anything click` and `grasp_anything call`.

use std::{
    io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use super::protocol::{Answer, MAX_LINE_BYTES, Request, socket_path};

/// A running launch answers within the time that a few camera frames take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sends `request` to the running launch and waits for its answer.
pub(crate) fn send(request: &Request) -> Result<Answer> {
    let path = socket_path().context("cannot tell where the control socket is")?;
    let mut stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            bail!(
                "nothing is running that could take it; start it first, for example with\n\n    \
             grasp_anything launch launch/sim.launch"
            )
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot connect to {}", path.display()));
        }
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream
        .write_all(line.as_bytes())
        .context("the running launch does not listen")?;
    let mut answer = String::new();
    BufReader::new(stream.take(MAX_LINE_BYTES))
        .read_line(&mut answer)
        .context("the running launch does not answer; is its camera running?")?;
    if answer.is_empty() {
        bail!("the launch ended before it answered");
    }
    serde_json::from_str(&answer)
        .context("the running launch answered something else; is it of this version?")
}
