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
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, unix::AsyncFd},
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// Owns the pair and the link to its device; removes the link when dropped.
#[derive(Debug)]
pub(super) struct PtyListener {
    master: Arc<AsyncFd<OwnedFd>>,
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
            master: Arc::new(AsyncFd::new(master)?),
            _device: device,
            link: link.into(),
            device_path,
            free: Arc::new(Semaphore::new(1)),
        })
    }

    pub(super) async fn accept(&mut self) -> PtyStream {
        let Ok(permit) = Arc::clone(&self.free).acquire_owned().await else {
            // The semaphore is ours and never closed.
            return std::future::pending().await;
        };
        PtyStream {
            master: Arc::clone(&self.master),
            _permit: permit,
        }
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
#[derive(Debug)]
pub(super) struct PtyStream {
    master: Arc<AsyncFd<OwnedFd>>,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for PtyStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.master.poll_read_ready(context))?;
            let room = buffer.initialize_unfilled();
            if let Ok(result) =
                guard.try_io(|master| Ok(rustix::io::read(master.get_ref(), &mut *room)?))
            {
                buffer.advance(result?);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for PtyStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.master.poll_write_ready(context))?;
            if let Ok(result) =
                guard.try_io(|master| Ok(rustix::io::write(master.get_ref(), bytes)?))
            {
                return Poll::Ready(result);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
