//! Results on the standard output stream, and in files.
//!
//! Unlike `println!`, printing does not panic when the reader is gone, as in `grasp_anything node --list | head -1`.

use std::{
    fmt::Display,
    fs::OpenOptions,
    io::{self, ErrorKind, Write as _, stdout},
    path::Path,
};

use anyhow::{Context as _, Error, Result};

/// Prints `text` as it is.
pub(crate) fn print(text: impl Display) -> io::Result<()> {
    let mut stdout = stdout().lock();
    write!(stdout, "{text}")?;
    stdout.flush()
}

/// Prints `text` and ends the line.
pub(crate) fn print_line(text: impl Display) -> io::Result<()> {
    print(format_args!("{text}\n"))
}

/// Says now when `file` cannot be written later, and leaves what is in it.
pub(crate) fn check_writable(file: &Path) -> Result<()> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(())
}

/// Whether `error` only says that nobody reads the results any more.
pub(crate) fn is_closed_pipe(error: &Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
