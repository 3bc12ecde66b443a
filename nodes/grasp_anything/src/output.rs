//! Results on the standard output stream.
//!
//! Unlike `println!`, this does not panic when the reader is gone, as in `grasp_anything node --list | head -1`.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write as _, stdout},
};

use anyhow::Error;

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

/// Whether `error` only says that nobody reads the results any more.
pub(crate) fn is_closed_pipe(error: &Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
