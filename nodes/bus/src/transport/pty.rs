//! A pseudo-terminal that stands in for a serial device.

use rustix::{
    fd::OwnedFd,
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};
use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::unix::pipe,
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// Owns the pair and the link to its device; removes the link when dropped.
#[derive(Debug)]
pub(super) struct PtyListener {
    master: OwnedFd,
    /// Kept open so that the line stays up while nobody else has the device open.
    _device: OwnedFd,
    link: PathBuf,
    device_path: PathBuf,
    free: Arc<Semaphore>,
}

impl PtyListener {
    pub(super) fn open(link: &Path) -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let device_path =
            PathBuf::from(OsStr::from_bytes(ptsname(&master, Vec::new())?.as_bytes()));
        let device = rustix::fs::open(
            &device_path,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        // Raw: every byte passes as it is, as on a servo bus.
        let mut mode = tcgetattr(&device)?;
        mode.make_raw();
        tcsetattr(&device, OptionalActions::Now, &mode)?;
        rustix::io::ioctl_fionbio(&master, true)?;
        replace_link(&device_path, link)?;
        Ok(Self {
            master,
            _device: device,
            link: link.into(),
            device_path,
            free: Arc::new(Semaphore::new(1)),
        })
    }

    /// The line's stream, once nobody else has it.
    pub(super) async fn accept(&mut self) -> io::Result<PtyStream> {
        let Ok(permit) = Arc::clone(&self.free).acquire_owned().await else {
            // The semaphore is ours and never closed.
            return std::future::pending().await;
        };
        Ok(PtyStream {
            reader: pipe::Receiver::from_owned_fd_unchecked(self.master.try_clone()?)?,
            writer: pipe::Sender::from_owned_fd_unchecked(self.master.try_clone()?)?,
            _permit: permit,
        })
    }
}

impl Drop for PtyListener {
    fn drop(&mut self) {
        // Somebody else may have put their own link there by now.
        if std::fs::read_link(&self.link).is_ok_and(|target| target == self.device_path) {
            std::fs::remove_file(&self.link).ok();
        }
    }
}

/// Puts the link in place of an older link; anything else at that path is left alone and an error.
fn replace_link(device: &Path, link: &Path) -> io::Result<()> {
    if let Ok(metadata) = std::fs::symlink_metadata(link) {
        if !metadata.is_symlink() {
            let reason = "a file that is no link is at this path; choose another path";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
        }
        std::fs::remove_file(link)?;
    }
    std::os::unix::fs::symlink(device, link)
}

/// The device's side of the line.
///
/// The halves are tokio's pipe ends, which are no more than non-blocking reads and writes of a descriptor in the event
/// loop: all that a pseudo-terminal needs too.
#[derive(Debug)]
pub(super) struct PtyStream {
    reader: pipe::Receiver,
    writer: pipe::Sender,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for PtyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(context, buffer)
    }
}

impl AsyncWrite for PtyStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(context)
    }
}
